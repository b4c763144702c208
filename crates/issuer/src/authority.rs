//! The issuer's decisions: who may ask for what, and whether it may be issued. Pure functions.

use std::time::Duration;

use bonafide_core::attestation::AttestationType;

use crate::environment::Moment;
use crate::problem::Problem;
use crate::store::{Agent, AgentState, Role};

/// The attestation that says who an agent is, and that all others need.
pub(crate) const IDENTITY: &str = "AgentIdentityCredential";

/// What an issuer grants, and what an agent makes of it for another: by no role, but by a policy.
pub(crate) const GRANT: &str = "TaskGrantCredential";
pub(crate) const DELEGATION: &str = "DelegationCredential";

/// Who attests what.
const ATTESTS: [(Role, &[&str]); 3] = [
    (Role::Registrar, &[IDENTITY, "AgentBuilderCredential"]),
    (Role::Certifier, &["AgentCertificationCredential"]),
    (Role::Scorer, &["PactScoreCredential"]),
];

/// Whether `role` is one of those that may; an administrator always is.
pub(crate) fn may(role: Option<Role>, allowed: &[Role]) -> Result<(), Problem> {
    if role.is_some_and(|role| role == Role::Administrator || allowed.contains(&role)) {
        return Ok(());
    }
    let names: Vec<&str> = std::iter::once(Role::Administrator)
        .chain(allowed.iter().copied())
        .map(Role::name)
        .collect();
    let whose = match role {
        Some(role) => format!("a token of the role {}", role.name()),
        None => "an agent".to_owned(),
    };
    Err(Problem::forbidden(format!(
        "{whose} may not do this; it takes a token of one of {}",
        names.join(", ")
    )))
}

/// Whether `role` may attest this type.
pub(crate) fn may_attest(role: Option<Role>, known: &AttestationType) -> Result<(), Problem> {
    let attests = |(_, types): &&(Role, &[&str])| types.contains(&known.name);
    let allowed: Vec<Role> = ATTESTS.iter().filter(attests).map(|(role, _)| *role).collect();
    may(role, &allowed)
}

/// The roles that attest this type, and so may revoke it.
pub(crate) fn may_revoke(role: Option<Role>, credential_type: &str) -> Result<(), Problem> {
    match AttestationType::by_name(credential_type) {
        // Whoever answers for the agents may end any of their credentials.
        Some(_) if role == Some(Role::Registrar) => Ok(()),
        Some(known) => may_attest(role, known),
        None => may(role, &[]),
    }
}

/// Whether an agent's state allows this attestation.
pub(crate) fn check_agent(
    agent: &Agent,
    known: &AttestationType,
    now: Moment,
) -> Result<(), Problem> {
    let refuse = |code, detail: String| Err(Problem::conflict(code, detail));
    match agent.state {
        AgentState::Suspended => refuse(
            "agent-suspended",
            format!("the agent {} is suspended; resume it first", agent.id),
        ),
        AgentState::Retired => {
            refuse("agent-retired", format!("the agent {} is retired, for good", agent.id))
        }
        AgentState::Enrolled | AgentState::Active if known.name == IDENTITY => Ok(()),
        AgentState::Enrolled | AgentState::Active if agent.has_identity(now) => Ok(()),
        AgentState::Enrolled => refuse(
            "identity-attestation-required",
            format!("the agent {} has no identity attestation yet: issue an {IDENTITY}", agent.id),
        ),
        AgentState::Active => refuse(
            "identity-attestation-required",
            format!(
                "the agent {} changed, or its identity attestation was revoked or ended: issue a new {IDENTITY} first",
                agent.id
            ),
        ),
    }
}

/// How long a credential may live.
pub(crate) fn lifetime(
    asked: Option<Duration>,
    usual: Duration,
    longest: Duration,
) -> Result<Duration, Problem> {
    let lifetime = asked.unwrap_or(usual);
    if lifetime < Duration::from_secs(1) {
        return Err(Problem::malformed("/validFor", "expected a second at least"));
    }
    if lifetime > longest {
        let longest = bonafide_core::time::format_duration(longest);
        return Err(Problem::malformed("/validFor", format!("expected {longest} at most")));
    }
    Ok(lifetime)
}
