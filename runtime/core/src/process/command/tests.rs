use proptest::prelude::*;

use super::*;
use crate::process::config::WebRtc;
use crate::process::judge::{Site, judge};
use crate::process::legs::Legs;

fn io(address: &str, options: &[&str]) -> Io {
    let options = options.iter().map(|&option| option.to_owned()).collect();
    Io { id: address.to_owned(), address: address.to_owned(), options, ..Io::default() }
}

fn config(input: Io, output: Io) -> Config {
    Config { id: "p".to_owned(), input: vec![input], output: vec![output], ..Config::default() }
}

fn command(config: &Config, legs: Vec<String>) -> Command {
    let site = Site { data: "/data".to_owned(), ..Site::default() };
    Command::of(config, &judge(config, &site).unwrap(), legs)
}

fn formats() -> String {
    INPUT_FORMATS.join(",")
}

#[test]
fn a_command_has_its_parts_in_order() {
    let webrtc = WebRtc { enabled: true, ..WebRtc::default() };
    let legs = Legs::first(&webrtc).arguments(&webrtc, 5000, 5001);
    let mut config = config(io("/data/a.ts", &["-re"]), io("-", &["-c", "copy", "-f", "null"]));
    config.options = vec!["-y".to_owned()];
    let stored = config.clone();
    let built = command(&config, legs.clone());
    let expected = format!(
        "-nostdin -nostats -progress pipe:1 -y -re -protocol_whitelist file -format_whitelist {} -i file:/data/a.ts \
         -c copy -f null pipe: {}",
        formats(),
        legs.join(" ")
    );
    assert_eq!(built.arguments().join(" "), expected);
    assert_eq!(built.shown(&Secrets::of([&config])).join(" "), expected);
    assert_eq!(config, stored);
    let site = Site { data: "/data".to_owned(), ..Site::default() };
    let probe = Command::probe(&config, &judge(&config, &site).unwrap());
    assert!(probe.arguments().join(" ").ends_with("-i file:/data/a.ts"), "{probe:?}");
}

#[test]
fn what_an_input_may_open_goes_with_its_address() {
    for (address, options, expected) in [
        ("https://a/b.m3u8", &[][..], Some("http,https,httpproxy,tcp,tls,crypto")),
        ("rtmp://a/b", &[], Some("rtmp,tcp")),
        ("srt://a:1", &[], Some("srt")),
        ("testsrc", &["-f", "lavfi"], None),
    ] {
        let built = command(&config(io(address, options), io("-", &["-f", "null"])), Vec::new());
        let options = &built.inputs[0].options;
        let index = options.iter().position(|option| option == "-protocol_whitelist");
        assert_eq!(index.map(|index| options[index + 1].as_str()), expected, "{address}");
    }
    let rtsp = command(&config(io("rtsp://a/1", &[]), io("-", &["-f", "null"])), Vec::new());
    assert!(rtsp.arguments().join(" ").contains("-rtsp_transport tcp -i rtsp://a:554/1"), "{rtsp:?}");
    let to = io("rtsp://b/1", &["-f", "rtsp"]);
    let pushed = command(&config(io("https://a/b", &[]), to), Vec::new());
    assert!(
        pushed.arguments().join(" ").ends_with("-f rtsp -rtsp_transport tcp rtsp://b:554/1"),
        "{pushed:?}"
    );
}

#[test]
fn a_log_says_at_least_what_its_streams_are() {
    for (level, is_raised) in [
        ("quiet", true),
        ("level+warning", true),
        ("16", true),
        ("info", false),
        ("level+info", false),
        ("repeat+verbose", false),
        ("debug", false),
        ("level", false),
        ("48", false),
    ] {
        let mut config = config(io("https://a/b", &[]), io("-", &["-f", "null"]));
        config.options = vec!["-loglevel".to_owned(), level.to_owned()];
        let options = command(&config, Vec::new()).options;
        let levels = options.iter().filter(|option| *option == "-loglevel").count();
        assert_eq!(levels, 1 + usize::from(is_raised), "{level}");
    }
}

#[test]
fn nothing_that_lets_others_in_is_shown() {
    let headers = "Authorization: Basic aGlkZGVuOmhpZGRlbg==\r\nX-Key: anotherone\r\n";
    let mut config = config(
        io(
            "https://me:hunter22@a/b?token=abcdefgh",
            &["-headers", headers, "-cookies", "session=12345678; path=/"],
        ),
        io("rtmp://b/live/streamkey", &["-f", "flv", "-rtmp_conn", "S:password1"]),
    );
    config
        .output
        .push(io("srt://c:9000?mode=caller&passphrase=verysecret&streamid=publish:door", &["-f", "mpegts"]));
    let built = command(&config, Vec::new());
    let secrets = Secrets::of([&config]);
    let shown = built.shown(&secrets);
    assert_eq!(shown.len(), built.arguments().len());
    let said = "Opening 'https://me:hunter22@a/b?token=abcdefgh' with Basic aGlkZGVuOmhpZGRlbg==, anotherone; \
                rtmp://192.0.2.1:1935/live/streamkey by S:password1; 12345678 verysecret publish:door";
    for text in [shown.join(" "), secrets.line(said)] {
        for secret in [
            "hunter22",
            "abcdefgh",
            "aGlkZGVuOmhpZGRlbg",
            "anotherone",
            "12345678",
            "streamkey",
            "password1",
            "verysecret",
            "publish:door",
        ] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
    assert!(shown.join(" ").contains("-headers *** -cookies ***"), "{shown:?}");
    assert!(
        secrets.line(said).starts_with("Opening 'https://a/b?token=***' with Basic ***"),
        "{}",
        secrets.line(said)
    );
    assert_eq!(secrets.line("frame=  1 mode=caller"), "frame=  1 mode=caller");
}

#[test]
fn a_secret_where_a_line_is_cut_is_hidden() {
    let config = config(io("https://a.example/b?token=verysecret", &[]), io("-", &["-f", "null"]));
    let secrets = Secrets::of([&config]);
    for length in 0..5000 {
        let shown = secrets.shown(format!("{}verysecret", "x".repeat(length)).as_bytes());
        assert!(!shown.contains("xv"), "{length}");
    }
}

#[test]
fn what_a_placeholder_brings_in_is_hidden_as_well() {
    let stored = config(io("{rtmp,name=door}", &[]), io("-", &["-f", "null"]));
    let mut filled = stored.clone();
    filled.input[0].address = "rtmp://127.0.0.1:1935/live/door?token=verysecret".to_owned();
    let secrets = Secrets::of([&stored, &filled]);
    assert_eq!(secrets.line("from verysecret"), "from ***");
}

proptest! {
    #[test]
    fn no_secret_gets_through(
        key in "[A-Z]{4,12}", password in "[A-Z]{4,12}", value in "[A-Z]{4,12}", words in "[a-z :/'?&=]{0,30}",
    ) {
        let address = format!("rtmp://user:{password}@a/live/{key}?token={value}");
        let config = config(io(&address, &["-rtmp_playpath", &key]), io("-", &["-f", "null"]));
        let secrets = Secrets::of([&config]);
        let shown = command(&config, Vec::new()).shown(&secrets).join(" ");
        let said = secrets.line(&format!("{words}{address}{words}{key}{words}{password} {value}"));
        for secret in [&key, &password, &value] {
            prop_assert!(!said.contains(secret.as_str()) && !shown.contains(secret.as_str()), "{} in {} {}", secret, said, shown);
        }
    }
}

#[test]
fn a_line_that_was_cut_shows_no_beginning_of_a_secret() {
    let io = |address: &str| Io { address: address.to_owned(), ..Io::default() };
    let config = Config {
        input: vec![io("https://ada:lovelace@a.example/b.m3u8?token=wonderland")],
        output: vec![io("rtmp://c.example/live/streamkey")],
        ..Config::default()
    };
    let secrets = Secrets::of([&config]);
    for (line, shown) in [
        ("it is wonderl…", "it is ***…"),
        ("it is wonderland…", "it is ***…"),
        ("it is stream\u{fffd}…", "it is ***…"),
        ("it is something else", "it is something else"),
        ("Opening 'https://other:pass…", "Opening 'https://***…"),
        ("Opening 'https://d.example/s.ts?token=ab…", "Opening 'https://d.example/s.ts?token=***…"),
        ("Authorization: Basic YWRhOmxvdmVsYWNl", "Authorization: Basic ***"),
        (
            "Opening 'https://e:f@d.example/s.ts?token=ab' for reading",
            "Opening 'https://d.example/s.ts?token=***' for reading",
        ),
    ] {
        assert_eq!(secrets.line(line), shown);
    }
}
