use super::*;
use crate::mutated::bodies;
use proptest::prelude::*;
use serde_json::Value;

const TITLE: &str = "Printer — again!";
const TEXT: &str = "This is the FOURTH time I write.\n\nWe can’t print  “invoices” since Monday… Call me";

fn part(score: &str, reason: &str, quote: &str) -> String {
    format!(r#"{{"reason":{reason},"quote":{quote},"score":{score}}}"#)
}

fn answer(sentiment: &str, urgency: &str, impact: &str) -> String {
    format!(r#"{{"sentiment":{sentiment},"urgency":{urgency},"impact":{impact}}}"#)
}

fn fine() -> String {
    part("3", r#""Plain.""#, r#""""#)
}

fn with(score: &str, reason: &str, quote: &str) -> Result<Reading, Unusable> {
    parse(&answer(&part(score, reason, quote), &fine(), &fine()), TITLE, TEXT)
        .map(|assessment| assessment.sentiment)
}

#[test]
fn a_quotation_becomes_the_tickets_own_characters() {
    let cases = [
        ("the fourth time", "the FOURTH time"),
        ("the FOURTH time I write. We can't print", "the FOURTH time I write.\n\nWe can’t print"),
        ("can't print \\\"invoices\\\" since", "can’t print  “invoices” since"),
        ("\\u201csince Monday...\\u201d", "since Monday"),
        ("...call me.", "Call me"),
        ("printer - again", "Printer — again"),
        ("pri\\u200bnter", "Printer"),
    ];
    for (quote, expected) in cases {
        let reading = with("4", r#""Why.""#, &format!("\"{quote}\""))
            .unwrap_or_else(|error| panic!("{quote}: {error}"));
        assert_eq!(reading.quote, expected);
        assert!(TEXT.contains(&reading.quote) || TITLE.contains(&reading.quote));
    }
}

#[test]
fn an_answer_that_is_not_to_the_letter_is_refused_with_words() {
    let cases = [
        ("0", r#""r""#, r#""""#, "sentiment.score is 0, but must be a whole number from 1 to 5"),
        ("6", r#""r""#, r#""call me""#, "sentiment.score is 6"),
        ("-3", r#""r""#, r#""""#, "sentiment.score is -3"),
        ("3.5", r#""r""#, r#""""#, "sentiment.score must be a whole number from 1 to 5, not a fraction"),
        ("4.0", r#""r""#, r#""call me""#, "sentiment.score must be a whole number"),
        ("99999999999999999999", r#""r""#, r#""""#, "sentiment.score must be a whole number"),
        (r#""4""#, r#""r""#, r#""call me""#, "sentiment.score must be a whole number from 1 to 5, not text"),
        ("null", r#""r""#, r#""""#, "sentiment.score must be a whole number from 1 to 5, not null"),
        ("[4]", r#""r""#, r#""""#, "not a list"),
        ("3", r#""  ""#, r#""""#, "sentiment.reason is empty"),
        ("3", "null", r#""""#, "sentiment.reason must be text, not null"),
        ("3", r#""r""#, "7", "sentiment.quote must be text, not a number"),
        ("3", r#""r""#, r#""the server is down""#, "sentiment.quote is not in the ticket"),
        ("4", r#""r""#, r#""FOURTH ... Monday""#, "sentiment.quote is not in the ticket"),
        ("4", r#""r""#, r#""""#, "sentiment.quote is empty, but a score of 4 must quote"),
        ("5", r#""r""#, r#"" \"…\" ""#, "sentiment.quote is empty, but a score of 5"),
    ];
    for (score, reason, quote, expected) in cases {
        let error = with(score, reason, quote).expect_err(expected).to_string();
        assert!(error.contains(expected), "{score} {reason} {quote}: {error}");
    }
}

#[test]
fn everything_that_is_wrong_is_named_at_once() {
    let error = parse(r#"{"sentiment":{"score":9,"quote":""},"urgency":3}"#, TITLE, TEXT).unwrap_err();
    assert_eq!(
        error.to_string(),
        "sentiment.score is 9, but must be a whole number from 1 to 5; sentiment.reason is missing; \
         urgency must be an object with reason, quote and score, not a number; impact is missing"
    );
}

#[test]
fn the_object_is_found_in_whatever_stands_around_it() {
    let plain = answer(&fine(), &fine(), &fine());
    let expected = parse(&plain, TITLE, TEXT).unwrap();
    let cases = [
        format!("```json\n{plain}\n```"),
        format!("Here you are {{as asked}}:\n{plain}\nI hope {{this}} helps."),
        format!(
            "<think>maybe {} or not</think>{plain}",
            answer(&part("1", r#""x""#, r#""""#), &fine(), &fine())
        ),
        format!("{{\"note\":1}} {plain}"),
        format!("{plain}\n{plain}"),
        format!("\u{feff}{plain}"),
        plain.replacen('{', r#"{"confidence":0.9,"tags":["a",{"b":null}],"#, 1),
    ];
    for case in cases {
        assert_eq!(parse(&case, TITLE, TEXT), Ok(expected.clone()), "{case}");
    }
}

#[test]
fn what_is_no_answer_is_refused() {
    let plain = answer(&fine(), &fine(), &fine());
    let other = answer(&part("1", r#""x""#, r#""""#), &fine(), &fine());
    let cases = [
        (String::new(), "it is empty"),
        (" \n ".into(), "it is empty"),
        ("I cannot help with that.".into(), "it holds no JSON object"),
        ("{}".into(), "it holds no JSON object"),
        ("[3,3,3]".into(), "it holds no JSON object"),
        ("3 3 3".into(), "it holds no JSON object"),
        (plain.get(..plain.len() - 4).unwrap_or_default().to_owned(), "it holds no JSON object"),
        (format!("{plain} or rather {other}"), "it holds more than one answer"),
        (plain.replacen(r#""quote""#, r#""score":5,"quote""#, 1), "the field “score” is given twice"),
        (
            plain.replacen('{', &format!(r#"{{"sentiment":{},"#, fine()), 1),
            "the field “sentiment” is given twice",
        ),
        ("{".repeat(5_000), "it holds no JSON object"),
        ("x".repeat(MOST_ANSWER + 1), "it is longer than"),
    ];
    for (case, expected) in cases {
        let error = parse(&case, TITLE, TEXT).expect_err(&case).to_string();
        assert!(error.contains(expected), "{case:.80}: {error}");
    }
}

#[test]
fn long_reasons_and_quotations_are_cut() {
    let text = "word ".repeat(500);
    let long = answer(
        &part("4", &format!("\"{}\"", "why ".repeat(500)), &format!("\"{}\"", text.trim())),
        &fine(),
        &fine(),
    );
    let reading = parse(&long, "", &text).unwrap().sentiment;
    assert_eq!(reading.reason.chars().count(), MOST_REASON);
    assert!(reading.reason.ends_with('…'));
    assert_eq!(reading.quote.chars().count(), MOST_QUOTE);
    assert!(text.contains(&reading.quote));
}

proptest! {
    #[test]
    fn no_answer_makes_us_panic(answer in "(?s).{0,300}", text in "(?s).{0,100}") {
        let _ = parse(&answer, "title", &text);
    }

    #[test]
    fn whatever_stands_in_a_text_can_be_quoted(text in "(?s).{1,200}", from in 0_usize..200, length in 1_usize..60) {
        let quote: String = text.chars().skip(from).take(length).collect();
        let json = serde_json::to_string(&quote).unwrap();
        let found = parse(&answer(&part("3", r#""r""#, &json), &fine(), &fine()), "", &text);
        let reading = found.map(|assessment| assessment.sentiment);
        prop_assert!(reading.is_ok(), "{:?}", reading);
        prop_assert!(text.contains(&reading.unwrap().quote));
    }
}

const ANSWERS: [&str; 2] = [
    r#"{"sentiment":{"reason":"Angry.","quote":"the FOURTH time","score":5},"urgency":{"reason":"Soon.","quote":"since Monday","score":4},"impact":{"reason":"One.","quote":"","score":2}}"#,
    r#"{"sentiment":{"reason":"a","quote":"","score":1},"urgency":{"reason":"b","quote":"","score":3},"impact":{"reason":"c","quote":"Printer - again","score":4},"more":[1,{"score":9}]}"#,
];

/// What models put around an answer.
fn around() -> impl Strategy<Value = (&'static str, &'static str)> {
    prop::sample::select(vec![
        ("", ""),
        ("```json\n", "\n```"),
        ("<think>{\"sentiment\":{\"score\":1}}</think>", ""),
        ("Sure! {", "} hope it helps"),
        ("{{{{", ""),
        ("\u{feff}", "\u{0}"),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn a_mutated_answer_is_accepted_only_within_the_contract(body in bodies(&ANSWERS), (before, after) in around()) {
        let answer = format!("{before}{}{after}", String::from_utf8_lossy(&body));
        match parse(&answer, TITLE, TEXT) {
            Err(wrong) => prop_assert!((5..5_000).contains(&wrong.to_string().len()), "{wrong}"),
            Ok(found) => {
                let written: Option<Value> = serde_json::from_str(answer.trim()).ok();
                for dimension in Dimension::ALL {
                    let reading = found.reading(dimension);
                    prop_assert!((1..=MOST_REASON).contains(&reading.reason.chars().count()));
                    prop_assert!(!reading.reason.contains('\n'));
                    prop_assert!(reading.quote.chars().count() <= MOST_QUOTE);
                    prop_assert!(TEXT.contains(&reading.quote) || TITLE.contains(&reading.quote));
                    prop_assert!(reading.score <= Score::NEUTRAL || !reading.quote.is_empty());
                    // Where another reader of JSON understands the answer, it reads the same score.
                    if let Some(score) = written.as_ref().and_then(|all| all.get(dimension.word())) {
                        prop_assert_eq!(&score["score"], &Value::from(u8::from(reading.score)));
                    }
                }
            }
        }
    }
}
