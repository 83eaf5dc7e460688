//! What can be picked on the policy page.

use super::form::{rule, scope_rule};
use domain::{Choice, Lever, Lookups, Policy};

/// Where labels come from: the PSA's lists, and what the saved policy already names (values that left the PSA's lists
/// are kept until a person picks another).
pub struct Catalogue<'a> {
    pub lookups: Option<&'a Lookups>,
    pub saved: &'a Policy,
}

impl Catalogue<'_> {
    /// Every value the lever can take: the PSA's list, then saved values that the list does not have (any more).
    pub fn ranked(&self, lever: &Lever) -> Vec<Choice> {
        let listed = self.lookups.map(|lookups| lookups.ranked(lever).to_vec()).unwrap_or_default();
        let saved = rule(&self.saved.updates, lever);
        with_saved(
            listed,
            saved.into_iter().flat_map(|rule| rule.ranking.iter().chain(rule.values.values()).cloned()),
        )
    }

    pub fn owners(&self) -> Vec<Choice> {
        with_saved(self.list(|lookups| &lookups.owners), self.saved.escalation.owner.clone())
    }

    pub fn boards(&self) -> Vec<Choice> {
        with_saved(self.list(|lookups| &lookups.boards), self.saved.escalation.board.clone())
    }

    /// Statuses that keep a ticket open; one that closes it is no place to escalate to.
    pub fn statuses(&self) -> Vec<Placed<'_>> {
        placed(self.lookups.map(|lookups| &lookups.statuses[..]), self.saved.escalation.status.as_ref())
    }

    pub fn teams(&self) -> Vec<Placed<'_>> {
        placed(self.lookups.map(|lookups| &lookups.teams[..]), self.saved.escalation.team.as_ref())
    }

    /// The values a scope rule can list.
    pub fn scope(&self, which: &str) -> Vec<Choice> {
        let listed = self.list(|lookups| match which {
            "boards" => &lookups.boards,
            "kinds" => &lookups.kinds,
            "sources" => &lookups.sources,
            _ => &lookups.clients,
        });
        let saved = scope_rule(&self.saved.scope, which).items.iter();
        with_saved(listed, saved.map(|party| Choice::new(party.id.clone(), party.name.clone())))
    }

    fn list(&self, pick: impl Fn(&Lookups) -> &Vec<Choice>) -> Vec<Choice> {
        self.lookups.map(|lookups| pick(lookups).clone()).unwrap_or_default()
    }
}

/// A value and the board it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed<'a> {
    pub choice: &'a Choice,
    pub board: Option<&'a str>,
}

fn placed<'a>(listed: Option<&'a [domain::Placed]>, saved: Option<&'a Choice>) -> Vec<Placed<'a>> {
    let mut all: Vec<Placed<'a>> = listed
        .unwrap_or_default()
        .iter()
        .filter(|entry| !entry.closed)
        .map(|entry| Placed { choice: &entry.choice, board: entry.board.as_deref() })
        .collect();
    if let Some(saved) = saved
        && !all.iter().any(|entry| entry.choice == saved)
    {
        all.push(Placed { choice: saved, board: None });
    }
    all
}

fn with_saved(mut listed: Vec<Choice>, saved: impl IntoIterator<Item = Choice>) -> Vec<Choice> {
    for choice in saved {
        if !listed.contains(&choice) {
            listed.push(choice);
        }
    }
    listed
}
