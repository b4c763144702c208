//! Is it revoked or suspended, as far as is known, and how fresh is that knowledge?

use bonafide_core::attestation::AttestationType;
use bonafide_core::encoding::hex;
use bonafide_core::status::{BitstringStatusEntry, BitstringStatusListCredential, StatusPurpose};
use bonafide_core::time::Timestamp;
use bonafide_core::vc::{StatusReference, Unverified};

use super::Context;
use super::status_list::{OpenList, list_reason};
use crate::bundle::ListEntry;
use crate::evidence::short;
use crate::verdict::Note;
use crate::{Observation, Reason};

/// What the status lists say of one credential.
#[derive(Debug)]
pub(crate) struct Status {
    pub(crate) reasons: Vec<Reason>,
    /// The oldest knowledge that this rests on.
    pub(crate) as_of: Option<Timestamp>,
    pub(crate) observations: Vec<Observation>,
    pub(crate) note: Note,
}

pub(crate) fn check(
    credential: &Unverified<'_>,
    known: Option<&'static AttestationType>,
    context: &Context<'_>,
) -> Status {
    let mut status =
        Status { reasons: Vec::new(), as_of: None, observations: Vec::new(), note: Note::Nothing };
    let mut revocable = false;
    for reference in credential.claimed_status() {
        match entry(*reference, context) {
            Ok(None) => {}
            Ok(Some(entry)) => {
                revocable |= entry.purpose == StatusPurpose::Revocation;
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
        Some(as_of) => Note::StatusAsOf { as_of, now: context.now },
        None if credential.claimed_status().is_empty() => Note::Said("it can't be revoked"),
        None => Note::Nothing,
    };
    status
}

/// The entry to look up; `None` for a kind that the policy ignores.
fn entry(
    reference: StatusReference<'_>,
    context: &Context<'_>,
) -> Result<Option<BitstringStatusEntry>, Reason> {
    if !reference.is(BitstringStatusEntry::TYPE) {
        if context.policy.unknown.ignore_status {
            return Ok(None);
        }
        return Err(Reason::StatusTypeUnknown { status_type: short(&reference.type_names()) });
    }
    BitstringStatusEntry::from_object(reference.entry).map(Some).map_err(Reason::malformed)
}

impl Status {
    fn look_up(
        &mut self,
        entry: &BitstringStatusEntry,
        credential: &Unverified<'_>,
        context: &Context<'_>,
    ) {
        let known = context.evidence.bundle.and_then(|bundle| bundle.list(&entry.list));
        let Some(known) = known else {
            self.reasons.push(Reason::StatusListMissing { list: short(&entry.list) });
            return;
        };
        let list = match &known.state {
            Ok(list) => list,
            Err(reason) => return self.reasons.push(reason.clone()),
        };
        self.as_of = self.as_of.into_iter().chain([known.fetched_at]).min();
        let mut against = out_of_time(entry, known, list, context);
        against.extend(untrusted(entry, list, credential, context));
        // Only a list that is believed is remembered: another must not push out a good one.
        if against.is_empty() {
            self.observations.push(Observation::StatusList {
                list: format!("{} by {}", entry.list, list.issuer),
                stamp: list.stamp,
                fetched_at: known.fetched_at,
                digest: list.proofs.digest.map(|digest| hex(&digest)).unwrap_or_default(),
            });
        }
        self.reasons.extend(against);
        self.reasons.extend(bit(entry, list));
    }
}

/// Whether this list may speak of this credential.
fn untrusted(
    entry: &BitstringStatusEntry,
    list: &OpenList,
    credential: &Unverified<'_>,
    context: &Context<'_>,
) -> Option<Reason> {
    let issuer = credential.claimed_issuer();
    let trusted = || context.policy.trusts(&list.issuer, BitstringStatusListCredential::TYPE);
    if list.issuer != issuer && trusted().is_none() {
        return Some(Reason::StatusListUntrusted {
            list: short(&entry.list),
            list_issuer: list.issuer.clone(),
            issuer: short(issuer),
        });
    }
    if !list.purposes.contains(&entry.purpose) {
        return Some(Reason::StatusPurposeMismatch {
            list: short(&entry.list),
            purpose: entry.purpose.name().to_owned(),
        });
    }
    None
}

/// Whether the list is within its time, and fresh enough.
fn out_of_time(
    entry: &BitstringStatusEntry,
    known: &ListEntry,
    list: &OpenList,
    context: &Context<'_>,
) -> Vec<Reason> {
    let (policy, now) = (context.policy, context.now);
    let name = || short(&entry.list);
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

fn bit(entry: &BitstringStatusEntry, list: &OpenList) -> Option<Reason> {
    let (name, index) = (short(&entry.list), entry.index as u64);
    match (list.bits.get(entry.index), entry.purpose) {
        (Err(error), _) => Some(list_reason(&entry.list, error)),
        (Ok(true), StatusPurpose::Revocation) => Some(Reason::Revoked { list: name, index }),
        (Ok(true), StatusPurpose::Suspension) => Some(Reason::Suspended { list: name, index }),
        // A refresh or a message says nothing against the credential.
        (Ok(_), _) => None,
    }
}
