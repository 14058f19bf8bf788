//! The patch that makes one document of another (RFC 7396, JSON Merge Patch). Pure.

use serde_json::{Map, Value};

/// What has to be merged into `before` for it to be `after`; nothing if it is. A document that holds `null` cannot be told so.
pub fn patch(before: &Value, after: &Value) -> Option<Value> {
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        return (before != after).then(|| after.clone());
    };
    let gone = old.keys().filter(|key| !new.contains_key(*key)).map(|key| (key.clone(), Value::Null));
    let changed = new.iter().filter_map(|(key, value)| match old.get(key) {
        Some(old) => patch(old, value).map(|patch| (key.clone(), patch)),
        None => Some((key.clone(), value.clone())),
    });
    let all: Map<String, Value> = gone.chain(changed).collect();
    (!all.is_empty()).then_some(Value::Object(all))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_gone_is_said_and_what_stays_is_not() {
        for (before, after, expected) in [
            (json!({"a": 1}), json!({"a": 1}), None),
            (json!(null), json!({"a": 1}), Some(json!({"a": 1}))),
            (json!({"a": {"b": 1}}), json!({"a": {"c": 2}}), Some(json!({"a": {"b": null, "c": 2}}))),
            (json!({"a": [1]}), json!({"a": [2], "d": true}), Some(json!({"a": [2], "d": true}))),
            (json!({"a": {"b": 1}}), json!({"a": 3}), Some(json!({"a": 3}))),
        ] {
            assert_eq!(patch(&before, &after), expected, "{before} {after}");
        }
    }
}
