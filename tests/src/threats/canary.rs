//! Row 28 at the issuer's service: whatever it is told, its own log, metrics and refusals repeat
//! nothing that is secret or anybody's, and its files are its owner's alone.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use bonafide_core::encoding::{decode_base64url, hex};
use bonafide_issuer::format::Format;
use serde_json::{Value, json};

use super::tokens::{files, holding, parts};
use crate::issuer::agent::{Agent, IDENTITY, SCORE, claims};
use crate::issuer::http;
use crate::issuer::service::Issuer;

const SETTINGS: &str = "[telemetry]\nlevel = \"trace\"\nformat = \"json\"\nopen_metrics = true\n";

/// What people wrote, and what must not be repeated.
const CLAIM: &str = "canary-claim-7f3a";
const REASON: &str = "canary-reason-7f3a";
const QUERY: &str = "canary-query-7f3a";
const HEADER: &str = "canary-header-7f3a";
const NAME: &str = "canary-name-7f3a";

/// Everything that was said to anybody but who may know it.
struct Heard<'i> {
    issuer: &'i Issuer,
    refusals: Vec<String>,
    secrets: Vec<(&'static str, String)>,
}

impl Heard<'_> {
    fn secret(&mut self, what: &'static str, text: &str) {
        assert!(text.len() >= 12, "{what}: {text}");
        self.secrets.push((what, text.to_owned()));
    }

    /// Sends what must be refused.
    fn refused(&mut self, token: &str, method: &str, path: &str, body: &str) {
        let bearer = format!("Bearer {token}");
        let headers = [
            ("authorization", &*bearer),
            ("content-type", "application/json"),
            ("x-canary", HEADER),
        ];
        let answer = http::send(self.issuer.port, method, path, &headers, body.as_bytes()).unwrap();
        assert!(answer.status >= 400, "{method} {path} {body}: {}", answer.text());
        self.refusals.push(format!("{}\n{}", answer.head, answer.text()));
    }

    fn check(&self) {
        let log = self.issuer.log();
        assert!(log.lines().count() > 50, "it logs: {log}");
        let metrics = self.issuer.get("/metrics").text();
        assert!(metrics.contains("bonafide_request_seconds"), "{metrics}");
        for (what, text) in &self.secrets {
            assert!(!log.contains(text), "{what} in the log");
            assert!(!metrics.contains(text), "{what} in metrics");
            for refusal in &self.refusals {
                assert!(!refusal.contains(text), "{what} in a refusal: {refusal}");
            }
        }
        assert!(!log.contains("panicked"), "{log}");
        for line in log.lines() {
            assert!(serde_json::from_str::<Value>(line).is_ok(), "no JSON: {line}");
        }
    }
}

#[test]
fn row_28_nothing_secret_is_in_logs_metrics_and_refusals() {
    let issuer = Issuer::with(SETTINGS);
    let mut heard = Heard { issuer: &issuer, refusals: Vec::new(), secrets: Vec::new() };
    let admin = issuer.admin();
    let (agent, identity) = Agent::attested(&issuer, "agent");
    let scorer = issuer.token("scorer");
    for (what, text) in [("a claim", CLAIM), ("a reason", REASON), ("a query", QUERY)] {
        heard.secret(what, text);
    }
    heard.secret("a header", HEADER);
    heard.secret("a name", NAME);
    for token in [&admin, &scorer] {
        heard.secret("a token", token);
        heard.secret("a token's secret", parts(token).1);
    }
    let seal = issuer.read("data/seal.key").trim().to_owned();
    let bytes = decode_base64url(seal.rsplit('.').next().unwrap()).unwrap();
    heard.secret("the sealing key", &seal);
    heard.secret("the sealing key in hexadecimal", &hex(&bytes));
    let agent_key: Value = serde_json::from_str(&issuer.read(&agent.key)).unwrap();
    heard.secret("the agent's key", agent_key["secretKeyMultibase"].as_str().unwrap());

    // The whole life, with canaries wherever a person writes.
    issuer.told(&["agent", "change", &agent.did, "--name", NAME]);
    agent.attest(&issuer, IDENTITY, Format::EddsaJcs2022);
    issuer.told(&["token", "new", "--name", NAME, "--role", "auditor", "--out", "auditor.token"]);
    heard.secret("a token", issuer.read("auditor.token").trim());
    let mut score = claims(SCORE);
    score["scoreModel"]["version"] = CLAIM.into();
    let path = format!("/agents/{}/attestations", agent.id);
    for format in Format::ALL.into_iter().filter(|format| *format != Format::Ed25519Signature2020) {
        let body = json!({"type": SCORE, "claims": score, "format": format.name()});
        let key = format!("{HEADER}-{format}");
        let headers = [("idempotency-key", &*key), ("x-canary", HEADER)];
        let made = issuer.send(&scorer, "POST", &path, &body, &headers).is(201);
        let signed = &made["verifiableCredential"];
        match (signed.as_str(), signed["proof"]["proofValue"].as_str()) {
            (Some(token), _) => heard.secret("a credential", token),
            (_, Some(proof)) => heard.secret("a proof", proof),
            _ => panic!("{made}"),
        }
        let other = json!({"type": SCORE, "claims": {}});
        let again = issuer.send(&scorer, "POST", &path, &other, &headers);
        again.refused(422, "idempotency-key-reused");
        heard.refusals.push(again.text());
    }
    let asked = issuer.post("/challenges", &Value::Null).is(201);
    let challenge = asked["challenge"].as_str().unwrap().to_owned();
    let binding = ["--challenge", &challenge, "--domain", "https://other.example"];
    let form = ["--format", "eddsa-jcs-2022"];
    let proof = issuer.done(&[&["present", "--key", &agent.key][..], &form, &binding].concat());
    let proof: Value = serde_json::from_str(&proof).unwrap();
    heard.secret("a proof", proof["proof"]["proofValue"].as_str().unwrap());
    heard.secret("a challenge", &challenge);
    issuer.told(&["revoke", &identity.id, "--suspend", "--reason", REASON]);
    issuer.told(&["agent", "suspend", &agent.did, "--reason", REASON]);
    issuer.restart();
    issuer.told(&["agent", "resume", &agent.did, "--reason", REASON]);
    issuer.told(&["issuer", "compromised", "default", "key-1", "--reason", REASON, "--yes"]);

    // Wrong in every way, with the same canaries.
    let agents = format!("/agents/{}", agent.id);
    let enrolment = json!({
        "did": agent.did, "name": NAME, "kind": "tool", "version": "1", "sponsor": CLAIM,
        "modelDigest": CLAIM, "codeDigest": CLAIM, "proof": proof,
    });
    let mut foreign = enrolment.clone();
    foreign["sponsor"] = "did:web:acme.example".into();
    foreign["modelDigest"] = crate::issuer::agent::MODEL.into();
    foreign["codeDigest"] = crate::issuer::agent::CODE.into();
    for (method, path, body) in [
        ("POST", &*path, format!("{{\"{CLAIM}")),
        ("POST", &path, format!("\"{CLAIM}\"")),
        ("POST", &path, json!({"type": CLAIM}).to_string()),
        ("POST", &path, json!({"type": SCORE, "format": CLAIM}).to_string()),
        ("POST", &path, json!({"type": SCORE, "claims": CLAIM}).to_string()),
        ("POST", &path, json!({"type": SCORE, "validFor": CLAIM}).to_string()),
        ("POST", &path, json!({"type": SCORE, "instance": CLAIM}).to_string()),
        ("POST", &path, json!({"type": SCORE, "claims": {"tier": CLAIM}}).to_string()),
        ("POST", "/agents", enrolment.to_string()),
        ("POST", "/agents", foreign.to_string()),
        ("PATCH", &agents, json!({"modelDigest": CLAIM}).to_string()),
        ("PATCH", &agents, json!({"version": [CLAIM]}).to_string()),
        ("POST", "/tokens", json!({"name": NAME, "role": CLAIM}).to_string()),
        ("POST", "/tokens", json!({"name": [NAME], "role": "auditor"}).to_string()),
        (
            "POST",
            "/tokens",
            json!({"name": NAME, "role": "auditor", "validFor": CLAIM}).to_string(),
        ),
        ("POST", "/credentials/issue", json!({"credential": {"issuer": CLAIM}}).to_string()),
        ("POST", "/credentials/verify", json!({"verifiableCredential": CLAIM}).to_string()),
        ("POST", "/credentials/derive", json!({"verifiableCredential": CLAIM}).to_string()),
        ("POST", "/issuers/default/rotate", json!({"keyType": CLAIM}).to_string()),
        ("GET", &format!("/agents?after={QUERY}"), String::new()),
        ("GET", &format!("/agents?state={QUERY}"), String::new()),
        ("GET", &format!("/audit?since={QUERY}"), String::new()),
        ("GET", &format!("/nowhere?{QUERY}={admin}"), String::new()),
        ("GET", &format!("/credentials/{scorer}"), String::new()),
        ("PUT", "/agents", json!({"name": NAME}).to_string()),
    ] {
        heard.refused(&admin, method, path, &body);
    }
    let near =
        format!("{}{}", &admin[..admin.len() - 1], if admin.ends_with('A') { 'B' } else { 'A' });
    for token in [near.as_str(), &scorer[1..], &seal] {
        heard.refused(token, "GET", "/agents", "");
    }
    issuer.restart();
    heard.check();
    // What the operator is to know is where it belongs.
    let audit = issuer.done(&["audit", "list", "--limit", "1000", "--json"]);
    assert!(audit.contains(REASON) && audit.contains(NAME));
}

#[test]
fn row_28_no_key_is_kept_unsealed_and_what_is_kept_is_its_owner_s_alone() {
    let issuer = Issuer::start();
    let (agent, _) = Agent::attested(&issuer, "agent");
    agent.attest(&issuer, SCORE, Format::Bbs2023);
    issuer.told(&["issuer", "rotate", "default"]);
    issuer.restart();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let data = issuer.path("data");
    let all = files(&data);
    let has = |name: &str| all.iter().any(|path| path.ends_with(name));
    for name in ["seal.key", "state/db", "log/entries", "log/checkpoint", "values/00000001.values"]
    {
        assert!(has(name), "{name}: {all:?}");
    }
    for file in &all {
        assert_eq!(mode(file), 0o600, "{}", file.display());
        let folder = file.parent().unwrap();
        assert_eq!(mode(folder), 0o700, "{}", folder.display());
    }
    // Secret Multikeys of Ed25519, P-256 and P-384 begin so; sealed ones are found.
    for secret in ["secretKeyMultibase", "\"z3u2", "\"z42t", "\"z2f1"] {
        assert_eq!(holding(&data, secret.as_bytes()), [] as [std::path::PathBuf; 0], "{secret}");
    }
    assert_ne!(holding(&data, b"bonafide-sealed-1."), [] as [std::path::PathBuf; 0]);
}
