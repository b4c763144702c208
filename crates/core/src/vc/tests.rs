//! The rules of form, case by case: those that W3C's VCDM 2.0 test suite asks for, and our own.

use super::*;
use crate::json::{Limits, Object, Value, parse};

const B: &str = CREDENTIALS_V2;
const X: &str = "https://www.w3.org/ns/credentials/examples/v2";

fn base() -> Object<'static> {
    Object::from([
        ("@context", Value::from(vec![B])),
        ("type", vec!["VerifiableCredential"].into()),
        ("issuer", "did:example:issuer".into()),
        ("credentialSubject", Object::from([("id", "did:example:subject")]).into()),
    ])
}

fn json(text: &str) -> Value<'static> {
    parse(text.as_bytes(), &Limits::for_size(1 << 16)).unwrap().into_owned()
}

/// The base with one member set to JSON text, or taken away where the text is empty.
fn with(member: &'static str, text: &str) -> Value<'static> {
    let mut document = base();
    if text.is_empty() {
        document.remove(member);
    } else {
        document.insert(member, json(text));
    }
    document.into()
}

#[track_caller]
fn accepts(member: &'static str, text: &str) {
    let value = with(member, text);
    if let Err(error) = Unverified::from_value(&value) {
        panic!("{member} = {text}: {error}");
    }
}

#[track_caller]
fn refuses(member: &'static str, text: &str) {
    assert!(Unverified::from_value(&with(member, text)).is_err(), "{member} = {text}");
}

#[test]
fn contexts() {
    accepts("@context", &format!(r#"["{B}"]"#));
    accepts("@context", &format!(r#"["{B}","{X}"]"#));
    accepts("@context", &format!(r#"["{B}",{{"Example":"https://example.org/#Example"}}]"#));
    refuses("@context", "");
    refuses("@context", &format!(r#""{B}""#));
    refuses("@context", &format!(r#"["{X}"]"#));
    refuses("@context", &format!(r#"["{X}","{B}"]"#));
    refuses("@context", &format!(r#"["{B}","https ://not-a-url/contexts"]"#));
    refuses("@context", &format!(r#"["{B}",123192875]"#));
    refuses(
        "@context",
        &format!(r#"["{B}",{{"VerifiableCredential":"https://example.org/#Bad"}}]"#),
    );
    refuses("@context", &format!(r#"["{B}",{{"Example":"https ://not-a-url#Example"}}]"#));
}

#[test]
fn ids_and_types() {
    for id in [r#""https://example.org/1""#, r#""urn:uuid:9c9a36f8""#, r#""did:example:1""#] {
        accepts("id", id);
    }
    for id in ["null", r#"["https://example.org/1"]"#, r#""https ://x""#, r#""no-scheme""#, "1"] {
        refuses("id", id);
    }
    accepts("type", r#""VerifiableCredential""#);
    accepts("type", r#"["https://example.org/#A","VerifiableCredential"]"#);
    for types in [
        "",
        "[]",
        r#"["Other"]"#,
        "2",
        r#"["VerifiableCredential",2]"#,
        r#"["VerifiableCredential",""]"#,
    ] {
        refuses("type", types);
    }
    refuses("type", r#"["VerifiableCredential","A","A"]"#);
}

#[test]
fn names_and_descriptions() {
    for member in ["name", "description"] {
        for good in [
            r#""Dog""#,
            r#"{"@value":"Dog","@language":"en"}"#,
            r#"{"@value":"Dog","@language":"en","@direction":"ltr"}"#,
            r#"[{"@value":"Dog","@language":"en"},{"@value":"Chien","@language":"fr"}]"#,
        ] {
            accepts(member, good);
            accepts("issuer", &format!(r#"{{"id":"did:example:i","{member}":{good}}}"#));
        }
        for bad in
            [r#"{"@value":"Dog","@language":"en","url":"did:x:y"}"#, "5", r#"{"@language":"en"}"#]
        {
            refuses(member, bad);
            refuses("issuer", &format!(r#"{{"id":"did:example:i","{member}":{bad}}}"#));
        }
    }
}

#[test]
fn issuers_and_subjects() {
    accepts("issuer", r#"{"id":"https://example.org"}"#);
    for issuer in [
        "",
        "null",
        r#""fake-issuer""#,
        r#"{"id":null}"#,
        r#"{"id":"fake"}"#,
        "{}",
        r#"["did:x:y"]"#,
    ] {
        refuses("issuer", issuer);
    }
    accepts("credentialSubject", r#"{"id":"did:example:1"}"#);
    accepts("credentialSubject", r#"{"name":"Alice"}"#);
    accepts("credentialSubject", r#"[{"id":"did:example:1"},{"id":"did:example:2"}]"#);
    for subject in [
        "",
        "{}",
        "[]",
        r#"[{"id":"did:x:y"},{}]"#,
        r#"{"id":["did:x:y"]}"#,
        r#"{"id":"x"}"#,
        r#""did:x:y""#,
    ] {
        refuses("credentialSubject", subject);
    }
    let many = vec![r#"{"a":1}"#; 17].join(",");
    refuses("credentialSubject", &format!("[{many}]"));
}

#[test]
fn dates() {
    for date in [
        r#""2023-02-26T01:02:58.447Z""#,
        r#""2023-02-25T19:10:39-06:00""#,
        r#""4023-02-26T01:02:58Z""#,
    ] {
        accepts("validFrom", date);
        accepts("validUntil", date);
    }
    for date in
        [r#""Sat 25 Feb 2023 07:16:31 PM CST""#, r#""2023-02-26T01:02:58""#, "1677373378", "null"]
    {
        refuses("validFrom", date);
        refuses("validUntil", date);
    }
    let mut both = base();
    both.insert("validFrom", "2023-02-26T01:21:23Z");
    // Earlier as text, later as an instant.
    both.insert("validUntil", "2023-02-25T19:21:29-06:00");
    assert!(Unverified::from_value(&both.clone().into()).is_ok());
    both.insert("validUntil", "2023-02-26T01:21:22Z");
    assert!(Unverified::from_value(&both.into()).is_err());
    refuses("issuanceDate", r#""2023-02-26T01:02:58Z""#);
}

#[test]
fn typed_members() {
    accepts("credentialStatus", r#"{"type":"X"}"#);
    accepts("credentialStatus", r#"[{"id":"did:example:s","type":"X"},{"type":["X","Y"]}]"#);
    for status in [
        r#"{"id":"did:x:y"}"#,
        r#"{"type":2}"#,
        r#"{"type":"X","id":["did:x:y"]}"#,
        r#"{"type":"X","id":"https ://x"}"#,
        r#""x""#,
    ] {
        refuses("credentialStatus", status);
    }
    accepts("credentialSchema", r#"[{"id":"did:example:s","type":"X"}]"#);
    for schema in [r#"{"id":"did:x:y"}"#, r#"{"type":"X"}"#, r#"{"type":"X","id":"https ://x"}"#] {
        refuses("credentialSchema", schema);
    }
    for member in ["evidence", "termsOfUse", "refreshService"] {
        accepts(member, r#"{"type":"X"}"#);
        accepts(member, r#"[{"type":"X"},{"type":"X"}]"#);
        for bad in ["{}", r#"{"id":"did:x:y"}"#, "1"] {
            refuses(member, bad);
        }
    }
}

#[test]
fn related_resources() {
    accepts("relatedResource", r#"{"id":"https://a.example","digestSRI":"sha384-x"}"#);
    accepts(
        "relatedResource",
        r#"[{"id":"https://a.example","digestMultibase":"ux","mediaType":"a/b"}]"#,
    );
    for bad in [
        r#"["https://a.example"]"#,
        r#"[{"digestMultibase":"ux"}]"#,
        r#"[{"id":"https://a.example"}]"#,
        r#"[{"id":"https://a.example","digestSRI":"x"},{"id":"https://a.example","digestMultibase":"x"}]"#,
    ] {
        refuses("relatedResource", bad);
    }
}

fn presentation(members: &str) -> Result<(), crate::Malformed> {
    let text = format!(r#"{{"@context":["{B}"],"type":["VerifiablePresentation"]{members}}}"#);
    UnverifiedPresentation::from_value(&json(&text), 2).map(|_| ())
}

#[test]
fn presentations() {
    let vc = crate::json::to_canonical_string(&base().into());
    assert!(presentation("").is_ok());
    assert!(presentation(r#","holder":"did:example:1""#).is_ok());
    assert!(presentation(r#","holder":{"id":"did:example:1"}"#).is_ok());
    assert!(presentation(r#","id":"urn:uuid:1""#).is_ok());
    assert!(presentation(&format!(r#","verifiableCredential":[{vc},{vc}]"#)).is_ok());
    assert!(presentation(&format!(r#","verifiableCredential":{vc}"#)).is_ok());
    for bad in [
        r#","holder":"z6Mk""#.to_owned(),
        r#","holder":{"name":"x"}"#.to_owned(),
        r#","id":"x""#.to_owned(),
        r#","verifiableCredential":["eyJ"]"#.to_owned(),
        r#","verifiableCredential":[1]"#.to_owned(),
        r#","proof":{}"#.to_owned(),
        format!(r#","verifiableCredential":[{}]"#, vc.replace("\"VerifiableCredential\"", "")),
        format!(r#","verifiableCredential":[{vc},{vc},{vc}]"#),
    ] {
        assert!(presentation(&bad).is_err(), "{bad}");
    }
    for text in [
        format!(r#"{{"@context":"{B}","type":["VerifiablePresentation"]}}"#),
        format!(r#"{{"@context":["{X}"],"type":["VerifiablePresentation"]}}"#),
        format!(r#"{{"@context":["{B}"],"type":["Other"]}}"#),
        r#"{"type":["VerifiablePresentation"]}"#.to_owned(),
    ] {
        assert!(UnverifiedPresentation::from_value(&json(&text), 2).is_err(), "{text}");
    }
}

#[test]
fn envelopes() {
    let read = |text: &str| {
        let value = json(text);
        Enveloped::from_value(&value).map(|read| read.map(|read| read.data.to_owned()))
    };
    let id = "data:application/vc+jwt,a.b.c";
    let good =
        format!(r#"{{"@context":"{B}","type":"EnvelopedVerifiableCredential","id":"{id}"}}"#);
    assert_eq!(read(&good).unwrap().unwrap(), "a.b.c");
    assert_eq!(
        read(&crate::json::to_canonical_string(&envelop("a.b.c", super::VC_JWT))).unwrap().unwrap(),
        "a.b.c"
    );
    let listed =
        format!(r#"{{"@context":["{B}"],"type":["EnvelopedVerifiableCredential"],"id":"{id}"}}"#);
    assert!(read(&listed).unwrap().is_ok());
    for (from, to) in [
        (B, X),
        (id, "a.b.c"),
        (id, "data:application/vp+jwt,a.b.c"),
        (id, "data:application/vc+jwt;base64,a.b.c"),
        ("\"id\"", "\"issuer\":\"did:x:y\",\"id\""),
        ("\"EnvelopedVerifiableCredential\"", "[\"EnvelopedVerifiableCredential\",\"Other\"]"),
    ] {
        assert!(read(&good.replace(from, to)).unwrap().is_err(), "{from} -> {to}");
    }
    assert!(read(&good.replace("EnvelopedVerifiableCredential", "VerifiableCredential")).is_none());
    let empty = good.replace(&format!("\"{B}\""), "[]");
    assert!(read(&empty).unwrap().is_err());
}
