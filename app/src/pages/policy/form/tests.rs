use super::*;
use domain::{CustomField, Lookups, Mode, PsaKind};

fn choices(list: &[(&str, &str)]) -> Vec<Choice> {
    list.iter().map(|(id, label)| Choice::new(*id, *label)).collect()
}

fn on_board(id: &str, label: &str, board: &str, closed: bool) -> domain::Placed {
    domain::Placed { choice: Choice::new(id, label), board: Some(board.into()), closed }
}

pub fn lookups() -> Lookups {
    Lookups {
        priorities: choices(&[("4", "Low"), ("3", "Medium"), ("2", "High"), ("1", "Critical")]),
        severities: choices(&[("s1", "Low"), ("s2", "Medium"), ("s3", "High")]),
        impacts: choices(&[("i1", "Low"), ("i2", "Medium"), ("i3", "High")]),
        boards: choices(&[("10", "Service Desk"), ("11", "Escalations")]),
        statuses: vec![
            on_board("100", "New", "10", false),
            on_board("110", "Escalated", "11", false),
            on_board("111", "Closed", "11", true),
        ],
        teams: vec![on_board("20", "Tier 1", "10", false), on_board("21", "Tier 3", "11", false)],
        owners: choices(&[("7", "Dana Reyes"), ("8", "Lee Park")]),
        kinds: choices(&[("k1", "Incident"), ("k2", "Request")]),
        sources: choices(&[("e", "Email"), ("p", "Phone")]),
        clients: choices(&[("c1", "Contoso"), ("c2", "Fabrikam")]),
        custom_fields: vec![
            CustomField { name: "AI mood".into(), values: choices(&[("u1", "fine"), ("u5", "furious")]) },
            CustomField { name: "AI urgency".into(), values: Vec::new() },
        ],
        ..Lookups::empty(PsaKind::ConnectWise)
    }
}

fn score(number: i64) -> Score {
    Score::new(number).unwrap()
}

pub fn full_policy() -> Policy {
    Policy {
        mode: Mode::Live,
        thresholds: Thresholds { sentiment: Some(score(4)), urgency: None, impact: Some(score(5)) },
        updates: Updates {
            priority: Some(LeverRule {
                driver: Driver::Highest,
                values: BTreeMap::from([
                    (score(4), Choice::new("2", "High")),
                    (score(5), Choice::new("1", "Critical")),
                ]),
                ranking: choices(&[("4", "Low"), ("3", "Medium"), ("2", "High"), ("1", "Critical")]),
            }),
            severity: None,
            impact: Some(LeverRule {
                driver: Driver::Impact,
                values: BTreeMap::from([(score(5), Choice::new("i3", "High"))]),
                ranking: choices(&[("i2", "Medium"), ("i1", "Low"), ("i3", "High")]),
            }),
            score_fields: vec![
                ScoreField {
                    dimension: Dimension::Sentiment,
                    field: "AI mood".into(),
                    values: BTreeMap::from([
                        (score(1), Choice::new("u1", "fine")),
                        (score(5), Choice::new("u5", "furious")),
                    ]),
                },
                ScoreField {
                    dimension: Dimension::Urgency,
                    field: "AI urgency".into(),
                    values: BTreeMap::new(),
                },
            ],
        },
        escalation: Escalation {
            owner: Some(Choice::new("7", "Dana Reyes")),
            team: Some(Choice::new("21", "Tier 3")),
            status: Some(Choice::new("110", "Escalated")),
            board: Some(Choice::new("11", "Escalations")),
        },
        outage: Outage::Builtin,
        notes: NoteStyle::Folded,
        scope: Scope {
            boards: ListRule {
                mode: ScopeMode::Only,
                items: vec![Party { id: "10".into(), name: "Service Desk".into() }],
            },
            clients: ListRule {
                mode: ScopeMode::Except,
                items: vec![Party { id: "c2".into(), name: "Fabrikam".into() }],
            },
            machine_text: MachineText::Score,
            min_words: 5,
            ..Scope::default()
        },
    }
}

/// Parses the form of `policy` after `edit`, against the full lists.
fn parse_edited(policy: &Policy, edit: impl FnOnce(&mut Fields)) -> Result<Policy, Vec<Problem>> {
    let lists = lookups();
    let catalogue = Catalogue { lookups: Some(&lists), saved: policy };
    let mut fields = fields_of(policy, &catalogue);
    edit(&mut fields);
    parse(&fields, &catalogue)
}

#[test]
fn a_policy_survives_the_way_through_the_form() {
    for policy in [full_policy(), Policy::default()] {
        assert_eq!(parse_edited(&policy, |_| {}), Ok(policy));
    }
}

#[test]
fn labels_come_from_the_lists_and_not_from_the_form() {
    let parsed = parse_edited(&Policy::default(), |fields| {
        fields.insert("escalation.owner".into(), "8".into());
    })
    .unwrap();
    assert_eq!(parsed.escalation.owner.unwrap().label, "Lee Park");
}

#[test]
fn a_saved_value_that_left_the_lists_is_kept() {
    let policy = full_policy();
    let catalogue = Catalogue { lookups: None, saved: &policy };
    let fields = fields_of(&policy, &catalogue);
    let parsed = parse(&fields, &catalogue).unwrap();
    assert_eq!(parsed.escalation, policy.escalation);
    assert_eq!(parsed.updates.priority, policy.updates.priority);
    assert_eq!(parsed.updates.score_fields, policy.updates.score_fields);
}

#[test]
fn further_fields_for_a_score_are_kept_though_the_form_shows_one() {
    let mut policy = full_policy();
    policy.updates.score_fields.insert(
        1,
        ScoreField { dimension: Dimension::Sentiment, field: "Second mood".into(), values: BTreeMap::new() },
    );
    assert_eq!(parse_edited(&policy, |_| {}), Ok(policy));
}

#[test]
fn what_is_wrong_is_said_beside_its_field() {
    let cases: &[(&str, &str, &str, &str)] = &[
        // set this field, to this, expect a problem at, whose words contain
        ("thresholds.sentiment", "6", "thresholds.sentiment", "1 to 5"),
        ("thresholds.urgency", "high", "thresholds.urgency", "1 to 5"),
        ("updates.priority.driver", "mood", "updates.priority.driver", "which score"),
        ("updates.severity.driver", "urgency", "updates.severity.values", "at least one score"),
        ("updates.priority.values.4", "99", "updates.priority.values.4", "no longer"),
        ("updates.priority.ranking.2", "", "updates.priority.values.4", "no place in the order"),
        ("updates.priority.ranking.1", "1", "updates.priority.ranking.1", "cannot both"),
        ("updates.priority.ranking.1", "first", "updates.priority.ranking.1", "whole number"),
        ("escalation.owner", "77", "escalation.owner", "no longer"),
        ("escalation.status", "100", "escalation.status", "not a status of the board “Escalations”"),
        ("escalation.team", "20", "escalation.team", "not a team of the board “Escalations”"),
        ("escalation.status", "111", "escalation.status", "no longer"),
        ("escalation.board", "", "escalation.status", "choose that board too"),
        ("updates.score_fields.urgency.field", "Gone", "updates.score_fields.urgency.field", "no longer"),
        ("updates.score_fields.impact.field", "AI mood", "updates.score_fields.impact.field", "is a list"),
        ("scope.kinds.mode", "only", "scope.kinds.mode", "at least one"),
        ("scope.min_words", "-1", "scope.min_words", "0 to 100"),
    ];
    for (field, value, at, says) in cases {
        let problems = parse_edited(&full_policy(), |fields| {
            fields.insert((*field).into(), (*value).into());
        })
        .expect_err(field);
        let found = problems.iter().find(|problem| problem.field == *at);
        assert!(found.is_some_and(|problem| problem.message.contains(says)), "{field}={value}: {problems:?}");
    }
}

#[test]
fn a_new_order_is_read_from_the_numbers_typed() {
    let parsed = parse_edited(&full_policy(), |fields| {
        // Listed Low, Medium, High, Critical; now Medium before Low.
        fields.insert("updates.priority.ranking.0".into(), "20".into());
        fields.insert("updates.priority.ranking.1".into(), "10".into());
        fields.insert("updates.priority.ranking.2".into(), "30".into());
        fields.insert("updates.priority.ranking.3".into(), "40".into());
    })
    .unwrap();
    let order: Vec<String> =
        parsed.updates.priority.unwrap().ranking.into_iter().map(|choice| choice.id).collect();
    assert_eq!(order, ["3", "4", "2", "1"]);
}

#[test]
fn any_form_at_all_is_answered_and_never_panics() {
    let lists = lookups();
    let policy = full_policy();
    let catalogue = Catalogue { lookups: Some(&lists), saved: &policy };
    let strange = Fields::from([
        ("updates.priority.driver".to_owned(), "highest".to_owned()),
        ("updates.priority.ranked.".to_owned(), "4".to_owned()),
        ("updates.priority.ranked.ä".to_owned(), "3".to_owned()),
        ("updates.priority.ranking.ä".to_owned(), "99999999999999".to_owned()),
        ("scope.boards.items.".to_owned(), "\u{0}".to_owned()),
    ]);
    assert!(parse(&strange, &catalogue).is_err());
}

#[test]
fn what_the_form_does_not_contain_stays_as_saved() {
    let policy = full_policy();
    let catalogue = Catalogue { lookups: None, saved: &policy };
    assert_eq!(parse(&Fields::new(), &catalogue), Ok(policy.clone()));
}
