//! The whole sequence of an object's status, as somebody sees it who watches from before the object is there.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout};

use crate::kubectl::Kubectl;

/// Ends when it is dropped.
pub struct Recording {
    _watching: Child,
    lines: Lines<BufReader<ChildStdout>>,
    seen: Vec<String>,
}

impl Recording {
    /// Begins to watch an object that may not be there yet.
    pub fn start(kubectl: &Kubectl, resource: &str, name: &str) -> Self {
        let selector = format!("--field-selector=metadata.name={name}");
        let mut watching = kubectl.start(&["get", resource, &selector, "--watch", "--output=json"]);
        let output = watching.stdout.take().expect("its output must be a pipe");
        Self { _watching: watching, lines: BufReader::new(output).lines(), seen: Vec::new() }
    }

    /// Goes on until a state of which that is true; all states so far, each as [`summary`] writes it.
    pub async fn until(&mut self, deadline: Duration, is: impl Fn(&str) -> bool) -> &[String] {
        let found = async {
            while let Some(object) = self.next().await {
                self.seen.push(summary(&object));
                if self.seen.last().is_some_and(|last| is(last)) {
                    return true;
                }
            }
            false
        };
        let found = tokio::time::timeout(deadline, found).await;
        assert_eq!(found, Ok(true), "it never came, but this did:\n{}", self.seen.join("\n"));
        &self.seen
    }

    /// One object after the other, each ending with a brace of its own.
    async fn next(&mut self) -> Option<Value> {
        let mut text = String::new();
        while let Ok(Some(line)) = self.lines.next_line().await {
            text.push_str(&line);
            if line == "}" {
                return serde_json::from_str(&text).ok();
            }
        }
        None
    }
}

/// One line: phase, generation and the one that was observed, and each condition with its reason.
fn summary(object: &Value) -> String {
    let status = &object["status"];
    let phase = status["phase"].as_str().unwrap_or("-");
    let conditions = status["conditions"].as_array().into_iter().flatten().map(|condition| {
        let text = |field: &str| condition[field].as_str().unwrap_or_default();
        format!(" {}={}/{}", text("type"), text("status"), text("reason"))
    });
    let (wanted, observed) = (&object["metadata"]["generation"], &status["observedGeneration"]);
    format!("{phase} {wanted}/{observed}{}", conditions.collect::<String>())
}
