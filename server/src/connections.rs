//! Open connections to tenants' PSAs and models, kept while their settings stay as they are: an adapter keeps what it
//! learned (base address, token, picklists, which fields a model takes).

use crate::llm::{self, Model};
use crate::outside::{Caller, Limits, Outside};
use crate::psa::{self, Psa};
use domain::backoff::Pace;
use domain::{ModelSettings, Policy, PsaInstance, PsaKind, PsaSettings, TenantId};
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::connections::{ConnectionState, Save, Stamp, Which};
use store::jobs::Job;
use store::policies::Version;
use store::{StoreError, TenantStore};
use url::{Host, Url};

/// Connections kept of each kind; beyond it some are opened anew when they are next needed.
const MOST_KEPT: usize = 2_000;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("no ticketing system is connected yet")]
    NoPsa,
    #[error("the ticket is in another {} than the one that is connected now", .0.name())]
    Elsewhere(PsaKind),
    #[error("the connection's settings could not be read")]
    Store(#[from] StoreError),
}

/// An open connection as its settings are now.
pub struct Opened<T: ?Sized> {
    connection: Arc<T>,
    /// What it calls with.
    caller: Caller,
    /// What it was opened from.
    pub save: Save,
    /// It was saved and nothing was done through it yet, as far as the store knows.
    pub is_untested: bool,
    /// How often it is tried by itself, should it be refused.
    pub pace: Pace,
}

impl<T: ?Sized> Opened<T> {
    /// Whether the other side answers again after asking had paused. Said once.
    pub fn came_back(&self) -> bool {
        self.caller.came_back()
    }

    /// Says it once more: whoever was told could not pass it on.
    pub fn say_again(&self) {
        self.caller.say_again();
    }
}

impl<T: ?Sized> Deref for Opened<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.connection
    }
}

/// Opens and keeps connections. Cheap to clone; clones share what is open.
#[derive(Clone)]
pub struct Connections {
    outside: Outside,
    psas: Kept<dyn Psa>,
    models: Kept<dyn Model>,
    standings: Kept<Standing, Stamp>,
}

/// What a tenant's tickets are worked by, as it stands.
pub struct Standing {
    pub stamp: Stamp,
    /// `None` while none is connected.
    pub psa: Option<(PsaInstance, Opened<dyn Psa>)>,
    pub model: Opened<dyn Model>,
    pub policy: Version<Policy>,
    /// `None`: the built-in prompt.
    pub prompt: Option<Version<String>>,
}

impl Standing {
    /// The PSA that the job's ticket is in.
    pub fn psa(&self, job: &Job) -> Result<&Opened<dyn Psa>, ConnectError> {
        match &self.psa {
            None => Err(ConnectError::NoPsa),
            Some((instance, psa)) if *instance == job.psa => Ok(psa),
            Some(_) => Err(ConnectError::Elsewhere(job.psa.kind)),
        }
    }
}

impl Connections {
    pub fn new(outside: Outside) -> Self {
        Self { outside, psas: Kept::default(), models: Kept::default(), standings: Kept::default() }
    }

    /// All of it, read anew only where something was saved since: one small question to the store.
    pub async fn standing(&self, tenant: &TenantStore) -> Result<Arc<Standing>, ConnectError> {
        // Before what it speaks of: what is saved in between is read again next time.
        let stamp = tenant.stamp().await?;
        let id = tenant.tenant_id();
        if let Some(kept) = self.standings.find(id, &stamp) {
            return Ok(kept);
        }
        let psa = match self.instance(tenant).await {
            Ok(psa) => Some(psa),
            Err(ConnectError::NoPsa) => None,
            Err(error) => return Err(error),
        };
        let standing = Standing {
            stamp,
            psa,
            model: self.model(tenant).await?,
            policy: tenant.policy().await?,
            prompt: tenant.prompt().await?,
        };
        Ok(self.standings.get_or(id, stamp, || Arc::new(standing)))
    }

    /// The tenant's PSA, as its settings are now.
    pub async fn psa(&self, tenant: &TenantStore) -> Result<Opened<dyn Psa>, ConnectError> {
        self.instance(tenant).await.map(|(_, psa)| psa)
    }

    /// The same, with which of the tenant's systems it is.
    pub async fn instance(
        &self,
        tenant: &TenantStore,
    ) -> Result<(PsaInstance, Opened<dyn Psa>), ConnectError> {
        let saved = tenant.psa_connection().await?.ok_or(ConnectError::NoPsa)?;
        let id = tenant.tenant_id();
        // Another instance has neither this one's limits nor its failures, and neither has another address.
        let lane = format!("psa {id} {} {}", saved.instance, saved.settings.place());
        let caller = self.outside.caller(&lane, psa_limits(&saved.settings));
        let connection = self.psas.get_or(id, saved.revision, || psa::open(&saved.settings, caller.clone()));
        let is_untested = saved.state == ConnectionState::Untested;
        let save = Save { which: Which::Psa, revision: saved.revision };
        let opened = Opened { connection, caller, save, is_untested, pace: psa::pace(saved.settings.kind()) };
        Ok((saved.instance, opened))
    }

    /// A PSA by settings that nobody saved yet.
    pub fn unsaved(&self, tenant: &TenantStore, settings: &PsaSettings) -> Arc<dyn Psa> {
        let lane = format!("psa {} unsaved {}", tenant.tenant_id(), settings.place());
        psa::open(settings, self.outside.caller(&lane, psa_limits(settings)))
    }

    /// The tenant's model, as its settings are now.
    pub async fn model(&self, tenant: &TenantStore) -> Result<Opened<dyn Model>, ConnectError> {
        let saved = tenant.model_connection().await?;
        let id = tenant.tenant_id();
        let lane = format!("model {id} {}", model_address(&saved.settings).unwrap_or_default());
        let caller = self.outside.caller(&lane, model_limits(&saved.settings));
        let connection =
            self.models.get_or(id, saved.revision, || llm::open(&saved.settings, caller.clone()));
        // The built-in analyser that nobody saved has no state to change.
        let is_untested = saved.revision > 0 && saved.state == ConnectionState::Untested;
        let save = Save { which: Which::Model, revision: saved.revision };
        Ok(Opened { connection, caller, save, is_untested, pace: Pace::USUAL })
    }
}

/// One thing a tenant, with the revision of the settings it was made from.
struct Kept<T: ?Sized, R = i64>(Arc<Mutex<HashMap<TenantId, Open<T, R>>>>);

/// The revision and the thing.
type Open<T, R> = (R, Arc<T>);

impl<T: ?Sized, R: PartialEq> Kept<T, R> {
    fn find(&self, tenant: TenantId, revision: &R) -> Option<Arc<T>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(&tenant).filter(|(of, _)| of == revision).map(|(_, open)| Arc::clone(open))
    }

    fn get_or(&self, tenant: TenantId, revision: R, open: impl FnOnce() -> Arc<T>) -> Arc<T> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, connection)) = kept.get(&tenant)
            && *of == revision
        {
            return Arc::clone(connection);
        }
        if kept.len() >= MOST_KEPT {
            // Whoever is in use keeps its own handle; the rest is opened anew when it is needed.
            kept.retain(|_, (_, connection)| Arc::strong_count(connection) > 1);
        }
        let connection = open();
        kept.insert(tenant, (revision, Arc::clone(&connection)));
        connection
    }
}

impl<T: ?Sized, R> Clone for Kept<T, R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: ?Sized, R> Default for Kept<T, R> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

/// What each adapter asks for in its product's cloud. A stand-in or a PSA on this machine is not held back.
fn psa_limits(settings: &PsaSettings) -> Limits {
    if psa_is_here(settings) {
        return ON_THIS_MACHINE;
    }
    match settings.kind() {
        PsaKind::ConnectWise => psa::connectwise::LIMITS,
        PsaKind::Autotask => psa::autotask::LIMITS,
        PsaKind::HaloPsa => psa::halo::LIMITS,
    }
}

/// Whether the PSA runs on this machine, as a stand-in does.
pub fn psa_is_here(settings: &PsaSettings) -> bool {
    let address = match settings {
        PsaSettings::ConnectWise { site, .. } => Some(site),
        PsaSettings::Autotask { zone_url, .. } => zone_url.as_ref(),
        PsaSettings::HaloPsa { url, .. } => Some(url),
    };
    address.is_some_and(|address| is_here(address))
}

/// `None`: the built-in analyser has none.
fn model_address(settings: &ModelSettings) -> Option<&str> {
    match settings {
        ModelSettings::Builtin {} => None,
        ModelSettings::OpenAi { base_url, .. } => Some(base_url),
        ModelSettings::Azure { endpoint, .. } => Some(endpoint),
    }
}

/// Accounts differ by orders of magnitude; a provider that allows less says so, and is heard.
fn model_limits(settings: &ModelSettings) -> Limits {
    let Some(address) = model_address(settings) else { return ON_THIS_MACHINE };
    let cloud = Limits { parallel: 16, requests: 3_000, per: Duration::from_secs(60) };
    if is_here(address) { ON_THIS_MACHINE } else { cloud }
}

/// The limits of a cloud say nothing about a server on this machine (the sandbox, a local model).
const ON_THIS_MACHINE: Limits = Limits { parallel: 64, requests: 1_000_000, per: Duration::from_secs(60) };

/// Whether the address is on this machine.
pub fn is_here(address: &str) -> bool {
    let Ok(url) = Url::parse(address) else { return false };
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_kept_until_its_settings_change() {
        let kept: Kept<str> = Kept::default();
        let (one, two) = (TenantId(uuid::Uuid::from_u128(1)), TenantId(uuid::Uuid::from_u128(2)));
        let first = kept.get_or(one, 1, || Arc::from("first"));
        assert!(Arc::ptr_eq(&first, &kept.get_or(one, 1, || Arc::from("unused"))));
        assert_eq!(&*kept.get_or(two, 1, || Arc::from("another tenant's")), "another tenant's");
        assert_eq!(&*kept.get_or(one, 2, || Arc::from("second")), "second");
        assert_eq!(&*kept.clone().get_or(one, 2, || Arc::from("unused")), "second");
    }

    #[test]
    fn what_nobody_uses_makes_room() {
        let kept: Kept<str> = Kept::default();
        let id = |number: usize| TenantId(uuid::Uuid::from_u128(number as u128));
        let used = kept.get_or(id(0), 1, || Arc::from("used"));
        for number in 1..=MOST_KEPT {
            kept.get_or(id(number), 1, || Arc::from("idle"));
        }
        assert!(Arc::ptr_eq(&used, &kept.get_or(id(0), 1, || Arc::from("unused"))));
        assert_eq!(&*kept.get_or(id(1), 1, || Arc::from("opened anew")), "opened anew");
    }

    #[test]
    fn only_this_machine_is_here() {
        let cases = [
            ("http://127.0.0.1:4000/v1", true),
            ("http://[::1]:4000", true),
            ("http://localhost:11434", true),
            ("https://localhost.example.com", false),
            ("https://api.openai.com/v1", false),
            ("na.myconnectwise.net", false),
        ];
        for (address, expected) in cases {
            assert_eq!(is_here(address), expected, "{address}");
        }
    }
}
