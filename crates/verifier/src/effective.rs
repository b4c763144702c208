//! What came out of a chain: its links, what they allow, and what is left to the service.

use std::fmt;

use bonafide_core::delegation::{Constraint, Principal, Resource, Rights};
use bonafide_core::json::{Object, Value};
use bonafide_core::time::Timestamp;

use crate::verdict::or_null;

/// What the presenter may effectively do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effective {
    /// Actions that level and chain allow, narrowed to the one asked for.
    pub actions: Vec<String>,
    /// Resources that the chain allows, narrowed to the one asked for; empty without a chain.
    pub resources: Vec<String>,
    /// What the service still has to see to.
    pub obligations: Vec<Obligation>,
}

/// Something that can't be decided here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obligation {
    /// Whether the level may touch the resource: no grant was presented that would say so.
    Resource {
        /// The level.
        level: String,
        /// The resource asked for.
        resource: String,
    },
    /// A constraint on a credential of the chain: a budget or a number of uses, to be counted over
    /// all that is done under that credential, by whomever; or an argument that was not told.
    Constraint {
        /// The credential's id.
        credential: String,
        /// The constraint.
        constraint: Constraint,
    },
}

impl Obligation {
    pub(crate) fn to_json(&self) -> Object<'static> {
        let mut object = match self {
            Self::Resource { level, resource } => Object::from([
                ("type", Value::from("Resource")),
                ("level", level.clone().into()),
                ("resource", resource.clone().into()),
            ]),
            Self::Constraint { credential, constraint } => {
                let mut object = constraint.to_object();
                object.insert("credential", credential.clone());
                object
            }
        };
        object.insert("message", self.to_string());
        object
    }
}

impl fmt::Display for Obligation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resource { level, resource } => {
                write!(f, "decide whether level {level} may touch {resource}")
            }
            Self::Constraint { credential, constraint } => {
                write!(f, "see to {constraint}, over all that is done under {credential}")
            }
        }
    }
}

/// One credential of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainLink {
    /// Its id.
    pub id: String,
    /// Who handed the rights on: at the root the issuer, below an agent.
    pub issuer: String,
    /// The agent that received them.
    pub subject: String,
    /// `sha256:` and 64 hexadecimal digits.
    pub digest: String,
    /// The task that they are for.
    pub task: String,
    /// When it ends: its `validUntil`, or before that its token's `exp` or a proof's `expires`.
    pub valid_until: Option<Timestamp>,
    /// How many delegations there may be under it.
    pub max_depth: u8,
}

impl ChainLink {
    pub(crate) fn to_json(&self) -> Object<'static> {
        Object::from([
            ("id", Value::from(self.id.clone())),
            ("issuer", self.issuer.clone().into()),
            ("subject", self.subject.clone().into()),
            ("digest", self.digest.clone().into()),
            ("task", self.task.clone().into()),
            ("validUntil", or_null(self.valid_until.as_ref())),
        ])
    }
}

/// A chain that was found good: each link only narrows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chain {
    /// From the grant down.
    pub(crate) links: Vec<ChainLink>,
    pub(crate) principal: Option<Principal>,
    /// What the last link allows and the policy trusts the grant's issuer to grant.
    pub(crate) actions: Vec<String>,
    pub(crate) resources: Vec<Resource>,
    /// Of each link.
    pub(crate) rights: Vec<Rights>,
    /// As of when no link of it is known to be revoked.
    pub(crate) status_as_of: Option<Timestamp>,
}

pub(crate) fn principal_json(principal: &Principal) -> Object<'static> {
    let Principal { issuer, subject, digest } = principal.clone();
    Object::from([("issuer", issuer), ("subject", subject), ("digest", digest)]).into_owned()
}
