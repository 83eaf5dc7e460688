//! What a stock tenant holds: picklists, people, companies.

use super::Item;
use serde_json::{Value, json};

/// A tenant's own queue for hot tickets.
pub const ESCALATION_QUEUE: i64 = 29_682_834;

/// An entity's name in lower case and what is done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    pub entity: &'static str,
    pub act: &'static str,
}

/// Everything that is configured rather than written by tickets.
#[derive(Clone, Debug, Default)]
pub struct Lists {
    /// `entityInformation/fields` of Tickets.
    pub ticket_fields: Vec<Value>,
    /// `entityInformation/userDefinedFields` of Tickets.
    pub custom_fields: Vec<Value>,
    /// `entityInformation/fields` of TicketNotes.
    pub note_fields: Vec<Value>,
    pub resources: Vec<Value>,
    pub roles: Vec<Value>,
    pub desk_roles: Vec<Value>,
    pub companies: Vec<Value>,
    pub contacts: Vec<Value>,
}

fn picklist(name: &str, required: bool, values: &[(i64, &str)]) -> Value {
    let values: Vec<Value> = values
        .iter()
        .zip(1..)
        .map(|((value, label), sort)| {
            json!({"value": value.to_string(), "label": label, "isDefaultValue": false, "sortOrder": sort,
                   "parentValue": "", "isActive": true, "isSystem": false})
        })
        .collect();
    json!({"name": name, "dataType": "integer", "length": 0, "isRequired": required, "isReadOnly": false,
           "isQueryable": true, "isReference": false, "referenceEntityType": "", "isPickList": true,
           "picklistValues": values, "picklistParentValueField": "", "isSupportedWebhookField": true})
}

fn plain(name: &str, kind: &str, required: bool, read_only: bool, length: i64) -> Value {
    json!({"name": name, "dataType": kind, "length": length, "isRequired": required, "isReadOnly": read_only,
           "isQueryable": true, "isReference": false, "referenceEntityType": "", "isPickList": false,
           "picklistValues": null, "picklistParentValueField": "", "isSupportedWebhookField": true})
}

fn custom(name: &str, kind: &str, values: &[(i64, &str)]) -> Value {
    let mut field = picklist(name, false, values);
    field["label"] = json!(name);
    field["type"] = json!(kind);
    field["isPickList"] = json!(!values.is_empty());
    field
}

impl Lists {
    /// As a new database has it, plus a few queues and fields of this tenant's own.
    pub fn stock(api_user: &str) -> Self {
        Self {
            ticket_fields: ticket_fields(),
            custom_fields: vec![
                custom("AI Sentiment", "string", &[]),
                custom("AI Urgency", "integer", &[]),
                custom(
                    "AI Impact",
                    "string",
                    &[(1, "1 person"), (2, "2 several"), (3, "3 team"), (4, "4 site"), (5, "5 company")],
                ),
                custom("Warranty until", "datetime", &[]),
            ],
            note_fields: note_fields(),
            resources: resources(api_user),
            roles: vec![
                json!({"id": 8, "name": "Technician", "isActive": true, "isSystemRole": false}),
                json!({"id": 9, "name": "Service Desk Manager", "isActive": true, "isSystemRole": false}),
            ],
            desk_roles: vec![
                json!({"id": 1, "resourceID": 29_682_885, "roleID": 8, "isActive": true, "isDefault": true}),
                json!({"id": 2, "resourceID": 29_682_886, "roleID": 8, "isActive": true, "isDefault": false}),
                json!({"id": 3, "resourceID": 29_682_886, "roleID": 9, "isActive": true, "isDefault": true}),
                json!({"id": 4, "resourceID": 29_682_887, "roleID": 8, "isActive": false, "isDefault": true}),
            ],
            companies: vec![
                company(0, "Example MSP"),
                company(174, "Harbour Freight Lines"),
                company(175, "Oak & Ivy Dental"),
                company(176, "Brightwater School"),
            ],
            contacts: vec![
                contact(29_683_586, 174, "Nora", "Lindqvist", "nora@harbourfreight.example"),
                contact(29_683_587, 174, "Tom", "Okafor", "tom@harbourfreight.example"),
                contact(29_683_590, 175, "Priya", "Raman", "priya@oakivy.example"),
                contact(29_683_594, 176, "Miguel", "Santos", "miguel@brightwater.example"),
            ],
        }
    }
}

fn ticket_fields() -> Vec<Value> {
    vec![
        plain("id", "long", true, true, 0),
        plain("ticketNumber", "string", false, true, 50),
        plain("title", "string", true, false, 255),
        plain("description", "string", false, false, 8000),
        plain("companyID", "integer", true, false, 0),
        plain("contactID", "integer", false, false, 0),
        plain("assignedResourceID", "integer", false, false, 0),
        plain("assignedResourceRoleID", "integer", false, false, 0),
        plain("createDate", "datetime", false, true, 0),
        plain("lastActivityDate", "datetime", false, true, 0),
        plain("completedDate", "datetime", false, true, 0),
        plain("creatorResourceID", "integer", false, true, 0),
        plain("createdByContactID", "integer", false, true, 0),
        plain("rmmAlertID", "string", false, false, 50),
        picklist(
            "status",
            true,
            &[
                (1, "New"),
                (8, "In Progress"),
                (10, "Dispatched"),
                (11, "Escalated"),
                (7, "Waiting Customer"),
                (12, "Waiting Vendor"),
                (5, "Complete"),
            ],
        ),
        picklist("priority", true, &[(4, "Critical"), (1, "High"), (2, "Medium"), (3, "Low")]),
        picklist(
            "queueID",
            false,
            &[
                (29_682_833, "Level I Support"),
                (ESCALATION_QUEUE, "Escalations"),
                (5, "Client Portal"),
                (8, "Monitoring Alert"),
            ],
        ),
        picklist(
            "ticketType",
            false,
            &[(1, "Service Request"), (2, "Incident"), (3, "Problem"), (4, "Change Request"), (5, "Alert")],
        ),
        picklist(
            "source",
            false,
            &[(-1, "Client Portal"), (2, "Phone"), (4, "Email"), (8, "Monitoring Alert"), (1, "Other")],
        ),
    ]
}

fn note_fields() -> Vec<Value> {
    vec![
        plain("id", "long", true, true, 0),
        plain("ticketID", "integer", true, false, 0),
        plain("title", "string", false, false, 250),
        plain("description", "string", true, false, 32000),
        picklist(
            "noteType",
            true,
            &[
                (1, "Task Summary"),
                (2, "Task Detail"),
                (3, "Task Notes"),
                (13, "Workflow Rule Note"),
                (18, "Client Portal Note"),
            ],
        ),
        picklist(
            "publish",
            true,
            &[(1, "All Autotask Users"), (2, "Internal Users Only"), (4, "Internal & Co-Managed")],
        ),
    ]
}

fn resource(id: i64, first: &str, last: &str, user: &str, licence: i64, active: bool) -> Value {
    json!({"id": id, "firstName": first, "lastName": last, "userName": user, "email": format!("{}@example-msp.com", first.to_lowercase()),
           "licenseType": licence, "isActive": active, "resourceType": "Employee", "defaultServiceDeskRoleID": null})
}

fn resources(api_user: &str) -> Vec<Value> {
    let mut system = resource(4, "Autotask", "Administrator", "autotask.administrator", 1, true);
    system["resourceType"] = json!("System");
    vec![
        system,
        resource(29_682_885, "Dana", "Whitfield", "dwhitfield", 1, true),
        resource(29_682_886, "Omar", "Reyes", "oreyes", 1, true),
        resource(29_682_887, "Lena", "Fischer", "lfischer", 1, true),
        resource(29_682_888, "Gone", "Former", "gformer", 1, false),
        resource(30_691_780, "Undertone", "API", api_user, 7, true),
    ]
}

pub fn company(id: i64, name: &str) -> Value {
    json!({"id": id, "companyName": name, "isActive": true, "companyType": 1})
}

pub fn contact(id: i64, company: i64, first: &str, last: &str, email: &str) -> Value {
    json!({"id": id, "companyID": company, "firstName": first, "lastName": last, "emailAddress": email, "isActive": 1})
}

/// The values of a picklist, active or not.
pub fn picks<'f>(fields: &'f [Value], name: &str) -> &'f [Value] {
    fields
        .iter()
        .find(|field| field["name"].as_str().is_some_and(|found| found.eq_ignore_ascii_case(name)))
        .and_then(|field| field["picklistValues"].as_array())
        .map_or(&[], Vec::as_slice)
}

/// The label of a value; empty where there is none.
pub fn label(fields: &[Value], name: &str, value: &Value) -> String {
    let value = text(value);
    let found = picks(fields, name).iter().find(|pick| text(&pick["value"]) == value);
    found.and_then(|pick| pick["label"].as_str()).unwrap_or_default().to_owned()
}

/// A number or a text as text; nothing as empty text.
pub fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// A list of objects as items.
pub fn items(list: &[Value]) -> Vec<Item> {
    list.iter().filter_map(Value::as_object).cloned().collect()
}
