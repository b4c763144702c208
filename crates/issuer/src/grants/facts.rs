//! What is known of an agent that asks: its enrolment, and the attestations that are valid now.

use bonafide_core::attestation::{Attestation, AttestationType, Certification, PactScore, Tier};
use bonafide_core::json::{Limits, Value, parse};
use bonafide_verifier::Verified;

use super::AgentFacts;
use crate::environment::Moment;
use crate::problem::Problem;
use crate::service::Service;
use crate::store::{Agent, Credential, Phase, Status};

/// The types that say how far an agent may be trusted.
const TYPES: [&str; 2] = ["PactScoreCredential", "AgentCertificationCredential"];

/// With more attestations that count, nothing is decided: one left out could be the least.
const MOST: usize = 1024;

impl Service {
    /// What is known of `agent` at `now`: by what it has shown, and by what this service attests of
    /// it. Of several scores the least counts. Reads the store: not for where nobody may be held
    /// up.
    pub(crate) fn facts_of(
        &self,
        agent: &Agent,
        shown: &[Verified],
        now: Moment,
    ) -> Result<AgentFacts, Problem> {
        let mut attestations: Vec<Attestation> = shown
            .iter()
            .filter(|held| held.subject() == Some(agent.did.as_str()))
            .filter_map(|held| held.attestation().cloned())
            .collect();
        let counts = |credential: &Credential| {
            credential.phase == Phase::Issued
                && credential.status == Status::Valid
                && TYPES.contains(&credential.credential_type.as_str())
                && credential.valid_until.is_none_or(|until| now.second().unix() < until)
        };
        // To the end: what came last says what the agent is now.
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = self.store.credentials(Some(agent.id), after, MOST, &counts)?;
            found.extend(page.items);
            if found.len() > MOST {
                let detail = "more than 1024 scores and certifications of this agent count now; \
                              revoke those that are out of date";
                return Err(Problem::conflict("too-many-attestations", detail));
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        for credential in &found {
            attestations.extend(self.attested(credential)?);
        }
        Ok(facts(agent, &attestations, now))
    }

    /// What a credential of this service says.
    fn attested(&self, credential: &Credential) -> Result<Option<Attestation>, Problem> {
        let bytes = self.store.read(credential.payload)?;
        let failed = |error: &dyn std::fmt::Display| {
            Problem::fault(&format!("the payload of {}: {error}", credential.id))
        };
        let limits = Limits::for_size(bytes.len());
        let document = parse(&bytes, &limits).map_err(|error| failed(&error))?;
        let known = AttestationType::by_name(&credential.credential_type);
        let subject = document.get("credentialSubject").and_then(Value::as_object);
        let Some((known, subject)) = known.zip(subject) else { return Ok(None) };
        known.read(subject).map(Some).map_err(|error| failed(&error))
    }
}

/// What attestations of an agent say of it as it is now: a score of another version or model does
/// not count, nor does a certification of another version.
pub(super) fn facts(agent: &Agent, attestations: &[Attestation], now: Moment) -> AgentFacts {
    let scores: Vec<&PactScore> = attestations
        .iter()
        .filter_map(|attestation| match attestation {
            Attestation::PactScore(score) => Some(score),
            _ => None,
        })
        .filter(|score| {
            score.agent_version == agent.version && score.model_digest == agent.model_digest
        })
        .collect();
    let certified = |attestation: &Attestation| match attestation {
        Attestation::Certification(Certification { scheme, level, agent_version, .. })
            if agent_version.as_ref().is_none_or(|version| *version == agent.version) =>
        {
            Some((scheme.clone(), level.clone()))
        }
        _ => None,
    };
    AgentFacts {
        id: agent.id.to_string(),
        did: agent.did.clone(),
        sponsor: agent.sponsor.clone(),
        kind: agent.kind.clone(),
        // What a score does not disclose is the least that it could be.
        tier: scores.iter().map(|score| score.tier.unwrap_or(Tier::Unrated)).min(),
        score: scores.iter().map(|score| score.value_at(now.timestamp())).min(),
        certifications: attestations.iter().filter_map(certified).collect(),
    }
}
