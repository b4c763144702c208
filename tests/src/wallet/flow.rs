//! Receiving, choosing, presenting and delegating, in memory.

use std::time::Duration;

use bonafide_core::delegation::{Constraint, Resource, Rights};
use bonafide_core::json::{Value, to_canonical_string};
use bonafide_core::key::KeyType;
use bonafide_linked_data::SUITES;
use bonafide_testkit::{Attested, Format, at, json, now, secure_base};
use bonafide_verifier::{Outcome, Reason, Request};
use bonafide_wallet::{
    Answer, DelegationOrder, DelegationPackage, HttpRequest, PresentationForm, Shown, Standing,
    Wallet, WalletError, Wanted,
};
use sha2::{Digest, Sha256};

use super::narrowing::signed_by;
use super::{DI, NONCE, World, did, hand_over, random};

const SERVICE: &str = "https://one.example";

fn rights() -> Rights {
    Rights {
        actions: vec!["a".to_owned(), "b".to_owned()],
        resources: vec![Resource::parse("https://r.example/x").unwrap()],
        audience: vec![SERVICE.to_owned()],
        constraints: vec![Constraint::Uses { max: 3 }],
        max_depth: 2,
    }
}

fn answer() -> Answer {
    Answer { audience: SERVICE.to_owned(), nonce: NONCE.to_owned() }
}

fn asked() -> Request {
    Request::new().nonce(NONCE).audience(SERVICE).action("a").resource("https://r.example/x/1")
}

/// A wallet with its identity and a grant; the grant's id.
fn granted(world: &World, seed: u64) -> (Wallet, String) {
    let mut wallet = world.wallet(seed, KeyType::Ed25519);
    wallet.receive(world.identity(&wallet).as_bytes(), now()).unwrap();
    let id = wallet.receive(world.grant(&wallet, rights()).as_bytes(), now()).unwrap().id;
    (wallet, id)
}

#[test]
fn a_grant_goes_down_to_a_tool_and_the_service_sees_the_whole_chain() {
    let world = World::new();
    let (mut planner, grant) = granted(&world, 1);
    let (mut worker, mut tool) =
        (world.wallet(2, KeyType::P256), world.wallet(3, KeyType::Ed25519));
    worker.receive(world.identity(&worker).as_bytes(), now()).unwrap();
    let order = DelegationOrder {
        to: did(&worker),
        actions: Some(vec!["a".to_owned()]),
        valid_for: Some(Duration::from_secs(300)),
        part: Some("fetch".to_owned()),
        children: 1,
        ..DelegationOrder::default()
    };
    let package = planner.delegate(&grant, &order, &mut random(9), now()).unwrap();
    let part = hand_over(&package, &mut worker);
    let order = DelegationOrder {
        to: did(&tool),
        resources: Some(vec!["https://r.example/x/1".to_owned()]),
        ..DelegationOrder::default()
    };
    let package = worker.delegate(&part, &order, &mut random(10), now()).unwrap();
    let leaf = hand_over(&package, &mut tool);
    let wanted = Wanted { action: Some("a".to_owned()), ..Wanted::default() };
    let chosen = tool.choose(&wanted, now()).unwrap();
    // The chain's end, and who its agents are as far as that is known.
    assert_eq!(chosen[0], leaf);
    assert_eq!(chosen.len(), 3);
    let shown: Vec<Shown> = chosen.into_iter().map(Shown::whole).collect();
    for form in [PresentationForm::Jwt, PresentationForm::DataIntegrity] {
        let presented = tool.present(&shown, &answer(), form, now()).unwrap();
        let verdict = world.verdict(&presented, &asked(), now());
        assert_eq!(verdict.outcome(), Outcome::Accepted, "{}", verdict.to_json());
        let chain = verdict.chain();
        let agents: Vec<&str> = chain.iter().map(|link| link.subject.as_str()).collect();
        assert_eq!(agents, [did(&planner), did(&worker), did(&tool)]);
        assert_eq!(chain[2].task, "task/fetch");
        assert_eq!(verdict.principal().unwrap().subject, "alice");
        // The limit on uses is that of each link.
        assert_eq!(verdict.effective().obligations.len(), 3);
    }
    // The worker's own presentation reaches no further than the worker's part.
    let shown = [Shown::whole(&part)];
    let presented = worker.present(&shown, &answer(), PresentationForm::Jwt, now()).unwrap();
    let b = Request::new().nonce(NONCE).audience(SERVICE).action("b");
    assert!(world.verdict(&presented, &b, now()).has_reason("action-not-granted"));
}

#[test]
fn what_would_widen_is_refused_before_anything_is_signed() {
    let world = World::new();
    let (mut planner, grant) = granted(&world, 1);
    let to = did(&world.wallet(2, KeyType::Ed25519));
    let order = DelegationOrder { to, ..DelegationOrder::default() };
    let before = planner.list().len();
    let mut refused = |order: DelegationOrder| {
        planner.delegate(&grant, &order, &mut random(9), now()).expect_err("a refusal")
    };
    let widens = |error: WalletError| match error {
        WalletError::Widens(found) => found.into_iter().map(|one| one.what).collect::<Vec<_>>(),
        other => panic!("{other}"),
    };
    let actions = Some(vec!["a".to_owned(), "c".to_owned()]);
    assert_eq!(widens(refused(DelegationOrder { actions, ..order.clone() })), ["action"]);
    let resources = Some(vec!["https://r.example".to_owned()]);
    assert_eq!(widens(refused(DelegationOrder { resources, ..order.clone() })), ["resource"]);
    let audience = Some(vec!["https://two.example".to_owned()]);
    assert_eq!(widens(refused(DelegationOrder { audience, ..order.clone() })), ["audience"]);
    let max_depth = Some(2);
    assert_eq!(widens(refused(DelegationOrder { max_depth, ..order.clone() })), ["depth"]);
    let valid_for = Some(Duration::from_secs(3_600));
    let error = refused(DelegationOrder { valid_for, ..order.clone() });
    assert!(matches!(error, WalletError::OutlivesParent { .. }), "{error}");
    let resources = Some(vec!["https://r.example/x/../y".to_owned()]);
    let error = refused(DelegationOrder { resources, ..order.clone() });
    assert!(matches!(error, WalletError::Credential(_)), "{error}");
    let constraints = vec![Constraint::Unknown { constraint_type: "Mood".to_owned() }];
    let error = refused(DelegationOrder { constraints, ..order.clone() });
    assert!(matches!(error, WalletError::ConstraintUnknown(_)), "{error}");
    let error =
        refused(DelegationOrder { to: "did:web:agent.example".to_owned(), ..order.clone() });
    assert!(matches!(error, WalletError::ReceiverKeyMissing(_)), "{error}");
    let error = refused(DelegationOrder { children: 39, ..order });
    assert!(matches!(error, WalletError::NoStatusLeft), "{error}");
    // A refusal uses no status up.
    assert!((30_001..30_040).all(|index| !planner.is_used(&world.scene.registrar.list, index)));
    assert_eq!(planner.list().len(), before);
}

#[test]
fn only_what_verifies_and_is_ours_is_received() {
    let world = World::new();
    let mut wallet = world.wallet(1, KeyType::Ed25519);
    let identity = world.identity(&wallet);
    // Of somebody else.
    let other = world.wallet(2, KeyType::Ed25519);
    let error = wallet.receive(world.identity(&other).as_bytes(), now()).unwrap_err();
    assert!(matches!(error, WalletError::NotOurs(_)), "{error}");
    // Tampered with, ended, by an issuer that nobody introduced.
    let codes = |error: WalletError| match error {
        WalletError::Refused(reasons) => reasons.iter().map(Reason::code).collect::<Vec<_>>(),
        other => panic!("{other}"),
    };
    let tampered = identity.replacen("orchestrator", "tool", 1);
    assert_ne!(tampered, identity);
    assert_eq!(codes(wallet.receive(tampered.as_bytes(), now()).unwrap_err()), ["proof-invalid"]);
    let late = at("2027-01-01T00:00:00Z");
    assert!(codes(wallet.receive(identity.as_bytes(), late).unwrap_err()).contains(&"expired"));
    let scene = &world.scene;
    let score = scene.attestation(Attested::PactScore, &scene.platinum);
    let bonafide_core::json::Value::Object(mut score) = score else { panic!("an object") };
    bonafide_testkit::chain::subject_of(&mut score).insert("id", did(&wallet));
    let score = scene.secure(score.into(), &scene.scorer, DI);
    let refused = codes(wallet.receive(score.as_bytes(), now()).unwrap_err());
    assert!(refused.contains(&"issuer-untrusted"), "{refused:?}");
    for garbage in ["", "{", "{}", "a.b.c", "\u{0}"] {
        assert!(wallet.receive(garbage.as_bytes(), now()).is_err(), "{garbage:?}");
    }
    assert!(wallet.list().is_empty());
    let received = wallet.receive(identity.as_bytes(), now()).unwrap();
    assert_eq!(received.types, ["AgentIdentityCredential"]);
    assert!(received.unknown.is_empty());
    // The bundle is of some minutes ago; an hour later nobody knows what was revoked since.
    let later = at("2026-11-22T13:30:00Z");
    assert_eq!(wallet.standing(&received.id, now()).unwrap(), Standing::Good);
    assert_eq!(wallet.standing(&received.id, later).unwrap(), Standing::NotKnown);
}

/// A package whose delegation has another id, signed by its delegator.
fn renamed(planner: &Wallet, package: &DelegationPackage, id: &str) -> DelegationPackage {
    let mut package = package.clone();
    let leaf = package.chain.pop().unwrap();
    let Value::Object(mut leaf) = json(&String::from_utf8(leaf).unwrap()) else {
        panic!("an object")
    };
    leaf.remove("proof");
    leaf.insert("id", id.to_owned());
    let leaf = signed_by(planner, leaf.into(), &planner.default_key().unwrap().method);
    package.chain.push(to_canonical_string(&leaf).into_bytes());
    package
}

#[test]
fn a_package_replaces_nothing_that_is_held() {
    let world = World::new();
    let (mut planner, grant) = granted(&world, 1);
    let mut worker = world.wallet(2, KeyType::Ed25519);
    let identity = world.identity(&worker);
    let identity_id = worker.receive(identity.as_bytes(), now()).unwrap().id;
    let order = DelegationOrder { to: did(&worker), ..DelegationOrder::default() };
    let package = planner.delegate(&grant, &order, &mut random(9), now()).unwrap();
    let part = hand_over(&package, &mut worker);
    let held = worker.list().to_vec();
    // In the name of its own identity, and of the planner's.
    let others = held.iter().find(|one| one.key.is_none() && one.types[1].contains("Identity"));
    for id in [&identity_id, &others.unwrap().id] {
        let package = renamed(&planner, &package, id).to_json().unwrap();
        let error = worker.receive_package(package.as_bytes(), now()).unwrap_err();
        assert!(matches!(&error, WalletError::IdTaken(taken) if taken == id), "{error}");
        assert_eq!(worker.list(), held);
    }
    // The same once more is no other.
    assert_eq!(hand_over(&package, &mut worker), part);
    assert_eq!(worker.list(), held);
    // Nor does an issuer replace what another made, or what lasts longer.
    let Value::Object(mut older) = json(&identity) else { panic!("an object") };
    older.remove("proof");
    older.insert("validUntil", "2026-11-25T00:00:00Z");
    let older = world.scene.secure(older.into(), &world.scene.registrar, DI);
    let error = worker.receive(older.as_bytes(), now()).unwrap_err();
    assert!(matches!(error, WalletError::IdTaken(_)), "{error}");
    assert_eq!(worker.list(), held);
}

#[test]
fn a_part_that_counts_at_another_time_of_day_is_received() {
    let world = World::new();
    let mut planner = world.wallet(1, KeyType::Ed25519);
    let mut rights = rights();
    rights.constraints.push(Constraint::TimeOfDay { from: 18 * 60, until: 8 * 60 });
    let grant = world.grant(&planner, rights);
    let grant = planner.receive(grant.as_bytes(), now()).unwrap().id;
    let mut worker = world.wallet(2, KeyType::Ed25519);
    let order = DelegationOrder { to: did(&worker), ..DelegationOrder::default() };
    let package = planner.delegate(&grant, &order, &mut random(9), now()).unwrap();
    let part = hand_over(&package, &mut worker);
    let shown = [Shown::whole(&part)];
    let presented = worker.present(&shown, &answer(), PresentationForm::Jwt, now()).unwrap();
    assert!(world.verdict(&presented, &asked(), now()).has_reason("constraint-unmet"));
}

#[test]
fn nobody_gets_a_part_twice() {
    let world = World::new();
    let (mut planner, grant) = granted(&world, 1);
    let order = DelegationOrder { to: did(&planner), ..DelegationOrder::default() };
    let error = planner.delegate(&grant, &order, &mut random(9), now()).unwrap_err();
    assert!(matches!(error, WalletError::InChain(_)), "{error}");
    assert!((30_001..30_040).all(|index| !planner.is_used(&world.scene.registrar.list, index)));
}

#[test]
fn what_may_be_hidden_is_not_handed_on_whole() {
    let world = World::new();
    let mut planner = world.wallet(1, KeyType::Ed25519);
    planner.use_suites(SUITES);
    let Value::Object(mut identity) = json(&world.identity(&planner)) else { panic!("an object") };
    identity.remove("proof");
    let registrar = &world.scene.registrar;
    let (key, method) = registrar.signer(KeyType::P256);
    let base = secure_base(identity.into(), &*key, &method, Format::EcdsaSd);
    planner.receive(base.as_bytes(), now()).unwrap();
    let grant = world.grant(&planner, rights());
    let grant = planner.receive(grant.as_bytes(), now()).unwrap().id;
    let to = did(&world.wallet(2, KeyType::Ed25519));
    let order = DelegationOrder { to, ..DelegationOrder::default() };
    let package = planner.delegate(&grant, &order, &mut random(9), now()).unwrap();
    assert_eq!(package.credentials, Vec::<Vec<u8>>::new());
}

#[test]
fn what_has_ended_is_not_presented_and_the_account_says_so() {
    let world = World::new();
    let (wallet, grant) = granted(&world, 1);
    let late = at("2026-11-22T12:10:00Z");
    let error = wallet
        .present(&[Shown::whole(&grant)], &answer(), PresentationForm::Jwt, late)
        .unwrap_err();
    assert!(matches!(error, WalletError::NotPresentable { .. }), "{error}");
    let wanted = Wanted {
        types: vec!["AgentIdentityCredential".to_owned(), "PactScoreCredential".to_owned()],
        action: Some("a".to_owned()),
        ..Wanted::default()
    };
    let missing = wallet.choose(&wanted, late).unwrap_err();
    assert_eq!(
        missing.to_string(),
        "no grant that allows it: urn:x:grant ended at 2026-11-22T12:10:00Z; \
         no PactScoreCredential: none is held for this key"
    );
    let wanted = Wanted { action: Some("c".to_owned()), ..Wanted::default() };
    let missing = wallet.choose(&wanted, now()).unwrap_err();
    assert_eq!(missing.to_string(), "no grant that allows it: urn:x:grant does not allow c");
}

#[test]
fn a_revocation_is_noticed_with_the_next_bundle() {
    let world = World::new();
    let (mut wallet, grant) = granted(&world, 1);
    let mut draft = world.scene.bundle_draft();
    draft.sequence += 1;
    let revoked = world.scene.status_list(&world.scene.registrar, &[super::ROOT]);
    for content in &mut draft.content {
        if let bonafide_verifier::BundleContent::StatusList { credential, .. } = content
            && credential.get("id") == revoked.get("id")
        {
            *credential = revoked.clone();
        }
    }
    let newer = world.scene.sign_bundle(&draft);
    wallet.update_bundle("registrar", newer.clone().into_bytes(), now()).unwrap();
    assert_eq!(wallet.standing(&grant, now()).unwrap(), Standing::Revoked);
    let error = wallet.present(&[Shown::whole(&grant)], &answer(), PresentationForm::Jwt, now());
    assert!(error.is_err());
    // The older one does not come back, nor does anybody else's.
    let error = wallet.update_bundle("registrar", world.bundle.clone().into_bytes(), now());
    assert!(matches!(error, Err(WalletError::BundleOlder { .. })));
    // Nor another with the number of the newest.
    draft.content.pop();
    let forked = world.scene.sign_bundle(&draft).into_bytes();
    let error = wallet.update_bundle("registrar", forked, now());
    assert!(matches!(error, Err(WalletError::BundleForked(_))));
    wallet.update_bundle("registrar", newer.into_bytes(), now()).unwrap();
    let foreign = draft.sign(&world.scene.stranger.method, &world.scene.stranger.key).unwrap();
    assert!(wallet.update_bundle("registrar", foreign.into_bytes(), now()).is_err());
    assert_eq!(wallet.standing(&grant, now()).unwrap(), Standing::Revoked);
}

#[test]
fn a_request_presentation_is_good_for_its_request_alone() {
    let world = World::new();
    let (wallet, grant) = granted(&world, 1);
    let uri = "https://one.example/files?x=1";
    let body = b"{\"a\":1}";
    let request = HttpRequest::new(SERVICE, "POST", uri).body(&body[..]);
    let ids = wallet
        .choose(&Wanted { action: Some("a".to_owned()), ..Wanted::default() }, now())
        .unwrap();
    assert!(ids.contains(&grant));
    let shown: Vec<Shown> = ids.into_iter().map(Shown::whole).collect();
    let token = wallet.present_request(&shown, &request, &mut random(5), now()).unwrap();
    let digest: [u8; 32] = Sha256::digest(body).into();
    let asked = |method: &str, uri: &str| {
        Request::new().audience(SERVICE).action("a").http(method, uri).body_digest(digest)
    };
    let verdict = world.verdict(&token, &asked("POST", "https://one.example/files"), now());
    assert_eq!(verdict.outcome(), Outcome::Accepted, "{}", verdict.to_json());
    let refused = |request: Request, code: &str| {
        let verdict = world.verdict(&token, &request, now());
        assert!(verdict.has_reason(code), "{code}: {}", verdict.to_json());
        assert_eq!(verdict.outcome(), Outcome::Rejected);
    };
    refused(asked("GET", uri), "channel-mismatch");
    refused(asked("POST", "https://one.example/other"), "channel-mismatch");
    refused(asked("POST", uri).body_digest([0; 32]), "channel-mismatch");
    refused(Request::new().audience(SERVICE).action("a").http("POST", uri), "channel-mismatch");
    refused(asked("POST", uri).peer_certificate([7; 32]), "channel-mismatch");
    refused(asked("POST", uri).audience("https://two.example"), "audience-mismatch");
    refused(asked("POST", uri).nonce("n"), "nonce-mismatch");
    // It is no answer to anything but an HTTP request.
    refused(Request::new().audience(SERVICE).nonce(NONCE), "channel-mismatch");
    let later = world.verdict(&token, &asked("POST", uri), at("2026-11-22T12:01:31Z"));
    assert!(later.has_reason("expired"), "{}", later.to_json());
    // Used once, where the service remembers.
    let mut seen = bonafide_verifier::MemorySeen::default();
    let once = world.verdict(&token, &asked("POST", uri), now()).remembered(&mut seen);
    assert_eq!(once.outcome(), Outcome::Accepted);
    let twice = world.verdict(&token, &asked("POST", uri), now()).remembered(&mut seen);
    assert!(twice.has_reason("replayed"));
    // And one that lives for hours is not made, and would not be taken.
    let mut long = request;
    long.valid_for = Duration::from_secs(301);
    let error = wallet.present_request(&shown, &long, &mut random(5), now()).unwrap_err();
    assert!(matches!(error, WalletError::LifeRefused));
}
