//! One session with its task and nothing else: it has no page, so that no part is started.

use tempfile::TempDir;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use understudy_core::input::{Refusal, Steer};
use understudy_core::invitation::Refusal as NotInvited;
use understudy_core::participant::Status;
use understudy_core::spec::{
    AudioInput, Choice, Destination, FrameRate, Inputs, Livestream, Output, Sharing, Source,
};
use understudy_core::steering::seat::{IDLE, Mode};

use super::*;
use crate::gst;
use crate::program::Registry;
use crate::session::stub::config;
use crate::session::{Handle, InviteError, SteerError, start};

struct Stage {
    session: Handle,
    programs: Registry,
    _directory: TempDir,
    _end: tokio_util::sync::DropGuard,
}

impl Stage {
    fn new() -> Self {
        gst::init().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let end = CancellationToken::new();
        let nobody = |_: &str| watch::channel(0).1;
        let config = config(directory.path());
        let programs = config.programs.clone();
        let (session, _) = start(config, nobody, end.clone());
        Self { session, programs, _directory: directory, _end: end.drop_guard() }
    }

    async fn want(&self, wanted: Wanted) -> (Vec<v1::Refusal>, v1::Report) {
        let refusals = self.session.want(wanted).await.unwrap();
        (refusals, self.session.report().borrow().clone())
    }

    fn names(&self) -> Vec<String> {
        self.programs.names()
    }
}

fn told(generation: u64, spec: v1::SessionSpec, livestreams: &[v1::Livestream]) -> Wanted {
    let livestreams = livestreams.to_vec();
    Wanted { generation, stance: Stance::Told, spec, livestreams, ..Wanted::default() }
}

fn livestream(name: &str) -> v1::Livestream {
    v1::Livestream { name: name.into(), web_rtc: Some(v1::WebRtcOutput {}), ..v1::Livestream::default() }
}

/// Its inputs cannot be carried out.
fn bad_inputs() -> v1::SessionSpec {
    let stream = Some(v1::StreamSource { url: "gopher://a".into() });
    let video = Some(v1::VideoInput { stream, ..v1::VideoInput::default() });
    let inputs = Some(v1::Inputs { video, ..v1::Inputs::default() });
    v1::SessionSpec { inputs, ..v1::SessionSpec::default() }
}

fn parts(refusals: &[v1::Refusal]) -> Vec<(v1::Part, &str, &str)> {
    refusals.iter().map(|one| (one.part(), one.name.as_str(), one.field_path.as_str())).collect()
}

fn statuses(report: &v1::Report) -> Vec<(&str, &str)> {
    report.conditions.iter().map(|one| (one.status.as_str(), one.reason.as_str())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_was_told_nothing_claims_nothing() {
    let stage = Stage::new();
    let mut reports = stage.session.report();
    let report = reports.wait_for(|report| !report.conditions.is_empty()).await.unwrap().clone();
    assert_eq!(report.observed_generation, 0);
    assert_eq!(statuses(&report), [("Unknown", "Starting"); 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_field_of_the_session_takes_no_other_part_along() {
    let stage = Stage::new();
    stage.want(told(1, v1::SessionSpec::default(), &[livestream("a"), livestream("b")])).await;
    let invitation = Some(v1::Invitation { id: "show".into(), ..v1::Invitation::default() });
    let second = told(2, bad_inputs(), &[livestream("b"), livestream("c"), v1::Livestream::default()]);
    let (refusals, report) = stage.want(Wanted { invitation, ..second }).await;
    assert_eq!(
        parts(&refusals),
        [
            (v1::Part::Livestream, "", "name"),
            (v1::Part::Invitation, "show", "stage"),
            (v1::Part::Session, "", "inputs.video.stream.url"),
        ]
    );
    assert_eq!((report.observed_generation, &report.refusals), (2, &refusals));
    assert_eq!(stage.names(), ["b", "c", "program"]);
    let served: Vec<_> = report.livestreams.iter().map(|livestream| livestream.name.as_str()).collect();
    assert_eq!(served, ["b", "c"]);
    assert_eq!(statuses(&report), [("True", "NotWanted"); 3], "what ran before goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_whose_first_document_is_refused_claims_nothing_of_it() {
    let stage = Stage::new();
    let (_, report) = stage.want(told(1, bad_inputs(), &[livestream("a")])).await;
    assert_eq!(report.observed_generation, 1);
    assert_eq!(statuses(&report), [("Unknown", "Starting"); 3]);
    let shown = &report.livestreams[0];
    assert_eq!(
        (shown.ready, shown.reason.as_str(), shown.severity()),
        (false, "Starting", v1::Severity::Info)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_elsewhere_is_in_the_same_snapshot() {
    let stage = Stage::new();
    let access = v1::Refusal { part: v1::Part::Access.into(), ..v1::Refusal::default() };
    let wanted = told(1, v1::SessionSpec::default(), &[]);
    let (_, report) = stage.want(Wanted { refusals: vec![access.clone()], ..wanted }).await;
    assert_eq!((report.observed_generation, report.refusals), (1, vec![access]));
    let (_, report) = stage.want(told(2, v1::SessionSpec::default(), &[])).await;
    assert_eq!((report.observed_generation, report.refusals), (2, vec![]));
}

fn shared(mode: &str) -> v1::SessionSpec {
    let page = Some(v1::Page { url: "understudy:mirror".into(), ..v1::Page::default() });
    let notes =
        v1::NamedPage { name: "notes".into(), url: "understudy:mirror".into(), ..v1::NamedPage::default() };
    let sharing = v1::Sharing { mode: mode.into(), pages: vec![notes], ..v1::Sharing::default() };
    v1::SessionSpec { page, sharing: Some(sharing), ..v1::SessionSpec::default() }
}

#[test]
fn another_sharing_touches_neither_display_nor_page() {
    let parsed = |document: &v1::SessionSpec| spec::parse(document).unwrap();
    let alone = v1::SessionSpec { sharing: None, ..shared("") };
    for (before, after) in
        [(&alone, &shared("Host")), (&shared("Host"), &shared("Off")), (&shared("Off"), &alone)]
    {
        assert_ne!(parsed(before), parsed(after));
        assert_eq!(changes(&parsed(before), &parsed(after), true), []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn how_it_is_shared_is_told_on_with_each_change_and_kept_while_a_document_is_refused() {
    let stage = Stage::new();
    let mut sharing = stage.session.sharing();
    assert_eq!(*sharing.borrow_and_update(), Sharing::default());
    let host = v1::SessionSpec { page: None, ..shared("Host") };
    stage.want(told(1, host.clone(), &[])).await;
    assert!(sharing.has_changed().unwrap());
    assert_eq!(sharing.borrow_and_update().mode, Some(Mode::Host { idle: IDLE }));
    stage.want(told(2, v1::SessionSpec { display_name: "Ada".into(), ..host.clone() }, &[])).await;
    assert!(!sharing.has_changed().unwrap(), "it is the same");
    let (refusals, _) = stage.want(told(3, v1::SessionSpec { page: None, ..shared("x") }, &[])).await;
    assert_eq!(parts(&refusals), [(v1::Part::Session, "", "sharing.mode")]);
    assert!(!sharing.has_changed().unwrap(), "what was refused changes nothing");
    stage.want(told(4, v1::SessionSpec::default(), &[])).await;
    assert_eq!(*sharing.borrow_and_update(), Sharing::default());
}

/// A stage that nobody answers at.
fn invitation(id: &str) -> Option<v1::Invitation> {
    let whip = Some(v1::WhipOutput { url: "http://192.0.2.1/whip".into(), token: "secretword".into() });
    let stage = Some(v1::Stage { whip, ..v1::Stage::default() });
    Some(v1::Invitation { id: id.into(), stage, ..v1::Invitation::default() })
}

fn invited(generation: u64, invitation: Option<v1::Invitation>) -> Wanted {
    Wanted { invitation, ..told(generation, v1::SessionSpec::default(), &[]) }
}

async fn until(stage: &Stage, is: impl Fn(&v1::InvitationReport) -> bool) -> v1::InvitationReport {
    let mut reports = stage.session.report();
    let told = reports.wait_for(|report| report.invitation.as_ref().is_some_and(&is));
    let told = tokio::time::timeout(std::time::Duration::from_secs(10), told).await;
    told.expect("it must be told").unwrap().invitation.clone().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_that_is_no_longer_desired_is_left_and_not_taken_again() {
    let stage = Stage::new();
    let (refusals, report) = stage.want(invited(1, invitation("a"))).await;
    let heard = report.invitation.unwrap();
    assert_eq!((refusals.len(), heard.id.as_str(), heard.state()), (0, "a", v1::InvitationState::Accepted));
    let types = heard.conditions.iter().map(|said| (said.r#type.as_str(), said.status.as_str()));
    assert_eq!(types.collect::<Vec<_>>(), [("Connected", "False"), ("Published", "False")]);
    stage.want(invited(2, None)).await;
    let left = until(&stage, |said| said.state() == v1::InvitationState::Left).await;
    assert_eq!((left.id.as_str(), left.outcome.as_str()), ("a", "Kicked"));
    let (_, report) = stage.want(invited(3, invitation("a"))).await;
    assert_eq!(report.invitation.unwrap(), left, "it stays left");
    let (_, report) = stage.want(invited(4, invitation("b"))).await;
    assert_eq!(report.invitation.unwrap().id, "b");
    assert!(!format!("{:?}", stage.session.report().borrow()).contains("secretword"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_that_is_a_page_needs_a_session_with_a_browser() {
    let stage = Stage::new();
    let page = Some(v1::PageStage { url: "https://192.0.2.1/".into(), token: "secretword".into() });
    let by_page = Some(v1::Stage { page, ..v1::Stage::default() });
    let invited_by_page = v1::Invitation { stage: by_page, ..invitation("a").unwrap() };
    let (refusals, report) = stage.want(invited(1, Some(invited_by_page))).await;
    let refused: Vec<_> = refusals.iter().map(|one| (one.part(), one.field_path.as_str())).collect();
    assert_eq!(refused, [(v1::Part::Invitation, "stage.page")]);
    assert_eq!(report.invitation.unwrap().state(), v1::InvitationState::Unspecified);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_invitation_carries_goes_with_it() {
    let stage = Stage::new();
    let socket = || Some(v1::SocketSource {});
    let audio = Some(v1::AudioInput { socket: socket(), ..v1::AudioInput::default() });
    let inputs = Some(v1::Inputs { audio, ..v1::Inputs::default() });
    let own = v1::SessionSpec { inputs, ..v1::SessionSpec::default() };
    let video = Some(v1::VideoInput { socket: socket(), ..v1::VideoInput::default() });
    let inputs = Some(v1::Inputs { video, ..v1::Inputs::default() });
    let carrying = v1::Invitation { inputs, ..invitation("a").unwrap() };
    stage.want(Wanted { spec: own.clone(), ..invited(1, Some(carrying)) }).await;
    let carries = || {
        let inputs = stage.session.inputs().borrow().configured.clone().unwrap();
        (inputs.video.is_some(), inputs.audio.is_some())
    };
    assert_eq!(carries(), (true, false));
    stage.want(told(2, own, &[])).await;
    until(&stage, |said| said.state() == v1::InvitationState::Left).await;
    assert_eq!(carries(), (false, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drained_session_is_idle_says_so_and_is_not_opened_again_over_http() {
    let stage = Stage::new();
    let audio = AudioInput { source: Source::Socket, destination: Destination::Microphone };
    let inputs = Inputs { audio: Some(audio), ..Inputs::default() };
    let configure = || Steer::Configure(Box::new(inputs.clone()));
    stage.want(told(1, v1::SessionSpec::default(), &[livestream("a")])).await;
    stage.session.steer(configure()).await.unwrap();
    let drained = Wanted { generation: 2, stance: Stance::Drained, ..Wanted::default() };
    let (refusals, report) = stage.want(drained).await;
    assert_eq!((refusals.len(), report.observed_generation), (0, 2));
    assert_eq!(statuses(&report), [("False", "Drained"); 3]);
    assert_eq!(stage.names(), [""; 0]);
    assert_eq!(stage.session.inputs().borrow().configured, None);
    let refused = stage.session.steer(configure()).await.unwrap_err();
    assert!(matches!(refused, SteerError::Refused(Refusal::Drained)), "{refused}");
    stage.want(told(3, v1::SessionSpec::default(), &[])).await;
    stage.session.steer(configure()).await.unwrap();
}

fn over_http(name: &str) -> Livestream {
    Livestream { name: name.into(), output: Output::WebRtc, choice: Choice::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_livestream_that_was_refused_for_its_name_is_carried_out_once_that_is_free() {
    let stage = Stage::new();
    let stream = stage.session.start_stream(over_http("a")).await.unwrap();
    let (refusals, _) = stage.want(told(1, v1::SessionSpec::default(), &[livestream("a")])).await;
    assert_eq!(parts(&refusals), [(v1::Part::Livestream, "a", "name")]);
    let another = stream.since + std::time::Duration::from_secs(1);
    assert!(stage.session.stop_stream("a", Some(another)).await.is_err(), "that is not the one");
    stage.session.stop_stream("a", Some(stream.since)).await.unwrap();
    let report = stage.session.report().borrow().clone();
    assert_eq!((report.refusals.len(), report.livestreams.len()), (0, 1));
    assert_eq!(stage.names(), ["a", "program"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_was_drained_shows_and_sends_nothing_more_whoever_started_it() {
    let stage = Stage::new();
    stage.session.start_stream(over_http("a")).await.unwrap();
    stage.want(Wanted { stance: Stance::Drained, ..told(1, v1::SessionSpec::default(), &[]) }).await;
    assert!(stage.names().is_empty(), "{:?}", stage.names());
    assert!(stage.session.start_stream(over_http("b")).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_all_that_the_page_has_is_given_what_everybody_is() {
    let stage = Stage::new();
    let rate = |rate| FrameRate::parse("rate", rate).ok();
    for (name, frame_rate) in [("all", rate(30)), ("more", rate(60)), ("less", rate(10))] {
        stage
            .session
            .start_stream(Livestream {
                choice: Choice { frame_rate, ..Choice::default() },
                ..over_http(name)
            })
            .await
            .unwrap();
    }
    let within = |width| Choice { size: Choice::size("", width, 0).unwrap(), ..Choice::default() };
    for (name, choice) in [("large", within(3840)), ("small", within(640))] {
        stage.session.start_stream(Livestream { choice, ..over_http(name) }).await.unwrap();
    }
    let shown = |name: &str| stage.programs.named(name).unwrap();
    assert!(shown("large").is_as(&shown("program")) && !shown("small").is_as(&shown("program")));
    assert!(shown("all").is_as(&shown("program")) && shown("more").is_as(&shown("program")));
    assert!(!shown("less").is_as(&shown("program")) && shown("less").is(&shown("program")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_for_here_is_nothing_that_an_operator_is_told_and_ends_with_the_session() {
    let stage = Stage::new();
    stage.want(invited(1, None)).await;
    let here = || spec::invitation(&invitation("here").unwrap()).unwrap();
    stage.session.invite(here()).await.unwrap();
    let mut participant = stage.session.participant();
    participant.wait_for(|view| view.record.status == Status::Invited).await.unwrap();
    let (_, report) = stage.want(invited(2, None)).await;
    assert_eq!(report.invitation, None);
    assert_eq!(
        stage.session.participant().borrow().record.status,
        Status::Invited,
        "it ends nothing of that"
    );
    stage.want(Wanted { stance: Stance::Drained, ..invited(3, None) }).await;
    participant.wait_for(|view| view.record.status == Status::Available).await.unwrap();
    let refused = stage.session.invite(here()).await.unwrap_err();
    assert!(matches!(refused, InviteError::Refused(NotInvited::Drained)), "{refused}");
}
