//! The result of a trial run.

use super::PromptSave;
use crate::form::typed_or;
use crate::ops::{Trial, TrialText};
use crate::ui::{Bars, Mood, Quoted};
use domain::{Assessment, Dimension};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use serde::{Deserialize, Serialize};

/// Where the result waits for the page that shows it.
pub const LEFT: &str = "trial";

/// What is shown of a trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    text: TrialText,
    assessment: Result<Assessment, String>,
    /// What the policy would do, in sentences.
    decision: Vec<String>,
    model: String,
    model_ms: i64,
    tokens: i64,
}

impl Shown {
    pub fn of(text: TrialText, trial: Trial) -> Self {
        Self {
            text,
            assessment: trial.assessment,
            decision: trial.plan.map(|plan| plan.sentences).unwrap_or_default(),
            model: trial.provenance.model,
            model_ms: trial.provenance.model_ms,
            tokens: trial.provenance.tokens_in + trial.provenance.tokens_out,
        }
    }
}

/// The result that the last trial left for this page.
pub fn left() -> Option<AnyView> {
    let shown: Shown = serde_json::from_str(&typed_or(PromptSave::url(), LEFT, "")).ok()?;
    Some(view! { <Outcome shown/> }.into_any())
}

#[component]
fn Outcome(shown: Shown) -> impl IntoView {
    let Shown { text, assessment, decision, model, model_ms, tokens } = shown;
    let cost = if tokens > 0 {
        format!("{model}, {model_ms} ms, {tokens} tokens")
    } else {
        format!("{model}, {model_ms} ms")
    };
    match assessment {
        Ok(assessment) => {
            let readings = Dimension::ALL
                .map(|dimension| {
                    let reading = assessment.reading(dimension).clone();
                    let mark = match dimension {
                        Dimension::Sentiment => view! { <Mood score=reading.score/> }.into_any(),
                        _ => view! { <Bars dimension score=reading.score/> }.into_any(),
                    };
                    view! { <div><dt>{dimension.word()}</dt><dd>{mark}" "{reading.reason}</dd></div> }
                })
                .collect_view();
            let decision = if decision.is_empty() { vec!["Nothing would be done.".to_owned()] } else { decision };
            view! {
                <div class="trial" role="status">
                    <h3 dir="auto">{if text.title.is_empty() { "Your text".to_owned() } else { text.title }}</h3>
                    <blockquote class="trial-text" dir="auto"><Quoted text=text.text assessment=Some(assessment.clone())/></blockquote>
                    <dl class="trial-readings">{readings}</dl>
                    <h4>"What the policy would do"</h4>
                    <ul class="sentences">{decision.into_iter().map(|sentence| view! { <li>{sentence}</li> }).collect_view()}</ul>
                    <p class="quiet">{cost}</p>
                </div>
            }
            .into_any()
        }
        Err(reason) => view! {
            <div class="trial notice notice-warning" role="status"><p>"No scores: "{reason}</p><p class="quiet">{cost}</p></div>
        }
        .into_any(),
    }
}
