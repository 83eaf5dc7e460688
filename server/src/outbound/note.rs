//! The text technicians read: what was changed, from what to what, why, in the customer's own words, and what was not.
//!
//! Each line is a sentence, so that the note stays readable where a PSA shows line breaks as spaces (ConnectWise). It
//! ends with a reference by which we find it again; nothing that a customer or a model wrote can look like one, as
//! their square brackets are turned into round ones.

use crate::psa::NewNote;
use domain::{Action, ActionKind, Assessment, Change, Dimension, Effect, Lever, PsaKind, UntouchedWhy};
use store::analyses::Analysis;
use store::ledger::LedgerRow;

/// The longest note in characters, below every PSA's limit (Autotask: 32,000 for the text and 250 for the title).
pub const MAX_CHARS: usize = 3_000;
const MAX_QUOTE: usize = 200;
const MAX_REASON: usize = 300;
const MAX_VALUE: usize = 80;

/// What a note speaks of.
pub struct Told<'a> {
    pub psa: PsaKind,
    /// The actions it is about, final.
    pub actions: &'a [&'a LedgerRow],
    pub analysis: &'a Analysis,
    pub reference: &'a str,
}

/// Words the note.
pub fn word(told: &Told<'_>) -> NewNote {
    let mut lines: Vec<String> = told.actions.iter().flat_map(|row| told.about_action(row)).collect();
    lines.extend(told.reasons());
    lines.extend(told.left_as_it_was());
    let reference = format!("[Undertone ref {}]", told.reference);
    let body = clip(&lines.join("\n"), MAX_CHARS - reference.chars().count() - 1);
    NewNote {
        title: told.title(),
        text: format!("{body}\n{reference}"),
        reference: told.reference.to_owned(),
    }
}

impl Told<'_> {
    fn title(&self) -> String {
        let escalates = self.actions.iter().any(|row| matches!(row.action.kind, ActionKind::Escalate { .. }));
        let updates = self.actions.iter().any(|row| matches!(row.action.kind, ActionKind::Update { .. }));
        let done = self.actions.iter().any(|row| row.effects.iter().any(Effect::applied));
        let what = match (done, updates, escalates) {
            (false, ..) => "nothing changed",
            (true, true, true) => "updated and escalated",
            (true, _, true) => "escalated",
            (true, ..) => "updated",
        };
        format!("Undertone: {what}")
    }

    /// One sentence for what was done, one for each thing that was not.
    fn about_action(&self, row: &LedgerRow) -> Vec<String> {
        let (ActionKind::Update { changes } | ActionKind::Escalate { changes }) = &row.action.kind else {
            return Vec::new();
        };
        if row.effects.is_empty() {
            let why = row.detail.as_deref().unwrap_or("it was not needed any more");
            return vec![format!("Not done: {}", sentence(why))];
        }
        let done: Vec<String> = row
            .effects
            .iter()
            .filter(|effect| effect.applied())
            .map(|effect| {
                let because = because(changes, &effect.lever);
                format!(
                    "{} from {} to {}{because}",
                    self.lever(&effect.lever),
                    shown(effect.before.as_ref()),
                    shown(Some(&effect.asked))
                )
            })
            .collect();
        let mut lines = Vec::new();
        if !done.is_empty() {
            lines.push(format!("{}: {}.", begun(&row.action), done.join("; ")));
        }
        lines.extend(
            row.effects.iter().filter(|effect| !effect.applied()).map(|effect| self.not_done(effect)),
        );
        lines
    }

    fn not_done(&self, effect: &Effect) -> String {
        let lever = self.lever(&effect.lever);
        let asked = shown(Some(&effect.asked));
        let after = shown(effect.after.as_ref());
        match &effect.left_alone {
            Some(_) if effect.after.as_ref() == Some(&effect.asked) => {
                format!("Left: {lever} is {after} already.")
            }
            Some(why) => {
                format!("Not done: {lever} should have become {asked}, but {} It is {after}.", sentence(why))
            }
            None => format!(
                "Not done: {lever} should have become {asked}; {} took the request without an error, but shows {after}.",
                self.psa.name()
            ),
        }
    }

    /// Why, for each score that these actions come from, with the customer's words.
    fn reasons(&self) -> Vec<String> {
        let Some(assessment) = &self.analysis.assessment else { return Vec::new() };
        let mut lines: Vec<String> = Dimension::ALL
            .into_iter()
            .filter(|&dimension| self.speaks_of(dimension))
            .map(|dimension| reason(assessment, dimension))
            .collect();
        let scores: Vec<String> =
            Dimension::ALL.into_iter().map(|d| format!("{} {}", d.word(), assessment.score(d))).collect();
        lines.push(format!("Scores from 1 (mild) to 5 (severe): {}.", scores.join(", ")));
        if let Some(why) = &self.analysis.provenance.degraded {
            lines.push(sentence(&format!("Read by the built-in analyser, because {why}")));
        }
        lines
    }

    fn speaks_of(&self, dimension: Dimension) -> bool {
        let changes = self.actions.iter().flat_map(|row| match &row.action.kind {
            ActionKind::Update { changes } | ActionKind::Escalate { changes } => changes.as_slice(),
            ActionKind::Note { .. } => &[],
        });
        changes.into_iter().any(|change| change.because.starts_with(dimension.word()))
    }

    /// What a reached threshold speaks of but the policy leaves. With one note per action, each note tells its own part.
    fn left_as_it_was(&self) -> Vec<String> {
        let Some(plan) = &self.analysis.plan else { return Vec::new() };
        let kinds = |escalation: bool| {
            self.actions
                .iter()
                .any(|row| matches!(row.action.kind, ActionKind::Escalate { .. }) == escalation)
        };
        let only_update = !plan.escalates();
        plan.untouched
            .iter()
            // That an escalation is not set up is a matter for the settings, not for each ticket.
            .filter(|left| left.why != UntouchedWhy::NothingConfigured)
            .filter(|left| {
                let escalation = left.lever.as_ref().is_none_or(is_handing_over);
                kinds(escalation) || (escalation && only_update)
            })
            .map(|left| format!("Left: {}", sentence(&left.sentence)))
            .collect()
    }

    fn lever(&self, lever: &Lever) -> String {
        plain(lever.word(self.psa), MAX_VALUE)
    }
}

fn is_handing_over(lever: &Lever) -> bool {
    matches!(lever, Lever::Board | Lever::Status | Lever::Team | Lever::Owner)
}

fn begun(action: &Action) -> &'static str {
    if matches!(action.kind, ActionKind::Escalate { .. }) {
        "Undertone escalated this ticket"
    } else {
        "Undertone updated this ticket"
    }
}

fn because(changes: &[Change], lever: &Lever) -> String {
    let change = changes.iter().find(|change| change.lever == *lever);
    change.map(|change| format!(" ({})", change.because)).unwrap_or_default()
}

fn reason(assessment: &Assessment, dimension: Dimension) -> String {
    let reading = assessment.reading(dimension);
    let why = sentence(&reading.reason);
    let quote = plain(&reading.quote, MAX_QUOTE);
    if quote.is_empty() {
        format!("Why {} {}: {why}", dimension.word(), reading.score)
    } else {
        let end = if quote.ends_with(['.', '!', '?', '…']) { "" } else { "." };
        format!("Why {} {}: {why} The customer wrote: “{quote}”{end}", dimension.word(), reading.score)
    }
}

fn shown(choice: Option<&domain::Choice>) -> String {
    choice.map_or_else(|| "empty".into(), |choice| format!("“{}”", plain(choice.shown(), MAX_VALUE)))
}

/// Text of others as a sentence of ours: on one line, ending in one mark.
fn sentence(text: &str) -> String {
    let text = plain(text, MAX_REASON);
    if text.ends_with(['.', '!', '?', '…']) { text } else { format!("{text}.") }
}

/// Text that others wrote, on one line, without control characters, and without what could look like our reference.
fn plain(text: &str, longest: usize) -> String {
    let harmless: String = text
        .chars()
        .map(|c| match c {
            '[' | '［' | '【' => '(',
            ']' | '］' | '】' => ')',
            c if c.is_control() || is_invisible(c) => ' ',
            c => c,
        })
        .collect();
    clip(&harmless.split_whitespace().collect::<Vec<_>>().join(" "), longest)
}

/// Zero-width and direction-changing characters, which can make a text read as something else.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn clip(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    text.chars().take(longest.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests;
