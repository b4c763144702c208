//! openwallet-foundation-labs/sd-jwt-python: RFC 9901, whole tokens with their claims.
//!
//! Their `typ` is `example+sd-jwt`, which no product takes; it stands here alone. Two of the tokens
//! are refused as published, and looked at in parts: `header_mod` has a number for a `kid`, and
//! `json_serialization_general` has two signatures, each of which is checked by itself.

use bonafide_core::encoding::{decode_base64url, encode_base64url};
use bonafide_core::json::{Object, Value, to_canonical_string};
use bonafide_core::key::PublicKey;
use bonafide_proof::jose::{JoseError, TokenType};
use bonafide_proof::sd_jwt::{SdJwt, SdJwtError, compact};
use bonafide_proof::{Unremembered, VerifyingKey};
use bonafide_testkit::json;
use sha2::{Digest, Sha256};

use super::Folder;

const EXAMPLE: TokenType = TokenType { typ: "example+sd-jwt", cty: None };

/// Coordinates of the keys in `settings.yml`, and of the second issuer key of the general form.
const ISSUER: [&str; 2] =
    ["b28d4MwZMjw8-00CG4xfnn9SLMVMM19SlqZpVb_uNtQ", "Xv5zWwuoaTgdS6hV43yI6gBwTnjukmFQQnJ_kCxzqk8"];
const SECOND_ISSUER: [&str; 2] =
    ["bN-hp3IN0GZB3OlaQnHDPhY4nZsZbQyo4wY-y1NWCvA", "vaSsH5jt9zt3aQvTvrSaFYLyjPG9Ug-2vntoNXlCbVU"];
const HOLDER: [&str; 2] =
    ["TCAER19Zvu3OHF4j4W4vfSVoHIP1ILilDls7vCeGemc", "ZxjiWWbZMQGHVWKVQ4hbSIirsVfuecCE6t4jT9F2HZQ"];

/// The cases in compact form.
const COMPACT: [&str; 15] = [
    "array_data_types",
    "array_full_sd",
    "array_in_sd",
    "array_nested_in_plain",
    "array_none_disclosed",
    "array_of_nulls",
    "array_of_objects",
    "array_of_scalars",
    "array_recursive_sd",
    "array_recursive_sd_some_disclosed",
    "key_binding",
    "no_sd",
    "object_data_types",
    "recursions",
    "header_mod",
];

fn key([x, y]: [&str; 2]) -> VerifyingKey {
    let jwk = Object::from([("kty", "EC"), ("crv", "P-256"), ("x", x), ("y", y)]);
    VerifyingKey::new(PublicKey::from_jwk(&jwk).unwrap()).unwrap()
}

fn part(text: &str, index: usize) -> Value<'static> {
    let part = decode_base64url(text.split('.').nth(index).unwrap()).unwrap();
    json(std::str::from_utf8(&part).unwrap())
}

/// Checks the issuer's signature without looking at the header.
fn signed(text: &str, key: &VerifyingKey) -> bool {
    let (input, signature) = text.split('~').next().unwrap().rsplit_once('.').unwrap();
    key.verify(input.as_bytes(), &decode_base64url(signature).unwrap())
}

/// Checks the issuer's signature as a verifier does.
fn verify(text: &str, issuer: [&str; 2]) {
    let token = SdJwt::parse(text, EXAMPLE).unwrap();
    token.issuer_jws().verify(&key(issuer), &Unremembered).unwrap();
}

/// The two tokens of a case, both in compact form and readable here.
struct Case<'c> {
    name: &'c str,
    issuance: &'c str,
    presentation: &'c str,
    /// The presentation as published, in compact form: what `sd_hash` covers.
    published: &'c str,
}

impl Case<'_> {
    fn check(&self, folder: &mut Folder) {
        let Self { name, issuance, presentation, published } = self;
        assert!(folder.text(&format!("{name}/specification.yml")).contains("user_claims:"));
        let mut file = |file: &str| folder.json(&format!("{name}/{file}.json"));
        let payload = file("sd_jwt_payload");
        assert_eq!(part(issuance, 1), payload, "{name}");
        assert_eq!(part(presentation, 1), payload, "{name}");

        let presented = SdJwt::parse(presentation, EXAMPLE).unwrap();
        let claims = Value::from(presented.disclose().unwrap());
        assert_eq!(claims, file("verified_contents"), "{name}");

        // All that was issued: the user's claims, and those that the issuer put beside them.
        let issued = SdJwt::parse(issuance, EXAMPLE).unwrap();
        assert!(issued.key_binding().is_none());
        assert_eq!(issued.digest(), presented.digest());
        let Value::Object(mut expected) = file("user_claims") else { panic!("{name}") };
        for beside in ["iss", "iat", "exp", "cnf"] {
            if let Some(claim) = payload.get(beside) {
                expected.insert(beside, claim.clone());
            }
        }
        assert_eq!(issued.disclose().unwrap(), expected, "{name}");

        // In each of the forms it is the same token.
        for form in [presented.to_flattened_json(), presented.to_general_json()] {
            assert_eq!(compact(&form).unwrap(), *presentation);
        }

        let Some(binding) = presented.key_binding() else {
            assert!(payload.get("cnf").is_none(), "{name}");
            return;
        };
        let jwt = folder.text(&format!("{name}/kb_jwt_serialized.txt"));
        let mut file = |file: &str| folder.json(&format!("{name}/{file}.json"));
        assert_eq!(presentation.rsplit_once('~').unwrap().1, jwt);
        assert_eq!(part(&jwt, 0), file("kb_jwt_header"));
        let claims = file("kb_jwt_payload");
        assert_eq!(part(&jwt, 1), claims);
        binding.jws().verify(&key(HOLDER), &Unremembered).unwrap();
        assert_eq!(binding.claimed_audience(), "https://example.com/verifier");
        assert_eq!(binding.claimed_nonce(), "1234567890");
        assert_eq!(Some(binding.claimed_issued_at()), claims.get("iat").unwrap().as_integer());
        let covered = &published[..published.len() - jwt.len()];
        let sd_hash = encode_base64url(&Sha256::digest(covered.as_bytes()));
        assert_eq!(claims.get("sd_hash").unwrap().as_str(), Some(sd_hash.as_str()));
        assert_eq!(binding.fits(), published == presentation);
    }
}

#[test]
fn all_seventeen_cases_give_the_published_claims() {
    let mut folder = Folder::open("sd-jwt");
    let settings = folder.text("settings.yml");
    assert!([ISSUER, HOLDER].iter().flatten().all(|coordinate| settings.contains(coordinate)));
    for name in COMPACT {
        let [issuance, presentation, jws] =
            ["sd_jwt_issuance", "sd_jwt_presentation", "sd_jwt_jws_part"]
                .map(|file| folder.text(&format!("{name}/{file}.txt")));
        assert!(issuance.starts_with(&format!("{jws}~")), "{name}");
        for text in [&issuance, &presentation] {
            assert!(signed(text, &key(ISSUER)), "{name}");
        }
        if name == "header_mod" {
            header_mod(&mut folder, &issuance, &presentation);
            continue;
        }
        verify(&issuance, ISSUER);
        verify(&presentation, ISSUER);
        let (issuance, presentation) = (issuance.as_str(), presentation.as_str());
        Case { name, issuance, presentation, published: presentation }.check(&mut folder);
    }
    flattened(&mut folder);
    general(&mut folder);
    folder.finish();
}

/// Its header says `"kid": 42`. That is refused; the rest is looked at under another header.
fn header_mod(folder: &mut Folder, issuance: &str, presentation: &str) {
    let [under_another, presented] = [issuance, presentation].map(|text| {
        let refused = SdJwt::parse(text, EXAMPLE).map(drop);
        assert!(matches!(refused, Err(SdJwtError::Jose(JoseError::Malformed(_)))), "{refused:?}");
        let (_, rest) = text.split_once('.').unwrap();
        format!("{}.{rest}", encode_base64url(br#"{"alg":"ES256","typ":"example+sd-jwt"}"#))
    });
    Case {
        name: "header_mod",
        issuance: &under_another,
        presentation: &presented,
        published: presentation,
    }
    .check(folder);
}

/// These files hold a JSON string that holds the token.
fn texts(folder: &mut Folder, name: &str) -> [String; 2] {
    let [issuance, presentation, jws] =
        ["sd_jwt_issuance", "sd_jwt_presentation", "sd_jwt_jws_part"].map(|file| {
            let file = folder.json(&format!("{name}/{file}.json"));
            file.as_str().unwrap().to_owned()
        });
    assert_eq!(issuance, jws);
    [issuance, presentation]
}

fn flattened(folder: &mut Folder) {
    let name = "json_serialization_flattened";
    let [issuance, presentation] = texts(folder, name);
    let (issuance, presentation) = (compact(&issuance).unwrap(), compact(&presentation).unwrap());
    verify(&issuance, ISSUER);
    verify(&presentation, ISSUER);
    let case =
        Case { name, issuance: &issuance, presentation: &presentation, published: &presentation };
    case.check(folder);
}

/// The same with one of its signatures, and with what the first one's header brings along.
fn with_one_signature(text: &str, index: usize) -> String {
    let Value::Object(mut whole) = json(text) else { panic!("an object") };
    let signatures = whole.remove("signatures").unwrap();
    let signatures = signatures.as_array().unwrap();
    assert_eq!(signatures.len(), 2);
    let mut one = signatures[index].as_object().unwrap().clone();
    one.insert("header", signatures[0].get("header").unwrap().clone());
    whole.insert("signatures", vec![one]);
    to_canonical_string(&whole.into())
}

fn general(folder: &mut Folder) {
    let name = "json_serialization_general";
    let texts = texts(folder, name);
    for text in &texts {
        let many = SdJwtError::TooMany { what: "signatures", limit: 1 };
        assert_eq!(compact(text), Err(many));
    }
    let [first, second] = [(0, ISSUER), (1, SECOND_ISSUER)].map(|(index, issuer)| {
        texts.each_ref().map(|text| {
            let one = compact(&with_one_signature(text, index)).unwrap().into_owned();
            verify(&one, issuer);
            one
        })
    });
    let [issuance, presentation] = &first;
    Case { name, issuance, presentation, published: presentation }.check(folder);
    // The key was bound under the first signature; under the second it does not fit.
    let presented = SdJwt::parse(&second[1], EXAMPLE).unwrap();
    assert!(!presented.key_binding().unwrap().fits());
}
