//! A long history, made by a few statements: for tests of what must not grow with it.

use super::{Beside, TestStore};
use chrono::{DateTime, Utc};
use domain::{PsaKind, TenantId, Ticket};
use std::collections::BTreeMap;

/// How a workspace's history looks.
#[derive(Clone, Copy, Debug)]
pub struct History {
    pub tickets: u32,
    pub days: u32,
    pub clients: u32,
    /// The time of the last ticket; the others lie evenly before it.
    pub until: DateTime<Utc>,
}

impl History {
    /// Of 400 days and 40 clients, up to this moment.
    pub fn until_now(tickets: u32) -> Self {
        #[expect(clippy::disallowed_methods, reason = "pages look back from the real clock's time")]
        let until = Utc::now();
        Self { tickets, days: 400, clients: 40, until }
    }
}

/// Webhook calls are there for so many of the last days.
const CALLS_KEPT: u32 = 90;

impl TestStore {
    /// Gives a workspace that has no tickets yet a history of made-up ones: scored, skipped, failed, escalated, the oldest
    /// tenth without text; with analyses, actions and timelines for some, calls for the newest, and the sums that belong
    /// to them. Other workspaces keep what they have.
    pub async fn make_history(&self, tenant: TenantId, history: History) {
        // Foreign keys are left unchecked, which only a superuser of PostgreSQL may ask for.
        let superuser = self.superuser().await;
        let mut beside = match superuser {
            Some(superuser) => superuser,
            None => self.beside().await,
        };
        let engine = match &beside {
            Beside::Sqlite(_) => Words::SQLITE,
            Beside::Postgres(_) => Words::POSTGRES,
        };
        beside.run(engine.begin).await;
        // Made afterwards, of sorted rows: several times as fast.
        let indexes: Vec<(String, String)> = beside.rows(engine.indexes).await;
        for (name, _) in &indexes {
            beside.run(&format!("DROP INDEX {name}")).await;
        }
        // SQLite's places of words are those of all tenants.
        let others: Vec<(i64,)> = beside.rows("SELECT count(DISTINCT tenant_id) FROM ticket_words").await;
        for statement in statements(engine, tenant, history, others[0].0) {
            beside.run(&statement).await;
        }
        for (_, make) in &indexes {
            beside.run(make).await;
        }
        beside.run(engine.end).await;
    }

    /// Lets the engine count what it has, as an operator's server does by itself (PostgreSQL) or not at all (SQLite).
    pub async fn count_rows(&self) {
        let statement = if self.engine_name() == "sqlite" { "ANALYZE" } else { "VACUUM ANALYZE" };
        self.beside().await.run(statement).await;
    }
}

/// What the engines say differently.
#[derive(Clone, Copy)]
struct Words {
    begin: &'static str,
    end: &'static str,
    indexes: &'static str,
    /// Of hexadecimal digits.
    bytes: [&'static str; 2],
    hex: fn(&str, u32) -> String,
    /// `i` from 0 to a number.
    series: fn(u32) -> String,
    /// Of seconds since 1970.
    time: fn(&str) -> String,
    day: fn(&str) -> String,
    hour: fn(&str) -> String,
    blob: &'static str,
    /// Puts down the words of the tickets, for which the rest of the statements stands: of a tenant (hexadecimal digits) beside
    /// others, an id, a time, the words, the rows.
    index: fn(&str, i64, [&str; 4]) -> Vec<String>,
}

impl Words {
    const SQLITE: Self = Self {
        begin: "PRAGMA foreign_keys = off; PRAGMA synchronous = off; PRAGMA temp_store = memory; PRAGMA cache_size = -262144",
        end: "PRAGMA wal_checkpoint(TRUNCATE)",
        indexes: "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL
                  AND tbl_name IN ('tickets', 'deliveries', 'analyses', 'tallies')",
        bytes: ["unhex(", ")"],
        hex: |value, digits| format!("printf('%0{digits}x', {value})"),
        series: |count| {
            format!(
                "(WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {count} - 1) SELECT i FROM n)"
            )
        },
        time: |seconds| format!("strftime('%Y-%m-%dT%H:%M:%S', {seconds}, 'unixepoch') || '+00:00'"),
        day: |seconds| format!("strftime('%Y-%m-%d', {seconds}, 'unixepoch')"),
        hour: |seconds| format!("CAST(strftime('%H', {seconds}, 'unixepoch') AS integer)"),
        blob: "x'7b7d'",
        index: |tenant, others, [id, _, words, rows]| {
            let place = format!("sec * 1024000000 + {others} * 64 + i % 64");
            vec![
                format!(
                    "INSERT INTO ticket_words (place, tenant_id, ticket_id) SELECT {place}, unhex('{tenant}'), {id} FROM {rows}"
                ),
                format!(
                    "INSERT INTO ticket_words_index (rowid, words) SELECT {place}, '¦{tenant} ' || {words} FROM {rows}"
                ),
            ]
        },
    };
    const POSTGRES: Self = Self {
        begin: "SET session_replication_role = replica",
        end: "SELECT 1",
        indexes: "SELECT indexname::text, indexdef FROM pg_indexes WHERE schemaname = 'public'
                  AND indexname NOT IN (SELECT conname FROM pg_constraint)
                  AND tablename IN ('tickets', 'deliveries', 'analyses', 'tallies', 'ticket_words')",
        bytes: ["CAST(", " AS uuid)"],
        hex: |value, digits| format!("lpad(to_hex({value}), {digits}, '0')"),
        series: |count| format!("(SELECT generate_series(0::bigint, {count} - 1) AS i)"),
        time: |seconds| format!("to_timestamp({seconds})"),
        day: |seconds| format!("CAST(to_timestamp({seconds}) AT TIME ZONE 'UTC' AS date)"),
        hour: |seconds| {
            format!("CAST(extract(hour FROM to_timestamp({seconds}) AT TIME ZONE 'UTC') AS bigint)")
        },
        blob: "'\\x7b7d'",
        index: |tenant, _, [id, taken, words, rows]| {
            vec![format!(
                "INSERT INTO ticket_words (tenant_id, ticket_id, taken_in_at, words)
                 SELECT '{tenant}'::uuid, {id}, {taken},
                   array_to_tsvector(string_to_array('{tenant}/' || sec / 86400 || ' ' || {words}, ' '))
                 FROM {rows}"
            )]
        },
    };

    /// An id that begins with the time, as ours do; `kind` keeps those of one ticket apart.
    fn id(self, seconds: &str, kind: u32) -> String {
        let [open, close] = self.bytes;
        let (time, count) = ((self.hex)(&format!("({seconds}) * 1000"), 12), (self.hex)("i", 15));
        format!("{open}{time} || '7{kind:03x}8' || {count}{close}")
    }
}

const ASSESSMENT: &str = r#"{"sentiment":{"score":3,"reason":"it says so","quote":"smokes"},"urgency":{"score":3,"reason":"it says so","quote":""},"impact":{"score":2,"reason":"it says so","quote":""}}"#;
const PROVENANCE: &str = r#"{"model":"a model","prompt_version":0,"prompt":"asked","answer":"answered","tokens_in":700,"tokens_out":90,"model_ms":800,"repaired":false}"#;
const PLAN: &str =
    r#"{"mode":"live","label":"neutral","reached":[],"actions":[],"untouched":[],"sentences":["Because."]}"#;
const ACTION: &str = r#"{"key":"update","kind":"update","changes":[]}"#;

fn statements(w: Words, tenant: TenantId, history: History, others: i64) -> Vec<String> {
    let History { tickets, days, clients, until } = history;
    let [open, close] = w.bytes;
    let digits = tenant.0.simple().to_string();
    let tenant = format!("{open}'{digits}'{close}");
    let (span, since) = (i64::from(days) * 86_400, until.timestamp() - i64::from(days) * 86_400);
    let (id, analysis, call) = (w.id("sec", 1), w.id("sec + 3", 2), w.id("sec", 3));
    let (taken, analysed, finished) = ((w.time)("sec"), (w.time)("sec + 3"), (w.time)("sec + 5"));
    let (day, hour) = ((w.day)("sec"), (w.hour)("sec"));
    let gone = tickets / 10;
    let called = tickets - tickets / days.max(1) * days.min(CALLS_KEPT);
    // Even in time, uneven in everything else; the same each time.
    let rows = format!(
        "(SELECT i, {since} + (i + 1) * {span} / {tickets} AS sec, (i * 17) % 1000 AS fate, (i * 31) % 100 AS mood,
            ((i * 7919) % 10007) * ((i * 104729) % 10009) * {clients} / 100160063 AS client
          FROM {} AS series) AS r",
        (w.series)(tickets)
    );
    let score =
        "CASE WHEN fate < 100 THEN NULL WHEN mood < 10 THEN 1 WHEN mood < 35 THEN 2 WHEN mood < 70 THEN 3
                   WHEN mood < 90 THEN 4 ELSE 5 END";
    let label = "CASE WHEN fate < 100 THEN NULL WHEN mood < 35 THEN 'positive' WHEN mood < 70 THEN 'neutral' ELSE 'negative' END";
    let state = "CASE WHEN fate < 5 THEN 'failed' WHEN fate < 100 THEN 'skipped' WHEN fate < 400 THEN 'acted' ELSE 'analysed' END";
    let acted = "fate >= 100 AND fate < 400";
    // As the number, the client, the title and the text below.
    let words = format!(
        "'t' || i || ' client number ' || client || CASE WHEN i < {gone} THEN '' ELSE ' ' || i ||
           ' printer is on fire smokes again and nobody answers the phone this third time month' END"
    );
    let mut all = vec![
        format!(
            "INSERT INTO tickets (tenant_id, id, psa, external_id, number, title, client_id, client_name, board_name,
               taken_in_at, day, hour, analysed_at, finished_at, duration_ms, state, reason, mode, label, sentiment, urgency,
               impact, updated, escalated, degraded, text_removed)
             SELECT {tenant}, {id}, 'autotask', CAST(i AS text), 'T' || i,
               CASE WHEN i < {gone} THEN '' ELSE 'Printer ' || i || ' is on fire' END,
               CASE WHEN i % 50 = 0 THEN NULL ELSE 'autotask/' || client END,
               CASE WHEN i % 50 = 0 THEN NULL ELSE 'Client number ' || client END, 'Help Desk', {taken}, {day}, {hour},
               CASE WHEN fate < 100 THEN NULL ELSE {analysed} END, {finished},
               CASE WHEN fate < 100 THEN NULL ELSE 5000 + i % 1000 END, {state},
               CASE WHEN fate < 100 AND i >= {gone} THEN 'left out by a rule' END,
               CASE WHEN fate < 100 THEN NULL ELSE 'live' END, {label}, {score}, {score}, {score},
               {acted} AND mood >= 70, {acted} AND mood >= 90, (i * 13) % 2000 = 0, i < {gone}
             FROM {rows}"
        ),
        format!(
            "INSERT INTO ticket_bodies (tenant_id, ticket_id, author_name, text_remarks, ticket, text)
             SELECT {tenant}, {id}, 'Pat', '[]', '{}',
               'Printer ' || i || ' smokes again, and nobody answers the phone. This is the third time this month.'
             FROM {rows} WHERE i >= {gone}",
            read_ticket()
        ),
        format!(
            "INSERT INTO analyses (tenant_id, id, ticket_id, at, state, policy_version, assessment, plan, provenance)
             SELECT {tenant}, {analysis}, {id}, {analysed}, 'scored', 1, '{ASSESSMENT}', '{PLAN}', '{PROVENANCE}'
             FROM {rows} WHERE fate >= 100 AND i % 10 = 1"
        ),
        format!(
            "INSERT INTO actions (tenant_id, id, ticket_id, analysis_id, position, key, action, state, effects, reference,
               attempts, decided_at, finished_at)
             SELECT {tenant}, {}, {id}, {analysis}, 0, 'update', '{ACTION}', 'done', '[]', 'abcdefgh', 1, {analysed}, {finished}
             FROM {rows} WHERE {acted} AND i % 10 = 1",
            w.id("sec + 4", 4)
        ),
        format!(
            "INSERT INTO events (tenant_id, ticket_id, at, id, what, detail)
             SELECT {tenant}, {id}, {analysed}, {}, 'scored', 'sentiment 3, urgency 3, impact 2 by a model'
             FROM {rows} WHERE i % 10 = 1",
            w.id("sec + 3", 5)
        ),
        format!(
            "INSERT INTO intake (tenant_id, psa, external_ticket, delivery_id, taken_in_at)
             SELECT {tenant}, 'autotask', CAST(i AS text), {call}, {taken} FROM {rows}"
        ),
        format!(
            "INSERT INTO deliveries (tenant_id, id, psa, dedupe_key, state, reason, external_ticket, repeats, attempts,
               verified, received_at, headers, body)
             SELECT {tenant}, {call}, 'autotask', 'created ' || i, CASE WHEN fate < 5 THEN 'dead' ELSE 'done' END,
               CASE WHEN fate < 5 THEN 'gave up' END, CAST(i AS text), 0, 1, 1 = 1, {taken}, '{{}}', {}
             FROM {rows} WHERE i >= {called}",
            w.blob
        ),
        format!(
            "INSERT INTO deliveries (tenant_id, id, psa, dedupe_key, state, reason, external_ticket, repeats, attempts,
               verified, received_at, headers, body)
             SELECT {tenant}, {}, 'autotask', 'updated ' || i, 'ignored', 'update of a ticket', CAST(i AS text), 0, 0,
               1 = 1, {analysed}, '{{}}', {}
             FROM {rows} WHERE i >= {called}",
            w.id("sec + 3", 6),
            w.blob
        ),
        format!(
            "INSERT INTO jobs (id, tenant_id, psa, external_ticket, stage, delivery_id, ticket_id, replay, again,
               attempts, total_attempts, cause, created_at)
             SELECT {}, {tenant}, 'autotask', CAST(i AS text), 'read', {call}, {id}, 1 = 0, 1 = 0, 8, 8, 'gave up', {taken}
             FROM {rows} WHERE i >= {called} AND fate < 5",
            w.id("sec", 7)
        ),
        format!(
            "INSERT INTO audit (tenant_id, id, at, actor, what, detail)
             SELECT {tenant}, {}, {taken}, 'somebody', 'ticket.replayed', 'a ticket is analysed again'
             FROM {rows} WHERE i % 100 = 1",
            w.id("sec", 8)
        ),
        // By day, as they come into being.
        format!(
            "INSERT INTO tallies (tenant_id, day, client_id, client_name, analysed, negative, neutral, positive,
               sentiment_sum, updated, escalated)
             SELECT tenant_id, day, coalesce(client_id, ''), coalesce(max(client_name), ''), count(*),
               count(CASE WHEN label = 'negative' THEN 1 END), count(CASE WHEN label = 'neutral' THEN 1 END),
               count(CASE WHEN label = 'positive' THEN 1 END), sum(sentiment),
               count(CASE WHEN updated THEN 1 END), count(CASE WHEN escalated THEN 1 END)
             FROM tickets WHERE tenant_id = {tenant} AND label IS NOT NULL
             GROUP BY tenant_id, day, coalesce(client_id, '') ORDER BY day"
        ),
        format!(
            "INSERT INTO day_tallies (tenant_id, day, analysed, negative, neutral, positive, sentiment_sum, updated, escalated)
             SELECT tenant_id, day, sum(analysed), sum(negative), sum(neutral), sum(positive), sum(sentiment_sum),
               sum(updated), sum(escalated)
             FROM tallies WHERE tenant_id = {tenant} GROUP BY tenant_id, day"
        ),
        format!(
            "INSERT INTO hour_tallies (tenant_id, day, hour, analysed, negative, neutral, positive, sentiment_sum, updated,
               escalated)
             SELECT tenant_id, day, hour, count(*), count(CASE WHEN label = 'negative' THEN 1 END),
               count(CASE WHEN label = 'neutral' THEN 1 END), count(CASE WHEN label = 'positive' THEN 1 END),
               sum(sentiment), count(CASE WHEN updated THEN 1 END), count(CASE WHEN escalated THEN 1 END)
             FROM tickets WHERE tenant_id = {tenant} AND label IS NOT NULL GROUP BY tenant_id, day, hour ORDER BY day, hour"
        ),
    ];
    all.extend((w.index)(&digits, others, [&id, &taken, &words, &rows]));
    all
}

/// A ticket as it was read, with the number of each in its place.
fn read_ticket() -> String {
    let ticket = Ticket {
        psa: PsaKind::Autotask,
        external_id: "@".into(),
        number: "T@".into(),
        title: "Printer @ is on fire".into(),
        client: None,
        contact: None,
        contact_email: None,
        board: None,
        kind: None,
        source: None,
        closed: false,
        set_aside: None,
        levers: BTreeMap::new(),
        created_at: None,
        updated_at: None,
        url: None,
    };
    serde_json::to_string(&ticket).expect("a ticket becomes JSON").replace('@', "' || i || '")
}
