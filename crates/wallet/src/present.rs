//! Presenting: showing credentials as an answer, or bound to one HTTP request.

use std::time::Duration;

use bonafide_core::did::Relationship;
use bonafide_core::encoding::encode_base64url;
use bonafide_core::json::{Number, Object, Value, to_canonical_string};
use bonafide_core::time::Timestamp;
use bonafide_core::vc::{envelop, new_presentation};
use bonafide_proof::Signer;
use bonafide_proof::data_integrity::{ProofOptions, Random, Suites, add_proof};
use bonafide_proof::jose::{self, CompactJws, TokenType};
use bonafide_proof::sd_jwt::SdJwt;
use sha2::{Digest, Sha256};

use crate::error::WalletError;
use crate::reading::{Form, Reading, derived, json};
use crate::record::{Held, KeyEntry};
use crate::wallet::Wallet;

/// The longest that a presentation for one HTTP request lives.
pub const LONGEST_LIFE: Duration = Duration::from_secs(300);

/// How long it lives if nothing else is said.
pub const USUAL_LIFE: Duration = Duration::from_secs(60);

/// A credential to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Its id in the wallet. Of a delegation the whole chain is shown.
    pub id: String,
    /// JSON pointers (RFC 6901) to what is disclosed besides what always is, where its format lets
    /// its holder choose; `None` for all of it. A pointer is one into the credential of the data
    /// model, whatever the format.
    pub reveal: Option<Vec<String>>,
}

impl Shown {
    /// All of a credential.
    pub fn whole(id: impl Into<String>) -> Self {
        Self { id: id.into(), reveal: None }
    }
}

/// What a presentation answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Who asked: `domain`, or `aud`.
    pub audience: String,
    /// What was asked: `challenge`, or `nonce`.
    pub nonce: String,
}

/// How a presentation is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PresentationForm {
    /// With a Data Integrity proof of the JCS suite that goes with the key.
    DataIntegrity,
    /// As `vp+jwt` (VC-JOSE-COSE, 3.1.2).
    Jwt,
    /// Of one SD-JWT alone: with a key binding (RFC 9901, 4.3).
    SdJwt,
}

/// The HTTP request that a presentation goes with, in a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpRequest {
    /// Who is called, as it names itself.
    pub audience: String,
    /// The method, such as `POST`.
    pub method: String,
    /// The URI. Query and fragment are not bound.
    pub uri: String,
    /// The body, if there is one.
    pub body: Option<Vec<u8>>,
    /// What the service asked to be answered, if it asks.
    pub nonce: Option<String>,
    /// How long it lives, 5 minutes at most.
    pub valid_for: Duration,
}

impl HttpRequest {
    /// A request without a body, to be presented within [`USUAL_LIFE`].
    pub fn new(
        audience: impl Into<String>,
        method: impl Into<String>,
        uri: impl Into<String>,
    ) -> Self {
        Self {
            audience: audience.into(),
            method: method.into(),
            uri: uri.into(),
            body: None,
            nonce: None,
            valid_for: USUAL_LIFE,
        }
    }

    /// With a body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }
}

impl Wallet {
    /// A presentation of these credentials that answers `answer`. Whatever has ended, or is known
    /// to be revoked or suspended, is refused. Without credentials it shows that the default key
    /// is held.
    pub fn present(
        &self,
        credentials: &[Shown],
        answer: &Answer,
        form: PresentationForm,
        now: Timestamp,
    ) -> Result<String, WalletError> {
        self.present_as(None, credentials, answer, form, now)
    }

    /// The same with a key of this name, where the credentials do not say which.
    pub fn present_as(
        &self,
        key: Option<&str>,
        credentials: &[Shown],
        answer: &Answer,
        form: PresentationForm,
        now: Timestamp,
    ) -> Result<String, WalletError> {
        let key = self.presenting_key(key, credentials)?;
        let signer = self.signer(&key.name)?;
        if form == PresentationForm::SdJwt {
            return self.bound(credentials, answer, key, signer, now);
        }
        let shown = self.shown(credentials, now)?;
        signed(shown, key, signer, answer, form, self.suites, now)
    }

    /// A presentation that is good for one HTTP request and for minutes at most: a compact
    /// `vp+jwt` for the header `Bonafide-Presentation`. `random` gives its id.
    pub fn present_request(
        &self,
        credentials: &[Shown],
        request: &HttpRequest,
        random: &mut Random<'_>,
        now: Timestamp,
    ) -> Result<String, WalletError> {
        self.present_request_as(None, credentials, request, random, now)
    }

    /// The same with a key of this name, where the credentials do not say which.
    pub fn present_request_as(
        &self,
        key: Option<&str>,
        credentials: &[Shown],
        request: &HttpRequest,
        random: &mut Random<'_>,
        now: Timestamp,
    ) -> Result<String, WalletError> {
        if request.valid_for > LONGEST_LIFE || request.valid_for < Duration::from_secs(1) {
            return Err(WalletError::LifeRefused);
        }
        let key = self.presenting_key(key, credentials)?;
        let signer = self.signer(&key.name)?;
        let mut jti = [0; 16];
        random(&mut jti).map_err(WalletError::Random)?;
        let seconds = |time: Timestamp| Value::Number(Number::Integer(time.unix()));
        let mut claims = claims(key, self.shown(credentials, now)?);
        let uri = request.uri.split(['?', '#']).next().unwrap_or_default();
        claims.insert("aud", request.audience.clone());
        claims.insert("htm", request.method.clone());
        claims.insert("htu", uri.to_owned());
        claims.insert("jti", encode_base64url(&jti));
        claims.insert("iat", seconds(now));
        claims.insert("exp", seconds(now.saturating_add(request.valid_for)));
        if let Some(body) = &request.body {
            claims.insert("body_sha256", encode_base64url(&Sha256::digest(body)));
        }
        if let Some(nonce) = &request.nonce {
            claims.insert("nonce", nonce.clone());
        }
        token(claims, key, signer)
    }

    /// The one key that all these credentials are bound to.
    fn presenting_key(
        &self,
        key: Option<&str>,
        credentials: &[Shown],
    ) -> Result<&KeyEntry, WalletError> {
        let mut found = key;
        for shown in credentials {
            let held = self.get(&shown.id);
            let held = held.ok_or_else(|| WalletError::NoCredential(shown.id.clone()))?;
            match (found, held.key.as_deref()) {
                (Some(name), Some(other)) if name != other => {
                    return Err(WalletError::SeveralKeys(name.to_owned(), other.to_owned()));
                }
                (None, other) => found = other,
                _ => {}
            }
        }
        let key = match found {
            Some(name) => self.key(name),
            None => self.default_key(),
        };
        key.ok_or_else(|| WalletError::NoKey(found.unwrap_or("default").to_owned()))
    }

    /// The credentials as they stand in a presentation; of a delegation all that is above it comes
    /// first, once.
    fn shown(
        &self,
        credentials: &[Shown],
        now: Timestamp,
    ) -> Result<Vec<Value<'static>>, WalletError> {
        let mut ids: Vec<String> = Vec::new();
        let mut values = Vec::new();
        // A chain stands in front: what is told of its agents is told after it.
        let of_chain = |shown: &&Shown| self.get(&shown.id).is_some_and(Held::is_link);
        let (links, others): (Vec<&Shown>, Vec<&Shown>) = credentials.iter().partition(of_chain);
        for shown in links.into_iter().chain(others) {
            self.refuse_unpresentable(&shown.id, now)?;
            let held = self.get(&shown.id);
            let held = held.ok_or_else(|| WalletError::NoCredential(shown.id.clone()))?;
            let all = if held.is_link() { self.chain_of(&shown.id)? } else { vec![held] };
            for held in all {
                if ids.contains(&held.id) {
                    continue;
                }
                ids.push(held.id.clone());
                let reveal = shown.reveal.as_deref().filter(|_| held.id == shown.id);
                values.push(self.disclosed(held, reveal)?);
            }
        }
        Ok(values)
    }

    fn refuse_unpresentable(&self, id: &str, now: Timestamp) -> Result<(), WalletError> {
        let standing = self.standing(id, now)?;
        match standing.is_presentable() {
            true => Ok(()),
            false => Err(WalletError::NotPresentable { id: id.to_owned(), standing }),
        }
    }

    /// What is shown of a credential, as an object: the token forms in an envelope.
    fn disclosed(
        &self,
        held: &Held,
        reveal: Option<&[String]>,
    ) -> Result<Value<'static>, WalletError> {
        let reading = Reading::of(&held.bytes, self.suites)?;
        let pointers: Vec<&str> = reveal.unwrap_or_default().iter().map(String::as_str).collect();
        let text = String::from_utf8_lossy(&held.bytes);
        Ok(match (reading.form, reveal) {
            (Form::Base, Some(_)) => {
                let document = json(&held.bytes).map_err(WalletError::Credential)?;
                let document = document.as_object().cloned().unwrap_or_default();
                derived(&document, &pointers, self.suites)?
            }
            (Form::SdJwt(token_type), Some(_)) => {
                let token = part_of(&text, token_type, &pointers)?;
                envelop(&token, &media_type(&token))
            }
            (Form::Proof | Form::Jwt, Some(_)) => {
                return Err(WalletError::NothingToChoose(held.id.clone()));
            }
            (Form::Jwt | Form::SdJwt(_), None) => envelop(&text, &media_type(&text)),
            (Form::Proof | Form::Base, None) => reading.shown,
        })
    }

    /// One SD-JWT with the key bound to it.
    fn bound(
        &self,
        credentials: &[Shown],
        answer: &Answer,
        key: &KeyEntry,
        signer: &dyn Signer,
        now: Timestamp,
    ) -> Result<String, WalletError> {
        let [shown] = credentials else { return Err(WalletError::OneSdJwt) };
        self.refuse_unpresentable(&shown.id, now)?;
        let held =
            self.get(&shown.id).ok_or_else(|| WalletError::NoCredential(shown.id.clone()))?;
        let text = String::from_utf8_lossy(&held.bytes);
        let Form::SdJwt(token_type) = Reading::of(&held.bytes, self.suites)?.form else {
            return Err(WalletError::OneSdJwt);
        };
        let text = match &shown.reveal {
            None => text.into_owned(),
            Some(reveal) => {
                let pointers: Vec<&str> = reveal.iter().map(String::as_str).collect();
                part_of(&text, token_type, &pointers)?
            }
        };
        let failed =
            |error: bonafide_proof::sd_jwt::SdJwtError| WalletError::Proof(error.to_string());
        let token = SdJwt::parse(&text, token_type).map_err(failed)?;
        let named = token.disclose().map_err(failed)?.contains("cnf");
        let (audience, nonce) = (&answer.audience, &answer.nonce);
        let bound = match named {
            true => token.bind_key(audience, nonce, now, signer),
            // Where the issuer named no key, the key binding does.
            false => token.bind_key_as(&key.method, audience, nonce, now, signer),
        };
        bound.map_err(failed)
    }
}

/// Signs a presentation of these as the holder of a key.
pub(crate) fn signed(
    shown: Vec<Value<'static>>,
    key: &KeyEntry,
    signer: &dyn Signer,
    answer: &Answer,
    form: PresentationForm,
    suites: Suites,
    now: Timestamp,
) -> Result<String, WalletError> {
    let shown: Vec<Value<'static>> = shown
        .into_iter()
        .map(|value| match value {
            Value::String(token) => envelop(&token, &media_type(&token)),
            other => other,
        })
        .collect();
    if form == PresentationForm::Jwt {
        let mut claims = claims(key, shown);
        claims.insert("aud", answer.audience.clone());
        claims.insert("nonce", answer.nonce.clone());
        return token(claims, key, signer);
    }
    let key_type = key.public.key_type();
    let suite = suites.for_key(key_type).ok_or(WalletError::DoesNotSign(key_type))?;
    let options = ProofOptions {
        created: Some(now),
        challenge: Some(&answer.nonce),
        domain: Some(&answer.audience),
        ..ProofOptions::new(&key.method, Relationship::Authentication)
    };
    let document = Value::from(claims(key, shown));
    let signed = add_proof(document, &options, suite, signer);
    let signed = signed.map_err(|error| WalletError::Proof(error.to_string()))?;
    Ok(to_canonical_string(&signed))
}

/// The presentation itself.
fn claims(key: &KeyEntry, shown: Vec<Value<'static>>) -> Object<'static> {
    let none = shown.is_empty();
    let Value::Object(mut claims) = new_presentation(&key.did, shown) else {
        return Object::new();
    };
    if none {
        claims.remove("verifiableCredential");
    }
    claims
}

fn token(
    claims: Object<'static>,
    key: &KeyEntry,
    signer: &dyn Signer,
) -> Result<String, WalletError> {
    jose::sign(&claims.into(), TokenType::VP, &key.method, signer).map_err(WalletError::Sign)
}

fn media_type(token: &str) -> String {
    CompactJws::peek_media_type(token).unwrap_or_default()
}

/// What is left of an SD-JWT when what the pointers lead to is shown.
fn part_of(text: &str, token_type: TokenType, pointers: &[&str]) -> Result<String, WalletError> {
    // The claims of a dc+sd-jwt stand beside the token's own.
    let inside = |pointer: &&str| match pointer.strip_prefix("/credentialSubject") {
        Some(inside) if token_type == TokenType::DC_SD_JWT => inside.to_owned(),
        _ => (*pointer).to_owned(),
    };
    let pointers: Vec<String> = pointers.iter().map(inside).collect();
    let pointers: Vec<&str> = pointers.iter().map(String::as_str).collect();
    SdJwt::parse(text, token_type)
        .and_then(|token| token.present(&pointers))
        .map_err(|error| WalletError::Proof(error.to_string()))
}
