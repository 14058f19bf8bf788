//! The source system's variables for what this runtime does not do, or not yet. They are checked all the same: who sets
//! one wrongly learns it at the start, and not when it begins to count.

use std::path::PathBuf;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Checked, and used by nothing yet")]
pub struct Reserved {
    /// Port of the browser's own DevTools. Nothing uses it: the browser picks a free one, on loopback.
    #[arg(long, env = "INTERNAL_PORT", value_name = "INTERNAL_PORT", default_value_t = 9223, value_parser = clap::value_parser!(u16).range(1..))]
    pub internal_port: u16,

    /// Frames a second of recordings, 0 to 20. Nothing uses it yet.
    #[arg(long, env = "FRAME_RATE", value_name = "FRAME_RATE", default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=20))]
    pub frame_rate: u32,

    /// The largest recording in megabytes, 0 to 1000. Nothing uses it yet.
    #[arg(long, env = "MAX_SIZE_MB", value_name = "MAX_SIZE_MB", default_value_t = 500, value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub max_size_mb: u32,

    /// Where recordings go. Nothing uses it yet.
    #[arg(long, env = "OUTPUT_DIR", value_name = "OUTPUT_DIR", default_value = ".", value_parser = NonEmptyStringValueParser::new())]
    pub output_dir: String,

    /// Where RTMP listens, as `:1935` or `127.0.0.1:1935`. Nothing uses it yet.
    #[arg(long, env = "RTMP_LISTEN_ADDR", value_name = "RTMP_LISTEN_ADDR", default_value = ":1935", value_parser = listen)]
    pub rtmp_listen_addr: String,

    /// Where RTMPS listens. Nothing uses it yet.
    #[arg(long, env = "RTMPS_LISTEN_ADDR", value_name = "RTMPS_LISTEN_ADDR", default_value = ":1936", value_parser = listen)]
    pub rtmps_listen_addr: String,

    /// The certificate of RTMPS; goes with its key. Nothing uses it yet.
    #[arg(
        long,
        env = "RTMPS_CERT_PATH",
        value_name = "RTMPS_CERT_PATH",
        default_value = "",
        hide_default_value = true
    )]
    pub rtmps_cert_path: String,

    /// The key of that certificate. Nothing uses it yet.
    #[arg(
        long,
        env = "RTMPS_KEY_PATH",
        value_name = "RTMPS_KEY_PATH",
        default_value = "",
        hide_default_value = true
    )]
    pub rtmps_key_path: String,
}

/// Values that do not go together.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    #[error("RTMPS_CERT_PATH is set and RTMPS_KEY_PATH is not: set both or neither")]
    CertificateWithoutKey,
    #[error("RTMPS_KEY_PATH is set and RTMPS_CERT_PATH is not: set both or neither")]
    KeyWithoutCertificate,
}

impl Reserved {
    /// Certificate and key of RTMPS, if they are set.
    pub fn rtmps_identity(&self) -> Result<Option<(PathBuf, PathBuf)>, Mismatch> {
        match (self.rtmps_cert_path.as_str(), self.rtmps_key_path.as_str()) {
            ("", "") => Ok(None),
            (_, "") => Err(Mismatch::CertificateWithoutKey),
            ("", _) => Err(Mismatch::KeyWithoutCertificate),
            (certificate, key) => Ok(Some((certificate.into(), key.into()))),
        }
    }
}

/// `[host]:port`, as Go writes addresses.
fn listen(text: &str) -> Result<String, String> {
    let port = text.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    match port {
        Some(_) => Ok(text.to_owned()),
        None => Err("must be an address with a port, as :1935".to_owned()),
    }
}
