//! One credential as a link of a chain: what the walk needs to know of it.

use bonafide_core::attestation::Attestation;
use bonafide_core::delegation::Grant;
use bonafide_core::encoding::hex;
use bonafide_core::status::{BitstringStatusEntry, StatusPurpose};
use bonafide_core::time::Timestamp;
use bonafide_core::vc::Unverified;

use super::proof::Proofs;

/// The type of a chain's root.
const ROOT: &str = "TaskGrantCredential";

/// The type of every other link.
const DELEGATION: &str = "DelegationCredential";

/// Whether a credential is signed by the agent that hands rights on, and not by an issuer that
/// the policy names.
pub(crate) fn is_delegation(types: &[&str]) -> bool {
    types.contains(&DELEGATION)
}

/// Whether a credential is a link of a chain.
pub(crate) fn is_link(types: &[&str]) -> bool {
    types.contains(&ROOT) || types.contains(&DELEGATION)
}

/// A grant or a delegation, as it was presented. Whether it is good in itself is judged elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) is_root: bool,
    pub(crate) id: String,
    pub(crate) issuer: String,
    pub(crate) subject: String,
    /// `sha256:` and 64 hexadecimal digits.
    pub(crate) digest: String,
    pub(crate) valid_from: Option<Timestamp>,
    pub(crate) valid_until: Option<Timestamp>,
    /// When it counts no more: with `valid_until`, or before that with its token or a proof.
    pub(crate) ends: Option<Timestamp>,
    pub(crate) grant: Grant,
    /// The DID URLs of the keys whose signatures are good.
    pub(crate) methods: Vec<String>,
    /// Whether its holder may have left something out.
    pub(crate) partial: bool,
    /// As of when it is known not to be revoked.
    pub(crate) status_as_of: Option<Timestamp>,
    /// Who publishes its status.
    pub(crate) status_issuer: Option<String>,
    /// Where its revocation is published, if in one place.
    pub(crate) revocation: Option<(String, u64)>,
    /// Whether every check of its own passed.
    pub(crate) good: bool,
}

impl Link {
    /// The link that a credential is, if it is one whose claims could be read.
    pub(crate) fn of(
        credential: &Unverified<'_>,
        attestation: Option<&Attestation>,
        proofs: &Proofs,
        token_ends: Option<Timestamp>,
        status: (Option<String>, Option<Timestamp>),
        good: bool,
    ) -> Option<Self> {
        let (grant, is_root) = match attestation? {
            Attestation::TaskGrant(grant) => (grant, true),
            Attestation::Delegation(grant) => (grant, false),
            _ => return None,
        };
        let [subject] = credential.claimed_subjects() else { return None };
        let (status_issuer, status_as_of) = status;
        let proofs_end = proofs.signers.iter().filter_map(|signer| signer.proof_expires);
        let valid_until = credential.claimed_valid_until();
        Some(Self {
            is_root,
            id: credential.claimed_id().unwrap_or_default().to_owned(),
            issuer: credential.claimed_issuer().to_owned(),
            subject: subject.str("id").unwrap_or_default().to_owned(),
            digest: proofs.digest.map(|digest| format!("sha256:{}", hex(&digest)))?,
            valid_from: credential.claimed_valid_from(),
            valid_until,
            ends: proofs_end.chain(token_ends).chain(valid_until).min(),
            grant: grant.clone(),
            methods: proofs.signers.iter().map(|signer| signer.life.method.clone()).collect(),
            partial: proofs.partial,
            status_as_of,
            status_issuer,
            revocation: revocation(credential),
            good,
        })
    }
}

/// Where a link's revocation is published: one entry, since of two the holder could point at the
/// one that its delegator does not know.
fn revocation(credential: &Unverified<'_>) -> Option<(String, u64)> {
    let [reference] = credential.claimed_status() else { return None };
    let entry = BitstringStatusEntry::from_object(reference.entry).ok()?;
    let revokes = entry.purpose == StatusPurpose::Revocation && entry.size == 1;
    revokes.then(|| (entry.list.clone(), entry.index as u64))
}
