//! A registrar, a builder, a certifier, a scorer; agents of different standing; a service.

use std::time::Duration;

use bonafide_core::attestation::{AttestationType, Draft};
use bonafide_core::did::Relationship;
use bonafide_core::json::{Object, Value, to_canonical_string};
use bonafide_core::key::KeyType;
use bonafide_core::status::{
    BitstringStatusEntry, BitstringStatusListCredential, StatusBits, StatusPurpose,
};
use bonafide_core::time::Timestamp;
use bonafide_core::vc::{CREDENTIALS_V2, envelop, new_presentation};
use bonafide_proof::data_integrity::{ProofOptions, Suites, add_proof};
use bonafide_proof::jose::{self, CompactJws, TokenType};
use bonafide_proof::{SecretKey, Signer};
use bonafide_verifier::{BundleContent, BundleDraft};

use crate::{did_key_of, json, key, now};

/// The service that asks.
pub const AUDIENCE: &str = "https://pay.example";

/// What it asks for.
pub const NONCE: &str = "9f1c2d";

/// How a credential is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// eddsa-jcs-2022, or ecdsa-jcs-2019, with a key of this type.
    DataIntegrity(KeyType),
    /// `vc+jwt` with a key of this type.
    Jwt(KeyType),
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 6] = [
        Self::DataIntegrity(KeyType::Ed25519),
        Self::DataIntegrity(KeyType::P256),
        Self::DataIntegrity(KeyType::P384),
        Self::Jwt(KeyType::Ed25519),
        Self::Jwt(KeyType::P256),
        Self::Jwt(KeyType::P384),
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
        }
    }

    /// The type of the signing key.
    pub fn key_type(self) -> KeyType {
        match self {
            Self::DataIntegrity(key_type) | Self::Jwt(key_type) => key_type,
        }
    }
}

/// What is attested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attested {
    /// `AgentIdentityCredential`
    Identity,
    /// `AgentBuilderCredential`
    Builder,
    /// `AgentCertificationCredential`
    Certification,
    /// `PactScoreCredential`
    PactScore,
}

impl Attested {
    /// Every attestation.
    pub const ALL: [Self; 4] =
        [Self::Identity, Self::Builder, Self::Certification, Self::PactScore];

    /// A name that fits a file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Builder => "builder",
            Self::Certification => "certification",
            Self::PactScore => "pact-score",
        }
    }

    fn type_name(self) -> &'static str {
        match self {
            Self::Identity => "AgentIdentityCredential",
            Self::Builder => "AgentBuilderCredential",
            Self::Certification => "AgentCertificationCredential",
            Self::PactScore => "PactScoreCredential",
        }
    }

    fn claims(self, agent: &Agent) -> Object<'static> {
        let text = match self {
            Self::Identity => include_str!("../../../fixtures/claims/identity.json"),
            Self::Builder => include_str!("../../../fixtures/claims/builder.json"),
            Self::Certification => include_str!("../../../fixtures/claims/certification.json"),
            Self::PactScore if agent.name == "platinum" => {
                include_str!("../../../fixtures/claims/pact-score-platinum.json")
            }
            Self::PactScore => include_str!("../../../fixtures/claims/pact-score-bronze.json"),
        };
        match json(text) {
            Value::Object(claims) => claims,
            _ => unreachable!("claims are objects"),
        }
    }
}

/// Somebody with a did:web and a key of each type.
pub struct Issuer {
    /// Its DID.
    pub did: String,
    /// The URL of its status list.
    pub list: String,
    name: &'static str,
}

impl Issuer {
    fn new(name: &'static str) -> Self {
        Self {
            did: format!("did:web:{name}.example"),
            list: format!("https://{name}.example/status/1"),
            name,
        }
    }

    /// Its key of a type, and the key's DID URL.
    pub fn key(&self, key_type: KeyType) -> (SecretKey, String) {
        let fragment = match key_type {
            KeyType::Ed25519 => "ed25519",
            KeyType::P256 => "p256",
            _ => "p384",
        };
        (key(self.name, key_type), format!("{}#{fragment}", self.did))
    }

    /// Its DID document.
    pub fn document(&self) -> Value<'static> {
        let mut methods = Vec::new();
        let mut ids = Vec::new();
        for key_type in [KeyType::Ed25519, KeyType::P256, KeyType::P384] {
            let (key, id) = self.key(key_type);
            methods.push(Value::from(Object::from([
                ("id", Value::from(id.clone())),
                ("type", "Multikey".into()),
                ("controller", self.did.clone().into()),
                ("publicKeyMultibase", key.public_key().to_multikey().into()),
            ])));
            ids.push(id);
        }
        let context = vec!["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"];
        Object::from([
            ("@context", Value::from(context)),
            ("id", self.did.clone().into()),
            ("verificationMethod", methods.into()),
            ("assertionMethod", ids.into()),
        ])
        .into()
    }
}

/// Somebody with a did:key.
pub struct Agent {
    /// What it is called here.
    pub name: &'static str,
    /// Its DID.
    pub did: String,
    /// The DID URL of its key.
    pub method: String,
    /// Its key.
    pub key: SecretKey,
}

impl Agent {
    /// The agent called `name`.
    pub fn new(name: &'static str) -> Self {
        let key = key(name, KeyType::Ed25519);
        let (did, method) = did_key_of(&key);
        Self { name, did, method, key }
    }
}

/// The world.
pub struct Scene {
    /// Attests identities.
    pub registrar: Issuer,
    /// Attests who built an agent.
    pub builder: Issuer,
    /// Certifies agents.
    pub certifier: Issuer,
    /// Scores agents.
    pub scorer: Issuer,
    /// Signs trust bundles.
    pub bundler: Agent,
    /// Scored 98.
    pub platinum: Agent,
    /// Scored 72.
    pub bronze: Agent,
    /// Unknown to everybody.
    pub stranger: Agent,
}

/// The world.
pub fn scene() -> Scene {
    Scene {
        registrar: Issuer::new("registrar"),
        builder: Issuer::new("builder"),
        certifier: Issuer::new("certifier"),
        scorer: Issuer::new("scorer"),
        bundler: Agent::new("bundler"),
        platinum: Agent::new("platinum"),
        bronze: Agent::new("bronze"),
        stranger: Agent::new("stranger"),
    }
}

impl Scene {
    /// Who attests this.
    pub fn issuer_of(&self, attested: Attested) -> &Issuer {
        match attested {
            Attested::Identity => &self.registrar,
            Attested::Builder => &self.builder,
            Attested::Certification => &self.certifier,
            Attested::PactScore => &self.scorer,
        }
    }

    /// All issuers.
    pub fn issuers(&self) -> [&Issuer; 4] {
        Attested::ALL.map(|attested| self.issuer_of(attested))
    }

    /// The place of an agent's credentials in every status list.
    pub fn index_of(&self, agent: &Agent) -> usize {
        match agent.name {
            "platinum" => 4_711,
            "bronze" => 90_210,
            _ => 7,
        }
    }

    /// An unsigned attestation about `agent`, valid for a month around now.
    ///
    /// # Panics
    /// If the claims do not fit their schema.
    pub fn attestation(&self, attested: Attested, agent: &Agent) -> Value<'static> {
        let issuer = self.issuer_of(attested);
        let entry =
            |purpose| BitstringStatusEntry::new(purpose, self.index_of(agent), issuer.list.clone());
        let id = format!("urn:bonafide:{}:{}", attested.name(), agent.name);
        let draft = Draft {
            attestation_type: AttestationType::by_name(attested.type_name()).expect("a known type"),
            id: &id,
            issuer: &issuer.did,
            subject: &agent.did,
            claims: attested.claims(agent),
            valid_from: crate::at("2026-11-20T00:00:00Z"),
            valid_until: crate::at("2026-12-20T00:00:00Z"),
            status: vec![entry(StatusPurpose::Revocation).to_object()],
        };
        draft.into_credential().expect("claims that fit")
    }

    /// Secures a credential in the name of `issuer`.
    ///
    /// # Panics
    /// Never for credentials of this scene.
    pub fn secure(&self, credential: Value<'static>, issuer: &Issuer, format: Format) -> String {
        let (key, method) = issuer.key(format.key_type());
        secure(credential, &key, &method, format)
    }

    /// An attestation, secured.
    pub fn attest(&self, attested: Attested, agent: &Agent, format: Format) -> String {
        self.secure(self.attestation(attested, agent), self.issuer_of(attested), format)
    }

    /// The credentials of an agent in one format.
    pub fn credentials(&self, agent: &Agent, format: Format) -> Vec<String> {
        Attested::ALL.map(|attested| self.attest(attested, agent, format)).to_vec()
    }

    /// A presentation that answers [`NONCE`] for [`AUDIENCE`].
    pub fn present(&self, credentials: &[String], agent: &Agent, format: Format) -> String {
        present(credentials, agent, format, NONCE, AUDIENCE)
    }

    /// The platinum agent's presentation of everything it has.
    pub fn presentation_of_platinum(&self) -> String {
        let format = Format::DataIntegrity(KeyType::Ed25519);
        self.present(&self.credentials(&self.platinum, format), &self.platinum, format)
    }

    /// An issuer's signed status list with these indexes revoked.
    ///
    /// # Panics
    /// If an index is beyond the list.
    pub fn status_list(&self, issuer: &Issuer, revoked: &[usize]) -> Value<'static> {
        let list = self.unsigned_status_list(issuer, revoked);
        json(&self.secure(list, issuer, Format::DataIntegrity(KeyType::Ed25519)))
    }

    /// The same before it is signed.
    ///
    /// # Panics
    /// If an index is beyond the list.
    pub fn unsigned_status_list(&self, issuer: &Issuer, revoked: &[usize]) -> Value<'static> {
        let mut bits = StatusBits::new(0);
        for index in revoked {
            bits.set(*index, true).expect("an index of the list");
        }
        let list = BitstringStatusListCredential {
            purposes: vec![StatusPurpose::Revocation, StatusPurpose::Suspension],
            ttl: Some(Duration::from_secs(600)),
            bits,
        };
        Object::from([
            ("@context", Value::from(vec![CREDENTIALS_V2])),
            ("id", issuer.list.clone().into()),
            ("type", vec!["VerifiableCredential", BitstringStatusListCredential::TYPE].into()),
            ("issuer", issuer.did.clone().into()),
            ("validFrom", "2026-11-22T11:55:00Z".into()),
            ("validUntil", "2026-11-23T11:55:00Z".into()),
            ("credentialSubject", list.to_subject(&issuer.list).into()),
        ])
        .into()
    }

    /// What a fresh bundle holds: every issuer's document and list, nothing revoked.
    pub fn bundle_draft(&self) -> BundleDraft {
        let fetched_at = crate::at("2026-11-22T11:56:00Z");
        let mut content = Vec::new();
        for issuer in self.issuers() {
            content.push(BundleContent::Document { document: issuer.document(), fetched_at });
            let credential = self.status_list(issuer, &[]);
            content.push(BundleContent::StatusList { credential, fetched_at });
        }
        BundleDraft {
            sequence: 7,
            issued_at: crate::at("2026-11-22T11:57:00Z"),
            expires: crate::at("2026-11-23T11:57:00Z"),
            content,
        }
    }

    /// A fresh bundle.
    pub fn bundle(&self) -> String {
        self.sign_bundle(&self.bundle_draft())
    }

    /// A bundle signed by the signer that the policy names.
    ///
    /// # Panics
    /// Never: a key in memory signs.
    pub fn sign_bundle(&self, draft: &BundleDraft) -> String {
        draft.sign(&self.bundler.method, &self.bundler.key).expect("a signature")
    }

    /// The service's policy.
    pub fn policy_toml(&self) -> String {
        include_str!("../../../fixtures/policy.toml").replace("DID_OF_BUNDLER", &self.bundler.did)
    }
}

/// Secures a credential with any key.
///
/// # Panics
/// If the key is not of the format's type.
pub fn secure(credential: Value<'static>, key: &SecretKey, method: &str, format: Format) -> String {
    match format {
        Format::Jwt(_) => jose::sign(&credential, TokenType::VC, method, key).expect("a signature"),
        Format::DataIntegrity(key_type) => {
            let options = ProofOptions {
                created: Some(created()),
                ..ProofOptions::new(method, Relationship::AssertionMethod)
            };
            let suite = Suites::JCS.for_key(key_type).expect("a suite for the key");
            let secured = add_proof(credential, &options, suite, key).expect("a proof");
            to_canonical_string(&secured)
        }
    }
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
    match format {
        Format::Jwt(_) => {
            let Value::Object(mut claims) = presentation else { unreachable!("an object") };
            claims.insert("aud", audience.to_owned());
            claims.insert("nonce", nonce.to_owned());
            jose::sign(&claims.into(), TokenType::VP, &agent.method, &agent.key)
                .expect("a signature")
        }
        Format::DataIntegrity(_) => {
            secure_presentation(presentation, agent, Some((nonce, audience)))
        }
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
    let options = ProofOptions {
        created: Some(created()),
        challenge: binding.map(|(nonce, _)| nonce),
        domain: binding.map(|(_, audience)| audience),
        ..ProofOptions::new(&agent.method, Relationship::Authentication)
    };
    let key_type = agent.key.public_key().key_type();
    let suite = Suites::JCS.for_key(key_type).expect("a suite for the key");
    to_canonical_string(&add_proof(presentation, &options, suite, &agent.key).expect("a proof"))
}

fn created() -> Timestamp {
    now().saturating_sub(Duration::from_secs(60))
}
