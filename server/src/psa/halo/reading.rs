//! From Halo's ticket to ours: names, levers, conversation.

use super::Halo;
use super::lists::{name_of, optional, or_empty};
use super::shapes::{ActionItem, TicketItem};
use crate::outside::CallError;
use crate::psa::Fetched;
use domain::{Author, Choice, Lever, Note, Party, PsaKind, Snapshot, Ticket};

/// Actions read of one ticket; a new ticket has a handful.
const ACTIONS: &str = "100";

impl Halo {
    /// `None` where there is no such ticket, or the text is no id of Halo's.
    pub(super) async fn ticket(&self, ticket: &str) -> Result<Option<TicketItem>, CallError> {
        let Ok(id) = ticket.trim().parse::<i64>() else { return Ok(None) };
        let query = [("includedetails", "true"), ("includeagent", "true"), ("nocache", "true")];
        match self.session.get::<TicketItem>(&format!("Tickets/{id}"), &query).await {
            Ok(item) if item.id.is_some() => Ok(Some(item)),
            // What is not there is a 404: this says nothing about the ticket.
            Ok(_) => Err(CallError::Malformed {
                host: self.session.base()?.host_str().unwrap_or_default().to_owned(),
                what: "no id of the ticket".into(),
            }),
            Err(CallError::Rejected { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The conversation by id, which counts within the ticket and so is by time.
    pub(super) async fn actions(&self, ticket: i64, has_system: bool) -> Result<Vec<ActionItem>, CallError> {
        let id = ticket.to_string();
        let mut query = vec![("ticket_id", id.as_str()), ("includehtmlnote", "true"), ("count", ACTIONS)];
        if !has_system {
            query.push(("excludesys", "true"));
        }
        let mut actions: Vec<ActionItem> = self.session.list("Actions", &query, "actions").await?;
        actions.sort_by_key(|action| (action.id, action.datetime));
        Ok(actions)
    }

    pub(super) async fn snapshot(&self, item: &TicketItem) -> Result<Snapshot, CallError> {
        let (session, lists) = (&self.session, &self.lists);
        let mut levers = Snapshot::new();
        // 0 is "not set" for all of them.
        if let Some(id) = item.priority_id.filter(|id| *id > 0) {
            let priorities = or_empty(lists.priorities(session).await)?;
            let found = priorities.iter().find(|one| one.priorityid == Some(id) && one.slaid == item.sla_id);
            let name = found.and_then(|one| one.name.clone()).unwrap_or_default();
            levers.insert(Lever::Priority.into(), Choice::new(id.to_string(), name));
        }
        if let Some(id) = item.urgency.filter(|id| *id > 0) {
            let name = name_of(&or_empty(lists.urgencies(session).await)?, id);
            levers.insert(Lever::Severity.into(), Choice::new(id.to_string(), name));
        }
        if let Some(id) = item.impact.filter(|id| *id > 0) {
            let name = name_of(&or_empty(lists.impacts(session).await)?, id);
            levers.insert(Lever::Impact.into(), Choice::new(id.to_string(), name));
        }
        if let Some(id) = item.status_id.filter(|id| *id > 0) {
            let name = name_of(&or_empty(lists.statuses(session).await)?, id);
            levers.insert(Lever::Status.into(), Choice::new(id.to_string(), name));
        }
        if let Some(team) = self.team(item).await? {
            levers.insert(Lever::Team.into(), Choice::new(team.id, team.name));
        }
        if let Some(id) = item.agent_id.filter(|id| *id > 0) {
            let agents = or_empty(lists.agents(session).await)?;
            let agent = agents.iter().find(|agent| agent.id == Some(id));
            // "Unassigned" is an agent of its own, in practice the first; where the list may not be read, that must do.
            let is_nobody = agent.map_or(id == 1, |agent| agent.is_unassigned());
            if !is_nobody {
                let name = agent.and_then(|agent| agent.name.clone()).unwrap_or_default();
                levers.insert(Lever::Owner.into(), Choice::new(id.to_string(), name));
            }
        }
        Ok(levers)
    }

    /// Older versions tell only the team's name.
    async fn team(&self, item: &TicketItem) -> Result<Option<Party>, CallError> {
        if item.team_id.is_none_or(|id| id <= 0) && item.team.is_none() {
            return Ok(None);
        }
        let teams = or_empty(self.lists.teams(&self.session).await)?;
        let same =
            |name: &Option<String>| name.as_deref().map(str::trim) == item.team.as_deref().map(str::trim);
        let id = item.team_id.filter(|id| *id > 0).or_else(|| teams.iter().find(|team| same(&team.name))?.id);
        Ok(id.map(|id| Party {
            id: id.to_string(),
            name: item.team.clone().unwrap_or_else(|| name_of(&teams, id)),
        }))
    }

    pub(super) async fn described(&self, id: i64, item: TicketItem) -> Result<Fetched, CallError> {
        let levers = self.snapshot(&item).await?;
        let kind = match item.tickettype_id.filter(|id| *id > 0) {
            Some(id) => {
                let kinds = or_empty(self.lists.kinds(&self.session).await)?;
                Some(Party { id: id.to_string(), name: name_of(&kinds, id) })
            }
            None => None,
        };
        let party = |id: Option<i64>, name: &Option<String>| {
            id.filter(|id| *id > 0)
                .map(|id| Party { id: id.to_string(), name: name.clone().unwrap_or_default() })
        };
        let notes = self.conversation(id, &item).await?;
        let ticket = Ticket {
            psa: PsaKind::HaloPsa,
            external_id: id.to_string(),
            number: id.to_string(),
            title: item.summary.clone().unwrap_or_default(),
            client: party(item.client_id, &item.client_name),
            contact: party(item.user_id, &item.user_name),
            contact_email: item.email().map(str::to_owned),
            board: self.team(&item).await?,
            kind,
            source: None,
            closed: item.hasbeenclosed == Some(true),
            set_aside: set_aside(&item),
            levers,
            created_at: item.datecreated.or(item.dateoccurred),
            updated_at: item.last_update.or(item.lastactiondate),
            url: Some(format!("{}ticket?id={id}", self.session.base()?)),
        };
        Ok(Fetched { ticket, notes })
    }

    async fn conversation(&self, id: i64, item: &TicketItem) -> Result<Vec<Note>, CallError> {
        let own = self.lists.own_agent(&self.session).await?;
        let actions = optional(self.actions(id, false).await)?;
        let opening = opening(item);
        let mut needs_opening = opening.is_none();
        let rest = actions.iter().map(|action| {
            let mut author = author(action, own);
            // Without a text of its own, the ticket began with the first action that the customer sees.
            if needs_opening && action.hiddenfromuser != Some(true) && author != Author::Us {
                needs_opening = false;
                author = Author::Customer;
            }
            let (text, html) = text(action);
            Note {
                id: action.id.map(|id| id.to_string()).unwrap_or_default(),
                author,
                author_name: action.who.clone().unwrap_or_default(),
                text,
                html,
                internal: action.hiddenfromuser == Some(true),
                at: action.datetime.or(action.actiondatecreated),
            }
        });
        Ok(opening.into_iter().chain(rest).collect())
    }
}

/// Why a ticket that is still there is nobody's work.
fn set_aside(item: &TicketItem) -> Option<String> {
    match item.merged_into_id.filter(|id| *id > 0) {
        Some(other) => Some(format!("it was merged into ticket {other}")),
        None => (item.deleted == Some(true)).then(|| "it was deleted".to_owned()),
    }
}

/// The customer's request as the ticket itself keeps it: plain, otherwise as HTML.
fn opening(item: &TicketItem) -> Option<Note> {
    let (text, html) = match (&item.details, &item.details_html) {
        (Some(text), _) => (text, false),
        (None, Some(text)) => (text, true),
        (None, None) => return None,
    };
    Some(Note {
        id: String::new(),
        author: Author::Customer,
        author_name: item.user_name.clone().unwrap_or_default(),
        text: text.clone(),
        html,
        internal: false,
        at: item.dateoccurred.or(item.datecreated),
    })
}

/// `note` may hold HTML too, and only `note_html` says so for sure.
fn text(action: &ActionItem) -> (String, bool) {
    match (&action.note_html, &action.note) {
        (Some(text), _) => (text.clone(), true),
        (None, Some(text)) => (text.clone(), text.contains("</") || text.contains("<br")),
        (None, None) => (String::new(), false),
    }
}

fn author(action: &ActionItem, own: Option<i64>) -> Author {
    let agents = [action.who_agentid, action.actionby_agent_id].map(|id| id.filter(|id| *id > 0));
    let is_mail_from_outside =
        action.emaildirection.as_deref().is_some_and(|way| way.eq_ignore_ascii_case("i"));
    if is_mail_from_outside || action.actionby_user_id.is_some_and(|id| id > 0) {
        Author::Customer
    } else if own.is_some() && agents.contains(&own) {
        Author::Us
    } else if agents.iter().any(Option::is_some) || action.who_type == Some(1) {
        Author::Technician
    } else if action.who_type == Some(0) && action.who.is_some() {
        Author::Customer
    } else {
        Author::System
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_author_of_an_action_is_told_by_user_agent_and_mail_direction() {
        let cases = [
            (json!({"who":"Sam","who_type":0,"actionby_user_id":77}), Author::Customer),
            (json!({"who":"Sam","who_type":"0"}), Author::Customer),
            (json!({"emaildirection":"I","who_agentid":5}), Author::Customer),
            (json!({"who_type":1,"who_agentid":50}), Author::Us),
            (json!({"who_type":1,"actionby_agent_id":"50"}), Author::Us),
            (json!({"who_type":1,"who_agentid":7,"emaildirection":"O"}), Author::Technician),
            (json!({"who_type":1,"who":"Lee"}), Author::Technician),
            (json!({"who_type":0,"who_agentid":7}), Author::Technician),
            (json!({"who_type":0}), Author::System),
            (json!({}), Author::System),
        ];
        for (given, expected) in cases {
            let action: ActionItem = serde_json::from_value(given.clone()).unwrap();
            assert_eq!(author(&action, Some(50)), expected, "{given}");
        }
    }

    #[test]
    fn the_contacts_address_is_found_wherever_this_version_keeps_it() {
        let cases = [
            (json!({"user_email":"a@x.example","user_emailaddress":"b@x.example"}), Some("a@x.example")),
            (json!({"user_emailaddress":"b@x.example"}), Some("b@x.example")),
            (json!({"user":{"emailaddress":"c@x.example"}}), Some("c@x.example")),
            (json!({"user":"Sam","emailtolist":"d@x.example"}), Some("d@x.example")),
            (json!({"reportedby":"e@x.example"}), Some("e@x.example")),
            (json!({"user_email":"","reportedby":"Sam Sample"}), None),
        ];
        for (given, expected) in cases {
            let item: TicketItem = serde_json::from_value(given.clone()).unwrap();
            assert_eq!(item.email(), expected, "{given}");
        }
    }
}
