//! The token endpoint.

use std::time::Duration;

use serde::Deserialize;

use super::{MINUTE, span};

/// The token endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OAuthSettings {
    /// How long an access token is valid at most; an hour at most.
    #[serde(deserialize_with = "span")]
    pub token_valid_for: Duration,
    /// Whether each DPoP proof has to hold a nonce of this service (RFC 9449, 8).
    pub dpop_nonce: bool,
}

impl Default for OAuthSettings {
    fn default() -> Self {
        Self { token_valid_for: 10 * MINUTE, dpop_nonce: false }
    }
}
