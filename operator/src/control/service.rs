//! One stream: Hello, who is it, Welcome, then Desired down and Reports up until either side ends it.

use crate::control::identity::{Known, PodRef, Reviewer, claims_itself, recognise};
use crate::control::registry::{Registry, Seat};
use crate::control::ticket::Tickets;
use crate::store::Stores;
use futures::Stream;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
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
/// Downward messages on their way: snapshots, so that a small number is plenty.
const DOWNWARD_CAPACITY: usize = 4;

/// The control link of one leader.
#[derive(Clone)]
pub(super) struct Service {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) stores: Stores,
    pub(super) registry: Registry,
    pub(super) reviewer: Reviewer,
    pub(super) tickets: Tickets,
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

type Downward = mpsc::Sender<Result<OperatorMessage, Status>>;

#[tonic::async_trait]
impl ControlLink for Service {
    type LinkStream = Pin<Box<dyn Stream<Item = Result<OperatorMessage, Status>> + Send>>;

    async fn link(
        &self,
        request: Request<Streaming<RuntimeMessage>>,
    ) -> Result<Response<Self::LinkStream>, Status> {
        let bearer = bearer(request.metadata());
        let mut upward = request.into_inner();
        let hello = self.shared.hello(&mut upward).await?;
        let known = self.shared.admit(&hello, bearer.as_deref()).await?;
        let protocol = negotiate(&hello)?;
        tracing::info!(
            pod = known.pod.name,
            namespace = known.pod.namespace,
            boot = hello.boot_id,
            "session is linked"
        );
        let ticket = self.shared.tickets.issue(&known.pod, since_1970());
        let welcome = Welcome { protocol, resume_ticket: ticket, leader_term: self.shared.term };
        let (downward, messages) = mpsc::channel(DOWNWARD_CAPACITY);
        // The channel is new and has room.
        let _ = downward.try_send(Ok(down(operator_message::Kind::Welcome(welcome))));
        let seat = self.shared.registry.seat(known, &hello.boot_id, hello.capabilities);
        let shared = Arc::clone(&self.shared);
        self.shared.tasks.spawn(async move {
            let end = shared.shutdown.run_until_cancelled(serve(seat, upward, &downward)).await;
            let status = end.unwrap_or_else(|| Status::unavailable("this operator no longer leads"));
            let _ = downward.try_send(Err(status));
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(messages))))
    }
}

impl Shared {
    async fn hello(&self, upward: &mut Streaming<RuntimeMessage>) -> Result<Hello, Status> {
        let late = |_elapsed| Status::deadline_exceeded("no hello came");
        let first = tokio::time::timeout(HELLO_TIMEOUT, upward.message()).await.map_err(late)??;
        match first.and_then(|message| message.kind) {
            Some(runtime_message::Kind::Hello(hello)) => Ok(hello),
            _ => Err(Status::invalid_argument("the first message must be hello")),
        }
    }

    /// Whoever says nothing holds nobody up: a stream takes its turn only once it has said Hello.
    async fn admit(&self, hello: &Hello, bearer: Option<&str>) -> Result<Known, Status> {
        let closed = |_closed| Status::unavailable("this operator ends");
        let _admission = self.admissions.acquire().await.map_err(closed)?;
        self.identify(hello, bearer).await
    }

    async fn identify(&self, hello: &Hello, bearer: Option<&str>) -> Result<Known, Status> {
        let pod = match self.tickets.check(&hello.resume_ticket, since_1970()) {
            Some(pod) => pod,
            None => self.review(bearer).await?,
        };
        claims_itself(hello.pod.as_ref(), &pod)?;
        recognise(&self.stores, pod)
    }

    async fn review(&self, bearer: Option<&str>) -> Result<PodRef, Status> {
        let token = bearer.ok_or_else(|| Status::unauthenticated("authorization: Bearer is missing"))?;
        self.reviewer.review(token).await
    }
}

/// Both directions; returns why the stream ends.
async fn serve(mut seat: Seat, mut upward: Streaming<RuntimeMessage>, downward: &Downward) -> Status {
    seat.desired.mark_changed(); // what an earlier stream was told holds for this one
    loop {
        tokio::select! {
            message = upward.message() => match message {
                Ok(Some(message)) => if !take(&seat, message) {
                    return Status::aborted("a newer stream of this pod has taken over");
                },
                Ok(None) => return Status::ok("the runtime ended the stream"),
                Err(status) => return status,
            },
            changed = seat.desired.changed() => {
                if changed.is_err() {
                    return Status::aborted("a newer stream of this pod has taken over");
                }
                let desired = seat.desired.borrow_and_update().clone();
                let Some(desired) = desired else { continue };
                if downward.send(Ok(down(operator_message::Kind::Desired(desired)))).await.is_err() {
                    return Status::cancelled("the runtime reads no more");
                }
            }
        }
    }
}

/// False: a newer stream of the pod has taken over.
fn take(seat: &Seat, message: RuntimeMessage) -> bool {
    match message.kind {
        Some(runtime_message::Kind::Report(report)) => seat.report(report),
        // A second Hello says nothing new, and a kind that a later version added is ignored.
        Some(runtime_message::Kind::Hello(_)) | None => true,
    }
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

fn down(kind: operator_message::Kind) -> OperatorMessage {
    OperatorMessage { kind: Some(kind) }
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
