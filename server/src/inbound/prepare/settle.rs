//! Characters that nobody sees taken out, line ends and spaces made one kind. Languages are left as they are.

use regex::Regex;
use std::sync::LazyLock;

/// Pictures and link targets that mail programs write into plain text.
static CLUTTER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)<mailto:[^<>\s]{1,300}>|\[cid:[^\[\]\s]{1,200}\]|\[image:[^\[\]\n]{0,200}\]")
        .expect("a constant pattern")
});

/// Lines without trailing space, at most two line ends in a row, one space between words, no invisible characters.
pub fn settle(text: &str) -> String {
    let visible: String = text.replace("\r\n", "\n").chars().filter_map(visible).collect();
    let lines: Vec<String> = CLUTTER.replace_all(&visible, "").lines().map(settle_line).collect();
    join(&lines.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Joins lines, without empty ones at the ends and never two empty ones together.
pub fn join(lines: &[&str]) -> String {
    let mut out = String::new();
    let mut gap = false;
    for line in lines.iter().map(|line| line.trim_end()) {
        if line.is_empty() {
            gap = !out.is_empty();
            continue;
        }
        if !out.is_empty() {
            out.push_str(if gap { "\n\n" } else { "\n" });
        }
        gap = false;
        out.push_str(line);
    }
    out
}

/// The joiners U+200C and U+200D and the direction marks U+200E and U+200F stay: Persian, emoji and Hebrew need them.
fn visible(char: char) -> Option<char> {
    match char {
        '\n' | '\t' => Some(char),
        '\r' | '\u{0b}' | '\u{0c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some('\n'),
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => Some(' '),
        '\u{ad}'
        | '\u{180e}'
        | '\u{200b}'
        | '\u{2060}'..='\u{2064}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffc}' => None,
        // Directions switched within the text, and the invisible tag alphabet: used to hide words from readers.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}' | '\u{e0000}'..='\u{e0fff}' => None,
        _ if char.is_control() => None,
        _ => Some(char),
    }
}

/// Indentation says something (lists, code), up to a point; spaces between words do not.
fn settle_line(line: &str) -> String {
    const MAX_INDENT: usize = 8;
    let body = line.trim_start();
    let indent =
        line[..line.len() - body.len()].chars().map(|char| if char == '\t' { 4 } else { 1 }).sum::<usize>();
    let mut out = " ".repeat(indent.min(MAX_INDENT));
    for (index, word) in body.split_whitespace().enumerate() {
        if index > 0 {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}
