//! One whole source in all that its sender may do to it.

use std::time::Duration;

use understudy_core::input::{Carries, Health};
use understudy_runtime::source::Source;

use crate::support::site::{Mood, Site};
use crate::support::studio::{OPEN, Studio, fares, stream};

/// What thirty disturbances may leave behind: allocators keep what they were lent once.
const RESIDUE: u64 = 40 << 20;

/// From the death of PulseAudio to its return: longer than a gap that is told.
const AWAY: Duration = Duration::from_secs(3);

/// What a sender does, three times over. Each third ends in what takes a new connection, of which the waits double.
const MOODS: [Mood; 10] = [
    Mood::Babbles,
    Mood::Holds,
    Mood::Bursts,
    Mood::Shrinks,
    Mood::Refuses,
    Mood::Babbles,
    Mood::Bursts,
    Mood::Holds,
    Mood::Shrinks,
    Mood::Breaks,
];

#[tokio::test(flavor = "multi_thread")]
async fn thirty_disturbances_leave_a_moving_picture_and_no_memory() {
    let (studio, site) = (Studio::open().await, Site::open().await);
    let source = studio.play(stream(&site.url("live/ts")), Carries::Both);
    studio.until(true, OPEN).await;
    let mut before = 0;
    for (number, mood) in MOODS.iter().cycle().take(30).enumerate() {
        site.is_in(*mood);
        sees(&studio, &source, *mood).await;
        site.is_in(Mood::Sends);
        fares(&source, OPEN * 2, |health| *health == Health::Playing).await;
        let waited = studio.until(true, OPEN).await;
        println!("  {number}. {mood:?}, back after {waited:?}, {} MiB", resident() >> 20);
        if number == MOODS.len() - 1 {
            before = resident();
        }
    }
    studio.is_live(Carries::Both).await;
    let after = resident();
    println!("  {} MiB after ten, {} MiB after thirty", before >> 20, after >> 20);
    assert!(after < before + RESIDUE, "{before} bytes, then {after}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_picture_goes_on_while_the_sound_daemon_is_away_and_the_sound_returns() {
    let (studio, site) = (Studio::open().await, Site::open().await);
    for plays in [studio.place("long.mkv"), stream(&site.url("live/ts"))] {
        println!("{plays:?}");
        let source = studio.play(plays, Carries::Both);
        studio.is_live(Carries::Both).await;
        let away = async {
            studio.sound_dies().await;
            tokio::time::sleep(AWAY).await;
            studio.sound_returns().await;
        };
        let (seen, ()) = tokio::join!(studio.watch(AWAY * 2), away);
        seen.moves();
        seen.goes_on();
        fares(&source, OPEN, |health| *health == Health::Playing).await;
        studio.is_live(Carries::Both).await;
    }
}

/// What is said and shown of it meanwhile.
async fn sees(studio: &Studio, source: &Source, mood: Mood) {
    match mood {
        Mood::Refuses | Mood::Breaks => {
            fares(source, OPEN, |health| matches!(health, Health::Failed(_))).await;
            studio.until(false, OPEN).await;
        }
        Mood::Holds => {
            fares(source, OPEN, |health| *health == Health::Stalled).await;
            studio.until(false, OPEN).await;
        }
        Mood::Sends | Mood::Babbles | Mood::Bursts | Mood::Shrinks => {
            studio.watch(Duration::from_secs(1)).await;
        }
    }
}

/// Bytes that this process holds now.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 4096
}
