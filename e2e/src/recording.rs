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

/// Of such states the phase and these conditions, and `was=` if it is there; each once in a row.
pub fn only(seen: &[String], types: &[&str]) -> Vec<String> {
    let told = |word: &&str| {
        let (name, value) = word.split_once('=').unwrap_or_default();
        (name == "was" && value != "-") || types.contains(&name)
    };
    let mut lines: Vec<String> = Vec::new();
    for state in seen {
        let phase = state.split(' ').next().unwrap_or_default();
        let words: Vec<&str> = std::iter::once(phase).chain(state.split(' ').filter(told)).collect();
        let line = words.join(" ");
        if lines.last() != Some(&line) {
            lines.push(line);
        }
    }
    lines
}

/// One line: phase, generation and the one that was observed, each condition with its reason, which invitation ended last and how
/// (`was=ID/OUTCOME`), and the pod.
fn summary(object: &Value) -> String {
    let status = &object["status"];
    let phase = status["phase"].as_str().unwrap_or("-");
    let conditions = status["conditions"].as_array().into_iter().flatten().map(|condition| {
        let text = |field: &str| condition[field].as_str().unwrap_or_default();
        format!(" {}={}/{}", text("type"), text("status"), text("reason"))
    });
    let (wanted, observed) = (&object["metadata"]["generation"], &status["observedGeneration"]);
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let was = match &status["lastSession"] {
        Value::Null => "-".to_owned(),
        last => format!("{}/{}", text(&last["invitationId"]), text(&last["outcome"])),
    };
    let (conditions, pod) = (conditions.collect::<String>(), text(&status["pod"]["name"]));
    format!("{phase} {wanted}/{observed}{conditions} was={was} pod={pod}")
}
