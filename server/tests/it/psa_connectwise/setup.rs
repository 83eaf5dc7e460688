//! The lists of the settings screens and the test of a connection.

use super::*;
use domain::Placed;

fn labels(choices: &[Choice]) -> Vec<&str> {
    choices.iter().map(|choice| choice.label.as_str()).collect()
}

fn placed(list: &[Placed]) -> Vec<(&str, &str, bool)> {
    list.iter()
        .map(|one| (one.board.as_deref().unwrap_or_default(), one.choice.label.as_str(), one.closed))
        .collect()
}

#[tokio::test]
async fn the_lists_hold_what_can_be_chosen_mildest_first() {
    let bench = Bench::new().await;
    let lists = bench.psa.lookups().await.unwrap();
    assert_eq!(
        labels(&lists.priorities),
        [
            "Priority 5 - Service Request",
            "Priority 4 - Low",
            "Priority 3 - Medium",
            "Priority 2 - High",
            "Priority 1 - Critical"
        ]
    );
    for levels in [&lists.severities, &lists.impacts] {
        assert_eq!(labels(levels), ["Low", "Medium", "High"]);
        assert_eq!(levels[2].id, "High");
    }
    assert_eq!(labels(&lists.boards), ["Client Care", "Help Desk"], "the project board is left out");
    assert_eq!(
        placed(&lists.statuses),
        [
            ("12", "New", false),
            ("12", "Call the customer", false),
            ("12", "Closed", true),
            ("30", "New", false),
            ("30", "In Progress", false),
            ("30", "Escalated", false),
            ("30", "Closed", true),
        ]
    );
    assert_eq!(
        placed(&lists.teams).iter().map(|one| one.1).collect::<Vec<_>>(),
        ["Account Managers", "Duty Managers", "First Line", "Second Line"]
    );
    assert_eq!(
        labels(&lists.owners),
        ["Jordan Doe (jdoe)", "Mina Khan (mkhan)", "Riley Cole (rcole)"],
        "no API members"
    );
    assert_eq!(labels(&lists.kinds)[0], "Client Care / Incident");
    assert_eq!(labels(&lists.sources), ["Email Connector", "Phone", "Portal", "Automate"]);
    assert_eq!(labels(&lists.clients)[0], "Alder Dental Group");
    assert!(lists.custom_fields.is_empty() && lists.missing.is_empty(), "{:?}", lists.missing);
    bench.check();
}

#[tokio::test]
async fn a_list_that_may_not_be_read_is_named_and_the_rest_works() {
    let bench = Bench::new().await;
    bench.sandbox.deny(Right::ReadMembers);
    bench.sandbox.deny(Right::ReadCompanies);
    let lists = bench.psa.lookups().await.unwrap();
    assert!(lists.owners.is_empty() && lists.clients.is_empty());
    assert_eq!(lists.priorities.len(), 5);
    assert_eq!(lists.missing.len(), 2, "{:?}", lists.missing);
    assert!(
        lists.missing[0].starts_with("Members: ")
            && lists.missing[0].contains("System > Member Maintenance to Inquire: All")
    );
    assert!(
        lists.missing[1].starts_with("Companies: ")
            && lists.missing[1].contains("Companies > Company Maintenance")
    );

    bench.sandbox.deny(Right::TableSetup);
    let lists = bench.psa.lookups().await.unwrap();
    assert!(lists.boards.is_empty() && lists.statuses.is_empty() && lists.priorities.is_empty());
    // These three never change, so they can be offered all the same.
    assert_eq!(labels(&lists.severities), ["Low", "Medium", "High"]);
    assert!(
        lists.missing.iter().any(|line| line.contains("System > Table Setup to Inquire: All")),
        "{:?}",
        lists.missing
    );
}

#[tokio::test]
async fn lists_that_fail_for_a_moment_fail_as_a_whole() {
    let bench = Bench::new().await;
    let fault =
        Fault::Answer { status: 500, content_type: "text/plain", body: String::new(), retry_after: None };
    bench.sandbox.watch().faults.add(Some(Method::GET), "/system/members", 9, fault);
    assert!(matches!(bench.psa.lookups().await, Err(CallError::Failed { .. })));
    let wrong = bench.with(|keys| keys.private_key = "x".into());
    assert!(matches!(wrong.lookups().await, Err(CallError::Denied { .. })));
}

#[tokio::test]
async fn a_good_connection_passes_every_check_and_writes_nothing() {
    let bench = Bench::new().await;
    let id = bench.angry();
    let before = (bench.sandbox.ticket(id), bench.sandbox.notes(id));
    let report = bench.psa.probe().await;
    assert!(report.ok(), "{report:#?}");
    let names: Vec<&str> = report.checks.iter().map(|check| check.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "Find the site",
            "Sign in",
            "Read tickets",
            "Read notes",
            "Change tickets",
            "Write notes",
            "Read boards",
            "Read statuses",
            "Read teams",
            "Read priorities",
            "Read members",
            "Read companies",
            "Read contacts"
        ]
    );
    assert_eq!((bench.sandbox.ticket(id), bench.sandbox.notes(id)), before);
    bench.check();
}

#[tokio::test]
async fn the_missing_permission_is_named_with_its_place() {
    for (right, failing, place) in [
        (Right::ReadTickets, &["Read tickets"][..], "Service Desk > Service Tickets to Inquire: All"),
        (
            Right::EditTickets,
            &["Change tickets", "Write notes"][..],
            "Service Desk > Service Tickets to Edit: All",
        ),
        (Right::TableSetup, &["Read boards", "Read priorities"][..], "System > Table Setup to Inquire: All"),
        (Right::ReadMembers, &["Read members"][..], "System > Member Maintenance to Inquire: All"),
        (Right::ReadCompanies, &["Read companies", "Read contacts"][..], "to Inquire: All"),
    ] {
        let bench = Bench::new().await;
        bench.sandbox.deny(right);
        let report = bench.psa.probe().await;
        let failed: Vec<&str> =
            report.checks.iter().filter(|check| !check.ok).map(|check| check.name.as_str()).collect();
        assert_eq!(failed, failing, "{right:?}: {report:#?}");
        assert!(
            report.checks.iter().filter(|check| !check.ok).all(|check| check.message.contains(place)),
            "{report:#?}"
        );
    }
}

#[tokio::test]
async fn wrong_keys_and_a_wrong_company_are_told_apart() {
    let bench = Bench::new().await;
    let report = bench.with(|keys| keys.private_key = "x".into()).probe().await;
    let find = |name: &str| report.checks.iter().find(|check| check.name == name).unwrap();
    assert!(find("Find the site").ok && !find("Sign in").ok && !report.ok());
    assert!(find("Read tickets").message.contains("Not tried"));
    let report = bench.with(|keys| keys.company_id = "nobody".into()).probe().await;
    assert!(report.checks[0].message.contains("does not know the company id “nobody”"), "{report:#?}");
}
