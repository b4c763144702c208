//! SD-JWTs: disclosures, digests, tildes and dots, key binding, and the JSON forms.

use bonafide_core::encoding::encode_base64url;
use bonafide_core::json::{Object, Value, to_canonical_string};
use bonafide_core::key::KeyType;
use bonafide_proof::jose::{self, TokenType};
use bonafide_proof::sd_jwt::{MOST_DISCLOSURES, SdJwt, SdJwtDraft};
use bonafide_testkit::{AUDIENCE, Attested, Format, json, now, scene};
use sha2::{Digest, Sha256};

use crate::{CREDENTIAL, Inputs, PRESENTATION, credential, filled};

/// A payload whose claims fill a token, signed, each disclosed by itself; `nested` ones one inside
/// of the other.
fn disclosures(count: usize, nested: bool) -> String {
    let scene = scene();
    let (key, method) = scene.scorer.key(KeyType::P384);
    let (mut inside, mut pointers) = (Value::from("x"), Vec::new());
    if nested {
        let names: Vec<String> = (0..count).map(|number| format!("n{number}")).collect();
        for name in names.iter().rev() {
            inside = Object::from([(name.clone(), inside)]).into();
        }
        let mut pointer = "/credentialSubject/x".to_owned();
        for name in &names {
            pointer = format!("{pointer}/{name}");
            pointers.push(pointer.clone());
        }
    } else {
        let texts: Vec<String> = (0..count).map(|number| format!("{number:0>620}")).collect();
        inside = texts.into();
        pointers.extend((0..count).map(|number| format!("/credentialSubject/x/{number}")));
    }
    let (before, after) = credential(&to_canonical_string(&inside));
    let Value::Object(payload) = json(&(before + &after)) else { return String::new() };
    let pointers: Vec<&str> = pointers.iter().map(String::as_str).collect();
    let draft = SdJwtDraft { payload: &payload, disclosable: &pointers, decoys: 1 };
    let mut drawn: u128 = 0;
    let mut salt = || {
        drawn += 1;
        drawn.to_be_bytes()
    };
    draft.issue(TokenType::VC_SD_JWT, &method, &key, &mut salt).unwrap()
}

/// A token near the cap with as many digests as it may have values.
fn digests() -> String {
    let scene = scene();
    let (key, method) = scene.scorer.key(KeyType::P384);
    let (before, after) = credential("\"");
    let text = filled(&before, "w", &format!("\"{after}"), 56 << 10);
    let digest = |number: u32| encode_base64url(&Sha256::digest(number.to_be_bytes()));
    let digests: Vec<String> =
        (0..15_000).map(|number| format!("\"{}\"", digest(number))).collect();
    let open = text.strip_suffix('}').unwrap();
    let payload = format!("{open},\"_sd\":[{}],\"_sd_alg\":\"sha-256\"}}", digests.join(","));
    jose::sign_bytes(payload.as_bytes(), TokenType::VC_SD_JWT, &method, &key).unwrap() + "~"
}

/// A credential with a good key binding, whose nonce is most of it.
fn long_binding() -> String {
    let scene = scene();
    let text =
        scene.attest(Attested::PactScore, &scene.platinum, Format::VcSdJwt(KeyType::Ed25519));
    let token = SdJwt::parse(&text, TokenType::VC_SD_JWT).unwrap();
    let nonce = "n".repeat(CREDENTIAL * 3 / 4 - 8_192);
    token.bind_key(AUDIENCE, &nonce, now(), &scene.platinum.key).unwrap()
}

/// A credential with something behind its last tilde that fills it to the cap.
fn followed_by(unit: &str) -> Vec<u8> {
    let scene = scene();
    let text =
        scene.attest(Attested::PactScore, &scene.platinum, Format::VcSdJwt(KeyType::Ed25519));
    filled(&text, unit, "", CREDENTIAL).into_bytes()
}

/// The flattened JSON form, at the cap of a presentation.
fn longest_json(token: &SdJwt<'_>) -> Vec<u8> {
    let Value::Object(mut whole) = json(&token.to_flattened_json()) else { return Vec::new() };
    let disclosure = "A".repeat(PRESENTATION / MOST_DISCLOSURES - 16);
    let disclosures = vec![disclosure; MOST_DISCLOSURES];
    whole.insert("header", Object::from([("disclosures", disclosures)]));
    to_canonical_string(&whole.into()).into_bytes()
}

pub(crate) fn inputs() -> Inputs {
    let scene = scene();
    let many = disclosures(MOST_DISCLOSURES, false);
    let parsed = SdJwt::parse(&many, TokenType::VC_SD_JWT).unwrap();
    let small =
        scene.attest(Attested::PactScore, &scene.platinum, Format::VcSdJwt(KeyType::Ed25519));
    let small = SdJwt::parse(&small, TokenType::VC_SD_JWT).unwrap();
    vec![
        ("SD-JWT: 1,024 disclosures", many.clone().into_bytes()),
        ("SD-JWT: one in the other", disclosures(60, true).into_bytes()),
        ("SD-JWT: 15,000 digests", digests().into_bytes()),
        ("SD-JWT: tildes", followed_by("~")),
        ("SD-JWT: tildes and letters", followed_by("A~")),
        ("SD-JWT: dots", followed_by(".")),
        ("SD-JWT: dots and tildes", followed_by(".~")),
        ("tildes alone", "~".repeat(CREDENTIAL).into_bytes()),
        ("SD-JWT: a long key binding", long_binding().into_bytes()),
        ("SD-JWT: flattened JSON", parsed.to_flattened_json().into_bytes()),
        ("SD-JWT: general JSON", parsed.to_general_json().into_bytes()),
        ("SD-JWT: the longest JSON", longest_json(&small)),
    ]
}
