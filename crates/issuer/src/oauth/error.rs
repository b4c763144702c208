//! What a client of the token endpoint is told when something is refused (RFC 6749, 5.2).

use axum::http::StatusCode;
use bonafide_core::Malformed;

/// A refusal: the error that OAuth knows, and our own finer code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OAuthError {
    /// The error: `invalid_grant` and so on.
    pub(crate) error: &'static str,
    /// A stable code that says what exactly.
    pub(crate) code: &'static str,
    /// For a person.
    pub(crate) description: String,
}

impl OAuthError {
    fn new(error: &'static str, code: &'static str, description: impl Into<String>) -> Self {
        Self { error, code, description: description.into() }
    }

    /// Something is missing, twice there or not what it has to be.
    pub(crate) fn request(code: &'static str, description: impl Into<String>) -> Self {
        Self::new("invalid_request", code, description)
    }

    /// The client did not show who it is.
    pub(crate) fn client(code: &'static str, description: impl Into<String>) -> Self {
        Self::new("invalid_client", code, description)
    }

    /// The subject token or the actor token does not count, or not for this client.
    pub(crate) fn grant(code: &'static str, description: impl Into<String>) -> Self {
        Self::new("invalid_grant", code, description)
    }

    /// The client is known, and may not.
    pub(crate) fn unauthorized(code: &'static str, description: impl Into<String>) -> Self {
        Self::new("unauthorized_client", code, description)
    }

    /// Another grant type.
    pub(crate) fn grant_type(description: impl Into<String>) -> Self {
        Self::new("unsupported_grant_type", "grant-type-unsupported", description)
    }

    /// An audience or a resource that is not allowed (RFC 8693, 2.2.2).
    pub(crate) fn target(code: &'static str, description: impl Into<String>) -> Self {
        Self::new("invalid_target", code, description)
    }

    /// A scope that is not allowed.
    pub(crate) fn scope(description: impl Into<String>) -> Self {
        Self::new("invalid_scope", "scope-widened", description)
    }

    /// Authorization details that are not known or not allowed (RFC 9396, 5).
    pub(crate) fn details(code: &'static str, description: impl Into<String>) -> Self {
        Self::new("invalid_authorization_details", code, description)
    }

    /// The DPoP proof is not good (RFC 9449, 5).
    pub(crate) fn dpop(code: &'static str, description: impl Into<String>) -> Self {
        Self::new("invalid_dpop_proof", code, description)
    }

    /// The DPoP proof needs a nonce of this service (RFC 9449, 8).
    pub(crate) fn dpop_nonce() -> Self {
        let detail = "the DPoP proof has to hold the nonce that comes with this answer";
        Self::new("use_dpop_nonce", "dpop-nonce-missing", detail)
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        match self.error {
            "invalid_client" => StatusCode::UNAUTHORIZED,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// The description in the characters that OAuth allows: visible ASCII and spaces, neither
    /// quotes nor backslashes.
    pub(crate) fn shown(&self) -> String {
        let plain = |c: char| match c {
            '"' | '\\' => '\'',
            ' '..='~' => c,
            _ => '?',
        };
        self.description.chars().take(1024).map(plain).collect()
    }
}

/// What is wrong with a part of the request, in one line.
pub(crate) fn told(error: &Malformed) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_hold_what_oauth_allows() {
        let error = OAuthError::request("malformed", "a \"b\" \\ é\u{7}");
        assert_eq!(error.shown(), "a 'b' ' ??");
        assert_eq!(error.status(), StatusCode::BAD_REQUEST);
        assert_eq!(OAuthError::client("x", "y").status(), StatusCode::UNAUTHORIZED);
    }
}
