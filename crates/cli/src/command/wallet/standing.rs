//! How a credential stands, in words and as a code.

use bonafide_core::time::Timestamp;
use bonafide_wallet::{Held, Wallet};

/// How a credential stands, for programs and for people.
pub(super) struct Shown {
    pub(super) code: &'static str,
    pub(super) words: String,
    /// Whether somebody should do something about it.
    pub(super) wants_care: bool,
}

pub(super) fn standing(_wallet: &Wallet, held: &Held, now: Timestamp) -> Shown {
    match held.valid_until.filter(|until| *until <= now) {
        Some(since) => {
            Shown { code: "ended", words: format!("ended at {since}"), wants_care: true }
        }
        None => Shown { code: "good", words: "good".to_owned(), wants_care: false },
    }
}
