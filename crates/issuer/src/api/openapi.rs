//! What the description of the API says besides its routes.

use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContactBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder};

use crate::problem::Problem;

/// Title, licence, tokens.
pub(super) fn base() -> OpenApi {
    let info = InfoBuilder::new()
        .title("bonafide issuer")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Enrols AI agents, attests them as W3C Verifiable Credentials, publishes status lists \
             and a trust bundle, and keeps a tamper-evident log. Errors are problem details \
             (RFC 9457). A POST that creates takes an Idempotency-Key: repeated with the same body, \
             it gets the first answer.",
        ))
        .license(Some(LicenseBuilder::new().name("Apache-2.0 OR MIT").build()))
        .contact(Some(ContactBuilder::new().name(Some("bonafide")).build()))
        .build();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An API token: bonafide_…"))
        .build();
    let presentation = ApiKeyValue::with_description(
        "Bonafide-Presentation",
        "A vp+jwt that an agent made for this very request: iss, aud (the service's URL), htm and \
         htu (RFC 9449), body_sha256, jti, iat and exp, five minutes later at most. Good once.",
    );
    let components = utoipa::openapi::ComponentsBuilder::new()
        .security_scheme("token", SecurityScheme::Http(bearer))
        .security_scheme("presentation", SecurityScheme::ApiKey(ApiKey::Header(presentation)))
        .schema_from::<Problem>()
        .build();
    OpenApiBuilder::new().info(info).components(Some(components)).build()
}

/// What every route with a token may answer besides its own.
#[derive(utoipa::IntoResponses)]
#[allow(dead_code)]
pub(super) enum Refusals {
    /// The request is malformed.
    #[response(status = 400, content_type = "application/problem+json")]
    BadRequest(Problem),
    /// No good token came with it.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(Problem),
    /// The token may not do this.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(Problem),
    /// There is no such thing.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Problem),
    /// Its state does not allow it.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(Problem),
    /// The body is too large.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Problem),
    /// The body is not JSON.
    #[response(status = 415, content_type = "application/problem+json")]
    NotJson(Problem),
    /// The Idempotency-Key was used for another request.
    #[response(status = 422, content_type = "application/problem+json")]
    KeyReused(Problem),
    /// Too many requests.
    #[response(status = 429, content_type = "application/problem+json")]
    TooMany(Problem),
    /// The service can't just now.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem),
}
