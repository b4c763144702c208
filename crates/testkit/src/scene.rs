//! A registrar, a builder, a certifier, a scorer; agents of different standing; a service.

use std::time::Duration;

use bonafide_core::attestation::{AttestationType, Draft};
use bonafide_core::json::{Object, Value};
use bonafide_core::key::KeyType;
use bonafide_core::status::{
    BitstringStatusEntry, BitstringStatusListCredential, StatusBits, StatusPurpose,
    TokenStatusBits, TokenStatusListClaims,
};
use bonafide_proof::jose::{self, TokenType};
use bonafide_proof::{SecretKey, Signer};
use bonafide_verifier::{BundleContent, BundleDraft};

use crate::format::{Format, present, secure, token_list_of};
use crate::{bbs_key, did_key_of, json, key};

/// The service that asks.
pub const AUDIENCE: &str = "https://pay.example";

/// What it asks for.
pub const NONCE: &str = "9f1c2d";

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
    ///
    /// # Panics
    /// For BLS12-381, whose keys sign otherwise.
    pub fn key(&self, key_type: KeyType) -> (SecretKey, String) {
        (key(self.name, key_type), self.method(key_type))
    }

    /// The same for every type that signs anything.
    pub fn signer(&self, key_type: KeyType) -> (Box<dyn Signer>, String) {
        let signer: Box<dyn Signer> = match key_type {
            KeyType::Bls12381G2 => Box::new(bbs_key(self.name)),
            _ => Box::new(key(self.name, key_type)),
        };
        (signer, self.method(key_type))
    }

    fn method(&self, key_type: KeyType) -> String {
        let fragment = match key_type {
            KeyType::Ed25519 => "ed25519",
            KeyType::P256 => "p256",
            KeyType::P384 => "p384",
            _ => "bls12381",
        };
        format!("{}#{fragment}", self.did)
    }

    /// Its DID document.
    pub fn document(&self) -> Value<'static> {
        let mut methods = Vec::new();
        let mut ids = Vec::new();
        for key_type in [KeyType::Ed25519, KeyType::P256, KeyType::P384, KeyType::Bls12381G2] {
            let (key, id) = self.signer(key_type);
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
        let (key, method) = issuer.signer(format.key_type());
        secure(credential, &*key, &method, format)
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
        present(credentials, agent, format.envelope(), NONCE, AUDIENCE)
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

    /// The same state as a Token Status List.
    ///
    /// # Panics
    /// If an index is beyond the list.
    pub fn token_list(&self, issuer: &Issuer, revoked: &[usize]) -> String {
        let mut bits = StatusBits::new(0);
        for index in revoked {
            bits.set(*index, true).expect("an index of the list");
        }
        let claims = TokenStatusListClaims {
            uri: token_list_of(&issuer.list),
            issued_at: crate::at("2026-11-22T11:55:00Z"),
            expires: Some(crate::at("2026-11-23T11:55:00Z")),
            ttl: Some(Duration::from_secs(600)),
            aggregation_uri: None,
            bits: TokenStatusBits::project(&bits, None).expect("a list that is not too long"),
        };
        let (key, method) = issuer.key(KeyType::Ed25519);
        jose::sign(&claims.to_payload().into(), TokenType::STATUS_LIST, &method, &key)
            .expect("a signature")
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
        let (from, until) = (crate::at("2026-11-22T11:55:00Z"), crate::at("2026-11-23T11:55:00Z"));
        list.to_credential(&issuer.list, &issuer.did, from, until)
    }

    /// What a fresh bundle holds: every issuer's document and lists of both kinds, nothing revoked.
    pub fn bundle_draft(&self) -> BundleDraft {
        let fetched_at = crate::at("2026-11-22T11:56:00Z");
        let mut content = Vec::new();
        for issuer in self.issuers() {
            content.push(BundleContent::Document { document: issuer.document(), fetched_at });
            let credential = self.status_list(issuer, &[]);
            content.push(BundleContent::StatusList { credential, fetched_at });
            let credential = self.token_list(issuer, &[]).into();
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
