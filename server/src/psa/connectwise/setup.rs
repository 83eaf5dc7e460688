//! What the settings screens need: the lists to choose from, and a test of the connection that names what is missing.

use super::api::{Api, Ask, Permission, judge};
use crate::outside::CallError;
use domain::{Choice, Lookups, Placed, PsaKind, Report};
use futures::StreamExt;
use http::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

/// Requests for lists of single boards under way at once; the vendor throttles at about a dozen.
const PARALLEL: usize = 4;
/// Companies offered in a list; more are found by typing.
const CLIENTS: usize = 500;
/// Rows of any other list; beyond that a list is of no use in a form.
const ROWS: usize = 5_000;
/// The values that a PATCH takes for severity and impact, mildest first.
const LEVELS: [&str; 3] = ["Low", "Medium", "High"];

/// A row of any list. Statuses say `inactive` and `closedStatus` where other lists say `inactiveFlag`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: u64,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    sort_order: Option<i64>,
    #[serde(default)]
    inactive_flag: Option<bool>,
    #[serde(default)]
    inactive: Option<bool>,
    #[serde(default)]
    closed_status: Option<bool>,
    #[serde(default)]
    identifier: Option<String>,
    #[serde(default)]
    first_name: Option<String>,
    #[serde(default)]
    last_name: Option<String>,
    #[serde(default)]
    license_class: Option<String>,
}

impl Row {
    fn choice(&self) -> Choice {
        Choice::new(self.id.to_string(), self.name.clone().unwrap_or_default())
    }
    fn is_active(&self) -> bool {
        self.inactive_flag != Some(true) && self.inactive != Some(true)
    }
    /// "Jordan Doe (jdoe)": two people may share a name.
    fn member(&self) -> Choice {
        let part = |text: &Option<String>| text.clone().unwrap_or_default();
        let name = format!("{} {}", part(&self.first_name), part(&self.last_name));
        let label = match (name.trim(), part(&self.identifier)) {
            ("", identifier) => identifier,
            (name, identifier) if identifier.is_empty() => name.to_owned(),
            (name, identifier) => format!("{name} ({identifier})"),
        };
        Choice::new(self.id.to_string(), label)
    }
}

/// Reads lists and remembers which ones may not be read.
struct Lists<'a> {
    api: &'a Api,
    missing: Vec<String>,
}

impl Lists<'_> {
    /// A list that the site refuses is empty and named; a failure that will pass fails the whole.
    async fn read<T: DeserializeOwned>(
        &mut self,
        what: &str,
        ask: Ask<'_>,
        most: usize,
    ) -> Result<Vec<T>, CallError> {
        match self.api.list(ask, most).await {
            Err(error @ (CallError::Denied { .. } | CallError::Rejected { .. })) => {
                self.missing.push(format!("{what}: {error}"));
                Ok(Vec::new())
            }
            other => other,
        }
    }
}

pub(super) async fn lookups(api: &Api) -> Result<Lookups, CallError> {
    // Keys that are refused altogether are no matter of single lists.
    sign_in(api).await?;
    let mut lists = Lists { api, missing: Vec::new() };
    let mut out = Lookups::empty(PsaKind::ConnectWise);
    let tables = Permission::TABLE_SETUP;

    let mut priorities: Vec<Row> =
        lists.read("Priorities", Ask::get(&["service", "priorities"], tables), ROWS).await?;
    // The site's order has the most urgent first.
    priorities.sort_by_key(|row| std::cmp::Reverse((row.sort_order, row.id)));
    out.priorities = priorities.iter().map(Row::choice).collect();

    out.severities =
        levels(&lists.read("Severities", Ask::get(&["service", "severities"], tables), ROWS).await?);
    out.impacts = levels(&lists.read("Impacts", Ask::get(&["service", "impacts"], tables), ROWS).await?);

    let ask = Ask::get(&["service", "boards"], tables)
        .with("conditions", "inactiveFlag=false and projectFlag=false")
        .with("fields", "id,name")
        .with("orderBy", "name asc");
    let boards: Vec<Row> = lists.read("Boards", ask, ROWS).await?;
    out.boards = boards.iter().map(Row::choice).collect();
    on_boards(&mut lists, &mut out).await?;

    let ask = Ask::get(&["system", "members"], Permission::MEMBERS)
        .with("conditions", "inactiveFlag=false")
        .with("fields", "id,identifier,firstName,lastName,licenseClass");
    let members: Vec<Row> = lists.read("Members", ask, ROWS).await?;
    let is_person = |row: &&Row| row.license_class.as_deref() != Some("A");
    out.owners = members.iter().filter(is_person).map(Row::member).collect();
    out.owners.sort_by_key(|owner| owner.label.to_lowercase());

    let sources: Vec<Row> = lists.read("Sources", Ask::get(&["service", "sources"], tables), ROWS).await?;
    out.sources = sources.iter().map(Row::choice).collect();

    let ask = Ask::get(&["company", "companies"], Permission::COMPANIES)
        .with("conditions", "deletedFlag=false")
        .with("fields", "id,name")
        .with("orderBy", "name asc");
    let companies: Vec<Row> = lists.read("Companies", ask, CLIENTS).await?;
    out.clients = companies.iter().map(Row::choice).collect();

    out.missing = lists.missing;
    Ok(out)
}

/// Labels may be the site's own; the values are always the same three.
fn levels(rows: &[Row]) -> Vec<Choice> {
    let label = |level: &str| {
        let row = rows.iter().find(|row| row.name.as_deref() == Some(level));
        row.and_then(|row| row.description.clone())
            .filter(|label| !label.is_empty())
            .unwrap_or_else(|| level.to_owned())
    };
    LEVELS.iter().map(|level| Choice::new(*level, label(level))).collect()
}

/// What exists per board.
#[derive(Clone, Copy, Debug)]
enum OnBoard {
    Statuses,
    Teams,
    Types,
}

impl OnBoard {
    const ALL: [Self; 3] = [Self::Statuses, Self::Teams, Self::Types];

    fn path(self) -> &'static str {
        match self {
            Self::Statuses => "statuses",
            Self::Teams => "teams",
            Self::Types => "types",
        }
    }
}

async fn on_boards(lists: &mut Lists<'_>, out: &mut Lookups) -> Result<(), CallError> {
    let api = lists.api;
    let wanted: Vec<(Choice, OnBoard)> =
        out.boards.iter().flat_map(|board| OnBoard::ALL.map(|what| (board.clone(), what))).collect();
    let mut answers =
        futures::stream::iter(wanted.into_iter().map(|(board, what)| on_board(api, board, what)))
            .buffered(PARALLEL);
    while let Some(answer) = answers.next().await {
        let (board, what, rows, missing) = answer?;
        lists.missing.extend(missing);
        for row in &rows {
            let placed = |closed| Placed { choice: row.choice(), board: Some(board.id.clone()), closed };
            match what {
                OnBoard::Statuses => out.statuses.push(placed(row.closed_status == Some(true))),
                OnBoard::Teams => out.teams.push(placed(false)),
                // Two boards may have a type of the same name.
                OnBoard::Types => {
                    let label = format!("{} / {}", board.shown(), row.choice().shown());
                    out.kinds.push(Choice::new(row.id.to_string(), label));
                }
            }
        }
    }
    Ok(())
}

/// One list of one board in the board's own order, and its name where it may not be read.
async fn on_board(
    api: &Api,
    board: Choice,
    what: OnBoard,
) -> Result<(Choice, OnBoard, Vec<Row>, Vec<String>), CallError> {
    let mut lists = Lists { api, missing: Vec::new() };
    let path = ["service", "boards", &board.id, what.path()];
    let name = format!("{what:?} of {}", board.shown());
    let mut rows: Vec<Row> = lists.read(&name, Ask::get(&path, Permission::TABLE_SETUP), ROWS).await?;
    rows.retain(Row::is_active);
    rows.sort_by_key(|row| (row.sort_order, row.id));
    Ok((board, what, rows, lists.missing))
}

/// The least request that tells whether the keys are good; being forbidden to read boards is an answer too.
async fn sign_in(api: &Api) -> Result<(), CallError> {
    let answer =
        api.send(Ask::get(&["service", "boards"], Permission::TABLE_SETUP).with("pageSize", 1)).await?;
    if answer.status.as_u16() == 403 { Ok(()) } else { judge(answer, Permission::TABLE_SETUP).map(|_| ()) }
}

pub(super) async fn probe(api: &Api) -> Report {
    let mut report = Report::default();
    match api.company_info().await {
        Ok(Some(info)) if info.company_name.is_empty() => report.pass("Find the site", "The site answers."),
        Ok(Some(info)) => report.pass("Find the site", format!("Found {}.", info.company_name)),
        Ok(None) => report.fail(
            "Find the site",
            format!(
                "The site answers but does not know the company id “{}”. Enter the one you sign in with.",
                api.company()
            ),
        ),
        Err(error) => report.fail(
            "Find the site",
            format!("{error}. Enter the address at which you sign in to ConnectWise."),
        ),
    }
    let signed_in = sign_in(api).await;
    match &signed_in {
        Ok(()) => report.pass(Report::SIGN_IN, "The keys are accepted."),
        Err(error) => report.fail(Report::SIGN_IN, error.to_string()),
    }
    let permissions = Permissions { api, report: &mut report, is_signed_in: signed_in.is_ok() };
    permissions.check().await;
    report
}

struct Permissions<'a> {
    api: &'a Api,
    report: &'a mut Report,
    is_signed_in: bool,
}

impl Permissions<'_> {
    async fn check(mut self) {
        let newest = self.reads("Read tickets", &["service", "tickets"], Permission::READ_TICKETS).await;
        if let Some(ticket) = newest {
            let ticket = ticket.to_string();
            self.reads("Read notes", &["service", "tickets", &ticket, "notes"], Permission::READ_TICKETS)
                .await;
        }
        // Ticket 0 never exists: a role that lacks the right is told so, one that has it that there is no such ticket.
        let change = json!([{"op": "replace", "path": "customerUpdatedFlag", "value": false}]);
        self.writes("Change tickets", Method::PATCH, &["service", "tickets", "0"], &change).await;
        let note =
            json!({"text": "Connection test", "internalAnalysisFlag": true, "processNotifications": false});
        self.writes("Write notes", Method::POST, &["service", "tickets", "0", "notes"], &note).await;
        let board = self.reads("Read boards", &["service", "boards"], Permission::TABLE_SETUP).await;
        if let Some(board) = board {
            let board = board.to_string();
            self.reads("Read statuses", &["service", "boards", &board, "statuses"], Permission::TABLE_SETUP)
                .await;
            self.reads("Read teams", &["service", "boards", &board, "teams"], Permission::TABLE_SETUP).await;
        }
        self.reads("Read priorities", &["service", "priorities"], Permission::TABLE_SETUP).await;
        self.reads("Read members", &["system", "members"], Permission::MEMBERS).await;
        self.reads("Read companies", &["company", "companies"], Permission::COMPANIES).await;
        self.reads("Read contacts", &["company", "contacts"], Permission::CONTACTS).await;
    }

    /// Returns the id of one row, if there is one.
    async fn reads(&mut self, name: &str, path: &[&str], needs: Permission) -> Option<u64> {
        if !self.is_signed_in {
            self.report.fail(name, "Not tried, since signing in failed.");
            return None;
        }
        let ask = Ask::get(path, needs).with("pageSize", 1).with("fields", "id").with("orderBy", "id desc");
        let rows: Result<Vec<Row>, CallError> = self.api.ask(ask).await.and_then(|answer| answer.json());
        match rows {
            Ok(rows) => {
                let first = rows.first().map(|row| row.id);
                match first {
                    // Where the role may see boards but the member's level hides them, lists come empty without an error.
                    None if name == "Read boards" => self.report.fail(
                        name,
                        "No board can be seen. Set the API member's level to Corporate (Level 1) under System > Members > \
                         API Members.",
                    ),
                    _ => self.report.pass(name, format!("{} {}.", needs.module, needs.level)),
                }
                first
            }
            Err(error) => {
                self.report.fail(name, error.to_string());
                None
            }
        }
    }

    async fn writes(&mut self, name: &str, method: Method, path: &[&str], body: &serde_json::Value) {
        let needs = Permission::EDIT_TICKETS;
        if !self.is_signed_in {
            return self.report.fail(name, "Not tried, since signing in failed.");
        }
        match self.api.find(Ask::send(method, path, body, needs)).await {
            Ok(_) => self.report.pass(
                name,
                format!("{} {}, as far as can be seen without writing.", needs.module, needs.level),
            ),
            Err(error) => self.report.fail(name, error.to_string()),
        }
    }
}
