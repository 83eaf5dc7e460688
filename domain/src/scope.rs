//! Which tickets the automation runs on.

use crate::{Party, Ticket};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum ScopeMode {
    /// Every value.
    #[default]
    Any,
    /// Only the listed ones.
    Only,
    /// All but the listed ones.
    Except,
}

/// One rule: in or out, by a list picked from the PSA's own values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ListRule {
    pub mode: ScopeMode,
    pub items: Vec<Party>,
}

/// What to do with alerts, bounces and auto-replies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum MachineText {
    #[default]
    Skip,
    Score,
}

/// Which tickets are analysed; the first rule that leaves one out is the one named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Scope {
    pub boards: ListRule,
    pub kinds: ListRule,
    pub sources: ListRule,
    pub clients: ListRule,
    pub machine_text: MachineText,
    /// A prepared note with fewer words (title included) is skipped.
    pub min_words: u32,
}

impl Default for Scope {
    fn default() -> Self {
        Self {
            boards: ListRule::default(),
            kinds: ListRule::default(),
            sources: ListRule::default(),
            clients: ListRule::default(),
            machine_text: MachineText::Skip,
            min_words: 3,
        }
    }
}

impl Scope {
    /// Why `ticket` is not analysed, in a sentence that names the rule; `None`: it is.
    ///
    /// `words` counts the title and the prepared note together.
    pub fn judge(&self, ticket: &Ticket, words: usize) -> Option<String> {
        let lists = [
            (ticket.psa.board_word(), &self.boards, &ticket.board),
            ("type", &self.kinds, &ticket.kind),
            ("source", &self.sources, &ticket.source),
            ("client", &self.clients, &ticket.client),
        ];
        let left_out =
            lists.into_iter().find_map(|(word, rule, value)| rule.leaves_out(word, value.as_ref()));
        left_out.or_else(|| {
            let least = usize::try_from(self.min_words).unwrap_or(usize::MAX);
            (words < least).then(|| format!("too little text: {words} of at least {least} words"))
        })
    }
}

impl ListRule {
    /// A ticket without a value is in no list: `Except` lets it in, `Only` leaves it out.
    fn leaves_out(&self, word: &str, value: Option<&Party>) -> Option<String> {
        let listed = value.is_some_and(|value| self.items.iter().any(|item| same(item, value)));
        match (self.mode, value) {
            (ScopeMode::Only, Some(value)) if !listed => {
                Some(format!("the {word} “{}” is not among those that are analysed", shown(value)))
            }
            (ScopeMode::Only, None) => {
                Some(format!("the ticket has no {word}, and only listed ones are analysed"))
            }
            (ScopeMode::Except, Some(value)) if listed => {
                Some(format!("the {word} “{}” is among those left out", shown(value)))
            }
            _ => None,
        }
    }
}

/// By id; by name only where one side has no id (some PSA answers give a name alone).
fn same(one: &Party, other: &Party) -> bool {
    if one.id.is_empty() || other.id.is_empty() {
        !one.name.is_empty() && one.name.to_lowercase() == other.name.to_lowercase()
    } else {
        one.id == other.id
    }
}

fn shown(party: &Party) -> &str {
    if party.name.is_empty() { &party.id } else { &party.name }
}
