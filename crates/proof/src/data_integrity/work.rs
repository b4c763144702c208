//! How much one verdict may cost.

use std::cell::Cell;

/// Work that may still be done for a document or a verdict, in microseconds of one core, about.
///
/// Suites whose cost is not told by the length of the document spend from it before they do
/// something, so that no input costs more than this altogether.
#[derive(Debug)]
pub struct Work(Cell<usize>);

/// There is more to do than is done for anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("checking this asks for more work than is done for anybody")]
pub struct TooComplex;

impl Work {
    /// What there is to spend: under 100 ms on a slow core.
    pub const MOST: usize = 80_000;

    /// Takes `amount` microseconds, if so much is left; else nothing is left.
    pub fn spend(&self, amount: usize) -> Result<(), TooComplex> {
        let left = self.0.get().checked_sub(amount);
        self.0.set(left.unwrap_or(0));
        left.map(drop).ok_or(TooComplex)
    }
}

impl Default for Work {
    fn default() -> Self {
        Self(Cell::new(Self::MOST))
    }
}
