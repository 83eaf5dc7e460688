//! Which lines of a mail its writer wrote, and which are the thread below.
//!
//! Mail programs announce what they quote: by `>`, by a line such as "On …, … wrote:" in the reader's language, by a
//! block of headers, or by "Original message". What follows an announcement is the thread, to the end; only where `>`
//! marks every quoted line may the writer go on after it. Announcements with nothing before them are dropped alone:
//! then the text below is all there is (a forwarded mail, an answer below the quote).

use super::headers;
use regex::Regex;
use std::sync::LazyLock;

/// What the writer wrote, and what was left out.
#[derive(Default)]
pub struct Own<'a> {
    pub lines: Vec<&'a str>,
    pub thread_cut: bool,
    pub headers_cut: bool,
    pub signature_cut: bool,
}

/// Longest announcement, in bytes, its lines joined; and the most lines it is wrapped into.
const MAX_ANNOUNCEMENT: usize = 400;
const MAX_WRAPPED: usize = 6;
/// A signature is shorter; more text below `--` is text below a divider.
const MAX_SIGNATURE_LINES: usize = 14;
const MAX_SIGNATURE_BYTES: usize = 1_200;

pub fn own_lines<'a>(lines: &[&'a str]) -> Own<'a> {
    let fences = fences(lines);
    let mut open = false;
    let mut own = Own::default();
    let mut said = false;
    let mut index = 0;
    while let Some(&line) = lines.get(index) {
        let rest = &lines[index..];
        let fence = fences.contains(&index);
        open ^= fence;
        if fence || open {
            said = true;
            own.lines.push(line);
            index += 1;
            continue;
        }
        match look(rest, index.checked_sub(1).and_then(|before| lines.get(before)).copied(), said) {
            Look::Own => {
                said |= super::has_words(line);
                own.lines.push(line);
                index += 1;
            }
            Look::Drop { lines, what } => {
                own.mark(what);
                index += lines;
            }
            Look::End(what) => {
                own.mark(what);
                break;
            }
        }
    }
    own
}

/// Dividers at the end divide nothing any more.
pub fn without_dividers_below<'a, 'b>(lines: &'b [&'a str]) -> &'b [&'a str] {
    let last = lines.iter().rposition(|line| !is_divider(line) && !line.trim().is_empty());
    last.map_or(&[], |last| &lines[..=last])
}

impl Own<'_> {
    fn mark(&mut self, what: What) {
        match what {
            What::Thread => self.thread_cut = true,
            What::Headers => self.headers_cut = true,
            What::Signature => self.signature_cut = true,
        }
    }
}

#[derive(Clone, Copy)]
enum What {
    Thread,
    Headers,
    Signature,
}

enum Look {
    Own,
    Drop { lines: usize, what: What },
    End(What),
}

/// What the first of `rest` is. `said`: the writer has written something before.
fn look(rest: &[&str], before: Option<&str>, said: bool) -> Look {
    let line = rest[0];
    if let Some(lines) = announcement(rest) {
        let quoted =
            rest[lines..].iter().find(|line| !line.trim().is_empty()).is_some_and(|line| is_quoted(line));
        return if said && !quoted {
            Look::End(What::Thread)
        } else {
            Look::Drop { lines, what: What::Thread }
        };
    }
    if is_quoted(line) && !is_number(line, before, rest.get(1).copied()) {
        return Look::Drop { lines: 1, what: What::Thread };
    }
    if is_separator(line) {
        if said {
            return Look::End(What::Thread);
        }
        let blank = rest[1..].iter().take_while(|line| line.trim().is_empty()).count();
        let headers = headers::block(&rest[1 + blank..], true).map_or(0, |lines| blank + lines);
        return Look::Drop { lines: 1 + headers, what: What::Headers };
    }
    if let Some(lines) = headers::block(rest, !said) {
        return if said { Look::End(What::Thread) } else { Look::Drop { lines, what: What::Headers } };
    }
    if REPLY_ABOVE.is_match(clip(line)) {
        return if said { Look::End(What::Thread) } else { Look::Drop { lines: 1, what: What::Thread } };
    }
    if is_device_line(line) {
        // Phones put this above what they quote; some quote without any mark.
        return if said {
            Look::End(What::Signature)
        } else {
            Look::Drop { lines: 1, what: What::Signature }
        };
    }
    if matches!(line.trim(), "--" | "—" | "–") && said && is_signature(&rest[1..]) {
        return Look::End(What::Signature);
    }
    Look::Own
}

/// Indices of the lines of "```" that come in pairs: what is between them is code, as it is.
fn fences(lines: &[&str]) -> Vec<usize> {
    let mut found: Vec<usize> = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| line.trim_start().starts_with("```"))
        .map(|(at, _)| at)
        .collect();
    // Nobody writes more code blocks than that in a ticket, and each line looks itself up here.
    found.truncate(20);
    if found.len() % 2 == 1 {
        found.pop();
    }
    found
}

fn is_quoted(line: &str) -> bool {
    line.trim_start().starts_with('>')
}

/// "> 50 users cannot sign in": a line of its own that means "more than".
fn is_number(line: &str, before: Option<&str>, after: Option<&str>) -> bool {
    let number = line
        .trim_start()
        .trim_start_matches('>')
        .trim_start()
        .starts_with(|char: char| char.is_ascii_digit());
    number && !line.contains('@') && !before.is_some_and(is_quoted) && !after.is_some_and(is_quoted)
}

/// A line of nothing but dashes and the like.
pub fn is_divider(line: &str) -> bool {
    let line = line.trim();
    let drawn = line
        .chars()
        .all(|char| matches!(char, '-' | '_' | '=' | '*' | '#' | '~' | '+' | '—' | '–' | '─' | 'ᐧ'));
    drawn && (line.chars().count() >= 2 || line == "ᐧ" || line == "—")
}

fn is_signature(rest: &[&str]) -> bool {
    let mut lines = 0;
    let mut bytes = 0;
    for line in rest {
        if is_quoted(line) || is_separator(line) {
            break;
        }
        lines += usize::from(!line.trim().is_empty());
        bytes += line.len();
        if lines > MAX_SIGNATURE_LINES || bytes > MAX_SIGNATURE_BYTES {
            // A long text below may still be a signature with the thread under it.
            return rest
                .iter()
                .take(MAX_SIGNATURE_LINES)
                .enumerate()
                .any(|(at, _)| announcement(&rest[at..]).is_some());
        }
    }
    true
}

/// The beginning of a line, as far as patterns look.
fn clip(line: &str) -> &str {
    &line[..line.floor_char_boundary(MAX_ANNOUNCEMENT)]
}

static REPLY_ABOVE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:reply|respond|response|antwort\w*|réponse|respuesta)\b.{0,30}\b(?:above|over|oberhalb|au-dessus|encima)\b.{0,20}\b(?:line|delimiter|linie|zeile|ligne|línea)\b")
        .expect("a constant pattern")
});

static SEPARATOR: LazyLock<Regex> = LazyLock::new(|| {
    let phrases = [
        r"original message",
        r"original appointment",
        r"forwarded message",
        r"begin forwarded message",
        r"reply message",
        r"original[- ]?nachricht",
        r"ursprüngliche nachricht",
        r"weitergeleitete nachricht",
        r"anfang der weitergeleiteten (?:nachricht|e-mail)",
        r"message d['’]origine",
        r"message original",
        r"message transféré",
        r"début du message (?:réexpédié|transféré)",
        r"mensaje original",
        r"mensaje reenviado",
        r"inicio del mensaje reenviado",
        r"messaggio originale",
        r"messaggio inoltrato",
        r"inizio messaggio inoltrato",
        r"oorspronkelijk bericht",
        r"doorgestuurd bericht",
        r"begin doorgestuurd bericht",
        r"mensagem original",
        r"mensagem (?:encaminhada|reencaminhada)",
        r"ursprungligt meddelande",
        r"originalmeddelande",
        r"vidarebefordrat (?:mail|meddelande)",
        r"opprinnelig melding",
        r"videresendt melding",
        r"oprindelig (?:meddelelse|besked)",
        r"videresendt meddelelse",
        r"alkuperäinen viesti",
        r"välitetty viesti",
        r"(?:oryginalna wiadomość|wiadomość oryginalna)",
        r"(?:przekazana wiadomość|wiadomość przekazana)",
        r"исходное сообщение",
        r"(?:пересылаемое|пересланное) сообщение",
        r"вихідне повідомлення",
        r"původní zpráva",
        r"pôvodná správa",
        r"eredeti üzenet",
        r"özgün ileti",
        r"orijinal mesaj",
        r"mesaj original",
        r"原始邮件",
        r"原始郵件",
        r"转发(?:的)?邮件",
        r"元のメッセージ",
        r"원본 메시지",
    ];
    let marked = r"[-_=*~]{2,}";
    let pattern =
        format!(r"(?i)^[\s>*]*(?:{marked}\s*(?:{0})\b.{{0,60}}|(?:{0})\s*:)[\s*]*$", phrases.join("|"));
    Regex::new(&pattern).expect("a constant pattern")
});

fn is_separator(line: &str) -> bool {
    line.len() <= MAX_ANNOUNCEMENT && SEPARATOR.is_match(line)
}

static DEVICE: LazyLock<Regex> = LazyLock::new(|| {
    let device = r"i ?phone|i ?pad|i ?pod|android|outlook|mail\b|mailbox|yahoo|gmail|galaxy|samsung|blackberry|mobile|phone|cell|windows|proton|airmail|thunderbird|sparrow|spark|zoho|huawei|pixel|tablet|handy|smartphone|mobil|téléphone|portable|móvil|celular|telefon|компьютера|телефона";
    let patterns = [
        r"sent (?:from|via|using|with) (?:my|our)\b.{1,60}",
        r"sent (?:from|via|with) [^\s<(]+(?: [^\s<(]+)?\s*(?:[<(]https?://[^\s<>()]*)?",
        &format!(
            r"(?:sent|message sent|send) (?:from|via|using|with|by) (?:an? |the )?\W{{0,3}}(?:\w+ ){{0,2}}(?:{device}).{{0,60}}"
        ),
        &format!(r"from my (?:{device}).{{0,30}}"),
        &format!(r"(?:typed|written) (?:on|from) (?:my|a) (?:{device}).{{0,60}}"),
        &format!(r"envoyé (?:depuis|de|à partir de|avec) .{{0,20}}(?:{device}).{{0,60}}"),
        &format!(
            r"(?:diese (?:nachricht|e-?mail) wurde )?von (?:meinem?|unterwegs)\b.{{0,30}}(?:{device}).{{0,40}}gesendet.{{0,20}}"
        ),
        &format!(r"gesendet (?:von|mit|aus|über) .{{0,30}}(?:{device}).{{0,60}}"),
        &format!(r"(?:verzonden|verstuurd) (?:vanaf|met|via|van) .{{0,20}}(?:{device}|\w+).{{0,40}}"),
        &format!(r"enviad[oa] (?:desde|do|da|de|a partir|con|pelo) .{{0,20}}(?:{device}).{{0,40}}"),
        &format!(r"inviato (?:da|dal|dall['’]|con|tramite) ?.{{0,20}}(?:{device}).{{0,40}}"),
        r"(?:skickat|sänt) från min .{1,40}",
        r"sendt fra min .{1,40}",
        r"lähetetty .{1,30}(?:puhelimesta|iphonesta|laitteesta|sähköpostista).{0,20}",
        r"(?:wysłano|wysłane) z(?:e)? .{1,40}",
        r"отправлено (?:с|из) .{1,40}",
        r"надіслано з .{1,40}",
        r"(?:odesláno|odoslané) z .{1,40}",
        r"從我的 ?.{1,20}傳送",
        r"(?:发自|发送自)我的.{1,30}",
        r".{1,20}から送信",
        r"(?:나의 )?.{1,20}에서 보냄",
        r"(?:get|download|scarica|télécharge[rz]|descarga|obtener|obtenha o|holen sie sich|downloaden) \[?outlook (?:for|voor|per|pour|para|für).{0,80}",
        r"outlook für (?:ios|android|mac) beziehen",
        r"diese nachricht wurde von meinem .{1,60} gesendet.{0,5}",
    ];
    Regex::new(&format!(r"(?i)^[\s<(\[*_]*(?:{})[\s>)\].*_!]*$", patterns.join("|")))
        .expect("a constant pattern")
});

fn is_device_line(line: &str) -> bool {
    line.len() <= 160 && DEVICE.is_match(line)
}

/// A verb of writing, in the languages of the usual mail programs.
const WROTE: &str = r"wrote|writes|schrieb|geschrieben|geschreven|schreef|a écrit|escribió|ha scritto|scrive|escreveu|skrev|kirjoitti|napisała?(?:\(a\))?|napsala?(?:\(a\))?|napísala?(?:\(a\))?|написала?(?:\(а\))?|написав(?:\(ла\))?|писала?|пишет|пише|írta|έγραψε|a scris|yazdı|写道|寫道|书写|のメール|さんは書きました|작성";

/// How an announcement begins: a preposition and a date, a date, a day of the week, or a name with an address.
static BEGINS: LazyLock<Regex> = LazyLock::new(|| {
    let prepositions =
        r"on|at|le|am|el|il|em|op|den|dnia|w dniu|dne|dňa|vào|la|pe|στις|в|во|на|от|tarihinde|sent|\+";
    let days = r"mon|tue|wed|thu|fri|sat|sun|mo|di|mi|do|fr|sa|so|lun|mar|mer|jeu|ven|sam|dim|mié|jue|vie|sáb|dom|gio|seg|ter|qua|qui|sex|man|tir|ons|tor|fre|lør|søn|maan|dins|woens|donder|vrij|zater|zon|pon|wt|śr|czw|pt|sob|nie|понедельник|вторник|среда|четверг|пятница|суббота|воскресенье|понеділок|вівторок|середа|четвер|субота|неділя|пн|вт|ср|чт|пт|сб|вс|нд";
    Regex::new(&format!(r"(?i)^\W{{0,8}}(?:(?:{prepositions})\s.{{0,30}}\d|\d|(?:{days})\p{{L}}{{0,8}}[.,]?\s.{{0,12}}\d|在|.{{1,100}}[<\[(][^<>\s]+@[^<>\s]+[>\])])"))
        .expect("a constant pattern")
});
/// A time or a date.
static DATED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\d{1,2}[:.h]\d{2}|\b(?:19|20)\d\d\b|\d{1,2}[./]\d{1,2}").expect("a constant pattern")
});
static ADDRESS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[^\s<>@]+@[^\s<>@]+").expect("a constant pattern"));
/// The verb last, with a colon or dashes after it.
static WROTE_LAST: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(&format!(r"(?i)(?:^|[\s>,，）)]|\p{{Han}})(?:{WROTE})\s*(?P<mark>[:：]|-{{2,}}|)[\s*_]*$"))
        .expect("a constant pattern")
});
/// The verb somewhere, a colon last.
static WROTE_WITHIN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(&format!(r"(?i)\s(?:{WROTE})\s.*[:：][\s*_]*$")).expect("a constant pattern")
});
/// No verb: a date first, an address in brackets last.
static DATE_AND_ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)^\W{0,4}(?:\d|\p{L}{2,12}[.,]{1,2}\s*\d).*[<\[(][^<>\s]*@[^<>]*[>\])]\s*:?\s*$")
        .expect("a constant pattern")
});
/// Gmail in some languages: the date, the zone, the name.
static DATE_ZONE_NAME: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^\d{4}-\d\d-\d\d \d{1,2}:\d\d GMT[+-]\d\d:\d\d ").expect("a constant pattern")
});

/// Number of lines, from the first, that announce a quotation.
fn announcement(rest: &[&str]) -> Option<usize> {
    let first = clip(rest.first()?);
    if first.trim().is_empty() || is_quoted(first) || !BEGINS.is_match(first) {
        return None;
    }
    let mut joined = String::new();
    let mut found = None;
    for (index, line) in rest.iter().enumerate().take(MAX_WRAPPED) {
        if joined.len() + line.len() > MAX_ANNOUNCEMENT {
            break;
        }
        joined.push_str(line.trim());
        joined.push(' ');
        if announces(joined.trim()) {
            found = Some(index + 1);
            break;
        }
        // A sentence that ends is no announcement; a name and a date do not end like one.
        if line.trim_end().ends_with(['!', '?']) || (line.trim().is_empty() && index > 2) {
            break;
        }
    }
    found
}

fn announces(joined: &str) -> bool {
    let addressed = ADDRESS.is_match(joined);
    if let Some(verb) = WROTE_LAST.captures(joined) {
        let marked = verb.name("mark").is_some_and(|mark| !mark.is_empty());
        return if marked {
            addressed || DATED.is_match(joined)
        } else {
            addressed && DATED.is_match(joined)
        };
    }
    if WROTE_WITHIN.is_match(joined) {
        return DATED.is_match(joined);
    }
    (addressed && DATED.is_match(joined) && DATE_AND_ADDRESS.is_match(joined))
        || DATE_ZONE_NAME.is_match(joined)
}
