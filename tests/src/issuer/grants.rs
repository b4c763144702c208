//! Just-in-time grants: asked for by an agent that shows itself, refused by default, ended when the
//! task is done.

use bonafide_core::encoding::{encode_base64url, hex};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::agent::SCORE;
use super::client::{indexes, provider_token, start_with};
use super::holder::{Holder, send_with};
use super::service::{Issuer, now};

const POLICY: &str = r#"
version = 1

[[rule]]
name = "reports"
kinds = ["tool"]
principals = ["https://idp.example", "PRINCIPAL"]
actions = ["files.read", "files.list"]
resources = ["https://files.example/reports"]
audience = ["https://files.example"]
max_valid_for = "15m"
max_depth = 3
constraints = [{ type = "Budget", unit = "EUR", amount = 5000 }]

[[rule]]
name = "scored"
kinds = ["orchestrator"]
tier = "platinum"
score = 90
principal = "none"
actions = ["payments.execute"]
resources = ["*"]
audience = ["*"]
"#;

/// A token that says who asks the agent.
fn token(change: &[(&str, Value)]) -> String {
    provider_token("JWT", change)
}

/// The person who speaks for itself.
fn person() -> Holder {
    Holder::new(200)
}

fn start() -> Issuer {
    start_with("", &POLICY.replace("PRINCIPAL", &person().did))
}

fn asked() -> Value {
    json!({
        "task": "book-travel-4711",
        "actions": ["files.read"],
        "resources": ["https://files.example/reports/2026"],
        "audience": ["https://files.example"],
        "constraints": [{"type": "Budget", "unit": "EUR", "amount": 100}],
        "maxDepth": 2,
        "validFor": "5m",
        "children": 4,
        "principal": {"token": token(&[])},
    })
}

fn with(member: &str, value: Value) -> Value {
    let mut asked = asked();
    asked[member] = value;
    asked
}

fn records(issuer: &Issuer, event: &str) -> Vec<Value> {
    let path = format!("/audit?limit=1000&event={event}");
    let page = issuer.get_as(&issuer.admin(), &path).is(200);
    page["items"].as_array().unwrap().iter().map(|item| item["record"].clone()).collect()
}

/// Whether an index is revoked, as anybody can see.
fn is_revoked(issuer: &Issuer, credential: &Value, index: u64) -> bool {
    let url = credential["credentialSubject"]["childStatus"]["statusListCredential"].as_str();
    let path = url.unwrap().strip_prefix(&issuer.url()).unwrap();
    let list = issuer.get(path).is(200);
    let encoded = list["credentialSubject"]["encodedList"].as_str().unwrap();
    let packed = bonafide_core::encoding::decode_multibase_base64url(encoded).unwrap();
    let mut bits = Vec::new();
    let mut unpacked = flate2::read::GzDecoder::new(&packed[..]);
    std::io::Read::read_to_end(&mut unpacked, &mut bits).unwrap();
    let index = usize::try_from(index).unwrap();
    bits[index / 8] & (0x80 >> (index % 8)) != 0
}

#[test]
fn no_grant_outlives_the_word_of_its_principal() {
    let issuer = start();
    let agent = Holder::enrolled(&issuer, 1, "tool");
    let at = now().unix();
    let shown = |ends: i64| with("principal", json!({"token": token(&[("exp", json!(ends))])}));
    let made = agent.post(&issuer, "/grants", &shown(at + 60)).is(201);
    assert_eq!(made["expiresAt"].as_i64().unwrap() / 1000, at + 60);
    // One that has ended is taken for nothing, be it within what clocks may differ.
    agent.post(&issuer, "/grants", &shown(at - 5)).refused(403, "principal-refused");
}

#[test]
fn a_grant_is_made_for_a_task_and_ends_with_it() {
    let issuer = start();
    let agent = Holder::enrolled(&issuer, 1, "tool");
    let answer = agent.post(&issuer, "/grants", &asked());
    let made = answer.is(201);
    assert_eq!(made["rule"], "reports");
    let grant = &made["verifiableCredential"];
    assert_eq!(made["credentialId"], grant["id"]);
    assert_eq!(grant["id"], format!("urn:uuid:{}", made["id"].as_str().unwrap()));
    let subject = &grant["credentialSubject"];
    assert_eq!(subject["id"], agent.did);
    assert_eq!(subject["cnf"]["kid"], agent.method());
    assert_eq!(subject["principal"]["issuer"], "https://idp.example");
    assert_eq!(subject["principal"]["subject"], "alice");
    assert_eq!(subject["maxDepth"], 2);
    assert_eq!(grant["proof"]["cryptosuite"], "eddsa-jcs-2022");
    let lives = made["expiresAt"].as_u64().unwrap() / 1000;
    let left = lives.cast_signed() - now().unix();
    assert!((290..=300).contains(&left), "{left}");
    // Children have places of their own, in the list of the grant.
    let children = indexes(grant);
    assert_eq!(children.len(), 4);
    let shown =
        issuer.get_as(&issuer.admin(), &format!("/credentials/{}", made["id"].as_str().unwrap()));
    let shown = shown.is(200);
    assert_eq!(shown["childIndexes"], json!(children));
    assert!(!children.contains(&shown["statusIndex"].as_u64().unwrap()));
    issuer.pull();
    issuer.write("policy.toml", &granting(&issuer));
    issuer.write("grant.vc", &grant.to_string());
    issuer.verdict("grant.vc", &[]).is_accepted();

    // Somebody else can't end it, nor learn of it.
    let other = Holder::enrolled(&issuer, 2, "tool");
    let place = format!("/grants/{}/complete", made["id"].as_str().unwrap());
    other.post(&issuer, &place, &Value::Null).refused(404, "not-found");
    // A restart loses nothing.
    issuer.restart();
    let done = agent.post(&issuer, &place, &json!({"outcome": "booked"})).is(200);
    assert_eq!(done["status"], "revoked");
    assert!(children.iter().all(|index| is_revoked(&issuer, grant, *index)));
    agent.post(&issuer, &place, &Value::Null).is(200);
    let completed = records(&issuer, "grant-completed");
    assert_eq!(completed.len(), 1);
    assert_eq!(completed[0]["outcome"], "booked");
    assert_eq!(completed[0]["actor"]["name"], agent.did);
    let decided = records(&issuer, "grant-decided");
    assert_eq!(decided[0]["rule"], "reports");
    assert_eq!(decided[0]["principal"]["subject"], "alice");
    issuer.pull();
    issuer.write("policy.toml", &granting(&issuer));
    issuer.verdict("grant.vc", &[]).is_rejected("revoked");
    // An operator ends one with a token.
    let made = agent.post(&issuer, "/grants", &asked()).is(201);
    let place = format!("/grants/{}/complete", made["id"].as_str().unwrap());
    let auditor = issuer.token("auditor");
    issuer.send(&auditor, "POST", &place, &Value::Null, &[]).refused(403, "forbidden");
    let registrar = issuer.token("registrar");
    issuer.send(&registrar, "POST", &place, &Value::Null, &[]).is(200);
}

/// The policy of a service that believes this issuer's grants.
fn granting(issuer: &Issuer) -> String {
    let signer = issuer.announced["bundleSigner"].as_str().unwrap();
    format!(
        "version = 1\n[bundle]\nsigners = [\"{signer}\"]\n[[issuer]]\ndid = \"{}\"\n\
         attests = [\"AgentIdentityCredential\", \"TaskGrantCredential\"]\n\
         grants = {{ actions = [\"*\"], resources = [\"*\"] }}\n",
        issuer.did()
    )
}

#[test]
fn what_no_rule_allows_is_refused_and_on_the_log() {
    let issuer = start();
    let agent = Holder::enrolled(&issuer, 1, "tool");
    for (member, value, says) in [
        ("actions", json!(["files.read", "files.write"]), "files.write"),
        ("resources", json!(["https://files.example"]), "https://files.example"),
        ("audience", json!(["https://other.example"]), "https://other.example"),
        ("constraints", json!([]), "5000 EUR"),
        ("maxDepth", json!(4), "maxDepth"),
        ("validFor", json!("16m"), "validFor"),
    ] {
        let problem =
            agent.post(&issuer, "/grants", &with(member, value)).refused(403, "grant-refused");
        assert!(problem["detail"].as_str().unwrap().contains(says), "{problem}");
        assert!(!problem.to_string().contains("scored"), "rules for others stay untold: {problem}");
    }
    let refused = records(&issuer, "grant-refused");
    assert_eq!(refused.len(), 6);
    let whole = refused[0].to_string();
    assert!(whole.contains("scored") && whole.contains("files.write"), "{whole}");
    assert_eq!(records(&issuer, "grant-decided").len(), 0);
    // Malformed ones are no decisions.
    for (member, value) in [
        ("actions", json!(["*"])),
        ("resources", json!(["https://files.example/reports/../x"])),
        ("constraints", json!([{"type": "Mood"}])),
        ("constraints", json!([{"type": "Uses", "max": 1.5}])),
        ("maxDepth", json!(10)),
        ("children", json!(65)),
        ("validFor", json!("0s")),
        ("task", json!("")),
        ("format", json!("bbs-2023")),
        ("format", json!("dc+sd-jwt")),
        ("surprise", json!(1)),
        ("principal", json!("alice")),
    ] {
        agent.post(&issuer, "/grants", &with(member, value)).refused(400, "malformed-value");
    }
    let mut flat = with("maxDepth", json!(0));
    agent.post(&issuer, "/grants", &flat).refused(400, "malformed-value");
    flat.as_object_mut().unwrap().remove("children");
    let made = agent.post(&issuer, "/grants", &flat).is(201);
    assert_eq!(made["verifiableCredential"]["credentialSubject"]["childStatus"], Value::Null);
    assert_eq!(records(&issuer, "grant-refused").len(), 6);

    // Grants are made nowhere else.
    let body = json!({"type": "TaskGrantCredential", "claims": {}});
    let place = format!("/agents/{}/attestations", agent.did);
    issuer.post(&place, &body).refused(400, "malformed-value");
    // Without a policy nothing is granted.
    issuer.write("settings.toml", "");
    issuer.restart();
    let mut bare = asked();
    bare.as_object_mut().unwrap().remove("principal");
    let problem = agent.post(&issuer, "/grants", &bare).refused(403, "grant-refused");
    assert!(problem["detail"].as_str().unwrap().contains("no grant policy"), "{problem}");
}

#[test]
fn the_principal_is_verified_or_there_is_no_grant() {
    let issuer = start();
    let agent = Holder::enrolled(&issuer, 1, "tool");
    let at = now().unix();
    for (shown, says) in [
        (json!({"token": token(&[("aud", json!("https://other.example"))])}), "token-audience"),
        (json!({"token": token(&[("exp", json!(at - 60))])}), "token-ended"),
        (
            json!({"token": token(&[("iss", json!("https://evil.example"))])}),
            "token-issuer-unknown",
        ),
        (json!({"token": format!("{}x", token(&[]))}), "token"),
        (json!({"token": token(&[("act", json!({"sub": agent.did}))])}), "act-unsupported"),
        (json!({"token": token(&[("may_act", json!({"sub": person().did}))])}), "may-act-mismatch"),
        (
            json!({"token": token(&[("may_act", json!({"sub": agent.did, "iss": "x"}))])}),
            "may-act-mismatch",
        ),
        (json!({"presentation": "x"}), ""),
        (
            json!({"presentation": person().present(&json!({"aud": issuer.url()}), &[])}),
            "challenge",
        ),
        (json!({}), "token"),
    ] {
        let refused = agent.post(&issuer, "/grants", &with("principal", shown));
        let problem = refused.refused(403, "principal-refused");
        assert!(problem["detail"].as_str().unwrap().contains(says), "{says}: {problem}");
    }
    let mut none = asked();
    none.as_object_mut().unwrap().remove("principal");
    agent.post(&issuer, "/grants", &none).refused(403, "grant-refused");
    let for_it = json!({"token": token(&[("may_act", json!({"sub": agent.did}))])});
    agent.post(&issuer, "/grants", &with("principal", for_it)).is(201);
    // An agent does not stand behind itself.
    let own = json!({"presentation": agent.answers(&issuer, &agent.credentials)});
    let refused = agent.post(&issuer, "/grants", &with("principal", own));
    let problem = refused.refused(403, "grant-refused");
    assert!(problem.to_string().contains("behind itself"), "{problem}");
    // A person who answers a challenge, once, and whom the rule names.
    let shown = person().answers(&issuer, &[]);
    let body = with("principal", json!({"presentation": shown}));
    let made = agent.post(&issuer, "/grants", &body).is(201);
    let principal = &made["verifiableCredential"]["credentialSubject"]["principal"];
    assert_eq!(principal["issuer"], person().did);
    assert_eq!(principal["subject"], person().did);
    assert_eq!(principal["digest"], format!("sha256:{}", hex(&Sha256::digest(&shown))));
    agent.post(&issuer, "/grants", &body).refused(409, "exists");
    let stranger = Holder::new(201).answers(&issuer, &[]);
    let body = with("principal", json!({"presentation": stranger}));
    agent.post(&issuer, "/grants", &body).refused(403, "grant-refused");
}

#[test]
fn a_presentation_is_for_one_request_once_and_by_an_active_agent() {
    let issuer = start();
    let agent = Holder::enrolled(&issuer, 1, "tool");
    let body = asked().to_string();
    let bytes = body.as_bytes();
    let claims = || agent.request_claims(&issuer, "POST", "/grants", bytes);
    let send = |claims: &Value, credentials: &[Value]| {
        let token = agent.present(claims, credentials);
        send_with(&issuer, "POST", "/grants", bytes, &token, &[])
    };
    let at = now().unix();
    for (member, value) in [
        ("htm", json!("GET")),
        ("htu", json!(format!("{}/grants/", issuer.url()))),
        ("htu", json!("https://other.example/grants")),
        ("body_sha256", json!(encode_base64url(&Sha256::digest(b"other")))),
        ("body_sha256", Value::Null),
        ("aud", json!("https://other.example")),
        ("jti", json!("")),
        ("exp", json!(at - 60)),
        ("exp", json!(at + 600)),
        ("iat", json!(at + 600)),
        ("holder", json!(Holder::new(9).did)),
    ] {
        let mut claims = claims();
        claims[member] = value.clone();
        let problem = send(&claims, &agent.credentials);
        problem.refused(401, "presentation-refused");
    }
    // Nothing shown, and the identity of somebody else.
    send(&claims(), &[]).refused(401, "presentation-refused");
    let other = Holder::enrolled(&issuer, 2, "tool");
    send(&claims(), &other.credentials).refused(401, "presentation-refused");
    let headers = [("content-type", "application/json")];
    super::http::send(issuer.port, "POST", "/grants", &headers, bytes)
        .unwrap()
        .refused(401, "presentation-required");
    send_with(&issuer, "POST", "/grants", bytes, "a.b.c", &[]).refused(401, "presentation-refused");

    // Once, over a restart too; with an Idempotency-Key the answer comes again.
    let token = agent.present(&claims(), &agent.credentials);
    let key = [("idempotency-key", "grant-1")];
    let first = send_with(&issuer, "POST", "/grants", bytes, &token, &key);
    first.is(201);
    issuer.restart();
    let again = send_with(&issuer, "POST", "/grants", bytes, &token, &key);
    again.refused(401, "presentation-replayed");
    let token = agent.present(&claims(), &agent.credentials);
    let again = send_with(&issuer, "POST", "/grants", bytes, &token, &key);
    assert_eq!(again.body, first.body);
    // The key is its own: another agent's request is another one.
    let claims_of_other = other.request_claims(&issuer, "POST", "/grants", bytes);
    let token = other.present(&claims_of_other, &other.credentials);
    let theirs = send_with(&issuer, "POST", "/grants", bytes, &token, &key);
    assert_ne!(theirs.is(201)["id"], first.json()["id"]);

    // Suspended, at once.
    let id = issuer.get_as(&issuer.admin(), &format!("/agents?did={}", agent.did)).is(200);
    let id = id["items"][0]["id"].as_str().unwrap().to_owned();
    issuer.post(&format!("/agents/{id}/suspend"), &Value::Null).is(200);
    send(&claims(), &agent.credentials).refused(401, "presentation-refused");
    issuer.post(&format!("/agents/{id}/resume"), &Value::Null).is(200);
    send(&claims(), &agent.credentials).is(201);
    // Changed: its identity does not say what it is now.
    let change = json!({"version": "2.0.0"});
    issuer.send(&issuer.admin(), "PATCH", &format!("/agents/{id}"), &change, &[]).is(200);
    send(&claims(), &agent.credentials).refused(409, "identity-attestation-required");
}

#[test]
fn scores_are_facts_as_this_issuer_attests_them_now() {
    let issuer = start();
    let agent = Holder::enrolled(&issuer, 1, "orchestrator");
    let body = json!({
        "task": "pay", "actions": ["payments.execute"], "resources": ["https://pay.example"],
        "audience": ["https://pay.example"],
    });
    agent.post(&issuer, "/grants", &body).refused(403, "grant-refused");
    let mut claims = super::agent::claims(SCORE);
    claims["agentVersion"] = "1.0.0".into();
    let place = format!("/agents/{}/attestations", agent.did);
    issuer.post(&place, &json!({"type": SCORE, "claims": claims})).is(201);
    assert_eq!(agent.post(&issuer, "/grants", &body).is(201)["rule"], "scored");
    // However many there are: the one that came last is the least.
    let item = json!({"agent": agent.did, "type": SCORE, "claims": claims});
    let items: Vec<Value> = std::iter::repeat_n(item, 70).collect();
    issuer.post("/attestations", &json!({"items": items})).is(200);
    agent.post(&issuer, "/grants", &body).is(201);
    claims["value"] = 40.into();
    let low = issuer.post(&place, &json!({"type": SCORE, "claims": claims})).is(201);
    agent.post(&issuer, "/grants", &body).refused(403, "grant-refused");
    issuer.told(&["revoke", low["id"].as_str().unwrap()]);
    agent.post(&issuer, "/grants", &body).is(201);
    issuer.told(&["revoke", "--type", SCORE]);
    let problem = agent.post(&issuer, "/grants", &body).refused(403, "grant-refused");
    assert!(
        problem.to_string().contains("no rule of the grant policy is for this agent"),
        "{problem}"
    );
}

#[test]
fn a_child_is_revoked_by_whoever_was_handed_its_index() {
    let issuer = start();
    let planner = Holder::enrolled(&issuer, 1, "tool");
    // Neither of its children is enrolled anywhere.
    let (mut worker, mut tool) = (Holder::new(2), Holder::new(3));
    let made = planner.post(&issuer, "/grants", &asked()).is(201);
    let grant = made["verifiableCredential"].clone();
    let [own, handed, other, spare] = indexes(&grant)[..] else { panic!("four indexes") };
    let to_worker = planner.delegate(&grant, &worker, own, &[handed]);
    let to_tool = worker.delegate(&to_worker, &tool, handed, &[]);
    worker.credentials = vec![grant.clone(), to_worker.clone()];
    tool.credentials = vec![grant.clone(), to_worker.clone(), to_tool];
    let place =
        |index: u64| format!("/grants/{}/children/{index}/revoke", made["id"].as_str().unwrap());
    // What it was not handed is not its to revoke; a leaf was handed nothing.
    worker.post(&issuer, &place(other), &Value::Null).refused(404, "not-found");
    worker.post(&issuer, &place(own), &Value::Null).refused(404, "not-found");
    tool.post(&issuer, &place(handed), &Value::Null).refused(404, "not-found");
    let stranger = Holder::enrolled(&issuer, 4, "tool");
    stranger.post(&issuer, &place(own), &Value::Null).refused(404, "not-found");
    // Its own child.
    let done = worker.post(&issuer, &place(handed), &json!({"reason": "done"})).is(200);
    assert_eq!((&done["index"], &done["revoked"]), (&json!(handed), &json!(true)));
    assert!(is_revoked(&issuer, &grant, handed) && !is_revoked(&issuer, &grant, own));
    let again = worker.post(&issuer, &place(handed), &Value::Null).is(200);
    assert_eq!(again["revoked"], false);
    // Who is revoked shows nothing any more.
    tool.post(&issuer, &place(handed), &Value::Null).refused(401, "presentation-refused");
    // The holder of the grant, and an operator.
    planner.post(&issuer, &place(own), &Value::Null).is(200);
    worker.post(&issuer, &place(handed), &Value::Null).refused(401, "presentation-refused");
    issuer.post(&place(other), &Value::Null).is(200);
    planner.post(&issuer, &place(1), &Value::Null).refused(404, "not-found");
    let said = records(&issuer, "grant-child-revoked");
    assert_eq!(said.len(), 3);
    assert_eq!(said[0]["actor"]["name"], worker.did);
    // Over a crash.
    issuer.kill();
    issuer.begin();
    assert!([own, handed, other].iter().all(|index| is_revoked(&issuer, &grant, *index)));
    assert!(!is_revoked(&issuer, &grant, spare));
    // A retired agent's grants fall, and all below them.
    issuer.told(&["agent", "retire", &planner.did]);
    assert!(is_revoked(&issuer, &grant, spare));
}

#[test]
fn a_policy_that_can_t_be_read_stops_the_start_and_the_check() {
    let issuer = start();
    issuer.terminate();
    for (policy, says) in [
        ("version = 1\n[[rule]]\nname = \"x\"\nsurprise = 1\n", "line 4, column 1"),
        ("version = 3", "version = 1"),
    ] {
        issuer.write("grants.toml", policy);
        let (exit, said) = issuer.fails_to_start();
        assert!(exit == 64 && said.contains(says), "{exit}: {said}");
        issuer.refuses(&["config", "check", "settings.toml"], says);
    }
    issuer.write("grants.toml", "version = 1");
    issuer.write("idp.json", "{\"keys\":[]}");
    issuer.refuses(&["config", "check", "settings.toml"], "idp.json");
    let (exit, said) = issuer.fails_to_start();
    assert!(exit == 64 && said.contains("idp.json"), "{exit}: {said}");
}

#[test]
fn a_backup_keeps_grants_and_what_is_set_aside_under_them() {
    let issuer = start();
    let agent = Holder::enrolled(&issuer, 1, "tool");
    let made = agent.post(&issuer, "/grants", &asked()).is(201);
    let grant = made["verifiableCredential"].clone();
    let [one, two, ..] = indexes(&grant)[..] else { panic!("four indexes") };
    let place = format!("/grants/{}", made["id"].as_str().unwrap());
    agent.post(&issuer, &format!("{place}/children/{one}/revoke"), &Value::Null).is(200);
    issuer.done(&["backup", "--out", "a.backup"]);
    issuer.terminate();
    std::fs::rename(issuer.path("data"), issuer.path("data-before")).unwrap();
    let restore = ["restore", "a.backup", "--data", "data", "--seal-key", "data-before/seal.key"];
    issuer.done(&restore);
    issuer.begin();
    assert!(is_revoked(&issuer, &grant, one) && !is_revoked(&issuer, &grant, two));
    // Nothing that was set aside is given out again.
    let next = agent.post(&issuer, "/grants", &asked()).is(201)["verifiableCredential"].clone();
    let url =
        |grant: &Value| grant["credentialSubject"]["childStatus"]["statusListCredential"].clone();
    assert_ne!(url(&next), url(&grant));
    agent.post(&issuer, &format!("{place}/complete"), &Value::Null).is(200);
    assert!(is_revoked(&issuer, &grant, two) && !is_revoked(&issuer, &next, two));
}

#[test]
fn a_grant_counts_where_it_is_for_and_nowhere_else() {
    let issuer = start();
    let mut agent = Holder::enrolled(&issuer, 1, "tool");
    let made = agent.post(&issuer, "/grants", &asked()).is(201);
    agent.credentials.push(made["verifiableCredential"].clone());
    issuer.pull();
    let policy = format!(
        "{}[[level]]\nname = \"reader\"\ncredentials = [\"AgentIdentityCredential\"]\n\
         grant = true\nactions = [\"files.read\", \"files.write\"]\n",
        granting(&issuer)
    );
    issuer.write("policy.toml", &policy);
    let verdict = |audience: &str, action: &str| {
        let claims = json!({"nonce": "9f1c2d", "aud": audience});
        issuer.write("shown.vp", &agent.present(&claims, &agent.credentials));
        let asked = ["--challenge", "9f1c2d", "--domain", audience, "--action", action];
        issuer.verdict("shown.vp", &asked)
    };
    let good = verdict("https://files.example", "files.read");
    good.is_accepted();
    assert_eq!(good.level.as_deref(), Some("reader"));
    verdict("https://files.example", "files.write").is_rejected("action-not-granted");
    verdict("https://other.example", "files.read").is_rejected("audience-not-granted");
    // With the grant beside its identity, it still asks its issuer for more.
    agent.post(&issuer, "/grants", &asked()).is(201);
    // Done, and over.
    let place = format!("/grants/{}/complete", made["id"].as_str().unwrap());
    agent.post(&issuer, &place, &Value::Null).is(200);
    issuer.pull();
    issuer.write("policy.toml", &policy);
    let late = verdict("https://files.example", "files.read");
    assert_eq!((late.outcome.as_str(), &late.codes[..]), ("rejected", &["revoked".to_owned()][..]));
}
