//! An agent, or a person, that signs for itself, as a wallet does.

use std::cell::Cell;

use bonafide_core::delegation::{ChildStatus, Grant, ParentLink};
use bonafide_core::did::did_key;
use bonafide_core::encoding::encode_base64url;
use bonafide_core::json::{Limits, parse, to_canonical_string};
use bonafide_core::key::KeyType;
use bonafide_core::time::Timestamp;
use bonafide_proof::jose::{TokenType, sign_bytes};
use bonafide_proof::{SecretKey, Signer};
use bonafide_testkit::chain::{LinkDraft, digest_of, sign_delegation};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::http::{self, Answer};
use super::service::{Issuer, now};

/// Who holds a key.
pub(crate) struct Holder {
    key: SecretKey,
    pub(crate) did: String,
    /// What it presents: credentials as it was given them.
    pub(crate) credentials: Vec<Value>,
    number: Cell<u32>,
}

impl Holder {
    /// With a key of this seed.
    pub(crate) fn new(seed: u8) -> Self {
        let key = SecretKey::from_bytes(KeyType::Ed25519, &[seed; 32]).unwrap();
        let did = did_key(key.public_key());
        Self { key, did, credentials: Vec::new(), number: Cell::new(0) }
    }

    /// The DID URL of its key.
    pub(crate) fn method(&self) -> String {
        format!("{}#{}", self.did, self.did.trim_start_matches("did:key:"))
    }

    /// A presentation with these claims besides, as vp+jwt.
    pub(crate) fn present(&self, claims: &Value, credentials: &[Value]) -> String {
        let held: Vec<Value> = credentials
            .iter()
            .map(|credential| match credential {
                Value::String(token) => json!({
                    "@context": "https://www.w3.org/ns/credentials/v2",
                    "id": format!("data:application/vc+jwt,{token}"),
                    "type": "EnvelopedVerifiableCredential",
                }),
                object => object.clone(),
            })
            .collect();
        let mut payload = json!({
            "@context": ["https://www.w3.org/ns/credentials/v2"],
            "type": ["VerifiablePresentation"],
            "holder": self.did,
            "iss": self.did,
        });
        if !held.is_empty() {
            payload["verifiableCredential"] = held.into();
        }
        for (name, value) in claims.as_object().unwrap() {
            payload[name] = value.clone();
        }
        let payload = payload.to_string();
        sign_bytes(payload.as_bytes(), TokenType::VP, &self.method(), &self.key).unwrap()
    }

    /// Answers a new challenge of the service.
    pub(crate) fn answers(&self, issuer: &Issuer, credentials: &[Value]) -> String {
        let asked = issuer.post("/challenges", &Value::Null).is(201);
        self.present(&json!({"nonce": asked["challenge"], "aud": asked["domain"]}), credentials)
    }

    /// The claims of a request presentation for this request.
    pub(crate) fn request_claims(
        &self,
        issuer: &Issuer,
        method: &str,
        path: &str,
        body: &[u8],
    ) -> Value {
        self.number.set(self.number.get() + 1);
        let at = now().unix();
        let mut claims = json!({
            "aud": issuer.url(), "htm": method, "htu": format!("{}{path}", issuer.url()),
            "iat": at, "exp": at + 60, "jti": format!("request-{}-{}", self.did, self.number.get()),
        });
        if !body.is_empty() {
            claims["body_sha256"] = encode_base64url(&Sha256::digest(body)).into();
        }
        claims
    }

    /// Sends JSON with a request presentation of what it holds.
    pub(crate) fn send(&self, issuer: &Issuer, method: &str, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let claims = self.request_claims(issuer, method, path, body.as_bytes());
        let presentation = self.present(&claims, &self.credentials);
        send_with(issuer, method, path, body.as_bytes(), &presentation, &[])
    }

    /// Posts JSON so.
    pub(crate) fn post(&self, issuer: &Issuer, path: &str, body: &Value) -> Answer {
        self.send(issuer, "POST", path, body)
    }
}

/// Sends a request with this presentation, whoever made it.
pub(crate) fn send_with(
    issuer: &Issuer,
    method: &str,
    path: &str,
    body: &[u8],
    presentation: &str,
    headers: &[(&str, &str)],
) -> Answer {
    let mut all =
        vec![("bonafide-presentation", presentation), ("content-type", "application/json")];
    all.extend(headers);
    http::send(issuer.port, method, path, &all, body).unwrap()
}

impl Holder {
    /// An agent that enrols itself by a link, and holds its identity.
    pub(crate) fn enrolled(issuer: &Issuer, seed: u8, kind: &str) -> Self {
        let mut holder = Self::new(seed);
        let made = issuer.post(
            "/enrolment-links",
            &json!({
                "name": format!("Agent {seed}"), "kind": kind, "version": "1.0.0",
                "modelDigest": super::agent::MODEL, "codeDigest": super::agent::CODE,
                "sponsor": "did:web:acme.example",
            }),
        );
        let link = made.is(201)["link"].as_str().unwrap().to_owned();
        let (place, secret) = link.strip_prefix(&issuer.url()).unwrap().split_once('#').unwrap();
        let proof = holder.answers(issuer, &[]);
        let body = json!({"secret": secret, "did": holder.did, "proof": proof}).to_string();
        let headers = [("content-type", "application/json")];
        let told = http::send(issuer.port, "POST", place, &headers, body.as_bytes()).unwrap();
        holder.credentials.push(told.is(201)["credentials"][0].clone());
        holder
    }

    /// A part of a grant or delegation that it holds, for another agent: actions, resources and
    /// audience stay, the depth is one less. `index` is the child's own, `handed` is handed on.
    pub(crate) fn delegate(
        &self,
        parent: &Value,
        child: &Self,
        index: u64,
        handed: &[u64],
    ) -> Value {
        let text = parent.to_string();
        let limits = Limits::for_size(text.len());
        let document = parse(text.as_bytes(), &limits).unwrap().into_owned();
        let subject = document.get("credentialSubject").and_then(|one| one.as_object()).unwrap();
        let root = parent["type"][1] == "TaskGrantCredential";
        let what = if root { "TaskGrantCredential" } else { "DelegationCredential" };
        let mut grant = Grant::from_subject(what, subject, root).unwrap();
        let list = grant.child_status.as_ref().unwrap().list.clone();
        let id = parent["id"].as_str().unwrap().to_owned();
        grant.rights.max_depth -= 1;
        grant.principal = None;
        grant.parent = Some(ParentLink { id, digest: digest_of(&document) });
        grant.holder_key = child.method();
        grant.child_status = (!handed.is_empty())
            .then(|| ChildStatus { list: list.clone(), indexes: handed.to_vec() });
        let at = |name: &str| Timestamp::parse(parent[name].as_str().unwrap()).unwrap();
        let draft = LinkDraft {
            id: format!("urn:uuid:0199d3a0-5a7e-7c1b-8e55-{index:012}"),
            issuer: self.did.clone(),
            subject: child.did.clone(),
            grant,
            span: (at("validFrom"), at("validUntil")),
            status: (list, index),
        };
        let signed = sign_delegation(draft.unsigned(), &self.key, &self.method());
        serde_json::from_str(&to_canonical_string(&signed)).unwrap()
    }
}
