//! Monitoring alerts, bounces, auto-replies and abuse reports: text that no person wrote to ask for help.
//!
//! A person who writes *about* such a mail ("FW: Undeliverable: …, why do I get this?") is a person: what counts is how
//! a text begins, and a subject only while nobody forwarded it. A missed alert costs one needless scoring; a person
//! taken for a machine costs an unheard customer. So single words never suffice.

#[cfg(test)]
mod tests;

use regex::{Regex, RegexSet};
use std::sync::LazyLock;

/// How much of a text is looked at, in bytes; machines say what they are at once.
const HEAD: usize = 1_500;
/// How far down the first words of a machine may stand, in bytes: below a greeting, a logo's text, a banner.
const OPENING: usize = 220;

/// Why a text was not written by a person asking for help, in words; `None`: it probably was.
///
/// `sender`: the address the mail came from, where the PSA tells it.
pub fn machine_text(title: &str, text: &str, sender: Option<&str>) -> Option<String> {
    let title = title.trim();
    let mail = Mail {
        title,
        head: &text[..text.floor_char_boundary(HEAD)],
        opening: &text[..text.floor_char_boundary(OPENING)],
        forwarded: FORWARDED.is_match(title),
        sender: sender.map(Sender::of).unwrap_or_default(),
    };
    let what = if mail.is_bounce() {
        "a notice that a mail could not be delivered"
    } else if mail.is_auto_reply() {
        "an automatic reply"
    } else if mail.is_abuse_report() {
        "an automatic report of abuse"
    } else if mail.is_alert() {
        "an alert of a monitoring or backup system"
    } else {
        return None;
    };
    Some(because(what, title, text))
}

struct Mail<'a> {
    title: &'a str,
    head: &'a str,
    opening: &'a str,
    /// The title says that a person answered or passed it on.
    forwarded: bool,
    sender: Sender,
}

impl Mail<'_> {
    fn titled(&self, title: &Regex) -> bool {
        !self.forwarded && title.is_match(self.title)
    }

    /// The mail server says so itself; or title and text, or several fields of a delivery report, do.
    fn is_bounce(&self) -> bool {
        if self.sender == Sender::Mailer {
            return true;
        }
        let fields = DSN_FIELDS.matches(self.head).iter().count();
        let told = BOUNCE_OPENING.is_match(self.head);
        !asks(self.opening)
            && (BOUNCE_OPENING.is_match(self.opening)
                || fields >= 2
                || self.titled(&BOUNCE_TITLE_ALONE)
                || (self.titled(&BOUNCE_TITLE) && (told || fields >= 1)))
    }

    fn is_auto_reply(&self) -> bool {
        // "Automatic reply: …" is a program's way to write; the same words without the colon may be a request.
        let away = AWAY.is_match(self.opening) && (BACK.is_match(self.head) || self.titled(&AWAY_TITLE));
        self.titled(&AUTO_TITLE)
            || (AUTO_OPENING.is_match(self.opening) && !asks(self.opening))
            || (away && !TROUBLE.is_match(self.head) && !TROUBLE.is_match(self.title))
    }

    fn is_abuse_report(&self) -> bool {
        ABUSE_OPENING.is_match(self.opening) || (self.titled(&ABUSE_TITLE) && !asks(self.opening))
    }

    /// Two signs together, or a list of fields that no form has.
    fn is_alert(&self) -> bool {
        if self.forwarded || asks(self.opening) {
            return false;
        }
        let hard = ALERT_FIELD.find_iter(self.head).count();
        let all = hard + PLAIN_FIELD.find_iter(self.head).count();
        let signs = [
            ALERT_TITLE.is_match(self.title),
            ALERT_OPENING.is_match(self.opening),
            self.sender == Sender::Monitor,
            all >= 3 && hard >= 1,
        ];
        signs.into_iter().filter(|&sign| sign).count() >= 2 || (hard >= 3 && all >= 5)
    }
}

/// What gave it away: the title, or where there is none the first words.
fn because(what: &str, title: &str, text: &str) -> String {
    let shown = if title.is_empty() { text.trim_start() } else { title };
    let line = shown.lines().next().unwrap_or_default();
    let cut = line.char_indices().nth(80).map_or(line, |(end, _)| &line[..end]);
    if cut.is_empty() {
        format!("not written by a person: {what}")
    } else {
        format!("not written by a person: {what} (“{cut}”)")
    }
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Sender {
    /// Mail servers speak for themselves.
    Mailer,
    /// A monitoring product or an alerts mailbox.
    Monitor,
    /// `noreply` sends alerts, but also what people typed into a form.
    #[default]
    Anyone,
}

impl Sender {
    fn of(address: &str) -> Self {
        let address = address.to_lowercase();
        let address = address.rsplit('<').next().unwrap_or_default().trim_matches(['>', ' ', '"']);
        let (local, host) = address.split_once('@').unwrap_or((address, ""));
        let is = |names: &[&str]| {
            names.iter().any(|name| local == *name || local.starts_with(&format!("{name}-")))
        };
        if is(&["mailer-daemon", "postmaster", "mail-daemon", "mdaemon", "bounce", "bounces"]) {
            Self::Mailer
        } else if is(&[
            "alert",
            "alerts",
            "alerting",
            "monitor",
            "monitoring",
            "nagios",
            "zabbix",
            "prtg",
            "icinga",
            "noc",
            "grafana",
            "rmm",
        ]) || [
            "uptimerobot.",
            "pagerduty.",
            "opsgenie.",
            "datadoghq.",
            "statuscake.",
            "pingdom.",
            "ninjarmm.",
            "site24x7.",
        ]
        .iter()
        .any(|name| host.contains(name))
        {
            Self::Monitor
        } else {
            Self::Anyone
        }
    }
}

/// A person's words before what a machine wrote.
fn asks(opening: &str) -> bool {
    PERSON.is_match(opening)
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern")
}

static FORWARDED: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)^\s*(?:\[[^\]]{0,40}\]\s*)?(?:fwd?|re|aw|wg|sv|vs|tr|rv|i|r)\s*:"));

static PERSON: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(?:i (?:keep|kept|got|get|can['’]t|cannot|tried|don['’]t|need|want)|i['’]m (?:getting|trying)|we (?:keep|got|get|can't|cannot|are|have)|why (?:do|does|is|am|did|are)|can (?:you|someone)|could (?:you|someone)|please (?:help|look|check|advise|see)|see below|any idea|my (?:mails?|e-?mails?|messages?))\b",
    )
});

/// What a person who is away tells the help desk, and an absence notice does not.
static TROUBLE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(?:can['’]?t|cannot|unable|not work\w*|doesn['’]?t|does not|isn['’]?t|won['’]?t|error|problem|issue|help|fix|vpn|password|log ?in|sign in|set ?up|turn (?:on|off)|enable|disable|would like)\b",
    )
});

static BOUNCE_TITLE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?ix)^\W*(?:
        undeliver(?:able|ed)\b | notice:\smail\sdelivery | fail(?:ed|ure)\sdelivery | mail\sfail(?:ed|ure) | sorry,\syour\smessage | (?:there\swas\san\s)?error\ssending\syour\smail | .{0,40}не\sдоставлено | undelivered\smail | (?:e-?mail|mail|message)\s(?:delivery|system)\s(?:fail|error|status|problem|warning|notification|report|subsystem)
        | mail\sdelivery | delivery\s(?:status\snotification|failure|failed|notification|has\sfailed|has\sbeen\sdelayed|report|error|incomplete|delayed|problem)
        | (?:un)?successful\smail\sdelivery | returned\s(?:mail|to\ssender|e-?mail) | failure\snotice | mail\s(?:returned|rejected|could\snot)
        | (?:message|mail|e-?mail)(?:\syou\ssent)?\s(?:blocked|could\snot\sbe\s|undeliver|delayed|rejected|delivery|not\sdelivered)
        | non-?\s?deliver(?:y|able)\b | warning:\s(?:message|could\snot|e-?mail)\b | postmaster\s(?:notify|notification) | permanent\s(?:delivery\s)?(?:failure|error)
        | error\s(?:sending|in\syour)\s(?:mail|message)|nachricht\snicht\szugestellt | unzustellbar | nicht\szustellbar | zustellung
        | (?:non\sremis|non-remis|échec\sde\s(?:la\s)?(?:remise|distribution)|avis\sde\snon-?\s?remise) | no\sse\spuede\sentregar | mensaje\sno\sentregado
        | onbestelbaar | mancata\s(?:consegna|recapito) | não\s(?:é\spossível|foi\spossível|entregue) | niedostarczon | недоставлен
        | notification\sd['’]état | (?:user|recipient|mailbox)\s(?:unknown|not\sfound|unavailable)
    )",
    )
});

/// Titles that only mail servers write, word for word.
static BOUNCE_TITLE_ALONE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?ix)^\W*(?:undeliverable:\s | undeliverable\s(?:mail|message)\s*$ | delivery\sstatus\snotification\s*\( | undelivered\smail\sreturned\sto\ssender | mail\sdelivery\sfailed:\sreturning
        | returned\smail:\s | failure\snotice\s*$ | mail\ssystem\serror | message\syou\ssent\sblocked | mail\sdelivery\s(?:system|subsystem)\s*$ | warning:\scould\snot\ssend\smessage)",
    )
});

static BOUNCE_OPENING: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?ix)
        this\sis\sthe\smail\ssystem\sat\shost | this\sis\sthe\s(?:qmail-send|dragonfly|mail\sdelivery|postfix|mailer-daemon|symantec|ironport) | i['’]m\ssorry\sto\shave\sto\sinform\syou
        | (?:message|report|mail)\s(?:was|is)\s(?:created|generated)\s(?:automatically\sby|by)\s(?:the\s)?(?:mail|smtp|program) | automatically\sgenerated\sdelivery\sstatus | this\sis\sa\s(?:delivery\sstatus\snotification|warning\smessage\sonly)
        | (?:message|mail)\s(?:that\s)?you\s(?:have\s)?sent\s(?:to\s.{1,80}\s)?(?:could\snot|couldn['’]t|has\snot|was\snot|has\sbeen\s(?:blocked|rejected))
        | your\s(?:message|e-?mail|mail)\b.{0,120}\b(?:could\snot\sbe|couldn['’]t\sbe|was(?:n['’]t|\snot)|has\snot\sbeen|can(?:not|['’]t)\sbe|was\srejected|has\sbeen\srejected|did\snot\sreach|was\sblocked)\b
        | (?:delivery|delevery)\s(?:to|of)\sthe\sfollowing | delivery\shas\sfailed | following\s(?:address|recipient|destination)(?:es|s|\(es\)|\(s\))?\s(?:had|failed|was|were|could|has|have|did|cannot)
        | (?:unable|not\sable)\sto\sdeliver\s(?:your|the|this|mail|message) | delivery\sstatus\sof\sa\smessage | trouble\sdelivering\syour\s(?:mail|message) | mail\sserver\son\s.{0,80}delivery\sstatus | considered\sunsolicited\sbulk | письмо\sне\sможет\sбыть\sдоставлено | no\svalid\srecipients | could\snot\sbe\sdelivered\sto | (?:was|were)\snot\s(?:delivered|relayed)\sto | did\snot\sreach\sthe\sfollowing
        | address(?:es)?\shad\s(?:permanent|transient|delivery|fatal) | the\soriginal\smessage\swas\sreceived\sat | error(?:s)?\s(?:occurred\s)?(?:while\s)?(?:trying\sto\s)?deliver(?:ing)?\s(?:the|your)\smail
        | reporting-mta: | final-recipient: | mailer-daemon,?\splease | konnte\snicht\szugestellt | n['’]a\spas\spu\sêtre\s(?:remis|distribu|livr) | no\sse\spudo\sentregar | non\sè\sstato\spossibile\sconsegnare
    ",
    )
});

static DSN_FIELDS: LazyLock<RegexSet> = LazyLock::new(|| {
    RegexSet::new([
        r"(?im)^\W{0,4}(?:original|final)-recipient\s*:", r"(?im)^\W{0,4}reporting-mta\s*:", r"(?im)^\W{0,4}diagnostic-code\s*:",
        r"(?im)^\W{0,4}action\s*:\s*(?:failed|delayed)", r"(?im)^\W{0,4}status\s*:\s*[245]\.\d", r"\b[45]\d\d[ -][45]\.\d\.\d+\b",
        r"(?i)\b(?:user unknown|unknown user|mailbox (?:unavailable|full|not found)|recipient address rejected|relay(?:ing)? (?:access )?denied|over quota|mailbox exceeds allowed size|invalid (?:final )?(?:delivery )?(?:recipient|userid))\b",
        r"(?i)\bSMTP error|RCPT TO:|remote (?:host|server|mail server) (?:said|returned|replied)|while talking to\b",
    ])
    .expect("constant patterns")
});

static AUTO_TITLE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?ix)^\W*(?:
        auto(?:matic|mated|matische|mática|matica|matisk|maattinen)?[\s-]?(?:re(?:ply|sponse|sponder|spons)|antwoord|antwort|svar|vastaus)\s*(?::|$|from\b) | autorespon\w*\s*(?::|$) | autosvar\s*(?::|$)
        | (?:out\sof\s(?:the\s)?office(?:\s(?:auto\W?reply|notification|message))?|ooo|abwesenheitsnotiz|absence|vacation|fuera\sde\s(?:la\s)?oficina|fuori\sufficio|afwezig(?:heid)?|frånvaro)\s*:
        | automatische\santwort\s*(?::|$) | réponse\sautomatique\s*(?::|$) | respuesta\sautomática\s*(?::|$) | risposta\sautomatica\s*(?::|$) | resposta\sautomática\s*(?::|$)
        | automatisch\santwoord\s*(?::|$) | automatiskt?\ssvar\s*(?::|$) | automatyczna\sodpowiedź\s*(?::|$) | автоответ | автоматический\sответ\s*(?::|$) | automatická\sodpověď\s*(?::|$) | 自动回复 | 自動返信 | 自動回覆
    )",
    )
});
static AUTO_OPENING: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?ix)
        \bthis\s(?:e-?mail\s)?(?:inbox|mailbox|(?:e-?mail\s)?address|account)\s.{0,60}\bno\slonger\s(?:in\suse|monitored|active|being\smonitored)
        | \bthis\sis\san\sauto(?:matic|mated|-?generated)?\s(?:re(?:ply|sponse)|acknowledg) | \bplease\sdo\snot\sreply\sto\sthis\s(?:automated|automatic)
    ",
    )
});
/// A title that an absence notice has, and a request about one may have too.
static AWAY_TITLE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^\W*(?:(?:i am |i['’]m )?(?:currently )?out of (?:the )?office|ooo\b|away (?:until|from|till)|on (?:annual |sick |parental )?leave|vacation|abwesen|absen|fuera de|afwezig)",
    )
});
static AWAY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?ix)
        \bi(?:\sam|['’]m|\swill\sbe)\s(?:currently\s|now\s)?(?:out\sof\s(?:the\s|my\s)?office|away\b|on\s(?:annual\s|parental\s|maternity\s|sick\s)?(?:leave|vacation|holiday)|travel+ing\b)
        | \b(?:limited|intermittent)\saccess\sto\s(?:my\s)?e-?mail
        | \bich\s(?:bin|befinde)\b.{0,60}\b(?:nicht\s(?:im\sbüro|erreichbar)|abwesend|urlaub) | \bje\s(?:suis|serai)\s(?:actuellement\s)?(?:absente?|en\scongés?) | \b(?:estoy|estaré)\s(?:fuera\sde|de\svacaciones)
        | \bik\sben\b.{0,40}\b(?:afwezig|met\svakantie) | \b(?:sono|sarò)\s(?:attualmente\s)?(?:assente|fuori\sufficio|in\sferie) | \b(?:estou|estarei)\s(?:ausente|de\sférias)
    ",
    )
});
/// When an absence notice says the writer is back, or whom to ask meanwhile.
static BACK: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(?:return(?:ing)?|back (?:on|in|at)|respond|reply|in my absence|urgent|contact|until|wieder|rückkehr|dringend|wenden|retour|urgence|regreso|vuelta|urgente|rientro|ritorno|terug|dringende|pressing)\b",
    )
});

static ABUSE_TITLE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^\W*(?:(?:e-?mail )?(?:abuse|feedback|complaint|spam) (?:report|notification|complaint)|e-?mail feedback report|spamtrap ?hit|complaint about message from|\[?spamcop)",
    )
});
static ABUSE_OPENING: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(?:(?:this is an?|an auto-?generated) (?:[\w./]+ ){0,2}(?:e-?mail )?(?:abuse|opt-?out|spam|feedback|fraud|virus|authentication[ -]failure) (?:report|complaint)|sent this e-?mail to unsubscribe|\x22notificationType\x22\s*:|feedback-type\s*:|abuse report (?:format|for an e-?mail))",
    )
});

static ALERT_TITLE: LazyLock<RegexSet> = LazyLock::new(|| {
    RegexSet::new([
        // "[CRITICAL] …", "PROBLEM: …", "*** RECOVERY …": a state in capitals, set off.
        r"^\W{0,6}(?:ALERT|ALARM|PROBLEM|RECOVERY|RECOVERED|RESOLVED|CRITICAL|WARNING|WARN|DOWN|UP|OK|FIRING|TRIGGERED|ERROR|FAILED|FAILURE|SUCCESS|INFO|P[1-5])\W*[\]:|*–—-]",
        r"(?i)\bmonitor (?:is|has) (?:down|up|recovered|failed)\b|\bis (?:DOWN|UP)\b.{0,20}$",
        r"(?i)^\W*(?:\w+ )?(?:nagios|zabbix|prtg|icinga|grafana|datadog|solarwinds|uptimerobot|uptime robot|ninjarmm|ninjaone|datto rmm|n-central|n-able|connectwise automate|labtech|kaseya|site24x7|pingdom|veeam|acronis|sentinelone|crowdstrike|auvik|logicmonitor|unifi)\b.{0,40}\b(?:alert|notification|alarm|warning|monitor|report|critical|failed|success|down|up)\b",
        r"(?i)^\W*(?:\[[^\]]{1,30}\]\s*)?(?:backup (?:job|task|copy|plan|set)\b.{0,80}\b(?:failed|completed|finished|succeeded|warning|missed)|(?:disk|cpu|memory|service|host|device|agent|threshold|interface|certificate) (?:alert|alarm|monitor|check)\b)",
        r"(?i)^\W*(?:service|host|server|device|agent|disk|website)\W.{0,60}\b(?:offline|unreachable|threshold exceeded|heartbeat lost|not responding)\W*$",
    ])
    .expect("constant patterns")
});

static ALERT_OPENING: LazyLock<RegexSet> = LazyLock::new(|| {
    RegexSet::new([
        r"(?i)\bthis (?:is an? |alert |message |e-?mail |notification )(?:was |is |has been )?(?:auto(?:matic(?:ally)?|mated)[ -]?)(?:generated|created|sent|alert|notification|message|e-?mail)",
        r"(?i)\bthis (?:alert|message|e-?mail|notification) (?:was|is|has been) (?:generated|created|sent) automatically",
        r"(?i)\*{3,5}\s*(?:nagios|icinga|zabbix|check_mk)",
        r"(?i)\b(?:the monitor|monitor|sensor|trigger|threshold|check)\b.{0,80}\b(?:is (?:currently )?(?:down|up)|exceeded|has been (?:triggered|breached)|status (?:is )?(?:down|up|critical|warning|ok))",
        r"(?i)\bnotification type\s*:\s*(?:problem|recovery|acknowledgement)",
        r"(?i)^\W*(?:alert|problem|incident) (?:started|triggered|opened|resolved|details)\b",
    ])
    .expect("constant patterns")
});

/// Fields that monitoring mails list, one a line, and forms for people do not have.
static ALERT_FIELD: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?im)^\W{0,4}(?:alert(?: ?(?:id|name|type|time|status))?|host(?: ?name)?|state|severity|agent(?: name)?|monitor(?: name)?|sensor|trigger(?:ed at)?|threshold|current value|job(?: name| result)?|result|event ?id|last (?:check|scan|boot)|downtime|notification type|free space)\s*[:=]\s*\S",
    )
});
/// Fields that both have.
static PLAIN_FIELD: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?im)^\W{0,4}(?:service|status|priority|device(?: name)?|computer(?: name)?|site(?: name)?|policy|value|address|ip(?: address)?|date/time|time|timestamp|start(?:ed| time)?|end(?:ed| time)?|duration|message|details|source|category|object|component|drive|organi[sz]ation)\s*[:=]\s*\S",
    )
});
