//! What Invited, Connected and Published say. Pure.

use crate::capability;
use crate::condition::Verdict;
use crate::control::convert;
use crate::participant::invitation::Seat;
use crate::participant::report::{Observed, said};
use crate::view::{ANSWER, GRACE, View, Word};
use understudy_crds::condition::ParticipantCondition as Type;
use understudy_crds::v1alpha1::Stage;
use understudy_proto::v1::{Part, Refusal};

/// Ready does not depend on them.
pub(super) const STAGE: [Type; 3] = [Type::Invited, Type::Connected, Type::Published];

/// The reason of what a session refuses to carry out.
const REJECTED: &str = "Rejected";

/// Each with the generation of the spec that it is about.
pub(super) fn invited(observed: &Observed<'_>, seat: &Seat) -> [(Type, Verdict, i64); 3] {
    let now = observed.generation();
    let mut verdicts = seat.verdicts().map(|(type_, verdict)| (type_, verdict, now));
    match seat {
        Seat::Asked(id) => {
            if let Some(hindrance) = hindrance(observed, id) {
                verdicts[0].1 = hindrance;
            }
        }
        Seat::Invited(id) => {
            for (type_, verdict, about) in &mut verdicts {
                *verdict = on_stage(observed, *type_, id, verdict);
                *about = answered(observed, *type_);
            }
        }
        // What is on its stage is not off it because it has been told so.
        Seat::Leaving(_) => {
            if let Some(unheard) = unheard(&observed.view) {
                verdicts.iter_mut().for_each(|(_, verdict, _)| verdict.clone_from(&unheard));
            }
        }
        Seat::Free | Seat::Left { .. } => {}
    }
    verdicts
}

/// What a session says holds, as long as it is heard of; `else_`: where it says nothing of it.
fn on_stage(observed: &Observed<'_>, type_: Type, id: &str, else_: &Verdict) -> Verdict {
    let known = observed.invitation();
    let said = known.accepted(id);
    if let Some(unheard) = unheard(&observed.view) {
        return unheard;
    }
    match said {
        Some(_) if type_ == Type::Invited => hindrance(observed, id).unwrap_or_else(|| else_.clone()),
        Some(said) => {
            let told = said.conditions.iter().find(|told| told.r#type == type_.as_str());
            told.map_or_else(|| else_.clone(), Verdict::told)
        }
        None => observed.earlier_verdict(type_).unwrap_or_else(|| else_.clone()),
    }
}

/// What holds of a stage while its session says nothing, for too long.
fn unheard(view: &View) -> Option<Verdict> {
    match view {
        View::Silent => Some(Verdict::unknown(
            "LinkLost",
            &format!("the runtime was not heard of for {} s; it may be on its stage", GRACE.as_secs()),
        )),
        View::Mute(_) => Some(Verdict::unknown(
            "NotAnswering",
            &format!("the runtime has not answered for {} s what it was told", ANSWER.as_secs()),
        )),
        View::Linked(_) | View::Expected { .. } => None,
    }
}

/// The generation that what is said of a stage is about.
fn answered(observed: &Observed<'_>, type_: Type) -> i64 {
    let earlier = || said(observed.earlier()?).find(type_.as_str())?.observed_generation;
    match observed.view.word() {
        Word::Answer(_) => None,
        Word::Awaited | Word::Missing => earlier(),
    }
    .unwrap_or_else(|| observed.generation())
}

/// Why the invitation, as it is described now, is not carried out.
fn hindrance(observed: &Observed<'_>, id: &str) -> Option<Verdict> {
    if let Some(fault) = &observed.fault {
        return Some(Verdict::wrong(fault.reason(), &format!("{}: {fault}", secret(observed))));
    }
    unsupported(observed).or_else(|| match observed.view.word() {
        Word::Answer(answer) => {
            let of_it = |refusal: &&Refusal| refusal.part() == Part::Invitation && refusal.name == id;
            answer.refusals.iter().find(of_it).map(rejected)
        }
        Word::Awaited => refused_before(observed, id),
        Word::Missing => None,
    })
}

fn secret(observed: &Observed<'_>) -> &'static str {
    let stage = observed.participant.spec.invitation.as_ref().map(|invitation| &invitation.stage);
    match stage {
        Some(Stage { ivs: Some(_), .. }) => "spec.invitation.stage.ivs.tokenSecretRef",
        Some(Stage { page: Some(_), .. }) => "spec.invitation.stage.page.tokenSecretRef",
        _ => "spec.invitation.stage.whip.tokenSecretRef",
    }
}

/// What the session cannot do that the invitation needs.
pub(crate) fn unsupported(observed: &Observed<'_>) -> Option<Verdict> {
    let invitation = observed.participant.spec.invitation.as_ref()?;
    capability::missing(&capability::of_invitation(invitation), &observed.view.facts()?.capabilities)
}

fn rejected(refusal: &Refusal) -> Verdict {
    let field = convert::invitation_field(&refusal.field_path);
    Verdict::wrong(REJECTED, &format!("{field}: {}", refusal.reason))
}

/// What a session said of the same description before, as long as an answer to it is awaited. Secrets are looked at each time.
fn refused_before(observed: &Observed<'_>, id: &str) -> Option<Verdict> {
    let status = observed.earlier()?;
    let same = status.session.as_ref().is_some_and(|session| session.invitation_id == id)
        && said(status).find(Type::Invited.as_str())?.observed_generation == Some(observed.generation());
    let by_session = |earlier: &Verdict| match earlier.reason.as_str() {
        REJECTED => true,
        capability::UNSUPPORTED => observed.view.facts().is_none(),
        _ => false,
    };
    observed.earlier_verdict(Type::Invited).filter(|earlier| same && by_session(earlier))
}
