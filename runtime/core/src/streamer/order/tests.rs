use serde_json::json;

use super::*;

fn body() -> Value {
    json!({
        "streamer_id": "desk-1", "client_unique_id": "helix", "host_id": 0, "app_id": 0, "bitrate": 20000, "packet_size": 1024,
        "fps": 60, "width": 1920, "height": 1080, "video_sample_queue_size": 10, "play_audio_local": false,
        "audio_sample_queue_size": 10, "video_supported_formats": 1, "video_colorspace": "Rec709",
        "video_color_range_full": false,
    })
}

fn parsed(change: impl Fn(&mut Value)) -> Result<Order, Refusal> {
    let mut body = body();
    change(&mut body);
    Order::parse(body.to_string().as_bytes())
}

#[test]
fn a_flat_body_is_read_whole() {
    let order = parsed(|_| {}).unwrap();
    let shape = Shape { width: 1920, height: 1080, fps: 60 };
    assert_eq!(
        order,
        Order { id: Id::parse("desk-1"), client: Some("helix".to_owned()), app: 0, shape, idle: None }
    );
}

#[test]
fn each_field_is_needed_but_the_id_and_is_named_where_it_lacks() {
    for field in body().as_object().unwrap().keys() {
        let without = parsed(|body| drop(body.as_object_mut().unwrap().remove(field)));
        match (field.as_str(), without) {
            ("streamer_id", Ok(order)) => assert_eq!(order.id, None),
            (field, Err(Refusal::Invalid(why))) => assert!(why.contains(field), "{field}: {why}"),
            (field, other) => panic!("{field}: {other:?}"),
        }
    }
    assert_eq!(parsed(|body| body["client_unique_id"] = Value::Null).unwrap().client, None);
}

#[test]
fn a_value_that_cannot_be_is_refused_by_its_name() {
    for (field, value) in [
        ("streamer_id", json!("a/b")),
        ("streamer_id", json!("")),
        ("streamer_id", json!(7)),
        ("client_unique_id", json!("x".repeat(LONGEST_ID + 1))),
        ("fps", json!(0)),
        ("width", json!(0)),
        ("height", json!(9000)),
        ("height", json!(-1)),
        ("bitrate", json!(0)),
        ("host_id", json!("a")),
        ("video_colorspace", json!("Rec2100")),
        ("play_audio_local", json!(1)),
        ("idle_timeout_seconds", json!(0)),
    ] {
        match parsed(|body| body[field] = value.clone()) {
            Err(Refusal::Invalid(why)) => assert!(why.starts_with(field), "{field}: {why}"),
            other => panic!("{field}: {other:?}"),
        }
    }
    for broken in ["", "{", "[]", "null"] {
        assert!(matches!(Order::parse(broken.as_bytes()), Err(Refusal::Invalid(_))), "{broken}");
    }
}

#[test]
fn what_is_not_here_is_told_from_what_cannot_be() {
    assert_eq!(parsed(|body| body["host_id"] = json!(1)), Err(Refusal::Host));
    assert_eq!(parsed(|body| body["app_id"] = json!(3)).unwrap().app, 3, "whoever has apps judges it");
    let idle = parsed(|body| body["idle_timeout_seconds"] = json!(30)).unwrap().idle;
    assert_eq!(idle, Some(Duration::from_secs(30)));
}
