//! Asks the model, repairs once, abstains rather than guesses.

use crate::llm::Model;
use crate::outside::CallError;
use domain::Assessment;
use store::analyses::Provenance;
use store::tickets::ReadTicket;

/// The model's verdict on a ticket.
#[derive(Clone, Debug)]
pub enum Verdict {
    Scored(Assessment),
    /// No scores and no action; the reason in words.
    Abstained(String),
}

/// `template`: the tenant's own and its version, or `None` for the built-in one.
pub async fn score(
    _model: &dyn Model,
    _template: Option<(&str, i64)>,
    _ticket: &ReadTicket,
) -> Result<(Verdict, Provenance), CallError> {
    unimplemented!()
}
