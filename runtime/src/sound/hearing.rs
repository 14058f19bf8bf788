//! Who listens to the microphone and to the speaker, as PulseAudio tells it; and whether it tells anything still.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::BytesMut;
use pulseaudio::protocol::{
    self, AuthParams, AuthReply, Command, CommandReply, CommandTag, Prop, Props, ProtocolError,
    SetClientNameReply, SourceInfoList, SourceOutputInfoList, SubscriptionMask,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::Instrument;
use understudy_core::spec::Destination;

use super::{Names, SPEAKER_MONITOR, socket};

/// What an unknown client may show; anonymous ones are let in (`auth-anonymous`).
const COOKIE_BYTES: usize = 256;
/// A message's descriptor, whose first four bytes are the length of what follows.
const DESCRIPTOR_BYTES: usize = 20;
/// From a question to its answer, on a machine that does more than this.
const ANSWERS: Duration = Duration::from_secs(5);
/// How often it is asked when nothing changes: a daemon may live and answer nobody any more.
const UNASKED: Duration = Duration::from_secs(2);
/// Lists of what is open in one session are far smaller.
const MOST_BYTES: usize = 1 << 20;

/// Whether anybody listens, by where the sound goes. Until somebody can tell, it is taken that they do. Clones are the same.
#[derive(Clone, Debug)]
pub struct Ears {
    microphone: watch::Sender<bool>,
    speaker: watch::Sender<bool>,
}

/// Tells of one daemon. Dropped, nobody can tell any more.
#[derive(Debug)]
pub struct Hearing {
    /// Ends when the daemon cannot be followed.
    task: JoinHandle<Error>,
    ears: Ears,
}

/// A client's connection that asks, and is told when what records has changed.
struct Link {
    stream: UnixStream,
    version: u16,
    asked: u32,
    /// Something has changed that was not looked at yet.
    changed: bool,
    /// What came, and is not a whole message yet.
    unread: BytesMut,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("PulseAudio went away: {0}")]
    Gone(#[from] io::Error),
    #[error("PulseAudio is not understood: {0}")]
    Protocol(#[from] ProtocolError),
    #[error("PulseAudio sent a message of {0} bytes")]
    TooLarge(usize),
    #[error("it does not answer")]
    Silent,
}

impl Default for Ears {
    fn default() -> Self {
        Self { microphone: watch::Sender::new(true), speaker: watch::Sender::new(true) }
    }
}

impl Ears {
    /// Whether anybody hears what goes there.
    pub fn of(&self, destination: Destination) -> watch::Receiver<bool> {
        self.to(destination).subscribe()
    }

    const fn to(&self, destination: Destination) -> &watch::Sender<bool> {
        match destination {
            Destination::Microphone => &self.microphone,
            Destination::Speaker => &self.speaker,
        }
    }

    fn tell(&self, destination: Destination, listened: bool) {
        self.to(destination).send_if_modified(|before| std::mem::replace(before, listened) != listened);
    }

    fn lose(&self) {
        self.tell(Destination::Microphone, true);
        self.tell(Destination::Speaker, true);
    }
}

impl Hearing {
    /// Resolves when the daemon lives and answers nobody, or not us, with words for people.
    pub async fn silent(&mut self) -> String {
        match (&mut self.task).await {
            Ok(error @ (Error::Silent | Error::Gone(_))) => {
                if matches!(error, Error::Gone(_)) {
                    // Its end comes first, most of the time, and says more.
                    tokio::time::sleep(ANSWERS).await;
                }
                error.to_string()
            }
            // It works all the same.
            Ok(Error::Protocol(_) | Error::TooLarge(_)) => std::future::pending().await,
            Err(error) => {
                tracing::error!(%error, "whoever asks PulseAudio broke down");
                self.ears.lose();
                std::future::pending().await
            }
        }
    }
}

impl Drop for Hearing {
    fn drop(&mut self) {
        self.task.abort();
        self.ears.lose();
    }
}

/// Follows the daemon that runs there, for as long as it does.
pub fn hear(directory: &Path, names: &Names, ears: Ears) -> Hearing {
    let (socket, names, told) = (socket(directory), names.clone(), ears.clone());
    let follow = async move {
        let Err(error) = follow(socket, &names, &told).await;
        match &error {
            // It is followed again once it is back.
            Error::Gone(_) | Error::Silent => tracing::debug!(%error, "who listens is not known"),
            _ => tracing::warn!(%error, "who listens is not known, and no sound rests"),
        }
        told.lose();
        error
    };
    Hearing { task: tokio::spawn(follow.in_current_span()), ears }
}

async fn follow(socket: PathBuf, names: &Names, ears: &Ears) -> Result<std::convert::Infallible, Error> {
    let mut link = Link::open(&socket).await?;
    let sources: SourceInfoList = link.ask(&Command::GetSourceInfoList).await?;
    let named = |name: &str| sources.iter().find(|source| source.name.to_bytes() == name.as_bytes());
    let index = |name: &str| named(name).map(|source| source.index);
    let microphones = [index(&names.source), index(&format!("{}.monitor", names.sink))];
    let speakers = [index(SPEAKER_MONITOR), None];
    link.subscribe().await?;
    loop {
        let outputs: SourceOutputInfoList = link.ask(&Command::GetSourceOutputInfoList).await?;
        // What a module records, as the microphone does of what is played to it, is nobody who listens.
        let listening = || outputs.iter().filter(|output| output.client_index.is_some() && !output.corked);
        let listened = |sources: [Option<u32>; 2]| {
            listening().any(|output| sources.contains(&Some(output.source_index)))
        };
        ears.tell(Destination::Microphone, listened(microphones));
        ears.tell(Destination::Speaker, listened(speakers));
        link.until_changed().await?;
    }
}

impl Link {
    async fn open(socket: &Path) -> Result<Self, Error> {
        let stream = UnixStream::connect(socket).await?;
        let mut link = Self {
            stream,
            version: protocol::MAX_VERSION,
            asked: 0,
            changed: false,
            unread: BytesMut::new(),
        };
        let cookie = vec![0; COOKIE_BYTES];
        let auth = AuthParams { version: link.version, supports_shm: false, supports_memfd: false, cookie };
        let reply: AuthReply = link.ask(&Command::Auth(auth)).await?;
        link.version = link.version.min(reply.version);
        let mut props = Props::new();
        props.set(Prop::ApplicationName, c"understudy");
        let _: SetClientNameReply = link.ask(&Command::SetClientName(props)).await?;
        Ok(link)
    }

    async fn subscribe(&mut self) -> Result<(), Error> {
        self.send(&Command::Subscribe(SubscriptionMask::SOURCE_OUTPUT)).await?;
        let message = self.answer().await?;
        protocol::read_ack_message(&mut &*message)?;
        Ok(())
    }

    async fn ask<T: CommandReply>(&mut self, command: &Command) -> Result<T, Error> {
        self.send(command).await?;
        loop {
            let message = self.answer().await?;
            match protocol::read_reply_message(&mut &*message, self.version) {
                Ok((_, reply)) => return Ok(reply),
                Err(ProtocolError::UnexpectedCommand(CommandTag::SubscribeEvent)) => self.changed = true,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Or until it is time to ask all the same.
    async fn until_changed(&mut self) -> Result<(), Error> {
        if std::mem::take(&mut self.changed) {
            return Ok(());
        }
        if let Ok(message) = timeout(UNASKED, self.receive()).await {
            // Nothing else is told without being asked for.
            protocol::read_command_message(&mut &*message?, self.version)?;
        }
        Ok(())
    }

    async fn send(&mut self, command: &Command) -> Result<(), Error> {
        let mut message = Vec::new();
        protocol::write_command_message(&mut message, self.asked, command, self.version)?;
        self.asked += 1;
        Ok(self.stream.write_all(&message).await?)
    }

    /// The next message, which was asked for.
    async fn answer(&mut self) -> Result<BytesMut, Error> {
        timeout(ANSWERS, self.receive()).await.map_err(|_| Error::Silent)?
    }

    /// One whole message, its descriptor included. Whoever stops waiting loses nothing.
    async fn receive(&mut self) -> Result<BytesMut, Error> {
        loop {
            if let Some(message) = self.whole()? {
                return Ok(message);
            }
            if self.stream.read_buf(&mut self.unread).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
        }
    }

    fn whole(&mut self) -> Result<Option<BytesMut>, Error> {
        let Some(length) = self.unread.first_chunk().copied().map(u32::from_be_bytes) else {
            return Ok(None);
        };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > MOST_BYTES {
            return Err(Error::TooLarge(length));
        }
        let whole = DESCRIPTOR_BYTES + length;
        Ok((self.unread.len() >= whole).then(|| self.unread.split_to(whole)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use gstreamer as gst;
    use gstreamer::prelude::*;
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;

    use super::*;

    /// From a change at PulseAudio to our knowing, on a busy machine; idle it takes a millisecond.
    const TOLD: Duration = Duration::from_secs(5);

    async fn until(ears: &Ears, destination: Destination, listened: bool) {
        let mut told = ears.of(destination);
        let found = timeout(TOLD, told.wait_for(|now| *now == listened)).await;
        found.unwrap_or_else(|_| panic!("{destination:?} is not told: {listened}")).unwrap();
    }

    /// Somebody who records from there.
    fn listener(directory: &Path, device: &str) -> gst::Element {
        let server = super::super::server(directory);
        let listener =
            gst::parse::launch(&format!("pulsesrc server={server} device={device} ! fakesink")).unwrap();
        listener.set_state(gst::State::Playing).unwrap();
        listener
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_listens_is_known_while_the_daemon_runs() {
        crate::gst::init().unwrap();
        let (folder, names, ears) = (tempfile::tempdir().unwrap(), Names::default(), Ears::default());
        let sound = super::super::start(folder.path(), &names).await.unwrap();
        let _hearing = hear(folder.path(), &names, ears.clone());
        for destination in [Destination::Microphone, Destination::Speaker] {
            until(&ears, destination, false).await;
        }
        for (device, destination, other) in [
            ("microphone", Destination::Microphone, Destination::Speaker),
            (SPEAKER_MONITOR, Destination::Speaker, Destination::Microphone),
        ] {
            let listener = listener(folder.path(), device);
            until(&ears, destination, true).await;
            assert!(!*ears.of(other).borrow());
            // It has its place and takes nothing: it is corked.
            listener.set_state(gst::State::Paused).unwrap();
            until(&ears, destination, false).await;
            listener.set_state(gst::State::Playing).unwrap();
            until(&ears, destination, true).await;
            listener.set_state(gst::State::Null).unwrap();
            until(&ears, destination, false).await;
        }
        sound.child.stop().await;
        for destination in [Destination::Microphone, Destination::Speaker] {
            until(&ears, destination, true).await;
        }
    }

    #[tokio::test]
    async fn a_daemon_that_lives_and_stands_still_is_said_not_to_answer() {
        let (folder, names, ears) = (tempfile::tempdir().unwrap(), Names::default(), Ears::default());
        let sound = super::super::start(folder.path(), &names).await.unwrap();
        let mut hearing = hear(folder.path(), &names, ears.clone());
        until(&ears, Destination::Microphone, false).await;
        kill(Pid::from_raw(sound.child.pid()), Signal::SIGSTOP).unwrap();
        tokio::time::pause();
        assert_eq!(timeout(UNASKED + 2 * ANSWERS, hearing.silent()).await.unwrap(), "it does not answer");
        assert!(*ears.of(Destination::Microphone).borrow());
    }
}
