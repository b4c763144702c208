//! How a credential stands, as far as the wallet knows.

use std::fmt;
use std::time::Duration;

use bonafide_core::time::{Timestamp, format_duration};

use crate::error::WalletError;
use crate::reading::Reading;
use crate::record::Held;
use crate::wallet::Wallet;

/// A credential ends soon in the last fifth of its life.
const SOON: u32 = 5;

/// How a credential stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing speaks against it.
    Good,
    /// Nothing speaks against it, and it should be renewed.
    EndsSoon {
        /// When it ends.
        until: Timestamp,
    },
    /// It has not begun.
    NotYet {
        /// When it begins.
        from: Timestamp,
    },
    /// It is over.
    Ended {
        /// Since when.
        since: Timestamp,
    },
    /// It, or something above it in its chain, was revoked.
    Revoked,
    /// It, or something above it in its chain, does not count for now.
    Suspended,
    /// It was good when it came; what was revoked since is not known.
    NotKnown,
    /// It does not verify any more, for another reason.
    Refused {
        /// The reason's code.
        code: &'static str,
    },
}

impl Standing {
    /// Whether it may be presented.
    pub fn is_presentable(&self) -> bool {
        matches!(self, Self::Good | Self::EndsSoon { .. } | Self::NotKnown)
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Good => f.write_str("good"),
            Self::EndsSoon { until } => write!(f, "ends soon, at {until}"),
            Self::NotYet { from } => write!(f, "begins at {from}"),
            Self::Ended { since } => write!(f, "ended at {since}"),
            Self::Revoked => f.write_str("revoked"),
            Self::Suspended => f.write_str("suspended"),
            Self::NotKnown => f.write_str("its status today is not known"),
            Self::Refused { code } => write!(f, "does not verify: {code}"),
        }
    }
}

impl Wallet {
    /// How a credential stands: by its dates, and by the newest bundle of its issuer. Of a
    /// delegation all above it counts.
    pub fn standing(&self, id: &str, now: Timestamp) -> Result<Standing, WalletError> {
        let held = self.get(id).ok_or_else(|| WalletError::NoCredential(id.to_owned()))?;
        let reading = Reading::of(&held.bytes, self.suites)?;
        if reading.grant.is_none() {
            return self.own_standing(held, &reading, None, now);
        }
        let chain = self.chain_of(id)?;
        let root = chain.first().map(|held| held.issuer.clone());
        let mut worst = Standing::Good;
        for held in chain {
            let reading = Reading::of(&held.bytes, self.suites)?;
            let standing = self.own_standing(held, &reading, root.as_deref(), now)?;
            if !standing.is_presentable() {
                return Ok(standing);
            }
            if worst == Standing::Good {
                worst = standing;
            }
        }
        Ok(worst)
    }

    /// `publisher` is whose bundle holds the status, if not its issuer's.
    fn own_standing(
        &self,
        held: &Held,
        reading: &Reading,
        publisher: Option<&str>,
        now: Timestamp,
    ) -> Result<Standing, WalletError> {
        if let Some(since) = held.valid_until.filter(|until| *until <= now) {
            return Ok(Standing::Ended { since });
        }
        if let Some(from) = reading.valid_from.filter(|from| *from > now.saturating_add(SKEW)) {
            return Ok(Standing::NotYet { from });
        }
        let publisher = publisher.unwrap_or(&reading.issuer);
        let request = bonafide_verifier::Request::new();
        let verdict = self.judged_input(&reading.shown_bytes(), publisher, &request, now)?;
        let has = |code| verdict.has_reason(code);
        if has("revoked") {
            return Ok(Standing::Revoked);
        }
        if has("suspended") {
            return Ok(Standing::Suspended);
        }
        let (mut against, unknown) = crate::trust::against(&verdict);
        // A delegation never counts alone; here it stands with what is above it.
        against.retain(|reason| reason.code() != "chain-root-missing");
        if let Some(reason) = against.first() {
            return Ok(Standing::Refused { code: reason.code() });
        }
        if !unknown.is_empty() {
            return Ok(Standing::NotKnown);
        }
        let soon = held.valid_until.zip(reading.valid_from).filter(|(until, from)| {
            let left = until.saturating_since(now);
            left < until.saturating_since(*from) / SOON
        });
        Ok(soon.map_or(Standing::Good, |(until, _)| Standing::EndsSoon { until }))
    }

    /// What is known of an issuer is so old, in words; `None` if nothing was ever had from it.
    pub fn bundle_age(&self, issuer: &str, now: Timestamp) -> Option<String> {
        let known = self.issuer(issuer)?;
        let trust = self.trust().ok()?;
        let bundle = trust.bundle_of(&known.did)?;
        Some(format_duration(now.saturating_since(bundle.issued_at())))
    }
}

/// How far clocks may differ.
pub(crate) const SKEW: Duration = Duration::from_secs(30);
