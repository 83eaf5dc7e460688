//! The connection test and the lists for the settings screens.

use super::fields::{CompanyItem, Field, Fields, ResourceItem, mildest_first};
use super::names::{API_LICENCE, SYSTEM_RESOURCE};
use super::wire::{Op, filter};
use super::{Autotask, CLOSED_STATUS, writing};
use crate::outside::CallError;
use domain::{Choice, CustomField, Lookups, Placed, PsaKind, Report};
use serde::Deserialize;
use serde_json::Value;

const GRANT: &str = "Admin → Security levels → the API user's level";
const RESOURCE_PAGES: usize = 4;
const COMPANY_PAGES: usize = 4;
const COMPANIES_SHOWN: usize = 500;

#[derive(Deserialize)]
struct EntityInformation {
    info: Info,
}

/// What the API user may do with one kind of thing.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Info {
    #[serde(default, deserialize_with = "super::super::lenient::flag")]
    can_create: Option<bool>,
    #[serde(default, deserialize_with = "super::super::lenient::flag")]
    can_query: Option<bool>,
    #[serde(default, deserialize_with = "super::super::lenient::flag")]
    can_update: Option<bool>,
    #[serde(default)]
    user_access_for_create: Value,
    #[serde(default)]
    user_access_for_query: Value,
    #[serde(default)]
    user_access_for_update: Value,
}

impl Info {
    fn creates(&self) -> bool {
        self.can_create != Some(false) && !none(&self.user_access_for_create)
    }
    fn reads(&self) -> bool {
        self.can_query != Some(false) && !none(&self.user_access_for_query)
    }
    fn updates(&self) -> bool {
        self.can_update != Some(false) && !none(&self.user_access_for_update)
    }
}

/// An access level of "None"; numbers and other words are levels of some access.
fn none(access: &Value) -> bool {
    access.as_str().is_some_and(|level| level.eq_ignore_ascii_case("none"))
}

pub async fn probe(autotask: &Autotask) -> Report {
    let mut report = Report::default();
    match autotask.session.zone().await {
        Ok(zone) => report.pass("Find the zone", format!("Autotask serves this user at {}.", zone.api)),
        Err(error) => report.fail("Find the zone", error.to_string()),
    }
    let info = |entity: &'static str| async move {
        autotask.session.get::<EntityInformation>(&format!("V1.0/{entity}/entityInformation")).await
    };
    let tickets = match info("Tickets").await {
        Ok(found) => {
            report.pass(Report::SIGN_IN, "User name, secret and integration code are accepted.");
            found.info
        }
        // Autotask locks a user after repeated bad sign-ins, so nothing else is tried with credentials it refused.
        Err(error) => {
            report.fail(Report::SIGN_IN, error.to_string());
            for name in
                ["Read tickets", "Change tickets", "Write internal notes", "Read people", "Read companies"]
            {
                report
                    .fail(name, "Not tried: signing in failed, and repeated bad sign-ins lock the API user.");
            }
            return report;
        }
    };
    reading(autotask, &mut report, &tickets).await;
    verdict(
        &mut report,
        "Change tickets",
        Ok(tickets.updates()),
        "Tickets may be changed.",
        "Service Desk → Tickets: edit “All”",
    );
    noting(autotask, &mut report, info("TicketNotes").await.map(|found| found.info.creates())).await;
    people(autotask, &mut report).await;
    verdict(
        &mut report,
        "Read companies",
        info("Companies").await.map(|found| found.info.reads()),
        "Names of companies and contacts may be read.",
        "CRM → Companies and Contacts: view “All”",
    );
    webhooks(&mut report, info("TicketWebhooks").await.map(|found| found.info.creates()));
    report
}

fn verdict(report: &mut Report, name: &str, found: Result<bool, CallError>, fine: &str, right: &str) {
    match found {
        Ok(true) => report.pass(name, fine),
        Ok(false) | Err(CallError::Denied { .. }) => {
            report.fail(name, format!("The API user lacks a right. Grant it in {GRANT}: {right}."));
        }
        Err(error) => report.fail(name, error.to_string()),
    }
}

async fn reading(autotask: &Autotask, report: &mut Report, tickets: &Info) {
    let lists = autotask.lists.tickets(&autotask.session).await;
    let found = lists.map(|lists| tickets.reads() && !lists.picks("priority").is_empty());
    verdict(
        report,
        "Read tickets",
        found,
        "Tickets and their picklists may be read.",
        "Service Desk → Tickets: view “All”",
    );
}

async fn noting(autotask: &Autotask, report: &mut Report, may_create: Result<bool, CallError>) {
    const NAME: &str = "Write internal notes";
    if !matches!(may_create, Ok(true)) {
        let right = "Service Desk → Ticket notes: add";
        return verdict(report, NAME, may_create, "", right);
    }
    let publish =
        autotask.lists.notes(&autotask.session).await.and_then(|lists| writing::internal_publish(&lists));
    match publish {
        Ok(_) => report.pass(NAME, "Notes that only internal users see may be written."),
        Err(error) => report.fail(NAME, error.to_string()),
    }
}

async fn people(autotask: &Autotask, report: &mut Report) {
    const NAME: &str = "Read people";
    let right = "Resources and Roles: view";
    match resources(autotask).await {
        Ok(found) if found.is_empty() => verdict(report, NAME, Ok(false), "", right),
        Ok(_) => match autotask.names.own_id(&autotask.session).await {
            Ok(Some(_)) => report.pass(NAME, "People may be read, and our own user is found among them."),
            Ok(None) => report.pass(
                NAME,
                "People may be read. Our own user is not among them, so our notes are told by their reference only.",
            ),
            Err(error) => report.fail(NAME, error.to_string()),
        },
        Err(error) => verdict(report, NAME, Err(error), "", right),
    }
}

/// Not needed where the tenant uses an Extension Callout, hence never a failure.
fn webhooks(report: &mut Report, found: Result<bool, CallError>) {
    const NAME: &str = "Create webhooks";
    match found {
        Ok(true) => report.pass(NAME, "The API user may create ticket webhooks."),
        Ok(false) | Err(CallError::Denied { .. }) => report.pass(
            NAME,
            format!(
                "The API user may not create webhooks. Either use an Extension Callout, which needs no right, or grant \
                 it in {GRANT}: Other → “Can create webhooks” with a maximum of at least 1 (off in the stock level)."
            ),
        ),
        Err(error) => report.fail(NAME, error.to_string()),
    }
}

async fn resources(autotask: &Autotask) -> Result<Vec<ResourceItem>, CallError> {
    let active = filter("isActive", Op::Eq, true);
    autotask.session.query("Resources", &[active], RESOURCE_PAGES).await
}

pub async fn lookups(autotask: &Autotask) -> Result<Lookups, CallError> {
    let session = &autotask.session;
    // A settings screen is where one looks after changing something in Autotask: read everything afresh.
    autotask.lists.forget().await;
    let lists = autotask.lists.tickets(session).await?;
    let mut found = Lookups::empty(PsaKind::Autotask);
    found.priorities = mildest_first(lists.picks("priority"));
    found.statuses = statuses(&lists);
    found.boards = choices(&lists, "queueID");
    found.teams = found
        .boards
        .iter()
        .map(|queue| Placed { choice: queue.clone(), board: None, closed: false })
        .collect();
    found.kinds = choices(&lists, "ticketType");
    found.sources = choices(&lists, "source");
    found.owners =
        or_missing(resources(autotask).await, &mut found.missing, "people (Resources and Roles: view)")?
            .iter()
            .filter(|person| person.id != SYSTEM_RESOURCE && person.license_type != Some(API_LICENCE))
            .map(|person| Choice::new(person.id.to_string(), person.name()))
            .collect();
    by_label(&mut found.owners);
    let active = filter("isActive", Op::Eq, true);
    let companies = session.query::<CompanyItem>("Companies", &[active], COMPANY_PAGES).await;
    found.clients = or_missing(companies, &mut found.missing, "companies (CRM → Companies: view “All”)")?
        .into_iter()
        .map(|company| Choice::new(company.id.to_string(), company.company_name.unwrap_or_default()))
        .collect();
    by_label(&mut found.clients);
    found.clients.truncate(COMPANIES_SHOWN);
    let custom =
        autotask.lists.custom(session).await.map(|fields| fields.all().filter_map(custom_field).collect());
    found.custom_fields =
        or_missing(custom, &mut found.missing, "user-defined fields (Tickets: view “All”)")?;
    found.custom_fields.sort_by_key(|field| field.name.to_lowercase());
    Ok(found)
}

fn or_missing<T>(
    result: Result<Vec<T>, CallError>,
    missing: &mut Vec<String>,
    what: &str,
) -> Result<Vec<T>, CallError> {
    match result {
        Err(error @ (CallError::Denied { .. } | CallError::Rejected { .. })) => {
            missing.push(format!("{what}: {error} See {GRANT}."));
            Ok(Vec::new())
        }
        other => other,
    }
}

fn choices(lists: &Fields, field: &str) -> Vec<Choice> {
    let mut picks: Vec<_> = lists.picks(field).iter().filter(|pick| pick.active()).collect();
    picks.sort_by_key(|pick| (pick.sort_order.unwrap_or(i64::MAX), pick.label().to_lowercase()));
    picks.into_iter().map(|pick| pick.choice()).collect()
}

fn statuses(lists: &Fields) -> Vec<Placed> {
    let closed = CLOSED_STATUS.to_string();
    choices(lists, "status")
        .into_iter()
        .map(|choice| Placed { closed: choice.id == closed, choice, board: None })
        .collect()
}

fn by_label(list: &mut [Choice]) {
    list.sort_by_key(|choice| choice.label.to_lowercase());
}

/// Text, numbers and single lists; multi-select, reference and date fields cannot take a score.
fn custom_field(field: &Field) -> Option<CustomField> {
    let name = field.name.clone()?;
    let kind = field.kind.as_deref().or(field.data_type.as_deref()).unwrap_or("string").to_lowercase();
    let takes_scores = !["multi", "date", "bool", "reference"].iter().any(|word| kind.contains(word));
    if !takes_scores || field.is_read_only == Some(true) || field.is_reference == Some(true) {
        return None;
    }
    let picks = field.picklist_values.as_deref().unwrap_or_default();
    let values: Vec<Choice> = picks.iter().filter(|pick| pick.active()).map(|pick| pick.choice()).collect();
    let is_list = field.is_pick_list == Some(true);
    (!is_list || !values.is_empty()).then_some(CustomField { name, values })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_fields_that_can_hold_a_score_are_offered() {
        let cases = [
            (json!({"name":"AI Impact","type":"integer"}), Some(0)),
            (json!({"name":"AI Note","type":"string"}), Some(0)),
            (
                json!({"name":"AI List","type":"string","isPickList":true,
                       "picklistValues":[{"value":"1","label":"one"},{"value":"2","label":"two","isActive":false}]}),
                Some(1),
            ),
            (json!({"name":"Empty list","type":"string","isPickList":true,"picklistValues":[]}), None),
            (json!({"name":"When","type":"datetime"}), None),
            (json!({"name":"Many","type":"multiSelectList"}), None),
            (json!({"name":"Fixed","type":"string","isReadOnly":true}), None),
            (json!({"name":"Asset","type":"integer","isReference":true}), None),
        ];
        for (given, expected) in cases {
            let field: Field = serde_json::from_value(given.clone()).unwrap();
            assert_eq!(custom_field(&field).map(|field| field.values.len()), expected, "{given}");
        }
    }
}
