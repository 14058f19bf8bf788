//! Why a participant was not invited, or kicked. For whoever asked, and for people.

/// Why not.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// There is no such participant.
    #[error("there is no participant {0} in the namespace {1}")]
    Unknown(String, String),
    /// Another invitation holds it.
    #[error("the participant {participant} is invited already, as {holds}")]
    Held {
        /// Its name.
        participant: String,
        /// The id of the invitation that it has.
        holds: String,
    },
    /// The id has come to its end.
    #[error("the invitation {id} has come to its end ({outcome}), and is not carried out again under its id")]
    Settled {
        /// The id.
        id: String,
        /// How.
        outcome: String,
    },
    /// The id names a stage already.
    #[error("the invitation {0} is one to another stage: an id names one")]
    OtherStage(String),
    /// None that matches is free.
    #[error(
        "no participant is available: {matching} match, of which {invited} are invited and {unready} not ready"
    )]
    NoneFree {
        /// How many match what was asked for.
        matching: usize,
        /// How many of them are invited, or still leave a stage.
        invited: usize,
        /// How many of them are not ready, or going.
        unready: usize,
    },
    /// It has another invitation, or none.
    #[error("the participant {participant} does not have the invitation {id}")]
    NotInvited {
        /// Its name.
        participant: String,
        /// The id that was asked for.
        id: String,
    },
    /// One was free, and somebody else was faster.
    #[error("no participant is available any more: others were invited at the same moment")]
    Raced,
    /// What it is about is not there: a namespace, mostly.
    #[error("{0}")]
    Gone(String),
    /// Others were faster, each time.
    #[error("the participant {0} was changed by others at the same moment, several times: try again")]
    Contended(String),
    /// The API server's rules.
    #[error("{0}")]
    Invalid(String),
    /// The API server does not let us.
    #[error("the API server does not allow it: {0}")]
    Forbidden(String),
    /// The API server is away.
    #[error("the API server cannot be asked now")]
    Unreachable(#[source] kube::Error),
}

impl Refusal {
    /// What the API server's answer means where no other meaning is known.
    pub fn of(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) if matches!(status.code, 400 | 422) => Self::Invalid(status.message),
            kube::Error::Api(status) if status.code == 403 => Self::Forbidden(status.message),
            kube::Error::Api(status) if status.code == 404 => Self::Gone(status.message),
            error => Self::Unreachable(error),
        }
    }

    /// Of one participant that was asked for.
    pub(crate) fn about(error: kube::Error, namespace: Option<&str>, name: &str) -> Self {
        match error {
            kube::Error::Api(status) if status.code == 404 => {
                Self::Unknown(name.to_owned(), namespace.unwrap_or_default().to_owned())
            }
            error => Self::of(error),
        }
    }
}
