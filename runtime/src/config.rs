//! The command line and the environment: the only place that reads either.

mod calls;
mod confine;
mod core;
mod devices;
mod link;
mod participant;
mod recordings;
mod reserved;
mod rtmp;
mod steering;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::builder::{NonEmptyStringValueParser, Resettable};
use clap::{Arg, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use understudy_core::camera::Mode;
use understudy_core::guard::AllowPrivate;

use crate::egress::whep::IceServers;
use crate::net::Families;
use crate::rtc::TcpPort;
use rtmp::{RTMP, RTMPS};

pub use calls::Calls;
pub use confine::Confine;
pub use core::{Core, Login};
pub use devices::Devices;
pub use link::Link;
pub use participant::Participant;
pub use recordings::Recordings;
pub use reserved::Reserved;
pub use rtmp::Rtmp;
pub use steering::{Steering, Who};

/// Of the HTTP surface, unless something is said of it.
const HTTP_PORT: u16 = 10001;

/// The media runtime of one virtual participant.
#[derive(Debug, Parser)]
#[command(name = "understudy-runtime", version)]
pub struct Cli {
    /// What is told: a level (`info`), or levels by module (`info,understudy_runtime=debug`).
    #[arg(long, env = "UNDERSTUDY_LOG", default_value = "info", global = true)]
    pub log: String,

    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// What the program was told. Variables of datarhei's core that are empty are unset, as there.
    pub fn told() -> Self {
        let command = Self::command().mut_subcommand("run", |run| run.mut_args(without_empty));
        Self::from_arg_matches(&command.get_matches()).unwrap_or_else(|error| error.exit())
    }
}

fn without_empty(setting: Arg) -> Arg {
    let name = setting.get_env().and_then(|name| name.to_str()).unwrap_or_default();
    let is_empty = || std::env::var_os(name).is_some_and(|value| value.is_empty());
    match name.starts_with("CORE_") && is_empty() {
        true => setting.env(Resettable::Reset),
        false => setting,
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run one session until interrupted.
    Run(Box<Run>),
    /// Write the test picture and its tone as a media file.
    TestPicture(TestPicture),
    /// Become another program, which sees little of this machine.
    #[command(hide = true)]
    Confine(Confine),
}

#[derive(Args, Debug)]
pub struct TestPicture {
    /// Where to, as `test-picture.mkv`.
    pub path: PathBuf,
    /// How long; it loops best at a whole number of seconds.
    #[arg(long, default_value_t = 20)]
    pub seconds: u32,
}

#[derive(Args, Debug)]
pub struct Run {
    /// A SessionSpec as YAML or JSON. Without it a welcome page is shown, and the session is driven over HTTP.
    pub spec: Option<PathBuf>,

    /// Take the session from the operator, over the control link.
    #[arg(long, conflicts_with = "spec", requires_all = ["operator_address", "token_file", "ca_file", "pod_name", "pod_namespace", "pod_uid"])]
    pub control_link: bool,

    /// Port of the HTTP surface. Default: where CORE_ADDRESS says, else 10001.
    #[arg(long, env = "PORT", value_name = "PORT")]
    pub port: Option<u16>,

    /// Port of probes and metrics.
    #[arg(long, env = "UNDERSTUDY_ADMIN_PORT", default_value_t = 10002)]
    pub admin_port: u16,

    /// Port of the browser's DevTools.
    #[arg(long, env = "UNDERSTUDY_DEVTOOLS_PORT", default_value_t = 9222)]
    pub devtools_port: u16,

    /// Tell the methods of DevTools messages in the log.
    #[arg(long, env = "LOG_CDP_MESSAGES", value_parser = clap::builder::BoolishValueParser::new())]
    pub log_cdp_messages: bool,

    /// The OpenTelemetry collector that spans of invitations go to, by OTLP over gRPC (http://collector:4317); empty: none.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", default_value = "")]
    pub otlp_endpoint: String,

    /// UDP port of all WebRTC, but for servers that are published to.
    #[arg(long, env = "UNDERSTUDY_MEDIA_PORT", default_value_t = 10003)]
    pub media_port: u16,

    /// TCP port of all WebRTC, for peers that UDP does not reach, or `off`; default: the number of the media port.
    #[arg(long, env = "UNDERSTUDY_MEDIA_TCP_PORT", value_parser = tcp_port)]
    pub media_tcp_port: Option<TcpPort>,

    /// Addresses that viewers reach the media port at, comma-separated; default: the pod's, else loopback.
    #[arg(long, env = "UNDERSTUDY_ANNOUNCE", value_delimiter = ',')]
    pub announce: Vec<IpAddr>,

    /// STUN and TURN servers that players are told of, as browsers take them: `[{"urls": "turn:host", "username": "…", "credential":
    /// "…"}]`.
    #[arg(long, env = "UNDERSTUDY_ICE_SERVERS", default_value = "", hide_env_values = true)]
    pub ice_servers: IceServers,

    /// Viewers at once; each takes about 0.2 MiB.
    #[arg(long, env = "UNDERSTUDY_MAX_VIEWERS", default_value_t = 200)]
    pub max_viewers: usize,

    /// Who may use the HTTP surface when no tokens are set.
    #[arg(long, env = "UNDERSTUDY_ACCESS", value_enum, default_value_t = Access::Local)]
    pub access: Access,

    /// Names under which the HTTP surface may be asked with open access, comma-separated, beside addresses and names that the
    /// public DNS gives to nobody. A name that others can point at this machine would let their pages in.
    #[arg(long, env = "UNDERSTUDY_ALLOWED_HOSTS", value_delimiter = ',', value_parser = host_name)]
    pub allowed_hosts: Vec<String>,

    /// Which addresses beside public ones the URLs of pages, sources and outputs may lead to: networks or addresses,
    /// comma-separated (`10.0.0.0/8,127.0.0.1`), or `*` for all. Default: none.
    #[arg(long, env = "UNDERSTUDY_ALLOW_PRIVATE_URLS", default_value = "", hide_default_value = true)]
    pub allow_private_urls: AllowPrivate,

    /// Where what ships with the runtime lies.
    #[arg(long, env = "UNDERSTUDY_SHARE_DIR", default_value = "/usr/share/understudy")]
    pub share_dir: PathBuf,

    /// Where `file:` URLs may point to.
    #[arg(long, env = "UNDERSTUDY_MEDIA_DIR", default_value = "/media")]
    pub media_dir: PathBuf,

    /// How pages get their camera.
    #[arg(long, env = "UNDERSTUDY_CAMERA", value_enum, default_value_t = Camera::Auto)]
    pub camera: Camera,

    /// The browser's program.
    #[arg(long, env = "UNDERSTUDY_CHROMIUM", default_value = "chromium")]
    pub chromium: PathBuf,

    /// The ffmpeg program, which encodes MPEG-1 and is what processes run, unless CORE_FFMPEG_BINARY names another; all other media
    /// goes through GStreamer.
    #[arg(long, env = "FFMPEG_PATH", value_name = "FFMPEG_PATH", default_value = "ffmpeg", value_parser = NonEmptyStringValueParser::new())]
    pub ffmpeg_path: String,

    #[command(flatten)]
    pub devices: Devices,

    #[command(flatten)]
    pub participant: Participant,

    #[command(flatten)]
    pub steering: Steering,

    #[command(flatten)]
    pub calls: Calls,

    #[command(flatten)]
    pub rtmp: Rtmp,

    #[command(flatten)]
    pub core: Core,

    #[command(flatten)]
    pub recordings: Recordings,

    #[command(flatten)]
    pub reserved: Reserved,

    #[command(flatten)]
    pub link: Link,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Camera {
    /// The best that works here: the video device if it is there, else PipeWire if it is installed, else a file.
    Auto,
    /// A PipeWire node behind a camera portal.
    Pipewire,
    /// A v4l2loopback device of the machine.
    V4l2,
    /// A file that the browser reads again and again.
    File,
}

impl Camera {
    /// None: whatever is best.
    pub const fn asked(self) -> Option<Mode> {
        match self {
            Self::Auto => None,
            Self::Pipewire => Some(Mode::Pipewire),
            Self::V4l2 => Some(Mode::V4l2),
            Self::File => Some(Mode::File),
        }
    }
}

/// A name as it stands in a Host header, without its port.
fn host_name(text: &str) -> Result<String, String> {
    let name = text.trim().trim_end_matches('.').to_ascii_lowercase();
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.' | '_');
    match !name.is_empty() && name.chars().all(is_letter) {
        true => Ok(name),
        false => Err("must be the name of a host, without a port".to_owned()),
    }
}

fn tcp_port(text: &str) -> Result<TcpPort, String> {
    match text {
        "off" => Ok(TcpPort::Off),
        number => number
            .parse()
            .map(TcpPort::Port)
            .map_err(|_| "UNDERSTUDY_MEDIA_TCP_PORT must be a port or `off`".to_owned()),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Access {
    /// Loopback only.
    Local,
    /// Everybody who reaches the port: for a container on one's own machine.
    Open,
}

impl Run {
    /// Where the HTTP surface listens: not beyond loopback unless something guards it.
    pub fn http_addresses(&self, families: Families) -> Vec<SocketAddr> {
        match (self.port, self.core.core_address) {
            (None, Some(named)) => named.addresses(self.interfaces(families)),
            (port, _) => self.addresses(families, port.unwrap_or(HTTP_PORT)),
        }
    }

    pub fn admin_addresses(&self, families: Families) -> Vec<SocketAddr> {
        self.addresses(families, self.admin_port)
    }

    pub fn devtools_addresses(&self, families: Families) -> Vec<SocketAddr> {
        self.addresses(families, self.devtools_port)
    }

    pub fn participant_addresses(&self, families: Families) -> Vec<SocketAddr> {
        self.participant.addresses(families)
    }

    pub fn rtmp_addresses(&self, families: Families) -> Vec<SocketAddr> {
        let named = self.rtmp.rtmp_listen_addr.or(self.core.core_rtmp_address);
        named.unwrap_or(RTMP).addresses(self.interfaces(families))
    }

    pub fn rtmps_addresses(&self, families: Families) -> Vec<SocketAddr> {
        let named = self.rtmp.rtmps_listen_addr.or(self.core.core_rtmp_address_tls);
        named.unwrap_or(RTMPS).addresses(self.interfaces(families))
    }

    /// The one socket of all media.
    pub fn media_address(&self, families: Families) -> SocketAddr {
        let interface = match self.is_local() {
            true => loopback(families),
            false => families.unspecified(),
        };
        let port = Some(self.core.core_webrtc_udp_mux_port).filter(|port| *port != 0);
        SocketAddr::new(interface, port.unwrap_or(self.media_port))
    }

    pub fn announced(&self, families: Families) -> Vec<IpAddr> {
        match (&self.announce[..], &self.core.announced()[..], &self.link.pod_ips[..]) {
            ([], [], []) => vec![loopback(families)],
            ([], [], pod) => pod.to_vec(),
            ([], public, _) => public.to_vec(),
            (given, ..) => given.to_vec(),
        }
    }

    fn addresses(&self, families: Families, port: u16) -> Vec<SocketAddr> {
        let interfaces = self.interfaces(families);
        interfaces.into_iter().map(|interface| SocketAddr::new(interface, port)).collect()
    }

    fn interfaces(&self, families: Families) -> Vec<IpAddr> {
        match self.is_local() {
            true => families.loopbacks(),
            false => vec![families.unspecified()],
        }
    }

    /// Nothing says who may do what: only this machine reaches it.
    fn is_local(&self) -> bool {
        !self.control_link && self.access == Access::Local
    }
}

/// Where whoever is on this machine finds the media port.
fn loopback(families: Families) -> IpAddr {
    families.loopbacks().first().copied().unwrap_or(Ipv4Addr::LOCALHOST.into())
}

#[cfg(test)]
mod tests;
