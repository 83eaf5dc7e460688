//! A first mapping, from the order of the PSA's own lists alone.

use super::{Driver, LeverRule, Policy, Updates};
use crate::{Choice, Lookups, Score};
use std::collections::BTreeMap;

impl Policy {
    /// Score 5 takes the most severe value, score 4 the second most severe where there are at least three.
    ///
    /// Order is all it goes by: labels are the tenant's own words ("Service request", "VIP") and are not guessed at.
    /// A list with fewer than two values leaves nothing to raise and gets no rule.
    pub fn suggest(lookups: &Lookups) -> Updates {
        Updates {
            priority: rule(Driver::Highest, &lookups.priorities),
            severity: rule(Driver::Urgency, &lookups.severities),
            impact: rule(Driver::Impact, &lookups.impacts),
            score_fields: Vec::new(),
        }
    }
}

fn rule(driver: Driver, mildest_first: &[Choice]) -> Option<LeverRule> {
    let [.., second, worst] = mildest_first else { return None };
    let mut values = BTreeMap::from([(Score::MAX, worst.clone())]);
    if mildest_first.len() >= 3 {
        values.insert(Score::ALL[3], second.clone());
    }
    Some(LeverRule { driver, values, ranking: mildest_first.to_vec() })
}
