//! Asks the model, repairs once, abstains rather than guesses.

use super::parse::parse;
use super::prompt;
use crate::llm::{Completion, Model, Prompt, Usage};
use crate::outside::CallError;
use domain::{Assessment, Price};
use std::time::Instant;
use store::analyses::Provenance;
use store::tickets::ReadTicket;

/// The model's verdict on a ticket.
#[derive(Clone, Debug)]
pub enum Verdict {
    Scored(Assessment),
    /// No scores and no action; the reason in words.
    Abstained(String),
}

/// Scores a ticket: one question, and one repair where the answer cannot be used.
///
/// `template`: the tenant's own and its version, or `None` for the built-in one.
/// An error means that there was no answer to judge; whether to wait, pause or give up is the queue's to decide.
pub async fn score(
    model: &dyn Model,
    template: Option<(&str, i64)>,
    ticket: &ReadTicket,
) -> Result<(Verdict, Provenance), CallError> {
    let prompt_version = template.map_or(0, |(_, version)| version);
    let prompt = match prompt::render(template.map(|(text, _)| text), ticket) {
        Ok(prompt) => prompt,
        Err(error) => {
            let reason = format!("The prompt template does not work for this ticket ({error}).");
            return Ok((
                Verdict::Abstained(reason),
                Provenance { model: model.name(), prompt_version, ..Provenance::default() },
            ));
        }
    };
    let mut talk = Talk {
        provenance: Provenance {
            model: model.name(),
            prompt_version,
            prompt: shown(&prompt),
            ..Provenance::default()
        },
        model,
        prompt: &prompt,
    };
    let verdict = talk.run().await?;
    Ok((verdict, priced(talk.provenance, model.price())))
}

/// With what it cost, both questions together.
fn priced(provenance: Provenance, price: Option<Price>) -> Provenance {
    let tokens = |count: i64| u64::try_from(count).unwrap_or(0);
    let cost = price.map(|price| price.of(tokens(provenance.tokens_in), tokens(provenance.tokens_out)));
    Provenance { price, cost, ..provenance }
}

/// The messages as a person reads them.
pub fn shown(prompt: &Prompt) -> String {
    format!("[system]\n{}\n\n[user]\n{}", prompt.system, prompt.user)
}

/// At most two questions, and what they used.
struct Talk<'a> {
    model: &'a dyn Model,
    prompt: &'a Prompt,
    provenance: Provenance,
}

/// An answer that cannot be used.
struct Failed {
    answer: String,
    wrong: String,
}

impl Talk<'_> {
    async fn run(&mut self) -> Result<Verdict, CallError> {
        let failed = match self.ask(None).await? {
            Ok(verdict) => return Ok(verdict),
            Err(failed) => failed,
        };
        self.provenance.repaired = true;
        Ok(match self.ask(Some((&failed.answer, &failed.wrong))).await? {
            Ok(verdict) => verdict,
            Err(again) => Verdict::Abstained(format!(
                "The model's answer could not be used, even when asked again: {}.",
                again.wrong
            )),
        })
    }

    async fn ask(&mut self, repair: Option<(&str, &str)>) -> Result<Result<Verdict, Failed>, CallError> {
        let started = Instant::now();
        let completion = self.model.complete(self.prompt, repair).await;
        let took = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.provenance.model_ms = self.provenance.model_ms.saturating_add(took);
        Ok(match completion? {
            Completion::Declined { why, usage } => {
                self.note(&why, usage);
                Ok(Verdict::Abstained(format!("The model gave no scores: {why}.")))
            }
            Completion::Truncated { text, usage } => {
                self.note(&text, usage);
                Err(Failed {
                    answer: text,
                    wrong: "it was cut off before its end; keep the reasons short".into(),
                })
            }
            Completion::Text { text, usage } => {
                self.note(&text, usage);
                match parse(&text, &self.prompt.title, &self.prompt.text) {
                    Ok(assessment) => Ok(Verdict::Scored(assessment)),
                    Err(wrong) => Err(Failed { answer: text, wrong: wrong.to_string() }),
                }
            }
        })
    }

    fn note(&mut self, answer: &str, usage: Usage) {
        let provenance = &mut self.provenance;
        if provenance.repaired {
            provenance.answer.push_str("\n\n[asked again]\n");
        }
        provenance.answer.push_str(answer);
        provenance.tokens_in += usage.tokens_in;
        provenance.tokens_out += usage.tokens_out;
        if !usage.model.is_empty() {
            provenance.model = usage.model;
        }
    }
}
