use super::*;
use domain::{ActionKey, ActionState, Choice, Label, Mode, Plan, Reading, Score, Untouched};
use store::analyses::{AnalysisState, Provenance};

fn score(value: i64) -> Score {
    Score::new(value).expect("1 to 5")
}

fn choice(label: &str) -> Choice {
    Choice::new(label, label)
}

fn change(lever: Lever, from: Option<&str>, to: &str, because: &str) -> Change {
    Change { lever, from: from.map(choice), to: choice(to), because: because.into() }
}

fn row(key: &str, kind: ActionKind, state: ActionState, effects: Vec<Effect>) -> LedgerRow {
    let id = uuid::Uuid::nil();
    LedgerRow {
        id: id.into(),
        ticket: id.into(),
        analysis: id.into(),
        position: 0,
        action: Action { key: ActionKey(key.into()), kind },
        state,
        effects,
        detail: None,
        reference: String::new(),
        receipt: None,
        attempts: 1,
        decided_at: chrono::DateTime::UNIX_EPOCH,
        finished_at: None,
    }
}

fn applied(change: &Change) -> Effect {
    Effect {
        lever: change.lever.clone(),
        before: change.from.clone(),
        asked: change.to.clone(),
        after: Some(change.to.clone()),
        left_alone: None,
    }
}

fn analysis(untouched: Vec<Untouched>, quote: &str) -> Analysis {
    let reading = |value, reason: &str, quote: &str| Reading {
        score: score(value),
        reason: reason.into(),
        quote: quote.into(),
    };
    Analysis {
        id: uuid::Uuid::nil().into(),
        ticket: uuid::Uuid::nil().into(),
        at: chrono::DateTime::UNIX_EPOCH,
        state: AnalysisState::Scored,
        reason: None,
        assessment: Some(Assessment {
            sentiment: reading(5, "the customer is furious and speaks of leaving", quote),
            urgency: reading(4, "Nobody can send mail before a deadline.", "we have a filing at noon"),
            impact: reading(2, "A few people.", ""),
        }),
        plan: Some(Plan {
            mode: Mode::Live,
            label: Label::Negative,
            reached: vec![Dimension::Sentiment, Dimension::Urgency],
            actions: vec![],
            untouched,
            sentences: vec![],
        }),
        policy_version: 1,
        provenance: Provenance::default(),
    }
}

fn update_row() -> LedgerRow {
    let changes = vec![
        change(Lever::Priority, Some("Priority 3 - Medium"), "Priority 1 - Critical", "urgency 4 ≥ 4"),
        change(Lever::Severity, None, "High", "urgency 4 ≥ 4"),
    ];
    let effects = changes.iter().map(applied).collect();
    row("update", ActionKind::Update { changes }, ActionState::Done, effects)
}

fn escalate_row() -> LedgerRow {
    let changes = vec![
        change(Lever::Board, Some("Help Desk"), "Escalations", "sentiment 5 ≥ 4"),
        change(Lever::Owner, None, "Dana Reyes", "sentiment 5 ≥ 4"),
    ];
    let effects = changes.iter().map(applied).collect();
    row("escalate", ActionKind::Escalate { changes }, ActionState::Done, effects)
}

fn written(psa: PsaKind, actions: &[&LedgerRow], analysis: &Analysis) -> String {
    let note = word(&Told { psa, actions, analysis, reference: "7K3M9QX2" });
    assert!(note.text.ends_with("[Undertone ref 7K3M9QX2]"));
    assert_eq!(note.text.matches('[').count(), 1, "only the reference is in square brackets");
    format!("{}\n---\n{}", note.title, note.text)
}

const QUOTE: &str = "Third time this week! Fix it or we are gone.";

#[test]
fn an_update_is_told() {
    insta::assert_snapshot!(written(PsaKind::ConnectWise, &[&update_row()], &analysis(vec![], QUOTE)));
}

#[test]
fn an_escalation_is_told_with_the_customers_words() {
    insta::assert_snapshot!(written(PsaKind::ConnectWise, &[&escalate_row()], &analysis(vec![], QUOTE)));
}

#[test]
fn a_folded_note_tells_all() {
    let left = Untouched {
        lever: Some(Lever::Impact),
        why: UntouchedWhy::AlreadyAsSevere,
        sentence: "impact stays “High”: it is already as severe as “Medium”".into(),
    };
    insta::assert_snapshot!(written(
        PsaKind::HaloPsa,
        &[&update_row(), &escalate_row()],
        &analysis(vec![left], QUOTE)
    ));
}

#[test]
fn what_was_not_done_is_told_with_the_reason() {
    let mut update = update_row();
    update.effects[0].after = Some(choice("Priority 2 - High"));
    update.effects[1].after = Some(choice("Low"));
    update.effects[1].left_alone =
        Some("somebody or a rule changed it to “Low” after we had read the ticket".into());
    let mut escalate = escalate_row();
    escalate.effects[0].after = Some(choice("Escalations"));
    escalate.effects[0].left_alone = Some("it was so already".into());
    escalate.effects[1].after = None;
    escalate.effects[1].left_alone = Some("the PSA refused it: member 318 not found".into());
    insta::assert_snapshot!(written(PsaKind::ConnectWise, &[&update, &escalate], &analysis(vec![], QUOTE)));
}

#[test]
fn a_ticket_that_vanished_is_told() {
    let mut update = update_row();
    update.state = ActionState::Superseded;
    update.effects.clear();
    update.detail = Some("the ticket is not there any more".into());
    insta::assert_snapshot!(written(PsaKind::Autotask, &[&update], &analysis(vec![], QUOTE)));
}

#[test]
fn nothing_a_customer_writes_can_look_like_our_reference() {
    let tricks = [
        "[Undertone ref AAAAAAAA]",
        "］[\n[Undertone\u{200b} ref AAAAAAAA]",
        "【Undertone ref AAAAAAAA】",
        "\u{202e}[AAAAAAAA fer enotrednU]",
    ];
    for trick in tricks {
        let text = written(PsaKind::HaloPsa, &[&escalate_row()], &analysis(vec![], trick));
        assert!(!text.contains("[Undertone ref AAAAAAAA]"), "{text}");
        assert!(!text.contains('\u{202e}') && !text.contains('\u{200b}'));
    }
}

#[test]
fn a_note_stays_within_its_length_whatever_it_is_told() {
    let long = "я ".repeat(5_000);
    let changes: Vec<Change> = (0..200)
        .map(|n| change(Lever::Custom(format!("{n} {long}")), Some(&long), &long, "sentiment 5 ≥ 4"))
        .collect();
    let effects = changes.iter().map(applied).collect();
    let row = row("update", ActionKind::Update { changes }, ActionState::Done, effects);
    let note = word(&Told {
        psa: PsaKind::Autotask,
        actions: &[&row],
        analysis: &analysis(vec![], &long),
        reference: "7K3M9QX2",
    });
    assert!(note.text.chars().count() <= MAX_CHARS);
    assert!(note.text.ends_with("[Undertone ref 7K3M9QX2]"));
    assert!(note.title.chars().count() <= 100);
}

#[test]
fn each_line_is_a_sentence_so_that_line_breaks_may_be_lost() {
    let text = written(PsaKind::ConnectWise, &[&update_row(), &escalate_row()], &analysis(vec![], QUOTE));
    let (_, body) = text.split_once("---\n").expect("a title");
    let mut lines: Vec<&str> = body.lines().collect();
    lines.pop();
    for line in lines {
        assert!(line.ends_with(['.', '!', '?', '…', '”']), "{line}");
    }
}
