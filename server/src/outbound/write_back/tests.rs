use super::*;
use domain::Choice;

fn change(lever: Lever, from: Option<&str>, to: &str) -> Change {
    let choice = |id: &str| Choice::new(id, "");
    Change { lever, from: from.map(choice), to: choice(to), because: "urgency 5 ≥ 4".into() }
}

fn levers(values: &[(Lever, &str)]) -> Snapshot {
    values.iter().map(|(lever, id)| (LeverKey(lever.clone()), Choice::new(*id, ""))).collect()
}

#[test]
fn a_change_is_sent_only_where_the_field_is_as_it_was() {
    let asked = change(Lever::Priority, Some("3"), "1");
    let cases = [
        ("as it was", levers(&[(Lever::Priority, "3")]), false, true, None),
        ("as asked, by somebody", levers(&[(Lever::Priority, "1")]), false, false, Some(false)),
        ("as asked, by our earlier attempt", levers(&[(Lever::Priority, "1")]), true, false, Some(true)),
        ("otherwise", levers(&[(Lever::Priority, "2")]), false, false, Some(false)),
        ("otherwise, on a second attempt", levers(&[(Lever::Priority, "2")]), true, false, Some(false)),
        ("emptied", levers(&[]), false, false, Some(false)),
    ];
    for (name, now, again, sends, applied) in cases {
        let (send, effects) = judge(std::slice::from_ref(&asked), &now, again);
        assert_eq!(!send.is_empty(), sends, "{name}");
        assert_eq!(effects.first().map(Effect::applied), applied, "{name}");
    }
}

#[test]
fn a_refused_request_is_split_until_only_the_refused_part_is_lost() {
    let names = |parts: &[Vec<Change>]| {
        parts
            .iter()
            .map(|part| part.iter().map(|c| format!("{:?}", c.lever)).collect::<Vec<_>>().join("+"))
            .collect::<Vec<_>>()
            .join(" | ")
    };
    let of =
        |levers: &[Lever]| levers.iter().map(|lever| change(lever.clone(), None, "1")).collect::<Vec<_>>();
    use Lever::{Board, Impact, Owner, Priority, Severity, Status, Team};
    let cases: &[(&[Lever], &str)] = &[
        (&[Priority], "whole"),
        (&[Priority, Severity, Impact], "Priority | Severity | Impact"),
        (&[Status, Team, Owner], "Status | Team | Owner"),
        (&[Board, Status, Team, Owner], "Board+Status+Team | Owner"),
        (&[Board, Status, Team], "Board+Status | Team"),
        (&[Board, Status], "whole"),
        (&[Board, Owner], "Board | Owner"),
    ];
    for (levers, expected) in cases {
        let found = match split(of(levers)) {
            Split::Parts(parts) => names(&parts),
            Split::Whole(_) => "whole".into(),
        };
        assert_eq!(found, *expected);
    }
}

#[test]
fn the_state_tells_whether_anything_was_taken() {
    let effect = |left_alone: Option<&str>| Effect {
        lever: Lever::Owner,
        before: None,
        asked: Choice::new("1", ""),
        after: None,
        left_alone: left_alone.map(str::to_owned),
    };
    let no = || vec!["no such member".to_owned()];
    assert_eq!(state_of(&[effect(None), effect(Some("refused"))], &no()), ActionState::Done);
    assert_eq!(state_of(&[effect(Some("refused"))], &no()), ActionState::Refused);
    assert_eq!(state_of(&[effect(Some("changed meanwhile"))], &[]), ActionState::Superseded);
}

#[test]
fn a_long_refusal_is_cut_and_its_line_breaks_go() {
    assert_eq!(clipped("no\r\n such   board"), "no such board");
    assert_eq!(clipped(&"x".repeat(1_000)).chars().count(), 300);
}
