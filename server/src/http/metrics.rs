//! The metrics of `GET /metrics`: calls in progress, and ended calls by status.

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

/// The method and transport of a call. Unknown methods count as "other", so that a client cannot fill the memory with
/// made-up names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct CallLabels {
    grpc_service: &'static str,
    grpc_method: &'static str,
    transport: &'static str,
}

impl CallLabels {
    pub(super) fn new(path: &str, transport: Transport) -> Self {
        let method = MethodDescriptor::at(&canonical_path(path));
        Self {
            grpc_service: method.map_or("other", |method| method.service),
            grpc_method: method.map_or("other", |method| method.name),
            transport: transport.name(),
        }
    }
}

/// The labels of an ended call.
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

/// The metrics of all calls.
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
            "Calls in progress",
            in_progress.clone(),
        );
        let handled = Family::<EndLabels, Counter>::default();
        registry.register("grpc_server_handled", "Ended calls", handled.clone());
        Self {
            registry,
            in_progress,
            handled,
        }
    }

    /// Counts the start of a call.
    pub(super) fn begin(&self, call: CallLabels) {
        self.in_progress.get_or_create(&call).inc();
    }

    /// Counts the end of a call.
    pub(super) fn end(&self, call: CallLabels, code: Code) {
        self.in_progress.get_or_create(&call).dec();
        let grpc_code = CodeLabel(code);
        self.handled
            .get_or_create(&EndLabels { call, grpc_code })
            .inc();
    }

    /// Returns all metrics in the text format of `OpenMetrics`.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a `String` does not fail.
        let _ = text::encode(&mut text, &self.registry);
        text
    }
}
