//! Whom a child connects to: each host is looked up and judged here, and the child is told the address. It looks nothing up itself.
//!
//! What goes through the guard's proxy, TLS included, keeps its name: the proxy looks that up, and judges it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use understudy_core::process::command::{Command, Part};
use understudy_core::process::judge::{Endpoint, Way};

use super::site::{RtmpDoor, Site};
use crate::guard::{self, Refused};

/// TCP ports that a child needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reach {
    pub(super) connect: Vec<u16>,
    pub(super) listen: Vec<u16>,
}

/// Why a child cannot be started for what it would connect to.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreachable {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error("{0} is no address of this machine: what is listened at is named by an address")]
    Listening(String),
}

/// Protocols within TLS: ffmpeg opens them by the proxy that its environment names.
const BY_PROXY: [&str; 3] = ["rtmps", "rtsps", "tls"];

/// Of these the port is one of TCP.
const BY_TCP: [&str; 3] = ["rtmp", "rtsp", "tcp"];

impl Reach {
    /// Puts addresses in the place of the hosts of `command`.
    pub(super) async fn find(command: &mut Command, site: &Site) -> Result<Self, Unreachable> {
        let mut reach = Self::default();
        for part in command.inputs.iter_mut().chain(&mut command.outputs) {
            match part.way.clone() {
                Way::Pinned(endpoint) if !BY_PROXY.contains(&endpoint.scheme.as_str()) => {
                    reach.pin(part, &endpoint, site).await?;
                }
                Way::Listening(endpoint) => reach.hear(&endpoint)?,
                _ => {}
            }
        }
        Ok(reach)
    }

    async fn pin(&mut self, part: &mut Part, endpoint: &Endpoint, site: &Site) -> Result<(), Unreachable> {
        let own = site.rtmp.as_ref().filter(|door| is_own(endpoint, door)).map(RtmpDoor::address);
        let address = match own {
            Some(address) => address,
            None => guard::pin(&endpoint.host, endpoint.port, &site.guard.policy).await?,
        };
        part.address = endpoint.at(address);
        if endpoint.scheme == "rtmp" {
            let name = name_of(part, endpoint);
            part.options.extend(name.into_iter().flatten());
        }
        if BY_TCP.contains(&endpoint.scheme.as_str()) {
            self.connect.push(address.port());
        }
        Ok(())
    }

    fn hear(&mut self, endpoint: &Endpoint) -> Result<(), Unreachable> {
        let takes_groups = endpoint.scheme == "udp" || endpoint.scheme == "rtp";
        let is_ours = |ip: IpAddr| is_of_this_machine(ip) || (takes_groups && ip.is_multicast());
        if !endpoint.host.is_empty() && !endpoint.host.parse().is_ok_and(is_ours) {
            return Err(Unreachable::Listening(endpoint.host.clone()));
        }
        if BY_TCP.contains(&endpoint.scheme.as_str()) {
            self.listen.push(endpoint.port);
        }
        Ok(())
    }
}

/// Whether it can be listened at. A socket that is connected to an address of ours has that address itself; nothing is sent.
fn is_of_this_machine(ip: IpAddr) -> bool {
    const ANY: u16 = 9;
    let ip = ip.to_canonical();
    if ip.is_unspecified() || ip.is_loopback() {
        return true;
    }
    let from: IpAddr = if ip.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let own = UdpSocket::bind((from, 0)).and_then(|socket| {
        socket.connect((ip, ANY))?;
        socket.local_addr()
    });
    own.is_ok_and(|own| own.ip() == ip)
}

/// Our own RTMP, for those that it was filled in for: nobody else knows the token.
fn is_own(endpoint: &Endpoint, door: &RtmpDoor) -> bool {
    let place = endpoint.host.parse().map(|ip: IpAddr| SocketAddr::new(ip, endpoint.port));
    let is_ours = place.is_ok_and(|place| place == door.address());
    endpoint.scheme == "rtmp" && is_ours && endpoint.rest.ends_with(&format!("?token={}", door.token))
}

/// The name of a server that is connected to by its address: many serve by it.
fn name_of(part: &Part, endpoint: &Endpoint) -> Option<[String; 2]> {
    const NAME: &str = "-rtmp_tcurl";
    if part.options.iter().any(|option| option == NAME) {
        return None;
    }
    // As ffmpeg takes an address apart: of three parts and more two are the app.
    let path = endpoint.rest.split('?').next().unwrap_or_default().trim_start_matches('/');
    let parts: Vec<&str> = path.split('/').collect();
    let app = match &parts[..] {
        [app, instance, _, ..] if !instance.contains(':') => format!("{app}/{instance}"),
        [app, ..] => (*app).to_owned(),
        [] => String::new(),
    };
    let host =
        if endpoint.host.contains(':') { format!("[{}]", endpoint.host) } else { endpoint.host.clone() };
    Some([NAME.to_owned(), format!("rtmp://{host}:{}/{app}", endpoint.port)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(host: &str, port: u16, rest: &str) -> Endpoint {
        let (scheme, host, rest) = ("rtmp".to_owned(), host.to_owned(), rest.to_owned());
        Endpoint { scheme, user: None, host, port, rest }
    }

    fn part(options: &[&str]) -> Part {
        let options = options.iter().map(|&one| one.to_owned()).collect();
        Part { options, address: String::new(), way: Way::Discarded }
    }

    #[test]
    fn what_is_listened_at_is_of_this_machine() {
        for (scheme, host, may) in [
            ("tcp", "", true),
            ("tcp", "0.0.0.0", true),
            ("rtmp", "::", true),
            ("rtmp", "127.0.0.1", true),
            ("udp", "239.1.2.3", true),
            ("rtp", "ff15::1", true),
            ("tcp", "239.1.2.3", false),
            ("tcp", "192.0.2.1", false),
            ("udp", "192.0.2.1", false),
            ("udp", "::ffff:192.0.2.1", false),
            ("rtp", "2001:db8::1", false),
            ("rtp", "255.255.255.255", false),
            ("udp", "a.example", false),
        ] {
            let endpoint = Endpoint { scheme: scheme.to_owned(), ..endpoint(host, 5000, "") };
            assert_eq!(Reach::default().hear(&endpoint).is_ok(), may, "{scheme} {host}");
        }
    }

    #[test]
    fn our_own_rtmp_is_that_with_the_token_alone() {
        let door = RtmpDoor { at: ([127, 0, 0, 1], 1935).into(), token: "secret".into() };
        for (host, port, rest, is) in [
            ("127.0.0.1", 1935, "/live/a?token=secret", true),
            ("127.0.0.1", 1935, "/live/a?token=other", false),
            ("127.0.0.1", 1935, "/live/a", false),
            ("127.0.0.1", 1936, "/live/a?token=secret", false),
            ("a.example", 1935, "/live/a?token=secret", false),
        ] {
            assert_eq!(is_own(&endpoint(host, port, rest), &door), is, "{host} {port} {rest}");
        }
    }

    #[test]
    fn a_server_that_is_reached_by_its_address_is_told_its_name() {
        for (rest, app) in
            [("/live/key", "live"), ("/live", "live"), ("/a/b/key?x=1", "a/b"), ("/a/mp4:b/c", "a")]
        {
            let told = name_of(&part(&[]), &endpoint("a.example", 1935, rest)).unwrap();
            assert_eq!(told, ["-rtmp_tcurl".to_owned(), format!("rtmp://a.example:1935/{app}")]);
        }
        assert_eq!(name_of(&part(&["-rtmp_tcurl", "x"]), &endpoint("a", 1, "/b/c")), None);
    }
}
