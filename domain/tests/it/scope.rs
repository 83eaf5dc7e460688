use crate::example::*;
use domain::*;

fn only(items: &[Party]) -> ListRule {
    ListRule { mode: ScopeMode::Only, items: items.to_vec() }
}
fn except(items: &[Party]) -> ListRule {
    ListRule { mode: ScopeMode::Except, items: items.to_vec() }
}

#[track_caller]
fn check(scope: Scope, words: usize, expected: Option<&str>) {
    let ticket = ticket(PsaKind::Autotask, &[]);
    assert_eq!(scope.judge(&ticket, words).as_deref(), expected);
}

#[test]
fn the_first_rule_that_leaves_a_ticket_out_is_named() {
    let any = Scope::default;
    check(any(), 40, None);
    check(any(), 3, None);
    check(any(), 2, Some("too little text: 2 of at least 3 words"));
    check(Scope { min_words: 0, ..any() }, 0, None);

    let (here, there) = (party("3", "Service"), party("4", "Alerts"));
    check(Scope { boards: only(&[there.clone(), here.clone()]), ..any() }, 9, None);
    let other_board = Some("the queue “Service” is not among those that are analysed");
    check(Scope { boards: only(std::slice::from_ref(&there)), ..any() }, 1, other_board);
    check(Scope { boards: except(&[there]), ..any() }, 9, None);
    check(Scope { boards: except(&[here]), ..any() }, 9, Some("the queue “Service” is among those left out"));

    let kind = only(&[party("1", "Incident")]);
    check(
        Scope { kinds: kind, ..any() },
        9,
        Some("the ticket has no type, and only listed ones are analysed"),
    );
    check(Scope { kinds: except(&[party("1", "Incident")]), ..any() }, 9, None);
    check(
        Scope { sources: except(&[party("5", "")]), ..any() },
        9,
        Some("the source “Email” is among those left out"),
    );
    let contoso = Some("the client “Contoso” is among those left out");
    check(Scope { clients: except(&[party("12", "An older name")]), ..any() }, 9, contoso);
}

#[test]
fn names_count_only_where_there_is_no_id() {
    let any = Scope::default;
    check(Scope { clients: except(&[party("99", "Contoso")]), ..any() }, 9, None);
    let contoso = Some("the client “Contoso” is among those left out");
    check(Scope { clients: except(&[party("", "CONTOSO")]), ..any() }, 9, contoso);
    check(Scope { clients: except(&[party("", "")]), ..any() }, 9, None);
}
