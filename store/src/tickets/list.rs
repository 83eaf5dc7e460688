//! Lists of tickets: newest first, by words, highest scores first; each page reads a bounded part.

use super::words::{Asked, Between};
use super::{LOOKED_THROUGH, TicketFilter, TicketRow, TicketState};
use crate::engine::{Query, Reader, fetch_query};
use crate::rows::{self, Cursor, Word};
use crate::{Page, Result, StoreError, TenantStore};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{Dimension, Party, Score, Ticket};
use std::collections::BTreeMap;
use uuid::Uuid;

/// What came in before that is no news, whenever it is scored.
const NEWS: TimeDelta = TimeDelta::hours(1);

/// Tickets of a search that are read together.
const AT_ONCE: usize = 200;

/// The columns of a list row, in the order of [`ListRow`]; nothing that is long.
macro_rules! select_tickets {
    () => {
        "SELECT t.id, t.external_id, t.number, t.title, t.client_name, t.client_id, t.board_name, t.taken_in_at,
           t.analysed_at, t.state, t.reason, t.mode, t.label, t.sentiment, t.urgency, t.impact, t.updated, t.escalated, t.degraded,
           t.text_removed, t.psa
         FROM tickets t "
    };
}
pub(super) use select_tickets;

#[derive(sqlx::FromRow)]
pub(super) struct ListRow {
    id: Uuid,
    external_id: String,
    number: String,
    title: String,
    client_name: Option<String>,
    client_id: Option<String>,
    board_name: Option<String>,
    taken_in_at: DateTime<Utc>,
    analysed_at: Option<DateTime<Utc>>,
    state: String,
    reason: Option<String>,
    mode: Option<String>,
    label: Option<String>,
    sentiment: Option<i64>,
    urgency: Option<i64>,
    impact: Option<i64>,
    updated: bool,
    escalated: bool,
    degraded: bool,
    text_removed: bool,
    psa: String,
}

impl ListRow {
    /// The ticket as far as it is known without its text.
    pub(super) fn remains(&self) -> Result<Ticket> {
        let client = self.client_id.as_deref().map(|key| Party {
            id: key.split_once('/').map_or(key, |(_, id)| id).to_owned(),
            name: self.client_name.clone().unwrap_or_default(),
        });
        Ok(Ticket {
            psa: rows::read_instance("tickets", &self.psa)?.kind,
            external_id: self.external_id.clone(),
            number: self.number.clone(),
            title: String::new(),
            client,
            contact: None,
            contact_email: None,
            board: self.board_name.clone().map(|name| Party { id: String::new(), name }),
            kind: None,
            source: None,
            closed: false,
            set_aside: None,
            levers: BTreeMap::new(),
            created_at: None,
            updated_at: None,
            url: None,
        })
    }
}

impl TryFrom<ListRow> for TicketRow {
    type Error = StoreError;
    fn try_from(row: ListRow) -> Result<Self> {
        Ok(Self {
            id: row.id.into(),
            external_id: row.external_id,
            number: row.number,
            title: row.title,
            client: row.client_name,
            client_id: row.client_id,
            board: row.board_name,
            created_at: row.taken_in_at,
            analysed_at: row.analysed_at,
            state: TicketState::read("tickets", "state", &row.state)?,
            reason: row.reason,
            mode: rows::read_word("tickets", "mode", row.mode.as_deref())?,
            label: rows::read_word("tickets", "label", row.label.as_deref())?,
            sentiment: rows::read_score("sentiment", row.sentiment)?,
            urgency: rows::read_score("urgency", row.urgency)?,
            impact: rows::read_score("impact", row.impact)?,
            updated: row.updated,
            escalated: row.escalated,
            degraded: row.degraded,
            text_removed: row.text_removed,
        })
    }
}

impl TenantStore {
    /// Newest first (by when we took it in). A page costs the same however many tickets there are: what no index finds is
    /// looked for among [`LOOKED_THROUGH`] tickets, so that a page may hold fewer than `limit` rows, or none, and yet have
    /// a next one.
    pub async fn ticket_list(
        &self,
        filter: &TicketFilter,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<TicketRow>> {
        let cursor = Cursor::read(cursor)?;
        let mut reader = self.read().await?;
        if let Some(asked) = Asked::of(filter.q.as_deref()) {
            return self.found_by_words(&mut reader, filter, &asked, limit, cursor).await;
        }
        let led = filter.led();
        let stop = if led == *filter { None } else { led.stop(&mut reader, self.tenant, cursor).await? };
        let mut query = Query::new(concat!(select_tickets!(), "WHERE t.tenant_id = "));
        query.bind(self.tenant.0);
        filter.narrow(&mut query, &led, cursor);
        if let Some(stop) = stop {
            query.push(" AND (t.taken_in_at, t.id) >= (").bind(stop.at).push(", ").bind(stop.id).push(")");
        }
        query.push(" ORDER BY t.taken_in_at DESC, t.id DESC LIMIT ").bind(i64::from(limit) + 1);
        let found = fetch_query!(reader, ListRow, query)?;
        let found = found.into_iter().map(TicketRow::try_from).collect::<Result<Vec<_>>>()?;
        let mut page = rows::page(found, limit, |last| Cursor { at: last.created_at, id: last.id.0 });
        page.next = page.next.or_else(|| stop.map(Cursor::encode));
        Ok(page)
    }

    /// As [`Self::ticket_list`], of scored tickets alone: the highest scores first, and the newest of each.
    pub async fn ticket_ranked(
        &self,
        by: Dimension,
        filter: &TicketFilter,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<TicketRow>> {
        // The score that is being listed, and the place among its tickets.
        let begun = cursor.map(|cursor| {
            let (score, place) = cursor.split_once('.').ok_or(StoreError::BadCursor)?;
            let score =
                score.parse().ok().and_then(|score| Score::new(score).ok()).ok_or(StoreError::BadCursor)?;
            Ok::<_, StoreError>((score, Some(place).filter(|place| !place.is_empty())))
        });
        let (mut score, mut place) = begun.transpose()?.unwrap_or((Score::MAX, None));
        let mut found = Vec::new();
        loop {
            let exact = TicketFilter { only: Some((by, score)), ..filter.clone() };
            let left = limit - u32::try_from(found.len()).unwrap_or(limit);
            let page = self.ticket_list(&exact, left, place.take()).await?;
            found.extend(page.rows);
            if let Some(next) = page.next {
                return Ok(Page { rows: found, next: Some(format!("{score}.{next}")) });
            }
            let Ok(lower) = Score::new(i64::from(score.get()) - 1) else {
                return Ok(Page { rows: found, next: None });
            };
            score = lower;
            if found.len() >= limit as usize {
                return Ok(Page { rows: found, next: Some(format!("{score}.")) });
            }
        }
    }

    /// How many tickets, up to `limit`, fit the filter and came in or were scored after this moment. What came in long
    /// before is not looked for.
    pub async fn ticket_news(&self, filter: &TicketFilter, since: DateTime<Utc>, limit: u32) -> Result<u32> {
        let from = filter.from.unwrap_or(DateTime::UNIX_EPOCH).max(since - NEWS);
        let page =
            self.ticket_list(&TicketFilter { from: Some(from), ..filter.clone() }, limit, None).await?;
        let is_news =
            |row: &&TicketRow| row.created_at > since || row.analysed_at.is_some_and(|at| at > since);
        Ok(page.rows.iter().filter(is_news).count().try_into().unwrap_or(limit))
    }

    /// The page of those with the words that are asked for, of which other conditions leave some.
    async fn found_by_words(
        &self,
        reader: &mut Reader,
        filter: &TicketFilter,
        asked: &Asked,
        limit: u32,
        cursor: Option<Cursor>,
    ) -> Result<Page<TicketRow>> {
        let (from, to) = (filter.from.map(rows::known_time), filter.to.map(rows::known_time));
        let words_alone = filter.words_alone();
        let most = if words_alone { limit.saturating_add(1) } else { LOOKED_THROUGH };
        let places = asked.find(reader, self.tenant, Between { from, to, cursor }, most).await?;
        let stop = places.last().filter(|_| !words_alone && places.len() as u64 == u64::from(most)).copied();
        let mut found: Vec<TicketRow> = Vec::new();
        for some in places.chunks(AT_ONCE) {
            let mut query = Query::new(concat!(select_tickets!(), "WHERE t.tenant_id = "));
            query.bind(self.tenant.0).push(" AND t.id IN (");
            for (index, place) in some.iter().enumerate() {
                query.push(if index == 0 { "" } else { ", " }).bind(place.id);
            }
            query.push(")");
            filter.narrow_rest(&mut query, &TicketFilter::default());
            let some = fetch_query!(reader, ListRow, query)?;
            let mut some = some.into_iter().map(TicketRow::try_from).collect::<Result<Vec<_>>>()?;
            some.sort_unstable_by_key(|row| std::cmp::Reverse((row.created_at, row.id)));
            found.extend(some);
            if found.len() > limit as usize {
                break;
            }
        }
        found.truncate(limit as usize + 1);
        let mut page = rows::page(found, limit, |last| Cursor { at: last.created_at, id: last.id.0 });
        page.next = page.next.or_else(|| stop.map(Cursor::encode));
        Ok(page)
    }
}
