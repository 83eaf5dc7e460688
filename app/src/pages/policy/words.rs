//! A policy in plain sentences, as the page reads it back while a person picks.

use super::form::{MAPPED, RULES, rule, scope_rule};
use domain::{
    Dimension, Driver, Escalation, Lever, LeverRule, Mode, NoteStyle, Outage, Policy, PsaKind, ScopeMode,
    Score,
};

/// What a policy will do, and what in it will never do anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub sentences: Vec<String>,
    /// Parts that contradict each other or can never apply.
    pub warnings: Vec<String>,
}

/// Reads a policy aloud. `psa` chooses the words; without one the general ones are used.
pub fn summary(policy: &Policy, psa: Option<PsaKind>) -> Summary {
    let psa = psa.unwrap_or(PsaKind::ConnectWise);
    let mut out = Summary::default();
    say_escalation(&mut out, policy, psa);
    for (lever, _) in MAPPED {
        if let Some(rule) = rule(&policy.updates, &lever) {
            say_lever(&mut out, policy, lever.word(psa), rule);
        }
    }
    for field in &policy.updates.score_fields {
        out.sentences.push(format!(
            "Write the {} score into the field “{}”.",
            field.dimension.word(),
            field.field
        ));
    }
    if policy.updates == domain::Updates::default() && policy.escalation.is_empty() {
        out.warnings.push("Nothing is mapped yet: tickets are scored, and nothing else happens.".into());
    }
    if Dimension::ALL.into_iter().all(|dimension| policy.thresholds.of(dimension).is_none()) {
        out.warnings.push("Every threshold is off: tickets are scored, and nothing else happens.".into());
    }
    say_scope(&mut out, policy, psa);
    out.sentences.push(match policy.notes {
        NoteStyle::PerAction => {
            "Write one internal note for changed fields and one for the hand-over.".into()
        }
        NoteStyle::Folded => "Write one internal note that tells everything.".into(),
    });
    if policy.outage == Outage::Builtin {
        out.sentences
            .push("While your model is out, let the built-in analyser read, and mark what it read.".into());
    }
    out
}

/// What the mode means, in a sentence.
pub fn mode_sentence(mode: Mode) -> &'static str {
    match mode {
        Mode::Shadow => {
            "Every ticket is read and scored, and shown with what would have been done. Nothing is written into your PSA."
        }
        Mode::Live => {
            "Where a threshold is reached, fields are raised, tickets are handed over and internal notes are written in your PSA."
        }
    }
}

/// "4 or greater", or "5".
pub fn or_greater(score: Score) -> String {
    if score == Score::MAX { "5".into() } else { format!("{score} or greater") }
}

fn say_escalation(out: &mut Summary, policy: &Policy, psa: PsaKind) {
    if policy.escalation.is_empty() {
        return;
    }
    match policy.thresholds.sentiment {
        Some(from) => {
            out.sentences.push(format!(
                "When sentiment is {}, {}.",
                or_greater(from),
                handing(&policy.escalation, psa)
            ));
        }
        None => out.warnings.push("The sentiment threshold is off, so no ticket is ever handed over.".into()),
    }
}

/// "hand the ticket to Dana Reyes in Escalations and set status Escalated", as a clause.
fn handing(escalation: &Escalation, psa: PsaKind) -> String {
    let mut parts = Vec::new();
    match (&escalation.owner, &escalation.team) {
        (Some(owner), Some(team)) => {
            parts.push(format!("hand the ticket to {} in {}", owner.shown(), team.shown()))
        }
        (Some(owner), None) => parts.push(format!("hand the ticket to {}", owner.shown())),
        (None, Some(team)) => {
            parts.push(format!("hand the ticket to the {} {}", Lever::Team.word(psa), team.shown()))
        }
        (None, None) => {}
    }
    if let Some(board) = &escalation.board {
        parts.push(format!("move it to the board {}", board.shown()));
    }
    if let Some(status) = &escalation.status {
        parts.push(format!("set its status to {}", status.shown()));
    }
    and(&parts)
}

fn say_lever(out: &mut Summary, policy: &Policy, word: &str, rule: &LeverRule) {
    let (from, when) = match rule.driver {
        Driver::Sentiment => driven(policy, Dimension::Sentiment),
        Driver::Urgency => driven(policy, Dimension::Urgency),
        Driver::Impact => driven(policy, Dimension::Impact),
        Driver::Highest => {
            let lowest =
                Dimension::ALL.into_iter().filter_map(|dimension| policy.thresholds.of(dimension)).min();
            (lowest, "the highest score that reached its threshold".to_owned())
        }
    };
    let Some(from) = from else {
        out.warnings
            .push(format!("The {word} follows {when}, whose threshold is off: it will never change."));
        return;
    };
    let steps = steps(rule, from);
    if steps.is_empty() {
        out.warnings
            .push(format!("The {word} has no value for any score from {from} on: it will never change."));
        return;
    }
    let steps: Vec<String> = steps.iter().map(|(score, label)| format!("{score} → {label}")).collect();
    out.sentences.push(format!("Raise the {word} by {when}: {}.", steps.join(", ")));
}

fn driven(policy: &Policy, dimension: Dimension) -> (Option<Score>, String) {
    (policy.thresholds.of(dimension), dimension.word().to_owned())
}

/// What each score from the threshold on gives: a score without a value takes the next lower one's.
fn steps(rule: &LeverRule, from: Score) -> Vec<(Score, String)> {
    Score::ALL
        .into_iter()
        .filter(|score| *score >= from)
        .filter_map(|score| {
            rule.values.range(..=score).next_back().map(|(_, choice)| (score, choice.shown().to_owned()))
        })
        .collect()
}

fn say_scope(out: &mut Summary, policy: &Policy, psa: PsaKind) {
    for which in RULES {
        let rule = scope_rule(&policy.scope, which);
        if rule.mode == ScopeMode::Any {
            continue;
        }
        let names: Vec<String> = rule.items.iter().map(|item| item.name.clone()).collect();
        let list = shortened(&names);
        let word = scope_word(which, psa);
        out.sentences.push(match rule.mode {
            ScopeMode::Only => format!("Only tickets whose {word} is {list}."),
            _ => format!("Leave out tickets whose {word} is {list}."),
        });
    }
}

/// What a scope rule is about, as the PSA calls it.
pub fn scope_word(which: &str, psa: PsaKind) -> &'static str {
    match (which, psa) {
        ("boards", psa) => psa.board_word(),
        ("kinds", PsaKind::Autotask) => "ticket category",
        ("kinds", _) => "ticket type",
        ("sources", _) => "source",
        (_, PsaKind::HaloPsa) => "customer",
        _ => "company",
    }
}

/// What one version changed against the one before, in a few words each.
pub fn differences(before: &Policy, after: &Policy, psa: Option<PsaKind>) -> Vec<String> {
    let psa = psa.unwrap_or(PsaKind::ConnectWise);
    let mut out = Vec::new();
    if before.mode != after.mode {
        out.push(if after.mode == Mode::Live {
            "went live".to_owned()
        } else {
            "back to shadow mode".to_owned()
        });
    }
    for dimension in Dimension::ALL {
        let (old, new) = (before.thresholds.of(dimension), after.thresholds.of(dimension));
        if old != new {
            let say =
                |threshold: Option<Score>| threshold.map_or("off".to_owned(), |score| score.to_string());
            out.push(format!("{} threshold {} → {}", dimension.word(), say(old), say(new)));
        }
    }
    for (lever, _) in MAPPED {
        if rule(&before.updates, &lever) != rule(&after.updates, &lever) {
            out.push(format!("mapping of {}", lever.word(psa)));
        }
    }
    let parts = [
        (before.updates.score_fields != after.updates.score_fields, "user-defined fields"),
        (before.escalation != after.escalation, "hand-over"),
        (before.notes != after.notes, "notes"),
        (before.outage != after.outage, "when the model is out"),
        (before.scope != after.scope, "which tickets"),
    ];
    out.extend(parts.into_iter().filter(|(differs, _)| *differs).map(|(_, words)| words.to_owned()));
    out
}

fn shortened(names: &[String]) -> String {
    const SHOWN: usize = 4;
    if names.len() <= SHOWN {
        return or(names);
    }
    format!("{} or one of {} more", names[..SHOWN].join(", "), names.len() - SHOWN)
}

fn or(parts: &[String]) -> String {
    joined(parts, "or")
}

fn and(parts: &[String]) -> String {
    joined(parts, "and")
}

fn joined(parts: &[String], word: &str) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} {word} {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{Choice, ListRule, Party, Thresholds};
    use std::collections::BTreeMap;

    fn score(number: i64) -> Score {
        Score::new(number).unwrap()
    }

    fn said(policy: &Policy, psa: PsaKind) -> String {
        summary(policy, Some(psa)).sentences.join("\n")
    }

    fn warned(policy: &Policy) -> String {
        summary(policy, None).warnings.join("\n")
    }

    fn mapped(driver: Driver) -> Policy {
        let mut policy = Policy::default();
        policy.updates.severity = Some(LeverRule {
            driver,
            values: BTreeMap::from([
                (score(2), Choice::new("m", "Medium")),
                (score(5), Choice::new("h", "High")),
            ]),
            ranking: vec![Choice::new("m", "Medium"), Choice::new("h", "High")],
        });
        policy
    }

    #[test]
    fn an_escalation_reads_as_a_sentence_with_the_words_of_the_psa() {
        let mut policy = Policy::default();
        policy.escalation.team = Some(Choice::new("1", "Escalations"));
        assert!(
            said(&policy, PsaKind::Autotask)
                .contains("When sentiment is 4 or greater, hand the ticket to the queue Escalations.")
        );
        policy.escalation.owner = Some(Choice::new("2", "Dana"));
        policy.escalation.status = Some(Choice::new("3", "Escalated"));
        let said = said(&policy, PsaKind::HaloPsa);
        assert!(
            said.contains("hand the ticket to Dana in Escalations and set its status to Escalated."),
            "{said}"
        );
    }

    #[test]
    fn a_mapping_names_each_score_from_the_threshold_on_and_fills_gaps_from_below() {
        let policy = mapped(Driver::Urgency);
        assert!(
            said(&policy, PsaKind::ConnectWise)
                .contains("Raise the severity by urgency: 4 → Medium, 5 → High.")
        );
        assert!(said(&policy, PsaKind::HaloPsa).contains("Raise the urgency by urgency"));
    }

    #[test]
    fn five_is_never_called_five_or_greater() {
        assert_eq!(or_greater(score(5)), "5");
        assert_eq!(or_greater(score(1)), "1 or greater");
    }

    #[test]
    fn what_can_never_apply_is_warned_about() {
        let mut policy = mapped(Driver::Impact);
        policy.thresholds.impact = None;
        assert!(warned(&policy).contains("severity follows impact, whose threshold is off"));

        let mut policy = Policy::default();
        assert!(warned(&policy).contains("Nothing is mapped yet"));
        policy.thresholds = Thresholds { sentiment: None, urgency: None, impact: None };
        policy.escalation.owner = Some(Choice::new("2", "Dana"));
        assert!(warned(&policy).contains("no ticket is ever handed over"));
        assert!(warned(&policy).contains("Every threshold is off"));
    }

    #[test]
    fn a_version_tells_what_it_changed() {
        let before = Policy::default();
        let mut after = mapped(Driver::Urgency);
        after.mode = Mode::Live;
        after.thresholds.impact = None;
        after.escalation.owner = Some(Choice::new("2", "Dana"));
        let told = differences(&before, &after, Some(PsaKind::HaloPsa));
        assert_eq!(told, ["went live", "impact threshold 4 → off", "mapping of urgency", "hand-over"]);
        assert!(differences(&before, &before, None).is_empty());
    }

    #[test]
    fn long_lists_are_shortened() {
        let mut policy = Policy::default();
        let items = (0..9).map(|n| Party { id: n.to_string(), name: format!("Client {n}") }).collect();
        policy.scope.clients = ListRule { mode: ScopeMode::Except, items };
        let said = said(&policy, PsaKind::ConnectWise);
        assert!(
            said.contains(
                "Leave out tickets whose company is Client 0, Client 1, Client 2, Client 3 or one of 5 more."
            ),
            "{said}"
        );
    }
}
