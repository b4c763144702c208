//! The service's own log and its metrics. Neither ever sees keys, tokens or bodies.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::service::Service;
use crate::settings::{LogFormat, Telemetry};

/// There is one recorder in a process.
static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();

/// Latencies in seconds, from half a millisecond on.
const BUCKETS: [f64; 12] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];
const SIZES: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 64.0, 128.0, 512.0];

/// Begins to log, to standard error, and to count. A second call in a process changes nothing.
pub fn start(settings: &Telemetry) {
    let filter = EnvFilter::new(format!("warn,bonafide_issuer={}", settings.level.name()));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let _ = match settings.format {
        LogFormat::Text => subscriber.with_target(false).try_init(),
        LogFormat::Json => subscriber.json().try_init(),
    };
    METRICS.get_or_init(|| {
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS)
            .and_then(|builder| {
                builder.set_buckets_for_metric(Matcher::Suffix("_size".to_owned()), &SIZES)
            })
            .unwrap_or_else(|_| PrometheusBuilder::new());
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        let _ = metrics::set_global_recorder(recorder);
        handle
    });
    metrics::describe_histogram!("bonafide_request_seconds", "how long requests took");
    metrics::describe_histogram!("bonafide_commit_seconds", "how long groups took to be durable");
    metrics::describe_histogram!("bonafide_commit_group_size", "transactions in a group");
    metrics::describe_gauge!("bonafide_commit_queue", "transactions that wait");
    metrics::describe_histogram!(
        "bonafide_activity_seconds",
        "how long issuance, verification and revocation took, until they were durable"
    );
    metrics::describe_counter!("bonafide_issued_total", "credentials issued");
    metrics::describe_counter!("bonafide_status_changes_total", "changes of status");
    metrics::describe_gauge!("bonafide_log_entries", "entries published on the log");
}

/// Keeps histograms from growing; to be called now and then.
pub(crate) fn upkeep() {
    if let Some(metrics) = METRICS.get() {
        metrics.run_upkeep();
    }
}

impl Service {
    /// The metrics as Prometheus reads them.
    pub(crate) fn render_metrics(&self) -> String {
        #[allow(clippy::cast_precision_loss)]
        metrics::gauge!("bonafide_log_entries").set(self.log.size() as f64);
        METRICS.get().map(PrometheusHandle::render).unwrap_or_default()
    }
}
