//! Row 34: what one key signed for one purpose is believed for no other: refused by its type, its
//! audience or its purpose.

use bonafide_proof::dpop;
use bonafide_proof::jose::TokenType;
use serde_json::{Value, json};

use crate::issuer::client::{
    Client, JWT, PRESENTATION, asked, introspect, parameters, post, refused, start,
};
use crate::issuer::holder::send_with;
use crate::issuer::service::{Issuer, now};

/// What the key signs: each under the claims that it would need in every place at once, so that
/// nothing but its type tells them apart.
fn signed(issuer: &Issuer, agent: &Client, typ: TokenType) -> String {
    let claims = json!({
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "type": ["VerifiablePresentation"],
        "holder": agent.did(),
        "iss": agent.did(), "sub": agent.did(), "aud": issuer.url(), "jti": agent.fresh(),
        "iat": now().unix(), "exp": now().unix() + 60,
        "htm": "POST", "htu": format!("{}/oauth/token", issuer.url()),
    });
    agent.jwt(&claims, typ)
}

fn proof(issuer: &Issuer, agent: &Client) -> String {
    let (uri, jti) = (format!("{}/oauth/token", issuer.url()), agent.fresh());
    let draft =
        dpop::Draft { method: "POST", uri: &uri, jti: &jti, access_token: None, nonce: None };
    draft.sign(&agent.key, now()).unwrap()
}

const OTHERS: [TokenType; 6] = [
    TokenType::VC,
    TokenType::KB_JWT,
    TokenType::AT,
    TokenType::STATUS_LIST,
    TokenType { typ: "bonafide-bundle+jwt", cty: None },
    TokenType { typ: "openid4vci-proof+jwt", cty: None },
];

#[test]
fn row_34_only_a_client_assertion_authenticates_a_client() {
    let issuer = start("");
    let agent = Client::enrolled(&issuer, 1);
    let grant = [agent.grant(&issuer, &asked())];
    let send = |assertion: &str| {
        let shown = agent.presentation(&issuer, &grant);
        let all = parameters(assertion, (PRESENTATION, &shown));
        post(&issuer, "/oauth/token", &all, &[("dpop", &agent.dpop(&issuer, None))])
    };
    for good in [TokenType::CLIENT_AUTHENTICATION, TokenType::JWT] {
        send(&signed(&issuer, &agent, good)).is(200);
    }
    for typ in OTHERS.into_iter().chain([TokenType::VP]) {
        refused(&send(&signed(&issuer, &agent, typ)), "invalid_client", "typ-mismatch");
    }
    refused(&send(&proof(&issuer, &agent)), "invalid_client", "header-refused");
    // A presentation that is good for this very endpoint.
    let shown = agent.presentation(&issuer, &grant);
    refused(&send(&shown), "invalid_client", "typ-mismatch");
    // Nor does it give up a token.
    let token = agent.token(&issuer, &grant);
    for typ in [TokenType::VP, TokenType::KB_JWT] {
        let all = [
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", &signed(&issuer, &agent, typ)),
            ("token", &token),
        ];
        refused(&post(&issuer, "/oauth/revoke", &all, &[]), "invalid_client", "typ-mismatch");
    }
    assert_eq!(introspect(&issuer, &token)["active"], true);
}

#[test]
fn row_34_only_a_presentation_is_a_subject_token() {
    let issuer = start("");
    let agent = Client::enrolled(&issuer, 1);
    let grant = agent.grant(&issuer, &asked());
    let send = |kind: &str, text: &str| agent.exchange(&issuer, (kind, text), &[]);
    for typ in OTHERS.into_iter().chain([TokenType::CLIENT_AUTHENTICATION, TokenType::JWT]) {
        let code = if typ == TokenType::AT { "subject-token-renewal" } else { "typ-mismatch" };
        refused(&send(PRESENTATION, &signed(&issuer, &agent, typ)), "invalid_grant", code);
    }
    refused(&send(PRESENTATION, &proof(&issuer, &agent)), "invalid_grant", "header-refused");
    refused(&send(PRESENTATION, &agent.assertion(&issuer)), "invalid_grant", "typ-mismatch");
    // A credential that nobody presents.
    refused(&send(PRESENTATION, &grant.to_string()), "invalid_grant", "malformed");
    // Nothing of the agent's is a token of a provider.
    for typ in [TokenType::VP, TokenType::KB_JWT, TokenType::CLIENT_AUTHENTICATION] {
        let text = signed(&issuer, &agent, typ);
        refused(&send(JWT, &text), "invalid_grant", "token-malformed");
    }
    let text = signed(&issuer, &agent, TokenType::JWT);
    refused(&send(JWT, &text), "invalid_grant", "token-issuer-unknown");
}

#[test]
fn row_34_only_a_dpop_proof_shows_the_key() {
    let issuer = start("");
    let agent = Client::enrolled(&issuer, 1);
    let grant = [agent.grant(&issuer, &asked())];
    let send = |proof: &str| {
        let (assertion, shown) = (agent.assertion(&issuer), agent.presentation(&issuer, &grant));
        let all = parameters(&assertion, (PRESENTATION, &shown));
        post(&issuer, "/oauth/token", &all, &[("dpop", proof)])
    };
    send(&proof(&issuer, &agent)).is(200);
    for typ in OTHERS.into_iter().chain([TokenType::VP, TokenType::CLIENT_AUTHENTICATION]) {
        let text = signed(&issuer, &agent, typ);
        refused(&send(&text), "invalid_dpop_proof", "typ-mismatch");
    }
    // Even with the type: the key comes along.
    let text = signed(&issuer, &agent, TokenType::DPOP);
    refused(&send(&text), "invalid_dpop_proof", "malformed");
}

#[test]
fn row_34_only_a_presentation_of_this_request_asks_for_a_grant() {
    let issuer = start("");
    let agent = Client::enrolled(&issuer, 1);
    let body = asked().to_string();
    let send = |text: &str| send_with(&issuer, "POST", "/grants", body.as_bytes(), text, &[]);
    for typ in OTHERS.into_iter().chain([TokenType::CLIENT_AUTHENTICATION, TokenType::JWT]) {
        let answer = send(&signed(&issuer, &agent, typ));
        assert_eq!(answer.status, 401, "{}", answer.text());
    }
    send(&proof(&issuer, &agent)).is(401);
    // One for the token endpoint is none for this one, and the reverse.
    let shown = |path: &str, body: &[u8]| {
        let claims = agent.holder.request_claims(&issuer, "POST", path, body);
        agent.holder.present(&claims, &agent.holder.credentials)
    };
    assert_eq!(send(&shown("/oauth/token", body.as_bytes())).status, 401);
    let grant = send(&shown("/grants", body.as_bytes())).is(201);
    assert_ne!(grant["verifiableCredential"], Value::Null);
    let answer = agent.exchange(&issuer, (PRESENTATION, &shown("/grants", b"")), &[]);
    refused(&answer, "invalid_grant", "channel-mismatch");
}

#[test]
fn row_34_an_access_token_is_no_other_token() {
    let issuer = start("");
    let agent = Client::enrolled(&issuer, 1);
    let token = agent.token(&issuer, &[agent.grant(&issuer, &asked())]);
    // It opens nothing of the issuer's own.
    issuer.get_as(&token, "/agents").refused(401, "unauthorized");
    send_with(&issuer, "POST", "/grants", b"{}", &token, &[]).is(401);
    // Nor is it presented to anybody.
    issuer.write("token", &token);
    issuer.pull();
    issuer.verdict("token", &[]).is_rejected("typ-mismatch");
}
