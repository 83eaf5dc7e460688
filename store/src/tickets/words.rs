//! Tickets are found by their words: an index of which words stand in which ticket, that holds no text.
//!
//! Both engines are given the same words, folded here: what one finds, the other does. A search asks for tickets that have
//! all its words, each as the beginning of one of theirs
//! (a letter or digit alone is a word of its own); the newest come first, and no more are read than are asked for.

use crate::engine::{
    Engine, Query, Reader, Tx, execute, fetch_all, fetch_one, fetch_optional, fetch_query, sql,
};
use crate::rows::{Cursor, clean};
use crate::tickets::ReadTicket;
use crate::{Result, TenantStore};
use chrono::{DateTime, TimeDelta, Utc};
use domain::TenantId;
use std::collections::BTreeSet;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use uuid::Uuid;

/// Of a longer word, the beginning counts.
const LETTERS: usize = 40;
/// Different words of one ticket that are put down.
const PUT_DOWN: usize = 4_000;
/// Words of a search that count.
const ASKED: usize = 12;
/// Places of one microsecond (SQLite).
const PLACES: i64 = 1 << 10;

/// The words of a text: letters and digits without accents, in lower case. Scripts that put no space between words give
/// a word for each sign.
fn words(text: &str) -> impl Iterator<Item = String> {
    let mut plain = String::with_capacity(text.len());
    for sign in text.nfkd().filter(|sign| !is_combining_mark(*sign)).flat_map(char::to_lowercase) {
        match sign {
            // What becomes two signs in lower case may bring a mark of its own.
            _ if is_combining_mark(sign) => {}
            _ if !sign.is_alphanumeric() => plain.push(' '),
            _ if is_a_word(sign) => plain.extend([' ', sign, ' ']),
            _ => plain.push(sign),
        }
    }
    let cut = |word: &str| word.chars().take(LETTERS).collect::<String>();
    plain.split_whitespace().map(cut).collect::<Vec<_>>().into_iter()
}

/// Thai and its neighbours, kana, and the signs of Chinese.
fn is_a_word(sign: char) -> bool {
    matches!(u32::from(sign), 0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x3040..=0x30FF | 0x3400..=0x4DBF
        | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x3FFFF)
}

/// Whether it may be the beginning of a longer word: nearly every ticket has one that begins with a given letter.
fn beginning(word: &str) -> bool {
    word.chars().nth(1).is_some()
}

/// What is put down of a ticket, parted by spaces.
fn put_down<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut all = BTreeSet::new();
    for word in texts.into_iter().flat_map(words) {
        if all.len() == PUT_DOWN {
            break;
        }
        all.insert(word);
    }
    all.into_iter().collect::<Vec<_>>().join(" ")
}

fn of_ticket(read: &ReadTicket) -> String {
    let ticket = &read.ticket;
    let names = [&ticket.client, &ticket.contact, &ticket.board]
        .map(|party| party.as_ref().map_or("", |it| &it.name));
    let [client, contact, board] = names;
    // The text last: where it is too much, the rest is found.
    put_down([
        ticket.number.as_str(),
        &ticket.external_id,
        &ticket.title,
        client,
        contact,
        ticket.contact_email.as_deref().unwrap_or_default(),
        &read.author_name,
        board,
        &read.text,
    ])
}

/// A ticket was read: it is found by what it says now.
pub(super) async fn keep(
    tx: &mut Tx,
    tenant: Uuid,
    ticket: Uuid,
    at: DateTime<Utc>,
    read: &ReadTicket,
) -> Result<()> {
    replace(tx, tenant, ticket, at, &of_ticket(read)).await
}

/// What a ticket's own row says is all there is left of it.
pub(crate) async fn keep_remains(tx: &mut Tx, tenant: Uuid, ticket: Uuid) -> Result<()> {
    type Row = (DateTime<Utc>, String, String, Option<String>, Option<String>);
    let row: Option<Row> = fetch_optional!(
        tx,
        Row,
        "SELECT taken_in_at, number, external_id, client_name, board_name FROM tickets WHERE tenant_id = $1 AND id = $2",
        tenant,
        ticket
    )?;
    let Some((at, number, external, client, board)) = row else { return Ok(()) };
    let words = put_down([
        number.as_str(),
        &external,
        client.as_deref().unwrap_or_default(),
        board.as_deref().unwrap_or_default(),
    ]);
    replace(tx, tenant, ticket, at, &words).await
}

async fn replace(tx: &mut Tx, tenant: Uuid, ticket: Uuid, at: DateTime<Utc>, words: &str) -> Result<()> {
    match tx.engine() {
        Engine::Postgres => {
            execute!(
                tx,
                "INSERT INTO ticket_words (tenant_id, ticket_id, taken_in_at, words)
                 VALUES ($1, $2, $3, array_to_tsvector(string_to_array($4, ' ')))
                 ON CONFLICT (tenant_id, ticket_id) DO UPDATE SET words = excluded.words
                   WHERE ticket_words.words <> excluded.words",
                tenant,
                ticket,
                at,
                format!("{} {words}", on_day(tenant, day_of(at))).trim_end()
            )?;
        }
        Engine::Sqlite => {
            let words = format!("{} {words}", of_tenant(tenant));
            let known: Option<(i64,)> = fetch_optional!(
                tx,
                (i64,),
                "SELECT place FROM ticket_words WHERE tenant_id = $1 AND ticket_id = $2",
                tenant,
                ticket
            )?;
            if let Some((place,)) = known {
                execute!(tx, "UPDATE ticket_words_index SET words = $1 WHERE rowid = $2", words, place)?;
            } else {
                let place = free_place(tx, at).await?;
                execute!(
                    tx,
                    "INSERT INTO ticket_words (place, tenant_id, ticket_id) VALUES ($1, $2, $3)",
                    place,
                    tenant,
                    ticket
                )?;
                execute!(tx, "INSERT INTO ticket_words_index (rowid, words) VALUES ($1, $2)", place, words)?;
            }
        }
    }
    Ok(())
}

/// The first place from `at` on that is free.
async fn free_place(tx: &mut Tx, at: DateTime<Utc>) -> Result<i64> {
    let first = place_of(at);
    let (last,): (Option<i64>,) = fetch_one!(
        tx,
        (Option<i64>,),
        "SELECT max(place) FROM ticket_words WHERE place >= $1 AND place < $2",
        first,
        first.saturating_add(PLACES)
    )?;
    let Some(last) = last else { return Ok(first) };
    // A thousand tickets in one microsecond: only a clock that stands still has seen that.
    let free: Option<(i64,)> = fetch_optional!(
        tx,
        (i64,),
        "SELECT w.place + 1 FROM ticket_words w WHERE w.place >= $1
           AND NOT EXISTS (SELECT 1 FROM ticket_words n WHERE n.place = w.place + 1) ORDER BY w.place LIMIT 1",
        last
    )?;
    Ok(free.map_or(first, |(free,)| free))
}

fn place_of(at: DateTime<Utc>) -> i64 {
    at.timestamp_micros().saturating_mul(PLACES)
}

fn day_of(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(86_400)
}

/// The word (of PostgreSQL's rows) for a tenant's day; no text has one like it.
fn on_day(tenant: Uuid, day: i64) -> String {
    format!("{}/{day}", tenant.simple())
}

/// The word (of SQLite's rows) for a tenant; no text has one like it.
fn of_tenant(tenant: Uuid) -> String {
    format!("¦{}", tenant.simple())
}

/// What a search asks for.
pub(super) struct Asked(Vec<String>);

/// Between which tickets it is looked.
#[derive(Clone, Copy)]
pub(super) struct Between {
    pub from: Option<DateTime<Utc>>,
    /// Exclusive.
    pub to: Option<DateTime<Utc>>,
    /// Older than this one.
    pub cursor: Option<Cursor>,
}

impl Asked {
    /// `None`: nothing is asked for.
    pub(super) fn of(q: Option<&str>) -> Option<Self> {
        let q = clean(q?.trim());
        let all: BTreeSet<String> = words(&q).take(ASKED).collect();
        (!q.is_empty()).then(|| Self(all.into_iter().collect()))
    }

    /// The newest tickets with these words, at most `limit`, newest first as in the list.
    pub(super) async fn find(
        &self,
        reader: &mut Reader,
        tenant: TenantId,
        between: Between,
        limit: u32,
    ) -> Result<Vec<Cursor>> {
        // Signs alone: no ticket has a word like that.
        if self.0.is_empty() {
            return Ok(Vec::new());
        }
        match reader.engine() {
            Engine::Sqlite => self.find_places(reader, tenant.0, between, limit).await,
            Engine::Postgres => self.find_days(reader, tenant.0, between, limit).await,
        }
    }

    async fn find_places(
        &self,
        reader: &mut Reader,
        tenant: Uuid,
        between: Between,
        limit: u32,
    ) -> Result<Vec<Cursor>> {
        let words = self
            .0
            .iter()
            .map(|word| format!(" AND \"{word}\"{}", if beginning(word) { "*" } else { "" }))
            .collect::<String>();
        let asked = format!("\"{}\"{words}", of_tenant(tenant));
        let first = between.from.map_or(i64::MIN, place_of);
        let end = between.to.map_or(i64::MAX, place_of);
        let (below, ties) = match between.cursor {
            Some(cursor) => {
                (end.min(place_of(cursor.at)), end.min(place_of(cursor.at).saturating_add(PLACES)))
            }
            None => (end, end),
        };
        let mut found = Vec::new();
        // Of the same microsecond as the cursor, in the order of ids and not of places.
        if below < ties {
            found =
                places(reader, tenant, &asked, below.max(first)..ties, i64::from(limit).max(PLACES)).await?;
            found.retain(|it| between.cursor.is_none_or(|cursor| (it.at, it.id) < (cursor.at, cursor.id)));
        }
        let more = places(reader, tenant, &asked, first..below, i64::from(limit)).await?;
        let last = more.last().map(|last| place_of(last.at));
        if let (Some(last), true) = (last, more.len() as u64 == u64::from(limit)) {
            found.extend(places(reader, tenant, &asked, last..last.saturating_add(PLACES), PLACES).await?);
        }
        found.extend(more);
        found.sort_unstable_by_key(|it| std::cmp::Reverse((it.at, it.id)));
        found.dedup_by_key(|it| it.id);
        found.truncate(limit as usize);
        Ok(found)
    }

    /// Day by day, in spans that grow twofold.
    async fn find_days(
        &self,
        reader: &mut Reader,
        tenant: Uuid,
        between: Between,
        limit: u32,
    ) -> Result<Vec<Cursor>> {
        let Some((oldest, newest)) = self.days(reader, tenant, between).await? else { return Ok(Vec::new()) };
        let words = self
            .0
            .iter()
            .map(|word| format!("'{word}'{} & ", if beginning(word) { ":*" } else { "" }))
            .collect::<String>();
        let (mut found, mut day, mut span) = (Vec::new(), newest, 1);
        while day >= oldest && found.len() < limit as usize {
            let since = oldest.max(day - span + 1);
            let days: Vec<String> = (since..=day).map(|day| format!("'{}'", on_day(tenant, day))).collect();
            let asked = format!("{words}({})", days.join(" | "));
            fetch_one!(reader, (String,), "SELECT set_config('undertone.words', $1, true)", asked)?;
            let mut query = Query::new(
                "WITH found AS MATERIALIZED (SELECT w.taken_in_at, w.ticket_id FROM ticket_words w WHERE w.tenant_id = ",
            );
            query
                .bind(tenant)
                .push(") SELECT taken_in_at, ticket_id FROM found WHERE taken_in_at IS NOT NULL");
            if let Some(from) = between.from {
                query.push(" AND taken_in_at >= ").bind(from);
            }
            if let Some(to) = between.to {
                query.push(" AND taken_in_at < ").bind(to);
            }
            if let Some(cursor) = between.cursor {
                query
                    .push(" AND (taken_in_at, ticket_id) < (")
                    .bind(cursor.at)
                    .push(", ")
                    .bind(cursor.id)
                    .push(")");
            }
            let left = i64::from(limit) - found.len() as i64;
            query.push(" ORDER BY taken_in_at DESC, ticket_id DESC LIMIT ").bind(left);
            let rows = fetch_query!(reader, (DateTime<Utc>, Uuid), query)?;
            found.extend(rows.into_iter().map(|(at, id)| Cursor { at, id }));
            (day, span) = (since - 1, span * 2);
        }
        fetch_one!(reader, (String,), "SELECT set_config('undertone.words', '', true)")?;
        Ok(found)
    }

    /// The days on which there may be any.
    async fn days(&self, reader: &mut Reader, tenant: Uuid, between: Between) -> Result<Option<(i64, i64)>> {
        let (oldest, newest): (Option<DateTime<Utc>>, Option<DateTime<Utc>>) = fetch_one!(
            reader,
            (Option<DateTime<Utc>>, Option<DateTime<Utc>>),
            "SELECT (SELECT min(taken_in_at) FROM tickets WHERE tenant_id = $1),
               (SELECT max(taken_in_at) FROM tickets WHERE tenant_id = $1)",
            tenant
        )?;
        let (Some(oldest), Some(newest)) = (oldest, newest) else { return Ok(None) };
        let oldest = between.from.map_or(oldest, |from| from.max(oldest));
        let newest =
            [between.to, between.cursor.map(|cursor| cursor.at)].into_iter().flatten().fold(newest, Ord::min);
        Ok(Some((day_of(oldest), day_of(newest))))
    }
}

async fn places(
    reader: &mut Reader,
    tenant: Uuid,
    asked: &str,
    places: std::ops::Range<i64>,
    limit: i64,
) -> Result<Vec<Cursor>> {
    // CROSS: the index of words leads.
    let rows: Vec<(i64, Uuid)> = fetch_all!(
        reader,
        (i64, Uuid),
        "SELECT w.place, w.ticket_id FROM ticket_words_index CROSS JOIN ticket_words w ON w.place = ticket_words_index.rowid
         WHERE ticket_words_index MATCH $1 AND ticket_words_index.rowid >= $2 AND ticket_words_index.rowid < $3
           AND w.tenant_id = $4 ORDER BY ticket_words_index.rowid DESC LIMIT $5",
        asked,
        places.start,
        places.end,
        tenant,
        limit
    )?;
    let read = |(place, id): (i64, Uuid)| {
        let micros = place.div_euclid(PLACES);
        Cursor { at: DateTime::UNIX_EPOCH + TimeDelta::microseconds(micros), id }
    };
    Ok(rows.into_iter().map(read).collect())
}

/// A ticket from before words were put down, as its rows have it.
#[derive(sqlx::FromRow)]
struct Due {
    ticket_id: Uuid,
    taken_in_at: DateTime<Utc>,
    author_name: Option<String>,
    ticket: Option<String>,
    text: Option<String>,
}

macro_rules! due {
    ($lock:literal) => {
        concat!(
            "SELECT d.ticket_id, t.taken_in_at, b.author_name, b.ticket, b.text
             FROM ticket_words_due d JOIN tickets t ON t.tenant_id = d.tenant_id AND t.id = d.ticket_id
             LEFT JOIN ticket_bodies b ON b.tenant_id = d.tenant_id AND b.ticket_id = d.ticket_id
             WHERE d.tenant_id = $1 ORDER BY d.ticket_id DESC LIMIT $2",
            $lock
        )
    };
}

impl TenantStore {
    /// Puts down the words of up to `limit` tickets from before there was an index of them, the newest first; how many.
    pub async fn words_catch_up(&self, limit: u32) -> Result<u64> {
        self.write_later((self.tenant.0, i64::from(limit)), |tx, (tenant, limit)| {
            Box::pin(catch_up(tx, *tenant, *limit))
        })
        .await
    }
}

async fn catch_up(tx: &mut Tx, tenant: Uuid, limit: i64) -> Result<u64> {
    // Locked, so that no replay changes what is read here before it is put down.
    let text = sql!(tx, sqlite: due!(""), postgres: due!(" FOR UPDATE OF d, t SKIP LOCKED"));
    let due: Vec<Due> = fetch_all!(tx, Due, text, tenant, limit)?;
    for it in &due {
        let read = match (&it.ticket, &it.text) {
            (Some(ticket), Some(text)) => serde_json::from_str(ticket).ok().map(|ticket| ReadTicket {
                ticket,
                text: text.clone(),
                text_remarks: Vec::new(),
                author_name: it.author_name.clone().unwrap_or_default(),
            }),
            _ => None,
        };
        match read {
            Some(read) => keep(tx, tenant, it.ticket_id, it.taken_in_at, &read).await?,
            // Without its text, or a row that an older version left.
            None => keep_remains(tx, tenant, it.ticket_id).await?,
        }
        execute!(
            tx,
            "DELETE FROM ticket_words_due WHERE tenant_id = $1 AND ticket_id = $2",
            tenant,
            it.ticket_id
        )?;
    }
    Ok(due.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_folded() {
        let cases: [(&str, &[&str]); 9] = [
            ("Printer DOWN!", &["printer", "down"]),
            ("T20261123.0001", &["t20261123", "0001"]),
            ("Café déjà-vu", &["cafe", "deja", "vu"]),
            ("pat@contoso.example", &["pat", "contoso", "example"]),
            ("don't", &["don", "t"]),
            ("ﬁle Ⅷ ½", &["file", "viii", "1", "2"]),
            ("電源 ON", &["電", "源", "on"]),
            ("İstanbul ÄRGER", &["istanbul", "arger"]),
            (" \u{0301} ¦ ' \" * : & ", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(words(text).collect::<Vec<_>>(), expected, "{text:?}");
        }
        assert_eq!(words(&"x".repeat(500)).next().unwrap().len(), LETTERS);
    }

    #[test]
    fn a_search_of_signs_alone_asks_for_no_word_and_an_empty_one_for_nothing() {
        assert!(Asked::of(None).is_none());
        assert!(Asked::of(Some("  ")).is_none());
        assert!(Asked::of(Some("?!")).unwrap().0.is_empty());
        assert_eq!(Asked::of(Some("fax Fax FÁX")).unwrap().0, ["fax"]);
    }
}
