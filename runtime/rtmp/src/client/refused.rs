//! Why a destination takes nothing, by what one can do about it.

use super::Target;
use crate::Fault;
use crate::amf::Value;
use crate::message::Command;

/// What others say is cut to this: it ends up in conditions.
const LONGEST_CHARACTERS: usize = 200;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Another address would do.
    #[error("the destination sends us elsewhere, which is not followed: set its address to where it says")]
    Redirected,
    /// Another key would do, or another app.
    #[error("the destination does not take this key: {0}")]
    BadName(String),
    /// It wants to know who we are.
    #[error("the destination wants other credentials: {0}")]
    Unauthorised(String),
    /// Whoever runs the destination can do something.
    #[error("the destination refused: {0}")]
    Rejected(String),
    /// It took us, and does no more.
    #[error("the destination ended the stream: {0}")]
    Ended(String),
    /// It does not speak as it should.
    #[error("the destination speaks no RTMP that we know: {0}")]
    Protocol(#[from] Fault),
}

impl Refused {
    /// What an `_error` or an `onStatus` says, which may quote what was sent to `target`.
    pub(super) fn told(command: &Command, target: &Target) -> Self {
        let about = command.arguments.iter().find(|value| value.member("code").is_some());
        let member = |name| about.and_then(|about| about.member(name));
        let code = member("code").and_then(Value::as_text).unwrap_or_default();
        let description = member("description").and_then(Value::as_text).unwrap_or_default();
        if member("ex").and_then(|ex| ex.member("redirect")).is_some() {
            return Self::Redirected;
        }
        // Cut before, a part of the key would be left that nobody finds.
        let text = shortened(&target.without_key(if description.is_empty() { code } else { description }));
        let lower = description.to_ascii_lowercase();
        match code {
            _ if ["authmod", "code=403", "unauthor", "not authorized"]
                .iter()
                .any(|word| lower.contains(word)) =>
            {
                Self::Unauthorised(text)
            }
            "NetStream.Publish.BadName" | "NetStream.Publish.Denied" => Self::BadName(text),
            "NetConnection.Connect.InvalidApp" => Self::BadName(text),
            "NetStream.Unpublish.Success" | "NetConnection.Connect.Closed" => Self::Ended(text),
            _ => Self::Rejected(text),
        }
    }
}

/// Without what would break a line.
fn shortened(text: &str) -> String {
    text.chars().map(|one| if one.is_control() { ' ' } else { one }).take(LONGEST_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told<const N: usize>(members: [(&str, Value); N]) -> Refused {
        let arguments = vec![Value::Null, Value::object(members)];
        let target = Target::parse("rtmp://a.example/app/one/stream-key?q=signature").unwrap();
        Refused::told(&Command { name: "_error".into(), transaction: 1.0, arguments }, &target)
    }

    fn said(code: &str, description: &str) -> Refused {
        told([("code", Value::text(code)), ("description", Value::text(description))])
    }

    #[test]
    fn a_refusal_says_what_can_be_done() {
        let rejected = "NetConnection.Connect.Rejected";
        assert!(
            matches!(said("NetStream.Publish.BadName", "taken"), Refused::BadName(why) if why == "taken")
        );
        assert!(matches!(
            said(rejected, "[ AccessManager.Reject ] : [ authmod=adobe ]"),
            Refused::Unauthorised(_)
        ));
        assert!(matches!(said(rejected, ""), Refused::Rejected(why) if why == rejected));
        let elsewhere =
            Value::object([("code", Value::Number(302.0)), ("redirect", Value::text("rtmp://b/x"))]);
        assert_eq!(told([("code", Value::text(rejected)), ("ex", elsewhere)]), Refused::Redirected);
    }

    #[test]
    fn a_key_that_is_quoted_is_not_told_wherever_the_words_are_cut() {
        for before in 0..=LONGEST_CHARACTERS {
            let words = format!("{}stream-key is taken, as one/stream-key?q=signature", "-".repeat(before));
            let Refused::Rejected(why) = said("x", &words) else { panic!("it is a refusal") };
            assert!(!why.contains("str") && !why.contains("sig"), "{why}");
        }
    }

    #[test]
    fn what_others_say_is_short_and_one_line() {
        let Refused::Rejected(why) = said("x", &"a\n".repeat(1000)) else { panic!("it is a refusal") };
        assert!(why.len() == LONGEST_CHARACTERS && !why.contains('\n'));
    }
}
