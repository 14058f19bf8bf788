use proptest::prelude::*;

use super::*;
use crate::process::config::Cleanup;

/// All that can be escaped.
const STRANGE: &str = r";:.,-_$\£!^";

fn places() -> Places {
    let text = |text: &str| Some(text.to_owned());
    Places {
        diskfs: text("/data"),
        memfs: None,
        fs: [("disk".to_owned(), "/data".to_owned()), ("odd".to_owned(), STRANGE.to_owned())].into(),
        rtmp: Some(Template {
            text: "rtmp://127.0.0.1:1935/{app}/{name}".to_owned(),
            defaults: [("app".to_owned(), "live".to_owned())].into(),
        }),
    }
}

fn config(address: &str) -> Config {
    let io = Io { id: "in".to_owned(), address: address.to_owned(), ..Io::default() };
    Config { id: "door".to_owned(), reference: "front".to_owned(), input: vec![io], ..Config::default() }
}

fn address(text: &str) -> Result<String, String> {
    let filled = filled(&config(text), &places());
    filled.map(|config| config.input[0].address.clone()).map_err(|refusal| refusal.to_string())
}

#[test]
fn each_stands_for_what_there_is() {
    for (text, filled) in [
        ("{diskfs}/{processid}.ts", "/data/door.ts"),
        ("{fs:disk}/{reference}_{inputid}", "/data/front_in"),
        ("{processid}{processid}", "doordoor"),
        ("{rtmp,name=cam}", "rtmp://127.0.0.1:1935/live/cam"),
        ("{rtmp,name=$processid-$inputid}", "rtmp://127.0.0.1:1935/live/door-in"),
        ("{rtmp,name=E%3dmc^2+x}", "rtmp://127.0.0.1:1935/live/E=mc^2 x"),
        ("{rtmp,name=cam,app=5}", "rtmp://127.0.0.1:1935/5/cam"),
        ("{rtmp,,name=,other=1}", "rtmp://127.0.0.1:1935/live/"),
        ("{rtmp^:,name=a:b}", r"rtmp\\://127.0.0.1\\:1935/live/a\\:b"),
        ("{fs:odd}", STRANGE),
        ("{fs:odd^:}", r";\\:.,-_$\\\£!^"),
        ("{fs:odd^^}", r";:.,-_$\\\£!\\^"),
        (r"{fs:odd^\}", r";:.,-_$\\\£!^"),
    ] {
        assert_eq!(address(text).as_deref(), Ok(filled), "{text}");
    }
}

#[test]
fn what_is_none_stays_as_it_is() {
    for text in [
        "{other}",
        "{fs:odd^:.}",
        "{diskfs^}",
        "{diskfs",
        "{}",
        "{Diskfs}",
        "{ diskfs}",
        "a}b{",
        "{outputid}",
        "{,a=b}",
    ] {
        assert_eq!(address(text).as_deref(), Ok(text), "{text}");
    }
    assert_eq!(address("{{diskfs}}").as_deref(), Ok("{/data}"));
}

#[test]
fn what_there_is_not_is_refused_by_its_name() {
    for (text, words) in [
        ("{srt,name=cam}", "input[0].address: {srt} stands for nothing here: there is no server of SRT"),
        ("{memfs}/a.ts", "input[0].address: {memfs} stands for nothing here"),
        ("{fs:other}/a.ts", "input[0].address: {fs:other} stands for nothing here"),
        ("{rtmp}", "input[0].address: {rtmp} needs name"),
        ("{rtmp,app=1}", "input[0].address: {rtmp} needs name"),
    ] {
        let error = address(text).unwrap_err();
        assert!(error.starts_with(words), "{error}");
    }
    let none = Places::default();
    let refusal = filled(&config("{diskfs}"), &none).unwrap_err();
    assert_eq!((refusal.placeholder.as_str(), refusal.reason), ("{diskfs}", Reason::Nothing));
}

#[test]
fn each_field_takes_its_own() {
    let io = Io {
        id: "{processid}_{outputid}_{diskfs}".to_owned(),
        address: "{outputid}".to_owned(),
        options: vec!["{diskfs}/{outputid}".to_owned(), "{rtmp,name=x}".to_owned()],
        cleanup: vec![Cleanup {
            pattern: "diskfs:/{processid}_*.ts{diskfs}".to_owned(),
            ..Cleanup::default()
        }],
    };
    let options = vec!["{diskfs}".to_owned(), "{processid}".to_owned()];
    let config = Config { output: vec![io], options, ..config("x") };
    let filled = filled(&config, &places()).unwrap();
    let output = &filled.output[0];
    assert_eq!(output.id, "door_{outputid}_{diskfs}");
    assert_eq!(output.address, output.id);
    assert_eq!(output.options, [format!("/data/{}", output.id), "{rtmp,name=x}".to_owned()]);
    assert_eq!(output.cleanup[0].pattern, "diskfs:/door_*.ts{diskfs}");
    assert_eq!(filled.options, ["/data", "{processid}"]);
}

proptest! {
    #[test]
    fn text_without_braces_comes_back_as_it_is(text in "[^{]{0,40}") {
        prop_assert_eq!(address(&text), Ok(text));
    }

    #[test]
    fn no_text_is_too_strange(text in "(\\{[a-z:]{0,6}(\\^.)?(,[a-z=%$+]{0,8})?\\}?|.{0,4}){0,8}") {
        let _ = address(&text);
    }

    /// What fills a placeholder is not looked at again.
    #[test]
    fn an_id_brings_in_no_placeholder(id in "\\{(diskfs|memfs|processid)\\}") {
        let config = Config { id: id.clone(), ..config("{processid}") };
        prop_assert_eq!(filled(&config, &places()).map(|config| config.input[0].address.clone()), Ok(id));
    }
}
