//! Chains of grants and delegations, and presentations bound to one HTTP request.

use std::hint::black_box;

use bonafide_core::json::{Number, Value};
use bonafide_core::key::KeyType;
use bonafide_core::vc::new_presentation;
use bonafide_proof::jose::{self, TokenType};
use bonafide_testkit::chain::{ACTION, Chains, RESOURCE, SERVICE, chains};
use bonafide_testkit::{Agent, Attested, Format, NONCE, json, now};
use bonafide_verifier::{
    Bundle, Evidence, KeyCache, Outcome, Policy, Request, SignatureCache, verify,
};

use crate::{Bare, Recorder, medians};

struct Service {
    chains: Chains,
    policy: Policy,
    bundle: Bundle,
    keys: KeyCache,
}

impl Service {
    fn new() -> Self {
        let chains = chains();
        let carried = "[delegation]\ncarried = \"work\"\n[[issuer]]";
        let policy = chains.policy_toml().replacen("[[issuer]]", carried, 1);
        let policy = Policy::from_toml(&policy).unwrap();
        let bundle = Bundle::open(chains.scene.bundle().as_bytes(), &policy).unwrap();
        Self { chains, policy, bundle, keys: KeyCache::new(1 << 10) }
    }

    /// Keys are decoded once, as those of the floor are.
    fn evidence(&self) -> Evidence<'_> {
        Evidence::new().with_bundle(&self.bundle).with_key_cache(&self.keys)
    }

    fn accept(&self, input: &str, request: &Request, evidence: &Evidence<'_>) {
        let verdict = verify(black_box(input).as_bytes(), request, evidence, &self.policy, now());
        assert_eq!(black_box(&verdict).outcome(), Outcome::Accepted, "{}", verdict.to_json());
    }

    #[allow(clippy::cast_precision_loss)]
    fn compare(&self, name: &str, input: &str, request: &Request) {
        let recorder = Recorder::default();
        self.accept(input, request, &self.evidence().with_signature_check(&recorder));
        let checks: Vec<Bare> = recorder.0.into_inner().unwrap();
        let evidence = self.evidence();
        let mut floor = || {
            for check in &checks {
                assert!(black_box(check.is_good()));
            }
        };
        let mut verdict = || self.accept(input, request, &evidence);
        let (times, ratio) = medians(61, &mut [&mut floor, &mut verdict]);
        println!(
            "{name:<40} {:>6} B {:>4} {:>10.1} us {:>10.1} us {ratio:>7.2} {:>7.2}",
            input.len(),
            checks.len(),
            times[0],
            times[1],
            ratio * checks.len() as f64
        );
    }
}

pub(crate) fn walking() {
    let service = Service::new();
    let asked = Request::new().nonce(NONCE).audience(SERVICE).action(ACTION).resource(RESOURCE);
    println!();
    for length in [1, 3, 5, 10] {
        let chain = service.chains.chain(length);
        let holder = &service.chains.agents[length - 1];
        let carried = service.chains.present(&chain, holder);
        service.compare(&format!("chain of {length}"), &carried, &asked);
        let token = answer(holder, chain);
        service.compare(&format!("chain of {length}, vp+jwt"), &token, &asked);
        let whole = service.chains.presentation(length);
        service.compare(&format!("chain of {length}, with all identities"), &whole, &asked);
    }
}

/// A `vp+jwt` that answers the nonce.
fn answer(holder: &Agent, held: Vec<Value<'static>>) -> String {
    let Value::Object(mut claims) = new_presentation(&holder.did, held) else { unreachable!() };
    claims.insert("aud", SERVICE);
    claims.insert("nonce", NONCE);
    jose::sign(&claims.into(), TokenType::VP, &holder.method, &holder.key).unwrap()
}

/// A `vp+jwt` for one HTTP request, of an agent that has been here before: the signatures of its
/// credentials are in the cache, its own is new each time.
pub(crate) fn requests() {
    let service = Service::new();
    let agent = &service.chains.agents[0];
    let formats = [
        ("eddsa-jcs-2022", Format::DataIntegrity(KeyType::Ed25519)),
        ("vc+jwt", Format::Jwt(KeyType::Ed25519)),
    ];
    println!();
    for (name, format) in formats {
        let identity = service.chains.scene.attest(Attested::Identity, agent, format);
        let identity = match identity.starts_with('{') {
            true => json(&identity),
            false => bonafide_core::vc::envelop(&identity, "application/vc+jwt"),
        };
        for (what, held) in [
            ("identity", vec![identity.clone()]),
            ("identity and grant", vec![service.chains.chain(1).remove(0), identity]),
        ] {
            let token = request_presentation(&service, held);
            let uri = RESOURCE;
            let mut request = Request::new().audience(SERVICE).http("GET", uri);
            if what != "identity" {
                request = request.action(ACTION).resource(RESOURCE);
            }
            let label = format!("request, {what}, {name}");
            service.compare(&label, &token, &request);
            cached(&service, &label, &token, &request);
        }
    }
}

fn request_presentation(service: &Service, held: Vec<Value<'static>>) -> String {
    let agent = &service.chains.agents[0];
    let Value::Object(mut claims) = new_presentation(&agent.did, held) else { unreachable!() };
    let seconds = |offset: i64| Value::Number(Number::Integer(now().unix() + offset));
    for (name, value) in
        [("aud", SERVICE), ("htm", "GET"), ("htu", RESOURCE), ("jti", "0123456789abcdef")]
    {
        claims.insert(name, value);
    }
    claims.insert("iat", seconds(0));
    claims.insert("exp", seconds(60));
    jose::sign(&claims.into(), TokenType::VP, &agent.method, &agent.key).unwrap()
}

/// Beside one check of the presentation's own signature, which is never in the cache.
fn cached(service: &Service, name: &str, token: &str, request: &Request) {
    let recorder = Recorder::default();
    service.accept(token, request, &service.evidence().with_signature_check(&recorder));
    let checks: Vec<Bare> = recorder.0.into_inner().unwrap();
    let own = &checks[0];
    let cache = SignatureCache::new(1 << 12);
    let known = KnowsCredentials { cache: &cache, own };
    let evidence = service.evidence().with_signature_check(&known);
    service.accept(token, request, &evidence);
    let mut floor = || assert!(black_box(own.is_good()));
    let mut verdict = || service.accept(token, request, &evidence);
    let (times, ratio) = medians(61, &mut [&mut floor, &mut verdict]);
    println!(
        "{:<40} {:>6} B {:>4} {:>10.1} us {:>10.1} us {ratio:>7.2} {ratio:>7.2}",
        format!("{name}, cached"),
        token.len(),
        1,
        times[0],
        times[1]
    );
}

/// Remembers all signatures but the presentation's own, which nobody sends twice.
struct KnowsCredentials<'c> {
    cache: &'c SignatureCache,
    own: &'c Bare,
}

impl bonafide_proof::SignatureCheck for KnowsCredentials<'_> {
    fn is_good(
        &self,
        key: &bonafide_proof::VerifyingKey,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        match self.own {
            Bare::Signature(_, own, _) if own == message => key.verify(message, signature),
            _ => self.cache.is_good(key, message, signature),
        }
    }
}
