//! Whether a text is English. The lexicon is: "die", "war", "pain" and "gift" are harmless words elsewhere.

use super::words::Words;
use rustc_hash::FxHashMap;
use std::sync::LazyLock;

const ENGLISH: &[&str] = &[
    "the", "and", "is", "to", "of", "it", "you", "we", "have", "are", "this", "that", "not", "my", "our",
    "with", "for", "can", "on", "was", "be", "i", "your", "please", "has", "been", "from", "they", "what",
    "when", "there", "will", "would", "it's", "i'm", "don't",
];
/// Short words of German, French, Spanish, Italian, Dutch, Portuguese, Swedish, Danish, Norwegian and Polish.
const OTHERS: &[&str] = &[
    "der", "das", "und", "ist", "nicht", "ich", "wir", "sie", "ein", "eine", "mit", "auf", "für", "bitte",
    "den", "dem", "seit", "le", "la", "les", "des", "et", "est", "pas", "je", "nous", "vous", "une", "pour",
    "dans", "que", "el", "los", "las", "es", "por", "una", "nos", "con", "para", "il", "che", "non", "sono",
    "di", "della", "het", "een", "en", "niet", "ik", "wij", "van", "voor", "dat", "não", "uma", "os", "com",
    "och", "är", "inte", "jag", "vi", "det", "som", "ikke", "jeg", "nie", "się", "jest", "na", "qui", "mais",
    "sur", "puede", "si", "ça", "mi", "du", "zu", "im", "aber", "wird", "werden", "hat", "haben",
];

/// Short words, and whether they are English. Where two languages share one, it is English.
static SHORT: LazyLock<FxHashMap<&str, bool>> = LazyLock::new(|| {
    let others = OTHERS.iter().map(|word| (*word, false));
    others.chain(ENGLISH.iter().map(|word| (*word, true))).collect()
});

/// More English short words than others, or too few of either to tell.
pub fn is_english(parts: &[Words<'_>]) -> bool {
    let (mut english, mut others, mut ascii, mut all) = (0, 0, 0, 0);
    for word in parts.iter().flat_map(|part| &part.list) {
        all += 1;
        ascii += usize::from(word.text.is_ascii());
        match SHORT.get(word.text.as_str()) {
            Some(true) => english += 1,
            Some(false) => others += 1,
            None => {}
        }
    }
    english >= others && (english > 0 || others == 0) && ascii * 2 >= all
}
