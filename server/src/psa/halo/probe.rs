//! The connection test and the lists for the settings screens.
//!
//! Empty lists instead of errors are the normal sign of missing rights in Halo, so an empty list is named as such.

use super::Halo;
use super::shapes::{AgentItem, NamedItem, PriorityItem};
use crate::outside::CallError;
use domain::{Choice, Lookups, Placed, PsaKind, Report};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

const AGENT: &str = "Configuration → Teams & Agents → the application's agent";
const CLIENTS_SHOWN: usize = 500;

type Listed<T> = Result<Arc<Vec<T>>, CallError>;

pub async fn probe(halo: &Halo) -> Report {
    let mut report = Report::default();
    let (session, lists) = (&halo.session, &halo.lists);
    lists.forget().await;
    match session.door().await {
        Ok(door) if door.is_told => report.pass("Find the sign-in", "Halo told where to sign in."),
        Ok(_) => report.pass("Find the sign-in", "The sign-in address is taken from the settings."),
        Err(error) => report.fail("Find the sign-in", error.to_string()),
    }
    let token = match session.token().await {
        Ok(token) => token,
        Err(error) => {
            report.fail(Report::SIGN_IN, error.to_string());
            for name in [
                "Read tickets",
                "Change tickets",
                "Read teams and agents",
                "Read priorities",
                "Write private notes",
            ] {
                report.fail(name, "Not tried: signing in failed.");
            }
            return report;
        }
    };
    report.pass(Report::SIGN_IN, "Client id and secret are accepted.");
    tickets(halo, &mut report).await;
    changes(&mut report, &token.scope);
    let found = [count(lists.teams(session).await), count(lists.agents(session).await)];
    verdict(
        &mut report,
        "Read teams and agents",
        &found,
        "Teams and agents may be read.",
        "give the agent a default team, make it a member of the teams, and allow the scope “read:teams” or “all”",
    );
    let found = [count(lists.priorities(session).await), count(lists.statuses(session).await)];
    verdict(
        &mut report,
        "Read priorities",
        &found,
        "Priorities and statuses may be read.",
        "allow the scope “all” in the application's permissions",
    );
    notes(halo, &mut report).await;
    report
}

fn count<T>(listed: Listed<T>) -> Result<usize, CallError> {
    listed.map(|list| list.len())
}

/// Fine when every list was read and has something in it.
fn verdict(report: &mut Report, name: &str, found: &[Result<usize, CallError>], fine: &str, remedy: &str) {
    if let Some(error) = found.iter().find_map(|one| one.as_ref().err()) {
        return match error {
            CallError::Denied { .. } => report.fail(name, format!("Halo says no; {remedy} ({AGENT}).")),
            other => report.fail(name, other.to_string()),
        };
    }
    if found.iter().any(|one| matches!(one, Ok(0))) {
        return report
            .fail(name, format!("Halo shows none, which means a missing right; {remedy} ({AGENT})."));
    }
    report.pass(name, fine);
}

async fn tickets(halo: &Halo, report: &mut Report) {
    #[derive(Deserialize)]
    struct Page {
        #[serde(default)]
        tickets: Vec<Value>,
    }
    let query = [("pageinate", "true"), ("page_size", "1"), ("page_no", "1")];
    const NAME: &str = "Read tickets";
    match halo.session.get::<Page>("Tickets", &query).await {
        Ok(page) if page.tickets.is_empty() => report.pass(
            NAME,
            "Tickets may be read; none is visible yet. If there are some, allow the agent all customers, ticket types and \
             tickets of other agents.",
        ),
        Ok(_) => report.pass(NAME, "Tickets may be read."),
        Err(CallError::Denied { .. }) => report.fail(
            NAME,
            format!("Halo says no; allow the scope “read:tickets” or “all” and set Tickets to “Read and Modify” ({AGENT})."),
        ),
        Err(error) => report.fail(NAME, error.to_string()),
    }
}

/// Changing nothing cannot be tried, so the token's own words must do.
fn changes(report: &mut Report, scope: &str) {
    let scopes: Vec<&str> = scope.split_whitespace().collect();
    let may = scopes.is_empty()
        || ["all", "all:standard", "edit:tickets"].iter().any(|scope| scopes.contains(scope));
    if may {
        report.pass(
            "Change tickets",
            "The application may change tickets. The agent also needs “always update statuses and re-assign outside of actions”.",
        );
    } else {
        report.fail(
            "Change tickets",
            "The application lacks the scope “edit:tickets” (or “all”): add it to its permissions.",
        );
    }
}

async fn notes(halo: &Halo, report: &mut Report) {
    const NAME: &str = "Write private notes";
    match halo.lists.own_agent(&halo.session).await {
        Ok(Some(_)) => report.pass(NAME, "Our own agent is known, so our notes are told from those of colleagues."),
        Ok(None) => report.fail(
            NAME,
            "Halo does not say which agent the application signs in as: set its login type to “Agent” and choose an agent \
             (Configuration → Integrations → Halo API → View Applications).",
        ),
        Err(error) => report.fail(NAME, error.to_string()),
    }
}

pub async fn lookups(halo: &Halo) -> Result<Lookups, CallError> {
    let (session, lists) = (&halo.session, &halo.lists);
    // A settings screen is where one looks after changing something in Halo: read everything afresh.
    lists.forget().await;
    let mut found = Lookups::empty(PsaKind::HaloPsa);
    let missing = &mut found.missing;
    let priorities = or_missing(lists.priorities(session).await, missing, "priorities")?;
    let slas = or_missing(lists.slas(session).await, &mut Vec::new(), "SLAs")?;
    found.priorities = ranked_priorities(&priorities, &slas);
    found.severities = mildest_first(&or_missing(lists.urgencies(session).await, missing, "urgencies")?);
    found.impacts = mildest_first(&or_missing(lists.impacts(session).await, missing, "impacts")?);
    let open = or_missing(lists.open_statuses(session).await, &mut Vec::new(), "statuses")?;
    let statuses = or_missing(lists.statuses(session).await, missing, "statuses")?;
    found.statuses = placed_statuses(&statuses, &open);
    let teams = or_missing(lists.teams(session).await, missing, "teams")?;
    found.boards = choices(&teams);
    found.teams =
        found.boards.iter().map(|team| Placed { choice: team.clone(), board: None, closed: false }).collect();
    found.owners = owners(&or_missing(lists.agents(session).await, missing, "agents")?);
    found.kinds = choices(&or_missing(lists.kinds(session).await, missing, "ticket types")?);
    let clients = session.list::<NamedItem>("Client", &[("count", "500")], "clients").await.map(Arc::new);
    found.clients = choices(&or_missing(clients, missing, "clients")?);
    by_label(&mut found.clients);
    found.clients.truncate(CLIENTS_SHOWN);
    Ok(found)
}

fn or_missing<T>(listed: Listed<T>, missing: &mut Vec<String>, what: &str) -> Listed<T> {
    match listed {
        Ok(list) if list.is_empty() => {
            missing
                .push(format!("{what}: Halo shows none, which usually means a missing right. See {AGENT}."));
            Ok(list)
        }
        Err(error @ (CallError::Denied { .. } | CallError::Rejected { .. })) => {
            missing.push(format!("{what}: {error}"));
            Ok(Arc::default())
        }
        other => other,
    }
}

fn choices(list: &[NamedItem]) -> Vec<Choice> {
    list.iter().filter(|item| item.inactive != Some(true)).filter_map(NamedItem::choice).collect()
}

fn by_label(list: &mut [Choice]) {
    list.sort_by_key(|choice| choice.label.to_lowercase());
}

/// Small numbers are the severe ones; 0 is "not set".
fn mildest_first(list: &[NamedItem]) -> Vec<Choice> {
    let mut items: Vec<&NamedItem> = list.iter().filter(|item| item.id.is_some_and(|id| id > 0)).collect();
    items.sort_by_key(|item| std::cmp::Reverse(item.id));
    items.into_iter().filter_map(NamedItem::choice).collect()
}

/// A priority's number counts within its SLA, so there is one choice a number; where SLAs give it different names, the
/// label tells them all.
fn ranked_priorities(priorities: &[PriorityItem], slas: &[NamedItem]) -> Vec<Choice> {
    let mut levels: BTreeMap<i64, Vec<(String, String)>> = BTreeMap::new();
    for priority in priorities.iter().filter(|one| one.ishidden != Some(true)) {
        let Some(level) = priority.priorityid.filter(|id| *id > 0) else { continue };
        let name = priority.name.clone().unwrap_or_default();
        let sla = priority.slaid.unwrap_or_default();
        let sla_name = slas.iter().find(|one| one.id == Some(sla)).and_then(|one| one.name.clone());
        levels.entry(level).or_default().push((name, sla_name.unwrap_or_else(|| format!("SLA {sla}"))));
    }
    let label = |names: Vec<(String, String)>| {
        let is_same = names.windows(2).all(|pair| matches!(pair, [one, two] if one.0 == two.0));
        match names.first() {
            Some((name, _)) if is_same => name.clone(),
            _ => names.iter().map(|(name, sla)| format!("{name} ({sla})")).collect::<Vec<_>>().join(" / "),
        }
    };
    levels.into_iter().rev().map(|(level, names)| Choice::new(level.to_string(), label(names))).collect()
}

fn placed_statuses(all: &[NamedItem], open: &[NamedItem]) -> Vec<Placed> {
    let closed = |id: &str| {
        !open.is_empty() && !open.iter().any(|one| one.id.is_some_and(|open| open.to_string() == id))
    };
    choices(all)
        .into_iter()
        .map(|choice| Placed { closed: closed(&choice.id), choice, board: None })
        .collect()
}

fn owners(agents: &[AgentItem]) -> Vec<Choice> {
    let is_person = |agent: &&AgentItem| {
        agent.isdisabled != Some(true) && agent.isapiagent != Some(true) && !agent.is_unassigned()
    };
    let mut owners: Vec<Choice> = agents
        .iter()
        .filter(is_person)
        .filter_map(|agent| Some(Choice::new(agent.id?.to_string(), agent.name.clone().unwrap_or_default())))
        .collect();
    by_label(&mut owners);
    owners
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn priorities_are_one_choice_a_number_mildest_first_with_slas_where_names_differ() {
        let priorities: Vec<PriorityItem> = serde_json::from_value(json!([
            {"id":"guid","slaid":1,"priorityid":1,"name":"Critical"},
            {"slaid":1,"priorityid":"2","name":"High"},
            {"slaid":2,"priorityid":1,"name":"Critical"},
            {"slaid":2,"priorityid":2,"name":"Urgent"},
            {"slaid":1,"priorityid":5,"name":"Old","ishidden":true},
        ]))
        .unwrap();
        let slas: Vec<NamedItem> = serde_json::from_value(json!([{"id":1,"name":"Standard"}])).unwrap();
        let found: Vec<_> =
            ranked_priorities(&priorities, &slas).into_iter().map(|one| (one.id, one.label)).collect();
        let expected = [("2", "High (Standard) / Urgent (SLA 2)"), ("1", "Critical")];
        assert_eq!(found, expected.map(|(id, label)| (id.to_owned(), label.to_owned())));
    }

    #[test]
    fn look_ups_are_turned_round_and_not_set_is_left_out() {
        let list: Vec<NamedItem> = serde_json::from_value(json!([
            {"id":0,"name":"Unknown"},{"id":1,"name":"High"},{"id":3,"name":"Low"},{"id":2,"name":"Medium"},
        ]))
        .unwrap();
        let found: Vec<String> = mildest_first(&list).into_iter().map(|choice| choice.label).collect();
        assert_eq!(found, ["Low", "Medium", "High"]);
    }
}
