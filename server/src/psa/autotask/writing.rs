//! Changes and notes.

use super::fields::{DeskRoleItem, Fields, Pick, ResourceItem};
use super::wire::{Op, filter};
use super::{Autotask, PUBLIC};
use crate::outside::{Answer, CallError};
use crate::psa::NewNote;
use domain::{Change, Lever};
use http::Method;
use serde_json::{Map, Value, json};

/// Limits of a note, in UTF-16 units as .NET counts.
const TITLE_MAX: usize = 250;
const TEXT_MAX: usize = 32_000;
/// "Task Notes" in stock systems.
const STOCK_NOTE_TYPE: &str = "3";

impl Autotask {
    /// One PATCH for all changes: fewer workflow rules fire, and either all happen or none.
    /// PUT is never used: it empties every field that is left out.
    pub(super) async fn patch(&self, id: i64, changes: &[Change]) -> Result<(), CallError> {
        let mut body = Map::new();
        body.insert("id".into(), json!(id));
        let mut custom = Vec::new();
        for change in changes {
            let value = || number(&change.to.id, change.lever.word(domain::PsaKind::Autotask));
            match &change.lever {
                Lever::Priority => _ = body.insert("priority".into(), json!(value()?)),
                Lever::Status => _ = body.insert("status".into(), json!(value()?)),
                Lever::Team => _ = body.insert("queueID".into(), json!(value()?)),
                Lever::Owner => {
                    let owner = value()?;
                    body.insert("assignedResourceID".into(), json!(owner));
                    body.insert("assignedResourceRoleID".into(), json!(self.role_of(owner).await?));
                }
                Lever::Custom(name) => custom.push(json!({ "name": name, "value": change.to.id })),
                Lever::Severity | Lever::Impact | Lever::Board => {
                    return Err(refused(format!(
                        "Autotask tickets have no {}. Use a user-defined field for it.",
                        change.lever.word(domain::PsaKind::Autotask)
                    )));
                }
            }
        }
        if !custom.is_empty() {
            body.insert("userDefinedFields".into(), Value::Array(custom));
        }
        let sent = self.session.send(Method::PATCH, "V1.0/Tickets", Some(&Value::Object(body))).await;
        if let Err(CallError::Rejected { message, .. }) = &sent
            && message.to_lowercase().contains("picklist")
        {
            self.lists.forget().await;
        }
        created(&sent?, "the changed ticket").map(drop)
    }

    /// The role to assign a person in: Autotask takes a person only together with a role that is active for them.
    async fn role_of(&self, resource: i64) -> Result<i64, CallError> {
        if let Some(role) = self.roles.get(&resource) {
            return Ok(role);
        }
        let conditions = [filter("resourceID", Op::Eq, resource), filter("isActive", Op::Eq, true)];
        let roles: Vec<DeskRoleItem> = self.session.query("ResourceServiceDeskRoles", &conditions, 1).await?;
        let marked = roles.iter().find(|role| role.is_default == Some(true)).and_then(|role| role.role);
        let own_default = async {
            let person: Option<ResourceItem> = self.session.item("Resources", resource).await?;
            let default = person.and_then(|person| person.default_role);
            Ok::<_, CallError>(default.filter(|id| roles.iter().any(|role| role.role == Some(*id))))
        };
        let role = match marked {
            Some(role) => Some(role),
            None => own_default.await?.or_else(|| roles.iter().find_map(|role| role.role)),
        };
        let role = role.ok_or_else(|| {
            refused(
                "This person has no active service desk role in Autotask, so no ticket can be given to them. Add one in \
                 Admin → Resources/Users → Associations → Service Desk roles."
                    .into(),
            )
        })?;
        self.roles.put(resource, role);
        Ok(role)
    }

    /// Notes are created below the ticket only; a note is not idempotent, so the caller looks for its reference first.
    pub(super) async fn post_note(&self, ticket: i64, note: &NewNote) -> Result<String, CallError> {
        let lists = self.lists.notes(&self.session).await?;
        let body = json!({
            "ticketID": ticket,
            "title": shortened(&note.title, TITLE_MAX),
            "description": fitted(&note.text),
            "noteType": number(&note_type(&lists)?, "note type")?,
            "publish": number(&internal_publish(&lists)?, "publish value")?,
        });
        let sent =
            self.session.send(Method::POST, &format!("V1.0/Tickets/{ticket}/Notes"), Some(&body)).await;
        if let Err(CallError::Rejected { message, .. }) = &sent
            && message.to_lowercase().contains("picklist")
        {
            self.lists.forget().await;
        }
        created(&sent?, "the new note").map(|id| id.to_string())
    }
}

/// What every write that was carried out is answered with.
fn created(answer: &Answer, what: &str) -> Result<i64, CallError> {
    let body: Value = answer.json()?;
    body.get("itemId").and_then(super::super::lenient::int_of).ok_or_else(|| CallError::Malformed {
        host: answer.host.clone(),
        what: format!("no itemId of {what}"),
    })
}

/// The publish value that keeps a note inside the house. Value 1 is "All Autotask Users", which includes customers in the
/// portal, so without a value that says it is internal we write nothing at all.
pub(super) fn internal_publish(lists: &Fields) -> Result<String, CallError> {
    let internal = |pick: &&Pick| {
        let label: String = pick.label().to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
        pick.active()
            && label.contains("internal")
            && !label.contains("comanaged")
            && pick.id() != PUBLIC.to_string()
    };
    lists.picks("publish").iter().find(internal).map(|pick| pick.id().to_owned()).ok_or_else(|| {
        refused(
            "Autotask offers no note visibility for internal users only, so no note is written: it could reach the \
             customer. The API user's security level must be allowed to add internal ticket notes."
                .into(),
        )
    })
}

/// A note type that people use themselves; 13 belongs to workflow rules, 18 to the portal, 91 to 101 to the system.
fn note_type(lists: &Fields) -> Result<String, CallError> {
    let usable: Vec<&Pick> = lists
        .picks("noteType")
        .iter()
        .filter(|pick| pick.active())
        .filter(|pick| !matches!(pick.id().parse(), Err(_) | Ok(13 | 18 | 91..=101)))
        .collect();
    usable
        .iter()
        .find(|pick| pick.id() == STOCK_NOTE_TYPE)
        .or_else(|| usable.iter().find(|pick| pick.label().to_lowercase().contains("note")))
        .or_else(|| usable.iter().find(|pick| pick.is_system != Some(true)))
        .or(usable.first())
        .map(|pick| pick.id().to_owned())
        .ok_or_else(|| refused("Autotask offers no note type that we may use.".into()))
}

fn refused(message: String) -> CallError {
    CallError::Rejected { status: 422, message }
}

pub(super) fn number(text: &str, what: &str) -> Result<i64, CallError> {
    text.trim().parse().map_err(|_| {
        refused(format!("“{text}” is not an Autotask id for {what}. Choose the value again from the list."))
    })
}

/// Cut to `max` UTF-16 units, with an ellipsis where something is missing.
fn shortened(text: &str, max: usize) -> String {
    if text.encode_utf16().count() <= max {
        return text.to_owned();
    }
    let mut room = max.saturating_sub(1);
    let kept: String = text
        .chars()
        .take_while(|c| {
            let fits = c.len_utf16() <= room;
            room = room.saturating_sub(c.len_utf16());
            fits
        })
        .collect();
    format!("{}…", kept.trim_end())
}

/// A text within the limit that keeps its last line, which is the reference we find it by.
fn fitted(text: &str) -> String {
    if text.encode_utf16().count() <= TEXT_MAX {
        return text.to_owned();
    }
    let (body, last) = text.trim_end().rsplit_once('\n').unwrap_or((text, ""));
    let last = shortened(last, TITLE_MAX);
    format!("{}\n{last}", shortened(body, TEXT_MAX - last.encode_utf16().count() - 1))
}

#[cfg(test)]
mod tests {
    use super::super::fields::Field;
    use super::*;

    fn lists(field: &str, picks: Value) -> Fields {
        let field: Field = serde_json::from_value(json!({ "name": field, "picklistValues": picks })).unwrap();
        Fields::new(vec![field])
    }

    #[test]
    fn only_a_visibility_that_says_internal_is_used_for_notes() {
        let cases = [
            (
                json!([{"value":"1","label":"All Autotask Users"},{"value":"4","label":"Internal & Co-Managed"},
                       {"value":"2","label":"Internal Users Only"}]),
                Some("2"),
            ),
            (
                json!([{"value":"1","label":"All Autotask Users"},{"value":"4","label":"Internal & Co-managed"}]),
                None,
            ),
            (json!([{"value":"1","label":"Internal Users"}]), None),
            (json!([{"value":"2","label":"Internal Users","isActive":false}]), None),
            (json!([]), None),
        ];
        for (picks, expected) in cases {
            assert_eq!(
                internal_publish(&lists("publish", picks.clone())).ok().as_deref(),
                expected,
                "{picks}"
            );
        }
    }

    #[test]
    fn a_note_type_that_the_system_reserves_is_never_used() {
        let cases = [
            (
                json!([{"value":"13","label":"Workflow Rule Note"},{"value":"3","label":"Task Notes"}]),
                Some("3"),
            ),
            (json!([{"value":"91","label":"Forwarded Note"},{"value":"21","label":"Team note"}]), Some("21")),
            (json!([{"value":"1","label":"Task Summary"}]), Some("1")),
            (
                json!([{"value":"3","label":"Task Notes","isActive":false},{"value":"18","label":"Portal"}]),
                None,
            ),
        ];
        for (picks, expected) in cases {
            assert_eq!(note_type(&lists("noteType", picks.clone())).ok().as_deref(), expected, "{picks}");
        }
    }

    #[test]
    fn long_notes_are_cut_but_keep_their_reference() {
        let long = format!("{}\n[ut:abc123]", "wörter ".repeat(6_000));
        let found = fitted(&long);
        assert!(found.encode_utf16().count() <= TEXT_MAX, "{}", found.len());
        assert!(found.ends_with("…\n[ut:abc123]"));
        assert_eq!(fitted("short\n[ut:abc123]"), "short\n[ut:abc123]");
        let title = shortened(&"🙂".repeat(200), TITLE_MAX);
        assert!(title.encode_utf16().count() <= TITLE_MAX && title.ends_with('…'));
    }
}
