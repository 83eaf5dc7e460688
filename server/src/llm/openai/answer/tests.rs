use super::*;
use crate::llm::openai::wait::LONGEST_WAIT;
use crate::mutated::bodies;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

const KEY: &str = "sk-a-key-that-nobody-may-see";

const REPLIES: [&str; 7] = [
    r#"{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"{}","refusal":null}}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}"#,
    r#"{"choices":[{"finish_reason":"length","message":{"content":[{"type":"text","text":"a"},{"text":"b"}]}}],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#,
    r#"{"choices":[{"finish_reason":"content_filter","message":{"refusal":"I cannot, sk-a-key-that-nobody-may-see"},"content_filter_results":{"hate":{"filtered":true,"severity":"high"}}}]}"#,
    r#"{"error":{"message":"Incorrect API key provided: sk-a-key-that-nobody-may-see","type":"invalid_request_error","param":"max_tokens","code":"invalid_api_key"}}"#,
    r#"{"error":{"message":"The response was filtered","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"hate":{"filtered":true}}}}}"#,
    r#"{"statusCode":429,"message":"Rate limit is exceeded. Try again in 1h2m3s."}"#,
    r#"[{"object":"error","detail":"retry after 99999999999999999999 seconds","code":"503"}]"#,
];

/// What a server may say about waiting, sensible or not.
fn waits() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let name = select(vec![
        "retry-after",
        "retry-after-ms",
        "date",
        "x-ratelimit-reset-requests",
        "x-ratelimit-remaining-requests",
        "x-rate-limit-reset-tokens",
    ]);
    let value = prop_oneof![
        "\\PC{0,30}",
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| number.to_string()),
        "[0-9]{1,25}(ms|s|m|h|d)?([0-9.]{0,6}(ms|s|m|h|d))?",
        select(vec![
            "NaN",
            "inf",
            "-inf",
            "1e400",
            "Sat, 31 Dec 9999 23:59:59 GMT",
            "Wed, 21 Oct 2015 07:28:00 GMT"
        ])
        .prop_map(str::to_owned),
    ];
    vec((name, value), 0..4)
}

fn replies() -> impl Strategy<Value = Answer> {
    (prop_oneof![2 => Just(200), 1 => 200_u16..600, 2 => select(vec![400, 401, 403, 404, 422, 429, 500, 503])], waits(), bodies(&REPLIES))
        .prop_map(|(status, given, body)| {
            let headers = given.into_iter().filter_map(|(name, value)| {
                Some((HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).ok()?))
            });
            Answer {
                host: "model.example".into(),
                status: StatusCode::from_u16(status).expect("a status"),
                headers: headers.collect::<HeaderMap>(),
                body: Bytes::from(body),
            }
        })
}

fn sober(outcome: &Outcome) -> Result<(), TestCaseError> {
    match outcome {
        Outcome::Completion(completion) => {
            let (Completion::Text { usage, .. }
            | Completion::Truncated { usage, .. }
            | Completion::Declined { usage, .. }) = completion;
            prop_assert!((0..=MOST_COUNTED).contains(&usage.tokens_in), "{usage:?}");
            prop_assert!((0..=MOST_COUNTED).contains(&usage.tokens_out), "{usage:?}");
            prop_assert!(usage.model.chars().count() < 300);
            if let Completion::Declined { why, .. } = completion {
                prop_assert!(!why.contains(KEY) && why.chars().count() < 1_000, "{why}");
            }
        }
        Outcome::NotTaken(fields, failure) => {
            prop_assert!(!fields.is_empty());
            said(failure)?;
        }
        Outcome::Failure(failure) => said(failure)?,
    }
    Ok(())
}

fn said(failure: &Failure) -> Result<(), TestCaseError> {
    let words = failure.error.to_string();
    prop_assert!(!words.contains(KEY) && words.chars().count() < 1_000, "{words}");
    prop_assert!(failure.error.retry_after().is_none_or(|wait| wait <= LONGEST_WAIT));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_reply_becomes_an_answer_or_a_failure_in_bounded_words_without_the_key(reply in replies()) {
        let doors = [Door::OpenAi { model: "m".into() }, Door::AzureV1 { deployment: "d".into() }];
        for door in &doors {
            sober(&read(&reply, door, &Secret::new(KEY)))?;
        }
        // The client that all calls share reads the same header.
        let _ = reply.retry_after();
    }
}

#[test]
fn counts_that_cannot_be_are_not_believed() {
    let body = format!(
        r#"{{"choices":[{{"message":{{"content":"x"}}}}],"usage":{{"prompt_tokens":{},"completion_tokens":-5}}}}"#,
        i64::MAX
    );
    let reply = Answer {
        host: "model.example".into(),
        status: StatusCode::OK,
        headers: HeaderMap::new(),
        body: body.into(),
    };
    let found = read(&reply, &Door::OpenAi { model: "m".into() }, &Secret::new(""));
    let Outcome::Completion(Completion::Text { usage, .. }) = found else { panic!("it is an answer") };
    assert_eq!((usage.tokens_in, usage.tokens_out), (MOST_COUNTED, 0));
}
