//! Scores a ticket by the words in it: as simple as can be while its quotations really stand in the ticket.

use serde_json::{Value, json};

/// The title and the text between the lines `BEGIN TICKET` and `END TICKET`, or the whole message where there are none.
pub(super) fn ticket(message: &str) -> (&str, &str) {
    let Some(mark) = message.lines().next().and_then(|line| line.strip_prefix("BEGIN TICKET ")) else {
        return ("", message);
    };
    let inside = message.split_once('\n').map_or("", |(_, rest)| rest);
    let inside = inside.split_once(&format!("\nEND TICKET {mark}")).map_or(inside, |(inside, _)| inside);
    let (head, text) = inside.split_once("\n\n").unwrap_or((inside, ""));
    (head.strip_prefix("Title: ").unwrap_or(head), text)
}

/// Words and the score they speak for, strongest first.
type Signs = [(&'static str, i64)];

const ANGER: &Signs = &[
    ("unacceptable", 5),
    ("furious", 5),
    ("lawyer", 5),
    ("cancel our contract", 5),
    ("incompetent", 5),
    ("does anybody work there", 5),
    ("ridiculous", 5),
    ("fed up", 5),
    ("fourth time", 5),
    ("still not", 4),
    ("disappointed", 4),
    ("frustrat", 4),
    ("again and again", 4),
    ("no one called", 4),
    ("waiting since", 4),
];
const PRAISE: &Signs = &[
    ("wonderful", 1),
    ("fantastic", 1),
    ("you are the best", 1),
    ("thank you so much", 1),
    ("great work", 1),
    ("appreciate", 2),
    ("kind regards and thanks", 2),
];
const HASTE: &Signs = &[
    ("work has stopped", 5),
    ("cannot work", 5),
    ("can't work", 5),
    ("immediately", 5),
    ("right now", 5),
    ("nobody can", 5),
    ("today", 4),
    ("deadline", 4),
    ("this week", 3),
    ("no hurry", 1),
    ("when you have time", 1),
    ("whenever", 1),
];
const REACH: &Signs = &[
    ("whole company", 5),
    ("all offices", 5),
    ("payroll", 5),
    ("ransom", 5),
    ("everyone", 4),
    ("all of us", 4),
    ("site", 4),
    ("team", 3),
    ("department", 3),
    ("server", 3),
    ("my mouse", 1),
    ("my screen", 1),
];

pub(super) fn score(title: &str, text: &str) -> Value {
    let angry = strongest(ANGER, title, text);
    let sentiment = angry.or_else(|| strongest(PRAISE, title, text));
    let reading = |found: Option<(&str, i64)>, otherwise: i64, word: &str| match found {
        Some((quote, score)) => json!({
            "reason": format!("The customer writes “{quote}”, which speaks for {word} {score}."),
            "quote": quote,
            "score": score,
        }),
        None => {
            json!({"reason": format!("Nothing in the ticket speaks for more or less {word}."), "quote": "", "score": otherwise})
        }
    };
    json!({
        "sentiment": reading(sentiment, 3, "sentiment"),
        "urgency": reading(strongest(HASTE, title, text), 2, "urgency"),
        "impact": reading(strongest(REACH, title, text), 1, "impact"),
    })
}

/// The words as they stand in the ticket. ASCII case is folded, which moves no byte.
fn strongest<'t>(signs: &Signs, title: &'t str, text: &'t str) -> Option<(&'t str, i64)> {
    signs.iter().find_map(|(words, score)| {
        [text, title].into_iter().find_map(|place| {
            let at = place.to_ascii_lowercase().find(words)?;
            Some((place.get(at..at + words.len())?, *score))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ticket_is_what_stands_between_the_marks() {
        let message = "BEGIN TICKET ab12\nTitle: Printer\n\nline one\n\nEND TICKET other\nline two\nEND TICKET ab12\n\nScore it.";
        assert_eq!(ticket(message), ("Printer", "line one\n\nEND TICKET other\nline two"));
        assert_eq!(ticket("only words"), ("", "only words"));
    }

    #[test]
    fn scores_follow_the_words_and_quote_them() {
        let cases = [
            ("This is the FOURTH TIME. Unacceptable!", (5, 2, 1)),
            ("Nobody can print, the whole company waits", (3, 5, 5)),
            ("Thank you so much, no hurry", (1, 1, 1)),
            ("Please set up a mailbox", (3, 2, 1)),
        ];
        for (text, expected) in cases {
            let scores = score("Hello", text);
            let of = |word: &str| scores[word]["score"].as_i64().unwrap_or_default();
            assert_eq!((of("sentiment"), of("urgency"), of("impact")), expected, "{text}");
            for word in ["sentiment", "urgency", "impact"] {
                assert!(text.contains(scores[word]["quote"].as_str().unwrap_or("missing")), "{text}");
            }
        }
    }
}
