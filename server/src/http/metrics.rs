//! The metrics of `GET /metrics`: calls in progress, and ended calls by status.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelSet, EncodeLabelValue, EncodeMetric as _, LabelValueEncoder, text,
};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use soundstage_proto::descriptor::{METHODS, MethodDescriptor};
use tonic::Code;

use super::transport::Transport;

/// The content type of [`Metrics::text`] (`OpenMetrics` 1.0, section "Media Type").
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The method and transport of a call. Unknown methods count as "other", so that a client cannot fill the memory with
/// made-up names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    grpc_service: &'static str,
    grpc_method: &'static str,
    transport: &'static str,
}

impl CallLabels {
    fn new(method: Option<&MethodDescriptor>, transport: Transport) -> Self {
        Self {
            grpc_service: method.map_or("other", |method| method.service),
            grpc_method: method.map_or("other", |method| method.name),
            transport: transport.name(),
        }
    }
}

/// The number of a [`CallLabels`] in [`Metrics`].
#[derive(Debug, Clone, Copy)]
pub(super) struct CallIndex(usize);

impl CallIndex {
    pub(super) fn new(method: Option<&MethodDescriptor>, transport: Transport) -> Self {
        let index =
            method.and_then(|method| METHODS.iter().position(|each| std::ptr::eq(each, method)));
        Self(index.unwrap_or(METHODS.len()) * Transport::ALL.len() + transport as usize)
    }
}

/// The metrics of the calls with the same labels. Looking them up by their labels would cost each call a lock and a hash.
#[derive(Debug)]
struct CallMetrics {
    labels: CallLabels,
    in_progress: Gauge,
    /// By the number of the code. A code gets a counter when a call ends with it.
    handled: [OnceLock<Counter>; CODES],
}

/// The number of status codes of gRPC.
const CODES: usize = 17;

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

/// The number of dropped log lines, which the program counts.
#[derive(Debug)]
struct DroppedLogLines(Arc<AtomicU64>);

impl Collector for DroppedLogLines {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let counter = ConstCounter::new(self.0.load(Ordering::Relaxed));
        let help = "Log lines dropped because standard error was not read";
        let metric =
            encoder.encode_descriptor("log_lines_dropped", help, None, counter.metric_type())?;
        counter.encode(metric)
    }
}

/// The metrics of all calls, and of the log.
#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    /// By [`CallIndex`].
    calls: Vec<CallMetrics>,
    handled: Family<EndLabels, Counter>,
}

impl Metrics {
    pub(super) fn new(dropped_log_lines: Arc<AtomicU64>) -> Self {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(DroppedLogLines(dropped_log_lines)));
        let in_progress = Family::<CallLabels, Gauge>::default();
        registry.register(
            "grpc_server_in_progress",
            "Calls in progress",
            in_progress.clone(),
        );
        let handled = Family::<EndLabels, Counter>::default();
        registry.register("grpc_server_handled", "Ended calls", handled.clone());
        let methods = METHODS.iter().map(Some).chain([None]);
        let labels = methods
            .flat_map(|method| Transport::ALL.map(|transport| CallLabels::new(method, transport)));
        let calls = labels.map(|labels| CallMetrics {
            in_progress: in_progress.get_or_create_owned(&labels),
            labels,
            handled: Default::default(),
        });
        Self {
            registry,
            calls: calls.collect(),
            handled,
        }
    }

    /// Counts the start of a call.
    pub(super) fn begin(&self, CallIndex(index): CallIndex) {
        self.calls[index].in_progress.inc();
    }

    /// Counts the end of a call.
    pub(super) fn end(&self, CallIndex(index): CallIndex, code: Code) {
        let call = &self.calls[index];
        call.in_progress.dec();
        let counter = call.handled[code as usize].get_or_init(|| {
            self.handled.get_or_create_owned(&EndLabels {
                call: call.labels,
                grpc_code: CodeLabel(code),
            })
        });
        counter.inc();
    }

    /// Returns all metrics in the text format of `OpenMetrics`.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a `String` does not fail.
        let _ = text::encode(&mut text, &self.registry);
        text
    }
}
