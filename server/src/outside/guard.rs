//! The address guard: which addresses that a tenant gave we are willing to call.
//!
//! The check has two halves. [`Guard::check`] judges what can be seen in the address itself (scheme, credentials, port,
//! an IP literal). [`VettingResolver`] judges what a name resolves to; the HTTP client dials exactly the addresses it
//! returns, so that what was vetted is what is called (no second look-up that could answer differently).

use super::CallError;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use url::{Host, Url};

/// Which addresses may be called.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guard {
    /// Private and loopback addresses, plain http and any port are fine. Link-local addresses (cloud metadata) never are.
    pub allow_private: bool,
}

/// Every address of a name is one that may not be called.
#[derive(Debug, thiserror::Error)]
#[error("{host} resolves to an address that may not be called")]
pub(super) struct ForbiddenAddress {
    pub host: String,
}

impl Guard {
    /// Judges an address by its looks; a name is not resolved here.
    pub fn check(self, url: &Url) -> Result<(), CallError> {
        let shown = || url.host_str().unwrap_or("the address").to_owned();
        let refuse = |message: String| Err(CallError::Forbidden { message });
        match url.scheme() {
            "https" => {}
            "http" if self.allow_private => {}
            "http" => return refuse(format!("{} must be called over https", shown())),
            other => return refuse(format!("an address begins with https://, not {other}:")),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refuse(format!("the address of {} must not contain a user name or password", shown()));
        }
        // The port of another service on a host is not a place for an API; on-premise products do use high ports.
        let port = url.port_or_known_default().unwrap_or_default();
        if !self.allow_private && port != 443 && port < 1024 {
            return refuse(format!(
                "port {port} of {} may not be called: use 443 or a port from 1024 on",
                shown()
            ));
        }
        let literal = match url.host() {
            None => return refuse("an address needs a host name".into()),
            Some(Host::Domain("")) => return refuse("an address needs a host name".into()),
            Some(Host::Domain(_)) => return Ok(()),
            Some(Host::Ipv4(ip)) => IpAddr::V4(ip),
            Some(Host::Ipv6(ip)) => IpAddr::V6(ip),
        };
        if self.admits(literal) { Ok(()) } else { refuse(forbidden_words(&shown())) }
    }

    pub fn admits(self, ip: IpAddr) -> bool {
        match reach(ip) {
            Reach::Public => true,
            Reach::Private => self.allow_private,
            Reach::Never => false,
        }
    }
}

/// What a person is told; the address itself is not named, so that names cannot be used to map a network.
pub(super) fn forbidden_words(host: &str) -> String {
    format!(
        "{host} is at a private or reserved network address, which this instance does not call (see ALLOW_PRIVATE_HOSTS)"
    )
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Public,
    /// Loopback, RFC 1918, shared (CGNAT), unique local.
    Private,
    /// Link-local (cloud metadata services), multicast, unspecified, reserved, documentation.
    Never,
}

/// Where an address leads; see the IANA special-purpose address registries.
fn reach(ip: IpAddr) -> Reach {
    match ip {
        IpAddr::V4(v4) => reach_v4(v4),
        IpAddr::V6(v6) => reach_v6(v6),
    }
}

fn reach_v4(ip: Ipv4Addr) -> Reach {
    let [a, b, c, _] = ip.octets();
    match (a, b, c) {
        (127, ..) | (10, ..) | (192, 168, _) => Reach::Private,
        (172, 16..=31, _) => Reach::Private,
        // Shared address space of carriers, RFC 6598.
        (100, 64..=127, _) => Reach::Private,
        (0, ..) | (169, 254, _) => Reach::Never,
        // IETF protocol assignments, 6to4 relays, documentation, benchmarking.
        (192, 0, 0 | 2) | (192, 88, 99) | (198, 18..=19, _) | (198, 51, 100) | (203, 0, 113) => Reach::Never,
        // Multicast, reserved, broadcast.
        (224.., ..) => Reach::Never,
        _ => Reach::Public,
    }
}

fn reach_v6(ip: Ipv6Addr) -> Reach {
    if let Some(inner) = embedded_v4(ip) {
        return reach_v4(inner);
    }
    let [first, second, ..] = ip.segments();
    match first {
        _ if ip.is_loopback() => Reach::Private,
        // Unique local.
        0xfc00..=0xfdff => Reach::Private,
        // Documentation, ORCHID and other IETF assignments.
        0x2001 if second == 0x0db8 || second < 0x0200 => Reach::Never,
        0x3fff => Reach::Never,
        // Everything else that is global unicast. Link-local, site-local, multicast, unspecified and discard are outside.
        0x2000..=0x3fff => Reach::Public,
        _ => Reach::Never,
    }
}

/// An IPv4 address carried in an IPv6 one: mapped, compatible, NAT64, 6to4.
fn embedded_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = ip.segments();
    let join = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match (a, b, c, d, e, f) {
        (0, 0, 0, 0, 0, 0xffff) | (0, 0, 0, 0, 0xffff, 0) | (0x64, 0xff9b, 0, 0, 0, 0) => Some(join(g, h)),
        (0, 0, 0, 0, 0, 0) if !(g == 0 && h <= 1) => Some(join(g, h)),
        (0x2002, ..) => Some(join(b, c)),
        _ => None,
    }
}

/// Resolves names and hands on only the addresses that may be called.
#[derive(Clone, Copy, Debug)]
pub(super) struct VettingResolver(pub Guard);

impl Resolve for VettingResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.0;
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            let vetted: Vec<SocketAddr> = found.filter(|address| guard.admits(address.ip())).collect();
            if vetted.is_empty() {
                return Err(ForbiddenAddress { host }.into());
            }
            let addresses: Addrs = Box::new(vetted.into_iter());
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRICT: Guard = Guard { allow_private: false };
    const RELAXED: Guard = Guard { allow_private: true };

    #[test]
    fn addresses_are_sorted_by_where_they_lead() {
        let cases = [
            ("8.8.8.8", Reach::Public),
            ("52.1.2.3", Reach::Public),
            ("172.15.0.1", Reach::Public),
            ("172.32.0.1", Reach::Public),
            ("100.63.0.1", Reach::Public),
            ("100.128.0.1", Reach::Public),
            ("127.0.0.1", Reach::Private),
            ("127.8.8.8", Reach::Private),
            ("10.0.0.1", Reach::Private),
            ("172.16.0.1", Reach::Private),
            ("172.31.255.255", Reach::Private),
            ("192.168.1.1", Reach::Private),
            ("100.64.0.1", Reach::Private),
            ("169.254.169.254", Reach::Never),
            ("0.0.0.0", Reach::Never),
            ("0.1.2.3", Reach::Never),
            ("192.0.0.8", Reach::Never),
            ("192.0.2.1", Reach::Never),
            ("198.18.0.1", Reach::Never),
            ("203.0.113.9", Reach::Never),
            ("224.0.0.1", Reach::Never),
            ("240.0.0.1", Reach::Never),
            ("255.255.255.255", Reach::Never),
            ("2606:4700::1111", Reach::Public),
            ("2a00:1450::1", Reach::Public),
            ("::1", Reach::Private),
            ("fd00::1", Reach::Private),
            ("fc00::1", Reach::Private),
            ("::", Reach::Never),
            ("fe80::1", Reach::Never),
            ("fec0::1", Reach::Never),
            ("ff02::1", Reach::Never),
            ("100::1", Reach::Never),
            ("2001:db8::1", Reach::Never),
            ("2001::1", Reach::Never),
            ("::ffff:127.0.0.1", Reach::Private),
            ("::ffff:10.1.1.1", Reach::Private),
            ("::ffff:169.254.169.254", Reach::Never),
            ("::ffff:8.8.8.8", Reach::Public),
            ("::127.0.0.1", Reach::Private),
            ("64:ff9b::10.0.0.1", Reach::Private),
            ("64:ff9b::169.254.169.254", Reach::Never),
            ("2002:7f00:1::", Reach::Private),
            ("2002:a9fe:a9fe::", Reach::Never),
        ];
        for (text, expected) in cases {
            let ip: IpAddr = text.parse().expect("a literal");
            assert_eq!(reach(ip), expected, "{text}");
        }
    }

    #[test]
    fn an_address_is_judged_by_its_looks() {
        let cases = [
            ("https://api-na.myconnectwise.net/v4_6_release", true, true),
            ("https://psa.example.com:8443/x", true, true),
            ("https://8.8.8.8/", true, true),
            ("http://psa.example.com/", false, true),
            ("http://127.0.0.1:9/", false, true),
            ("https://127.0.0.1/", false, true),
            ("https://127.1/", false, true),
            ("https://0x7f000001/", false, true),
            ("https://2130706433/", false, true),
            ("https://[::1]/", false, true),
            ("https://[::ffff:10.0.0.1]/", false, true),
            ("https://10.0.0.8:8443/", false, true),
            ("https://psa.example.com:22/", false, true),
            ("https://psa.example.com:80/", false, true),
            ("https://169.254.169.254/latest/meta-data", false, false),
            ("http://169.254.169.254/latest/meta-data", false, false),
            ("https://0.0.0.0/", false, false),
            ("https://me:secret@psa.example.com/", false, false),
            ("https://me@psa.example.com/", false, false),
            ("ftp://psa.example.com/", false, false),
            ("file:///etc/passwd", false, false),
            ("gopher://psa.example.com/", false, false),
        ];
        for (text, strict, relaxed) in cases {
            let url = Url::parse(text).expect("an address");
            assert_eq!(STRICT.check(&url).is_ok(), strict, "{text}, strict");
            assert_eq!(RELAXED.check(&url).is_ok(), relaxed, "{text}, relaxed");
        }
    }

    #[tokio::test]
    async fn a_name_that_resolves_to_loopback_is_refused() {
        let name: Name = "localhost".parse().expect("a name");
        let Err(refused) = VettingResolver(STRICT).resolve(name).await else {
            panic!("localhost was admitted")
        };
        assert!(refused.downcast_ref::<ForbiddenAddress>().is_some(), "{refused}");
        let name: Name = "localhost".parse().expect("a name");
        assert!(VettingResolver(RELAXED).resolve(name).await.is_ok());
    }
}
