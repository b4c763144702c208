//! How far long work has come, on standard error.

use std::io::Write as _;

/// Tells every so often; nothing where JSON is asked for.
pub(crate) struct Progress {
    what: &'static str,
    step: u64,
    next: u64,
    quiet: bool,
}

impl Progress {
    /// Counts in `what`, and tells of each `step` of them.
    pub(crate) fn new(what: &'static str, step: u64, quiet: bool) -> Self {
        Self { what, step, next: step, quiet }
    }

    /// So much is done, of so much.
    pub(crate) fn tell(&mut self, done: u64, of: u64) {
        // Work that is short or at its end needs no telling.
        if self.quiet || done < self.next || done >= of {
            return;
        }
        self.next = done.saturating_add(self.step);
        // Whoever does not read it misses nothing.
        let _ = writeln!(std::io::stderr(), "{done} of {of} {}", self.what);
    }
}
