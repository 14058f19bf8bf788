//! `open`: the page that shows a participant, for people. It is the one command that prints a token.

use crate::args::{Open, Role};
use crate::child;
use crate::cluster::{Cluster, asked};
use crate::failure::Failure;
use crate::standing::phase;
use crate::tell;
use crate::view;
use k8s_openapi::api::core::v1::Secret;
use std::io::Write;
use std::process::ExitStatus;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;
use tokio::signal::unix::{SignalKind, signal};
use understudy_crds::v1alpha1::VirtualParticipant;
use url::Url;

/// A way through the API server is there within a second or two.
const FORWARD_TIMEOUT: Duration = Duration::from_secs(30);
/// A browser that has to be started first has read its file by then.
const READ_WITHIN: Duration = Duration::from_secs(10);

/// Prints the address, and opens it if that is asked for.
pub async fn run(cluster: &Cluster, args: &Open) -> Result<(), Failure> {
    let participant = cluster.participant(&args.name).await?;
    let page = view::page(&participant).map_err(Failure::Ended)?;
    let token = token(cluster, &participant, args.role).await?;
    if args.port_forward {
        return forward(cluster, args, &participant, Opened { page, token }).await;
    }
    show(&view::opened(&page, &token), view::FROM_WHERE, args).await
}

/// A page and what opens it.
struct Opened {
    page: Url,
    token: String,
}

async fn token(cluster: &Cluster, participant: &VirtualParticipant, role: Role) -> Result<String, Failure> {
    let access = participant.status.as_ref().and_then(|status| status.access.as_ref());
    let name = access.map(|access| access.secret_name.as_str());
    let unusable = |why: &str| Failure::Ended(format!("what opens the page cannot be read: {why}"));
    let name = name.ok_or_else(|| {
        unusable(&format!("the participant is {}, and names no Secret yet", phase(participant)))
    })?;
    let secret: Option<Secret> = asked(cluster.api().get_opt(name)).await?;
    let secret = secret.ok_or_else(|| unusable(&format!("there is no Secret {name}")))?;
    let data = secret.data.unwrap_or_default();
    let token = data.get(role.key()).and_then(|token| String::from_utf8(token.0.clone()).ok());
    let token = token.filter(|token| !token.is_empty());
    token.ok_or_else(|| unusable(&format!("the Secret {name} has no {}", role.key())))
}

async fn show(address: &Url, note: &str, args: &Open) -> Result<(), Failure> {
    tell::answer(address.as_str())?;
    tell::progress(note);
    if args.browser { browse(address).await } else { Ok(()) }
}

/// The browser is given a file that leads on: the address has the token, and arguments are read by others.
async fn browse(address: &Url) -> Result<(), Failure> {
    let mut leading = tempfile::Builder::new().prefix("understudy-").suffix(".html").tempfile()?;
    leading.write_all(view::leading_to(address).as_bytes())?;
    child::browser(leading.path().as_os_str()).await?;
    tokio::time::sleep(READ_WITHIN).await;
    Ok(())
}

/// Until it is ended, or kubectl ends by itself.
async fn forward(
    cluster: &Cluster,
    args: &Open,
    participant: &VirtualParticipant,
    opened: Opened,
) -> Result<(), Failure> {
    let unready = || Failure::Ended(format!("{} has no pod yet: it is {}", args.name, phase(participant)));
    let pod = participant.status.as_ref().and_then(|status| status.pod.as_ref()).ok_or_else(unready)?;
    let remote = opened.page.port_or_known_default().unwrap_or_default();
    let (pod, ports) = (format!("pod/{}", pod.name), format!(":{remote}"));
    let arguments = ["port-forward", "--address", "127.0.0.1", &pod, &ports];
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let mut kubectl = child::kubectl(&cluster.place, &cluster.namespace, &arguments)?;
    tokio::select! {
        ended = carried(&mut kubectl, args, &opened) => Err(child::ended("kubectl port-forward", ended?)),
        _ = interrupt.recv() => Ok(kubectl.kill().await?),
        _ = terminate.recv() => Ok(kubectl.kill().await?),
    }
}

/// Shows the page once kubectl listens; how kubectl ended.
async fn carried(kubectl: &mut Child, args: &Open, opened: &Opened) -> Result<ExitStatus, Failure> {
    let port = tokio::time::timeout(FORWARD_TIMEOUT, listening(kubectl)).await;
    let late = |_| Failure::Program("kubectl port-forward does not listen; see that the pod runs".to_owned());
    if let Some(port) = port.map_err(late)?? {
        let here = view::forwarded(&opened.page, port).unwrap_or_else(|| opened.page.clone());
        show(&view::opened(&here, &opened.token), view::WITHOUT_MEDIA, args).await?;
    }
    Ok(kubectl.wait().await?)
}

/// The port of this machine; `None`: it has ended. What else it says is read to its end, so that it is never held up.
async fn listening(kubectl: &mut Child) -> Result<Option<u16>, Failure> {
    let Some(said) = kubectl.stdout.take() else { return Ok(None) };
    let mut lines = BufReader::new(said).lines();
    while let Some(line) = lines.next_line().await? {
        if let Some(port) = view::port(&line) {
            tokio::spawn(async move { while let Ok(Some(_line)) = lines.next_line().await {} });
            return Ok(Some(port));
        }
    }
    Ok(None)
}
