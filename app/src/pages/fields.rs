//! What a form of the settings pages sent, before it means anything.

use std::collections::BTreeMap;

/// Field name → value, as typed.
pub type Fields = BTreeMap<String, String>;

/// What is wrong, and beside which field to say so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub field: String,
    pub message: String,
}

impl Problem {
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}
