//! External identity providers: whose tokens say on whose behalf an agent asks. Each is pinned in the
//! settings by its issuer, the audience that its tokens must name and a file with its keys; nothing
//! is ever fetched.

use std::path::Path;
use std::time::Duration;

use bonafide_core::encoding::hex;
use bonafide_core::json::{Limits, Object, Value, parse};
use bonafide_core::key::PublicKey;
use bonafide_core::time::Timestamp;
use bonafide_proof::jose::{CompactJws, JoseError, TokenType, numeric_date};
use bonafide_proof::{Unremembered, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::settings::{ProviderSettings, SettingsError};

/// The types that tokens of providers have: RFC 7519, 5.1, and RFC 9068, 2.1.
const TYPES: [TokenType; 3] = [
    TokenType { typ: "JWT", cty: None },
    TokenType { typ: "at+jwt", cty: None },
    TokenType { typ: "application/at+jwt", cty: None },
];

/// No token is longer, in bytes.
const LONGEST_TOKEN: usize = 16 << 10;
/// No file of keys is longer, in bytes, and none has more keys.
const LONGEST_KEYS: usize = 256 << 10;
const MOST_KEYS: usize = 32;
/// No issuer, subject or audience is longer, in bytes.
const LONGEST_NAME: usize = 512;
/// How far the clocks may be apart.
const SKEW: Duration = Duration::from_secs(30);

/// Who a token speaks of.
#[derive(Clone, Debug, PartialEq)]
pub struct ExternalIdentity {
    /// The provider: the token's `iss`.
    pub issuer: String,
    /// Whom it knows: the token's `sub`.
    pub subject: String,
    /// For whom the token is: the pinned audience.
    pub audience: String,
    /// When it ends: the token's `exp`.
    pub expires: Timestamp,
    /// `sha256:` and the SHA-256 of the token's text in hexadecimal.
    pub digest: String,
    /// All claims.
    pub claims: Object<'static>,
}

/// Why a token is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// It is no such token, or a claim is missing or of the wrong form.
    #[error("the token is malformed: {0}")]
    Malformed(String),
    /// No provider of this name is configured.
    #[error("no provider {issuer:?} is configured")]
    UnknownProvider {
        /// The token's `iss`.
        issuer: String,
    },
    /// Its header names a key that the provider is not known to have, or none of several.
    #[error("the provider has no key {kid:?} among those that are pinned")]
    UnknownKey {
        /// The header's `kid`.
        kid: Option<String>,
    },
    /// Its signature is not good, or its algorithm is not that of the key.
    #[error("{0}")]
    Signature(String),
    /// It is for somebody else.
    #[error("the token is not for {expected}")]
    Audience {
        /// The pinned audience.
        expected: String,
    },
    /// It names actors, which can't be checked.
    #[error("the token was handed on already, and its actors can't be checked")]
    HandedOn,
    /// It says who may act for its subject, and that is another or can't be told.
    #[error("may_act of the token: {0}")]
    MayAct(&'static str),
    /// It has ended.
    #[error("the token ended at {0}")]
    Ended(Timestamp),
    /// It is not valid yet.
    #[error("the token is not valid before {0}")]
    NotYet(Timestamp),
}

impl ProviderError {
    /// A stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "token-malformed",
            Self::UnknownProvider { .. } => "token-issuer-unknown",
            Self::UnknownKey { .. } => "token-key-unknown",
            Self::Signature(_) => "token-signature-invalid",
            Self::Audience { .. } => "token-audience-mismatch",
            Self::HandedOn => "act-unsupported",
            Self::MayAct(_) => "may-act-mismatch",
            Self::Ended(_) => "token-ended",
            Self::NotYet(_) => "token-not-yet-valid",
        }
    }
}

impl ExternalIdentity {
    /// Whether `agent` may act for the subject: anybody who was given the token, unless it says who
    /// (RFC 8693, 4.4), by `sub` and by nothing else that we would have to know. One that has
    /// actors already (4.1) is refused.
    pub fn check_actor(&self, agent: &str) -> Result<(), ProviderError> {
        if self.claims.contains("act") {
            return Err(ProviderError::HandedOn);
        }
        let Some(may_act) = self.claims.get("may_act") else { return Ok(()) };
        let object = may_act.as_object().filter(|object| object.len() == 1);
        match object.and_then(|object| object.str("sub")) {
            Some(actor) if actor == agent => Ok(()),
            Some(_) => Err(ProviderError::MayAct("names another agent")),
            None => Err(ProviderError::MayAct("expected an object with sub alone")),
        }
    }
}

/// The providers that are configured.
#[derive(Clone, Debug, Default)]
pub struct Providers(Vec<Provider>);

#[derive(Clone, Debug)]
struct Provider {
    issuer: String,
    audience: String,
    keys: Vec<PinnedKey>,
}

#[derive(Clone, Debug)]
struct PinnedKey {
    kid: Option<String>,
    key: VerifyingKey,
}

impl Providers {
    /// Reads the files of keys that the settings name.
    pub fn load(settings: &[ProviderSettings]) -> Result<Self, SettingsError> {
        let read = |one: &ProviderSettings| {
            let wrong = |why: String| SettingsError(format!("provider {}: {why}", one.issuer));
            let path: &Path = &one.jwks;
            let bytes = std::fs::read(path)
                .map_err(|error| wrong(format!("jwks: {}: {error}", path.display())))?;
            let keys = keys(&bytes)
                .map_err(|error| wrong(format!("jwks: {}: {error}", path.display())))?;
            Ok(Provider { issuer: one.issuer.clone(), audience: one.audience.clone(), keys })
        };
        settings.iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// The names of the providers.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|provider| provider.issuer.as_str())
    }

    /// Checks a token as of `now`: a compact JWS of type `JWT` or `at+jwt`, signed by a pinned key
    /// of its issuer with that key's algorithm (`EdDSA`, `ES256`, `ES384`), for the pinned
    /// audience, with `sub` and `exp`, and within its time by 30 seconds.
    pub fn check(&self, token: &str, now: Timestamp) -> Result<ExternalIdentity, ProviderError> {
        let malformed = |why: &dyn std::fmt::Display| ProviderError::Malformed(why.to_string());
        if token.len() > LONGEST_TOKEN {
            return Err(malformed(&format!("longer than {LONGEST_TOKEN} bytes")));
        }
        let typ = CompactJws::peek_typ(token);
        let known = TYPES.into_iter().find(|known| typ.as_deref() == Some(known.typ));
        let known = known.ok_or_else(|| malformed(&"expected the type JWT or at+jwt"))?;
        let jws = CompactJws::parse(token, known).map_err(not_good)?;
        let payload = jws.decode_payload().map_err(not_good)?;
        let payload =
            parse(&payload, &Limits::for_size(LONGEST_TOKEN)).map_err(|error| malformed(&error))?;
        let Value::Object(claims) = payload.into_owned() else {
            return Err(malformed(&"its claims are no object"));
        };
        let issuer = name(&claims, "iss")?;
        // Only the name is looked at before the signature.
        let provider = self.0.iter().find(|provider| provider.issuer == issuer);
        let provider = provider.ok_or_else(|| ProviderError::UnknownProvider {
            issuer: issuer.chars().take(128).collect(),
        })?;
        let key = provider.key(jws.kid())?;
        jws.verify(key, &Unremembered).map_err(not_good)?;
        provider.check_audience(&claims)?;
        let expires = within_its_time(&claims, now)?;
        Ok(ExternalIdentity {
            issuer,
            subject: name(&claims, "sub")?,
            audience: provider.audience.clone(),
            expires,
            digest: format!("sha256:{}", hex(&Sha256::digest(token))),
            claims,
        })
    }
}

impl Provider {
    /// The key that the header names; without a name, the only one there is.
    fn key(&self, kid: Option<&str>) -> Result<&VerifyingKey, ProviderError> {
        let found = match (kid, &self.keys[..]) {
            (None, [only]) => Some(only),
            (None, _) => None,
            (Some(kid), keys) => keys.iter().find(|key| key.kid.as_deref() == Some(kid)),
        };
        let unknown =
            || ProviderError::UnknownKey { kid: kid.map(|kid| kid.chars().take(128).collect()) };
        found.map(|found| &found.key).ok_or_else(unknown)
    }

    fn check_audience(&self, claims: &Object<'_>) -> Result<(), ProviderError> {
        let audiences = claims.get("aud").map(Value::one_or_more).unwrap_or_default();
        match audiences.iter().any(|one| one.as_str() == Some(&self.audience)) {
            true => Ok(()),
            false => Err(ProviderError::Audience { expected: self.audience.clone() }),
        }
    }
}

fn not_good(error: JoseError) -> ProviderError {
    match error {
        JoseError::Malformed(error) => ProviderError::Malformed(error.to_string()),
        other => ProviderError::Signature(other.to_string()),
    }
}

/// A name among the claims: a text, neither empty nor long.
fn name(claims: &Object<'_>, member: &str) -> Result<String, ProviderError> {
    match claims.str(member) {
        Some(text) if (1..=LONGEST_NAME).contains(&text.len()) => Ok(text.to_owned()),
        _ => Err(ProviderError::Malformed(format!(
            "{member}: expected a text of 1 to {LONGEST_NAME} bytes"
        ))),
    }
}

/// `exp` has to be there; `nbf` and `iat` count if they are.
fn within_its_time(claims: &Object<'_>, now: Timestamp) -> Result<Timestamp, ProviderError> {
    let date = |member: &str| {
        numeric_date(claims, member)
            .map(|date| date.map(Timestamp::from_unix_clamped))
            .map_err(|error| ProviderError::Malformed(error.to_string()))
    };
    let expires =
        date("exp")?.ok_or_else(|| ProviderError::Malformed("exp: is missing".to_owned()))?;
    for begins in [date("nbf")?, date("iat")?].into_iter().flatten() {
        if begins > now.saturating_add(SKEW) {
            return Err(ProviderError::NotYet(begins));
        }
    }
    match expires.saturating_add(SKEW) <= now {
        true => Err(ProviderError::Ended(expires)),
        false => Ok(expires),
    }
}

/// The keys of a JWK set (RFC 7517, 5) that sign here. Others, such as RSA, are passed over.
fn keys(bytes: &[u8]) -> Result<Vec<PinnedKey>, String> {
    if bytes.len() > LONGEST_KEYS {
        return Err(format!("longer than {LONGEST_KEYS} bytes"));
    }
    let set = parse(bytes, &Limits::for_size(LONGEST_KEYS)).map_err(|error| error.to_string())?;
    let listed = set.get("keys").and_then(Value::as_array);
    let listed = listed.ok_or("expected a JWK set: {\"keys\": […]}")?;
    if listed.len() > MOST_KEYS {
        return Err(format!("more than {MOST_KEYS} keys"));
    }
    let mut keys: Vec<PinnedKey> = Vec::new();
    for jwk in listed {
        let jwk = jwk.as_object().ok_or("a key is no object")?;
        if let Some(key) = signs_here(jwk)? {
            let again = |known: &PinnedKey| known.kid == key.kid;
            if keys.iter().any(again) {
                return Err(format!("two keys are called {:?}", key.kid));
            }
            keys.push(key);
        }
    }
    match keys.is_empty() {
        true => Err("no key that signs with EdDSA, ES256 or ES384".to_owned()),
        false => Ok(keys),
    }
}

fn signs_here(jwk: &Object<'_>) -> Result<Option<PinnedKey>, String> {
    let kinds = [("OKP", "Ed25519"), ("EC", "P-256"), ("EC", "P-384")];
    let kind = (jwk.str("kty").unwrap_or_default(), jwk.str("crv").unwrap_or_default());
    let for_signatures = jwk.get("use").is_none_or(|purpose| purpose.as_str() == Some("sig"))
        && jwk.get("key_ops").is_none_or(|operations| {
            operations.one_or_more().iter().any(|one| one.as_str() == Some("verify"))
        });
    // A private key is refused whatever it is for.
    if (!kinds.contains(&kind) || !for_signatures) && !jwk.contains("d") {
        return Ok(None);
    }
    let key = PublicKey::from_jwk(jwk).map_err(|error| error.to_string())?;
    let Some(key) = VerifyingKey::new(key) else { return Ok(None) };
    let algorithm = key.algorithm().map_or("", |algorithm| algorithm.jose_name);
    // RFC 9864 has a name of its own for EdDSA with this curve.
    let named = |alg: &str| alg == algorithm || (alg == "Ed25519" && algorithm == "EdDSA");
    if jwk.get("alg").is_some_and(|alg| !alg.as_str().is_some_and(named)) {
        return Err(format!("a key whose alg is not {algorithm}"));
    }
    Ok(Some(PinnedKey { kid: jwk.str("kid").map(ToOwned::to_owned), key }))
}

#[cfg(test)]
mod tests;
