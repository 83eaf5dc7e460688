//! Whose network a request comes from, also behind proxies.

use app::ClientAddress;
use axum::extract::{ConnectInfo, Request};
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderMap;
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// Hands the caller's address to the screens in their own words.
pub(super) async fn note(proxies: Arc<[IpNet]>, mut request: Request, next: Next) -> Response {
    if let Some(&ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>() {
        let caller = behind(&proxies, peer.ip(), request.headers());
        request.extensions_mut().insert(ClientAddress(caller));
    }
    next.run(request).await
}

/// Each proxy adds whom it was called by at the end. From there on back, the first address that is no proxy of ours is
/// the caller's; what stands before it the caller may have made up.
fn behind(proxies: &[IpNet], peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let is_proxy = |address: &IpAddr| proxies.iter().any(|network| network.contains(address));
    let lines: Vec<&str> =
        headers.get_all(FORWARDED_FOR).iter().filter_map(|line| line.to_str().ok()).collect();
    let mut told = lines.iter().flat_map(|line| line.split(',')).rev();
    let mut caller = peer.to_canonical();
    while is_proxy(&caller) {
        let Some(before) = told.next().and_then(address) else { break };
        caller = before;
    }
    caller
}

/// Some proxies add the port.
fn address(told: &str) -> Option<IpAddr> {
    let told = told.trim();
    let alone = told.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let found = alone.or_else(|_| told.parse::<SocketAddr>().map(|with_port| with_port.ip()));
    found.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caller_is_whoever_the_outermost_proxy_of_ours_was_called_by() {
        let proxies: Vec<IpNet> =
            ["10.0.0.0/8", "::1/128"].iter().map(|network| network.parse().unwrap()).collect();
        let cases: [(&str, &[&str], &str); 10] = [
            ("192.0.2.1", &[], "192.0.2.1"),
            // Who is no proxy of ours is not believed.
            ("192.0.2.1", &["198.51.100.9"], "192.0.2.1"),
            ("10.0.0.1", &["198.51.100.9"], "198.51.100.9"),
            ("::ffff:10.0.0.1", &["198.51.100.9"], "198.51.100.9"),
            // The first one was made up by the caller.
            ("10.0.0.1", &["203.0.113.5, 198.51.100.9"], "198.51.100.9"),
            ("10.0.0.1", &["203.0.113.5", "198.51.100.9, 10.0.0.2"], "198.51.100.9"),
            ("::1", &["[2001:db8::7]:4711"], "2001:db8::7"),
            ("::1", &["198.51.100.9:4711"], "198.51.100.9"),
            ("10.0.0.1", &["unknown"], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.9, nonsense, 10.0.0.2"], "10.0.0.2"),
        ];
        for (peer, lines, expected) in cases {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(FORWARDED_FOR, line.parse().unwrap());
            }
            let found = behind(&proxies, peer.parse().unwrap(), &headers);
            assert_eq!(found.to_string(), expected, "{peer} {lines:?}");
        }
    }
}
