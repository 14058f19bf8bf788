//! Which streams there are: of programs, while somebody plays them, and those that others publish.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio_util::task::AbortOnDropHandle;
use understudy_core::rendition::Video;
use understudy_rtmp::command::Code;
use understudy_rtmp::place::Place;

use super::Refusal;
use super::feed;
use super::stream::{Sound, Stream};
use crate::program::{Found, Program, Registry};

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
    fed: HashMap<(String, Video), Fed>,
    published: HashMap<String, Arc<Stream>>,
}

struct Fed {
    program: Program,
    stream: Weak<Playing>,
}

/// A stream that is played: with the last of its readers ends what feeds it.
pub(in crate::egress) struct Playing {
    pub(in crate::egress) stream: Arc<Stream>,
    _feed: Option<AbortOnDropHandle<()>>,
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
    pub(super) fn find(&self, place: &Place) -> Result<Arc<Playing>, Refusal> {
        let refused = |why| Refusal { code: Code::PlayNotFound, why };
        if place.app == APP {
            match self.programs.find(&place.key) {
                Found::Live(program) => return Ok(self.program(&place.key, &program, Video::default())),
                Found::Silent => return Err(refused("there is nothing to show yet: try again in a moment")),
                Found::Unknown => {}
            }
        }
        let published = self.open.lock().published.get(&place.path()).cloned();
        let stream = published.ok_or_else(|| refused("there is no stream of this name"))?;
        Ok(Arc::new(Playing { stream, _feed: None }))
    }

    /// A rendition of a program under one of its names, fed once for all who read it.
    pub(in crate::egress) fn program(&self, name: &str, program: &Program, rendition: Video) -> Arc<Playing> {
        let mut open = self.open.lock();
        open.fed.retain(|_, fed| fed.stream.strong_count() > 0);
        let key = (name.to_owned(), rendition);
        let fed = open.fed.get(&key).filter(|fed| fed.program.is(program));
        let running = fed.and_then(|fed| fed.stream.upgrade());
        if let Some(playing) = running.filter(|playing| !playing.stream.has_ended()) {
            return playing;
        }
        let stream = Arc::new(Stream::new(Some(program.video(rendition)), Sound::Expected));
        let gone = self.programs.gone(name, program);
        let feeding = tokio::spawn(feed::run(program.clone(), rendition, Arc::clone(&stream), gone));
        let playing = Arc::new(Playing { stream, _feed: Some(AbortOnDropHandle::new(feeding)) });
        open.fed.insert(key, Fed { program: program.clone(), stream: Arc::downgrade(&playing) });
        playing
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
