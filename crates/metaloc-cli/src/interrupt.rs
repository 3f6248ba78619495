//! Ctrl-C: noticed between iterations, so that a usable state is left behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A run that was interrupted and can be resumed; exit code 130.
#[derive(Debug, thiserror::Error)]
#[error("interrupted; {0}")]
pub(crate) struct Interrupted(pub(crate) String);

/// Whether Ctrl-C was pressed since [`watch`].
#[derive(Debug, Clone)]
pub(crate) struct Flag(Arc<AtomicBool>);

impl Flag {
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Starts to watch for Ctrl-C and termination; a second one ends the program at once.
pub(crate) fn watch() -> anyhow::Result<Flag> {
    let flag = Flag(Arc::new(AtomicBool::new(false)));
    let seen = flag.clone();
    ctrlc::set_handler(move || {
        if seen.0.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    })?;
    Ok(flag)
}
