//! Rows 5 and 6: strict JSON, and Unicode that looks alike.

use bonafide_core::did::{Did, web_document_url};
use bonafide_core::json::{JsonErrorKind, Limits, parse, to_canonical_string};

use crate::world::{DI, World, edited, nothing};

fn kind(text: &str) -> JsonErrorKind {
    parse(text.as_bytes(), &Limits::for_size(1 << 20)).unwrap_err().kind
}

#[test]
fn row_5_ambiguous_json_is_refused_before_hashing() {
    assert!(matches!(
        kind(r#"{"a":1,"b":{"c":[{"x":1,"x":1}]}}"#),
        JsonErrorKind::DuplicateName(_)
    ));
    assert!(matches!(kind("{\"a\":1,\"\\u0061\":1}"), JsonErrorKind::DuplicateName(_)));
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(matches!(kind(&deep(129)), JsonErrorKind::TooDeep { limit: 128 }));
    assert!(parse(deep(128).as_bytes(), &Limits::for_size(1 << 20)).is_ok());
    for token in
        ["9007199254740993", "9007199254740992", "-9007199254740992", "1000000000000000000000"]
    {
        assert_eq!(kind(token), JsonErrorKind::IntegerTooLarge, "{token}");
    }
    assert!(parse(b"9007199254740991", &Limits::for_size(1 << 20)).is_ok());
    assert_eq!(kind("1e400"), JsonErrorKind::NumberNotFinite);
    for text in [r#""\ud800""#, r#""\udc00""#, r#""\ud800\u0041""#, r#""\ud800\ud800""#] {
        assert_eq!(kind(text), JsonErrorKind::LoneSurrogate, "{text}");
    }
    assert_eq!(kind("{} x"), JsonErrorKind::TrailingContent);
    assert_eq!(kind("{}{}"), JsonErrorKind::TrailingContent);
    for text in [
        "",
        " ",
        "{",
        "[1,]",
        "{\"a\":1,}",
        "01",
        "+1",
        ".5",
        "1.",
        "NaN",
        "'a'",
        "\u{feff}{}",
        "\"\t\"",
        "tru",
        "{a:1}",
    ] {
        assert!(parse(text.as_bytes(), &Limits::for_size(1 << 20)).is_err(), "{text}");
    }
    assert!(parse(b"\"\xff\"", &Limits::for_size(1 << 20)).is_err());
    let over = vec![b' '; 11];
    let error = parse(&over, &Limits::for_size(10)).unwrap_err();
    assert_eq!(error.kind, JsonErrorKind::TooLong { limit: 10 });
}

#[test]
fn row_5_names_that_other_parsers_treat_as_magic_are_plain() {
    let text = r#"{"$serde_json::private::Number":"1"}"#;
    let value = parse(text.as_bytes(), &Limits::for_size(100)).unwrap();
    assert_eq!(value.as_object().unwrap().str("$serde_json::private::Number"), Some("1"));
    assert_eq!(to_canonical_string(&value), text);
}

#[test]
fn row_5_through_the_verifier() {
    let world = World::new();
    let good = world.score(DI);
    for (from, to) in [
        ("\"value\":98", "\"value\":98,\"value\":98"),
        ("\"value\":98", "\"value\":9007199254740993"),
        ("\"value\":98", "\"value\":1e400"),
        ("\"production\"", "\"\\ud800\""),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good);
        world.refused(&bad, &nothing(), "malformed");
    }
    world.refused(&format!("{good} {good}"), &nothing(), "malformed");
    world.refused(&format!("{good}x"), &nothing(), "malformed");
    let deep = format!("{}{}", "[".repeat(129), "]".repeat(129));
    world.refused(&good.replacen("\"production\"", &deep, 1), &nothing(), "malformed");
    let huge = good.replacen("\"production\"", &format!("\"{}\"", "x".repeat(1 << 20)), 1);
    world.refused(&huge, &nothing(), "too-large");
}

#[test]
fn row_6_what_looks_alike_is_not_equal() {
    let world = World::new();
    let good = world.score(DI);
    // The same word composed and decomposed: another credential, so the signature is not good.
    let composed = edited(&good, |vc| drop(vc.insert("name", "caf\u{e9}")));
    let decomposed = edited(&good, |vc| drop(vc.insert("name", "cafe\u{301}")));
    assert_ne!(composed, decomposed);
    world.refused(&composed, &nothing(), "proof-invalid");
    for issuer in [
        "did:web:scorer.ex\u{430}mple",   // Cyrillic а
        "did:web:scorer.example\u{200b}", // zero width
        "did:web:\u{202e}elpmaxe.rerocs", // right to left
        "did:web:scorer.example ",
    ] {
        let forged = edited(&good, |vc| drop(vc.insert("issuer", issuer)));
        world.refused(&forged, &nothing(), "malformed");
        assert!(Did::parse(issuer).is_err(), "{issuer}");
    }
    let upper = edited(&good, |vc| drop(vc.insert("issuer", "did:web:Scorer.example")));
    world.refused(&upper, &nothing(), "issuer-untrusted");
}

#[test]
fn row_6_false_punycode_and_odd_hosts_lead_nowhere() {
    for did in [
        "did:web:xn--a.example",        // decodes to nothing
        "did:web:xn--example-.example", // false: plain ASCII in disguise
        "did:web:Example.com",
        "did:web:example.com:..:admin",
        "did:web:example.com%2Fadmin",
        "did:web:example.com%3Aport",
        "did:web:example.com%3A0",
        "did:web:127.0.0.1",
        "did:web:127.1",
        "did:web:-a.example",
        "did:web:a..example",
        "did:web:example.com:a%2Fb",
    ] {
        assert!(web_document_url(Did::parse(did).unwrap()).is_err(), "{did}");
    }
    for (did, url) in [
        ("did:web:example.com", "https://example.com/.well-known/did.json"),
        ("did:web:example.com%3A8443:a:b", "https://example.com:8443/a/b/did.json"),
        ("did:web:xn--bcher-kva.example", "https://xn--bcher-kva.example/.well-known/did.json"),
    ] {
        assert_eq!(web_document_url(Did::parse(did).unwrap()).unwrap(), url);
    }
}
