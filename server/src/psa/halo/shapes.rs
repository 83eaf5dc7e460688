//! Halo's shapes as we read them. Every field may be missing, ids come as numbers or text, unknown keys are ignored.

use super::super::lenient;
use chrono::{DateTime, Utc};
use domain::Choice;
use serde::Deserialize;

/// A ticket, as far as we read it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct TicketItem {
    #[serde(deserialize_with = "lenient::int")]
    pub id: Option<i64>,
    #[serde(deserialize_with = "lenient::text")]
    pub summary: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub details: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub details_html: Option<String>,
    #[serde(deserialize_with = "lenient::time")]
    pub dateoccurred: Option<DateTime<Utc>>,
    #[serde(deserialize_with = "lenient::time")]
    pub datecreated: Option<DateTime<Utc>>,
    #[serde(deserialize_with = "lenient::time")]
    pub last_update: Option<DateTime<Utc>>,
    #[serde(deserialize_with = "lenient::time")]
    pub lastactiondate: Option<DateTime<Utc>>,
    #[serde(deserialize_with = "lenient::int")]
    pub client_id: Option<i64>,
    #[serde(deserialize_with = "lenient::text")]
    pub client_name: Option<String>,
    #[serde(deserialize_with = "lenient::int")]
    pub user_id: Option<i64>,
    #[serde(deserialize_with = "lenient::text")]
    pub user_name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub user_email: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub user_emailaddress: Option<String>,
    #[serde(deserialize_with = "user")]
    pub user: Option<UserItem>,
    #[serde(deserialize_with = "lenient::text")]
    pub emailtolist: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub reportedby: Option<String>,
    #[serde(deserialize_with = "lenient::int")]
    pub status_id: Option<i64>,
    #[serde(deserialize_with = "lenient::int")]
    pub tickettype_id: Option<i64>,
    #[serde(deserialize_with = "lenient::int")]
    pub sla_id: Option<i64>,
    #[serde(deserialize_with = "lenient::int")]
    pub priority_id: Option<i64>,
    #[serde(deserialize_with = "lenient::int")]
    pub impact: Option<i64>,
    #[serde(deserialize_with = "lenient::int")]
    pub urgency: Option<i64>,
    #[serde(deserialize_with = "lenient::int")]
    pub team_id: Option<i64>,
    /// The team's name.
    #[serde(deserialize_with = "lenient::text")]
    pub team: Option<String>,
    #[serde(deserialize_with = "lenient::int")]
    pub agent_id: Option<i64>,
    #[serde(deserialize_with = "lenient::flag")]
    pub hasbeenclosed: Option<bool>,
    #[serde(deserialize_with = "lenient::int")]
    pub merged_into_id: Option<i64>,
    #[serde(deserialize_with = "lenient::flag")]
    pub deleted: Option<bool>,
}

/// The nested user, as far as we read it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct UserItem {
    #[serde(deserialize_with = "lenient::text")]
    pub emailaddress: Option<String>,
}

fn user<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<UserItem>, D::Error> {
    Ok(serde_json::from_value(serde_json::Value::deserialize(deserializer)?).ok())
}

impl TicketItem {
    /// The first text in the places where versions of Halo keep it that looks like an address.
    pub fn email(&self) -> Option<&str> {
        let nested = self.user.as_ref().and_then(|user| user.emailaddress.as_deref());
        [
            self.user_email.as_deref(),
            self.user_emailaddress.as_deref(),
            nested,
            self.emailtolist.as_deref(),
            self.reportedby.as_deref(),
        ]
        .into_iter()
        .flatten()
        .map(str::trim)
        .find(|text| text.contains('@') && !text.contains(char::is_whitespace))
    }
}

/// One entry of the conversation. Its id counts within its ticket.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ActionItem {
    #[serde(deserialize_with = "lenient::int")]
    pub id: Option<i64>,
    #[serde(deserialize_with = "lenient::text")]
    pub note: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub note_html: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub who: Option<String>,
    #[serde(deserialize_with = "lenient::int")]
    pub who_type: Option<i64>,
    #[serde(deserialize_with = "lenient::int")]
    pub who_agentid: Option<i64>,
    #[serde(deserialize_with = "lenient::int")]
    pub actionby_agent_id: Option<i64>,
    #[serde(deserialize_with = "lenient::int")]
    pub actionby_user_id: Option<i64>,
    #[serde(deserialize_with = "lenient::flag")]
    pub hiddenfromuser: Option<bool>,
    #[serde(deserialize_with = "lenient::text")]
    pub emaildirection: Option<String>,
    #[serde(deserialize_with = "lenient::time")]
    pub datetime: Option<DateTime<Utc>>,
    #[serde(deserialize_with = "lenient::time")]
    pub actiondatecreated: Option<DateTime<Utc>>,
}

/// A level of one SLA.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PriorityItem {
    #[serde(deserialize_with = "lenient::int")]
    pub slaid: Option<i64>,
    #[serde(deserialize_with = "lenient::int")]
    pub priorityid: Option<i64>,
    #[serde(deserialize_with = "lenient::text")]
    pub name: Option<String>,
    #[serde(deserialize_with = "lenient::flag")]
    pub ishidden: Option<bool>,
}

/// Status, team, ticket type, SLA, client, look-up value: an id and a name.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct NamedItem {
    #[serde(deserialize_with = "lenient::int")]
    pub id: Option<i64>,
    #[serde(deserialize_with = "lenient::text")]
    pub name: Option<String>,
    #[serde(deserialize_with = "lenient::flag")]
    pub inactive: Option<bool>,
}

impl NamedItem {
    pub fn choice(&self) -> Option<Choice> {
        Some(Choice::new(self.id?.to_string(), self.name.clone().unwrap_or_default()))
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct AgentItem {
    #[serde(deserialize_with = "lenient::int")]
    pub id: Option<i64>,
    #[serde(deserialize_with = "lenient::text")]
    pub name: Option<String>,
    #[serde(deserialize_with = "lenient::flag")]
    pub isdisabled: Option<bool>,
    #[serde(deserialize_with = "lenient::flag")]
    pub isapiagent: Option<bool>,
}

impl AgentItem {
    /// "Nobody" is an agent record of its own.
    pub fn is_unassigned(&self) -> bool {
        self.name.as_deref().is_some_and(|name| name.trim().eq_ignore_ascii_case("unassigned"))
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct OutcomeItem {
    #[serde(deserialize_with = "lenient::int")]
    pub id: Option<i64>,
    #[serde(deserialize_with = "lenient::text")]
    pub outcome: Option<String>,
    #[serde(deserialize_with = "lenient::flag")]
    pub hidden: Option<bool>,
    #[serde(deserialize_with = "lenient::flag")]
    pub sendemail: Option<bool>,
}
