//! Which tickets the automation runs on.

use crate::Party;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
pub struct ListRule {
    pub mode: ScopeMode,
    pub items: Vec<Party>,
}

/// What to do with alerts, bounces and auto-replies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MachineText {
    #[default]
    Skip,
    Score,
}

/// Which tickets are analysed; the first rule that leaves one out is the one named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
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
