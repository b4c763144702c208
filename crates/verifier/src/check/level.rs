//! Which permission level follows: the ladder, strongest rung first.

use bonafide_core::attestation::{Attestation, Builder, Certification, Identity, PactScore};
use bonafide_core::time::{Timestamp, format_duration};

use super::{Context, Verified};
use crate::policy::{Rung, WantedCertification};
use crate::verdict::{Lack, RungReport};

/// What verified credentials together say of the agent.
struct Facts<'f> {
    types: Vec<&'f str>,
    builders: Vec<&'f Builder>,
    certifications: Vec<&'f Certification>,
    score: Result<&'f PactScore, String>,
    status_as_of: Option<Timestamp>,
}

/// Walks the ladder down to the first rung that holds. The last report is the granted one if it
/// lacks nothing.
pub(crate) fn climb(credentials: &[Verified], context: &Context<'_>) -> Vec<RungReport> {
    let facts = Facts::gather(credentials);
    let mut reports = Vec::new();
    for rung in &context.policy.ladder {
        let lacks = facts.lacks(rung, context);
        let holds = lacks.is_empty();
        reports.push(RungReport { level: rung.name.clone(), lacks });
        if holds {
            break;
        }
    }
    reports
}

impl<'f> Facts<'f> {
    fn gather(credentials: &'f [Verified]) -> Self {
        let attestations = || credentials.iter().filter_map(Verified::attestation);
        let identities: Vec<&Identity> = attestations()
            .filter_map(|attestation| match attestation {
                Attestation::Identity(identity) => Some(identity),
                _ => None,
            })
            .collect();
        let version = |certification: &Certification| match &certification.agent_version {
            None => true,
            Some(version) => {
                !identities.is_empty() && identities.iter().all(|id| id.agent_version == *version)
            }
        };
        let scores: Vec<&PactScore> = attestations()
            .filter_map(|attestation| match attestation {
                Attestation::PactScore(score) => Some(score),
                _ => None,
            })
            .collect();
        Self {
            types: credentials.iter().flat_map(Verified::types).map(String::as_str).collect(),
            builders: attestations()
                .filter_map(|attestation| match attestation {
                    Attestation::Builder(builder) => Some(builder),
                    _ => None,
                })
                .collect(),
            certifications: attestations()
                .filter_map(|attestation| match attestation {
                    Attestation::Certification(certification) => Some(certification),
                    _ => None,
                })
                .filter(|certification| version(certification))
                .collect(),
            score: score_that_counts(&scores, &identities),
            status_as_of: credentials.iter().filter_map(Verified::status_as_of).min(),
        }
    }

    fn lacks(&self, rung: &Rung, context: &Context<'_>) -> Vec<Lack> {
        let mut lacks = Vec::new();
        let mut lack = |what, needs: String, has: String| lacks.push(Lack { what, needs, has });
        for wanted in rung.credentials.iter().filter(|wanted| !self.types.contains(&wanted.as_str())) {
            lack("credential", wanted.clone(), "none that is verified".to_owned());
        }
        self.score_lacks(rung, context, &mut lack);
        let built = |builder: &&Builder| rung.builders.contains(&builder.builder);
        if !rung.builders.is_empty() && !self.builders.iter().any(built) {
            let has = self.builders.iter().map(|builder| builder.builder.as_str());
            lack("builder", rung.builders.join(" or "), or_none(has));
        }
        for wanted in &rung.certifications {
            if !self.certifications.iter().any(|held| is_wanted(held, wanted)) {
                let level = wanted.level.as_deref().map(|level| format!(" at level {level}"));
                let needs = format!("{}{}", wanted.scheme, level.unwrap_or_default());
                let has = self.certifications.iter().map(|held| held.scheme.as_str());
                lack("certification", needs, or_none(has));
            }
        }
        if let (Some(most), Some(as_of)) = (rung.status_max_age, self.status_as_of) {
            let age = context.now.saturating_since(as_of);
            if age > most {
                let needs = format!("at most {} old", format_duration(most));
                lack("status-freshness", needs, format_duration(age));
            }
        }
        if let (Some(actions), Some(action)) = (&rung.actions, &context.request.action)
            && !actions.contains(action)
        {
            lack("action", action.clone(), or_none(actions.iter().map(String::as_str)));
        }
        lacks
    }

    fn score_lacks(
        &self,
        rung: &Rung,
        context: &Context<'_>,
        lack: &mut impl FnMut(&'static str, String, String),
    ) {
        if rung.tier.is_none() && rung.score.is_none() && rung.confidence.is_none() {
            return;
        }
        let score = match &self.score {
            Ok(score) => score,
            Err(why) => return lack("score", "a PactScore that counts".to_owned(), why.clone()),
        };
        if let Some(tier) = rung.tier.filter(|tier| score.tier < *tier) {
            lack("tier", tier.to_string(), score.tier.to_string());
        }
        let value = score.value_at(context.now);
        if let Some(least) = rung.score.filter(|least| value < *least) {
            let has = if value == score.value {
                value.to_string()
            } else {
                format!("{value} of {} after decay", score.value)
            };
            lack("score", least.to_string(), has);
        }
        if let Some(least) = rung.confidence.filter(|least| score.confidence < *least) {
            lack("confidence", least.to_string(), score.confidence.to_string());
        }
    }
}

/// Scores belong to the version that was scored: one counts only beside an identity of the same
/// version and model. Of several, the least counts, so that adding one never raises the level.
fn score_that_counts<'f>(
    scores: &[&'f PactScore],
    identities: &[&Identity],
) -> Result<&'f PactScore, String> {
    let Some(least) = scores.iter().min_by_key(|score| (score.value, score.tier, score.confidence))
    else {
        return Err("none that is verified".to_owned());
    };
    if identities.is_empty() {
        return Err("a score without an identity to belong to".to_owned());
    }
    for score in scores {
        let other = identities.iter().find(|identity| {
            identity.agent_version != score.agent_version
                || identity.model_digest != score.model_digest
        });
        if let Some(identity) = other {
            return Err(format!(
                "a score of version {}, while the agent is version {} or another model",
                score.agent_version, identity.agent_version
            ));
        }
    }
    Ok(least)
}

fn is_wanted(held: &Certification, wanted: &WantedCertification) -> bool {
    held.scheme == wanted.scheme && wanted.level.as_ref().is_none_or(|level| *level == held.level)
}

fn or_none<'t>(items: impl Iterator<Item = &'t str>) -> String {
    let joined = items.collect::<Vec<_>>().join(", ");
    if joined.is_empty() { "none".to_owned() } else { joined }
}
