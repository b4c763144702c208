//! Row 16: disclosures and digests that are refused, and bounds.

use super::*;

#[test]
fn row_16_names_that_are_reserved_or_there_already() {
    for name in ["_sd", "...", "_sd_alg"] {
        let one = format!(r#"["salt","{name}",1]"#);
        let payload = format!(r#"{{"a":{{"_sd":["{}"]}}}}"#, digest(&one));
        let reserved = SdJwtError::DisclosureNameReserved { name: name.to_owned() };
        assert_eq!(disclosed(&payload, &[&one]), Err(reserved));
    }
    let (one, two) = (r#"["salt","b",1]"#, r#"["other","b",2]"#);
    let collision = SdJwtError::DisclosureNameCollision { name: "b".to_owned() };
    let payload = format!(r#"{{"_sd":["{}"],"b":0,"z":1}}"#, digest(one));
    assert_eq!(disclosed(&payload, &[one]), Err(collision.clone()));
    let payload = format!(r#"{{"_sd":["{}","{}"]}}"#, digest(one), digest(two));
    assert_eq!(disclosed(&payload, &[one, two]), Err(collision));
    assert_eq!(disclosed(&payload, &[two]).unwrap(), r#"{"b":2}"#);
}

#[test]
fn row_16_names_that_are_too_long() {
    let named = |length: usize| {
        let one = format!(r#"["salt","{}",1]"#, "n".repeat(length));
        disclosed(&format!(r#"{{"_sd":["{}"]}}"#, digest(&one)), &[&one])
    };
    assert!(named(LONGEST_NAME).is_ok());
    assert!(matches!(named(LONGEST_NAME + 1), Err(SdJwtError::Malformed(_))));
    // Nor are they issued.
    let name = "n".repeat(LONGEST_NAME + 1);
    let payload = object(&format!(r#"{{"{name}":1}}"#));
    let issue = |disclosable: &[&str]| {
        let draft = SdJwtDraft { payload: &payload, disclosable, decoys: 0 };
        draft.issue(TYPE, KID, &key(1), &mut salts())
    };
    assert!(issue(&[]).is_ok());
    let pointer = format!("/{name}");
    assert!(matches!(issue(&[pointer.as_str()]), Err(SdJwtError::Malformed(_))));
}

#[test]
fn where_something_may_be_hidden() {
    let (shown, element) = (r#"["salt","a",{"_sd":[]}]"#, r#"["salt",1]"#);
    let payload = format!(
        r#"{{"_sd":["{}"],"b":[{{"...":"{}"}}],"c":[{{"d":[{{"...":"{}"}}]}}],"e":[{{}}]}}"#,
        digest(shown),
        digest(element),
        digest("decoy")
    );
    let text = token(&payload, &[shown, element]);
    let (_, hiding) = SdJwt::parse(&text, TYPE).unwrap().disclose_and_locate().unwrap();
    assert!(hiding.at_top && hiding.is_any());
    assert_eq!(hiding.disclosed, ["a"]);
    assert_eq!(hiding.inside, ["b", "c", "a"]);
    assert_eq!(hiding.lists, ["b"]);
    let plain = token(r#"{"b":[{"c":1}]}"#, &[]);
    let (_, hiding) = SdJwt::parse(&plain, TYPE).unwrap().disclose_and_locate().unwrap();
    assert_eq!(hiding, Hiding::default());
    assert!(!hiding.is_any());
}

#[test]
fn row_16_digests_and_disclosures_that_occur_twice_or_for_nothing() {
    let one = r#"["salt","b",1]"#;
    let (element, decoy) = (r#"["salt",1]"#, digest("decoy"));
    let payload = format!(r#"{{"_sd":["{}"]}}"#, digest(one));
    assert_eq!(disclosed(&payload, &[one, one]), Err(SdJwtError::DisclosureRepeated));
    assert_eq!(disclosed(&payload, &[one, element]), Err(SdJwtError::DisclosureUnused));
    assert_eq!(disclosed("{}", &[one]), Err(SdJwtError::DisclosureUnused));
    for payload in [
        format!(r#"{{"_sd":["{0}","{0}"]}}"#, digest(one)),
        format!(r#"{{"_sd":["{0}"],"a":{{"_sd":["{0}"]}}}}"#, digest(one)),
        format!(r#"{{"_sd":["{0}","{1}","{1}"]}}"#, digest(one), decoy),
        format!(r#"{{"_sd":["{0}","{1}"],"a":[{{"...":"{1}"}}]}}"#, digest(one), decoy),
    ] {
        assert_eq!(disclosed(&payload, &[one]), Err(SdJwtError::DigestRepeated), "{payload}");
    }
    // In the payload and in a disclosure.
    let outer = format!(r#"["salt","a",[{{"...":"{}"}}]]"#, digest(element));
    let payload =
        format!(r#"{{"_sd":["{}"],"c":[{{"...":"{}"}}]}}"#, digest(&outer), digest(element));
    assert_eq!(disclosed(&payload, &[&outer, element]), Err(SdJwtError::DigestRepeated));
    // The inner one alone belongs to nothing.
    let payload = format!(r#"{{"_sd":["{}"]}}"#, digest(&outer));
    assert_eq!(disclosed(&payload, &[&outer, element]).unwrap(), r#"{"a":[1]}"#);
    assert_eq!(disclosed(&payload, &[&outer]).unwrap(), r#"{"a":[]}"#);
    assert_eq!(disclosed(&payload, &[element]), Err(SdJwtError::DisclosureUnused));
}

#[test]
fn row_16_disclosures_that_are_none() {
    for disclosure in [
        "",
        "{}",
        "[]",
        r#"["salt"]"#,
        r#"[1,"b",1]"#,
        r#"["salt",2,1]"#,
        r#"["salt","b",1,1]"#,
        r#"["salt","b",1"#,
        r#"["salt","b",{"c":1,"c":2}]"#,
        r#"["salt","b",9007199254740993]"#,
        r#"["salt","b","\ud800"]"#,
        // An element, where a member belongs.
        r#"["salt",1]"#,
        // Not the place of an element's digest.
        r#"["salt","b",{"...":"x"}]"#,
    ] {
        let payload = format!(r#"{{"_sd":["{}"]}}"#, digest(disclosure));
        let found = disclosed(&payload, &[disclosure]);
        assert!(matches!(found, Err(SdJwtError::Malformed(_))), "{disclosure}: {found:?}");
    }
    for disclosure in [r#"["salt","b",1]"#, r#"["salt",{"...":"x"}]"#] {
        let payload = format!(r#"{{"a":[{{"...":"{}"}}]}}"#, digest(disclosure));
        let found = disclosed(&payload, &[disclosure]);
        assert!(matches!(found, Err(SdJwtError::Malformed(_))), "{disclosure}: {found:?}");
    }
    // Base64url in another spelling: padded, and with bits behind the last byte.
    let text = token("{}", &[]);
    for spelled in ["WyJzIiwxXQ==", "WyJzIiwxXR", "WyJz+wxXQ", "~", "é"] {
        let text = format!("{text}{spelled}~");
        let found = SdJwt::parse(&text, TYPE).and_then(|token| token.disclose());
        assert!(matches!(found, Err(SdJwtError::Malformed(_))), "{spelled}: {found:?}");
    }
}

#[test]
fn row_16_payloads_that_misuse_the_reserved_names() {
    let good = digest("decoy");
    for payload in [
        "[]".to_owned(),
        r#"{"_sd":"x"}"#.to_owned(),
        r#"{"_sd":{}}"#.to_owned(),
        r#"{"_sd":[1]}"#.to_owned(),
        r#"{"_sd":["short"]}"#.to_owned(),
        format!(r#"{{"_sd":["{good}="]}}"#),
        format!(r#"{{"...":"{good}"}}"#),
        format!(r#"{{"a":{{"...":"{good}"}}}}"#),
        format!(r#"{{"a":[{{"...":"{good}","b":1}}]}}"#),
        r#"{"a":[{"...":1}]}"#.to_owned(),
        r#"{"a":{"_sd_alg":"sha-256"}}"#.to_owned(),
        r#"{"a":[{"_sd_alg":"sha-256"}]}"#.to_owned(),
        r#"{"_sd_alg":256}"#.to_owned(),
    ] {
        let found = disclosed(&payload, &[]);
        assert!(matches!(found, Err(SdJwtError::Malformed(_))), "{payload}: {found:?}");
    }
    for alg in ["sha-512", "SHA-256", "sha256", ""] {
        let refused = SdJwtError::HashRefused { found: alg.to_owned() };
        assert_eq!(disclosed(&format!(r#"{{"_sd_alg":"{alg}"}}"#), &[]), Err(refused));
    }
    assert_eq!(disclosed(r#"{"_sd_alg":"sha-256","_sd":[]}"#, &[]).unwrap(), "{}");
    let decoys = format!(r#"{{"a":[{{"...":"{good}"}}]}}"#);
    assert_eq!(disclosed(&decoys, &[]).unwrap(), r#"{"a":[]}"#);
}

/// A payload and disclosures, each of which holds the digest of the next.
fn chain(links: usize, array: bool) -> Result<String, SdJwtError> {
    let innermost = if array { r#"["salt",1]"# } else { r#"["salt","a",1]"# };
    let mut inner = innermost.to_owned();
    let mut disclosures = vec![inner.clone()];
    for _ in 1..links {
        let digest = digest(&inner);
        inner = if array {
            format!(r#"["salt",[{{"...":"{digest}"}}]]"#)
        } else {
            format!(r#"["salt","a",{{"_sd":["{digest}"]}}]"#)
        };
        disclosures.push(inner.clone());
    }
    let payload = match array {
        true => format!(r#"{{"a":[{{"...":"{}"}}]}}"#, digest(&inner)),
        false => format!(r#"{{"_sd":["{}"]}}"#, digest(&inner)),
    };
    let disclosures: Vec<&str> = disclosures.iter().map(String::as_str).collect();
    disclosed(&payload, &disclosures)
}

#[test]
fn disclosures_in_disclosures_are_bounded() {
    assert!(chain(128, false).unwrap().starts_with(r#"{"a":{"a":"#));
    assert_eq!(chain(129, false), Err(SdJwtError::TooDeep { limit: 128 }));
    assert_eq!(chain(1024, false), Err(SdJwtError::TooDeep { limit: 128 }));
    assert!(chain(127, true).unwrap().starts_with(r#"{"a":[["#));
    assert_eq!(chain(128, true), Err(SdJwtError::TooDeep { limit: 128 }));
    assert_eq!(chain(1024, true), Err(SdJwtError::TooDeep { limit: 128 }));
    // More disclosures than are read, before any is read.
    let text = format!("{}{}", token("{}", &[]), "x~".repeat(1025));
    let found = SdJwt::parse(&text, TYPE).map(drop);
    assert_eq!(found, Err(SdJwtError::TooMany { what: "disclosures", limit: 1024 }));
    // More values than a document of this length may hold, in parts that each hold fewer.
    let parts: Vec<String> =
        (0..4).map(|index| format!(r#"["{index}","{index}",[{}0]]"#, "0,".repeat(2000))).collect();
    let digests: Vec<String> = parts.iter().map(|part| format!(r#""{}""#, digest(part))).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let payload = format!(r#"{{"_sd":[{}]}}"#, digests.join(","));
    assert!(disclosed(&payload, &parts[..1]).is_ok());
    assert!(matches!(disclosed(&payload, &parts), Err(SdJwtError::Malformed(_))));
}
