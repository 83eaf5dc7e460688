//! Arithmetic of moods over time, shared by the store, the charts and the API.

use serde::{Deserialize, Serialize};

/// Counts and sums of analysed tickets in one span; adding spans adds fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Tally {
    pub analysed: i64,
    pub negative: i64,
    pub neutral: i64,
    pub positive: i64,
    /// Sum of sentiment scores, for the mean.
    pub sentiment_sum: i64,
    pub updated: i64,
    pub escalated: i64,
}

impl Tally {
    pub fn plus(self, other: Self) -> Self {
        Self {
            analysed: self.analysed + other.analysed,
            negative: self.negative + other.negative,
            neutral: self.neutral + other.neutral,
            positive: self.positive + other.positive,
            sentiment_sum: self.sentiment_sum + other.sentiment_sum,
            updated: self.updated + other.updated,
            escalated: self.escalated + other.escalated,
        }
    }
    /// Share of negative tickets, 0.0 to 1.0; `None` where nothing was analysed.
    pub fn negative_share(self) -> Option<f64> {
        ratio(self.negative, self.analysed)
    }
    /// Mean sentiment, 1.0 to 5.0; `None` where nothing was analysed.
    pub fn mean_sentiment(self) -> Option<f64> {
        ratio(self.sentiment_sum, self.analysed)
    }
}

/// How far a mood is from the norm of the same client, in points of mean sentiment; above zero is unhappier.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shift {
    pub by: f64,
    /// More than chance does to so few tickets, and enough to be felt.
    pub is_notable: bool,
}

impl Shift {
    /// Fewer tickets than these say nothing of a mood, or of a norm.
    const FEWEST: (i64, i64) = (3, 8);
    /// Single scores of one client lie about so far from their mean; two means of n and m of them differ by chance by
    /// this times the root of 1/n + 1/m.
    const SPREAD: f64 = 1.1;
    const FELT: f64 = 0.3;

    /// `None` where there is too little to compare.
    pub fn of(now: Tally, norm: Tally) -> Option<Self> {
        if now.analysed < Self::FEWEST.0 || norm.analysed < Self::FEWEST.1 {
            return None;
        }
        let by = now.mean_sentiment()? - norm.mean_sentiment()?;
        let chance = Self::SPREAD * (ratio(1, now.analysed)? + ratio(1, norm.analysed)?).sqrt();
        Some(Self { by, is_notable: by.abs() >= Self::FELT && by.abs() > 2.0 * chance })
    }
}

fn ratio(part: i64, whole: i64) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(analysed: i64, sentiment_sum: i64) -> Tally {
        Tally { analysed, sentiment_sum, ..Tally::default() }
    }

    #[test]
    fn a_mood_is_held_against_its_own_norm() {
        let cases = [
            // (now, norm), by, notable
            ((tally(10, 40), tally(40, 100)), Some((1.5, true))),
            ((tally(3, 12), tally(8, 24)), Some((1.0, false))),
            ((tally(1_000, 3_100), tally(1_000, 3_000)), Some((0.1, false))),
            ((tally(100, 250), tally(100, 350)), Some((-1.0, true))),
            ((tally(2, 10), tally(100, 300)), None),
            ((tally(50, 250), tally(7, 21)), None),
            ((tally(0, 0), tally(0, 0)), None),
        ];
        for ((now, norm), expected) in cases {
            let shift = Shift::of(now, norm);
            assert_eq!(shift.map(|shift| shift.is_notable), expected.map(|(_, notable)| notable), "{now:?}");
            let off = shift.zip(expected).map_or(0.0, |(shift, (by, _))| (shift.by - by).abs());
            assert!(off < 1e-9, "{shift:?}");
        }
    }
}
