//! What the API server wrote down of the operator: who asked for what.

use super::{RELEASE, SYSTEM, kubeconfig};
use serde_json::Value;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

/// The log from some moment on.
pub struct Audit {
    path: PathBuf,
    from: u64,
}

/// One thing that the operator asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub verb: String,
    pub group: String,
    /// With its subresource, as `virtualparticipants/status`.
    pub resource: String,
    /// Empty: in none, or in all.
    pub namespace: String,
    pub name: String,
    /// Of HTTP.
    pub code: u64,
    /// It is answered; a watch is not, as long as it goes on.
    pub is_over: bool,
}

impl Audit {
    /// From now on: all calls that were answered by now are in the log.
    pub fn from_now() -> Self {
        let path = kubeconfig().with_file_name("audit.log");
        let from = std::fs::metadata(&path).unwrap().len();
        Self { path, from }
    }

    /// What the operator asked for since then.
    pub fn calls(&self) -> Vec<Call> {
        let (mut log, mut file) = (String::new(), File::open(&self.path).unwrap());
        file.seek(SeekFrom::Start(self.from)).unwrap();
        file.read_to_string(&mut log).unwrap();
        let operator = format!("system:serviceaccount:{SYSTEM}:{RELEASE}-operator");
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let ours = lines.filter(|line| line["impersonatedUser"]["username"] == *operator);
        ours.map(|line| call(&line)).collect()
    }

    /// What it wrote that anybody could see: not its own Lease, nor Events, nor what it asked about callers.
    #[allow(dead_code, reason = "measurements use it")]
    pub fn writes(&self) -> Vec<Call> {
        const ASIDE: [&str; 4] = ["leases", "events", "tokenreviews", "subjectaccessreviews"];
        let writes = |call: &Call| {
            let is_write = matches!(call.verb.as_str(), "create" | "update" | "patch" | "delete");
            is_write && call.is_over && !ASIDE.contains(&call.resource.as_str())
        };
        self.calls().into_iter().filter(writes).collect()
    }
}

fn call(line: &Value) -> Call {
    let (text, about) = (|value: &Value| value.as_str().unwrap_or_default().to_owned(), &line["objectRef"]);
    let resource = match about["subresource"].as_str() {
        Some(subresource) => format!("{}/{subresource}", text(&about["resource"])),
        None => text(&about["resource"]),
    };
    Call {
        verb: text(&line["verb"]),
        group: text(&about["apiGroup"]),
        resource,
        namespace: text(&about["namespace"]),
        name: text(&about["name"]),
        code: line["responseStatus"]["code"].as_u64().unwrap_or_default(),
        is_over: line["stage"] == "ResponseComplete",
    }
}
