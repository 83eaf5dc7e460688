//! From what was found to a reading: the score, a sentence that names the words, and the strongest of them as quotation.

use super::phrases::Found;
use super::words::Words;
use domain::{Reading, Score};

/// Words of the ticket that counted.
pub struct Evidence<'a> {
    pub quote: &'a str,
    pub strength: f32,
}

impl<'a> Evidence<'a> {
    pub fn new(words: &Words<'a>, first: usize, last: usize, strength: f32) -> Self {
        Self { quote: words.quote(first, last), strength }
    }
    pub fn of(words: &Words<'a>, found: &Found) -> Self {
        Self::new(words, found.first, found.last, found.weight)
    }
}

/// Most words named in a reason, and the length of each, in characters.
const NAMED: usize = 4;
const LONGEST: usize = 60;

/// A reading whose reason is `says` and the words it rests on, strongest first.
pub fn reading(score: i64, says: &str, mut evidence: Vec<Evidence<'_>>) -> Reading {
    evidence.sort_by(|one, other| other.strength.total_cmp(&one.strength));
    let mut named: Vec<String> = Vec::new();
    for one in &evidence {
        let shown = format!("“{}”", shorten(one.quote));
        if named.len() < NAMED && !named.iter().any(|name| name.to_lowercase() == shown.to_lowercase()) {
            named.push(shown);
        }
    }
    let reason = if named.is_empty() { format!("{says}.") } else { format!("{says}: {}.", named.join(", ")) };
    let quote = evidence.first().map(|one| one.quote.to_owned()).unwrap_or_default();
    Reading { score: Score::new(score.clamp(1, 5)).unwrap_or(Score::NEUTRAL), reason, quote }
}

fn shorten(quote: &str) -> String {
    let line = quote.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
