//! Which permission level follows: the ladder, strongest rung first.

use bonafide_core::attestation::{Attestation, Builder, Certification, Identity, PactScore, Tier};
use bonafide_core::time::{Timestamp, format_duration};

use super::{Context, Verified};
use crate::effective::Chain;
use crate::policy::{Rung, WantedCertification};
use crate::verdict::{Lack, RungReport};

/// What verified credentials together say of the agent.
struct Facts<'f> {
    types: Vec<&'f str>,
    builders: Vec<&'f Builder>,
    /// With their issuers.
    certifications: Vec<(&'f str, &'f Certification)>,
    score: Result<Standing<'f>, String>,
    status_as_of: Option<Timestamp>,
}

/// The least of each, over all scores. What some score does not disclose is `None`, which is less
/// than all that could be there.
struct Standing<'f> {
    tier: Option<Tier>,
    confidence: Option<u8>,
    /// What the value of `least` is at least, after decay.
    value: u8,
    /// The score whose value is least.
    least: &'f PactScore,
}

impl Standing<'_> {
    /// What is known of the value, in words.
    fn value_known(&self) -> String {
        let (words, computed) = match (self.least.value, self.least.at_least) {
            (Some(value), _) => ("", value),
            (None, Some(least)) => ("at least ", least),
            (None, None) => return known(None::<u8>),
        };
        match self.value == computed {
            true => format!("{words}{computed}"),
            false => format!("{words}{} of {computed} after decay", self.value),
        }
    }
}

/// What is known of something that the holder may have hidden, in words.
fn known(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "not disclosed".to_owned(), |value| value.to_string())
}

/// An agent whose level counts.
struct Judged<'f> {
    did: &'f str,
    /// Its credentials; `None` where it has no identity credential among them, so that at most the
    /// chain carries it.
    facts: Option<Facts<'f>>,
}

/// Walks the ladder down to the first rung that holds for every agent that counts: the presenter
/// and, in a chain, those before it. The last report is the granted one if it lacks nothing.
pub(crate) fn climb(
    credentials: &[Verified],
    presenter: Option<&str>,
    chain: Option<&Chain>,
    context: &Context<'_>,
) -> Vec<RungReport> {
    let judged = judged(credentials, presenter, chain, context);
    let carried = context.policy.delegation.carried.as_ref();
    let mut is_carried = false;
    let mut reports = Vec::new();
    for rung in &context.policy.ladder {
        // Whoever is carried up to a level is carried up to those below it.
        is_carried |= carried == Some(&rung.name);
        let mut lacks = Vec::new();
        for agent in &judged {
            let mut found = match &agent.facts {
                Some(facts) => facts.lacks(rung, context),
                None if is_carried => action_lacks(rung, context).into_iter().collect(),
                None => vec![Lack {
                    what: "credential",
                    needs: "AgentIdentityCredential".to_owned(),
                    has: "none that is verified".to_owned(),
                }],
            };
            if Some(agent.did) != presenter && presenter.is_some() {
                for lack in &mut found {
                    lack.has.push_str(&format!(" (of {})", agent.did));
                }
            }
            lacks.append(&mut found);
        }
        lacks.extend(chain_lacks(rung, chain, context));
        let holds = lacks.is_empty();
        reports.push(RungReport { level: rung.name.clone(), lacks });
        if holds {
            break;
        }
    }
    reports
}

fn judged<'f>(
    credentials: &'f [Verified],
    presenter: Option<&'f str>,
    chain: Option<&'f Chain>,
    context: &Context<'_>,
) -> Vec<Judged<'f>> {
    let Some(chain) = chain else {
        let all = credentials.iter().collect::<Vec<_>>();
        return vec![Judged {
            did: presenter.unwrap_or_default(),
            facts: Some(Facts::gather(&all, context)),
        }];
    };
    let counts =
        |agent: &&str| !context.policy.delegation.presenter_alone || Some(*agent) == presenter;
    let agents = chain.links.iter().map(|link| link.subject.as_str()).filter(counts);
    let judge = |did: &'f str| {
        let own: Vec<&Verified> =
            credentials.iter().filter(|credential| credential.subject() == Some(did)).collect();
        let is_identity =
            |held: &&Verified| matches!(held.attestation(), Some(Attestation::Identity(_)));
        let enrolled = own.iter().any(is_identity);
        Judged { did, facts: enrolled.then(|| Facts::gather(&own, context)) }
    };
    agents.map(judge).collect()
}

/// What a rung asks of the chain itself.
fn chain_lacks(rung: &Rung, chain: Option<&Chain>, context: &Context<'_>) -> Vec<Lack> {
    let mut lacks = Vec::new();
    let lack = |what, needs: String, has: &str| Lack { what, needs, has: has.to_owned() };
    if rung.grant && chain.is_none() {
        lacks.push(lack("grant", "a grant".to_owned(), "none that is verified"));
    }
    let delegations = chain.map_or(0, |chain| chain.links.len() - 1);
    if let Some(most) = rung.max_delegations.filter(|most| delegations > usize::from(*most)) {
        lacks.push(lack("delegations", format!("at most {most}"), &delegations.to_string()));
    }
    // Its links count, whoever of its agents is judged.
    lacks.extend(status_lacks(rung, chain.and_then(|chain| chain.status_as_of), context));
    lacks
}

fn status_lacks(rung: &Rung, as_of: Option<Timestamp>, context: &Context<'_>) -> Option<Lack> {
    let most = rung.status_max_age?;
    let age = context.now.saturating_since(as_of?);
    let needs = format!("at most {} old", format_duration(most));
    (age > most).then(|| Lack { what: "status-freshness", needs, has: format_duration(age) })
}

fn action_lacks(rung: &Rung, context: &Context<'_>) -> Option<Lack> {
    let action = context.request.action.as_ref().filter(|action| !rung.actions.contains(action))?;
    let has = or_none(rung.actions.iter().map(String::as_str));
    Some(Lack { what: "action", needs: action.clone(), has })
}

impl<'f> Facts<'f> {
    fn gather(credentials: &[&'f Verified], context: &Context<'_>) -> Self {
        let identities: Vec<&Identity> = credentials
            .iter()
            .filter_map(|credential| match credential.attestation() {
                Some(Attestation::Identity(identity)) => Some(identity),
                _ => None,
            })
            .collect();
        let of_this_version = |version: &String| {
            !identities.is_empty() && identities.iter().all(|id| id.agent_version == *version)
        };
        let (mut types, mut builders, mut certifications) = (Vec::new(), Vec::new(), Vec::new());
        let mut scores = Vec::new();
        for credential in credentials {
            let issuer = credential.issuer();
            match credential.attestation() {
                Some(Attestation::PactScore(score)) => {
                    scores.push(score);
                    continue;
                }
                Some(Attestation::Certification(held)) => {
                    if !held.agent_version.as_ref().is_none_or(of_this_version) {
                        continue;
                    }
                    certifications.push((issuer, held));
                }
                Some(Attestation::Builder(builder)) => {
                    // A builder speaks for itself; for others a registrar does, and no builder.
                    let registrar = || context.policy.trusts(issuer, "AgentIdentityCredential");
                    if builder.builder != issuer && registrar().is_none() {
                        continue;
                    }
                    builders.push(builder);
                }
                _ => {}
            }
            // What does not count above does not count as held either.
            types.extend(credential.types().iter().map(String::as_str));
        }
        let score = standing(&scores, &identities, context);
        if score.is_ok() {
            types.push("PactScoreCredential");
        }
        let status_as_of =
            credentials.iter().filter_map(|credential| credential.status_as_of()).min();
        Self { types, builders, certifications, score, status_as_of }
    }

    fn lacks(&self, rung: &Rung, context: &Context<'_>) -> Vec<Lack> {
        let mut lacks = Vec::new();
        let mut lack = |what, needs: String, has: String| lacks.push(Lack { what, needs, has });
        for wanted in
            rung.credentials.iter().filter(|wanted| !self.types.contains(&wanted.as_str()))
        {
            lack("credential", wanted.clone(), "none that is verified".to_owned());
        }
        self.score_lacks(rung, &mut lack);
        let built = |builder: &&Builder| rung.builders.contains(&builder.builder);
        if !rung.builders.is_empty() && !self.builders.iter().any(built) {
            let has = self.builders.iter().map(|builder| builder.builder.as_str());
            lack("builder", rung.builders.join(" or "), or_none(has));
        }
        for wanted in &rung.certifications {
            if !self.certifications.iter().any(|(issuer, held)| is_wanted(issuer, held, wanted)) {
                let level = wanted.level.as_deref().map(|level| format!(" at level {level}"));
                let issuer = wanted.issuer.as_deref().map(|issuer| format!(" by {issuer}"));
                let needs = [Some(wanted.scheme.clone()), level, issuer];
                let needs = needs.into_iter().flatten().collect::<String>();
                let has = self.certifications.iter().map(|(_, held)| held.scheme.as_str());
                lack("certification", needs, or_none(has));
            }
        }
        lacks.extend(status_lacks(rung, self.status_as_of, context));
        lacks.extend(action_lacks(rung, context));
        lacks
    }

    fn score_lacks(&self, rung: &Rung, lack: &mut impl FnMut(&'static str, String, String)) {
        if rung.tier.is_none() && rung.score.is_none() && rung.confidence.is_none() {
            return;
        }
        let score = match &self.score {
            Ok(score) => score,
            Err(why) => return lack("score", "a PactScore that counts".to_owned(), why.clone()),
        };
        let (tier, confidence) =
            (score.tier.unwrap_or(Tier::Unrated), score.confidence.unwrap_or(0));
        if let Some(least) = rung.tier.filter(|least| tier < *least) {
            lack("tier", least.to_string(), known(score.tier));
        }
        if let Some(least) = rung.score.filter(|least| score.value < *least) {
            lack("score", least.to_string(), score.value_known());
        }
        if let Some(least) = rung.confidence.filter(|least| confidence < *least) {
            lack("confidence", least.to_string(), known(score.confidence));
        }
    }
}

/// Scores belong to the version that was scored: one counts only beside an identity of the same
/// version and model. Of several, the least counts in each respect, so that adding one never
/// raises the level; what is hidden counts as the least that could be, so that hiding never does.
fn standing<'f>(
    scores: &[&'f PactScore],
    identities: &[&Identity],
    context: &Context<'_>,
) -> Result<Standing<'f>, String> {
    let at_least = |score: &&PactScore| (score.value_at(context.now), score.least_value());
    let least = scores.iter().copied().min_by_key(at_least);
    let tier = scores.iter().map(|score| score.tier).min();
    let confidence = scores.iter().map(|score| score.confidence).min();
    let (Some(least), Some(tier), Some(confidence)) = (least, tier, confidence) else {
        return Err("none that is verified".to_owned());
    };
    if scores.iter().any(|score| !context.policy.has_begun(score.computed_at, context.now)) {
        return Err("a score computed in the future".to_owned());
    }
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
    Ok(Standing { tier, confidence, value: least.value_at(context.now), least })
}

fn is_wanted(issuer: &str, held: &Certification, wanted: &WantedCertification) -> bool {
    held.scheme == wanted.scheme
        && wanted.level.as_ref().is_none_or(|level| *level == held.level)
        && wanted.issuer.as_ref().is_none_or(|wanted| wanted == issuer)
}

fn or_none<'t>(items: impl Iterator<Item = &'t str>) -> String {
    let joined = items.collect::<Vec<_>>().join(", ");
    if joined.is_empty() { "none".to_owned() } else { joined }
}

#[cfg(test)]
mod tests;
