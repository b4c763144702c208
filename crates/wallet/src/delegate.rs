//! Delegating: a narrower part of what was granted, for a child. Needs nobody else.

use std::time::Duration;

use bonafide_core::attestation::{AttestationType, Draft};
use bonafide_core::delegation::{
    ChildStatus, Constraint, Grant, LONGEST_CHAIN, ParentLink, Resource, Rights,
};
use bonafide_core::did::Relationship;
use bonafide_core::json::to_canonical_string;
use bonafide_core::status::{BitstringStatusEntry, StatusPurpose};
use bonafide_core::time::Timestamp;
use bonafide_proof::data_integrity::{ProofOptions, Random, Suites, add_proof};

use crate::error::WalletError;
use crate::package::DelegationPackage;
use crate::reading::{Form, Reading};
use crate::record::Held;
use crate::wallet::Wallet;

const DELEGATION: &str = "DelegationCredential";

/// What a child gets. Whatever is left out is as in the parent; nothing can be wider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DelegationOrder {
    /// The DID of the agent that receives.
    pub to: String,
    /// The DID URL of its key; if left out, the one key of its did:key.
    pub key: Option<String>,
    /// The actions.
    pub actions: Option<Vec<String>>,
    /// The resources, in canonical form.
    pub resources: Option<Vec<String>>,
    /// The services before which it counts.
    pub audience: Option<Vec<String>>,
    /// Constraints besides those of the parent, all of which stay.
    pub constraints: Vec<Constraint>,
    /// How many delegations there may be under it; one less than the parent's, if left out.
    pub max_depth: Option<u8>,
    /// For how long; until the parent ends, if left out.
    pub valid_for: Option<Duration>,
    /// Which part of the task: a name that is put behind the parent's, after a slash.
    pub part: Option<String>,
    /// How many of the statuses set aside for children it may hand on.
    pub children: usize,
}

impl Wallet {
    /// Hands a narrower part of a grant, or of a delegation, to another agent: signs a
    /// `DelegationCredential` with the key that the parent is bound to. Whatever would widen is
    /// refused with every respect in which it would, and nothing is signed.
    ///
    /// A status that the grant's issuer set aside is used up by it, for good, even if a crash comes
    /// before it is handed over.
    pub fn delegate(
        &mut self,
        parent: &str,
        order: &DelegationOrder,
        random: &mut Random<'_>,
        now: Timestamp,
    ) -> Result<DelegationPackage, WalletError> {
        let held = self.get(parent).ok_or_else(|| WalletError::NoCredential(parent.to_owned()))?;
        let standing = self.standing(parent, now)?;
        if !standing.is_presentable() {
            return Err(WalletError::NotPresentable { id: parent.to_owned(), standing });
        }
        let reading = Reading::of(&held.bytes, self.suites)?;
        let (Some(given), Some(key)) = (reading.grant.clone(), held.key.clone()) else {
            return Err(WalletError::NotAChain);
        };
        let above = self.chain_of(parent)?;
        if above.iter().any(|held| held.subject.as_ref() == Some(&order.to)) {
            return Err(WalletError::InChain(order.to.clone()));
        }
        let mut package = DelegationPackage {
            chain: above.iter().map(|held| held.bytes.clone()).collect(),
            credentials: self.credentials_of_agents(&above),
        };
        let link = ParentLink { id: held.id.clone(), digest: held.digest.clone() };
        let mut child = narrowed(&given, order, link)?;
        let valid_until = ends(&reading, order, now)?;
        let (list, own, handed_on) = self.statuses_for(&given, order.children)?;
        child.child_status = (!handed_on.is_empty())
            .then(|| ChildStatus { list: list.clone(), indexes: handed_on.clone() });
        let entry_index = usize::try_from(own).map_err(|_| WalletError::NoStatusLeft)?;
        let entry = BitstringStatusEntry::new(StatusPurpose::Revocation, entry_index, list.clone());
        let id = uuid(random)?;
        let delegator = self.key(&key).ok_or_else(|| WalletError::NoKey(key.clone()))?.clone();
        let draft = Draft {
            attestation_type: AttestationType::by_name(DELEGATION).ok_or(WalletError::NotAChain)?,
            id: &id,
            issuer: &delegator.did,
            subject: &order.to,
            claims: child.to_claims(),
            valid_from: reading.valid_from.map_or(now, |from| from.max(now)),
            valid_until,
            status: vec![entry.to_object()],
        };
        let unsigned = draft.into_credential().map_err(WalletError::Credential)?;
        // Durable before anything is signed: no two children ever share a status.
        self.use_indexes(&list, std::iter::once(own).chain(handed_on))?;
        let key_type = delegator.public.key_type();
        let suite = Suites::JCS.for_key(key_type).ok_or(WalletError::DoesNotSign(key_type))?;
        let options = ProofOptions {
            created: Some(now),
            ..ProofOptions::new(&delegator.method, Relationship::CapabilityDelegation)
        };
        let signed = add_proof(unsigned, &options, suite, self.signer(&key)?)
            .map_err(|error| WalletError::Proof(error.to_string()))?;
        package.chain.push(to_canonical_string(&signed).into_bytes());
        Ok(package)
    }

    /// The chain that ends with a credential, from the grant down.
    pub(crate) fn chain_of(&self, id: &str) -> Result<Vec<&Held>, WalletError> {
        let mut chain = Vec::new();
        let mut next = self.get(id);
        if next.is_none() {
            return Err(WalletError::NoCredential(id.to_owned()));
        }
        while let Some(held) = next {
            let reading = Reading::of(&held.bytes, self.suites)?;
            let grant = reading.grant.ok_or(WalletError::NotAChain)?;
            chain.push(held);
            if chain.len() > LONGEST_CHAIN {
                return Err(WalletError::NotAChain);
            }
            let Some(parent) = grant.parent else { break };
            next = self.get(&parent.id).filter(|held| held.digest == parent.digest);
            if next.is_none() {
                return Err(WalletError::NotAChain);
            }
        }
        chain.reverse();
        Ok(chain)
    }

    /// Of the statuses set aside that were not given out: one for the child, and as many as it may
    /// hand on.
    fn statuses_for(
        &self,
        given: &Grant,
        children: usize,
    ) -> Result<(String, u64, Vec<u64>), WalletError> {
        let set_aside = given.child_status.as_ref().ok_or(WalletError::NoStatusLeft)?;
        let free = |index: &&u64| !self.is_used(&set_aside.list, **index);
        let mut free = set_aside.indexes.iter().filter(free).copied();
        let own = free.next().ok_or(WalletError::NoStatusLeft)?;
        let handed_on: Vec<u64> = free.take(children).collect();
        match handed_on.len() == children {
            true => Ok((set_aside.list.clone(), own, handed_on)),
            false => Err(WalletError::NoStatusLeft),
        }
    }

    /// The identity credentials of the chain's agents, so that the child can show who they are.
    fn credentials_of_agents(&self, chain: &[&Held]) -> Vec<Vec<u8>> {
        let agents: Vec<&String> = chain.iter().filter_map(|held| held.subject.as_ref()).collect();
        let tells = |held: &&Held| {
            let of_agent = held.subject.as_ref().is_some_and(|subject| agents.contains(&subject));
            // What a holder may hide in part is not handed to others whole.
            let is_open = || {
                let reading = Reading::of(&held.bytes, self.suites);
                reading.is_ok_and(|reading| matches!(reading.form, Form::Proof | Form::Jwt))
            };
            of_agent && held.is_identity() && is_open()
        };
        self.list().iter().filter(tells).map(|held| held.bytes.clone()).collect()
    }
}

/// What the child gets, if it is within what was given.
fn narrowed(
    given: &Grant,
    order: &DelegationOrder,
    parent: ParentLink,
) -> Result<Grant, WalletError> {
    let resource = |name: &String| Resource::parse(name).map_err(WalletError::Credential);
    let resources = match &order.resources {
        None => given.rights.resources.clone(),
        Some(names) => names.iter().map(resource).collect::<Result<_, _>>()?,
    };
    let mut constraints = given.rights.constraints.clone();
    constraints.extend(
        order.constraints.iter().filter(|own| !given.rights.constraints.contains(own)).cloned(),
    );
    let Some(deepest) = given.rights.max_depth.checked_sub(1) else {
        return Err(WalletError::NoDelegationLeft);
    };
    let rights = Rights {
        actions: order.actions.clone().unwrap_or_else(|| given.rights.actions.clone()),
        resources,
        audience: order.audience.clone().unwrap_or_else(|| given.rights.audience.clone()),
        constraints,
        max_depth: order.max_depth.unwrap_or(deepest),
    };
    let widenings = rights.widenings(&given.rights);
    let unknown = |constraint: &&Constraint| matches!(constraint, Constraint::Unknown { .. });
    if let Some(unknown) = rights.constraints.iter().find(unknown) {
        return Err(WalletError::ConstraintUnknown(unknown.to_string()));
    }
    if !widenings.is_empty() {
        return Err(WalletError::Widens(widenings));
    }
    let task = match &order.part {
        None => given.task.clone(),
        Some(part) => format!("{}/{part}", given.task),
    };
    Ok(Grant {
        task,
        rights,
        holder_key: receiver_key(order)?,
        principal: None,
        parent: Some(parent),
        child_status: None,
    })
}

/// The DID URL of the receiver's key.
fn receiver_key(order: &DelegationOrder) -> Result<String, WalletError> {
    match (&order.key, order.to.strip_prefix("did:key:")) {
        (Some(key), _) => Ok(key.clone()),
        (None, Some(multikey)) => Ok(format!("{}#{multikey}", order.to)),
        (None, None) => Err(WalletError::ReceiverKeyMissing(order.to.clone())),
    }
}

/// When the child's part ends.
fn ends(
    parent: &Reading,
    order: &DelegationOrder,
    now: Timestamp,
) -> Result<Timestamp, WalletError> {
    let latest = parent.valid_until.ok_or(WalletError::NotAChain)?;
    let wanted = order.valid_for.map_or(latest, |span| now.saturating_add(span));
    match wanted <= latest {
        true => Ok(wanted),
        false => Err(WalletError::OutlivesParent { wanted, latest }),
    }
}

/// A random UUID (RFC 9562, 5.4) as a URN.
fn uuid(random: &mut Random<'_>) -> Result<String, WalletError> {
    let mut bytes = [0_u8; 16];
    random(&mut bytes).map_err(WalletError::Random)?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = bonafide_core::encoding::hex(&bytes);
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| &hex[range]);
    Ok(format!("urn:uuid:{}", parts.join("-")))
}
