//! One stream after another with the operator: what is said on it, and what outlives it (ticket, fence).

use crate::Config;
use crate::clock::Ahead;
use crate::dial::{self, dial};
use crate::fence::Fence;
use std::time::{Duration, SystemTime};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Status, Streaming};
use understudy_proto::PROTOCOL;
use understudy_proto::v1::control_link_client::ControlLinkClient;
use understudy_proto::v1::{
    Desired, Hello, OperatorMessage, Report, RuntimeMessage, Welcome, operator_message, runtime_message,
};

/// A token review and a cache that is just being filled fit into it.
const WELCOME_TIMEOUT: Duration = Duration::from_secs(15);
/// Upward messages on their way; snapshots, so that a small number is plenty.
const UPWARD_CAPACITY: usize = 4;
/// Of a burst of changes the first is told at once and the last after this: an operator has thousands of sessions.
const REPORT_SPACING: Duration = Duration::from_millis(100);
/// A Desired is a few kilobytes; a peer that sends more than this is not an operator.
const LARGEST_MESSAGE_BYTES: usize = 1 << 20;

/// Why a link ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("cannot dial the operator")]
    Dial(#[from] dial::Error),
    /// The connection went away under the stream; nobody decided anything about this runtime.
    #[error("the link was lost")]
    Lost(#[source] Box<Status>),
    #[error("the operator refused or broke the link")]
    Refused(#[source] Box<Status>),
    #[error("the operator did not welcome this runtime in time")]
    NoWelcome,
    #[error("the operator wants protocol version {0}, which this runtime does not speak")]
    Protocol(u32),
    #[error("the operator has leader term {0}, which is over")]
    Stale(u64),
    #[error("nobody reads what the operator desires")]
    NobodyReads,
}

pub(crate) struct Link {
    config: Config,
    desired: mpsc::Sender<Desired>,
    reports: watch::Receiver<Option<Report>>,
    linked: watch::Sender<bool>,
    /// Of the last Welcome; spares the operator a token review.
    ticket: Vec<u8>,
    fence: Fence,
    clock: Ahead,
}

impl Link {
    pub(crate) fn new(
        config: Config,
        desired: mpsc::Sender<Desired>,
        reports: watch::Receiver<Option<Report>>,
        linked: watch::Sender<bool>,
    ) -> Self {
        let (ticket, fence, clock) = (Vec::new(), Fence::default(), Ahead::default());
        Self { config, desired, reports, linked, ticket, fence, clock }
    }

    /// One stream, from dialling to its end.
    pub(crate) async fn serve(&mut self) -> Result<(), Error> {
        let (upward, downward) = self.open().await?;
        self.linked.send_replace(true);
        let ended = self.converse(upward, downward).await;
        self.linked.send_replace(false);
        ended
    }

    async fn converse(
        &mut self,
        upward: mpsc::Sender<RuntimeMessage>,
        mut downward: Streaming<OperatorMessage>,
    ) -> Result<(), Error> {
        self.reports.mark_changed(); // whoever is at the other end has to hear the whole truth
        let (mut said, mut not_before) = (None, Instant::now());
        loop {
            tokio::select! {
                message = downward.message() => match message.map_err(broken)? {
                    Some(message) => self.obey(message).await?,
                    None => return Ok(()),
                },
                changed = changed(&mut self.reports, not_before) => {
                    let now = changed.ok_or(Error::NobodyReads)?;
                    if now != said && !say(&upward, now.as_ref()).await {
                        return Ok(());
                    }
                    (said, not_before) = (now, Instant::now() + REPORT_SPACING);
                }
            }
        }
    }

    async fn open(&mut self) -> Result<(mpsc::Sender<RuntimeMessage>, Streaming<OperatorMessage>), Error> {
        let (channel, bearer) = dial(&self.config).await?;
        let mut client = ControlLinkClient::new(channel).max_decoding_message_size(LARGEST_MESSAGE_BYTES);
        let (upward, messages) = mpsc::channel(UPWARD_CAPACITY);
        // The channel is new and has room.
        let _ = upward.try_send(up(runtime_message::Kind::Hello(self.hello())));
        let mut request = Request::new(ReceiverStream::new(messages));
        request.metadata_mut().insert("authorization", bearer);
        let welcomed = async {
            let mut downward = client.link(request).await?.into_inner();
            let first = downward.message().await?;
            Ok::<_, Status>((downward, first))
        };
        let (downward, first) = tokio::time::timeout(WELCOME_TIMEOUT, welcomed)
            .await
            .map_err(|_late| Error::NoWelcome)?
            .map_err(broken)?;
        match first.and_then(|message| message.kind) {
            Some(operator_message::Kind::Welcome(welcome)) => self.accept(welcome)?,
            _ => return Err(Error::NoWelcome),
        }
        Ok((upward, downward))
    }

    fn hello(&self) -> Hello {
        Hello {
            boot_id: self.config.boot_id.clone(),
            pod: Some(self.config.identity.clone()),
            protocol_min: *PROTOCOL.start(),
            protocol_max: *PROTOCOL.end(),
            capabilities: self.config.capabilities.clone(),
            resume_ticket: self.ticket.clone(),
        }
    }

    fn accept(&mut self, welcome: Welcome) -> Result<(), Error> {
        if !PROTOCOL.contains(&welcome.protocol) {
            return Err(Error::Protocol(welcome.protocol));
        }
        if !self.fence.admits(welcome.leader_term) {
            return Err(Error::Stale(welcome.leader_term));
        }
        tracing::info!(leader_term = welcome.leader_term, "control link is up");
        self.heed(welcome);
        if self.clock.seconds() != 0 {
            tracing::warn!(
                seconds = self.clock.seconds(),
                "this machine's clock is ahead of the operator's; allowed for"
            );
        }
        Ok(())
    }

    fn heed(&mut self, welcome: Welcome) {
        self.ticket = welcome.resume_ticket;
        self.clock = Ahead::of(welcome.unix_millis, SystemTime::now());
    }

    /// Tickets last for minutes, streams for days.
    fn renew(&mut self, welcome: Welcome) -> Result<(), Error> {
        if !self.fence.admits(welcome.leader_term) {
            return Err(Error::Stale(welcome.leader_term));
        }
        self.heed(welcome);
        Ok(())
    }

    async fn obey(&mut self, message: OperatorMessage) -> Result<(), Error> {
        let desired = match message.kind {
            Some(operator_message::Kind::Desired(desired)) => desired,
            Some(operator_message::Kind::Welcome(welcome)) => return self.renew(welcome),
            // A kind that a later version added is ignored.
            None => return Ok(()),
        };
        if !self.fence.admits(desired.leader_term) {
            return Err(Error::Stale(desired.leader_term));
        }
        self.desired.send(self.clock.told(desired)).await.map_err(|_closed| Error::NobodyReads)
    }
}

/// The newest report once it has changed, not before that time. None: nobody reports any more.
async fn changed(
    reports: &mut watch::Receiver<Option<Report>>,
    not_before: Instant,
) -> Option<Option<Report>> {
    sleep_until(not_before).await;
    reports.changed().await.ok()?;
    Some(reports.borrow_and_update().clone())
}

/// A stream is cancelled by the transport below it (RFC 9113 §7, CANCEL and REFUSED_STREAM), or when its server ends.
fn broken(status: Status) -> Error {
    match status.code() {
        Code::Cancelled => Error::Lost(Box::new(status)),
        _ => Error::Refused(Box::new(status)),
    }
}

/// False: the stream is gone.
async fn say(upward: &mpsc::Sender<RuntimeMessage>, report: Option<&Report>) -> bool {
    let Some(report) = report else { return true };
    upward.send(up(runtime_message::Kind::Report(report.clone()))).await.is_ok()
}

fn up(kind: runtime_message::Kind) -> RuntimeMessage {
    RuntimeMessage { kind: Some(kind) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(generation: u64) -> Option<Report> {
        Some(Report { observed_generation: generation, ..Report::default() })
    }

    #[tokio::test(start_paused = true)]
    async fn of_a_burst_of_changes_the_first_is_told_at_once_and_the_last_soon() {
        let (tell, mut reports) = watch::channel(None);
        let began = Instant::now();
        tell.send_replace(report(1));
        assert_eq!(changed(&mut reports, began).await, Some(report(1)));
        assert_eq!(began.elapsed(), Duration::ZERO);
        for generation in 2..100 {
            tell.send_replace(report(generation));
        }
        assert_eq!(changed(&mut reports, began + REPORT_SPACING).await, Some(report(99)));
        assert_eq!(began.elapsed(), REPORT_SPACING);
        drop(tell);
        assert_eq!(changed(&mut reports, Instant::now()).await, None);
    }

    #[test]
    fn a_cancelled_stream_is_a_lost_connection_and_no_refusal() {
        assert!(matches!(broken(Status::cancelled("operation was canceled")), Error::Lost(_)));
        assert!(matches!(broken(Status::permission_denied("no")), Error::Refused(_)));
    }
}
