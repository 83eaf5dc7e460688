//! The models: [`Model`] is the seam. Providers do transport only; what an answer must look like is
//! [`crate::scoring`]'s business, so that no provider can bend the contract.

pub mod builtin;
pub mod openai;

use crate::outside::{CallError, Caller};
use async_trait::async_trait;
use domain::{ModelSettings, Price, Report};
use std::sync::Arc;

/// What a model is asked.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// Instructions; ours and the tenant's.
    pub system: String,
    /// The ticket, as data.
    pub user: String,
    /// The ticket as it is, for the built-in analyser, which needs no words around it.
    pub title: String,
    pub text: String,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Completion {
    /// The text of the answer, complete.
    Text { text: String, usage: Usage },
    /// The model, or a filter before or after it, declined; in words.
    Declined { why: String, usage: Usage },
    /// The answer was cut off (length).
    Truncated { text: String, usage: Usage },
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub tokens_in: i64,
    pub tokens_out: i64,
    /// The model's name as the answer gives it.
    pub model: String,
}

#[async_trait]
pub trait Model: Send + Sync {
    /// For lists and notes.
    fn name(&self) -> String;
    /// One answer to one prompt. `repair` is an earlier answer and what was wrong with it.
    async fn complete(&self, prompt: &Prompt, repair: Option<(&str, &str)>) -> Result<Completion, CallError>;
    /// A small real call.
    async fn probe(&self) -> Report;
    /// What the tenant says it costs.
    fn price(&self) -> Option<Price> {
        None
    }
    /// The last questions failed in a row, so that asking pauses.
    fn is_out(&self) -> bool {
        false
    }
}

/// Opens a model; no request is sent yet.
pub fn open(settings: &ModelSettings, caller: Caller) -> Arc<dyn Model> {
    match settings {
        ModelSettings::Builtin {} => Arc::new(builtin::Builtin),
        ModelSettings::OpenAi { .. } | ModelSettings::Azure { .. } => {
            Arc::new(openai::OpenAi::new(settings, caller))
        }
    }
}
