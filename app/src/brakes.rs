//! Slows down guessing of passwords without letting a stranger lock a person out.
//!
//! Failures are counted three times: for an address from one network (a few: who mistyped waits a quarter of an hour),
//! for a network whatever the address (more: an office shares one), and for an address from anywhere (many: only a
//! whole fleet of machines gets there, and its guesses are too few to matter against a password of our rules).

use crate::AppError;
use crate::instance::ClientAddress;
use chrono::{DateTime, Utc};
use leptos::prelude::use_context;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;
use store::Store;
use uuid::Uuid;

const WINDOW: Duration = Duration::from_secs(15 * 60);
const FROM_ONE_NETWORK: i64 = 10;
const PER_NETWORK: i64 = 50;
const FROM_ANYWHERE: i64 = 300;
/// No address is longer; what is longer is nobody's.
const EMAIL_CHARS: usize = 254;

/// The brakes on one attempt: the keys it is counted under, each with its limit.
pub(crate) struct Brakes {
    counted: Vec<(String, i64)>,
    /// Cleared by a success. The other counts stay: one good password does not excuse a thousand guesses.
    own: Option<String>,
}

impl Brakes {
    /// On `act`, which counts by itself, for who is calling now.
    pub(crate) fn of(act: &str, email: Option<&str>) -> Self {
        let parts = use_context::<http::request::Parts>();
        let caller = parts.and_then(|parts| parts.extensions.get::<ClientAddress>().copied());
        let network = caller.map(|ClientAddress(address)| network(address));
        Self::between(act, email, network.as_deref())
    }

    fn between(act: &str, email: Option<&str>, network: Option<&str>) -> Self {
        let mut counted = Vec::new();
        let own = email.map(|email| format!("{}{};", email_prefix(act, email), network.unwrap_or("here")));
        counted.extend(own.clone().map(|key| (key, FROM_ONE_NETWORK)));
        counted.extend(email.map(|email| (format!("{}anywhere;", email_prefix(act, email)), FROM_ANYWHERE)));
        counted.extend(network.map(|network| (format!("{act} from {network};"), PER_NETWORK)));
        Self { counted, own }
    }

    /// Counts this attempt, before anything is tried, so that many at once are counted too. `None`: there were too many.
    pub(crate) async fn count(&self, store: &Store, now: DateTime<Utc>) -> Result<Option<Counted>, AppError> {
        let keys: Vec<String> = self.counted.iter().map(|(key, _)| key.clone()).collect();
        let ids = store.attempt_noted(&keys, now).await?;
        for (key, limit) in &self.counted {
            if store.attempts_within(key, WINDOW, now).await? > *limit {
                // What was not even tried does not count: whoever keeps knocking must not keep others out.
                store.attempt_forgotten(&ids).await?;
                return Ok(None);
            }
        }
        Ok(Some(Counted { ids, own: self.own.clone() }))
    }
}

/// An attempt that was counted. It stays so unless it turns out well.
pub(crate) struct Counted {
    ids: Vec<Uuid>,
    own: Option<String>,
}

impl Counted {
    /// The attempt is taken back, and with it what the person mistyped before.
    pub(crate) async fn went_well(self, store: &Store) -> Result<(), AppError> {
        store.attempt_forgotten(&self.ids).await?;
        if let Some(key) = &self.own {
            store.attempts_clear(key).await?;
        }
        Ok(())
    }
}

/// After the operator has set a new password: the person need not wait.
///
/// # Errors
/// The store's.
pub async fn forget_attempts(store: &Store, email: &str) -> store::Result<()> {
    store.attempts_clear(&email_prefix(SIGN_IN, email)).await
}

pub(crate) const SIGN_IN: &str = "sign-in";

fn email_prefix(act: &str, email: &str) -> String {
    let email: String = email.trim().to_lowercase().chars().take(EMAIL_CHARS).collect();
    format!("{act} as {email} from ")
}

/// An IPv6 network is given out by the /64: whoever has one has all its addresses.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_of_an_ipv6_network_count_as_one() {
        for (address, expected) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
            ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ] {
            assert_eq!(network(address.parse().unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn an_address_is_counted_the_same_however_it_was_typed_and_no_other_shares_its_keys() {
        let keys = |email, network| Brakes::between(SIGN_IN, Some(email), Some(network)).counted;
        assert_eq!(keys("a@x.example", "192.0.2.1"), keys(" A@X.example ", "192.0.2.1"));
        let own = |network| Brakes::between(SIGN_IN, Some("a@x.example"), Some(network)).own.unwrap();
        assert!(!own("192.0.2.10").starts_with(&own("192.0.2.1")));
        assert!(own("192.0.2.1").starts_with(&email_prefix(SIGN_IN, "a@x.example")));
    }
}
