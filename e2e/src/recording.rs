//! The whole sequence of an object's status, as somebody sees it who watches from before the object is there.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout};

use crate::kubectl::Kubectl;

/// One line a change: phase, both generations, and each condition.
const LINE: &str = "jsonpath={.status.phase} {.metadata.generation}/{.status.observedGeneration}\
    {range .status.conditions[*]} {.type}={.status}/{.reason}{end}{\"\\n\"}";

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
        let mut watching = kubectl.start(&["get", resource, &selector, "--watch", "--output", LINE]);
        let output = watching.stdout.take().expect("its output must be a pipe");
        Self { _watching: watching, lines: BufReader::new(output).lines(), seen: Vec::new() }
    }

    /// Goes on until a line of which that is true; all lines so far.
    pub async fn until(&mut self, deadline: Duration, is: impl Fn(&str) -> bool) -> &[String] {
        let found = async {
            while let Ok(Some(line)) = self.lines.next_line().await {
                let ends = is(&line);
                self.seen.push(line);
                if ends {
                    return true;
                }
            }
            false
        };
        let found = tokio::time::timeout(deadline, found).await;
        assert_eq!(found, Ok(true), "it never came, but this did:\n{}", self.seen.join("\n"));
        &self.seen
    }
}
