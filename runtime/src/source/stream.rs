//! Media that goes on, from a URL: HTTP (progressive, HLS, DASH, Icecast), RTMP, RTSP and SRT.

mod address;

use std::time::Duration;

use tokio::sync::watch;
use understudy_core::input::{Failure, Health, Plan};
use understudy_core::spec::StreamUrl;

use super::metrics::Origin;
use super::need::Needs;
use super::player::{Course, Outcome, Player};
use super::resting::Resting;
use super::{Surroundings, media};
use crate::camera::Writer;

/// A sender of now sends in time and no earlier: without it a picture would be shown when it has come, which is not even.
/// Three frames at 30 a second: what the picture's queue holds.
const JITTER: Duration = Duration::from_millis(100);

/// Plays until it came to its end (it has one) or failed.
pub(super) async fn play(
    wanted: &StreamUrl,
    plan: &Plan,
    surroundings: &Surroundings,
    writer: Option<Writer>,
    health: &watch::Sender<Health>,
) -> Result<(), Failure> {
    let url = wanted.as_str();
    let uri = address::resolve(wanted, &surroundings.guard).await?;
    let media = media::open(&uri, Origin::Stream, plan, writer.clone(), surroundings)
        .map_err(|error| media::failure("PipelineFailed", url, &error.to_string()))?;
    media.delay(JITTER);
    let (policy, rest) = (&surroundings.guard, Resting::new(Needs::of(plan, surroundings)));
    let player = Player { media, url, course: Course::On, writer, health, policy, rest };
    match player.play().await? {
        Outcome::Ended | Outcome::Again | Outcome::Hangs => Ok(()),
    }
}
