//! Mail headers pasted into a text ("From: … Sent: … To: … Subject: …"), in the languages of the usual mail programs.

/// Headers that mean the same, whatever the language.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    From,
    When,
    To,
    Subject,
    /// What only programs write.
    Technical,
}

const FROM: &[&str] = &[
    "from",
    "von",
    "de",
    "da",
    "van",
    "från",
    "fra",
    "od",
    "lähettäjä",
    "от",
    "от кого",
    "від",
    "message de",
    "gönderen",
    "kimden",
    "feladó",
    "odesílatel",
    "odosielateľ",
    "από",
    "expéditeur",
    "mittente",
    "remitente",
    "de la",
    "发件人",
    "寄件者",
    "寄件人",
    "差出人",
    "보낸 사람",
];
const WHEN: &[&str] = &[
    "sent",
    "date",
    "message du",
    "gesendet",
    "datum",
    "envoyé",
    "envoyé le",
    "date d'envoi",
    "enviado",
    "enviado el",
    "enviado em",
    "enviada em",
    "fecha",
    "data",
    "inviato",
    "verzonden",
    "skickat",
    "sendt",
    "dato",
    "päivämäärä",
    "lähetetty",
    "wysłano",
    "wysłane",
    "отправлено",
    "дата",
    "дата отправки",
    "надіслано",
    "gönderme tarihi",
    "tarih",
    "odesláno",
    "odoslané",
    "elküldve",
    "dátum",
    "trimis",
    "发送时间",
    "日期",
    "寄件日期",
    "送信日時",
    "日付",
    "보낸 날짜",
    "날짜",
];
const TO: &[&str] = &[
    "to",
    "cc",
    "bcc",
    "reply-to",
    "an",
    "à",
    "a",
    "para",
    "aan",
    "till",
    "til",
    "do",
    "dla",
    "vastaanottaja",
    "kopia",
    "kopie",
    "copie",
    "copie à",
    "kopi",
    "кому",
    "копия",
    "копія",
    "kime",
    "komu",
    "címzett",
    "către",
    "risposta",
    "antwort an",
    "répondre à",
    "responder a",
    "rispondi a",
    "收件人",
    "抄送",
    "宛先",
    "받는 사람",
    "참조",
];
const SUBJECT: &[&str] = &[
    "subject",
    "betreff",
    "objet",
    "sujet",
    "asunto",
    "assunto",
    "oggetto",
    "onderwerp",
    "ämne",
    "emne",
    "aihe",
    "temat",
    "тема",
    "konu",
    "předmět",
    "predmet",
    "tárgy",
    "subiect",
    "θέμα",
    "主题",
    "主旨",
    "件名",
    "제목",
];
const TECHNICAL: &[&str] = &[
    "message-id",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "received",
    "return-path",
    "delivered-to",
    "in-reply-to",
    "references",
    "dkim-signature",
    "user-agent",
    "importance",
    "attachments",
    "anlagen",
    "x-mailer",
];

/// No header line that counts is longer; recipients lists are cut off by mail programs long before.
const MAX_NAME_BYTES: usize = 40;
/// Lines of a value that ran over, or of white, between two headers.
const MAX_GAP: usize = 2;
const MAX_LINES: usize = 20;

fn class(line: &str) -> Option<Class> {
    let line = line.trim_start_matches([' ', '*', '_', '>']);
    let colon = line.find([':', '：']).filter(|&at| at <= MAX_NAME_BYTES)?;
    let name = line[..colon].trim_matches([' ', '*', '_']).to_lowercase();
    let classes = [
        (FROM, Class::From),
        (WHEN, Class::When),
        (TO, Class::To),
        (SUBJECT, Class::Subject),
        (TECHNICAL, Class::Technical),
    ];
    classes.into_iter().find(|(names, _)| names.contains(&name.as_str())).map(|(_, class)| class)
}

/// Number of lines, from the first of `lines`, that are a block of mail headers.
///
/// In the middle of a text three kinds of headers are asked for, among them a sender or a subject. Where `expected`
/// (at the very start, or after "Original message") two are enough.
pub fn block(lines: &[&str], expected: bool) -> Option<usize> {
    let mut kinds: Vec<Class> = vec![class(lines.first()?)?];
    let mut last = 0;
    for (index, line) in lines.iter().enumerate().take(MAX_LINES).skip(1) {
        if index - last > MAX_GAP + 1 {
            break;
        }
        if let Some(kind) = class(line) {
            last = index;
            // A second recipient says nothing new; a second line for programs does.
            if kind == Class::Technical || !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
    }
    let named =
        kinds.contains(&Class::From) || kinds.contains(&Class::Subject) || kinds.contains(&Class::Technical);
    (named && kinds.len() >= if expected { 2 } else { 3 }).then_some(last + 1)
}
