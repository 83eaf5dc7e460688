//! PATCH of a ticket: a list of operations on whole fields, saved together.

use super::data::{Changed, LEVELS, Shop, Ticket};
use super::refusal::Refusal;
use super::{Actor, PriorityRule, Right, now};
use serde_json::Value;

/// Saves the operations; `Ok(true)`: callbacks are to be sent. Paths that the product does not know are passed over with
/// a 200, as documented.
pub(super) fn apply(
    shop: &mut Shop,
    id: u64,
    operations: &Value,
    actor: &Actor,
    rule: PriorityRule,
) -> Result<bool, Refusal> {
    let before =
        shop.tickets.get(&id).ok_or_else(|| Refusal::no_record(&format!("Service Ticket {id}")))?.clone();
    let operations = operations
        .as_array()
        .ok_or_else(|| Refusal::bad("InvalidObject", "A list of operations is expected."))?;
    let mut save = Save { shop, ticket: before.clone(), wanted: Vec::new(), is_quiet: false };
    for operation in operations {
        save.operation(operation)?;
    }
    save.settle_board(&before)?;
    let Save { mut ticket, wanted, is_quiet, .. } = save;
    follow_matrix(shop, &mut ticket, &wanted, rule);
    let closes = |ticket: &Ticket| shop.status(ticket).is_some_and(|status| status.closes);
    if closes(&ticket)
        && !closes(&before)
        && actor.member == Some(super::API_MEMBER)
        && shop.denied.contains(&Right::CloseTickets)
    {
        return Err(Refusal::forbidden());
    }
    let changes = differences(shop, &before, &ticket, &actor.identifier);
    (ticket.updated_at, ticket.updated_by) = (now(), actor.identifier.clone());
    ticket.history.extend(changes);
    shop.tickets.insert(id, ticket);
    Ok(!is_quiet)
}

struct Save<'s> {
    shop: &'s Shop,
    ticket: Ticket,
    /// The fields that were sent and known.
    wanted: Vec<&'static str>,
    is_quiet: bool,
}

impl Save<'_> {
    fn operation(&mut self, operation: &Value) -> Result<(), Refusal> {
        let verb = operation["op"].as_str().unwrap_or_default();
        if !["add", "replace", "remove"].contains(&verb) {
            return Err(Refusal::bad("InvalidObject", &format!("Operation '{verb}' is not supported.")));
        }
        let path = operation["path"].as_str().unwrap_or_default().trim_start_matches('/');
        let (field, part) = path.split_once('/').unwrap_or((path, ""));
        let value = match (verb, part) {
            ("remove", _) => Value::Null,
            (_, "") => operation["value"].clone(),
            (_, part) => serde_json::json!({part: operation["value"]}),
        };
        match field {
            "priority" => {
                let found = self
                    .shop
                    .priorities
                    .iter()
                    .find(|known| refers(&value, known.id, &[("name", known.name)]));
                self.ticket.priority = found.ok_or_else(|| missing("priority", &value))?.id;
                self.wanted.push("priority");
            }
            "severity" => {
                self.ticket.severity = level(&value, "severity")?;
                self.wanted.push("severity");
            }
            "impact" => {
                self.ticket.impact = level(&value, "impact")?;
                self.wanted.push("impact");
            }
            "board" => {
                let found =
                    self.shop.boards.iter().find(|known| refers(&value, known.id, &[("name", known.name)]));
                self.ticket.board = found.ok_or_else(|| missing("board", &value))?.id;
            }
            // Judged when the board is settled, wherever it stands in the list.
            "status" => {
                self.ticket.status =
                    self.named_status(&value).or_else(|| value["id"].as_u64()).unwrap_or_default();
                self.wanted.push("status");
            }
            "team" => {
                self.ticket.team = value["id"].as_u64();
                self.wanted.push("team");
            }
            "owner" if value.is_null() => self.ticket.owner = None,
            "owner" => {
                let known = self
                    .shop
                    .members
                    .iter()
                    .find(|known| refers(&value, known.id, &[("identifier", known.identifier)]));
                self.ticket.owner = Some(known.ok_or_else(|| missing("member", &value))?.id);
            }
            "summary" => {
                let text = value.as_str().unwrap_or_default();
                if text.chars().count() > 100 {
                    return Err(Refusal::field(
                        "MaxLengthField",
                        "summary exceeds 100 characters",
                        "ticket",
                        "summary",
                    ));
                }
                self.ticket.summary = text.to_owned();
            }
            "customerUpdatedFlag" => self.ticket.customer_updated = value == true,
            "skipCallback" => self.is_quiet = value == true,
            // The false 200: an unknown or misspelt path changes nothing and nobody says so.
            _ => {}
        }
        Ok(())
    }

    fn named_status(&self, value: &Value) -> Option<u64> {
        let name = value["name"].as_str()?;
        let statuses = self
            .shop
            .boards
            .iter()
            .filter(|board| board.id == self.ticket.board)
            .flat_map(|board| &board.statuses);
        statuses.into_iter().find(|status| status.name.eq_ignore_ascii_case(name)).map(|status| status.id)
    }

    /// Status and team belong to a board: what was sent must be on it, what was not sent falls to its default.
    fn settle_board(&mut self, before: &Ticket) -> Result<(), Refusal> {
        let Some(board) = self.shop.board(self.ticket.board) else { return Ok(()) };
        if !board.statuses.iter().any(|status| status.id == self.ticket.status) {
            if self.wanted.contains(&"status") {
                let message =
                    format!("Service Status {} not found for Service Board {}", self.ticket.status, board.id);
                return Err(Refusal::field("NotFound", &message, "ticket", "status/id"));
            }
            self.ticket.status =
                board.statuses.iter().find(|status| status.is_default).map_or(0, |status| status.id);
        }
        if let Some(team) = self.ticket.team
            && !board.teams.iter().any(|known| known.id == team)
        {
            if self.wanted.contains(&"team") {
                let message = format!("Service Team {team} not found for Service Board {}", board.id);
                return Err(Refusal::field("NotFound", &message, "ticket", "team/id"));
            }
            self.ticket.team = None;
        }
        if board.id != before.board {
            self.ticket.kind = None;
        }
        Ok(())
    }
}

fn follow_matrix(shop: &Shop, ticket: &mut Ticket, wanted: &[&str], rule: PriorityRule) {
    if rule == PriorityRule::Independent {
        return;
    }
    if wanted.contains(&"severity") || wanted.contains(&"impact") {
        ticket.priority = shop.matrix(&ticket.impact, &ticket.severity);
    } else if rule == PriorityRule::Coupled && wanted.contains(&"priority") {
        let pairs = LEVELS.iter().flat_map(|impact| LEVELS.iter().map(move |severity| (impact, severity)));
        if let Some((impact, severity)) =
            pairs.into_iter().find(|(impact, severity)| shop.matrix(impact, severity) == ticket.priority)
        {
            (ticket.impact, ticket.severity) = ((*impact).to_owned(), (*severity).to_owned());
        }
    }
}

/// A reference by id, or by one of its names.
fn refers(value: &Value, id: u64, names: &[(&str, &str)]) -> bool {
    value["id"] == id
        || names
            .iter()
            .any(|(key, name)| value[*key].as_str().is_some_and(|given| given.eq_ignore_ascii_case(name)))
}

fn missing(what: &str, value: &Value) -> Refusal {
    let shown = value["id"].as_u64().map_or_else(|| value.to_string(), |id| id.to_string());
    let field = if what == "member" { "owner/id".to_owned() } else { format!("{what}/id") };
    Refusal::field("NotFound", &format!("{what} {shown} not found"), "ticket", &field)
}

fn level(value: &Value, field: &str) -> Result<String, Refusal> {
    let known = LEVELS.iter().find(|level| value == **level);
    let refuse =
        || Refusal::field("InvalidField", &format!("{field} must be Low, Medium or High"), "ticket", field);
    known.map(|level| (*level).to_owned()).ok_or_else(refuse)
}

/// What people see of a ticket's fields, in the order of the page's columns.
pub(super) fn shown(shop: &Shop, ticket: &Ticket) -> [(&'static str, String); 7] {
    let name = |found: Option<&str>| found.unwrap_or_default().to_owned();
    [
        ("Priority", name(shop.priority(ticket.priority).map(|priority| priority.name))),
        ("Severity", ticket.severity.clone()),
        ("Impact", ticket.impact.clone()),
        ("Board", name(shop.board(ticket.board).map(|board| board.name))),
        ("Status", name(shop.status(ticket).map(|status| status.name))),
        ("Team", name(shop.team(ticket).map(|team| team.name))),
        (
            "Owner",
            ticket.owner.and_then(|id| shop.member(id)).map(super::data::Member::name).unwrap_or_default(),
        ),
    ]
}

fn differences(shop: &Shop, before: &Ticket, after: &Ticket, who: &str) -> Vec<Changed> {
    let pairs = shown(shop, before).into_iter().zip(shown(shop, after));
    pairs
        .filter(|(from, to)| from != to)
        .map(|((what, from), (_, to))| Changed { at: now(), who: who.to_owned(), what, from, to })
        .collect()
}
