//! A server that names a TURN server of its own (RFC 8656), and lets nobody in but the relays of that.

use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::*;

struct Hidden {
    server: pion::Server,
    /// Who believes its TURN server, and nobody else.
    tls: TlsConnector,
}

impl Hidden {
    async fn behind(arguments: &[&str], folder: &Path) -> Self {
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let files = [("-cert", certified.cert.pem()), ("-key", certified.signing_key.serialize_pem())]
            .map(|(name, text)| (name, text, folder.join(name)));
        let mut arguments: Vec<&str> = arguments.to_vec();
        for (name, text, file) in &files {
            std::fs::write(file, text).expect("a file");
            arguments.extend([*name, file.to_str().expect("a path")]);
        }
        let mut trusted = RootCertStore::empty();
        trusted.add(certified.cert.der().clone()).expect("a certificate");
        let config = ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .expect("versions of TLS")
            .with_root_certificates(trusted)
            .with_no_client_auth();
        let server = pion::Server::with(&arguments, &folder.join("picture")).await;
        Self { server, tls: TlsConnector::from(Arc::new(config)) }
    }
}

/// What a server with such arguments got, of which no picture was lost.
async fn got(arguments: &[&str]) -> pion::Seen {
    println!("{arguments:?}");
    let (stage, folder) = (Stage::open().await, tempfile::tempdir().expect("a folder"));
    let Hidden { server, tls } = Hidden::behind(arguments, folder.path()).await;
    let target = Target::parse(&server.url, Some(TOKEN)).expect("a target");
    let publishing = publish(target, shown(&stage), reaching(&stage, tls, &anywhere()));
    let state = until(&publishing, |state| state.phase == Phase::Sending || state.failure.is_some()).await;
    assert_eq!(state.failure, None);
    tokio::time::sleep(WHILE).await;
    assert_eq!(publishing.state().borrow().failure, None);
    let ended = tokio::spawn(server.ended());
    publishing.stop().await;
    let mut ended = ended.await.expect("it must end");
    let (seen, none) = (ended.pop().expect("one stream"), ended.is_empty());
    assert!(none, "{ended:?}");
    each_picture_came(&seen, &folder.path().join("picture0.h264")).await;
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn by_udp_by_tcp_and_by_tls_each_picture_comes_and_the_relay_is_given_back() {
    for arguments in [&["-turn", "udp"][..], &["-turn", "udp", "-lite"], &["-turn", "tcp"], &["-turn", "tls"]]
    {
        let seen = got(arguments).await;
        assert_eq!((seen.relays, seen.relays_left), (1, 0), "{seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_slow_server_gives_when_another_has_given_is_given_back_too() {
    let seen = got(&["-turn", "slow"]).await;
    assert_eq!((seen.relays, seen.relays_left), (2, 0), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn none_is_asked_for_where_another_way_leads_there() {
    let seen = got(&["-turn", "udp", "-open"]).await;
    assert_eq!(seen.relays, 0, "{seen:?}");
}

/// What went wrong with one whose relays are to be had over that.
async fn failure(over: &str, reach: &Policy) -> String {
    let (stage, folder) = (Stage::open().await, tempfile::tempdir().expect("a folder"));
    let Hidden { server, .. } = Hidden::behind(&["-turn", over], folder.path()).await;
    let publishing = to(&stage, &server.url, TOKEN, reach);
    let state = until(&publishing, |state| state.failure.is_some()).await;
    state.failure.expect("something went wrong").to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn why_no_relay_leads_there_is_told_without_what_it_was_asked_for_with() {
    let reach = anywhere();
    let (refused, untrusted) = tokio::join!(failure("refused", &reach), failure("tls", &reach));
    for (told, why) in [(&refused, "over UDP: it gives no relay (4"), (&untrusted, "TLS: TLS failed")] {
        assert!(told.contains("none of its TURN servers gives a relay") && told.contains(why), "{told}");
        assert!(!told.contains("sesame") && !told.contains("1700000000"), "{told}");
    }
}
