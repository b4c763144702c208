//! Why a request at the OAuth endpoints came to nothing.

use crate::environment::NoRandomness;
use crate::problem::Problem;
use crate::store::StoreError;

use super::error::OAuthError;
use super::once::{ACTOR, ASSERTION, DPOP, SUBJECT};

/// A refusal that OAuth has an error for, or something else.
#[derive(Debug)]
pub(crate) enum Refused {
    /// With an error of OAuth.
    OAuth(OAuthError),
    /// The service can't, or too many ask.
    Problem(Box<Problem>),
}

impl From<OAuthError> for Refused {
    fn from(error: OAuthError) -> Self {
        Self::OAuth(error)
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl From<NoRandomness> for Refused {
    fn from(error: NoRandomness) -> Self {
        Problem::from(error).into()
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        let again = error.to_string();
        match error {
            StoreError::Used(ASSERTION) => {
                OAuthError::client("client-assertion-replayed", again).into()
            }
            StoreError::Used(DPOP) => OAuthError::dpop("dpop-replayed", again).into(),
            StoreError::Used(SUBJECT) => OAuthError::grant("subject-token-replayed", again).into(),
            StoreError::Used(ACTOR) => OAuthError::grant("actor-token-replayed", again).into(),
            other => Problem::from(other).into(),
        }
    }
}
