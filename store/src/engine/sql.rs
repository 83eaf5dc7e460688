//! Writing SQL once: the macros that expand a statement for either engine, and statements put together at run time.

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

/// Expands the same body for both engines; `c` is `&mut SqliteConnection` or `&mut PgConnection`.
macro_rules! on_engine {
    ($conn:expr, $c:ident => $body:expr) => {
        match $conn.connection() {
            $crate::engine::ConnRef::Sqlite($c) => $body,
            $crate::engine::ConnRef::Postgres($c) => $body,
        }
    };
}
/// Runs a statement; the number of rows it changed.
macro_rules! execute {
    ($conn:expr, $sql:expr $(, $bind:expr)* $(,)?) => {{
        // Before the connection is lent: the text may depend on the engine.
        let text: &'static str = $sql;
        $crate::engine::on_engine!($conn, c => {
            sqlx::query(text)$(.bind($bind))*.execute(c).await.map(|done| done.rows_affected())
        })
        .map_err($crate::StoreError::from)
    }};
}
/// Reads rows as `$row`, a tuple or a `FromRow`.
macro_rules! fetch_all {
    ($conn:expr, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => {{
        // Before the connection is lent: the text may depend on the engine.
        let text: &'static str = $sql;
        $crate::engine::on_engine!($conn, c => {
            sqlx::query_as::<_, $row>(text)$(.bind($bind))*.fetch_all(c).await
        })
        .map_err($crate::StoreError::from)
    }};
}
macro_rules! fetch_one {
    ($conn:expr, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => {{
        // Before the connection is lent: the text may depend on the engine.
        let text: &'static str = $sql;
        $crate::engine::on_engine!($conn, c => {
            sqlx::query_as::<_, $row>(text)$(.bind($bind))*.fetch_one(c).await
        })
        .map_err($crate::StoreError::from)
    }};
}
macro_rules! fetch_optional {
    ($conn:expr, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => {{
        // Before the connection is lent: the text may depend on the engine.
        let text: &'static str = $sql;
        $crate::engine::on_engine!($conn, c => {
            sqlx::query_as::<_, $row>(text)$(.bind($bind))*.fetch_optional(c).await
        })
        .map_err($crate::StoreError::from)
    }};
}
/// Picks a text where the engines really differ.
macro_rules! sql {
    ($conn:expr, sqlite: $sqlite:expr, postgres: $postgres:expr $(,)?) => {
        match $conn.engine() {
            $crate::engine::Engine::Sqlite => $sqlite,
            $crate::engine::Engine::Postgres => $postgres,
        }
    };
}
/// A `SELECT` whose rows the transaction is about to change: nobody else may change them meanwhile.
macro_rules! locked {
    ($conn:expr, $sql:expr) => {
        $crate::engine::sql!($conn, sqlite: $sql, postgres: concat!($sql, " FOR UPDATE"))
    };
    ($conn:expr, $sql:expr, of $alias:literal) => {
        $crate::engine::sql!($conn, sqlite: $sql, postgres: concat!($sql, " FOR UPDATE OF ", $alias))
    };
}
/// Reads the rows of a [`Query`].
macro_rules! fetch_query {
    ($conn:expr, $row:ty, $query:expr) => {{
        let (text, args) = $query.into_parts();
        $crate::engine::on_engine!($conn, c => {
            let mut query = sqlx::query_as::<_, $row>(sqlx::AssertSqlSafe(text));
            for arg in args {
                query = $crate::engine::bind_arg!(query, arg);
            }
            query.fetch_all(c).await
        })
        .map_err($crate::StoreError::from)
    }};
}
/// Runs a [`Query`]; the number of rows it changed.
macro_rules! execute_query {
    ($conn:expr, $query:expr) => {{
        let (text, args) = $query.into_parts();
        $crate::engine::on_engine!($conn, c => {
            let mut query = sqlx::query(sqlx::AssertSqlSafe(text));
            for arg in args {
                query = $crate::engine::bind_arg!(query, arg);
            }
            query.execute(c).await.map(|done| done.rows_affected())
        })
        .map_err($crate::StoreError::from)
    }};
}
macro_rules! bind_arg {
    ($query:expr, $arg:expr) => {
        match $arg {
            $crate::engine::Arg::Id(value) => $query.bind(value),
            $crate::engine::Arg::Text(value) => $query.bind(value),
            $crate::engine::Arg::Int(value) => $query.bind(value),
            $crate::engine::Arg::Flag(value) => $query.bind(value),
            $crate::engine::Arg::At(value) => $query.bind(value),
            $crate::engine::Arg::Day(value) => $query.bind(value),
            $crate::engine::Arg::Bytes(value) => $query.bind(value),
        }
    };
}
pub(crate) use {
    bind_arg, execute, execute_query, fetch_all, fetch_one, fetch_optional, fetch_query, locked, on_engine,
    sql,
};

/// A value for a [`Query`].
#[derive(Clone, Debug)]
pub(crate) enum Arg {
    Id(Option<Uuid>),
    Text(Option<String>),
    Int(Option<i64>),
    Flag(bool),
    At(Option<DateTime<Utc>>),
    Day(NaiveDate),
    Bytes(Vec<u8>),
}

macro_rules! args {
    ($($variant:ident($from:ty) => $make:expr;)*) => {$(
        impl From<$from> for Arg {
            fn from(value: $from) -> Self { Self::$variant($make(value)) }
        }
    )*};
}
args! {
    Id(Uuid) => Some;
    Id(Option<Uuid>) => std::convert::identity;
    Text(String) => Some;
    Text(Option<String>) => std::convert::identity;
    Text(&str) => |text: &str| Some(text.to_owned());
    Int(i64) => Some;
    Int(Option<i64>) => std::convert::identity;
    Flag(bool) => std::convert::identity;
    At(DateTime<Utc>) => Some;
    At(Option<DateTime<Utc>>) => std::convert::identity;
    Day(NaiveDate) => std::convert::identity;
    Bytes(Vec<u8>) => std::convert::identity;
}

/// A statement put together at run time: filters of lists, inserts of many rows. The text is ours alone; every value
/// is bound.
pub(crate) struct Query {
    text: String,
    args: Vec<Arg>,
}

impl Query {
    pub(crate) fn new(text: &str) -> Self {
        Self { text: text.to_owned(), args: Vec::new() }
    }
    pub(crate) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }
    /// Puts a placeholder for the value.
    pub(crate) fn bind(&mut self, value: impl Into<Arg>) -> &mut Self {
        self.args.push(value.into());
        self.text.push('$');
        self.text.push_str(&self.args.len().to_string());
        self
    }
    /// `(…), (…)` for the rows of an insert.
    pub(crate) fn rows(&mut self, rows: impl IntoIterator<Item = Vec<Arg>>) -> &mut Self {
        for (index, row) in rows.into_iter().enumerate() {
            self.text.push_str(if index == 0 { "(" } else { ", (" });
            for (column, value) in row.into_iter().enumerate() {
                if column > 0 {
                    self.text.push_str(", ");
                }
                self.bind(value);
            }
            self.text.push(')');
        }
        self
    }
    pub(crate) fn into_parts(self) -> (String, Vec<Arg>) {
        (self.text, self.args)
    }
}
