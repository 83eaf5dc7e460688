//! What surrounds the words: banners that a mail gateway put above, disclaimers and contact blocks below.
//! A greeting and a name stay: they are the writer's own, and "Thanks" or "Regards" do no harm.

use super::thread::is_divider;
use regex::Regex;
use std::sync::LazyLock;

type Cut<'a> = (Vec<&'a str>, bool);

/// Lines from the top that may belong to a banner.
const MAX_BANNER_LINES: usize = 8;

static BANNER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)^\W*(?:(?:caution|warning|attention|notice|achtung|vorsicht|external|extern)\b.{0,120}\b(?:external|extern(?:en|al|er)?|outside|originated|unknown sender|untrusted)\b.{0,300}|(?:external|extern(?:al)? (?:e-?mail|sender|message)|\[external\])\W*|you don['’]t often get e-?mail from .{1,200}|some people who received this message don['’]t often get e-?mail from .{1,200}|(?:this (?:e-?mail|message)|the sender of this (?:e-?mail|message)) (?:has )?(?:originated|came|comes|is|was sent) (?:from )?(?:an )?(?:outside|external)\b.{0,300})$")
        .expect("a constant pattern")
});
/// The rest of a banner that was wrapped over several lines.
static BANNER_MORE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:click (?:on )?(?:any )?links?|open (?:any )?attachments?|recogni[sz]e the sender|content is safe|learn why this is important)\b")
        .expect("a constant pattern")
});

/// Without the warning that a gateway puts above mails from outside.
pub fn without_banner(lines: Vec<&str>) -> Cut<'_> {
    let mut at = 0;
    let mut found = false;
    while let Some(line) = lines.get(at).filter(|_| at < MAX_BANNER_LINES) {
        let banner = line.len() <= 600 && (BANNER.is_match(line) || (found && BANNER_MORE.is_match(line)));
        if !banner && !line.trim().is_empty() {
            break;
        }
        found |= banner;
        at += 1;
    }
    if found { (lines[at..].to_vec(), true) } else { (lines, false) }
}

static DISCLAIMER: LazyLock<Regex> = LazyLock::new(|| {
    let starts = [
        r"confidentiality (?:notice|note|statement|warning)",
        r"(?:e-?mail |legal )?disclaimer\s*[:.\n-]",
        r"legal notice\s*[:.\n-]",
        r"privileged (?:and|&|/) confidential",
        r"confidential (?:and|&|/) privileged",
        r"(?:this|the) (?:e-?mail|message|communication|transmission)\b.{0,120}\b(?:confidential|privileged|intended (?:only |solely )?for|intended recipient)",
        r"(?:the )?(?:information|contents?) (?:contained |transmitted )?(?:in|of|by) this (?:e-?mail|message|communication|transmission)",
        r"(?:if you (?:are not|have received|received)|any (?:unauthori[sz]ed )?(?:review|use|disclosure))\b.{0,120}\b(?:intended recipient|in error|prohibited)",
        r"(?:please )?(?:consider|think of|think about) the environment",
        r"think before you print",
        r"this (?:e-?mail|message) (?:has been|was) (?:scanned|checked|virus)",
        r"virus-free\.? ",
        r"scanned by ",
        r"diese (?:e-?mail|nachricht)\b.{0,120}\bvertraulich",
        r"der inhalt dieser (?:e-?mail|nachricht)",
        r"wichtiger hinweis:.{0,80}vertraulich",
        r"ce (?:message|courriel|mail|courrier)\b.{0,140}\bconfidentiel",
        r"este (?:mensaje|correo|e-?mail)\b.{0,140}\bconfidencial",
        r"esta mensagem\b.{0,140}\bconfidencia",
        r"(?:questo messaggio|questa e-?mail|le informazioni)\b.{0,140}\b(?:riservat|confidenzial)",
        r"(?:deze e-?mail|dit (?:e-?mail)?bericht|de informatie)\b.{0,140}\bvertrouwelijk",
        r"detta (?:e-?post|mejl|meddelande)\b.{0,140}\bkonfidentiell",
    ];
    Regex::new(&format!(r"(?is)^[\s*_\W]{{0,10}}(?:{})", starts.join("|"))).expect("a constant pattern")
});

/// Without the lawyers' paragraph, and what stands below it.
pub fn without_disclaimer(lines: Vec<&str>) -> Cut<'_> {
    // Paragraph by paragraph; the first one is the writer's own, whatever it looks like.
    let starts = lines.iter().enumerate().skip(1).filter(|&(at, line)| {
        !line.trim().is_empty()
            && (lines[at - 1].trim().is_empty() || line.trim_start().starts_with(char::is_uppercase))
    });
    let found = starts.map(|(at, _)| at).find(|&at| {
        let mut start = String::new();
        for line in lines[at..].iter().take(4).take_while(|line| !line.trim().is_empty()) {
            start.push_str(&line[..line.floor_char_boundary(400)]);
            start.push('\n');
        }
        DISCLAIMER.is_match(&start)
    });
    match found {
        // Below the letter's own half: a ticket may be about such a text.
        Some(at) if has_words(&lines[..at]) => (lines[..at].to_vec(), true),
        _ => (lines, false),
    }
}

static SIGN_OFF: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)^\W*(?:(?:(?:with )?(?:best|kind|kindest|warm|warmest|many|sincere)?\s*(?:regards|wishes|thanks)(?: (?:and|&) regards)?|thanks(?: again| so much| very much| in advance| a lot)?|thank you(?: (?:again|so much|very much|in advance))?|cheers|sincerely|yours (?:sincerely|faithfully|truly)|respectfully|best|cordially|(?:mit )?(?:freundliche[nm]?|beste[nm]?|liebe[nm]?|viele[nm]?|herzliche[nm]?|schöne[nm]?) gr(?:ü|ue)(?:ß|ss)e?n?|mfg|lg|vg|(?:bien )?cordialement|salutations(?: distinguées)?|bien à vous|(?:un )?saludos?(?: cordiales)?|atentamente|atenciosamente|cumprimentos|abraços?|(?:cordiali|distinti) saluti|saluti|(?:met )?vriendelijke groet(?:en)?|groeten|groetjes|(?:med )?(?:vänlig(?:a)?|venlig(?:e)?|vennlig(?:e)?) h(?:ä|i)ls(?:ning|ningar|en|ninger)|mvh|pozdrawiam|z poważaniem|с уважением|з повагою|s pozdravem|terveisin|ystävällisin terveisin))\W*$")
        .expect("a constant pattern")
});
static CONTACT_LABEL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)^\W*(?:t|tel|telephone|telefon|teléfono|téléphone|phone|ph|mobile|mobil|mob|cell|fax|direct|office|m|p|f|e|d|o|c|w|email|e-mail|mail|web|website|skype|ext|address)\s*(?:[:.|]|\+?\(?\d).{3,}$")
        .expect("a constant pattern")
});
static PHONE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\+?\(?\d[\d\s().\-/]{5,}\d").expect("a constant pattern"));
static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:[^\s<>@|]+@[^\s<>@|]+\.[a-z]{2,}|(?:https?://|www\.)[^\s|]+)")
        .expect("a constant pattern")
});

/// Lines below the last words that a contact block may have.
const MAX_BLOCK: usize = 24;

/// Without telephone numbers, addresses and titles below the name.
pub fn without_contact_block(lines: Vec<&str>) -> Cut<'_> {
    match below_sign_off(&lines).or_else(|| last_paragraphs(&lines)) {
        Some(at) if has_words(&lines[..at]) => (lines[..at].to_vec(), true),
        _ => (lines, false),
    }
}

/// "Kind regards / Ann / Office manager / T: …": the cut comes after the name.
fn below_sign_off(lines: &[&str]) -> Option<usize> {
    let from = lines.len().saturating_sub(MAX_BLOCK);
    let sign_off =
        from + lines[from..].iter().rposition(|line| line.len() <= 80 && SIGN_OFF.is_match(line))?;
    let below = &lines[sign_off + 1..];
    if !below.iter().any(|line| is_contact(line)) || below.iter().any(|line| is_prose(line)) {
        return None;
    }
    let name = below.iter().position(|line| !line.trim().is_empty())?;
    let keeps_name = !is_contact(below[name]) && below[name].split_whitespace().count() <= 4;
    Some(sign_off + 1 + name + usize::from(keeps_name))
}

/// No sign-off: the last lines, where none is a sentence and both a telephone number and an address are among them.
/// Addresses alone may be what the mail is about ("please add these people").
fn last_paragraphs(lines: &[&str]) -> Option<usize> {
    let from = lines.len().saturating_sub(MAX_BLOCK);
    let prose = lines[from..].iter().rposition(|line| is_prose(line)).map_or(from, |at| from + at + 1);
    let first = prose + lines[prose..].iter().position(|line| is_contact(line))?;
    let among =
        |pattern: &Regex| lines[first..].iter().any(|line| is_contact(line) && pattern.is_match(line));
    let divider = lines[prose..first].iter().position(|line| is_divider(line)).map(|at| prose + at);
    (among(&PHONE) && among(&ADDRESS)).then_some(divider.unwrap_or(first))
}

fn is_contact(line: &str) -> bool {
    if line.len() > 200 {
        return false;
    }
    let rest = ADDRESS.replace_all(line, "");
    let rest = PHONE.replace_all(&rest, "");
    let found = rest.len() != line.len();
    let others = rest.split(|char: char| !char.is_alphanumeric()).filter(|word| word.len() > 1).count();
    (found && others <= 4)
        || (CONTACT_LABEL.is_match(line) && (found || line.split_whitespace().count() <= 3))
}

/// A sentence, or too long for a line of a signature.
fn is_prose(line: &str) -> bool {
    let words = line.split_whitespace().count();
    let ends = line.trim_end().ends_with(['.', '?', '!', ':', '…']);
    !is_contact(line) && (words > 12 || (words >= 4 && ends))
}

fn has_words(lines: &[&str]) -> bool {
    lines.iter().any(|line| super::has_words(line))
}
