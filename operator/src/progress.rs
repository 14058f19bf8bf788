//! The two conditions by which other people's tools (kstatus, and with it Helm and Flux) tell whether to go on
//! waiting. Pure.

use crate::condition::Verdict;
use understudy_crds::condition::Truth;

/// How an object stands to what it is described to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It is so, or nobody should wait for it.
    Settled,
    /// It comes up, or is being repaired.
    Reconciling,
    /// It cannot become so without somebody's help.
    Stalled,
}

impl Progress {
    /// What Reconciling says; `ready` is what Ready says.
    pub fn reconciling(self, ready: &Verdict) -> Verdict {
        match self {
            Self::Reconciling => because(ready),
            Self::Settled | Self::Stalled => Verdict::not_yet("NotReconciling", ""),
        }
    }

    /// What Stalled says; `ready` is what Ready says.
    pub fn stalled(self, ready: &Verdict) -> Verdict {
        match self {
            Self::Stalled => because(ready),
            Self::Settled | Self::Reconciling => Verdict::not_yet("NotStalled", ""),
        }
    }
}

/// True, in the words of Ready: tools print the message and nothing else.
fn because(ready: &Verdict) -> Verdict {
    Verdict { truth: Truth::True, ..ready.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_one_of_both_is_true_and_says_why() {
        let ready = Verdict::wrong("PageUnreachable", "no such host");
        let both = |progress: Progress| {
            let truth = |verdict: Verdict| (verdict.truth == Truth::True).then_some(verdict.message);
            (truth(progress.reconciling(&ready)), truth(progress.stalled(&ready)))
        };
        assert_eq!(both(Progress::Settled), (None, None));
        assert_eq!(both(Progress::Reconciling), (Some("no such host".into()), None));
        assert_eq!(both(Progress::Stalled), (None, Some("no such host".into())));
        assert!(!Progress::Stalled.stalled(&ready).is_failure(), "Ready told it");
    }
}
