//! Which addresses may be connected to for a URL that a user gave, and what an HTTP request asks a proxy for.
//!
//! A host name is never judged: only the addresses it resolved to are, and exactly those are connected to.

mod body;
mod class;
mod request;
mod response;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use ipnet::IpNet;

pub use body::{Body, Malformed};
pub use class::{Class, classify};
pub use request::{Ask, Bad, Request, host_and_port};
pub use response::Response;

/// The setting that lets private addresses pass, named in every refusal.
pub const SETTING: &str = "UNDERSTUDY_ALLOW_PRIVATE_URLS";

/// What may be connected to beside the public internet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    pub allow: AllowPrivate,
    /// Single doors on this machine, as the server of the bundled pages.
    pub own: Vec<SocketAddr>,
}

/// Which addresses that are not public may be connected to all the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AllowPrivate {
    #[default]
    None,
    All,
    Networks(Vec<IpNet>),
}

/// Text that is not a list of networks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither a network (as 10.0.0.0/8), nor an address, nor *")]
pub struct NotANetwork(String);

impl Policy {
    /// Passes, or says what kind of address it is.
    pub fn judge(&self, address: SocketAddr) -> Result<(), Class> {
        match classify(address.ip()) {
            Class::Public => Ok(()),
            _ if self.own.contains(&address) || self.allow.includes(address.ip()) => Ok(()),
            class => Err(class),
        }
    }

    /// Those of a name's addresses that may be connected to; if there are none, what the first of them is.
    pub fn permitted(&self, resolved: &[SocketAddr]) -> Result<Vec<SocketAddr>, Class> {
        let good: Vec<_> = resolved.iter().copied().filter(|one| self.judge(*one).is_ok()).collect();
        match (good.is_empty(), resolved.first()) {
            (true, Some(first)) => self.judge(*first).map(|()| good),
            _ => Ok(good),
        }
    }
}

impl AllowPrivate {
    fn includes(&self, address: IpAddr) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            // However it is written: a network of IPv4 also means its addresses in IPv6's clothes.
            Self::Networks(networks) => {
                let inner = class::inner(address);
                networks.iter().any(|network| network.contains(&address) || network.contains(&inner))
            }
        }
    }
}

impl FromStr for AllowPrivate {
    type Err = NotANetwork;

    /// Empty: none. `*`, `all` or `true`: all. Else networks or addresses with commas between.
    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        match text.trim() {
            "" | "false" | "none" => return Ok(Self::None),
            "*" | "all" | "true" => return Ok(Self::All),
            _ => {}
        }
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(network).collect::<Result<_, _>>().map(Self::Networks)
    }
}

impl fmt::Display for AllowPrivate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::All => f.write_str("all"),
            Self::Networks(networks) => {
                let texts: Vec<_> = networks.iter().map(ToString::to_string).collect();
                f.write_str(&texts.join(","))
            }
        }
    }
}

fn network(text: &str) -> Result<IpNet, NotANetwork> {
    let address = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse().or_else(|_| address()).map_err(|_| NotANetwork(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn allowing(text: &str) -> Policy {
        Policy { allow: text.parse().unwrap(), own: Vec::new() }
    }

    #[test]
    fn the_setting_is_nothing_everything_or_a_list_of_networks() {
        assert_eq!("".parse(), Ok(AllowPrivate::None));
        for all in ["*", "all", "true", " * "] {
            assert_eq!(all.parse(), Ok(AllowPrivate::All), "{all}");
        }
        assert_eq!(
            allowing("10.0.0.0/8, 127.0.0.1,fd00::/8").allow.to_string(),
            "10.0.0.0/8,127.0.0.1/32,fd00::/8"
        );
        let error = "10.0.0.0/8,host:80".parse::<AllowPrivate>().unwrap_err();
        assert!(error.to_string().contains("\"host:80\""), "{error}");
    }

    #[test]
    fn a_network_is_allowed_in_every_form_of_its_addresses_and_no_other_is() {
        let policy = allowing("10.1.0.0/16");
        for good in ["10.1.2.3:80", "[::ffff:10.1.2.3]:80", "[64:ff9b::10.1.2.3]:80", "93.184.216.34:80"] {
            assert_eq!(policy.judge(address(good)), Ok(()), "{good}");
        }
        assert_eq!(policy.judge(address("10.2.0.1:80")), Err(Class::Private));
        assert_eq!(policy.judge(address("127.0.0.1:80")), Err(Class::Loopback));
        assert_eq!(allowing("*").judge(address("169.254.169.254:80")), Ok(()));
    }

    #[test]
    fn an_own_door_is_one_port_and_not_the_whole_machine() {
        let policy = Policy { own: vec![address("127.0.0.1:10001")], ..Policy::default() };
        assert_eq!(policy.judge(address("127.0.0.1:10001")), Ok(()));
        assert_eq!(policy.judge(address("127.0.0.1:10002")), Err(Class::Loopback));
    }

    #[test]
    fn of_a_name_with_mixed_addresses_only_the_permitted_are_left() {
        let mixed = [address("10.0.0.1:80"), address("93.184.216.34:80")];
        assert_eq!(Policy::default().permitted(&mixed), Ok(vec![mixed[1]]));
        assert_eq!(Policy::default().permitted(&mixed[..1]), Err(Class::Private));
        assert_eq!(Policy::default().permitted(&[]), Ok(Vec::new()));
    }
}
