//! Delegation: what a grant allows, and when a part of it is no more than the whole.
//!
//! A chain is a `TaskGrantCredential` and the `DelegationCredential`s under it. Each link carries
//! [`Rights`], and a link may only narrow what its parent gave ([`Rights::widenings`]). All of this
//! is data: who signed what is the verifier's matter.

mod constraint;
mod grant;
mod resource;
mod rights;

pub use constraint::{Constraint, Pattern};
pub use grant::{ChildStatus, Grant, ParentLink, Principal};
pub use resource::Resource;
pub use rights::{Rights, Widening};

/// The most credentials in one chain, its root included.
pub const LONGEST_CHAIN: usize = 10;

/// The most actions or resources of one link.
pub const MOST_NAMES: usize = 64;

/// The most audiences or constraints of one link.
pub const MOST_CONSTRAINTS: usize = 32;

/// The most status indexes that one link sets aside for its children.
pub const MOST_CHILDREN: usize = 256;

#[cfg(test)]
mod tests;
