//! Which streams there are: of programs, while somebody plays them, and those that others publish.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use futures::FutureExt;
use futures::future::{BoxFuture, pending};
use parking_lot::Mutex;
use tokio_util::task::AbortOnDropHandle;
use understudy_core::rendition::Video;
use understudy_rtmp::command::Code;
use understudy_rtmp::place::Place;

use super::Refusal;
use super::feed;
use super::stream::{Sound, Stream};
use crate::program::{Found, Present, Program, Registry};

/// Where programs are found: `live` is the app of the source system, and its clients'.
const APP: &str = "live";

/// Publishers at once, each of which may have eight megabytes kept.
const MOST_PUBLISHED: usize = 16;

/// Clones are the same.
#[derive(Clone)]
pub struct Streams {
    programs: Registry,
    open: Arc<Mutex<Open>>,
}

#[derive(Default)]
struct Open {
    fed: Vec<Weak<Fed>>,
    published: HashMap<String, Arc<Stream>>,
}

/// A rendition of a program, which is made into messages for as long as anybody has this.
pub(in crate::egress) struct Fed {
    pub(in crate::egress) stream: Arc<Stream>,
    program: Program,
    rendition: Video,
    _feed: AbortOnDropHandle<()>,
}

/// What somebody plays.
pub(super) struct Source {
    pub(super) stream: Arc<Stream>,
    /// Resolves when what was asked for is that no more.
    pub(super) gone: BoxFuture<'static, ()>,
    _fed: Option<Arc<Fed>>,
    _present: Option<Present>,
}

/// Somebody's place to publish at, until it is dropped.
pub(super) struct Published {
    pub(super) stream: Arc<Stream>,
    path: String,
    streams: Streams,
}

impl Streams {
    pub fn new(programs: Registry) -> Self {
        Self { programs, open: Arc::default() }
    }

    /// What is played there.
    pub(super) fn find(&self, place: &Place) -> Result<Source, Refusal> {
        let refused = |why| Refusal { code: Code::PlayNotFound, why };
        if place.app == APP {
            match self.programs.find(&place.key) {
                Found::Live(program) => return Ok(self.named(&place.key, &program)),
                Found::Silent => return Err(refused("there is nothing to show yet: try again in a moment")),
                Found::Unknown => {}
            }
        }
        let published = self.open.lock().published.get(&place.path()).cloned();
        let stream = published.ok_or_else(|| refused("there is no stream of this name"))?;
        Ok(Source { stream, gone: pending().boxed(), _fed: None, _present: None })
    }

    fn named(&self, name: &str, program: &Program) -> Source {
        let fed = self.fed(program, Video::default());
        let gone = self.programs.gone(name, program).boxed();
        let present = Some(self.programs.enter(name));
        Source { stream: Arc::clone(&fed.stream), gone, _fed: Some(fed), _present: present }
    }

    /// A rendition of a program, made into messages once for all who send it anywhere.
    pub(in crate::egress) fn fed(&self, program: &Program, rendition: Video) -> Arc<Fed> {
        let mut open = self.open.lock();
        open.fed.retain(|fed| fed.strong_count() > 0);
        let same = |fed: &Arc<Fed>| fed.rendition == rendition && fed.program.is_as(program);
        if let Some(fed) = open.fed.iter().filter_map(Weak::upgrade).find(same) {
            return fed;
        }
        let stream = Arc::new(Stream::new(Some(program.video(rendition)), Sound::Expected));
        let feeding = tokio::spawn(feed::run(program.clone(), rendition, Arc::clone(&stream)));
        let feed = AbortOnDropHandle::new(feeding);
        let fed = Arc::new(Fed { stream, program: program.clone(), rendition, _feed: feed });
        open.fed.push(Arc::downgrade(&fed));
        fed
    }

    /// A place to publish at, unless it is taken.
    pub(super) fn publish(&self, place: &Place) -> Result<Published, Refusal> {
        let refused = |why| Err(Refusal { code: Code::PublishBadName, why });
        if place.app == APP && !matches!(self.programs.find(&place.key), Found::Unknown) {
            return refused("this name is a program's of the session");
        }
        let mut open = self.open.lock();
        let path = place.path();
        if open.published.contains_key(&path) {
            return refused("somebody publishes under this name already");
        }
        if open.published.len() == MOST_PUBLISHED {
            return refused("there are as many publishers as there may be");
        }
        let stream = Arc::new(Stream::new(None, Sound::Unknown));
        open.published.insert(path.clone(), Arc::clone(&stream));
        Ok(Published { stream, path, streams: self.clone() })
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        self.stream.end();
        self.streams.open.lock().published.remove(&self.path);
    }
}
