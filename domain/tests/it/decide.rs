//! Tables of cases: what a plan does, in one line.

use crate::example::*;
use domain::*;

/// A plan in short: `priority low>high; owner ->dana | note:update …`.
fn summary(plan: &Plan) -> String {
    let parts = plan.actions.iter().map(|action| match &action.kind {
        ActionKind::Update { changes } | ActionKind::Escalate { changes } => {
            let changes = changes.iter().map(|change| {
                let from = change.from.as_ref().map_or("-", |from| from.id.as_str());
                format!("{} {from}>{}", change.lever.word(PsaKind::ConnectWise), change.to.id)
            });
            format!("{}[{}]", action.key, changes.collect::<Vec<_>>().join(", "))
        }
        ActionKind::Note { about } => {
            format!("{}({})", action.key, about.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))
        }
    });
    parts.collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn check(
    policy: &Policy,
    ticket: &Ticket,
    history: History,
    scores: (i64, i64, i64),
    expected: &str,
) -> Plan {
    let plan = decide(policy, ticket, history, &assessment(scores.0, scores.1, scores.2));
    assert_eq!(summary(&plan), expected, "{:#?}", plan.sentences);
    plan
}

fn low() -> Ticket {
    ticket(PsaKind::ConnectWise, &[(Lever::Priority, "low")])
}

const NEW: History = History { escalated: false };

#[test]
fn thresholds_are_inclusive_and_each_stands_alone() {
    let raised = "update[priority low>high] note:update(update)";
    for (scores, expected) in [
        ((3, 3, 3), ""),
        ((3, 4, 3), raised),
        ((3, 3, 4), raised),
        (
            (4, 1, 1),
            "update[priority low>high] note:update(update) escalate[owner ->dana] note:escalate(escalate)",
        ),
        (
            (5, 1, 1),
            "update[priority low>critical] note:update(update) escalate[owner ->dana] note:escalate(escalate)",
        ),
        ((1, 1, 1), ""),
    ] {
        check(&policy(), &low(), NEW, scores, expected);
    }
    let mut only_impact = policy();
    only_impact.thresholds = Thresholds { sentiment: None, urgency: None, impact: Some(score(3)) };
    let plan = check(&only_impact, &low(), NEW, (5, 5, 2), "");
    assert_eq!(plan.reached, []);
    assert_eq!(
        plan.sentences,
        [
            "sentiment 5: its threshold is off",
            "urgency 5: its threshold is off",
            "impact 2 < 3: below the threshold"
        ]
    );
}

#[test]
fn a_field_is_raised_and_never_lowered() {
    for (now, expected) in [
        (&[(Lever::Priority, "low")][..], "update[priority low>high] note:update(update)"),
        (&[(Lever::Priority, "medium")], "update[priority medium>high] note:update(update)"),
        (&[(Lever::Priority, "high")], ""),
        (&[(Lever::Priority, "critical")], ""),
        (&[(Lever::Priority, "a value nobody ranked")], ""),
        (&[], "update[priority ->high] note:update(update)"),
    ] {
        check(&policy(), &ticket(PsaKind::HaloPsa, now), NEW, (3, 4, 1), expected);
    }
}

#[test]
fn what_is_left_alone_is_said() {
    let untouched = |now: &str| {
        let plan = decide(
            &policy(),
            &ticket(PsaKind::ConnectWise, &[(Lever::Priority, now)]),
            NEW,
            &assessment(3, 4, 3),
        );
        plan.untouched.into_iter().map(|left| (left.why, left.sentence)).collect::<Vec<_>>()
    };
    assert_eq!(
        untouched("critical"),
        [(
            UntouchedWhy::AlreadyAsSevere,
            "priority stays “the critical”: it is already as severe as “the high”".into()
        )]
    );
    let odd = "priority stays: its present value “the odd” is not in the ranking of values".into();
    assert_eq!(untouched("odd"), [(UntouchedWhy::Unranked, odd)]);
}

#[test]
fn a_score_without_a_value_takes_the_next_lower_one() {
    let mut sparse = policy();
    for (values, scores, expected) in [
        (&[(4, "high")][..], (3, 5, 3), "update[priority low>high] note:update(update)"),
        (&[(5, "critical")], (3, 4, 3), ""),
        (&[(1, "medium")], (3, 4, 3), "update[priority low>medium] note:update(update)"),
        (&[], (3, 5, 3), ""),
    ] {
        sparse.updates.priority.as_mut().unwrap().values = table(values);
        let plan = check(&sparse, &low(), NEW, scores, expected);
        let unmapped = plan.untouched.iter().any(|left| left.why == UntouchedWhy::Unmapped);
        assert_eq!(unmapped, expected.is_empty());
    }
}

#[test]
fn a_lever_follows_its_driver_alone() {
    let mut driven = policy();
    driven.escalation = Escalation::default();
    for (driver, scores, expected) in [
        (Driver::Sentiment, (5, 4, 4), "update[priority low>critical] note:update(update)"),
        (Driver::Urgency, (5, 4, 4), "update[priority low>high] note:update(update)"),
        (Driver::Impact, (5, 5, 3), ""),
        (Driver::Highest, (4, 5, 1), "update[priority low>critical] note:update(update)"),
    ] {
        driven.updates.priority = Some(rule(driver));
        check(&driven, &low(), NEW, scores, expected);
    }
    // The highest counts only among those that reached their threshold.
    driven.thresholds.urgency = None;
    driven.updates.priority = Some(rule(Driver::Highest));
    let plan = check(&driven, &low(), NEW, (4, 5, 4), "update[priority low>high] note:update(update)");
    assert_eq!(plan.sentences[0], "sentiment 4 ≥ 4 → priority from “the low” to “the high”");
}

#[test]
fn a_reached_threshold_that_no_field_follows_is_said() {
    let mut deaf = policy();
    deaf.updates.priority = Some(rule(Driver::Impact));
    let plan = check(&deaf, &low(), NEW, (3, 5, 3), "");
    assert!(
        plan.sentences.contains(&"urgency 5 ≥ 4: no field is set to follow it".to_owned()),
        "{:?}",
        plan.sentences
    );
}

#[test]
fn an_escalation_happens_once_and_only_for_sentiment() {
    let mut calm = policy();
    calm.updates = Updates::default();
    let escalated = History { escalated: true };
    let full = Escalation {
        owner: Some(choice("dana")),
        team: Some(choice("tier 3")),
        status: Some(choice("escalated")),
        board: Some(choice("vip")),
    };
    let all =
        "escalate[board ->vip, status ->escalated, team ->tier 3, owner ->dana] note:escalate(escalate)";
    for (target, history, scores, expected, why) in [
        (calm.escalation.clone(), NEW, (3, 5, 5), "", None),
        (full.clone(), NEW, (4, 1, 1), all, None),
        (full, escalated, (5, 5, 5), "", Some(UntouchedWhy::EscalatedBefore)),
        (Escalation::default(), NEW, (5, 1, 1), "", Some(UntouchedWhy::NothingConfigured)),
    ] {
        calm.escalation = target;
        let plan = check(&calm, &low(), history, scores, expected);
        assert_eq!(plan.untouched.first().map(|left| left.why), why);
        assert_eq!(plan.escalates(), !expected.is_empty());
    }
}

#[test]
fn what_an_escalation_asks_for_may_be_so_already() {
    let mine = ticket(PsaKind::ConnectWise, &[(Lever::Owner, "dana"), (Lever::Priority, "critical")]);
    let plan = check(&policy(), &mine, NEW, (5, 5, 5), "");
    let whys: Vec<_> = plan.untouched.iter().map(|left| left.why).collect();
    assert_eq!(whys, [UntouchedWhy::AlreadyAsSevere, UntouchedWhy::AlreadyThere]);
}

#[test]
fn fields_that_this_psa_does_not_have_are_left_out_and_said() {
    let mut rich = policy();
    rich.updates.severity = Some(rule(Driver::Urgency));
    rich.updates.impact = Some(rule(Driver::Impact));
    rich.escalation.board = Some(choice("vip"));
    rich.escalation.status = Some(choice("new"));
    let plan = check(
        &rich,
        &ticket(PsaKind::Autotask, &[]),
        NEW,
        (4, 4, 4),
        "update[priority ->high] note:update(update) escalate[status ->new, owner ->dana] note:escalate(escalate)",
    );
    let said: Vec<_> = plan.untouched.iter().map(|left| left.sentence.as_str()).collect();
    assert_eq!(
        said,
        [
            "severity stays: Autotask PSA has no such field",
            "impact stays: Autotask PSA has no such field",
            "board stays: Autotask PSA has no such field"
        ]
    );
}

#[test]
fn a_closed_ticket_is_left_alone() {
    let closed = Ticket { closed: true, ..low() };
    let plan = check(&policy(), &closed, NEW, (5, 5, 5), "");
    assert_eq!(plan.untouched[0].why, UntouchedWhy::Closed);
    assert_eq!(plan.label, Label::Negative);
    assert_eq!(check(&policy(), &closed, NEW, (1, 1, 1), "").untouched, []);
}

#[test]
fn a_score_field_takes_the_score_and_never_a_lower_one() {
    let field = |values: &[(i64, &str)]| ScoreField {
        dimension: Dimension::Impact,
        field: "AI Impact".into(),
        values: table(values),
    };
    let with = |now: &str| ticket(PsaKind::Autotask, &[(Lever::Custom("AI Impact".into()), now)]);
    let numbers: &[(i64, &str)] = &[];
    let list: &[(i64, &str)] = &[(3, "team"), (5, "company")];
    let bare = ticket(PsaKind::Autotask, &[]);
    for (values, ticket, impact, expected) in [
        (numbers, &bare, 4, "update[AI Impact ->4] note:update(update)"),
        (numbers, &with("2"), 4, "update[AI Impact 2>4] note:update(update)"),
        (numbers, &with("4"), 4, ""),
        (numbers, &with("5"), 4, ""),
        (numbers, &with("ask Dana"), 4, ""),
        (list, &bare, 4, "update[AI Impact ->team] note:update(update)"),
        (list, &with("team"), 5, "update[AI Impact team>company] note:update(update)"),
        (list, &with("company"), 4, ""),
        (list, &with("team"), 4, ""),
        (list, &with("somebody's own value"), 5, ""),
        (&[(5, "company")], &bare, 4, ""),
    ] {
        let mut fields = policy();
        fields.updates = Updates { score_fields: vec![field(values)], ..Updates::default() };
        check(&fields, ticket, NEW, (1, 1, impact), expected);
    }
}

#[test]
fn notes_follow_their_actions_or_are_folded_into_one() {
    let mut folded = policy();
    folded.notes = NoteStyle::Folded;
    let plan = "update[priority low>critical] escalate[owner ->dana] note(update,escalate)";
    check(&folded, &low(), NEW, (5, 5, 5), plan);
    check(&folded, &low(), NEW, (3, 4, 3), "update[priority low>high] note(update)");
    check(&folded, &low(), NEW, (3, 3, 3), "");
}

#[test]
fn the_label_follows_the_sentiment_threshold() {
    use Label::{Negative, Neutral, Positive};
    for (threshold, expected) in [
        (Some(4), [Positive, Positive, Neutral, Negative, Negative]),
        (Some(5), [Positive, Positive, Neutral, Neutral, Negative]),
        (Some(2), [Positive, Negative, Negative, Negative, Negative]),
        (Some(1), [Negative; 5]),
        (None, [Positive, Positive, Neutral, Neutral, Neutral]),
    ] {
        assert_eq!(Score::ALL.map(|given| Label::of(given, threshold.map(score))), expected);
    }
}

#[test]
fn a_change_is_sent_only_while_the_ticket_is_as_we_read_it() {
    let change = Change {
        lever: Lever::Priority,
        from: Some(choice("low")),
        to: choice("high"),
        because: "urgency 4 ≥ 4".into(),
    };
    let renamed = Choice::new("low", "a new label");
    for (now, expected) in [
        (Some(choice("low")), Precondition::Send),
        (Some(renamed), Precondition::Send),
        (Some(choice("high")), Precondition::AlreadySo),
        (Some(choice("critical")), Precondition::ChangedMeanwhile { now: Some(choice("critical")) }),
        (None, Precondition::ChangedMeanwhile { now: None }),
    ] {
        assert_eq!(change.precondition(now.as_ref()), expected);
    }
}
