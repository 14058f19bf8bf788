//! What is to be said of a session and of its pod, whosever they are. Pure.

use crate::condition::{Said, Verdict};
use crate::provide::observe::{Life, PodFacts};
use crate::provide::problem::Problem;
use crate::view::{ANSWER, GRACE, View};
use jiff::Timestamp;
use understudy_crds::condition::{ParticipantCondition as Type, Truth};
use understudy_proto::v1::{Part, Refusal, Report};

/// The reason of states on the way.
pub const STARTING: &str = "Starting";

/// One session, as it is seen.
#[derive(Clone, Copy, Debug)]
pub struct Serving<'a> {
    /// The pod that serves, or did and may still run.
    pub pod: Option<&'a PodFacts>,
    /// What its session says.
    pub view: &'a View,
    /// Why there can be no other.
    pub problems: &'a [Problem],
    /// What was said when the status was about this very pod.
    pub earlier: Option<Said<'a>>,
    /// Now.
    pub now: Timestamp,
}

impl<'a> Serving<'a> {
    /// Whether all is there that a pod needs.
    pub fn accepted(&self) -> Verdict {
        match self.problems.first() {
            Some(problem) => Verdict::wrong(problem.reason, &problem.message),
            None => Verdict::yes("Accepted"),
        }
    }

    /// Whether the pod has a node.
    pub fn scheduled(&self) -> Verdict {
        match self.pod {
            Some(PodFacts { life: Life::Ending { since, until }, name, node, .. }) => {
                ending(self.now, name, node.as_deref(), (*since, *until))
            }
            Some(PodFacts { node: Some(_), .. }) => Verdict::yes("Scheduled"),
            Some(PodFacts { unschedulable: Some(trouble), .. }) => {
                Verdict::wrong(&trouble.reason, &trouble.message)
            }
            Some(PodFacts { .. }) => Verdict::unknown("Waiting", "no node was chosen yet"),
            None => no_pod(),
        }
    }

    /// Whether the session speaks.
    pub fn runtime(&self) -> Verdict {
        let Some(pod) = self.pod else { return no_pod() };
        if let Some(refusal) = self.refusal(Part::Access) {
            return Verdict::wrong("Rejected", &format!("access: {}", refusal.reason));
        }
        let earlier = self.earlier_verdict(Type::RuntimeReady.as_str());
        match (pod.life, self.view, earlier, &pod.trouble) {
            (Life::Ending { .. }, ..) => self.scheduled(),
            (_, View::Linked(_), ..) => Verdict::yes("Linked"),
            (_, View::Mute(_), ..) => Verdict::wrong(
                "NotAnswering",
                &format!(
                    "the runtime has not answered for {} s what it was told; its log may say why",
                    ANSWER.as_secs()
                ),
            ),
            (.., Some(trouble)) => Verdict::wrong(&trouble.reason, &trouble.message),
            (_, View::Expected { .. }, Some(earlier), _) => earlier,
            (_, View::Silent, Some(Verdict { truth: Truth::True | Truth::Unknown, .. }), _) => {
                Verdict::unknown(
                    "LinkLost",
                    &format!("the runtime was not heard of for {} s; its media may go on", GRACE.as_secs()),
                )
            }
            _ => Verdict::not_yet(STARTING, "the runtime has not spoken yet"),
        }
    }

    /// What only the session can know of the pod that it is in, and the generation of the spec that it is about; `now` is that of the
    /// spec as it is.
    pub fn told(&self, type_: &str, now: i64, answered: impl Fn(&Report) -> Verdict) -> (Verdict, i64) {
        let earlier = self.earlier_verdict(type_);
        let about = self.earlier.and_then(|said| said.find(type_)?.observed_generation);
        let was_told = earlier.as_ref().is_some_and(|earlier| earlier.reason != STARTING);
        let held = earlier.map(|earlier| (earlier, about.unwrap_or(now)));
        match self.view.word().or_before(|answer| Some((answered(answer), now)), held) {
            Some(told) => told,
            None if was_told && *self.view == View::Silent => {
                (Verdict::unknown("LinkLost", "the runtime is not heard of"), about.unwrap_or(now))
            }
            None => (Verdict::unknown(STARTING, "the runtime has not answered yet"), now),
        }
    }

    /// The first refusal of that part of what the session was told last.
    pub fn refusal(&self, part: Part) -> Option<&'a Refusal> {
        self.view.word().answer()?.refusals.iter().find(|refusal| refusal.part() == part)
    }

    fn earlier_verdict(&self, type_: &str) -> Option<Verdict> {
        self.earlier?.verdict(type_)
    }
}

/// What a session says of that condition, if nothing of it was refused.
pub fn said(answer: &Report, type_: &str) -> Verdict {
    let told = answer.conditions.iter().find(|condition| condition.r#type == type_);
    told.map_or_else(|| Verdict::unknown("NotTold", "the runtime does not tell"), Verdict::told)
}

/// There is none.
pub fn no_pod() -> Verdict {
    Verdict::not_yet("NoPod", "there is no pod")
}

/// A pod that does not end is held by its node: nobody but a person can know that nothing of it runs any more.
fn ending(now: Timestamp, pod: &str, node: Option<&str>, (since, until): (Timestamp, Timestamp)) -> Verdict {
    if now < until {
        return Verdict::not_yet("Terminating", &format!("the pod {pod} was asked to end at {since}"));
    }
    let node = node.unwrap_or("none");
    Verdict::wrong(
        "Terminating",
        &format!(
            "the pod {pod} was asked to end at {since} and should have by {until}, but its node {node} does not say that it has; \
             its successor waits for that. If the node is lost, taint it node.kubernetes.io/out-of-service, or see that nothing \
             runs there and delete the pod by force"
        ),
    )
}
