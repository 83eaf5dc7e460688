//! A model answer to an assessment, or what is wrong with it.
//!
//! Strict where a mistake could act, lenient where it cannot:
//! - a score is a whole JSON number from 1 to 5; `3.5`, `4.0`, `"4"` and `null` are refused, since a model that answers so
//!   has not understood the scale;
//! - a reason is text and not empty; it is put on one line and cut to [`MOST_REASON`] characters;
//! - a quotation must stand in the title or the text, compared without regard to case, runs of white space and the shape of
//!   quotation marks and dashes; it is replaced by the ticket's own characters, and cut to [`MOST_QUOTE`];
//! - an empty quotation is allowed up to score 3; a score that calls for action must show the words it rests on;
//! - code fences, thinking aloud and prose around the one JSON object are passed over, and so are fields we did not ask for;
//! - a field given twice, and two different answers, are refused: which one was meant would be a guess.

use domain::{Assessment, Dimension, Reading, Score};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Longest reason kept, in characters.
pub const MOST_REASON: usize = 400;
/// Longest quotation kept, in characters.
pub const MOST_QUOTE: usize = 300;
/// An answer beyond this is not read at all, in bytes.
const MOST_ANSWER: usize = 64 * 1024;
/// How many opening braces are tried as the beginning of the answer.
const MOST_STARTS: usize = 64;

/// Why an answer cannot be used; the words go back to the model and to people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    #[error("it is empty")]
    Empty,
    #[error("it is longer than {MOST_ANSWER} bytes")]
    TooLong,
    #[error("it holds no JSON object with sentiment, urgency and impact{0}")]
    NoAnswer(String),
    #[error("it holds more than one answer")]
    SeveralAnswers,
    /// Everything that is wrong, not only the first.
    #[error("{}", .0.join("; "))]
    Wrong(Vec<String>),
}

/// Reads and checks an answer about a ticket with this title and text.
pub fn parse(answer: &str, title: &str, text: &str) -> Result<Assessment, Unusable> {
    let found = find(answer)?;
    let read = [Folded::new(text), Folded::new(title)];
    let mut wrong = Vec::new();
    let mut reading = |dimension| match reading(&found, dimension, &read) {
        Ok(reading) => Some(reading),
        Err(problems) => {
            wrong.extend(problems);
            None
        }
    };
    let readings = Dimension::ALL.map(&mut reading);
    match readings {
        [Some(sentiment), Some(urgency), Some(impact)] => Ok(Assessment { sentiment, urgency, impact }),
        _ => Err(Unusable::Wrong(wrong)),
    }
}

fn reading(answer: &Json, dimension: Dimension, read: &[Folded<'_>]) -> Result<Reading, Vec<String>> {
    let word = dimension.word();
    let Some(part) = answer.get(word) else { return Err(vec![format!("{word} is missing")]) };
    if !matches!(part, Json::Object(_)) {
        return Err(vec![format!(
            "{word} must be an object with reason, quote and score, not {}",
            part.kind()
        )]);
    }
    let score = score(part).map_err(|what| format!("{word}.score {what}"));
    let reason = reason(part).map_err(|what| format!("{word}.reason {what}"));
    let quote = quote(part, read).map_err(|what| format!("{word}.quote {what}"));
    match (score, reason, quote) {
        (Ok(score), Ok(_), Ok(quote)) if quote.is_empty() && score > Score::NEUTRAL => Err(vec![format!(
            "{word}.quote is empty, but a score of {score} must quote the words of the ticket it rests on"
        )]),
        (Ok(score), Ok(reason), Ok(quote)) => Ok(Reading { score, reason, quote }),
        (score, reason, quote) => {
            Err([score.err(), reason.err(), quote.err()].into_iter().flatten().collect())
        }
    }
}

fn score(part: &Json) -> Result<Score, String> {
    match part.get("score") {
        None => Err("is missing".into()),
        Some(Json::Integer(value)) => {
            Score::new(*value).map_err(|_| format!("is {value}, but must be a whole number from 1 to 5"))
        }
        Some(other) => Err(format!("must be a whole number from 1 to 5, not {}", other.kind())),
    }
}

fn reason(part: &Json) -> Result<String, String> {
    let text = match part.get("reason") {
        None => return Err("is missing".into()),
        Some(Json::Text(text)) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        Some(other) => return Err(format!("must be text, not {}", other.kind())),
    };
    if text.is_empty() {
        return Err("is empty".into());
    }
    if text.chars().count() <= MOST_REASON {
        return Ok(text);
    }
    Ok(text.chars().take(MOST_REASON - 1).chain(['…']).collect())
}

fn quote(part: &Json, read: &[Folded<'_>]) -> Result<String, String> {
    let asked = match part.get("quote") {
        None => return Err("is missing (give \"\" where nothing stands out)".into()),
        Some(Json::Text(text)) => text,
        Some(other) => return Err(format!("must be text, not {}", other.kind())),
    };
    let wanted = Folded::new(asked).trimmed();
    if wanted.is_empty() {
        return Ok(String::new());
    }
    let found = read.iter().find_map(|text| text.find(&wanted));
    found
        .map(|found| cut(found, MOST_QUOTE).to_owned())
        .ok_or_else(|| "is not in the ticket; copy its words exactly".into())
}

fn cut(text: &str, most: usize) -> &str {
    text.char_indices().nth(most).map_or(text, |(end, _)| text.get(..end).unwrap_or(text))
}

// ---- quotations ----------------------------------------------------------------------------------------------------

/// A text with what readers do not see folded away, and where each character came from.
struct Folded<'a> {
    text: &'a str,
    /// Folded character, and the bytes of `text` it stands for.
    chars: Vec<(char, usize, usize)>,
}

impl<'a> Folded<'a> {
    fn new(text: &'a str) -> Self {
        let mut chars: Vec<(char, usize, usize)> = Vec::with_capacity(text.len());
        for (start, c) in text.char_indices() {
            let end = start + c.len_utf8();
            match c {
                // Zero width: joiners, marks of order, soft hyphen.
                '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}' => {}
                c if c.is_whitespace() => match chars.last_mut() {
                    Some((' ', _, until)) => *until = end,
                    _ => chars.push((' ', start, end)),
                },
                '‘' | '’' | '‚' | '‛' | '`' | '´' | 'ʼ' => chars.push(('\'', start, end)),
                '“' | '”' | '„' | '‟' | '«' | '»' => chars.push(('"', start, end)),
                '‐'..='―' | '−' => chars.push(('-', start, end)),
                '…' => chars.extend([('.', start, end); 3]),
                c => chars.extend(c.to_lowercase().map(|lower| (lower, start, end))),
            }
        }
        Self { text, chars }
    }

    /// The folded characters without the quotation marks, dots and spaces that models like to put around.
    fn trimmed(&self) -> Vec<char> {
        let around = |c: &char| c.is_whitespace() || matches!(c, '"' | '\'' | '.');
        let chars: Vec<char> = self.chars.iter().map(|(c, ..)| *c).collect();
        let from = chars.iter().position(|c| !around(c)).unwrap_or(chars.len());
        let to = chars.iter().rposition(|c| !around(c)).map_or(from, |last| last + 1);
        chars.get(from..to).unwrap_or_default().to_vec()
    }

    /// The text's own characters where `wanted` stands in it.
    fn find(&self, wanted: &[char]) -> Option<&'a str> {
        let window = self
            .chars
            .windows(wanted.len())
            .find(|window| window.iter().zip(wanted).all(|((c, ..), w)| c == w))?;
        self.text.get(window.first()?.1..window.last()?.2)
    }
}

// ---- finding the object --------------------------------------------------------------------------------------------

/// The one JSON object in an answer that speaks of the three dimensions.
fn find(answer: &str) -> Result<Json, Unusable> {
    if answer.len() > MOST_ANSWER {
        return Err(Unusable::TooLong);
    }
    let answer = answer.rsplit_once("</think>").map_or(answer, |(_, said)| said);
    if answer.trim().is_empty() {
        return Err(Unusable::Empty);
    }
    let mut found: Option<Json> = None;
    let mut complaint = String::new();
    let mut from = 0;
    for _ in 0..MOST_STARTS {
        let Some(rest) = answer.get(from..) else { break };
        let Some(brace) = rest.find('{') else { break };
        let start = from + brace;
        let mut stream =
            serde_json::Deserializer::from_str(answer.get(start..).unwrap_or_default()).into_iter::<Json>();
        match stream.next() {
            Some(Ok(object)) => {
                from = start + stream.byte_offset().max(1);
                if !Dimension::ALL.iter().any(|dimension| object.get(dimension.word()).is_some()) {
                    continue;
                }
                match &found {
                    Some(other) if *other != object => return Err(Unusable::SeveralAnswers),
                    _ => found = Some(object),
                }
            }
            Some(Err(error)) => {
                if complaint.is_empty() {
                    complaint = format!(" ({error})");
                }
                from = start + 1;
            }
            None => break,
        }
    }
    found.ok_or(Unusable::NoAnswer(complaint))
}

/// JSON that refuses a name given twice, and knows whole numbers from others.
#[derive(Clone, Debug, PartialEq)]
enum Json {
    Null,
    Bool,
    Integer(i64),
    OtherNumber,
    Text(String),
    List,
    Object(Vec<(String, Json)>),
}

impl Json {
    fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(fields) => fields.iter().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }
    fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "true or false",
            Self::Integer(_) => "a number",
            Self::OtherNumber => "a fraction or a number out of range",
            Self::Text(_) => "text",
            Self::List => "a list",
            Self::Object(_) => "an object",
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }
    fn visit_bool<E: Error>(self, _: bool) -> Result<Json, E> {
        Ok(Json::Bool)
    }
    fn visit_i64<E: Error>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Integer(value))
    }
    fn visit_u64<E: Error>(self, value: u64) -> Result<Json, E> {
        Ok(i64::try_from(value).map_or(Json::OtherNumber, Json::Integer))
    }
    fn visit_f64<E: Error>(self, _: f64) -> Result<Json, E> {
        Ok(Json::OtherNumber)
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
        while list.next_element::<Json>()?.is_some() {}
        Ok(Json::List)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut fields: Vec<(String, Json)> = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, Json>()? {
            if fields.iter().any(|(known, _)| *known == key) {
                return Err(A::Error::custom(format!("the field “{key}” is given twice")));
            }
            fields.push((key, value));
        }
        Ok(Json::Object(fields))
    }
}

#[cfg(test)]
mod tests;
