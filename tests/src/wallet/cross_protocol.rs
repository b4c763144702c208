//! Row 34 at the verifier and at the wallet: what a key signed for one purpose counts for no other,
//! though nothing but its type tells it apart.

use std::time::Duration;

use bonafide_core::delegation::{Resource, Rights};
use bonafide_core::json::{Object, Value};
use bonafide_core::key::KeyType;
use bonafide_proof::dpop;
use bonafide_proof::jose::{self, TokenType};
use bonafide_proof::sd_jwt::SdJwt;
use bonafide_testkit::chain::digest_of;
use bonafide_testkit::{Attested, Format, json, now};
use bonafide_verifier::{Bundle, Outcome, Request, Verdict};
use bonafide_wallet::{
    Answer, DelegationPackage, HttpRequest, PresentationForm, Shown, Wallet, WalletError,
};

use super::{NONCE, World, did, random};

const SERVICE: &str = "https://one.example";
const URI: &str = "https://one.example/files";

/// Every other kind of token.
const OTHERS: [TokenType; 8] = [
    TokenType::KB_JWT,
    TokenType::AT,
    TokenType::STATUS_LIST,
    TokenType::DPOP,
    TokenType::CLIENT_AUTHENTICATION,
    TokenType::JWT,
    TokenType { typ: "bonafide-bundle+jwt", cty: None },
    TokenType { typ: "openid4vci-proof+jwt", cty: None },
];

fn answering() -> Request {
    Request::new().nonce(NONCE).audience(SERVICE).action("a")
}

fn requesting() -> Request {
    Request::new().audience(SERVICE).action("a").http("GET", URI)
}

/// An agent that is identified and granted something, and all that its key signs.
struct Agent {
    world: World,
    wallet: Wallet,
    shown: Vec<Shown>,
}

impl Agent {
    fn new() -> Self {
        let world = World::new();
        let mut wallet = world.wallet(1, KeyType::Ed25519);
        wallet.receive(world.identity(&wallet).as_bytes(), now()).unwrap();
        let rights = Rights {
            actions: vec!["a".to_owned()],
            resources: vec![Resource::parse("https://one.example/files").unwrap()],
            audience: vec![SERVICE.to_owned()],
            constraints: Vec::new(),
            max_depth: 1,
        };
        wallet.receive(world.grant(&wallet, rights).as_bytes(), now()).unwrap();
        let mut ids: Vec<String> = wallet.list().iter().map(|held| held.id.clone()).collect();
        ids.reverse();
        let shown = ids.into_iter().map(Shown::whole).collect();
        Self { world, wallet, shown }
    }

    /// Claims under the agent's key, as a token of this type.
    fn sign(&self, claims: &Value<'_>, token_type: TokenType) -> String {
        let key = self.wallet.default_key().unwrap();
        let signer = self.wallet.signer(&key.name).unwrap();
        jose::sign(claims, token_type, &key.method, signer).unwrap()
    }

    fn answer(&self) -> String {
        let answer = Answer { audience: SERVICE.to_owned(), nonce: NONCE.to_owned() };
        self.wallet.present(&self.shown, &answer, PresentationForm::Jwt, now()).unwrap()
    }

    fn request(&self) -> String {
        let request = HttpRequest::new(SERVICE, "GET", URI);
        self.wallet.present_request(&self.shown, &request, &mut random(5), now()).unwrap()
    }

    fn dpop(&self) -> String {
        let key = self.wallet.default_key().unwrap();
        let draft = dpop::Draft {
            method: "GET",
            uri: URI,
            jti: "proof-1",
            access_token: None,
            nonce: Some(NONCE),
        };
        draft.sign(self.wallet.signer(&key.name).unwrap(), now()).unwrap()
    }

    /// A key binding of this agent's, taken off its SD-JWT.
    fn key_binding(&self) -> String {
        let scene = &self.world.scene;
        let mut identity = object(scene.attestation(Attested::Identity, &scene.platinum));
        bonafide_testkit::chain::subject_of(&mut identity).insert("id", did(&self.wallet));
        let format = Format::VcSdJwt(KeyType::Ed25519);
        let token = scene.secure(identity.into(), &scene.registrar, format);
        let key = self.wallet.default_key().unwrap();
        let bound = SdJwt::parse(&token, TokenType::VC_SD_JWT)
            .unwrap()
            .bind_key(SERVICE, NONCE, now(), self.wallet.signer(&key.name).unwrap())
            .unwrap();
        bound.rsplit_once('~').unwrap().1.to_owned()
    }

    fn verdict(&self, input: &str, request: &Request) -> Verdict {
        self.world.verdict(input, request, now())
    }

    #[track_caller]
    fn refused(&self, input: &str, request: &Request, code: &str) {
        let verdict = self.verdict(input, request);
        assert!(verdict.has_reason(code), "expected {code}: {}", verdict.to_json());
        assert_eq!(verdict.outcome(), Outcome::Rejected);
        assert_eq!((verdict.level(), verdict.presenter()), (None, None), "{}", verdict.to_json());
    }
}

fn object(value: Value<'static>) -> Object<'static> {
    match value {
        Value::Object(object) => object,
        _ => panic!("an object"),
    }
}

/// The claims of a token.
fn claims(token: &str) -> Value<'static> {
    let payload = token.split('.').nth(1).unwrap();
    let payload = bonafide_core::encoding::decode_base64url(payload).unwrap();
    json(&String::from_utf8(payload).unwrap())
}

#[test]
fn row_34_a_verifier_takes_only_a_presentation_for_one() {
    let agent = Agent::new();
    for (good, request) in [(agent.answer(), answering()), (agent.request(), requesting())] {
        let verdict = agent.verdict(&good, &request);
        assert_eq!(verdict.outcome(), Outcome::Accepted, "{}", verdict.to_json());
        // Signed anew as itself it is as good; as anything else it is nothing.
        let claims = claims(&good);
        let again = agent.sign(&claims, TokenType::VP);
        assert_eq!(agent.verdict(&again, &request).outcome(), Outcome::Accepted);
        for typ in OTHERS {
            agent.refused(&agent.sign(&claims, typ), &request, "typ-mismatch");
        }
        // A credential of its own making, which says nothing of anybody.
        let credential = agent.sign(&claims, TokenType::VC);
        agent.refused(&credential, &request, "malformed");
    }
    // The real ones of each kind.
    for request in [answering(), requesting()] {
        agent.refused(&agent.dpop(), &request, "typ-mismatch");
        agent.refused(&agent.key_binding(), &request, "typ-mismatch");
        let held = agent.wallet.get(&agent.shown[0].id).unwrap();
        let credential = String::from_utf8(held.bytes.clone()).unwrap();
        agent.refused(&credential, &request, "presentation-required");
    }
    // One that answers a challenge is for no request, and the reverse.
    for (input, request) in [(agent.answer(), requesting()), (agent.request(), answering())] {
        let verdict = agent.verdict(&input, &request);
        assert!(verdict.has_reason("channel-mismatch"), "{}", verdict.to_json());
        assert_eq!((verdict.outcome(), verdict.level()), (Outcome::Rejected, None));
    }
}

#[test]
fn row_34_a_verifier_takes_only_a_credential_for_one() {
    let agent = Agent::new();
    let context = Value::from("https://www.w3.org/ns/credentials/v2");
    let answer = object(claims(&agent.answer()));
    let enveloping = |token: &str, media: &str| {
        let enveloped = Object::from([
            ("@context", context.clone()),
            ("id", format!("data:application/{media},{token}").into()),
            ("type", "EnvelopedVerifiableCredential".into()),
        ]);
        let mut claims = answer.clone();
        let Some(Value::Array(held)) = claims.get_mut("verifiableCredential") else {
            panic!("no list")
        };
        held.push(enveloped.into());
        agent.sign(&claims.into(), TokenType::VP)
    };
    let credential = claims(&agent.world.scene.attest(
        Attested::Identity,
        &agent.world.scene.platinum,
        Format::Jwt(KeyType::Ed25519),
    ));
    let refused = |token: &str, code: &str| {
        let verdict = agent.verdict(&enveloping(token, "vc+jwt"), &answering());
        assert!(verdict.has_reason(code), "expected {code}: {}", verdict.to_json());
        assert_eq!((verdict.outcome(), verdict.level()), (Outcome::Rejected, None));
    };
    for typ in OTHERS.into_iter().chain([TokenType::VP]) {
        let token = agent.sign(&credential, typ);
        refused(&token, "typ-mismatch");
    }
    for token in [agent.dpop(), agent.key_binding(), agent.request(), agent.answer()] {
        refused(&token, "typ-mismatch");
    }
}

#[test]
fn row_34_nothing_that_an_agent_signs_is_a_bundle() {
    let agent = Agent::new();
    let key = agent.wallet.default_key().unwrap();
    let toml = format!("version = 1\n[bundle]\nsigners = [\"{}\"]\n", key.did);
    let policy = bonafide_verifier::Policy::from_toml(&toml).unwrap();
    let content = claims(&agent.world.bundle);
    for typ in OTHERS.into_iter().chain([TokenType::VP, TokenType::VC]) {
        if typ.typ == "bonafide-bundle+jwt" {
            continue;
        }
        let error = Bundle::open(agent.sign(&content, typ).as_bytes(), &policy).unwrap_err();
        assert_eq!(error.code(), "bundle-invalid");
        assert!(error.to_string().contains("expected typ \"bonafide-bundle+jwt\""), "{error}");
    }
}

#[test]
fn row_34_a_delegation_is_signed_to_hand_on_and_for_nothing_else() {
    let agent = Agent::new();
    let mut tool = agent.world.wallet(2, KeyType::Ed25519);
    let mut planner = agent.wallet;
    let grant = agent.shown[0].id.clone();
    let order = bonafide_wallet::DelegationOrder {
        to: did(&tool),
        valid_for: Some(Duration::from_secs(60)),
        ..bonafide_wallet::DelegationOrder::default()
    };
    let package = planner.delegate(&grant, &order, &mut random(9), now()).unwrap();
    let leaf = String::from_utf8(package.chain[1].clone()).unwrap();
    let mut unsigned = object(json(&leaf));
    unsigned.remove("proof");
    let key = planner.default_key().unwrap();
    // The same words, signed as a presentation or as a claim.
    for relationship in [
        bonafide_core::did::Relationship::Authentication,
        bonafide_core::did::Relationship::AssertionMethod,
    ] {
        let options = bonafide_proof::data_integrity::ProofOptions::new(&key.method, relationship);
        let suite = bonafide_proof::data_integrity::Suites::JCS.for_key(KeyType::Ed25519).unwrap();
        let signer = planner.signer(&key.name).unwrap();
        let signed = bonafide_proof::data_integrity::add_proof(
            unsigned.clone().into(),
            &options,
            suite,
            signer,
        );
        let other = bonafide_core::json::to_canonical_string(&signed.unwrap());
        assert_eq!(digest_of(&json(&other)), digest_of(&json(&leaf)));
        let forged = DelegationPackage {
            chain: vec![package.chain[0].clone(), other.into_bytes()],
            credentials: Vec::new(),
        };
        let error = tool.receive_package(forged.to_json().unwrap().as_bytes(), now()).unwrap_err();
        assert!(codes(&error).contains(&"purpose-mismatch"), "{error}");
    }
    tool.receive_package(package.to_json().unwrap().as_bytes(), now()).unwrap();
}

fn codes(error: &WalletError) -> Vec<&'static str> {
    match error {
        WalletError::Refused(reasons) => {
            reasons.iter().map(bonafide_verifier::Reason::code).collect()
        }
        other => panic!("{other}"),
    }
}

#[test]
fn row_34_a_wallet_receives_nothing_but_credentials() {
    let agent = Agent::new();
    let mut wallet = agent.world.wallet(1, KeyType::Ed25519);
    let own = |typ| {
        let mut credential = object(claims(&agent.world.scene.attest(
            Attested::Identity,
            &agent.world.scene.platinum,
            Format::Jwt(KeyType::Ed25519),
        )));
        bonafide_testkit::chain::subject_of(&mut credential).insert("id", did(&agent.wallet));
        agent.sign(&credential.into(), typ)
    };
    let mut refused = |token: &str, says: &str| {
        let error = wallet.receive(token.as_bytes(), now()).unwrap_err();
        assert!(matches!(error, WalletError::Credential(_)), "{error}");
        assert!(error.to_string().contains(says), "{says}: {error}");
        // Nor as a link that somebody hands on.
        let package =
            DelegationPackage { chain: vec![token.as_bytes().to_vec()], credentials: Vec::new() };
        let error =
            wallet.receive_package(package.to_json().unwrap().as_bytes(), now()).unwrap_err();
        assert!(error.to_string().contains(says), "{says}: {error}");
        assert!(wallet.list().is_empty());
    };
    for typ in OTHERS.into_iter().chain([TokenType::VP]) {
        refused(&own(typ), "expected typ \"vc+jwt\"");
    }
    for token in [agent.key_binding(), agent.request(), agent.answer()] {
        refused(&token, "expected typ \"vc+jwt\"");
    }
    refused(&agent.dpop(), "\"jwk\" is refused");
    // With the right type it is a credential: one that its own subject signed.
    let error = wallet.receive(own(TokenType::VC).as_bytes(), now()).unwrap_err();
    assert!(codes(&error).contains(&"issuer-mismatch"), "{error}");
    // And a bundle is not kept as one, though the wallet knows its signer.
    let bundle = agent.world.bundle.clone();
    let error = wallet.receive(bundle.as_bytes(), now()).unwrap_err();
    assert!(error.to_string().contains("expected typ"), "{error}");
    let error = wallet.update_bundle("registrar", agent.request().into_bytes(), now()).unwrap_err();
    assert_eq!(codes(&error), ["bundle-invalid"]);
}
