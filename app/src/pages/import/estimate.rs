//! What scoring the past will take, in numbers and words.

use crate::ui::words::{count, thousands};
use domain::import::{USUAL_TOKENS, time_left};
use domain::{Dollars, ModelSettings, PsaKind};
use std::time::Duration;
use store::imports::UsualReading;

/// Readings of the workspace's own from which tokens are told.
const ENOUGH: i64 = 5;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Estimate {
    pub tickets: u64,
    /// `None`: the built-in analyser reads, which needs none.
    pub tokens: Option<(u64, u64)>,
    /// `None`: nobody has said what the model costs, or it costs nothing.
    pub cost: Option<Dollars>,
    /// It is known to cost nothing.
    pub is_free: bool,
    pub time: Duration,
    /// Of how many readings the tokens are known; 0: a usual ticket's are taken.
    pub readings: i64,
}

impl Estimate {
    pub fn of(tickets: u64, usual: Option<UsualReading>, model: &ModelSettings, psa: PsaKind) -> Self {
        let usual = usual.filter(|usual| usual.readings >= ENOUGH);
        let each = usual
            .map_or(USUAL_TOKENS, |usual| (usual.tokens_in.unsigned_abs(), usual.tokens_out.unsigned_abs()));
        let tokens = (!matches!(model, ModelSettings::Builtin {}))
            .then(|| (each.0.saturating_mul(tickets), each.1.saturating_mul(tickets)));
        let nothing = Dollars::default();
        let is_free = model.price().is_some_and(|price| price.input == nothing && price.output == nothing);
        let cost = tokens
            .zip(model.price().filter(|_| !is_free))
            .map(|((tokens_in, tokens_out), price)| price.of(tokens_in, tokens_out));
        Self {
            tickets,
            tokens,
            cost,
            is_free,
            time: time_left(psa, tickets, 0, Duration::ZERO),
            readings: usual.map_or(0, |usual| usual.readings),
        }
    }

    /// A quarter more than is expected, in whole cents: what is offered as a limit.
    pub fn cost_with_room(&self) -> String {
        let cent = 10_000;
        let wanted = self.cost.unwrap_or_default().millionths().saturating_mul(5) / 4;
        Dollars::from_millionths(wanted.div_ceil(cent).saturating_mul(cent)).to_string()
    }

    /// Name, value, and where it comes from.
    pub fn lines(&self, known: i64, days: i64) -> Vec<(&'static str, String, String)> {
        let tickets = thousands(i64::try_from(self.tickets).unwrap_or(i64::MAX));
        let span = format!("of {}", count(days, "day", "days"));
        let beside = match known {
            0 => span,
            known => format!("{span}, and {} that are here already", thousands(known)),
        };
        let mut lines = vec![("Tickets to read", tickets, beside)];
        if let Some((tokens_in, tokens_out)) = self.tokens {
            let from = match self.readings {
                0 => "by a usual ticket, as too few of yours were read yet".to_owned(),
                readings => format!("by your last {} scored tickets", thousands(readings)),
            };
            let both = i64::try_from(tokens_in.saturating_add(tokens_out)).unwrap_or(i64::MAX);
            lines.push(("Tokens", format!("about {}", thousands(both)), from));
        }
        lines.push(match (self.tokens, self.cost) {
            (None, _) => ("Cost", "none".into(), "the built-in analyser reads".into()),
            (_, Some(cost)) => (
                "Cost",
                format!("about ${}", cents(cost)),
                "by the price in your connection to the model".into(),
            ),
            (Some(_), None) if self.is_free => {
                ("Cost", "none".into(), "by the price in your connection to the model".into())
            }
            (Some(_), None) => {
                ("Cost", "not known".into(), "say under Connections what your model costs".into())
            }
        });
        lines.push(("Time", about(self.time), "slowly, so that new tickets come first".into()));
        lines
    }
}

/// Rounded up to whole cents.
fn cents(cost: Dollars) -> Dollars {
    let cent = 10_000;
    Dollars::from_millionths(cost.millionths().div_ceil(cent).saturating_mul(cent))
}

/// "about 40 minutes", "about 3 hours": as exactly as an estimate is.
pub fn about(time: Duration) -> String {
    let minutes = i64::try_from(time.as_secs().div_ceil(60)).unwrap_or(i64::MAX);
    match minutes {
        ..=1 => "about a minute".into(),
        2..90 => format!("about {minutes} minutes"),
        90..2_880 => format!("about {}", count((minutes + 30) / 60, "hour", "hours")),
        _ => format!("about {}", count((minutes + 720) / 1_440, "day", "days")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{Price, Secret};

    fn model(price: Option<(&str, &str)>) -> ModelSettings {
        ModelSettings::OpenAi {
            api_key: Secret::new("k"),
            model: "m".into(),
            base_url: String::new(),
            price: price.map(|(input, output)| Price {
                input: input.parse().unwrap(),
                output: output.parse().unwrap(),
            }),
        }
    }

    #[test]
    fn an_estimate_says_where_it_comes_from() {
        let own = |readings| Some(UsualReading { readings, tokens_in: 1_000, tokens_out: 100 });
        let of = |usual, model: &ModelSettings| Estimate::of(2_000, usual, model, PsaKind::ConnectWise);

        let priced = of(own(40), &model(Some(("1", "2"))));
        assert_eq!(priced.tokens, Some((2_000_000, 200_000)));
        assert_eq!(
            (priced.cost.unwrap().to_string(), priced.cost_with_room()),
            ("2.40".into(), "3.00".into())
        );
        let lines = priced.lines(7, 90);
        assert_eq!(
            lines[0],
            ("Tickets to read", "2,000".into(), "of 90 days, and 7 that are here already".into())
        );
        assert_eq!(lines[1].2, "by your last 40 scored tickets");
        assert_eq!(lines[2].1, "about $2.40");
        assert_eq!(lines[3].1, "about 34 minutes");

        let few = of(own(4), &model(None));
        assert_eq!(few.tokens, Some((2_000 * USUAL_TOKENS.0, 2_000 * USUAL_TOKENS.1)));
        assert_eq!(few.lines(0, 90)[2].1, "not known");
        assert!(few.lines(0, 90)[1].2.contains("usual ticket"));

        let local = of(own(40), &model(Some(("0", "0"))));
        assert_eq!(
            (local.cost, local.lines(0, 90)[2].1.as_str()),
            (None, "none"),
            "a limit of nothing would stop it at once"
        );

        let builtin = of(own(40), &ModelSettings::Builtin {});
        assert_eq!((builtin.tokens, builtin.cost), (None, None));
        assert_eq!(builtin.lines(0, 90)[1].1, "none");
    }

    #[test]
    fn a_length_of_time_is_told_as_roughly_as_it_is_known() {
        let minute = 60;
        for (seconds, expected) in [
            (0, "about a minute"),
            (61, "about 2 minutes"),
            (89 * minute, "about 89 minutes"),
            (90 * minute, "about 2 hours"),
            (47 * 60 * minute, "about 47 hours"),
            (72 * 60 * minute, "about 3 days"),
        ] {
            assert_eq!(about(Duration::from_secs(seconds)), expected);
        }
    }
}
