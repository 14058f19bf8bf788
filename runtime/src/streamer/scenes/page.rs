//! A page that the session's document names, while a streamer shows it: a session of its own, with its display, its sound and its
//! browser, and neither camera nor microphone.

use std::io;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use understudy_core::report::Stance;
use understudy_core::spec;
use understudy_proto::v1;

use crate::feed::Feed;
use crate::ingest::Ingest;
use crate::scratch::Scratch;
use crate::session::{self, Config, Wanted};
use crate::sound;

pub(super) struct Page {
    shown: watch::Sender<spec::Page>,
    end: DropGuard,
    kept: JoinHandle<()>,
}

impl Page {
    /// As `like` is set up, apart from what only one can have.
    pub(super) fn begin(
        like: &Config,
        program: &str,
        page: spec::Page,
    ) -> io::Result<(Self, session::Handle)> {
        let scratch = Scratch::new(&like.directory)?;
        let config = Config {
            directory: scratch.path().to_owned(),
            program: program.to_owned(),
            processes: None,
            camera: None,
            display_number: None,
            sound: sound::Names::default(),
            // Nobody tells an operator of it.
            has_operator: false,
            ports: v1::Ports::default(),
            ingest: Ingest::default(),
            feed: Feed::default(),
            metrics: session::Metrics::default(),
            ..like.clone()
        };
        let end = CancellationToken::new();
        let nobody = |_: &str| watch::channel(0).1;
        let (session, task) = session::start(config, nobody, end.clone());
        let (shown, pages) = watch::channel(page);
        let kept = tokio::spawn(keep(session.clone(), task, pages, scratch));
        Ok((Self { shown, end: end.drop_guard(), kept }, session))
    }

    /// From now on it is this one.
    pub(super) fn show(&self, page: &spec::Page) {
        self.shown.send_if_modified(|shown| {
            let is_other = shown != page;
            shown.clone_from(page);
            is_other
        });
    }

    /// Resolves when nothing of it is left.
    pub(super) fn end(self) -> JoinHandle<()> {
        drop(self.end);
        self.kept
    }
}

/// Until the session has ended; its directory goes after it.
async fn keep(
    session: session::Handle,
    task: JoinHandle<()>,
    mut pages: watch::Receiver<spec::Page>,
    scratch: Scratch,
) {
    for generation in 1.. {
        let page = wire(&pages.borrow_and_update());
        let spec = v1::SessionSpec { page: Some(page), ..v1::SessionSpec::default() };
        let wanted = Wanted { generation, stance: Stance::Told, spec, ..Wanted::default() };
        match session.want(wanted).await {
            Ok(refusals) => refusals.iter().for_each(|refusal| {
                tracing::error!(
                    field = refusal.field_path,
                    reason = refusal.reason,
                    "a named page cannot be shown"
                );
            }),
            Err(session::Ended) => break,
        }
        if pages.changed().await.is_err() {
            break;
        }
    }
    drop(session);
    if let Err(error) = task.await {
        tracing::error!(%error, "the session of a named page broke down");
    }
    drop(scratch);
}

fn wire(page: &spec::Page) -> v1::Page {
    v1::Page {
        url: page.location.to_string(),
        width: page.size.width(),
        height: page.size.height(),
        frame_rate: page.frame_rate.per_second(),
    }
}
