//! Children whose every word is heard, that are given no environment but what is named, and whom their owner ends step by step.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use nix::sys::signal::{Signal, kill};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use tokio::sync::mpsc;

use super::{Child, Error, Executable, PATH, installed};

/// Of one line; the rest of a longer one is left out, and it ends in `…`.
const LINE_BYTES: usize = 4 << 10;

/// Lines that nobody has taken yet. When there are more, the child waits with its next.
const WORDS: usize = 64;

/// What a child said: one line, without its end, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    Output(String),
    Error(String),
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Code(i32),
    Signal(i32),
}

/// What comes of a child next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    Said(Word),
    Ended(End),
}

/// A child that is somebody's whole affair. Dropped, it is killed.
#[derive(Debug)]
pub struct Supervised {
    child: Child,
    words: mpsc::Receiver<Word>,
}

impl Executable {
    /// Starts it in `directory`, with the variables that it was given and no others, and without a way to more rights.
    pub fn supervise(&self, directory: PathBuf) -> Result<Supervised, Error> {
        let (child, words) = self.start_bare(directory)?;
        Ok(Supervised { child, words })
    }

    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    fn start_bare(&self, directory: PathBuf) -> Result<(Child, mpsc::Receiver<Word>), Error> {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--no-new-privs", "--"]).arg(&self.path).args(&self.args);
        command.env_clear().envs(self.env.iter().map(|(name, value): &(String, OsString)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0).kill_on_drop(true).current_dir(directory);
        let mut child = self.launch(&mut command)?;
        let (speak, words) = mpsc::channel(WORDS);
        if let Some(stdout) = child.process.stdout.take() {
            tokio::spawn(listen(stdout, Word::Output, speak.clone()));
        }
        if let Some(stderr) = child.process.stderr.take() {
            tokio::spawn(listen(stderr, Word::Error, speak));
        }
        Ok((child, words))
    }
}

impl Supervised {
    pub fn pid(&self) -> i32 {
        self.child.pid()
    }

    /// The next line; none when it will say no more. Cancellation loses none.
    pub async fn word(&mut self) -> Option<Word> {
        self.words.recv().await
    }

    /// What it says, or that it has ended, of which it may have said something yet. Cancellation loses nothing.
    pub async fn next(&mut self) -> News {
        tokio::select! {
            biased;
            Some(word) = self.words.recv() => News::Said(word),
            end = ended(&mut self.child) => News::Ended(end),
        }
    }

    /// Resolves when it has ended. What it started and left is killed then.
    pub async fn ended(&mut self) -> End {
        ended(&mut self.child).await
    }

    /// Asks it to end, as a person at a terminal does.
    pub fn interrupt(&self) {
        // Of the process alone: it ends its own children in its own order.
        if let Err(error) = kill(self.child.pid, Signal::SIGINT) {
            tracing::trace!(pid = self.pid(), %error, "a process to be interrupted was gone");
        }
    }

    /// Ends it and all that it started.
    pub fn kill(&mut self) {
        self.child.kill();
    }
}

async fn ended(child: &mut Child) -> End {
    let ended = child.process.wait().await;
    child.kill();
    // It cannot be waited for only if somebody else did: nothing is left to be said of it.
    ended.map_or(End::Signal(Signal::SIGKILL as i32), End::from)
}

impl From<ExitStatus> for End {
    fn from(status: ExitStatus) -> Self {
        let code = || Self::Code(status.code().unwrap_or_default());
        status.signal().map_or_else(code, Self::Signal)
    }
}

/// Where a program lies, if it is installed: by its path, or by its name where programs are looked for.
pub fn find(program: &std::path::Path) -> Option<PathBuf> {
    if !installed(program) {
        return None;
    }
    let named = PATH.split(':').map(|folder| std::path::Path::new(folder).join(program));
    let found = std::iter::once(program.to_owned()).chain(named).find(|place| place.is_file())?;
    found.canonicalize().ok()
}

/// Lines end with a line feed or, where a program writes over its last line, with a carriage return.
async fn listen<R: AsyncRead + Unpin>(mut from: R, of: fn(String) -> Word, to: mpsc::Sender<Word>) {
    let (mut piece, mut line) = (vec![0; LINE_BYTES], Vec::new());
    let said = |line: &mut Vec<u8>| {
        let is_cut = line.len() > LINE_BYTES;
        line.truncate(LINE_BYTES);
        let mut text = String::from_utf8_lossy(line).trim_end().to_owned();
        line.clear();
        if is_cut {
            text.push('…');
        }
        (!text.is_empty()).then(|| of(text))
    };
    while let Ok(read @ 1..) = from.read(&mut piece).await {
        for byte in &piece[..read] {
            match byte {
                b'\n' | b'\r' => {
                    if let Some(word) = said(&mut line)
                        && to.send(word).await.is_err()
                    {
                        return;
                    }
                }
                // One more, to know of it.
                byte if line.len() <= LINE_BYTES => line.push(*byte),
                _ => {}
            }
        }
    }
    if let Some(word) = said(&mut line) {
        // Whoever asked has left.
        let _ = to.send(word).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Supervised {
        let shell =
            Executable::new("sh", "/bin/sh").args(["-c", script]).env("http_proxy", "http://127.0.0.1:1");
        shell.supervise(std::env::temp_dir()).unwrap()
    }

    #[tokio::test]
    async fn every_line_is_heard_however_it_ends_and_the_code_is_told() {
        let mut child = shell("printf 'a\\nb\\r\\nc\\rd'; exit 9");
        let mut words = Vec::new();
        while let Some(word) = child.word().await {
            words.push(word);
        }
        assert_eq!(words, ["a", "b", "c", "d"].map(|word| Word::Output(word.into())));
        assert_eq!(child.ended().await, End::Code(9));
    }

    #[tokio::test]
    async fn it_sees_what_it_was_given_and_nothing_of_ours() {
        let mut child = shell("tr '\\0' '\\n' < /proc/self/environ >&2");
        let Some(Word::Error(line)) = child.word().await else { panic!("it must say something") };
        assert_eq!(line, "http_proxy=http://127.0.0.1:1");
        assert_eq!(child.word().await, None);
    }

    #[tokio::test]
    async fn who_does_not_listen_to_an_interrupt_is_killed() {
        let mut child = shell("trap '' INT; echo up; while :; do sleep 0.1; done");
        assert_eq!(child.word().await, Some(Word::Output("up".into())));
        child.interrupt();
        let soon = std::time::Duration::from_millis(300);
        assert!(tokio::time::timeout(soon, child.ended()).await.is_err(), "it does not listen");
        child.kill();
        assert_eq!(child.ended().await, End::Signal(9));
    }

    #[tokio::test]
    async fn a_line_without_an_end_is_cut() {
        let mut child = shell("head -c 9000 /dev/zero | tr '\\0' x");
        let Some(Word::Output(line)) = child.word().await else { panic!("it must say something") };
        assert_eq!(line, format!("{}…", "x".repeat(LINE_BYTES)));
    }
}
