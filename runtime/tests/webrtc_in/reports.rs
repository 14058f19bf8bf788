//! What a publisher's sender reports tell.

use understudy_core::input::Carries;
use understudy_e2e::wait;

use super::Set;
use crate::support::counts::scraped;
use crate::support::studio::OPEN;

const LAG: &str = "understudy_input_sound_lag_seconds{source=\"webrtc\"} ";

impl Set {
    /// How much later than its picture sound is sent, in seconds; none: it is not told.
    fn lag(&self) -> Option<f64> {
        scraped(&self.studio.metrics).lines().find_map(|line| line.strip_prefix(LAG)?.parse().ok())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn how_far_apart_a_peer_sends_is_told_while_it_is_known() {
    let set = Set::open().await;
    let source = set.play(Carries::Both);
    // Encoding a picture takes its time too, and more of it on a machine that does more than this.
    for (late, expected) in [("audio:0.2", 0.1..0.21), ("video:0.2", -0.35..-0.19)] {
        let _sender = set.publish("VP8", &["--late", late]);
        let told = || async {
            let lag = set.lag();
            lag.filter(|lag| expected.contains(lag)).ok_or_else(|| format!("{late}: {lag:?}"))
        };
        println!("  {late}: {:?}", wait::until(OPEN, told).await);
    }
    drop(source);
    wait::until(OPEN, || async { set.lag().map_or(Ok(()), |lag| Err(format!("{lag} of nobody"))) }).await;
}
