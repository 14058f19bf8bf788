//! The leading operator is killed while invitations are at each of their steps; another, which was there, goes on from there.

#[path = "killed/actor.rs"]
mod actor;

use crate::invitations::stage::{self, SHOWN, good_secret, invited, uninvited};
use crate::support::{Program, Recorder, Runtime, SYSTEM, World};
use crate::{A_WHILE, is, phase, reason};
use actor::{Actor, Level};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::events::v1::Event;
use kube::Api;
use kube::api::{ListParams, WatchEvent, WatchParams};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio_stream::StreamExt;
use understudy_crds::v1alpha1::{ParticipantPhase, VirtualParticipant};
use understudy_operator::lease::Timing;

/// What a new leader does before it is seen to lead: it lists everything, and a busy machine is slow.
const TO_LEAD: Duration = Duration::from_secs(2);
/// The longest pause of a runtime that dials, and what it takes to be let in.
const TO_LINK: Duration = Duration::from_secs(8);

/// A participant at one step, and who watches it.
struct Case {
    name: &'static str,
    participant: VirtualParticipant,
    recorder: Recorder,
    actor: Option<Actor>,
}

impl Case {
    /// It has an invitation from the start, and a pod that nobody runs yet.
    async fn new(world: &World, name: &'static str) -> Self {
        let recorder = Recorder::start(world, name, SHOWN).await;
        let participant = world.apply(name, invited("a")).await;
        Self { name, participant, recorder, actor: None }
    }

    /// Its session comes as far as this.
    async fn comes(&mut self, world: &World, level: Level) {
        let pod = world.run_pod(&world.pod(&self.participant, 1).await).await;
        self.actor = Some(Actor::start(Runtime::start(world, &pod).await, level));
    }

    fn goes(&self, level: Level) {
        self.actor.as_ref().unwrap().goes(level);
    }

    async fn until(&self, world: &World, expected: ParticipantPhase) -> VirtualParticipant {
        let so = move |one: &VirtualParticipant| phase(one) == Some(expected);
        world.until(self.name, &format!("{expected:?}"), so).await
    }

    async fn kicked(&self, world: &World) -> VirtualParticipant {
        let over = |one: &VirtualParticipant| {
            let last = one.status.as_ref().and_then(|status| status.last_session.as_ref());
            last.is_some_and(|last| last.outcome == "Kicked")
                && phase(one) == Some(ParticipantPhase::Available)
        };
        world.until(self.name, "kicked", over).await
    }
}

/// How many pods were made since that version.
async fn made(world: &World, version: &str) -> usize {
    let changes = world.api::<Pod>().watch(&WatchParams::default().timeout(2), version).await.unwrap();
    let added = changes.filter(|change| matches!(change, Ok(WatchEvent::Added(_))));
    added.collect::<Vec<_>>().await.len()
}

/// Waits until it leads. Its term.
async fn leads(world: &World, name: &str) -> u64 {
    let leases: Api<Lease> = Api::namespaced(world.client.clone(), SYSTEM);
    let held = async {
        loop {
            let lease = leases.get_opt("understudy-operator").await.unwrap();
            let spec = lease.and_then(|lease| lease.spec).unwrap_or_default();
            let holder = spec.holder_identity.unwrap_or_default();
            if holder.split_once('_').is_some_and(|(pod, _process)| pod == name) {
                return u64::try_from(spec.lease_transitions.unwrap()).unwrap();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), held).await.expect("it must come to lead")
}

/// Eight participants, each at another step.
struct Steps {
    /// Its pod was made, and nobody runs it.
    made: Case,
    /// Its session is linked, and has answered nothing.
    linked: Case,
    invited: Case,
    connected: Case,
    published: Case,
    /// It is to leave, and leaves while nobody hears it.
    unheard: Case,
    /// It is to leave, and does not yet.
    leaving: Case,
    left: Case,
}

impl Steps {
    async fn new(world: &World) -> Self {
        let case = async |name| Case::new(world, name).await;
        let mut all = Self {
            made: case("made").await,
            linked: case("linked").await,
            invited: case("invited").await,
            connected: case("connected").await,
            published: case("published").await,
            unheard: case("unheard").await,
            leaving: case("leaving").await,
            left: case("left").await,
        };
        all.made.until(world, ParticipantPhase::Provisioning).await;
        all.linked.comes(world, Level::Mute).await;
        all.invited.comes(world, Level::Invited).await;
        all.connected.comes(world, Level::Connected).await;
        for case in [&mut all.published, &mut all.unheard, &mut all.leaving, &mut all.left] {
            case.comes(world, Level::Published).await;
        }
        world.until(all.linked.name, "linked", |one| is(one, "RuntimeReady", "True")).await;
        all.invited.until(world, ParticipantPhase::Invited).await;
        all.connected.until(world, ParticipantPhase::Connected).await;
        all.published.until(world, ParticipantPhase::Published).await;
        for case in [&all.unheard, &all.leaving, &all.left] {
            case.until(world, ParticipantPhase::Published).await;
            world.apply(case.name, uninvited()).await;
            case.until(world, ParticipantPhase::Leaving).await;
        }
        all.left.goes(Level::Leaves);
        let gone = all.left.kicked(world).await;
        world.until_told(&gone, |event| event.reason.as_deref() == Some("Kicked")).await;
        all
    }

    /// All go on to their stage, and are kicked.
    async fn go_on(&self, world: &World) {
        for case in [&self.linked, &self.invited, &self.connected] {
            case.goes(Level::Published);
        }
        let on_stage = [&self.made, &self.linked, &self.invited, &self.connected, &self.published];
        for case in on_stage {
            case.until(world, ParticipantPhase::Published).await;
            world.apply(case.name, uninvited()).await;
        }
        for case in on_stage.into_iter().chain([&self.leaving]) {
            case.until(world, ParticipantPhase::Leaving).await;
            case.goes(Level::Leaves);
        }
    }

    fn all(self) -> [Case; 8] {
        let Self { made, linked, invited, connected, published, unheard, leaving, left } = self;
        [made, linked, invited, connected, published, unheard, leaving, left]
    }

    fn actors(&self) -> impl Iterator<Item = &Actor> {
        let Self { made, linked, invited, connected, published, unheard, leaving, left } = self;
        let all = [made, linked, invited, connected, published, unheard, leaving, left];
        all.into_iter().filter_map(|case| case.actor.as_ref())
    }
}

/// Until another leads that was there, and has told all sessions what they are to be.
#[allow(clippy::print_stdout, reason = "how long it took, for who wants to know")]
async fn taken_over(world: &World, steps: &Steps, killed: Instant, term: u64) {
    leads(world, "two").await;
    let (led, bound) = (killed.elapsed(), Timing::default().longest_gap());
    for actor in steps.actors() {
        actor.until_told_by_another(term).await;
    }
    let told = killed.elapsed();
    println!("after SIGKILL another led after {led:.1?}, and had told all sessions after {told:.1?}");
    assert!(led < bound + TO_LEAD, "{led:?}, by its lease at most {bound:?}");
    assert!(told < led + TO_LEAD + TO_LINK, "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_is_killed_at_any_step_of_an_invitation_is_followed_by_one_that_goes_on_from_there()
{
    let world = World::new().await;
    good_secret(&world).await;
    let pods = world.api::<Pod>().list(&ListParams::default()).await.unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_understudy-operator"));
    let mut first = Program::start(&world, program, "one");
    let term = leads(&world, "one").await;
    let second = Program::start(&world, program, "two");
    let mut steps = Steps::new(&world).await;

    let killed = Instant::now();
    first.kill();
    steps.unheard.goes(Level::Leaves);
    steps.made.comes(&world, Level::Published).await;
    taken_over(&world, &steps, killed, term).await;
    steps.unheard.kicked(&world).await;
    tokio::time::sleep(A_WHILE).await;
    let stays = world.api::<VirtualParticipant>().get(steps.leaving.name).await.unwrap();
    assert_eq!(phase(&stays), Some(ParticipantPhase::Leaving), "its session has not said that it has left");
    steps.go_on(&world).await;

    let mut seen = String::new();
    let cases = steps.all();
    let count = cases.len();
    for case in cases {
        let last = case.kicked(&world).await;
        let told = |event: &Event| event.reason.as_deref() == Some("Kicked");
        let events = world.until_told(&last, told).await;
        let kicks: Vec<&Event> = events.iter().filter(|event| told(event)).collect();
        assert!(kicks.len() == 1 && kicks[0].series.is_none(), "{kicks:#?}");
        assert_never_lies(&case.recorder.states(&last).await);
        seen += &format!("{}:\n{}\n", case.name, case.recorder.until(&last).await);
        case.actor.unwrap().end().await;
    }
    let version = pods.metadata.resource_version.unwrap();
    assert_eq!(made(&world, &version).await, count, "one pod each, and never a second");
    drop(second);
    assert_eq!(seen, include_str!("killed/seen.txt"), "{seen}");
}

/// Whoever was published is so until it is to leave, is free once its session has said that it left, and is kicked once.
fn assert_never_lies(states: &[VirtualParticipant]) {
    let (mut published, mut kicks, mut free) = (false, 0, false);
    let mut outcome = None;
    for one in states.iter().filter(|one| phase(one).is_some()) {
        let status = one.status.as_ref().unwrap();
        let is_published = is(one, "Published", "True");
        let is_to_leave = matches!(reason(one, "Published").as_str(), "Leaving" | "NotInvited");
        assert!(is_published || !published || is_to_leave, "{one:#?}");
        published |= is_published;
        assert!(!(free && is_published), "{one:#?}");
        let settled =
            status.last_session.as_ref().map(|last| (last.invitation_id.clone(), last.outcome.clone()));
        free = phase(one) == Some(ParticipantPhase::Available);
        assert!(!free || settled.is_some(), "available, and its session has not said that it left: {one:#?}");
        kicks += usize::from(settled.is_some() && settled != outcome);
        outcome = settled;
        assert!(status.settled_invitations.len() <= 1, "{one:#?}");
    }
    assert_eq!((kicks, outcome), (1, Some(("a".to_owned(), "Kicked".to_owned()))));
}
