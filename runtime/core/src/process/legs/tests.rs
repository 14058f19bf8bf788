use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::process::config::{Config, Io};
use crate::process::said::Said;

const WEBRTC: WebRtc = WebRtc { enabled: true, video_pt: 102, audio_pt: 111, force_transcode: false };

fn picture(codec: &str) -> Option<Picture> {
    Some(Picture { codec: codec.to_owned(), pixels: "yuv420p".to_owned(), ..Picture::default() })
}

fn sound(codec: &str, channels: u8) -> Option<Sound> {
    Some(Sound { codec: codec.to_owned(), channels })
}

fn known(format: &str, picture: Option<Picture>, sound: Option<Sound>) -> Known {
    let medium = Medium { format: format.to_owned(), picture, sound };
    Known { inputs: vec![medium], ..Known::default() }
}

/// The legs in the end: each is tried until none is better.
fn settled(known: &Known) -> Legs {
    let mut legs = Legs::first(&WEBRTC);
    for _ in 0..4 {
        match legs.better(known) {
            Some(better) => legs = better.legs,
            None => return legs,
        }
    }
    panic!("no end with {known:?}");
}

fn line(legs: Legs, config: &WebRtc) -> String {
    legs.arguments(config, 49_200, 49_201).join(" ")
}

#[test]
fn copies_are_asked_for_in_the_plans_own_words() {
    let config = WebRtc { enabled: true, ..WebRtc::default() };
    assert_eq!(
        Legs::first(&config).arguments(&config, 49_200, 49_201),
        [
            "-map",
            "0:v:0",
            "-c:v",
            "copy",
            "-payload_type",
            "102",
            "-f",
            "rtp",
            "udp://127.0.0.1:49200?pkt_size=1316",
            "-map",
            "0:a:0?",
            "-c:a",
            "copy",
            "-payload_type",
            "111",
            "-f",
            "rtp",
            "udp://127.0.0.1:49201?pkt_size=1316",
        ]
    );
    let seen = Legs { has_sound: true, ..Legs::first(&config) };
    assert!(line(seen, &config).contains("-map 0:a:0 -c:a copy"), "{seen:?}");
}

#[test]
fn what_is_forced_is_encoded_for_any_browser() {
    let config = WebRtc { force_transcode: true, ..WEBRTC };
    assert_eq!(
        line(Legs::first(&config), &config),
        "-map 0:v:0 -c:v libx264 -preset veryfast -profile:v baseline -pix_fmt yuv420p -tune zerolatency -g 60 \
         -vf crop=trunc(iw/2)*2:trunc(ih/2)*2:0:0 -payload_type 102 -f rtp udp://127.0.0.1:49200?pkt_size=1316 \
         -map 0:a:0? -c:a libopus -b:a 96k -ac 2 -payload_type 111 -f rtp udp://127.0.0.1:49201?pkt_size=1316"
    );
    let forced = Legs::first(&config);
    let playable = known("mpegts", picture("h264"), sound("opus", 2));
    assert_eq!(forced.better(&playable), None);
}

#[test]
fn parameter_sets_are_written_into_the_stream_where_they_are_kept_apart() {
    let annex_b = VideoLeg::Copy { annex_b: true };
    for format in ["flv", "mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"] {
        let legs = settled(&known(format, picture("h264"), None));
        assert_eq!(legs.video, annex_b, "{format}");
        assert!(
            line(legs, &WEBRTC).contains("-c:v copy -bsf:v h264_mp4toannexb -payload_type 102"),
            "{legs:?}"
        );
    }
    let tagged = picture("h264").map(|picture| Picture { tag: "avc1".to_owned(), ..picture });
    assert_eq!(settled(&known("hls", tagged, None)).video, annex_b);
    for address in ["rtmp://a/live/x", "RTMPS://a/live/x", "/data/film.MP4", "https://a/b.mkv?c=d"] {
        assert_eq!(Legs::likely(&WEBRTC, address).video, annex_b, "{address}");
    }
    for address in ["rtsp://a/x", "https://a/b.m3u8", "srt://a:1"] {
        let legs = Legs::likely(&WEBRTC, address);
        assert_eq!(legs, Legs::first(&WEBRTC), "{address}");
    }
}

#[test]
fn each_picture_has_its_leg() {
    let copy = VideoLeg::Copy { annex_b: false };
    let b_frames = Packets { has_b_frames: true, ..Packets::default() };
    let rare = Packets { has_rare_keyframes: true, ..Packets::default() };
    let bare = Packets { lacks_parameter_sets: true, ..Packets::default() };
    for (format, codec, packets, leg) in [
        ("mpegts", Some("h264"), Packets::default(), copy),
        ("rtsp", Some("h264"), Packets::default(), copy),
        ("mpegts", Some("h264"), b_frames, VideoLeg::Encode),
        ("flv", Some("h264"), b_frames, VideoLeg::Encode),
        ("mpegts", Some("h264"), rare, VideoLeg::Encode),
        ("rtsp", Some("h264"), bare, VideoLeg::Encode),
        ("flv", Some("h264"), bare, VideoLeg::Encode),
        ("mpegts", Some("hevc"), Packets::default(), VideoLeg::Encode),
        ("flv", Some("hevc"), Packets::default(), VideoLeg::Encode),
        ("matroska,webm", Some("vp8"), Packets::default(), VideoLeg::Encode),
        ("mpegts", Some("mpeg2video"), Packets::default(), VideoLeg::Encode),
        ("mp3", None, Packets::default(), VideoLeg::None),
    ] {
        let known = Known { packets, ..known(format, codec.and_then(picture), None) };
        assert_eq!(settled(&known).video, leg, "{format} {codec:?} {packets:?}");
    }
    let deep = picture("h264").map(|picture| Picture { pixels: "yuv422p10le".to_owned(), ..picture });
    assert_eq!(settled(&known("mpegts", deep, None)).video, VideoLeg::Encode);
}

#[test]
fn a_file_that_is_played_again_is_encoded_where_its_parameter_sets_cannot_be_written_any_more() {
    let of_version = |version: &str, loops: &[&str]| {
        let mut said = Said::default();
        said.line(&format!("ffmpeg version {version} Copyright"));
        let options = loops.iter().map(|&option| option.to_owned()).collect();
        let config = Config { input: vec![Io { options, ..Io::default() }], ..Config::default() };
        let known = known("mov,mp4,m4a,3gp,3g2,mj2", picture("h264"), None);
        settled(&known.played_as(&said, &config)).video
    };
    let written = VideoLeg::Copy { annex_b: true };
    assert_eq!(of_version("5.1.9-0+deb12u1", &["-re", "-stream_loop", "-1"]), VideoLeg::Encode);
    assert_eq!(of_version("5.1.9-0+deb12u1", &["-stream_loop", "0"]), written);
    assert_eq!(of_version("5.1.9-0+deb12u1", &[]), written);
    assert_eq!(of_version("n9.0.2", &["-stream_loop", "-1"]), written);

    // Whichever version says so.
    let mut said = Said::default();
    said.line("[vost#0:0/copy @ 0x55d0c0ffee00] Error applying bitstream filters to a packet");
    assert!(Known::of(&said, Packets::default()).has_lost_filter);
}

#[test]
fn each_sound_has_its_leg() {
    for (codec, channels, leg) in [
        ("opus", 1, AudioLeg::Copy),
        ("opus", 2, AudioLeg::Copy),
        ("opus", 6, AudioLeg::Encode),
        ("aac", 2, AudioLeg::Encode),
        ("mp3", 1, AudioLeg::Encode),
        ("pcm_s16le", 2, AudioLeg::Encode),
        ("ac3", 6, AudioLeg::Encode),
    ] {
        let legs = settled(&known("mpegts", picture("h264"), sound(codec, channels)));
        assert_eq!(legs.audio, leg, "{codec} {channels}");
    }
    let silent = known("mpegts", picture("h264"), None);
    let first = Legs::first(&WEBRTC);
    assert_eq!(first.words(&silent), ["copy", "none"]);
    assert_eq!(first.words(&Known::default()), ["copy", "copy"]);
}

#[test]
fn without_sound_there_is_no_leg_for_it_until_there_is_some() {
    let silent = known("mpegts", picture("h264"), None);
    for force_transcode in [false, true] {
        let better = Legs::first(&WebRtc { force_transcode, ..WEBRTC }).better(&silent).unwrap();
        assert_eq!(better.legs.audio, AudioLeg::None);
        assert_eq!(better.reasons.sound, "there is no sound");
        assert!(!line(better.legs, &WEBRTC).contains("49201"), "{better:?}");
    }
    let legs = settled(&silent);
    let back = legs.better(&known("mpegts", picture("h264"), sound("aac", 2))).unwrap();
    assert_eq!(back.legs.audio, AudioLeg::Encode);
}

#[test]
fn sound_or_picture_of_another_input_is_taken_from_there() {
    let silent = Medium { format: "rtsp".to_owned(), picture: picture("h264"), sound: None };
    let made = Medium { format: "lavfi".to_owned(), picture: None, sound: sound("pcm_u8", 2) };
    let legs = settled(&Known { inputs: vec![silent.clone(), made.clone()], ..Known::default() });
    assert!(line(legs, &WEBRTC).contains("-map 0:v:0 -c:v copy"), "{legs:?}");
    assert!(line(legs, &WEBRTC).contains("-map 1:a:0 -c:a libopus"), "{legs:?}");
    let legs = settled(&Known { inputs: vec![made, silent], ..Known::default() });
    assert!(line(legs, &WEBRTC).contains("-map 1:v:0 -c:v copy"), "{legs:?}");
}

#[test]
fn what_comes_back_is_taken_again_and_what_is_gone_is_not_missed() {
    let gone = known("flv", None, sound("aac", 2));
    let legs = settled(&gone);
    assert_eq!((legs.video, legs.has_sound), (VideoLeg::None, true));
    assert_eq!(legs.words(&gone), ["none", "transcode"]);
    let back = known("flv", picture("h264"), None);
    let better = legs.better(&back).unwrap();
    assert_eq!((better.legs.video, better.legs.has_sound), (VideoLeg::Copy { annex_b: true }, false));
    assert!(better.reasons.sound.contains("no sound any more"), "{better:?}");
    assert!(!line(better.legs, &WEBRTC).contains("0:a:0"), "{better:?}");
}

#[test]
fn what_is_forced_is_encoded_when_it_comes_back_too() {
    let all = known("mpegts", picture("h264"), sound("opus", 2));
    let forced = Legs::first(&WebRtc { force_transcode: true, ..WEBRTC });
    for gone in [known("mpegts", picture("h264"), None), known("mpegts", None, sound("opus", 2))] {
        let without = forced.better(&gone).unwrap().legs;
        let back = without.better(&all).unwrap();
        assert_eq!((back.legs.video, back.legs.audio), (VideoLeg::Encode, AudioLeg::Encode), "{gone:?}");
        assert!(back.reasons.told().contains("force_transcode"), "{back:?}");
        assert_eq!(back.legs.better(&all), None);
    }
}

#[test]
fn the_reason_of_the_one_outlasts_a_later_change_of_the_other() {
    let with_sound = known("mpegts", picture("h264"), sound("aac", 2));
    let first = Legs::first(&WEBRTC).better(&with_sound).unwrap();
    let packets = Packets { has_b_frames: true, ..Packets::default() };
    let second = first.legs.better(&Known { packets, ..with_sound }).unwrap();
    assert_eq!((first.reasons.picture.as_str(), second.reasons.sound.as_str()), ("", ""));
    let told = Reasons::default().then(first.reasons).then(second.reasons).told();
    assert_eq!(
        told,
        "the picture has B-frames, which browsers do not play by WebRTC; the sound is aac, which browsers do not play by WebRTC"
    );
}

#[test]
fn nothing_is_judged_before_it_is_told() {
    assert_eq!(Legs::first(&WEBRTC).better(&Known::default()), None);
}

proptest! {
    /// A process is not started again and again for them.
    #[test]
    fn there_is_an_end_to_better_legs(
        format in select(vec!["flv", "mpegts", "rtsp", "mov,mp4", "lavfi"]),
        codec in proptest::option::of(select(vec!["h264", "hevc", "vp8", "mpeg2video"])),
        pixels in select(vec!["", "yuv420p", "yuv444p"]),
        heard in proptest::option::of((select(vec!["opus", "aac", "mp3"]), 0_u8..9)),
        has_b_frames: bool,
        lacks_parameter_sets: bool,
        has_rare_keyframes: bool,
        has_lost_filter: bool,
        is_forced: bool,
    ) {
        let picture = codec.map(|codec| Picture { codec: codec.to_owned(), pixels: pixels.to_owned(), ..Picture::default() });
        let known = Known {
            packets: Packets { has_b_frames, lacks_parameter_sets, has_rare_keyframes },
            has_lost_filter,
            ..known(format, picture, heard.and_then(|(codec, channels)| sound(codec, channels)))
        };
        let mut legs = Legs::first(&WebRtc { force_transcode: is_forced, ..WEBRTC });
        let mut rounds = 0;
        while let Some(better) = legs.better(&known) {
            prop_assert_ne!(better.legs, legs);
            legs = better.legs;
            rounds += 1;
            prop_assert!(rounds <= 3, "{:?}", known);
        }
    }
}
