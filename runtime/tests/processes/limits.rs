//! What a process may use.

use serde_json::json;

use crate::support::processes::{Rig, starting};

#[tokio::test(flavor = "multi_thread")]
async fn who_uses_more_memory_than_it_may_is_killed() {
    let rig = Rig::start().await;
    rig.add(&starting("a", json!({"limits": {"memory_mbytes": 1, "waitfor_seconds": 1}}))).await;
    let process = rig.until_exec("a", "killed").await;
    assert_eq!(process["state"]["order"], "start");
    assert_eq!(rig.counts("understudy_process_exits_total{reason=\"Limits\"}"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_computes_more_than_it_may_for_too_long_is_killed_and_it_is_said() {
    let rig = Rig::start().await;
    // As fast as it can be computed; the other computes next to nothing.
    let input = json!([{"id": "in", "address": "testsrc=size=1280x720:rate=25", "options": ["-f", "lavfi"]}]);
    let most = json!({"cpu_usage": 20, "waitfor_seconds": 2});
    rig.add(&starting("a", json!({"input": input, "limits": most}))).await;
    let input =
        json!([{"id": "in", "address": "testsrc=size=64x64:rate=5", "options": ["-re", "-f", "lavfi"]}]);
    rig.add(&starting("b", json!({"input": input, "limits": most}))).await;
    rig.until("a", |process| process["state"]["cpu_usage"].as_f64() > Some(20.0)).await;
    let process = rig.until_exec("a", "killed").await;
    let (state, report) = (&process["state"], &process["report"]);
    assert_eq!((&state["order"], &state["reconnect_seconds"]), (&json!("start"), &json!(-1)), "{state}");
    assert_eq!(report["exit_state"], "killed");
    assert_eq!(
        (&report["exit_signal"], &report["signals_sent"]),
        (&json!(9), &json!(["SIGKILL"])),
        "{report}"
    );
    assert!(report["reason"].as_str().unwrap().contains("limits.waitfor_seconds"), "{report}");
    let lasted = report["exited_at"].as_i64().unwrap() - report["created_at"].as_i64().unwrap();
    assert!(lasted >= 2, "{lasted} s");
    assert_eq!(rig.process("b").await["state"]["exec"], "running");
    assert_eq!(rig.counts("understudy_process_exits_total{reason=\"Limits\"}"), 1);
}
