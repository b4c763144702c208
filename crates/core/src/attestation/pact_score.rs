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
    // A score counts only for the version and model that were scored, and less with age: hidden,
    // another version's would count, or an old one as if it were new. Value, tier and confidence
    // may be hidden, since what is not known of them counts as the least.
    &[
        "/credentialSubject/agentVersion",
        "/credentialSubject/modelDigest",
        "/credentialSubject/computedAt",
        "/credentialSubject/decay",
    ],
    &[],
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

/// A score, 0 to 100, of one version of an agent. What is `None` was not disclosed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PactScore {
    /// 0 to 100, as computed.
    pub value: Option<u8>,
    /// The highest threshold that the value is said to reach, 0 to 100 (`atLeast75` and the like).
    pub at_least: Option<u8>,
    /// The tier, as computed; it does not decay.
    pub tier: Option<Tier>,
    /// 0 to 100.
    pub confidence: Option<u8>,
    /// How many evaluations it rests on.
    pub evaluation_count: Option<u64>,
    /// The version that was scored.
    pub agent_version: String,
    /// The model that was scored.
    pub model_digest: String,
    /// When it was computed.
    pub computed_at: Timestamp,
    /// How it loses weight.
    pub decay: Decay,
    /// The score model's id, a URL.
    pub score_model: Option<String>,
    /// The score model's version.
    pub score_model_version: Option<String>,
    /// Where the evaluations come from.
    pub origin: Option<String>,
}

impl PactScore {
    fn read(subject: &Object<'_>) -> Result<Self, Malformed> {
        let claims = Claims { what: NAME, object: subject };
        let value = claims.optional("value", Claims::score)?;
        let tier = claims.optional("tier", Claims::text)?;
        let known_tier = tier.and_then(Tier::parse);
        if tier.is_some() && known_tier.is_none() {
            return claims.fail("tier", "a tier that is not known");
        }
        let decay = claims.nested("decay")?;
        Ok(Self {
            value,
            at_least: threshold(&claims, value)?,
            tier: known_tier,
            confidence: claims.optional("confidence", Claims::score)?,
            evaluation_count: claims.optional("evaluationCount", Claims::integer)?,
            agent_version: claims.owned("agentVersion")?,
            model_digest: claims.owned("modelDigest")?,
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
            score_model: claims.inside("scoreModel", "id", Claims::owned)?,
            score_model_version: claims.inside("scoreModel", "version", Claims::owned)?,
            origin: claims.optional("origin", Claims::owned)?,
        })
    }

    /// What the value is at least, 0 to 100, as computed: itself, or the highest threshold where it
    /// is hidden. `None` where neither is disclosed.
    pub fn least_value(&self) -> Option<u8> {
        self.value.or(self.at_least)
    }

    /// What is left at `now` of what the value is at least, 0 to 100; 0 where nothing is known of
    /// it. A score computed in the future counts for nothing.
    pub fn value_at(&self, now: Timestamp) -> u8 {
        let value = self.least_value().unwrap_or(0);
        if self.computed_at > now {
            return 0;
        }
        match self.decay {
            Decay::None => value,
            Decay::Linear { points_per_day, grace } => {
                let late = now.saturating_since(self.computed_at).saturating_sub(grace);
                let days = late.as_secs().div_ceil(86_400);
                let lost = days.saturating_mul(u64::from(points_per_day));
                value.saturating_sub(u8::try_from(lost).unwrap_or(u8::MAX))
            }
        }
    }
}

/// The highest threshold that is said to be reached. One that is not reached says nothing: hidden
/// ones might be.
fn threshold(claims: &Claims<'_, '_>, value: Option<u8>) -> Result<Option<u8>, Malformed> {
    let mut highest: Option<u8> = None;
    for (name, reached) in claims.object.iter() {
        let number = name.strip_prefix("atLeast").and_then(|number| number.parse::<u8>().ok());
        let Some(least) = number else { continue };
        match reached {
            Value::Bool(false) => {}
            Value::Bool(true) if least > 100 => return claims.fail(name, "expected 0 to 100"),
            Value::Bool(true) if value.is_some_and(|value| value < least) => {
                return claims.fail(name, "contradicts the value");
            }
            Value::Bool(true) => highest = highest.max(Some(least)),
            _ => return claims.fail(name, "expected true or false"),
        }
    }
    Ok(highest)
}
