//! What the page makes of events, in the browser it is for: values in, values out.

use serde_json::{Value, json};
use understudy_devtools::Page;
use understudy_e2e::browser::Chromium;

use crate::support::stage::Stage;

/// Of an event on a keyboard: its `key`, its `code`, what is held, and the session's layout.
const MEANS: &str = "import('/view/assets/keys.js').then(({ meaning }) => TABLE.map(([key, code, held = '', layout = 'us']) => {
    const is = (name) => held.includes(name);
    const event = { key, code, shiftKey: is('S'), ctrlKey: is('C'), altKey: is('A'), metaKey: is('M'), getModifierState: () => is('G') };
    const meant = meaning(event, layout);
    return meant && (meant.key ?? meant.text);
}))";

const TABLE: &str = "[['a', 'KeyA'], ['A', 'KeyA', 'S'], ['A', 'KeyA'], ['z', 'KeyY'], ['ö', 'Semicolon'], ['!', 'Digit1', 'S'],
    ['!', 'Digit1', 'S', 'de'], ['1', 'Digit1', '', 'fr'], ['\"', 'Digit2', 'S'], ['я', 'KeyZ', 'C'], ['@', 'KeyQ', 'CAG'],
    ['@', 'KeyL', 'A'], ['F11', 'F11'], ['Shift', 'ShiftRight'], ['5', 'Numpad5'], ['End', 'Numpad1'], ['Enter', 'NumpadEnter'],
    ['Dead', 'Equal'], ['CapsLock', 'CapsLock'], ['Process', 'KeyA'], ['Delete', 'NumpadDecimal']]";

/// Where pictures are in their boxes, and where a pointer is on one.
const PLACES: &str = "import('/view/assets/hands.js').then(({ shown, placeOn, turned, changed }) => [
    shown({ left: 0, top: 10, width: 1000, height: 1000 }, { width: 1280, height: 720 }),
    shown({ left: 0, top: 0, width: 1000, height: 100 }, { width: 200, height: 100 }),
    placeOn({ left: 100, top: 0, width: 200, height: 100 }, { clientX: 150, clientY: 25 }),
    placeOn({ left: 100, top: 0, width: 200, height: 100 }, { clientX: 0, clientY: 400 }),
    turned({ deltaX: 0, deltaY: 53, deltaMode: 0, wheelDeltaX: 0, wheelDeltaY: -120 }),
    turned({ deltaX: 0, deltaY: 3, deltaMode: 1 }),
    changed(1, 2)])";

const TEXTS: &str = "Promise.all(['keyboard', 'clipboard', 'wire'].map((name) => import(`/view/assets/${name}.js`)))
    .then(([{ correction }, { cut, Joined }, { texts }]) => {
        const long = '漢😀'.repeat(9000);
        const parts = cut(long);
        const joined = new Joined();
        const joins = parts.map((part) => joined.take(part, 0)).filter((text) => text !== null);
        const late = new Joined();
        late.take(parts[0], 0);
        return [correction('helo', 'hello'), correction('the', ''), parts.length > 1, joins.length === 1 && joins[0] === long,
            late.take(parts[1], 11000), cut('short'), texts('a\\u0007\\r\\nb').map((one) => [...new Uint8Array(one)]),
            texts('漢'.repeat(100)).map((one) => one.byteLength)];
    })";

async fn value(page: &Page, script: &str) -> Value {
    page.evaluate(script).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_stands_on_a_key_arrives_and_a_picture_is_where_it_is_seen() {
    let stage = Stage::open().await;
    let chromium = Chromium::launch().await;
    let page = chromium.open(&format!("http://{}/view/nobody", stage.http)).await;
    let meant = value(&page, &MEANS.replace("TABLE", TABLE)).await;
    let letters = json!([
        0x41, 0x41, "A", 0x5a, "ö", 0x31, "!", "1", 0xde, 0x5a, "@", "@", 0x7a, 0xa1, 0x65, 0x23, 0x0d
    ]);
    let nothing = json!([null, null, null, 0x2e]);
    assert_eq!(
        meant,
        Value::from([letters.as_array().unwrap().clone(), nothing.as_array().unwrap().clone()].concat())
    );

    let places = value(&page, PLACES).await;
    assert_eq!(places[0], json!({"left": 0, "top": 228.75, "width": 1000, "height": 562.5}));
    assert_eq!(places[1], json!({"left": 400, "top": 0, "width": 200, "height": 100}));
    assert_eq!((&places[2], &places[3]), (&json!({"x": 0.25, "y": 0.25}), &json!({"x": 0, "y": 1})));
    assert_eq!((&places[4][1], &places[5][1]), (&json!(120), &json!(120)));
    assert_eq!(places[6], json!([[false, 1], [true, 3]]), "bit by bit, as events have it");

    let texts = value(&page, TEXTS).await;
    assert_eq!(texts[0], json!({"erased": 1, "written": "lo"}));
    assert_eq!(texts[1], json!({"erased": 3, "written": ""}));
    assert_eq!((&texts[2], &texts[3], &texts[4]), (&json!(true), &json!(true), &json!(null)));
    assert_eq!(texts[5], json!([{"Clipboard": {"text": "short"}}]));
    assert_eq!(texts[6], json!([[1, 3, 97, 10, 98]]));
    assert_eq!(texts[7], json!([257, 47]));
}
