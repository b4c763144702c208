//! JOSE: compact JWS (RFC 7515) as VC-JOSE-COSE uses it, strictly.

use bonafide_core::Malformed;
use bonafide_core::encoding::{decode_base64url, encode_base64url};
use bonafide_core::json::{Limits, Object, Value, parse, to_canonical_string};
use bonafide_core::key::PublicKey;
use sha2::{Digest, Sha256};

use crate::algorithm::{ALGORITHMS, Algorithm, SignatureCheck, VerifyingKey};
use crate::signer::{SignError, Signer};

/// A header is never longer, in bytes before decoding.
const LONGEST_HEADER: usize = 8192;

/// Why a JWS is not good.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JoseError {
    /// Not a compact JWS, or a member of the wrong type.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// `alg` is not one that is accepted: `none`, a symmetric one, an unknown one.
    #[error("the algorithm {alg:?} is refused")]
    AlgorithmRefused {
        /// What the header says.
        alg: String,
    },
    /// `alg` is not the algorithm of the resolved key.
    #[error("the header says {header:?}, the key signs with {key:?}")]
    AlgorithmMismatch {
        /// What the header says.
        header: String,
        /// What the key says.
        key: &'static str,
    },
    /// A header member that carries or points to keys, or that we don't understand though we must.
    #[error("the header member {member:?} is refused")]
    HeaderRefused {
        /// Its name.
        member: &'static str,
    },
    /// `typ` or `cty` is not exactly what is expected here.
    #[error("expected {member} {expected:?}, found {found:?}")]
    TypeMismatch {
        /// `typ` or `cty`.
        member: &'static str,
        /// What it must be.
        expected: &'static str,
        /// What it is, if it is there.
        found: Option<String>,
    },
    /// The signature does not fit the bytes.
    #[error("the signature is not good")]
    SignatureInvalid,
}

impl JoseError {
    /// The stable code, the same as the verdict's reasons have.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::AlgorithmRefused { .. } => "algorithm-refused",
            Self::AlgorithmMismatch { .. } => "algorithm-mismatch",
            Self::HeaderRefused { .. } => "header-refused",
            Self::TypeMismatch { .. } => "typ-mismatch",
            Self::SignatureInvalid => "proof-invalid",
        }
    }
}

/// The exact types of a token; a token of one kind is never taken for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenType {
    /// The `typ` header.
    pub typ: &'static str,
    /// The `cty` header, where one is allowed.
    pub cty: Option<&'static str>,
}

impl TokenType {
    /// A credential (VC-JOSE-COSE, 3.1.1).
    pub const VC: Self = Self { typ: "vc+jwt", cty: Some("vc") };
    /// A presentation (VC-JOSE-COSE, 3.1.2).
    pub const VP: Self = Self { typ: "vp+jwt", cty: Some("vp") };
    /// A credential whose claims are disclosed selectively (VC-JOSE-COSE, 3.2.1).
    pub const VC_SD_JWT: Self = Self { typ: "vc+sd-jwt", cty: Some("vc") };
    /// A presentation whose claims are disclosed selectively (VC-JOSE-COSE, 3.2.2).
    pub const VP_SD_JWT: Self = Self { typ: "vp+sd-jwt", cty: Some("vp") };
    /// A credential of SD-JWT VC, which is not of the W3C data model.
    pub const DC_SD_JWT: Self = Self { typ: "dc+sd-jwt", cty: None };
    /// The key binding JWT of an SD-JWT (RFC 9901, 4.3).
    pub const KB_JWT: Self = Self { typ: "kb+jwt", cty: None };
    /// A Token Status List (draft-ietf-oauth-status-list, 5.1).
    pub const STATUS_LIST: Self = Self { typ: "statuslist+jwt", cty: None };
    /// A proof that a client holds a key (RFC 9449, 4.2).
    pub const DPOP: Self = Self { typ: "dpop+jwt", cty: None };
    /// An OAuth access token (RFC 9068, 2.1).
    pub const AT: Self = Self { typ: "at+jwt", cty: None };
    /// With what a client authenticates (RFC 7523bis, explicit typing of client assertions).
    pub const CLIENT_AUTHENTICATION: Self = Self { typ: "client-authentication+jwt", cty: None };
    /// A JWT that says no more than that (RFC 7519, 5.1).
    pub const JWT: Self = Self { typ: "JWT", cty: None };
}

/// A compact JWS, unverified: its payload is still encoded.
#[derive(Debug)]
pub struct CompactJws<'a> {
    algorithm: &'static Algorithm,
    kid: Option<String>,
    issuer: Option<String>,
    signing_input: &'a str,
    payload: &'a str,
    signature: Vec<u8>,
}

impl<'a> CompactJws<'a> {
    /// Splits and checks the header: `typ` as expected, an `alg` that signs here, no key material
    /// and no pointer to any, no `crit`.
    pub fn parse(text: &'a str, expected: TokenType) -> Result<Self, JoseError> {
        Ok(Self::parse_header(text, expected, OwnKey::Refused)?.0)
    }

    /// The same for a proof that a client holds the key which it brings along: the header has a
    /// public `jwk` (RFC 9449, 4.2). Of no other token is a key taken from there.
    pub(crate) fn parse_dpop(text: &'a str) -> Result<(Self, PublicKey), JoseError> {
        const WHAT: &str = "DPoP proof";
        let (jws, header) = Self::parse_header(text, TokenType::DPOP, OwnKey::Required)?;
        let jwk = header.get("jwk").and_then(Value::as_object);
        let jwk = jwk.ok_or_else(|| Malformed::at(WHAT, "/jwk", "expected a JSON Web Key"))?;
        let key = PublicKey::from_jwk(jwk).map_err(|error| error.within(WHAT, "/jwk"))?;
        Ok((jws, key))
    }

    fn parse_header(
        text: &'a str,
        expected: TokenType,
        own_key: OwnKey,
    ) -> Result<(Self, Object<'static>), JoseError> {
        const WHAT: &str = "compact JWS";
        let (signing_input, signature) =
            text.rsplit_once('.').ok_or_else(|| Malformed::new(WHAT, "expected three parts"))?;
        let (header, payload) = signing_input
            .split_once('.')
            .filter(|(_, payload)| !payload.contains('.'))
            .ok_or_else(|| Malformed::new(WHAT, "expected three parts"))?;
        if header.len() > LONGEST_HEADER || signature.len() > 256 {
            return Err(Malformed::new(WHAT, "header or signature is too long").into());
        }
        let header = decode_base64url(header).map_err(|error| error.within(WHAT, ""))?;
        let header = parse(&header, &Limits::for_size(LONGEST_HEADER))
            .map_err(|error| Malformed::json("JWS header", &error))?;
        let Value::Object(header) = header.into_owned() else {
            return Err(Malformed::new("JWS header", "expected an object").into());
        };
        let algorithm = check_header(&header, expected, own_key)?;
        let owned = |member| header.str(member).map(ToOwned::to_owned);
        let (kid, issuer) = (owned("kid"), owned("iss"));
        let signature = decode_base64url(signature).map_err(|error| error.within(WHAT, ""))?;
        Ok((Self { algorithm, kid, issuer, signing_input, payload, signature }, header))
    }

    /// The `typ` of a text that looks like a compact JWS, unverified.
    pub fn peek_typ(text: &str) -> Option<String> {
        let header = text.split('.').next().filter(|header| header.len() <= LONGEST_HEADER)?;
        let header = decode_base64url(header).ok()?;
        let header = parse(&header, &Limits::for_size(LONGEST_HEADER)).ok()?;
        header.get("typ")?.as_str().map(ToOwned::to_owned)
    }

    /// The media type that goes with the `typ` of a token, compact JWS or SD-JWT, unverified.
    pub fn peek_media_type(text: &str) -> Option<String> {
        let jws = text.split('~').next()?;
        Some(format!("application/{}", Self::peek_typ(jws)?))
    }

    /// The `kid` header, unverified.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The `iss` header, unverified.
    pub fn header_issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// Checks the signature with the algorithm of `key`.
    pub fn verify(&self, key: &VerifyingKey, check: &dyn SignatureCheck) -> Result<(), JoseError> {
        let of_key = key.algorithm().map_or("BBS", |algorithm| algorithm.jose_name);
        if self.algorithm.jose_name != of_key {
            return Err(JoseError::AlgorithmMismatch {
                header: self.algorithm.jose_name.to_owned(),
                key: of_key,
            });
        }
        if check.is_good(key, self.signing_input.as_bytes(), &self.signature) {
            return Ok(());
        }
        Err(JoseError::SignatureInvalid)
    }

    /// SHA-256 of what is signed: the digest by which the token is known. It does not depend on
    /// the signature.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.signing_input.as_bytes()).into()
    }

    /// The decoded payload; verify before relying on it.
    pub fn decode_payload(&self) -> Result<Vec<u8>, JoseError> {
        Ok(decode_base64url(self.payload).map_err(|error| error.within("JWS payload", ""))?)
    }
}

/// Whether a token brings its key along.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OwnKey {
    Refused,
    Required,
}

fn check_header(
    header: &Object<'_>,
    expected: TokenType,
    own_key: OwnKey,
) -> Result<&'static Algorithm, JoseError> {
    // The key comes from the resolved DID document and from nowhere else.
    const REFUSED: [&str; 10] =
        ["jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256", "crit", "b64", "zip", "enc"];
    let refused =
        |member: &&str| header.contains(member) && (own_key == OwnKey::Refused || *member != "jwk");
    if let Some(member) = REFUSED.into_iter().find(refused) {
        return Err(JoseError::HeaderRefused { member });
    }
    let text = |member: &str| match header.get(member) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_ref())),
        Some(_) => Err(Malformed::at("JWS header", format!("/{member}"), "expected a string")),
    };
    let alg = text("alg")?.unwrap_or_default();
    let algorithm = ALGORITHMS
        .iter()
        .find(|algorithm| algorithm.jose_name == alg)
        .ok_or_else(|| JoseError::AlgorithmRefused { alg: alg.chars().take(64).collect() })?;
    let found = text("typ")?;
    if found != Some(expected.typ) {
        return Err(mismatch("typ", expected.typ, found));
    }
    let found = text("cty")?;
    if found.is_some() && found != expected.cty {
        return Err(mismatch("cty", expected.cty.unwrap_or(""), found));
    }
    text("kid")?;
    text("iss")?;
    Ok(algorithm)
}

fn mismatch(member: &'static str, expected: &'static str, found: Option<&str>) -> JoseError {
    let found = found.map(|found| found.chars().take(64).collect());
    JoseError::TypeMismatch { member, expected, found }
}

/// Signs a payload as a compact JWS; the same payload and key give the same bytes.
pub fn sign(
    payload: &Value<'_>,
    token_type: TokenType,
    kid: &str,
    signer: &dyn Signer,
) -> Result<String, SignError> {
    sign_bytes(to_canonical_string(payload).as_bytes(), token_type, kid, signer)
}

/// Signs bytes as a compact JWS.
pub fn sign_bytes(
    payload: &[u8],
    token_type: TokenType,
    kid: &str,
    signer: &dyn Signer,
) -> Result<String, SignError> {
    sign_with(payload, token_type, Some(kid), signer)
}

/// Signs bytes as a compact JWS; without `kid` where the key is known from elsewhere.
pub(crate) fn sign_with(
    payload: &[u8],
    token_type: TokenType,
    kid: Option<&str>,
    signer: &dyn Signer,
) -> Result<String, SignError> {
    let key_type = signer.public_key().key_type();
    let algorithm = Algorithm::of(key_type)
        .ok_or_else(|| SignError(format!("{key_type} keys do not sign JWTs")))?;
    let mut header =
        Object::from([("alg", Value::from(algorithm.jose_name)), ("typ", token_type.typ.into())]);
    if let Some(kid) = kid {
        header.insert("kid", kid);
    }
    if let Some(cty) = token_type.cty {
        header.insert("cty", cty);
    }
    sign_under(header, payload, signer)
}

/// Signs a payload as a proof that the signer's key is held: the header carries its public key.
pub(crate) fn sign_dpop(payload: &Value<'_>, signer: &dyn Signer) -> Result<String, SignError> {
    let key = signer.public_key();
    let unfit = || SignError(format!("{} keys sign no DPoP proofs", key.key_type()));
    let algorithm = Algorithm::of(key.key_type()).ok_or_else(unfit)?;
    let jwk = key.to_jwk().ok_or_else(unfit)?;
    let header = Object::from([
        ("alg", Value::from(algorithm.jose_name)),
        ("typ", TokenType::DPOP.typ.into()),
        ("jwk", jwk.into()),
    ]);
    sign_under(header, to_canonical_string(payload).as_bytes(), signer)
}

fn sign_under(
    header: Object<'_>,
    payload: &[u8],
    signer: &dyn Signer,
) -> Result<String, SignError> {
    let header = encode_base64url(to_canonical_string(&header.into()).as_bytes());
    let signing_input = format!("{header}.{}", encode_base64url(payload));
    let signature = encode_base64url(&signer.sign(signing_input.as_bytes())?);
    Ok(format!("{signing_input}.{signature}"))
}

/// The SHA-256 thumbprint of a key (RFC 7638, RFC 8037), in base64url: the `jkt` of RFC 9449.
/// `None` for types that have no JSON Web Key.
pub fn thumbprint(key: &PublicKey) -> Option<String> {
    // Exactly the required members, in the order that RFC 7638 asks for.
    let jwk = to_canonical_string(&key.to_jwk()?.into());
    Some(encode_base64url(&Sha256::digest(jwk.as_bytes())))
}

/// Reads a JWT date (RFC 7519, 2): whole seconds since 1970, written as an integer. Anything else
/// is an error, never as good as absent.
pub fn numeric_date(claims: &Object<'_>, name: &str) -> Result<Option<i64>, Malformed> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => value.as_integer().map(Some).ok_or_else(|| {
            Malformed::at("JWT claims", format!("/{name}"), "expected whole seconds since 1970")
        }),
    }
}
