//! Passes a stream on to one reader, for as long as that takes it.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, close_code};
use bytes::Bytes;
use futures::{Sink, SinkExt, Stream, StreamExt};
use tokio::time::Instant;

use super::source::Source;
use crate::egress::metrics::Reader;

/// Whoever takes nothing for so long is gone, or wants nothing of what is live.
pub(super) const UNTAKEN: Duration = Duration::from_secs(10);
/// A stream of which nothing comes for so long has an encoder that does not start: whoever reads it is told so, and may come again.
pub(super) const SILENT: Duration = Duration::from_secs(20);
/// Proxies keep silent connections for a minute.
const PING: Duration = Duration::from_secs(15);
/// For last words; a reader that does not take them is left.
pub(super) const WORDS: Duration = Duration::from_secs(2);

/// Both sides of a WebSocket.
pub(super) trait Socket: Stream<Item = Result<Message, axum::Error>> + Sink<Message> + Unpin {}

impl<S: Stream<Item = Result<Message, axum::Error>> + Sink<Message> + Unpin> Socket for S {}

pub(super) struct Watching {
    pub(super) stream: Source,
    pub(super) metrics: Reader,
}

/// What is said at the end, if the reader does not know already that it is the end.
type Last = Option<CloseFrame>;

/// Sends until the reader goes, takes nothing, or the stream is `gone`.
pub(super) async fn on(mut socket: impl Socket, mut watching: Watching, gone: impl Future<Output = ()>) {
    let last = tokio::select! {
        () = gone => farewell(close_code::NORMAL, "stream stopped"),
        last = send(&mut socket, &mut watching) => last,
    };
    watching.account();
    drop(watching);
    let Some(last) = last else { return };
    let said = async {
        if socket.send(Message::Close(Some(last))).await.is_ok() {
            // Until the reader has heard it: what it said meanwhile, unread, would take that away from it.
            while let Some(Ok(_)) = socket.next().await {}
        }
    };
    drop(tokio::time::timeout(WORDS, said).await);
}

async fn send(socket: &mut impl Socket, watching: &mut Watching) -> Last {
    let mut pings = tokio::time::interval(PING);
    let mut came = Instant::now();
    loop {
        let sent = tokio::select! {
            messages = watching.stream.next() => {
                came = Instant::now();
                hand(socket, messages, watching).await
            }
            () = tokio::time::sleep_until(came + SILENT) => Err(again("nothing comes of the stream")),
            _ = pings.tick() => within_time(socket, Message::Ping(Bytes::new())).await,
            said = socket.next() => match said {
                Some(Ok(_)) => Ok(()),
                Some(Err(_)) | None => Err(None),
            },
        };
        if let Err(last) = sent {
            return last;
        }
    }
}

async fn hand(socket: &mut impl Socket, messages: Vec<Bytes>, watching: &mut Watching) -> Result<(), Last> {
    for message in messages {
        let bytes = message.len();
        within_time(socket, Message::Binary(message)).await?;
        watching.metrics.took(bytes);
    }
    watching.account();
    Ok(())
}

impl Watching {
    fn account(&mut self) {
        self.metrics.lost_so_far(self.stream.lost());
    }
}

async fn within_time(socket: &mut impl Socket, message: Message) -> Result<(), Last> {
    match tokio::time::timeout(UNTAKEN, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(None),
        Err(_) => Err(again("too slow")),
    }
}

fn again(reason: &'static str) -> Last {
    farewell(close_code::AGAIN, reason)
}

fn farewell(code: u16, reason: &'static str) -> Last {
    Some(CloseFrame { code, reason: reason.into() })
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use understudy_core::media::{Kind, Track, Unit};

    use super::*;
    use crate::broadcast::{Hub, Metrics};
    use crate::egress;
    use crate::egress::metrics::Transport;

    /// A reader that says nothing, takes so many messages, and then none.
    struct Deaf {
        takes: usize,
    }

    impl Stream for Deaf {
        type Item = Result<Message, axum::Error>;

        fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            Poll::Pending
        }
    }

    impl Sink<Message> for Deaf {
        type Error = Infallible;

        fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            if self.takes > 0 { Poll::Ready(Ok(())) } else { Poll::Pending }
        }

        fn start_send(mut self: Pin<&mut Self>, _: Message) -> Result<(), Infallible> {
            self.takes -= 1;
            Ok(())
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }
    }

    fn publish(hub: &Hub) {
        let track = Track::Transport;
        let (pts, duration) = (Duration::ZERO, Duration::ZERO);
        hub.publish(Unit { track, pts, dts: pts, duration, key: true, payload: vec![0x47; 188].into() });
    }

    /// How long one is served that takes so many messages, of a stream that has so many.
    async fn served(takes: usize, has: usize) -> Duration {
        let hub = Hub::new(Kind::Video, Metrics::default());
        let metrics = egress::Metrics::default().reader(Transport::WebSocket);
        let watching = Watching { stream: Source::Transport(hub.subscribe()), metrics };
        (0..has).for_each(|_| publish(&hub));
        let began = Instant::now();
        on(Deaf { takes }, watching, std::future::pending()).await;
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_is_let_go() {
        assert_eq!(served(0, 1).await, UNTAKEN + WORDS);
    }

    #[tokio::test(start_paused = true)]
    async fn who_reads_what_never_comes_is_told_so() {
        let takes_all = usize::MAX;
        assert_eq!(served(takes_all, 1).await, SILENT + WORDS);
    }
}
