//! Who is who: companies, contacts and resources by id, kept for an hour.

use super::super::kept::{Kept, Shelf};
use super::fields::{CompanyItem, ContactItem, ResourceItem};
use super::wire::{Op, Session, filter, optional};
use crate::outside::CallError;
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

/// The system itself: workflow rules, the mail parser.
pub const SYSTEM_RESOURCE: i64 = 4;
/// `licenseType` of an API user, who can neither sign in nor be given a ticket.
pub const API_LICENCE: i64 = 7;
const OWN_ID_HOLDS: Duration = Duration::from_secs(12 * 3600);
/// A query takes at most 500 values; a ticket with more authors than that is shown with ids.
const AT_ONCE: usize = 500;

#[derive(Default)]
pub struct Names {
    companies: Shelf<i64, String>,
    contacts: Shelf<i64, Contact>,
    people: Shelf<i64, String>,
    own_id: Kept<Option<i64>>,
}

#[derive(Clone, Debug, Default)]
pub struct Contact {
    pub name: String,
    pub email: Option<String>,
}

impl From<ContactItem> for Contact {
    fn from(item: ContactItem) -> Self {
        Self { name: item.name(), email: item.email_address }
    }
}

impl Names {
    /// The company's name; empty where it may not be read.
    pub async fn company(&self, session: &Session, id: i64) -> Result<String, CallError> {
        if let Some(name) = self.companies.get(&id) {
            return Ok(name);
        }
        let found: Option<CompanyItem> = optional(session.item("Companies", id).await)?;
        let name = found.and_then(|company| company.company_name).unwrap_or_default();
        self.companies.put(id, name.clone());
        Ok(name)
    }

    pub async fn contact(&self, session: &Session, id: i64) -> Result<Contact, CallError> {
        if let Some(contact) = self.contacts.get(&id) {
            return Ok(contact);
        }
        let found: Option<ContactItem> = optional(session.item("Contacts", id).await)?;
        let contact = found.map(Contact::from).unwrap_or_default();
        self.contacts.put(id, contact.clone());
        Ok(contact)
    }

    /// Names of several contacts with one query for those not known yet.
    pub async fn contacts(
        &self,
        session: &Session,
        ids: BTreeSet<i64>,
    ) -> Result<HashMap<i64, String>, CallError> {
        let unknown: Vec<i64> = ids.iter().copied().filter(|id| self.contacts.get(id).is_none()).collect();
        for item in by_ids::<ContactItem>(session, "Contacts", &unknown).await? {
            self.contacts.put(item.id, item.into());
        }
        Ok(ids.into_iter().filter_map(|id| Some((id, self.contacts.get(&id)?.name))).collect())
    }

    /// Names of several resources with one query for those not known yet.
    pub async fn people(
        &self,
        session: &Session,
        ids: BTreeSet<i64>,
    ) -> Result<HashMap<i64, String>, CallError> {
        let unknown: Vec<i64> = ids.iter().copied().filter(|id| self.people.get(id).is_none()).collect();
        for item in by_ids::<ResourceItem>(session, "Resources", &unknown).await? {
            self.people.put(item.id, item.name());
        }
        Ok(ids.into_iter().filter_map(|id| Some((id, self.people.get(&id)?))).collect())
    }

    /// The resource id of our own API user, found by its user name; `None` where resources may not be read.
    /// Not by e-mail: a copied sandbox may hold the same address twice.
    pub async fn own_id(&self, session: &Session) -> Result<Option<i64>, CallError> {
        let fetch = async {
            let name = filter("userName", Op::Eq, session.username());
            let found = optional(session.query::<ResourceItem>("Resources", &[name], 1).await.map(Some))?;
            let same = |item: &ResourceItem| {
                item.user_name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(session.username()))
            };
            let id = found.unwrap_or_default().iter().find(|item| same(item)).map(|item| item.id);
            Ok::<_, CallError>((id, OWN_ID_HOLDS))
        };
        Ok(*self.own_id.get(fetch).await?)
    }
}

async fn by_ids<T: serde::de::DeserializeOwned>(
    session: &Session,
    entity: &str,
    ids: &[i64],
) -> Result<Vec<T>, CallError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<i64> = ids.iter().copied().take(AT_ONCE).collect();
    Ok(optional(session.query(entity, &[filter("id", Op::In, ids)], 1).await.map(Some))?.unwrap_or_default())
}
