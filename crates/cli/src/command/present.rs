//! `bonafide present`.

use std::path::PathBuf;

use bonafide_core::did::Relationship;
use bonafide_core::json::{Object, Value};
use bonafide_core::key::PublicKey;
use bonafide_core::vc::{Enveloped, Unverified, envelop, new_presentation};
use bonafide_issuer::keys::SigningKey;
use bonafide_proof::Signer;
use bonafide_proof::data_integrity::ProofOptions;
use bonafide_proof::jose::{self, CompactJws, TokenType};
use bonafide_proof::sd_jwt::{SdJwt, SdJwtDraft, SdJwtError};
use clap::{Args, ValueEnum};

use super::secure;
use crate::app::App;
use crate::failure::{Exit, Failure};
use crate::files;
use crate::key_file;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  bonafide present identity.vc score.vc --key agent.key --challenge 9f1c2d --domain https://pay.example
  bonafide present identity.jwt --key agent.key --nonce 9f1c2d --audience https://pay.example --format vp+jwt
  bonafide present score.sd-jwt --key agent.key --nonce 9f1c2d --audience https://pay.example --format dc+sd-jwt")]
pub(crate) struct Present {
    /// The credentials: JSON with proofs, compact JWTs, or SD-JWTs. None, to answer who asks
    /// whether the key is held.
    #[arg(required_unless_present_any = ["challenge", "nonce"])]
    files: Vec<PathBuf>,
    /// The agent's key file.
    #[arg(long)]
    key: PathBuf,
    /// Sign as this DID URL of the key instead of as its did:key.
    #[arg(long = "as", value_name = "DID_URL")]
    method: Option<String>,
    #[command(flatten)]
    binding: Binding,
    /// How to secure it; vp+jwt with --nonce, else the cryptosuite that goes with the key.
    /// vc+sd-jwt and dc+sd-jwt bind the key to one such credential instead of wrapping it.
    #[arg(long, value_enum)]
    format: Option<PresentationFormat>,
    /// Where to write it; standard output, if left out.
    #[arg(long)]
    out: Option<PathBuf>,
}

/// What a presentation answers: the same two things under the names of either format.
#[derive(Debug, Args)]
pub(crate) struct Binding {
    /// What was asked to be answered (Data Integrity).
    #[arg(long, requires = "domain", conflicts_with_all = ["nonce", "audience"])]
    #[arg(allow_hyphen_values = true)] // others draw it, and base64url has a hyphen
    challenge: Option<String>,
    /// Who asked (Data Integrity).
    #[arg(long, requires = "challenge")]
    domain: Option<String>,
    /// What was asked to be answered (JWT).
    #[arg(long, requires = "audience", allow_hyphen_values = true)]
    nonce: Option<String>,
    /// Who asked (JWT).
    #[arg(long, requires = "nonce")]
    audience: Option<String>,
}

impl Binding {
    pub(crate) fn nonce(&self) -> Option<&str> {
        self.challenge.as_deref().or(self.nonce.as_deref())
    }

    pub(crate) fn audience(&self) -> Option<&str> {
        self.domain.as_deref().or(self.audience.as_deref())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PresentationFormat {
    #[value(name = "eddsa-jcs-2022")]
    EddsaJcs2022,
    #[value(name = "ecdsa-jcs-2019")]
    EcdsaJcs2019,
    #[value(name = "eddsa-rdfc-2022")]
    EddsaRdfc2022,
    #[value(name = "ecdsa-rdfc-2019")]
    EcdsaRdfc2019,
    #[value(name = "vp+jwt", alias = "vp-jwt")]
    VpJwt,
    #[value(name = "vp+sd-jwt", alias = "vp-sd-jwt")]
    VpSdJwt,
    #[value(name = "vc+sd-jwt", alias = "vc-sd-jwt")]
    VcSdJwt,
    #[value(name = "dc+sd-jwt", alias = "dc-sd-jwt")]
    DcSdJwt,
}

impl PresentationFormat {
    /// The cryptosuite; `None` for tokens.
    fn suite(self) -> Option<&'static str> {
        match self {
            Self::EddsaJcs2022 => Some("eddsa-jcs-2022"),
            Self::EcdsaJcs2019 => Some("ecdsa-jcs-2019"),
            Self::EddsaRdfc2022 => Some("eddsa-rdfc-2022"),
            Self::EcdsaRdfc2019 => Some("ecdsa-rdfc-2019"),
            Self::VpJwt | Self::VpSdJwt | Self::VcSdJwt | Self::DcSdJwt => None,
        }
    }
}

impl Present {
    pub(crate) fn run(self, app: &mut App<'_>) -> Result<Exit, Failure> {
        let signer = key_file::signing(&self.key, self.method.as_deref())?;
        let nonce_given = self.binding.nonce.is_some();
        let format = self.format.or(nonce_given.then_some(PresentationFormat::VpJwt));
        secure::refuse_bls(&signer)?;
        let token = match format {
            Some(PresentationFormat::VcSdJwt) => {
                Some(self.bound(TokenType::VC_SD_JWT, &signer, app)?)
            }
            Some(PresentationFormat::DcSdJwt) => {
                Some(self.bound(TokenType::DC_SD_JWT, &signer, app)?)
            }
            Some(PresentationFormat::VpJwt) => {
                let claims = self.claims(&signer)?;
                let token = jose::sign(&claims.into(), TokenType::VP, &signer.method, &signer.key);
                Some(token.map_err(|error| Failure::usage(error.to_string()))?)
            }
            Some(PresentationFormat::VpSdJwt) => {
                let claims = self.claims(&signer)?;
                let draft = SdJwtDraft { payload: &claims, disclosable: &[], decoys: 0 };
                let mut no_salt = || [0; 16];
                let (token_type, kid) = (TokenType::VP_SD_JWT, &signer.method);
                let token = draft.issue(token_type, kid, &signer.key, &mut no_salt);
                Some(token.map_err(|error| Failure::usage(error.to_string()))?)
            }
            _ => None,
        };
        if let Some(token) = token {
            return secure::deliver(
                "presentation",
                &format!("{token}\n"),
                self.out.as_deref(),
                app,
            );
        }
        let suite = format.and_then(PresentationFormat::suite);
        let answered = (self.binding.nonce(), self.binding.audience());
        let secured = with_proof(self.held()?, suite, answered, &signer, app)?;
        secure::deliver("presentation", &secure::to_text(&secured), self.out.as_deref(), app)
    }

    /// The credentials as they stand in a presentation.
    fn held(&self) -> Result<Vec<Value<'static>>, Failure> {
        let mut held = Vec::new();
        for path in &self.files {
            let shown = path.display();
            held.push(match files::read_secured(path)? {
                Value::String(token) => {
                    let media_type = CompactJws::peek_media_type(&token).unwrap_or_default();
                    let envelope = envelop(&token, &media_type);
                    if !is_presentable(&envelope) {
                        return Err(Failure::usage(format!("{shown} is not a credential")));
                    }
                    envelope
                }
                document if is_presentable(&document) => document,
                _ => {
                    return Err(Failure::usage(format!("{shown} is not a signed credential")));
                }
            });
        }
        Ok(held)
    }

    /// The presentation as the claims of a token.
    fn claims(&self, signer: &SigningKey) -> Result<Object<'static>, Failure> {
        let Value::Object(mut claims) = unsigned(signer, self.held()?) else {
            return Err(Failure::fault("a presentation is an object"));
        };
        for (name, value) in [("aud", self.binding.audience()), ("nonce", self.binding.nonce())] {
            if let Some(value) = value {
                claims.insert(name, value.to_owned());
            }
        }
        Ok(claims)
    }

    /// One SD-JWT with the key bound to it (RFC 9901, 4.3).
    fn bound(
        &self,
        expected: TokenType,
        signer: &SigningKey,
        app: &App<'_>,
    ) -> Result<String, Failure> {
        let [path] = &self.files[..] else {
            return Err(Failure::usage(
                "a key is bound to one SD-JWT; several need --format vp+jwt",
            ));
        };
        let Value::String(token) = files::read_secured(path)? else {
            return Err(Failure::usage(format!("{} is not an SD-JWT", path.display())));
        };
        let (Some(nonce), Some(audience)) = (self.binding.nonce(), self.binding.audience()) else {
            return Err(Failure::usage("binding a key takes --nonce and --audience"));
        };
        let found = super::derive::token_type(&token)?;
        if found != expected {
            let message = format!("{} is a {}, not a {}", path.display(), found.typ, expected.typ);
            return Err(Failure::usage(message).with_help(format!("--format {}", found.typ)));
        }
        let unreadable = |error: SdJwtError| Failure::usage(error.to_string());
        let token = SdJwt::parse(&token, found).map_err(unreadable)?;
        let claims = token.disclose().map_err(unreadable)?;
        let bound = if let Some(cnf) = claims.get("cnf") {
            refuse_other_key(cnf, signer)?;
            token.bind_key(audience, nonce, app.now, &signer.key)
        } else {
            refuse_other_subject(&claims, found, signer)?;
            token.bind_key_as(&signer.method, audience, nonce, app.now, &signer.key)
        };
        bound.map_err(unreadable)
    }
}

/// A presentation without credentials: the answer to who asks whether the key is held.
pub(super) fn possession(
    challenge: &str,
    domain: &str,
    signer: &SigningKey,
    app: &App<'_>,
) -> Result<Value<'static>, Failure> {
    secure::refuse_bls(signer)?;
    with_proof(Vec::new(), None, (Some(challenge), Some(domain)), signer, app)
}

/// A presentation that answers a challenge for a domain.
fn with_proof(
    held: Vec<Value<'static>>,
    suite: Option<&str>,
    (challenge, domain): (Option<&str>, Option<&str>),
    signer: &SigningKey,
    app: &App<'_>,
) -> Result<Value<'static>, Failure> {
    let options = ProofOptions {
        created: Some(app.now),
        challenge,
        domain,
        ..ProofOptions::new(&signer.method, Relationship::Authentication)
    };
    let suite = secure::suite_for(suite, signer)?;
    secure::with_proof(unsigned(signer, held), suite, &options, signer, app)
}

fn unsigned(signer: &SigningKey, held: Vec<Value<'static>>) -> Value<'static> {
    let none = held.is_empty();
    let mut presentation = new_presentation(&signer.did, held);
    // An empty array has no statement, so suites that sign RDF refuse it.
    if let (true, Value::Object(members)) = (none, &mut presentation) {
        members.remove("verifiableCredential");
    }
    presentation
}

/// Where the issuer named the key that binds, no other one does.
fn refuse_other_key(cnf: &Value<'_>, signer: &SigningKey) -> Result<(), Failure> {
    let own = signer.key.public_key();
    let jwk = cnf.get("jwk").and_then(Value::as_object);
    let kid = cnf.get("kid").and_then(Value::as_str);
    let (named, own, help) = match (jwk, kid) {
        (Some(jwk), _) => {
            let named = PublicKey::from_jwk(jwk)
                .map_err(|error| Failure::usage(format!("the credential's cnf: {error}")))?;
            (named.to_multikey(), own.to_multikey(), "--key with the key of its holder".to_owned())
        }
        (_, Some(kid)) => (kid.to_owned(), signer.method.clone(), format!("--as {kid}")),
        _ => return Err(Failure::usage("the credential's cnf names no key by jwk or kid")),
    };
    if named == own {
        return Ok(());
    }
    let message = format!("the credential is for the key {named}, and --key is {own}");
    Err(Failure::usage(message).with_help(help))
}

/// Where the issuer named none, it takes a key of the subject.
fn refuse_other_subject(
    claims: &Object<'_>,
    token_type: TokenType,
    signer: &SigningKey,
) -> Result<(), Failure> {
    let subject = match token_type {
        TokenType::DC_SD_JWT => claims.get("sub"),
        _ => claims.get("credentialSubject").and_then(|subject| subject.get("id")),
    };
    match subject.and_then(Value::as_str) {
        Some(subject) if subject != signer.did => {
            let message = format!("the credential is about {subject}, and --key is {}", signer.did);
            Err(Failure::usage(message).with_help(format!("--as {subject}#KEY")))
        }
        _ => Ok(()),
    }
}

/// A credential with a proof, or one in an envelope.
fn is_presentable(document: &Value<'_>) -> bool {
    if let Some(enveloped) = Enveloped::from_value(document) {
        return enveloped.is_ok_and(|enveloped| !enveloped.is_presentation());
    }
    document.get("proof").is_some() && Unverified::from_value(document).is_ok()
}
