//! All calls of one peer: which there are, who rings, and whose words count.

use std::collections::BTreeMap;
use std::time::Instant;

use super::Id;
use super::end::{End, Why};
use super::line::{self, Event, Line, Phase, RING, Role};
use super::message::{Candidate, Envelope, Payload, Strange, is_name};
use crate::connection;
use crate::media::Kind;

/// Those that go on at once. Each costs a connection, and most people have one.
const MOST_CALLS: usize = 16;
/// Those that ring at once.
const MOST_RINGING: usize = 32;

pub struct Book {
    /// As others know whose calls these are.
    me: String,
    manners: Manners,
    lines: BTreeMap<String, Line>,
    ringing: BTreeMap<String, Ringing>,
    last: u64,
}

/// What is done with whoever calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manners {
    /// Without waiting for somebody to accept.
    pub auto_accept: bool,
    /// Whose calls ring; none: everybody's.
    pub allowed: Option<Vec<String>>,
}

/// Somebody calls, and nobody has accepted yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ringing {
    pub channel: String,
    pub peer: String,
    until: Instant,
}

/// What is to be done, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Something is told to a peer. `id`: [`Book::unsent`] hears of it if that finds nobody.
    Say { id: Option<Id>, envelope: Envelope },
    /// Somebody calls.
    Rings(Ringing),
    /// It rings no more, and was not accepted.
    Stopped { channel: String, peer: String, why: Why },
    /// A connection is to be made, and offered.
    Offer { id: Id },
    /// The peer's offer is to be answered; the first makes the connection.
    Answer { id: Id, sdp: String },
    /// The peer's answer is to be taken.
    Take { id: Id, sdp: String },
    /// The peer may be reached so, too.
    Add { id: Id, candidate: Candidate },
    /// Its peer took the call, and has offered nothing yet.
    Late { id: Id },
    /// It is over, and what was made for it can go.
    Over { id: Id, channel: String, end: End },
}

/// Why a call is not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error("remote_peer is this participant itself")]
    Oneself,
    #[error("{0} must be 1 to 128 bytes without control characters")]
    Name(&'static str),
    #[error("as many calls go on as there may be ({MOST_CALLS})")]
    Full,
    #[error("this participant has called on that channel itself")]
    Calling,
}

/// One of the two ways in which a call begins.
type Begin = fn(Id, &str, &str, Instant) -> (Line, Vec<line::Act>);

impl Book {
    pub fn new(me: &str, manners: Manners) -> Self {
        Self { me: me.to_owned(), manners, lines: BTreeMap::new(), ringing: BTreeMap::new(), last: 0 }
    }

    pub fn me(&self) -> &str {
        &self.me
    }

    /// Of those who call from now on.
    pub fn behave(&mut self, manners: Manners) {
        self.manners = manners;
    }

    /// Calls a peer. On a channel on which that peer rings, its call is accepted; a call that goes on there with somebody else is
    /// ended, and one with the same peer goes on.
    pub fn start(&mut self, channel: &str, peer: &str, now: Instant) -> Result<(Id, Vec<Act>), Unfit> {
        self.check(channel, peer)?;
        let is_ringing = self.ringing.get(channel).is_some_and(|ringing| ringing.peer == peer);
        if is_ringing {
            return self.accept(channel, peer, now);
        }
        if let Some(line) = self.lines.get(channel).filter(|line| line.peer == peer && line.is_well()) {
            return Ok((line.id, vec![]));
        }
        self.begin((channel, peer), Line::origin, now)
    }

    /// Takes a peer's call, whether or not it has been heard to ring.
    pub fn accept(&mut self, channel: &str, peer: &str, now: Instant) -> Result<(Id, Vec<Act>), Unfit> {
        self.check(channel, peer)?;
        match self.lines.get(channel).filter(|line| line.peer == peer) {
            Some(line) if line.role == Role::Target => return Ok((line.id, vec![])),
            Some(line) if line.phase() == Phase::Requested => return Err(Unfit::Calling),
            _ => {}
        }
        self.begin((channel, peer), Line::target, now)
    }

    fn check(&self, channel: &str, peer: &str) -> Result<(), Unfit> {
        for (name, text) in [("channel_id", channel), ("remote_peer", peer)] {
            if !is_name(text) {
                return Err(Unfit::Name(name));
            }
        }
        if peer == self.me { Err(Unfit::Oneself) } else { Ok(()) }
    }

    fn begin(
        &mut self,
        (channel, peer): (&str, &str),
        role: Begin,
        now: Instant,
    ) -> Result<(Id, Vec<Act>), Unfit> {
        if !self.lines.contains_key(channel) && self.lines.len() >= MOST_CALLS {
            return Err(Unfit::Full);
        }
        let mut acts = self.on(channel, Event::HungUp(Why::Replaced), now);
        match self.ringing.remove(channel) {
            Some(other) if other.peer != peer => acts.extend(self.decline(other, Why::Replaced)),
            _ => {}
        }
        self.last += 1;
        let (line, begun) = role(Id(self.last), channel, peer, now);
        let id = line.id;
        acts.extend(self.acts(&line, begun));
        self.lines.insert(channel.to_owned(), line);
        Ok((id, acts))
    }

    /// None: there is no call on that channel. One that rings is declined.
    pub fn hang_up(&mut self, channel: &str, now: Instant) -> Option<Vec<Act>> {
        if let Some(ringing) = self.ringing.remove(channel) {
            return Some(self.decline(ringing, Why::HungUp));
        }
        self.lines.contains_key(channel).then(|| self.on(channel, Event::HungUp(Why::HungUp), now))
    }

    /// Ends all of it.
    pub fn stop(&mut self, now: Instant) -> Vec<Act> {
        let ringing = std::mem::take(&mut self.ringing);
        let mut acts: Vec<Act> =
            ringing.into_values().flat_map(|ringing| self.decline(ringing, Why::Stopped)).collect();
        let channels: Vec<String> = self.lines.keys().cloned().collect();
        acts.extend(channels.iter().flat_map(|channel| self.on(channel, Event::HungUp(Why::Stopped), now)));
        acts
    }

    /// Whether that kind of ours goes out from now on; none: there is no call on that channel.
    pub fn toggle(&mut self, channel: &str, kind: Kind) -> Option<(Id, bool)> {
        let line = self.lines.get_mut(channel)?;
        let on = match kind {
            Kind::Audio => &mut line.audio_on,
            Kind::Video => &mut line.video_on,
        };
        *on = !*on;
        Some((line.id, *on))
    }

    /// What a peer says. What is of no call, or of one with somebody else, changes nothing.
    pub fn hear(&mut self, envelope: &Envelope, now: Instant) -> Result<Vec<Act>, Strange> {
        let (channel, payload) = envelope.read()?;
        let from = envelope.from.as_str();
        if envelope.to != self.me || from == self.me {
            return Ok(vec![]);
        }
        if payload == Payload::Request {
            return Ok(self.requested(channel, from, now));
        }
        if self.lines.get(channel).is_some_and(|line| line.peer == from) {
            return Ok(self.on(channel, Event::Heard(payload), now));
        }
        let is_ringing = self.ringing.get(channel).is_some_and(|ringing| ringing.peer == from);
        if payload == Payload::HangUp && is_ringing {
            self.ringing.remove(channel);
            let (channel, peer) = (channel.to_owned(), from.to_owned());
            return Ok(vec![Act::Stopped { channel, peer, why: Why::PeerHungUp }]);
        }
        Ok(vec![])
    }

    fn requested(&mut self, channel: &str, from: &str, now: Instant) -> Vec<Act> {
        match self.lines.get_mut(channel) {
            Some(line) if line.peer != from => return vec![],
            Some(line) if line.role.is_origin() && line.phase() == Phase::Requested => {
                let acts = line.glares(&self.me, now);
                return self.lines.get(channel).map(|line| self.acts(line, acts)).unwrap_or_default();
            }
            // It does not know of a call that goes on for us: it began anew.
            Some(line) if !line.is_well() => {
                let mut acts = self.on(channel, Event::HungUp(Why::Replaced), now);
                // Said now, that would end the new one.
                acts.retain(|act| !matches!(act, Act::Say { .. }));
                acts.extend(self.ring(channel, from, now));
                return acts;
            }
            Some(_) => return vec![],
            None => {}
        }
        if self.ringing.contains_key(channel) { vec![] } else { self.ring(channel, from, now) }
    }

    fn ring(&mut self, channel: &str, from: &str, now: Instant) -> Vec<Act> {
        let ringing = Ringing { channel: channel.to_owned(), peer: from.to_owned(), until: now + RING };
        let is_allowed =
            self.manners.allowed.as_ref().is_none_or(|allowed| allowed.iter().any(|peer| peer == from));
        let has_room = self.ringing.len() < MOST_RINGING && self.lines.len() < MOST_CALLS;
        if !is_allowed || !has_room {
            let envelope = Envelope::new(from, &self.me, channel, &Payload::HangUp);
            return vec![Act::Say { id: None, envelope }];
        }
        if self.manners.auto_accept {
            return self.accept(channel, from, now).map(|(_, acts)| acts).unwrap_or_default();
        }
        self.ringing.insert(channel.to_owned(), ringing.clone());
        vec![Act::Rings(ringing)]
    }

    fn decline(&self, ringing: Ringing, why: Why) -> Vec<Act> {
        let Ringing { channel, peer, .. } = ringing;
        let envelope = Envelope::new(&peer, &self.me, &channel, &Payload::HangUp);
        vec![Act::Say { id: None, envelope }, Act::Stopped { channel, peer, why }]
    }

    /// What was told of a call found nobody.
    pub fn unsent(&mut self, id: Id, now: Instant) -> Vec<Act> {
        self.of(id, Event::Unsent, now)
    }

    /// The offer or the answer that was asked for is made.
    pub fn described(&mut self, id: Id, sdp: String, now: Instant) -> Vec<Act> {
        self.of(id, Event::Described(sdp), now)
    }

    /// What the peer says of its media cannot be used.
    pub fn unusable(&mut self, id: Id, message: String, now: Instant) -> Vec<Act> {
        self.of(id, Event::Unusable(message), now)
    }

    pub fn connects(&mut self, id: Id, media: connection::State, now: Instant) -> Vec<Act> {
        self.of(id, Event::Media(media), now)
    }

    /// Its connection is lost for good.
    pub fn lost(&mut self, id: Id, message: String, now: Instant) -> Vec<Act> {
        self.of(id, Event::Lost(message), now)
    }

    /// Its peer has ended its connection.
    pub fn closed(&mut self, id: Id, now: Instant) -> Vec<Act> {
        self.of(id, Event::Closed, now)
    }

    pub fn pass(&mut self, now: Instant) -> Vec<Act> {
        let over = |ringing: &Ringing| ringing.until <= now;
        let silent: Vec<String> =
            self.ringing.values().filter(|ringing| over(ringing)).map(|r| r.channel.clone()).collect();
        let mut acts = vec![];
        for channel in silent {
            if let Some(Ringing { channel, peer, .. }) = self.ringing.remove(&channel) {
                acts.push(Act::Stopped { channel, peer, why: Why::Unanswered });
            }
        }
        let due: Vec<String> = self
            .lines
            .values()
            .filter(|line| line.wake_at().is_some_and(|at| at <= now))
            .map(|line| line.channel.clone())
            .collect();
        acts.extend(due.iter().flat_map(|channel| self.on(channel, Event::Passed, now)));
        acts
    }

    pub fn wake_at(&self) -> Option<Instant> {
        let lines = self.lines.values().filter_map(Line::wake_at);
        lines.chain(self.ringing.values().map(|ringing| ringing.until)).min()
    }

    /// Those that ring now.
    pub fn ringing(&self) -> impl Iterator<Item = &Ringing> {
        self.ringing.values()
    }

    /// Those that go on.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.lines.values()
    }

    pub fn line(&self, channel: &str) -> Option<&Line> {
        self.lines.get(channel)
    }

    fn of(&mut self, id: Id, event: Event, now: Instant) -> Vec<Act> {
        let channel = self.lines.values().find(|line| line.id == id).map(|line| line.channel.clone());
        channel.map(|channel| self.on(&channel, event, now)).unwrap_or_default()
    }

    fn on(&mut self, channel: &str, event: Event, now: Instant) -> Vec<Act> {
        let Some(line) = self.lines.get_mut(channel) else { return vec![] };
        let acts = line.on(event, now);
        let line = line.clone();
        if line.phase() == Phase::Hung {
            self.lines.remove(channel);
        }
        self.acts(&line, acts)
    }

    fn acts(&self, line: &Line, acts: Vec<line::Act>) -> Vec<Act> {
        let (id, channel) = (line.id, &line.channel);
        let act = |act| match act {
            line::Act::Say(payload) => {
                let envelope = Envelope::new(&line.peer, &self.me, channel, &payload);
                Act::Say { id: Some(id), envelope }
            }
            line::Act::Offer => Act::Offer { id },
            line::Act::Answer(sdp) => Act::Answer { id, sdp },
            line::Act::Take(sdp) => Act::Take { id, sdp },
            line::Act::Add(candidate) => Act::Add { id, candidate },
            line::Act::Late => Act::Late { id },
            line::Act::Over(end) => Act::Over { id, channel: channel.clone(), end },
        };
        acts.into_iter().map(act).collect()
    }
}

#[cfg(test)]
mod tests;
