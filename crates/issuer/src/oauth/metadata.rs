//! What the authorization server says of itself (RFC 8414).

use bonafide_proof::algorithm::ALGORITHMS;
use serde::Serialize;
use utoipa::ToSchema;

use super::exchange::{GRANT_DETAILS, TOKEN_EXCHANGE};

/// The metadata.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Metadata {
    /// The authorization server's identifier: what a client assertion is for.
    issuer: String,
    /// Where tokens are exchanged.
    token_endpoint: String,
    /// Where a service asks whether a token still counts.
    introspection_endpoint: String,
    /// Where a client gives a token up.
    revocation_endpoint: String,
    /// The keys that sign access tokens.
    jwks_uri: String,
    /// None: there is no authorization endpoint.
    response_types_supported: [&'static str; 0],
    /// Token exchange.
    grant_types_supported: [&'static str; 1],
    /// `private_key_jwt`, with a key of the agent's DID.
    token_endpoint_auth_methods_supported: [&'static str; 1],
    /// The algorithms of those keys.
    token_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    /// The same as at the token endpoint.
    revocation_endpoint_auth_methods_supported: [&'static str; 1],
    /// The same as at the token endpoint.
    revocation_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    /// An API token of this service.
    introspection_endpoint_auth_methods_supported: [&'static str; 1],
    /// The algorithms of DPoP proofs.
    dpop_signing_alg_values_supported: Vec<&'static str>,
    /// The types of authorization details.
    authorization_details_types_supported: [&'static str; 1],
    /// Whether a token can be bound to a client's certificate.
    tls_client_certificate_bound_access_tokens: bool,
}

/// The metadata of the server at `issuer`.
pub(crate) fn metadata(issuer: &str, asks_for_certificates: bool) -> Metadata {
    let algorithms = || ALGORITHMS.iter().map(|algorithm| algorithm.jose_name).collect::<Vec<_>>();
    let at = |path: &str| format!("{issuer}{path}");
    Metadata {
        issuer: issuer.to_owned(),
        token_endpoint: at("/oauth/token"),
        introspection_endpoint: at("/oauth/introspect"),
        revocation_endpoint: at("/oauth/revoke"),
        jwks_uri: at("/oauth/jwks"),
        response_types_supported: [],
        grant_types_supported: [TOKEN_EXCHANGE],
        token_endpoint_auth_methods_supported: ["private_key_jwt"],
        token_endpoint_auth_signing_alg_values_supported: algorithms(),
        revocation_endpoint_auth_methods_supported: ["private_key_jwt"],
        revocation_endpoint_auth_signing_alg_values_supported: algorithms(),
        // RFC 8414 takes the names of RFC 6750's ways too.
        introspection_endpoint_auth_methods_supported: ["Bearer"],
        dpop_signing_alg_values_supported: algorithms(),
        authorization_details_types_supported: [GRANT_DETAILS],
        tls_client_certificate_bound_access_tokens: asks_for_certificates,
    }
}
