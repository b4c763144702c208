//! The service's own policy: the only source of trust.

mod load;

use std::time::Duration;

pub use load::PolicyError;

use bonafide_core::attestation::Tier;
use bonafide_core::delegation::Resource;
use bonafide_core::encoding::hex;
use bonafide_core::time::Timestamp;
use sha2::{Digest, Sha256};

use crate::Mode;

/// Whom to believe what, and what follows from it. Loaded from TOML by [`Policy::from_toml`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub(crate) mode: Mode,
    pub(crate) clock_skew: Duration,
    pub(crate) bundle_signers: Vec<String>,
    pub(crate) status_max_age: Duration,
    pub(crate) unknown: OnUnknown,
    pub(crate) limits: Sizes,
    pub(crate) issuers: Vec<TrustedIssuer>,
    pub(crate) delegation: Delegation,
    pub(crate) ladder: Vec<Rung>,
    pub(crate) digest: String,
}

/// What to do with a status or schema of a kind that the verifier does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OnUnknown {
    pub(crate) ignore_status: bool,
    pub(crate) ignore_schema: bool,
}

/// The longest inputs, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub(crate) credential: usize,
    pub(crate) presentation: usize,
    pub(crate) bundle: usize,
    pub(crate) credentials: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { credential: 1 << 20, presentation: 4 << 20, bundle: 256 << 20, credentials: 16 }
    }
}

/// An issuer and what it may attest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TrustedIssuer {
    pub(crate) did: String,
    pub(crate) name: Option<String>,
    pub(crate) attests: Vec<String>,
    pub(crate) cosigners: Vec<String>,
    /// What grants of its own may allow.
    pub(crate) grants: Grants,
}

/// What an issuer's grants may allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grants {
    /// `None` stands for any.
    pub(crate) actions: Option<Vec<String>>,
    /// `None` stands for any.
    pub(crate) resources: Option<Vec<Resource>>,
}

impl Grants {
    /// Of an issuer that may grant nothing.
    pub(crate) const NOTHING: Self =
        Self { actions: Some(Vec::new()), resources: Some(Vec::new()) };

    pub(crate) fn allows_action(&self, action: &str) -> bool {
        self.actions.as_ref().is_none_or(|actions| actions.iter().any(|known| known == action))
    }

    pub(crate) fn allows_resource(&self, resource: &Resource) -> bool {
        let covers =
            |resources: &Vec<Resource>| resources.iter().any(|known| known.covers(resource));
        self.resources.as_ref().is_none_or(covers)
    }

    /// What it may grant below a resource that it may not grant whole.
    pub(crate) fn below(&self, resource: &Resource) -> impl Iterator<Item = &Resource> {
        self.resources.iter().flatten().filter(move |known| resource.covers(known))
    }
}

/// How chains are judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delegation {
    /// Whether only the agent that presents is judged, or every agent of the chain.
    pub(crate) presenter_alone: bool,
    /// The strongest level that an agent without an identity credential reaches by its chain.
    pub(crate) carried: Option<String>,
    /// Whether what the service has to see to leaves a verdict undecided.
    pub(crate) open_obligations_undecided: bool,
}

impl Delegation {
    /// Every agent is judged, nobody is carried, the service sees to its obligations.
    pub(crate) const DEFAULT: Self =
        Self { presenter_alone: false, carried: None, open_obligations_undecided: false };
}

/// A permission level and what it takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rung {
    pub(crate) name: String,
    pub(crate) credentials: Vec<String>,
    pub(crate) tier: Option<Tier>,
    pub(crate) score: Option<u8>,
    pub(crate) confidence: Option<u8>,
    pub(crate) builders: Vec<String>,
    pub(crate) certifications: Vec<WantedCertification>,
    pub(crate) status_max_age: Option<Duration>,
    pub(crate) actions: Vec<String>,
    /// Whether it takes a grant.
    pub(crate) grant: bool,
    /// How many delegations there may be between the grant and who presents.
    pub(crate) max_delegations: Option<u8>,
}

/// A certification that a rung asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WantedCertification {
    pub(crate) scheme: String,
    pub(crate) level: Option<String>,
    pub(crate) issuer: Option<String>,
}

impl Policy {
    /// Loads a policy; errors point at the line.
    pub fn from_toml(text: &str) -> Result<Self, PolicyError> {
        let mut policy = load::load(text)?;
        policy.digest = hex(&Sha256::digest(text.as_bytes()));
        Ok(policy)
    }

    /// A policy without issuers, signers or levels, under which nothing is trusted.
    pub fn trusting_nobody() -> Self {
        Self {
            mode: Mode::Enforce,
            clock_skew: Duration::from_secs(30),
            bundle_signers: Vec::new(),
            status_max_age: Duration::from_secs(900),
            unknown: OnUnknown { ignore_status: false, ignore_schema: false },
            limits: Sizes::default(),
            issuers: Vec::new(),
            delegation: Delegation::DEFAULT,
            ladder: Vec::new(),
            digest: String::new(),
        }
    }

    /// The levels, strongest first.
    pub fn levels(&self) -> impl Iterator<Item = &str> {
        self.ladder.iter().map(|rung| rung.name.as_str())
    }

    /// Who may sign bundles.
    pub fn bundle_signers(&self) -> &[String] {
        &self.bundle_signers
    }

    /// The name that the policy gives to an issuer.
    pub fn issuer_name(&self, did: &str) -> Option<&str> {
        self.issuers.iter().find(|issuer| issuer.did == did)?.name.as_deref()
    }

    /// SHA-256 of the file in hexadecimal.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Whether `did` may sign bundles.
    pub(crate) fn names_signer(&self, did: &str) -> bool {
        self.bundle_signers.iter().any(|signer| signer == did)
    }

    pub(crate) fn trusts(&self, did: &str, credential_type: &str) -> Option<&TrustedIssuer> {
        self.issuers
            .iter()
            .find(|issuer| issuer.did == did && issuer.attests.iter().any(|t| t == credential_type))
    }

    /// What the grants of an issuer may allow.
    pub(crate) fn grants_of(&self, did: &str) -> &Grants {
        static NOTHING: Grants = Grants::NOTHING;
        let issuer = self.issuers.iter().find(|issuer| issuer.did == did);
        issuer.map_or(&NOTHING, |issuer| &issuer.grants)
    }

    /// Whether a span that begins at `from` has begun, with the skew in its favour.
    pub(crate) fn has_begun(&self, from: Timestamp, now: Timestamp) -> bool {
        from <= now.saturating_add(self.clock_skew)
    }

    /// Whether a span that ends at `until` has ended, with the skew in its favour. A span does not
    /// include its end: at the very instant `until` (plus skew) it is over, as RFC 7519 says of
    /// `exp`.
    pub(crate) fn has_ended(&self, until: Timestamp, now: Timestamp) -> bool {
        until.saturating_add(self.clock_skew) <= now
    }
}
