//! The log: JSON lines on stdout, which ECS takes to CloudWatch. Never a key, a ticket, a token or media.

use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Sends `tracing` to stdout. Other crates' lines begin at warnings: below, the SDK writes bodies, which hold keys.
pub fn init() {
    let ours = Targets::new().with_default(LevelFilter::WARN).with_target("transwrap", LevelFilter::INFO);
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_target(false)
        .with_current_span(false)
        .with_span_list(false);
    tracing_subscriber::registry().with(lines.with_filter(ours)).init();
}
