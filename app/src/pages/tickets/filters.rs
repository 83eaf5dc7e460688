//! The list that is looked at, as its address has it.

use super::super::period::midnight;
use super::table::Column;
use crate::screen::Asked;
use chrono::{Days, NaiveDate};
use chrono_tz::Tz;
use domain::{Dimension, Label, Score};
use store::tickets::{TicketFilter, TicketState};

/// Filters, order and columns. What is not understood is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filters {
    pub q: Option<String>,
    pub client: Option<String>,
    pub label: Option<Label>,
    pub state: Option<TicketState>,
    pub min_sentiment: Option<Score>,
    pub from: Option<NaiveDate>,
    pub to: Option<NaiveDate>,
    pub escalated: bool,
    pub degraded: bool,
    /// The highest of these scores first; `None`: the newest.
    pub sort: Option<Dimension>,
    /// `None`: those that everybody sees first.
    pub columns: Option<Vec<Column>>,
    pub cursor: Option<String>,
}

/// What the form's outcome filter says for tickets that were escalated, whatever became of them then.
pub const ESCALATED: &str = "escalated";
/// And for those read by the built-in analyser while the model was out.
pub const DEGRADED: &str = "degraded";

/// Address word, state, what people read.
pub const STATES: [(&str, TicketState, &str); 7] = [
    ("acted", TicketState::Acted, "acted"),
    ("shadowed", TicketState::Shadowed, "would have acted"),
    ("analysed", TicketState::Analysed, "nothing to do"),
    ("acting", TicketState::Acting, "acting"),
    ("reading", TicketState::Reading, "being read"),
    ("skipped", TicketState::Skipped, "skipped"),
    ("failed", TicketState::Failed, "failed"),
];

impl Filters {
    pub fn of(asked: &Asked) -> Self {
        Self::of_query(&asked.search)
    }

    /// Of what stands behind `?`.
    pub fn of_query(query: &str) -> Self {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap_or_default();
        let all = |name: &str| {
            let values = pairs.iter().filter(|(key, value)| key == name && !value.trim().is_empty());
            values.map(|(_, value)| value.clone()).collect::<Vec<_>>()
        };
        let query = |name: &str| all(name).into_iter().next();
        let dimension = |word: String| Dimension::ALL.into_iter().find(|it| it.word() == word);
        // A form sends one for each box, an address all in one.
        let columns: Vec<Column> =
            all("columns").iter().flat_map(|text| text.split('.')).filter_map(Column::of).collect();
        Self {
            q: query("q").map(|text| text.trim().chars().take(200).collect()),
            client: query("client"),
            label: query("label").and_then(|word| Label::ALL.into_iter().find(|label| label.word() == word)),
            state: query("state")
                .and_then(|word| STATES.into_iter().find(|(slug, ..)| *slug == word))
                .map(|(_, state, _)| state),
            min_sentiment: query("min_sentiment")
                .and_then(|text| text.parse().ok())
                .and_then(|n| Score::new(n).ok()),
            from: query("from").and_then(|text| text.parse().ok()),
            to: query("to").and_then(|text| text.parse().ok()),
            escalated: query("escalated").is_some() || query("state").as_deref() == Some(ESCALATED),
            degraded: query("degraded").is_some() || query("state").as_deref() == Some(DEGRADED),
            sort: query("sort").and_then(dimension),
            columns: Column::chosen(columns),
            cursor: query("cursor"),
        }
    }

    /// Whether it shows anything but all tickets.
    pub fn is_any(&self) -> bool {
        let look = Self {
            cursor: self.cursor.clone(),
            sort: self.sort,
            columns: self.columns.clone(),
            ..Self::default()
        };
        *self != look
    }

    /// What the store is asked; days begin and end in the tenant's zone.
    pub fn filter(&self, zone: Tz) -> TicketFilter {
        TicketFilter {
            from: self.from.and_then(|day| midnight(day, zone)),
            to: self
                .to
                .and_then(|day| day.checked_add_days(Days::new(1)))
                .and_then(|day| midnight(day, zone)),
            label: self.label,
            client: self.client.clone(),
            state: self.state,
            min_sentiment: self.min_sentiment,
            only: None,
            escalated: self.escalated.then_some(true),
            degraded: self.degraded,
            q: self.q.clone(),
        }
    }

    /// The form's word for the outcome.
    pub fn outcome(&self) -> Option<String> {
        let state = self.state.and_then(|state| STATES.into_iter().find(|(_, is, _)| *is == state));
        state
            .map(|(slug, ..)| slug.to_owned())
            .or_else(|| self.escalated.then(|| ESCALATED.to_owned()))
            .or_else(|| self.degraded.then(|| DEGRADED.to_owned()))
    }

    /// As it stands behind `?`, without the place.
    pub fn query(&self) -> String {
        let state = self
            .state
            .and_then(|state| STATES.into_iter().find(|(_, is, _)| *is == state))
            .map(|(slug, ..)| slug.to_owned());
        let columns = self.columns.as_ref().map(|columns| {
            let words: Vec<&str> = columns.iter().map(|column| column.word()).collect();
            words.join(".")
        });
        let pairs = [
            ("q", self.q.clone()),
            ("client", self.client.clone()),
            ("label", self.label.map(|label| label.word().to_owned())),
            ("state", state),
            ("min_sentiment", self.min_sentiment.map(|score| score.to_string())),
            ("from", self.from.map(|day| day.to_string())),
            ("to", self.to.map(|day| day.to_string())),
            ("escalated", self.escalated.then(|| "yes".to_owned())),
            ("degraded", self.degraded.then(|| "yes".to_owned())),
            ("sort", self.sort.map(|by| by.word().to_owned())),
            ("columns", columns),
        ];
        let pairs: Vec<_> = pairs.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        serde_urlencoded::to_string(pairs).unwrap_or_default()
    }

    /// The address of the same list at another place.
    pub fn address(&self, cursor: Option<&str>) -> String {
        self.at("/tickets", cursor)
    }

    /// The same list, answered by another path.
    pub fn at(&self, path: &str, cursor: Option<&str>) -> String {
        let place =
            cursor.map(|cursor| serde_urlencoded::to_string([("cursor", cursor)]).unwrap_or_default());
        let parts: Vec<String> = [Some(self.query()), place].into_iter().flatten().collect();
        let query = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("&");
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_holds_the_list_and_gives_it_back() {
        let address = "/tickets?q=printer+%26+fax&client=12&label=negative&state=failed&min_sentiment=4&from=2026-11-01&to=2026-11-23&escalated=yes&sort=urgency&columns=number.arrived";
        let read = Filters::of_query(address.split_once('?').unwrap().1);
        assert_eq!(read.address(None), address);
        assert!(read.is_any());
        assert_eq!(read.address(Some("abc")), format!("{address}&cursor=abc"));
        assert_eq!(read.at("/tickets.csv", None), address.replace("/tickets", "/tickets.csv"));
    }

    #[test]
    fn what_is_not_understood_is_left_out() {
        let read = Filters::of_query(
            "label=angry&state=x&min_sentiment=9&from=yesterday&to=&sort=title&columns=x.y",
        );
        assert_eq!(read, Filters::default());
        assert_eq!(read.address(None), "/tickets");
    }

    #[test]
    fn boxes_of_a_form_are_columns_and_the_usual_ones_need_no_word() {
        let read = Filters::of_query("columns=impact&columns=number");
        assert_eq!(read.columns, Some(vec![Column::Number, Column::Impact]), "in the order of the table");
        assert_eq!(read.address(None), "/tickets?columns=number.impact");
        let usual: Vec<String> =
            Column::USUAL.iter().map(|column| format!("columns={}", column.word())).collect();
        assert_eq!(Filters::of_query(&usual.join("&")), Filters::default());
    }

    #[test]
    fn an_order_alone_is_no_filter() {
        assert!(!Filters::of_query("sort=sentiment&columns=number&cursor=abc").is_any());
        assert!(Filters::of_query("sort=sentiment&q=x").is_any());
    }

    #[test]
    fn days_begin_and_end_in_the_tenants_zone() {
        let read = Filters::of_query("from=2026-11-23&to=2026-11-23").filter(Tz::America__New_York);
        assert_eq!(read.from.unwrap().to_rfc3339(), "2026-11-23T05:00:00+00:00");
        assert_eq!(read.to.unwrap().to_rfc3339(), "2026-11-24T05:00:00+00:00");
    }
}
