//! The analyser in this program: no account, no network, deterministic.

use super::{Completion, Model, Prompt, Usage};
use crate::outside::CallError;
use async_trait::async_trait;
use domain::{Assessment, Report};

pub struct Builtin;

/// Scores a ticket by the words in it.
pub fn assess(_title: &str, _text: &str) -> Assessment {
    unimplemented!()
}

#[async_trait]
impl Model for Builtin {
    fn name(&self) -> String {
        "built-in analyser".into()
    }
    async fn complete(
        &self,
        prompt: &Prompt,
        _repair: Option<(&str, &str)>,
    ) -> Result<Completion, CallError> {
        let text = serde_json::to_string(&assess(&prompt.title, &prompt.text)).unwrap_or_default();
        Ok(Completion::Text { text, usage: Usage { model: self.name(), ..Usage::default() } })
    }
    async fn probe(&self) -> Report {
        let mut report = Report::default();
        report.pass("Built-in analyser", "Ready: it runs inside Undertone and needs no account.");
        report
    }
}
