//! `undertone doctor`: looks at everything an operator may have got wrong, and says what to do.

use super::{Keys, keys, now};
use crate::config::Config;
use crate::connections::Connections;
use crate::outside::Outside;
use crate::queue;
use chrono::{DateTime, TimeDelta, Utc};
use domain::Report;
use futures::StreamExt;
use std::process::ExitCode;
use std::time::Duration;
use store::connections::ConnectionState;
use store::{Store, TenantStore};

/// How long one connection may take to answer all its checks, and how many are asked at once.
const PATIENCE: Duration = Duration::from_secs(60);
const AT_ONCE: usize = 8;

/// Prints one line a check; fails when one of them does.
pub async fn run(config: &Config, connections: bool) -> anyhow::Result<ExitCode> {
    let mut report = Report::default();
    examine(config, connections, &mut report).await;
    for check in &report.checks {
        println!("{} {}: {}", if check.ok { "ok  " } else { "FAIL" }, check.name, check.message);
    }
    Ok(if report.ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn examine(config: &Config, connections: bool, report: &mut Report) {
    match config.check(false) {
        Ok(()) => report.pass("Settings", format!("served at {} as {}", config.listen, config.public_url())),
        Err(error) => report.fail("Settings", error.to_string()),
    }
    let ring = match keys::load(config, Keys::MustExist) {
        Ok(ring) => ring,
        Err(error) => {
            report.fail("Keys", format!("{error:#}. A first `undertone serve` makes the file for SQLite"));
            return;
        }
    };
    key_file_mode(config, report);
    let store = match Store::open(&config.database_url, ring).await {
        Ok(store) => store,
        Err(error) => {
            report.fail(
                "Database",
                format!("{:#}. Check DATABASE_URL and that the server runs", anyhow::Error::new(error)),
            );
            return;
        }
    };
    report.pass("Database", format!("{} answers", store.engine_name()));
    match store.pending_migrations().await {
        Ok(pending) if pending.is_empty() => report.pass("Migrations", "all applied"),
        Ok(pending) => {
            report.fail("Migrations", format!("missing: {}. Run `undertone migrate`", pending.join(", ")));
            return;
        }
        Err(error) => {
            report.fail("Migrations", format!("{:#}", anyhow::Error::new(error)));
            return;
        }
    }
    match store.unbound_role().await {
        Ok(None) if config.sqlite_path().is_some() => {}
        Ok(None) => report.pass("Row security", "binds the database's role"),
        Ok(Some(role)) => report.fail("Row security", unbound(&role)),
        Err(error) => report.fail("Row security", format!("{:#}", anyhow::Error::new(error))),
    }
    match store.database_time().await {
        Ok(there) => clock(now(), there, report),
        Err(error) => report.fail("Clock", format!("{:#}", anyhow::Error::new(error))),
    }
    let examined = match connections {
        true => ask_all(&store, config, report).await,
        false => workspaces(&store, report).await,
    };
    if let Err(error) = examined {
        report.fail("Workspaces", format!("{:#}", anyhow::Error::new(error)));
    }
}

/// `there`: what the database's own clock says.
fn clock(here: DateTime<Utc>, there: Option<DateTime<Utc>>, report: &mut Report) {
    if here < build_time() {
        return report.fail(
            "Clock",
            "this machine's clock is before this program was built: set it (signatures and sessions depend on it)",
        );
    }
    match there.map(|there| here - there).filter(|off| off.abs() >= queue::CLOCKS_APART) {
        Some(off) => report.fail(
            "Clock",
            format!(
                "this machine's clock is {} seconds {} the database's. Let both keep to one time server: a process whose \
                 clock is {} seconds ahead takes work from others that are still at it",
                off.num_seconds().abs(),
                if off > TimeDelta::zero() { "ahead of" } else { "behind" },
                queue::LEASE.as_secs()
            ),
        ),
        None => report.pass("Clock", here.format("%Y-%m-%d %H:%M:%S UTC").to_string()),
    }
}

/// What it means that row security does not bind the database's role, and what to do.
pub fn unbound(role: &str) -> String {
    format!(
        "the database's role “{role}” is a superuser or has BYPASSRLS, so PostgreSQL does not keep workspaces apart by itself; \
         only the program's own conditions do. Make an ordinary role: CREATE ROLE ut_app LOGIN PASSWORD '…' \
         NOSUPERUSER NOBYPASSRLS; give it the database and its tables (docs/operations.md, “The database's role”, has the \
         statements), and put it into DATABASE_URL"
    )
}

/// A lower bound of the true time.
fn build_time() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_392_000, 0).unwrap_or_default()
}

fn key_file_mode(config: &Config, report: &mut Report) {
    let file = config.key_file();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        match std::fs::metadata(&file).map(|meta| meta.permissions().mode() & 0o077) {
            Ok(0) => report.pass("Keys", format!("{} is private", file.display())),
            Ok(_) => report.fail(
                "Keys",
                format!("others on this machine can read {0}: run `chmod 600 {0}`", file.display()),
            ),
            Err(error) => report.fail("Keys", error.to_string()),
        }
    }
    #[cfg(not(unix))]
    report.pass("Keys", file.display().to_string());
}

async fn workspaces(store: &Store, report: &mut Report) -> store::Result<()> {
    for tenant in store.tenant_list().await? {
        let name = format!("Workspace “{}”", tenant.name);
        let own = store.tenant(tenant.id);
        match own.psa_connection().await? {
            None => report.pass(&name, "no PSA is connected yet"),
            Some(connection) => said(report, &name, connection.settings.kind().name(), &connection.state),
        }
        let model = own.model_connection().await?;
        said(report, &name, &model.settings.shown(), &model.state);
    }
    Ok(())
}

fn said(report: &mut Report, name: &str, what: &str, state: &ConnectionState) {
    match state {
        ConnectionState::Untested => report.pass(name, format!("{what}: saved, not tested")),
        ConnectionState::Working { since } => {
            report.pass(name, format!("{what}: works since {}", since.format("%Y-%m-%d %H:%M UTC")))
        }
        ConnectionState::Paused { since, reason, next_try } => report.fail(
            name,
            format!(
                "{what}: paused since {}, tried again at {}. {reason}",
                since.format("%Y-%m-%d %H:%M UTC"),
                next_try.format("%H:%M UTC")
            ),
        ),
    }
}

/// Asks each connection. Nothing is stored: a running instance judges by itself.
async fn ask_all(store: &Store, config: &Config, report: &mut Report) -> store::Result<()> {
    let connections = Connections::new(Outside::new(config.allow_private_hosts));
    let mut asked = Vec::new();
    for tenant in store.tenant_list().await? {
        let (own, name) = (store.tenant(tenant.id), format!("Workspace “{}”", tenant.name));
        asked.push(ask(&connections, own, name));
    }
    let mut found = futures::stream::iter(asked).buffered(AT_ONCE);
    while let Some(checks) = found.next().await {
        report.checks.extend(checks?.checks);
    }
    Ok(())
}

async fn ask(connections: &Connections, own: TenantStore, name: String) -> store::Result<Report> {
    let mut report = Report::default();
    let model = own.model_connection().await?;
    if let Some(saved) = own.psa_connection().await? {
        let probe =
            async { Ok(connections.psa(&own).await.map_err(|error| error.to_string())?.probe().await) };
        let what = saved.settings.kind().name();
        heard(&mut report, &name, what, &saved.state, probe).await;
    } else {
        report.pass(&name, "no PSA is connected yet");
    }
    let probe = async { Ok(connections.model(&own).await.map_err(|error| error.to_string())?.probe().await) };
    heard(&mut report, &name, &model.settings.shown(), &model.state, probe).await;
    Ok(report)
}

async fn heard(
    report: &mut Report,
    name: &str,
    what: &str,
    state: &ConnectionState,
    probe: impl Future<Output = Result<Report, String>>,
) {
    // A key that is refused again and again gets its user locked.
    if let ConnectionState::Paused { .. } = state {
        return said(report, name, what, state);
    }
    match tokio::time::timeout(PATIENCE, probe).await {
        Err(_) => report.fail(
            name,
            format!(
                "{what}: no answer within {} s. Check its address, and the way there from this machine",
                PATIENCE.as_secs()
            ),
        ),
        Ok(Err(error)) => report.fail(name, format!("{what}: {error}")),
        Ok(Ok(found)) => {
            let wrong: Vec<_> = found.checks.iter().filter(|check| !check.ok).collect();
            for check in &wrong {
                report.fail(name, format!("{what}, {}: {}", check.name, check.message));
            }
            if wrong.is_empty() {
                report.pass(name, format!("{what}: answers, all {} checks passed", found.checks.len()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_compared_with_the_programs_age_and_the_databases() {
        let here = build_time() + TimeDelta::days(9);
        let cases = [
            (build_time() - TimeDelta::seconds(1), None, "before this program was built"),
            (here, None, ""),
            (here, Some(TimeDelta::seconds(29)), ""),
            (here, Some(TimeDelta::seconds(-29)), ""),
            (here, Some(TimeDelta::seconds(90)), "90 seconds behind the database's"),
            (here, Some(TimeDelta::seconds(-40)), "40 seconds ahead of the database's"),
        ];
        for (here, apart, expected) in cases {
            let mut report = Report::default();
            clock(here, apart.map(|apart| here + apart), &mut report);
            let check = &report.checks[0];
            assert_eq!(check.ok, expected.is_empty(), "{check:?}");
            assert!(check.message.contains(expected), "{check:?}");
        }
    }
}
