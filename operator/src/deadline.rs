//! The client of the API server, all of whose calls end. An API server that accepts a call and never answers it would
//! otherwise hold whoever asked for ever. A watch may be quiet for as long as it asked for.

use http::{Request, Response, Uri};
use http_body::{Body, Frame, SizeHint};
use kube::Client;
use kube::client::ClientBuilder;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};
use tower::{BoxError, Layer, Service};

/// An answer takes milliseconds, and a page of a large list seconds; the API server itself gives up after 60 s.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// Of a watch that does not say for how long it is to be: the API server ends it after 30 to 60 minutes.
const LONGEST_WATCH: Duration = Duration::from_secs(3600);

/// A client whose calls are answered within this time, or fail.
pub fn client(config: kube::Config, timeout: Duration) -> Result<Client, kube::Error> {
    Ok(ClientBuilder::try_from(config)?.with_layer(&Deadlines { timeout }).build())
}

#[derive(Clone, Copy, Debug)]
struct Deadlines {
    timeout: Duration,
}

impl<S> Layer<S> for Deadlines {
    type Service = Timed<S>;

    fn layer(&self, inner: S) -> Timed<S> {
        Timed { inner, timeout: self.timeout }
    }
}

/// Calls that end.
struct Timed<S> {
    inner: S,
    timeout: Duration,
}

impl<S, Sent, Received> Service<Request<Sent>> for Timed<S>
where
    S: Service<Request<Sent>, Response = Response<Received>>,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    Received: Body + Unpin,
    Received::Error: Into<BoxError>,
{
    type Response = Response<TimedBody<Received>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Sent>) -> Self::Future {
        let answered = Instant::now() + self.timeout;
        let ended = answered + watched_for(request.uri()).unwrap_or_default();
        let answer = self.inner.call(request);
        Box::pin(async move {
            let response =
                timeout_at(answered, answer).await.map_err(|_elapsed| late())?.map_err(Into::into)?;
            Ok(response.map(|body| TimedBody { body, ended: Box::pin(sleep_until(ended)) }))
        })
    }
}

/// For how long a watch is to be; `None`: the call is none.
fn watched_for(uri: &Uri) -> Option<Duration> {
    let parameters = || uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    parameters().find(|(name, value)| *name == "watch" && matches!(*value, "true" | "1"))?;
    let given = parameters().find(|(name, _)| *name == "timeoutSeconds");
    let seconds = given.and_then(|(_, value)| value.parse().ok());
    Some(seconds.map_or(LONGEST_WATCH, Duration::from_secs))
}

fn late() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the API server did not answer in time")
}

/// An answer whose last byte comes in time, or never.
struct TimedBody<B> {
    body: B,
    ended: Pin<Box<Sleep>>,
}

impl<B: Body + Unpin> Body for TimedBody<B>
where
    B::Error: Into<BoxError>,
{
    type Data = B::Data;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        self.ended.as_mut().poll(context).map(|()| Some(Err(late().into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::StreamExt;
    use k8s_openapi::api::core::v1::Pod;
    use kube::Api;
    use kube::api::{WatchEvent, WatchParams};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    const TIMEOUT: Duration = Duration::from_millis(300);
    /// Longer than any test may take.
    const PATIENCE: Duration = Duration::from_secs(20);

    /// Takes whatever comes, and says these things with a pause before each; then it is silent for ever.
    async fn server(says: &'static [&'static str], pause: Duration) -> Api<Pod> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let mut connections = Vec::new();
            while let Ok((mut connection, _)) = listener.accept().await {
                let mut request = [0; 4096];
                let _ = connection.read(&mut request).await;
                for text in says {
                    tokio::time::sleep(pause).await;
                    let _ = connection.write_all(text.as_bytes()).await;
                }
                connections.push(connection);
            }
        });
        let client = client(kube::Config::new(address.parse().unwrap()), TIMEOUT).unwrap();
        Api::namespaced(client, "demo")
    }

    async fn fails_in_time(api: &Api<Pod>) {
        let got = tokio::time::timeout(PATIENCE, api.get("ada-1")).await;
        let error = got.expect("a call must end").expect_err("nothing was said");
        assert!(format!("{error:?}").contains("did not answer in time"), "{error:?}");
    }

    #[tokio::test]
    async fn a_call_that_nobody_answers_ends() {
        fails_in_time(&server(&[], Duration::ZERO).await).await;
    }

    #[tokio::test]
    async fn an_answer_that_does_not_end_ends() {
        const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{";
        fails_in_time(&server(&[HEAD], Duration::ZERO).await).await;
    }

    #[tokio::test]
    async fn a_watch_may_be_quiet() {
        const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n";
        const EVENT: &str = "{\"type\":\"ADDED\",\"object\":{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\
            \"metadata\":{\"name\":\"ada-1\"}}}\n";
        let api = server(&[HEAD, "", "", "", "", "", "", EVENT], TIMEOUT / 2).await;
        let mut events = Box::pin(api.watch(&WatchParams::default(), "0").await.unwrap());
        let event = tokio::time::timeout(PATIENCE, events.next()).await.unwrap();
        assert!(matches!(event, Some(Ok(WatchEvent::Added(_)))), "{event:?}");
    }

    #[tokio::test]
    async fn a_watch_that_nobody_answers_ends() {
        let api = server(&[], Duration::ZERO).await;
        let watched = tokio::time::timeout(PATIENCE, api.watch(&WatchParams::default(), "0")).await.unwrap();
        assert!(watched.is_err());
    }

    #[test]
    fn a_watch_is_known_by_its_address() {
        let of = |uri: &str| watched_for(&uri.parse().unwrap());
        assert_eq!(of("/api/v1/pods?limit=500&watch=false"), None);
        assert_eq!(of("/api/v1/namespaces/watch/pods"), None);
        assert_eq!(of("/api/v1/pods?&watch=true&timeoutSeconds=290"), Some(Duration::from_secs(290)));
        assert_eq!(of("/api/v1/pods?watch=1"), Some(LONGEST_WATCH));
    }
}
