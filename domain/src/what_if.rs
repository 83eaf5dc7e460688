//! What other thresholds would have done to tickets that were scored already, and which thresholds touch about as many
//! as a person wants. The same code answers in the browser, while a threshold is moved, and on the server.

use crate::{
    ActionKind, Assessment, Choice, Dimension, Escalation, History, Policy, PsaKind, Reading, Score,
    Snapshot, Thresholds, Ticket, Updates, decide,
};
use serde::{Deserialize, Serialize};

/// As much of a scored ticket as a policy decides by, and what people know it by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastTicket {
    /// Of our store, as in addresses: whoever only shows it need not read it.
    pub id: String,
    pub title: String,
    pub psa: PsaKind,
    pub levers: Snapshot,
    pub closed: bool,
    /// Of sentiment, urgency and impact.
    pub scores: [Score; 3],
    /// The policy's scope keeps it from being read at all.
    pub left_out: bool,
}

/// As much of a policy as matters beside the thresholds, once it is known which tickets are left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    pub updates: Updates,
    pub escalation: Escalation,
}

impl From<&Policy> for Rules {
    fn from(policy: &Policy) -> Self {
        Self { updates: policy.updates.clone(), escalation: policy.escalation.clone() }
    }
}

/// What would have been done to one ticket, as if it were seen for the first time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touch {
    /// At least one field raised.
    pub raised: bool,
    pub handed_over: bool,
}

impl Touch {
    pub fn any(self) -> bool {
        self.raised || self.handed_over
    }
}

/// How many tickets would have been touched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Raised, handed over, or both.
    pub touched: usize,
    pub raised: usize,
    pub handed_over: usize,
}

impl Counts {
    pub fn add(&mut self, touch: Touch) {
        self.touched += usize::from(touch.any());
        self.raised += usize::from(touch.raised);
        self.handed_over += usize::from(touch.handed_over);
    }
}

/// What a person wants a certain number of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aim {
    /// Tickets handed over; only sentiment decides.
    HandedOver,
    /// Tickets touched at all; all three thresholds decide.
    Touched,
}

/// One policy on past tickets, for whatever thresholds.
///
/// A threshold matters to a decision by whether a score reaches it and by nothing else, so each ticket is decided once
/// for each of the eight sets of dimensions that may reach theirs. Any thresholds are then a matter of looking up.
#[derive(Clone, Debug)]
pub struct WhatIf {
    outcomes: Vec<Outcome>,
}

#[derive(Clone, Debug)]
struct Outcome {
    scores: [Score; 3],
    /// By the set of dimensions that reached their threshold: bit 0 sentiment, bit 1 urgency, bit 2 impact.
    touches: [Touch; SETS],
}

const SETS: usize = 1 << Dimension::ALL.len();

impl WhatIf {
    pub fn of(rules: &Rules, past: &[PastTicket]) -> Self {
        let Rules { updates, escalation } = rules.clone();
        let mut policy = Policy { updates, escalation, ..Policy::default() };
        Self { outcomes: past.iter().map(|ticket| Outcome::of(&mut policy, ticket)).collect() }
    }

    /// One for each ticket, in their order.
    pub fn touches(&self, thresholds: Thresholds) -> impl Iterator<Item = Touch> {
        self.outcomes.iter().map(move |outcome| outcome.touches[reached(thresholds, outcome.scores)])
    }

    pub fn counts(&self, thresholds: Thresholds) -> Counts {
        let mut counts = Counts::default();
        self.touches(thresholds).for_each(|touch| counts.add(touch));
        counts
    }

    /// How many tickets of what is aimed at.
    pub fn count(&self, thresholds: Thresholds, aim: Aim) -> usize {
        let counts = self.counts(thresholds);
        match aim {
            Aim::HandedOver => counts.handed_over,
            Aim::Touched => counts.touched,
        }
    }

    /// The thresholds that come nearest to `wanted` tickets among these. Of several, those that differ least from `now`, and
    /// of these the stricter: what is raised without need costs trust.
    pub fn nearest(&self, now: Thresholds, aim: Aim, wanted: usize) -> Thresholds {
        let choices: Vec<Option<Score>> =
            [None].into_iter().chain(Score::ALL.into_iter().rev().map(Some)).collect();
        let keep = |threshold| vec![threshold];
        let (urgencies, impacts) = match aim {
            Aim::HandedOver => (keep(now.urgency), keep(now.impact)),
            Aim::Touched => (choices.clone(), choices.clone()),
        };
        let mut best = (usize::MAX, u8::MAX, now);
        for &sentiment in &choices {
            for &urgency in &urgencies {
                for &impact in &impacts {
                    let there = Thresholds { sentiment, urgency, impact };
                    let found = (self.count(there, aim).abs_diff(wanted), distance(now, there), there);
                    if (found.0, found.1) < (best.0, best.1) {
                        best = found;
                    }
                }
            }
        }
        best.2
    }
}

impl Outcome {
    /// Whatever thresholds `policy` has are replaced.
    fn of(policy: &mut Policy, past: &PastTicket) -> Self {
        let mut touches = [Touch::default(); SETS];
        if !past.left_out {
            let (ticket, assessment) = (past.ticket(), past.assessment());
            for (set, touch) in touches.iter_mut().enumerate() {
                // A score reaches itself, and nothing reaches a threshold that is off.
                let at = |index: usize| (set & (1 << index) != 0).then_some(past.scores[index]);
                policy.thresholds = Thresholds { sentiment: at(0), urgency: at(1), impact: at(2) };
                *touch = Touch::of(policy, &ticket, &assessment);
            }
        }
        Self { scores: past.scores, touches }
    }
}

impl Touch {
    /// What `policy` does to a ticket that it sees for the first time.
    pub fn of(policy: &Policy, ticket: &Ticket, assessment: &Assessment) -> Self {
        let plan = decide(policy, ticket, History::default(), assessment);
        let raised = plan.actions.iter().any(|action| matches!(action.kind, ActionKind::Update { .. }));
        Self { raised, handed_over: plan.escalates() }
    }
}

impl PastTicket {
    fn ticket(&self) -> Ticket {
        Ticket {
            psa: self.psa,
            external_id: String::new(),
            number: String::new(),
            title: String::new(),
            client: None,
            contact: None,
            contact_email: None,
            board: None,
            kind: None,
            source: None,
            closed: self.closed,
            set_aside: None,
            levers: self.levers.clone(),
            created_at: None,
            updated_at: None,
            url: None,
        }
    }
    fn assessment(&self) -> Assessment {
        let [sentiment, urgency, impact] =
            self.scores.map(|score| Reading { score, reason: String::new(), quote: String::new() });
        Assessment { sentiment, urgency, impact }
    }
}

/// The set of dimensions whose score reaches its threshold.
fn reached(thresholds: Thresholds, scores: [Score; 3]) -> usize {
    let mut set = 0;
    for (index, (dimension, score)) in Dimension::ALL.into_iter().zip(scores).enumerate() {
        if thresholds.of(dimension).is_some_and(|from| score >= from) {
            set |= 1 << index;
        }
    }
    set
}

/// In steps, "off" being the one after 5.
fn distance(one: Thresholds, other: Thresholds) -> u8 {
    let step = |threshold: Option<Score>| threshold.map_or(6, Score::get);
    Dimension::ALL
        .into_iter()
        .map(|dimension| step(one.of(dimension)).abs_diff(step(other.of(dimension))))
        .sum()
}

/// The same value by its id is the same; a label need not travel.
pub fn without_labels(levers: &Snapshot) -> Snapshot {
    levers.iter().map(|(lever, choice)| (lever.clone(), Choice::new(choice.id.clone(), ""))).collect()
}
