//! Securing a document in one of the formats, shared by the commands that sign.

use std::path::Path;

use bonafide_core::attestation::{AttestationType, mandatory_pointers};
use bonafide_core::did::{Did, Relationship, resolve_self_certifying};
use bonafide_core::json::{Object, Value, to_pretty_string};
use bonafide_core::key::KeyType;
use bonafide_core::sd_jwt_vc;
use bonafide_linked_data::SUITES;
use bonafide_proof::data_integrity::{ProofOptions, Suite, add_proof_with};
use bonafide_proof::jose::{self, TokenType};
use bonafide_proof::sd_jwt::SdJwtDraft;
use bonafide_proof::{SignError, Signer};
use clap::ValueEnum;
use serde_json::json;

use crate::app::App;
use crate::failure::{Exit, Failure};
use crate::files::{self, Access};
use crate::key_file::SigningKey;

/// How to secure a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CredentialFormat {
    #[value(name = "eddsa-jcs-2022")]
    EddsaJcs2022,
    #[value(name = "ecdsa-jcs-2019")]
    EcdsaJcs2019,
    #[value(name = "eddsa-rdfc-2022")]
    EddsaRdfc2022,
    #[value(name = "ecdsa-rdfc-2019")]
    EcdsaRdfc2019,
    #[value(name = "ecdsa-sd-2023")]
    EcdsaSd2023,
    #[value(name = "bbs-2023")]
    Bbs2023,
    #[value(name = "vc+jwt", alias = "vc-jwt")]
    VcJwt,
    #[value(name = "vc+sd-jwt", alias = "vc-sd-jwt")]
    VcSdJwt,
    #[value(name = "dc+sd-jwt", alias = "dc-sd-jwt")]
    DcSdJwt,
}

impl CredentialFormat {
    /// The cryptosuite; `None` for tokens.
    fn suite(self) -> Option<&'static str> {
        match self {
            Self::EddsaJcs2022 => Some("eddsa-jcs-2022"),
            Self::EcdsaJcs2019 => Some("ecdsa-jcs-2019"),
            Self::EddsaRdfc2022 => Some("eddsa-rdfc-2022"),
            Self::EcdsaRdfc2019 => Some("ecdsa-rdfc-2019"),
            Self::EcdsaSd2023 => Some("ecdsa-sd-2023"),
            Self::Bbs2023 => Some("bbs-2023"),
            Self::VcJwt | Self::VcSdJwt | Self::DcSdJwt => None,
        }
    }

    /// Whether it is a token rather than a document with a proof.
    pub(crate) fn is_token(self) -> bool {
        self.suite().is_none()
    }

    /// Whether its holder can hide a part.
    pub(crate) fn is_selective(self) -> bool {
        matches!(self, Self::EcdsaSd2023 | Self::Bbs2023) || self.is_sd_jwt()
    }

    fn is_sd_jwt(self) -> bool {
        matches!(self, Self::VcSdJwt | Self::DcSdJwt)
    }
}

/// Digests of nothing that one object may have.
const MOST_DECOYS: usize = 64;

/// What only formats of selective disclosure need.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selective {
    /// Pointers to what is always disclosed, besides what the type says.
    pub(crate) mandatory: Vec<String>,
    /// Digests of nothing in each object of an SD-JWT.
    pub(crate) decoys: usize,
}

impl Selective {
    /// Refuses what a format has no use for: it would be left out without a word.
    pub(crate) fn check(&self, format: Option<CredentialFormat>) -> Result<(), Failure> {
        if !self.mandatory.is_empty() && !format.is_some_and(CredentialFormat::is_selective) {
            return Err(Failure::usage("--mandatory: nothing can be hidden in this format")
                .with_help("--format ecdsa-sd-2023, bbs-2023, vc+sd-jwt or dc+sd-jwt"));
        }
        if self.decoys > 0 && !format.is_some_and(CredentialFormat::is_sd_jwt) {
            return Err(Failure::usage("--decoys: only SD-JWTs have them")
                .with_help("--format vc+sd-jwt or dc+sd-jwt"));
        }
        if self.decoys > MOST_DECOYS {
            return Err(Failure::usage(format!("--decoys: expected at most {MOST_DECOYS}")));
        }
        Ok(())
    }
}

/// BLS12-381 has no algorithm for JWTs.
pub(crate) fn refuse_bls(signer: &SigningKey) -> Result<(), Failure> {
    if signer.key.public_key().key_type() != KeyType::Bls12381G2 {
        return Ok(());
    }
    Err(Failure::usage("a BLS12-381 key signs credentials with bbs-2023, and nothing else")
        .with_help("another key; this one is for issue --format bbs-2023"))
}

/// Refuses what no verifier takes in the payload of a credential's token.
fn refuse_in_payload(document: &Value<'_>) -> Result<(), Failure> {
    for member in ["aud", "proof", "vc", "vp"] {
        if document.get(member).is_some() {
            let message = format!("/{member}: every verifier would refuse a token with this in it");
            return Err(Failure::usage(message).with_help(format!("leave {member} out")));
        }
    }
    Ok(())
}

/// Signs a credential.
pub(crate) fn credential(
    document: Value<'static>,
    format: Option<CredentialFormat>,
    selective: &Selective,
    signer: &SigningKey,
    app: &App<'_>,
) -> Result<Value<'static>, Failure> {
    let mandatory = mandatory(&document, selective)?;
    let mandatory: Vec<&str> = mandatory.iter().map(String::as_str).collect();
    if format.is_some_and(CredentialFormat::is_token) {
        refuse_bls(signer)?;
        refuse_in_payload(&document)?;
    }
    match format {
        Some(CredentialFormat::VcJwt) => {
            let token = jose::sign(&document, TokenType::VC, &signer.method, &signer.key);
            Ok(token.map_err(|error| Failure::usage(error.to_string()))?.into())
        }
        Some(CredentialFormat::VcSdJwt) => {
            let pointers = sd_jwt_vc::disclosable(&document, &mandatory);
            let cnf = holder_key(&document);
            let Value::Object(mut payload) = document else {
                return Err(Failure::usage("a credential is an object"));
            };
            if payload.contains("cnf") {
                let message = "/cnf: which key binds the credential follows from its subject";
                return Err(Failure::usage(message).with_help("leave cnf out"));
            }
            if let Some(cnf) = cnf {
                payload.insert("cnf", cnf);
            }
            sd_jwt(&payload, &pointers, TokenType::VC_SD_JWT, selective, signer, app)
        }
        Some(CredentialFormat::DcSdJwt) => {
            let pointers: Vec<String> = sd_jwt_vc::disclosable(&document, &mandatory)
                .iter()
                .filter_map(|pointer| pointer.strip_prefix("/credentialSubject"))
                .map(ToOwned::to_owned)
                .collect();
            let payload = sd_jwt_vc::to_claims(&document, holder_key(&document))
                .map_err(|error| Failure::usage(error.to_string()))?;
            sd_jwt(&payload, &pointers, TokenType::DC_SD_JWT, selective, signer, app)
        }
        _ => {
            let suite = suite_for(format.and_then(CredentialFormat::suite), signer)?;
            let options = ProofOptions {
                created: Some(app.now),
                mandatory: if suite.is_selective() { &mandatory } else { &[] },
                ..ProofOptions::new(&signer.method, Relationship::AssertionMethod)
            };
            with_proof(document, suite, &options, signer, app)
        }
    }
}

/// What every derived credential has to disclose: what its type says and what was asked for.
fn mandatory(document: &Value<'_>, selective: &Selective) -> Result<Vec<String>, Failure> {
    let types = document.get("type").map(Value::one_or_more).unwrap_or_default();
    let known = types.iter().find_map(|name| AttestationType::by_name(name.as_str()?));
    let always = match known {
        Some(known) => known.mandatory_pointers(document),
        None => mandatory_pointers(document),
    };
    let mut pointers: Vec<String> = always.into_iter().map(ToOwned::to_owned).collect();
    for pointer in &selective.mandatory {
        if document.pointer(pointer).is_none() {
            return Err(Failure::usage(format!("--mandatory {pointer} leads nowhere")));
        }
        if !pointers.contains(pointer) {
            pointers.push(pointer.clone());
        }
    }
    Ok(pointers)
}

/// The `cnf` claim for a subject whose DID holds its own key.
fn holder_key(document: &Value<'_>) -> Option<Object<'static>> {
    let subject = document.get("credentialSubject")?.get("id")?.as_str()?;
    let resolved = resolve_self_certifying(Did::parse(subject).ok()?)?.ok()?;
    let jwk = resolved.methods().first()?.key.as_ref()?.to_jwk()?;
    Some(Object::from([("jwk", jwk)]))
}

fn sd_jwt(
    payload: &Object<'static>,
    disclosable: &[String],
    token_type: TokenType,
    selective: &Selective,
    signer: &SigningKey,
    app: &App<'_>,
) -> Result<Value<'static>, Failure> {
    let disclosable: Vec<&str> = disclosable.iter().map(String::as_str).collect();
    let draft = SdJwtDraft { payload, disclosable: &disclosable, decoys: selective.decoys };
    let mut failed = None;
    let mut salt = || match app.random() {
        Ok(salt) => salt,
        Err(failure) => {
            failed = Some(failure);
            [0; 16]
        }
    };
    let token = draft.issue(token_type, &signer.method, &signer.key, &mut salt);
    match failed {
        Some(failure) => Err(failure),
        None => Ok(token.map_err(|error| Failure::usage(error.to_string()))?.into()),
    }
}

/// The named suite, or the one that goes with the key.
pub(crate) fn suite_for(
    name: Option<&str>,
    signer: &SigningKey,
) -> Result<&'static dyn Suite, Failure> {
    let key_type = signer.key.public_key().key_type();
    let suite = match name {
        Some(name) => SUITES.by_name(name).ok(),
        None => SUITES.for_key(key_type),
    };
    let suite =
        suite.ok_or_else(|| Failure::usage(format!("no suite signs with {key_type} keys")))?;
    if suite.accepts(key_type).is_ok() {
        return Ok(suite);
    }
    let fitting = SUITES.for_key(key_type).map_or("vc+jwt", Suite::name);
    Err(Failure::usage(format!("{} does not sign with {key_type} keys", suite.name()))
        .with_help(format!("--format {fitting}")))
}

/// Adds a proof.
pub(crate) fn with_proof(
    document: Value<'static>,
    suite: &'static dyn Suite,
    options: &ProofOptions<'_>,
    signer: &SigningKey,
    app: &App<'_>,
) -> Result<Value<'static>, Failure> {
    let mut random =
        |bytes: &mut [u8]| app.fill(bytes).map_err(|failure| SignError(failure.message));
    add_proof_with(document, options, suite, &signer.key, &mut random)
        .map_err(|error| Failure::usage(error.to_string()))
}

/// The text of a secured document: indented JSON, or the compact JWT.
pub(crate) fn to_text(document: &Value<'_>) -> String {
    match document {
        Value::String(token) => format!("{token}\n"),
        other => to_pretty_string(other),
    }
}

/// Writes a result to a file or to standard output, and says so.
pub(crate) fn deliver(
    what: &str,
    text: &str,
    out: Option<&Path>,
    app: &mut App<'_>,
) -> Result<Exit, Failure> {
    deliver_to(what, text, out, Access::Public, app)
}

/// The same; a new file gets the permissions of `access`.
pub(crate) fn deliver_to(
    what: &str,
    text: &str,
    out: Option<&Path>,
    access: Access,
    app: &mut App<'_>,
) -> Result<Exit, Failure> {
    let out = out.filter(|path| !files::is_standard_output(path));
    if let Some(path) = out {
        files::write(path, text, access)?;
    }
    let shown = out.map(|path| path.display().to_string());
    if app.json {
        let content = serde_json::from_str(text).unwrap_or_else(|_| json!(text.trim_end()));
        app.print_json(&json!({ what: content, "out": shown }))?;
    } else if let Some(shown) = shown {
        writeln!(app.out, "{what} written to {shown}")?;
    } else {
        app.out.write_all(text.as_bytes())?;
    }
    Ok(Exit::Accepted)
}
