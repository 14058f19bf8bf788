//! What runs beside the session, by name. None of it ends unnoticed: what serves no more would be missed by nobody else.

use std::collections::HashMap;

use tokio::task::{Id, JoinError, JoinSet};

/// Dropped, all of them are aborted.
#[derive(Default)]
pub(super) struct Tasks {
    running: JoinSet<()>,
    names: HashMap<Id, &'static str>,
}

impl Tasks {
    /// `name`: what people call it.
    pub(super) fn start(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.names.insert(self.running.spawn(task).id(), name);
    }

    /// Resolves when one of them has ended, with how; never without any.
    pub(super) async fn ended(&mut self) -> anyhow::Error {
        match self.running.join_next_with_id().await {
            None => std::future::pending().await,
            Some(Ok((id, ()))) => anyhow::anyhow!("{} ended by itself", self.name(id)),
            Some(Err(panic)) => self.broken(panic),
        }
    }

    /// Waits for all of them, who were asked to end.
    pub(super) async fn all(mut self) {
        while let Some(ended) = self.running.join_next_with_id().await {
            if let Err(panic) = ended {
                tracing::error!(error = format!("{:#}", self.broken(panic)), "a task failed at its end");
            }
        }
    }

    fn broken(&self, panic: JoinError) -> anyhow::Error {
        let name = self.name(panic.id());
        anyhow::Error::new(panic).context(format!("{name} broke down"))
    }

    fn name(&self, id: Id) -> &'static str {
        self.names.get(&id).copied().unwrap_or("a task")
    }
}
