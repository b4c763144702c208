//! A wallet and its issuer, as an agent's own program has them.

use std::future::Future;
use std::time::Duration;

use bonafide_core::key::KeyType;
use bonafide_wallet::client::{
    self, ClientError, Connection, Enrolment, ExchangeOrder, GrantOrder, PrincipalProof,
    SubjectToken,
};
use bonafide_wallet::{PresentationForm, Shown, Standing, Wallet, WalletError};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::agent::{CODE, MODEL};
use super::client::{introspect, provider_token, start};
use super::service::{Issuer, now};
use crate::wallet::random;

const FILES: &str = "https://files.example";
const REPORTS: &str = "https://files.example/reports";

/// Whoever embeds a wallet may send its futures to another thread.
fn run<T>(future: impl Future<Output = T> + Send) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(future)
}

/// A link with more said than what has to be.
fn link(issuer: &Issuer, more: &[(&str, &str)]) -> String {
    let mut asked = json!({
        "name": "Courier", "kind": "tool", "version": "1.0.0", "modelDigest": MODEL,
        "codeDigest": CODE, "sponsor": "did:web:acme.example",
    });
    for (name, value) in more {
        asked[*name] = Value::from(*value);
    }
    issuer.post("/enrolment-links", &asked).is(201)["link"].as_str().unwrap().to_owned()
}

/// A wallet whose agent is enrolled; what it calls the issuer.
fn enrolled(issuer: &Issuer, seed: u64, more: &[(&str, &str)]) -> (Wallet, String) {
    let mut wallet = Wallet::in_memory();
    let (mut random, link) = (random(seed), link(issuer, more));
    wallet.new_key("agent", KeyType::Ed25519, &mut random, now()).unwrap();
    let (order, connection) = (Enrolment::default(), Connection::default());
    let enrolled = run(wallet.enrol(&link, &order, &connection, &mut random, now())).unwrap();
    assert_eq!(enrolled.received[0].types, ["AgentIdentityCredential"]);
    assert_eq!(enrolled.received[0].unknown, Vec::<String>::new());
    (wallet, enrolled.issuer)
}

fn order() -> GrantOrder {
    GrantOrder {
        task: "book-travel-4711".to_owned(),
        actions: vec!["files.read".to_owned()],
        resources: vec![REPORTS.to_owned()],
        audience: vec![FILES.to_owned()],
        valid_for: Some(Duration::from_secs(300)),
        ..GrantOrder::default()
    }
}

fn code(error: &ClientError) -> Option<&str> {
    match error {
        ClientError::Refused(refusal) => refusal.code.as_deref(),
        _ => None,
    }
}

#[test]
fn a_grant_becomes_a_token_and_ends_with_its_task() {
    // With and without a nonce that the server gives.
    for settings in ["", "[oauth]\ndpop_nonce = true\n"] {
        let issuer = start(settings);
        let (mut wallet, name) = enrolled(&issuer, 1, &[]);
        let (connection, mut random) = (Connection::default(), random(2));
        let token = PrincipalProof::Token(Zeroizing::new(provider_token("JWT", &[])));
        let asked = GrantOrder { principal: Some(token), ..order() };
        let granted =
            run(wallet.request_grant(&name, &asked, &connection, &mut random, now())).unwrap();
        assert_eq!(granted.rule, "reports");
        let id = granted.received.id;
        assert_eq!(wallet.standing(&id, now()).unwrap(), Standing::Good);

        let subject = SubjectToken::Credentials(vec![Shown::whole(&id)]);
        let audience = vec![FILES.to_owned()];
        let asked = ExchangeOrder { subject, audience, ..ExchangeOrder::default() };
        let token = run(wallet.exchange(&name, &asked, &connection, &mut random, now())).unwrap();
        assert_eq!((token.scheme.as_str(), token.key.as_str()), ("DPoP", "agent"));
        assert!(token.until > now() && !format!("{token:?}").contains(&*token.token));
        let found = introspect(&issuer, &token.token);
        assert_eq!(found["sub"], "alice");
        assert_eq!(found["aud"], json!(FILES));
        assert_eq!(found["scope"], "files.read");

        let asked = ExchangeOrder { scope: vec!["files.write".to_owned()], ..asked };
        let refused = run(wallet.exchange(&name, &asked, &connection, &mut random, now()));
        assert!(matches!(refused, Err(ClientError::Refused(_))), "{refused:?}");

        run(wallet.complete(&id, Some("done"), &connection, &mut random, now())).unwrap();
        assert_eq!(wallet.get(&id), None);
        assert_eq!(introspect(&issuer, &token.token), json!({"active": false}));
        let record = issuer.get_as(&issuer.admin(), "/audit?event=grant-completed").is(200);
        assert_eq!(record["items"][0]["record"]["outcome"], "done");
    }
}

#[test]
fn on_whose_behalf_is_shown_or_refused() {
    let issuer = start("");
    let (mut wallet, name) = enrolled(&issuer, 1, &[]);
    let (connection, mut random) = (Connection::default(), random(2));
    let mut person = Wallet::in_memory();
    person.new_key("me", KeyType::P256, &mut random, now()).unwrap();
    let challenge = run(client::challenge(&issuer.url(), &connection)).unwrap();
    let mut ask = |principal| {
        let asked = GrantOrder { principal: Some(principal), ..order() };
        run(wallet.request_grant(&name, &asked, &connection, &mut random, now()))
    };
    // In either form it is understood; the policy names nobody who speaks for himself.
    for form in [PresentationForm::Jwt, PresentationForm::DataIntegrity] {
        let word = person.present(&[], &challenge, form, now()).unwrap();
        let refused = ask(PrincipalProof::Presentation(word)).unwrap_err();
        assert_eq!(code(&refused), Some("grant-refused"), "{refused}");
    }
    let other = Value::from("https://other.example");
    let token = provider_token("JWT", &[("aud", other)]);
    let refused = ask(PrincipalProof::Token(Zeroizing::new(token))).unwrap_err();
    assert_eq!(code(&refused), Some("principal-refused"), "{refused}");
    let refused = ask(PrincipalProof::Presentation("neither".to_owned())).unwrap_err();
    assert_eq!(code(&refused), Some("principal-refused"), "{refused}");
}

#[test]
fn an_identity_is_renewed_when_it_is_time() {
    let issuer = start("");
    let (mut wallet, name) = enrolled(&issuer, 1, &[("validFor", "15s")]);
    let (connection, mut random) = (Connection::default(), random(2));
    let ends = |wallet: &Wallet| wallet.list().iter().map(|held| held.valid_until).max().unwrap();
    let first = ends(&wallet);
    // The issuer finds it too early; that is no error.
    let renewed = run(wallet.renew(&name, &connection, &mut random, now())).unwrap();
    assert_eq!(renewed, []);
    let mut renewed = Vec::new();
    while renewed.is_empty() && now() < first.unwrap() {
        std::thread::sleep(Duration::from_millis(500));
        renewed = run(wallet.renew(&name, &connection, &mut random, now())).unwrap();
    }
    assert_eq!(renewed.len(), 1);
    assert!(ends(&wallet) > first);
    assert_eq!(wallet.list().len(), 2);
    // With months to go nothing is asked.
    let (mut wallet, name) = enrolled(&issuer, 3, &[]);
    issuer.kill();
    assert_eq!(run(wallet.renew(&name, &connection, &mut random, now())).unwrap(), []);
}

#[test]
fn an_issuer_that_became_another_is_not_believed() {
    let issuer = start("");
    let (mut wallet, name) = enrolled(&issuer, 1, &[]);
    let (connection, mut random) = (Connection::default(), random(2));
    // As if the wallet had known one with other keys at this place.
    let mut known = wallet.issuer(&name).unwrap().clone();
    let right = known.bundle_signer.replace("did:key:z6Mkother".to_owned());
    wallet.put_issuer(known.clone()).unwrap();
    let refused = run(wallet.pull(&name, &connection, now())).unwrap_err();
    assert!(matches!(refused, ClientError::Wallet(WalletError::Refused(_))), "{refused}");
    // Noticed before the link is used up.
    let again = link(&issuer, &[]);
    wallet.new_key("second", KeyType::Ed25519, &mut random, now()).unwrap();
    let as_second = Enrolment { key: Some("second".to_owned()), issuer_name: None };
    let refused = run(wallet.enrol(&again, &as_second, &connection, &mut random, now()));
    let foreign =
        |error: &ClientError| matches!(error, ClientError::Wallet(WalletError::Refused(_)));
    assert!(refused.as_ref().is_err_and(foreign), "{refused:?}");
    assert_eq!(wallet.issuer(&name), Some(&known));
    known.bundle_signer = right;
    let did = std::mem::replace(&mut known.did, "did:web:other.example".to_owned());
    wallet.put_issuer(known.clone()).unwrap();
    let refused = run(wallet.enrol(&again, &as_second, &connection, &mut random, now()));
    assert!(matches!(refused, Err(ClientError::IssuerChanged { .. })), "{refused:?}");
    known.did = did;
    wallet.put_issuer(known).unwrap();
    run(wallet.pull(&name, &connection, now())).unwrap();

    let refused = run(wallet.pull("nobody", &connection, now())).unwrap_err();
    assert!(matches!(refused, ClientError::Wallet(WalletError::NoIssuer(_))), "{refused}");
    issuer.kill();
    let refused = run(wallet.pull(&name, &connection, now())).unwrap_err();
    assert!(matches!(refused, ClientError::Unanswered { .. }), "{refused}");
}

#[test]
fn an_agent_takes_another_key_and_the_old_one_says_nothing_more() {
    let issuer = start("");
    let (mut wallet, name) = enrolled(&issuer, 21, &[]);
    let (connection, mut random) = (Connection::default(), random(22));
    let old = wallet.list()[0].id.clone();
    wallet.new_key("next", KeyType::P256, &mut random, now()).unwrap();
    let rotated = wallet.rotate_key(&name, "agent", "next", &connection, &mut random, now());
    let received = run(rotated).unwrap();
    assert_eq!(received[0].types, ["AgentIdentityCredential"]);
    let key = wallet.default_key().unwrap();
    assert_eq!(key.name, "next");
    assert_eq!(wallet.get(&received[0].id).unwrap().subject.as_ref(), Some(&key.did));
    assert_eq!(wallet.key("agent").unwrap().state, bonafide_wallet::KeyState::Retired);
    run(wallet.pull(&name, &connection, now())).unwrap();
    assert_eq!(wallet.standing(&old, now()).unwrap(), Standing::Revoked);
    assert_eq!(wallet.standing(&received[0].id, now()).unwrap(), Standing::Good);
    // The new key is asked for what the old one was, and the old one for nothing.
    let again = wallet.rotate_key(&name, "agent", "next", &connection, &mut random, now());
    assert!(run(again).is_err());
    let token = PrincipalProof::Token(Zeroizing::new(provider_token("JWT", &[])));
    let asked = GrantOrder { principal: Some(token), ..order() };
    let granted = run(wallet.request_grant(&name, &asked, &connection, &mut random, now()));
    assert_eq!(granted.unwrap().rule, "reports");
}
