//! Words and phrases of feeling, and what stands before them: negation, intensity, capitals, questions.
//!
//! The table is `lexicon.txt` beside this file; its head tells where it comes from.

use super::words::{self, Word, Words};
use rustc_hash::FxHashMap;
use std::sync::LazyLock;

/// What a word is besides its valence.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Feeling,
    /// Manners, which letters hold whatever the mood.
    Courtesy,
    /// Describes a fault, as every report of one does.
    Fault,
}

#[derive(Clone, Copy)]
struct Entry {
    valence: f32,
    kind: Kind,
}

struct Lexicon {
    words: FxHashMap<&'static str, Entry>,
    /// By their first word; longest first.
    phrases: FxHashMap<&'static str, Vec<(Vec<&'static str>, Entry)>>,
}

static LEXICON: LazyLock<Lexicon> = LazyLock::new(|| Lexicon::parse(include_str!("lexicon.txt")));

impl Lexicon {
    fn parse(table: &'static str) -> Self {
        let mut lexicon = Self { words: FxHashMap::default(), phrases: FxHashMap::default() };
        for line in table.lines().filter(|line| !line.starts_with("# ")) {
            let mut fields = line.split('\t');
            let (Some(key), Some(Ok(valence))) = (fields.next(), fields.next().map(str::parse)) else {
                continue;
            };
            let kind = match fields.next() {
                Some("c") => Kind::Courtesy,
                Some("f") => Kind::Fault,
                _ => Kind::Feeling,
            };
            let entry = Entry { valence, kind };
            let parts: Vec<&str> = key.split(' ').collect();
            match parts.as_slice() {
                [first, _, ..] => lexicon.phrases.entry(*first).or_default().push((parts, entry)),
                _ => {
                    lexicon.words.insert(key, entry);
                }
            }
        }
        for phrases in lexicon.phrases.values_mut() {
            phrases.sort_by_key(|(parts, _)| std::cmp::Reverse(parts.len()));
        }
        lexicon
    }

    /// The entry that begins at a word, and how many words it takes.
    fn find(&self, words: &[Word]) -> Option<(Entry, usize)> {
        let first = words.first()?;
        let phrases = self.phrases.get(first.text.as_str()).map(Vec::as_slice).unwrap_or_default();
        let fits = |parts: &[&str]| {
            words.len() >= parts.len()
                && words.iter().zip(parts).enumerate().all(|(index, (word, part))| {
                    word.text == *part
                        && (index == 0 || (!word.after_break && word.sentence == first.sentence))
                })
        };
        let phrase =
            phrases.iter().find(|(parts, _)| fits(parts)).map(|(parts, entry)| (*entry, parts.len()));
        phrase.or_else(|| self.words.get(first.text.as_str()).map(|entry| (*entry, 1)))
    }
}

/// A feeling word or phrase in its place.
pub struct Hit {
    pub first: usize,
    pub last: usize,
    /// With what stands before it taken into account.
    pub valence: f32,
    pub kind: Kind,
    pub negated: bool,
}

/// A negated pleasure is a mild displeasure; a negated displeasure is next to nothing.
const NEGATED_PLEASED: f32 = -0.3;
const NEGATED_DISPLEASED: f32 = 0.1;
/// In a question a word is asked about more than felt.
const ASKED_PLEASED: f32 = 0.8;
const ASKED_DISPLEASED: f32 = 0.9;

/// Every word and phrase of the lexicon, in order.
pub fn hits(words: &Words<'_>) -> Vec<Hit> {
    let list = &words.list;
    let mixed =
        list.iter().any(|word| word.capitals) && list.iter().any(|word| !word.capitals && !word.emoticon);
    let mut hits = Vec::new();
    let mut index = 0;
    while let Some(rest) = list.get(index..).filter(|rest| !rest.is_empty()) {
        let Some((entry, length)) = LEXICON.find(rest) else {
            index += 1;
            continue;
        };
        let (first, last) = (index, index + length - 1);
        index += length;
        if entry.valence == 0.0 {
            continue;
        }
        let word = &rest[0];
        let pleased = entry.valence > 0.0;
        let negated = !word.emoticon && is_negated(list, first);
        let mut weight = if word.emoticon { 1.0 } else { intensity(list, first) };
        if word.capitals && mixed && word.text.len() > 2 {
            weight *= 1.3;
        }
        if negated {
            weight *= if pleased { NEGATED_PLEASED } else { NEGATED_DISPLEASED };
        }
        if words.asks(word.sentence) {
            weight *= if pleased { ASKED_PLEASED } else { ASKED_DISPLEASED };
        }
        hits.push(Hit { first, last, valence: entry.valence * weight, kind: entry.kind, negated });
    }
    hits
}

/// The words just before one, nearest first, within its clause.
fn before(list: &[Word], at: usize) -> impl Iterator<Item = &str> {
    let mut open = list.get(at).is_some_and(|word| !word.after_break);
    list[..at].iter().rev().take(3).map_while(move |word| {
        let reached = open && !word.emoticon;
        open = !word.after_break;
        reached.then_some(word.text.as_str())
    })
}

pub fn is_negated(list: &[Word], at: usize) -> bool {
    before(list, at).any(|word| {
        word.ends_with("n't")
            || matches!(
                word,
                "not"
                    | "no"
                    | "never"
                    | "none"
                    | "cannot"
                    | "cant"
                    | "dont"
                    | "doesnt"
                    | "didnt"
                    | "isnt"
                    | "arent"
                    | "wasnt"
                    | "wont"
                    | "wouldnt"
                    | "shouldnt"
                    | "couldnt"
                    | "havent"
                    | "hasnt"
                    | "hadnt"
                    | "without"
                    | "hardly"
                    | "barely"
                    | "neither"
                    | "nor"
                    | "nothing"
                    | "nobody"
            )
    })
}

fn intensity(list: &[Word], at: usize) -> f32 {
    let mut before = before(list, at);
    let (near, far) = (before.next(), before.next());
    match (near, far) {
        (Some(word), _) if intensifies(word) => 1.4,
        (
            Some(
                "slightly" | "somewhat" | "bit" | "little" | "kinda" | "sorta" | "fairly" | "partly"
                | "marginally",
            ),
            _,
        ) => 0.7,
        (_, Some(word)) if intensifies(word) => 1.2,
        _ => 1.0,
    }
}

fn intensifies(word: &str) -> bool {
    matches!(
        word,
        "very"
            | "really"
            | "extremely"
            | "incredibly"
            | "so"
            | "too"
            | "totally"
            | "completely"
            | "absolutely"
            | "super"
            | "highly"
            | "deeply"
            | "terribly"
            | "awfully"
            | "seriously"
            | "fucking"
            | "damn"
            | "freaking"
            | "hugely"
            | "pretty"
            | "particularly"
            | "especially"
            | "utterly"
            | "insanely"
            | "such"
            | "quite"
            | "truly"
    )
}

/// An exclamation mark says as much as a mild pleased word: colleagues exclaim in joy more than in anger.
const EXCLAMATION: f32 = 0.78;
/// How much it takes to call a text pleased or displeased, and how much more as it grows longer.
const PLEASED: (f32, f32) = (2.39, 0.50);
const DISPLEASED: (f32, f32) = (2.07, 0.06);

/// -1 displeased, 0 neutral, +1 pleased: how a comment among colleagues reads. Manners count here.
pub fn polarity(text: &str) -> i8 {
    let words = words::read(text);
    let count = words.list.iter().filter(|word| !word.emoticon).count();
    let length = (f32::from(u16::try_from(count).unwrap_or(u16::MAX)) / 10.0).ln_1p();
    let exclaimed = if words.exclamations > 0 { EXCLAMATION } else { 0.0 };
    let sum = exclaimed + hits(&words).iter().map(|hit| hit.valence).sum::<f32>();
    let pleased = sum - PLEASED.0 - PLEASED.1 * length;
    let displeased = -sum - DISPLEASED.0 - DISPLEASED.1 * length;
    if pleased > 0.0 {
        1
    } else if displeased > 0.0 {
        -1
    } else {
        0
    }
}
