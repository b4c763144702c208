use proptest::prelude::*;

use super::*;
use crate::json::{Limits, Object, Value, parse};

fn object(text: &str) -> Object<'static> {
    match parse(text.as_bytes(), &Limits::for_size(1 << 16)).unwrap().into_owned() {
        Value::Object(object) => object,
        _ => panic!("an object"),
    }
}

fn resource(text: &str) -> Resource {
    Resource::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn grant() -> (Object<'static>, Grant) {
    let mut claims = object(include_str!("../../../../fixtures/claims/task-grant.json"));
    claims.insert("id", "did:web:agent.example");
    let grant = Grant::from_subject("TaskGrantCredential", &claims, true).unwrap();
    (claims, grant)
}

#[test]
fn resources_cover_what_lies_below_them_at_a_segment() {
    let root = resource("https://files.example/reports");
    for below in ["https://files.example/reports", "https://files.example/reports/2026/11"] {
        assert!(root.covers(&resource(below)), "{below}");
    }
    for other in [
        "https://files.example/reports-old",
        "https://files.example",
        "https://files.example.evil.example/reports",
        "https://files.example:8443/reports",
        "http://files.example/reports",
        "https://files.example/Reports",
    ] {
        assert!(!root.covers(&resource(other)), "{other}");
    }
    assert!(resource("https://files.example").covers(&root));
    assert!(resource("urn:acme:files").covers(&resource("urn:acme:files/reports")));
    assert!(!resource("urn:acme:files").covers(&resource("urn:acme:files2")));
}

#[test]
fn resources_with_another_spelling_are_refused() {
    for text in [
        "",
        "files",
        "https:",
        "HTTPS://files.example",
        "https://Files.example",
        "https://",
        "https:///reports",
        "https://files.example/",
        "https://files.example/reports/",
        "https://files.example//reports",
        "https://files.example/./reports",
        "https://files.example/reports/../admin",
        "https://files.example/..",
        "https://files.example/reports%2F..%2Fadmin",
        "https://files.example/%2e%2e/admin",
        "https://files.example/%2E%2E/admin",
        "https://files.example/a%5Cb",
        "https://files.example/a%5cb",
        "https://files.example/%41dmin",
        "https://files.example/a%00b",
        "https://files.example/a%",
        "https://files.example/a%2",
        "https://files.example/a;v=1",
        "https://files.example/a%3Bv",
        "https://files.example/a\\b",
        "https://files.example/a?b",
        "https://files.example/a#b",
        "https://files.example/*",
        "https://files.example/a b",
        "https://files.example/\u{e9}",
        "https://user@files.example/a",
        "https://files.example:443/a",
        "http://files.example:80/a",
        "https://files.example:0443/a",
        "https://files.example:/a",
        "https://files.example./a",
        "https://[::0001]/a",
        "https://%66iles.example/a",
        "urn:acme:files/",
    ] {
        assert!(Resource::parse(text).is_err(), "{text}");
    }
    for text in [
        "https://files.example/caf%C3%A9/a%20b",
        "https://files.example:8443/a",
        "https://[::1]:8443/a",
        "urn:acme:files/reports",
        "mcp:server/tool",
    ] {
        assert_eq!(resource(text).as_str(), text);
    }
    assert!(Resource::parse(&format!("https://files.example/{}", "a".repeat(2048))).is_err());
}

#[test]
fn claims_are_read_back_as_they_were_written() {
    let (claims, grant) = grant();
    let mut written = grant.to_claims();
    written.insert("id", "did:web:agent.example");
    assert_eq!(written, claims);
    let mut claims = object(include_str!("../../../../fixtures/claims/delegation.json"));
    claims.insert("id", "did:web:agent.example");
    let delegation = Grant::from_subject("DelegationCredential", &claims, false).unwrap();
    let mut written = delegation.to_claims();
    written.insert("id", "did:web:agent.example");
    assert_eq!(written, claims);
    assert!(Grant::from_subject("TaskGrantCredential", &claims, true).is_err());
}

#[test]
fn claims_of_another_form_are_refused_where_they_are_wrong() {
    let long = format!(r#"[{{"type":"Argument","name":"a","oneOf":["{}"]}}]"#, "x".repeat(513));
    for (member, value, pointer) in [
        ("actions", "[]", "/actions"),
        ("actions", r#"["a","a"]"#, "/actions"),
        ("actions", r#"["*"]"#, "/actions"),
        ("actions", r#"["files read"]"#, "/actions"),
        ("actions", r#"["files.r\u00e9ad"]"#, "/actions"),
        ("actions", r#"["a", 1]"#, "/actions"),
        ("actions", r#""a""#, "/actions"),
        ("resources", r#"["https://files.example/../a"]"#, "/resources"),
        ("audience", "[]", "/audience"),
        ("maxDepth", "10", "/maxDepth"),
        ("maxDepth", "-1", "/maxDepth"),
        ("maxDepth", "1.0", "/maxDepth"),
        ("maxDepth", r#""1""#, "/maxDepth"),
        ("cnf", "{}", "/cnf"),
        ("cnf", r#"{"kid":"did:web:agent.example#k","jwk":{}}"#, "/cnf"),
        ("cnf", r#"{"kid":"did:web:other.example#k"}"#, "/cnf/kid"),
        ("principal", r#"{"issuer":"a","subject":"b","digest":"sha256:AB"}"#, "/principal/digest"),
        ("principal", "5", "/principal"),
        ("parent", r#"{"id":"urn:x:1","digest":"sha256:00"}"#, "/parent"),
        (
            "childStatus",
            r#"{"statusListCredential":"urn:x:1","indexes":[]}"#,
            "/childStatus/indexes",
        ),
        (
            "childStatus",
            r#"{"statusListCredential":"urn:x:1","indexes":["1","1"]}"#,
            "/childStatus/indexes",
        ),
        (
            "childStatus",
            r#"{"statusListCredential":"urn:x:1","indexes":["01"]}"#,
            "/childStatus/indexes",
        ),
        ("constraints", r#"[{"type":"Budget","unit":"EUR","amount":-1}]"#, "/constraints/amount"),
        ("constraints", r#"[{"type":"Budget","unit":"EUR","amount":1.5}]"#, "/constraints/amount"),
        (
            "constraints",
            r#"[{"type":"Budget","unit":"EUR","amount":1,"per":"day"}]"#,
            "/constraints",
        ),
        (
            "constraints",
            r#"[{"type":"TimeOfDay","from":"24:00","until":"08:00"}]"#,
            "/constraints/from",
        ),
        (
            "constraints",
            r#"[{"type":"TimeOfDay","from":"8:00","until":"09:00"}]"#,
            "/constraints/from",
        ),
        (
            "constraints",
            r#"[{"type":"TimeOfDay","from":"08:00","until":"08:00"}]"#,
            "/constraints/until",
        ),
        ("constraints", r#"[{"type":"Argument","name":"a","oneOf":[]}]"#, "/constraints/oneOf"),
        (
            "constraints",
            r#"[{"type":"Argument","name":"a","oneOf":["x"],"prefix":"y"}]"#,
            "/constraints",
        ),
        ("constraints", r#"[{"type":"Argument","name":"a"}]"#, "/constraints/oneOf"),
        ("constraints", "{}", "/constraints"),
        ("constraints", &long, "/constraints/oneOf"),
    ] {
        let (mut claims, _) = grant();
        let value = object(&format!("{{\"v\":{value}}}")).remove("v").unwrap();
        claims.insert(member, value);
        let error = Grant::from_subject("TaskGrantCredential", &claims, true).unwrap_err();
        assert_eq!(error.pointer, format!("/credentialSubject{pointer}"), "{member}: {error}");
    }
}

#[test]
fn a_constraint_of_a_kind_that_is_not_known_is_kept_as_such() {
    let unknown = object(r#"{"type":"Mood","level":"good"}"#);
    let read = Constraint::from_value(&unknown.into()).unwrap();
    assert_eq!(read, Constraint::Unknown { constraint_type: "Mood".to_owned() });
    // Nothing meets it, not even itself.
    assert!(!read.implies(&read));
}

#[test]
fn a_path_that_leads_out_of_its_prefix_does_not_fit() {
    let prefix = Pattern::Prefix("/reports/".to_owned());
    assert!(prefix.fits("/reports/2026/q3..final.pdf"));
    for path in ["/reports/../admin", "/reports/./a", "/reports/%2E%2e/admin", "/reports/a\\..\\b"]
    {
        assert!(!prefix.fits(path), "{path}");
    }
    // A text that is no path may hold dots.
    assert!(Pattern::Prefix("v".to_owned()).fits("v1/../2"));
}

#[test]
fn each_widening_is_named() {
    let (_, Grant { rights: parent, .. }) = grant();
    let mut child = parent.clone();
    child.max_depth = 2;
    assert_eq!(child.widenings(&parent), []);
    let widened = |change: &dyn Fn(&mut Rights)| {
        let mut child = child.clone();
        change(&mut child);
        child.widenings(&parent).iter().map(|widening| widening.what).collect::<Vec<_>>()
    };
    assert_eq!(widened(&|rights| rights.actions.push("files.write".to_owned())), ["action"]);
    // No order among actions, and no part of a name counts.
    assert_eq!(widened(&|rights| rights.actions.push("files".to_owned())), ["action"]);
    assert_eq!(widened(&|rights| rights.actions.push("files.read.all".to_owned())), ["action"]);
    let up = resource("https://files.example");
    assert_eq!(widened(&|rights| rights.resources.push(up.clone())), ["resource"]);
    assert_eq!(
        widened(&|rights| rights.audience.push("https://b.example".to_owned())),
        ["audience"]
    );
    assert_eq!(widened(&|rights| rights.max_depth = 3), ["depth"]);
    for index in 0..parent.constraints.len() {
        assert_eq!(widened(&|rights| drop(rights.constraints.remove(index))), ["constraint"]);
    }
    let looser = |index: usize, constraint: Constraint| {
        widened(&|rights| rights.constraints[index] = constraint.clone())
    };
    let budget = |unit: &str, amount| Constraint::Budget { unit: unit.to_owned(), amount };
    assert_eq!(looser(0, budget("EUR", 5001)), ["constraint"]);
    assert_eq!(looser(0, budget("JPY", 1)), ["constraint"]);
    assert_eq!(looser(0, budget("EUR", 4999)), [""; 0]);
    assert_eq!(looser(1, Constraint::Uses { max: 11 }), ["constraint"]);
    let time = |from, until| Constraint::TimeOfDay { from, until };
    assert_eq!(looser(2, time(479, 1000)), ["constraint"]);
    assert_eq!(looser(2, time(1000, 500)), ["constraint"]);
    assert_eq!(looser(2, time(480, 1080)), [""; 0]);
    let argument = |name: &str, pattern| Constraint::Argument { name: name.to_owned(), pattern };
    let prefix = |text: &str| Pattern::Prefix(text.to_owned());
    let texts =
        |texts: &[&str]| Pattern::OneOf(texts.iter().map(|&text| text.to_owned()).collect());
    assert_eq!(looser(3, argument("path", prefix("/rep"))), ["constraint"]);
    assert_eq!(looser(3, argument("path", prefix("/reports/2026"))), [""; 0]);
    assert_eq!(looser(3, argument("path", texts(&["/reports/a", "/b"]))), ["constraint"]);
    assert_eq!(looser(4, argument("kind", texts(&["pdf", "exe"]))), ["constraint"]);
    assert_eq!(looser(4, argument("kind", prefix("pdf"))), ["constraint"]);
    let range = |at_least, at_most| argument("limit", Pattern::Range { at_least, at_most });
    assert_eq!(looser(5, range(Some(1), None)), ["constraint"]);
    assert_eq!(looser(5, range(Some(0), Some(100))), ["constraint"]);
    assert_eq!(looser(5, range(Some(5), Some(6))), [""; 0]);
    assert_eq!(looser(5, argument("limit", texts(&["1", "100"]))), [""; 0]);
    assert_eq!(looser(5, argument("limit", texts(&["1", "+7"]))), ["constraint"]);
}

#[test]
fn what_a_widening_says_of_long_lists_is_short() {
    let (_, Grant { rights: mut parent, .. }) = grant();
    parent.actions = (0..64).map(|index| format!("{index}{}", "a".repeat(2_000))).collect();
    let mut child = parent.clone();
    child.max_depth = 0;
    child.actions = (0..64).map(|index| format!("{index}{}", "b".repeat(2_000))).collect();
    let found = child.widenings(&parent);
    assert_eq!(found.len(), 64);
    assert!(found.iter().all(|one| one.parent.len() < 2_100 && one.parent.ends_with(", …")));
}

fn constraint() -> impl Strategy<Value = Constraint> {
    let text = || "[ab]{1,3}";
    let bound = || proptest::option::of(-3_i64..4);
    let pattern = prop_oneof![
        proptest::collection::vec("[ab]{1,3}|-?[0-3]", 1..4).prop_map(Pattern::OneOf),
        text().prop_map(Pattern::Prefix),
        (bound(), bound())
            .prop_filter("some bound", |(least, most)| least.is_some() || most.is_some())
            .prop_map(|(at_least, at_most)| Pattern::Range { at_least, at_most }),
    ];
    prop_oneof![
        (0_u16..6, 0_u16..6).prop_filter("a span", |(from, until)| from != until).prop_map(
            |(from, until)| Constraint::TimeOfDay { from: from * 240, until: until * 240 }
        ),
        ("[xy]", pattern).prop_map(|(name, pattern)| Constraint::Argument { name, pattern }),
    ]
}

proptest! {
    /// What implies another allows nothing that the other refuses.
    #[test]
    fn what_is_implied_is_never_stricter(
        own in constraint(), other in constraint(), minute in 0_u16..1440,
        argument in "[ab]{1,4}|-?[0-4]",
    ) {
        prop_assert!(own.implies(&own));
        if own.implies(&other) {
            prop_assert!(!own.allows_minute(minute) || other.allows_minute(minute));
            if let (Constraint::Argument { pattern, .. }, Constraint::Argument { pattern: wider, .. }) =
                (&own, &other)
            {
                prop_assert!(!pattern.fits(&argument) || wider.fits(&argument));
            }
        }
    }

    /// Whatever is read as a resource has no spelling that leads elsewhere.
    #[test]
    fn resources_never_climb(path in "(/([a.%2EFe/;]|\\.\\.){0,4}){0,4}") {
        let text = format!("https://files.example/reports{path}");
        if let Ok(name) = Resource::parse(&text) {
            prop_assert!(resource("https://files.example/reports").covers(&name) || !path.starts_with('/'));
            let encoded = |segment: &str| ["%2e", "%2f"].iter().any(|code| segment.contains(code));
            let climbs = |segment: &str| {
                ["", ".", ".."].contains(&segment) || encoded(&segment.to_ascii_lowercase())
            };
            prop_assert!(!text[8..].split('/').any(climbs));
        }
    }
}
