//! Status lists: one state for each index, drawn at random, published in several forms.

mod permutation;
mod publication;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use bonafide_core::json::Object;
use bonafide_core::status::{
    BitstringStatusEntry, StatusBits, StatusListError, StatusPurpose, TokenStatusReference,
};

pub(crate) use permutation::{ENTRIES, Permutation};
pub(crate) use publication::{Form, Lifetimes, Publication, PublishError, Published};

use crate::store::{List, Status, StatusPlace};

/// How many indexes are left to requests that found room at the same time.
const MARGIN: u64 = 4096;

/// A status list in memory.
pub struct StatusList {
    /// What is kept of it.
    pub list: List,
    permutation: Permutation,
    used: AtomicU64,
    bits: RwLock<Bits>,
    publication: Publication,
}

struct Bits {
    revoked: StatusBits,
    suspended: StatusBits,
    /// Rises with each change.
    version: u64,
}

impl StatusList {
    /// A list of which `used` indexes are given out, all of them valid.
    pub fn new(list: List, used: u64) -> Option<Self> {
        let permutation = Permutation::from_hex(&list.permutation)?;
        let bits = Bits {
            revoked: StatusBits::new(ENTRIES as usize),
            suspended: StatusBits::new(ENTRIES as usize),
            version: 0,
        };
        Some(Self {
            list,
            permutation,
            used: AtomicU64::new(used),
            bits: RwLock::new(bits),
            publication: Publication::default(),
        })
    }

    /// Draws an index that was never drawn before, and how many are drawn with it; `None` if the
    /// list is full.
    pub fn draw(&self) -> Option<(StatusPlace, u64)> {
        let more = |used| (used < u64::from(ENTRIES)).then_some(used + 1);
        let used = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        let index = self.permutation.of(u32::try_from(used).ok()?);
        Some((StatusPlace { list: self.list.number, index }, used + 1))
    }

    /// Whether more can be drawn. A margin is left for those who ask at the same time.
    pub fn has_room(&self) -> bool {
        self.used() + MARGIN < u64::from(ENTRIES)
    }

    /// How many indexes are drawn.
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Sets the state of an index.
    pub fn set(&self, index: u32, status: Status) -> Result<(), StatusListError> {
        let mut bits = self.bits.write().unwrap_or_else(PoisonError::into_inner);
        let index = index as usize;
        bits.revoked.set(index, status == Status::Revoked)?;
        bits.suspended.set(index, status == Status::Suspended)?;
        bits.version += 1;
        Ok(())
    }

    /// The state of an index; `None` beyond the end.
    pub fn get(&self, index: u32) -> Option<Status> {
        let bits = self.bits.read().unwrap_or_else(PoisonError::into_inner);
        let index = index as usize;
        Some(match (bits.revoked.get(index).ok()?, bits.suspended.get(index).ok()?) {
            (true, _) => Status::Revoked,
            (false, true) => Status::Suspended,
            (false, false) => Status::Valid,
        })
    }

    /// Where a form of the list is published.
    pub fn url(&self, purpose: Option<StatusPurpose>) -> String {
        match purpose {
            Some(purpose) => format!("{}/{}", self.list.url, purpose.name()),
            None => self.list.url.clone(),
        }
    }

    /// The entries of `credentialStatus` for an index: both purposes of a Bitstring list, or the
    /// reference to the Token Status List that SD-JWT VC knows.
    pub fn entries(&self, index: u32, token: bool) -> Vec<Object<'static>> {
        let index = index as usize;
        if token {
            return vec![TokenStatusReference { index, uri: self.url(None) }.to_object()];
        }
        [StatusPurpose::Revocation, StatusPurpose::Suspension]
            .map(|purpose| {
                BitstringStatusEntry::new(purpose, index, self.url(Some(purpose))).to_object()
            })
            .into()
    }
}
