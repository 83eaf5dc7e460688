//! Whether two settings lead to the same ticketing system.

use super::PsaSettings;

impl PsaSettings {
    /// Whether tickets have the same numbers behind both: another user or key of one system is the same system, another
    /// address is another one.
    ///
    /// Autotask's settings name no database. Its users are called `name@domain`, and a sandbox has a zone of its own
    /// (facts: psa/autotask.md 1.1, 12.19): users of one domain share a database unless both name their zones and these
    /// differ.
    pub fn is_same_instance(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::ConnectWise { site: here, company_id: company, .. },
                Self::ConnectWise { site: there, company_id: other_company, .. },
            ) => connectwise_host(here) == connectwise_host(there) && is_same_name(company, other_company),
            (
                Self::Autotask { username: here, zone_url: zone, .. },
                Self::Autotask { username: there, zone_url: other_zone, .. },
            ) => {
                is_same_name(domain_of(here), domain_of(there))
                    && fits(zone.as_deref(), other_zone.as_deref())
            }
            (
                Self::HaloPsa { url: here, tenant, .. },
                Self::HaloPsa { url: there, tenant: other_tenant, .. },
            ) => halo_place(here) == halo_place(there) && fits(tenant.as_deref(), other_tenant.as_deref()),
            _ => false,
        }
    }

    /// As [`Self::is_same_instance`], and both say as much of it: where one leaves a zone or tenant out that the other
    /// names, they may lead to two.
    pub fn is_surely_same_instance(&self, other: &Self) -> bool {
        self.is_same_instance(other) && self.detail().is_some() == other.detail().is_some()
    }

    /// Whether what is taken for `known` by its address may be another: something is left open that tells two systems apart,
    /// and these are not the same settings.
    pub fn may_be_another(&self, known: &Self) -> bool {
        if !self.is_surely_same_instance(known) {
            return true;
        }
        // A sandbox has users of its own.
        match (self, known) {
            (
                Self::Autotask { username, zone_url: None, .. },
                Self::Autotask { username: known, zone_url: None, .. },
            ) => !is_same_name(username, known),
            _ => false,
        }
    }

    fn detail(&self) -> Option<&str> {
        match self {
            Self::ConnectWise { company_id, .. } => Some(company_id),
            Self::Autotask { zone_url, .. } => zone_url.as_deref(),
            Self::HaloPsa { tenant, .. } => tenant.as_deref(),
        }
    }

    /// These settings, with what only `older` says of the instance that both lead to. So an instance whose zone or tenant
    /// is known does not become one that fits any.
    pub fn or_what_was_known(mut self, older: &Self) -> Self {
        match (&mut self, older) {
            (Self::Autotask { zone_url: detail, .. }, Self::Autotask { zone_url: known, .. })
            | (Self::HaloPsa { tenant: detail, .. }, Self::HaloPsa { tenant: known, .. })
                if detail.is_none() =>
            {
                detail.clone_from(known);
            }
            _ => {}
        }
        self
    }

    /// Where it is, for people who choose between several: host, company or tenant, the part of a user's name that names
    /// the database.
    pub fn place(&self) -> String {
        let (place, detail) = match self {
            Self::ConnectWise { site, company_id, .. } => (host(site), Some(company_id.as_str())),
            Self::Autotask { username, zone_url, .. } => {
                (domain_of(username).to_owned(), zone_url.as_deref())
            }
            Self::HaloPsa { url, tenant, .. } => (halo_place(url), tenant.as_deref()),
        };
        match detail {
            Some(detail) => format!("{place} ({})", detail.trim()),
            None => place,
        }
    }
}

/// Several installations may share a host; each has its API below its own path.
fn halo_place(address: &str) -> String {
    let rest = address.trim().split_once("://").map_or(address, |(_, rest)| rest);
    let rest = rest.split(['?', '#']).next().unwrap_or_default().to_lowercase();
    let path = rest.split_once('/').map_or("", |(_, path)| path).trim_matches('/');
    let path = path.strip_suffix("api").map_or(path, |path| path.trim_end_matches('/'));
    let host = host(address);
    if path.is_empty() { host } else { format!("{host}/{path}") }
}

/// `api-na.myconnectwise.net` and `na.myconnectwise.net` are two names of one cloud.
fn connectwise_host(site: &str) -> String {
    let host = host(site);
    host.strip_prefix("api-").map(str::to_owned).unwrap_or(host)
}

/// In lower case, with its port where that is not the usual one.
fn host(address: &str) -> String {
    let address = address.trim().to_lowercase();
    let (scheme, rest) = address.split_once("://").unwrap_or(("https", &address));
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let usual = if scheme == "http" { ":80" } else { ":443" };
    host.strip_suffix(usual).unwrap_or(host).trim_end_matches('.').to_owned()
}

fn domain_of(username: &str) -> &str {
    username.rsplit_once('@').map_or(username, |(_, domain)| domain)
}

fn is_same_name(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

/// What is not said contradicts nothing.
fn fits(one: Option<&str>, other: Option<&str>) -> bool {
    one.zip(other).is_none_or(|(one, other)| host(one) == host(other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secret;

    fn connectwise(site: &str, company_id: &str) -> PsaSettings {
        PsaSettings::ConnectWise {
            site: site.into(),
            company_id: company_id.into(),
            public_key: "any".into(),
            private_key: Secret::default(),
            client_id: "any".into(),
        }
    }

    fn autotask(username: &str, zone_url: Option<&str>) -> PsaSettings {
        PsaSettings::Autotask {
            username: username.into(),
            secret: Secret::default(),
            integration_code: "any".into(),
            zone_url: zone_url.map(str::to_owned),
        }
    }

    fn halo(url: &str, tenant: Option<&str>) -> PsaSettings {
        PsaSettings::HaloPsa {
            url: url.into(),
            client_id: "any".into(),
            client_secret: Secret::default(),
            tenant: tenant.map(str::to_owned),
            auth_url: None,
        }
    }

    #[test]
    fn an_instance_is_told_by_its_address_and_not_by_user_or_key() {
        let zone = Some("https://webservices2.autotask.net/ATServicesRest");
        let cases = [
            (
                connectwise("na.myconnectwise.net", "acme"),
                connectwise("https://api-na.myconnectwise.net/", "Acme"),
                true,
            ),
            (connectwise("na.myconnectwise.net", "acme"), connectwise("eu.myconnectwise.net", "acme"), false),
            (
                connectwise("na.myconnectwise.net", "acme"),
                connectwise("na.myconnectwise.net", "acme_test"),
                false,
            ),
            (autotask("a1@acme.example", None), autotask("b2@ACME.example", zone), true),
            (autotask("a1@acme.example", None), autotask("a1@other.example", None), false),
            (
                autotask("a1@acme.example", zone),
                autotask("a1@acme.example", Some("https://webservices9.autotask.net")),
                false,
            ),
            (
                halo("https://acme.halopsa.com", None),
                halo("https://ACME.halopsa.com/api", Some("acme")),
                true,
            ),
            (halo("https://acme.halopsa.com", None), halo("https://acme-test.halopsa.com", None), false),
            (halo("https://acme.halopsa.com", None), halo("https://acme.halopsa.com.:443/API/", None), true),
            (halo("http://halo.example", None), halo("http://halo.example:80/api", None), true),
            (halo("http://halo.example", None), halo("http://halo.example:443", None), false),
            (halo("https://msp.example/halo", None), halo("https://msp.example/halo/api/", None), true),
            (halo("https://msp.example/halo", None), halo("https://msp.example/trial", None), false),
            (halo("https://halo.example", Some("one")), halo("https://halo.example", Some("two")), false),
            (halo("http://127.0.0.1:4001", None), halo("http://127.0.0.1:4002", None), false),
            (halo("https://acme.example", None), connectwise("acme.example", ""), false),
        ];
        for (one, other, expected) in cases {
            assert_eq!(one.is_same_instance(&other), expected, "{one:?} {other:?}");
            assert_eq!(other.is_same_instance(&one), expected, "{other:?} {one:?}");
        }
    }

    #[test]
    fn what_is_known_of_an_instance_is_not_forgotten() {
        let url = "https://halo.example";
        let cases = [
            (halo(url, None), halo(url, Some("one")), halo(url, Some("one"))),
            (halo(url, Some("two")), halo(url, Some("one")), halo(url, Some("two"))),
            (autotask("a@b", None), autotask("a@b", Some("https://z")), autotask("a@b", Some("https://z"))),
            (connectwise("a", "b"), connectwise("a", "c"), connectwise("a", "b")),
        ];
        for (newer, older, expected) in cases {
            assert_eq!(newer.or_what_was_known(&older), expected);
        }
    }

    #[test]
    fn a_place_is_named_without_user_or_key() {
        let cases = [
            (connectwise("https://na.myconnectwise.net/", "acme"), "na.myconnectwise.net (acme)"),
            (autotask("k2x7@ACME.example", None), "ACME.example"),
            (halo("https://Acme.halopsa.com/api", None), "acme.halopsa.com"),
            (halo("https://msp.example/halo", Some("one")), "msp.example/halo (one)"),
        ];
        for (settings, expected) in cases {
            assert_eq!(settings.place(), expected);
        }
    }
}
