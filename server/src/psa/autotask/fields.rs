//! Autotask's shapes as we read them, and its picklists.

use super::super::kept::Kept;
use super::super::lenient;
use super::wire::Session;
use crate::outside::CallError;
use chrono::{DateTime, Utc};
use domain::Choice;
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Picklists are tenant data that change rarely; a refused value makes us read them again at once.
const PICKLISTS_HOLD: Duration = Duration::from_secs(4 * 3600);

/// A ticket, as far as we read it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TicketItem {
    pub id: i64,
    #[serde(default, deserialize_with = "lenient::text")]
    pub ticket_number: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub title: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub description: Option<String>,
    #[serde(default, rename = "companyID", deserialize_with = "lenient::int")]
    pub company: Option<i64>,
    #[serde(default, rename = "contactID", deserialize_with = "lenient::int")]
    pub contact: Option<i64>,
    #[serde(default, deserialize_with = "lenient::int")]
    pub status: Option<i64>,
    #[serde(default, deserialize_with = "lenient::int")]
    pub priority: Option<i64>,
    #[serde(default, rename = "queueID", deserialize_with = "lenient::int")]
    pub queue: Option<i64>,
    #[serde(default, rename = "assignedResourceID", deserialize_with = "lenient::int")]
    pub owner: Option<i64>,
    #[serde(default, deserialize_with = "lenient::int")]
    pub ticket_type: Option<i64>,
    #[serde(default, deserialize_with = "lenient::int")]
    pub source: Option<i64>,
    #[serde(default, deserialize_with = "lenient::time")]
    pub create_date: Option<DateTime<Utc>>,
    #[serde(default, deserialize_with = "lenient::time")]
    pub last_activity_date: Option<DateTime<Utc>>,
    #[serde(default, deserialize_with = "lenient::time")]
    pub completed_date: Option<DateTime<Utc>>,
    #[serde(default, rename = "creatorResourceID", deserialize_with = "lenient::int")]
    pub creator: Option<i64>,
    #[serde(default, rename = "rmmAlertID", deserialize_with = "lenient::text")]
    pub rmm_alert: Option<String>,
    #[serde(default, rename = "monitorID", deserialize_with = "lenient::int")]
    pub monitor: Option<i64>,
    /// An array; left out, or an empty object, where no field has a value.
    #[serde(default, deserialize_with = "user_defined")]
    pub user_defined_fields: Vec<UserDefined>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct UserDefined {
    pub name: String,
    #[serde(default, deserialize_with = "lenient::text")]
    pub value: Option<String>,
}

fn user_defined<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<UserDefined>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NoteItem {
    pub id: i64,
    #[serde(default, deserialize_with = "lenient::text")]
    pub title: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub description: Option<String>,
    #[serde(default, deserialize_with = "lenient::time")]
    pub create_date_time: Option<DateTime<Utc>>,
    #[serde(default, rename = "creatorResourceID", deserialize_with = "lenient::int")]
    pub creator: Option<i64>,
    #[serde(default, rename = "createdByContactID", deserialize_with = "lenient::int")]
    pub contact: Option<i64>,
    #[serde(default, deserialize_with = "lenient::int")]
    pub note_type: Option<i64>,
    #[serde(default, deserialize_with = "lenient::int")]
    pub publish: Option<i64>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceItem {
    pub id: i64,
    #[serde(default, deserialize_with = "lenient::text")]
    pub first_name: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub last_name: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub user_name: Option<String>,
    #[serde(default, deserialize_with = "lenient::int")]
    pub license_type: Option<i64>,
    #[serde(default, rename = "defaultServiceDeskRoleID", deserialize_with = "lenient::int")]
    pub default_role: Option<i64>,
}

impl ResourceItem {
    pub fn name(&self) -> String {
        full_name(&self.first_name, &self.last_name).or_else(|| self.user_name.clone()).unwrap_or_default()
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContactItem {
    pub id: i64,
    #[serde(default, deserialize_with = "lenient::text")]
    pub first_name: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub last_name: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub email_address: Option<String>,
}

impl ContactItem {
    pub fn name(&self) -> String {
        full_name(&self.first_name, &self.last_name).unwrap_or_default()
    }
}

fn full_name(first: &Option<String>, last: &Option<String>) -> Option<String> {
    let parts: Vec<&str> = [first, last].into_iter().flatten().map(|part| part.trim()).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CompanyItem {
    pub id: i64,
    #[serde(default, deserialize_with = "lenient::text")]
    pub company_name: Option<String>,
}

/// A role that a person has on the service desk.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeskRoleItem {
    #[serde(default, rename = "roleID", deserialize_with = "lenient::int")]
    pub role: Option<i64>,
    #[serde(default, deserialize_with = "lenient::flag")]
    pub is_default: Option<bool>,
}

/// One value of a picklist.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pick {
    #[serde(default, deserialize_with = "lenient::text")]
    pub value: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub label: Option<String>,
    #[serde(default, deserialize_with = "lenient::int")]
    pub sort_order: Option<i64>,
    #[serde(default, deserialize_with = "lenient::flag")]
    pub is_active: Option<bool>,
    #[serde(default, deserialize_with = "lenient::flag")]
    pub is_system: Option<bool>,
}

impl Pick {
    pub fn id(&self) -> &str {
        self.value.as_deref().unwrap_or_default()
    }
    pub fn label(&self) -> &str {
        self.label.as_deref().unwrap_or_default()
    }
    pub fn active(&self) -> bool {
        self.is_active != Some(false) && self.value.is_some()
    }
    pub fn choice(&self) -> Choice {
        Choice::new(self.id(), self.label())
    }
}

/// One field of an entity, as `entityInformation/fields` and `…/userDefinedFields` tell it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Field {
    #[serde(default, deserialize_with = "lenient::text")]
    pub name: Option<String>,
    /// User-defined fields call it `type`, ordinary ones `dataType`, and some answers have both.
    #[serde(default, rename = "type", deserialize_with = "lenient::text")]
    pub kind: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    pub data_type: Option<String>,
    #[serde(default, deserialize_with = "lenient::flag")]
    pub is_read_only: Option<bool>,
    #[serde(default, deserialize_with = "lenient::flag")]
    pub is_reference: Option<bool>,
    #[serde(default, deserialize_with = "lenient::flag")]
    pub is_pick_list: Option<bool>,
    #[serde(default)]
    pub picklist_values: Option<Vec<Pick>>,
}

/// The fields of one entity by lower-case name.
#[derive(Debug, Default)]
pub struct Fields {
    by_name: HashMap<String, Field>,
}

impl Fields {
    pub fn new(list: Vec<Field>) -> Self {
        let named = list.into_iter().filter_map(|field| Some((field.name.as_ref()?.to_lowercase(), field)));
        Self { by_name: named.collect() }
    }
    pub fn all(&self) -> impl Iterator<Item = &Field> {
        self.by_name.values()
    }
    pub fn picks(&self, field: &str) -> &[Pick] {
        self.by_name
            .get(&field.to_lowercase())
            .and_then(|field| field.picklist_values.as_deref())
            .unwrap_or_default()
    }
    /// The label people see for a value; empty where the list does not know it.
    pub fn label(&self, field: &str, value: &str) -> &str {
        self.picks(field).iter().find(|pick| pick.id() == value).map(Pick::label).unwrap_or_default()
    }
    pub fn choice(&self, field: &str, value: i64) -> Choice {
        let value = value.to_string();
        let label = self.label(field, &value).to_owned();
        Choice::new(value, label)
    }
}

/// The field lists of one tenant, read when first needed.
#[derive(Default)]
pub struct FieldLists {
    tickets: Kept<Fields>,
    notes: Kept<Fields>,
    custom: Kept<Fields>,
}

impl FieldLists {
    pub async fn tickets(&self, session: &Session) -> Result<Arc<Fields>, CallError> {
        self.tickets.get(read(session, "Tickets/entityInformation/fields")).await
    }
    pub async fn notes(&self, session: &Session) -> Result<Arc<Fields>, CallError> {
        self.notes.get(read(session, "TicketNotes/entityInformation/fields")).await
    }
    /// User-defined fields of tickets.
    pub async fn custom(&self, session: &Session) -> Result<Arc<Fields>, CallError> {
        self.custom.get(read(session, "Tickets/entityInformation/userDefinedFields")).await
    }
    pub async fn forget(&self) {
        self.tickets.forget().await;
        self.notes.forget().await;
        self.custom.forget().await;
    }
}

async fn read(session: &Session, path: &str) -> Result<(Fields, Duration), CallError> {
    #[derive(Deserialize)]
    struct Body {
        fields: Vec<Field>,
    }
    let body: Body = session.get(&format!("V1.0/{path}")).await?;
    Ok((Fields::new(body.fields), PICKLISTS_HOLD))
}

/// Active values, mildest first. Autotask keeps no severity: the tenant's own display order is the best there is, and the
/// words of the labels tell which end of it is the severe one (the stock order starts with Critical).
pub fn mildest_first(picks: &[Pick]) -> Vec<Choice> {
    let mut active: Vec<&Pick> = picks.iter().filter(|pick| pick.active()).collect();
    active.sort_by_key(|pick| (pick.sort_order.unwrap_or(i64::MAX), pick.id().to_owned()));
    let hints: Vec<i32> = active.iter().filter_map(|pick| severity_hint(pick.label())).collect();
    let (mut rising, mut falling) = (0, 0);
    for (at, one) in hints.iter().enumerate() {
        for later in hints.iter().skip(at + 1) {
            rising += i32::from(later > one);
            falling += i32::from(later < one);
        }
    }
    if rising <= falling {
        active.reverse();
    }
    active.into_iter().map(Pick::choice).collect()
}

/// How severe a label sounds; `None` for words we do not know.
fn severity_hint(label: &str) -> Option<i32> {
    const WORDS: [(i32, &[&str]); 5] = [
        (5, &["critical", "emergency", "kritisch", "notfall", "critique", "p1", "sev1", "sev 1"]),
        (4, &["high", "urgent", "hoch", "dringend", "haute", "élevé", "p2", "sev2", "sev 2"]),
        (3, &["medium", "normal", "standard", "mittel", "moyen", "p3", "sev3", "sev 3"]),
        (2, &["low", "niedrig", "gering", "basse", "faible", "p4", "sev4", "sev 4"]),
        (1, &["lowest", "minor", "planned", "scheduled", "project", "p5", "sev5", "sev 5"]),
    ];
    let label = label.to_lowercase();
    let words: Vec<&str> = label.split(|c: char| !c.is_alphanumeric()).collect();
    WORDS
        .iter()
        .find(|(_, list)| {
            list.iter().any(|word| words.contains(word) || (word.contains(' ') && label.contains(word)))
        })
        .map(|(rank, _)| *rank)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pick(value: &str, label: &str, sort_order: i64, active: bool) -> Pick {
        Pick {
            value: Some(value.into()),
            label: Some(label.into()),
            sort_order: Some(sort_order),
            is_active: Some(active),
            is_system: None,
        }
    }

    #[test]
    fn priorities_are_ranked_by_the_tenants_order_and_the_labels_tell_its_direction() {
        let stock = [("4", "Critical", 1), ("1", "High", 2), ("2", "Medium", 3), ("3", "Low", 4)];
        let turned = [("3", "Low", 1), ("2", "Medium", 2), ("1", "High", 3), ("4", "Critical", 4)];
        let unknown = [("7", "Rot", 1), ("8", "Gelb", 2), ("9", "Grün", 3)];
        let partly = [("1", "P4 - whenever", 1), ("2", "Soon", 2), ("3", "P1 - site down", 3)];
        type Row<'a> = (&'a str, &'a str, i64);
        let cases: [(&[Row], &[&str]); 4] = [
            (&stock, &["3", "2", "1", "4"]),
            (&turned, &["3", "2", "1", "4"]),
            (&unknown, &["9", "8", "7"]),
            (&partly, &["1", "2", "3"]),
        ];
        for (picks, expected) in cases {
            let picks: Vec<Pick> =
                picks.iter().map(|(value, label, sort)| pick(value, label, *sort, true)).collect();
            let found: Vec<String> = mildest_first(&picks).into_iter().map(|choice| choice.id).collect();
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn inactive_values_are_not_offered() {
        let picks = [pick("1", "High", 1, true), pick("5", "Old", 2, false)];
        assert_eq!(mildest_first(&picks), [Choice::new("1", "High")]);
    }

    #[test]
    fn odd_user_defined_fields_do_not_hide_the_ticket() {
        for (given, expected) in [
            (r#"{"id":1}"#, 0),
            (r#"{"id":1,"userDefinedFields":{}}"#, 0),
            (r#"{"id":1,"userDefinedFields":[{"name":"AI Impact","value":"4"}]}"#, 1),
            (r#"{"id":1,"userDefinedFields":[{"name":"AI Impact","value":null}],"priority":"2"}"#, 1),
        ] {
            let item: TicketItem = serde_json::from_str(given).unwrap();
            assert_eq!(item.user_defined_fields.len(), expected, "{given}");
        }
    }
}
