//! RTMP: where it listens, and as whom over TLS.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::Args;

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "RTMP")]
pub struct Rtmp {
    /// Where RTMP listens, as `:1935` or `127.0.0.1:1935`. Without an address it is where HTTP listens. Default: CORE_RTMP_ADDRESS,
    /// else `:1935`.
    #[arg(long, env = "RTMP_LISTEN_ADDR", value_name = "RTMP_LISTEN_ADDR", value_parser = listen)]
    pub rtmp_listen_addr: Option<Listen>,

    /// Where RTMPS listens. Default: CORE_RTMP_ADDRESS_TLS, else `:1936`.
    #[arg(long, env = "RTMPS_LISTEN_ADDR", value_name = "RTMPS_LISTEN_ADDR", value_parser = listen)]
    pub rtmps_listen_addr: Option<Listen>,

    /// The certificate of RTMPS as PEM, with those that vouch for it; goes with its key. Without both, one is made that nobody
    /// vouches for.
    #[arg(
        long,
        env = "RTMPS_CERT_PATH",
        value_name = "RTMPS_CERT_PATH",
        default_value = "",
        hide_default_value = true
    )]
    pub rtmps_cert_path: String,

    /// The key of that certificate.
    #[arg(
        long,
        env = "RTMPS_KEY_PATH",
        value_name = "RTMPS_KEY_PATH",
        default_value = "",
        hide_default_value = true
    )]
    pub rtmps_key_path: String,
}

/// Where RTMP listens unless something is said of it.
pub(super) const RTMP: Listen = Listen { address: None, port: 1935 };
/// The same of RTMPS.
pub(super) const RTMPS: Listen = Listen { address: None, port: 1936 };

/// An address of this machine, or wherever the others are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen {
    pub address: Option<IpAddr>,
    pub port: u16,
}

/// Values that do not go together.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    #[error("RTMPS_CERT_PATH is set and RTMPS_KEY_PATH is not: set both or neither")]
    CertificateWithoutKey,
    #[error("RTMPS_KEY_PATH is set and RTMPS_CERT_PATH is not: set both or neither")]
    KeyWithoutCertificate,
}

impl Rtmp {
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

impl Listen {
    /// With `others` for all addresses that are not named.
    pub fn addresses(self, others: impl IntoIterator<Item = IpAddr>) -> Vec<SocketAddr> {
        let named = self.address.map_or_else(|| others.into_iter().collect(), |address| vec![address]);
        named.into_iter().map(|address| SocketAddr::new(address, self.port)).collect()
    }
}

/// `[host]:port`, as Go writes addresses.
pub(super) fn listen(text: &str) -> Result<Listen, String> {
    let wrong = || "must be an address with a port, as :1935 or 127.0.0.1:1935".to_owned();
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    let port = port.parse().map_err(|_| wrong())?;
    let address = match host.trim_matches(['[', ']']) {
        "" => None,
        "localhost" => Some(Ipv4Addr::LOCALHOST.into()),
        address => Some(address.parse().map_err(|_| wrong())?),
    };
    Ok(Listen { address, port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_as_go_writes_it() {
        let at = |address: Option<&str>, port| Listen { address: address.map(|a| a.parse().unwrap()), port };
        assert_eq!(listen(":1935"), Ok(at(None, 1935)));
        assert_eq!(listen("127.0.0.1:1"), Ok(at(Some("127.0.0.1"), 1)));
        assert_eq!(listen("[::1]:1"), Ok(at(Some("::1"), 1)));
        assert_eq!(listen("localhost:1"), Ok(at(Some("127.0.0.1"), 1)));
        for wrong in ["", "1935", "a.example:1935", ":70000", "1.2.3.4"] {
            assert!(listen(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn without_an_address_it_is_where_the_others_are() {
        let others = || [Ipv4Addr::LOCALHOST.into()];
        for (text, address) in [(":5", "127.0.0.1:5"), ("[::1]:5", "[::1]:5")] {
            let address: SocketAddr = address.parse().unwrap();
            assert_eq!(listen(text).unwrap().addresses(others()), [address]);
        }
    }
}
