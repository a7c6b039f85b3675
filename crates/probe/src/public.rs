//! What the internet routes, and what it does not.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether the internet routes it (IANA "IPv4 and IPv6 Special-Purpose Address Registries"). The networks for documentation
/// count as if it did: nothing is there.
pub(crate) fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => match within(ip) {
            Some(ip) => is_public_v4(ip),
            None => {
                !(ip.is_unique_local()
                    || ip.is_unicast_link_local()
                    || ip.is_multicast()
                    // Site-local, until RFC 3879.
                    || (ip.segments()[0] & 0xffc0) == 0xfec0)
            }
        },
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !(ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 198 && (18..20).contains(&b))
        || (a == 192 && b == 0 && c == 0))
}

/// The IPv4 address that an IPv6 address stands for: mapped or compatible (RFC 4291, sections 2.5.5.1 and 2.5.5.2; `::` and
/// `::1` are taken for 0.0.0.0 and 0.0.0.1, which nothing routes either), of NAT64 (RFC 6052), of 6to4 (RFC 3056).
fn within(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let of = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match ip.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] => Some(of(high, low)),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(of(high, low)),
        [0x2002, high, low, ..] => Some(of(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_networks_are_told_from_the_internet() {
        let is = |text: &str| is_public(text.parse().expect(text));
        for inside in [
            "10.0.0.1",
            "169.254.169.254",
            "127.0.0.1",
            "100.64.0.1",
            "::1",
            "fd00:ec2::254",
            "::ffff:10.0.0.1",
            "0.1.2.3",
            "198.18.0.1",
            "255.1.2.3",
            "64:ff9b::a9fe:a9fe",
            "2002:a00:1::",
            "::7f00:1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is(inside), "{inside}");
        }
        assert!(is("192.0.2.1") && is("2001:db8::1") && is("64:ff9b::c000:201"));
    }
}
