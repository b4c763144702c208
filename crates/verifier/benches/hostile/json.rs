//! JSON and JWTs, with the suites that sign JSON.

use bonafide_core::did::Relationship;
use bonafide_core::json::{Object, Value, to_canonical_string};
use bonafide_core::key::KeyType;
use bonafide_core::vc::new_presentation;
use bonafide_proof::data_integrity::{ProofOptions, Suites, add_proof};
use bonafide_proof::jose::{self, TokenType};
use bonafide_testkit::chain::chains;
use bonafide_testkit::{AUDIENCE, Attested, Format, NONCE, did_key_of, json, key, scene};

use crate::{CREDENTIAL, Inputs, PRESENTATION, credential, filled};

pub(crate) fn inputs() -> Inputs {
    let of = |open: &str, unit: &str, close: &str, size| {
        let (before, after) = credential(open);
        filled(&before, unit, &format!("{close}{after}"), size).into_bytes()
    };
    let mut inputs = vec![
        ("zeros", of("[0", ",0", "]", CREDENTIAL)),
        ("empty arrays", of("[[]", ",[]", "]", CREDENTIAL)),
        ("small objects", of("[0", r#",{"":0}"#, "]", CREDENTIAL)),
        ("one long string", of("\"", "x", "\"", CREDENTIAL)),
        ("escapes", of("\"", "\\n", "\"", CREDENTIAL)),
        ("surrogate pairs", of("\"", "\\ud83d\\ude00", "\"", CREDENTIAL)),
        ("long numbers", of("[0", ",1.7976931348623157e308", "]", CREDENTIAL)),
        ("a number of a million digits", of("0.", "1", "", CREDENTIAL)),
        ("spread values", of("[0", &format!(",\"{}\"", "y".repeat(60)), "]", CREDENTIAL)),
        ("dots", ".".repeat(CREDENTIAL).into_bytes()),
        ("brackets", "[".repeat(PRESENTATION).into_bytes()),
        ("zeros in a presentation", filled("{\"a\":[0", ",0", "]}", PRESENTATION).into_bytes()),
        ("not UTF-8", vec![0xff; PRESENTATION]),
        ("over the cap", vec![b' '; PRESENTATION + 1]),
    ];
    let names: Vec<String> = (0..60_000).rev().map(|n| format!("\"k{n:010}\":0")).collect();
    inputs.push(("unsorted names", format!("{{{}}}", names.join(",")).into_bytes()));
    let types = filled("{\"type\":[\"VerifiableCredential\"", ",\"a\"", "]}", CREDENTIAL);
    inputs.push(("types", types.into_bytes()));
    let header = bonafide_core::encoding::encode_base64url(
        br#"{"alg":"EdDSA","typ":"vc+jwt","kid":"did:web:scorer.example#ed25519"}"#,
    );
    let token = filled(&format!("{header}."), "A", &format!(".{}", "A".repeat(86)), CREDENTIAL);
    inputs.push(("a token of nothing", token.into_bytes()));
    inputs.push(("a big signed token", big_token()));
    inputs.push(("many proofs, P-384", many_proofs()));
    inputs.push(("a full presentation, P-384", full_presentation()));
    inputs.push(("base58 proof value", long_proof_value()));
    inputs
}

/// Presentations of ten thousand links: as short as can be, and as long as a presentation may be.
pub(crate) fn links() -> Inputs {
    let chain = chains().chain(2);
    let link = to_canonical_string(&chain[1]);
    let of = |unit: &str, count: usize| {
        let links = vec![unit; count].join(",");
        format!(
            r#"{{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiablePresentation"],"verifiableCredential":[{links}]}}"#
        )
        .into_bytes()
    };
    let short = r#"{"type":"DelegationCredential"}"#;
    let fitting = (PRESENTATION - 1024) / (link.len() + 1);
    vec![
        ("10,000 links of a chain, short", of(short, 10_000)),
        ("10,000 links of a chain, whole", of(&link, 10_000)),
        ("as many whole links as may be sent", of(&link, fitting)),
    ]
}

/// 16 credentials and a presentation, all with good P-384 signatures.
fn full_presentation() -> Vec<u8> {
    let scene = scene();
    let format = Format::Jwt(KeyType::P384);
    let credential = scene.attest(Attested::PactScore, &scene.platinum, format);
    let held = vec![credential; 16];
    scene.present(&held, &scene.platinum, Format::Jwt(KeyType::Ed25519)).into_bytes()
}

/// A token near the cap, of an issuer whose key is known, so that all of it is hashed and parsed.
fn big_token() -> Vec<u8> {
    let scene = scene();
    let (key, method) = scene.scorer.key(KeyType::P384);
    let (before, after) = credential("[0");
    let unit = format!(",\"{}\"", "z".repeat(90));
    let payload = filled(&before, &unit, &format!("]{after}"), CREDENTIAL * 3 / 4 - 1024);
    let token = jose::sign_bytes(payload.as_bytes(), TokenType::VC, &method, &key);
    token.unwrap().into_bytes()
}

/// A presentation near the cap with as many P-384 proofs as one may have, each by another did:key,
/// holding two credentials of the same kind.
fn many_proofs() -> Vec<u8> {
    let suite = Suites::JCS.for_key(KeyType::P384).unwrap();
    let proven = |mut document: Value<'static>, purpose| {
        for index in 0..8 {
            let key = key(&format!("hostile {index}"), KeyType::P384);
            let (_, method) = did_key_of(&key);
            let options = ProofOptions {
                challenge: Some(NONCE),
                domain: Some(AUDIENCE),
                ..ProofOptions::new(&method, purpose)
            };
            document = add_proof(document, &options, suite, &key).unwrap();
        }
        document
    };
    let big = |size| {
        let (before, after) = credential("\"");
        let document = json(&filled(&before, "w", &format!("\"{after}"), size));
        proven(document, Relationship::AssertionMethod)
    };
    let held = (0..3).map(|_| big(CREDENTIAL - 8_192)).collect();
    let mut presentation = new_presentation("did:x:y", held);
    if let Value::Object(object) = &mut presentation {
        object.insert("id", "urn:x:y");
    }
    let presentation = proven(presentation, Relationship::Authentication);
    to_canonical_string(&presentation).into_bytes()
}

fn long_proof_value() -> Vec<u8> {
    let scene = scene();
    let text = scene.attest(Attested::PactScore, &scene.platinum, Format::ALL[0]);
    let Value::Object(mut document) = json(&text) else { return Vec::new() };
    let Some(Value::Object(mut proof)) = document.remove("proof") else { return Vec::new() };
    proof.insert("proofValue", format!("z{}", "z".repeat(1_000_000)));
    document.insert("proof", proof);
    to_canonical_string(&Object::into(document)).into_bytes()
}
