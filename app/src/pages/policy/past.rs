//! What a policy would have done to tickets that were scored already.

use domain::{ActionKind, Assessment, History, Policy, Ticket, decide};

/// A ticket as it was read, and how it was scored.
#[derive(Clone, Debug)]
pub struct Scored {
    pub ticket: Ticket,
    /// Of the title and the prepared note together.
    pub words: usize,
    pub assessment: Assessment,
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
            let plan = decide(policy, &one.ticket, History::default(), &one.assessment);
            let raised = plan.actions.iter().any(|action| matches!(action.kind, ActionKind::Update { .. }));
            let handed_over = plan.escalates();
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
