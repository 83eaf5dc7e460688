//! The heart: from a policy, a ticket, its history and an assessment to a plan. Total and deterministic.

use crate::policy::{Driver, LeverRule, NoteStyle, Policy, ScoreField};
use crate::{
    Action, ActionKey, ActionKind, Assessment, Change, Choice, Dimension, Label, Lever, Plan, Score, Ticket,
    Untouched, UntouchedWhy,
};
use serde::{Deserialize, Serialize};

/// What happened to this ticket before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// An escalation was planned or carried out before: once per ticket.
    pub escalated: bool,
}

/// What should happen to `ticket`, given the tenant's `policy`.
///
/// Never lowers a lever, escalates at most once per ticket, touches no closed ticket, and explains each thing it does
/// and each it leaves. Total: it also has an answer for a policy that [`Policy::validate`] would refuse.
/// The same input always gives the same plan, and shadow mode differs from live mode in [`Plan::mode`] alone.
pub fn decide(policy: &Policy, ticket: &Ticket, history: History, assessment: &Assessment) -> Plan {
    let reached: Vec<Dimension> =
        Dimension::ALL.into_iter().filter(|&dimension| reaches(policy, assessment, dimension)).collect();
    let mut draft = Draft { policy, ticket, assessment, reached: &reached, untouched: Vec::new() };

    let (updates, escalation) =
        if draft.closed() { (Vec::new(), Vec::new()) } else { (draft.updates(), draft.escalation(history)) };
    let untouched = draft.untouched;

    let actions = arrange(updates, escalation, policy.notes);
    let label = Label::of(assessment.sentiment.score, policy.thresholds.sentiment);
    let sentences = explain(policy, ticket, assessment, &reached, &actions, &untouched);
    Plan { mode: policy.mode, label, reached, actions, untouched, sentences }
}

impl Label {
    /// `negative` when sentiment ≥ its threshold (off counts as 6), otherwise `positive` for 1 and 2, otherwise `neutral`.
    pub fn of(sentiment: Score, threshold: Option<Score>) -> Self {
        if threshold.is_some_and(|from| sentiment >= from) {
            Self::Negative
        } else if sentiment.get() <= 2 {
            Self::Positive
        } else {
            Self::Neutral
        }
    }
}

fn reaches(policy: &Policy, assessment: &Assessment, dimension: Dimension) -> bool {
    policy.thresholds.of(dimension).is_some_and(|from| assessment.score(dimension) >= from)
}

struct Draft<'a> {
    policy: &'a Policy,
    ticket: &'a Ticket,
    assessment: &'a Assessment,
    reached: &'a [Dimension],
    untouched: Vec<Untouched>,
}

impl Draft<'_> {
    /// Raising a closed ticket helps nobody, and a new status would open it again.
    fn closed(&mut self) -> bool {
        let closed = self.ticket.closed && !self.reached.is_empty();
        if closed {
            self.leave(None, UntouchedWhy::Closed, "nothing is changed: the ticket is closed".into());
        }
        closed
    }

    fn updates(&mut self) -> Vec<Change> {
        let rules = &self.policy.updates;
        let levers = [
            (Lever::Priority, rules.priority.as_ref()),
            (Lever::Severity, rules.severity.as_ref()),
            (Lever::Impact, rules.impact.as_ref()),
        ];
        let mut changes = Vec::new();
        for (lever, rule) in levers {
            let Some(rule) = rule else { continue };
            let Some(driving) = self.driving(rule.driver) else { continue };
            if self.has(&lever) {
                changes.extend(self.raise(lever, rule, driving));
            }
        }
        for field in &rules.score_fields {
            changes.extend(self.score_field(field));
        }
        changes
    }

    /// Whether this PSA has the lever at all; a policy may be older than the connection.
    fn has(&mut self, lever: &Lever) -> bool {
        let psa = self.ticket.psa;
        let there = lever.exists_in(psa);
        if !there {
            let sentence = format!("{} stays: {} has no such field", lever.word(psa), psa.name());
            self.leave(Some(lever.clone()), UntouchedWhy::NoSuchField, sentence);
        }
        there
    }

    /// The dimension that chooses the value, if it reached its threshold.
    fn driving(&self, driver: Driver) -> Option<Dimension> {
        let one = |dimension| self.reached.contains(&dimension).then_some(dimension);
        match driver {
            Driver::Sentiment => one(Dimension::Sentiment),
            Driver::Urgency => one(Dimension::Urgency),
            Driver::Impact => one(Dimension::Impact),
            // `max_by_key` keeps the last of equals; reversed, the first in the order of `Dimension::ALL` wins.
            Driver::Highest => self.reached.iter().rev().copied().max_by_key(|&d| self.assessment.score(d)),
        }
    }

    fn raise(&mut self, lever: Lever, rule: &LeverRule, driving: Dimension) -> Option<Change> {
        let score = self.assessment.score(driving);
        let word = lever.word(self.ticket.psa).to_owned();
        let Some((_, wanted)) = rule.values.range(..=score).next_back() else {
            self.leave(
                Some(lever),
                UntouchedWhy::Unmapped,
                format!("{word} stays: no value is set for {} {score}", driving.word()),
            );
            return None;
        };
        let current = self.ticket.lever(&lever).cloned();
        let rank = |choice: &Choice| rule.ranking.iter().position(|ranked| ranked == choice);
        let Some(wanted_rank) = rank(wanted) else {
            let sentence = format!("{word} stays: “{}” is not in the ranking of values", wanted.shown());
            self.leave(Some(lever), UntouchedWhy::Unranked, sentence);
            return None;
        };
        if let Some(now) = &current {
            let Some(current_rank) = rank(now) else {
                let sentence = format!(
                    "{word} stays: its present value “{}” is not in the ranking of values",
                    now.shown()
                );
                self.leave(Some(lever), UntouchedWhy::Unranked, sentence);
                return None;
            };
            if current_rank >= wanted_rank {
                let sentence = format!(
                    "{word} stays “{}”: it is already as severe as “{}”",
                    now.shown(),
                    wanted.shown()
                );
                self.leave(Some(lever), UntouchedWhy::AlreadyAsSevere, sentence);
                return None;
            }
        }
        Some(Change { lever, from: current, to: wanted.clone(), because: self.because(driving) })
    }

    fn score_field(&mut self, field: &ScoreField) -> Option<Change> {
        if !self.reached.contains(&field.dimension) {
            return None;
        }
        let score = self.assessment.score(field.dimension);
        let name = &field.field;
        let lever = Lever::Custom(name.clone());
        let Some(to) = field.value_for(score) else {
            let sentence = format!("{name} stays: no value is set for {} {score}", field.dimension.word());
            self.leave(Some(lever), UntouchedWhy::Unmapped, sentence);
            return None;
        };
        let from = self.ticket.lever(&lever).cloned();
        if let Some(now) = &from {
            let Some(held) = field.score_of(now) else {
                let sentence =
                    format!("{name} stays: its present value “{}” stands for no score", now.shown());
                self.leave(Some(lever), UntouchedWhy::Unranked, sentence);
                return None;
            };
            if held >= score || now == &to {
                let sentence =
                    format!("{name} stays “{}”: it is already as severe as “{}”", now.shown(), to.shown());
                self.leave(Some(lever), UntouchedWhy::AlreadyAsSevere, sentence);
                return None;
            }
        }
        Some(Change { lever, from, to, because: self.because(field.dimension) })
    }

    fn escalation(&mut self, history: History) -> Vec<Change> {
        if !self.reached.contains(&Dimension::Sentiment) {
            return Vec::new();
        }
        let target = &self.policy.escalation;
        if target.is_empty() {
            self.leave(
                None,
                UntouchedWhy::NothingConfigured,
                "not escalated: no owner, team or status is set".into(),
            );
            return Vec::new();
        }
        if history.escalated {
            self.leave(
                None,
                UntouchedWhy::EscalatedBefore,
                "not escalated: this ticket was escalated before".into(),
            );
            return Vec::new();
        }
        let because = self.because(Dimension::Sentiment);
        let wanted = [
            (Lever::Board, &target.board),
            (Lever::Status, &target.status),
            (Lever::Team, &target.team),
            (Lever::Owner, &target.owner),
        ];
        let mut changes = Vec::new();
        for (lever, to) in wanted {
            let Some(to) = to else { continue };
            if !self.has(&lever) {
                continue;
            }
            let from = self.ticket.lever(&lever).cloned();
            if from.as_ref() == Some(to) {
                let sentence = format!("{} is already “{}”", lever.word(self.ticket.psa), to.shown());
                self.leave(Some(lever), UntouchedWhy::AlreadyThere, sentence);
                continue;
            }
            changes.push(Change { lever, from, to: to.clone(), because: because.clone() });
        }
        changes
    }

    fn because(&self, dimension: Dimension) -> String {
        let score = self.assessment.score(dimension);
        let threshold = self.policy.thresholds.of(dimension).unwrap_or(score);
        format!("{} {score} ≥ {threshold}", dimension.word())
    }

    fn leave(&mut self, lever: Option<Lever>, why: UntouchedWhy, sentence: String) {
        self.untouched.push(Untouched { lever, why, sentence });
    }
}

fn arrange(updates: Vec<Change>, escalation: Vec<Change>, notes: NoteStyle) -> Vec<Action> {
    let key = |text: &str| ActionKey(text.to_owned());
    let mut actions = Vec::new();
    let mut about = Vec::new();
    let mut put = |name: &str, kind: ActionKind| {
        actions.push(Action { key: key(name), kind });
        match notes {
            NoteStyle::PerAction => actions.push(Action {
                key: ActionKey(format!("note:{name}")),
                kind: ActionKind::Note { about: vec![key(name)] },
            }),
            NoteStyle::Folded => about.push(key(name)),
        }
    };
    if !updates.is_empty() {
        put("update", ActionKind::Update { changes: updates });
    }
    if !escalation.is_empty() {
        put("escalate", ActionKind::Escalate { changes: escalation });
    }
    if !about.is_empty() {
        actions.push(Action { key: key("note"), kind: ActionKind::Note { about } });
    }
    actions
}

fn explain(
    policy: &Policy,
    ticket: &Ticket,
    assessment: &Assessment,
    reached: &[Dimension],
    actions: &[Action],
    untouched: &[Untouched],
) -> Vec<String> {
    let mut sentences = Vec::new();
    for action in actions {
        let (ActionKind::Update { changes } | ActionKind::Escalate { changes }) = &action.kind else {
            continue;
        };
        for change in changes {
            let word = change.lever.word(ticket.psa);
            let from = change.from.as_ref().map_or("empty", |from| from.shown());
            sentences.push(format!("{} → {word} from “{from}” to “{}”", change.because, change.to.shown()));
        }
    }
    sentences.extend(untouched.iter().map(|left| left.sentence.clone()));
    for dimension in Dimension::ALL {
        let (word, score) = (dimension.word(), assessment.score(dimension));
        match policy.thresholds.of(dimension) {
            Some(threshold) if !reached.contains(&dimension) => {
                sentences.push(format!("{word} {score} < {threshold}: below the threshold"));
            }
            Some(threshold) if !policy.listens_to(dimension) => {
                sentences.push(format!("{word} {score} ≥ {threshold}: no field is set to follow it"));
            }
            Some(_) => {}
            None => sentences.push(format!("{word} {score}: its threshold is off")),
        }
    }
    sentences
}
