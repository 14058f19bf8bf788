mod options;

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

fn site() -> Site {
    Site { data: "/data".to_owned(), media: vec!["/media".to_owned()], ..Site::default() }
}

fn io(address: &str, options: &[&str]) -> Io {
    let options = options.iter().map(|&option| option.to_owned()).collect();
    Io { id: "x".to_owned(), address: address.to_owned(), options, ..Io::default() }
}

fn config(input: Io, output: Io) -> Config {
    Config { id: "p".to_owned(), input: vec![input], output: vec![output], ..Config::default() }
}

fn input(address: &str, options: &[&str]) -> Result<Way, String> {
    let config = config(io(address, options), io("-", &["-f", "null"]));
    judge(&config, &site()).map(|judged| judged.inputs[0].clone()).map_err(|refusal| refusal.to_string())
}

fn output(address: &str, options: &[&str]) -> Result<Way, String> {
    let config = config(io("https://a/b", &[]), io(address, options));
    judge(&config, &site()).map(|judged| judged.outputs[0].clone()).map_err(|refusal| refusal.to_string())
}

fn kind(way: &Way) -> (&'static str, String) {
    let word = match way {
        Way::Guarded { .. } => "guarded",
        Way::Pinned(_) => "pinned",
        Way::Listening(_) => "listening",
        Way::File { .. } => "file",
        Way::Generated { .. } => "generated",
        Way::Discarded => "discarded",
    };
    (word, way.address())
}

#[test]
fn each_input_is_what_its_address_says() {
    for (address, options, word, canonical) in [
        ("https://u:p@a.example/b.m3u8?c=d", &[][..], "guarded", "https://u:p@a.example/b.m3u8?c=d"),
        ("HTTP://a.example:8080", &[], "guarded", "http://a.example:8080"),
        ("rtmp://a/live/key", &[], "pinned", "rtmp://a:1935/live/key"),
        ("rtmps://a/live/key", &[], "pinned", "rtmps://a:443/live/key"),
        ("rtmp://0.0.0.0:1936/live", &["-listen", "1"], "listening", "rtmp://0.0.0.0:1936/live"),
        (
            "RTSP://user:pa@ss@[2001:db8::1]/1",
            &["-rtsp_transport", "tcp"],
            "pinned",
            "rtsp://user:pa@ss@[2001:db8::1]:554/1",
        ),
        (
            "srt://a:9000?streamid=read:x&passphrase=secret",
            &[],
            "pinned",
            "srt://a:9000?streamid=read:x&passphrase=secret",
        ),
        ("srt://:9000?mode=listener&latency=20", &[], "listening", "srt://:9000?mode=listener&latency=20"),
        ("srt://0.0.0.0:9000", &["-mode", "listener"], "listening", "srt://0.0.0.0:9000"),
        ("udp://@239.1.2.3:5000?fifo_size=1", &[], "listening", "udp://239.1.2.3:5000?fifo_size=1"),
        ("udp://:5000", &[], "listening", "udp://:5000"),
        ("rtp://0.0.0.0:5004", &[], "listening", "rtp://0.0.0.0:5004"),
        ("tcp://a:5", &[], "pinned", "tcp://a:5"),
        ("tcp://0.0.0.0:5?listen", &[], "listening", "tcp://0.0.0.0:5?listen"),
        ("rtsp://0.0.0.0:554/a", &["-rtsp_flags", "+listen"], "listening", "rtsp://0.0.0.0:554/a"),
        ("rtsp://a.example/b", &["-rtsp_flags", "prefer_tcp"], "pinned", "rtsp://a.example:554/b"),
        ("tcp://a:5?listen=0", &[], "pinned", "tcp://a:5?listen=0"),
        ("/media/film.mp4", &["-re", "-stream_loop", "-1"], "file", "file:/media/film.mp4"),
        ("a/./b//c.ts", &[], "file", "file:/data/a/b/c.ts"),
        ("file:/data/c:d.ts", &[], "file", "file:/data/c:d.ts"),
        ("/data/picture-%03d.png", &["-f", "image2"], "file", "file:/data/picture-%03d.png"),
        (
            "testsrc2=size=1280x720:rate=30000/1001",
            &["-f", "lavfi"],
            "generated",
            "testsrc2=size=1280x720:rate=30000/1001",
        ),
        ("anullsrc=r=44100:cl=stereo", &["-re", "-f", "lavfi"], "generated", "anullsrc=r=44100:cl=stereo"),
    ] {
        let way = input(address, options).unwrap_or_else(|error| panic!("{address}: {error}"));
        assert_eq!(kind(&way), (word, canonical.to_owned()), "{address}");
    }
}

#[test]
fn each_output_is_what_its_address_says() {
    for (address, options, word, canonical) in [
        ("-", &["-f", "null"][..], "discarded", "pipe:"),
        ("pipe:1", &["-f", "null"], "discarded", "pipe:"),
        ("rtmp://a/live/key", &["-f", "flv"], "pinned", "rtmp://a:1935/live/key"),
        ("udp://239.1.2.3:5000?ttl=2", &["-f", "mpegts"], "pinned", "udp://239.1.2.3:5000?ttl=2"),
        ("rtp://10.0.0.1:5004", &["-f", "rtp"], "pinned", "rtp://10.0.0.1:5004"),
        ("http://a/up.ts", &["-method", "PUT"], "guarded", "http://a/up.ts"),
        (
            "/data/p.m3u8",
            &["-f", "hls", "-hls_segment_filename", "/data/p_%04d.ts"],
            "file",
            "file:/data/p.m3u8",
        ),
        ("/data/%Y-%m-%d.mp4", &["-strftime", "1"], "file", "file:/data/%Y-%m-%d.mp4"),
        ("film.mp4", &["-y"], "file", "file:/data/film.mp4"),
    ] {
        let way = output(address, options).unwrap_or_else(|error| panic!("{address}: {error}"));
        assert_eq!(kind(&way), (word, canonical.to_owned()), "{address}");
    }
}

#[test]
fn an_input_that_may_not_be_opened_is_refused_by_its_name() {
    for (address, options, words) in [
        ("/outside/a.mp4", &[][..], "a file is allowed in /data and in /media alone"),
        ("file:/outside/a.mp4", &[], "a file is allowed in"),
        ("/database/a.mp4", &[], "a file is allowed in"),
        ("/data", &[], "a file is allowed in"),
        ("/data/../outside", &[], ".. is not allowed"),
        ("../outside", &[], ".. is not allowed"),
        ("/data/a-*.png", &[], "of patterns of files"),
        ("/data/{a,b}.png", &[], "of patterns of files"),
        ("concat:a.ts|b.ts", &[], "concat: is not allowed: it opens other addresses"),
        ("subfile,,start,0,end,9,,:a.ts", &[], "subfile: is not allowed: it opens another address"),
        ("data:,a", &[], "data: is not allowed: it is no place"),
        ("crypto:a.ts", &[], "crypto: is not allowed"),
        ("crypto+https://a/b", &[], "crypto: is not allowed"),
        ("cache:https://a/b", &[], "cache: is not allowed"),
        ("async:a", &[], "async: is not allowed"),
        ("pipe:", &[], "pipe: is not allowed: a process has none"),
        ("tee:a", &[], "tee: is not allowed"),
        ("unix:/a", &[], "unix: is not allowed"),
        ("hls+http://a/b", &[], "hls: is not allowed: write the playlist's own address"),
        ("gopher://a/b", &[], "gopher: is not allowed: those that are, are http, https, rtmp"),
        ("ftp://a/b", &[], "ftp: is not allowed"),
        ("http:a", &[], "it has no host"),
        ("http://", &[], "it has no host and port"),
        ("srt://a", &[], "it has no host and port"),
        ("udp://a", &[], "it has no host and port"),
        ("rtmp://a:0/b", &[], "it has no host and port"),
        ("tls://a:1?cafile=b", &[], "cafile is not allowed in the query of tls:"),
        ("udp://a:1?sources=b", &[], "sources is not allowed in the query of udp:"),
        ("https://a.example/b", &["-listen", "1"], "-listen is for addresses of tcp: and rtmp: alone"),
        ("rtmps://a.example/b", &["-listen", "1"], "-listen is for addresses of tcp: and rtmp: alone"),
        ("tcp://a.example:5", &["-rtsp_flags", "listen"], "-rtsp_flags listen is for inputs of rtsp: alone"),
        ("tcp://a.example:5?listen=00", &[], "listen: it takes 0 or 1"),
        ("tcp://a.example:5?listen", &["-listen", "0"], "listen is there twice"),
        ("tcp://a.example:5?listen=1&listen=0", &[], "listen is there twice"),
        ("tcp://a.example:5?secret", &[], "a part without a value is not allowed in the query of tcp:"),
        ("srt://a.example:5?mode=listener", &["-mode", "caller"], "mode is there twice"),
        ("srt://a.example:5?mode=1", &[], "mode takes caller, listener or rendezvous"),
        ("https://a.example/b", &["-f", "rtsp"], "-f rtsp is for addresses of rtsp: and rtsps: alone"),
        ("udp://239.1.2.3:5000", &["-f", "rtp"], "-f rtp is for addresses of rtp: alone"),
        ("/data/a.ts", &["-f", "rtp"], "-f rtp is for addresses of rtp: alone"),
        ("rtsp://a.example/b", &["-f", "mpegts"], "rtsp: goes with -f rtsp alone"),
        ("https://a/\u{7}", &[], "a character that no address has"),
        ("movie=a.mp4", &["-f", "lavfi"], "the filter movie is not allowed"),
        ("/data/a.m3u8", &["-allowed_extensions", "ALL"], "name files of the usual kinds alone"),
    ] {
        let error = input(address, options).unwrap_err();
        assert!(error.starts_with("input[0].address: ") && error.contains(words), "{address}: {error}");
    }
    assert!(input("https://a/b.m3u8", &["-allowed_extensions", "ALL"]).is_ok());
}

#[test]
fn an_output_that_may_not_be_written_is_refused_by_its_name() {
    for (address, options, words) in [
        ("-", &[][..], "a pipe is allowed with -f null alone"),
        ("pipe:2", &["-f", "mpegts"], "a pipe is allowed with -f null alone"),
        ("/media/a.mp4", &[], "a file is allowed in /data alone"),
        ("/data/../a.mp4", &[], ".. is not allowed"),
        ("[f=flv]rtmp://a/b|/data/c.ts", &[], "tee is not allowed"),
        ("a.ts|b.ts", &[], "tee is not allowed"),
        ("rtsp://a.example/b", &["-f", "rtsp", "-rtsp_flags", "listen"], "-rtsp_flags listen is for inputs"),
        ("http://a.example/b", &["-f", "rtp_mpegts"], "-f rtp_mpegts is for addresses of rtp: alone"),
        ("md5:", &[], "md5: is not allowed"),
        ("icecast://a/b", &[], "icecast: is not allowed"),
    ] {
        let error = output(address, options).unwrap_err();
        assert!(error.starts_with("output[0].address: ") && error.contains(words), "{address}: {error}");
    }
}

#[test]
fn options_of_ffmpeg_as_a_whole_count_for_the_first_input() {
    let mut whole = config(io("movie=a.mp4", &[]), io("-", &["-f", "null"]));
    whole.options = vec!["-f".to_owned(), "lavfi".to_owned()];
    let error = judge(&whole, &site()).unwrap_err().to_string();
    assert_eq!(
        error,
        "input[0].address: the filter movie is not allowed: it opens files, addresses or devices"
    );
    whole.options =
        vec!["-hide_banner".to_owned(), "-loglevel".to_owned(), "level+info".to_owned(), "-y".to_owned()];
    whole.input[0].address = "https://a/b".to_owned();
    assert!(judge(&whole, &site()).is_ok());
}

#[test]
fn a_site_says_what_may_be_opened() {
    let mut site = site();
    site.input = Access::new("", "^rtmp://").unwrap();
    site.output = Access::new("^file:/data/public/", "").unwrap();
    let of = |input: &str, output: &str| {
        judge(&config(io(input, &[]), io(output, &[])), &site).map_err(|refusal| refusal.to_string())
    };
    assert!(of("https://a/b", "public/c.ts").is_ok());
    let error = of("rtmp://a/b", "public/c.ts").unwrap_err();
    assert_eq!(
        error,
        "input[0].address: this server does not allow it (CORE_FFMPEG_ACCESS_INPUT_ALLOW and _BLOCK)"
    );
    let error = of("https://a/b", "c.ts").unwrap_err();
    assert!(error.contains("CORE_FFMPEG_ACCESS_OUTPUT_ALLOW"), "{error}");
}

#[test]
fn a_place_is_known_in_whichever_way_it_is_written_and_whatever_names_it() {
    let mut site = site();
    site.input =
        Access::new("", "^https?://inner\\.example/ ^rtmp://inner\\.example:1935/ ^http://port\\.example:8080/ ^http://\\[2001:db8::1\\]/ secret ^/data/hidden/")
            .unwrap();
    site.output = Access::new("^https://out\\.example/ ^file:/data/", "/hidden/").unwrap();
    let of = |input: Io, output: Io| judge(&config(input, output), &site).is_ok();
    let nowhere = || io("https://out.example/x", &[]);
    for (address, may) in [
        ("https://outer.example/a", true),
        ("HTTPS://INNER.example/a", false),
        ("http://inner.example:80/a", false),
        ("http://inner.example:/a", false),
        ("http://inner.example:0080/a", false),
        ("https://inner.example:00443/a", false),
        ("http://inner.example./a", false),
        ("http://inner.example.:080/a", false),
        ("http://outer.example:0080/a", true),
        ("http://port.example:08080/a", false),
        ("http://port.example./a", true),
        ("http://port.example.:08080/a", false),
        ("http://port.example:8081/a", true),
        ("http://[2001:db8::1]:/a", false),
        ("http://[2001:db8::1]:080/a", false),
        ("http://[2001:db8::2]/a", true),
        ("https://me:pass@inner.example/a", false),
        ("https://outer.example/%73ecret", false),
        ("rtmp://inner.example/live/a", false),
        ("rtmp://inner.example:01935/live/a", false),
        ("rtmp://outer.example/live/a", true),
        ("/data//./hidden/a.mp4", false),
        ("hidden/a.mp4", false),
        ("file:/data/hidden/a.mp4", false),
        ("shown/a.mp4", true),
    ] {
        assert_eq!(of(io(address, &[]), nowhere()), may, "{address}");
    }
    let input = || io("https://outer.example/a", &[]);
    for (address, options, may) in [
        ("https://out.example/x", &[][..], true),
        ("https://out.example@elsewhere.example/x", &[], false),
        ("a.m3u8", &["-hls_segment_filename", "b%d.ts"], true),
        ("a.m3u8", &["-hls_segment_filename", "hidden/b%d.ts"], false),
        ("a.m3u8", &["-hls_segment_filename", "https://out.example/b%d.ts"], true),
        ("a.m3u8", &["-hls_segment_filename", "https://elsewhere.example/b%d.ts"], false),
    ] {
        assert_eq!(of(input(), io(address, options)), may, "{address} {options:?}");
    }
}

#[test]
fn an_endpoint_takes_the_address_that_was_judged() {
    let Ok(Way::Pinned(endpoint)) = input("rtmp://me:pass@a.example/live/key?x=y", &[]) else {
        panic!("an endpoint")
    };
    assert_eq!((endpoint.host.as_str(), endpoint.port), ("a.example", 1935));
    assert_eq!(
        endpoint.at("[2001:db8::1]:1935".parse().unwrap()),
        "rtmp://me:pass@[2001:db8::1]:1935/live/key?x=y"
    );
    assert_eq!(endpoint.at("192.0.2.1:1935".parse().unwrap()), "rtmp://me:pass@192.0.2.1:1935/live/key?x=y");
}

fn in_some_case(text: &'static str) -> impl Strategy<Value = String> {
    proptest::collection::vec(any::<bool>(), text.len()).prop_map(move |upper| {
        let cased = text.chars().zip(upper);
        cased.map(|(c, upper)| if upper { c.to_ascii_uppercase() } else { c }).collect()
    })
}

proptest! {
    #[test]
    fn a_refused_scheme_is_refused_in_whatever_letters(
        scheme in select(vec!["concat", "subfile", "data", "crypto", "cache", "async", "tee", "gopher", "fd"])
            .prop_flat_map(in_some_case),
        rest in "[a-z/:.,]{0,20}",
    ) {
        let address = format!("{scheme}:{rest}");
        let judged = (input(&address, &[]), output(&address, &["-f", "null"]));
        prop_assert!(judged.0.is_err() && judged.1.is_err(), "{:?}", judged);
    }

    #[test]
    fn no_text_is_too_strange(
        address in "([a-zA-Z]{0,5}[:,]/{0,2})?.{0,30}",
        options in proptest::collection::vec("-{0,2}[a-z/_:]{0,12}|.{0,20}", 0..6),
        is_graph: bool,
    ) {
        let mut options: Vec<_> = options.iter().map(String::as_str).collect();
        if is_graph {
            options.extend(["-f", "lavfi"]);
        }
        let _ = (input(&address, &options), output(&address, &options));
    }

    /// Whatever is taken as a file is in one of the directories.
    #[test]
    fn a_file_is_nowhere_else(address in "(file:)?[/.]{0,3}(data|media|outside)?([/.]{1,3}[a-z%]{0,3}){0,4}") {
        if let Ok(Way::File { path }) = input(&address, &[]) {
            prop_assert!(path.starts_with("/data/") || path.starts_with("/media/"), "{}", path);
            prop_assert!(!path.split('/').any(|part| part == ".."), "{}", path);
        }
    }
}
