//! What a program that is about to become another is told: what it may do as that.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::Args;

use crate::child::confined::Bounds;

#[derive(Args, Clone, Debug)]
pub struct Confine {
    /// A folder or file that may be read.
    #[arg(long)]
    pub read: Vec<PathBuf>,
    /// A folder below which anything may be done.
    #[arg(long)]
    pub write: Vec<PathBuf>,
    /// A TCP port that may be connected to.
    #[arg(long)]
    pub connect: Vec<u16>,
    /// A TCP port that may be listened at.
    #[arg(long)]
    pub listen: Vec<u16>,
    /// The program, by its path.
    pub program: PathBuf,
    /// What it is told.
    #[arg(last = true)]
    pub args: Vec<OsString>,
}

impl Confine {
    pub fn bounds(&self) -> Bounds {
        let Self { read, write, connect, listen, .. } = self.clone();
        Bounds { read, write, connect, listen }
    }

    /// A command line that is read so.
    pub fn line(bounds: &Bounds, program: PathBuf, args: Vec<OsString>) -> Vec<OsString> {
        let mut line: Vec<OsString> = vec!["confine".into()];
        for (flag, paths) in [("--read", &bounds.read), ("--write", &bounds.write)] {
            line.extend(paths.iter().map(|path| told(flag, path.as_os_str())));
        }
        for (flag, ports) in [("--connect", &bounds.connect), ("--listen", &bounds.listen)] {
            line.extend(ports.iter().map(|port| told(flag, port.to_string().as_ref())));
        }
        line.extend([program.into(), "--".into()]);
        line.extend(args);
        line
    }
}

/// In one piece, whatever the value begins with.
fn told(flag: &str, value: &OsStr) -> OsString {
    let mut told = OsString::from(flag);
    told.push("=");
    told.push(value);
    told
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::config::{Cli, Command};

    #[test]
    fn what_is_told_is_what_is_read() {
        let bounds = Bounds {
            read: vec!["/media".into(), "-x".into()],
            write: vec!["/data".into()],
            connect: vec![1, 65535],
            listen: vec![2],
        };
        let args: Vec<OsString> = ["-i", "--read", "--", "x"].map(Into::into).to_vec();
        let line = Confine::line(&bounds, "/usr/bin/ffmpeg".into(), args.clone());
        let all = std::iter::once("understudy-runtime".into()).chain(line);
        let Command::Confine(read) = Cli::try_parse_from(all).unwrap().command else {
            unreachable!("it must be that command")
        };
        assert_eq!((read.bounds(), read.args), (bounds, args));
    }
}
