//! What kind of place an IP address is, from the registries of special-purpose addresses (RFC 6890 and its updates).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Everything but `Public` is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Public,
    Loopback,
    /// RFC 1918, and site-local and local translation prefixes of IPv6.
    Private,
    UniqueLocal,
    LinkLocal,
    /// Where clouds hand out credentials.
    Metadata,
    /// Shared by a carrier's customers, 100.64.0.0/10.
    CarrierNat,
    Multicast,
    Broadcast,
    Unspecified,
    Documentation,
    /// Everything else that no server of the internet has.
    Reserved,
}

/// Metadata services of clouds that their block alone does not give away: Azure's wire server is a public address,
/// Alibaba's and Oracle's lie in blocks with other uses.
const METADATA_V4: [Ipv4Addr; 4] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
];
/// AWS and Google.
const METADATA_V6: [Ipv6Addr; 2] =
    [Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)];

/// An address of IPv4 in IPv6's clothes is judged as what it reaches.
pub fn classify(address: IpAddr) -> Class {
    match inner(address) {
        IpAddr::V4(v4) => class_v4(v4),
        IpAddr::V6(v6) => class_v6(v6),
    }
}

/// What is reached in the end: mapped, compatible and translated addresses, NAT64, 6to4 and Teredo are looked through.
pub(super) fn inner(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => embedded(v6).map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let pair = |high: u16, low: u16| Some(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
    match address.segments() {
        // :: and ::1 are IPv6's own.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        // RFC 4291: mapped and compatible; RFC 2765: translated; RFC 6052: NAT64.
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] => pair(high, low),
        [0, 0, 0, 0, 0xffff, 0, high, low] => pair(high, low),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => pair(high, low),
        // RFC 3056: 6to4.
        [0x2002, high, low, ..] => pair(high, low),
        // RFC 4380: Teredo hides the client's address by inverting it.
        [0x2001, 0, _, _, _, _, high, low] => pair(!high, !low),
        _ => None,
    }
}

fn class_v4(address: Ipv4Addr) -> Class {
    match address.octets() {
        _ if METADATA_V4.contains(&address) => Class::Metadata,
        [0, 0, 0, 0] => Class::Unspecified,
        [255, 255, 255, 255] => Class::Broadcast,
        [127, ..] => Class::Loopback,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Class::Private,
        [169, 254, ..] => Class::LinkLocal,
        [100, 64..=127, ..] => Class::CarrierNat,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Class::Documentation,
        [224..=239, ..] => Class::Multicast,
        // "This network", IETF protocols, the 6to4 relay, benchmarks, and what was never given out.
        [0, ..] | [192, 0, 0, _] | [192, 88, 99, _] | [198, 18..=19, ..] | [240..=255, ..] => Class::Reserved,
        _ => Class::Public,
    }
}

fn class_v6(address: Ipv6Addr) -> Class {
    match address.segments() {
        _ if METADATA_V6.contains(&address) => Class::Metadata,
        [0, 0, 0, 0, 0, 0, 0, 0] => Class::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => Class::Loopback,
        [0xfc00..=0xfdff, ..] => Class::UniqueLocal,
        [0xfe80..=0xfebf, ..] => Class::LinkLocal,
        [0xfec0..=0xfeff, ..] | [0x64, 0xff9b, 1, ..] => Class::Private,
        [0xff00..=0xffff, ..] => Class::Multicast,
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Class::Documentation,
        // IETF protocol assignments, 2001::/23.
        [0x2001, 0..=0x1ff, ..] => Class::Reserved,
        // RFC 4291: all that is given out as global unicast.
        [0x2000..=0x3fff, ..] => Class::Public,
        _ => Class::Reserved,
    }
}

impl fmt::Display for Class {
    /// As in "is a loopback address".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::Loopback => "loopback",
            Self::Private => "private",
            Self::UniqueLocal => "unique local",
            Self::LinkLocal => "link-local",
            Self::Metadata => "cloud metadata",
            Self::CarrierNat => "carrier-grade NAT",
            Self::Multicast => "multicast",
            Self::Broadcast => "broadcast",
            Self::Unspecified => "unspecified",
            Self::Documentation => "documentation",
            Self::Reserved => "reserved",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_is_what_the_registries_say() {
        let table = [
            (
                Class::Public,
                "1.1.1.1 93.184.216.34 100.63.255.255 100.128.0.0 172.15.0.1 172.32.0.1 223.255.255.255",
            ),
            (Class::Public, "2606:4700::1111 2001:4860:4860::8888 2a00:1450::1 2001:200::1"),
            (Class::Loopback, "127.0.0.1 127.255.255.254 ::1"),
            (
                Class::Private,
                "10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.255 192.168.1.1 fec0::1 64:ff9b:1::1",
            ),
            (Class::UniqueLocal, "fc00::1 fd12:3456::1"),
            (Class::LinkLocal, "169.254.0.1 169.254.170.2 fe80::1 febf::1"),
            (
                Class::Metadata,
                "169.254.169.254 fd00:ec2::254 fd20:ce::254 168.63.129.16 100.100.100.200 192.0.0.192",
            ),
            (Class::CarrierNat, "100.64.0.1 100.127.255.255"),
            (Class::Multicast, "224.0.0.1 239.255.255.250 ff02::1"),
            (Class::Broadcast, "255.255.255.255"),
            (Class::Unspecified, "0.0.0.0 ::"),
            (Class::Documentation, "192.0.2.1 198.51.100.1 203.0.113.1 2001:db8::1 3fff:fff::1"),
            (
                Class::Reserved,
                "0.1.2.3 192.0.0.1 192.88.99.1 198.18.0.1 198.19.255.255 240.0.0.1 254.255.255.255",
            ),
            (Class::Reserved, "100::1 5f00::1 4000::1 2001:2::1 2001:20::1 1::"),
        ];
        for (class, addresses) in table {
            for address in addresses.split(' ') {
                assert_eq!(classify(address.parse().unwrap()), class, "{address}");
            }
        }
    }

    #[test]
    fn an_address_in_another_ones_clothes_is_looked_through() {
        let disguises = [
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "::ffff:0:169.254.169.254",
            "64:ff9b::169.254.169.254",
            "2002:a9fe:a9fe::1",
            "2001:0:1:2:3:4:5601:5601",
        ];
        for address in disguises {
            assert_eq!(classify(address.parse().unwrap()), Class::Metadata, "{address}");
        }
        assert_eq!(classify("::ffff:127.0.0.1".parse().unwrap()), Class::Loopback);
        assert_eq!(classify("64:ff9b::1.1.1.1".parse().unwrap()), Class::Public);
    }
}
