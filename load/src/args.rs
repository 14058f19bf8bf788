//! The command line.

use std::net::IpAddr;
use std::time::Duration;

use clap::{ArgGroup, Parser};
use url::Url;

use crate::crowd::{Churn, Wanted};
use crate::machine::Process;
use crate::pacing::{Rate, Sample};
use crate::signalling::{Client, Janus, Peer, Signalling, Whep};
use crate::viewer::Repair;

/// Many WHEP viewers in one process: what a server sends them, what is lost, and how soon they see a picture.
#[derive(Clone, Debug, Parser)]
#[command(version, group(ArgGroup::new("server").required(true).args(["url", "janus", "streamer"])))]
pub struct Args {
    /// The WHEP endpoint, as http://host:8889/whep/program.
    #[arg(long, value_parser = http_url)]
    pub url: Option<Url>,
    /// The root of a Janus' HTTP API, whose streaming plugin is watched instead, as http://host:8088/janus.
    #[arg(long, value_parser = http_url, requires = "mountpoint")]
    pub janus: Option<Url>,
    /// What of that Janus is watched.
    #[arg(long)]
    pub mountpoint: Option<u64>,
    /// The peer socket of a streamer, which is watched instead, as ws://host:10001/api/streamers/desk/peer.
    #[arg(long, value_parser = ws_url)]
    pub streamer: Option<Url>,
    /// Of a streamer's viewers, so many type, each ten keys a second.
    #[arg(long, default_value_t = 0, conflicts_with_all = ["url", "janus"])]
    pub steering: usize,
    /// The bearer token that WHEP or the streamer wants.
    #[arg(long, env = "WHEP_TOKEN", hide_env_values = true, allow_hyphen_values = true)]
    pub token: Option<String>,
    /// How many watch.
    #[arg(long, default_value_t = 10)]
    pub viewers: usize,
    /// How fast they come, as 20/s or 90/m.
    #[arg(long, default_value = "20/s")]
    pub join_rate: Rate,
    /// How long all watch together.
    #[arg(long, default_value_t = 20)]
    pub seconds: u64,
    /// Whose packets are all decrypted, as 1/20; 0 is nobody's, once there is a picture.
    #[arg(long, default_value = "1/20")]
    pub sample: Sample,
    /// Ask for missing packets (generic NACK, RFC 4585) instead of for a picture alone.
    #[arg(long)]
    pub nack: bool,
    /// Each datagram arrives up to so much later, and may be overtaken, as on an uneven network.
    #[arg(long, default_value_t = 0, value_name = "MILLISECONDS")]
    pub jitter: u64,
    /// Others who come and go meanwhile, so many a time, as 20/s.
    #[arg(long)]
    pub churn: Option<Rate>,
    /// How long each of those stays.
    #[arg(long, default_value_t = 2, requires = "churn", value_name = "SECONDS")]
    pub churn_stay: u64,
    /// Where the viewers' sockets are; otherwise where the way to the server begins.
    #[arg(long, value_name = "ADDRESS")]
    pub bind: Option<IpAddr>,
    /// The server's process on this machine: what it takes is measured too.
    #[arg(long, value_name = "PID")]
    pub pid: Option<u32>,
    /// Write the report as JSON.
    #[arg(long)]
    pub json: bool,
}

impl Args {
    pub fn wanted(&self) -> Wanted {
        Wanted {
            viewers: self.viewers,
            steering: self.steering,
            join_rate: self.join_rate,
            sample: self.sample,
            together: Duration::from_secs(self.seconds),
            repair: if self.nack { Repair::Ask } else { Repair::Refresh },
            jitter: Duration::from_millis(self.jitter),
            churn: self.churn.map(|rate| Churn { rate, stay: Duration::from_secs(self.churn_stay) }),
            process: self.pid.map(Process),
        }
    }

    /// None: no server is named, which the command line rules out.
    pub fn signalling(&self) -> Result<Option<Signalling>, rustls::Error> {
        let client = Client::new()?;
        let whep = |url: &Url| Signalling::Whep(Whep::new(client.clone(), url.clone(), self.token.clone()));
        let janus = self.janus.clone().zip(self.mountpoint);
        let janus = janus.map(|(url, number)| Signalling::Janus(Janus::new(client.clone(), url, number)));
        let peer = |url: &Url| Signalling::Peer(Peer::new(url.clone(), self.token.clone()));
        Ok(self.url.as_ref().map(whep).or(janus).or(self.streamer.as_ref().map(peer)))
    }
}

fn http_url(text: &str) -> Result<Url, String> {
    let url =
        Url::parse(text).map_err(|error| format!("{error}; a URL is as http://host:8889/whep/program"))?;
    match (url.scheme(), url.host_str()) {
        ("http" | "https", Some(_)) => Ok(url),
        (scheme, _) => Err(format!("WHEP is spoken over http and https, not {scheme}")),
    }
}

fn ws_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text)
        .map_err(|error| format!("{error}; a URL is as ws://host:10001/api/streamers/desk/peer"))?;
    match (url.scheme(), url.host_str()) {
        ("ws", Some(_)) => Ok(url),
        (scheme, _) => Err(format!("a streamer is watched over ws here, not {scheme}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Args, String> {
        let all = ["understudy-load"].iter().chain(arguments);
        Args::try_parse_from(all).map_err(|error| error.to_string())
    }

    #[test]
    fn a_url_is_enough() {
        let args = read(&["--url", "http://host/whep/program"]).expect("it must be read");
        assert_eq!((args.viewers, args.seconds), (10, 20));
        assert_eq!(args.wanted().repair, Repair::Refresh);
        let token = ["--token", "-one-of-64-begins-so"];
        let args = read(&[["--url", "http://host/whep/program"], token].concat()).expect("it must be read");
        assert_eq!(args.token.as_deref(), Some(token[1]));
    }

    #[test]
    fn what_is_wrong_with_a_url_is_said() {
        let said = |url| read(&["--url", url]).expect_err("it must be refused");
        assert!(said("host/whep").contains("relative URL"), "{}", said("host/whep"));
        assert!(said("ftp://host/whep").contains("not ftp"), "{}", said("ftp://host/whep"));
        assert!(said("host:80/whep").contains("not host"), "{}", said("host:80/whep"));
    }

    #[test]
    fn one_server_is_watched() {
        assert!(read(&[]).is_err());
        assert!(read(&["--janus", "http://host/janus"]).is_err());
        assert!(read(&["--janus", "http://host/janus", "--mountpoint", "1"]).is_ok());
        assert!(read(&["--streamer", "ws://host/api/streamers/desk/peer", "--steering", "3"]).is_ok());
        assert!(read(&["--url", "http://a", "--steering", "3"]).is_err());
        assert!(read(&["--streamer", "http://host/api/streamers/desk/peer"]).is_err());
        assert!(read(&["--url", "http://a", "--janus", "http://host/janus", "--mountpoint", "1"]).is_err());
    }
}
