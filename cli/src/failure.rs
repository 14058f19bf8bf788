//! Why a command failed, in one line for people: what failed, and what to do.

use crate::forbidden;
use kube::runtime::watcher;
use std::error::Error;
use std::io;
use understudy_client::refusal::Refusal;

/// Why.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// No cluster is known.
    #[error(
        "there is no way to a cluster: {0}; name a kubeconfig by --kubeconfig or KUBECONFIG, and a context of it by --context"
    )]
    Unconfigured(String),
    /// The API server is away, or somebody else answers.
    #[error(
        "the API server cannot be reached: {0}; see that the cluster is up, and that the context is the one that you mean"
    )]
    Unreachable(String),
    /// It does not answer.
    #[error("the API server did not answer within {0} s; try again")]
    Silent(u64),
    /// Whoever asks is nobody there.
    #[error("the API server does not know you ({0}); log in to the cluster again")]
    Unauthenticated(String),
    /// Whoever asks may not.
    #[error("{}", forbidden::told(.0))]
    Forbidden(String),
    /// The cluster does not know participants.
    #[error(
        "this cluster has no VirtualParticipants: install the chart understudy-crds, or choose another context by --context"
    )]
    Undefined,
    /// There is no such participant.
    #[error("there is no participant {name} in the namespace {namespace}; {}", those(.there))]
    Unknown {
        /// The one that was asked for.
        name: String,
        /// Where.
        namespace: String,
        /// Those that there are.
        there: Vec<String>,
    },
    /// Nobody has the invitation.
    #[error("nobody in the namespace {namespace} has the invitation {id}; `list` tells who has which")]
    NobodyHas {
        /// Its id.
        id: String,
        /// Where.
        namespace: String,
    },
    /// As the participant stands it cannot be done.
    #[error("{refusal}{}", advice(.refusal))]
    Refused {
        /// Why.
        refusal: Refusal,
    },
    /// The arguments name something that cannot be used.
    #[error("{0}")]
    Unusable(String),
    /// What was waited for will not be.
    #[error("{0}")]
    Ended(String),
    /// Another program is missing, or has failed.
    #[error("{0}")]
    Program(String),
    /// The API server answered what nobody asked for.
    #[error("the API server answered: {0}")]
    Answered(String),
    /// Nobody reads.
    #[error("nothing can be written: {0}")]
    Unwritable(#[from] io::Error),
}

impl Failure {
    /// Of a call of the API server that is about no object in particular.
    pub fn of(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::answered(status.code, status.message),
            kube::Error::Auth(error) => Self::Unauthenticated(root(&error)),
            error => Self::Unreachable(root(&error)),
        }
    }

    /// Of what the library refused, but for a name that nobody has.
    pub fn refused(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Forbidden(message) => Self::Forbidden(message),
            Refusal::Unreachable(error) => Self::of(error),
            refusal => Self::Refused { refusal },
        }
    }

    /// Of a watch: what ends it, or else why it begins anew, if that is news.
    pub fn of_watch(error: watcher::Error) -> Result<Option<String>, Self> {
        let failure = match error {
            watcher::Error::InitialListFailed(error)
            | watcher::Error::WatchStartFailed(error)
            | watcher::Error::WatchFailed(error) => Self::of(error),
            // What was seen last is too long ago: all is listed once more.
            watcher::Error::WatchError(status) if status.code == 410 => return Ok(None),
            watcher::Error::WatchError(status) => Self::answered(status.code, status.message),
            watcher::Error::NoResourceVersion => return Err(Self::Undefined),
        };
        match failure {
            Self::Forbidden(_) | Self::Undefined | Self::Unauthenticated(_) => Err(failure),
            Self::Unreachable(why) | Self::Answered(why) => Ok(Some(why)),
            other => Ok(Some(other.to_string())),
        }
    }

    fn answered(code: u16, message: String) -> Self {
        match code {
            401 => Self::Unauthenticated(message),
            403 => Self::Forbidden(message),
            // Of an object that is not there it says which.
            404 if !message.contains("\" not found") => Self::Undefined,
            _ => Self::Answered(message),
        }
    }
}

/// What lies under it all: the layers above only say that something failed.
pub fn root(error: &(dyn Error + 'static)) -> String {
    let mut lowest = error;
    while let Some(source) = lowest.source() {
        lowest = source;
    }
    lowest.to_string()
}

/// Those that there are, as far as a line holds them.
fn those(there: &[String]) -> String {
    const MOST: usize = 10;
    match there.len() {
        0 => "there is none there: -n names another namespace".to_owned(),
        more @ MOST.. => format!("there are: {} and {} more", there[..MOST].join(", "), more - MOST),
        _ => format!("there are: {}", there.join(", ")),
    }
}

fn advice(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Held { .. } => "; kick it first, or invite another",
        Refusal::Settled { .. } | Refusal::OtherStage(_) => "; choose another --id",
        Refusal::NoneFree { matching: 0, .. } => "; `list -l` tells who matches a selector",
        Refusal::NoneFree { .. } => "; kick one of them, or wait",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_names_nobody_is_told_who_is_there() {
        let told = |there: &[&str]| {
            let there = there.iter().map(|name| (*name).to_owned()).collect();
            Failure::Unknown { name: "bob".into(), namespace: "demo".into(), there }.to_string()
        };
        assert_eq!(
            told(&["ada", "eve"]),
            "there is no participant bob in the namespace demo; there are: ada, eve"
        );
        assert!(told(&[]).ends_with("-n names another namespace"));
        assert!(told(&["a"; 12]).ends_with("a, a and 2 more"));
    }

    #[test]
    fn what_failed_comes_with_what_to_do() {
        let held = Refusal::Held { participant: "ada".into(), holds: "a".into() };
        assert_eq!(
            Failure::refused(held).to_string(),
            "the participant ada is invited already, as a; kick it first, or invite another"
        );
        assert!(Failure::answered(404, "404 page not found".into()).to_string().contains("understudy-crds"));
        let gone = Failure::answered(404, "pods \"ada-1\" not found".into());
        assert_eq!(gone.to_string(), "the API server answered: pods \"ada-1\" not found");
        assert!(Failure::answered(401, "Unauthorized".into()).to_string().contains("log in"));
    }
}
