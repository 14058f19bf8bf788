//! Processes of the session: they are listed among the others, and nobody else may change them.

use tokio::sync::watch;
use understudy_core::process::config::{Config, Io};
use understudy_core::process::machine::{Command, Order};
use understudy_core::redact::redacted;

use super::{DONE, Error, Processes, order};
use crate::egress::whep::process_name;
use crate::process::Owner;
use crate::process::view::View;
use crate::program::{Found, Program};

/// Its config as people may see it: what it fetches is nobody's to know who did not say it.
pub(super) fn shown(config: &Config) -> Config {
    let input = config.input.iter().map(|io| Io { address: redacted(&io.address), ..io.clone() });
    Config { input: input.collect(), ..config.clone() }
}

/// One that runs for the session.
#[derive(Clone)]
pub struct Carried {
    /// It stays the same whatever the process becomes.
    pub program: Program,
    pub view: watch::Receiver<View>,
}

impl Processes {
    /// Runs one of that config for the session. Where there is one of its id, that becomes this, if it is the session's.
    pub async fn carry(&self, config: Config) -> Result<Carried, Error> {
        self.until_gone(&config.id).await?;
        let owner = self.0.book.lock().entries.get(&config.id).map(|entry| entry.owner);
        match owner {
            None => {
                let mailbox = self.enter(&config, Owner::Session, Order::Start)?;
                order(&mailbox, Command::Start).await?;
            }
            Some(Owner::Session) => {
                let changed = self.0.book.lock().become_another(&config.id, config.clone(), &self.0.site)?;
                changed.tell().await?;
            }
            Some(Owner::People) => return Err(Error::Exists(config.id)),
        }
        self.carried(&config.id)
    }

    /// Waits for one of that id that is leaving: it is another than the one that is to come.
    async fn until_gone(&self, id: &str) -> Result<(), Error> {
        let leaving = {
            let book = self.0.book.lock();
            book.entries.get(id).filter(|entry| entry.is_leaving).map(|entry| entry.mailbox.clone())
        };
        let Some(mailbox) = leaving else { return Ok(()) };
        tokio::time::timeout(DONE, mailbox.closed()).await.map_err(|_| Error::Late)?;
        self.0.book.lock().forget(id, &mailbox);
        Ok(())
    }

    /// Ends the one of that id that runs for the session, if there is one.
    pub async fn release(&self, id: &str) {
        let is_own = self.0.book.lock().entries.get(id).is_some_and(|entry| entry.owner == Owner::Session);
        if is_own && let Err(error) = self.remove(id).await {
            tracing::warn!(%error, "a process of the session did not end");
        }
    }

    fn carried(&self, id: &str) -> Result<Carried, Error> {
        let unknown = || Error::Unknown(id.to_owned());
        let view = self.0.book.lock().entries.get(id).map(|entry| entry.view.clone()).ok_or_else(unknown)?;
        match self.0.site.watching.programs.find(&process_name(id)) {
            Found::Live(program) => Ok(Carried { program, view }),
            Found::Silent | Found::Unknown => Err(unknown()),
        }
    }
}
