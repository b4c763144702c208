//! How a credential stands, in words and as a code.

use bonafide_core::time::Timestamp;
use bonafide_wallet::{Held, Standing, Wallet};

/// How a credential stands, for programs and for people.
pub(super) struct Shown {
    pub(super) code: &'static str,
    pub(super) words: String,
    /// Whether somebody should see to it.
    pub(super) wants_care: bool,
}

pub(super) fn standing(wallet: &Wallet, held: &Held, now: Timestamp) -> Shown {
    match wallet.standing(&held.id, now) {
        Ok(standing) => Shown {
            code: code(&standing),
            words: standing.to_string(),
            wants_care: wants_care(&standing),
        },
        Err(error) => Shown { code: "unreadable", words: error.to_string(), wants_care: true },
    }
}

fn code(standing: &Standing) -> &'static str {
    match standing {
        Standing::Good => "good",
        Standing::EndsSoon { .. } => "ends-soon",
        Standing::NotYet { .. } => "not-yet",
        Standing::Ended { .. } => "ended",
        Standing::Revoked => "revoked",
        Standing::Suspended => "suspended",
        Standing::NotKnown => "not-known",
        Standing::Refused { .. } => "refused",
    }
}

fn wants_care(standing: &Standing) -> bool {
    // A grant that is over, or begins later, is as it was meant to be.
    !matches!(standing, Standing::Good | Standing::NotYet { .. } | Standing::Ended { .. })
}
