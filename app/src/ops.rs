//! The few acts of the screens that need the network: implemented by the server, given to the screens by context.

use async_trait::async_trait;
use domain::{Assessment, Lookups, Plan, PsaInstance, PsaKind, PsaSettings, Registration, Report, TicketId};
use store::analyses::Provenance;
use store::{Actor, TenantStore};

/// Why an act did not work, in words for the person who asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpsError {
    /// No PSA (or nothing else that is needed) is set up yet.
    #[error("{0}")]
    NotSetUp(String),
    /// The input is wrong; `field` names which, for a message beside it.
    #[error("{message}")]
    Invalid { field: String, message: String },
    /// The other side refused or could not be reached.
    #[error("{0}")]
    Outside(String),
    /// Our own fault; `0` is a reference that the log has too.
    #[error("something broke on our side (reference {0})")]
    Broken(String),
}

/// A variable that a prompt template may use.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PromptVariable {
    pub name: String,
    pub meaning: String,
    pub example: String,
}

/// A text to try, as if it were a ticket.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TrialText {
    pub title: String,
    pub text: String,
    #[serde(default)]
    pub client: String,
}

/// What an analysis of a text would give; nothing is written.
#[derive(Clone, Debug)]
pub struct Trial {
    pub assessment: Result<Assessment, String>,
    pub plan: Option<Plan>,
    pub provenance: Provenance,
}

/// Where settings lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leading {
    /// To the system that their address tells.
    AsAddressed,
    /// To this one of those that their address fits.
    At(PsaInstance),
    /// To one of its own, though the address fits one that is known.
    Another,
}

/// A stand-in of a PSA, to be offered as a first connection.
#[derive(Clone, Debug, PartialEq)]
pub struct StandIn {
    pub settings: PsaSettings,
    /// The page where its tickets are made and seen.
    pub desk: String,
}

#[async_trait]
pub trait Ops: Send + Sync {
    fn now(&self) -> chrono::DateTime<chrono::Utc>;
    /// `https://…/hooks/{psa}/{key}`, as the PSA must be given it (ConnectWise: ending in `?recordId=`).
    fn hook_address(&self, psa: PsaKind, key: &str) -> String;
    /// The stand-in of that PSA, where the instance runs with the sandbox.
    fn sandbox(&self, psa: PsaKind) -> Option<StandIn>;
    /// Days that texts are kept where a workspace has not chosen; `None`: for good.
    fn texts_kept(&self) -> Option<u16>;
    /// Looks whether these settings, saved or not, lead to that system of the workspace: whether it lets us in and has the
    /// newest tickets that are known of it. `Invalid`: it does not, and why.
    async fn psa_is(
        &self,
        tenant: &TenantStore,
        settings: &PsaSettings,
        instance: PsaInstance,
    ) -> Result<(), OpsError>;
    /// Which system these settings lead to by their address. Where that leaves open whether it is one that is known, it is
    /// looked as in [`Self::psa_is`]. `Outside`: it could not be looked, and why.
    async fn psa_leads(&self, tenant: &TenantStore, settings: &PsaSettings) -> Result<Leading, OpsError>;
    /// Tries the saved PSA connection, saves what it found as the connection's state.
    async fn psa_test(&self, tenant: &TenantStore) -> Result<Report, OpsError>;
    async fn model_test(&self, tenant: &TenantStore) -> Result<Report, OpsError>;
    /// The PSA's lists: cached for an hour unless `refresh`.
    async fn lookups(&self, tenant: &TenantStore, refresh: bool) -> Result<Lookups, OpsError>;
    /// Makes the PSA call this workspace's address by the PSA's own API: makes the webhook, or finds ours and repairs it.
    async fn hook_register(&self, tenant: &TenantStore, actor: &Actor) -> Result<Registration, OpsError>;
    fn prompt_variables(&self) -> Vec<PromptVariable>;
    fn default_prompt(&self) -> &'static str;
    /// Checks a template: `Invalid` with line and column in the message.
    fn prompt_check(&self, template: &str) -> Result<(), OpsError>;
    /// Renders a template for a stored ticket, or for an example ticket.
    async fn prompt_preview(
        &self,
        tenant: &TenantStore,
        template: &str,
        ticket: Option<TicketId>,
    ) -> Result<String, OpsError>;
    /// Scores a text with the tenant's model (and `template`, or its saved prompt) and decides with its policy.
    async fn trial(
        &self,
        tenant: &TenantStore,
        text: &TrialText,
        template: Option<&str>,
    ) -> Result<Trial, OpsError>;
}
