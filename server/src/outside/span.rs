//! Spans of time as servers write them.

use std::time::Duration;

/// `20`, `1.5`, `2ms`, `6m0s`, `1h2m3s`; a number alone is in seconds. `None`: not a span, or none at all.
pub(crate) fn span(text: &str) -> Option<Duration> {
    if let Ok(number) = text.parse() {
        return seconds(number);
    }
    let mut total = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let unit = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit);
        let factor = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * factor;
        rest = tail;
    }
    seconds(total)
}

/// Longer than any span is as good as forever.
pub(crate) fn seconds(number: f64) -> Option<Duration> {
    (number > 0.0).then(|| Duration::try_from_secs_f64(number).unwrap_or(Duration::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_read_in_every_way_it_is_written() {
        let cases = [
            ("20", Some(20_000)),
            ("1.5", Some(1_500)),
            ("2ms", Some(2)),
            ("6m0s", Some(360_000)),
            ("1h2m3s", Some(3_723_000)),
            ("1d", Some(86_400_000)),
            ("0s", None),
            ("", None),
            ("-5", None),
            ("NaN", None),
            ("soon", None),
            ("5 s", None),
            ("1w", None),
        ];
        for (text, expected) in cases {
            assert_eq!(span(text), expected.map(Duration::from_millis), "“{text}”");
        }
        assert_eq!(span("1e300"), Some(Duration::MAX));
    }
}
