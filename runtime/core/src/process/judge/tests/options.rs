use super::{input, output};

/// As people write them.
const USUAL: &[&[&str]] = &[
    &["-map", "0:v:0", "-map", "-0:d", "-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-b:v", "4M"],
    &[
        "-maxrate",
        "4500k",
        "-bufsize",
        "9000k",
        "-g",
        "60",
        "-keyint_min",
        "60",
        "-sc_threshold",
        "0",
        "-bf",
        "0",
    ],
    &[
        "-profile:v",
        "baseline",
        "-level",
        "3.1",
        "-pix_fmt",
        "yuv420p",
        "-tune",
        "zerolatency",
        "-r",
        "30000/1001",
    ],
    &["-x264-params", "keyint=60:scenecut=0:nal-hrd=cbr", "-aspect", "16:9", "-ss", "00:00:01.5", "-t", "10"],
    &["-vf", "scale=iw/2:-2,fps=25,format=yuv420p", "-af", "volume=0.5,aresample=async=1:first_pts=0"],
    &["-vf", "drawtext=text='it is, %{localtime}':x=(w-tw)/2:y=10:fontsize=24", "-an", "-sn"],
    &["-filter:a:0", "loudnorm=I=-16:TP=-1.5:LRA=11", "-metadata", "title=http://a/b: c", "-shortest"],
    &[
        "-f",
        "hls",
        "-hls_time",
        "2",
        "-hls_list_size",
        "6",
        "-hls_flags",
        "delete_segments+append_list+temp_file",
    ],
    &[
        "-hls_segment_options",
        "movflags=frag_keyframe",
        "-master_pl_name",
        "main.m3u8",
        "-strftime_mkdir",
        "1",
    ],
    &[
        "-f",
        "segment",
        "-segment_time",
        "10",
        "-segment_list",
        "list.csv",
        "-segment_format_options",
        "movflags=+faststart",
    ],
    &[
        "-f",
        "dash",
        "-adaptation_sets",
        "id=0,streams=v id=1,streams=a",
        "-init_seg_name",
        "init-$RepresentationID$.m4s",
    ],
    &[
        "-bsf:v",
        "h264_mp4toannexb,filter_units=remove_types=6",
        "-movflags",
        "+faststart",
        "-disposition:v:0",
        "default",
    ],
    &[
        "-force_key_frames",
        "expr:gte(t,n_forced*2)",
        "-flags",
        "+global_header",
        "-streamid",
        "0:33",
        "-timecode",
        "00:00:00:00",
    ],
    &["-headers", "Authorization: Basic abc\r\n", "-user_agent", "a/1.0 (b; c)", "-rtmp_live", "live"],
];

#[test]
fn options_that_encoders_and_muxers_need_are_given() {
    for options in USUAL {
        let judged = output("film.mkv", options);
        assert!(judged.is_ok(), "{options:?}: {judged:?}");
    }
}

#[test]
fn options_that_open_something_are_refused_by_their_name() {
    for (options, words) in [
        (
            &["-protocol_whitelist", "file"][..],
            "-protocol_whitelist is not allowed: it is set by this server",
        ),
        (&["-report"], "-report is not allowed: it writes a file"),
        (&["-progress", "x"], "-progress is not allowed"),
        (&["-filter_script:v", "x"], "-filter_script is not allowed: it opens a file"),
        (&["-filter_complex_script", "x"], "-filter_complex_script is not allowed"),
        (&["-/filter_complex", "x"], "it reads its value from a file"),
        (&["-attach", "x"], "-attach is not allowed"),
        (&["-dump_attachment:t", "x"], "-dump_attachment is not allowed"),
        (&["-passlogfile", "x"], "-passlogfile is not allowed"),
        (&["-vstats"], "-vstats is not allowed"),
        (&["-vstats_file", "x"], "-vstats_file is not allowed"),
        (&["-sdp_file", "x"], "-sdp_file is not allowed"),
        (&["-init_hw_device", "x"], "-init_hw_device is not allowed: it opens a device"),
        (&["-http_proxy", "x"], "-http_proxy is not allowed: it goes past the guard"),
        (&["-i", "x"], "-i is not allowed: inputs have a list of their own"),
        (&["x"], "\"x\" is no option: what follows none is taken as an output"),
        (&["-c", "copy", "x.ts"], "output[0].options[2]: \"x.ts\" is no option"),
        (&["-c"], "-c has no value"),
        (&["-unknown", "-report"], "-unknown has no value: \"-report\" is an option"),
        (&["-metadata", "-report"], "-metadata has no value"),
        (&["-"], "is no option"),
        (&["--report"], "is no option"),
        (&["-unknown", "/a"], "-unknown: it takes a plain word or number here"),
        (&["-unknown", "http://a"], "-unknown: it takes a plain word"),
        (&["-unknown", ".."], "-unknown: it takes a plain word"),
        (&["-f", "tee"], "-f: the format \"tee\" is not among"),
        (&["-f", "whip"], "-f: the format \"whip\" is not among"),
        (&["-f", "sdl"], "-f: the format \"sdl\" is not among"),
        (&["-x264-params", "stats=a"], "-x264-params: stats is not allowed: it opens a file"),
        (&["-x264opts", "crf=20:QPFILE=a"], "-x264opts: qpfile is not allowed"),
        (&["-x265-params", "csv=a"], "csv is not allowed"),
        (&["-x264-params", "crf=/a"], "crf takes a plain word"),
        (&["-x264-params", "st\\ats=a"], "nothing in it may be escaped"),
        (
            &["-hls_segment_filename", "/media/a.ts"],
            "-hls_segment_filename: a file is allowed in /data alone",
        ),
        (&["-hls_segment_filename", "https:///a%d.ts"], "-hls_segment_filename: it has no host"),
        (&["-segment_list", "http:a.example/b.csv"], "-segment_list: it has no host"),
        (&["-segment_list", "http,//a.example:/b.csv"], "-segment_list: it has no host"),
        (&["-segment_list", "http://a.example:0/b.csv"], "-segment_list: it has no host and port"),
        (&["-segment_list", "pipe:1"], "-segment_list: pipe: is not allowed here"),
        (&["-hls_segment_options", "protocol_whitelist=file"], "-protocol_whitelist is not allowed"),
        (&["-var_stream_map", "v:0,name:../a"], "-var_stream_map: it takes the name of a file beside"),
        (&["-vf", "subtitles=a.srt"], "-vf: the filter subtitles is not allowed"),
    ] {
        let error = output("film.mkv", options).unwrap_err();
        assert!(error.starts_with("output[0].options[") && error.contains(words), "{options:?}: {error}");
    }
}

#[test]
fn options_of_inputs_that_decide_what_is_opened_are_exact() {
    for (options, words) in [
        (&["-f", "concat"][..], "the format \"concat\" is not among"),
        (&["-f", "x11grab"], "the format \"x11grab\" is not among"),
        (&["-pattern_type", "glob"], "patterns of files are not allowed"),
        (&["-rtsp_transport", "udp_multicast"], "it takes tcp alone"),
        (&["-rtsp_transport", "udp"], "it takes tcp alone"),
        (&["-listen", "00"], "-listen: it takes 0 or 1"),
        (&["-listen", "0.0"], "-listen: it takes 0 or 1"),
        (&["-listen", "2"], "-listen: it takes 0 or 1"),
        (&["-listen", "0", "-listen", "1"], "-listen: it is there twice"),
        (&["-listen:v", "1"], "-listen takes no streams"),
        (&["-rtsp_flags", "no-listen"], "-rtsp_flags: it takes filter_src, listen"),
        (&["-rtsp_flags", "listen-listen"], "-rtsp_flags: it takes filter_src, listen"),
    ] {
        let error = input("https://a/b", options).unwrap_err();
        assert!(error.starts_with("input[0].options[") && error.contains(words), "{options:?}: {error}");
    }
}
