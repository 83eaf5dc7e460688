//! Sentiment: from pleased to furious.

use super::language::is_english;
use super::lexicon::{self, Kind};
use super::phrases::{Found, Table};
use super::reading::{Evidence, reading};
use super::words::Words;
use domain::Reading;
use std::sync::LazyLock;

/// What angry and let-down customers say. Weights: 1.5 impatient, 3 angry, 6 about to leave.
static ANGER: LazyLock<Table> = LazyLock::new(|| {
    Table::new(&[
        (
            6.0,
            "cancel|cancelling|terminate|terminating|end|ending our|the|my|this contract|agreement|subscription|service|services; \
               looking|look|shop|shopping for|around * different|another|new|other provider|providers|msp|company|supplier|vendor; \
               switch|switching|change|changing|move|moving * provider|providers|msp|supplier|suppliers|vendors; \
               take our|my business elsewhere; taking our|my business elsewhere; legal action; lawyer|lawyers|solicitor|solicitors|attorney; \
               last straw; final warning; last chance; want|demand|demanding|require * refund; money back; \
               contract * under review; sue you; see you in court; kündigen|kündigung; résilier * contrat; cancelar * contrato",
        ),
        (
            5.0,
            "unacceptable; inacceptable; inaceptable; inakzeptabel; onacceptabel; not acceptable; unacceptably; absolute|complete|total joke|disgrace|shambles|farce; \
               is|are|a|such joke; is|are|a disgrace; disgraceful; waste|wasting of * money|time; wasting our|my time|money; \
               what * we|i * pay|paying * for; why * we|i * pay|paying; paying|pay you for|to nothing; had enough; enough is enough; \
               fed up; sick and tired; sick of; sick to death; outrageous; pathetic; incompetent; incompetence; furious; livid; fuming; \
               formal complaint; official complaint; beyond a joke; how hard can|is it; losing|lost|lose * patience; out of patience; running out of patience; \
               thanks for nothing; thank you for nothing; do your job|jobs; unprofessional; worst * service|support|company|provider|team; \
               speak|talk to|with * manager|supervisor|director|boss|owner; useless support|service|company|team|helpdesk; you|they are|is|guys useless; \
               completely|totally|utterly|absolutely useless; frechheit; unverschämt|unverschämtheit; katastrophal; scandaleux; inadmissible; ras le bol; vergüenza; belachelijk",
        ),
        (
            4.0,
            "third|3rd|fourth|4th|fifth|5th|sixth|umpteenth|nth|hundredth time|times|ticket|request|call|email; three|four|five|six|ten|several|many|countless times now|already|this; \
               how many times|more; nobody|no|noone|one|never * called|calls|calling|rang|rings|phoned|replied|replies|responded|responds|answered|answers|bothered|cares|contacted back|us|me; \
               nobody|no|noone * called|rang|replied|replies|responded|responds|answered|answers|answering|bothered|cares|contacted|listens; no one * called|rang|replied|replies|responded|responds|answered|answers|answering|bothered|cares|contacted|got|gets|listens; \
               never * called|rang|heard|got|replied back|us|me; not one call|reply|response|answer; still waiting; still|yet * no|not|any|a reply|response|answer|update|callback|call|news; \
               not good enough; not impressed; ignored|ignoring us|me|my|our|this; being ignored; for god's|gods|heaven's|christ's|fuck's sake; \
               wtf; what the hell|heck|fuck; poor service|support|communication; terrible|awful|horrible|dreadful|shocking|appalling service|support|experience; \
               third|3rd|second time this|in a|of the week|month|day; zum dritten|vierten|wiederholten mal; troisième|quatrième fois; tercera|cuarta vez; derde|vierde keer; harto|harta de; immer noch keine|nichts; \
               toujours pas|aucune de|réponse; considering|exploring|weighing|reviewing * options|alternatives; gone|going|went downhill; makes|making us|me look * bad|stupid|unprofessional; joke of a",
        ),
        (
            3.0,
            "yet again; once again; every|each single|damn|bloody|other time|day|week|morning|call; again and again; over and over; time and again|time; \
               not|aren't|isn't|wasn't|i'm|very|really|extremely unhappy; not * happy|satisfied|pleased; unhappy|dissatisfied with|about; let down; \
               no response|reply|answer|update|callback from; without * response|reply|answer|update; getting|becoming|is old|silly|ridiculous|tiresome; \
               you|was|were|been promised; promised * call|ring|fix|today|yesterday; nothing * happened|changed|done; nothing has been|happened|changed; \
               closed my|our|the ticket|case|call without|again; ticket|case was closed; keep|keeps|kept getting|being told|passed|bounced|transferred|closing; passed from|around; \
               on hold for; kept on hold; hung up on; this|it is|was supposed to be fixed|resolved|solved; is this how; can't believe|cannot believe; how is this|it possible|acceptable; how can|could this|you; \
               please|must|want|need to|be escalate|escalated|escalation",
        ),
        (
            1.6,
            "still * not|isn't|doesn't|won't|can't|cannot * working|work|fixed|resolved|solved|done|print|connect|open; still broken|down|happening|failing|the same; \
               again today|now; keeps happening|failing|crashing|breaking|disconnecting|dropping; \
               for|over|since weeks|months|days|ages|hours now; two|three|four|five|six|several|many weeks|months; weeks|months|ages ago; \
               second|2nd time; reminder; chasing|chase this|up; as i|we said|told|explained|mentioned; told you|them|your last|yesterday|already|before|weeks|months|twice; already told|explained|said|sent|asked; how long; far too long; too long; come on; hurry up; \
               complaint; complain; complaining; nicht mehr normal; schon wieder; encore une fois; otra vez",
        ),
    ])
});

/// What pleased customers say. Weights: 1.5 friendly, 3 pleased, 5 delighted.
static PRAISE: LazyLock<Table> = LazyLock::new(|| {
    Table::new(&[
        (
            5.0,
            "you|you're|guys|team * best|awesome|amazing|fantastic|brilliant|legend|legends|star|stars|superstar|outstanding; \
               life saver; lifesaver; made|saved my|our|the day|life|week|bacon|weekend; best * support|service|team|helpdesk|msp|provider|it; keep up the good|great|excellent work; \
               above and beyond; ten out of ten; 10 out of 10; five stars; could not|couldn't be|have happier|better|asked; absolutely delighted; over the moon; hats off; big shout; \
               can't|cannot thank * enough; i|we love you",
        ),
        (
            4.0,
            "great|excellent|fantastic|amazing|awesome|brilliant|wonderful|outstanding|superb|fabulous|good|nice|terrific|lovely|incredible * job|work|service|support|help|response|experience|team|turnaround; \
               very|really|so|extremely|most|more|absolutely|incredibly|super|truly|genuinely|well happy|pleased|grateful|impressed|helpful|thankful|satisfied|friendly|patient|professional|appreciative; \
               well done; kudos; compliments; compliment; hervorragend|hervorragende|hervorragender; ausgezeichnet; toller|super service|arbeit|job; excellent travail; muy buen|buena trabajo|servicio; geweldig; fantastisch; \
               love|loving * new|how|it|this|the; i'm|we're impressed|delighted|thrilled; bravo; thumbs up",
        ),
        (2.0, "thank|thanks * so|very much; thanks a million|bunch|ton; many thanks for|to"),
        (
            3.0,
            "big thanks|thank; huge thanks|thank; special thanks; thanks|thank to * for; \
               thank|thanks * for * fixing|sorting|solving|resolving|helping|getting|making|quick|fast|prompt|great|excellent|speedy|amazing|fantastic|brilliant|patience|taking|coming|staying; \
               thank|thanks * for your|the * help|support|work|effort|patience|time yesterday|today|earlier|with|on|last|this; \
               thank|thanks * for all; works|working|runs|running perfectly|great|beautifully|brilliantly|like * charm|dream|flawlessly; much appreciated for|everything; \
               quick|fast|prompt|speedy|swift response|turnaround|reply|help|fix|work; happy with|about * the|your|how|our|it; pleased with|to; delighted; grateful; vielen|herzlichen dank für; merci beaucoup pour; muchas gracias por; perfect thanks|thank; spot on",
        ),
        (
            1.5,
            "much better|faster|happier|smoother; all good|fine|sorted now|again; working|works again|now|fine; sorted now; problem|issue|it|that is|has|was|been solved|fixed|sorted|resolved now|thanks|thank; good news; great news; no complaints",
        ),
    ])
});

/// Manners, wishes and greetings that look like praise. They take their words and count nothing.
static MANNERS: LazyLock<Table> = LazyLock::new(|| {
    Table::new(&[(
        0.0,
        "would|will|it'd|that'd * be * great|good|nice|fantastic|amazing|awesome|wonderful|brilliant|lovely|ideal|perfect|helpful|appreciated|grateful; be great|good|nice|grateful|helpful if; \
               good|lovely morning|afternoon|evening|day; happy new|to|friday|monday|holidays; great|nice|lovely weekend|day|week|evening|holiday; have a great|nice|good|lovely|wonderful; hope * well|good|great; \
               any help|assistance|advice; thanks|thank * in advance; no problem; no worries; best|kind|warm|kindest regards|wishes; looking forward; look forward; sounds|looks good|great|fine; \
               good idea; as good as; terrible|horrible|awful|dreadful|annoying|weird|nasty|disgusting|crappy * noise|noises|sound|sounds|smell|quality|connection|signal|echo|lag|beep|beeping|pop|popup|picture|resolution; good enough; i'd love; would love; love to; great britain; fine|great|well|good|ok|okay on|in|from|for|until|till|before|yesterday|with|at|when|except|but; \
               used to work|be; worked|was working|fine|great|perfectly|well|good * until|till|before|yesterday|last; nice to have; good for|to know|hear|go|see; what's|what is the best; the best way|time|option|number",
    )])
});

/// Praise that means the opposite: with another failure in the same breath.
static SARCASM: LazyLock<Table> = LazyLock::new(|| {
    Table::new(&[(
        4.0,
        "great|wonderful|fantastic|brilliant|lovely|perfect|awesome|marvellous|super|excellent|nice|amazing * another|yet|again; oh|just|well great|wonderful|fantastic|brilliant|lovely|perfect|marvellous; \
               way|nice to|one go * breaking; great|good|nice|fantastic|excellent|brilliant|amazing job|work breaking|losing|deleting|ignoring|killing|messing; just what we|i needed|need; \
               love|loving how|it when|that * never|nobody|no|always|nothing|still|goes|keeps|again; thanks|thank * for * breaking|deleting|losing|ignoring|wasting|nothing|hanging; what a surprise; surprise surprise; \
               congratulations * broke|broken|down|again; another|a wonderful|brilliant|great|lovely|fantastic|glorious day|week|morning|start * without|with * no",
    )])
});

/// A calm report of a fault moves nothing; feeling words count less than what is said to the help desk.
const LEXICON_SHARE: f32 = 0.85;
const PRAISE_SHARE: f32 = 0.55;

#[derive(Default)]
struct Mood<'a> {
    angry: Vec<Evidence<'a>>,
    pleased: Vec<Evidence<'a>>,
    sarcastic: bool,
}

/// What is said first counts in full; the more there is already, the less the next adds.
fn total(evidence: &[Evidence<'_>]) -> f32 {
    let mut strengths: Vec<f32> = evidence.iter().map(|one| one.strength).collect();
    strengths.sort_by(|one, other| other.total_cmp(one));
    strengths.iter().zip([1.0, 0.7, 0.5, 0.4, 0.3, 0.2]).map(|(strength, share)| strength * share).sum()
}

pub fn read(parts: &[Words<'_>]) -> Reading {
    let english = is_english(parts);
    let mut mood = Mood::default();
    let mut seen = Vec::new();
    for words in parts {
        let spoken = Spoken::find(words);
        said(words, &spoken, &mut mood, &mut seen);
        if english {
            felt(words, &spoken, &mut mood);
        }
    }
    verdict(mood, parts)
}

/// The phrases of one part of the ticket.
struct Spoken {
    anger: Vec<Found>,
    praise: Vec<Found>,
    manners: Vec<Found>,
    sarcasm: Vec<Found>,
}

impl Spoken {
    fn find(words: &Words<'_>) -> Self {
        let mut spoken = Self {
            anger: ANGER.find(words),
            praise: PRAISE.find(words),
            manners: MANNERS.find(words),
            sarcasm: SARCASM.find(words),
        };
        let Self { praise, manners, sarcasm, .. } = &mut spoken;
        praise.retain(|found| {
            let polite =
                manners.iter().any(|polite| polite.first <= found.first && found.last <= polite.last);
            let ironic = sarcasm.iter().any(|irony| irony.overlaps(found.first, found.last));
            !polite && !ironic && !lexicon::is_negated(&words.list, found.first)
        });
        // "It is not a waste of time"; the milder ones are often negations themselves.
        spoken.anger.retain(|found| found.weight < 5.0 || !lexicon::is_negated(&words.list, found.first));
        spoken
    }

    fn takes(&self, first: usize, last: usize) -> bool {
        [&self.anger, &self.praise, &self.manners, &self.sarcasm]
            .iter()
            .any(|found| found.iter().any(|found| found.overlaps(first, last)))
    }
}

/// Phrases; the same, or one that begins alike and weighs as much, counts once: titles say what texts say.
fn said<'a>(words: &Words<'a>, spoken: &Spoken, mood: &mut Mood<'a>, seen: &mut Vec<(bool, String, u32)>) {
    mood.sarcastic |= !spoken.sarcasm.is_empty();
    mood.angry.extend(spoken.sarcasm.iter().map(|found| Evidence::of(words, found)));
    for (angry, list) in [(true, &spoken.anger), (false, &spoken.praise)] {
        for found in list.iter() {
            let opening = words.list.get(found.first).map(|word| word.text.clone()).unwrap_or_default();
            let same = (angry, opening, found.weight.to_bits());
            if seen.contains(&same) {
                continue;
            }
            seen.push(same);
            let side = if angry { &mut mood.angry } else { &mut mood.pleased };
            side.push(Evidence::of(words, found));
        }
    }
}

/// Feeling words that no phrase has taken.
fn felt<'a>(words: &Words<'a>, spoken: &Spoken, mood: &mut Mood<'a>) {
    for hit in lexicon::hits(words) {
        if hit.kind != Kind::Feeling || hit.negated || spoken.takes(hit.first, hit.last) {
            continue;
        }
        if hit.valence < 0.0 {
            mood.angry.push(Evidence::new(words, hit.first, hit.last, -hit.valence * LEXICON_SHARE));
        } else {
            mood.pleased.push(Evidence::new(words, hit.first, hit.last, hit.valence * PRAISE_SHARE));
        }
    }
}

/// The words in capitals, where they are more than names and abbreviations.
fn shouted<'a>(parts: &[Words<'a>]) -> Option<Evidence<'a>> {
    let letters: usize = parts.iter().map(|words| words.letters).sum();
    let capitals: usize = parts.iter().map(|words| words.capital_letters).sum();
    let loud = |word: &super::words::Word| word.capitals && word.text.len() >= 4;
    let count: usize = parts.iter().map(|words| words.list.iter().filter(|word| loud(word)).count()).sum();
    if count < 4 && (letters < 20 || capitals * 10 < letters * 7) {
        return None;
    }
    let words = parts.iter().rev().find(|words| words.list.iter().any(loud))?;
    let first = words.list.iter().position(loud)?;
    let last = words.list.iter().enumerate().skip(first).take_while(|(_, word)| word.capitals).last()?.0;
    Some(Evidence::new(words, first, last.min(first + 11), 1.0))
}

/// Exclamation marks and capitals make anger louder; alone they are only loud.
fn loudness(parts: &[Words<'_>], shouted: bool) -> f32 {
    let exclamations: usize = parts.iter().map(|words| words.exclamations).sum();
    let marks = match exclamations {
        0..=1 => 0.0,
        2 => 0.4,
        3..=5 => 0.9,
        _ => 1.4,
    };
    marks + if shouted { 2.0 } else { 0.0 }
}

fn verdict<'a>(mut mood: Mood<'a>, parts: &[Words<'a>]) -> Reading {
    let shouted = shouted(parts);
    let mut anger = total(&mood.angry);
    if shouted.is_some() || anger > 0.0 {
        anger += loudness(parts, shouted.is_some());
    }
    // Irony: what was praised is part of the reproach. Beside real anger, praise is often manners.
    let share = match anger {
        _ if mood.sarcastic => 0.0,
        3.0.. => 0.5,
        _ => 1.0,
    };
    let net = anger - total(&mood.pleased) * share;
    if anger >= 3.0 {
        mood.angry.extend(shouted);
    }
    match net {
        8.0.. => reading(5, "The customer is furious or about to leave", mood.angry),
        2.9.. if !mood.angry.is_empty() => reading(4, "The customer is angry or let down", mood.angry),
        // Praise for one thing and a reproach for another: neither.
        ..=-2.3 if total(&mood.angry) >= 1.2 => reading(3, "Praise and reproach together", mood.angry),
        ..=-6.0 => reading(1, "The customer is delighted", mood.pleased),
        ..=-2.3 => reading(2, "The customer is pleased", mood.pleased),
        0.9.. if !mood.angry.is_empty() => reading(3, "Some impatience, but calm", mood.angry),
        _ => reading(3, "A calm message without anger or praise", Vec::new()),
    }
}
