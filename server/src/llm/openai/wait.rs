//! How long a server asks us to wait.

use crate::outside::{Answer, seconds, span};
use std::time::Duration;

/// A server may name its wait in days (Azure's trial quota); none is believed beyond this.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

/// How long the server asks us to wait: `retry-after-ms`, `Retry-After`, the reset of whichever limit is used up, and at
/// last its words ("Please retry after 20 seconds", "try again in 1.5s"). Zero and negative values (Azure) mean nothing.
pub(super) fn wait(answer: &Answer, message: &str) -> Option<Duration> {
    let header = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let milliseconds = || {
        header("retry-after-ms").and_then(|text| text.parse().ok()).and_then(|ms: f64| seconds(ms / 1000.0))
    };
    let given = || answer.retry_after().filter(|wait| !wait.is_zero());
    let reset = || {
        [
            "x-ratelimit-reset-requests",
            "x-ratelimit-reset-tokens",
            "x-rate-limit-reset-requests",
            "x-rate-limit-reset-tokens",
        ]
        .into_iter()
        .filter(|name| {
            let remaining = header(&name.replace("reset", "remaining"));
            remaining.and_then(|text| text.parse::<i64>().ok()).is_none_or(|left| left <= 0)
        })
        .filter_map(|name| header(name).and_then(span))
        .max()
    };
    milliseconds()
        .or_else(given)
        .or_else(reset)
        .or_else(|| spoken(message))
        .map(|wait| wait.min(LONGEST_WAIT))
}

fn spoken(message: &str) -> Option<Duration> {
    let rest = ["retry after ", "try again in "]
        .into_iter()
        .find_map(|lead| message.split_once(lead).map(|(_, rest)| rest))?;
    span(rest.split_whitespace().next()?.trim_end_matches(['.', ',']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

    type Headers = &'static [(&'static str, &'static str)];

    fn reply(headers: Headers) -> Answer {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        Answer {
            host: "model.example".into(),
            status: StatusCode::TOO_MANY_REQUESTS,
            headers: headers.collect::<HeaderMap>(),
            body: Bytes::new(),
        }
    }

    #[test]
    fn a_wait_is_read_wherever_a_server_puts_it() {
        let cases: [(Headers, &str, Option<u64>); 13] = [
            (&[], "", None),
            (&[("retry-after-ms", "1500"), ("retry-after", "9")], "", Some(1_500)),
            (&[("retry-after", "7")], "", Some(7_000)),
            (&[("retry-after", "0")], "", None),
            (&[("retry-after", "-1"), ("x-ratelimit-reset-tokens", "12")], "", Some(12_000)),
            (&[("x-ratelimit-reset-requests", "2ms"), ("x-ratelimit-remaining-requests", "0")], "", Some(2)),
            (
                &[
                    ("x-ratelimit-reset-requests", "1s"),
                    ("x-ratelimit-remaining-requests", "5"),
                    ("x-ratelimit-reset-tokens", "6m0s"),
                    ("x-ratelimit-remaining-tokens", "0"),
                ],
                "",
                Some(360_000),
            ),
            (&[("x-rate-limit-reset-tokens", "34")], "", Some(34_000)),
            (
                &[],
                "requests have exceeded the limit. please retry after 20 seconds. contact support",
                Some(20_000),
            ),
            (&[], "rate limit reached. please try again in 1.5s. visit the page", Some(1_500)),
            (&[], "please retry after 864000 seconds.", Some(86_400_000)),
            (&[("retry-after-ms", "soon")], "please retry after lunch", None),
            (&[("x-ratelimit-reset-tokens", "1h2m3s")], "", Some(3_723_000)),
        ];
        for (headers, message, expected) in cases {
            assert_eq!(
                wait(&reply(headers), message),
                expected.map(Duration::from_millis),
                "{headers:?} {message}"
            );
        }
    }
}
