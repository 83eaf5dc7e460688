//! Autotask's zones: each database is served from one of several hosts.

use crate::outside::CallError;
use url::{Host, Url};

/// Where one tenant's database is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// Ends with a slash, lacks the version: `https://webservices5.autotask.net/ATServicesRest/`.
    pub api: Url,
    /// The people's screens: `https://ww5.autotask.net/`.
    pub web: Option<Url>,
}

/// Adds the trailing slash, drops a version someone copied along, adds the path where only a host was given, and refuses
/// addresses outside Autotask.
pub fn zone_address(text: &str) -> Result<Url, CallError> {
    let text = text.trim();
    let full = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let mut url = Url::parse(&full).map_err(|error| CallError::Forbidden {
        message: format!("“{text}” is not an address: {error}"),
    })?;
    if !inside_autotask(&url) {
        return Err(CallError::Forbidden {
            message: format!("“{text}” is not an address of Autotask: its hosts end with autotask.net"),
        });
    }
    url.set_query(None);
    url.set_fragment(None);
    let mut path = url.path().trim_end_matches('/').to_owned();
    if path.to_ascii_lowercase().ends_with("/v1.0") {
        path.truncate(path.len() - "/v1.0".len());
    }
    if path.is_empty() {
        path = "/ATServicesRest".into();
    }
    url.set_path(&format!("{path}/"));
    Ok(url)
}

/// Hosts under autotask.net. Names and addresses that exist only inside a private network are left to the address guard of
/// [`crate::outside`], which refuses them unless the operator allows them.
fn inside_autotask(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(host)) => {
            let host = host.to_ascii_lowercase();
            let ends = [".localhost", ".local", ".internal", ".test"];
            host.ends_with(".autotask.net")
                || !host.contains('.')
                || ends.iter().any(|end| host.ends_with(end))
        }
        Some(Host::Ipv4(address)) => address.is_loopback() || address.is_private(),
        Some(Host::Ipv6(address)) => address.is_loopback() || address.is_unique_local(),
        None => false,
    }
}

pub fn screens_root(mut url: Url) -> Url {
    url.set_path("/");
    url
}

/// `webservices5.autotask.net` has its screens at `ww5.autotask.net`.
pub fn screens_of(api: &Url) -> Option<Url> {
    let shard = api.host_str()?.strip_prefix("webservices")?;
    Url::parse(&format!("https://ww{shard}/")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_address_is_brought_into_form_and_must_be_autotasks() {
        let cases = [
            (
                "https://webservices5.autotask.net/ATServicesRest/",
                Some("https://webservices5.autotask.net/ATServicesRest/"),
            ),
            ("webservices5.autotask.net", Some("https://webservices5.autotask.net/ATServicesRest/")),
            (
                "https://webservices5.autotask.net/atservicesrest/v1.0/?x=1",
                Some("https://webservices5.autotask.net/atservicesrest/"),
            ),
            ("http://127.0.0.1:4000/ATServicesRest", Some("http://127.0.0.1:4000/ATServicesRest/")),
            ("https://autotask.net.example.com/", None),
            ("https://evilautotask.net/", None),
            ("https://203.0.113.9/", None),
            ("not an address", None),
        ];
        for (text, expected) in cases {
            assert_eq!(zone_address(text).ok().as_ref().map(Url::as_str), expected, "{text}");
        }
    }

    #[test]
    fn the_screens_of_a_zone_are_guessed_from_its_number() {
        let zone = zone_address("webservices18.autotask.net").unwrap();
        assert_eq!(screens_of(&zone).unwrap().as_str(), "https://ww18.autotask.net/");
        assert_eq!(screens_of(&zone_address("http://127.0.0.1:1").unwrap()), None);
    }
}
