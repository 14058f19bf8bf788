//! What a status says of an invitation.

use super::*;
use crate::credentials::Fault;

/// Somebody has invited it, and it was told so in this generation.
fn invitee(id: &str) -> VirtualParticipant {
    let mut participant = participant();
    let stage = json!({"whip": {"url": "https://stage.example/"}});
    let invitation = json!({"id": id, "joinBefore": "2100-01-01T00:00:00Z", "stage": stage});
    participant.spec = serde_json::from_value(json!({"invitation": invitation})).unwrap();
    participant
}

fn invitee_by_page(id: &str) -> VirtualParticipant {
    let mut participant = invitee(id);
    let stage = json!({"page": {"url": "https://meet.example/"}});
    participant.spec.invitation.as_mut().unwrap().stage = serde_json::from_value(stage).unwrap();
    participant
}

/// A session that is well and can do all that is needed, and what it says of an invitation.
fn session(invitation: Option<InvitationReport>) -> Facts {
    let View::Linked(mut facts) = well() else { unreachable!() };
    facts.capabilities = Arc::from(["stage.whip".to_owned()]);
    facts.report.as_mut().unwrap().invitation = invitation;
    facts
}

fn carries(id: &str, conditions: &[Told]) -> View {
    View::Linked(session(Some(InvitationReport {
        id: id.into(),
        state: InvitationState::Accepted.into(),
        conditions: conditions.into(),
        participant_id: "p1".into(),
        ..InvitationReport::default()
    })))
}

fn of(
    participant: &VirtualParticipant,
    previous: Option<&VirtualParticipantStatus>,
    view: View,
) -> VirtualParticipantStatus {
    report(&Observed { pod: Some(pod()), view, ..Observed::new(participant, previous.cloned()) })
}

fn published(ada: &VirtualParticipant) -> VirtualParticipantStatus {
    let up = [told("Connected", "True", "Up"), told("Published", "True", "Arrives")];
    of(ada, None, carries("show-42", &up))
}

#[test]
fn phases_follow_from_what_is_said_of_the_stage() {
    use ParticipantPhase as Phase;
    let ada = invitee("show-42");
    let (connected, published) = (told("Connected", "True", "Up"), told("Published", "True", "Arrives"));
    let table = [
        (View::Linked(session(None)), Phase::Invited, ["Asked", "Asked", "Asked"]),
        (carries("show-42", &[]), Phase::Invited, ["Accepted", "Joining", "Joining"]),
        (
            carries("show-42", std::slice::from_ref(&connected)),
            Phase::Connected,
            ["Accepted", "Up", "Joining"],
        ),
        (carries("show-42", &[connected, published]), Phase::Published, ["Accepted", "Up", "Arrives"]),
        (carries("show-41", &[]), Phase::Leaving, ["Leaving", "Leaving", "Leaving"]),
    ];
    for (number, (view, phase, reasons)) in table.into_iter().enumerate() {
        let status = of(&ada, None, view);
        let said = [Type::Invited, Type::Connected, Type::Published].map(|type_| verdict(&status, type_).1);
        assert_eq!((status.phase, said), (Some(phase), reasons.map(str::to_owned)), "row {number}");
        says(&status, Type::Ready, "True", "AllReady");
    }
}

#[test]
fn what_was_said_of_a_stage_holds_for_a_while_and_is_unknown_after_that() {
    let ada = invitee("show-42");
    let before = published(&ada);
    assert_eq!(before.session.as_ref().unwrap().participant_id.as_deref(), Some("p1"));
    for view in [expected(), View::Linked(Facts::default())] {
        assert_eq!(of(&ada, Some(&before), view), before, "a hand-over changes nothing");
    }
    let silent = of(&ada, Some(&before), View::Silent);
    for type_ in [Type::Invited, Type::Connected, Type::Published] {
        says(&silent, type_, "Unknown", "LinkLost");
    }
    assert_eq!((silent.phase, &silent.session), (Some(ParticipantPhase::Disrupted), &before.session));
    let mute = of(&ada, Some(&before), View::Mute(session(None)));
    assert_eq!(mute.last_session, None);
}

#[test]
fn who_is_kicked_while_nobody_hears_of_it_may_be_on_its_stage_until_it_says_that_it_has_left() {
    let before = published(&invitee("show-42"));
    let View::Linked(facts) = carries("show-42", &[]) else { unreachable!() };
    for (view, truth, reason) in [
        (expected(), "False", "Leaving"),
        (View::Silent, "Unknown", "LinkLost"),
        (View::Mute(facts), "Unknown", "NotAnswering"),
    ] {
        let kicked = of(&participant(), Some(&before), view);
        for type_ in [Type::Invited, Type::Connected, Type::Published] {
            says(&kicked, type_, truth, reason);
        }
        assert!(kicked.session.is_some() && kicked.last_session.is_none(), "{reason}");
    }
    let silent = of(&participant(), Some(&before), View::Silent);
    assert_eq!(silent.phase, Some(ParticipantPhase::Disrupted));
    let left = InvitationReport {
        id: "show-42".into(),
        state: InvitationState::Left.into(),
        ..InvitationReport::default()
    };
    let kicked = of(&participant(), Some(&silent), View::Linked(session(Some(left))));
    says(&kicked, Type::Published, "False", "NotInvited");
    assert_eq!(kicked.last_session.unwrap().outcome, "Kicked");
}

#[test]
fn a_stage_that_fails_is_the_last_error_and_leaves_the_participant_ready() {
    let ada = invitee("show-42");
    let wrong = [told("Connected", "False", "StageUnauthorized"), told("Published", "False", "Joining")];
    let status = of(&ada, None, carries("show-42", &wrong));
    says(&status, Type::Connected, "False", "StageUnauthorized");
    says(&status, Type::Ready, "True", "AllReady");
    assert_eq!(status.phase, Some(ParticipantPhase::Invited));
    assert!(status.failing.contains(&"Connected".to_owned()));
    assert_eq!(status.last_error.unwrap().code, "StageUnauthorized");
}

#[test]
fn a_token_that_cannot_be_had_is_told_by_the_field_that_names_it() {
    let fault = Some(Fault::Missing("stage".into()));
    let by_page = invitee_by_page("show-42");
    let observed = Observed { fault: fault.clone(), ..Observed::new(&by_page, None) };
    let status = report(&Observed { pod: Some(pod()), view: View::Linked(session(None)), ..observed });
    let message = &said(&status).find("Invited").unwrap().message;
    assert!(message.starts_with("spec.invitation.stage.page.tokenSecretRef: "), "{message}");

    let ada = invitee("show-42");
    let before = published(&ada);
    let observe = |view, previous: Option<&VirtualParticipantStatus>| {
        let observed = Observed::new(&ada, previous.cloned());
        report(&Observed { pod: Some(pod()), view, fault: fault.clone(), ..observed })
    };
    let status = observe(View::Linked(session(None)), None);
    says(&status, Type::Invited, "False", "SecretNotFound");
    let message = &said(&status).find("Invited").unwrap().message;
    assert!(message.starts_with("spec.invitation.stage.whip.tokenSecretRef: "), "{message}");
    assert_eq!(
        (status.phase, status.last_error.clone().unwrap().code),
        (Some(ParticipantPhase::Invited), "SecretNotFound".into())
    );
    for view in [View::Linked(session(None)), View::Linked(Facts { generation: 2, ..session(None) })] {
        says(&of(&ada, Some(&status), view), Type::Invited, "False", "Asked");
    }
    let up = [told("Connected", "True", "Up"), told("Published", "True", "Arrives")];
    let status = observe(carries("show-42", &up), Some(&before));
    says(&status, Type::Invited, "False", "SecretNotFound");
    assert_eq!(status.phase, Some(ParticipantPhase::Published), "what it was told goes on");
}

#[test]
fn what_a_runtime_refuses_of_an_invitation_is_told_until_it_answers_another() {
    let ada = invitee("show-42");
    let mut facts = session(None);
    facts.report.as_mut().unwrap().refusals.push(Refusal {
        part: Part::Invitation.into(),
        name: "show-42".into(),
        field_path: "stage.whip.url".into(),
        reason: "no such scheme".into(),
    });
    let refused = of(&ada, None, View::Linked(facts));
    says(&refused, Type::Invited, "False", "Rejected");
    assert_eq!(
        said(&refused).find("Invited").unwrap().message,
        "spec.invitation.stage.whip.url: no such scheme"
    );
    assert_eq!(of(&ada, Some(&refused), expected()), refused);
    let mut changed = ada.clone();
    changed.metadata.generation = Some(2);
    says(&of(&changed, Some(&refused), expected()), Type::Invited, "False", "Asked");
}

#[test]
fn a_runtime_that_knows_no_stages_is_told_to_be_too_old() {
    let status = of(&invitee("show-42"), None, well());
    says(&status, Type::Invited, "False", "Unsupported");
    assert!(said(&status).find("Invited").unwrap().message.contains("stage.whip"));
    says(&status, Type::Ready, "True", "AllReady");
    let by_page = invitee_by_page("show-42");
    let status = of(&by_page, None, View::Linked(session(None)));
    assert!(said(&status).find("Invited").unwrap().message.contains("stage.page"), "it knows another alone");
}

#[test]
fn what_became_of_an_invitation_is_the_reason_of_its_conditions() {
    let ada = invitee("show-42");
    let left = InvitationReport {
        id: "show-42".into(),
        state: InvitationState::Left.into(),
        outcome: "RemovedByStage".into(),
        message: "the stage has removed it".into(),
        ..InvitationReport::default()
    };
    let status = of(&ada, Some(&published(&ada)), View::Linked(session(Some(left))));
    for type_ in [Type::Invited, Type::Connected, Type::Published] {
        says(&status, type_, "False", "RemovedByStage");
        assert_eq!(said(&status).find(type_.as_str()).unwrap().message, "the stage has removed it");
    }
    assert_eq!((status.phase, &status.session), (Some(ParticipantPhase::Available), &None));
    assert_eq!(of(&ada, Some(&status), expected()), status);
    let last = status.last_session.clone().unwrap();
    assert_eq!((last.outcome.as_str(), last.participant_id.as_deref()), ("RemovedByStage", Some("p1")));
    let kicked = of(&participant(), Some(&status), expected());
    says(&kicked, Type::Invited, "False", "NotInvited");
    assert_eq!(kicked.last_session, Some(last));
}
