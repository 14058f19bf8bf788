use clap::CommandFactory;

use super::*;

const BOTH: Families = Families { v4: true, v6: true };

fn run(args: &[&str]) -> Run {
    let all = ["understudy-runtime", "run"].iter().chain(args);
    match Cli::try_parse_from(all).unwrap().command {
        Command::Run(run) => *run,
        Command::TestPicture(_) | Command::Confine(_) => unreachable!(),
    }
}

fn at(address: &str) -> SocketAddr {
    address.parse().unwrap()
}

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn without_tokens_nothing_listens_beyond_loopback() {
    let local = run(&[]);
    assert_eq!(local.http_addresses(BOTH).len(), 2);
    let all = [
        local.http_addresses(BOTH),
        local.admin_addresses(BOTH),
        local.devtools_addresses(BOTH),
        local.rtmp_addresses(BOTH),
        local.rtmps_addresses(BOTH),
    ];
    assert!(all.concat().iter().all(|address| address.ip().is_loopback()));
    assert!(local.media_address(BOTH).ip().is_loopback());
    let open = run(&["--access", "open"]);
    assert_eq!(open.http_addresses(BOTH), [at("[::]:10001")]);
    assert_eq!(open.media_address(BOTH), at("[::]:10003"));
    assert_eq!(open.rtmp_addresses(BOTH), [at("[::]:1935")]);
}

#[test]
fn a_machine_of_one_family_listens_and_announces_in_it() {
    for (family, everywhere, loopback) in [
        (Families { v4: true, v6: false }, "0.0.0.0:10001", "127.0.0.1:10001"),
        (Families { v4: false, v6: true }, "[::]:10001", "[::1]:10001"),
    ] {
        assert_eq!(run(&["--access", "open"]).http_addresses(family), [at(everywhere)]);
        assert_eq!(run(&[]).http_addresses(family), [at(loopback)]);
        assert_eq!(run(&[]).announced(family), [at(loopback).ip()]);
    }
}

#[test]
fn media_is_announced_at_every_address_of_a_pod() {
    let pod: [IpAddr; 2] = ["10.0.0.7".parse().unwrap(), "fd00::7".parse().unwrap()];
    assert_eq!(run(&["--pod-ip", "10.0.0.7,fd00::7"]).announced(BOTH), pod);
    assert_eq!(run(&["--pod-ip", "10.0.0.7,fd00::7", "--announce", "fd00::7"]).announced(BOTH), pod[1..]);
}

#[test]
fn media_goes_over_tcp_too_unless_told_otherwise() {
    assert_eq!(run(&[]).media_tcp_port, None);
    assert_eq!(run(&["--media-tcp-port", "443"]).media_tcp_port, Some(TcpPort::Port(443)));
    assert_eq!(run(&["--media-tcp-port", "off"]).media_tcp_port, Some(TcpPort::Off));
}

#[test]
fn hosts_are_names_without_blanks_ports_and_dots_at_their_end() {
    let hosts = run(&["--allowed-hosts", "Demo.example.com, b.example."]).allowed_hosts;
    assert_eq!(hosts, ["demo.example.com", "b.example"]);
    for wrong in ["", "b.example:10001", "a,,b", "http://b.example"] {
        let error = Cli::try_parse_from(["understudy-runtime", "run", "--allowed-hosts", wrong]).unwrap_err();
        assert!(error.to_string().contains("--allowed-hosts"), "{wrong}: {error}");
    }
}

#[test]
fn private_urls_are_allowed_by_network_and_nonsense_is_refused_by_name() {
    assert_eq!(run(&[]).allow_private_urls, AllowPrivate::None);
    assert_eq!(run(&["--allow-private-urls", "*"]).allow_private_urls, AllowPrivate::All);
    let wrong = ["understudy-runtime", "run", "--allow-private-urls", "10.0.0.0/99"];
    let error = Cli::try_parse_from(wrong).unwrap_err().to_string();
    assert!(error.contains("--allow-private-urls") && error.contains("10.0.0.0/99"), "{error}");
}

#[test]
fn a_camera_mode_that_does_not_exist_is_refused_by_name() {
    let error =
        Cli::try_parse_from(["understudy-runtime", "run", "--camera", "webcam"]).unwrap_err().to_string();
    assert!(error.contains("webcam") && error.contains("v4l2"), "{error}");
}

#[test]
fn a_wrong_value_is_refused_by_its_variable() {
    for (flag, value, variable) in [
        ("--port", "70000", "PORT"),
        ("--media-tcp-port", "70000", "UNDERSTUDY_MEDIA_TCP_PORT"),
        ("--display-number", "-1", "DISPLAY_NUM"),
        ("--camera-width", "0", "VIRTUAL_INPUT_WIDTH"),
        ("--camera-height", "13", "VIRTUAL_INPUT_HEIGHT"),
        ("--camera-frame-rate", "61", "VIRTUAL_INPUT_FRAME_RATE"),
        ("--video-device", "video20", "VIRTUAL_INPUT_VIDEO_DEVICE"),
        ("--audio-sink", "a b", "VIRTUAL_INPUT_AUDIO_SINK"),
        ("--microphone-source", "a\nb", "VIRTUAL_INPUT_MICROPHONE_SOURCE"),
        ("--frame-rate", "21", "FRAME_RATE"),
        ("--max-size-mb", "1001", "MAX_SIZE_MB"),
        ("--output-dir", "", "OUTPUT_DIR"),
        ("--ffmpeg-path", "", "FFMPEG_PATH"),
        ("--rtmp-listen-addr", "", "RTMP_LISTEN_ADDR"),
        ("--rtmps-listen-addr", "1936", "RTMPS_LISTEN_ADDR"),
    ] {
        let asked = ["understudy-runtime", "run", &format!("{flag}={value}")];
        let error = Cli::try_parse_from(asked).unwrap_err().to_string();
        assert!(error.contains(variable), "{error}");
    }
}

#[test]
fn a_certificate_and_its_key_are_set_together() {
    let identity = |args: &[&str]| run(args).rtmp.rtmps_identity();
    assert_eq!(identity(&[]), Ok(None));
    let alone = identity(&["--rtmps-cert-path", "c"]).unwrap_err().to_string();
    assert!(alone.contains("RTMPS_KEY_PATH"), "{alone}");
    assert!(identity(&["--rtmps-key-path", "k"]).is_err());
    assert!(identity(&["--rtmps-cert-path", "c", "--rtmps-key-path", "k"]).unwrap().is_some());
}

#[test]
fn the_speakers_sink_is_never_the_microphones() {
    assert_eq!(run(&["--audio-sink", "audio_output"]).devices.audio_sink, "audio_input");
    assert_eq!(run(&["--audio-sink", "mine"]).devices.audio_sink, "mine");
    assert!(Cli::try_parse_from(["x", "run", "--microphone-source", "audio_output"]).is_err());
}

#[test]
fn the_participant_socket_is_on_loopback_whoever_may_use_http_and_can_be_turned_off() {
    let open = run(&["--access", "open"]);
    assert_eq!(open.participant_addresses(BOTH), [at("127.0.0.1:3001"), at("[::1]:3001")]);
    assert!(run(&["--participant-socket-port", "0"]).participant_addresses(BOTH).is_empty());
    assert_eq!(open.participant.id(None), "participant");
    assert_eq!(open.participant.id(Some("ada-1")), "ada-1");
    assert_eq!(run(&["--participant-id", "ada"]).participant.id(Some("ada-1")), "ada");
}

#[test]
fn a_control_link_without_an_operator_is_refused() {
    let error = Cli::try_parse_from(["understudy-runtime", "run", "--control-link"]).unwrap_err();
    assert!(error.to_string().contains("--operator-address"), "{error}");
}

#[test]
fn the_core_s_addresses_count_where_ours_are_not_named() {
    let core = ["--core-address", ":8080", "--core-rtmp-address", "127.0.0.1:19350"];
    let (alone, both) =
        (run(&core), run(&[&core[..], &["--port", "1", "--rtmp-listen-addr", ":2"]].concat()));
    assert_eq!(alone.http_addresses(BOTH), [at("127.0.0.1:8080"), at("[::1]:8080")]);
    assert_eq!(alone.rtmp_addresses(BOTH), [at("127.0.0.1:19350")]);
    assert_eq!(both.http_addresses(BOTH), [at("127.0.0.1:1"), at("[::1]:1")]);
    assert_eq!(both.rtmp_addresses(BOTH), [at("127.0.0.1:2"), at("[::1]:2")]);
    let webrtc = run(&[
        "--core-webrtc-udp-mux-port",
        "4000",
        "--core-webrtc-public-ip",
        "192.0.2.1",
        "--pod-ip",
        "10.0.0.7",
    ]);
    assert_eq!(webrtc.media_address(BOTH).port(), 4000);
    assert_eq!(webrtc.announced(BOTH), [at("192.0.2.1:0").ip()]);
}
