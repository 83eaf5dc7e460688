//! Answers what the screens ask of the network, from nothing.

use app::ops::{Ops, OpsError, PromptVariable, Trial, TrialText};
use async_trait::async_trait;
use domain::{Choice, Lookups, Placed, PsaKind, Report, TicketId};
use server::clock::Clock;
use store::TenantStore;

pub struct StandIn(pub Clock);

fn choices(words: &[&str]) -> Vec<Choice> {
    words.iter().zip(1..).map(|(word, id)| Choice::new(id.to_string(), *word)).collect()
}

fn placed(words: &[&str]) -> Vec<Placed> {
    let place = |choice| Placed { choice, board: Some("1".into()), closed: false };
    choices(words).into_iter().map(place).collect()
}

#[async_trait]
impl Ops for StandIn {
    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.0.now()
    }
    fn hook_address(&self, psa: PsaKind, key: &str) -> String {
        format!("https://undertone.example/hooks/{psa}/{key}")
    }
    fn sandbox_address(&self, psa: PsaKind) -> Option<String> {
        Some(format!("http://127.0.0.1:3001/{psa}"))
    }
    async fn psa_test(&self, _tenant: &TenantStore) -> Result<Report, OpsError> {
        let mut report = Report::default();
        report.pass("Sign in", "Signed in as the API member “Undertone”.");
        report.pass("Read tickets", "Read ticket 4711.");
        report.fail(
            "Write notes",
            "Not allowed: give the API member's role “Service Desk → Service Tickets: Edit All”.",
        );
        Ok(report)
    }
    async fn model_test(&self, _tenant: &TenantStore) -> Result<Report, OpsError> {
        let mut report = Report::default();
        report.pass("Answer", "Scored an example in 840 ms.");
        Ok(report)
    }
    async fn lookups(&self, _tenant: &TenantStore, _refresh: bool) -> Result<Lookups, OpsError> {
        Ok(Lookups {
            priorities: choices(&["Low", "Medium", "High", "Critical"]),
            severities: choices(&["Low", "Medium", "High"]),
            impacts: choices(&["Low", "Medium", "High"]),
            boards: choices(&["Service Desk", "Escalations", "Projects"]),
            statuses: placed(&["New", "In progress", "Escalated"]),
            teams: placed(&["First line", "Escalation team"]),
            owners: choices(&["Dana Reyes", "Sam Okafor", "Jo Lind"]),
            kinds: choices(&["Incident", "Request"]),
            sources: choices(&["Mail", "Portal", "Monitoring"]),
            clients: choices(&["Contoso", "Fabrikam", "Northwind"]),
            ..Lookups::empty(PsaKind::ConnectWise)
        })
    }
    fn prompt_variables(&self) -> Vec<PromptVariable> {
        let variable = |name: &str, meaning: &str, example: &str| PromptVariable {
            name: name.into(),
            meaning: meaning.into(),
            example: example.into(),
        };
        vec![
            variable("title", "the ticket's title", "Printer offline"),
            variable("text", "the customer's first note, prepared", "It has been down since Monday."),
            variable("client", "the client's name", "Contoso"),
        ]
    }
    fn default_prompt(&self) -> &'static str {
        "Score this ticket.\n\n<ticket>\n{{ title }}\n{{ text }}\n</ticket>\n"
    }
    fn prompt_check(&self, template: &str) -> Result<(), OpsError> {
        if template.contains("{{ oops") {
            return Err(OpsError::Invalid {
                field: "template".into(),
                message: "line 3, column 4: there is no variable “oops”".into(),
            });
        }
        Ok(())
    }
    async fn prompt_preview(
        &self,
        _tenant: &TenantStore,
        template: &str,
        _ticket: Option<TicketId>,
    ) -> Result<String, OpsError> {
        Ok(template
            .replace("{{ title }}", "Printer offline")
            .replace("{{ text }}", "It has been down since Monday."))
    }
    async fn trial(
        &self,
        _tenant: &TenantStore,
        _text: &TrialText,
        _template: Option<&str>,
    ) -> Result<Trial, OpsError> {
        Err(OpsError::NotSetUp("There is no model behind these screens.".into()))
    }
}
