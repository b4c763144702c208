//! `PactScoreCredential`: how well this version of the agent has kept its commitments.

use std::fmt;
use std::time::Duration;

use super::{Attestation, AttestationType, Claims, built_in};
use crate::Malformed;
use crate::json::{Object, Value};
use crate::time::Timestamp;

const NAME: &str = "PactScoreCredential";
const SCHEMA: &str = include_str!("../../../../schemas/pact-score-v1.json");

pub(super) static TYPE: AttestationType = AttestationType::new(
    NAME,
    "https://w3id.org/bonafide/schemas/pact-score/v1",
    SCHEMA,
    &[
        "/credentialSubject/agentVersion",
        "/credentialSubject/modelDigest",
        "/credentialSubject/computedAt",
        "/credentialSubject/decay",
    ],
    |subject| PactScore::read(subject).map(Attestation::PactScore),
    || built_in(SCHEMA),
);

/// Tiers, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Not enough is known.
    Unrated,
    /// The first tier.
    Bronze,
    /// The second tier.
    Silver,
    /// The third tier.
    Gold,
    /// The highest tier.
    Platinum,
}

impl Tier {
    /// All of them, weakest first.
    pub const ALL: [Self; 5] =
        [Self::Unrated, Self::Bronze, Self::Silver, Self::Gold, Self::Platinum];

    /// The value of `tier`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unrated => "unrated",
            Self::Bronze => "bronze",
            Self::Silver => "silver",
            Self::Gold => "gold",
            Self::Platinum => "platinum",
        }
    }

    /// The tier with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tier| tier.name() == name)
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a score loses weight with age.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decay {
    /// It does not, until the credential ends.
    None,
    /// After `grace` it loses `points_per_day` for each whole day begun.
    Linear {
        /// 0 to 100.
        points_per_day: u8,
        /// Counted from when the score was computed.
        grace: Duration,
    },
}

/// A score, 0 to 100, of one version of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PactScore {
    /// 0 to 100, as computed.
    pub value: u8,
    /// The tier, as computed; it does not decay.
    pub tier: Tier,
    /// 0 to 100.
    pub confidence: u8,
    /// How many evaluations it rests on.
    pub evaluation_count: u64,
    /// The version that was scored.
    pub agent_version: String,
    /// The model that was scored.
    pub model_digest: String,
    /// When it was computed.
    pub computed_at: Timestamp,
    /// How it loses weight.
    pub decay: Decay,
    /// The score model's id and version.
    pub score_model: (String, String),
    /// Where the evaluations come from.
    pub origin: String,
}

impl PactScore {
    fn read(subject: &Object<'_>) -> Result<Self, Malformed> {
        let claims = Claims { what: NAME, object: subject };
        let value = claims.score("value")?;
        for (name, threshold) in subject.iter() {
            let Some(least) = name.strip_prefix("atLeast").and_then(|least| least.parse().ok())
            else {
                continue;
            };
            if *threshold == Value::Bool(true) && value < least {
                return claims.fail(name, "contradicts the value");
            }
        }
        let model = claims.nested("scoreModel")?;
        let decay = claims.nested("decay")?;
        Ok(Self {
            value,
            tier: match Tier::parse(claims.text("tier")?) {
                Some(tier) => tier,
                None => return claims.fail("tier", "a tier that is not known"),
            },
            confidence: claims.score("confidence")?,
            evaluation_count: claims.integer("evaluationCount")?,
            agent_version: claims.text("agentVersion")?.to_owned(),
            model_digest: claims.text("modelDigest")?.to_owned(),
            computed_at: Timestamp::parse(claims.text("computedAt")?)
                .map_err(|error| error.within(NAME, "/credentialSubject/computedAt"))?,
            decay: match decay.text("rule")? {
                "none" => Decay::None,
                "linear" => Decay::Linear {
                    points_per_day: decay.score("pointsPerDay")?,
                    grace: Duration::from_secs(decay.integer("graceSeconds")?),
                },
                _ => return claims.fail("decay", "a rule that is not known"),
            },
            score_model: (model.text("id")?.to_owned(), model.text("version")?.to_owned()),
            origin: claims.text("origin")?.to_owned(),
        })
    }

    /// What is left of the value at `now`, 0 to 100. A score computed in the future counts for
    /// nothing.
    pub fn value_at(&self, now: Timestamp) -> u8 {
        if self.computed_at > now {
            return 0;
        }
        match self.decay {
            Decay::None => self.value,
            Decay::Linear { points_per_day, grace } => {
                let late = now.saturating_since(self.computed_at).saturating_sub(grace);
                let days = late.as_secs().div_ceil(86_400);
                let lost = days.saturating_mul(u64::from(points_per_day));
                self.value.saturating_sub(u8::try_from(lost).unwrap_or(u8::MAX))
            }
        }
    }
}
