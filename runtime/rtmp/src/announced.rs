//! Which codecs beyond Flash's a peer says that it takes ("Enhanced RTMP", `connect`). Who says nothing is sent none.

use crate::amf::Value;
use crate::flv::FourCc;

/// Codecs whose bodies are passed on here, as everybody writes them.
const KNOWN: [&FourCc; 11] =
    [b"avc1", b"hvc1", b"av01", b"vp08", b"vp09", b"mp4a", b"Opus", b"fLaC", b"ac-3", b"ec-3", b".mp3"];
const ANY: &FourCc = b"*\0\0\0";
const LIST: &str = "fourCcList";
const MAPS: [&str; 2] = ["videoFourCcInfoMap", "audioFourCcInfoMap"];

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Announced {
    codecs: Vec<FourCc>,
}

impl Announced {
    /// Of the object of a `connect`.
    pub fn read(object: &Value) -> Self {
        let listed = match object.member(LIST) {
            Some(Value::List(names)) => names.iter().filter_map(Value::as_text).collect(),
            Some(other) => other.members().iter().filter_map(|(_, name)| name.as_text()).collect(),
            None => Vec::new(),
        };
        let mapped = MAPS.iter().filter_map(|map| object.member(map)).flat_map(Value::members);
        let all = listed.into_iter().chain(mapped.map(|(name, _)| name.as_str()));
        // What nobody knows is of no use: it is kept by nobody.
        let known = |name: &str| match name {
            "*" => Some(*ANY),
            name => KNOWN.into_iter().find(|known| known.as_slice() == name.as_bytes()).copied(),
        };
        let mut codecs: Vec<FourCc> = all.filter_map(known).collect();
        codecs.sort_unstable();
        codecs.dedup();
        Self { codecs }
    }

    pub fn takes(&self, codec: &FourCc) -> bool {
        self.codecs.contains(codec) || self.codecs.contains(ANY)
    }

    /// What is said in answer: nothing to who said nothing.
    pub fn answer(&self) -> Option<(&'static str, Value)> {
        let both = KNOWN.into_iter().filter(|codec| self.takes(codec));
        let names: Vec<_> = both.map(|codec| Value::text(String::from_utf8_lossy(codec))).collect();
        (!names.is_empty()).then_some((LIST, Value::List(names)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_listed_and_known_is_answered() {
        let list = ["av01", "hvc1", "none"].map(Value::text).to_vec();
        let announced = Announced::read(&Value::object([(LIST, Value::List(list))]));
        assert!(announced.takes(b"av01") && !announced.takes(b"vp09") && !announced.takes(b"none"));
        let names = ["hvc1", "av01"].map(Value::text).to_vec();
        assert_eq!(announced.answer(), Some((LIST, Value::List(names))));
    }

    #[test]
    fn a_map_counts_as_a_list_and_a_star_as_all() {
        let map = Value::object([("*", Value::Number(1.0))]);
        let announced = Announced::read(&Value::object([("videoFourCcInfoMap", map)]));
        assert!(announced.takes(b"hvc1"));
    }

    #[test]
    fn who_says_nothing_is_told_nothing() {
        let announced = Announced::read(&Value::object([("app", Value::text("live"))]));
        assert!(!announced.takes(b"hvc1"));
        assert_eq!(announced.answer(), None);
    }
}
