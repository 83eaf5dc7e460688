//! What a model's provider says is left of its limits a minute, and how much of it the requests under way will take.
//!
//! Source: `x-ratelimit-{limit,remaining}-{requests,tokens}` (whole numbers) and `x-ratelimit-reset-…` (a span such as
//! `6m0s` or `20ms`) of OpenAI's answers; Azure sends part of them. Who sends none is not held back.

use http::HeaderMap;
use std::time::Duration;
use tokio::time::Instant;

/// Requests and tokens.
#[derive(Default)]
pub(super) struct Allowances {
    requests: Option<Allowance>,
    tokens: Option<Allowance>,
}

impl Allowances {
    /// How long until one request of `tokens` fits.
    pub fn wait(&self, tokens: u32, now: Instant) -> Duration {
        let asked = [(&self.requests, 1.0), (&self.tokens, f64::from(tokens))];
        let waits =
            asked.iter().filter_map(|(allowance, amount)| Some(allowance.as_ref()?.wait(*amount, now)));
        waits.max().unwrap_or_default()
    }

    /// One request of `tokens` leaves, now or when it fits.
    pub fn take(&mut self, tokens: u32, now: Instant) {
        for (allowance, amount) in [(&mut self.requests, 1.0), (&mut self.tokens, f64::from(tokens))] {
            if let Some(allowance) = allowance {
                allowance.take(amount, now);
            }
        }
    }

    /// Reads what an answer says.
    pub fn told(&mut self, headers: &HeaderMap, now: Instant) {
        for (allowance, what) in [(&mut self.requests, "requests"), (&mut self.tokens, "tokens")] {
            if let Some(told) = Allowance::read(headers, what, allowance.as_ref(), now) {
                *allowance = Some(told);
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Allowance {
    limit: f64,
    /// At that moment; below nothing when what leaves later has been taken already.
    left: f64,
    at: Instant,
    /// What comes back in a second.
    rate: f64,
}

impl Allowance {
    fn read(headers: &HeaderMap, what: &str, before: Option<&Self>, now: Instant) -> Option<Self> {
        let header = |part: &str| {
            let text = headers.get(format!("x-ratelimit-{part}-{what}"))?.to_str().ok()?;
            Some(text.trim().to_owned())
        };
        let number = |part: &str| {
            let number = header(part)?.parse::<f64>().ok()?;
            (number.is_finite() && number >= 0.0).then_some(number)
        };
        let left = number("remaining")?;
        let limit = number("limit").or(before.map(|before| before.limit)).unwrap_or(left).max(left);
        if limit < 1.0 {
            return None;
        }
        let reset = header("reset").and_then(|text| crate::outside::span(&text)).unwrap_or(MINUTE);
        let missing = limit - left;
        // The span until all of it is back. Of next to nothing missing it says nothing about the rate.
        let told = (missing >= limit / 100.0).then(|| missing / reset.as_secs_f64().max(0.001));
        let least = limit / MINUTE.as_secs_f64();
        let rate = told.or(before.map(|before| before.rate)).unwrap_or(least).max(least / 1_440.0);
        Some(Self { limit, left, at: now, rate })
    }

    fn left(&self, now: Instant) -> f64 {
        let back = now.saturating_duration_since(self.at).as_secs_f64() * self.rate;
        (self.left + back).min(self.limit)
    }

    /// A request that is larger than the limit waits for all of it: the provider has the last word on it.
    fn wait(&self, amount: f64, now: Instant) -> Duration {
        let missing = amount.min(self.limit) - self.left(now);
        if missing <= 0.0 {
            return Duration::ZERO;
        }
        Duration::try_from_secs_f64(missing / self.rate).unwrap_or(Duration::MAX)
    }

    fn take(&mut self, amount: f64, now: Instant) {
        self.left = self.left(now) - amount;
        self.at = now;
    }
}

const MINUTE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    fn headers(all: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        all.iter().map(pair).collect()
    }

    fn told(all: &[(&'static str, &'static str)], now: Instant) -> Allowances {
        let mut allowances = Allowances::default();
        allowances.told(&headers(all), now);
        allowances
    }

    /// Whole seconds until it leaves.
    fn leaves(allowances: &mut Allowances, tokens: u32, now: Instant) -> u64 {
        let wait = allowances.wait(tokens, now);
        allowances.take(tokens, now);
        wait.as_secs()
    }

    #[test]
    fn who_says_nothing_or_nonsense_is_not_waited_for() {
        let now = Instant::now();
        let cases: [&[(&str, &str)]; 5] = [
            &[],
            &[("x-ratelimit-limit-tokens", "30000")],
            &[("x-ratelimit-remaining-tokens", "many")],
            &[("x-ratelimit-remaining-tokens", "-1"), ("x-ratelimit-limit-tokens", "-1")],
            &[("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-limit-requests", "0")],
        ];
        for case in cases {
            assert_eq!(told(case, now).wait(1_000_000, now), Duration::ZERO, "{case:?}");
        }
    }

    #[test]
    fn tokens_that_are_used_up_come_back_at_the_rate_that_was_told() {
        let now = Instant::now();
        let mut allowances = told(
            &[
                ("x-ratelimit-limit-tokens", "30000"),
                ("x-ratelimit-remaining-tokens", "3000"),
                ("x-ratelimit-reset-tokens", "54s"),
            ],
            now,
        );
        // 500 a second. Three thousand are there, what follows waits in turn.
        let waits: Vec<_> = (0..4).map(|_| leaves(&mut allowances, 2_000, now)).collect();
        assert_eq!(waits, [0, 2, 6, 10]);
        let later = now + Duration::from_secs(3_600);
        assert_eq!(leaves(&mut allowances, 30_000, later), 0);
        assert_eq!(leaves(&mut allowances, 1_000_000, later), 60, "the whole limit, no more");
    }

    #[test]
    fn requests_count_beside_tokens_and_the_newest_answer_is_believed() {
        let now = Instant::now();
        let all = [
            ("x-ratelimit-limit-requests", "60"),
            ("x-ratelimit-remaining-requests", "0"),
            ("x-ratelimit-reset-requests", "1m0s"),
            ("x-ratelimit-remaining-tokens", "100000"),
        ];
        let mut allowances = told(&all, now);
        assert_eq!(leaves(&mut allowances, 10, now), 1);
        allowances.told(&headers(&[("x-ratelimit-remaining-requests", "30")]), now);
        assert_eq!(leaves(&mut allowances, 10, now), 0);
    }
}
