//! Tables of what people say: each phrase with a weight, found in one pass over the words.
//!
//! A phrase is words in order, within one sentence. `a|b` is either word, `*` up to two words of any kind, `word~` any
//! word that begins so (never the first). Of the phrases that begin at a word the one that covers most words wins, and
//! its words are taken: in "not urgent" nobody sees "urgent".

use super::words::{Word, Words};
use rustc_hash::FxHashMap;

/// Most words that `*` stands for.
const GAP: usize = 2;

enum Slot {
    Any(Vec<&'static str>),
    Starts(&'static str),
    Gap,
}

struct Phrase {
    slots: Vec<Slot>,
    weight: f32,
}

/// A compiled table.
pub struct Table {
    phrases: Vec<Phrase>,
    by_first: FxHashMap<&'static str, Vec<usize>>,
}

/// A phrase in its place.
#[derive(Clone, Copy)]
pub struct Found {
    pub first: usize,
    pub last: usize,
    pub weight: f32,
}

impl Found {
    pub fn overlaps(&self, first: usize, last: usize) -> bool {
        self.first <= last && first <= self.last
    }
}

impl Table {
    /// Compiles lines of (weight, phrases separated by `;`).
    pub fn new(lines: &[(f32, &'static str)]) -> Self {
        let mut table = Self { phrases: Vec::new(), by_first: FxHashMap::default() };
        for (weight, phrases) in lines {
            for phrase in phrases.split(';').map(str::trim).filter(|phrase| !phrase.is_empty()) {
                let slots: Vec<Slot> = phrase.split_whitespace().map(slot).collect();
                if let Some(Slot::Any(firsts)) = slots.first() {
                    for first in firsts {
                        table.by_first.entry(first).or_default().push(table.phrases.len());
                    }
                }
                table.phrases.push(Phrase { slots, weight: *weight });
            }
        }
        table
    }

    pub fn find(&self, words: &Words<'_>) -> Vec<Found> {
        let list = &words.list;
        let mut taken = vec![false; list.len()];
        let mut found = Vec::new();
        for first in 0..list.len() {
            if taken[first] {
                continue;
            }
            let candidates =
                self.by_first.get(list[first].text.as_str()).map(Vec::as_slice).unwrap_or_default();
            let best = candidates
                .iter()
                .filter_map(|&index| {
                    let phrase = &self.phrases[index];
                    matches(&phrase.slots, list, first, first).map(|last| (last, phrase.weight))
                })
                .max_by(|one, other| one.0.cmp(&other.0).then(one.1.total_cmp(&other.1)));
            if let Some((last, weight)) = best {
                taken[first..=last].fill(true);
                found.push(Found { first, last, weight });
            }
        }
        found
    }
}

fn slot(word: &'static str) -> Slot {
    match (word, word.strip_suffix('~')) {
        ("*", _) => Slot::Gap,
        (_, Some(stem)) => Slot::Starts(stem),
        _ => Slot::Any(word.split('|').collect()),
    }
}

/// Index of the last word, if the slots fit from `at` on. Gaps are few and short, so the search is small.
fn matches(slots: &[Slot], list: &[Word], at: usize, first: usize) -> Option<usize> {
    let Some((slot, rest)) = slots.split_first() else { return at.checked_sub(1) };
    if let Slot::Gap = slot {
        return (0..=GAP).find_map(|skipped| matches(rest, list, at + skipped, first));
    }
    let word = list.get(at).filter(|word| word.sentence == list[first].sentence)?;
    let fits = match slot {
        Slot::Any(words) => words.contains(&word.text.as_str()),
        Slot::Starts(stem) => word.text.starts_with(stem),
        Slot::Gap => true,
    };
    if fits { matches(rest, list, at + 1, first) } else { None }
}
