//! The fixtures: each attestation in each format, valid and invalid, and presentations, with the
//! verdict each must get. Written by `cargo run -p bonafide-testkit`; the same bytes every time.

use std::collections::BTreeMap;

use bonafide_core::json::{Object, Value, to_pretty_string};
use bonafide_verifier::BundleContent;

use crate::{AUDIENCE, Agent, Attested, Format, NONCE, NOW, Scene, json, present, scene};

/// Files by path below `fixtures/`.
pub type Files = BTreeMap<String, String>;

/// What must become of a file.
struct Expected {
    outcome: &'static str,
    level: Option<&'static str>,
    reasons: &'static [&'static str],
}

const AUTHENTIC: Expected = Expected { outcome: "accepted", level: None, reasons: &[] };

const fn rejected(reasons: &'static [&'static str]) -> Expected {
    Expected { outcome: "rejected", level: None, reasons }
}

struct Writer {
    scene: Scene,
    files: Files,
    index: Vec<Value<'static>>,
}

/// Every fixture, the index among them.
pub fn all() -> Files {
    let mut writer = Writer { scene: scene(), files: Files::new(), index: Vec::new() };
    writer.world();
    for format in Format::ALL {
        for attested in Attested::ALL {
            writer.credentials(attested, format);
        }
        writer.presentations(format);
    }
    let index = Object::from([
        ("at", Value::from(NOW)),
        ("policy", "trust/policy.toml".into()),
        ("cases", writer.index.into()),
    ]);
    writer.files.insert("index.json".to_owned(), to_pretty_string(&index.into()));
    writer.files
}

/// Changes a credential before it is signed.
type Change = fn(&mut Object<'static>);

fn set(object: &mut Object<'static>, member: &'static str, value: impl Into<Value<'static>>) {
    object.insert(member, value);
}

fn in_subject(object: &mut Object<'static>, change: impl FnOnce(&mut Object<'static>)) {
    if let Some(Value::Object(subject)) = object.get_mut("credentialSubject") {
        change(subject);
    }
}

/// What is wrong before signing, and the verdict it must get.
const CHANGES: [(&str, Change, Expected); 8] = [
    ("expired", |vc| set(vc, "validUntil", "2026-11-21T00:00:00Z"), rejected(&["expired"])),
    (
        "not-yet-valid",
        |vc| set(vc, "validFrom", "2026-12-01T00:00:00Z"),
        rejected(&["not-yet-valid"]),
    ),
    ("no-end", |vc| drop(vc.remove("validUntil")), rejected(&["claims-missing"])),
    (
        "no-status",
        |vc| drop(vc.remove("credentialStatus")),
        rejected(&["claims-missing", "status-missing"]),
    ),
    ("no-schema", |vc| drop(vc.remove("credentialSchema")), rejected(&["claims-missing"])),
    (
        "odd-claim",
        |vc| in_subject(vc, |subject| set(subject, "isAdmin", true)),
        rejected(&["schema-violation"]),
    ),
    (
        "no-subject-id",
        |vc| in_subject(vc, |subject| drop(subject.remove("id"))),
        rejected(&["claims-missing"]),
    ),
    (
        "unknown-list",
        |vc| {
            if let Some(Value::Object(status)) = vc.get_mut("credentialStatus") {
                set(status, "statusListCredential", "https://elsewhere.example/status/9");
            }
        },
        Expected { outcome: "undecided", level: None, reasons: &["status-list-missing"] },
    ),
];

impl Writer {
    fn world(&mut self) {
        let scene = &self.scene;
        let mut keys = Object::new();
        for agent in [&scene.bundler, &scene.platinum, &scene.bronze, &scene.stranger] {
            keys.insert(agent.name, agent.did.clone());
        }
        self.files.insert("trust/dids.json".to_owned(), to_pretty_string(&keys.into()));
        self.files.insert("trust/policy.toml".to_owned(), scene.policy_toml());
        for issuer in scene.issuers() {
            let name = issuer.did.trim_start_matches("did:web:").to_owned();
            let document = to_pretty_string(&issuer.document());
            self.files.insert(format!("trust/{name}.did.json"), document);
        }
        self.files.insert("trust/fresh.bundle".to_owned(), scene.bundle() + "\n");
        let mut revoked = scene.bundle_draft();
        revoked.sequence += 1;
        let index = scene.index_of(&scene.platinum);
        let lists = revoked.content.iter_mut().filter_map(|content| match content {
            BundleContent::StatusList { credential, .. } => Some(credential),
            BundleContent::Document { .. } | BundleContent::History { .. } => None,
        });
        let issuers = scene.issuers().into_iter().flat_map(|issuer| [issuer, issuer]);
        for (list, issuer) in lists.zip(issuers) {
            *list = match list {
                Value::String(_) => scene.token_list(issuer, &[index]).into(),
                _ => scene.status_list(issuer, &[index]),
            };
        }
        self.files.insert("trust/revoked.bundle".to_owned(), scene.sign_bundle(&revoked) + "\n");
    }

    fn credentials(&mut self, attested: Attested, format: Format) {
        let folder = format!("{}/{}", format.name(), attested.name());
        let issuer = self.scene.issuer_of(attested);
        let unsigned = self.scene.attestation(attested, &self.scene.platinum);
        let secure = |credential| self.scene.secure(credential, issuer, format);
        let valid = secure(unsigned.clone());
        let mut cases = vec![
            ("valid", valid.clone(), "fresh", AUTHENTIC),
            ("valid", valid.clone(), "revoked", rejected(&["revoked"])),
            ("tampered", tampered(&valid), "fresh", rejected(&["proof-invalid"])),
        ];
        for (name, change, expected) in CHANGES {
            // What no context defines can't be signed as RDF, and an SD-JWT VC names no schema.
            let impossible = (name == "odd-claim" && format.is_rdf())
                || (name == "no-schema" && matches!(format, Format::DcSdJwt(_)));
            if impossible {
                continue;
            }
            let Value::Object(mut credential) = unsigned.clone() else { continue };
            change(&mut credential);
            cases.push((name, secure(credential.into()), "fresh", expected));
        }
        let other = match attested {
            Attested::Identity => &self.scene.builder,
            _ => &self.scene.registrar,
        };
        let forged = self.scene.secure(unsigned.clone(), other, format);
        cases.push(("forged-issuer", forged, "fresh", rejected(&["issuer-mismatch"])));
        let Value::Object(mut credential) = unsigned else { return };
        credential.insert("issuer", other.did.clone());
        let status = self.scene.secure(credential.into(), other, format);
        let untrusted = rejected(&["issuer-untrusted", "status-list-untrusted"]);
        cases.push(("untrusted-issuer", status, "fresh", untrusted));
        for (name, text, bundle, expected) in cases {
            self.add(&format!("{folder}/{name}"), &text, bundle, None, &expected);
        }
    }

    fn presentations(&mut self, format: Format) {
        let Scene { platinum, bronze, stranger, .. } = &self.scene;
        // Agents have Ed25519 keys; the credentials inside are in every format.
        let envelope = format.envelope();
        // An empty list can't be signed as RDF.
        let nothing = match envelope {
            Format::Rdfc(key_type) => Format::DataIntegrity(key_type),
            other => other,
        };
        let theirs = |agent: &Agent| self.scene.credentials(agent, format);
        let of = |held: &[String], agent: &Agent| present(held, agent, envelope, NONCE, AUDIENCE);
        let granted = |level| Expected { outcome: "accepted", level: Some(level), reasons: &[] };
        let (gold, plain) = (theirs(platinum), theirs(bronze));
        let borrowed = [plain[0].clone(), gold[3].clone()];
        // An SD-JWT is bound to its subject's key besides.
        let not_theirs = || match format {
            Format::VcSdJwt(_) | Format::DcSdJwt(_) => {
                rejected(&["holder-mismatch", "subject-mismatch"])
            }
            _ => rejected(&["subject-mismatch"]),
        };
        let good = of(&gold, platinum);
        let cases = [
            ("platinum", good.clone(), "fresh", granted("sensitive")),
            ("platinum", good, "revoked", rejected(&["revoked"])),
            ("bronze", of(&plain, bronze), "fresh", granted("read")),
            ("score-alone", of(&gold[3..], platinum), "fresh", rejected(&["no-level"])),
            ("borrowed", of(&borrowed, bronze), "fresh", not_theirs()),
            ("stolen", of(&gold, stranger), "fresh", not_theirs()),
            (
                "old-nonce",
                present(&gold, platinum, envelope, "other", AUDIENCE),
                "fresh",
                rejected(&["nonce-mismatch"]),
            ),
            (
                "other-audience",
                present(&gold, platinum, envelope, NONCE, "https://evil.example"),
                "fresh",
                rejected(&["audience-mismatch"]),
            ),
            (
                "empty",
                present(&[], platinum, nothing, NONCE, AUDIENCE),
                "fresh",
                rejected(&["presentation-empty"]),
            ),
        ];
        let request = Object::from([("nonce", NONCE), ("audience", AUDIENCE)]);
        for (name, text, bundle, expected) in cases {
            let path = format!("{}/presentation/{name}", format.name());
            self.add(&path, &text, bundle, Some(request.clone()), &expected);
        }
    }

    fn add(
        &mut self,
        stem: &str,
        text: &str,
        bundle: &str,
        request: Option<Object<'static>>,
        expected: &Expected,
    ) {
        let path = match (text.starts_with('{'), text.contains('~')) {
            (true, _) => format!("{stem}.json"),
            (false, true) => format!("{stem}.sd-jwt"),
            (false, false) => format!("{stem}.jwt"),
        };
        let content = match text.starts_with('{') {
            true => to_pretty_string(&json(text)),
            false => format!("{text}\n"),
        };
        self.files.insert(path.clone(), content);
        let mut case = Object::from([
            ("file", Value::from(path)),
            ("bundle", format!("trust/{bundle}.bundle").into()),
            ("outcome", expected.outcome.into()),
            ("level", expected.level.map_or(Value::Null, Value::from)),
            ("reasons", expected.reasons.to_vec().into()),
        ]);
        if let Some(request) = request {
            case.insert("request", request);
        }
        self.index.push(case.into());
    }
}

/// A secured credential with one letter changed where nothing but the signature notices.
fn tampered(text: &str) -> String {
    if text.starts_with('{') {
        return text.replacen("urn:bonafide:", "urn:bonafidd:", 1);
    }
    let (text, disclosures) = text.find('~').map_or((text, ""), |at| text.split_at(at));
    let mut parts: Vec<String> = text.split('.').map(ToOwned::to_owned).collect();
    let payload = bonafide_core::encoding::decode_base64url(&parts[1]).unwrap_or_default();
    let payload = String::from_utf8_lossy(&payload).replacen("urn:bonafide:", "urn:bonafidd:", 1);
    parts[1] = bonafide_core::encoding::encode_base64url(payload.as_bytes());
    parts.join(".") + disclosures
}

/// A fixture without what is not the same on every run: the proofs of bbs-2023.
pub fn without_chance(path: &str, content: &str) -> String {
    fn drop_values(value: &mut Value<'static>) {
        match value {
            Value::Object(object) => {
                if object.str("cryptosuite") == Some("bbs-2023") {
                    object.remove("proofValue");
                }
                let names: Vec<String> = object.iter().map(|(name, _)| name.to_owned()).collect();
                for name in names {
                    object.get_mut(&name).into_iter().for_each(drop_values);
                }
                // The proof of a presentation covers those inside.
                if object.contains("verifiableCredential")
                    && let Some(Value::Object(proof)) = object.get_mut("proof")
                {
                    proof.remove("proofValue");
                }
            }
            Value::Array(items) => items.iter_mut().for_each(drop_values),
            _ => {}
        }
    }
    if !path.starts_with("bbs-2023/") {
        return content.to_owned();
    }
    let mut value = json(content);
    drop_values(&mut value);
    to_pretty_string(&value)
}
