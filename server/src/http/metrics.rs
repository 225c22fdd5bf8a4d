//! Counts of calls, for `GET /metrics`: how many are at work, and how each has ended.

use std::fmt::Write as _;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use soundstage_proto::descriptor::MethodDescriptor;
use tonic::Code;

use super::grpc::canonical_path;
use super::transport::Transport;

/// The content type of [`Metrics::text`] (`OpenMetrics` 1.0, section "Media Type").
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Which call. Names that a client makes up are all "other", or it could fill the memory with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct CallLabels {
    grpc_service: &'static str,
    grpc_method: &'static str,
    transport: &'static str,
}

impl CallLabels {
    pub(super) fn of(path: &str, transport: Transport) -> Self {
        let method = MethodDescriptor::at(&canonical_path(path));
        Self {
            grpc_service: method.map_or("other", |method| method.service),
            grpc_method: method.map_or("other", |method| method.name),
            transport: transport.name(),
        }
    }
}

/// Which call, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndLabels {
    #[prometheus(flatten)]
    call: CallLabels,
    grpc_code: CodeLabel,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct CodeLabel(Code);

impl EncodeLabelValue for CodeLabel {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        write!(encoder, "{:?}", self.0)
    }
}

/// The counts.
#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    in_progress: Family<CallLabels, Gauge>,
    handled: Family<EndLabels, Counter>,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::default();
        let in_progress = Family::<CallLabels, Gauge>::default();
        registry.register(
            "grpc_server_in_progress",
            "Calls that have begun and not ended",
            in_progress.clone(),
        );
        let handled = Family::<EndLabels, Counter>::default();
        registry.register(
            "grpc_server_handled",
            "Calls that have ended",
            handled.clone(),
        );
        Self {
            registry,
            in_progress,
            handled,
        }
    }

    pub(super) fn begin(&self, call: CallLabels) {
        self.in_progress.get_or_create(&call).inc();
    }

    pub(super) fn end(&self, call: CallLabels, code: Code) {
        self.in_progress.get_or_create(&call).dec();
        let grpc_code = CodeLabel(code);
        self.handled
            .get_or_create(&EndLabels { call, grpc_code })
            .inc();
    }

    /// All counts, in the text format of `OpenMetrics`.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        // Fails only if the buffer does.
        let _ = text::encode(&mut text, &self.registry);
        text
    }
}
