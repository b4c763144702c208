//! Rows 22 and 35: of many uses of one assertion or presentation one gets a token, and a token is
//! never longer, wider or for another key than what it was exchanged for.

use bonafide_proof::Signer as _;
use bonafide_proof::dpop;
use bonafide_proof::jose::{TokenType, thumbprint};
use serde_json::{Value, json};

use crate::issuer::client::{
    Client, JWT, PRESENTATION, asked, indexes, introspect, opened, parameters, post,
    provider_token, refused, start,
};
use crate::issuer::http::Answer;
use crate::issuer::service::{Issuer, now};

const PARALLEL: usize = 100;

/// Sends the same number of requests at once; all but one are refused, for this reason. `one` makes
/// the parameters and the proof of each.
fn at_once(
    issuer: &Issuer,
    one: impl Fn() -> (Vec<(String, String)>, String),
    error: &str,
    code: &str,
) {
    let requests: Vec<_> = (0..PARALLEL).map(|_| one()).collect();
    let port = issuer.port;
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let send = |(all, dpop): &(Vec<(String, String)>, String)| {
            let all: Vec<(&str, &str)> = all.iter().map(|(a, b)| (&**a, &**b)).collect();
            let body = crate::issuer::client::form(&all);
            let headers =
                [("content-type", "application/x-www-form-urlencoded"), ("dpop", dpop.as_str())];
            crate::issuer::http::send(port, "POST", "/oauth/token", &headers, body.as_bytes())
        };
        let sent: Vec<_> =
            requests.iter().map(|request| scope.spawn(move || send(request).unwrap())).collect();
        sent.into_iter().map(|answer| answer.join().unwrap()).collect()
    });
    let given = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(given, 1, "exactly one token");
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        refused(answer, error, code);
    }
    // Nor later, nor after a crash.
    issuer.kill();
    issuer.begin();
    let (all, dpop) = &requests[0];
    let all: Vec<(&str, &str)> = all.iter().map(|(a, b)| (&**a, &**b)).collect();
    let answer = post(issuer, "/oauth/token", &all, &[("dpop", dpop)]);
    assert_ne!(answer.status, 200);
}

fn owned(all: Vec<(&str, &str)>) -> Vec<(String, String)> {
    all.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Enough for a hundred at once from one address.
const MANY: &str = "[limits]\nanonymous_per_second = 100000";

#[test]
fn row_22_of_many_uses_of_one_assertion_one_gets_a_token() {
    let issuer = start(MANY);
    let agent = Client::enrolled(&issuer, 1);
    let grant = [agent.grant(&issuer, &asked())];
    let assertion = agent.assertion(&issuer);
    let one = || {
        let shown = agent.presentation(&issuer, &grant);
        (owned(parameters(&assertion, (PRESENTATION, &shown))), agent.dpop(&issuer, None))
    };
    at_once(&issuer, one, "invalid_client", "client-assertion-replayed");
}

#[test]
fn row_22_of_many_uses_of_one_presentation_one_gets_a_token() {
    let issuer = start(MANY);
    let agent = Client::enrolled(&issuer, 1);
    let grant = [agent.grant(&issuer, &asked())];
    let shown = agent.presentation(&issuer, &grant);
    let one = || {
        let assertion = agent.assertion(&issuer);
        (owned(parameters(&assertion, (PRESENTATION, &shown))), agent.dpop(&issuer, None))
    };
    at_once(&issuer, one, "invalid_grant", "subject-token-replayed");
}

#[test]
fn row_22_of_many_uses_of_one_dpop_proof_one_gets_a_token() {
    let issuer = start(MANY);
    let agent = Client::enrolled(&issuer, 1);
    let grant = [agent.grant(&issuer, &asked())];
    let dpop = agent.dpop(&issuer, None);
    let one = || {
        let (assertion, shown) = (agent.assertion(&issuer), agent.presentation(&issuer, &grant));
        (owned(parameters(&assertion, (PRESENTATION, &shown))), dpop.clone())
    };
    at_once(&issuer, one, "invalid_dpop_proof", "dpop-replayed");
}

#[test]
fn row_35_an_access_token_is_exchanged_for_nothing() {
    let issuer = start("");
    let agent = Client::enrolled(&issuer, 1);
    let token = agent.token(&issuer, &[agent.grant(&issuer, &asked())]);
    assert_eq!(introspect(&issuer, &token)["active"], true);
    let access = "urn:ietf:params:oauth:token-type:access_token";
    for kind in [access, JWT, PRESENTATION] {
        let answer = agent.exchange(&issuer, (kind, &token), &[]);
        refused(&answer, "invalid_grant", "subject-token-renewal");
    }
    // One of a provider neither.
    for typ in ["at+jwt", "application/at+jwt"] {
        let foreign = provider_token(typ, &[]);
        let answer = agent.exchange(&issuer, (JWT, &foreign), &[]);
        refused(&answer, "invalid_grant", "subject-token-renewal");
    }
    // Under another type its key is nobody's.
    let (_, claims) = opened(&token);
    let renamed = agent.jwt(&claims, TokenType::JWT);
    let answer = agent.exchange(&issuer, (JWT, &renamed), &[]);
    refused(&answer, "invalid_grant", "token-issuer-unknown");
}

#[test]
fn row_35_a_token_lives_no_longer_than_its_chain() {
    let issuer = start("");
    let (first, child) = (Client::enrolled(&issuer, 1), Client::stranger(2));
    let mut short = asked();
    short["validFor"] = "3s".into();
    let grant = first.grant(&issuer, &short);
    let delegation = first.holder.delegate(&grant, &child.holder, indexes(&grant)[0], &[]);
    let chain = [grant.clone(), delegation];
    let token = child.token(&issuer, &chain);
    let ends = bonafide_testkit::at(grant["validUntil"].as_str().unwrap()).unix();
    assert!(opened(&token).1["exp"].as_i64().unwrap() <= ends);
    let began = crate::issuer::service::instant();
    while introspect(&issuer, &token)["active"] == true {
        assert!(began.elapsed().as_secs() < 20, "it does not end");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    // The verifier still forgives its clock half a minute; the exchange does not.
    let shown = child.presentation(&issuer, &chain);
    let answer = child.exchange(&issuer, (PRESENTATION, &shown), &[]);
    refused(&answer, "invalid_grant", "expired");
}

#[test]
fn row_35_a_token_is_no_wider_than_its_chain() {
    let issuer = start("");
    let (first, child) = (Client::enrolled(&issuer, 1), Client::stranger(2));
    let mut narrow = asked();
    narrow["audience"] = json!(["https://files.example"]);
    narrow["actions"] = json!(["files.read"]);
    narrow["resources"] = json!(["https://files.example/reports/2026"]);
    let grant = first.grant(&issuer, &narrow);
    let delegation = first.holder.delegate(&grant, &child.holder, indexes(&grant)[0], &[]);
    let ask = |more: &[(&str, &str)]| {
        let shown = child.presentation(&issuer, &[grant.clone(), delegation.clone()]);
        child.exchange(&issuer, (PRESENTATION, &shown), more)
    };
    ask(&[]).is(200);
    for (name, value, error, code) in [
        // The policy would grant these; the chain does not.
        ("audience", "https://mail.example", "invalid_target", "audience-widened"),
        ("scope", "files.read files.list", "invalid_scope", "scope-widened"),
        ("resource", "https://files.example/reports", "invalid_target", "resource-widened"),
        ("resource", "https://files.example/reports/2026/../2025", "invalid_target", "malformed"),
        ("resource", "https://files.example/reports/20261", "invalid_target", "resource-widened"),
    ] {
        refused(&ask(&[(name, value)]), error, code);
    }
    let details = json!([{
        "type": "https://w3id.org/bonafide/grant", "actions": ["files.read"],
        "locations": ["https://files.example/reports"],
    }]);
    let error = "invalid_authorization_details";
    refused(&ask(&[("authorization_details", &details.to_string())]), error, "details-widened");
}

#[test]
fn row_35_a_token_is_bound_to_the_key_of_the_chain_and_to_no_other() {
    let issuer = start("");
    let (agent, thief) = (Client::enrolled(&issuer, 1), Client::enrolled(&issuer, 2));
    let grant = [agent.grant(&issuer, &asked())];
    // The agent's own request, with a proof of somebody else's key.
    let (assertion, shown) = (agent.assertion(&issuer), agent.presentation(&issuer, &grant));
    let all = parameters(&assertion, (PRESENTATION, &shown));
    let answer = post(&issuer, "/oauth/token", &all, &[("dpop", &thief.dpop(&issuer, None))]);
    refused(&answer, "invalid_dpop_proof", "binding-mismatch");
    // Somebody else's request, with the agent's presentation.
    let answer = thief.exchange(&issuer, (PRESENTATION, &shown), &[]);
    refused(&answer, "invalid_grant", "actor-mismatch");
    // Somebody else's presentation of the agent's grant.
    let stolen = thief.presentation(&issuer, &grant);
    let answer = thief.exchange(&issuer, (PRESENTATION, &stolen), &[]);
    refused(&answer, "invalid_grant", "chain-holder-mismatch");
    // And the agent still gets it.
    let answer = post(&issuer, "/oauth/token", &all, &[("dpop", &agent.dpop(&issuer, None))]);
    let token = answer.is(200)["access_token"].as_str().unwrap().to_owned();
    let jkt = thumbprint(agent.key.public_key()).unwrap();
    assert_eq!(opened(&token).1["cnf"]["jkt"], jkt);
}

#[test]
fn row_35_a_proof_is_for_this_request_and_fresh() {
    let issuer = start("");
    let agent = Client::enrolled(&issuer, 1);
    let grant = [agent.grant(&issuer, &asked())];
    let send = |method: &str, path: &str, age: i64| {
        let (assertion, shown) = (agent.assertion(&issuer), agent.presentation(&issuer, &grant));
        let (uri, jti) = (format!("{}{path}", issuer.url()), agent.fresh());
        let draft = dpop::Draft { method, uri: &uri, jti: &jti, access_token: None, nonce: None };
        let made = bonafide_core::time::Timestamp::from_unix(now().unix() - age).unwrap();
        let proof = draft.sign(&agent.key, made).unwrap();
        let all = parameters(&assertion, (PRESENTATION, &shown));
        post(&issuer, "/oauth/token", &all, &[("dpop", &proof)])
    };
    send("POST", "/oauth/token", 30).is(200);
    let error = "invalid_dpop_proof";
    refused(&send("GET", "/oauth/token", 0), error, "dpop-other-request");
    refused(&send("POST", "/oauth/revoke", 0), error, "dpop-other-request");
    refused(&send("POST", "/oauth/token", 200), error, "dpop-out-of-time");
    refused(&send("POST", "/oauth/token", -200), error, "dpop-out-of-time");
}

#[test]
fn row_35_a_chain_is_shown_whole() {
    let issuer = start("");
    let (first, child) = (Client::enrolled(&issuer, 1), Client::stranger(2));
    let grant = first.grant(&issuer, &asked());
    let delegation = first.holder.delegate(&grant, &child.holder, indexes(&grant)[0], &[]);
    let ask = |credentials: &[Value]| {
        let shown = child.presentation(&issuer, credentials);
        child.exchange(&issuer, (PRESENTATION, &shown), &[])
    };
    ask(&[grant.clone(), delegation.clone()]).is(200);
    refused(&ask(std::slice::from_ref(&delegation)), "invalid_grant", "chain-root-missing");
    refused(&ask(&[delegation.clone(), grant.clone()]), "invalid_grant", "chain-root-missing");
    refused(&ask(std::slice::from_ref(&grant)), "invalid_grant", "chain-holder-mismatch");
    let mut wider = delegation;
    wider["credentialSubject"]["actions"] = json!(["files.read", "files.list", "files.write"]);
    refused(&ask(&[grant.clone(), wider]), "invalid_grant", "proof-invalid");
    // Signed by who may, but under a grant that nobody gave.
    let mut forged = grant.clone();
    forged["credentialSubject"]["actions"] = json!(["files.read", "files.list", "files.write"]);
    let wider = first.holder.delegate(&forged, &child.holder, indexes(&grant)[0], &[]);
    refused(&ask(&[grant, wider]), "invalid_grant", "parent-mismatch");
}
