//! The command line. Commands that make something print JSON with `--json`; passwords come from standard input only.

mod accounts;
mod doctor;
mod keys;
mod serve;

use crate::clock::Clock;
use crate::config::{Config, ConfigError};
use anyhow::Context;
use clap::{Parser, Subcommand};
use std::io::Read;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use store::Store;

/// Undertone hears the undertone in every ticket: it scores what customers write to a service desk and raises,
/// escalates and explains what needs a person now.
#[derive(Parser)]
#[command(name = "undertone", version, max_term_width = 100)]
struct Line {
    #[command(flatten)]
    config: Config,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the screens, the API and the webhooks, and work on tickets (the default)
    Serve {
        /// With the sandbox: three demo workspaces whose tickets arrive from stand-in PSAs on this machine
        #[arg(long)]
        demo: bool,
        /// Where the first of the four stand-ins listens; the others take the next three ports
        #[arg(long, env = "UNDERTONE_SANDBOX_LISTEN", default_value_t = serve::SANDBOX, requires = "demo")]
        sandbox_listen: SocketAddr,
    },
    /// Serve the screens, the API and the webhooks only
    Web,
    /// Work on tickets only
    Work,
    /// Bring the database up to date
    Migrate,
    /// Check settings, database, keys and connections, and say what to do
    Doctor {
        /// Ask each ticketing system and model as Test on the Connections page does; a model answers one small question
        #[arg(long)]
        connections: bool,
    },
    /// Copy a live SQLite database to a new file
    Backup { file: PathBuf },
    /// Count the sums behind Overview, Clients and trends anew from the tickets
    Recount,
    /// Workspaces (one for each MSP)
    #[command(subcommand)]
    Tenant(accounts::TenantCommand),
    /// People
    #[command(subcommand)]
    User(accounts::UserCommand),
    /// API tokens
    #[command(subcommand)]
    Token(accounts::TokenCommand),
    /// The keys that seal tenants' secrets
    #[command(subcommand)]
    Key(keys::KeyCommand),
}

/// Parses the arguments, runs the command, prints what went wrong with its causes.
pub fn main() -> ExitCode {
    let line = Line::parse();
    let telemetry = crate::telemetry::init(&line.config);
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        tracing::debug!("a TLS provider was installed before");
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&anyhow::Error::new(error).context("could not start the runtime")),
    };
    let result = runtime.block_on(run(line));
    // A look-up of a name that hangs would keep the process for as long as it likes.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    telemetry.end();
    match result {
        Ok(code) => code,
        Err(error) => fail(&error),
    }
}

fn fail(error: &anyhow::Error) -> ExitCode {
    eprintln!("undertone: {error:#}");
    ExitCode::FAILURE
}

async fn run(line: Line) -> anyhow::Result<ExitCode> {
    let config = line.config;
    match line.command.unwrap_or(Command::Serve { demo: false, sandbox_listen: serve::SANDBOX }) {
        Command::Serve { demo, sandbox_listen } => {
            serve::serve(config, serve::Roles::ALL, demo.then_some(sandbox_listen)).await?;
        }
        Command::Web => serve::serve(config, serve::Roles::WEB, None).await?,
        Command::Work => serve::serve(config, serve::Roles::WORK, None).await?,
        Command::Migrate => {
            let store = open(&config, Keys::MayBeMade).await?;
            let pending = store.pending_migrations().await?;
            store.migrate().await?;
            println!(
                "{}",
                if pending.is_empty() {
                    "nothing to do".into()
                } else {
                    format!("applied: {}", pending.join(", "))
                }
            );
        }
        Command::Doctor { connections } => return doctor::run(&config, connections).await,
        Command::Backup { file } => {
            let store = open(&config, Keys::MustExist).await?;
            if config.sqlite_path().is_some() {
                anyhow::ensure!(!file.exists(), "{} exists already: name a new file", file.display());
                // SQLite fills an empty file, and keeps its rights.
                keys::private(&file, true)?;
            }
            store.backup(&file).await?;
            println!(
                "copied to {}; keep {} with it: without its key no secret opens",
                file.display(),
                config.key_file().display()
            );
        }
        Command::Recount => recount(&ready(&config).await?).await?,
        Command::Tenant(command) => accounts::tenant(&ready(&config).await?, command).await?,
        Command::User(command) => accounts::user(&ready(&config).await?, command).await?,
        Command::Token(command) => accounts::token(&ready(&config).await?, command).await?,
        Command::Key(command) => keys::run(&config, command).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// A workspace at a time: what is written meanwhile waits.
async fn recount(store: &Store) -> anyhow::Result<()> {
    for tenant in store.tenant_list().await? {
        store.tenant(tenant.id).trends_rebuild().await?;
        println!("counted anew: {}", tenant.name);
    }
    Ok(())
}

/// What to do when the key file is not there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keys {
    MustExist,
    /// SQLite only: a first start makes it.
    MayBeMade,
}

/// Opens the database with its keys; does not migrate.
async fn open(config: &Config, keys: Keys) -> anyhow::Result<Store> {
    config.check(false)?;
    let ring = keys::load(config, keys)?;
    if let Some(folder) = config
        .sqlite_path()
        .as_deref()
        .and_then(std::path::Path::parent)
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("could not make the folder {}", folder.display()))?;
    }
    // Tickets' texts are in it. SQLite gives the files beside it the same rights.
    if let Some(path) = config.sqlite_path().filter(|path| !path.exists()) {
        keys::private(&path, true)?;
    }
    Store::open(&config.database_url, ring)
        .await
        .context("could not open the database that DATABASE_URL names")
}

/// Opens and migrates: what most commands need.
async fn ready(config: &Config) -> anyhow::Result<Store> {
    let store = open(config, Keys::MayBeMade).await?;
    store.migrate().await.context("could not bring the database up to date")?;
    fitting(&store).await?;
    Ok(store)
}

/// A database with another's keys would answer everything with an error.
async fn fitting(store: &Store) -> anyhow::Result<()> {
    store.keys_fit().await.context(
        "SECRET_KEY_FILE is not the one of this database: put back the one its secrets were sealed with",
    )
}

/// One line from standard input, without its end.
fn password_from_stdin() -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .take(4096)
        .read_to_string(&mut text)
        .context("could not read the password from standard input")?;
    let password = text.trim_end_matches(['\r', '\n']).to_owned();
    if let Err(message) = domain::password_problem(&password, "") {
        return Err(ConfigError(format!("standard input must hold the password: {message}")).into());
    }
    Ok(password)
}

fn now() -> chrono::DateTime<chrono::Utc> {
    Clock::system().now()
}
