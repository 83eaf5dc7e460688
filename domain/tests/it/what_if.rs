//! What is looked up for past tickets is what the policy itself would have decided.

use crate::example::*;
use crate::properties::{assessments, policies, scores, tickets, wild_rules};
use domain::what_if::{Aim, Counts, PastTicket, Rules, Touch, WhatIf, without_labels};
use domain::*;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

fn past(ticket: &Ticket, assessment: &Assessment) -> PastTicket {
    PastTicket {
        id: String::new(),
        title: ticket.title.clone(),
        psa: ticket.psa,
        levers: without_labels(&ticket.levers),
        closed: ticket.closed,
        scores: Dimension::ALL.map(|dimension| assessment.score(dimension)),
        left_out: false,
    }
}

fn of_scores(all: &[(i64, i64, i64)]) -> Vec<PastTicket> {
    let low = ticket(PsaKind::ConnectWise, &[(Lever::Priority, "low")]);
    all.iter().map(|&(s, u, i)| past(&low, &assessment(s, u, i))).collect()
}

fn at(sentiment: i64, urgency: i64, impact: i64) -> Thresholds {
    let score = |number| Score::new(number).ok();
    Thresholds { sentiment: score(sentiment), urgency: score(urgency), impact: score(impact) }
}

const OFF: i64 = 6;

proptest! {
    #[test]
    fn any_thresholds_are_decided_as_the_policy_decides(
        policy in policies(wild_rules().boxed()),
        seen in vec((tickets(), assessments()), 0..6),
        thresholds in (option::of(scores()), option::of(scores()), option::of(scores())),
    ) {
        let (sentiment, urgency, impact) = thresholds;
        let thresholds = Thresholds { sentiment, urgency, impact };
        let travelled: Vec<PastTicket> = seen
            .iter()
            .map(|(ticket, assessment)| serde_json::to_string(&past(ticket, assessment)).unwrap())
            .map(|text| serde_json::from_str(&text).unwrap())
            .collect();
        let what_if = WhatIf::of(&Rules::from(&policy), &travelled);
        let policy = Policy { thresholds, ..policy };
        let decided: Vec<Touch> =
            seen.iter().map(|(ticket, assessment)| Touch::of(&policy, ticket, assessment)).collect();
        prop_assert_eq!(what_if.touches(thresholds).collect::<Vec<_>>(), decided);
    }
}

#[test]
fn tickets_are_counted_by_what_happens_to_them_and_those_left_out_not_at_all() {
    let mut seen = of_scores(&[(5, 1, 1), (4, 4, 1), (1, 4, 1), (1, 1, 1), (5, 5, 5)]);
    seen[4].left_out = true;
    let what_if = WhatIf::of(&Rules::from(&policy()), &seen);
    assert_eq!(what_if.counts(at(4, 4, 4)), Counts { touched: 3, raised: 3, handed_over: 2 });
    assert_eq!(what_if.counts(at(5, 5, 5)), Counts { touched: 1, raised: 1, handed_over: 1 });
    assert_eq!(what_if.counts(at(OFF, OFF, OFF)), Counts::default());
}

#[test]
fn the_nearest_thresholds_are_those_that_come_closest_then_change_least_then_are_strictest() {
    let seen = of_scores(&[(5, 1, 1), (4, 1, 1), (4, 2, 1), (3, 5, 1), (2, 4, 1), (1, 3, 1)]);
    let what_if = WhatIf::of(&Rules::from(&policy()), &seen);
    for (now, aim, wanted, expected) in [
        // Hand-overs: 0, 1, 3, 4, 5, 6 from off down to 1.
        (at(4, 4, 4), Aim::HandedOver, 0, at(OFF, 4, 4)),
        (at(4, 4, 4), Aim::HandedOver, 1, at(5, 4, 4)),
        (at(4, 4, 4), Aim::HandedOver, 3, at(4, 4, 4)),
        // Two are as near to one as to three: what is now stays.
        (at(4, 4, 4), Aim::HandedOver, 2, at(4, 4, 4)),
        (at(5, 4, 4), Aim::HandedOver, 2, at(5, 4, 4)),
        // From both sides equally far, the stricter.
        (at(OFF, 2, 2), Aim::HandedOver, 100, at(1, 2, 2)),
        // Urgency 3 has no value of its own: only sentiment touches the last one.
        (at(4, 4, 4), Aim::Touched, 6, at(1, 4, 4)),
        (at(4, 4, 4), Aim::Touched, 0, at(OFF, OFF, 4)),
        (at(4, 4, 4), Aim::Touched, 5, at(4, 4, 4)),
    ] {
        let found = what_if.nearest(now, aim, wanted);
        assert_eq!(found, expected, "{aim:?} of {wanted} from {now:?}: {:?}", what_if.counts(found));
    }
    let none = WhatIf::of(&Rules::from(&policy()), &[]);
    assert_eq!(none.nearest(at(4, 4, 4), Aim::Touched, 7), at(4, 4, 4), "nothing to go by changes nothing");
}
