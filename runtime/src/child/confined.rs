//! Programs that run for a user's wish see little of the machine: the kernel's Landlock keeps files and TCP ports from them that they have
//! no business with.
//!
//! A program of ours restricts itself and then becomes the other program, so that its process is the same. It is the second line: what a
//! wish may name is judged before (`understudy_core::process::judge`).

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, NetPort, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};
use nix::sys::resource::{Resource, setrlimit};

/// What is asked of the kernel, which does as much of it as it knows: files from Linux 5.13 on, TCP from 6.7 on, signals from 6.12 on.
const ASKED: ABI = ABI::V6;

/// What programs are made of, and what resolves names and vouches for servers.
const SYSTEM: [&str; 15] = [
    "/usr",
    "/lib",
    "/lib64",
    "/bin",
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/fonts",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/nsswitch.conf",
    "/etc/resolv.conf",
    "/etc/ssl",
    "/dev/urandom",
    // How many processors there are.
    "/sys/devices/system/cpu",
];

const NOTHING: &str = "/dev/null";

/// As many as a process with many inputs and outputs needs; of ours it would inherit more.
const DESCRIPTORS: u64 = 1024;

/// Where a program may go beside what every program needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Folders and files that it may read.
    pub read: Vec<PathBuf>,
    /// Folders below which it may do anything.
    pub write: Vec<PathBuf>,
    /// TCP ports that it may connect to, whichever host has them.
    pub connect: Vec<u16>,
    /// TCP ports that it may listen at.
    pub listen: Vec<u16>,
}

/// What this kernel keeps from programs that are confined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Enforced {
    pub files: bool,
    /// Of TCP.
    pub ports: bool,
    /// To other programs.
    pub signals: bool,
}

/// Found out by a thread that is confined, and tries what it may not; with it that ends.
pub fn enforced() -> Enforced {
    let tries = std::thread::Builder::new().name("landlock".to_owned()).spawn(|| {
        if Bounds::default().restrict(Path::new(NOTHING)).is_err() {
            return Enforced::default();
        }
        Enforced {
            files: is_denied(&File::open("/")),
            ports: is_denied(&TcpStream::connect((Ipv4Addr::LOCALHOST, DISCARD))),
            signals: are_signals_kept(),
        }
    });
    tries.ok().and_then(|tries| tries.join().ok()).unwrap_or_default()
}

/// Nothing is lost if somebody listens there.
const DISCARD: u16 = 9;

fn is_denied<T>(tried: &io::Result<T>) -> bool {
    tried.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
}

/// Whether they are cannot be tried where a user's rights keep them anyway.
fn are_signals_kept() -> bool {
    let asked = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    asked.scope(Scope::Signal).and_then(Ruleset::create).is_ok()
}

impl Enforced {
    /// What is not kept from them, in words; none: all of it is.
    pub fn lacking(self) -> Option<&'static str> {
        match (self.files, self.ports, self.signals) {
            (true, true, true) => None,
            (true, true, false) => Some("signals"),
            (true, false, _) => Some("TCP ports"),
            (false, ..) => Some("files"),
        }
    }
}

impl Bounds {
    /// Becomes that program within these bounds, as far as the kernel knows them; returns only if that failed.
    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    pub fn exec(&self, program: &Path, args: &[OsString]) -> io::Error {
        let limited = setrlimit(Resource::RLIMIT_CORE, 0, 0)
            .and_then(|()| setrlimit(Resource::RLIMIT_NOFILE, DESCRIPTORS, DESCRIPTORS));
        if let Err(error) = limited {
            return error.into();
        }
        if let Err(error) = self.restrict(program) {
            return io::Error::other(error);
        }
        std::process::Command::new(program).args(args).exec()
    }

    fn restrict(&self, program: &Path) -> Result<RulesetStatus, RulesetError> {
        let reading = SYSTEM.iter().map(PathBuf::from).chain([program.to_owned()]).chain(self.read.clone());
        let writing = self.write.iter().cloned().chain([PathBuf::from(NOTHING)]);
        let port = |access| move |port: &u16| Ok::<_, RulesetError>(NetPort::new(*port, access));
        let restricted = Ruleset::default()
            .handle_access(AccessFs::from_all(ASKED))?
            .handle_access(AccessNet::from_all(ASKED))?
            .scope(Scope::from_all(ASKED))?
            .create()?
            .add_rules(path_beneath_rules(reading, AccessFs::from_read(ASKED)))?
            .add_rules(path_beneath_rules(writing, AccessFs::from_all(ASKED)))?
            .add_rules(self.connect.iter().map(port(AccessNet::ConnectTcp)))?
            .add_rules(self.listen.iter().map(port(AccessNet::BindTcp)))?
            .restrict_self()?;
        Ok(restricted.ruleset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_to_be_kept_is_kept_and_this_program_is_as_free_as_before() {
        let enforced = enforced();
        assert!(File::open("/").is_ok(), "it is of that thread alone");
        let status = std::thread::spawn(|| Bounds::default().restrict(Path::new(NOTHING)).unwrap());
        match status.join().unwrap() {
            RulesetStatus::FullyEnforced => assert_eq!(enforced.lacking(), None),
            RulesetStatus::PartiallyEnforced => assert!(enforced.files, "{enforced:?}"),
            RulesetStatus::NotEnforced => assert_eq!(enforced, Enforced::default()),
        }
    }

    #[test]
    fn the_most_that_is_lacking_is_named() {
        let all = Enforced { files: true, ports: true, signals: true };
        for (enforced, lacking) in [
            (all, None),
            (Enforced { signals: false, ..all }, Some("signals")),
            (Enforced { ports: false, ..all }, Some("TCP ports")),
            (Enforced { files: false, ..all }, Some("files")),
        ] {
            assert_eq!(enforced.lacking(), lacking);
        }
    }
}
