//! Whole numbers however they are written: JSON Schema takes 30.0 for an integer (draft 6 and later, §6.3), and so does
//! whoever writes by our description.

use serde_json::Value;

/// Beyond this a number with a point does not say which integer it stands for.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The same document, in which each number without a fraction is an integer.
pub(crate) fn numbers(document: Value) -> Value {
    match document {
        Value::Number(number) => Value::Number(integer(&number).map_or(number, Into::into)),
        Value::Array(items) => items.into_iter().map(numbers).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, numbers(value))).collect(),
        other => other,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "it has no fraction and is exact")]
fn integer(number: &serde_json::Number) -> Option<i64> {
    let value = number.as_f64().filter(|_| number.is_f64())?;
    (value.fract() == 0.0 && value.abs() < EXACT).then_some(value as i64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_number_without_a_fraction_is_an_integer_wherever_it_stands() {
        let written = json!({"a": 30.0, "b": [1e3, -0.0, 0.5], "c": {"d": 7, "e": "30.0"}, "f": 1e300});
        let read = json!({"a": 30, "b": [1000, 0, 0.5], "c": {"d": 7, "e": "30.0"}, "f": 1e300});
        assert_eq!(numbers(written), read);
    }
}
