//! The analyser in this program: no account, no network, deterministic, and it shows the words that counted.
//!
//! It reads the ticket word by word ([`words`]) and looks for what people say to a help desk ([`phrases`]): anger and
//! praise, haste and patience, one person or everyone. Beside that stands a lexicon of feeling words ([`lexicon`]).
//! A calm report of a fault is neutral: "server died", "kill the process" and "fatal error" describe machines, and
//! "thanks" and "sorry" are manners. What moves a score is what goes beyond that.
//!
//! [`polarity`] is the lexicon alone, as colleagues talk to each other; it exists to be measured against labelled texts.

mod impact;
mod language;
mod lexicon;
mod mood;
mod phrases;
mod reading;
#[cfg(test)]
mod tests;
mod urgency;
mod words;

use super::{Completion, Model, Prompt, Usage};
use crate::outside::CallError;
use async_trait::async_trait;
use domain::{Assessment, Report};
pub use lexicon::polarity;

pub struct Builtin;

/// Most of a ticket that is read, in bytes; preparation keeps less.
const MAX_BYTES: usize = 64 * 1024;

/// Scores a ticket by the words in it. Each quotation is a part of `title` or `text`.
pub fn assess(title: &str, text: &str) -> Assessment {
    let clip = |text: &'_ str| text.floor_char_boundary(MAX_BYTES);
    let parts = [&title[..clip(title)], &text[..clip(text)]].map(words::read);
    Assessment { sentiment: mood::read(&parts), urgency: urgency::read(&parts), impact: impact::read(&parts) }
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
