use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::invitation::{Moment, Outcome, Seat};
use crate::report::Picture;
use crate::sending::Sending;
use crate::spec::{Invitation, InvitationLimits, Stage as Place, Target, WhipTarget};

const AT: &str = "2026-12-01T20:00:00Z";

/// A session and the connections of its socket.
struct House {
    seat: Seat,
    standing: Standing,
    token: Option<&'static str>,
    now: Instant,
    hour: u32,
}

fn invitation(id: &str) -> Box<Invitation> {
    let target = WhipTarget::parse("", "https://stage.example.org/streamkey", "secretword").unwrap();
    let stage =
        Place { target: Target::Whip(target), expires: None, participant_id: "abcdefghijkl".to_owned() };
    let (id, limits) = (id.to_owned(), InvitationLimits::default());
    Box::new(Invitation { id, join_before: None, stage, inputs: None, limits })
}

fn page(number: u64) -> Talk {
    let identity = Identity { vp: "ada".to_owned(), task: "ada-1".to_owned() };
    Talk::new(Arc::new(identity), number, 0)
}

fn read(messages: Vec<String>) -> Vec<Value> {
    messages.iter().map(|text| serde_json::from_str(text).unwrap()).collect()
}

/// The statuses of what is told of the participant, and who brought them about.
fn told(messages: Vec<String>) -> Vec<(String, String)> {
    let state = |message: &Value| {
        let state = &message["data"]["onVirtualParticipantStateChanged"];
        assert_eq!(state["status"], message["status"], "both shapes say the same");
        let word = |value: &Value| value.as_str().unwrap().to_owned();
        (word(&state["status"]), word(&state["lastUpdateSource"]))
    };
    read(messages).iter().filter(|message| message["type"] == "vp.update").map(state).collect()
}

fn statuses(messages: Vec<String>) -> Vec<String> {
    told(messages).into_iter().map(|(status, _)| status).collect()
}

impl House {
    fn new() -> Self {
        let seat = Seat::default();
        let mut house =
            Self { seat, standing: Standing::default(), token: None, now: Instant::now(), hour: 0 };
        house.look();
        house
    }

    fn look(&mut self) {
        self.hour += 1;
        let at = format!("2026-12-01T20:00:00.{:03}Z", self.hour);
        let said = self.seat.conditions(Picture::Proven);
        self.standing.observe(&self.seat, &said, self.token, &at);
    }

    fn desire(&mut self, id: Option<&str>) {
        self.seat = std::mem::take(&mut self.seat).desire(id.map(|id| Ok(invitation(id))), self.now);
    }

    fn invited(&mut self, id: &str) {
        self.desire(Some(id));
        self.look();
    }

    fn sending(&mut self, sending: Sending) {
        let moment = Moment { now: self.now, clock: SystemTime::UNIX_EPOCH, alone_since: None };
        self.seat = std::mem::take(&mut self.seat).heed(Some(sending), &moment);
        self.look();
    }

    fn kicked(&mut self) {
        self.desire(None);
        self.look();
    }

    fn gone(&mut self) {
        self.seat = std::mem::take(&mut self.seat).gone(self.now);
        self.look();
    }

    fn says(&mut self, talk: &mut Talk, number: u64, message: Value) -> (Vec<String>, Option<Heard>) {
        let Step { mut replies, word } = talk.hear(&message.to_string(), self.standing.view());
        let heard = word.map(|word| self.standing.hear(word, number, self.now, AT));
        replies.extend(heard.as_ref().and_then(|heard| Talk::answered(Some(heard.answer))));
        (replies, heard)
    }

    fn tell(&self, talk: &mut Talk) -> Vec<String> {
        talk.tell(self.standing.view())
    }

    fn follows(&mut self, talk: &mut Talk) -> Vec<String> {
        self.says(talk, 0, json!({"type": "vp.subscribe_vp"})).0
    }
}

#[test]
fn the_first_message_has_the_contracts_fields() {
    let first: Value = serde_json::from_str(&Talk::greeting("c-1")).unwrap();
    let expected = json!({"type": "connection", "status": "connected", "clientId": "c-1", "capabilities": {"appsync": true}});
    assert_eq!(first, expected);
}

#[test]
fn whoever_follows_is_told_how_it_is_at_once_in_both_shapes() {
    let (mut house, mut talk) = (House::new(), page(1));
    house.invited("show-42");
    let told = read(house.follows(&mut talk));
    assert_eq!(
        told[0],
        json!({"type": "subscription.created", "subscriptionId": "vp-ada", "target": "vp", "vpId": "ada"})
    );
    let expected = json!({
        "type": "vp.update",
        "status": "INVITED",
        "metadata": {"timestamp": "2026-12-01T20:00:00.002Z"},
        "data": {"onVirtualParticipantStateChanged": {
            "id": "ada", "status": "INVITED", "stageArn": "show-42",
            "stageEndpoints": {"whip": "https://stage.example.org/***", "events": ""},
            "assetName": "", "taskId": "ada-1", "running": "yes", "updatedAt": "2026-12-01T20:00:00.002Z",
            "lastUpdateSource": "invite-api", "participantId": "abcdefghijkl",
        }},
    });
    assert_eq!(told[1..], [expected]);
    assert_eq!(house.tell(&mut talk), Vec::<String>::new(), "once is enough");
}

#[test]
fn it_goes_from_available_to_joined_and_over_kicked_back() {
    let (mut house, mut talk) = (House::new(), page(1));
    let mut all = told(house.follows(&mut talk));
    let mut step = |house: &House| all.extend(told(house.tell(&mut talk)));
    house.invited("a");
    step(&house);
    house.sending(Sending::Connected);
    step(&house);
    house.sending(Sending::Arriving);
    step(&house);
    house.sending(Sending::Unacknowledged);
    step(&house);
    house.sending(Sending::Arriving);
    step(&house);
    house.kicked();
    step(&house);
    house.gone();
    step(&house);
    let expected = [
        ("AVAILABLE", "understudy-runtime"),
        ("INVITED", "invite-api"),
        ("JOINED", "understudy-runtime"),
        ("INVITED", "invite-api"),
        ("JOINED", "understudy-runtime"),
        ("KICKED", "kick-api"),
        ("AVAILABLE", "understudy-runtime"),
    ];
    assert_eq!(all, expected.map(|(status, source)| (status.to_owned(), source.to_owned())));
}

#[test]
fn a_kick_is_told_before_what_comes_after_it_however_fast_that_is_and_once() {
    let (mut house, mut slow, mut late) = (House::new(), page(1), page(2));
    house.follows(&mut slow);
    house.invited("a");
    house.tell(&mut slow);
    // All in one turn, of which nobody saw the middle.
    house.desire(None);
    house.gone();
    assert_eq!(statuses(house.tell(&mut slow)), ["KICKED", "AVAILABLE"]);
    assert_eq!(slow.kick(), 1);
    // Nobody has told the one that comes only now.
    assert_eq!(statuses(house.follows(&mut late)), ["KICKED", "AVAILABLE"]);
    assert_eq!(statuses(house.follows(&mut late)), ["AVAILABLE"]);
    let identity = Identity { vp: "ada".to_owned(), task: String::new() };
    assert_eq!(statuses(house.follows(&mut Talk::new(Arc::new(identity), 3, 1))), ["AVAILABLE"]);
    house.invited("b");
    house.desire(Some("c"));
    house.look();
    house.gone();
    assert_eq!(statuses(house.tell(&mut slow)), ["KICKED", "INVITED"]);
}

#[test]
fn whoever_comes_back_before_it_has_left_is_told_to_leave() {
    let (mut house, mut before, mut after) = (House::new(), page(1), page(2));
    house.invited("a");
    house.follows(&mut before);
    house.kicked();
    house.tell(&mut before);
    assert_eq!(house.says(&mut after, 2, json!({"type": "vp.ready"})).0, Vec::<String>::new());
    let kicked = read(house.follows(&mut after));
    let state = &kicked[1]["data"]["onVirtualParticipantStateChanged"];
    assert_eq!((&state["status"], &state["stageArn"]), (&json!("KICKED"), &json!("unassigned")));
    assert_eq!((&state["stageEndpoints"], &kicked[1]["metadata"]["outcome"]), (&json!({}), &json!("Kicked")));
    assert_eq!(kicked.len(), 2);
    house.gone();
    assert_eq!(statuses(house.tell(&mut after)), ["AVAILABLE"]);
}

#[test]
fn a_page_that_is_ready_frees_nobody() {
    let (mut house, mut talk) = (House::new(), page(1));
    house.invited("a");
    for (arrives, status) in [(false, "INVITED"), (true, "JOINED")] {
        if arrives {
            house.sending(Sending::Arriving);
        }
        let before = house.standing.view().clone();
        let ready = house.says(&mut talk, 1, json!({"type": "vp.ready", "vpId": "ada"}));
        let left = house.says(&mut talk, 1, json!({"type": "vp.left_stage"}));
        assert_eq!((ready.0.len(), left.0.len()), (0, 0));
        let refused = house.says(&mut talk, 1, json!({"type": "vp.status_update", "status": "AVAILABLE"}));
        assert_eq!(refused.0, [error("Failed to update VP status")]);
        assert_eq!((house.standing.view(), before.record.status.word()), (&before, status));
    }
}

#[test]
fn what_a_page_brings_about_is_marked_and_not_told_to_itself() {
    let (mut house, mut page_itself, mut other) = (House::new(), page(1), page(2));
    house.follows(&mut page_itself);
    house.follows(&mut other);
    let ready = json!({"type": "vp.ready", "metadata": {"version": 3, "timestamp": "a lie"}});
    house.says(&mut page_itself, 1, ready);
    assert_eq!(house.tell(&mut page_itself), Vec::<String>::new());
    let told = read(house.tell(&mut other));
    assert_eq!(told[0]["metadata"], json!({"version": 3, "timestamp": AT}));
    assert_eq!(told[0]["data"]["onVirtualParticipantStateChanged"]["lastUpdateSource"], "vp-server");
    // What somebody else brought about in between is not lost with it.
    house.invited("a");
    house.says(&mut page_itself, 1, json!({"type": "vp.ready", "metadata": {"version": 4}}));
    for talk in [&mut page_itself, &mut other] {
        assert_eq!(statuses(house.tell(talk)), ["INVITED"]);
    }
}

#[test]
fn an_error_is_a_state_only_while_nothing_is_published_and_passes() {
    let (mut house, mut talk, mut other) = (House::new(), page(1), page(2));
    house.follows(&mut other);
    let fails = json!({"type": "vp.error", "error": "no camera"});
    let (replies, heard) = house.says(&mut talk, 1, fails.clone());
    let happening = heard.unwrap().happening.unwrap();
    assert_eq!(
        (happening.reason, happening.message.as_str()),
        ("PageError", "the page reports an error: no camera")
    );
    assert_eq!(replies, Vec::<String>::new());
    let told = read(house.tell(&mut other));
    assert_eq!((&told[0]["status"], &told[0]["metadata"]["error"]), (&json!("ERRORED"), &json!("no camera")));
    house.says(&mut talk, 1, json!({"type": "vp.ready"}));
    assert_eq!(statuses(house.tell(&mut other)), ["AVAILABLE"]);
    house.says(&mut talk, 1, fails.clone());
    house.invited("a");
    assert_eq!(statuses(house.tell(&mut other)), ["INVITED"], "an invitation is a new beginning");
    house.says(&mut talk, 1, fails.clone());
    assert_eq!(statuses(house.tell(&mut other)), ["ERRORED"]);
    house.sending(Sending::Arriving);
    assert_eq!(statuses(house.tell(&mut other)), ["JOINED"]);
    house.says(&mut talk, 1, fails);
    assert_eq!(house.tell(&mut other), Vec::<String>::new());
    house.kicked();
    house.says(&mut talk, 1, json!({"type": "vp.status_update", "status": "KICKED"}));
    assert_eq!(statuses(house.tell(&mut other)), ["KICKED"]);
}

#[test]
fn what_is_wrong_is_said_in_the_contracts_texts_and_changes_nothing() {
    let (mut house, mut talk) = (House::new(), page(1));
    let long = format!("vp.{}", "x".repeat(500));
    let cases = [
        (json!([1]), "Invalid message format"),
        (json!({"data": 1}), "Invalid message format"),
        (json!({"type": 7}), "Invalid message format"),
        (json!({"type": "vp.ready", "metadata": []}), "Invalid message format"),
        (json!({"type": "vp.ready", "metadata": {"a": "x".repeat(5000)}}), "Invalid message format"),
        (json!({"type": "vp.unsubscribe"}), "Invalid message format"),
        (json!({"type": "vp.unsubscribe", "subscriptionId": "all"}), "Invalid message format"),
        (json!({"type": "vp.dance"}), "Unknown message type: vp.dance"),
        (json!({"type": "vp.subscribe_vp", "vpId": 7}), "VP ID is required for subscription"),
        (json!({"type": "vp.subscribe_vp", "vpId": "eve"}), "AppSync not available"),
        (json!({"type": "vp.subscribe_stage"}), "AppSync not available or missing stageId"),
        (json!({"type": "vp.subscribe_stage", "stageId": ""}), "AppSync not available or missing stageId"),
        (json!({"type": "vp.status_update"}), "VP ID and status are required for status updates"),
        (
            json!({"type": "vp.status_update", "status": "JOINED", "vpId": []}),
            "VP ID and status are required for status updates",
        ),
        (json!({"type": "vp.status_update", "status": "ON FIRE"}), "Invalid status: ON FIRE"),
        (json!({"type": "vp.status_update", "status": "JOINED"}), "Failed to update VP status"),
        (json!({"type": "vp.status_update", "status": "STOPPED"}), "Failed to update VP status"),
        (json!({"type": "vp.status_update", "status": "KICKED"}), "Failed to update VP status"),
        (json!({"type": "vp.ready", "vpId": 7}), "VP ID is required for status updates"),
        (json!({"type": "vp.joined_stage", "vpId": {}}), "VP ID is required for status updates"),
        (json!({"type": "vp.left_stage", "vpId": true}), "VP ID is required for status updates"),
        (json!({"type": "vp.ready", "vpId": "eve"}), "Failed to update VP status"),
        (json!({"type": "vp.error", "error": "no", "vpId": 7}), "VP ID is required for error reporting"),
    ];
    let before = house.standing.view().clone();
    for (message, text) in cases {
        assert_eq!(house.says(&mut talk, 1, message.clone()).0, [error(text)], "{message}");
    }
    assert_eq!(talk.hear("{", house.standing.view()).replies, [error("Invalid message format")]);
    let unknown = house.says(&mut talk, 1, json!({"type": long})).0;
    assert!(unknown[0].len() < 200, "{unknown:?}");
    assert_eq!(Talk::answered(None), Some(error("DynamoDB client not available")));
    assert_eq!(house.standing.view(), &before);
}

#[test]
fn what_is_true_can_be_said_and_is_nothing_new() {
    let (mut house, mut talk) = (House::new(), page(1));
    for status in ["AVAILABLE", "RUNNING"] {
        let said = house.says(&mut talk, 1, json!({"type": "vp.status_update", "status": status}));
        assert_eq!(said.0, Vec::<String>::new(), "{status}");
    }
    house.says(&mut talk, 1, json!({"type": "vp.status_update", "status": "ERRORED"}));
    assert_eq!(house.standing.view().record.status, Status::Errored);
    house.says(&mut talk, 1, json!({"type": "vp.status_update", "status": "AVAILABLE"}));
    assert_eq!(house.standing.view().record.status, Status::Available);
}

#[test]
fn a_stage_is_followed_by_its_id_and_left() {
    let (mut house, mut talk) = (House::new(), page(1));
    let follow = json!({"type": "vp.subscribe_stage", "stageId": "a"});
    let first = read(house.says(&mut talk, 1, follow.clone()).0);
    let created = json!({"type": "subscription.created", "subscriptionId": "stage-a", "target": "stage", "stageId": "a"});
    assert_eq!((&first[0], &first[1]["type"]), (&created, &json!("stage.update")));
    assert_eq!(first[1]["data"]["virtualParticipant"], Value::Null);
    house.invited("a");
    house.sending(Sending::Connected);
    let told = read(house.tell(&mut talk));
    let shown = &told[0]["data"]["virtualParticipant"];
    assert_eq!(
        (&shown["connected"], &shown["published"], &shown["reason"]),
        (&json!(true), &json!(false), &json!("AwaitingEvidence"))
    );
    house.sending(Sending::Arriving);
    assert_eq!(read(house.tell(&mut talk))[0]["data"]["virtualParticipant"]["published"], true);
    assert_eq!(house.tell(&mut talk), Vec::<String>::new());
    let removed =
        read(house.says(&mut talk, 1, json!({"type": "vp.unsubscribe", "subscriptionId": "stage-a"})).0);
    assert_eq!(removed[0]["type"], "subscription.removed");
    house.kicked();
    assert_eq!(house.tell(&mut talk), Vec::<String>::new());
    house.follows(&mut talk);
    house.says(&mut talk, 1, json!({"type": "vp.unsubscribe", "subscriptionId": "vp-ada"}));
    house.gone();
    assert_eq!(house.tell(&mut talk), Vec::<String>::new());
    for number in 0..100 {
        house.says(&mut talk, 1, json!({"type": "vp.subscribe_stage", "stageId": number.to_string()}));
    }
    let full = house.says(&mut talk, 1, json!({"type": "vp.subscribe_stage", "stageId": "one more"}));
    assert_eq!(full.0, [error("AppSync not available or missing stageId")]);
}

#[test]
fn a_token_is_told_to_the_page_that_joins_with_it_and_printed_nowhere() {
    let (mut house, mut talk) = (House::new(), page(1));
    house.token = Some("secrettoken");
    house.invited("a");
    let told = read(house.follows(&mut talk));
    assert_eq!(told[1]["data"]["onVirtualParticipantStateChanged"]["participantToken"], "secrettoken");
    assert!(!format!("{:?}{talk:?}", house.standing).contains("secrettoken"));
    let fails = json!({"type": "vp.error", "error": "401 at wss://a.example/?key=word&x\nwith secrettoken eyJhbGci.eyJqdGki.c2ln"});
    let heard = house.says(&mut talk, 1, fails).1.unwrap();
    let message = heard.happening.unwrap().message;
    assert_eq!(message, "the page reports an error: 401 at wss://a.example/?key=***&*** with *** ***");
    house.token = None;
    house.kicked();
    let told = read(house.tell(&mut talk));
    assert_eq!(told[0]["data"]["onVirtualParticipantStateChanged"].get("participantToken"), None);
}

#[test]
fn a_token_is_told_to_the_stage_s_page_alone_which_is_heard_until_it_has_left() {
    let (stage, own) = ("https://meet.example.org", "https://page.example.org");
    let mut house = House::new();
    let admit = |house: &mut House, stage: Option<&str>| {
        house.standing.admit(&house.seat, stage.map(str::to_owned), Some(own.to_owned()));
    };
    admit(&mut house, None);
    assert!(house.standing.view().is_from(own) && !house.standing.view().entrusts(Some(own)));
    house.token = Some("secrettoken");
    house.invited("a");
    let knows = |house: &mut House, origin: Option<&str>| {
        let mut talk = page(1).with(origin.map(str::to_owned));
        house.follows(&mut talk).concat().contains("secrettoken")
    };
    // Whatever is there before the stage's page is.
    assert_eq!((knows(&mut house, Some(own)), knows(&mut house, Some(stage))), (false, false));
    admit(&mut house, Some(stage));
    assert_eq!((knows(&mut house, Some(own)), knows(&mut house, Some(stage))), (false, true));
    assert!(knows(&mut house, None), "a program");
    house.token = None;
    house.kicked();
    admit(&mut house, None);
    assert!(house.standing.view().is_from(stage), "it is told to leave");
    assert!(!knows(&mut house, Some(stage)));
    house.gone();
    admit(&mut house, None);
    assert!(house.standing.view().is_from(own) && !house.standing.view().is_from(stage));
}

#[test]
fn what_let_pages_in_before_is_hidden_too_in_what_they_report() {
    let (mut house, mut talk) = (House::new(), page(1));
    for token in ["word", "wordofanother"] {
        house.token = Some(token);
        house.invited(token);
        house.kicked();
        house.gone();
    }
    house.token = None;
    house.look();
    let fails = json!({"type": "vp.error", "error": "no word with wordofanother"});
    let heard = house.says(&mut talk, 1, fails).1.unwrap();
    assert_eq!(heard.happening.unwrap().message, "the page reports an error: no *** with ***");
}

#[test]
fn of_what_is_refused_nothing_is_kept() {
    let (mut house, mut talk) = (House::new(), page(1));
    let before = house.standing.view().clone();
    let lie = json!({"type": "vp.status_update", "status": "JOINED", "metadata": {"version": 3}});
    assert_eq!(house.says(&mut talk, 1, lie).0, [error("Failed to update VP status")]);
    assert_eq!(house.standing.view(), &before);
}

#[test]
fn a_page_that_reports_without_end_is_heard_seldom_and_in_short() {
    let (mut house, mut talk) = (House::new(), page(1));
    let fails = json!({"type": "vp.error", "error": "x ".repeat(20_000)});
    let mut happened = 0;
    for _ in 0..100 {
        if let Some(happening) = house.says(&mut talk, 1, fails.clone()).1.unwrap().happening {
            assert!(happening.message.len() < 400);
            happened += 1;
        }
    }
    assert_eq!(happened, 5);
    house.now += Duration::from_secs(10);
    let again = |house: &mut House, talk: &mut Talk| {
        house.says(talk, 1, fails.clone()).1.unwrap().happening.is_some()
    };
    assert_eq!((again(&mut house, &mut talk), again(&mut house, &mut talk)), (true, false));
}

/// What may happen, in any order.
#[derive(Clone, Debug)]
enum Event {
    Invite(u8),
    Take,
    /// It is taken away and gone, and there may be another, before anybody looks.
    Swap(Option<u8>),
    Arrive,
    Lose,
    Gone,
    Say(usize, u8),
    Tell(usize),
    Reconnect(usize),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (0..3u8).prop_map(Event::Invite),
        Just(Event::Take),
        prop::option::of(0..3u8).prop_map(Event::Swap),
        Just(Event::Arrive),
        Just(Event::Lose),
        Just(Event::Gone),
        (0..2usize, 0..6u8).prop_map(|(who, what)| Event::Say(who, what)),
        (0..2usize).prop_map(Event::Tell),
        (0..2usize).prop_map(Event::Reconnect),
    ]
}

proptest! {
    /// Whoever follows, and is told now and then, hears of each end before anything else, and knows the truth at last.
    #[test]
    fn whatever_happens_nobody_is_told_what_is_not_so(events in prop::collection::vec(event(), 0..60)) {
        const SAYS: [&str; 6] = ["vp.ready", "vp.joined_stage", "vp.left_stage", "vp.error", "vp.status_update", "vp.subscribe_vp"];
        let mut house = House::new();
        let (mut talks, mut last, mut kicks) = ([page(1), page(2)], ["AVAILABLE".to_owned(), "AVAILABLE".to_owned()], 0);
        for talk in &mut talks {
            house.follows(talk);
        }
        let hears = |who: usize, last: &mut [String; 2], messages: Vec<String>| {
            for status in statuses(messages) {
                let on = |status: &str| ["INVITED", "JOINED"].contains(&status);
                assert!(!(on(&last[who]) && status == "AVAILABLE"), "nobody goes from a stage but by a kick");
                last[who] = status;
            }
        };
        for event in events {
            match event {
                Event::Invite(id) => house.invited(&id.to_string()),
                Event::Take => house.kicked(),
                Event::Swap(next) => {
                    house.desire(None);
                    house.desire(next.map(|id| id.to_string()).as_deref());
                    house.seat = std::mem::take(&mut house.seat).gone(house.now);
                    house.look();
                }
                Event::Arrive => house.sending(Sending::Arriving),
                Event::Lose => house.sending(Sending::Connecting),
                Event::Gone => house.gone(),
                Event::Say(who, what) => {
                    let before = house.standing.view().record.clone();
                    let message = json!({"type": SAYS[usize::from(what)], "status": "AVAILABLE", "error": "e"});
                    let (replies, _) = house.says(&mut talks[who], who as u64 + 1, message);
                    hears(who, &mut last, replies);
                    let after = &house.standing.view().record;
                    prop_assert_eq!(&before.stage, &after.stage);
                    prop_assert!(before.status != Status::Joined || after.status == Status::Joined);
                    prop_assert!(before.status != Status::Kicked || after.status == Status::Kicked);
                }
                Event::Tell(who) => {
                    let messages = house.tell(&mut talks[who]);
                    hears(who, &mut last, messages);
                }
                Event::Reconnect(who) => {
                    let identity = Identity { vp: "ada".to_owned(), task: String::new() };
                    talks[who] = Talk::new(Arc::new(identity), who as u64 + 1, kicks);
                    last[who] = "AVAILABLE".to_owned();
                    let messages = house.follows(&mut talks[who]);
                    hears(who, &mut last, messages);
                }
            }
            kicks = kicks.max(talks[0].kick()).max(talks[1].kick());
            let is_published = house.standing.view().showing.published;
            prop_assert_eq!(is_published, house.standing.view().record.status == Status::Joined);
        }
        let mut third = page(3);
        let told = statuses(house.follows(&mut third));
        let now = house.standing.view().record.status.word();
        prop_assert_eq!(told.last().map(String::as_str), Some(now));
        prop_assert!(house.standing.view().record.outcome.is_none_or(|outcome| outcome == Outcome::Kicked));
    }

    #[test]
    fn no_text_breaks_it(text in "\\PC*") {
        let house = House::new();
        let step = page(1).hear(&text, house.standing.view());
        prop_assert!(step.word.is_some() || !step.replies.is_empty());
    }
}
