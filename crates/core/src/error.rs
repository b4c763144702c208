//! The one error of this crate.

use crate::json::JsonError;

/// Something is not what it claims to be.
///
/// Says what was read, where in it the fault is, and what is wrong there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}{}{detail}", if .pointer.is_empty() { ": ".to_owned() } else { format!(" at {pointer}: ") })]
pub struct Malformed {
    /// What was being read: "verifiable credential", "did:key", "date-time", …
    pub what: &'static str,
    /// RFC 6901 pointer to the member, empty for the whole.
    pub pointer: String,
    /// What is wrong, in plain words, without the value itself where it may be secret or huge.
    pub detail: String,
}

impl Malformed {
    /// A fault of the whole of `what`.
    pub fn new(what: &'static str, detail: impl Into<String>) -> Self {
        Self { what, pointer: String::new(), detail: detail.into() }
    }

    /// A fault at `pointer` inside `what`.
    pub fn at(what: &'static str, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { what, pointer: pointer.into(), detail: detail.into() }
    }

    /// The same fault seen from outside: `what` holds the faulty thing at `pointer`.
    pub fn within(self, what: &'static str, pointer: &str) -> Self {
        Self { what, pointer: format!("{pointer}{}", self.pointer), detail: self.detail }
    }

    /// The fault of a text that is not strict JSON.
    pub fn json(what: &'static str, error: &JsonError) -> Self {
        Self::new(what, format!("not strict JSON: {error}"))
    }
}
