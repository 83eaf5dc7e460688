//! What makes a policy one that [`crate::decide()`] can follow as its owner means it.

use super::{Escalation, InvalidPolicy, LeverRule, Policy, ScoreField};
use crate::{Choice, ListRule, Scope, ScopeMode, Score};
use std::collections::BTreeMap;

/// Values of one lever; the longest lists seen in a PSA have a few dozen.
const MAX_RANKING: usize = 200;
/// Autotask allows 300 user-defined fields; one score in more than a few is a mistake.
const MAX_SCORE_FIELDS: usize = 20;
/// Entries of one scope list.
const MAX_SCOPE_ITEMS: usize = 1_000;
/// Longest id, label or field name, in characters.
const MAX_NAME: usize = 200;
/// More words than that in a first note are rare: a higher bound would leave out nearly every ticket.
const MAX_MIN_WORDS: u32 = 100;

type Checked = Result<(), InvalidPolicy>;

fn wrong<T>(field: impl Into<String>, message: impl Into<String>) -> Result<T, InvalidPolicy> {
    Err(InvalidPolicy { field: field.into(), message: message.into() })
}

impl Policy {
    /// Checks that every table means what it says; the first fault is named with its dotted path.
    pub fn validate(&self) -> Result<(), InvalidPolicy> {
        let updates = &self.updates;
        let rules =
            [("priority", &updates.priority), ("severity", &updates.severity), ("impact", &updates.impact)];
        for (name, rule) in rules {
            if let Some(rule) = rule {
                lever_rule(&format!("updates.{name}"), rule)?;
            }
        }
        score_fields(&updates.score_fields)?;
        escalation(&self.escalation)?;
        scope(&self.scope)
    }
}

fn lever_rule(path: &str, rule: &LeverRule) -> Checked {
    let at = format!("{path}.ranking");
    if rule.ranking.len() > MAX_RANKING {
        return wrong(at, format!("has {} values; at most {MAX_RANKING} are possible", rule.ranking.len()));
    }
    for (index, ranked) in rule.ranking.iter().enumerate() {
        choice(&at, ranked)?;
        if rule.ranking.iter().take(index).any(|earlier| earlier == ranked) {
            return wrong(
                at,
                format!("“{}” stands in it twice; list each value once, mildest first", ranked.shown()),
            );
        }
    }

    let at = format!("{path}.values");
    let mut before: Option<(usize, Score, &Choice)> = None;
    for (&score, value) in &rule.values {
        choice(&at, value)?;
        let Some(rank) = rule.ranking.iter().position(|ranked| ranked == value) else {
            return wrong(
                at,
                format!("“{}”, set for score {score}, is not in the ranking of values", value.shown()),
            );
        };
        if let Some((_, lower, milder)) = before.filter(|&(lower_rank, ..)| rank < lower_rank) {
            let (value, milder) = (value.shown(), milder.shown());
            let message = format!("score {score} gives “{value}”, milder than “{milder}” for score {lower}");
            return wrong(at, message);
        }
        before = Some((rank, score, value));
    }
    Ok(())
}

fn score_fields(fields: &[ScoreField]) -> Checked {
    let at = "updates.score_fields";
    if fields.len() > MAX_SCORE_FIELDS {
        return wrong(at, format!("has {} fields; at most {MAX_SCORE_FIELDS} are possible", fields.len()));
    }
    for (index, field) in fields.iter().enumerate() {
        name(&format!("{at}.field"), &field.field, "the field's exact name in the PSA is missing")?;
        if fields.iter().take(index).any(|earlier| earlier.field == field.field) {
            return wrong(
                format!("{at}.field"),
                format!("“{}” is named twice; a field takes one score", field.field),
            );
        }
        one_run_each(&format!("{at}.values"), &field.values)?;
    }
    Ok(())
}

/// A list field has no ranking of its own: its order is the order of the scores. A value that returns after another
/// would be both milder and more severe than that one.
fn one_run_each(at: &str, values: &BTreeMap<Score, Choice>) -> Checked {
    let mut runs: Vec<&Choice> = Vec::new();
    for (score, value) in values {
        choice(at, value)?;
        if runs.last() == Some(&value) {
            continue;
        }
        if runs.contains(&value) {
            return wrong(
                at,
                format!("“{}” comes back at score {score} after a more severe value", value.shown()),
            );
        }
        runs.push(value);
    }
    Ok(())
}

fn escalation(target: &Escalation) -> Checked {
    let targets = [
        ("owner", &target.owner),
        ("team", &target.team),
        ("status", &target.status),
        ("board", &target.board),
    ];
    for (word, to) in targets {
        if let Some(to) = to {
            choice(&format!("escalation.{word}"), to)?;
        }
    }
    if target.board.is_some() && target.status.is_none() {
        return wrong(
            "escalation.status",
            "choose a status of the new board: a ticket cannot move there without one",
        );
    }
    Ok(())
}

fn scope(scope: &Scope) -> Checked {
    let lists = [
        ("boards", &scope.boards),
        ("kinds", &scope.kinds),
        ("sources", &scope.sources),
        ("clients", &scope.clients),
    ];
    for (word, rule) in lists {
        list_rule(&format!("scope.{word}.items"), rule)?;
    }
    if scope.min_words > MAX_MIN_WORDS {
        return wrong(
            "scope.min_words",
            format!("is {}; at most {MAX_MIN_WORDS} is possible", scope.min_words),
        );
    }
    Ok(())
}

fn list_rule(at: &str, rule: &ListRule) -> Checked {
    if rule.mode == ScopeMode::Only && rule.items.is_empty() {
        return wrong(at, "is empty, so that no ticket would be analysed; choose at least one, or allow any");
    }
    if rule.items.len() > MAX_SCOPE_ITEMS {
        return wrong(
            at,
            format!("has {} entries; at most {MAX_SCOPE_ITEMS} are possible", rule.items.len()),
        );
    }
    for item in &rule.items {
        let either = if item.id.trim().is_empty() { &item.name } else { &item.id };
        name(at, either, "an entry has neither an id nor a name")?;
    }
    Ok(())
}

fn choice(at: &str, choice: &Choice) -> Checked {
    name(at, &choice.id, "a value has no id; pick it from the PSA's own list")?;
    if choice.label.is_empty() { Ok(()) } else { name(at, &choice.label, "a value has an empty label") }
}

fn name(at: &str, text: &str, missing: &str) -> Checked {
    if text.trim().is_empty() {
        return wrong(at, missing);
    }
    if text.chars().count() > MAX_NAME {
        return wrong(at, format!("a name is longer than {MAX_NAME} characters"));
    }
    if text.chars().any(char::is_control) {
        return wrong(at, "a name holds a line break or another control character");
    }
    Ok(())
}
