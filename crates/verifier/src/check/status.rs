//! Is it revoked or suspended, as far as is known, and how fresh is that knowledge?

use bonafide_core::Malformed;
use bonafide_core::attestation::AttestationType;
use bonafide_core::encoding::hex;
use bonafide_core::status::{
    BitstringStatusEntry, BitstringStatusListCredential, StatusBits, StatusPurpose, TokenStatus,
    TokenStatusBits, TokenStatusReference,
};
use bonafide_core::time::Timestamp;
use bonafide_core::vc::{StatusReference, Unverified};

use super::Context;
use super::link::is_delegation;
use super::status_list::{ListContent, OpenList, list_reason};
use crate::bundle::ListEntry;
use crate::evidence::short;
use crate::verdict::Note;
use crate::{DidVersion, Observation, Reason};

/// What the status lists say of one credential.
#[derive(Debug)]
pub(crate) struct Status {
    pub(crate) reasons: Vec<Reason>,
    /// The oldest knowledge that this rests on.
    pub(crate) as_of: Option<Timestamp>,
    pub(crate) observations: Vec<Observation>,
    /// Who publishes it, by the last entry.
    pub(crate) list_issuer: Option<String>,
    pub(crate) note: Note,
    /// What entries say that is neither for nor against the credential.
    messages: Vec<String>,
    /// The versions of did:webvh DIDs under which the lists were signed.
    versions: Vec<DidVersion>,
}

/// Where a credential's status is published, of either kind.
enum Entry {
    Bitstring(BitstringStatusEntry),
    Token(TokenStatusReference),
}

impl Entry {
    /// The URL of the list.
    fn list(&self) -> &str {
        match self {
            Self::Bitstring(entry) => &entry.list,
            Self::Token(entry) => &entry.uri,
        }
    }

    /// Whether it is by this entry that the credential can be revoked.
    fn revokes(&self) -> bool {
        match self {
            Self::Bitstring(entry) => entry.purpose == StatusPurpose::Revocation,
            Self::Token(_) => true,
        }
    }
}

pub(crate) fn check(
    credential: &Unverified<'_>,
    known: Option<&'static AttestationType>,
    context: &Context<'_>,
) -> Status {
    let mut status = Status {
        reasons: Vec::new(),
        as_of: None,
        observations: Vec::new(),
        list_issuer: None,
        note: Note::Nothing,
        messages: Vec::new(),
        versions: Vec::new(),
    };
    let mut revocable = false;
    for reference in credential.claimed_status() {
        match entry(*reference, context) {
            Ok(None) => {}
            Ok(Some(entry)) => {
                revocable |= entry.revokes();
                status.look_up(&entry, credential, context);
            }
            Err(reason) => status.reasons.push(reason),
        }
    }
    let required = known.filter(|known| known.status_required);
    if let Some(known) = required.filter(|_| !revocable && status.reasons.is_empty()) {
        status.reasons.push(Reason::StatusMissing { credential_type: known.name.to_owned() });
    }
    status.note = match status.as_of {
        Some(as_of) => {
            let messages = std::mem::take(&mut status.messages);
            let under = std::mem::take(&mut status.versions);
            Note::StatusAsOf { as_of, now: context.now, messages, under }
        }
        None if credential.claimed_status().is_empty() => Note::Said("it can't be revoked"),
        None => Note::Nothing,
    };
    status
}

/// The entry to look up; `None` for a kind that the policy ignores.
fn entry(reference: StatusReference<'_>, context: &Context<'_>) -> Result<Option<Entry>, Reason> {
    let object = reference.entry;
    let kinds =
        (reference.is(BitstringStatusEntry::TYPE), reference.is(TokenStatusReference::TYPE));
    let read = match kinds {
        (true, false) => BitstringStatusEntry::from_object(object).map(Entry::Bitstring),
        (false, true) => TokenStatusReference::from_object(object).map(Entry::Token),
        (true, true) => {
            Err(Malformed::at("status entry", "/type", "one entry can't be of two kinds"))
        }
        (false, false) if context.policy.unknown.ignore_status => return Ok(None),
        (false, false) => {
            return Err(Reason::StatusTypeUnknown { status_type: short(&reference.type_names()) });
        }
    };
    read.map(Some).map_err(Reason::malformed)
}

impl Status {
    fn look_up(&mut self, entry: &Entry, credential: &Unverified<'_>, context: &Context<'_>) {
        let known = context.evidence.bundle.and_then(|bundle| bundle.list(entry.list()));
        let Some(known) = known else {
            self.reasons.push(Reason::StatusListMissing { list: short(entry.list()) });
            return;
        };
        let list = match &known.state {
            Ok(list) => list,
            Err(reason) => return self.reasons.push(reason.clone()),
        };
        self.as_of = self.as_of.into_iter().chain([known.fetched_at]).min();
        self.list_issuer = Some(list.issuer.clone());
        self.versions
            .extend(list.proofs.signers.iter().filter_map(|signer| signer.life.version.clone()));
        let mut against = out_of_time(entry, known, list, context);
        against.extend(untrusted(entry, list, credential, context));
        // Only a list that is believed is remembered: another must not push out a good one.
        let believed = against.is_empty();
        if believed {
            self.observations.push(Observation::StatusList {
                list: format!("{} by {}", entry.list(), list.issuer),
                stamp: list.stamp,
                fetched_at: known.fetched_at,
                digest: list.proofs.digest.map(|digest| hex(&digest)).unwrap_or_default(),
            });
        }
        self.reasons.extend(against);
        match said(entry, list) {
            Ok(message) => self.messages.extend(message.filter(|_| believed)),
            Err(reason) => self.reasons.push(reason),
        }
    }
}

/// Whether this list may speak of this credential.
fn untrusted(
    entry: &Entry,
    list: &OpenList,
    credential: &Unverified<'_>,
    context: &Context<'_>,
) -> Option<Reason> {
    let issuer = credential.claimed_issuer();
    // One trust for lists of either kind: both say the same of a credential.
    let trusted = || context.policy.trusts(&list.issuer, BitstringStatusListCredential::TYPE);
    // A delegation's stands in a list of its grant's issuer: the chain decides about that.
    let decided_here = !is_delegation(credential.claimed_types());
    if decided_here && list.issuer != issuer && trusted().is_none() {
        return Some(Reason::StatusListUntrusted {
            list: short(entry.list()),
            list_issuer: list.issuer.clone(),
            issuer: short(issuer),
        });
    }
    match (entry, &list.content) {
        (Entry::Bitstring(entry), ListContent::Bitstring { purposes, .. })
            if !purposes.contains(&entry.purpose) =>
        {
            Some(Reason::StatusPurposeMismatch {
                list: short(&entry.list),
                purpose: entry.purpose.name().to_owned(),
            })
        }
        _ => None,
    }
}

/// Whether the list is within its time, and fresh enough.
fn out_of_time(
    entry: &Entry,
    known: &ListEntry,
    list: &OpenList,
    context: &Context<'_>,
) -> Vec<Reason> {
    let (policy, now) = (context.policy, context.now);
    let name = || short(entry.list());
    let mut reasons = list.proofs.ended(policy, now);
    if !policy.has_begun(list.stamp, now) {
        reasons.push(Reason::StatusListFromFuture { list: name(), valid_from: list.stamp, now });
    }
    if let Some(valid_until) = list.valid_until.filter(|until| policy.has_ended(*until, now)) {
        reasons.push(Reason::StatusListExpired { list: name(), valid_until, now });
    }
    let as_of = known.fetched_at;
    let lasts = list.ttl.map_or(policy.status_max_age, |ttl| ttl.min(policy.status_max_age));
    let stale_since = as_of.saturating_add(lasts);
    if now >= stale_since {
        reasons.push(Reason::StatusStale { list: name(), as_of, stale_since, now });
    }
    reasons
}

/// What the list says of the credential: a message, or why it falls.
fn said(entry: &Entry, list: &OpenList) -> Result<Option<String>, Reason> {
    match (entry, &list.content) {
        (Entry::Bitstring(entry), ListContent::Bitstring { bits, .. }) => in_bitstring(entry, bits),
        (Entry::Token(entry), ListContent::Token(bits)) => in_token(entry, bits).map(|()| None),
        _ => Err(Reason::StatusListInvalid {
            list: short(entry.list()),
            detail: "it is of another kind than the entry that leads to it".to_owned(),
        }),
    }
}

fn in_bitstring(entry: &BitstringStatusEntry, bits: &StatusBits) -> Result<Option<String>, Reason> {
    let value = bits.value(entry.index, entry.size);
    let value = value.map_err(|error| list_reason(&entry.list, error))?;
    let (list, index) = (short(&entry.list), entry.index as u64);
    match entry.purpose {
        // Of several bits, any that is set counts (Bitstring Status List, 3.2: 0 alone is valid).
        StatusPurpose::Revocation if value != 0 => Err(Reason::Revoked { list, index }),
        StatusPurpose::Suspension if value != 0 => Err(Reason::Suspended { list, index }),
        StatusPurpose::Message => {
            let message = entry.message(value).unwrap_or_default();
            Ok(Some(format!("message {value:#x}: {}", short(message))))
        }
        // A refresh says nothing against the credential.
        _ => Ok(None),
    }
}

fn in_token(entry: &TokenStatusReference, bits: &TokenStatusBits) -> Result<(), Reason> {
    let status = bits.get(entry.index).map_err(|error| list_reason(&entry.uri, error))?;
    let (list, index) = (short(&entry.uri), entry.index as u64);
    match status {
        TokenStatus::VALID => Ok(()),
        TokenStatus::INVALID => Err(Reason::Revoked { list, index }),
        TokenStatus::SUSPENDED => Err(Reason::Suspended { list, index }),
        other => Err(Reason::StatusValueUnknown { list, index, value: other.value().into() }),
    }
}
