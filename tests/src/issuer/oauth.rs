//! Access tokens: exchanged, used, asked about, given up.

use std::time::Duration;

use bonafide_core::key::PublicKey;
use bonafide_proof::jose::{CompactJws, TokenType, thumbprint};
use bonafide_proof::{Signer, Unremembered, VerifyingKey};
use serde_json::{Value, json};

use super::client::{
    Client, JWT, PRESENTATION, asked, indexes, introspect, opened, parameters, post,
    provider_token, refused, start,
};
use super::service::{Issuer, now};

/// Checks a token's signature as a service would, with the keys that the issuer publishes.
fn verified(issuer: &Issuer, token: &str) -> Value {
    let jws = CompactJws::parse(token, TokenType::AT).unwrap();
    let keys = issuer.get("/oauth/jwks").is(200);
    let key = keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == jws.kid().unwrap());
    let key = key.unwrap();
    assert_eq!((key["alg"].as_str(), key["use"].as_str()), (Some("EdDSA"), Some("sig")));
    let jwk = bonafide_testkit::json(&key.to_string());
    let key = PublicKey::from_jwk(jwk.as_object().unwrap()).unwrap();
    assert_eq!(thumbprint(&key).as_deref(), jws.kid());
    jws.verify(&VerifyingKey::new(key).unwrap(), &Unremembered).unwrap();
    opened(token).1
}

fn records(issuer: &Issuer, event: &str) -> Vec<Value> {
    let path = format!("/audit?limit=1000&event={event}");
    let page = issuer.get_as(&issuer.admin(), &path).is(200);
    page["items"].as_array().unwrap().iter().map(|item| item["record"].clone()).collect()
}

#[test]
fn a_chain_becomes_a_token_that_is_bound_to_the_last_agent_s_key() {
    let issuer = start("");
    let (first, child) = (Client::enrolled(&issuer, 1), Client::stranger(2));
    let grant = first.grant(&issuer, &asked());
    let own = indexes(&grant);
    let delegation = first.holder.delegate(&grant, &child.holder, own[0], &[]);
    let presentation = child.presentation(&issuer, &[grant.clone(), delegation.clone()]);
    let answer = child.exchange(&issuer, (PRESENTATION, &presentation), &[]);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let told = answer.is(200);
    assert_eq!(told["issued_token_type"], "urn:ietf:params:oauth:token-type:access_token");
    assert_eq!(told["token_type"], "DPoP");
    assert_eq!(told["scope"], "files.list files.read");
    let token = told["access_token"].as_str().unwrap();
    let header = opened(token).0;
    assert_eq!((header["typ"].as_str(), header["alg"].as_str()), (Some("at+jwt"), Some("EdDSA")));

    let claims = verified(&issuer, token);
    assert_eq!(claims["iss"], issuer.url());
    assert_eq!(claims["sub"], "alice");
    let sub_id = json!({"format": "iss_sub", "iss": "https://idp.example", "sub": "alice"});
    assert_eq!(claims["sub_id"], sub_id);
    assert_eq!(claims["aud"], json!(["https://files.example", "https://mail.example"]));
    assert_eq!(claims["client_id"], child.did());
    let jkt = thumbprint(child.key.public_key()).unwrap();
    assert_eq!(claims["cnf"], json!({"jkt": jkt}));
    // The presenter outermost, inside of it who handed it on.
    assert_eq!(claims["act"], json!({"sub": child.did(), "act": {"sub": first.did()}}));
    let details = json!([{
        "type": "https://w3id.org/bonafide/grant",
        "actions": ["files.read", "files.list"],
        "locations": ["https://files.example/reports"],
        "constraints": [
            {"type": "Uses", "max": 10, "credential": grant["id"]},
            {"type": "Uses", "max": 10, "credential": delegation["id"]},
        ],
        "task": "book-travel-4711",
    }]);
    assert_eq!(claims["authorization_details"], details);
    assert_eq!(told["authorization_details"], details);
    // Five minutes: the chain ends before the service's ten are over.
    let left = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    assert!((1..=300).contains(&left), "{left}");
    assert_eq!(told["expires_in"], left);

    let found = introspect(&issuer, token);
    let mut expected = claims.clone();
    expected["active"] = true.into();
    expected["token_type"] = "DPoP".into();
    assert_eq!(found, expected);

    // On the log without its text.
    let record = &records(&issuer, "access-token-issued")[0];
    assert_eq!(record["client"], child.did());
    assert_eq!(record["jti"], claims["jti"]);
    assert_eq!(record["chain"], json!([first.did(), child.did()]));
    assert_eq!(record["credentials"], json!([grant["id"], delegation["id"]]));
    let signature = token.rsplit('.').next().unwrap();
    assert!(!records(&issuer, "access-token-issued").iter().any(|record| {
        let text = record.to_string();
        text.contains(signature) || text.contains(&presentation)
    }));
}

#[test]
fn a_token_is_as_narrow_as_it_was_asked_for() {
    let issuer = start("");
    let agent = Client::enrolled(&issuer, 1);
    let grant = agent.grant(&issuer, &asked());
    let ask = |more: &[(&str, &str)]| {
        let shown = agent.presentation(&issuer, std::slice::from_ref(&grant));
        agent.exchange(&issuer, (PRESENTATION, &shown), more)
    };
    let told = ask(&[
        ("audience", "https://files.example"),
        ("resource", "https://files.example/reports/2026"),
        ("scope", "files.read"),
    ]);
    let told = told.is(200);
    let claims = opened(told["access_token"].as_str().unwrap()).1;
    assert_eq!(claims["aud"], "https://files.example");
    assert_eq!(claims["scope"], "files.read");
    let detail = &claims["authorization_details"][0];
    assert_eq!(detail["locations"], json!(["https://files.example/reports/2026"]));
    let details = json!([{
        "type": "https://w3id.org/bonafide/grant", "actions": ["files.list"],
        "constraints": [{"type": "Uses", "max": 1}],
    }]);
    let told = ask(&[("authorization_details", &details.to_string())]).is(200);
    assert_eq!(told["scope"], "files.list");
    let uses = json!([
        {"type": "Uses", "max": 10, "credential": grant["id"]},
        {"type": "Uses", "max": 1},
    ]);
    assert_eq!(told["authorization_details"][0]["constraints"], uses);
    refused(
        &ask(&[("authorization_details", r#"[{"type":"other"}]"#)]),
        "invalid_authorization_details",
        "details-type-unknown",
    );
}

#[test]
fn a_token_counts_as_long_as_all_that_it_rests_on() {
    let issuer = start("");
    let (first, child) = (Client::enrolled(&issuer, 1), Client::enrolled(&issuer, 2));
    let grant = first.grant(&issuer, &asked());
    let own = indexes(&grant);
    let id = grant["id"].as_str().unwrap().trim_start_matches("urn:uuid:").to_owned();
    let delegated = |index: usize| first.holder.delegate(&grant, &child.holder, own[index], &[]);
    let tokens = [0, 1].map(|index| child.token(&issuer, &[grant.clone(), delegated(index)]));
    let of_first = first.token(&issuer, std::slice::from_ref(&grant));
    let active = |token: &str| introspect(&issuer, token)["active"] == true;
    let all = |expected: [bool; 3]| {
        assert_eq!([active(&tokens[0]), active(&tokens[1]), active(&of_first)], expected);
    };
    all([true; 3]);

    // One agent of the chain is suspended, and resumed.
    let step = |client: &Client, step: &str| {
        let agents = issuer.get_as(&issuer.admin(), "/agents").is(200);
        let items = agents["items"].as_array().unwrap();
        let agent = items.iter().find(|agent| agent["did"] == client.did()).unwrap();
        issuer.post(&format!("/agents/{}/{step}", agent["id"].as_str().unwrap()), &Value::Null)
    };
    step(&child, "suspend").is(200);
    all([false, false, true]);
    step(&child, "resume").is(200);
    all([true; 3]);
    // One delegation is revoked, and its token with it.
    let path = format!("/grants/{id}/children/{}/revoke", own[0]);
    issuer.post(&path, &Value::Null).is(200);
    all([false, true, true]);
    // Given up by the client that it was given to, and by no other.
    refused(&child.revoke(&issuer, &of_first), "invalid_grant", "token-of-another-client");
    all([false, true, true]);
    assert_eq!(first.revoke(&issuer, &of_first).status, 200);
    all([false, true, false]);
    assert_eq!(first.revoke(&issuer, &of_first).status, 200, "again");
    assert_eq!(records(&issuer, "access-token-revoked").len(), 1, "once on the log");
    assert_eq!(first.revoke(&issuer, "no token").status, 200);
    // For good, over a crash.
    issuer.kill();
    issuer.begin();
    all([false, true, false]);
    // The task is done.
    issuer.post(&format!("/grants/{id}/complete"), &Value::Null).is(200);
    all([false; 3]);
    // And nothing is exchanged for it any more.
    let shown = child.presentation(&issuer, &[grant.clone(), delegated(2)]);
    refused(&child.exchange(&issuer, (PRESENTATION, &shown), &[]), "invalid_grant", "revoked");
}

#[test]
fn a_token_that_is_not_ours_does_not_count() {
    let issuer = start("");
    let agent = Client::enrolled(&issuer, 1);
    let grant = agent.grant(&issuer, &asked());
    let token = agent.token(&issuer, &[grant]);
    assert_eq!(introspect(&issuer, &token)["active"], true);
    let (header, claims) = opened(&token);
    let forged = super::client::resigned(&header, &claims, &agent.key);
    let cut = &token[..token.len() - 2];
    for other in ["x", "a.b.c", &forged, cut, &agent.assertion(&issuer)] {
        assert_eq!(introspect(&issuer, other)["active"], false, "{other}");
    }
    // Who asks is one that may.
    let answer = post(&issuer, "/oauth/introspect", &[("token", &token)], &[]);
    answer.refused(401, "unauthorized");
    let bearer = format!("Bearer {}", issuer.token("auditor"));
    let headers = [("authorization", &*bearer)];
    refused(
        &post(&issuer, "/oauth/introspect", &[], &headers),
        "invalid_request",
        "parameter-missing",
    );
    assert_eq!(post(&issuer, "/oauth/introspect", &[("token", &token)], &headers).status, 200);
}

#[test]
fn a_provider_s_token_is_put_to_the_grant_policy() {
    let issuer = start("");
    let (agent, stranger) = (Client::enrolled(&issuer, 1), Client::stranger(9));
    let whole = [
        ("audience", "https://files.example"),
        ("scope", "files.read"),
        ("resource", "https://files.example/reports/q3"),
    ];
    let ask = |client: &Client, change: &[(&str, Value)], more: &[(&str, &str)]| {
        client.exchange(&issuer, (JWT, &provider_token("JWT", change)), more)
    };
    let told = ask(&agent, &[], &whole).is(200);
    let claims = verified(&issuer, told["access_token"].as_str().unwrap());
    assert_eq!(
        (claims["sub"].as_str(), claims["aud"].as_str()),
        (Some("alice"), Some("https://files.example"))
    );
    assert_eq!(claims["act"], json!({"sub": agent.did()}));
    assert_eq!(introspect(&issuer, told["access_token"].as_str().unwrap())["active"], true);
    // It ends with the provider's token.
    let soon = [("exp", json!(now().unix() + 60))];
    let told = ask(&agent, &soon, &whole).is(200);
    assert!(told["expires_in"].as_i64().unwrap() <= 60, "{told}");
    // may_act names who may.
    let may_act = |actor: &str| [("may_act", json!({"sub": actor}))];
    ask(&agent, &may_act(agent.did()), &whole).is(200);
    let grant = "invalid_grant";
    refused(&ask(&agent, &may_act(stranger.did()), &whole), grant, "may-act-mismatch");
    let strange = [("may_act", json!({"sub": agent.did(), "iss": "https://idp.example"}))];
    refused(&ask(&agent, &strange, &whole), grant, "may-act-mismatch");
    refused(&ask(&agent, &[("act", json!({"sub": "x"}))], &whole), grant, "act-unsupported");
    // What the policy does not grant, and what is not said.
    let other = |name: &str, value: &str| -> Vec<(String, String)> {
        let changed = |(known, old): &(&str, &str)| {
            let new = if *known == name { value } else { old };
            (known.to_string(), new.to_owned())
        };
        whole.iter().map(changed).filter(|(_, value)| !value.is_empty()).collect()
    };
    for (name, value, error, code) in [
        ("scope", "files.write", grant, "grant-refused"),
        ("audience", "https://pay.example", grant, "grant-refused"),
        ("resource", "https://files.example/other", grant, "grant-refused"),
        ("scope", "", "invalid_request", "rights-missing"),
        ("audience", "", "invalid_request", "rights-missing"),
        ("resource", "", "invalid_request", "rights-missing"),
    ] {
        let more = other(name, value);
        let more: Vec<(&str, &str)> = more.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        refused(&ask(&agent, &[], &more), error, code);
    }
    // Another provider, an old token, a client that nobody knows.
    let iss = [("iss", json!("https://other.example"))];
    refused(&ask(&agent, &iss, &whole), grant, "token-issuer-unknown");
    let old = [("exp", json!(now().unix() - 60))];
    refused(&ask(&agent, &old, &whole), grant, "token-ended");
    refused(&ask(&stranger, &[], &whole), "unauthorized_client", "client-unknown");
    // What was refused is on the log, of the agents that are known.
    let codes = || -> Vec<Value> {
        records(&issuer, "access-token-refused").iter().map(|one| one["code"].clone()).collect()
    };
    // The answers do not wait for them.
    let last = json!("token-ended");
    for _ in 0..200 {
        if codes().contains(&last) {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let codes = codes();
    assert!(codes.contains(&json!("grant-refused")) && codes.contains(&last), "{codes:?}");
    assert!(!codes.contains(&json!("client-unknown")), "{codes:?}");
    // The agent's own attestations are enough where no principal is asked for.
    let shown = agent.presentation(&issuer, &agent.holder.credentials);
    let told = agent.exchange(&issuer, (PRESENTATION, &shown), &whole).is(200);
    let claims = opened(told["access_token"].as_str().unwrap()).1;
    assert_eq!(claims["sub"], agent.did());
    assert_eq!(claims["act"], Value::Null, "it acts for nobody");
}

#[test]
fn a_token_lives_no_longer_than_what_was_shown_and_than_the_agent_s_key() {
    let issuer = start("");
    let whole = [
        ("audience", "https://files.example"),
        ("scope", "files.read"),
        ("resource", "https://files.example/reports/q3"),
    ];
    let mut agent = Client::enrolled(&issuer, 1);
    let agents = issuer.get_as(&issuer.admin(), "/agents").is(200);
    let place = format!("/agents/{}", agents["items"][0]["id"].as_str().unwrap());
    let attest = |valid_for: &str| {
        let body = json!({"type": "AgentIdentityCredential", "validFor": valid_for});
        let made = issuer.post(&format!("{place}/attestations"), &body).is(201);
        (made["id"].as_str().unwrap().to_owned(), made["verifiableCredential"].clone())
    };
    // The agent's identity ends before the service's ten minutes are over.
    let (_, identity) = attest("60s");
    agent.holder.credentials = vec![identity];
    let shown = agent.presentation(&issuer, &agent.holder.credentials);
    let told = agent.exchange(&issuer, (PRESENTATION, &shown), &whole).is(200);
    assert!(told["expires_in"].as_i64().unwrap() <= 60, "{told}");
    let by_provider = |agent: &Client| {
        let told = agent.exchange(&issuer, (JWT, &provider_token("JWT", &[])), &whole).is(200);
        let token = told["access_token"].as_str().unwrap().to_owned();
        (token, told["expires_in"].as_i64().unwrap())
    };
    assert!(by_provider(&agent).1 <= 60);

    // A token that the policy gave falls with the identity of the agent.
    let (id, identity) = attest("1h");
    agent.holder.credentials = vec![identity];
    let (token, lives) = by_provider(&agent);
    assert!(lives > 60, "{lives}");
    assert_eq!(introspect(&issuer, &token)["active"], true);
    issuer.post(&format!("/credentials/{id}/revoke"), &Value::Null).is(200);
    assert_eq!(introspect(&issuer, &token)["active"], false);

    // And with the key: the new one's are others.
    agent.holder.credentials = vec![attest("1h").1];
    let (token, _) = by_provider(&agent);
    let mut new = Client::stranger(41);
    let body = json!({"did": new.did(), "proof": new.holder.answers(&issuer, &[])});
    let told = agent.holder.post(&issuer, "/agents/me/keys", &body).is(201);
    assert_eq!(introspect(&issuer, &token)["active"], false);
    new.holder.credentials = vec![told["credentials"][0].clone()];
    assert_eq!(introspect(&issuer, &by_provider(&new).0)["active"], true);
}

#[test]
fn an_actor_token_is_of_the_client_itself() {
    let issuer = start("");
    let (agent, other) = (Client::enrolled(&issuer, 1), Client::enrolled(&issuer, 2));
    let grant = agent.grant(&issuer, &asked());
    let ask = |actor: &str, kind: &str| {
        let shown = agent.presentation(&issuer, std::slice::from_ref(&grant));
        let more = [("actor_token", actor), ("actor_token_type", kind)];
        agent.exchange(&issuer, (PRESENTATION, &shown), &more)
    };
    let own = agent.presentation(&issuer, &[]);
    ask(&own, PRESENTATION).is(200);
    refused(&ask(&own, PRESENTATION), "invalid_grant", "actor-token-replayed");
    let foreign = other.presentation(&issuer, &[]);
    refused(&ask(&foreign, PRESENTATION), "invalid_grant", "actor-mismatch");
    refused(&ask(&foreign, JWT), "invalid_request", "token-type-unsupported");
    let shown = agent.presentation(&issuer, std::slice::from_ref(&grant));
    let alone = agent.exchange(&issuer, (PRESENTATION, &shown), &[("actor_token", &own)]);
    refused(&alone, "invalid_request", "parameter-missing");
}

#[test]
fn a_presentation_answers_a_challenge_or_this_very_request() {
    let issuer = start("");
    let agent = Client::enrolled(&issuer, 1);
    let grant = [agent.grant(&issuer, &asked())];
    let ask = |claims: Value| {
        let shown = agent.holder.present(&claims, &grant);
        agent.exchange(&issuer, (PRESENTATION, &shown), &[])
    };
    let claims = |path: &str| agent.holder.request_claims(&issuer, "POST", path, b"");
    ask(claims("/oauth/token")).is(200);
    let again = claims("/oauth/token");
    ask(again.clone()).is(200);
    refused(&ask(again), "invalid_grant", "subject-token-replayed");
    // One that was made for another request, or for a body.
    refused(&ask(claims("/grants")), "invalid_grant", "channel-mismatch");
    let body = agent.holder.request_claims(&issuer, "POST", "/oauth/token", b"{}");
    refused(&ask(body), "invalid_grant", "channel-mismatch");
    let mut long = claims("/oauth/token");
    long["exp"] = json!(now().unix() + 3600);
    refused(&ask(long), "invalid_grant", "lifetime-too-long");
    let mut unbound = claims("/oauth/token");
    unbound.as_object_mut().unwrap().remove("jti");
    refused(&ask(unbound), "invalid_grant", "presentation-unbound");
    let foreign = json!({"aud": issuer.url(), "nonce": "made-up"});
    refused(&ask(foreign), "invalid_grant", "nonce-mismatch");
    let mut elsewhere = claims("/oauth/token");
    elsewhere["aud"] = json!([issuer.url(), "https://other.example"]);
    refused(&ask(elsewhere), "invalid_grant", "audience-mismatch");
}

type Parameters = Vec<(&'static str, String)>;

#[test]
fn requests_that_are_not_what_they_have_to_be() {
    let issuer = start("");
    let agent = Client::enrolled(&issuer, 1);
    let grant = agent.grant(&issuer, &asked());
    let send = |change: &dyn Fn(&mut Parameters)| {
        let shown = agent.presentation(&issuer, std::slice::from_ref(&grant));
        let assertion = agent.assertion(&issuer);
        let mut all: Vec<(&'static str, String)> = vec![];
        for (name, value) in parameters(&assertion, (PRESENTATION, &shown)) {
            let names = [
                "grant_type",
                "client_assertion_type",
                "client_assertion",
                "subject_token_type",
                "subject_token",
            ];
            all.push((names.into_iter().find(|known| *known == name).unwrap(), value.to_owned()));
        }
        change(&mut all);
        let all: Vec<(&str, &str)> = all.iter().map(|(a, b)| (*a, b.as_str())).collect();
        post(&issuer, "/oauth/token", &all, &[("dpop", &agent.dpop(&issuer, None))])
    };
    let set = |name: &'static str, value: &'static str| {
        send(&move |all| {
            all.retain(|(known, _)| *known != name);
            all.push((name, value.to_owned()));
        })
    };
    send(&|_| ()).is(200);
    refused(
        &set("grant_type", "client_credentials"),
        "unsupported_grant_type",
        "grant-type-unsupported",
    );
    refused(&set("grant_type", ""), "invalid_request", "parameter-missing");
    refused(&set("subject_token", ""), "invalid_request", "parameter-missing");
    let access = "urn:ietf:params:oauth:token-type:access_token";
    refused(&set("subject_token_type", access), "invalid_request", "token-type-unsupported");
    let saml = "urn:ietf:params:oauth:token-type:saml2";
    refused(&set("requested_token_type", saml), "invalid_request", "token-type-unsupported");
    refused(&set("client_assertion", ""), "invalid_client", "client-assertion-missing");
    refused(&set("client_id", "did:key:zOther"), "invalid_client", "client-mismatch");
    let twice = send(&|all| {
        let first = all[0].clone();
        all.push(first);
    });
    refused(&twice, "invalid_request", "parameter-repeated");
    set("unknown", "ignored").is(200);
    let json = super::http::send(
        issuer.port,
        "POST",
        "/oauth/token",
        &[("content-type", "application/json")],
        b"{}",
    );
    refused(&json.unwrap(), "invalid_request", "unsupported-media-type");
    // Without a proof there is no token; two proofs are none.
    let shown = agent.presentation(&issuer, std::slice::from_ref(&grant));
    let assertion = agent.assertion(&issuer);
    let all = parameters(&assertion, (PRESENTATION, &shown));
    refused(&post(&issuer, "/oauth/token", &all, &[]), "invalid_dpop_proof", "binding-missing");
    let [one, two] = [(); 2].map(|()| agent.dpop(&issuer, None));
    let both = post(&issuer, "/oauth/token", &all, &[("dpop", &one), ("dpop", &two)]);
    refused(&both, "invalid_dpop_proof", "malformed");
    // What was refused used nothing up.
    post(&issuer, "/oauth/token", &all, &[("dpop", &one)]).is(200);
    // An agent that may not act.
    let agents = issuer.get_as(&issuer.admin(), "/agents").is(200);
    let id = agents["items"][0]["id"].as_str().unwrap();
    issuer.post(&format!("/agents/{id}/suspend"), &Value::Null).is(200);
    refused(&send(&|_| ()), "unauthorized_client", "agent-suspended");
}

#[test]
fn dpop_proofs_hold_a_nonce_where_the_service_asks_for_one() {
    let issuer = start("[oauth]\ndpop_nonce = true");
    let agent = Client::enrolled(&issuer, 1);
    let grant = agent.grant(&issuer, &asked());
    let send = |nonce: Option<&str>| {
        let shown = agent.presentation(&issuer, std::slice::from_ref(&grant));
        let assertion = agent.assertion(&issuer);
        let all = parameters(&assertion, (PRESENTATION, &shown));
        post(&issuer, "/oauth/token", &all, &[("dpop", &agent.dpop(&issuer, nonce))])
    };
    let answer = send(None);
    refused(&answer, "use_dpop_nonce", "dpop-nonce-missing");
    let nonce = answer.header("dpop-nonce").unwrap().to_owned();
    let answer = send(Some(&nonce));
    answer.is(200);
    assert!(answer.header("dpop-nonce").is_some(), "for the next one");
    // A challenge is no nonce.
    let challenge = issuer.post("/challenges", &Value::Null).is(201)["challenge"].clone();
    refused(&send(challenge.as_str()), "use_dpop_nonce", "dpop-nonce-missing");
    refused(&send(Some("made-up")), "use_dpop_nonce", "dpop-nonce-missing");
}

#[test]
fn the_server_says_what_it_is() {
    let issuer = start("");
    let metadata = issuer.get("/.well-known/oauth-authorization-server").is(200);
    assert_eq!(metadata["issuer"], issuer.url());
    for (name, path) in [
        ("token_endpoint", "/oauth/token"),
        ("introspection_endpoint", "/oauth/introspect"),
        ("revocation_endpoint", "/oauth/revoke"),
        ("jwks_uri", "/oauth/jwks"),
    ] {
        assert_eq!(metadata[name], format!("{}{path}", issuer.url()));
    }
    let algorithms = json!(["EdDSA", "ES256", "ES384"]);
    assert_eq!(metadata["dpop_signing_alg_values_supported"], algorithms);
    assert_eq!(metadata["token_endpoint_auth_methods_supported"], json!(["private_key_jwt"]));
    assert_eq!(metadata["response_types_supported"], json!([]));
    assert_eq!(metadata["tls_client_certificate_bound_access_tokens"], false);
    // The key is its own: no DID document and no bundle has it.
    let keys = issuer.get("/oauth/jwks");
    assert_eq!(keys.header("content-type"), Some("application/jwk-set+json"));
    let x = keys.is(200)["keys"][0]["x"].as_str().unwrap().to_owned();
    let jwk = bonafide_testkit::json(&format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}"#));
    let key = PublicKey::from_jwk(jwk.as_object().unwrap()).unwrap().to_multikey();
    assert!(!issuer.get("/.well-known/did.json").text().contains(&key));
    assert_ne!(issuer.announced["bundleSigner"], format!("did:key:{key}"));
    issuer.restart();
    assert_eq!(issuer.get("/oauth/jwks").is(200)["keys"][0]["x"], x);
    assert!(issuer.get("/openapi.json").text().contains("/oauth/token"));
}
