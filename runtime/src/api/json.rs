//! Bodies of JSON, read as the source system's clients write them.

use serde::de::DeserializeOwned;

use crate::whole;

/// None is `null`. An error is a line of text that names the field.
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<Option<T>, String> {
    let document = &mut serde_json::Deserializer::from_slice(body);
    let decoded: Result<Option<T>, _> = serde_path_to_error::deserialize(document);
    let again = || serde_json::from_value(whole::numbers(serde_json::from_slice(body).ok()?)).ok();
    decoded.or_else(|error| again().ok_or(error)).map_err(|error| match error.path().iter().len() {
        0 => format!("can't decode JSON body: {}\n", error.inner()),
        _ => format!("can't decode JSON body: {}: {}\n", error.path(), error.inner()),
    })
}

/// The same, for which a body may be left out.
pub fn decode_any<T: DeserializeOwned>(body: &[u8]) -> Result<Option<T>, String> {
    if body.is_empty() { Ok(None) } else { decode(body) }
}
