//! From a ticket to an assessment: [`prompt`] asks, the model answers, [`parse`] checks, [`score`] repairs once or abstains.

pub mod parse;
pub mod prompt;
pub mod score;
