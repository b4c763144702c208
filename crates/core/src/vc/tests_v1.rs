//! The rules of form of version 1.1, where they differ from those of 2.0: those that W3C's test
//! suite of version 1.0 and 1.1 asks for, and our own.

use super::*;
use crate::json::{Limits, Object, Value, parse, to_canonical_string};
use crate::time::Timestamp;

const EXAMPLES: &str = "https://www.w3.org/2018/credentials/examples/v1";

fn json(text: &str) -> Value<'static> {
    parse(text.as_bytes(), &Limits::for_size(1 << 16)).unwrap().into_owned()
}

fn base() -> Object<'static> {
    Object::from([
        ("@context", Value::from(vec![CREDENTIALS_V1])),
        ("type", vec!["VerifiableCredential"].into()),
        ("issuer", "did:example:issuer".into()),
        ("issuanceDate", "2010-01-01T19:23:24Z".into()),
        ("credentialSubject", Object::from([("id", "did:example:subject")]).into()),
    ])
}

/// The base with members set to JSON text, or taken away where the text is empty.
fn with(members: &[(&'static str, &str)]) -> Value<'static> {
    let mut document = base();
    for (member, text) in members {
        if text.is_empty() {
            document.remove(member);
        } else {
            document.insert(*member, json(text));
        }
    }
    document.into()
}

#[track_caller]
fn accepts(members: &[(&'static str, &str)]) {
    let value = with(members);
    match Unverified::from_value(&value) {
        Ok(credential) => assert_eq!(credential.claimed_data_model(), DataModel::V1),
        Err(error) => panic!("{members:?}: {error}"),
    }
}

#[track_caller]
fn refuses(members: &[(&'static str, &str)], pointer: &str) {
    let value = with(members);
    let error = Unverified::from_value(&value).map(|_| ()).unwrap_err();
    assert_eq!(error.pointer, pointer, "{members:?}: {error}");
}

#[test]
fn versions_are_told_by_the_first_context() {
    accepts(&[]);
    accepts(&[("@context", &format!(r#"["{CREDENTIALS_V1}","{EXAMPLES}"]"#))]);
    accepts(&[("@context", &format!(r#"["{CREDENTIALS_V1}",{{"image":"schema:image"}}]"#))]);
    refuses(&[("@context", "")], "/@context");
    refuses(&[("@context", &format!(r#""{CREDENTIALS_V1}""#))], "/@context");
    refuses(&[("@context", &format!(r#"["{EXAMPLES}","{CREDENTIALS_V1}"]"#))], "/@context/0");
    refuses(&[("@context", &format!(r#"["{CREDENTIALS_V1}",1]"#))], "/@context/1");
    let redefined = format!(r#"["{CREDENTIALS_V1}",{{"VerifiableCredential":"urn:x:y"}}]"#);
    refuses(&[("@context", &redefined)], "/@context/1");
    // The first one counts, whatever stands behind it.
    accepts(&[("@context", &format!(r#"["{CREDENTIALS_V1}","{CREDENTIALS_V2}"]"#))]);
    let newer = format!(r#"["{CREDENTIALS_V2}","{CREDENTIALS_V1}"]"#);
    refuses(&[("@context", &newer)], "/issuanceDate");
    let value = with(&[("@context", &newer), ("issuanceDate", "")]);
    let credential = Unverified::from_value(&value).unwrap();
    assert_eq!(credential.claimed_data_model(), DataModel::V2);
    assert!(credential.require_v2().is_ok());
    let value = with(&[]);
    let refused = Unverified::from_value(&value).unwrap().require_v2().unwrap_err();
    assert_eq!(refused.pointer, "/@context/0");
}

#[test]
fn dates() {
    for date in [
        r#""2010-01-01T19:23:24Z""#,
        r#""2020-03-16T22:37:26.544Z""#,
        r#""2023-02-25T19:10:39-06:00""#,
    ] {
        accepts(&[("issuanceDate", date)]);
        accepts(&[("expirationDate", date)]);
    }
    refuses(&[("issuanceDate", "")], "/issuanceDate");
    for date in [
        r#""01/01/2010""#,
        r#""2010-01-01""#,
        // XML Schema's dateTime; a point in time only where one knows the place.
        r#""2010-01-01T19:23:24""#,
        r#"["2010-01-01T19:23:24Z"]"#,
        "1262373804",
        "null",
    ] {
        for member in ["issuanceDate", "expirationDate", "validFrom", "validUntil"] {
            refuses(&[(member, date)], &format!("/{member}"));
        }
    }
    refuses(&[("expirationDate", r#""2010-01-01T19:23:23Z""#)], "/expirationDate");
    refuses(&[("validUntil", r#""2010-01-01T19:23:23Z""#)], "/validUntil");
    let ends = ("expirationDate", r#""2020-01-01T00:00:00Z""#);
    refuses(&[ends, ("validFrom", r#""2020-01-01T00:00:01Z""#)], "/expirationDate");
}

/// From when and until when the base with `members` claims to be valid.
fn span(members: &[(&'static str, &str)]) -> [Option<String>; 2] {
    let value = with(members);
    let credential = Unverified::from_value(&value).unwrap();
    let text = |time: Option<Timestamp>| time.map(|time| time.to_string());
    [text(credential.claimed_valid_from()), text(credential.claimed_valid_until())]
}

#[test]
fn every_bound_counts() {
    let (early, middle, late) =
        ("2009-01-01T00:00:00Z", "2015-01-01T00:00:00Z", "2020-01-01T00:00:00Z");
    let quoted = |time: &str| format!("\"{time}\"");
    let some = |time: &str| Some(time.to_owned());
    let issued = "2010-01-01T19:23:24Z";
    assert_eq!(span(&[]), [some(issued), None]);
    assert_eq!(span(&[("expirationDate", &quoted(late))]), [some(issued), some(late)]);
    // The later beginning, the earlier end, whichever member says so.
    assert_eq!(span(&[("validFrom", &quoted(early))]), [some(issued), None]);
    assert_eq!(span(&[("validFrom", &quoted(middle))]), [some(middle), None]);
    assert_eq!(span(&[("validUntil", &quoted(middle))]), [some(issued), some(middle)]);
    for (expires, until) in [(middle, late), (late, middle)] {
        let (expires, until) = (quoted(expires), quoted(until));
        let both = span(&[("expirationDate", &expires), ("validUntil", &until)]);
        assert_eq!(both, [some(issued), some(middle)]);
    }
}

#[test]
fn what_must_name_itself() {
    for member in ["credentialStatus", "refreshService"] {
        accepts(&[(member, r#"{"id":"https://example.edu/status/24","type":"X"}"#)]);
        accepts(&[(member, r#"[{"id":"urn:x:1","type":"X"},{"id":"urn:x:2","type":"X"}]"#)]);
        refuses(&[(member, r#"{"type":"X"}"#)], &format!("/{member}/id"));
        let second = r#"[{"id":"urn:x:1","type":"X"},{"type":"X"}]"#;
        refuses(&[(member, second)], &format!("/{member}/1/id"));
        refuses(&[(member, r#"{"id":"urn:x:1"}"#)], &format!("/{member}/type"));
        refuses(&[(member, r#"{"id":"x","type":"X"}"#)], &format!("/{member}/id"));
    }
    accepts(&[("credentialSchema", r#"{"id":"https://example.org/s","type":"X"}"#)]);
    refuses(&[("credentialSchema", r#"{"type":"X"}"#)], "/credentialSchema/id");
    for member in ["evidence", "termsOfUse"] {
        accepts(&[(member, r#"{"type":"X"}"#)]);
        refuses(&[(member, r#"{"id":"urn:x:1"}"#)], &format!("/{member}/type"));
    }
}

#[test]
fn the_rest_is_as_in_the_later_version() {
    refuses(&[("type", r#"["Other"]"#)], "/type");
    refuses(&[("id", r#""no-scheme""#)], "/id");
    refuses(&[("issuer", "")], "/issuer");
    refuses(&[("issuer", r#"["did:x:y"]"#)], "/issuer");
    accepts(&[("issuer", r#"{"id":"https://example.edu/issuers/14"}"#)]);
    refuses(&[("credentialSubject", "")], "/credentialSubject");
    refuses(&[("credentialSubject", "{}")], "/credentialSubject");
    refuses(&[("proof", "{}")], "/proof");
    // Names of version 2.0 are whatever another context makes of them.
    accepts(&[("name", r#"{"en":"Dog"}"#)]);
    accepts(&[("issuer", r#"{"id":"did:example:i","name":{"en":"Dog"}}"#)]);
    accepts(&[("relatedResource", "1")]);
}

/// The models of a presentation and of what it holds.
fn models(text: &str) -> Result<Vec<DataModel>, Malformed> {
    let value = json(text);
    let presentation = UnverifiedPresentation::from_value(&value, 2)?;
    let mut models = vec![presentation.claimed_data_model()];
    models.extend(presentation.held().iter().map(|held| match held {
        Held::Embedded(_, credential) => credential.claimed_data_model(),
        Held::Enveloped(_) => DataModel::V2,
    }));
    let refused = presentation.require_v2().is_err();
    assert_eq!(refused, models[0] == DataModel::V1);
    Ok(models)
}

#[test]
fn presentations_hold_credentials_of_both_versions() {
    let old = to_canonical_string(&base().into());
    let new = with(&[
        ("@context", &format!(r#"["{CREDENTIALS_V2}"]"#)),
        ("issuanceDate", ""),
        ("validFrom", r#""2010-01-01T19:23:24Z""#),
    ]);
    let new = to_canonical_string(&new);
    let envelope = to_canonical_string(&envelop("a.b.c", VC_JWT));
    for model in [DataModel::V1, DataModel::V2] {
        let of = |held: &str| {
            let context = model.context();
            models(&format!(
                r#"{{"@context":["{context}"],"type":["VerifiablePresentation"],"verifiableCredential":[{held}]}}"#
            ))
        };
        assert_eq!(of("").unwrap(), [model]);
        assert_eq!(
            of(&format!("{old},{new}")).unwrap(),
            [model, DataModel::V1, DataModel::V2],
            "each by its own context"
        );
        assert_eq!(of(&envelope).unwrap(), [model, DataModel::V2]);
        // One context is not enough for the other version's dates.
        let swapped = old.replace(CREDENTIALS_V1, CREDENTIALS_V2);
        let error = of(&swapped).unwrap_err();
        assert_eq!(error.pointer, "/verifiableCredential/0/issuanceDate");
        let swapped = new.replace(CREDENTIALS_V2, CREDENTIALS_V1);
        let error = of(&swapped).unwrap_err();
        assert_eq!(error.pointer, "/verifiableCredential/0/issuanceDate");
    }
    let holder = format!(
        r#"{{"@context":["{CREDENTIALS_V1}"],"type":"VerifiablePresentation","holder":"x"}}"#
    );
    assert_eq!(models(&holder).unwrap_err().pointer, "/holder");
}
