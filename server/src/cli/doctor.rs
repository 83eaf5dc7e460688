//! `undertone doctor`: looks at everything an operator may have got wrong, and says what to do.

use super::{Keys, keys, now};
use crate::config::Config;
use domain::Report;
use std::process::ExitCode;
use store::Store;
use store::connections::ConnectionState;

/// Prints one line a check; fails when one of them does.
pub async fn run(config: &Config) -> anyhow::Result<ExitCode> {
    let mut report = Report::default();
    examine(config, &mut report).await;
    for check in &report.checks {
        println!("{} {}: {}", if check.ok { "ok  " } else { "FAIL" }, check.name, check.message);
    }
    Ok(if report.ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn examine(config: &Config, report: &mut Report) {
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
    match now().signed_duration_since(build_time()).num_days() {
        days if days < 0 => report.fail("Clock", "this machine's clock is before this program was built: set it (signatures and sessions depend on it)"),
        _ => report.pass("Clock", now().format("%Y-%m-%d %H:%M:%S UTC").to_string()),
    }
    if let Err(error) = workspaces(&store, report).await {
        report.fail("Workspaces", format!("{:#}", anyhow::Error::new(error)));
    }
}

/// A lower bound of the true time.
fn build_time() -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::from_timestamp(1_795_392_000, 0).unwrap_or_default()
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
