//! Between the control link and the session: wishes down, reports up.

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use understudy_core::camera::Mode;
use understudy_proto::v1;

use crate::access::Policy;
use crate::config::Link;
use crate::session::{self, Wanted};

/// Desired snapshots supersede each other: more than a few never wait.
const DESIRED_WAITING: usize = 4;

/// Carries the operator's wishes to the session, and the session's reports to the operator.
pub(super) async fn follow(
    link: Link,
    camera: Mode,
    session: session::Handle,
    policy: watch::Sender<Policy>,
    shutdown: CancellationToken,
) {
    let (desired, mut wishes) = mpsc::channel(DESIRED_WAITING);
    let (told, telling) = watch::channel(None);
    let Some(config) = link_config(link, camera) else { return };
    let client = tokio::spawn(understudy_link::run(config, desired, telling, shutdown.clone()));
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
            () = shutdown.cancelled() => break,
        }
    }
    drop(client.await);
}

async fn obey(wish: v1::Desired, session: &session::Handle, policy: &watch::Sender<Policy>) {
    if let Some(tokens) = wish.access {
        policy.send_replace(Policy::Tokens(Box::new(tokens)));
    }
    let generation = wish.generation;
    let wanted = match wish.drain {
        // What is drained goes idle: its owner is gone, and the pod ends soon.
        true => Wanted { generation, ..Wanted::default() },
        false => Wanted { generation, spec: wish.session.unwrap_or_default(), livestreams: wish.livestreams },
    };
    if let Err(session::Error::Invalid(invalid)) = session.want(wanted).await {
        tracing::warn!(generation, %invalid, "a wish cannot be carried out");
    }
}

/// `None` cannot happen: the command line asks for all of them together.
fn link_config(link: Link, camera: Mode) -> Option<understudy_link::Config> {
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
        capabilities: capabilities(camera),
    })
}

/// What this runtime can do, in the control protocol's words.
fn capabilities(camera: Mode) -> Vec<String> {
    let inputs = ["stream", "file", "socket", "webrtc"].map(|kind| format!("input.{kind}"));
    [format!("camera.{camera}"), "output.webrtc".into()].into_iter().chain(inputs).collect()
}
