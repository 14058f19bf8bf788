//! Calls, one after the other.

use super::*;
use crate::support::held::Held;

/// What a process may keep: allocators keep what they were lent once.
const RESIDUE: Held = Held { descriptors: 4, threads: 4, resident_kib: 24 << 10 };

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_calls_in_a_row_leave_nothing_behind() {
    let ada = participant("ada", None, &["--calls-auto-accept", "true"]);
    ada.until_live(SOON * 2).await;
    let bob = participant("bob", Some(&ada), &[]);
    bob.until_live(SOON * 2).await;
    let call = async || {
        done(&bob, "/api/call/start", with("ada")).await;
        until_connected(&bob).await;
        until_connected(&ada).await;
        done(&bob, "/api/call/hangup", json!({ "channel_id": CHANNEL })).await;
        let over = || async {
            let calls = (active(&ada).await, active(&bob).await);
            (calls == (None, None)).then_some(()).ok_or_else(|| format!("{calls:?}"))
        };
        wait::until(SOON, over).await;
    };
    for _ in 0..10 {
        call().await;
    }
    let before = [Held::at_rest(&ada).await, Held::at_rest(&bob).await];
    for _ in 0..100 {
        call().await;
    }
    for (held, session) in before.into_iter().zip([&ada, &bob]) {
        held.comes_back(session, RESIDUE).await;
    }
    assert_eq!(bob.counts("understudy_calls_set_up_seconds_count").await, 110);
}
