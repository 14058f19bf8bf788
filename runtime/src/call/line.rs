//! One call as it goes on: its connection, in a task of its own, and what others may know of it.

use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;
use understudy_core::call::message::Candidate;
use understudy_core::call::{End, Id, Line, Phase, Why};
use understudy_core::connection;

use super::curtain::{Curtain, Sends, Stage};
use super::leg::{Leg, Legs, Remote, Told};
use super::speaker;
use crate::program::Program;

/// What is to be done of one call: an offer, its answer, and all the candidates of a browser.
const TO_DO: usize = 256;

/// Of one call, while it goes on and once it is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether this participant has called; of two who call each other that shows later.
    pub is_origin: bool,
    pub phase: Phase,
    pub media: connection::State,
    pub audio_on: bool,
    pub video_on: bool,
    /// What became of a word of the other side that could not be followed, for people.
    pub complaint: Option<String>,
    pub end: Option<End>,
}

/// A call, for whoever asks. Clones are the same call.
#[derive(Clone)]
pub struct Ongoing {
    pub id: Id,
    pub channel: String,
    pub peer: String,
    pub standing: watch::Receiver<Standing>,
    /// What the other side shows and says; none: not before both descriptions are known.
    pub remote: watch::Receiver<Option<Remote>>,
    /// What goes out.
    pub program: Program,
}

/// What its connection is to do.
pub(super) enum Do {
    Offer,
    Answer(String),
    Take(String),
    Add(Candidate),
}

/// What became of that.
pub(super) enum News {
    Described(String),
    Unusable(String),
    /// An offer in a call that goes on could not be followed; the call goes on as it was.
    Refused(String),
    Told(Told),
}

/// What the driver has of one. Dropped, its connection ends.
pub(super) struct Slot {
    ongoing: Ongoing,
    standing: watch::Sender<Standing>,
    /// When somebody took the call, if that has happened.
    taken: Option<Instant>,
    curtain: Curtain,
    to_do: mpsc::Sender<Do>,
    _connection: AbortOnDropHandle<()>,
    _speaker: AbortOnDropHandle<()>,
}

impl Standing {
    pub(super) fn of(line: &Line) -> Self {
        let Line { media, audio_on, video_on, .. } = *line;
        let (is_origin, phase) = (line.role.is_origin(), line.phase());
        Self { is_origin, phase, media, audio_on, video_on, complaint: None, end: None }
    }
}

impl Slot {
    pub fn new(line: &Line, stage: &Stage, legs: &Legs, news: mpsc::Sender<(Id, News)>) -> Self {
        let (curtain, (remote, shown)) = (Curtain::new(stage), watch::channel(None));
        let (standing, stands) = watch::channel(Standing::of(line));
        let (to_do, doing) = mpsc::channel(TO_DO);
        let ongoing = Ongoing {
            id: line.id,
            channel: line.channel.clone(),
            peer: line.peer.clone(),
            standing: stands,
            remote: shown,
            program: curtain.program.clone(),
        };
        let span = tracing::info_span!("call", channel = line.channel, peer = line.peer);
        let connection =
            Connection { legs: legs.clone(), program: curtain.program.clone(), leg: None, remote };
        let playing = speaker::play(ongoing.remote.clone(), stage.speaker.clone()).instrument(span.clone());
        let tending = connection.tend(line.id, doing, news).instrument(span);
        let connection = AbortOnDropHandle::new(tokio::spawn(tending));
        let speaker = AbortOnDropHandle::new(tokio::spawn(playing));
        Self { ongoing, standing, taken: None, curtain, to_do, _connection: connection, _speaker: speaker }
    }

    pub fn ongoing(&self) -> Ongoing {
        self.ongoing.clone()
    }

    /// Does not wait.
    pub fn ask(&self, what: Do) {
        if self.to_do.try_send(what).is_err() {
            tracing::warn!(channel = self.ongoing.channel, "more is said in a call than can be done");
        }
    }

    /// Tells of what has changed. When media begins to flow: how long that took from when the call was taken.
    pub fn tell(&mut self, line: &Line) -> Option<Duration> {
        if line.phase() != Phase::Requested {
            self.taken.get_or_insert_with(Instant::now);
        }
        let begins = line.phase() == Phase::Connected && self.standing.borrow().phase != Phase::Connected;
        self.curtain.sends(sends(line.video_on), sends(line.audio_on));
        self.standing.send_if_modified(|told| {
            let complaint = told.complaint.clone();
            let now = Standing { complaint, ..Standing::of(line) };
            let changed = *told != now;
            *told = now;
            changed
        });
        self.taken.filter(|_| begins).map(|taken| taken.elapsed())
    }

    /// What could not be followed, for people.
    pub fn complain(&self, why: String) {
        self.standing.send_modify(|told| told.complaint = Some(why));
    }

    /// It is over.
    pub fn end(&self, end: End) {
        self.standing.send_modify(|told| {
            told.phase = Phase::Hung;
            told.end = Some(end);
        });
    }
}

const fn sends(on: bool) -> Sends {
    if on { Sends::On } else { Sends::Off }
}

struct Connection {
    legs: Legs,
    program: Program,
    leg: Option<Leg>,
    remote: watch::Sender<Option<Remote>>,
}

impl Connection {
    /// Until nobody asks any more.
    async fn tend(mut self, id: Id, mut doing: mpsc::Receiver<Do>, news: mpsc::Sender<(Id, News)>) {
        loop {
            let told = tokio::select! {
                asked = doing.recv() => match asked {
                    Some(asked) => self.does(asked).await,
                    None => return,
                },
                told = told(self.leg.as_mut()) => Some(News::Told(told)),
            };
            self.show();
            if let Some(told) = told
                && news.send((id, told)).await.is_err()
            {
                return;
            }
        }
    }

    async fn does(&mut self, asked: Do) -> Option<News> {
        let made = match (asked, &mut self.leg) {
            (Do::Add(candidate), leg) => {
                leg.iter().for_each(|leg| leg.add(&candidate));
                return None;
            }
            (Do::Take(answer), Some(leg)) => {
                return leg.take(&answer).await.err().map(News::Unusable);
            }
            (Do::Take(_), None) => return None,
            (Do::Answer(_), Some(_)) => {
                let text =
                    "what goes to and fro is not described anew while a call lasts: hang up and call again";
                return Some(News::Refused(text.to_owned()));
            }
            (Do::Offer, _) => self.legs.offer(self.program.clone()).await,
            (Do::Answer(offer), None) => self.legs.answer(&offer, self.program.clone()).await,
        };
        Some(match made {
            Ok((leg, sdp)) => {
                self.leg = Some(leg);
                News::Described(sdp)
            }
            Err(why) => News::Unusable(why),
        })
    }

    fn show(&self) {
        if self.remote.borrow().is_none()
            && let Some(remote) = self.leg.as_ref().and_then(Leg::remote)
        {
            self.remote.send_replace(Some(remote));
        }
    }
}

async fn told(leg: Option<&mut Leg>) -> Told {
    match leg {
        Some(leg) => leg.told().await,
        None => std::future::pending().await,
    }
}

impl Ongoing {
    /// Resolves with why, when it is over.
    pub async fn over(&self) -> End {
        let mut standing = self.standing.clone();
        let ended = standing.wait_for(|standing| standing.end.is_some()).await;
        let end = ended.ok().and_then(|standing| standing.end.clone());
        end.unwrap_or_else(|| End { why: Why::Stopped, message: Why::Stopped.message().to_owned() })
    }

    /// What the other side shows and says, once that is known. Never, if the call is over before.
    pub async fn shown(&self) -> Remote {
        let mut remote = self.remote.clone();
        let known = remote.wait_for(Option::is_some).await.ok().and_then(|remote| remote.clone());
        match known {
            Some(remote) => remote,
            None => std::future::pending().await,
        }
    }
}
