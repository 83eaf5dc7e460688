//! Which hosts belong to a ConnectWise site.
//!
//! Cloud sites show their screens on `na.myconnectwise.net` and serve the API on `api-na.myconnectwise.net`; on-premise
//! (and sandbox) hosts serve both. Sources: ConnectWise developer guide, "Base URL"; django-connectwise `api.py`.

use crate::outside::CallError;
use url::Url;

/// Cloud regions by the host of their screens; the API is on `api-` of it.
const REGIONS: [&str; 6] = [
    "na.myconnectwise.net",
    "eu.myconnectwise.net",
    "au.myconnectwise.net",
    "aus.myconnectwise.net",
    "za.myconnectwise.net",
    "staging.connectwisedev.com",
];

/// Vendor test sites, which serve screens and API on one host.
const SANDBOXES: [&str; 3] =
    ["sandbox-na.myconnectwise.net", "sandbox-eu.myconnectwise.net", "sandbox-au.myconnectwise.net"];

const API_PREFIX: &str = "api-";

/// The origins of one site, without path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Site {
    /// Where people open tickets.
    pub screens: Url,
    /// Where the API answers.
    pub api: Url,
}

impl Site {
    /// `text` is what a customer enters: a host, or any address on it.
    pub fn parse(text: &str) -> Result<Self, CallError> {
        let text = text.trim();
        let full = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
        let wrong = |why: &str| CallError::Forbidden {
            message: format!("“{text}” is not the address of a ConnectWise site: {why}"),
        };
        let mut given = Url::parse(&full).map_err(|error| wrong(&error.to_string()))?;
        let host = given
            .host_str()
            .filter(|host| !host.is_empty())
            .ok_or_else(|| wrong("it names no host"))?
            .to_owned();
        given.set_path("");
        given.set_query(None);
        given.set_fragment(None);
        let on = |host: &str| {
            let mut url = given.clone();
            url.set_host(Some(host)).map(|()| url).map_err(|error| wrong(&error.to_string()))
        };
        let screens = host.strip_prefix(API_PREFIX).filter(|rest| is_cloud(rest)).unwrap_or(&host);
        let api = if is_cloud(screens) { format!("{API_PREFIX}{screens}") } else { screens.to_owned() };
        Ok(Self { screens: on(screens)?, api: on(&api)? })
    }

    /// Whether the key of a callback's signature may be fetched from `url`: the site itself, or a known cloud host.
    pub fn serves_keys(&self, url: &Url) -> KeyHost {
        let origin = url.origin();
        if origin == self.screens.origin() || origin == self.api.origin() {
            return KeyHost::Own;
        }
        let host = url.host_str().unwrap_or_default();
        let plain = host.strip_prefix(API_PREFIX).unwrap_or(host);
        let is_known = REGIONS.contains(&plain) || SANDBOXES.contains(&host);
        if is_known && url.scheme() == "https" && url.port().is_none() {
            KeyHost::Shared
        } else {
            KeyHost::Foreign
        }
    }
}

/// Whose host serves a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyHost {
    /// The tenant's own site: may see its credentials.
    Own,
    /// A cloud host that serves many companies.
    Shared,
    Foreign,
}

/// Regions that open after this was written are named in the same way.
fn is_cloud(host: &str) -> bool {
    let label = host.strip_suffix(".myconnectwise.net").unwrap_or_default();
    let is_new_region = !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric());
    REGIONS.contains(&host) || is_new_region
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cloud_site_has_its_api_on_another_host() {
        for (entered, screens, api) in [
            ("na.myconnectwise.net", "https://na.myconnectwise.net/", "https://api-na.myconnectwise.net/"),
            (
                " https://api-EU.myconnectwise.net/v4_6_release ",
                "https://eu.myconnectwise.net/",
                "https://api-eu.myconnectwise.net/",
            ),
            (
                "https://staging.connectwisedev.com",
                "https://staging.connectwisedev.com/",
                "https://api-staging.connectwisedev.com/",
            ),
            (
                "sandbox-na.myconnectwise.net",
                "https://sandbox-na.myconnectwise.net/",
                "https://sandbox-na.myconnectwise.net/",
            ),
            (
                "https://cw.example.com:8443/login?x=1#y",
                "https://cw.example.com:8443/",
                "https://cw.example.com:8443/",
            ),
            ("http://127.0.0.1:9000", "http://127.0.0.1:9000/", "http://127.0.0.1:9000/"),
            ("api-desk.example.com", "https://api-desk.example.com/", "https://api-desk.example.com/"),
        ] {
            let site = Site::parse(entered).unwrap();
            assert_eq!((site.screens.as_str(), site.api.as_str()), (screens, api), "{entered}");
        }
        for entered in ["", "https://", "a b"] {
            assert!(matches!(Site::parse(entered), Err(CallError::Forbidden { .. })), "{entered}");
        }
    }

    #[test]
    fn keys_come_from_the_site_or_a_known_host_only() {
        let site = Site::parse("https://cw.example.com:8443").unwrap();
        for (url, expected) in [
            ("https://cw.example.com:8443/v4_6_release/system/callbackkey/index.rails?id=1", KeyHost::Own),
            ("https://cw.example.com/v4_6_release/system/callbackkey/index.rails?id=1", KeyHost::Foreign),
            ("http://cw.example.com:8443/key", KeyHost::Foreign),
            ("https://na.myconnectwise.net/v2025_1//system/callbackkey/index.rails", KeyHost::Shared),
            ("https://api-aus.myconnectwise.net/key", KeyHost::Shared),
            ("https://sandbox-na.myconnectwise.net/key", KeyHost::Shared),
            ("https://api-sandbox-na.myconnectwise.net/key", KeyHost::Foreign),
            ("https://na.myconnectwise.net:8443/key", KeyHost::Foreign),
            ("https://evil-na.myconnectwise.net/key", KeyHost::Foreign),
            ("https://na.myconnectwise.net.evil.example/key", KeyHost::Foreign),
            ("http://na.myconnectwise.net/key", KeyHost::Foreign),
        ] {
            assert_eq!(site.serves_keys(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }
}
