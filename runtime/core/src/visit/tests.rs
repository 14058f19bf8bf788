use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A page that is looked at each second.
struct Life {
    visit: Visit,
    now: Instant,
    sent: u64,
    heard: u64,
}

fn sample(document: u64, state: &str, sent: u64, heard: u64) -> String {
    format!(
        r#"{{"document":{document},"peers":[{{"id":1,"state":"{state}","sent":{sent},"heard":{heard}}}]}}"#
    )
}

impl Life {
    fn opened() -> Self {
        let now = Instant::now();
        Self { visit: Visit::new(now), now, sent: 0, heard: 0 }
    }

    /// So many seconds, in each of which that much is sent, and a report comes or not.
    fn goes(&mut self, seconds: u32, state: &str, sends: u64, hears: bool) -> Verdict {
        for _ in 0..seconds {
            self.now += SECOND;
            self.sent += sends;
            self.heard += u64::from(hears) * 1000;
            self.visit.told(&sample(7, state, self.sent, self.heard), self.now);
        }
        self.judged()
    }

    /// So many seconds in which nothing is told.
    fn rests(&mut self, time: Duration) -> Verdict {
        self.now += time;
        self.judged()
    }

    fn judged(&self) -> Verdict {
        self.visit.judge(self.now)
    }
}

fn lost() -> Verdict {
    Verdict::Goes(Sending::Failed(Failure::Lost.told()))
}

const CONNECTING: Verdict = Verdict::Goes(Sending::Connecting);
const CONNECTED: Verdict = Verdict::Goes(Sending::Connected);
const UNACKNOWLEDGED: Verdict = Verdict::Goes(Sending::Unacknowledged);
const ARRIVING: Verdict = Verdict::Goes(Sending::Arriving);

#[test]
fn what_is_sent_arrives_once_the_other_side_says_so_and_no_sooner() {
    let mut life = Life::opened();
    assert_eq!(life.judged(), CONNECTING);
    assert_eq!(life.goes(2, "new", 0, false), CONNECTING);
    assert_eq!(life.goes(2, "connecting", 0, false), CONNECTING);
    assert_eq!(life.goes(3, "connected", 0, false), CONNECTED, "nothing is sent");
    assert_eq!(life.goes(60, "connected", 30, false), CONNECTED, "nobody says that it arrives");
    assert_eq!(life.goes(1, "connected", 30, true), ARRIVING);
}

#[test]
fn reports_on_nothing_that_is_sent_are_no_evidence() {
    let mut life = Life::opened();
    assert_eq!(life.goes(5, "connected", 0, true), CONNECTED);
    assert_eq!(life.goes(3, "connecting", 30, true), CONNECTED, "while there is no way");
}

#[test]
fn who_hears_no_more_of_what_it_sends_is_unacknowledged_and_then_silent() {
    let mut life = Life::opened();
    life.goes(5, "connected", 30, true);
    assert_eq!(life.goes(10, "connected", 30, false), ARRIVING);
    assert_eq!(life.goes(1, "connected", 30, false), UNACKNOWLEDGED);
    assert_eq!(life.goes(30, "connected", 30, false), Verdict::Over(Failure::Silent));
    let mut life = Life::opened();
    life.goes(5, "connected", 30, true);
    assert_eq!(life.goes(300, "connected", 0, false), UNACKNOWLEDGED, "its camera is off");
    assert_eq!(life.goes(1, "connected", 30, true), ARRIVING);
}

#[test]
fn a_connection_that_is_gone_is_lost_after_a_while_and_given_time_to_come_back() {
    for state in ["disconnected", "failed", "closed"] {
        let mut life = Life::opened();
        life.goes(20, "connected", 30, true);
        assert_eq!(life.goes(3, state, 0, false), ARRIVING, "{state} for a moment");
        assert_eq!(life.goes(1, state, 0, false), lost(), "{state}");
        assert_eq!(life.goes(7, state, 0, false), lost());
        let mut repaired = Life { visit: life.visit.clone(), ..life };
        assert_eq!(repaired.goes(1, "connected", 30, true), ARRIVING);
        assert_eq!(life.goes(1, state, 0, false), Verdict::Over(Failure::Lost));
    }
    let mut life = Life::opened();
    life.goes(20, "connected", 30, true);
    assert_eq!(life.rests(GRACE), lost(), "of a page that says nothing");
    assert_eq!(life.rests(REPAIR), Verdict::Over(Failure::Lost));
}

#[test]
fn a_page_that_does_not_come_to_its_stage_is_opened_again() {
    let mut life = Life::opened();
    assert_eq!(life.rests(BEGINNING - SECOND), CONNECTING, "somebody may have to let it in");
    assert_eq!(life.rests(SECOND), Verdict::Over(Failure::Idle));
    let mut life = Life::opened();
    assert_eq!(life.goes(30, "connecting", 0, false), CONNECTING);
    assert_eq!(life.goes(1, "failed", 0, false), Verdict::Over(Failure::NoWay));
}

#[test]
fn a_page_that_waits_in_a_lobby_is_not_opened_again_for_a_connection_it_only_made_or_has_closed() {
    let mut life = Life::opened();
    assert_eq!(life.goes(100, "new", 0, false), CONNECTING);
    assert_eq!(life.goes(20, "new", 0, false), Verdict::Over(Failure::Idle));
    let mut life = Life::opened();
    assert_eq!(life.goes(20, "connecting", 0, false), CONNECTING, "it tries whether there is a way");
    assert_eq!(life.goes(40, "closed", 0, false), CONNECTING);
    assert_eq!(life.goes(30, "connecting", 0, false), CONNECTING, "another try has its own time");
    assert_eq!(life.goes(1, "connecting", 0, false), Verdict::Over(Failure::NoWay));
}

#[test]
fn a_connection_that_only_receives_does_not_keep_one_on_its_stage() {
    let beside = |life: &mut Life, seconds: u32, state: &str| {
        for _ in 0..seconds {
            life.goes(1, state, u64::from(state == "connected") * 30, state == "connected");
            life.visit.told(&sample(8, "connected", 0, 0), life.now);
        }
        life.judged()
    };
    let mut life = Life::opened();
    assert_eq!(beside(&mut life, 5, "connected"), ARRIVING);
    assert_eq!(beside(&mut life, 4, "failed"), lost());
    assert_eq!(beside(&mut life, 8, "failed"), Verdict::Over(Failure::Lost));
}

#[test]
fn another_document_of_the_page_begins_to_count_anew() {
    let mut life = Life::opened();
    life.goes(20, "connected", 30, true);
    life.rests(SECOND * 3);
    life.visit.told(&sample(8, "connected", 1, 0), life.now);
    assert_eq!(life.judged(), ARRIVING);
    life.rests(SECOND * 6);
    life.visit.told(&sample(8, "connected", 2, 0), life.now);
    assert_eq!(life.judged(), ARRIVING);
    life.rests(SECOND * 2);
    life.visit.told(&sample(8, "connected", 3, 0), life.now);
    assert_eq!(life.judged(), UNACKNOWLEDGED, "nobody has reported on it");
    life.visit.told(&sample(8, "connected", 4, 1), life.now);
    assert_eq!(life.judged(), ARRIVING);
}

#[test]
fn what_is_malformed_or_too_much_counts_for_nothing() {
    let mut life = Life::opened();
    let peer = r#"{"id":1,"state":"connected","sent":1,"heard":1}"#;
    let many = vec![peer; MOST_PEERS + 1].join(",");
    for text in [
        "",
        "null",
        "[]",
        r#"{"document":1}"#,
        &format!(r#"{{"document":1,"peers":[{many}]}}"#),
        &format!(r#"{{"document":1,"peers":[{peer}],"more":"{}"}}"#, "x".repeat(LONGEST)),
        &sample(1, "up", 1, 1),
        &sample(1, "connected", 1, 1).replace(r#""sent":1"#, r#""sent":-1"#),
        &sample(1, "connected", 1, 1).replace(r#""heard":1"#, r#""heard":"1""#),
    ] {
        life.visit.told(text, life.now);
        assert_eq!(life.judged(), CONNECTING, "{text}");
    }
    for document in 0..10_000 {
        life.visit.told(&sample(document, "connected", 1, 1), life.now);
    }
    assert!(life.visit.peers.len() <= MOST_KNOWN);
}

#[test]
fn each_failure_has_its_reason_says_what_to_do_and_is_tried_again() {
    let table = [
        (Failure::Unreachable("no route".into()), "StageUnreachable", backoff::after(1)),
        (Failure::Status(404), "StageNotFound", backoff::after(1)),
        (Failure::Status(401), "StageUnauthorized", SELDOM),
        (Failure::Status(403), "StageUnauthorized", SELDOM),
        (Failure::Status(503), "StageBusy", backoff::after(1)),
        (Failure::Elsewhere, "StagePageElsewhere", SELDOM),
        (Failure::Crashed("memory".into()), "StagePageCrashed", backoff::after(1)),
        (Failure::Lost, "StageLost", backoff::after(1)),
    ];
    for (failure, reason, wait) in table {
        assert_eq!((failure.reason(), failure.wait(1)), (reason, wait));
        assert_eq!(failure.told().message, failure.to_string());
    }
}
