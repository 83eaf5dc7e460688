//! Files for spreadsheets.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::Mode;
use store::feedback::Judged;
use store::tickets::{TicketRow, TicketState};

/// One record (RFC 4180). A cell that a spreadsheet would take for a formula gets an apostrophe in front: titles and names
/// are written by strangers.
pub fn record<S: AsRef<str>>(cells: impl IntoIterator<Item = S>) -> String {
    let quoted = cells.into_iter().map(|cell| {
        let cell = cell.as_ref();
        let risky = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']);
        let cell = if risky { format!("'{cell}") } else { cell.to_owned() };
        if cell.contains([',', '"', '\n', '\r', ';']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell
        }
    });
    quoted.collect::<Vec<_>>().join(",") + "\r\n"
}

/// How times are written.
#[derive(Clone, Copy, Debug)]
pub enum Times {
    /// RFC 3339.
    Utc,
    /// As a spreadsheet of that zone reads them.
    In(Tz),
}

impl Times {
    fn of(self, at: DateTime<Utc>) -> String {
        match self {
            Self::Utc => at.to_rfc3339(),
            Self::In(zone) => at.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S").to_string(),
        }
    }
}

const COLUMNS: [&str; 18] = [
    "id",
    "number",
    "title",
    "client",
    "board",
    "created_at",
    "analysed_at",
    "state",
    "reason",
    "mode",
    "label",
    "sentiment",
    "urgency",
    "impact",
    "updated",
    "escalated",
    "degraded",
    "text_removed",
];

/// The first record of a list of tickets.
pub fn tickets_head() -> String {
    record(COLUMNS)
}

/// The record of a ticket.
pub fn ticket(row: TicketRow, times: Times) -> String {
    let score = |score: Option<domain::Score>| score.map(|score| score.to_string()).unwrap_or_default();
    record([
        row.id.to_string(),
        row.number,
        row.title,
        row.client.unwrap_or_default(),
        row.board.unwrap_or_default(),
        times.of(row.created_at),
        row.analysed_at.map(|at| times.of(at)).unwrap_or_default(),
        state(row.state).to_owned(),
        row.reason.unwrap_or_default(),
        row.mode
            .map(|mode| if mode == Mode::Live { "live" } else { "shadow" }.to_owned())
            .unwrap_or_default(),
        row.label.map(|label| label.word().to_owned()).unwrap_or_default(),
        score(row.sentiment),
        score(row.urgency),
        score(row.impact),
        row.updated.to_string(),
        row.escalated.to_string(),
        row.degraded.to_string(),
        row.text_removed.to_string(),
    ])
}

/// The first record of a list of judged scores.
pub fn judged_head() -> String {
    record([
        "number",
        "title",
        "client",
        "score_of",
        "score",
        "judged",
        "escalated",
        "model",
        "prompt_version",
        "judged_at",
        "judged_by",
        "text",
    ])
}

/// The record of a judged score, with the text that was read, as far as it is kept.
pub fn judged(it: Judged, text: &str, times: Times) -> String {
    record([
        it.number,
        it.title,
        it.client.unwrap_or_default(),
        it.dimension.word().to_owned(),
        it.score.map(|score| score.to_string()).unwrap_or_default(),
        it.verdict.slug().to_owned(),
        it.escalated.to_string(),
        it.model,
        it.prompt_version.to_string(),
        times.of(it.said_at),
        it.said_by,
        text.to_owned(),
    ])
}

/// As in the API.
fn state(state: TicketState) -> &'static str {
    match state {
        TicketState::Reading => "reading",
        TicketState::Analysed => "analysed",
        TicketState::Shadowed => "shadowed",
        TicketState::Acting => "acting",
        TicketState::Acted => "acted",
        TicketState::Skipped => "skipped",
        TicketState::Failed => "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_never_formulas() {
        let cases: [(&[&str], &str); 6] = [
            (&["a", "b"], "a,b\r\n"),
            (&["a,b", "say \"no\"", "two\nlines"], "\"a,b\",\"say \"\"no\"\"\",\"two\nlines\"\r\n"),
            (&["=HYPERLINK(\"x\")", "-1", "@x", "+1"], "\"'=HYPERLINK(\"\"x\"\")\",'-1,'@x,'+1\r\n"),
            (&["\t=1", "\r=1", "＝1"], "'\t=1,\"'\r=1\",'＝1\r\n"),
            (&["a;=1"], "\"a;=1\"\r\n"),
            (&[""], "\r\n"),
        ];
        for (cells, expected) in cases {
            assert_eq!(record(cells), expected);
        }
    }

    #[test]
    fn times_are_those_of_the_zone() {
        let at = "2026-07-01T22:30:00Z".parse().unwrap();
        assert_eq!(Times::In(Tz::Europe__Berlin).of(at), "2026-07-02 00:30:00");
        assert_eq!(Times::Utc.of(at), "2026-07-01T22:30:00+00:00");
    }
}
