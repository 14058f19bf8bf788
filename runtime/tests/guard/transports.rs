//! What passes the guard beside plain HTTP: TLS from end to end, and protocols that GStreamer tunnels through it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_rtsp_server::gio;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

use crate::support::doorway::{DENIAL, Guard};
use crate::support::server::{Server, ok};

/// A connection over loopback that is not accepted at once is not accepted.
const FULL: Duration = Duration::from_millis(300);

/// A few bytes over loopback, with a plugin to be loaded and keys to be exchanged.
const TRANSFER: gst::ClockTime = gst::ClockTime::from_seconds(20);

/// An HTTPS server at `localhost`, and the authority that vouches for it, in a file.
async fn secure() -> (SocketAddr, tempfile::NamedTempFile) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let root = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(root.path(), authority.self_signed(&key).unwrap().pem()).unwrap();
    let own = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = certificate.signed_by(&own, &Issuer::new(authority, key)).unwrap();
    let key = PrivatePkcs8KeyDer::from(own.serialize_der());
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![certificate.der().clone()], key.into()).unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that does not trust it hangs up.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") && stream.read_buf(&mut head).await.unwrap_or(0) > 0 {}
            drop(stream.write_all(&ok("text/plain", "a secret of theirs")).await);
            drop(stream.shutdown().await);
        }
    });
    (address, root)
}

/// What GStreamer gets from there through the guard, trusting this authority or only those of the system.
async fn fetched(url: &str, guard: &Guard, authority: Option<&Path>) -> Result<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fetched");
    let description = format!(
        "souphttpsrc name=source location={url} proxy=http://{} ! filesink location={}",
        guard.address,
        file.display()
    );
    understudy_runtime::gst::init().unwrap();
    let pipeline = gst::parse::launch(&description).unwrap().downcast::<gst::Pipeline>().unwrap();
    if let Some(authority) = authority {
        let database = gio::TlsFileDatabase::new(authority).unwrap();
        pipeline.by_name("source").unwrap().set_property("tls-database", database);
    }
    tokio::task::spawn_blocking(move || {
        // Why it could not be started is told on the bus.
        let _ = pipeline.set_state(gst::State::Playing);
        let ends = [gst::MessageType::Eos, gst::MessageType::Error];
        let end = pipeline.bus().unwrap().timed_pop_filtered(TRANSFER, &ends).expect("it must end");
        pipeline.set_state(gst::State::Null).unwrap();
        match end.view() {
            gst::MessageView::Error(error) => Err(error.error().to_string()),
            _ => Ok(std::fs::read_to_string(file).unwrap()),
        }
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn an_https_transfer_passes_and_its_certificate_is_still_the_clients_to_judge() {
    let (server, root) = secure().await;
    let guard = Guard::before(&[server]);
    let url = format!("https://localhost:{}/x", server.port());
    // First: whoever has been trusted once is known again by its session.
    let untrusted = fetched(&url, &guard, None).await;
    assert!(untrusted.is_err(), "{untrusted:?}");
    assert_eq!(guard.refusals(), 0, "it was the client that did not trust it");
    assert_eq!(fetched(&url, &guard, Some(root.path())).await.as_deref(), Ok("a secret of theirs"));
    assert_eq!((guard.count("Passed"), guard.refusals()), (2, 0));

    let shut = Guard::before(&[]);
    let refused = fetched(&url, &shut, Some(root.path())).await;
    assert!(refused.is_err() && shut.refusals() == 1, "{refused:?}");
}

/// A server whose queue is full: whoever calls now gets no answer at all.
async fn mute() -> (TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let listener = socket.listen(1).unwrap();
    let mut waiting = Vec::new();
    while let Ok(next) = tokio::time::timeout(FULL, TcpStream::connect(listener.local_addr().unwrap())).await
    {
        waiting.push(next.unwrap());
    }
    (listener, waiting)
}

#[tokio::test]
async fn a_host_that_does_not_answer_is_told_as_a_timeout() {
    let (listener, _waiting) = mute().await;
    let address = listener.local_addr().unwrap();
    let guard = Guard::before(&[address]);
    let (fetch, tunnel) =
        (format!("GET http://{address}/ HTTP/1.1\r\n\r\n"), format!("CONNECT {address} HTTP/1.1\r\n\r\n"));
    for answer in
        <[String; 2]>::from(tokio::join!(guard.answer(&fetch, DENIAL), guard.answer(&tunnel, DENIAL)))
    {
        assert!(answer.starts_with("HTTP/1.1 504 Gateway Timeout\r\n"), "{answer}");
        assert!(answer.contains("X-Understudy-Refused: timeout\r\n"), "{answer}");
        assert!(answer.contains("127.0.0.1 did not answer in time"), "{answer}");
    }
    assert_eq!(guard.count("TimedOut"), 2);
}

/// A camera that sends whoever asks for its picture elsewhere.
async fn redirecting_camera(target: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(redirect(stream, target));
        }
    });
    address
}

async fn redirect(mut stream: TcpStream, target: SocketAddr) {
    let mut bytes = Vec::new();
    while stream.read_buf(&mut bytes).await.unwrap_or(0) > 0 {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some(head) = text.strip_suffix("\r\n\r\n") else { continue };
        let number = head.lines().find(|line| line.starts_with("CSeq:")).unwrap_or("CSeq: 1");
        let answer = match head.split(' ').next() {
            Some("DESCRIBE") => {
                format!("RTSP/1.0 302 Moved\r\n{number}\r\nLocation: rtsp://{target}/inside\r\n\r\n")
            }
            _ => format!("RTSP/1.0 200 OK\r\n{number}\r\nPublic: DESCRIBE, SETUP, PLAY\r\n\r\n"),
        };
        bytes.clear();
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn a_camera_cannot_send_rtsp_to_a_private_address() {
    let private = Server::start(|_| ok("text/plain", "secret")).await;
    let camera = redirecting_camera(private.address).await;
    let pipeline = format!("rtspsrc protocols=tcp location=rtsp://{camera}/a ! fakesink");
    let guard = Guard::before(&[camera]);
    let (said, well) = guard.launch(&pipeline).await;
    assert!(!well && guard.count("Passed") > 0 && guard.refusals() > 0, "{said}");
    assert_eq!(private.connections(), 0);

    Guard::before(&[camera, private.address]).launch(&pipeline).await;
    assert_ne!(private.connections(), 0, "where it is allowed, it is sent there");
}

#[tokio::test]
async fn rtmp_and_rtsp_are_judged_too_with_and_without_tls() {
    let private = Server::start(|_| ok("text/plain", "secret")).await;
    let guard = Guard::before(&[]);
    for source in [
        "rtmp2src location=rtmp:",
        "rtmp2src location=rtmps:",
        "rtspsrc protocols=tcp location=rtsp:",
        "rtspsrc protocols=tcp location=rtsps:",
    ] {
        let before = guard.refusals();
        let (said, well) = guard.launch(&format!("{source}//{}/a/b ! fakesink", private.address)).await;
        assert!(!well && guard.refusals() > before, "{source}: {said}");
    }
    assert_eq!(private.connections(), 0);
}
