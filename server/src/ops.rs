//! The acts of the screens and the API that need the network or a template: behind [`Ops`], so that the screens need
//! neither.

use crate::clock::{Clock, Luck};
use crate::connections::{self, ConnectError, Connections};
use crate::inbound::prepare;
use crate::outside::CallError;
use crate::same_system::{self, Doubt};
use crate::scoring::prompt::{self, TemplateError, VARIABLES};
use crate::scoring::score::{Verdict, score, shown};
use app::ops::{Leading, Ops, OpsError, PromptVariable, StandIn, Trial, TrialText};
use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use domain::backoff::Pace;
use domain::{
    History, HookState, HookWanted, Lookups, Party, PsaInstance, PsaKind, PsaSettings, Registration, Report,
    TenantId, Ticket, TicketId, decide,
};
use std::collections::HashMap;
use store::connections::{CachedLookups, ConnectionState, KnownInstance, Save};
use store::sweeps::SweepOf;
use store::tickets::ReadTicket;
use store::{Actor, StoreError, TenantStore};
use url::Url;

/// How long a PSA's lists are believed.
const LOOKUPS_LAST: Duration = Duration::hours(1);
/// Longest title of a text to try, in characters; PSAs allow a few hundred.
const MOST_TITLE: usize = 500;
/// Newest tickets among which are enough that tell of a system.
const KNOWN: u32 = 200;
/// How long a person waits while we look whether a system is the one that is known.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(25);
/// The version of a template that is tried before it is saved.
const UNSAVED: i64 = -1;

/// The acts, on this process's connections.
pub struct Operations {
    connections: Connections,
    clock: Clock,
    luck: Luck,
    public_url: Url,
    sandbox: HashMap<PsaKind, StandIn>,
    texts_kept: Option<u16>,
}

impl Operations {
    /// `public_url`: how the outside reaches this instance. `sandbox`: the stand-ins, where it runs with them.
    pub fn new(
        connections: Connections,
        clock: Clock,
        luck: Luck,
        public_url: Url,
        sandbox: HashMap<PsaKind, StandIn>,
    ) -> Self {
        Self { connections, clock, luck, public_url, sandbox, texts_kept: None }
    }

    /// Says how many days texts are kept where a workspace has not chosen; for good, unless this says otherwise.
    pub fn keeping_texts(self, days: Option<u16>) -> Self {
        Self { texts_kept: days, ..self }
    }

    /// Keeps what a test found. Whether the credentials are good decides; a missing right further on is shown but stops
    /// nothing, so that a read-only key is enough for shadow mode. A connection that works is left to the pipeline to
    /// pause: a test in a bad minute must not stop it.
    async fn keep_tested(
        &self,
        tenant: &TenantStore,
        save: Save,
        state: &ConnectionState,
        pace: Pace,
        report: &Report,
    ) -> Result<(), OpsError> {
        let now = self.clock.now();
        let kept = match state {
            ConnectionState::Working { .. } => return Ok(()),
            _ if report.works() => tenant.connection_resumed(save, now).await,
            _ => tenant.connection_paused(save, report.refusal(), pace, self.luck.next(), now).await,
        };
        kept.map_err(storing)
    }

    /// A PSA in the cloud can call neither this machine nor, if it is Autotask, anything but https.
    fn can_be_called(&self, settings: &PsaSettings) -> Result<(), OpsError> {
        let (psa, url) = (settings.kind(), &self.public_url);
        let reaches = connections::psa_is_here(settings)
            || (!connections::is_here(url.as_str()) && (psa != PsaKind::Autotask || url.scheme() == "https"));
        if reaches {
            return Ok(());
        }
        Err(OpsError::NotSetUp(format!(
            "{} cannot call {url}: start Undertone with --public-url and the https address at which it is reached from outside.",
            psa.name()
        )))
    }

    async fn fetch_lookups(&self, tenant: &TenantStore, kind: PsaKind) -> Result<Lookups, OpsError> {
        let psa = self.connections.psa(tenant).await.map_err(connecting)?;
        let lookups = psa.lookups().await.map_err(calling)?;
        let value = serde_json::to_value(&lookups).map_err(|error| broken(&error))?;
        tenant.lookups_put(psa.save, kind, value, self.clock.now()).await.map_err(storing)?;
        Ok(lookups)
    }

    /// The tenant's own template, or the one to try.
    async fn template(
        &self,
        tenant: &TenantStore,
        given: Option<&str>,
    ) -> Result<Option<(String, i64)>, OpsError> {
        if let Some(given) = given {
            return Ok(Some((given.to_owned(), UNSAVED)));
        }
        let saved = tenant.prompt().await.map_err(storing)?;
        Ok(saved.map(|saved| (saved.body, saved.version)))
    }
}

impl Operations {
    /// Whether the newest tickets that are known of that system are where these settings lead.
    async fn looked_for(
        &self,
        tenant: &TenantStore,
        settings: &PsaSettings,
        instance: PsaInstance,
    ) -> Result<Result<(), Doubt>, OpsError> {
        let tickets = tenant.tickets_of(instance, KNOWN).await.map_err(storing)?;
        let psa = self.connections.unsaved(tenant, settings);
        let look = tokio::time::timeout(PATIENCE, same_system::shows(&*psa, &tickets));
        Ok(look.await.unwrap_or(Err(Doubt::Silent)))
    }
}

#[async_trait]
impl Ops for Operations {
    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    fn hook_address(&self, psa: PsaKind, key: &str) -> String {
        let base = self.public_url.as_str().trim_end_matches('/');
        // ConnectWise appends the ticket's id to whatever address it is given.
        let end = if psa == PsaKind::ConnectWise { "?recordId=" } else { "" };
        format!("{base}/hooks/{psa}/{key}{end}")
    }

    fn sandbox(&self, psa: PsaKind) -> Option<StandIn> {
        self.sandbox.get(&psa).cloned()
    }

    fn texts_kept(&self) -> Option<u16> {
        self.texts_kept
    }

    async fn psa_is(
        &self,
        tenant: &TenantStore,
        settings: &PsaSettings,
        instance: PsaInstance,
    ) -> Result<(), OpsError> {
        let known = tenant.psa_instances().await.map_err(storing)?;
        let known = known.into_iter().find(|known| known.instance == instance);
        // One of which no ticket was read has none to be known by, and one that stays where it was need not be.
        let stays = |known: &KnownInstance| {
            settings.is_same_instance(&known.settings) && !settings.may_be_another(&known.settings)
        };
        if known.is_none_or(|known| !known.has_tickets || stays(&known)) {
            return Ok(());
        }
        let invalid =
            |doubt: Doubt| OpsError::Invalid { field: "same_as".into(), message: doubt.to_string() };
        self.looked_for(tenant, settings, instance).await?.map_err(invalid)
    }

    async fn psa_leads(&self, tenant: &TenantStore, settings: &PsaSettings) -> Result<Leading, OpsError> {
        let known = tenant.psa_instances().await.map_err(storing)?;
        let fitting = KnownInstance::of_address(settings, known);
        let is_open = |first: &KnownInstance| first.has_tickets && settings.may_be_another(&first.settings);
        if !fitting.first().is_some_and(is_open) {
            return Ok(Leading::AsAddressed);
        }
        for known in fitting.iter().filter(|known| known.has_tickets) {
            match self.looked_for(tenant, settings, known.instance).await? {
                // Nothing is known that could be done wrongly.
                Ok(()) | Err(Doubt::NothingKnown) => return Ok(Leading::At(known.instance)),
                Err(Doubt::Other { .. } | Doubt::Missing { .. }) => {}
                Err(doubt @ (Doubt::Call(_) | Doubt::Silent)) => {
                    return Err(OpsError::Outside(doubt.to_string()));
                }
            }
        }
        Ok(Leading::Another)
    }

    async fn psa_test(&self, tenant: &TenantStore) -> Result<Report, OpsError> {
        let psa = self.connections.psa(tenant).await.map_err(connecting)?;
        let report = psa.probe().await;
        let saved = tenant.psa_connection().await.map_err(storing)?;
        if let Some(saved) = saved {
            self.keep_tested(tenant, psa.save, &saved.state, psa.pace, &report).await?;
        }
        Ok(report)
    }

    async fn model_test(&self, tenant: &TenantStore) -> Result<Report, OpsError> {
        let model = self.connections.model(tenant).await.map_err(connecting)?;
        let report = model.probe().await;
        let saved = tenant.model_connection().await.map_err(storing)?;
        self.keep_tested(tenant, model.save, &saved.state, model.pace, &report).await?;
        Ok(report)
    }

    async fn lookups(&self, tenant: &TenantStore, refresh: bool) -> Result<Lookups, OpsError> {
        let connection =
            tenant.psa_connection().await.map_err(storing)?.ok_or_else(|| connecting(ConnectError::NoPsa))?;
        let kind = connection.settings.kind();
        if refresh {
            return self.fetch_lookups(tenant, kind).await;
        }
        // Lists of settings that have changed since are another PSA's.
        let of_these =
            |cached: &CachedLookups| cached.kind == kind && cached.fetched_at >= connection.updated_at;
        let cached = tenant.lookups_get().await.map_err(storing)?.filter(of_these);
        let fresh = |cached: &CachedLookups| self.clock.now() - cached.fetched_at < LOOKUPS_LAST;
        // Lists of an older version of this program may no longer be readable; then they are fetched again.
        let read = |cached: CachedLookups| serde_json::from_value(cached.value).ok();
        match cached {
            Some(cached) if fresh(&cached) => match read(cached) {
                Some(lookups) => Ok(lookups),
                None => self.fetch_lookups(tenant, kind).await,
            },
            // Old lists are better than none while the PSA is away.
            stale => match self.fetch_lookups(tenant, kind).await {
                Err(OpsError::Outside(why)) => stale.and_then(read).ok_or(OpsError::Outside(why)),
                other => other,
            },
        }
    }

    async fn hook_register(&self, tenant: &TenantStore, actor: &Actor) -> Result<Registration, OpsError> {
        let saved = tenant.psa_connection().await.map_err(storing)?;
        let saved = saved.ok_or_else(|| connecting(ConnectError::NoPsa))?;
        let (instance, settings) = (saved.instance, saved.settings);
        let (psa, hook) = (settings.kind(), tenant.hook().await.map_err(storing)?);
        let address = self.hook_address(psa, &hook.key);
        self.can_be_called(&settings)?;
        let wanted = HookWanted { address, secret: hook.secret, name: hook_name(tenant.tenant_id()) };
        let connection = self.connections.psa(tenant).await.map_err(connecting)?;
        let done = connection.register_hook(&wanted).await.map_err(calling)?;
        // What is registered is on; the next sweep looks for itself.
        let asked = SweepOf { psa: instance, revision: Some(saved.revision) };
        tenant.hook_found(asked, Some(HookState::On), self.clock.now()).await.map_err(storing)?;
        let detail = format!("{}: {} {}", psa.name(), done.outcome.words(), done.steps.join(" "));
        tenant.audit_append(actor, "hook.registered", &detail, self.clock.now()).await.map_err(storing)?;
        Ok(done)
    }

    fn prompt_variables(&self) -> Vec<PromptVariable> {
        let example = prompt::example();
        let listed = VARIABLES.iter().map(|variable| PromptVariable {
            name: variable.name.into(),
            meaning: variable.meaning.into(),
            example: variable.of(&example),
        });
        listed.collect()
    }

    fn default_prompt(&self) -> &'static str {
        prompt::DEFAULT
    }

    fn prompt_check(&self, template: &str) -> Result<(), OpsError> {
        prompt::check(template).map_err(|error| in_template(&error))
    }

    async fn prompt_preview(
        &self,
        tenant: &TenantStore,
        template: &str,
        ticket: Option<TicketId>,
    ) -> Result<String, OpsError> {
        self.prompt_check(template)?;
        let read = match ticket {
            None => prompt::example(),
            Some(ticket) => {
                let found = tenant.ticket_for_work(ticket).await.map_err(storing)?;
                let (_, read) = found
                    .ok_or_else(|| invalid("ticket", "There is no such ticket, or its text was removed."))?;
                read
            }
        };
        prompt::render(Some(template), &read)
            .map(|prompt| shown(&prompt))
            .map_err(|error| in_template(&error))
    }

    async fn trial(
        &self,
        tenant: &TenantStore,
        text: &TrialText,
        template: Option<&str>,
    ) -> Result<Trial, OpsError> {
        if let Some(template) = template {
            self.prompt_check(template)?;
        }
        let psa = tenant
            .psa_connection()
            .await
            .map_err(storing)?
            .map_or(PsaKind::ConnectWise, |saved| saved.settings.kind());
        let read = as_ticket(psa, text, self.clock.now())?;
        let template = self.template(tenant, template).await?;
        let model = self.connections.model(tenant).await.map_err(connecting)?;
        let template = template.as_ref().map(|(text, version)| (text.as_str(), *version));
        let (verdict, provenance) = score(&*model, template, &read).await.map_err(calling)?;
        Ok(match verdict {
            Verdict::Abstained(reason) => Trial { assessment: Err(reason), plan: None, provenance },
            Verdict::Scored(assessment) => {
                let policy = tenant.policy().await.map_err(storing)?;
                let plan = decide(&policy.body, &read.ticket, History::default(), &assessment);
                Trial { assessment: Ok(assessment), plan: Some(plan), provenance }
            }
        })
    }
}

/// A text as if it had come as a ticket; its fields are as empty as a PSA's ticket could have them.
fn as_ticket(psa: PsaKind, text: &TrialText, now: DateTime<Utc>) -> Result<ReadTicket, OpsError> {
    if text.title.chars().count() > MOST_TITLE {
        return Err(invalid("title", &format!("A title may have {MOST_TITLE} characters.")));
    }
    let prepared = prepare::prepare(&text.text, false);
    if prepared.text.trim().is_empty() && text.title.trim().is_empty() {
        return Err(invalid("text", "Enter the text of a ticket."));
    }
    let client = text.client.trim();
    let ticket = Ticket {
        psa,
        external_id: String::new(),
        number: String::new(),
        title: text.title.trim().to_owned(),
        client: (!client.is_empty()).then(|| Party { id: String::new(), name: client.to_owned() }),
        contact: None,
        contact_email: None,
        board: None,
        kind: None,
        source: None,
        closed: false,
        set_aside: None,
        levers: Default::default(),
        created_at: Some(now),
        updated_at: None,
        url: None,
    };
    Ok(ReadTicket { ticket, text: prepared.text, text_remarks: prepared.remarks, author_name: String::new() })
}

/// By which a workspace's webhook is found again in its PSA. The end of an id is chance; its beginning is time.
fn hook_name(tenant: TenantId) -> String {
    let id = tenant.0.simple().to_string();
    format!("Undertone {}", id.get(20..).unwrap_or(&id))
}

fn invalid(field: &str, message: &str) -> OpsError {
    OpsError::Invalid { field: field.into(), message: message.into() }
}

fn in_template(error: &TemplateError) -> OpsError {
    invalid("template", &error.to_string())
}

fn connecting(error: ConnectError) -> OpsError {
    match error {
        ConnectError::NoPsa | ConnectError::Elsewhere(_) => {
            OpsError::NotSetUp("Connect your ticketing system first.".into())
        }
        ConnectError::Store(error) => storing(error),
    }
}

fn calling(error: CallError) -> OpsError {
    OpsError::Outside(error.to_string())
}

fn storing(error: StoreError) -> OpsError {
    broken(&error)
}

/// Our own fault: the log has the causes, the person a reference to them.
fn broken(error: &(dyn std::error::Error + 'static)) -> OpsError {
    let reference = uuid::Uuid::now_v7().to_string();
    tracing::error!(%reference, error, "an act for a person failed");
    OpsError::Broken(reference)
}

#[cfg(test)]
mod tests;
