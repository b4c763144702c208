//! Making presentations and delegations, beside the bare signature that each holds, in the same run:
//! `cargo bench -p bonafide-wallet --bench present`.

#![allow(clippy::unwrap_used)]

use std::hint::black_box;
use std::time::Instant;

use bonafide_core::json::to_canonical_string;
use bonafide_core::key::KeyType;
use bonafide_proof::{SignError, Signer};
use bonafide_testkit::chain::{RESOURCE, SERVICE, chains};
use bonafide_testkit::{Agent, Attested, Format, NONCE, now, scene};
use bonafide_wallet::{
    Answer, DelegationOrder, HttpRequest, KnownIssuer, PresentationForm, Shown, Wallet,
};

const ROUNDS: usize = 201;

type Named<'w> = (&'static str, Box<dyn FnMut() + 'w>);

/// The median time of one call in microseconds, of each closure in turn.
#[allow(clippy::disallowed_methods)]
fn medians(work: &mut [Named<'_>]) {
    let mut samples = vec![Vec::with_capacity(ROUNDS); work.len()];
    for _ in 0..ROUNDS {
        for (index, (_, closure)) in work.iter_mut().enumerate() {
            let start = Instant::now();
            closure();
            samples[index].push(start.elapsed().as_secs_f64() * 1e6);
        }
    }
    let mut floor = None;
    for ((name, _), mut sample) in work.iter().zip(samples) {
        sample.sort_by(f64::total_cmp);
        let median = sample[ROUNDS / 2];
        let bare = *floor.get_or_insert(median);
        println!("{name:<52} {median:>9.1} us {:>7.2}", median / bare);
    }
}

fn introduce(wallet: &mut Wallet, name: &str, did: &str) {
    let scene = scene();
    let issuer = KnownIssuer {
        name: name.to_owned(),
        url: format!("https://{name}.example"),
        did: did.to_owned(),
        bundle_signer: Some(scene.bundler.did.clone()),
        bundle: None,
    };
    wallet.put_issuer(issuer).unwrap();
    wallet.update_bundle(name, scene.bundle().into_bytes(), now()).unwrap();
}

/// The wallet of one of the testkit's agents.
fn wallet_of(agent: Agent) -> Wallet {
    let scene = scene();
    let mut wallet = Wallet::in_memory();
    wallet.import_key("agent", agent.key, now()).unwrap();
    for (name, issuer) in
        ["registrar", "builder", "certifier", "scorer"].iter().zip(scene.issuers())
    {
        introduce(&mut wallet, name, &issuer.did);
    }
    wallet
}

fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let format = Format::DataIntegrity(KeyType::Ed25519);
    let scene = scene();
    let mut wallet = wallet_of(Agent::new("platinum"));
    let shown: Vec<Shown> = [Attested::Identity, Attested::Builder, Attested::PactScore]
        .map(|attested| {
            let credential = scene.attest(attested, &scene.platinum, format);
            Shown::whole(wallet.receive(credential.as_bytes(), now()).unwrap().id)
        })
        .to_vec();
    let chains = chains();
    let mut planner = wallet_of(Agent::new("planner"));
    let grant = to_canonical_string(&chains.chain(1)[0]);
    let grant = planner.receive(grant.as_bytes(), now()).unwrap().id;
    let order = DelegationOrder { to: chains.agents[1].did.clone(), ..DelegationOrder::default() };
    let mut seed = 0_u64;
    let mut random = move |bytes: &mut [u8]| -> Result<(), SignError> {
        for byte in bytes {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            *byte = seed.to_le_bytes()[7];
        }
        Ok(())
    };
    let answer = Answer { audience: SERVICE.to_owned(), nonce: NONCE.to_owned() };
    let request = HttpRequest::new(SERVICE, "GET", RESOURCE);
    let present = |form| drop(black_box(wallet.present(&shown, &answer, form, now()).unwrap()));
    let signer = scene.platinum.key;
    println!("{:<52} {:>12} {:>7}", "make", "each", "to one");
    medians(&mut [
        ("a bare signature of 4 KiB", Box::new(|| drop(black_box(signer.sign(&[7; 4096]))))),
        (
            "a presentation of three, eddsa-jcs-2022",
            Box::new(|| present(PresentationForm::DataIntegrity)),
        ),
        ("a presentation of three, vp+jwt", Box::new(|| present(PresentationForm::Jwt))),
        (
            "a presentation of three for one HTTP request",
            Box::new(|| {
                let token = wallet.present_request(&shown, &request, &mut random, now());
                drop(black_box(token.unwrap()));
            }),
        ),
    ]);
    let start = now();
    let mut drawn = 0_u8;
    let mut ids = move |bytes: &mut [u8]| -> Result<(), SignError> {
        drawn = drawn.wrapping_add(1);
        bytes.fill(drawn);
        Ok(())
    };
    // Each uses a status up, so that there are no more than the grant sets aside.
    let mut times: Vec<f64> = Vec::new();
    for _ in 0..15 {
        #[allow(clippy::disallowed_methods)]
        let begun = Instant::now();
        black_box(planner.delegate(&grant, &order, &mut ids, start).unwrap());
        times.push(begun.elapsed().as_secs_f64() * 1e6);
    }
    times.sort_by(f64::total_cmp);
    println!("{:<52} {:>9.1} us", "a delegation", times[times.len() / 2]);
}
