//! A note as the PSA has it, to the customer's own words.
//!
//! In order: HTML to text ([`html`]), characters and spaces settled ([`settle`]), the quoted thread cut ([`thread`]),
//! warning banners, signature and disclaimer cut ([`signature`]), the length capped. Every step is linear in the
//! length of the text, whatever the text. Nothing here reads meaning; whether a machine wrote it is
//! [`super::machine`]'s question.
//!
//! INVARIANT: where the note has words, so has the result: if the cuts would leave none, nothing is cut.

mod headers;
mod html;
mod settle;
mod signature;
#[cfg(test)]
mod tests;
mod thread;

/// The customer's words, and what was cut to get to them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prepared {
    pub text: String,
    /// For people: "quoted thread cut", "signature cut", "cut to 8,000 characters".
    pub remarks: Vec<String>,
}

/// Longest text a model gets to read, in characters.
pub const MAX_CHARS: usize = 8_000;

/// Most of a note that is looked at, in bytes. Mails with pictures inside can be far longer; no PSA keeps more text.
const MAX_BYTES: usize = 2 << 20;

/// HTML to text; quoted threads, signatures, disclaimers and mail headers cut; whitespace settled; length capped.
pub fn prepare(text: &str, html: bool) -> Prepared {
    let text = &text[..text.floor_char_boundary(MAX_BYTES)];
    let plain = if html { html::to_text(text) } else { text.to_owned() };
    let settled = settle::settle(&plain);
    let (own, mut remarks) = own_words(&settled);
    let text = if has_words(&own) || !has_words(&settled) {
        own
    } else {
        remarks = vec!["kept whole: nothing but quoted text or a signature".to_owned()];
        settled
    };
    Prepared { text: cap(text, &mut remarks), remarks }
}

fn own_words(settled: &str) -> (String, Vec<String>) {
    let lines: Vec<&str> = settled.lines().collect();
    let mut remarks = Vec::new();
    let mut remark = |cut: bool, what: &str| {
        if cut {
            remarks.push(what.to_owned());
        }
    };
    let (lines, banner) = signature::without_banner(lines);
    remark(banner, "warning banner cut");
    let own = thread::own_lines(&lines);
    remark(own.headers_cut, "mail headers cut");
    remark(own.thread_cut, "quoted thread cut");
    let (lines, disclaimer) = signature::without_disclaimer(own.lines);
    remark(disclaimer, "disclaimer cut");
    let (lines, contact) = signature::without_contact_block(lines);
    remark(own.signature_cut || contact, "signature cut");
    (settle::join(thread::without_dividers_below(&lines)), remarks)
}

/// A letter or a digit; or a picture character, which says as much.
fn has_words(text: &str) -> bool {
    text.chars().any(|char| {
        char.is_alphanumeric() || matches!(char, '\u{2600}'..='\u{27bf}' | '\u{1f300}'..='\u{1faff}')
    })
}

/// Cuts at a space where one is near, otherwise between two characters.
fn cap(text: String, remarks: &mut Vec<String>) -> String {
    let Some((end, _)) = text.char_indices().nth(MAX_CHARS) else { return text };
    let near = text.floor_char_boundary(end.saturating_sub(200));
    let at = text[near..end].rfind(char::is_whitespace).map_or(end, |space| near + space);
    remarks.push("cut to 8,000 characters".to_owned());
    text[..at].trim_end().to_owned()
}
