use crate::example::*;
use domain::*;
use serde_json::{Value, json};

/// The policy of `edit`ed JSON, as the API reads it.
fn parse(edit: impl FnOnce(&mut Value)) -> Result<Policy, String> {
    let mut value = json!({
        "mode": "live",
        "thresholds": {"sentiment": 4, "urgency": 4, "impact": null},
        "updates": {"priority": {
            "driver": "highest",
            "values": {"4": {"id": "2", "label": "High"}, "5": {"id": "1", "label": "Critical"}},
            "ranking": [{"id": "3", "label": "Low"}, {"id": "2", "label": "High"}, {"id": "1", "label": "Critical"}],
        }},
        "escalation": {"owner": {"id": "7", "label": "Dana"}, "team": null, "status": null},
        "notes": "per_action",
    });
    edit(&mut value);
    // Both ways in: the door reads bytes, the store hands over a value.
    let of_value = serde_json::from_value::<Policy>(value.clone()).map_err(|error| error.to_string());
    let of_text = serde_json::from_str::<Policy>(&value.to_string()).map_err(|error| error.to_string());
    assert_eq!(of_value.as_ref().ok(), of_text.as_ref().ok());
    of_value
}

#[test]
fn a_policy_goes_through_json_and_back() {
    let policy = parse(|_| ()).unwrap();
    assert_eq!(policy.validate(), Ok(()));
    assert_eq!(
        policy.thresholds,
        Thresholds { sentiment: Some(score(4)), urgency: Some(score(4)), impact: None }
    );
    let written = serde_json::to_value(&policy).unwrap();
    assert_eq!(written["updates"]["priority"]["values"]["4"]["id"], "2");
    assert_eq!(written["mode"], "live");
    assert_eq!(serde_json::from_value::<Policy>(written).unwrap(), policy);
    let whole = serde_json::to_string(&crate::example::policy()).unwrap();
    assert_eq!(serde_json::from_str::<Policy>(&whole).unwrap(), crate::example::policy());
}

#[test]
fn what_json_cannot_mean_is_named() {
    type Edit = fn(&mut Value);
    let cases: &[(Edit, &str)] = &[
        (|policy| policy["treshold"] = json!(1), "unknown field `treshold`"),
        (|policy| policy["updates"]["priorty"] = json!({}), "unknown field `priorty`"),
        (|policy| policy["updates"]["priority"]["order"] = json!([]), "unknown field `order`"),
        (|policy| policy["escalation"]["boss"] = json!(null), "unknown field `boss`"),
        (|policy| policy["scope"] = json!({"board": {}}), "unknown field `board`"),
        (|policy| policy["mode"] = json!("dry"), "unknown variant `dry`"),
        (|policy| policy["thresholds"]["urgency"] = json!(6), "a score is a whole number from 1 to 5, not 6"),
        (
            |policy| policy["thresholds"]["urgency"] = json!(-1),
            "a score is a whole number from 1 to 5, not -1",
        ),
        (|policy| policy["thresholds"]["urgency"] = json!(4.5), "floating point `4.5`"),
        (|policy| policy["updates"]["priority"]["values"] = json!({"9": {"id": "1"}}), "from 1 to 5, not 9"),
    ];
    for (edit, expected) in cases {
        let error = parse(edit).unwrap_err();
        assert!(error.contains(expected), "{error:?} does not say {expected:?}");
    }
}

#[track_caller]
fn check(edit: impl FnOnce(&mut Policy), expected: &str) {
    let mut policy = policy();
    edit(&mut policy);
    let found = policy.validate().map_or_else(|error| error.to_string(), |()| String::new());
    assert_eq!(found, expected);
}

#[test]
fn tables_must_mean_what_they_say() {
    fn priority(policy: &mut Policy) -> &mut LeverRule {
        policy.updates.priority.as_mut().unwrap()
    }
    check(|_| (), "");
    check(|policy| *policy = Policy::default(), "");
    check(|policy| priority(policy).values.clear(), "");
    check(|policy| priority(policy).values = table(&[(3, "high"), (4, "high")]), "");
    check(
        |policy| priority(policy).values = table(&[(4, "urgent")]),
        "updates.priority.values: “the urgent”, set for score 4, is not in the ranking of values",
    );
    check(
        |policy| priority(policy).values = table(&[(3, "critical"), (4, "high")]),
        "updates.priority.values: score 4 gives “the high”, milder than “the critical” for score 3",
    );
    check(
        |policy| priority(policy).ranking.push(choice("low")),
        "updates.priority.ranking: “the low” stands in it twice; list each value once, mildest first",
    );
    check(
        |policy| {
            policy.updates.impact = Some(rule(Driver::Impact));
            policy.updates.impact.as_mut().unwrap().ranking[1].id = " ".into();
        },
        "updates.impact.ranking: a value has no id; pick it from the PSA's own list",
    );
    check(
        |policy| priority(policy).ranking[0].label = "two\nlines".into(),
        "updates.priority.ranking: a name holds a line break or another control character",
    );
    check(
        |policy| {
            let many = (0..201).map(|number| choice(&number.to_string()));
            priority(policy).ranking.extend(many);
        },
        "updates.priority.ranking: has 205 values; at most 200 are possible",
    );
}

#[test]
fn escalation_fields_and_scope_are_checked() {
    let field = |name: &str, values: &[(i64, &str)]| ScoreField {
        dimension: Dimension::Urgency,
        field: name.into(),
        values: table(values),
    };
    check(
        |policy| policy.escalation.board = Some(choice("vip")),
        "escalation.status: choose a status of the new board: a ticket cannot move there without one",
    );
    check(
        |policy| policy.escalation.team = Some(Choice::new("", "Tier 3")),
        "escalation.team: a value has no id; pick it from the PSA's own list",
    );
    check(
        |policy| policy.updates.score_fields = vec![field("", &[])],
        "updates.score_fields.field: the field's exact name in the PSA is missing",
    );
    check(
        |policy| policy.updates.score_fields = vec![field("AI", &[]), field("AI", &[])],
        "updates.score_fields.field: “AI” is named twice; a field takes one score",
    );
    check(|policy| policy.updates.score_fields = vec![field("AI", &[(1, "a"), (3, "a"), (4, "b")])], "");
    check(
        |policy| policy.updates.score_fields = vec![field("AI", &[(1, "a"), (3, "b"), (4, "a")])],
        "updates.score_fields.values: “the a” comes back at score 4 after a more severe value",
    );
    check(
        |policy| policy.scope.boards.mode = ScopeMode::Only,
        "scope.boards.items: is empty, so that no ticket would be analysed; choose at least one, or allow any",
    );
    check(
        |policy| policy.scope.clients = ListRule { mode: ScopeMode::Except, items: vec![Party::default()] },
        "scope.clients.items: an entry has neither an id nor a name",
    );
    check(|policy| policy.scope.min_words = 101, "scope.min_words: is 101; at most 100 is possible");
}

#[test]
fn a_suggested_mapping_goes_by_order_alone() {
    let list = |names: &[&str]| names.iter().map(|name| choice(name)).collect::<Vec<_>>();
    let mut lookups = Lookups::empty(PsaKind::ConnectWise);
    assert_eq!(Policy::suggest(&lookups), Updates::default());

    lookups.priorities = list(&["Service request", "Low", "Medium", "High", "Emergency"]);
    lookups.severities = list(&["Low", "High"]);
    lookups.impacts = list(&["The only one"]);
    let suggested = Policy::suggest(&lookups);
    let priority = suggested.priority.clone().unwrap();
    assert_eq!(priority.values, table(&[(4, "High"), (5, "Emergency")]));
    assert_eq!((priority.driver, &priority.ranking), (Driver::Highest, &lookups.priorities));
    let severity = suggested.severity.clone().unwrap();
    assert_eq!((severity.driver, severity.values), (Driver::Urgency, table(&[(5, "High")])));
    assert_eq!(suggested.impact, None);
    assert_eq!(Policy { updates: suggested, ..Policy::default() }.validate(), Ok(()));
}
