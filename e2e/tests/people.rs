//! What the command line needs a node for: the page through the API server, and the log.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, too")]

use tokio::net::TcpStream;
use understudy_e2e::understudy::Understudy;

#[tokio::test]
async fn a_page_is_seen_through_a_port_of_this_machine() {
    let understudy = Understudy::demo("demo").await;
    let running = understudy.start(&["open", "ada", "--port-forward"]).await;
    assert!(running.first.starts_with("http://localhost:"), "{}", running.first);
    let page = reqwest::get(&running.first).await.unwrap();
    assert_eq!(page.status(), 200);
    let port = reqwest::Url::parse(&running.first).unwrap().port().unwrap();
    assert!(page.text().await.unwrap().contains("<video"), "it must be the page that shows the participant");
    running.end().await;
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err(), "kubectl ends with it");
}

#[tokio::test]
async fn a_log_is_that_of_the_runtime() {
    let understudy = Understudy::demo("demo").await;
    let all = understudy.run(&["logs", "ada"]).await.unwrap();
    assert!(all.contains("a source plays"), "{all}");
    let last = understudy.run(&["logs", "ada", "--tail", "1"]).await.unwrap();
    assert_eq!(last.lines().count(), 1, "{last}");
    let why = understudy.run(&["logs", "nobody"]).await.unwrap_err();
    assert!(why.contains("there is no participant nobody in the namespace demo; there are: "), "{why}");
}
