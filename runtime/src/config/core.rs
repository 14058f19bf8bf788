//! Variables of datarhei's core, for the processes that are driven over its API. Names and meanings are that program's; who sets one
//! wrongly learns it at the start.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;
use clap::builder::{BoolishValueParser, NonEmptyStringValueParser};
use understudy_core::process::judge::Access;

use super::rtmp::{Listen, listen};

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Processes")]
pub struct Core {
    /// Where the HTTP surface listens, as `:8080` or `127.0.0.1:8080`, unless PORT is set.
    #[arg(long, env = "CORE_ADDRESS", value_name = "CORE_ADDRESS", value_parser = listen)]
    pub core_address: Option<Listen>,

    /// Where RTMP listens, unless RTMP_LISTEN_ADDR is set.
    #[arg(long, env = "CORE_RTMP_ADDRESS", value_name = "CORE_RTMP_ADDRESS", value_parser = listen)]
    pub core_rtmp_address: Option<Listen>,

    /// Where RTMPS listens, unless RTMPS_LISTEN_ADDR is set.
    #[arg(long, env = "CORE_RTMP_ADDRESS_TLS", value_name = "CORE_RTMP_ADDRESS_TLS", value_parser = listen)]
    pub core_rtmp_address_tls: Option<Listen>,

    /// The ffmpeg program of processes; wins over FFMPEG_PATH.
    #[arg(long, env = "CORE_FFMPEG_BINARY", value_name = "CORE_FFMPEG_BINARY", value_parser = NonEmptyStringValueParser::new())]
    pub core_ffmpeg_binary: Option<String>,

    /// Processes that may run at once; 0: 100.
    #[arg(
        long,
        env = "CORE_FFMPEG_MAXPROCESSES",
        value_name = "CORE_FFMPEG_MAXPROCESSES",
        default_value_t = 0
    )]
    pub core_ffmpeg_maxprocesses: usize,

    /// Patterns (regular expressions, with spaces between) of what inputs may be; none: whatever the guard lets through.
    #[arg(long, env = "CORE_FFMPEG_ACCESS_INPUT_ALLOW", value_name = "CORE_FFMPEG_ACCESS_INPUT_ALLOW", default_value = "", hide_default_value = true, value_parser = patterns)]
    pub core_ffmpeg_access_input_allow: String,

    /// Patterns of what inputs may not be; they win over those that allow.
    #[arg(long, env = "CORE_FFMPEG_ACCESS_INPUT_BLOCK", value_name = "CORE_FFMPEG_ACCESS_INPUT_BLOCK", default_value = "", hide_default_value = true, value_parser = patterns)]
    pub core_ffmpeg_access_input_block: String,

    /// Patterns of what outputs may be.
    #[arg(long, env = "CORE_FFMPEG_ACCESS_OUTPUT_ALLOW", value_name = "CORE_FFMPEG_ACCESS_OUTPUT_ALLOW", default_value = "", hide_default_value = true, value_parser = patterns)]
    pub core_ffmpeg_access_output_allow: String,

    /// Patterns of what outputs may not be.
    #[arg(long, env = "CORE_FFMPEG_ACCESS_OUTPUT_BLOCK", value_name = "CORE_FFMPEG_ACCESS_OUTPUT_BLOCK", default_value = "", hide_default_value = true, value_parser = patterns)]
    pub core_ffmpeg_access_output_block: String,

    /// The data directory, below which processes write files and, beside the media directory, read them. Default: `understudy.data`
    /// below the temporary one.
    #[arg(long, env = "CORE_STORAGE_DISK_DIR", value_name = "CORE_STORAGE_DISK_DIR")]
    pub core_storage_disk_dir: Option<PathBuf>,

    /// Where processes are stored (`db.json`, which holds their credentials): they are there again at the next start, and run if they
    /// were to. It lies neither in the data directory nor in the media directory. Without it they are gone with the runtime.
    #[arg(long, env = "CORE_DB_DIR", value_name = "CORE_DB_DIR")]
    pub core_db_dir: Option<PathBuf>,

    /// Processes can be looked at over the API and not be changed.
    #[arg(long, env = "CORE_API_READ_ONLY", value_parser = BoolishValueParser::new())]
    pub core_api_read_only: bool,

    /// Who uses the API of processes logs in with CORE_API_AUTH_USERNAME and CORE_API_AUTH_PASSWORD; a login may do everything there.
    #[arg(long, env = "CORE_API_AUTH_ENABLE", value_parser = BoolishValueParser::new())]
    pub core_api_auth_enable: bool,

    /// Who may log in.
    #[arg(
        long,
        env = "CORE_API_AUTH_USERNAME",
        value_name = "CORE_API_AUTH_USERNAME",
        default_value = "",
        hide_default_value = true
    )]
    pub core_api_auth_username: String,

    /// With what.
    #[arg(
        long,
        env = "CORE_API_AUTH_PASSWORD",
        value_name = "CORE_API_AUTH_PASSWORD",
        default_value = "",
        hide_default_value = true,
        hide_env_values = true
    )]
    pub core_api_auth_password: Secret,

    /// What logins are signed with, at least 16 characters.
    #[arg(
        long,
        env = "CORE_API_AUTH_JWT_SECRET",
        value_name = "CORE_API_AUTH_JWT_SECRET",
        default_value = "",
        hide_default_value = true,
        hide_env_values = true
    )]
    pub core_api_auth_jwt_secret: Secret,

    /// Programs on this machine need no login.
    #[arg(long, env = "CORE_API_AUTH_DISABLE_LOCALHOST", value_parser = BoolishValueParser::new())]
    pub core_api_auth_disable_localhost: bool,

    /// Processes whose `webrtc.enabled` is true are watched over WHEP at `/api/v3/process/{id}/whep`.
    #[arg(long, env = "CORE_WEBRTC_ENABLE", value_parser = BoolishValueParser::new())]
    pub core_webrtc_enable: bool,

    /// An address that viewers reach the media port at, unless UNDERSTUDY_ANNOUNCE is set.
    #[arg(long, env = "CORE_WEBRTC_PUBLIC_IP", value_name = "CORE_WEBRTC_PUBLIC_IP", value_parser = address)]
    pub core_webrtc_public_ip: Option<Address>,

    /// More of them, with spaces between.
    #[arg(long, env = "CORE_WEBRTC_NAT_1_TO_1_IPS", value_name = "CORE_WEBRTC_NAT_1_TO_1_IPS", value_parser = address, value_delimiter = ' ')]
    pub core_webrtc_nat_1_to_1_ips: Vec<Address>,

    /// UDP port of all WebRTC; 0: UNDERSTUDY_MEDIA_PORT.
    #[arg(
        long,
        env = "CORE_WEBRTC_UDP_MUX_PORT",
        value_name = "CORE_WEBRTC_UDP_MUX_PORT",
        default_value_t = 0
    )]
    pub core_webrtc_udp_mux_port: u16,
}

/// None where somebody sets a variable to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address(pub Option<IpAddr>);

/// Text that is never printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

/// Who may log in, and what logins are signed with.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    pub username: String,
    pub password: String,
    pub secret: String,
    /// Whether programs on this machine need none.
    pub spares_localhost: bool,
}

/// Values that do not go together.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Incomplete {
    #[error("CORE_API_AUTH_ENABLE is set and {0} is not: nobody could log in")]
    Missing(&'static str),
    #[error("CORE_API_AUTH_JWT_SECRET is too short: it must have at least {SECRET_CHARACTERS} characters")]
    ShortSecret,
}

/// Fewer can be guessed from one token.
const SECRET_CHARACTERS: usize = 16;

/// Where CORE_FFMPEG_MAXPROCESSES says nothing: as many copies as a small machine carries, and an end to a client that repeats itself.
const MOST_PROCESSES: usize = 100;

impl Core {
    /// None: nobody has to.
    pub fn login(&self) -> Result<Option<Login>, Incomplete> {
        if !self.core_api_auth_enable {
            return Ok(None);
        }
        for (value, name) in [
            (&self.core_api_auth_username, "CORE_API_AUTH_USERNAME"),
            (&self.core_api_auth_password.0, "CORE_API_AUTH_PASSWORD"),
            (&self.core_api_auth_jwt_secret.0, "CORE_API_AUTH_JWT_SECRET"),
        ] {
            if value.is_empty() {
                return Err(Incomplete::Missing(name));
            }
        }
        if self.core_api_auth_jwt_secret.0.chars().count() < SECRET_CHARACTERS {
            return Err(Incomplete::ShortSecret);
        }
        Ok(Some(Login {
            username: self.core_api_auth_username.clone(),
            password: self.core_api_auth_password.0.clone(),
            secret: self.core_api_auth_jwt_secret.0.clone(),
            spares_localhost: self.core_api_auth_disable_localhost,
        }))
    }

    pub const fn most_processes(&self) -> usize {
        match self.core_ffmpeg_maxprocesses {
            0 => MOST_PROCESSES,
            some => some,
        }
    }

    /// Addresses that viewers are told of.
    pub fn announced(&self) -> Vec<IpAddr> {
        let all = self.core_webrtc_public_ip.iter().chain(&self.core_webrtc_nat_1_to_1_ips);
        all.filter_map(|address| address.0).collect()
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl std::fmt::Debug for Login {
    /// Secrets are never printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("username", &self.username).finish_non_exhaustive()
    }
}

fn address(text: &str) -> Result<Address, String> {
    match text {
        "" => Ok(Address(None)),
        text => text.parse().map(|ip| Address(Some(ip))).map_err(|_| "must be an IP address".to_owned()),
    }
}

fn patterns(text: &str) -> Result<String, String> {
    Access::new(text, "")
        .map(|_| text.to_owned())
        .map_err(|error| format!("must be regular expressions: {error}"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::config::{Cli, Command};

    fn core(args: &[&str]) -> Result<Core, String> {
        let all = ["understudy-runtime", "run"].iter().chain(args);
        match Cli::try_parse_from(all).map_err(|error| error.to_string())?.command {
            Command::Run(run) => Ok(run.core),
            _ => unreachable!("it must be that command"),
        }
    }

    #[test]
    fn a_login_that_nobody_could_use_names_what_is_missing() {
        assert_eq!(core(&[]).unwrap().login(), Ok(None));
        let enabled = core(&["--core-api-auth-enable"]).unwrap();
        assert_eq!(enabled.login(), Err(Incomplete::Missing("CORE_API_AUTH_USERNAME")));
        let short =
            ["--core-api-auth-username=a", "--core-api-auth-password=b", "--core-api-auth-jwt-secret=c"];
        let short = core(&[&["--core-api-auth-enable"], &short[..]].concat()).unwrap();
        assert_eq!(short.login(), Err(Incomplete::ShortSecret));
        let long = Core { core_api_auth_jwt_secret: "0123456789abcdef".into(), ..short };
        assert!(long.login().unwrap().is_some());
        assert!(!format!("{long:?} {:?}", long.login()).contains("0123456789abcdef"));
    }

    #[test]
    fn lists_have_spaces_between_and_each_part_is_checked() {
        let patterns = core(&["--core-ffmpeg-access-input-allow", "^https:// ^srt://"]).unwrap();
        assert_eq!(patterns.core_ffmpeg_access_input_allow, "^https:// ^srt://");
        assert!(
            core(&["--core-ffmpeg-access-output-block", "("]).unwrap_err().contains("regular expression")
        );
        let ips = core(&[
            "--core-webrtc-public-ip",
            "192.0.2.1",
            "--core-webrtc-nat-1-to-1-ips",
            "192.0.2.2 2001:db8::1",
        ]);
        assert_eq!(ips.unwrap().announced().len(), 3);
        assert!(core(&["--core-webrtc-public-ip", "a.example"]).is_err());
        assert_eq!(core(&["--core-webrtc-public-ip", ""]).unwrap().announced(), [] as [IpAddr; 0]);
    }

    #[test]
    fn no_number_of_processes_is_a_bound_all_the_same() {
        assert_eq!(core(&[]).unwrap().most_processes(), MOST_PROCESSES);
        assert_eq!(core(&["--core-ffmpeg-maxprocesses", "3"]).unwrap().most_processes(), 3);
    }
}
