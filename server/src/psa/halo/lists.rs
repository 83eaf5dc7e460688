//! The tenant's own lists, read when first needed and kept for an hour.

use super::super::kept::Kept;
use super::shapes::{AgentItem, NamedItem, OutcomeItem, PriorityItem};
use super::wire::Session;
use crate::outside::CallError;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;

const HOLDS: Duration = Duration::from_secs(3600);
/// Look-up lists by their numbers in Halo.
const IMPACT_LIST: &str = "12";
const URGENCY_LIST: &str = "27";

#[derive(Default)]
pub struct Lists {
    priorities: Kept<Vec<PriorityItem>>,
    slas: Kept<Vec<NamedItem>>,
    statuses: Kept<Vec<NamedItem>>,
    open_statuses: Kept<Vec<NamedItem>>,
    teams: Kept<Vec<NamedItem>>,
    agents: Kept<Vec<AgentItem>>,
    kinds: Kept<Vec<NamedItem>>,
    impacts: Kept<Vec<NamedItem>>,
    urgencies: Kept<Vec<NamedItem>>,
    outcomes: Kept<Vec<OutcomeItem>>,
    own_agent: Kept<Option<i64>>,
}

type Listed<T> = Result<Arc<Vec<T>>, CallError>;

impl Lists {
    pub async fn priorities(&self, session: &Session) -> Listed<PriorityItem> {
        self.priorities.get(read(session, "Priority", &[])).await
    }
    pub async fn slas(&self, session: &Session) -> Listed<NamedItem> {
        self.slas.get(read(session, "SLA", &[])).await
    }
    pub async fn statuses(&self, session: &Session) -> Listed<NamedItem> {
        self.statuses.get(read(session, "Status", &[])).await
    }
    pub async fn open_statuses(&self, session: &Session) -> Listed<NamedItem> {
        self.open_statuses.get(read(session, "Status", &[("excludeclosed", "true")])).await
    }
    pub async fn teams(&self, session: &Session) -> Listed<NamedItem> {
        self.teams.get(read(session, "Team", &[("type", "reqs"), ("showall", "true")])).await
    }
    pub async fn agents(&self, session: &Session) -> Listed<AgentItem> {
        self.agents
            .get(read(session, "Agent", &[("includeenabled", "true"), ("includeunassigned", "true")]))
            .await
    }
    pub async fn kinds(&self, session: &Session) -> Listed<NamedItem> {
        self.kinds.get(read(session, "TicketType", &[("showall", "true")])).await
    }
    pub async fn impacts(&self, session: &Session) -> Listed<NamedItem> {
        self.impacts.get(read(session, "Lookup", &[("lookupid", IMPACT_LIST)])).await
    }
    pub async fn urgencies(&self, session: &Session) -> Listed<NamedItem> {
        self.urgencies.get(read(session, "Lookup", &[("lookupid", URGENCY_LIST)])).await
    }
    pub async fn outcomes(&self, session: &Session) -> Listed<OutcomeItem> {
        self.outcomes.get(read(session, "Outcome", &[])).await
    }

    /// The agent that our application signs in as; `None` where Halo does not say.
    pub async fn own_agent(&self, session: &Session) -> Result<Option<i64>, CallError> {
        let fetch = async {
            let found = session.get::<AgentItem>("Agent/me", &[]).await;
            let id = optional(found.map(|agent| agent.id.into_iter().collect()))?.into_iter().next();
            Ok::<_, CallError>((id, HOLDS))
        };
        Ok(*self.own_agent.get(fetch).await?)
    }

    pub async fn forget(&self) {
        self.priorities.forget().await;
        self.slas.forget().await;
        self.statuses.forget().await;
        self.open_statuses.forget().await;
        self.teams.forget().await;
        self.agents.forget().await;
        self.kinds.forget().await;
        self.impacts.forget().await;
        self.urgencies.forget().await;
        self.outcomes.forget().await;
        self.own_agent.forget().await;
    }
}

async fn read<T: DeserializeOwned>(
    session: &Session,
    path: &str,
    query: &[(&str, &str)],
) -> Result<(Vec<T>, Duration), CallError> {
    let key = format!("{}s", path.to_lowercase());
    Ok((session.list(path, query, &key).await?, HOLDS))
}

/// For what is nice to have (names): a refusal counts as an empty list, so that a narrow permission still works.
pub fn optional<T>(result: Result<Vec<T>, CallError>) -> Result<Vec<T>, CallError> {
    match result {
        Err(CallError::Denied { .. } | CallError::Rejected { .. }) => Ok(Vec::new()),
        other => other,
    }
}

/// See [`optional`].
pub fn or_empty<T>(result: Listed<T>) -> Listed<T> {
    match result {
        Err(CallError::Denied { .. } | CallError::Rejected { .. }) => Ok(Arc::default()),
        other => other,
    }
}

/// The name of an id; empty where the list does not know it.
pub fn name_of(list: &[NamedItem], id: i64) -> String {
    let found = list.iter().find(|item| item.id == Some(id));
    found.and_then(|item| item.name.clone()).unwrap_or_default()
}
