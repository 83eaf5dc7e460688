//! ConnectWise records, as far as we read them, and their way into our shape. Absent fields are left out by the API, so
//! everything is optional; unknown fields are allowed to come.

use super::api::Api;
use chrono::{DateTime, Utc};
use domain::{Author, Choice, Lever, LeverKey, Note, Party, PsaKind, Snapshot, Ticket};
use serde::Deserialize;

/// Any `{id, name, …}`.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Reference {
    #[serde(default)]
    pub id: Option<u64>,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub identifier: Option<String>,
}

impl Reference {
    fn party(&self) -> Option<Party> {
        let name = self.name.clone().or_else(|| self.identifier.clone()).unwrap_or_default();
        Some(Party { id: self.id?.to_string(), name })
    }
    fn choice(&self) -> Option<Choice> {
        self.party().map(|party| Choice::new(party.id, party.name))
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Info {
    #[serde(default, rename = "dateEntered")]
    pub entered_at: Option<String>,
    #[serde(default, rename = "lastUpdated")]
    updated_at: Option<String>,
    #[serde(default, rename = "updatedBy")]
    pub updated_by: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TicketRecord {
    id: u64,
    #[serde(default)]
    summary: Option<String>,
    #[serde(default)]
    record_type: Option<String>,
    #[serde(default)]
    board: Option<Reference>,
    #[serde(default)]
    status: Option<Reference>,
    #[serde(default)]
    team: Option<Reference>,
    #[serde(default)]
    owner: Option<Reference>,
    #[serde(default)]
    priority: Option<Reference>,
    #[serde(default)]
    severity: Option<String>,
    #[serde(default)]
    impact: Option<String>,
    #[serde(default)]
    company: Option<Reference>,
    #[serde(default)]
    contact: Option<Reference>,
    #[serde(default)]
    contact_name: Option<String>,
    #[serde(default)]
    contact_email_address: Option<String>,
    #[serde(default, rename = "type")]
    kind: Option<Reference>,
    #[serde(default)]
    source: Option<Reference>,
    #[serde(default)]
    closed_flag: Option<bool>,
    #[serde(default)]
    merged_parent_ticket: Option<Reference>,
    #[serde(default, rename = "_info")]
    pub info: Option<Info>,
}

impl TicketRecord {
    pub fn levers(&self) -> Snapshot {
        let named = |reference: &Option<Reference>| reference.as_ref().and_then(Reference::choice);
        // The three levels are values and labels in one, whatever the site calls them on its screens.
        let level = |level: &Option<String>| level.as_ref().map(|level| Choice::new(level, level));
        let all = [
            (Lever::Priority, named(&self.priority)),
            (Lever::Severity, level(&self.severity)),
            (Lever::Impact, level(&self.impact)),
            (Lever::Board, named(&self.board)),
            (Lever::Status, named(&self.status)),
            (Lever::Team, named(&self.team)),
            (Lever::Owner, named(&self.owner)),
        ];
        all.into_iter().filter_map(|(lever, choice)| Some((LeverKey(lever), choice?))).collect()
    }

    pub fn ticket(&self, api: &Api) -> Ticket {
        let party = |reference: &Option<Reference>| reference.as_ref().and_then(Reference::party);
        let info = self.info.clone().unwrap_or_default();
        let contact = party(&self.contact).or_else(|| {
            let name = self.contact_name.clone().filter(|name| !name.is_empty())?;
            Some(Party { id: String::new(), name })
        });
        Ticket {
            psa: PsaKind::ConnectWise,
            external_id: self.id.to_string(),
            number: self.id.to_string(),
            title: self.summary.clone().unwrap_or_default(),
            client: party(&self.company),
            contact,
            contact_email: self.contact_email_address.clone().filter(|mail| !mail.is_empty()),
            board: party(&self.board),
            kind: party(&self.kind),
            source: party(&self.source),
            closed: self.closed_flag == Some(true),
            set_aside: self.set_aside(),
            levers: self.levers(),
            created_at: time(info.entered_at.as_deref()),
            updated_at: time(info.updated_at.as_deref()),
            url: self.link(api),
        }
    }

    fn set_aside(&self) -> Option<String> {
        if let Some(parent) = &self.merged_parent_ticket {
            let into = parent.id.map_or("another ticket".to_owned(), |id| format!("ticket {id}"));
            return Some(format!("it was merged into {into}"));
        }
        is_foreign(self.record_type.as_deref()).then(|| "it is a project ticket".to_owned())
    }

    /// The address under which ConnectWise's own mails link to a ticket.
    fn link(&self, api: &Api) -> Option<String> {
        let mut url = api.site().ok()?.screens.clone();
        url.set_path("v4_6_release/services/system_io/Service/fv_sr100_request.rails");
        url.query_pairs_mut()
            .append_pair("service_recid", &self.id.to_string())
            .append_pair("companyName", api.company());
        Some(url.into())
    }

    fn knows_a_sender(&self) -> bool {
        let given = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        self.contact.is_some() || given(&self.contact_email_address)
    }

    fn is_the_contact(&self, name: &str) -> bool {
        let known = [&self.contact_name, &self.contact_email_address];
        known.into_iter().flatten().any(|known| !known.is_empty() && known.eq_ignore_ascii_case(name))
    }
}

/// Project tickets come as callbacks of type `ticket` too, but live under another path and other rules.
pub(super) fn is_foreign(record_type: Option<&str>) -> bool {
    record_type.is_some_and(|kind| !kind.eq_ignore_ascii_case("ServiceTicket"))
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NoteRecord {
    pub id: u64,
    #[serde(default)]
    pub text: Option<String>,
    #[serde(default)]
    detail_description_flag: Option<bool>,
    #[serde(default)]
    internal_analysis_flag: Option<bool>,
    #[serde(default)]
    resolution_flag: Option<bool>,
    #[serde(default)]
    member: Option<Reference>,
    #[serde(default)]
    contact: Option<Reference>,
    #[serde(default)]
    date_created: Option<String>,
    #[serde(default)]
    pub created_by: Option<String>,
}

impl NoteRecord {
    /// The flags are independent: a note may be in several places at once.
    pub fn is_internal(&self) -> bool {
        self.internal_analysis_flag == Some(true)
            && self.detail_description_flag != Some(true)
            && self.resolution_flag != Some(true)
    }

    /// `us`: the identifier of our API member, once it is known.
    pub fn note(&self, ticket: &TicketRecord, us: Option<&str>) -> Note {
        let name = |reference: &Option<Reference>| {
            reference.as_ref().and_then(Reference::party).map(|party| party.name)
        };
        Note {
            id: self.id.to_string(),
            author: self.author(ticket, us),
            author_name: name(&self.contact)
                .or_else(|| name(&self.member))
                .or_else(|| self.created_by.clone())
                .unwrap_or_default(),
            text: self.text.clone().unwrap_or_default(),
            html: false,
            internal: self.is_internal(),
            at: time(self.date_created.as_deref()),
        }
    }

    /// A contact is a customer, a member is staff; some notes of contacts carry an empty member, so the contact is asked
    /// first. The mail connector files a customer's mail under a system name, with the sender known only to the ticket.
    fn author(&self, ticket: &TicketRecord, us: Option<&str>) -> Author {
        let filled = |reference: &Option<Reference>| {
            reference.clone().filter(|found| found.id.is_some_and(|id| id > 0))
        };
        if filled(&self.contact).is_some() {
            return Author::Customer;
        }
        let by = self.created_by.as_deref().unwrap_or_default();
        let member = filled(&self.member);
        let identifier = member.as_ref().and_then(|member| member.identifier.as_deref()).unwrap_or(by);
        if us.is_some_and(|us| us.eq_ignore_ascii_case(identifier)) {
            return Author::Us;
        }
        let by_system = is_system(identifier);
        if member.is_some() && !by_system {
            return Author::Technician;
        }
        let mailed = by_system && ticket.knows_a_sender();
        let is_public = self.detail_description_flag == Some(true);
        if is_public && (mailed || ticket.is_the_contact(by)) { Author::Customer } else { Author::System }
    }
}

/// `2022-09-02T08:29:34Z`; a time in another form is worth less than the ticket it stands on.
pub(super) fn time(text: Option<&str>) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text?).ok().map(Into::into)
}

/// Names under which the product itself writes: the mail connector acts as `zadmin`.
fn is_system(identifier: &str) -> bool {
    let plain: String = identifier.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    plain.is_empty() || plain == "zadmin" || plain == "system" || plain.contains("emailconnector")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn author(note: serde_json::Value, ticket: serde_json::Value) -> Author {
        let note: NoteRecord = serde_json::from_value(note).unwrap();
        let ticket: TicketRecord = serde_json::from_value(ticket).unwrap();
        note.author(&ticket, Some("UndertoneApi"))
    }

    #[test]
    fn authors_are_told_apart() {
        let known = json!({"id": 1, "contact": {"id": 5, "name": "Ann"}, "contactName": "Ann", "contactEmailAddress": "ann@x.example"});
        let unknown = json!({"id": 1});
        let mail_only = json!({"id": 1, "contactEmailAddress": "ann@x.example"});
        for (note, ticket, expected) in [
            (json!({"id": 1, "contact": {"id": 5}, "member": {"id": null}}), &known, Author::Customer),
            (
                json!({"id": 1, "contact": {"id": 5}, "member": {"id": 7, "identifier": "jdoe"}}),
                &known,
                Author::Customer,
            ),
            (
                json!({"id": 1, "member": {"id": 7, "identifier": "jdoe"}, "createdBy": "jdoe"}),
                &known,
                Author::Technician,
            ),
            (json!({"id": 1, "member": {"id": 9, "identifier": "undertoneapi"}}), &known, Author::Us),
            (json!({"id": 1, "createdBy": "UndertoneApi", "internalAnalysisFlag": true}), &known, Author::Us),
            (
                json!({"id": 1, "createdBy": "zadmin", "detailDescriptionFlag": true}),
                &known,
                Author::Customer,
            ),
            (
                json!({"id": 1, "createdBy": "zadmin", "detailDescriptionFlag": true}),
                &mail_only,
                Author::Customer,
            ),
            (
                json!({"id": 1, "createdBy": "zadmin", "detailDescriptionFlag": true}),
                &unknown,
                Author::System,
            ),
            (json!({"id": 1, "createdBy": "zadmin", "internalAnalysisFlag": true}), &known, Author::System),
            (
                json!({"id": 1, "member": {"id": 1, "identifier": "zadmin"}, "detailDescriptionFlag": true}),
                &known,
                Author::Customer,
            ),
            (
                json!({"id": 1, "createdBy": "Email Connector", "detailDescriptionFlag": true}),
                &known,
                Author::Customer,
            ),
            (
                json!({"id": 1, "createdBy": "ann@X.example", "detailDescriptionFlag": true}),
                &known,
                Author::Customer,
            ),
            (
                json!({"id": 1, "createdBy": "ScreenConnect", "detailDescriptionFlag": true}),
                &known,
                Author::System,
            ),
        ] {
            assert_eq!(author(note.clone(), ticket.clone()), expected, "{note} on {ticket}");
        }
    }

    #[test]
    fn a_note_is_internal_only_when_it_is_nowhere_else() {
        for (flags, internal) in [
            (json!({"id": 1, "internalAnalysisFlag": true}), true),
            (json!({"id": 1, "internalAnalysisFlag": true, "detailDescriptionFlag": true}), false),
            (json!({"id": 1, "internalAnalysisFlag": true, "resolutionFlag": true}), false),
            (json!({"id": 1, "detailDescriptionFlag": true}), false),
            // Both are set in every recorded note and mean nothing.
            (
                json!({"id": 1, "detailDescriptionFlag": true, "internalFlag": true, "externalFlag": true}),
                false,
            ),
        ] {
            let note: NoteRecord = serde_json::from_value(flags.clone()).unwrap();
            assert_eq!(note.is_internal(), internal, "{flags}");
        }
    }

    #[test]
    fn a_record_with_nothing_but_an_id_is_still_a_ticket() {
        let record: TicketRecord =
            serde_json::from_value(json!({"id": 7, "somethingNew": {"a": [1]}})).unwrap();
        assert!(record.levers().is_empty());
        assert_eq!(record.set_aside(), None);
        let project: TicketRecord =
            serde_json::from_value(json!({"id": 7, "recordType": "ProjectTicket"})).unwrap();
        assert_eq!(project.set_aside().as_deref(), Some("it is a project ticket"));
        let merged: TicketRecord = serde_json::from_value(
            json!({"id": 7, "recordType": "ServiceTicket", "mergedParentTicket": {"id": 9}}),
        )
        .unwrap();
        assert_eq!(merged.set_aside().as_deref(), Some("it was merged into ticket 9"));
    }
}
