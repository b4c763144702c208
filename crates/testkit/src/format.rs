//! The ways in which credentials and presentations are secured here, and their securing.

use std::time::Duration;

use bonafide_core::attestation::{AttestationType, mandatory_pointers};
use bonafide_core::did::{Did, Relationship, resolve_self_certifying};
use bonafide_core::json::{Object, Value, to_canonical_string};
use bonafide_core::key::KeyType;
use bonafide_core::sd_jwt_vc;
use bonafide_core::status::{BitstringStatusEntry, TokenStatusReference};
use bonafide_core::time::Timestamp;
use bonafide_core::vc::{envelop, new_presentation};
use bonafide_linked_data::SUITES;
use bonafide_proof::Signer;
use bonafide_proof::data_integrity::{DeriveInput, ProofOptions, add_proof_with, proofs_of};
use bonafide_proof::jose::{self, CompactJws, TokenType};
use bonafide_proof::sd_jwt::{SdJwt, SdJwtDraft};
use sha2::{Digest, Sha512};

use crate::scene::Agent;
use crate::{json, now};

/// How a credential is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// eddsa-jcs-2022, or ecdsa-jcs-2019, with a key of this type.
    DataIntegrity(KeyType),
    /// `vc+jwt` with a key of this type.
    Jwt(KeyType),
    /// eddsa-rdfc-2022, or ecdsa-rdfc-2019, with a key of this type.
    Rdfc(KeyType),
    /// ecdsa-sd-2023, everything disclosed.
    EcdsaSd,
    /// bbs-2023, everything disclosed. Not the same bytes on every run.
    Bbs,
    /// `vc+sd-jwt` with a key of this type, everything disclosed.
    VcSdJwt(KeyType),
    /// `dc+sd-jwt` with a key of this type, everything disclosed.
    DcSdJwt(KeyType),
}

impl Format {
    /// Every format; the first six have nothing to do with RDF or selective disclosure.
    pub const ALL: [Self; 15] = [
        Self::DataIntegrity(KeyType::Ed25519),
        Self::DataIntegrity(KeyType::P256),
        Self::DataIntegrity(KeyType::P384),
        Self::Jwt(KeyType::Ed25519),
        Self::Jwt(KeyType::P256),
        Self::Jwt(KeyType::P384),
        Self::Rdfc(KeyType::Ed25519),
        Self::Rdfc(KeyType::P256),
        Self::Rdfc(KeyType::P384),
        Self::EcdsaSd,
        Self::Bbs,
        Self::VcSdJwt(KeyType::Ed25519),
        Self::VcSdJwt(KeyType::P256),
        Self::DcSdJwt(KeyType::Ed25519),
        Self::DcSdJwt(KeyType::P256),
    ];

    /// A name that fits a file.
    pub fn name(self) -> &'static str {
        match self {
            Self::DataIntegrity(KeyType::Ed25519) => "eddsa-jcs-2022",
            Self::DataIntegrity(KeyType::P256) => "ecdsa-jcs-2019-p256",
            Self::DataIntegrity(_) => "ecdsa-jcs-2019-p384",
            Self::Jwt(KeyType::Ed25519) => "jwt-eddsa",
            Self::Jwt(KeyType::P256) => "jwt-es256",
            Self::Jwt(_) => "jwt-es384",
            Self::Rdfc(KeyType::Ed25519) => "eddsa-rdfc-2022",
            Self::Rdfc(KeyType::P256) => "ecdsa-rdfc-2019-p256",
            Self::Rdfc(_) => "ecdsa-rdfc-2019-p384",
            Self::EcdsaSd => "ecdsa-sd-2023",
            Self::Bbs => "bbs-2023",
            Self::VcSdJwt(KeyType::Ed25519) => "vc-sd-jwt-eddsa",
            Self::VcSdJwt(_) => "vc-sd-jwt-es256",
            Self::DcSdJwt(KeyType::Ed25519) => "dc-sd-jwt-eddsa",
            Self::DcSdJwt(_) => "dc-sd-jwt-es256",
        }
    }

    /// The type of the signing key.
    pub fn key_type(self) -> KeyType {
        match self {
            Self::DataIntegrity(key_type)
            | Self::Jwt(key_type)
            | Self::Rdfc(key_type)
            | Self::VcSdJwt(key_type)
            | Self::DcSdJwt(key_type) => key_type,
            Self::EcdsaSd => KeyType::P256,
            Self::Bbs => KeyType::Bls12381G2,
        }
    }

    /// Whether its holder can hide a part.
    pub fn is_selective(self) -> bool {
        matches!(self, Self::EcdsaSd | Self::Bbs | Self::VcSdJwt(_) | Self::DcSdJwt(_))
    }

    /// Whether it signs RDF, so that nothing can be in it that no context defines.
    pub fn is_rdf(self) -> bool {
        matches!(self, Self::Rdfc(_) | Self::EcdsaSd | Self::Bbs)
    }

    /// How a presentation of such credentials is secured here, with an Ed25519 key.
    pub fn envelope(self) -> Self {
        match self {
            Self::DataIntegrity(_) | Self::EcdsaSd | Self::Bbs => {
                Self::DataIntegrity(KeyType::Ed25519)
            }
            Self::Rdfc(_) => Self::Rdfc(KeyType::Ed25519),
            Self::Jwt(_) | Self::DcSdJwt(_) => Self::Jwt(KeyType::Ed25519),
            Self::VcSdJwt(_) => Self::VcSdJwt(KeyType::Ed25519),
        }
    }

    fn suite(self) -> &'static str {
        match self {
            Self::DataIntegrity(KeyType::Ed25519) => "eddsa-jcs-2022",
            Self::DataIntegrity(_) => "ecdsa-jcs-2019",
            Self::Rdfc(KeyType::Ed25519) => "eddsa-rdfc-2022",
            Self::Rdfc(_) => "ecdsa-rdfc-2019",
            Self::EcdsaSd => "ecdsa-sd-2023",
            Self::Bbs => "bbs-2023",
            Self::Jwt(_) | Self::VcSdJwt(_) | Self::DcSdJwt(_) => "",
        }
    }
}

/// Bytes that follow from `seed`, so that everything is the same on every run.
struct Drawn {
    seed: String,
    draws: u32,
}

impl Drawn {
    fn new(document: &Value<'_>) -> Self {
        Self { seed: to_canonical_string(document), draws: 0 }
    }

    fn fill(&mut self, bytes: &mut [u8]) {
        self.draws += 1;
        let digest = Sha512::digest(format!("{} {}", self.draws, self.seed).as_bytes());
        bytes.copy_from_slice(&digest[..bytes.len()]);
    }
}

fn mandatory(document: &Value<'_>) -> Vec<&'static str> {
    let types = document.get("type").map(Value::one_or_more).unwrap_or_default();
    let known = types.iter().find_map(|name| AttestationType::by_name(name.as_str()?));
    known.map_or_else(|| mandatory_pointers(document), |known| known.mandatory_pointers(document))
}

/// Secures a credential with any key, everything disclosed.
///
/// # Panics
/// If the key is not of the format's type, or the document has no place in the format.
pub fn secure(
    credential: Value<'static>,
    signer: &dyn Signer,
    method: &str,
    format: Format,
) -> String {
    let base = secure_base(credential, signer, method, format);
    match format {
        Format::EcdsaSd | Format::Bbs => derive(&base, &[""]),
        _ => base,
    }
}

/// Secures a credential as its issuer gives it to the holder.
///
/// # Panics
/// If the key is not of the format's type, or the document has no place in the format.
pub fn secure_base(
    credential: Value<'static>,
    signer: &dyn Signer,
    method: &str,
    format: Format,
) -> String {
    let mandatory = mandatory(&credential);
    match format {
        Format::Jwt(_) => {
            jose::sign(&credential, TokenType::VC, method, signer).expect("a signature")
        }
        Format::VcSdJwt(_) => {
            let pointers = sd_jwt_vc::disclosable(&credential, &mandatory);
            let cnf = holder_key(&credential);
            let Value::Object(mut payload) = credential else { unreachable!("an object") };
            if let Some(cnf) = cnf {
                payload.insert("cnf", cnf);
            }
            sd_jwt(&payload, &pointers, TokenType::VC_SD_JWT, method, signer)
        }
        Format::DcSdJwt(_) => {
            let pointers: Vec<String> = sd_jwt_vc::disclosable(&credential, &mandatory)
                .iter()
                .filter_map(|pointer| pointer.strip_prefix("/credentialSubject"))
                .map(ToOwned::to_owned)
                .collect();
            let credential = with_token_status(credential);
            let payload = sd_jwt_vc::to_claims(&credential, holder_key(&credential));
            sd_jwt(&payload.expect("claims"), &pointers, TokenType::DC_SD_JWT, method, signer)
        }
        _ => {
            let suite = SUITES.by_name(format.suite()).expect("a suite");
            let options = ProofOptions {
                created: Some(created()),
                mandatory: if suite.is_selective() { &mandatory } else { &[] },
                ..ProofOptions::new(method, Relationship::AssertionMethod)
            };
            let mut drawn = Drawn::new(&credential);
            let mut random = |bytes: &mut [u8]| {
                drawn.fill(bytes);
                Ok(())
            };
            let secured = add_proof_with(credential, &options, suite, signer, &mut random);
            to_canonical_string(&secured.expect("a proof"))
        }
    }
}

/// What is left of a credential when its holder shows what these pointers lead to, besides what
/// always is.
///
/// # Panics
/// If it is not of a selective format, or a pointer leads nowhere.
pub fn derive(base: &str, reveal: &[&str]) -> String {
    if !base.starts_with('{') {
        let token_type = match SdJwt::peek_typ(base).as_deref() {
            Some("dc+sd-jwt") => TokenType::DC_SD_JWT,
            _ => TokenType::VC_SD_JWT,
        };
        let token = SdJwt::parse(base, token_type).expect("an SD-JWT");
        return token.present(reveal).expect("a presentation");
    }
    let Value::Object(document) = json(base) else { unreachable!("an object") };
    let proof = &proofs_of(&document).expect("a proof")[0];
    let input = DeriveInput { document: &document, proof, reveal, presentation_header: b"" };
    let derived = SUITES.of_proof(proof).and_then(|suite| suite.derive(input));
    to_canonical_string(&derived.expect("a derived document").into())
}

fn sd_jwt(
    payload: &Object<'static>,
    disclosable: &[String],
    token_type: TokenType,
    method: &str,
    signer: &dyn Signer,
) -> String {
    let disclosable: Vec<&str> = disclosable.iter().map(String::as_str).collect();
    let mut drawn = Drawn::new(&payload.clone().into());
    let mut salt = || {
        let mut salt = [0; 16];
        drawn.fill(&mut salt);
        salt
    };
    let draft = SdJwtDraft { payload, disclosable: &disclosable, decoys: 1 };
    draft.issue(token_type, method, signer, &mut salt).expect("an SD-JWT")
}

fn holder_key(credential: &Value<'_>) -> Option<Object<'static>> {
    let subject = credential.pointer("/credentialSubject/id")?.as_str()?;
    let document = resolve_self_certifying(Did::parse(subject).ok()?)?.ok()?;
    Some(Object::from([("jwk", document.methods().first()?.key.as_ref()?.to_jwk()?)]))
}

/// The token list that says the same as a Bitstring list.
pub fn token_list_of(list: &str) -> String {
    list.replace("/status/", "/tokens/")
}

/// The credential with its status in a Token Status List instead.
fn with_token_status(credential: Value<'static>) -> Value<'static> {
    let Value::Object(mut credential) = credential else { return credential };
    if let Some(entry) = credential.get("credentialStatus").and_then(Value::as_object) {
        let entry = BitstringStatusEntry::from_object(entry).expect("a status entry");
        let reference =
            TokenStatusReference { index: entry.index, uri: token_list_of(&entry.list) };
        credential.insert("credentialStatus", reference.to_object());
    }
    credential.into()
}

/// Presents credentials as any agent, for any nonce and audience.
///
/// # Panics
/// Never: a key in memory signs.
pub fn present(
    credentials: &[String],
    agent: &Agent,
    format: Format,
    nonce: &str,
    audience: &str,
) -> String {
    let held = credentials.iter().map(|text| match text.starts_with('{') {
        true => json(text),
        false => envelop(text, &CompactJws::peek_media_type(text).unwrap_or_default()),
    });
    let presentation = new_presentation(&agent.did, held.collect());
    let binding = Some((nonce, audience));
    match format {
        Format::Jwt(_) | Format::VcSdJwt(_) => {}
        Format::DataIntegrity(_) => return secure_presentation(presentation, agent, binding),
        _ => return presented(presentation, agent, binding, format.suite()),
    }
    let Value::Object(mut claims) = presentation else { unreachable!("an object") };
    claims.insert("aud", audience.to_owned());
    claims.insert("nonce", nonce.to_owned());
    let (method, key) = (&agent.method, &agent.key);
    match format {
        Format::Jwt(_) => {
            jose::sign(&claims.into(), TokenType::VP, method, key).expect("a signature")
        }
        _ => sd_jwt(&claims, &[], TokenType::VP_SD_JWT, method, key),
    }
}

/// Signs any presentation as any agent; bound to a nonce and an audience, or to nothing.
///
/// # Panics
/// Never: a key in memory signs.
pub fn secure_presentation(
    presentation: Value<'static>,
    agent: &Agent,
    binding: Option<(&str, &str)>,
) -> String {
    let suite = SUITES.for_key(agent.key.public_key().key_type()).expect("a suite for the key");
    presented(presentation, agent, binding, suite.name())
}

fn presented(
    presentation: Value<'static>,
    agent: &Agent,
    binding: Option<(&str, &str)>,
    suite: &str,
) -> String {
    let options = ProofOptions {
        created: Some(created()),
        challenge: binding.map(|(nonce, _)| nonce),
        domain: binding.map(|(_, audience)| audience),
        ..ProofOptions::new(&agent.method, Relationship::Authentication)
    };
    let suite = SUITES.by_name(suite).expect("a suite");
    let mut none = |_: &mut [u8]| unreachable!("nothing is drawn for a presentation");
    let secured = add_proof_with(presentation, &options, suite, &agent.key, &mut none);
    to_canonical_string(&secured.expect("a proof"))
}

fn created() -> Timestamp {
    now().saturating_sub(Duration::from_secs(60))
}
