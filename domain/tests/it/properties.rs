//! What holds for every policy, ticket and assessment.

use crate::example::choice;
use domain::*;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

/// Mildest first; `elsewhere` is in no ranking.
const VALUES: [&str; 5] = ["lowest", "low", "medium", "high", "highest"];
const RANKED: [Lever; 3] = [Lever::Priority, Lever::Severity, Lever::Impact];

fn ranking() -> Vec<Choice> {
    VALUES.map(choice).to_vec()
}

pub fn scores() -> impl Strategy<Value = Score> {
    prop::sample::select(Score::ALL.to_vec())
}

fn values() -> impl Strategy<Value = Choice> {
    prop::sample::select([&VALUES[..], &["elsewhere"]].concat()).prop_map(choice)
}

fn drivers() -> impl Strategy<Value = Driver> {
    prop::sample::select(vec![Driver::Sentiment, Driver::Urgency, Driver::Impact, Driver::Highest])
}

/// A rule that `validate` accepts: ranks that never fall.
pub fn rules() -> impl Strategy<Value = LeverRule> {
    (drivers(), btree_map(scores(), 0..VALUES.len(), 0..=5)).prop_map(|(driver, ranks)| {
        let mut highest = 0;
        let values = ranks.into_iter().map(|(score, rank)| {
            highest = rank.max(highest);
            (score, choice(VALUES[highest]))
        });
        LeverRule { driver, values: values.collect(), ranking: ranking() }
    })
}

/// A rule as nobody should write it.
pub fn wild_rules() -> impl Strategy<Value = LeverRule> {
    (drivers(), btree_map(scores(), values(), 0..=5), vec(values(), 0..6))
        .prop_map(|(driver, values, ranking)| LeverRule { driver, values, ranking })
}

pub fn policies(rule: impl Strategy<Value = LeverRule> + Clone + 'static) -> impl Strategy<Value = Policy> {
    let thresholds = (option::of(scores()), option::of(scores()), option::of(scores()))
        .prop_map(|(sentiment, urgency, impact)| Thresholds { sentiment, urgency, impact });
    let fields = vec(prop::sample::select(Dimension::ALL.to_vec()), 0..3).prop_map(|dimensions| {
        let field = |(index, dimension)| ScoreField {
            dimension,
            field: format!("field {index}"),
            values: Default::default(),
        };
        dimensions.into_iter().enumerate().map(field).collect::<Vec<_>>()
    });
    let updates = (option::of(rule.clone()), option::of(rule.clone()), option::of(rule), fields).prop_map(
        |(priority, severity, impact, score_fields)| Updates { priority, severity, impact, score_fields },
    );
    let escalation = (option::of(Just(choice("dana"))), option::of(Just(choice("tier 3"))))
        .prop_map(|(owner, team)| Escalation { owner, team, ..Escalation::default() });
    (any::<bool>(), thresholds, updates, escalation, any::<bool>()).prop_map(
        |(live, thresholds, updates, escalation, folded)| Policy {
            mode: if live { Mode::Live } else { Mode::Shadow },
            thresholds,
            updates,
            escalation,
            notes: if folded { NoteStyle::Folded } else { NoteStyle::PerAction },
            ..Policy::default()
        },
    )
}

pub fn tickets() -> impl Strategy<Value = Ticket> {
    let lever = || option::weighted(0.7, values());
    let levers = (lever(), lever(), lever(), option::of("[0-9a-z]{0,3}"), option::of(Just(choice("dana"))));
    (prop::sample::select(PsaKind::ALL.to_vec()), levers, any::<bool>()).prop_map(|(psa, levers, closed)| {
        let mut ticket = crate::example::ticket(psa, &[]);
        let (priority, severity, impact, field, owner) = levers;
        let given = [
            (Lever::Priority, priority),
            (Lever::Severity, severity),
            (Lever::Impact, impact),
            (Lever::Custom("field 0".into()), field.map(|text| choice(&text))),
            (Lever::Owner, owner),
        ];
        ticket.levers.extend(given.into_iter().filter_map(|(lever, value)| Some((lever.into(), value?))));
        ticket.closed = closed;
        ticket
    })
}

pub fn assessments() -> impl Strategy<Value = Assessment> {
    let reading = || (scores(), any::<String>(), any::<String>());
    (reading(), reading(), reading()).prop_map(|(sentiment, urgency, impact)| {
        let reading = |(score, reason, quote)| Reading { score, reason, quote };
        Assessment { sentiment: reading(sentiment), urgency: reading(urgency), impact: reading(impact) }
    })
}

fn histories() -> impl Strategy<Value = History> {
    any::<bool>().prop_map(|escalated| History { escalated })
}

fn changes(plan: &Plan) -> impl Iterator<Item = &Change> {
    plan.actions.iter().flat_map(|action| match &action.kind {
        ActionKind::Update { changes } | ActionKind::Escalate { changes } => changes.as_slice(),
        ActionKind::Note { .. } => &[],
    })
}

/// Where a lever stands after the plan: the higher, the more severe; an unranked value keeps its place below all.
fn standing(plan: &Plan, ticket: &Ticket, lever: &Lever) -> Option<usize> {
    let planned = changes(plan).find(|change| change.lever == *lever).map(|change| &change.to);
    let value = planned.or(ticket.lever(lever))?;
    match lever {
        Lever::Custom(_) => value.id.parse().ok(),
        _ => ranking().iter().position(|ranked| ranked == value),
    }
}

fn worse(mild: &Assessment, steps: (u8, u8, u8)) -> Assessment {
    let up = |reading: &Reading, by: u8| {
        let value = i64::from(reading.score.get() + by).min(5);
        Reading { score: Score::new(value).unwrap(), ..reading.clone() }
    };
    Assessment {
        sentiment: up(&mild.sentiment, steps.0),
        urgency: up(&mild.urgency, steps.1),
        impact: up(&mild.impact, steps.2),
    }
}

proptest! {
    #[test]
    fn a_worse_score_never_leads_to_a_milder_plan(
        policy in policies(rules().boxed()), ticket in tickets(), history in histories(),
        mild in assessments(), steps in (0u8..5, 0u8..5, 0u8..5),
    ) {
        prop_assert_eq!(policy.validate(), Ok(()));
        let severe = decide(&policy, &ticket, history, &worse(&mild, steps));
        let mild = decide(&policy, &ticket, history, &mild);
        for lever in RANKED.into_iter().chain([Lever::Custom("field 0".into()), Lever::Custom("field 1".into())]) {
            prop_assert!(standing(&severe, &ticket, &lever) >= standing(&mild, &ticket, &lever), "{:?}", lever);
        }
        prop_assert!(severe.escalates() >= mild.escalates());
        let rank = |label| Label::ALL.iter().position(|&each| each == label);
        prop_assert!(rank(severe.label) >= rank(mild.label));
        prop_assert!(mild.reached.iter().all(|dimension| severe.reached.contains(dimension)));
    }

    #[test]
    fn the_same_input_gives_the_same_plan(
        policy in policies(wild_rules().boxed()), ticket in tickets(), history in histories(), assessment in assessments(),
    ) {
        let plan = decide(&policy, &ticket, history, &assessment);
        prop_assert_eq!(&plan, &decide(&policy, &ticket, history, &assessment));
        let stored: Plan = serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();
        prop_assert_eq!(plan, stored);
    }

    #[test]
    fn no_change_lowers_a_field_or_leaves_it_where_it_is(
        policy in policies(wild_rules().boxed()), ticket in tickets(), history in histories(), assessment in assessments(),
    ) {
        let plan = decide(&policy, &ticket, history, &assessment);
        for change in changes(&plan) {
            prop_assert_eq!(change.from.as_ref(), ticket.lever(&change.lever));
            prop_assert_ne!(change.from.as_ref(), Some(&change.to));
            let updates = &policy.updates;
            let rule = match &change.lever {
                Lever::Priority => updates.priority.as_ref(),
                Lever::Severity => updates.severity.as_ref(),
                Lever::Impact => updates.impact.as_ref(),
                Lever::Custom(_) => {
                    let held = change.from.as_ref().map(|from| from.id.parse::<u8>().unwrap());
                    prop_assert!(held < Some(change.to.id.parse().unwrap()));
                    None
                }
                _ => None,
            };
            if let (Some(rule), Some(from)) = (rule, &change.from) {
                let rank = |value: &Choice| rule.ranking.iter().position(|ranked| ranked == value).unwrap();
                prop_assert!(rank(from) < rank(&change.to));
            }
        }
    }

    #[test]
    fn shadow_and_live_differ_in_mode_alone(
        policy in policies(wild_rules().boxed()), ticket in tickets(), history in histories(), assessment in assessments(),
    ) {
        let in_mode = |mode| decide(&Policy { mode, ..policy.clone() }, &ticket, history, &assessment);
        let live = in_mode(Mode::Live);
        prop_assert_eq!(Plan { mode: Mode::Shadow, ..live }, in_mode(Mode::Shadow));
    }

    #[test]
    fn a_ticket_is_escalated_at_most_once(
        policy in policies(wild_rules().boxed()), ticket in tickets(), assessments in vec(assessments(), 1..5),
    ) {
        let mut history = History::default();
        let mut escalations = 0;
        for assessment in &assessments {
            let plan = decide(&policy, &ticket, history, assessment);
            escalations += usize::from(plan.escalates());
            history.escalated |= plan.escalates();
        }
        prop_assert!(escalations <= 1);
    }

    #[test]
    fn every_action_but_a_note_is_told_by_exactly_one_note_that_follows_it(
        policy in policies(wild_rules().boxed()), ticket in tickets(), assessment in assessments(),
    ) {
        let plan = decide(&policy, &ticket, History::default(), &assessment);
        for (index, action) in plan.actions.iter().enumerate() {
            if matches!(action.kind, ActionKind::Note { .. }) { continue }
            let tells = |other: &&Action| matches!(&other.kind, ActionKind::Note { about } if about.contains(&action.key));
            prop_assert_eq!(plan.actions.iter().filter(tells).count(), 1);
            prop_assert_eq!(plan.actions.iter().skip(index).filter(tells).count(), 1);
        }
        let mut keys: Vec<_> = plan.actions.iter().map(|action| &action.key).collect();
        keys.dedup();
        prop_assert_eq!(keys.len(), plan.actions.len());
    }

    #[test]
    fn no_text_makes_a_rule_panic(
        id in any::<String>(), label in any::<String>(), words in any::<usize>(), address in any::<String>(),
        prefix in prop::sample::select(vec!["", "https://", "http://", "https://a/"]),
    ) {
        let value = Choice::new(id.clone(), label.clone());
        let mut policy = crate::example::policy();
        policy.updates.priority.as_mut().unwrap().ranking.push(value.clone());
        policy.updates.score_fields =
            vec![ScoreField { dimension: Dimension::Urgency, field: label.clone(), values: Default::default() }];
        policy.escalation.board = Some(value.clone());
        let item = Party { id: id.clone(), name: label.clone() };
        policy.scope.clients = ListRule { mode: ScopeMode::Except, items: vec![item.clone()] };
        let mut ticket = crate::example::ticket(PsaKind::ConnectWise, &[]);
        ticket.levers.insert(Lever::Priority.into(), value.clone());
        ticket.levers.insert(Lever::Custom(label.clone()).into(), value);
        ticket.client = Some(item);
        let _ = policy.validate();
        let _ = policy.scope.judge(&ticket, words);
        let _ = decide(&policy, &ticket, History::default(), &crate::example::assessment(5, 5, 5));
        let base_url = format!("{prefix}{address}");
        let _ = ModelSettings::OpenAi { api_key: Secret::new(id), model: label, base_url, price: None }.validate();
    }
}
