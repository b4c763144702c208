//! Why an SD-JWT is not good, or not made.

use bonafide_core::Malformed;

use crate::jose::JoseError;
use crate::signer::SignError;

/// Why an SD-JWT is refused, or can't be issued or presented.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SdJwtError {
    /// Not an SD-JWT, or a part of it is not what RFC 9901 says.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The issuer-signed JWT is not good.
    #[error(transparent)]
    Jose(#[from] JoseError),
    /// The key binding JWT is not good.
    #[error("key binding JWT: {0}")]
    KeyBinding(#[source] JoseError),
    /// `_sd_alg` is not `sha-256`.
    #[error("the hash algorithm {found:?} is refused")]
    HashRefused {
        /// What the payload says.
        found: String,
    },
    /// A member of an unprotected header that is not known here; nobody signed it.
    #[error("the unprotected header member {member:?} is refused")]
    UnprotectedHeaderRefused {
        /// Its name.
        member: String,
    },
    /// More disclosures, or signatures, than are read.
    #[error("more than {limit} {what}")]
    TooMany {
        /// "disclosures" or "signatures".
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// With its disclosures in place, the payload nests too deep.
    #[error("nested deeper than {limit}")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// A claim has one of the names that RFC 9901 keeps for itself: `_sd`, `...`, `_sd_alg`.
    #[error("the claim name {name:?} is reserved")]
    DisclosureNameReserved {
        /// The name.
        name: String,
    },
    /// A disclosed claim has a name that is already there.
    #[error("the claim {name:?} is disclosed where there already is one")]
    DisclosureNameCollision {
        /// The name.
        name: String,
    },
    /// A digest occurs twice in payload and disclosures.
    #[error("a digest occurs twice")]
    DigestRepeated,
    /// A disclosure occurs twice.
    #[error("a disclosure occurs twice")]
    DisclosureRepeated,
    /// No digest stands for a disclosure.
    #[error("a disclosure belongs to no digest")]
    DisclosureUnused,
    /// A pointer leads nowhere, or is not in its one canonical spelling.
    #[error("the pointer {pointer:?} leads nowhere")]
    PointerUnknown {
        /// The pointer.
        pointer: String,
    },
    /// A key is bound to the SD-JWT already; it can be verified, and not presented anew.
    #[error("there already is a key binding JWT")]
    AlreadyBound,
    /// The signer did not sign.
    #[error(transparent)]
    NotSigned(#[from] SignError),
}
