//! Logs and metrics. A log line never holds text of a ticket, a token, an address or a password; a metric's labels are
//! bounded (no tenant, no ticket).
//!
//! Everything that follows from a webhook call, in whichever process, is logged under one `trace_id`, made of the
//! delivery's id ([`domain::DeliveryId::trace`]). With the feature `otel` the same spans go to a collector
//! ([`otel`]). None of these ids is sent to a PSA or a model: they would learn nothing from it that helps anyone.

#[cfg(feature = "otel")]
pub mod otel;

use crate::config::{Config, LogFormat};
use axum::Router;
use axum::routing::get;
use chrono::{DateTime, Utc};
use domain::DeliveryId;
use http::HeaderMap;
use metrics::gauge;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::sync::OnceLock;
use store::Store;
use store::jobs::QueueHealth;
use tracing::Subscriber;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// Begins to log as `LOG` and `LOG_FORMAT` say, and to export traces where `OTLP_ENDPOINT` is set. The second call in a
/// process changes nothing.
pub fn init(config: &Config) -> Telemetry {
    let filter = EnvFilter::try_new(&config.log).unwrap_or_else(|error| {
        eprintln!("undertone: LOG is not a filter ({error}); logging at info");
        EnvFilter::new("info")
    });
    let lines = lines(config.log_format, std::io::stderr);
    let registry = tracing_subscriber::registry().with(filter).with(lines);
    #[cfg(feature = "otel")]
    let (registry, telemetry) = {
        // Another address is refused when the settings are checked.
        let endpoint = config.otlp_endpoint.as_ref().filter(|url| matches!(url.scheme(), "http" | "https"));
        let exporter = endpoint.map(otel::Exporter::start);
        (registry.with(exporter.as_ref().map(|exporter| exporter.layer())), Telemetry { exporter })
    };
    #[cfg(not(feature = "otel"))]
    let telemetry = Telemetry {};
    if registry.try_init().is_err() {
        tracing::debug!("logging had begun before");
    }
    telemetry
}

/// Log lines as text, or as JSON objects whose `span` and `spans` hold what an event happened in.
pub fn lines<S, W>(format: LogFormat, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    match format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    }
}

/// What [`init`] began.
#[must_use = "what was not exported yet is lost without `end`"]
pub struct Telemetry {
    #[cfg(feature = "otel")]
    exporter: Option<otel::Exporter>,
}

impl Telemetry {
    /// Sends what has not been sent yet; waits for it a few seconds at most.
    pub fn end(self) {
        #[cfg(feature = "otel")]
        if let Some(exporter) = self.exporter {
            exporter.end();
        }
    }
}

/// Puts a span into the trace of its delivery, for a collector; log lines carry `trace_id` by themselves.
pub fn join_trace(span: &tracing::Span, delivery: Option<DeliveryId>) {
    #[cfg(feature = "otel")]
    otel::join_trace(span, delivery);
    #[cfg(not(feature = "otel"))]
    let _ = (span, delivery);
}

/// The trace id of a well-formed W3C `traceparent`.
pub fn callers_trace(headers: &HeaderMap) -> Option<String> {
    let text = headers.get("traceparent")?.to_str().ok()?;
    let parts: Vec<&str> = text.trim().split('-').collect();
    let [version, trace, parent, flags, ..] = parts.as_slice() else { return None };
    let is_hex = |text: &str, length| {
        text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_some = |text: &str| text.bytes().any(|byte| byte != b'0');
    let known = is_hex(version, 2) && *version != "ff" && (*version != "00" || parts.len() == 4);
    let fits =
        is_hex(trace, 32) && is_some(trace) && is_hex(parent, 16) && is_some(parent) && is_hex(flags, 2);
    (known && fits).then(|| (*trace).to_owned())
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
    describe_counter!("undertone_connections_refused_total", "Connections that found no room");
    describe_counter!("undertone_probes_total", "Tries of connections whose key was refused, by outcome");
    describe_counter!("undertone_sweeps_total", "Looks into a PSA's list of new tickets, by outcome");
    describe_counter!(
        "undertone_recovered_total",
        "Tickets taken in by a sweep, by whether their webhook got lost or none calls"
    );
    describe_counter!("undertone_imported_total", "Past tickets that imports took in");
    describe_gauge!("undertone_hooks_off", "Workspaces whose PSA has switched our webhook off");
    describe_counter!(
        "undertone_tidied_total",
        "What was removed because its time was up: texts of tickets, deliveries, sessions, attempts"
    );
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn traced(text: &[u8]) -> Option<String> {
        let value = http::HeaderValue::from_bytes(text).ok()?;
        callers_trace(&HeaderMap::from_iter([(http::HeaderName::from_static("traceparent"), value)]))
    }

    #[test]
    fn only_a_well_formed_traceparent_names_a_trace() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let cases = [
            (format!("00-{trace}-00f067aa0ba902b7-01"), true),
            (format!(" 00-{trace}-00f067aa0ba902b7-00 "), true),
            (format!("cc-{trace}-00f067aa0ba902b7-01-what-the-future-will-be"), true),
            (format!("00-{trace}-00f067aa0ba902b7-01-more"), false),
            (format!("ff-{trace}-00f067aa0ba902b7-01"), false),
            (format!("00-{}-00f067aa0ba902b7-01", trace.to_uppercase()), false),
            (format!("00-{trace}-0000000000000000-01"), false),
            (format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)), false),
            (format!("00-{trace}-00f067aa0ba902b7"), false),
            (trace.to_owned(), false),
            (String::new(), false),
        ];
        for (text, known) in cases {
            assert_eq!(traced(text.as_bytes()), known.then(|| trace.to_owned()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_a_caller_sends_its_trace_is_no_more_than_32_digits(
            text in prop_oneof![prop::collection::vec(any::<u8>(), 0..80), "[0-9a-f]{2}(-[0-9a-fA-F]{0,34}){0,5}".prop_map(String::into_bytes)]
        ) {
            let found = traced(&text);
            prop_assert!(found.is_none_or(|trace| trace.len() == 32 && trace.bytes().all(|byte| byte.is_ascii_hexdigit())));
        }
    }
}
