//! Histories of our own: each rule of did:webvh 1.0 broken alone.

use bonafide_core::did::Relationship;
use bonafide_core::json::{Value, to_canonical_string};
use bonafide_core::key::KeyType;
use bonafide_core::time::Timestamp;
use bonafide_proof::SecretKey;
use bonafide_proof::webvh::{VersionQuery, WebvhError};
use bonafide_testkit::{
    WebvhLog, json, key, multikey, webvh_document, webvh_key_hash, webvh_witness_file,
};

use super::webvh::{NOW, code, verify};

fn signer(name: &str) -> SecretKey {
    key(&format!("webvh {name}"), KeyType::Ed25519)
}

/// The time of the n-th entry.
fn day(number: u32) -> String {
    format!("2026-01-{number:02}T00:00:00Z")
}

/// A log of our own, read after its last entry.
fn outcome(log: &WebvhLog) -> &'static str {
    code(&verify(log.did(), &log.jsonl(), None, NOW))
}

/// Four entries: pre-rotation, a new key, a move.
fn long_log() -> WebvhLog {
    let (first, second) = (signer("first"), signer("second"));
    let hash = webvh_key_hash(&second);
    let parameters = format!(r#"{{"portable":true,"nextKeyHashes":["{hash}"]}}"#);
    let mut log = WebvhLog::create("a.example:agents", &first, &day(1), &parameters, None);
    let rotated = format!(r#"{{"updateKeys":["{}"],"nextKeyHashes":[]}}"#, multikey(&second));
    log.update(&second, &day(2), &rotated);
    log.update(&second, &day(3), r#"{"ttl":60,"watchers":["https://watcher.example"]}"#);
    let state = moved(&log, "b.example", &[log.did()], &second);
    log.append(&second, &day(4), "{}", state);
    log
}

/// The document after a move to `place`.
fn moved(log: &WebvhLog, place: &str, also_known_as: &[&str], key: &SecretKey) -> Value<'static> {
    let scid = log.did().split(':').nth(2).unwrap();
    let document = webvh_document(&format!("did:webvh:{scid}:{place}"), key);
    let Value::Object(mut document) = document else { unreachable!() };
    let names: Vec<String> = also_known_as.iter().map(|name| (*name).to_owned()).collect();
    document.insert("alsoKnownAs", names);
    document.into()
}

#[test]
fn a_history_of_our_own_tells_its_versions() {
    let log = long_log();
    let history = verify(log.did(), &log.jsonl(), None, NOW).unwrap();
    assert_eq!((history.versions().len(), history.ttl()), (4, 60));
    assert!(!history.is_deactivated());
    let new = history.newest().did().to_owned();
    assert_eq!((history.did(), history.moved_to()), (log.did(), Some(new.as_str())));
    assert!(new.ends_with(":b.example"));
    let after = verify(&new, &log.jsonl(), None, NOW).unwrap();
    assert_eq!((after.did(), after.moved_to()), (new.as_str(), None));
    let other = new.replace("b.example", "c.example");
    assert_eq!(code(&verify(&other, &log.jsonl(), None, NOW)), "did-not-in-log");

    let number = |query: VersionQuery<'_>| history.at(query).map(|version| version.number);
    assert_eq!(number(VersionQuery::Id(&log.version_id(2))), Some(2));
    assert_eq!(number(VersionQuery::Id("2")), None);
    assert_eq!(number(VersionQuery::Number(3)), Some(3));
    assert_eq!(number(VersionQuery::Number(5)), None);
    let time = |text: &str| VersionQuery::Time(Timestamp::parse(text).unwrap());
    assert_eq!(number(time("2026-01-02T23:59:59Z")), Some(2));
    assert_eq!(number(time("2026-01-03T00:00:00Z")), Some(3));
    assert_eq!(number(time("2025-12-31T23:59:59Z")), None);

    let document = history.newest().document().unwrap();
    assert_eq!(document.id(), new);
    let method = document.method(&format!("{new}#key-1")).unwrap();
    assert!(method.is_for(Relationship::AssertionMethod) && method.key.is_some());
    let resolved = history.versions()[0].resolved();
    let endpoint = resolved.pointer("/service/1/serviceEndpoint").unwrap();
    assert_eq!(endpoint.as_str(), Some("https://a.example/agents/whois.vp"));
}

#[test]
fn explicit_services_take_the_place_of_the_implicit_ones() {
    let first = signer("first");
    let document = webvh_document("did:webvh:{SCID}:a.example", &first);
    let Value::Object(mut document) = document else { unreachable!() };
    let own = r##"[{"id":"#files","type":"relativeRef","serviceEndpoint":"https://cdn.example/"},
        {"id":"did:webvh:{SCID}:a.example#whois","type":"Other","serviceEndpoint":"https://w.example/"}]"##;
    document.insert("service", json(own));
    let log = WebvhLog::create("a.example", &first, &day(1), "{}", Some(document.into()));
    let history = verify(log.did(), &log.jsonl(), None, NOW).unwrap();
    let resolved = history.newest().resolved();
    assert_eq!(resolved.get("service").unwrap().as_array().unwrap().len(), 2);
}

#[test]
fn a_log_that_lost_changed_or_moved_an_entry_is_refused() {
    let log = long_log();
    let whole = log.jsonl();
    let lines: Vec<&str> = whole.lines().collect();
    let refused = |lines: &[&str], why: &str| {
        let log_text = lines.join("\n");
        assert_ne!(code(&verify(log.did(), &log_text, None, NOW)), "good", "{why}");
    };
    // A lost last entry does not show: the log before it was whole.
    for lost in 0..lines.len() - 1 {
        let mut fewer = lines.clone();
        fewer.remove(lost);
        refused(&fewer, &format!("without {lost}"));
    }
    for index in 0..lines.len() {
        for other in 0..index {
            let mut swapped = lines.clone();
            swapped.swap(index, other);
            refused(&swapped, &format!("{index} and {other} swapped"));
        }
        let mut twice = lines.clone();
        twice.insert(index, lines[index]);
        refused(&twice, &format!("{index} twice"));
        let mut blank = lines.clone();
        blank.insert(index, "");
        refused(&blank, &format!("an empty line before {index}"));
    }
    // Every seventh letter or digit, which takes its turn in every member.
    let places: Vec<usize> = whole
        .bytes()
        .enumerate()
        .filter(|(_, byte)| byte.is_ascii_alphanumeric())
        .map(|(place, _)| place)
        .step_by(7)
        .collect();
    for place in places {
        let mut edited = whole.clone().into_bytes();
        edited[place] = if edited[place] == b'7' { b'8' } else { b'7' };
        let edited = String::from_utf8(edited).unwrap();
        let result = verify(log.did(), &edited, None, NOW);
        assert_ne!(code(&result), "good", "byte {place}");
    }
}

#[test]
fn entries_that_break_a_rule_are_refused_by_name() {
    let (first, second, third) = (signer("first"), signer("second"), signer("third"));
    let create =
        |parameters: &str| WebvhLog::create("a.example", &first, &day(1), parameters, None);
    // What the first entry may not give.
    let keys = vec![format!("{:?}", multikey(&first)); 65].join(",");
    let too_many = format!(r#"{{"updateKeys":[{keys}]}}"#);
    let ids = format!(r#"{{"id":"did:key:{}"}}"#, multikey(&second));
    let weighted = format!(r#"{{"id":"did:key:{}","weight":2}}"#, multikey(&second));
    let bare = format!(r#"{{"id":"{}"}}"#, multikey(&second));
    let p256 = bonafide_testkit::did_key_of(&key("webvh", KeyType::P256)).0;
    let witness = |threshold: &str, items: &str| {
        format!(r#"{{"witness":{{"threshold":{threshold},"witnesses":[{items}]}}}}"#)
    };
    for (parameters, expected) in [
        (r#"{"colour":"red"}"#.to_owned(), "parameter-unknown"),
        (r#"{"method":"did:webvh:1.0-rc1"}"#.to_owned(), "method-unknown"),
        (r#"{"method":null}"#.to_owned(), "method-unknown"),
        (r#"{"updateKeys":null}"#.to_owned(), "parameter-invalid"),
        (r#"{"updateKeys":[1]}"#.to_owned(), "parameter-invalid"),
        (r#"{"updateKeys":[]}"#.to_owned(), "key-not-authorized"),
        (too_many, "parameter-invalid"),
        (r#"{"portable":"yes"}"#.to_owned(), "parameter-invalid"),
        (r#"{"deactivated":1}"#.to_owned(), "parameter-invalid"),
        (r#"{"ttl":-1}"#.to_owned(), "parameter-invalid"),
        (r#"{"ttl":2147483649}"#.to_owned(), "parameter-invalid"),
        (r#"{"ttl":"60"}"#.to_owned(), "parameter-invalid"),
        (r#"{"ttl":2147483648}"#.to_owned(), "good"),
        (r#"{"witness":[]}"#.to_owned(), "parameter-invalid"),
        (r#"{"witness":{"threshold":1}}"#.to_owned(), "parameter-invalid"),
        (witness("\"1\"", &ids), "parameter-invalid"),
        // Canonical JSON writes 1.0 as 1.
        (witness("1.0", &ids), "witness-file-missing"),
        (witness("1.5", &ids), "parameter-invalid"),
        (witness("1", &weighted), "parameter-invalid"),
        (witness("1", r#"{"id":"did:web:w.example"}"#), "parameter-invalid"),
        (witness("1", &format!(r#"{{"id":"{p256}"}}"#)), "parameter-invalid"),
        (witness("-1", &ids), "threshold-out-of-range"),
        (witness("2", &ids), "threshold-out-of-range"),
        (witness("1", ""), "threshold-out-of-range"),
        (witness("1", &format!("{ids},{bare}")), "witness-duplicate"),
        (witness("1", &ids), "witness-file-missing"),
    ] {
        assert_eq!(outcome(&create(&parameters)), expected, "{parameters}");
    }

    // What a later entry may not give or do.
    let portable = r#"{"portable":true}"#;
    for (parameters, expected) in [
        ("{}", "good"),
        (r#"{"method":"did:webvh:1.0"}"#, "good"),
        (r#"{"method":"did:webvh:0.5"}"#, "method-unknown"),
        (r#"{"scid":"QmXq3qKkf4miH65SnSpkaMbAcXixyR6JU4yt8p4W8ftGWx"}"#, "parameter-invalid"),
        (portable, "parameter-invalid"),
        (r#"{"portable":false}"#, "good"),
    ] {
        let mut log = create(portable);
        log.update(&first, &day(2), parameters);
        assert_eq!(outcome(&log), expected, "{parameters}");
    }
    let mut log = create("{}");
    log.update(&second, &day(2), "{}");
    assert_eq!(outcome(&log), "key-not-authorized");
    // New keys sign the entry after theirs.
    let new_keys = format!(r#"{{"updateKeys":["{}"]}}"#, multikey(&second));
    let mut log = create("{}");
    log.update(&second, &day(2), &new_keys);
    assert_eq!(outcome(&log), "key-not-authorized");
    let mut log = create("{}");
    log.update(&first, &day(2), &new_keys);
    assert_eq!(outcome(&log), "good");
    log.update(&first, &day(3), "{}");
    assert_eq!(outcome(&log), "key-not-authorized");

    // Pre-rotation: the committed key signs, and every key is committed to.
    let committed = format!(r#"{{"nextKeyHashes":["{}"]}}"#, webvh_key_hash(&second));
    let both = format!(
        r#"{{"updateKeys":["{}","{}"],"nextKeyHashes":[]}}"#,
        multikey(&second),
        multikey(&third)
    );
    let uncommitted = format!(r#"{{"updateKeys":["{}"],"nextKeyHashes":[]}}"#, multikey(&first));
    let whole = format!(r#"{{"updateKeys":["{}"],"nextKeyHashes":[]}}"#, multikey(&second));
    for (signer, parameters, expected) in [
        (&first, "{}", "pre-rotation-omitted"),
        (&second, new_keys.as_str(), "pre-rotation-omitted"),
        (&second, r#"{"nextKeyHashes":[]}"#, "pre-rotation-omitted"),
        (&second, r#"{"updateKeys":[],"nextKeyHashes":[]}"#, "pre-rotation-omitted"),
        (&second, both.as_str(), "pre-rotation-mismatch"),
        (&first, uncommitted.as_str(), "pre-rotation-mismatch"),
        (&first, whole.as_str(), "key-not-authorized"),
        (&second, whole.as_str(), "good"),
    ] {
        let mut log = create(&committed);
        log.update(signer, &day(2), parameters);
        assert_eq!(outcome(&log), expected, "{parameters}");
    }

    // Time, and the end.
    for (time, expected) in [
        (day(1), "time-not-after"),
        ("2025-12-31T00:00:00Z".to_owned(), "time-not-after"),
        ("2026-06-01T00:00:01Z".to_owned(), "time-in-future"),
        (NOW.to_owned(), "good"),
        ("2026-02-01T00:00:00+00:00".to_owned(), "good"),
        ("2026-02-01T01:00:00+01:00".to_owned(), "entry-malformed"),
    ] {
        let mut log = create("{}");
        log.update(&first, &time, "{}");
        assert_eq!(outcome(&log), expected, "{time}");
    }
    let mut log = create("{}");
    log.update(&first, &day(2), r#"{"deactivated":true}"#);
    let history = verify(log.did(), &log.jsonl(), None, NOW).unwrap();
    assert!(history.is_deactivated());
    let before = history.at(VersionQuery::Number(1)).unwrap();
    let metadata = history.metadata(before);
    assert_eq!(metadata.get("deactivated").and_then(Value::as_bool), Some(true));
    log.update(&first, &day(3), r#"{"deactivated":false}"#);
    assert_eq!(outcome(&log), "after-deactivation");
}

#[test]
fn only_a_portable_did_moves_and_says_from_where() {
    let first = signer("first");
    for (parameters, names_old, change, expected) in [
        (r#"{"portable":true}"#, true, "{}", "good"),
        (r#"{"portable":true}"#, false, "{}", "also-known-as-missing"),
        (r#"{"portable":true}"#, true, r#"{"portable":false}"#, "not-portable"),
        ("{}", true, "{}", "not-portable"),
    ] {
        let mut log = WebvhLog::create("a.example", &first, &day(1), parameters, None);
        let names = if names_old { vec![log.did()] } else { vec!["did:web:a.example"] };
        let state = moved(&log, "b.example", &names, &first);
        log.append(&first, &day(2), change, state);
        assert_eq!(outcome(&log), expected, "{parameters} {names_old} {change}");
    }
    for (id, expected) in [
        ("did:web:b.example".to_owned(), "document-id"),
        ("did:webvh:{SCID}:127.0.0.1".to_owned(), "document-id"),
        ("did:webvh:{SCID}:b.example:..".to_owned(), "document-id"),
        (format!("did:webvh:Qm{}:b.example", "1".repeat(44)), "scid-mismatch"),
    ] {
        let mut log = WebvhLog::create("a.example", &first, &day(1), r#"{"portable":true}"#, None);
        let scid = log.did().split(':').nth(2).unwrap().to_owned();
        let state = json(&format!(
            r#"{{"id":"{}","alsoKnownAs":["{}"]}}"#,
            id.replace("{SCID}", &scid),
            log.did()
        ));
        log.append(&first, &day(2), "{}", state);
        assert_eq!(outcome(&log), expected, "{id}");
    }
}

#[test]
fn the_scid_binds_the_first_entry() {
    let first = signer("first");
    let log = WebvhLog::create("a.example", &first, &day(1), "{}", None);
    let scid = log.did().split(':').nth(2).unwrap();
    let other = format!("Qm{}", "1".repeat(44));
    let did = log.did().replace(scid, &other);
    assert_eq!(code(&verify(&did, &log.jsonl(), None, NOW)), "scid-mismatch");
    assert_eq!(code(&verify(&did, &log.jsonl().replace(scid, &other), None, NOW)), "scid-invalid");
    // An entry that shows the placeholder hashes to the SCID of the one that does not.
    let document = webvh_document("did:webvh:{SCID}:a.example", &first);
    let Value::Object(mut document) = document else { unreachable!() };
    document.insert("alsoKnownAs", vec!["did:webvh:{SCID}:b.example"]);
    let log = WebvhLog::create("a.example", &first, &day(1), "{}", Some(document.into()));
    let scid = log.did().split(':').nth(2).unwrap();
    assert_eq!(outcome(&log), "good");
    let named = format!("did:webvh:{scid}:b.example");
    let shown = log.jsonl().replace(&named, "did:webvh:{SCID}:b.example");
    assert_eq!(code(&verify(log.did(), &shown, None, NOW)), "scid-placeholder");
}

#[test]
fn witnesses_approve_all_before_and_none_from_elsewhere() {
    let (first, one, two) = (signer("first"), signer("one"), signer("two"));
    let item = |key: &SecretKey| format!(r#"{{"id":"did:key:{}"}}"#, multikey(key));
    let list = |threshold: usize, items: &[String]| {
        let items = items.join(",");
        format!(r#"{{"witness":{{"threshold":{threshold},"witnesses":[{items}]}}}}"#)
    };
    // No witnesses, then one from its own entry on, then another, then none.
    let mut log = WebvhLog::create("a.example", &first, &day(1), "{}", None);
    log.update(&first, &day(2), &list(1, &[item(&one)]));
    log.update(&first, &day(3), &list(1, &[item(&two)]));
    log.update(&first, &day(4), r#"{"witness":{}}"#);
    log.update(&first, &day(5), "{}");
    let ids: Vec<String> = (1..=5).map(|number| log.version_id(number)).collect();
    let (one, two) = (&one, &two);
    let outcome = |approvals: &[(&str, &[&SecretKey])]| {
        let file = webvh_witness_file(approvals, &day(5));
        verify(log.did(), &log.jsonl(), Some(&file), NOW).err()
    };
    let short = |version| Some(WebvhError::WitnessThreshold { version, needed: 1, found: 0 });
    assert_eq!(outcome(&[(&ids[2], &[one]), (&ids[3], &[two])]), None);
    // The latest of each is enough, wherever it stands.
    assert_eq!(outcome(&[(&ids[4], &[two, one])]), None);
    assert_eq!(outcome(&[(&ids[0], &[one]), (&ids[4], &[one, two]), (&ids[1], &[two])]), None);
    assert_eq!(outcome(&[]), short(2));
    assert_eq!(outcome(&[(&ids[1], &[one]), (&ids[3], &[two])]), short(3));
    assert_eq!(outcome(&[(&ids[2], &[one, two])]), short(4));
    assert_eq!(outcome(&[(&ids[2], &[two]), (&ids[3], &[two])]), short(2));
    // Of an entry that is not here: of another DID, or not yet published.
    assert_eq!(outcome(&[("6-QmNotPublished", &[one, two])]), short(2));
    assert_eq!(
        outcome(&[("6-QmNotPublished", &[one, two]), (&ids[2], &[one]), (&ids[3], &[two])]),
        None
    );
    // One witness is one witness, however often it signs.
    let both = list(2, &[item(one), item(two)]);
    let log = WebvhLog::create("a.example", &first, &day(1), &both, None);
    let id = log.version_id(1);
    let file = webvh_witness_file(&[(&id, &[one, one]), (&id, &[one])], &day(1));
    let error = verify(log.did(), &log.jsonl(), Some(&file), NOW).unwrap_err();
    assert_eq!(error, WebvhError::WitnessThreshold { version: 1, needed: 2, found: 1 });
    let file = webvh_witness_file(&[(&id, &[one, two])], &day(1));
    assert_eq!(code(&verify(log.did(), &log.jsonl(), Some(&file), NOW)), "good");
    for (broken, expected) in [
        ("{}".to_owned(), "witness-file-malformed"),
        ("[1]".to_owned(), "witness-file-malformed"),
        (r#"[{"proof":[]}]"#.to_owned(), "witness-file-malformed"),
        (" ".repeat((4 << 20) + 1), "too-long"),
        (file.replace("eddsa-jcs-2022", "eddsa-rdfc-2022"), "witness-threshold"),
        (file.replace("assertionMethod", "authentication"), "witness-threshold"),
    ] {
        assert_eq!(code(&verify(log.did(), &log.jsonl(), Some(&broken), NOW)), expected);
    }
}

#[test]
fn proofs_of_entries_have_one_form() {
    let first = signer("first");
    let log = WebvhLog::create("a.example", &first, &day(1), "{}", None);
    let whole = log.jsonl();
    let fragment = format!("#{}", multikey(&first));
    for (from, to, expected) in [
        ("assertionMethod\",\"proofValue", "authentication\",\"proofValue", "proof-form"),
        ("DataIntegrityProof", "Ed25519Signature2020", "proof-malformed"),
        ("\"proofValue\":\"z", "\"proofValue\":\"u", "proof-malformed"),
        ("\"cryptosuite\"", "\"expires\":\"2026-01-01T00:00:01Z\",\"cryptosuite\"", "proof-form"),
        ("\"cryptosuite\"", "\"previousProof\":\"urn:1\",\"cryptosuite\"", "proof-form"),
        ("\"cryptosuite\"", "\"nonce\":\"1\",\"cryptosuite\"", "signature-invalid"),
        ("did:key:", "did:web:", "method-mismatch"),
        (fragment.as_str(), "", "method-mismatch"),
    ] {
        let edited = whole.replace(from, to);
        assert_ne!(edited, whole, "{from}");
        assert_eq!(code(&verify(log.did(), &edited, None, NOW)), expected, "{to}");
    }
    let proof = json(&whole).get("proof").unwrap().clone();
    let unsigned = whole.replace(&to_canonical_string(&proof), "[]");
    assert_eq!(code(&verify(log.did(), &unsigned, None, NOW)), "proof-malformed");
}

#[test]
fn sizes_are_looked_at_first() {
    let first = signer("first");
    let log = WebvhLog::create("a.example", &first, &day(1), "{}", None);
    for (text, expected) in [
        (String::new(), "log-empty"),
        ("\n\n".to_owned(), "log-empty"),
        ("x".repeat((4 << 20) + 1), "too-long"),
        ("\n".repeat(1024) + "x", "too-many-entries"),
        ("[]".to_owned(), "entry-malformed"),
        (log.jsonl().replacen('{', r#"{"more":1,"#, 1), "entry-malformed"),
        (log.jsonl().replacen("\"1-", "\"2-", 1), "version-number"),
        (log.jsonl().replacen("\"1-Qm", "\"1-Qn", 1), "entry-hash"),
        (log.jsonl() + "\n", "entry-malformed"),
    ] {
        assert_eq!(code(&verify(log.did(), &text, None, NOW)), expected);
    }
}
