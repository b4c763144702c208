use bonafide_core::json::{Limits, parse};

use super::*;

const ISSUER: &str = "did:example:issuer";

fn json(text: &str) -> Value<'static> {
    parse(text.as_bytes(), &Limits::for_size(65_536)).unwrap().into_owned()
}

/// With these members instead, or besides.
fn v2(members: &str) -> Value<'static> {
    with(
        r#"{"@context": ["https://www.w3.org/ns/credentials/v2"], "type": ["VerifiableCredential"],
        "issuer": "did:example:issuer", "credentialSubject": {"id": "did:example:subject"}}"#,
        members,
    )
}

fn v1(members: &str) -> Value<'static> {
    with(
        r#"{"@context": ["https://www.w3.org/2018/credentials/v1"], "type": ["VerifiableCredential"],
        "issuer": "did:example:issuer", "credentialSubject": {"id": "did:example:subject"},
        "issuanceDate": "2020-03-16T22:37:26Z"}"#,
        members,
    )
}

fn with(base: &str, members: &str) -> Value<'static> {
    let (Value::Object(mut document), Value::Object(members)) = (json(base), json(members)) else {
        panic!("expected objects");
    };
    for (name, value) in members.iter() {
        document.insert(name.to_owned(), value.clone());
    }
    Value::Object(document)
}

fn checked(document: Value<'static>, format: Format) -> Result<Value<'static>, Problem> {
    check(document, ISSUER, format, false)
}

fn contexts(document: Value<'static>, format: Format) -> Vec<String> {
    let document = checked(document, format).unwrap();
    let contexts = document.get("@context").unwrap().as_array().unwrap();
    contexts.iter().map(|context| context.as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_terms_of_the_proof_are_named_where_they_are_lacking() {
    let rdfc = Format::EddsaRdfc2022;
    let old = Format::Ed25519Signature2020;
    assert_eq!(contexts(v1("{}"), rdfc), [CREDENTIALS_V1, DATA_INTEGRITY_V2]);
    assert_eq!(contexts(v1("{}"), old), [CREDENTIALS_V1, ED25519_2020]);
    assert_eq!(contexts(v2("{}"), old), [CREDENTIALS_V2, ED25519_2020]);
    assert_eq!(contexts(v2("{}"), rdfc), [CREDENTIALS_V2]);
    assert_eq!(contexts(v2("{}"), Format::VcJwt), [CREDENTIALS_V2]);
    let named = [CREDENTIALS_V1, DATA_INTEGRITY_V2];
    let twice = format!(r#"{{"@context": ["{CREDENTIALS_V1}", "{DATA_INTEGRITY_V2}"]}}"#);
    assert_eq!(contexts(v1(&twice), rdfc), named, "once is enough");
    // What another proof covers stays as it is.
    let signed = v1(r#"{"proof": {"type": "DataIntegrityProof"}}"#);
    assert_eq!(contexts(signed, rdfc), [CREDENTIALS_V1]);
}

#[test]
fn what_is_refused_has_its_place() {
    let entry = r#"{"type": "BitstringStatusListEntry", "statusPurpose": "revocation",
        "statusListIndex": "7", "statusListCredential": "https://x.example/1"}"#;
    let broken = entry.replace("\"7\"", "7");
    let in_list = format!(r#"{{"credentialStatus": [{entry}, {broken}]}}"#);
    let alone = format!(r#"{{"credentialStatus": {broken}}}"#);
    for (members, place) in [
        (r#"{"vc": {}}"#, "/vc"),
        (r#"{"vp": {}}"#, "/vp"),
        (r#"{"verifiableCredential": []}"#, "/verifiableCredential"),
        (r#"{"issuer": "did:example:another"}"#, "/issuer"),
        (r#"{"issuer": {"id": "did:example:another"}}"#, "/issuer"),
        (r#"{"issuer": []}"#, "/issuer"),
        (r#"{"type": "VerifiablePresentation"}"#, "/type"),
        (r#"{"statusEntry": {"type": "BitstringStatusListEntry"}}"#, "/statusEntry"),
        (&in_list, "/credentialStatus/1/statusListIndex"),
        (&alone, "/credentialStatus/statusListIndex"),
    ] {
        let problem = checked(v2(members), Format::EddsaJcs2022).unwrap_err();
        assert_eq!(problem.status, 400);
        assert_eq!(problem.errors[0].pointer, place, "{members}");
    }
    assert_eq!(checked(json("[]"), Format::EddsaJcs2022).unwrap_err().errors[0].pointer, "");
    let of_v1 = checked(v1("{}"), Format::VcJwt).unwrap_err();
    assert_eq!(of_v1.errors[0].pointer, "/@context/0", "tokens are of version 2.0");
    for good in [
        r#"{"issuer": {"id": "did:example:issuer", "name": "Us"}}"#,
        // Of others nothing is known.
        r#"{"credentialStatus": {"type": "OtherEntry"}}"#,
        r#"{"credentialSchema": {"type": "OtherSchema", "id": "did:example:schemas/1"}}"#,
        r#"{"validUntil": "2023-01-31T12:00:00-06:00"}"#,
    ] {
        checked(v2(good), Format::EddsaJcs2022).unwrap();
    }
}

#[test]
fn the_digest_of_the_context_is_the_right_one() {
    let related = |id: &str, name: &str, digest: &str| {
        v2(&format!(r#"{{"relatedResource": [{{"id": "{id}", "{name}": "{digest}"}}]}}"#))
    };
    let is_good = |document: &Value<'static>, conformance| {
        check(document.clone(), ISSUER, Format::EddsaJcs2022, conformance).is_ok()
    };
    for (which, name) in ["digestSRI", "digestMultibase"].into_iter().enumerate() {
        let ours = related(CREDENTIALS_V2, name, V2_DIGESTS[which]);
        assert!(is_good(&ours, false) && is_good(&ours, true));
        let of_the_suite = related(CREDENTIALS_V2, name, V2_DIGESTS_OF_THE_SUITE[which]);
        assert!(!is_good(&of_the_suite, false) && is_good(&of_the_suite, true));
        let wrong = related(CREDENTIALS_V2, name, "sha256-AAAA");
        assert!(!is_good(&wrong, false) && !is_good(&wrong, true));
        // What is elsewhere is not at hand.
        assert!(is_good(&related("https://x.example/", name, "sha256-AAAA"), false));
    }
}

#[test]
fn ours_is_the_published_digest_of_the_context() {
    use bonafide_core::encoding::{decode_multibase_base64url, hex};
    let multihash = decode_multibase_base64url(V2_DIGESTS[1]).unwrap();
    assert_eq!(hex(&multihash), format!("1220{}", bonafide_core::vc::CREDENTIALS_V2_SHA256));
    let base64 = V2_DIGESTS[0].strip_prefix("sha256-").unwrap();
    let base64 = base64.trim_end_matches('=').replace('+', "-").replace('/', "_");
    assert_eq!(bonafide_core::encoding::encode_base64url(&multihash[2..]), base64);
}

#[test]
fn a_presentation_is_known_by_its_type() {
    for (types, is) in [
        (r#""VerifiablePresentation""#, true),
        (r#"["Other", "VerifiablePresentation"]"#, true),
        (r#""EnvelopedVerifiablePresentation""#, true),
        (r#"["VerifiableCredential"]"#, false),
        (r#""EnvelopedVerifiableCredential""#, false),
        ("7", false),
    ] {
        assert_eq!(is_presentation(&json(&format!(r#"{{"type": {types}}}"#))), is, "{types}");
    }
    assert!(!is_presentation(&json("{}")));
}
