//! Logs and metrics. A log line never holds text of a ticket, a token, an address or a password; a metric's labels are
//! bounded (no tenant, no ticket).

use crate::config::{Config, LogFormat};
use axum::Router;
use axum::routing::get;
use chrono::{DateTime, Utc};
use metrics::gauge;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::sync::OnceLock;
use store::Store;
use store::jobs::QueueHealth;
use tracing_subscriber::EnvFilter;

/// Begins to log as `LOG` and `LOG_FORMAT` say. The second call in a process changes nothing.
pub fn init(config: &Config) {
    let filter = EnvFilter::try_new(&config.log).unwrap_or_else(|error| {
        eprintln!("undertone: LOG is not a filter ({error}); logging at info");
        EnvFilter::new("info")
    });
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let begun = match config.log_format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    if begun.is_err() {
        tracing::debug!("logging had begun before");
    }
}

/// Stages take from a millisecond (built-in analyser) to a minute (a slow model with a repair).
const STAGE_SECONDS: [f64; 10] = [0.001, 0.005, 0.02, 0.1, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0];

/// The one recorder of this process; metrics made before it exists are dropped.
pub fn recorder() -> &'static PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(|| {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Full("undertone_stage_seconds".into()), &STAGE_SECONDS)
            .expect("the list of buckets is not empty")
            .build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("another recorder of metrics was installed before; ours stays empty");
        }
        describe();
        handle
    })
}

fn describe() {
    use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
    describe_counter!("undertone_deliveries_total", "Webhook calls by PSA and status of our answer");
    describe_counter!("undertone_stage_outcomes_total", "Ends of stages by stage and outcome");
    describe_histogram!("undertone_stage_seconds", Unit::Seconds, "Time a stage took, by stage");
    describe_counter!(
        "undertone_outside_calls_total",
        "Requests to PSAs, models and key servers by kind and outcome"
    );
    describe_counter!(
        "undertone_breaker_opened_total",
        "Pauses in asking a side that failed too often, by kind"
    );
    describe_counter!("undertone_probes_total", "Tries of connections whose key was refused, by outcome");
    describe_counter!("undertone_sweeps_total", "Looks into a PSA's list of new tickets, by outcome");
    describe_counter!(
        "undertone_recovered_total",
        "Tickets taken in by a sweep, by whether their webhook got lost or none calls"
    );
    describe_gauge!("undertone_hooks_off", "Workspaces whose PSA has switched our webhook off");
    describe_counter!("undertone_tokens_total", "Tokens that models were given (in) and gave (out)");
    describe_gauge!("undertone_queue_ready", "Jobs that wait, due or later");
    describe_gauge!("undertone_queue_leased", "Jobs that are worked on");
    describe_gauge!("undertone_queue_dead", "Jobs that were given up and wait for a replay");
    describe_gauge!("undertone_queue_oldest_ready_seconds", Unit::Seconds, "Age of the oldest waiting job");
}

/// `GET /metrics` in Prometheus' text format, for a listener of its own.
pub fn router(store: Store, now: impl Fn() -> DateTime<Utc> + Clone + Send + Sync + 'static) -> Router {
    let handle = recorder();
    Router::new().route(
        "/metrics",
        get(move || async move {
            // Asked for when they are wanted, so that they are neither stale nor collected for nobody.
            match store.queue_health().await {
                Ok(health) => show(&health, now()),
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "could not measure the queue");
                }
            }
            match store.hooks_off().await {
                #[expect(clippy::cast_precision_loss, reason = "there are fewer workspaces")]
                Ok(count) => gauge!("undertone_hooks_off").set(count as f64),
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "could not count webhooks");
                }
            }
            handle.run_upkeep();
            handle.render()
        }),
    )
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn show(health: &QueueHealth, now: DateTime<Utc>) {
    gauge!("undertone_queue_ready").set(health.ready as f64);
    gauge!("undertone_queue_leased").set(health.leased as f64);
    gauge!("undertone_queue_dead").set(health.dead as f64);
    let age = health.oldest_ready_at.map_or(0, |at| (now - at).num_milliseconds().max(0));
    gauge!("undertone_queue_oldest_ready_seconds").set(age as f64 / 1_000.0);
}
