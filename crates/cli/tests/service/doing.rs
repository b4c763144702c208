//! What the commands ask for, and how they put the answers.

use serde_json::{Value, json};

use crate::place::{Place, ended};
use crate::server::{Answer, answer};

const DID: &str = "did:web:acme.example:payments";

fn ok(body: &Value) -> Answer {
    answer("200 OK", &body.to_string())
}

fn made(body: &Value) -> Answer {
    answer("201 Created", &body.to_string())
}

#[test]
fn every_command_helps_with_an_example() {
    let place = Place::new(vec![]);
    for command in [
        "agent challenge",
        "agent enrol",
        "agent list",
        "agent show",
        "agent change",
        "agent suspend",
        "agent resume",
        "agent retire",
        "agent history",
        "attest",
        "revoke",
        "credential list",
        "credential show",
        "token new",
        "token list",
        "token revoke",
        "issuer list",
        "issuer rotate",
        "issuer compromised",
        "audit list",
    ] {
        let arguments: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        let help = place.ends(&arguments, 0).out;
        assert!(help.contains("Example"), "{command}: {help}");
        assert!(help.contains("[env: BONAFIDE_TOKEN_FILE]"), "{command}: {help}");
    }
    assert!(place.server.requests().is_empty());
}

const ENROL: [&str; 14] = [
    "agent",
    "enrol",
    "--name",
    "Payments agent",
    "--kind",
    "orchestrator",
    "--version",
    "2.3.0",
    "--model-digest",
    "sha256:97ff",
    "--code-digest",
    "sha256:98ff",
    "--sponsor",
    "did:web:acme.example",
];

#[test]
fn an_agent_is_enrolled_with_its_key() {
    let agent = json!({"id": "a1", "did": DID, "state": "enrolled", "enrolledAt": 1000});
    let asked =
        json!({"challenge": "9f1c2d", "domain": "https://issuer.example", "expiresAt": 1000});
    let place = Place::new(vec![made(&asked), made(&agent), made(&asked), made(&agent)]);
    place.ends(&["key", "new", "--out", "agent.key"], 0);
    let did = place.ends(&["key", "show", "agent.key", "--did"], 0).out.trim().to_owned();
    let told = place.ends(&[&ENROL[..], &["--key", "agent.key"]].concat(), 0).out;
    assert!(told.contains("state              enrolled\n"), "{told}");
    assert!(told.contains("enrolled           1970-01-01T00:00:01Z\n"), "{told}");
    let requests = place.server.requests();
    assert_eq!(requests[0].line, "POST /challenges");
    assert_eq!(requests[1].line, "POST /agents");
    assert_ne!(requests[0].header("idempotency-key"), requests[1].header("idempotency-key"));
    let sent = requests[1].json();
    assert_eq!(sent["did"], *did);
    assert_eq!((&sent["version"], &sent["kind"]), (&json!("2.3.0"), &json!("orchestrator")));
    let proof = &sent["proof"];
    assert_eq!(
        (&proof["holder"], &proof["type"][0]),
        (&json!(did), &json!("VerifiablePresentation"))
    );
    assert_eq!(proof["verifiableCredential"], Value::Null);
    let signed = &proof["proof"];
    assert_eq!(signed["challenge"], "9f1c2d");
    assert_eq!(signed["domain"], "https://issuer.example");
    assert_eq!(signed["proofPurpose"], "authentication");
    let secret: Value = serde_json::from_str(&place.read("agent.key")).unwrap();
    assert!(!requests[1].body.contains(secret["secretKeyMultibase"].as_str().unwrap()));

    // The same by hand, where the key is elsewhere.
    let challenge = place.ends(&["agent", "challenge"], 0).out;
    assert!(challenge.contains("challenge  9f1c2d\n") && challenge.contains("domain "));
    let answers = ["--challenge", "9f1c2d", "--domain", "https://issuer.example"];
    let present = ["present", "--key", "agent.key", "--out", "answer.vp"];
    place.ends(&[&present[..], &answers].concat(), 0);
    place.ends(&[&ENROL[..], &["--did", &did, "--proof", "answer.vp"]].concat(), 0);
    let by_hand = place.server.requests()[3].json();
    assert_eq!(by_hand["proof"]["holder"], *did);
    assert_eq!(by_hand["proof"]["proof"]["challenge"], "9f1c2d");

    place.fails(&ENROL, 64, "--key");
    place.fails(&[&ENROL[..], &["--did", &did]].concat(), 64, "--proof");
    let both = ["--did", &did, "--proof", "answer.vp", "--as", "did:web:acme.example#key-1"];
    place.fails(&[&ENROL[..], &both].concat(), 64, "cannot be used with");
    place.fails(&present[..3], 64, "<FILES>");
    assert_eq!(place.server.requests().len(), 4);
}

#[test]
fn agents_are_found_by_their_did() {
    let page = json!({"items": [{"id": "a1", "did": DID, "state": "active"}], "next": null});
    let agent = json!({"id": "a1", "did": DID, "state": "suspended", "name": "Payments"});
    let place = Place::new(vec![ok(&page), ok(&agent), ok(&page), ok(&agent)]);
    let told = place.ends(&["agent", "suspend", DID, "--reason", "odd"], 0).out;
    assert_eq!(told, format!("{DID} is suspended\n"));
    // Whatever else a service may answer: the agent is the one that was named.
    place.fails(
        &["agent", "retire", "did:web:other.example"],
        64,
        "no agent did:web:other.example",
    );
    let told = place.ends(&["agent", "change", "a1", "--version", "3"], 0).out;
    assert!(told.contains("name               Payments\n"), "{told}");
    place.fails(&["agent", "change", "a1"], 64, "--model-digest");
    let lines: Vec<String> = place.server.requests().iter().map(|it| it.line.clone()).collect();
    assert_eq!(
        lines,
        [
            "GET /agents?did=did%3Aweb%3Aacme.example%3Apayments",
            "POST /agents/a1/suspend",
            "GET /agents?did=did%3Aweb%3Aother.example",
            "PATCH /agents/a1",
        ]
    );
    let requests = place.server.requests();
    assert_eq!(requests[1].json(), json!({"reason": "odd"}));
    assert_eq!(requests[3].json(), json!({"version": "3"}));
}

#[test]
fn pages_are_aligned_and_say_how_to_go_on() {
    let items = json!([
        {"id": "a1", "state": "active", "kind": "tool", "name": "One", "version": "1", "did": DID},
        {"id": "a2", "state": "retired", "kind": "orchestrator", "name": "Two", "version": "10"},
    ]);
    let place = Place::new(vec![ok(&json!({"items": items, "next": "a2"}))]);
    let told = place.ends(&["agent", "list", "--state", "active", "--limit", "2"], 0).out;
    let expected = format!(
        "id  state    kind          name  version  did\n\
         a1  active   tool          One   1        {DID}\n\
         a2  retired  orchestrator  Two   10\n\
         there is more: --after a2\n"
    );
    assert_eq!(told, expected);
    assert_eq!(place.server.requests()[0].line, "GET /agents?state=active&limit=2");
}

#[test]
fn an_attestation_is_kept() {
    let credential = json!({"id": "urn:uuid:1", "type": ["VerifiableCredential"], "proof": {}});
    let answered = json!({"id": "c1", "credentialId": "urn:uuid:1", "type": "PactScoreCredential",
        "format": "eddsa-jcs-2022", "verifiableCredential": credential});
    let token = json!({"id": "c2", "type": "PactScoreCredential", "verifiableCredential": "a.b.c"});
    let odd = json!({"id": "c2", "verifiableCredential": "a\u{1b}b"});
    let place = Place::new(vec![made(&answered), made(&token), made(&odd)]);
    place.write("claims.json", r#"{"score": 97.5}"#);
    let attest = ["attest", "a1", "--type", "PactScoreCredential", "--claims", "claims.json"];
    let more = ["--valid-for", "7d", "--mandatory", "/a", "--out", "score.vc"];
    let told = place.ends(&[&attest[..], &more].concat(), 0).out;
    assert_eq!(told, "PactScoreCredential c1 written to score.vc\n");
    assert_eq!(serde_json::from_str::<Value>(&place.read("score.vc")).unwrap(), credential);
    let request = &place.server.requests()[0];
    assert_eq!(request.line, "POST /agents/a1/attestations");
    let sent = json!({"type": "PactScoreCredential", "claims": {"score": 97.5}, "validFor": "7d",
        "mandatory": ["/a"]});
    assert_eq!(request.json(), sent);
    assert_eq!(place.ends(&attest, 0).out, "a.b.c\n");
    place.fails(&attest, 70, "holds no credential");
    place.fails(&[&attest[..], &["--valid-for", "soon"]].concat(), 64, "like 15m");
}

fn item(number: usize) -> String {
    json!({"agent": format!("a{number}"), "type": "AgentIdentityCredential"}).to_string()
}

fn results(numbers: std::ops::Range<usize>, failing: &[usize]) -> Answer {
    let problem =
        json!({"title": "Not Found", "detail": "there is no such agent", "code": "not-found"});
    let result = |number: usize| match failing.contains(&number) {
        true => json!({"status": 404, "problem": problem}),
        false => {
            json!({"status": 201, "id": format!("c{number}"), "verifiableCredential": "a.b.c"})
        }
    };
    ok(&json!({"results": numbers.map(result).collect::<Vec<_>>()}))
}

#[test]
fn a_batch_is_attested_in_chunks() {
    let place = Place::new(vec![
        results(0..1000, &[]),
        results(1000..1002, &[1001]),
        results(0..2, &[]),
        results(0..2, &[1]),
    ]);
    let lines: Vec<String> = (0..1002).map(item).collect();
    place.write("batch.jsonl", &(lines.join("\n") + "\n\n"));
    let told = place.ends(&["attest", "--batch", "batch.jsonl", "--out", "results.jsonl"], 1);
    assert_eq!(told.out, "1001 attested, 1 failed; results in results.jsonl\n");
    assert!(told.err.contains("1000 of 1002 done, 0 failed"), "{told:?}");
    assert!(told.err.contains("item 1002: there is no such agent [not-found]"), "{told:?}");
    let written = place.read("results.jsonl");
    let written: Vec<Value> =
        written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((written.len(), &written[7]["id"]), (1002, &json!("c7")));
    assert_eq!(written[1001]["status"], 404);
    let requests = place.server.requests();
    assert_eq!(requests[0].line, "POST /attestations");
    assert_eq!(requests[0].json()["items"].as_array().unwrap().len(), 1000);
    assert_eq!(requests[1].json()["items"][1]["agent"], "a1001");
    assert_ne!(requests[0].header("idempotency-key"), requests[1].header("idempotency-key"));

    // An array as well; without --out, standard output holds the results alone.
    place.write("batch.json", &format!(" [{}, {}]", item(0), item(1)));
    let told = place.ends(&["attest", "--batch", "batch.json"], 0);
    assert_eq!(told.out.lines().count(), 2);
    assert!(told.err.contains("2 attested, 0 failed"), "{told:?}");
    let told = place.ends(&["attest", "--batch", "batch.json", "--out", "r", "--json"], 1);
    let summary: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(summary, json!({"attested": 1, "failed": 1, "out": "r"}));
    assert_eq!(told.err, "");
}

#[test]
fn a_batch_that_breaks_off_can_go_on() {
    let place = Place::new(vec![
        results(0..1000, &[]),
        answer("500 Internal Server Error", r#"{"detail":"broken"}"#),
        results(1000..1002, &[]),
        results(0..3, &[]),
        results(3..4, &[]),
        results(0..1, &[]),
    ]);
    let lines: Vec<String> = (0..1002).map(item).collect();
    place.write("batch", &lines.join("\n"));
    let attest = ["attest", "--batch", "batch", "--out"];
    let told = place.fails(&[&attest[..], &["first"]].concat(), 70, "error: broken");
    assert!(told.err.contains("the first 1000 items are done"), "{told:?}");
    assert_eq!(place.read("first").lines().count(), 1000);
    place.fails(&[&attest[..], &["first", "--skip", "1000"]].concat(), 64, "never overwritten");
    place.ends(&[&attest[..], &["rest", "--skip", "1000"]].concat(), 0);
    assert_eq!(place.read("rest").lines().count(), 2);
    assert_eq!(place.server.requests()[2].json()["items"][0]["agent"], "a1000");
    // What is too large for one request comes in two.
    let large = json!({"agent": "a1", "type": "T", "claims": {"text": "a".repeat(900_000)}});
    place.write("large", &format!("{large}\n").repeat(4));
    place.ends(&["attest", "--batch", "large"], 0);
    let items = |request: usize| place.server.requests()[request].json()["items"].clone();
    assert_eq!([3, 4].map(|request| items(request).as_array().unwrap().len()), [3, 1]);
    // Fewer results than items are not taken for all of them.
    place.write("two", &(item(0) + "\n" + &item(1)));
    place.fails(&["attest", "--batch", "two", "--out", "none"], 70, "1 results for 2 items");
    for (text, says) in [
        ("", "nothing to attest"),
        ("[]", "nothing to attest"),
        ("{}", "item 1 names no agent"),
        (r#"{"agent": "a1"}"#, "item 1 names no type"),
        ("{\"agent\": \"a1\", \"type\": \"T\"}\n{", "line 2: not strict JSON"),
        (r#"[{"agent": "a", "agent": "b"}]"#, "not strict JSON"),
    ] {
        place.write("odd", text);
        place.fails(&["attest", "--batch", "odd", "--out", "none"], 64, says);
    }
    assert!(!place.path("none").exists());
    assert_eq!(place.server.requests().len(), 6);
}

#[test]
fn credentials_are_revoked_for_good() {
    let with = |status: &str| ok(&json!({"credentialId": "urn:uuid:1", "status": status}));
    let place = Place::new(vec![
        with("revoked"),
        with("suspended"),
        with("valid"),
        ok(&json!({"revoked": 3})),
        ok(&json!({"revoked": 12})),
    ]);
    let told = place.ends(&["revoke", "urn:uuid:1", "--reason", "wrong"], 0).out;
    assert_eq!(told, "urn:uuid:1 is revoked, for good\n");
    let told = place.ends(&["revoke", "c1", "--suspend"], 0).out;
    assert_eq!(told, "urn:uuid:1 is suspended; --resume lifts it\n");
    assert_eq!(place.ends(&["revoke", "c1", "--resume"], 0).out, "urn:uuid:1 is valid\n");
    let told = place.ends(&["revoke", "--agent", "a1", "--type", "T"], 0).out;
    assert_eq!(told, "revoked for good: 3\n");
    place.ends(&["revoke", "--type", "T"], 0);
    let requests = place.server.requests();
    let lines: Vec<&str> = requests.iter().map(|request| request.line.as_str()).collect();
    assert_eq!(
        lines,
        [
            "POST /credentials/urn:uuid:1/revoke",
            "POST /credentials/c1/suspend",
            "POST /credentials/c1/resume",
            "POST /agents/a1/revoke",
            "POST /credentials/revoke",
        ]
    );
    assert_eq!(requests[0].json(), json!({"reason": "wrong"}));
    assert_eq!(requests[4].json(), json!({"type": "T"}));
    // What would be another request than the one meant is none.
    for arguments in [
        &["revoke"][..],
        &["revoke", ".."],
        &["revoke", ""],
        &["revoke", "c1", "--type", "T"],
        &["revoke", "c1", "--suspend", "--resume"],
        &["revoke", "--type", "T", "--suspend"],
        &["revoke", "--agent", "a1", "--resume"],
        &["revoke", "--suspend"],
    ] {
        place.ends(arguments, 64);
    }
    assert_eq!(place.server.requests().len(), 5);
}

#[test]
fn a_new_token_is_shown_once_or_kept_private() {
    let token = json!({"id": "t1", "name": "n", "role": "scorer", "token": "canary-new-token"});
    let place = Place::new(vec![
        made(&token),
        made(&token),
        made(&token),
        made(&token),
        answer("403 Forbidden", r#"{"detail":"no"}"#),
        ok(&json!({"id": "t2", "role": "scorer"})),
    ]);
    let new = ["token", "new", "--name", "n", "--role", "scorer"];
    let to = |name| [&new[..], &["--out", name]].concat();
    let told = place.ends(&to("a.token"), 0);
    assert_eq!((told.out.as_str(), told.err.as_str()), ("token t1 of a scorer in a.token\n", ""));
    assert_eq!(place.read("a.token"), "canary-new-token\n");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(place.path("a.token")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let told = place.ends(&[&to("b.token")[..], &["--json"]].concat(), 0);
    assert!(!told.out.contains("canary"), "{told:?}");
    assert_eq!(serde_json::from_str::<Value>(&told.out).unwrap()["out"], "b.token");
    let told = place.ends(&new, 0);
    assert_eq!(told.out, "canary-new-token\n");
    assert!(told.err.contains("t1") && !told.err.contains("canary"), "{told:?}");
    let told = place.ends(&[&new[..], &["--json"]].concat(), 0);
    assert_eq!(serde_json::from_str::<Value>(&told.out).unwrap(), token);
    // A token without a place to go to is not made, and no empty file stays behind.
    place.fails(&to("a.token"), 64, "never overwritten");
    assert_eq!(place.server.requests().len(), 4);
    place.fails(&to("c.token"), 64, "error: no");
    assert!(!place.path("c.token").exists());
    // A repeated answer does not hold it any more.
    place.fails(&to("c.token"), 70, "bonafide token revoke t2");
    assert!(!place.path("c.token").exists());
    // The new one works, from its file.
    let mut list = place.command(&["token", "list", "--token-file", "a.token"]);
    ended(&mut list);
    let requests = place.server.requests();
    assert_eq!(requests[6].header("authorization"), Some("Bearer canary-new-token"));
}

#[test]
fn a_compromised_key_takes_a_second_word() {
    let key = json!({"name": "key-1", "type": "Ed25519", "state": "compromised", "createdAt": 0});
    let issuer = json!({"name": "scorer", "did": "did:web:s.example", "keys": [key]});
    let list = json!({"items": [issuer]});
    let place = Place::new(vec![ok(&issuer), ok(&issuer), ok(&list)]);
    let compromised = ["issuer", "compromised", "scorer", "key-1"];
    let told = place.fails(&compromised, 64, "every credential");
    assert!(told.err.contains("Nothing was changed") && told.err.contains("--yes"), "{told:?}");
    assert!(place.server.requests().is_empty());
    let told = place.ends(&[&compromised[..], &["--yes"]].concat(), 0).out;
    assert!(told.contains("no longer good anywhere"), "{told}");
    place.ends(&["issuer", "rotate", "scorer", "--key-type", "P-256"], 0);
    let told = place.ends(&["issuer", "list"], 0).out;
    assert!(told.contains("scorer  did:web:s.example"), "{told}");
    assert!(told.contains("key-1  Ed25519  compromised  1970-01-01T00:00:00Z"), "{told}");
    let requests = place.server.requests();
    assert_eq!(requests[0].line, "POST /issuers/scorer/keys/key-1/compromised");
    assert_eq!(requests[1].line, "POST /issuers/scorer/rotate");
    assert_eq!(requests[1].header("idempotency-key"), None);
    assert_eq!(requests[1].json(), json!({"keyType": "P-256"}));
}

#[test]
fn records_are_read_with_their_filters() {
    let record = json!({"event": "agent-suspended", "time": "2026-01-31T12:00:00Z", "salt": "s",
        "actor": {"token": "t1", "name": "Ops", "role": "registrar"}, "agent": "a1",
        "reason": "odd\u{9b}", "request": "r1"});
    let page = json!({"next": 9, "items": [{"sequence": 7, "entry": {"v": 1}, "record": record}]});
    let place = Place::new(vec![ok(&page), ok(&page)]);
    let list = ["audit", "list", "--from", "7", "--agent", "a1", "--event", "agent-suspended"];
    let more = ["--since", "2026-01-31T12:00:00Z", "--limit", "2", "--by", "t1"];
    let told = place.ends(&[&list[..], &more].concat(), 0).out;
    let line = "7  2026-01-31T12:00:00Z  agent-suspended  by Ops  agent a1  reason odd\\u{9b}\n";
    assert_eq!(told.trim_start(), format!("{line}there is more: --from 9\n"));
    let asked =
        "from=7&limit=2&agent=a1&token=t1&event=agent-suspended&since=2026-01-31T12%3A00%3A00Z";
    assert_eq!(place.server.requests()[0].line, format!("GET /audit?{asked}"));
    assert_eq!(place.ends(&["agent", "history", "a1", "--from", "7"], 0).out, told);
    assert_eq!(place.server.requests()[1].line, "GET /agents/a1/history?from=7");
}

#[test]
fn a_link_goes_to_a_file_and_nowhere_else() {
    let made =
        r#"{"link":"https://issuer.example/enrol/l1#canary-secret","id":"l1","expiresAt":0}"#;
    let place = Place::new(vec![
        answer("422 Unprocessable Content", r#"{"detail":"no such kind","code":"x"}"#),
        answer("201 Created", r#"{"id":"l0"}"#),
        answer("201 Created", made),
        answer("201 Created", made),
    ]);
    let new = |out: &'static str| {
        let new = ["agent", "link", "new", "--name", "a", "--kind", "tool", "--version", "1"];
        let more = ["--model-digest", "sha256:0", "--code-digest", "sha256:1"];
        [&new[..], &more, &["--sponsor", "did:web:a.example", "--out", out]].concat()
    };
    place.fails(&new("agent.link"), 64, "no such kind");
    place.fails(&new("agent.link"), 70, "link l0 was made, and lost on its way here");
    assert!(!place.path("agent.link").exists());
    let told = place.ends(&new("agent.link"), 0);
    assert_eq!(told.out, "link l1, good once until 1970-01-01T00:00:00Z, written to agent.link\n");
    assert_eq!(place.read("agent.link"), "https://issuer.example/enrol/l1#canary-secret\n");
    place.fails(&new("agent.link"), 64, "agent.link exists, and a link is never overwritten");
    place.fails(&new("-"), 64, "a link is written to a file and nowhere else");
    let told = place.ends(&[&new("b.link")[..], &["--json"]].concat(), 0);
    assert!(!told.out.contains("canary-secret"), "{told:?}");
    let requests = place.server.requests();
    assert_eq!(requests.len(), 4);
    assert_eq!(requests[0].line, "POST /enrolment-links");
    assert_eq!(requests[0].json()["modelDigest"], "sha256:0");
}
