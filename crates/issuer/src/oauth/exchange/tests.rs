use bonafide_core::key::KeyType;
use bonafide_proof::jose::thumbprint;
use bonafide_proof::{SecretKey, Signer};

use super::*;

const AGENT: &str = "did:key:zAgent";

fn resource(name: &str) -> Resource {
    Resource::parse(name).unwrap()
}

fn key(seed: u8) -> PublicKey {
    let key = SecretKey::from_bytes(KeyType::Ed25519, &[seed; 32]).unwrap();
    key.public_key().clone()
}

fn proven(seed: u8) -> Proven {
    Proven {
        thumbprint: thumbprint(&key(seed)).unwrap(),
        jti: "j".to_owned(),
        nonce: None,
        until: at(0),
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(seconds).unwrap()
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

fn limit(credential: &str, max: u64) -> Limit {
    Limit { credential: credential.to_owned(), constraint: Constraint::Uses { max } }
}

fn source() -> Source {
    Source {
        principal: None,
        agents: names(&["did:key:zFirst", AGENT]),
        key: key(1),
        rights: Some(Rights {
            actions: names(&["files.read", "files.list"]),
            resources: vec![resource("https://files.example/reports")],
            audience: names(&["https://files.example", "https://mail.example"]),
            constraints: vec![Constraint::Uses { max: 3 }],
            max_depth: 0,
        }),
        limits: [("urn:root", 9), ("urn:leaf", 3)].map(|(id, max)| limit(id, max)).into(),
        task: Some("report".to_owned()),
        ends: at(10_000),
    }
}

fn asked(query: &str) -> Result<Asked, OAuthError> {
    Asked::from_form(&Form::parse(query.as_bytes()).unwrap())
}

/// A policy that a chain must not be put to.
fn unasked(_: &Allowed, _: &Detail) -> Result<Duration, OAuthError> {
    panic!("the chain decides")
}

fn decided(source: &Source, query: &str) -> Result<Decision, OAuthError> {
    let proven = proven(1);
    let held = Held { dpop: Some(&proven), certificate: None };
    decide(AGENT, source, &asked(query)?, held, &unasked, Duration::from_secs(600), at(1000))
}

#[track_caller]
fn refused(query: &str, error: &str, code: &str) {
    let found = decided(&source(), query).unwrap_err();
    assert_eq!((found.error, found.code), (error, code), "{query}: {}", found.description);
}

#[test]
fn what_is_not_asked_for_is_as_wide_as_its_source() {
    let decision = decided(&source(), "").unwrap();
    let Allowed { audience, details, limits } = decision.allowed;
    assert_eq!(audience, ["https://files.example", "https://mail.example"]);
    assert_eq!(details.len(), 1);
    assert_eq!(details[0].actions, ["files.read", "files.list"]);
    assert_eq!(details[0].locations, [resource("https://files.example/reports")]);
    // Of every link: the root's number of uses is shared by all its children.
    assert_eq!(limits, [limit("urn:root", 9), limit("urn:leaf", 3)]);
    assert_eq!(details[0].constraints, []);
    assert_eq!(decision.expires, at(1600));
}

#[test]
fn a_token_is_narrower_if_asked_for_and_never_wider() {
    let allowed = decided(&source(), "audience=https://files.example&scope=files.read").unwrap();
    assert_eq!(allowed.allowed.audience, ["https://files.example"]);
    assert_eq!(allowed.allowed.details[0].actions, ["files.read"]);
    let allowed = decided(
        &source(),
        "resource=https://files.example&resource=https://files.example/reports/q3",
    );
    let allowed = allowed.unwrap().allowed;
    assert_eq!(allowed.audience, ["https://files.example"]);
    assert_eq!(allowed.details[0].locations, [resource("https://files.example/reports/q3")]);

    for (query, error, code) in [
        ("audience=https://pay.example", "invalid_target", "audience-widened"),
        ("audience=https://files.example/", "invalid_target", "audience-widened"),
        (
            "audience=https://files.example&audience=https://pay.example",
            "invalid_target",
            "audience-widened",
        ),
        ("resource=https://files.example/reports2", "invalid_target", "resource-widened"),
        ("resource=https://files.example/other", "invalid_target", "resource-widened"),
        ("resource=https://files.example/reports/../other", "invalid_target", "malformed"),
        ("resource=https://files.example/reports/%252F", "invalid_target", "malformed"),
        ("scope=files.write", "invalid_scope", "scope-widened"),
        ("scope=files.read+files.write", "invalid_scope", "scope-widened"),
        ("scope=FILES.READ", "invalid_scope", "scope-widened"),
    ] {
        refused(query, error, code);
    }
}

fn with_details(details: &str) -> String {
    let encoded: String = url::form_urlencoded::byte_serialize(details.as_bytes()).collect();
    format!("authorization_details={encoded}")
}

#[test]
fn authorization_details_are_of_our_type_and_within_the_source() {
    let one = |members: &str| format!(r#"[{{"type":"{GRANT_DETAILS}"{members}}}]"#);
    let allowed = decided(&source(), &with_details(&one(r#","actions":["files.list"]"#))).unwrap();
    assert_eq!(allowed.allowed.details[0].actions, ["files.list"]);
    assert_eq!(allowed.allowed.details[0].locations, [resource("https://files.example/reports")]);
    let good = one(r#","locations":["https://files.example/reports/q3"]"#);
    let allowed = decided(&source(), &with_details(&good)).unwrap();
    assert_eq!(
        allowed.allowed.details[0].locations,
        [resource("https://files.example/reports/q3")]
    );
    for (details, code) in [
        (one(r#","actions":["files.write"]"#), "details-widened"),
        (one(r#","locations":["https://files.example"]"#), "details-widened"),
        (one(r#","privileges":["admin"]"#), "details-member-unknown"),
        (one(r#","constraints":{}"#), "malformed"),
        (one(r#","constraints":[{"type":"Uses"}]"#), "malformed"),
        (one(r#","actions":[]"#), "malformed"),
        (one(r#","actions":["files.read",5]"#), "malformed"),
        (one(r#","actions":["files.read"],"actions":["files.list"]"#), "malformed"),
        (one(r#","locations":["https://files.example/a/../b"]"#), "malformed"),
        (r#"[{"type":"payment"}]"#.to_owned(), "details-type-unknown"),
        (r#"[{"actions":["files.read"]}]"#.to_owned(), "details-type-unknown"),
        ("[]".to_owned(), "malformed"),
        ("{}".to_owned(), "malformed"),
        ("[".to_owned(), "malformed"),
    ] {
        refused(&with_details(&details), "invalid_authorization_details", code);
    }
    // Constraints are added, none is taken away.
    let more = one(r#","constraints":[{"type":"Uses","max":9}]"#);
    let allowed = decided(&source(), &with_details(&more)).unwrap().allowed;
    assert_eq!(allowed.details[0].constraints, [Constraint::Uses { max: 9 }]);
    assert_eq!(allowed.limits, source().limits);
    // What the scope leaves out, details do not bring back.
    let both = format!("scope=files.read&{}", with_details(&one(r#","actions":["files.list"]"#)));
    refused(&both, "invalid_authorization_details", "details-widened");
}

#[test]
fn a_token_ends_with_what_it_rests_on() {
    let ends = |ends| decided(&Source { ends: at(ends), ..source() }, "");
    assert_eq!(ends(1100).unwrap().expires, at(1100));
    assert_eq!(ends(1600).unwrap().expires, at(1600));
    assert_eq!(ends(9999).unwrap().expires, at(1600));
    for over in [1000, 999, 0] {
        let error = ends(over).unwrap_err();
        assert_eq!((error.error, error.code), ("invalid_grant", "expired"));
    }
}

#[test]
fn it_is_given_to_the_last_agent_alone_and_bound_to_its_key() {
    let of = |agents: &[&str]| decided(&Source { agents: names(agents), ..source() }, "");
    for agents in [&["did:key:zFirst"][..], &[AGENT, "did:key:zOther"], &[]] {
        let error = of(agents).unwrap_err();
        assert_eq!((error.error, error.code), ("invalid_grant", "actor-mismatch"));
    }
    let with = |dpop: Option<&Proven>| {
        let held = Held { dpop, certificate: None };
        let asked = Asked::default();
        decide(AGENT, &source(), &asked, held, &unasked, Duration::from_secs(600), at(1000))
    };
    let error = with(Some(&proven(2))).unwrap_err();
    assert_eq!((error.error, error.code), ("invalid_dpop_proof", "binding-mismatch"));
    assert_eq!(with(None).unwrap_err().code, "binding-missing");

    let mut strange = source();
    let moon = Constraint::Unknown { constraint_type: "Moon".to_owned() };
    strange.limits.push(Limit { credential: "urn:leaf".to_owned(), constraint: moon });
    assert_eq!(decided(&strange, "").unwrap_err().code, "constraint-unknown");
}

#[test]
fn without_a_chain_the_policy_decides_on_what_is_said() {
    let limits = Vec::new();
    let source = Source { rights: None, agents: names(&[AGENT]), limits, ..source() };
    let proven = proven(1);
    let put = |query: &str, answer: Result<Duration, OAuthError>| {
        let held = Held { dpop: Some(&proven), certificate: None };
        let by_policy = |allowed: &Allowed, detail: &Detail| {
            assert_eq!(allowed.audience, ["https://pay.example"]);
            assert_eq!(detail.actions, ["pay"]);
            assert_eq!(detail.locations, [resource("https://pay.example/a")]);
            answer.clone()
        };
        let asked = asked(query)?;
        decide(AGENT, &source, &asked, held, &by_policy, Duration::from_secs(600), at(1000))
    };
    let minute = Duration::from_secs(60);
    let whole = "audience=https://pay.example&scope=pay&resource=https://pay.example/a";
    assert_eq!(put(whole, Ok(minute)).unwrap().expires, at(1060));
    assert_eq!(put(whole, Ok(20 * minute)).unwrap().expires, at(1600));
    let refusal = OAuthError::grant("grant-refused", "no");
    assert_eq!(put(whole, Err(refusal.clone())).unwrap_err(), refusal);
    for part in [
        "scope=pay&resource=https://pay.example/a",
        "audience=https://pay.example&resource=https://pay.example/a",
        "audience=https://pay.example&scope=pay",
    ] {
        assert_eq!(put(part, Ok(minute)).unwrap_err().code, "rights-missing", "{part}");
    }
}
