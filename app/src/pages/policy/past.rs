//! What a policy would have done to tickets that were scored already.

use crate::viewer::Viewer;
use crate::what_if::{Facts, Shown, in_all, proposed};
use crate::{AppError, what_if};
use chrono::{DateTime, Utc};
use domain::what_if::{Aim, PastTicket, Touch, WhatIf, without_labels};
use domain::{Assessment, Dimension, Policy, Score, Thresholds, Ticket, TicketId};
use store::tickets::Assessed;

/// How many scored tickets a policy is held against. Each is read whole, so not more than a page can wait for.
const COMPARED: u32 = 300;
/// Longer titles are cut: many travel to the browser at once.
const TITLE_CHARS: usize = 90;
const SECONDS_A_DAY: i64 = 86_400;

/// A ticket as it was read, and how it was scored.
#[derive(Clone, Debug)]
pub struct Scored {
    pub id: TicketId,
    pub ticket: Ticket,
    /// Of the title and the prepared note together.
    pub words: usize,
    pub assessment: Assessment,
    /// When the PSA made it, or else when it came here.
    pub at: DateTime<Utc>,
}

/// The newest scored tickets, to hold a policy against.
pub async fn scored(viewer: &Viewer) -> Result<Vec<Scored>, AppError> {
    Ok(viewer.store.assessed_newest(COMPARED).await?.into_iter().map(Scored::from).collect())
}

impl From<Assessed> for Scored {
    fn from(one: Assessed) -> Self {
        let ticket = one.read.ticket;
        let words = ticket.title.split_whitespace().count() + one.read.text.split_whitespace().count();
        let at = ticket.created_at.unwrap_or(one.taken_in_at);
        Self { id: one.id, ticket, words, assessment: one.assessment, at }
    }
}

impl Scored {
    fn touch(&self, policy: &Policy) -> Touch {
        if policy.scope.judge(&self.ticket, self.words).is_some() {
            return Touch::default();
        }
        Touch::of(policy, &self.ticket, &self.assessment)
    }
    fn past(&self, policy: &Policy) -> PastTicket {
        PastTicket {
            id: self.id.to_string(),
            title: cut(&self.ticket.title),
            psa: self.ticket.psa,
            levers: without_labels(&self.ticket.levers),
            closed: self.ticket.closed,
            scores: Dimension::ALL.map(|dimension| self.assessment.score(dimension)),
            left_out: policy.scope.judge(&self.ticket, self.words).is_some(),
        }
    }
}

fn cut(title: &str) -> String {
    match title.char_indices().nth(TITLE_CHARS) {
        Some((end, _)) => format!("{}…", &title[..end]),
        None => title.to_owned(),
    }
}

/// How many days they come from, the begun ones too.
fn days(scored: &[Scored], now: DateTime<Utc>) -> u32 {
    let oldest = scored.iter().map(|one| one.at).min().unwrap_or(now);
    let seconds = now.signed_duration_since(oldest).num_seconds().max(0);
    u32::try_from(seconds.div_euclid(SECONDS_A_DAY) + 1).unwrap_or(u32::MAX)
}

/// What the browser needs to try thresholds by itself.
pub fn facts(saved: &Policy, policy: &Policy, scored: &[Scored], now: DateTime<Utc>) -> Facts {
    Facts {
        days: days(scored, now),
        past: scored.iter().map(|one| one.past(policy)).collect(),
        was: scored.iter().map(|one| one.touch(saved)).collect(),
        rules: policy.into(),
        thresholds: policy.thresholds,
    }
}

/// What is shown before anything is moved: the server decides each ticket once, for these thresholds alone.
pub fn shown(saved: &Policy, policy: &Policy, scored: &[Scored], now: DateTime<Utc>) -> Shown {
    Shown::of(&facts(saved, policy, scored, now), scored.iter().map(|one| one.touch(policy)))
}

/// The thresholds nearest to so many a day, and what to say of them.
pub fn nearest(facts: &Facts, aim: Aim, wanted: u32) -> (Thresholds, String) {
    let what_if = WhatIf::of(&facts.rules, &facts.past);
    let found = what_if.nearest(facts.thresholds, aim, in_all(wanted, facts.days));
    let count = what_if.count(found, aim);
    (found, proposed(&what_if::a_day(count, facts.days)))
}

/// How often each score comes: what a threshold is chosen from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    days: u32,
    scores: Vec<[Score; 3]>,
}

impl Reach {
    pub fn of(scored: &[Scored], now: DateTime<Utc>) -> Option<Self> {
        let scores = |one: &Scored| Dimension::ALL.map(|dimension| one.assessment.score(dimension));
        (!scored.is_empty())
            .then(|| Self { days: days(scored, now), scores: scored.iter().map(scores).collect() })
    }
    /// Tickets a day that reach a threshold, in words.
    pub fn a_day(&self, dimension: Dimension, threshold: Score) -> String {
        what_if::a_day(self.count(dimension, threshold), self.days)
    }
    /// The part of all tickets that reach it, in percent.
    pub fn percent(&self, dimension: Dimension, threshold: Score) -> usize {
        (self.count(dimension, threshold) * 100).checked_div(self.scores.len()).unwrap_or(0)
    }
    fn count(&self, dimension: Dimension, threshold: Score) -> usize {
        let index = Dimension::ALL.into_iter().position(|one| one == dimension).unwrap_or(0);
        self.scores.iter().filter(|scores| scores[index] >= threshold).count()
    }
}

/// How many of the tickets looked at would have been touched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Past {
    pub looked_at: usize,
    /// At least one field raised, or handed over.
    pub touched: usize,
    pub raised: usize,
    pub handed_over: usize,
    /// Left out by the policy's scope: not read at all.
    pub left_out: usize,
    /// Titles of the first few that would have been touched, newest first.
    pub titles: Vec<String>,
}

const TITLES: usize = 5;

impl Past {
    /// Decides anew for each ticket. Whether it was escalated before does not count: the question is what the policy
    /// does to a ticket that it sees for the first time.
    pub fn of(policy: &Policy, scored: &[Scored]) -> Self {
        let mut past = Self { looked_at: scored.len(), ..Self::default() };
        for one in scored {
            if policy.scope.judge(&one.ticket, one.words).is_some() {
                past.left_out += 1;
                continue;
            }
            let Touch { raised, handed_over } = Touch::of(policy, &one.ticket, &one.assessment);
            past.raised += usize::from(raised);
            past.handed_over += usize::from(handed_over);
            if raised || handed_over {
                past.touched += 1;
                if past.titles.len() < TITLES {
                    past.titles.push(one.ticket.title.clone());
                }
            }
        }
        past
    }

    /// Touched tickets in percent, for a bar.
    pub fn percent(&self) -> usize {
        (self.touched * 100).checked_div(self.looked_at).unwrap_or(0)
    }

    /// "3 of the last 41 scored tickets would have been changed: 2 raised, 1 handed over."
    pub fn sentence(&self) -> String {
        let Self { looked_at, touched, raised, handed_over, left_out, .. } = self;
        let sentence = match (looked_at, touched) {
            (0, _) => "No ticket has been scored yet, so there is nothing to compare with.".into(),
            (1, 0) => "The one ticket scored so far would have been left as it was.".into(),
            (_, 0) => format!("None of the last {looked_at} scored tickets would have been changed."),
            _ => format!(
                "{touched} of the last {looked_at} scored tickets would have been changed: {raised} with a field raised, {handed_over} handed over."
            ),
        };
        if *left_out == 0 { sentence } else { format!("{sentence} {left_out} would not have been read.") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{Choice, Driver, Lever, LeverRule, PsaKind, Reading, Score};
    use std::collections::BTreeMap;

    fn score(number: i64) -> Score {
        Score::new(number).unwrap()
    }

    fn scored(title: &str, number: i64) -> Scored {
        let reading = Reading { score: score(number), reason: "because".into(), quote: String::new() };
        Scored {
            id: TicketId(uuid::Uuid::nil()),
            at: DateTime::UNIX_EPOCH,
            words: 12,
            ticket: Ticket {
                psa: PsaKind::ConnectWise,
                external_id: "1".into(),
                number: "1".into(),
                title: title.into(),
                client: None,
                contact: None,
                contact_email: None,
                board: None,
                kind: None,
                source: None,
                closed: false,
                set_aside: None,
                levers: [(Lever::Priority.into(), Choice::new("low", "Low"))].into(),
                created_at: None,
                updated_at: None,
                url: None,
            },
            assessment: Assessment { sentiment: reading.clone(), urgency: reading.clone(), impact: reading },
        }
    }

    #[test]
    fn the_numbers_are_those_of_the_decision_itself() {
        let mut policy = Policy::default();
        policy.updates.priority = Some(LeverRule {
            driver: Driver::Urgency,
            values: BTreeMap::from([(score(4), Choice::new("high", "High"))]),
            ranking: vec![Choice::new("low", "Low"), Choice::new("high", "High")],
        });
        policy.escalation.owner = Some(Choice::new("7", "Dana"));
        policy.thresholds.sentiment = Some(score(5));

        let past = Past::of(&policy, &[scored("calm", 2), scored("cross", 4), scored("furious", 5)]);
        assert_eq!(
            past,
            Past {
                looked_at: 3,
                touched: 2,
                raised: 2,
                handed_over: 1,
                left_out: 0,
                titles: vec!["cross".into(), "furious".into()]
            }
        );
        assert_eq!(
            past.sentence(),
            "2 of the last 3 scored tickets would have been changed: 2 with a field raised, 1 handed over."
        );
        assert!(Past::of(&policy, &[]).sentence().contains("No ticket has been scored yet"));
        policy.scope.min_words = 20;
        let past = Past::of(&policy, &[scored("furious", 5)]);
        assert_eq!((past.touched, past.left_out), (0, 1));
        assert!(past.sentence().ends_with("1 would not have been read."));
        assert!(Past::of(&Policy::default(), &[scored("furious", 5)]).sentence().contains("left as it was"));
    }
}
