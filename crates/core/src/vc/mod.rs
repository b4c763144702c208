//! The W3C Verifiable Credentials Data Model as data: version 2.0, and version 1.1 for what others
//! wrote. What is new here is always of version 2.0.
//!
//! [`Unverified`] and [`UnverifiedPresentation`] are views of a tree whose *form* is known to be
//! right. Nothing in them has been verified, and their accessors say so: every claim is
//! `claimed_…`.

mod credential;
mod form;
mod presentation;

use crate::Malformed;

pub use form::is_language_tag;
pub(crate) use form::is_url;

pub use credential::{SchemaReference, StatusReference, Unverified};
pub use presentation::{Enveloped, Held, UnverifiedPresentation, envelop, new_presentation};

/// The base context of version 1.1, first in every credential and presentation (VCDM 1.1, 4.1).
pub const CREDENTIALS_V1: &str = "https://www.w3.org/2018/credentials/v1";

/// The base context, first in every credential and presentation (VCDM 2.0, 4.3).
pub const CREDENTIALS_V2: &str = "https://www.w3.org/ns/credentials/v2";

/// SHA-256 of the base context's document as published with the Recommendation.
pub const CREDENTIALS_V2_SHA256: &str =
    "59955ced6697d61e03f2b2556febe5308ab16842846f5b586d7f1f7adec92734";

/// The media type of a secured JWT credential (VC-JOSE-COSE, 3.1.1).
pub const VC_JWT: &str = "application/vc+jwt";

/// The media type of a secured JWT presentation (VC-JOSE-COSE, 3.1.2).
pub const VP_JWT: &str = "application/vp+jwt";

/// The media type of a credential secured as SD-JWT (VC-JOSE-COSE, 3.2.1).
pub const VC_SD_JWT: &str = "application/vc+sd-jwt";

/// The media type of a presentation secured as SD-JWT (VC-JOSE-COSE, 3.2.2).
pub const VP_SD_JWT: &str = "application/vp+sd-jwt";

/// The media type of an SD-JWT VC, which is not of the data model; that it may stand in a
/// presentation of the data model is this project's profile.
pub const DC_SD_JWT: &str = "application/dc+sd-jwt";

/// A version of the data model. A document says by its first context which one it follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataModel {
    /// Version 1.1, of 2022.
    V1,
    /// Version 2.0, of 2025.
    V2,
}

impl DataModel {
    /// The base context of this version.
    pub fn context(self) -> &'static str {
        match self {
            Self::V1 => CREDENTIALS_V1,
            Self::V2 => CREDENTIALS_V2,
        }
    }

    fn of_context(url: &str) -> Option<Self> {
        [Self::V1, Self::V2].into_iter().find(|model| model.context() == url)
    }

    fn require_v2(self, what: &'static str) -> Result<(), Malformed> {
        match self {
            Self::V2 => Ok(()),
            Self::V1 => {
                let detail =
                    format!("expected {CREDENTIALS_V2}: this is not defined for version 1.1");
                Err(Malformed::at(what, "/@context/0", detail))
            }
        }
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_v1;
