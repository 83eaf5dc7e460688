//! Spans to a collector, by OTLP over HTTP. The trace of a ticket is its delivery's, so that what several processes tell
//! of it meets in one.

use async_trait::async_trait;
use bytes::Bytes;
use domain::DeliveryId;
use http::{Request, Response};
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, TracerProvider,
};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use std::time::Duration;
use tracing::Subscriber;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;
use url::Url;

/// How long one export may take, and the last one at the end.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Collects spans and sends them, a few seconds later, from a thread of its own.
pub struct Exporter {
    provider: SdkTracerProvider,
    runtime: tokio::runtime::Runtime,
}

impl Exporter {
    /// `endpoint` is the collector's base address. Whether it can be reached shows later, in the log: a collector that is
    /// down keeps no ticket waiting.
    ///
    /// # Panics
    /// Where the system gives no thread.
    pub fn start(endpoint: &Url) -> Self {
        // The program's own runtime is gone when the last spans are sent.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a thread can be started");
        let client = Client { client: client(), runtime: runtime.handle().clone() };
        let address = format!("{}/v1/traces", endpoint.as_str().trim_end_matches('/'));
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_endpoint(address)
            .with_timeout(TIMEOUT)
            .build()
            .expect("an address that was checked, and a client");
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(Resource::builder_empty().with_attributes(resource()).build())
            .build();
        Self { provider, runtime }
    }

    pub fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        let tracer = self.provider.tracer("undertone");
        tracing_opentelemetry::layer().with_tracer(tracer).with_location(false).with_threads(false)
    }

    /// Sends what is left.
    pub fn end(self) {
        if let Err(error) = self.provider.shutdown_with_timeout(TIMEOUT) {
            tracing::warn!(%error, "the last spans could not be sent");
        }
        self.runtime.shutdown_timeout(TIMEOUT);
    }
}

fn resource() -> [opentelemetry::KeyValue; 2] {
    use opentelemetry::KeyValue;
    [KeyValue::new("service.name", "undertone"), KeyValue::new("service.version", env!("CARGO_PKG_VERSION"))]
}

/// Makes `span`, which must not have been entered yet, a part of the delivery's trace.
pub(super) fn join_trace(span: &tracing::Span, delivery: Option<DeliveryId>) {
    let Some(delivery) = delivery else { return };
    let id = delivery.0.as_u128();
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the lower half of the id stands for the call itself"
    )]
    let call = SpanId::from(id as u64);
    let trace = TraceId::from(id);
    let call = SpanContext::new(trace, call, TraceFlags::SAMPLED, true, TraceState::default());
    // Fails where nothing is exported.
    let _ = span.set_parent(opentelemetry::Context::new().with_remote_span_context(call));
}

/// The client of the whole program, in the exporter's words: a second one would be a second copy of it in the program.
#[derive(Debug)]
struct Client {
    client: reqwest::Client,
    runtime: tokio::runtime::Handle,
}

fn client() -> reqwest::Client {
    // Fails when it is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    #[expect(
        clippy::disallowed_methods,
        reason = "the collector is the operator's, not a tenant's: it needs no guard"
    )]
    let builder = || reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(TIMEOUT);
    builder()
        .build()
        .or_else(|_| builder().tls_certs_only([]).build())
        .expect("only a missing TLS provider or unreadable certificates could fail this")
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let send = async move {
            let answer = client.execute(request.try_into()?).await?.error_for_status()?;
            let status = answer.status();
            let mut response = Response::new(answer.bytes().await?);
            *response.status_mut() = status;
            Ok::<_, reqwest::Error>(response)
        };
        let sent = self.runtime.spawn(send).await?;
        if let Err(error) = &sent {
            tracing::warn!(
                error = error as &dyn std::error::Error,
                "spans could not be sent to the collector"
            );
        }
        Ok(sent?)
    }
}
