//! A text as words: lower case, where they stand, in which sentence, and the marks between them.

/// A word or an emoticon.
pub struct Word {
    /// Lower case, with straight apostrophes.
    pub text: String,
    /// Bytes of the source.
    pub start: usize,
    pub end: usize,
    /// Sentences are counted from 0; a line end begins a new one.
    pub sentence: usize,
    /// `:)` and the like, shortened to eyes and mouth.
    pub emoticon: bool,
    /// Two letters or more, all capitals.
    pub capitals: bool,
    /// A mark stands before it that a negation does not reach across.
    pub after_break: bool,
}

/// A read text. Code, addresses and mentions of people are not words.
pub struct Words<'a> {
    pub source: &'a str,
    pub list: Vec<Word>,
    /// Sentences that ask, by their number.
    pub asking: Vec<bool>,
    pub exclamations: usize,
    pub letters: usize,
    pub capital_letters: usize,
}

impl<'a> Words<'a> {
    /// The source from the first word to the last of a range, both included.
    pub fn quote(&self, first: usize, last: usize) -> &'a str {
        let (Some(first), Some(last)) = (self.list.get(first), self.list.get(last)) else { return "" };
        self.source.get(first.start..last.end).unwrap_or_default()
    }
    pub fn asks(&self, sentence: usize) -> bool {
        self.asking.get(sentence).copied().unwrap_or(false)
    }
}

struct Reader<'a> {
    words: Words<'a>,
    sentence: usize,
    broken: bool,
}

/// Splits a text into words. One pass; each character is looked at a bounded number of times.
pub fn read(source: &str) -> Words<'_> {
    let words = Words {
        source,
        list: Vec::with_capacity(source.len() / 5),
        asking: vec![false],
        exclamations: 0,
        letters: 0,
        capital_letters: 0,
    };
    let mut reader = Reader { words, sentence: 0, broken: true };
    let mut at = 0;
    while let Some(rest) = source.get(at..).filter(|rest| !rest.is_empty()) {
        at += reader.step(rest, at);
    }
    reader.words
}

impl Reader<'_> {
    /// Takes the next piece of the text; gives its length in bytes.
    fn step(&mut self, rest: &str, at: usize) -> usize {
        let bytes = rest.as_bytes();
        let first = rest.chars().next().unwrap_or_default();
        let after_space = at == 0
            || self
                .words
                .source
                .as_bytes()
                .get(at - 1)
                .is_some_and(|byte| byte.is_ascii_whitespace() || *byte == b'(');
        if let Some(length) = skipped(rest, after_space) {
            return length;
        }
        let before = at.checked_sub(1).and_then(|before| bytes_at(self.words.source, before));
        if let Some((shape, length)) = emoticon(bytes, before) {
            self.push(shape, at, at + length, true, false);
            return length;
        }
        if first.is_alphanumeric() {
            return self.word(rest, at);
        }
        self.mark(first, bytes);
        first.len_utf8()
    }

    fn word(&mut self, rest: &str, at: usize) -> usize {
        let length = word_length(rest);
        let source = &rest[..length];
        let mut lower = String::with_capacity(length);
        let (mut letters, mut capitals) = (0, 0);
        for char in source.chars() {
            letters += usize::from(char.is_alphabetic());
            capitals += usize::from(char.is_uppercase());
            match char {
                '’' => lower.push('\''),
                char if char.is_ascii() => lower.push(char.to_ascii_lowercase()),
                char => lower.extend(char.to_lowercase()),
            }
        }
        self.words.letters += letters;
        self.words.capital_letters += capitals;
        self.push(lower, at, at + length, false, letters >= 2 && letters == capitals);
        length
    }

    fn push(&mut self, text: String, start: usize, end: usize, emoticon: bool, capitals: bool) {
        let (sentence, after_break) = (self.sentence, self.broken);
        self.words.list.push(Word { text, start, end, sentence, emoticon, capitals, after_break });
        self.broken = false;
    }

    fn mark(&mut self, mark: char, rest: &[u8]) {
        match mark {
            '!' => self.words.exclamations += 1,
            '?' | '？' => {
                if let Some(asking) = self.words.asking.get_mut(self.sentence) {
                    *asking = true;
                }
            }
            _ => {}
        }
        // "v1.2" and "example.com" are one sentence; a full stop ends one before white space only.
        let ends = match mark {
            '.' => rest.get(1).is_none_or(u8::is_ascii_whitespace),
            '!' | '?' => !matches!(rest.get(1), Some(b'!' | b'?')),
            '？' | '。' | '\n' | '…' => true,
            _ => false,
        };
        self.broken |= ends || matches!(mark, ';' | ':' | '(' | ')' | '.');
        if ends && self.words.list.last().is_some_and(|word| word.sentence == self.sentence) {
            self.sentence += 1;
            self.words.asking.push(false);
        }
    }
}

fn bytes_at(source: &str, at: usize) -> Option<u8> {
    source.as_bytes().get(at).copied()
}

/// Letters and digits with apostrophes inside.
fn word_length(rest: &str) -> usize {
    let mut length = 0;
    let mut chars = rest.chars().peekable();
    while let Some(char) = chars.next() {
        let inside = matches!(char, '\'' | '’') && chars.peek().is_some_and(|next| next.is_alphanumeric());
        if !char.is_alphanumeric() && !inside {
            break;
        }
        length += char.len_utf8();
    }
    length
}

/// Length of what is no word of the writer's: code between backticks, an address, a mention.
fn skipped(rest: &str, after_space: bool) -> Option<usize> {
    const LONGEST: usize = 4_000;
    let near = &rest[..rest.floor_char_boundary(LONGEST)];
    if let Some(code) = near.strip_prefix("```") {
        return code.find("```").map(|end| end + 6);
    }
    if let Some(code) = near.strip_prefix('`') {
        let line = &code[..code.floor_char_boundary(200)];
        return line.find(['`', '\n']).filter(|&end| line.as_bytes()[end] == b'`').map(|end| end + 2);
    }
    for (open, close) in [("{code", "{code}"), ("{noformat", "{noformat}")] {
        if let Some(code) = near.strip_prefix(open) {
            return code.find(close).map(|end| open.len() + end + close.len());
        }
    }
    let to_space = || rest.find(char::is_whitespace).unwrap_or(rest.len());
    let address = ["http://", "https://", "ftp://", "www.", "file://"];
    if after_space && (address.iter().any(|scheme| rest.starts_with(scheme)) || rest.starts_with('@')) {
        return Some(to_space());
    }
    None
}

/// Eyes, perhaps a nose, a mouth, and nothing that would make it part of code; or one of a few other signs.
fn emoticon(rest: &[u8], before: Option<u8>) -> Option<(String, usize)> {
    let first = *rest.first()?;
    if !matches!(first, b':' | b';' | b'=' | b'8' | b'x' | b'X' | b'<' | b'^' | b'+' | b'-') {
        return None;
    }
    if before.is_some_and(|byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b':' | b';' | b'=' | b'<' | b'>' | b'/' | b'\\' | b'_')
    }) {
        return None;
    }
    let ends = |length: usize| {
        rest.get(length).is_none_or(|&byte| {
            !byte.is_ascii_alphanumeric() && !matches!(byte, b':' | b';' | b'=' | b'/' | b'\\' | b'_')
        })
    };
    for sign in ["<3", "^^", "+1", "-1"] {
        if rest.starts_with(sign.as_bytes()) && ends(2) {
            return Some((sign.to_owned(), 2));
        }
    }
    if !matches!(first, b':' | b';' | b'=' | b'8' | b'x' | b'X') {
        return None;
    }
    let mut at = 1;
    let mut shape = String::from(char::from(first.to_ascii_lowercase()));
    if rest.get(at) == Some(&b'\'') {
        shape.push('\'');
        at += 1;
    }
    if matches!(rest.get(at), Some(b'-' | b'o' | b'^'))
        && rest.get(at + 1).is_some_and(|&byte| is_mouth(byte))
    {
        at += 1;
    }
    let mouth = *rest.get(at).filter(|&&byte| is_mouth(byte))?;
    shape.push(char::from(mouth.to_ascii_lowercase()));
    let repeated = rest[at..].iter().take(6).take_while(|&&byte| byte == mouth).count();
    at += repeated;
    ends(at).then_some((shape, at))
}

fn is_mouth(byte: u8) -> bool {
    matches!(
        byte,
        b')' | b'('
            | b']'
            | b'['
            | b'd'
            | b'D'
            | b'p'
            | b'P'
            | b's'
            | b'S'
            | b'o'
            | b'O'
            | b'/'
            | b'\\'
            | b'|'
            | b'*'
            | b'3'
    )
}
