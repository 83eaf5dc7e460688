//! Urgency: from whenever to now.

use super::phrases::Table;
use super::reading::{Evidence, reading};
use super::words::Words;
use domain::Reading;
use std::sync::LazyLock;

/// The weight is the score that the phrase speaks for.
static HASTE: LazyLock<Table> = LazyLock::new(|| {
    Table::new(&[
        (
            5.0,
            "emergency; right now; immediately; straight away; straightaway; this minute; this instant; drop everything; extremely|very|super|really|most|incredibly urgent|urgently; \
               work|everything|business|production|operations|trading|shop|line|plant|warehouse|office|we * stopped|halted|standstill|halt|stopping|paralysed|paralyzed; at * standstill|halt; \
               nobody|noone can|could; no one can|could; none of us|our; we|staff|everyone|users|team|people can't|cannot|couldn't work|operate|trade|serve|invoice|ship|sell|function; \
               we|staff|everyone|users|team|people * unable to work|operate|trade|serve|invoice|ship|sell|function; dead in the water; \
               can't|cannot|couldn't do any|anything; can't|cannot|couldn't work|do * at all; unable to do any|anything; \
               everything|server|servers|network|internet|wifi|email|emails|mail|phones|phone|telephones|system|systems|site|website|erp|exchange|firewall|broadband|connection|line * is|are|was|were|went|gone|goes|has|have|all|completely|totally|still * down|offline|dead|out|unreachable|died; \
               server|servers|network|internet|system|systems|website|email|phones down; no internet|network|phones|connectivity; total|complete|major|full|site outage|blackout|failure|loss; outage; \
               internet|network|email|phones|server|system|nothing|phone * not|isn't|aren't|is working|responding|works; nothing works|working; for|by anyone|everyone|everybody in|at|here|since; can't|cannot|unable|couldn't * take|process|receive * payments|orders; lost all; locked * all * out; \
               ransomware; hacked; breach; breached; encrypted * files; being attacked; under attack; virus spreading; losing money|sales|revenue|customers|business|orders; costing us; \
               sofort; notfall; nichts geht * mehr; niemand kann; steht still; immédiatement; plus rien ne; personne ne peut; de inmediato; inmediatamente; nadie puede; onmiddellijk; niemand kan; ligt plat; nessuno * può; subito; ninguém consegue",
        ),
        (
            4.0,
            "urgent; urgently; asap; a s a p; as soon as|humanly possible|you; right away; as quickly as|possible; quickly as possible; quick as you|possible; \
               by|before|until|for|within|due|needed|required|need|done * today|tonight|noon|lunch|lunchtime|midday|eod|cob|close|tomorrow|morning|afternoon|hour|hours|am|pm|o'clock; \
               by|before end|close|the of * end|business|today|day|play; fixed|solved|resolved|sorted|done|back|working|running by|today|tonight|immediately|before; end of day|business|play|today; deadline; due today|tomorrow|tonight|in|by; time sensitive; time critical; business critical; mission critical; \
               in * hour|minutes|mins|hours; within * hour|minutes|hours; this morning|afternoon * need|needs|must; need|needs|needed|must|have|has * today|now|tonight|immediately|fixed|back; \
               meeting|presentation|call|demo|court|hearing|audit|flight|board|interview|go|launch * in|at|today|tomorrow|this|starts|live; high|top|highest|first|critical priority; priority one|1; p1; \
               can't|cannot|couldn't work|finish|complete|continue; unable|able to work|finish|complete|continue; locked out; i'm|we're|am|are blocked; blocking us|me|work|everyone|our|my|the; holding us|me|up|everything * up; waiting|queue|queuing|queueing for|on|customers|clients|patients * us|me|here|at|outside; customers|clients|patients|visitors are|waiting; \
               is|are|went|has|have|been|gone * down; stopped working completely|altogether; completely|totally down|dead|broken|stuck; stuck at|on|and|here; on fire; smoke; smoking; burning; payroll; \
               dringend; eilt; so schnell wie möglich; schnellstmöglich; dringlich; heute noch; urgente; urgentemente; lo antes posible; au plus vite; dès que possible; bloqué|bloquée; spoed; dringende; zo snel mogelijk; pilne; срочно; il prima possibile; quanto prima",
        ),
        (
            3.0,
            "this week; by|before friday|monday|tuesday|wednesday|thursday|weekend; soon; shortly; every|each time|day|hour|few; several|many|few|multiple times; keeps; constantly; intermittent|intermittently; slow; slowly; repeatedly; again",
        ),
    ])
});

/// Patience: weights are scores, too.
static PATIENCE: LazyLock<Table> = LazyLock::new(|| {
    Table::new(&[
        (
            1.0,
            "no rush|hurry; not|nothing|isn't|non|hardly|wasn't|no|never * urgent|urgency|emergency; in no|any rush|hurry; whenever you * chance|time|moment|can|like|get|have|want|please|free; whenever * suits|possible|convenient; whenever|when someone is|has; when|if you|someone|somebody|anyone * get|gets|have|has|find|finds * chance|moment|minute|time|second|spare|free; \
               at your convenience|leisure|earliest; low|lowest priority; not|isn't a|high|important|critical * priority|important; can|could|it'll wait; take your time; next month|quarter|year; some time|day|point; sometime; one day; eventually; \
               spare moment|minute; no|without * pressure; just|only|a nice to have; not|isn't|no a * big deal|issue; minor; cosmetic; for future reference; just|only curious|wondering|asking|fyi; fyi; \
               eilt nicht; keine eile; nicht dringend; pas urgent|pressé; rien d'urgent; pas d'urgence; sin prisa; no es urgente; no corre prisa; geen haast; niet dringend; bez pośpiechu",
        ),
        (
            2.0,
            "next week; at|in some|the point|future|coming; planning|plan to; in|over the next|coming few|two|weeks; later this|in month; by|before the|end of * month; later on",
        ),
    ])
});

/// Something does not do what it should.
static FAULT: LazyLock<Table> = LazyLock::new(|| {
    Table::new(&[(
        3.0,
        "not|isn't|aren't|doesn't|won't|wont|don't|can't|cannot|wasn't|stopped|quit|didn't|couldn't|unable|never * work|working|print|printing|open|opening|connect|connecting|start|starting|load|loading|turn|log|sign|find|access|send|receive|sync|syncing|respond|responding|show|showing|update|save|boot|charge|reach|see|hear|join; \
         unable to; not able to; fails|failed to; error; errors; broken; broke; crash; crashes; crashed; crashing; freezes; frozen; freezing; hangs; hung; failed; fails; failing; failure; fault; faulty; problem; problems; issue; issues; trouble; jam; jams; jammed; \
         slow; slowly; dropped; drops; dropping; disconnects; disconnected; disconnecting; missing; disappeared; lost; gone; stuck; wrong; corrupted; corrupt; infected; virus; phishing; suspicious; spam; full; expired; locked; died; dead; down; offline; bounced; \
         geht|funktioniert * nicht; fehler; problem|probleme; ne fonctionne|marche * pas|plus; erreur; panne; no funciona|puedo|abre; error|fallo; werkt niet; storing; probleem; non funziona; não funciona; nie działa; не работает",
    )])
});

pub fn read(parts: &[Words<'_>]) -> Reading {
    let mut haste = Vec::new();
    let mut highest = 0.0_f32;
    let mut patience = Vec::new();
    let mut lowest = f32::INFINITY;
    let mut faults = Vec::new();
    for words in parts {
        let calm = PATIENCE.find(words);
        for found in &calm {
            lowest = lowest.min(found.weight);
            patience.push(Evidence::new(words, found.first, found.last, 6.0 - found.weight));
        }
        for found in HASTE.find(words) {
            // "not urgent" has taken its words already.
            if calm.iter().any(|calm| calm.overlaps(found.first, found.last)) {
                continue;
            }
            highest = highest.max(found.weight);
            haste.push(Evidence::of(words, &found));
        }
        faults
            .extend(FAULT.find(words).iter().map(|found| Evidence::new(words, found.first, found.last, 1.0)));
    }
    if lowest.is_finite() && highest < 5.0 {
        let score = if highest >= 4.0 || lowest >= 2.0 { 2 } else { 1 };
        return reading(score, "The customer says that it can wait", patience);
    }
    match highest {
        highest if highest >= 5.0 && lowest.is_finite() => {
            reading(4, "Work has stopped, though the customer is patient", haste)
        }
        highest if highest >= 5.0 => reading(5, "Work has stopped, or it is needed now", haste),
        highest if highest >= 4.0 => reading(4, "It is needed soon, or someone cannot work", haste),
        _ if !faults.is_empty() => reading(3, "Something does not work; no time is named", faults),
        highest if highest >= 3.0 => reading(3, "It comes up again, or has a date", haste),
        _ => reading(2, "A request without a date", Vec::new()),
    }
}
