//! One stream: Hello, who is it, Welcome, then Desired down and Reports up until either side ends it.

use crate::control::connection::Guest;
use crate::control::contact::{Registrar, Standing};
use crate::control::downward::Downward;
use crate::control::identity::{PodRef, Reviewer, claims_itself};
use crate::control::pace::Pace;
use crate::control::registry::{Registry, Seat};
use crate::control::ticket::{Holder, RENEWED, Tickets};
use crate::metrics::Metrics;
use crate::owner::Owner;
use futures::Stream;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::Semaphore;
use tokio::time::{interval_at, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status, Streaming};
use understudy_proto::PROTOCOL;
use understudy_proto::v1::control_link_server::ControlLink;
use understudy_proto::v1::{
    Hello, OperatorMessage, RuntimeMessage, Welcome, operator_message, runtime_message,
};

/// A runtime says Hello at once.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// Streams that are being identified at a time: after an outage all come at once, and each may cost a token review.
const ADMISSIONS: usize = 64;
/// A UUID has 36 bytes.
const LONGEST_BOOT_ID: usize = 128;
/// There are six today, of two words each.
const MOST_CAPABILITIES: usize = 64;
const LONGEST_CAPABILITY: usize = 64;

/// The control link of one leader.
#[derive(Clone)]
pub(super) struct Service {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) registrar: Registrar,
    pub(super) registry: Registry,
    pub(super) reviewer: Reviewer,
    pub(super) tickets: Tickets,
    pub(super) metrics: Metrics,
    pub(super) term: u64,
    pub(super) admissions: Semaphore,
    pub(super) tasks: TaskTracker,
    pub(super) shutdown: CancellationToken,
}

impl Shared {
    pub(super) fn admissions() -> Semaphore {
        Semaphore::new(ADMISSIONS)
    }
}

#[tonic::async_trait]
impl ControlLink for Service {
    type LinkStream = Pin<Box<dyn Stream<Item = Result<OperatorMessage, Status>> + Send>>;

    async fn link(
        &self,
        request: Request<Streaming<RuntimeMessage>>,
    ) -> Result<Response<Self::LinkStream>, Status> {
        let guest = request.extensions().get::<Guest>().cloned();
        let guest = guest.ok_or_else(|| Status::internal("the connection is not known"))?;
        let bearer = bearer(request.metadata());
        let mut upward = request.into_inner();
        let hello = self.shared.hello(&mut upward).await?;
        let standing = self.shared.admit(&hello, guest.address, bearer.as_deref()).await?;
        let protocol = negotiate(&hello)?;
        let (downward, messages) = Downward::open(self.shared.metrics.clone());
        let pod = standing.pod().clone();
        let capabilities = bounded(hello.capabilities);
        let welcome =
            Doorman { shared: Arc::clone(&self.shared), pod, guest, boot_id: hello.boot_id, protocol };
        downward.send(welcome.welcome()).await?;
        let shutdown = self.shared.shutdown.clone();
        let said: Pin<Box<dyn Future<Output = Status> + Send>> = match standing {
            Standing::Serves(known) => {
                tracing::info!(
                    pod = known.pod.name,
                    namespace = known.pod.namespace,
                    boot = welcome.boot_id,
                    "session is linked"
                );
                let is_wanted = |owner: &Owner| self.shared.registrar.is_wanted(owner);
                let seat = self.shared.registry.seat(known, &welcome.boot_id, capabilities, is_wanted);
                Box::pin(serve(seat, upward, downward.clone(), welcome))
            }
            Standing::Leaves(pod, owner) => {
                tracing::info!(
                    pod = pod.name,
                    namespace = pod.namespace,
                    "session of what is gone is told to finish"
                );
                let dismissed = Dismissed { registry: self.shared.registry.clone(), pod, owner };
                Box::pin(dismiss(dismissed, upward, downward.clone(), welcome))
            }
        };
        self.shared.tasks.spawn(async move {
            let end = shutdown.run_until_cancelled(said).await;
            let status = end.unwrap_or_else(|| {
                Status::unavailable("this operator serves no longer: another leads, or will")
            });
            downward.end(status);
        });
        Ok(Response::new(Box::pin(messages)))
    }
}

/// Keeps one session's way back in.
struct Doorman {
    shared: Arc<Shared>,
    pod: PodRef,
    guest: Guest,
    boot_id: String,
    protocol: u32,
}

impl Doorman {
    /// Said first, and again whenever the ticket is renewed.
    fn welcome(&self) -> operator_message::Kind {
        let holder = Holder { boot_id: &self.boot_id, address: self.guest.address };
        let resume_ticket = self.shared.tickets.issue(&self.pod, holder, since_1970());
        let leader_term = self.shared.term;
        let unix_millis = i64::try_from(since_1970().as_millis()).unwrap_or(i64::MAX);
        operator_message::Kind::Welcome(Welcome {
            protocol: self.protocol,
            resume_ticket,
            leader_term,
            unix_millis,
        })
    }
}

impl Shared {
    async fn hello(&self, upward: &mut Streaming<RuntimeMessage>) -> Result<Hello, Status> {
        let late = |_elapsed| Status::deadline_exceeded("no hello came");
        let first = tokio::time::timeout(HELLO_TIMEOUT, upward.message()).await.map_err(late)??;
        match first.and_then(|message| message.kind) {
            Some(runtime_message::Kind::Hello(hello)) if hello.boot_id.len() > LONGEST_BOOT_ID => {
                Err(Status::invalid_argument("hello.boot_id is too long"))
            }
            Some(runtime_message::Kind::Hello(hello)) => Ok(hello),
            _ => Err(Status::invalid_argument("the first message must be hello")),
        }
    }

    /// Whoever says nothing holds nobody up: a stream takes its turn only once it has said Hello.
    async fn admit(&self, hello: &Hello, address: IpAddr, bearer: Option<&str>) -> Result<Standing, Status> {
        let closed = |_closed| Status::unavailable("this operator ends");
        let _admission = self.admissions.acquire().await.map_err(closed)?;
        let pod = self.identify(hello, address, bearer).await?;
        claims_itself(hello.pod.as_ref(), &pod)?;
        self.registrar.standing(pod).await
    }

    /// A ticket is good for the process that it was made for, so that it never takes a stream from another: for that a
    /// token is reviewed.
    async fn identify(&self, hello: &Hello, address: IpAddr, bearer: Option<&str>) -> Result<PodRef, Status> {
        let holder = Holder { boot_id: &hello.boot_id, address };
        if let Some(pod) = self.tickets.check(&hello.resume_ticket, holder, since_1970()) {
            return Ok(pod);
        }
        let token = bearer.ok_or_else(|| Status::unauthenticated("authorization: Bearer is missing"))?;
        self.reviewer.review(token).await
    }
}

/// Both directions; returns why the stream ends.
async fn serve(
    mut seat: Seat,
    mut upward: Streaming<RuntimeMessage>,
    downward: Downward,
    doorman: Doorman,
) -> Status {
    const TAKEN_OVER: &str = "a newer stream of this pod has taken over, or the pod is gone";
    let _stay = doorman.guest.welcome();
    let mut renewal = interval_at(tokio::time::Instant::now() + RENEWED, RENEWED);
    let mut pace = Pace::new(Instant::now());
    seat.desired.mark_changed(); // what an earlier stream was told holds for this one
    loop {
        let wait = pace.waits_until();
        let message = tokio::select! {
            message = upward.message(), if pace.takes() => match message {
                Ok(Some(message)) => {
                    let Some(news) = take(&mut seat, message) else { return Status::aborted(TAKEN_OVER) };
                    if pace.took(news, Instant::now()) {
                        seat.tell();
                    }
                    continue;
                }
                Ok(None) => return Status::ok("the runtime ended the stream"),
                Err(status) => return status,
            },
            () = sleep_until(wait.unwrap_or_else(Instant::now).into()), if wait.is_some() => {
                if pace.look(Instant::now()) {
                    seat.tell();
                }
                continue;
            }
            changed = seat.desired.changed() => {
                if changed.is_err() {
                    return Status::aborted(TAKEN_OVER);
                }
                let desired = seat.desired.borrow_and_update().clone();
                let Some(desired) = desired else { continue };
                operator_message::Kind::Desired(Arc::unwrap_or_clone(desired))
            }
            _ = renewal.tick() => doorman.welcome(),
        };
        if let Err(why) = downward.send(message).await {
            return why;
        }
    }
}

/// A pod that is let in to finish.
struct Dismissed {
    registry: Registry,
    pod: PodRef,
    owner: Option<Owner>,
}

/// A session of what is gone: it is told to finish, and may say that it has left. Returns why the stream ends.
async fn dismiss(
    Dismissed { registry, pod, owner }: Dismissed,
    mut upward: Streaming<RuntimeMessage>,
    downward: Downward,
    doorman: Doorman,
) -> Status {
    let _stay = doorman.guest.welcome();
    let desired = registry.dismiss(&pod);
    if let Err(why) = downward.send(operator_message::Kind::Desired(desired)).await {
        return why;
    }
    let mut pace = Pace::new(Instant::now());
    loop {
        if let Some(until) = pace.waits_until() {
            sleep_until(until.into()).await;
            pace.look(Instant::now());
        }
        match upward.message().await {
            Ok(Some(message)) => {
                if let Some(runtime_message::Kind::Report(report)) = message.kind {
                    registry.last_word(&pod, owner.as_ref(), report);
                }
                pace.took(false, Instant::now());
            }
            Ok(None) => return Status::ok("the runtime ended the stream"),
            Err(status) => return status,
        }
    }
}

/// Whether it says anything new; `None`: a newer stream of the pod has taken over.
fn take(seat: &mut Seat, message: RuntimeMessage) -> Option<bool> {
    match message.kind {
        Some(runtime_message::Kind::Report(report)) => seat.report(report),
        // A second Hello says nothing new, and a kind that a later version added is ignored.
        Some(runtime_message::Kind::Hello(_)) | None => Some(false),
    }
}

/// What is more than anybody can do is nothing.
fn bounded(mut capabilities: Vec<String>) -> Vec<String> {
    capabilities.retain(|name| name.len() <= LONGEST_CAPABILITY);
    capabilities.truncate(MOST_CAPABILITIES);
    capabilities
}

fn negotiate(hello: &Hello) -> Result<u32, Status> {
    let highest = hello.protocol_max.min(*PROTOCOL.end());
    if highest >= hello.protocol_min && PROTOCOL.contains(&highest) {
        return Ok(highest);
    }
    Err(Status::failed_precondition(format!(
        "the runtime speaks protocol {} to {}, this operator {} to {}",
        hello.protocol_min,
        hello.protocol_max,
        PROTOCOL.start(),
        PROTOCOL.end()
    )))
}

fn bearer(metadata: &MetadataMap) -> Option<String> {
    let value = metadata.get("authorization")?.to_str().ok()?;
    value.strip_prefix("Bearer ").map(|token| token.trim().to_owned())
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spoken(protocol_min: u32, protocol_max: u32) -> Result<u32, tonic::Code> {
        negotiate(&Hello { protocol_min, protocol_max, ..Hello::default() }).map_err(|status| status.code())
    }

    #[test]
    fn both_sides_speak_the_highest_version_that_both_know() {
        assert_eq!(spoken(1, 1), Ok(1));
        assert_eq!(spoken(0, 9), Ok(1));
        assert_eq!(spoken(2, 9), Err(tonic::Code::FailedPrecondition));
        assert_eq!(spoken(0, 0), Err(tonic::Code::FailedPrecondition));
    }
}
