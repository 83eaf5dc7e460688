//! What a model costs.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// An amount of US dollars, exact to the millionth; in JSON a text such as `"0.40"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(value_type = String, pattern = r"^[0-9]{1,7}(\.[0-9]{1,6})?$", example = "0.40"))]
pub struct Dollars(u64);

/// What was given is no amount of dollars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not an amount in US dollars, such as 0.40")]
pub struct InvalidDollars;

const MILLION: u64 = 1_000_000;
/// Digits before the point, and after it.
const WHOLE_DIGITS: usize = 7;
const PART_DIGITS: usize = 6;

impl Dollars {
    pub fn from_millionths(millionths: u64) -> Self {
        Self(millionths)
    }
    pub fn millionths(self) -> u64 {
        self.0
    }
}

impl FromStr for Dollars {
    type Err = InvalidDollars;
    /// `0.4`, `0,40` and `$ 12` are all understood.
    fn from_str(text: &str) -> Result<Self, InvalidDollars> {
        let text = text.trim().trim_start_matches('$').trim_start();
        let (whole, part) = text.split_once(['.', ',']).unwrap_or((text, ""));
        let digits =
            |text: &str, most: usize| text.len() <= most && text.bytes().all(|one| one.is_ascii_digit());
        if whole.is_empty() || !digits(whole, WHOLE_DIGITS) || !digits(part, PART_DIGITS) {
            return Err(InvalidDollars);
        }
        let number = |text: &str| text.parse::<u64>().map_err(|_| InvalidDollars);
        Ok(Self(number(whole)? * MILLION + number(&format!("{part:0<PART_DIGITS$}"))?))
    }
}

/// At least two digits after the point, and as many as it takes: `0.40`, `0.000315`.
impl fmt::Display for Dollars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = format!("{:06}", self.0 % MILLION);
        let kept = part.trim_end_matches('0').len().max(2);
        write!(f, "{}.{}", self.0 / MILLION, &part[..kept])
    }
}

impl From<Dollars> for String {
    fn from(dollars: Dollars) -> Self {
        dollars.to_string()
    }
}
impl TryFrom<String> for Dollars {
    type Error = InvalidDollars;
    fn try_from(text: String) -> Result<Self, InvalidDollars> {
        text.parse()
    }
}

/// Of a million tokens that a model reads, and of a million that it writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Price {
    pub input: Dollars,
    pub output: Dollars,
}

impl Price {
    /// Of one question and its answer, rounded to the nearest millionth. Tokens that the provider had in its cache count in
    /// full, so it is rather too much than too little.
    pub fn of(self, tokens_in: u64, tokens_out: u64) -> Dollars {
        let each = |tokens: u64, price: Dollars| u128::from(tokens) * u128::from(price.0);
        let million = u128::from(MILLION);
        let cost = (each(tokens_in, self.input) + each(tokens_out, self.output) + million / 2) / million;
        Dollars(u64::try_from(cost).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_people_write_them_and_shown_exactly() {
        for (text, shown) in [
            ("0.4", "0.40"),
            (" $ 12 ", "12.00"),
            ("0,000315", "0.000315"),
            ("3.", "3.00"),
            ("0", "0.00"),
            ("9999999.999999", "9999999.999999"),
        ] {
            let read: Dollars = text.parse().unwrap();
            assert_eq!(read.to_string(), shown, "{text}");
            assert_eq!(
                serde_json::from_str::<Dollars>(&serde_json::to_string(&read).unwrap()).unwrap(),
                read
            );
        }
        for text in ["", ".5", "-1", "1e3", "0.0000001", "12345678", "1.2.3", "one", "٣"] {
            assert_eq!(text.parse::<Dollars>(), Err(InvalidDollars), "{text}");
        }
    }

    #[test]
    fn a_question_costs_what_its_tokens_do() {
        let price = |input: &str, output: &str| Price {
            input: input.parse().unwrap(),
            output: output.parse().unwrap(),
        };
        assert_eq!(price("0.15", "0.60").of(1_200, 60).to_string(), "0.000216");
        assert_eq!(price("0.10", "0.50").of(5, 0).to_string(), "0.000001", "rounded to the nearest");
        assert_eq!(price("0.10", "0.50").of(4, 0).to_string(), "0.00");
        assert_eq!(price("9999999", "0").of(u64::MAX, u64::MAX).millionths(), u64::MAX, "there is no more");
    }
}
