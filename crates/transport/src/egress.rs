//! Which addresses a URL from a request may lead to.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

/// The guard for files that clients name by URL.
#[derive(Clone, Debug)]
pub struct Egress {
    /// Whether addresses are checked (`user_url_validation`).
    pub validate: bool,
    /// Hosts that are always allowed (`user_url_allowed_hosts`): `host`, `host:port` or `*.domain`.
    pub allowed_hosts: Vec<String>,
    /// The longest file.
    pub max_bytes: usize,
    /// The limit on the whole download, redirects included.
    pub timeout: Duration,
}

impl Default for Egress {
    fn default() -> Self {
        Self {
            validate: true,
            allowed_hosts: Vec::new(),
            max_bytes: 50 * 1024 * 1024,
            timeout: Duration::from_secs(60),
        }
    }
}

impl Egress {
    /// Whether the host is allowed whatever its address.
    pub(crate) fn allows_host(&self, host: &str, port: u16) -> bool {
        let host = normal(host);
        !self.validate
            || self.allowed_hosts.iter().any(|entry| {
                let entry = normal(entry);
                match entry.strip_prefix("*.") {
                    Some(domain) => host.strip_suffix(domain).is_some_and(|front| front.ends_with('.')),
                    None => entry == host || entry == format!("{host}:{port}"),
                }
            })
    }
}

/// Lower case, without the dot that may end a full name.
fn normal(host: &str) -> String {
    host.trim().trim_end_matches('.').to_ascii_lowercase()
}

/// Whether the address belongs to the public internet: not to this machine, a private network, a cloud's metadata
/// service, or a range that no host has.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || a == 0
        || a >= 224
        || (a == 100 && (b & 0xc0) == 64)
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b & 0xfe) == 18))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let s = address.segments();
    match s {
        // Forms that carry an IPv4 address are as good as that address: mapped, NAT64, 6to4.
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => is_public_v4(embedded(high, low)),
        // Only global unicast has public hosts; within it, protocol assignments (Teredo and others) and
        // documentation do not.
        _ => {
            (s[0] & 0xe000) == 0x2000
                && !(s[0] == 0x2001 && s[1] < 0x200)
                && !(s[0] == 0x2001 && s[1] == 0xdb8)
                && s[0] != 0x3fff
        }
    }
}

fn embedded(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_pass() {
        let refused = [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "2002:a00:1::",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "3fff::1",
        ];
        for address in refused {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        let allowed = [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.20.0.1",
            "223.255.255.254",
            "2606:4700::1111",
            "2a00:1450::1",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2002:808:808::1",
            "2001:4860:4860::8888",
        ];
        for address in allowed {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn allowed_hosts_match_whole_names_only() {
        let allowed_hosts =
            ["files.example".to_owned(), "127.0.0.1:8080".to_owned(), "*.cdn.example".to_owned()].into();
        let egress = Egress { allowed_hosts, ..Egress::default() };
        assert!(egress.allows_host("files.example", 443) && egress.allows_host("FILES.example.", 80));
        assert!(egress.allows_host("127.0.0.1", 8080) && !egress.allows_host("127.0.0.1", 81));
        assert!(egress.allows_host("a.cdn.example", 443) && !egress.allows_host("cdn.example", 443));
        assert!(!egress.allows_host("evilfiles.example", 443) && !egress.allows_host("evilcdn.example", 443));
        assert!(Egress { validate: false, ..Egress::default() }.allows_host("localhost", 1));
    }
}
