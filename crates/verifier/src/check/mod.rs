//! The checks, one a module; each returns what it found.

pub(crate) mod chain;
pub(crate) mod channel;
pub(crate) mod confirmation;
pub(crate) mod credential;
pub(crate) mod level;
pub(crate) mod link;
pub(crate) mod presentation;
pub(crate) mod proof;
pub(crate) mod schema;
pub(crate) mod sd_jwt;
pub(crate) mod status;
pub(crate) mod status_list;

pub use credential::Verified;

use bonafide_core::time::Timestamp;

use crate::{Evidence, Policy, Request};
use proof::Budget;

/// What every check of one verdict is given.
pub(crate) struct Context<'c> {
    pub(crate) request: &'c Request,
    pub(crate) evidence: &'c Evidence<'c>,
    pub(crate) policy: &'c Policy,
    pub(crate) now: Timestamp,
    pub(crate) budget: Budget,
}
