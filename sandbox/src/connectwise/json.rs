//! Records as the product shows them: references with links, absent fields left out.

use super::data::{Callback, LEVELS, Member, Note, SLA, Shop, Ticket};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

pub(super) fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Drops absent fields, as the product does.
fn present(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            fields.into_iter().filter(|(_, value)| !value.is_null()).collect::<Map<_, _>>().into()
        }
        other => other,
    }
}

/// Renders with links that start with `base`, such as `https://host/v2025_1//apis/3.0`.
pub(super) struct Render<'s> {
    pub shop: &'s Shop,
    pub base: &'s str,
}

impl Render<'_> {
    fn link(&self, name: &str, path: String) -> Value {
        let mut info = Map::new();
        info.insert(format!("{name}_href"), format!("{}/{path}", self.base).into());
        info.into()
    }

    fn member_reference(&self, member: &Member) -> Value {
        let info = self.link("member", format!("system/members/{}", member.id));
        json!({"id": member.id, "identifier": member.identifier, "name": member.name(), "_info": info})
    }

    pub fn ticket(&self, ticket: &Ticket) -> Value {
        let shop = self.shop;
        let on_board = |kind: &str, plural: &str, id: u64| {
            self.link(kind, format!("service/boards/{}/{plural}/{id}", ticket.board))
        };
        let contact = ticket.contact.and_then(|id| shop.contact(id));
        let status = shop.status(ticket);
        let mut out = json!({
            "id": ticket.id,
            "summary": ticket.summary,
            "recordType": ticket.record_type,
            "board": shop.board(ticket.board).map(|board| json!({"id": board.id, "name": board.name,
                "_info": self.link("board", format!("service/boards/{}", board.id))})),
            "status": status.map(|status| json!({"id": status.id, "name": status.name, "_info": on_board("status", "statuses", status.id)})),
            "company": shop.company(ticket.company).map(|company| json!({"id": company.id, "identifier": company.identifier,
                "name": company.name, "_info": self.link("company", format!("company/companies/{}", company.id))})),
            "siteName": "Main",
            "contact": contact.map(|contact| json!({"id": contact.id, "name": contact.name,
                "_info": self.link("contact", format!("company/contacts/{}", contact.id))})),
            "contactName": contact.map(|contact| contact.name.clone()),
            "contactEmailAddress": contact.map(|contact| contact.email.clone()),
            "type": shop.kind(ticket).map(|kind| json!({"id": kind.id, "name": kind.name, "_info": on_board("type", "types", kind.id)})),
            "team": shop.team(ticket).map(|team| json!({"id": team.id, "name": team.name, "_info": on_board("team", "teams", team.id)})),
            "owner": ticket.owner.and_then(|id| shop.member(id)).map(|member| self.member_reference(member)),
            "priority": self.priority_reference(ticket.priority),
            "source": shop.sources.iter().find(|source| source.id == ticket.source).map(|source| json!({"id": source.id,
                "name": source.name, "_info": self.link("source", format!("service/sources/{}", source.id))})),
            "severity": ticket.severity,
            "impact": ticket.impact,
            "customerUpdatedFlag": ticket.customer_updated,
            "automaticEmailContactFlag": true,
            "automaticEmailResourceFlag": true,
            "automaticEmailCcFlag": false,
            "closedFlag": status.is_some_and(|status| status.closes),
            "approved": true,
            "hasChildTicket": false,
            "hasMergedChildTicketFlag": false,
            "mergedParentTicket": ticket.merged_into.map(|parent| json!({"id": parent})),
            "sla": {"id": SLA, "name": "Standard", "_info": self.link("sla", format!("service/SLAs/{SLA}"))},
        });
        out["_info"] = json!({
            "lastUpdated": time(ticket.updated_at),
            "updatedBy": ticket.updated_by,
            "dateEntered": time(ticket.entered_at),
            "enteredBy": ticket.entered_by,
            "notes_href": format!("{}/service/tickets/{}/notes", self.base, ticket.id),
        });
        present(out)
    }

    fn priority_reference(&self, id: u64) -> Value {
        self.shop.priority(id).map_or(Value::Null, |priority| {
            let info = self.link("priority", format!("service/priorities/{id}"));
            json!({"id": id, "name": priority.name, "sort": priority.sort, "_info": info})
        })
    }

    pub fn note(&self, ticket: u64, note: &Note) -> Value {
        let contact = note.contact.and_then(|id| self.shop.contact(id));
        present(json!({
            "id": note.id,
            "ticketId": ticket,
            "text": note.text,
            "detailDescriptionFlag": note.discussion,
            "internalAnalysisFlag": note.internal,
            "resolutionFlag": note.resolution,
            "issueFlag": false,
            "member": note.member.and_then(|id| self.shop.member(id)).map(|member| self.member_reference(member)),
            "contact": contact.map(|contact| json!({"id": contact.id, "name": contact.name})),
            "dateCreated": time(note.at),
            "createdBy": note.created_by,
            "internalFlag": true,
            "externalFlag": true,
            "_info": {"lastUpdated": time(note.at), "updatedBy": note.created_by},
        }))
    }

    pub fn callback(&self, callback: &Callback) -> Value {
        json!({
            "id": callback.id,
            "description": callback.description,
            "url": callback.url,
            "objectId": callback.object_id,
            "type": callback.kind,
            "level": callback.level,
            "memberId": callback.member,
            "payloadVersion": "3.0.0",
            "inactiveFlag": callback.is_inactive,
            "isSoapCallbackFlag": false,
            "isSelfSuppressedFlag": callback.is_self_suppressed,
            "connectWiseID": callback.guid,
        })
    }

    /// A list by the path after `/apis/3.0/`; `None`: there is no such endpoint here.
    pub fn list(&self, path: &[&str]) -> Option<Vec<Value>> {
        let shop = self.shop;
        let board = |id: &str| shop.boards.iter().find(|board| board.id.to_string() == id);
        Some(match path {
            ["service", "boards"] => shop
                .boards
                .iter()
                .map(|board| {
                    json!({"id": board.id, "name": board.name, "inactiveFlag": false, "projectFlag": board.is_project})
                })
                .collect(),
            ["service", "boards", id, "statuses"] => self.statuses(board(id)?),
            ["service", "boards", id, "teams"] => board(id)?
                .teams
                .iter()
                .map(|team| json!({"id": team.id, "name": team.name, "boardId": id.parse::<u64>().ok(), "members": team.members}))
                .collect(),
            ["service", "boards", id, "types"] => board(id)?
                .types
                .iter()
                .map(|kind| json!({"id": kind.id, "name": kind.name, "inactiveFlag": false}))
                .collect(),
            ["service", "priorities"] => shop
                .priorities
                .iter()
                .map(|priority| {
                    json!({"id": priority.id, "name": priority.name, "sortOrder": priority.sort, "color": "Gray",
                           "defaultFlag": priority.sort == 3})
                })
                .collect(),
            ["service", "severities" | "impacts"] => LEVELS
                .iter()
                .zip(1..)
                .map(|(name, id)| json!({"id": id, "name": name, "description": name, "defaultFlag": id == 2}))
                .collect(),
            ["service", "sources"] => {
                shop.sources.iter().map(|source| json!({"id": source.id, "name": source.name})).collect()
            }
            ["system", "members"] => shop
                .members
                .iter()
                .map(|member| {
                    json!({"id": member.id, "identifier": member.identifier, "firstName": member.first,
                           "lastName": member.last, "licenseClass": member.license, "inactiveFlag": false})
                })
                .collect(),
            ["company", "companies"] => shop
                .companies
                .iter()
                .map(|company| json!({"id": company.id, "identifier": company.identifier, "name": company.name, "deletedFlag": false}))
                .collect(),
            ["company", "contacts"] => shop.contacts.iter().map(contact).collect(),
            ["system", "callbacks"] => shop.callbacks.iter().map(|callback| self.callback(callback)).collect(),
            ["service", "tickets"] => shop.tickets.values().map(|ticket| self.ticket(ticket)).collect(),
            _ => return None,
        })
    }

    fn statuses(&self, board: &super::data::Board) -> Vec<Value> {
        let one = |status: &super::data::Status| {
            json!({"id": status.id, "name": status.name, "sortOrder": status.sort, "inactive": false,
                   "closedStatus": status.closes, "defaultFlag": status.is_default, "board": {"id": board.id, "name": board.name}})
        };
        board.statuses.iter().map(one).collect()
    }

    /// One record by the path after `/apis/3.0/`.
    pub fn record(&self, path: &[&str]) -> Option<Value> {
        match path {
            ["system", "info"] => Some(
                json!({"version": "v2025.1.12345", "isCloud": true, "serverTimeZone": "UTC", "cloudRegion": "NA"}),
            ),
            ["service", "SLAs", id] if *id == SLA.to_string() => Some(self.sla()),
            [list @ .., id] => {
                let id: u64 = id.parse().ok()?;
                self.list(list)?.into_iter().find(|row| row["id"] == id)
            }
            [] => None,
        }
    }

    fn sla(&self) -> Value {
        let mut out = json!({"id": SLA, "name": "Standard", "basedOn": "AllHours"});
        let words = [("low", "Low"), ("med", "Medium"), ("hi", "High")];
        for (impact, impact_level) in words {
            for (urgency, urgency_level) in words {
                let urgency = format!("{}{}", urgency[..1].to_uppercase(), &urgency[1..]);
                let cell = self.priority_reference(self.shop.matrix(impact_level, urgency_level));
                out[format!("{impact}Impact{urgency}Urgency")] = cell;
            }
        }
        out
    }
}

fn contact(contact: &super::data::Contact) -> Value {
    let (first, last) = contact.name.split_once(' ').unwrap_or((&contact.name, ""));
    json!({"id": contact.id, "firstName": first, "lastName": last, "company": {"id": contact.company}, "inactiveFlag": false,
           "communicationItems": [{"value": contact.email, "communicationType": "Email", "defaultFlag": true}]})
}
