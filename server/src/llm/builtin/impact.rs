//! Impact: from one person to the whole company, or money and safety.

use super::phrases::Table;
use super::reading::{Evidence, reading};
use super::words::Words;
use domain::Reading;
use std::sync::LazyLock;

/// The weight is the score that the phrase speaks for.
static REACH: LazyLock<Table> = LazyLock::new(|| {
    Table::new(&[
        // Greetings name everyone and mean no one.
        (
            0.0,
            "hi|hello|dear|hey|morning|afternoon|evening|thanks|thank|hallo * all|everyone|everybody|team|both|guys; we|you all; everyone|everybody|all|team * delighted|happy|loves|love|pleased|likes|impressed|enjoys|praised",
        ),
        (
            5.0,
            "whole|entire|complete company|office|business|organisation|organization|firm|school|site|building|practice|network|factory|warehouse|clinic|hotel|shop|branch; all|every of|the|our * offices|sites|locations|branches|computers|pcs|machines|departments|stores|shops|workstations|users|staff|employees|clients|customers|us|everyone|office; \
               everyone; everybody; all users|staff|employees|offices|sites|locations|branches|computers|pcs|machines|departments|workstations|customers|teams; company|office|site|business|organisation|organization wide; companywide; nobody|noone * in|at|can|is|here; no one * in|at|can|is|here; none of us|our|the; everything * down|stopped|offline|frozen|gone|dead; nothing works|working; for|by anyone in|at|here; can't|cannot|unable|couldn't * card|credit payments; \
               payroll; wages; salaries; losing|lost|lose money|sales|revenue|business|customers|orders|thousands; costing us; can't|cannot|unable|couldn't * invoice|ship|sell|trade|bill|dispatch; can't|cannot|unable|couldn't * take|process|receive orders|payments|calls; can't|cannot|unable|couldn't * pay staff|suppliers|people|anyone; \
               production|assembly line|is|has|stopped|down|halted; production * down|stopped|halted|standstill; ransomware; breach; breached; data leak|loss; gdpr; hacked; fraud; fraudulent; scammed; wire|bank transfer; transferred * money; encrypted * files; \
               patient|patients safety|data|records|are|waiting|can't|cannot; safety; fire alarm; alarm system; emergency|999|911 calls|line; customers|clients * can't|cannot|unable|are|complaining; till|tills|checkout|pos|card * down|not|machine|machines|offline; point of sale; \
               internet|network|server|servers|phones|phone|email|exchange|firewall|system|systems|erp|wifi * is|are|was|went|has|have|gone|completely|all|totally * down|offline|dead|out|unreachable|died; server|servers|internet|network|phones|email|system down; no internet|network|phones in|at|since|for|all|today|again; total|complete|major|full|site outage|blackout; outage; \
               alle mitarbeiter|benutzer|rechner|standorte|kollegen; niemand kann; ganze|gesamte|komplette firma|büro|abteilung|unternehmen; tous|toute les|l'entreprise|le; personne ne; todos los|nosotros; todo el mundo|personal; toda la empresa|oficina; nadie puede; iedereen; niemand kan; hele bedrijf|kantoor; tutti gli|i|l'ufficio; nessuno; tutta l'azienda; todos os; ninguém",
        ),
        (
            4.0,
            "most|many|half|dozens|lots of * users|us|people|staff|team|office|colleagues|computers|the; most|many|multiple|numerous users|people|staff|colleagues|computers|machines|sites|clients|departments; two|three|several|both|multiple|our|the other|all offices|sites|branches|departments|locations; \
               department|floor|branch|warehouse|factory|reception|office|shop|store * can't|cannot|unable|down|offline|has|have|is|lost * down|no|offline|access|work|print|connect; entire|whole team|department|floor|group; \
               ten|twelve|fifteen|twenty|thirty|forty|fifty|hundred|10|12|15|20|25|30|40|50|60|80|100 * users|people|staff|of|employees|computers|pcs; file|main|domain server|controller; backup|backups * failed|failing|not|missing; month end; year end; audit; important client|customer|customers; big client|customer|deal|order; ceo|director|owner|boss|partner can't|cannot|needs|is",
        ),
        (
            3.0,
            "server; servers; invoices; invoicing; team; department; colleagues; several|some|few|couple|handful of * users|people|us|staff|team|computers|machines|laptops; several|some|few|other users|people|staff|colleagues|computers|machines|laptops|pcs; both|two|three|four|five|six of us|users|people|staff|colleagues|computers|machines|laptops|pcs; \
               we|us both|can't|cannot|couldn't; we are|were|all * unable|stuck|waiting|offline|without; our team|printer|office|department|meeting|scanner|shared; others; reception; accounts|accounting|finance|sales|hr|marketing|support|warehouse team|department|staff|people|guys|printer; meeting|conference room; \
               abteilung; équipe; équipe; equipo; departamento; afdeling; kollegen; collègues; compañeros",
        ),
    ])
});

/// One person and a trifle, in so many words.
static TRIFLE: LazyLock<Table> = LazyLock::new(|| {
    Table::new(&[(
        1.0,
        "just|only me|mine; only|just|affects|affecting my|one|me; just|only one|a|1 * user|person|pc|computer|machine|laptop|of; one|single|1 user|person|pc only|affected|here; a single user|person|pc|computer; not|isn't a|no big|huge|major deal|issue|problem; \
         no|without * big deal|impact; minor; small|little|tiny thing|issue|annoyance|question|problem|request|favour|favor; nuisance; cosmetic; wallpaper; screensaver; screen saver; desktop background; font|icon|icons|theme|ringtone|colour|color; \
         my mouse|keyboard|headset|webcam|monitor|screen|wallpaper|background|signature|icons|chair|charger; everyone else is|can|works|fine; works for everyone|others|else; nur|bloß bei mir|ich; seulement moi; solo yo|a|mi; alleen ik|bij",
    )])
});

/// One person who cannot go on.
static PERSON: LazyLock<Table> = LazyLock::new(|| {
    Table::new(&[(
        2.0,
        "i|she|he can't|cannot|couldn't|am|is|was * unable|work|log|login|sign|open|access|get|connect|print|send|find|use|do|see|locked|stuck|hear|join|save|start|reach; my pc|computer|laptop|machine|phone|outlook|email|account|screen|desktop|password|teams|excel|word|docking|dock|vpn|printer|mailbox|office|browser|system|internet; \
         error; broken; crash; crashes; crashed; crashing; freezes; frozen; failed; fails; problem; issue; slow; not working; stopped working; doesn't work; won't start|turn|open|print|boot; \
         locked out; her|his laptop|pc|computer|account|password|phone; ich kann; mein|meine; je ne peux; mon|ma; no puedo; mi ordenador|correo|cuenta; ik kan; mijn",
    )])
});

pub fn read(parts: &[Words<'_>]) -> Reading {
    let mut reach = Vec::new();
    let mut highest = 0.0_f32;
    let mut trifles = Vec::new();
    let mut person = Vec::new();
    for words in parts {
        let small = TRIFLE.find(words);
        trifles.extend(small.iter().map(|found| Evidence::of(words, found)));
        for found in REACH.find(words).into_iter().filter(|found| found.weight > 0.0) {
            // "everyone else is fine" has taken its words already.
            if small.iter().any(|small| small.overlaps(found.first, found.last)) {
                continue;
            }
            highest = highest.max(found.weight);
            reach.push(Evidence::of(words, &found));
        }
        person.extend(PERSON.find(words).iter().map(|found| Evidence::of(words, found)));
    }
    if !trifles.is_empty() && highest < 5.0 {
        return reading(1, "One person, or a small thing", trifles);
    }
    match highest {
        highest if highest >= 5.0 => reading(5, "The whole company, or money or safety", reach),
        highest if highest >= 4.0 => reading(4, "Many people, or something that many depend on", reach),
        highest if highest >= 3.0 => reading(3, "A team or several people", reach),
        _ if !person.is_empty() => reading(2, "One person is held up", person),
        _ => reading(1, "One person, nothing held up", Vec::new()),
    }
}
