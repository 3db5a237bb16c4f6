//! What neap does inside, on stderr, for those who ask for it with `-v`.
//!
//! Only neap's own crates are heard: the SDK's traces hold requests with their values. No environment variable changes that:
//! `RUST_LOG` and its like are not read, so nobody gets bodies into a log by accident. A test runs every command with them set.

use std::sync::Mutex;

use tracing::Level;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;

use crate::console::Ui;

const CRATES: [&str; 5] = ["neap_core", "neap_engine", "neap_aws", "neap_sim", "neap_cli"];

/// Begins to trace, as much as `verbose` times `-v` ask for, until the guard is dropped.
pub(crate) fn begin(verbose: u8, ui: &Ui) -> Option<DefaultGuard> {
    let level = match verbose {
        0 => return None,
        1 => Level::INFO,
        2 => Level::DEBUG,
        _ => Level::TRACE,
    };
    let layer = tracing_subscriber::fmt::layer()
        .without_time()
        .with_ansi(ui.has_color())
        .with_writer(Mutex::new(ui.error_stream()));
    let targets = CRATES.into_iter().fold(Targets::new(), |targets, name| targets.with_target(name, level));
    let subscriber = tracing_subscriber::registry().with(targets).with(layer);
    Some(tracing::subscriber::set_default(subscriber))
}
