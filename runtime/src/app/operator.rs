//! Between the control link and the session: wishes down, reports up.

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use understudy_core::camera::Mode;
use understudy_core::report::Stance;
use understudy_core::spec::{Output, Source};
use understudy_proto::v1;

use crate::access::Policy;
use crate::config::Link;
use crate::session::{self, Wanted};

/// Desired snapshots supersede each other: more than a few never wait.
const DESIRED_WAITING: usize = 4;

/// What depends on the machine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Able {
    pub(super) camera: Mode,
    /// There are a browser and a display for it.
    pub(super) page: bool,
}

/// Carries the operator's wishes to the session, and the session's reports to the operator.
pub(super) async fn follow(
    link: Link,
    able: Able,
    session: session::Handle,
    policy: watch::Sender<Policy>,
    shutdown: CancellationToken,
) {
    let (desired, mut wishes) = mpsc::channel(DESIRED_WAITING);
    let (told, telling) = watch::channel(None);
    let Some(config) = link_config(link, able) else { return };
    let linking = watch::Sender::new(false);
    let mut linked = linking.subscribe();
    let client = tokio::spawn(understudy_link::run(config, desired, telling, linking, shutdown.clone()));
    let mut reports = session.report();
    loop {
        tokio::select! {
            wish = wishes.recv() => match wish {
                Some(wish) => obey(wish, &session, &policy).await,
                None => break,
            },
            changed = reports.changed() => {
                if changed.is_err() {
                    break;
                }
                let report = reports.borrow_and_update().clone();
                told.send_replace(Some(report));
            }
            Ok(()) = linked.changed() => {
                let linked = *linked.borrow_and_update();
                // A session that has ended misses nobody.
                drop(session.linked(linked).await);
            }
            () = shutdown.cancelled() => break,
        }
    }
    if let Err(error) = client.await {
        tracing::error!(%error, "the control link broke down");
    }
}

async fn obey(wish: v1::Desired, session: &session::Handle, policy: &watch::Sender<Policy>) {
    let mut refusals = Vec::new();
    match wish.access.map(admit) {
        // What stands goes on.
        None => {}
        Some(Ok(tokens)) => drop(policy.send_replace(Policy::Tokens(Box::new(tokens)))),
        Some(Err(refusal)) => refusals.push(refusal),
    }
    let generation = wish.generation;
    let wanted = match wish.drain {
        // What is drained goes idle: its owner is gone, and the pod ends soon.
        true => Wanted { generation, stance: Stance::Drained, refusals, ..Wanted::default() },
        false => Wanted {
            generation,
            stance: Stance::Told,
            spec: wish.session.unwrap_or_default(),
            livestreams: wish.livestreams,
            invitation: wish.invitation,
            refusals,
        },
    };
    // A session that has ended is told nothing more.
    for refusal in session.want(wanted).await.unwrap_or_default() {
        let v1::Refusal { name, field_path, reason, .. } = &refusal;
        let part = refusal.part().as_str_name();
        tracing::warn!(generation, part, name, field_path, reason, "a part of a wish cannot be carried out");
    }
}

/// Tokens that open a door each. An empty one would open none, and lock out whoever has it.
fn admit(tokens: v1::AccessTokens) -> Result<v1::AccessTokens, v1::Refusal> {
    let each = [("view", &tokens.view), ("control", &tokens.control), ("admin", &tokens.admin)];
    let empty = each.into_iter().find_map(|(field, token)| token.is_empty().then_some(field));
    match empty {
        None => Ok(tokens),
        Some(field) => Err(v1::Refusal {
            part: v1::Part::Access.into(),
            field_path: field.to_owned(),
            reason: "is empty".to_owned(),
            ..v1::Refusal::default()
        }),
    }
}

/// `None` cannot happen: the command line asks for all of them together.
fn link_config(link: Link, able: Able) -> Option<understudy_link::Config> {
    Some(understudy_link::Config {
        address: link.operator_address?,
        server_name: link.operator_server_name,
        token_file: link.token_file?,
        ca_file: link.ca_file?,
        identity: v1::PodIdentity {
            namespace: link.pod_namespace?,
            name: link.pod_name?,
            uid: link.pod_uid?,
        },
        boot_id: uuid::Uuid::new_v4().to_string(),
        capabilities: capabilities(able),
    })
}

/// What this runtime can do on this machine, in the control protocol's words.
fn capabilities(able: Able) -> Vec<String> {
    let inputs = Source::KINDS.map(|kind| format!("input.{}", kind.to_lowercase()));
    let outputs = Output::FIELDS.map(|field| format!("output.{}", field.to_lowercase()));
    let pages = ["page", "stage.page", "sharing.pages"].map(str::to_owned).into_iter().filter(|_| able.page);
    let others = ["output.rendition", "stage.whip", "stage.ivs", "origin", "sharing"].map(str::to_owned);
    let camera = [format!("camera.{}", able.camera)];
    camera.into_iter().chain(pages).chain(inputs).chain(outputs).chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(view: &str) -> v1::AccessTokens {
        v1::AccessTokens { view: view.into(), control: "c".into(), admin: "a".into() }
    }

    #[test]
    fn an_empty_token_is_refused_by_its_field() {
        assert_eq!(admit(tokens("v")), Ok(tokens("v")));
        let refusal = admit(tokens("")).unwrap_err();
        assert_eq!((refusal.part(), refusal.field_path.as_str()), (v1::Part::Access, "view"));
    }

    #[test]
    fn every_kind_of_input_and_output_is_an_ability_and_a_page_only_with_a_browser() {
        let said = capabilities(Able { camera: Mode::Pipewire, page: true });
        assert_eq!(
            said,
            [
                "camera.pipewire",
                "page",
                "stage.page",
                "sharing.pages",
                "input.file",
                "input.stream",
                "input.socket",
                "input.webrtc",
                "output.webrtc",
                "output.rtmp",
                "output.mpegts",
                "output.rtmppush",
                "output.whip",
                "output.recording",
                "output.rendition",
                "stage.whip",
                "stage.ivs",
                "origin",
                "sharing"
            ]
        );
        let without = capabilities(Able { camera: Mode::File, page: false });
        assert!(without.contains(&"camera.file".to_owned()));
        assert!(!without.iter().any(|ability| ability.contains("page")), "{without:?}");
    }
}
