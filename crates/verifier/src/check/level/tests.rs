use std::time::Duration;

use bonafide_core::attestation::Decay;
use proptest::prelude::*;

use super::*;
use crate::check::proof::Budget;
use crate::{Evidence, Policy, Request};

const NOW: i64 = 1_795_348_800;

fn identity() -> Identity {
    Identity {
        name: None,
        kind: None,
        agent_version: "2.3.0".to_owned(),
        model_digest: "sha256:00".to_owned(),
        code_digest: None,
        sponsor: None,
        trust_domain: None,
        spiffe_id: None,
    }
}

/// A score computed so many seconds ago, with the thresholds that its value reaches.
fn score(value: u8, tier: Tier, confidence: u8, age: i64, decay: Decay) -> PactScore {
    PactScore {
        value: Some(value),
        at_least: [25, 50, 60, 75, 95].into_iter().rfind(|least| *least <= value),
        tier: Some(tier),
        confidence: Some(confidence),
        evaluation_count: None,
        agent_version: "2.3.0".to_owned(),
        model_digest: "sha256:00".to_owned(),
        computed_at: Timestamp::from_unix_clamped(NOW - age),
        decay,
        score_model: None,
        score_model_version: None,
        origin: None,
    }
}

/// What a rung lacks that asks for this of the score.
fn lacks(scores: &[&PactScore], rung: &Rung) -> Vec<Lack> {
    let (request, evidence, policy) = (Request::new(), Evidence::new(), Policy::trusting_nobody());
    let now = Timestamp::from_unix_clamped(NOW);
    let budget = Budget::new();
    let context = Context { request: &request, evidence: &evidence, policy: &policy, now, budget };
    let identity = identity();
    let facts = Facts {
        types: Vec::new(),
        builders: Vec::new(),
        certifications: Vec::new(),
        score: standing(scores, &[&identity], &context),
        status_as_of: None,
    };
    facts.lacks(rung, &context)
}

fn has(scores: &[&PactScore], rung: &Rung) -> Vec<String> {
    lacks(scores, rung).into_iter().map(|lack| lack.has).collect()
}

#[test]
fn what_is_not_disclosed_counts_as_the_least() {
    let open = score(98, Tier::Platinum, 95, 0, Decay::None);
    let rung = |tier, score, confidence| Rung { tier, score, confidence, ..Rung::default() };
    let all = rung(Some(Tier::Gold), Some(80), Some(50));
    assert!(has(&[&open], &all).is_empty());
    let closed =
        PactScore { value: None, at_least: None, tier: None, confidence: None, ..open.clone() };
    assert_eq!(has(&[&closed], &all), ["not disclosed"; 3]);
    // Of several, the least counts, and nothing is less than what is hidden.
    assert_eq!(has(&[&open, &closed], &all), ["not disclosed"; 3]);
    assert!(has(&[&closed, &open], &rung(Some(Tier::Unrated), Some(0), Some(0))).is_empty());
    let threshold = PactScore { value: None, at_least: Some(75), ..open.clone() };
    assert!(has(&[&threshold], &rung(None, Some(75), None)).is_empty());
    assert_eq!(has(&[&threshold, &open], &rung(None, Some(80), None)), ["at least 75"]);
    let decay = Decay::Linear { points_per_day: 1, grace: Duration::ZERO };
    let computed_at = Timestamp::from_unix_clamped(NOW - 86_400);
    let aged = PactScore { decay, computed_at, ..threshold };
    assert_eq!(has(&[&aged], &rung(None, Some(75), None)), ["at least 74 of 75 after decay"]);
}

fn scores() -> impl Strategy<Value = PactScore> {
    let decay = prop_oneof![
        Just(Decay::None),
        (0..=100_u8, 0..200_000_u64).prop_map(|(points_per_day, seconds)| Decay::Linear {
            points_per_day,
            grace: Duration::from_secs(seconds),
        }),
    ];
    let tier = prop::sample::select(Tier::ALL.to_vec());
    (0..=100_u8, tier, 0..=100_u8, -60..2_000_000_i64, decay).prop_map(
        |(value, tier, confidence, age, decay)| score(value, tier, confidence, age, decay),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn hiding_never_makes_a_rung_hold(
        held in prop::collection::vec((scores(), any::<[bool; 4]>()), 1..4),
        tier in prop::option::of(prop::sample::select(Tier::ALL.to_vec())),
        score in prop::option::of(0..=100_u8),
        confidence in prop::option::of(0..=100_u8),
    ) {
        let whole: Vec<PactScore> = held.iter().map(|(score, _)| score.clone()).collect();
        let part: Vec<PactScore> = held
            .into_iter()
            .map(|(score, [value, at_least, tier, confidence])| PactScore {
                value: score.value.filter(|_| !value),
                at_least: score.at_least.filter(|_| !at_least),
                tier: score.tier.filter(|_| !tier),
                confidence: score.confidence.filter(|_| !confidence),
                ..score
            })
            .collect();
        let rung = Rung { tier, score, confidence, ..Rung::default() };
        let lacked = |scores: &[PactScore]| -> Vec<&'static str> {
            let scores: Vec<&PactScore> = scores.iter().collect();
            lacks(&scores, &rung).into_iter().map(|lack| lack.what).collect()
        };
        let (of_whole, of_part) = (lacked(&whole), lacked(&part));
        prop_assert!(of_whole.iter().all(|what| of_part.contains(what)));
    }
}
