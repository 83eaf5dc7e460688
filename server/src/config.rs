//! All settings: flags and environment in one struct, checked together. `--help` is the manual.

use crate::queue::LEASE;
use clap::Args;
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;
use url::Url;

/// What the operator sets. Tenants' settings live in the database.
#[derive(Clone, Args)]
pub struct Config {
    /// Where everything is kept: `sqlite://PATH` or `postgres://USER:PASSWORD@HOST/DATABASE`
    #[arg(
        long,
        global = true,
        env = "UNDERTONE_DATABASE_URL",
        default_value = "sqlite://data/undertone.db",
        hide_env_values = true
    )]
    pub database_url: String,

    /// Address of the web server
    #[arg(long, global = true, env = "UNDERTONE_LISTEN", default_value = "127.0.0.1:3000")]
    pub listen: SocketAddr,

    /// Address of the Prometheus metrics; never the public one
    #[arg(long, global = true, env = "UNDERTONE_METRICS_LISTEN", default_value = "127.0.0.1:9464")]
    pub metrics_listen: SocketAddr,

    /// How the outside reaches this instance, used in webhook addresses [default: http://LISTEN]
    #[arg(long, global = true, env = "UNDERTONE_PUBLIC_URL")]
    pub public_url: Option<Url>,

    /// The keys that seal tenants' secrets [default for SQLite: data/secret.key, made on first start]
    #[arg(long, global = true, env = "UNDERTONE_SECRET_KEY_FILE")]
    pub secret_key_file: Option<PathBuf>,

    /// Whether tenants' PSA and model addresses may be private, loopback or plain http
    #[arg(long, global = true, env = "UNDERTONE_ALLOW_PRIVATE_HOSTS", default_value_t = false, num_args = 0..=1, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub allow_private_hosts: bool,

    /// Tickets worked on at once by this process
    #[arg(long, global = true, env = "UNDERTONE_WORKERS", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub workers: u16,

    /// Webhook calls a second that one workspace may make, with bursts of ten times as many; beyond that it is told to
    /// slow down (429)
    #[arg(long, global = true, env = "UNDERTONE_HOOK_RATE", default_value = "200")]
    pub hook_rate: std::num::NonZeroU32,

    /// Proxies in front of this instance, as addresses or networks (`10.0.0.0/8`), comma-separated: the address before
    /// them in X-Forwarded-For is taken for the caller's when attempts to sign in are counted
    #[arg(long, global = true, env = "UNDERTONE_TRUSTED_PROXIES", value_delimiter = ',', default_value = "127.0.0.0/8,::1", value_parser = network)]
    pub trusted_proxies: Vec<IpNet>,

    /// Seconds for which a claimed ticket belongs to this process unless it says so again, which it does three times as
    /// often. Hidden: only tests, which do not wait for a minute and a half, have a reason to set it
    #[arg(long, global = true, env = "UNDERTONE_LEASE_SECONDS", hide = true, default_value_t = LEASE.as_secs(), value_parser = clap::value_parser!(u64).range(3..=600))]
    pub lease_seconds: u64,

    /// Hours until a sign-in expires
    #[arg(long, global = true, env = "UNDERTONE_SESSION_HOURS", default_value_t = 12, value_parser = clap::value_parser!(u16).range(1..=8760))]
    pub session_hours: u16,

    /// Seconds that what is under way may take to finish when the program is told to stop; then it is cut off and handed
    /// back, to be taken up by the next process
    #[arg(long, global = true, env = "UNDERTONE_STOP_SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u16).range(0..=3600))]
    pub stop_seconds: u16,

    /// Days after which the text of a ticket is removed (its scores, counts and what was done stay), unless its workspace
    /// chose otherwise; 0 keeps it for good. 400 days are a year and a month: any month can be held against the same one of
    /// the year before
    #[arg(long, global = true, env = "UNDERTONE_RETENTION_DAYS", default_value_t = 400, value_parser = clap::value_parser!(u16).range(0..=3650))]
    pub retention_days: u16,

    /// What is logged, such as `info` or `undertone=debug,warn`
    #[arg(long, global = true, env = "UNDERTONE_LOG", default_value = "info")]
    pub log: String,

    /// How it is logged
    #[arg(long, global = true, env = "UNDERTONE_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,

    /// Where traces are sent by OTLP over HTTP, such as `http://127.0.0.1:4318`; needs a program built with `--features otel`
    #[arg(long, global = true, env = "UNDERTONE_OTLP_ENDPOINT")]
    pub otlp_endpoint: Option<Url>,
}

/// `10.0.0.7` is meant as the network of that one address.
fn network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    let alone = text.parse::<IpAddr>().map(IpNet::from);
    alone.or_else(|_| text.parse()).map_err(|_| "give an address or a network such as 10.0.0.0/8".to_owned())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

impl std::fmt::Debug for Config {
    /// Without the database address, which may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("engine", &if self.is_postgres() { "postgres" } else { "sqlite" })
            .field("listen", &self.listen)
            .field("public_url", &self.public_url().as_str())
            .field("allow_private_hosts", &self.allow_private_hosts)
            .field("workers", &self.workers)
            .finish_non_exhaustive()
    }
}

/// Settings that contradict each other or cannot be; each message names them and says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

impl Config {
    pub fn is_postgres(&self) -> bool {
        self.database_url.starts_with("postgres")
    }

    /// The SQLite file.
    pub fn sqlite_path(&self) -> Option<PathBuf> {
        let path = self.database_url.strip_prefix("sqlite://")?;
        Some(PathBuf::from(path.split('?').next().unwrap_or(path)))
    }

    pub fn public_url(&self) -> Url {
        self.public_url.clone().unwrap_or_else(|| {
            Url::parse(&format!("http://{}", self.listen)).expect("a socket address makes a valid address")
        })
    }

    /// How long what is under way may take to finish when the program stops.
    pub fn stop_limit(&self) -> Duration {
        Duration::from_secs(self.stop_seconds.into())
    }

    /// Where the keys are, or would be made.
    pub fn key_file(&self) -> PathBuf {
        self.secret_key_file.clone().unwrap_or_else(|| PathBuf::from("data/secret.key"))
    }

    /// Cookies are `Secure` when the outside comes by https.
    pub fn secure_cookies(&self) -> bool {
        self.public_url().scheme() == "https"
    }

    /// Days that texts are kept where a workspace has not chosen; `None`: for good.
    pub fn texts_kept(&self) -> Option<u16> {
        (self.retention_days > 0).then_some(self.retention_days)
    }

    /// Refuses what contradicts itself. `demo`: started with the sandbox.
    pub fn check(&self, demo: bool) -> Result<(), ConfigError> {
        let refuse = |message: &str| Err(ConfigError(message.to_owned()));
        if !self.is_postgres() && self.sqlite_path().is_none_or(|path| path.as_os_str().is_empty()) {
            return refuse("DATABASE_URL must begin with sqlite:// (and name a file) or postgres://");
        }
        if self.is_postgres() && self.secret_key_file.is_none() {
            return refuse(
                "DATABASE_URL names PostgreSQL but SECRET_KEY_FILE is not set: several machines must share one key file. \
                 Make one with `undertone key generate FILE` and set UNDERTONE_SECRET_KEY_FILE",
            );
        }
        let public = self.public_url();
        if !matches!(public.scheme(), "http" | "https") || public.host_str().is_none() {
            return refuse("PUBLIC_URL must be an http or https address");
        }
        if public.path() != "/" || public.query().is_some() {
            return refuse("PUBLIC_URL must have no path: Undertone is served from the root of its host");
        }
        if self.otlp_endpoint.is_some() && !cfg!(feature = "otel") {
            return refuse(
                "OTLP_ENDPOINT is set, but this program was built without tracing: build it with \
                 `cargo build --release -p server --features otel`, or leave the setting out",
            );
        }
        if self.otlp_endpoint.as_ref().is_some_and(|url| !matches!(url.scheme(), "http" | "https")) {
            return refuse("OTLP_ENDPOINT must be an http or https address");
        }
        let (public_at, metrics_at) = (self.listen.ip(), self.metrics_listen.ip());
        let meet = public_at == metrics_at || public_at.is_unspecified() || metrics_at.is_unspecified();
        if meet && self.listen.port() == self.metrics_listen.port() && self.listen.port() != 0 {
            return refuse("LISTEN and METRICS_LISTEN are the same: metrics must not be on the public port");
        }
        if demo && !self.listen.ip().is_loopback() {
            return refuse(
                "--demo contradicts LISTEN: the demo's passwords are known to everyone, so it serves on a loopback address only",
            );
        }
        if self.allow_private_hosts && public.scheme() == "https" && !demo {
            tracing::warn!(
                "ALLOW_PRIVATE_HOSTS is on while PUBLIC_URL is public: tenants can reach hosts of your network"
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        config: Config,
    }

    fn config(args: &[&str]) -> Config {
        Line::parse_from(std::iter::once(&"undertone").chain(args)).config
    }

    #[test]
    fn the_defaults_are_consistent() {
        assert_eq!(config(&[]).check(false), Ok(()));
        assert_eq!(config(&[]).check(true), Ok(()));
        assert_eq!(config(&[]).public_url().as_str(), "http://127.0.0.1:3000/");
    }

    #[test]
    fn contradictions_are_refused_and_name_both_settings() {
        let traced: &[&str] = match cfg!(feature = "otel") {
            true => &["--otlp-endpoint", "grpc://127.0.0.1:4317"],
            false => &["--otlp-endpoint", "http://127.0.0.1:4318"],
        };
        let cases: [(&[&str], bool, [&str; 2]); 7] = [
            (
                traced,
                false,
                ["OTLP_ENDPOINT", if cfg!(feature = "otel") { "http" } else { "--features otel" }],
            ),
            (&["--listen", "0.0.0.0:9464"], false, ["LISTEN", "METRICS_LISTEN"]),
            (&["--database-url", "postgres://db/u"], false, ["DATABASE_URL", "SECRET_KEY_FILE"]),
            (&["--listen", "127.0.0.1:9464"], false, ["LISTEN", "METRICS_LISTEN"]),
            (&["--listen", "0.0.0.0:3000"], true, ["--demo", "LISTEN"]),
            (&["--public-url", "https://host/path"], false, ["PUBLIC_URL", "path"]),
            (&["--database-url", "mysql://x"], false, ["sqlite://", "postgres://"]),
        ];
        for (args, demo, words) in cases {
            let message = config(args).check(demo).unwrap_err().0;
            for word in words {
                assert!(message.contains(word), "{args:?}: “{message}” should name {word}");
            }
        }
    }

    #[test]
    fn proxies_are_given_as_addresses_or_networks() {
        let shown = |args: &[&str]| -> Vec<String> {
            config(args).trusted_proxies.iter().map(ToString::to_string).collect()
        };
        assert_eq!(shown(&[]), ["127.0.0.0/8", "::1/128"]);
        assert_eq!(
            shown(&["--trusted-proxies", "10.0.0.7, 2001:db8::/32"]),
            ["10.0.0.7/32", "2001:db8::/32"]
        );
        let wrong = Line::try_parse_from(["undertone", "--trusted-proxies", "proxy.local"]).err().unwrap();
        assert!(wrong.to_string().contains("10.0.0.0/8"), "{wrong}");
    }

    #[test]
    fn texts_are_kept_for_a_year_and_a_month_or_as_was_said() {
        assert_eq!(config(&[]).texts_kept(), Some(400));
        assert_eq!(config(&["--retention-days", "30"]).texts_kept(), Some(30));
        assert_eq!(config(&["--retention-days", "0"]).texts_kept(), None);
        assert!(Line::try_parse_from(["undertone", "--retention-days", "3651"]).is_err());
    }

    #[test]
    fn a_password_in_the_database_address_is_not_shown() {
        let shown = format!("{:?}", config(&["--database-url", "postgres://u:hunter2@db/x"]));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
