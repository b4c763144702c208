//! Hiding claims never raises the level, whatever the claims and whatever the issuer forgot.

use bonafide_core::json::{Object, Value};
use bonafide_testkit::{Attested, Scene};
use proptest::prelude::*;

use super::{Held, Selective, attestation, verdict, with_ladder, world};
use crate::world::{DI, asked};

const MANY: &str = r#"
[[level]]
name = "a"
credentials = ["AgentIdentityCredential", "AgentBuilderCredential"]
tier = "platinum"
score = 95
confidence = 80
builders = ["did:web:builder.example"]
certifications = [{ scheme = "ISO/IEC 42001", level = "certified" }]

[[level]]
name = "b"
credentials = ["AgentIdentityCredential", "AgentCertificationCredential"]
tier = "gold"
score = 75

[[level]]
name = "c"
credentials = ["AgentIdentityCredential"]
score = 60
confidence = 50

[[level]]
name = "d"
credentials = ["AgentIdentityCredential"]
tier = "bronze"

[[level]]
name = "e"
credentials = ["AgentIdentityCredential", "PactScoreCredential"]
score = 25

[[level]]
name = "f"
credentials = ["AgentCertificationCredential"]

[[level]]
name = "g"
credentials = ["AgentIdentityCredential"]
"#;

/// Claims of a score and the version of the certification, good or bad.
#[derive(Clone, Debug)]
struct Claims {
    value: u8,
    tier: &'static str,
    confidence: u8,
    days: Option<u8>,
    scored: &'static str,
    certified: Option<&'static str>,
}

fn claims() -> impl Strategy<Value = Claims> {
    let tier = prop::sample::select(vec!["unrated", "bronze", "gold", "platinum"]);
    let version = || prop::sample::select(vec!["2.3.0", "2.3.0", "2.2.9"]);
    let certified = prop::option::of(version());
    (0..=100_u8, tier, 0..=100_u8, prop::option::of(0..=30_u8), version(), certified).prop_map(
        |(value, tier, confidence, days, scored, certified)| Claims {
            value,
            tier,
            confidence,
            days,
            scored,
            certified,
        },
    )
}

impl Claims {
    fn attest(&self, scene: &Scene, attested: Attested) -> Value<'static> {
        let number = |number: u8| Value::from(u32::from(number));
        let mut claims: Vec<(&'static str, Value<'static>)> = Vec::new();
        if attested == Attested::PactScore {
            let decay = match self.days {
                None => Object::from([("rule", Value::from("none"))]),
                Some(points) => Object::from([
                    ("rule", Value::from("linear")),
                    ("pointsPerDay", number(points)),
                    ("graceSeconds", 0_u32.into()),
                ]),
            };
            claims.extend([
                ("value", number(self.value)),
                ("tier", self.tier.into()),
                ("confidence", number(self.confidence)),
                ("agentVersion", self.scored.into()),
                ("decay", decay.into()),
            ]);
            let thresholds =
                [(25, "atLeast25"), (60, "atLeast60"), (75, "atLeast75"), (95, "atLeast95")];
            let reached = thresholds.into_iter().filter(|(least, _)| *least <= self.value);
            claims.extend(reached.map(|(_, name)| (name, Value::from(true))));
        } else if attested == Attested::Certification {
            claims.extend(self.certified.map(|version| ("agentVersion", Value::from(version))));
        }
        attestation(scene, attested, &claims)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn row_32_hiding_never_raises_the_level(
        claims in claims(),
        place in 0..Attested::ALL.len(),
        hidden in any::<u64>(),
    ) {
        let world = world(|policy| with_ladder(&policy, MANY));
        let scene = &world.scene;
        let mut held: Vec<String> = Attested::ALL
            .into_iter()
            .map(|attested| {
                let document = claims.attest(scene, attested);
                scene.secure(document, scene.issuer_of(attested), DI)
            })
            .collect();
        let level = |held: &[String]| {
            let verdict = verdict(&world, &scene.present(held, &scene.platinum, DI), &asked());
            let rank = world.policy.levels().position(|level| Some(level) == verdict.level());
            rank.unwrap_or(usize::MAX)
        };
        let of_whole = level(&held);
        let attested = Attested::ALL[place];
        let document = claims.attest(scene, attested);
        let base = Held::careless(document, scene.issuer_of(attested), Selective::EcdsaSd);
        let all = base.pointers();
        let shown: Vec<&str> = all
            .iter()
            .enumerate()
            .filter(|(index, pointer)| (hidden >> index) & 1 == 0 || *pointer == "/issuer")
            .map(|(_, pointer)| pointer.as_str())
            .collect();
        held[place] = base.reveal(&shown);
        // Ranks count from the strongest.
        prop_assert!(level(&held) >= of_whole, "{}", held[place]);
    }
}
