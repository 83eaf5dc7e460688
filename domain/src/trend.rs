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

fn ratio(part: i64, whole: i64) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    (whole > 0).then(|| part as f64 / whole as f64)
}
