//! Narrowing the list so that no page reads more than a bounded part of the tickets.
//!
//! One index leads: it yields tickets in the order of the list. Conditions beside it are written so that no engine takes
//! another index for them, whose order would be wrong or whose rows would be too many. Words are found by an index of
//! their own, [`super::words`], which leads where a search is asked for.

use super::{LOOKED_THROUGH, TicketFilter};
use crate::Result;
use crate::engine::{Query, Reader, fetch_query};
use crate::rows::{self, Cursor, Word, clean};
use chrono::{DateTime, Utc};
use domain::TenantId;
use uuid::Uuid;

impl TicketFilter {
    /// What one index answers by itself: the times, and that condition of which most likely the fewest tickets are.
    pub(super) fn led(&self) -> Self {
        let times = Self { from: self.from, to: self.to, ..Self::default() };
        if self.degraded {
            Self { degraded: true, ..times }
        } else if self.escalated == Some(true) {
            Self { escalated: Some(true), ..times }
        } else if let Some(client) = &self.client {
            Self { client: Some(client.clone()), ..times }
        } else if let Some(state) = self.state {
            Self { state: Some(state), ..times }
        } else if let Some(only) = self.only {
            Self { only: Some(only), ..times }
        } else if let Some(label) = self.label {
            Self { label: Some(label), ..times }
        } else {
            times
        }
    }

    /// Nothing but words, and times, which their index knows too.
    pub(super) fn words_alone(&self) -> bool {
        *self == Self { from: self.from, to: self.to, q: self.q.clone(), ..Self::default() }
    }

    /// The last ticket that a page from `cursor` on looks at; `None`: it may look at all there are.
    pub(super) async fn stop(
        &self,
        reader: &mut Reader,
        tenant: TenantId,
        cursor: Option<Cursor>,
    ) -> Result<Option<Cursor>> {
        let mut query = Query::new("SELECT t.taken_in_at, t.id FROM tickets t WHERE t.tenant_id = ");
        query.bind(tenant.0);
        self.narrow(&mut query, self, cursor);
        // And one more, to know whether there is one.
        query
            .push(" ORDER BY t.taken_in_at DESC, t.id DESC LIMIT 2 OFFSET ")
            .bind(i64::from(LOOKED_THROUGH) - 1);
        let found: Vec<(DateTime<Utc>, Uuid)> = fetch_query!(reader, (DateTime<Utc>, Uuid), query)?;
        Ok(if let [(at, id), _] = found[..] { Some(Cursor { at, id }) } else { None })
    }

    /// `led`: what the index that leads is asked for.
    pub(super) fn narrow(&self, query: &mut Query, led: &Self, cursor: Option<Cursor>) {
        self.narrow_times(query, cursor);
        self.narrow_rest(query, led);
    }

    fn narrow_times(&self, query: &mut Query, cursor: Option<Cursor>) {
        if let Some(from) = self.from {
            query.push(" AND t.taken_in_at >= ").bind(rows::known_time(from));
        }
        if let Some(to) = self.to {
            query.push(" AND t.taken_in_at < ").bind(rows::known_time(to));
        }
        if let Some(cursor) = cursor {
            query.push(" AND (t.taken_in_at, t.id) < (").bind(cursor.at).push(", ").bind(cursor.id).push(")");
        }
    }

    pub(super) fn narrow_rest(&self, query: &mut Query, led: &Self) {
        let mut word = |column: &str, leads: bool, value: Option<String>| {
            if let Some(value) = value {
                query.push(" AND ").push(column).push(if leads { " = " } else { " || '' = " }).bind(value);
            }
        };
        word("t.label", led.label.is_some(), self.label.map(|label| Word::word(label).to_owned()));
        word(
            "t.client_id",
            led.client.is_some(),
            self.client.as_deref().map(|client| clean(client).into_owned()),
        );
        word("t.state", led.state.is_some(), self.state.map(|state| state.word().to_owned()));
        if let Some((dimension, score)) = self.only {
            query.push(" AND t.").push(Word::word(dimension));
            query.push(if led.only.is_some() { " = " } else { " + 0 = " }).bind(i64::from(score.get()));
        }
        if let Some(least) = self.min_sentiment {
            query.push(" AND t.sentiment >= ").bind(i64::from(least.get()));
        }
        query.push(match (self.escalated, led.escalated) {
            (Some(true), Some(_)) => " AND t.escalated",
            (Some(true), None) => " AND CASE WHEN t.escalated THEN 1 END = 1",
            (Some(false), _) => " AND NOT t.escalated",
            (None, _) => "",
        });
        if self.degraded {
            query.push(" AND t.degraded");
        }
    }
}
