//! Row 26: tokens of the issuer's API are kept as hashes, end when they are to, and do what their
//! role may and nothing else.

use std::path::{Path, PathBuf};

use bonafide_core::encoding::{decode_base64url, hex};
use bonafide_issuer::format::Format;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::issuer::agent::{Agent, BUILDER, CERTIFICATION, IDENTITY, SCORE, TYPES, claims};
use crate::issuer::service::{Issuer, instant};

/// Every file below a folder.
pub(super) fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// A token up to its id, and its secret, in which there may be underscores too.
pub(super) fn parts(token: &str) -> (&str, &str) {
    let end = token.match_indices('_').nth(1).unwrap().0;
    (&token[..end], &token[end + 1..])
}

/// The files that hold these bytes.
pub(super) fn holding(folder: &Path, bytes: &[u8]) -> Vec<PathBuf> {
    let holds = |path: &PathBuf| {
        let content = std::fs::read(path).unwrap();
        content.windows(bytes.len()).any(|window| window == bytes)
    };
    files(folder).into_iter().filter(holds).collect()
}

#[test]
fn row_26_no_byte_of_a_token_s_secret_is_kept() {
    let issuer = Issuer::start();
    let body = json!({"name": "pipeline", "role": "scorer"});
    let made = issuer.send(&issuer.admin(), "POST", "/tokens", &body, &[("idempotency-key", "k")]);
    let made = made.is(201)["token"].as_str().unwrap().to_owned();
    let tokens = [issuer.admin(), made];
    for token in &tokens {
        issuer.get_as(token, "/agents").is(200);
        issuer.get_as(&token[..token.len() - 1], "/agents").refused(401, "unauthorized");
    }
    issuer.restart();
    issuer.terminate();
    let data = issuer.path("data");
    for token in &tokens {
        let secret = parts(token).1;
        assert_eq!(secret.len(), 43);
        let bytes = decode_base64url(secret).unwrap();
        // A third of it is as telling as the whole.
        let shown =
            [secret.as_bytes()[..15].to_vec(), hex(&bytes)[..20].into(), bytes[..10].into()];
        for part in &shown {
            assert_eq!(holding(&data, part), [] as [PathBuf; 0]);
        }
        // What is kept is found, so what is not would be.
        let kept = hex(&Sha256::digest(token));
        assert_ne!(holding(&data, kept.as_bytes()), [] as [PathBuf; 0]);
    }
}

#[test]
fn row_26_tokens_that_are_revoked_ended_or_changed_are_refused() {
    let issuer = Issuer::start();
    let make = |body: &Value| issuer.post("/tokens", body).is(201);
    let text = |made: &Value| made["token"].as_str().unwrap().to_owned();
    let refused = |token: &str| issuer.get_as(token, "/agents").refused(401, "unauthorized");
    let (one, other) = (
        make(&json!({"name": "one", "role": "auditor"})),
        make(&json!({"name": "other", "role": "auditor"})),
    );
    let (good, second) = (text(&one), text(&other));
    issuer.get_as(&good, "/agents").is(200);
    // Of its parts, each belongs to the other.
    let (id, secret) = parts(&good);
    let (other_id, other_secret) = parts(&second);
    let hash = hex(&Sha256::digest(&good));
    for wrong in [
        format!("{id}_{other_secret}"),
        format!("{other_id}_{secret}"),
        good.to_uppercase(),
        format!("{good}A"),
        good[1..].to_owned(),
        secret.to_owned(),
        hash.clone(),
        format!("{id}_{}", &hash[..43]),
        String::new(),
    ] {
        refused(&wrong);
    }
    for position in [id.len() + 1, good.len() - 2] {
        let mut changed = good.clone().into_bytes();
        changed[position] = if changed[position] == b'A' { b'B' } else { b'A' };
        refused(&String::from_utf8(changed).unwrap());
    }
    for scheme in ["Basic", "Token", ""] {
        let header = format!("{scheme} {good}");
        let headers = [("authorization", header.trim())];
        let answer = crate::issuer::http::send(issuer.port, "GET", "/agents", &headers, b"");
        let answer = answer.unwrap();
        answer.refused(401, "unauthorized");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }
    issuer.get(&format!("/agents?access_token={good}")).refused(401, "unauthorized");

    // Revoked: at once, for good, and after a crash.
    issuer.told(&["token", "revoke", one["id"].as_str().unwrap()]);
    refused(&good);
    issuer.get_as(&second, "/agents").is(200);
    issuer.kill();
    issuer.begin();
    refused(&good);
    issuer.get_as(&second, "/agents").is(200);
    // Nobody locks everybody out.
    let list = issuer.told(&["token", "list"]);
    let admin = list["items"][0]["id"].as_str().unwrap();
    issuer.refuses(&["token", "revoke", admin], "last administrator");

    // Ended.
    let short = make(&json!({"name": "short", "role": "auditor", "validFor": "1s"}));
    let token = text(&short);
    let began = instant();
    while issuer.get_as(&token, "/agents").status == 200 {
        assert!(began.elapsed().as_secs() < 10, "it does not end");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    refused(&token);
    issuer.restart();
    refused(&token);
}

const ADMINISTRATOR: &str = "administrator";
const REGISTRAR: &str = "registrar";
const CERTIFIER: &str = "certifier";
const SCORER: &str = "scorer";
const AUDITOR: &str = "auditor";
const ROLES: [&str; 5] = [ADMINISTRATOR, REGISTRAR, CERTIFIER, SCORER, AUDITOR];

/// A request, the status if it is allowed, and who may besides administrators.
struct Row {
    method: &'static str,
    path: String,
    body: Value,
    status: u16,
    may: &'static [&'static str],
}

/// Every request that takes a token, in an order in which each can be done after the one before.
fn table(agent: &Agent, held: &[String], token: &str) -> Vec<Row> {
    let none = Value::Null;
    let everybody = &ROLES[..];
    let row = |method, path: &str, body: Value, status, may| Row {
        method,
        path: path.replace("{agent}", &agent.id),
        body,
        status,
        may,
    };
    let [identity, builder, certification, score] = held else { panic!("four are held") };
    let attest = |name: &str| json!({"type": name, "claims": claims(name)});
    let attestations = "/agents/{agent}/attestations";
    let reissued = json!({"type": IDENTITY});
    let status = |purpose: &str, id: &str, set: bool| {
        let entry = json!({"type": "BitstringStatusListEntry", "statusPurpose": purpose});
        json!({"credentialId": id, "credentialStatus": entry, "status": set})
    };
    let step = |id: &str, step: &str| format!("/credentials/{id}/{step}");
    let verify = json!({"verifiableCredential": {}});
    let whole = json!({
        "@context": ["https://www.w3.org/ns/credentials/v2"], "type": ["VerifiableCredential"],
        "issuer": agent.did, "credentialSubject": {"id": agent.did},
    });
    vec![
        // Reading is for everybody, but for what was done and by whom.
        row("GET", "/agents", none.clone(), 200, everybody),
        row("GET", "/agents/{agent}", none.clone(), 200, everybody),
        row("GET", "/credentials", none.clone(), 200, everybody),
        row("GET", &format!("/credentials/{score}"), none.clone(), 200, everybody),
        row("GET", "/agents/{agent}/history", none.clone(), 200, &[REGISTRAR, AUDITOR]),
        row("GET", "/audit", none.clone(), 200, &[AUDITOR]),
        row("GET", "/tokens", none.clone(), 200, &[AUDITOR]),
        row("GET", "/metrics", none.clone(), 200, &[AUDITOR]),
        row("POST", "/credentials/verify", verify, 200, everybody),
        // Of JSON it makes nothing.
        row("POST", "/oauth/introspect", json!({}), 400, everybody),
        // Attesting is for those whose word it is.
        row("POST", attestations, reissued, 201, &[REGISTRAR]),
        row("POST", attestations, attest(BUILDER), 201, &[REGISTRAR]),
        row("POST", attestations, attest(CERTIFICATION), 201, &[CERTIFIER]),
        row("POST", attestations, attest(SCORE), 201, &[SCORER]),
        // A whole credential could say anything: here it is one of another issuer.
        row("POST", "/credentials/issue", json!({"credential": whole}), 400, &[]),
        row("POST", "/status-lists", none.clone(), 201, &[]),
        // Revoking is for those who attest, and for who answers for the agents.
        row("POST", &step(identity, "suspend"), none.clone(), 200, &[REGISTRAR]),
        row("POST", &step(identity, "resume"), none.clone(), 200, &[REGISTRAR]),
        row("POST", &step(certification, "suspend"), none.clone(), 200, &[REGISTRAR, CERTIFIER]),
        row("POST", &step(certification, "resume"), none.clone(), 200, &[REGISTRAR]),
        row(
            "POST",
            "/credentials/status",
            status("suspension", score, true),
            200,
            &[REGISTRAR, SCORER],
        ),
        row(
            "POST",
            "/credentials/status",
            status("suspension", score, false),
            200,
            // Whoever suspended it may have stood higher.
            &[REGISTRAR],
        ),
        row("POST", &step(score, "revoke"), none.clone(), 200, &[REGISTRAR, SCORER]),
        row("POST", &step(builder, "revoke"), none.clone(), 200, &[REGISTRAR]),
        row("POST", "/agents/{agent}/revoke", json!({"type": SCORE}), 200, &[REGISTRAR, SCORER]),
        row("POST", "/agents/{agent}/revoke", none.clone(), 200, &[REGISTRAR]),
        row("POST", "/credentials/revoke", json!({"type": "Nothing"}), 200, &[]),
        // The life of agents.
        row("POST", "/agents", json!({}), 400, &[REGISTRAR]),
        row("PATCH", "/agents/{agent}", json!({"version": "2.3.1"}), 200, &[REGISTRAR]),
        row("POST", "/agents/{agent}/suspend", none.clone(), 200, &[REGISTRAR]),
        row("POST", "/agents/{agent}/resume", none.clone(), 200, &[REGISTRAR]),
        row("POST", "/agents/{agent}/retire", none.clone(), 200, &[REGISTRAR]),
        // Keys and tokens.
        row("POST", "/issuers/default/rotate", none.clone(), 200, &[]),
        row("POST", "/issuers/default/keys/key-1/compromised", none.clone(), 200, &[]),
        row("POST", "/tokens", json!({"name": "more", "role": ADMINISTRATOR}), 201, &[]),
        row("DELETE", &format!("/tokens/{token}"), none, 204, &[]),
    ]
}

#[test]
fn row_26_a_token_does_what_its_role_may_and_nothing_else() {
    let issuer = Issuer::start();
    // The administrator last: it cuts off keys.
    for role in ROLES.into_iter().rev() {
        let agent = Agent::enrol(&issuer, &format!("agent-of-{role}"));
        let held = TYPES.map(|name| agent.attest(&issuer, name, Format::EddsaJcs2022).id);
        let spare = issuer.post("/tokens", &json!({"name": "spare", "role": role})).is(201);
        let token = issuer.token(role);
        let spare = spare["id"].as_str().unwrap();
        let head = issuer.get("/.well-known/did.json").body;
        for row in table(&agent, &held, spare) {
            let Row { method, path, body, status, may } = row;
            let what = format!("{role}: {method} {path} {body}");
            let answer = issuer.send(&token, method, &path, &body, &[]);
            if role == ADMINISTRATOR || may.contains(&role) {
                assert_eq!(answer.status, status, "{what}: {}", answer.text());
            } else {
                assert_eq!(answer.status, 403, "{what}: {}", answer.text());
                answer.refused(403, "forbidden");
            }
            let nobody = issuer.send("", method, &path, &body, &[]);
            assert_eq!(nobody.status, 401, "nobody: {method} {path}");
        }
        if role != ADMINISTRATOR {
            assert_eq!(issuer.get("/.well-known/did.json").body, head, "{role}: keys changed");
            assert_eq!(issuer.get_as(&token, "/agents").status, 200, "{role}");
        }
    }
    // In a batch each item is held against the role by itself.
    let (agent, _) = Agent::attested(&issuer, "agent");
    let items = TYPES.map(|name| json!({"agent": agent.id, "type": name, "claims": claims(name)}));
    for (role, expected) in [
        (SCORER, [403, 403, 403, 201]),
        (CERTIFIER, [403, 403, 201, 403]),
        (REGISTRAR, [201, 201, 403, 403]),
        (AUDITOR, [403; 4]),
    ] {
        let body = json!({"items": items});
        let results = issuer.send(&issuer.token(role), "POST", "/attestations", &body, &[]).is(200);
        let statuses = [0, 1, 2, 3].map(|number| results["results"][number]["status"].clone());
        assert_eq!(statuses, expected.map(Value::from), "{role}");
    }
    // What was refused is on record, with who asked.
    let refused = issuer.told(&["audit", "list", "--event", "request-refused", "--limit", "1000"]);
    assert!(refused["items"].as_array().unwrap().len() > 50, "{refused}");
}
