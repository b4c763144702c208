//! Just-in-time grants: what an agent asks for, what its issuer's policy says of it, and the decision
//! that follows. All of this is pure; who the agent is and who stands behind it was verified before.

mod facts;
mod load;
pub(crate) mod principal;

use std::fmt;
use std::time::Duration;

use bonafide_core::attestation::Tier;
use bonafide_core::delegation::{Constraint, Principal, Resource, Rights};
use bonafide_core::time::format_duration;

pub use load::{GrantPolicyError, LONGEST};

/// How long a grant is valid unless asked otherwise.
pub const USUAL: Duration = Duration::from_secs(600);

/// What an agent asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantRequest {
    /// The task that it is for.
    pub task: String,
    /// Actions, resources, audience, constraints, depth.
    pub rights: Rights,
    /// For how long; as the rule says, if left out.
    pub valid_for: Option<Duration>,
    /// On whose behalf, as it was verified.
    pub principal: Option<Principal>,
}

/// What is known of the agent that asks: from its enrolment, and from attestations that are valid
/// now and speak of it as it is now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentFacts {
    /// Its id here.
    pub id: String,
    /// Its DID.
    pub did: String,
    /// The DID of who answers for it.
    pub sponsor: String,
    /// tool, orchestrator, workflow or ephemeral.
    pub kind: String,
    /// The least tier of its scores.
    pub tier: Option<Tier>,
    /// The least value of its scores, 0 to 100, after decay.
    pub score: Option<u8>,
    /// Scheme and level of each certification.
    pub certifications: Vec<(String, String)>,
}

/// Which agent may be granted what. Loaded from TOML by [`GrantPolicy::from_toml`]; the default one
/// has no rule and grants nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GrantPolicy {
    rules: Vec<Rule>,
    /// Whether there is a file at all.
    there: bool,
}

/// A rule: it grants what meets all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    name: String,
    who: Who,
    principal: WantsPrincipal,
    /// Whose word on a principal counts; that of every configured provider, if there is none.
    principals: Vec<String>,
    actions: Names,
    /// Each with all that lies below it; none stands for all.
    resources: Option<Vec<Resource>>,
    audience: Names,
    max_valid_for: Duration,
    max_depth: u8,
    constraints: Vec<Constraint>,
}

/// Whom a rule is for: who meets each of these that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Who {
    agents: Option<Names>,
    sponsors: Option<Names>,
    kinds: Option<Names>,
    tier: Option<Tier>,
    score: Option<u8>,
    certifications: Vec<(String, Option<String>)>,
}

/// Some names, or all.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Names {
    All,
    Some(Vec<String>),
}

/// Whether somebody has to stand behind the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WantsPrincipal {
    Required,
    Optional,
    None,
}

/// What was decided: by which rule, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The name of the rule that grants it.
    pub rule: String,
    /// For how long it is granted.
    pub valid_for: Duration,
}

/// Why nothing is granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Whether there is a policy at all.
    pub policy: bool,
    /// Why each rule does not grant it.
    pub rules: Vec<RuleRefusal>,
}

/// Why a rule does not grant it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleRefusal {
    /// The rule's name.
    pub rule: String,
    /// Whether it is for this agent at all.
    pub for_this_agent: bool,
    /// What it lacks.
    pub lacks: Vec<String>,
}

impl fmt::Display for Refusal {
    /// What the agent may be told: of rules that are for others, nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.policy {
            return f.write_str("this issuer has no grant policy, so it grants nothing");
        }
        let own: Vec<String> = self
            .rules
            .iter()
            .filter(|rule| rule.for_this_agent)
            .map(|rule| format!("rule {:?}: {}", rule.rule, rule.lacks.join("; ")))
            .collect();
        match own.is_empty() {
            true => f.write_str("no rule of the grant policy is for this agent"),
            false => write!(f, "no rule grants this. {}", own.join(". ")),
        }
    }
}

impl GrantPolicy {
    /// Loads a policy; errors point at line and column.
    pub fn from_toml(text: &str) -> Result<Self, GrantPolicyError> {
        load::load(text)
    }

    /// The names of the rules, in order.
    pub fn rules(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().map(|rule| rule.name.as_str())
    }
}

/// Whether `request` of this agent is granted: by the first rule that it meets whole.
pub fn decide(
    request: &GrantRequest,
    facts: &AgentFacts,
    policy: &GrantPolicy,
) -> Result<Decision, Refusal> {
    let mut refused = Vec::new();
    for rule in &policy.rules {
        let of_agent = rule.who.lacks(facts);
        let for_this_agent = of_agent.is_empty();
        let lacks: Vec<String> = of_agent.into_iter().chain(rule.lacks(request, facts)).collect();
        if lacks.is_empty() {
            let usual = rule.max_valid_for.min(USUAL);
            let valid_for = request.valid_for.unwrap_or(usual);
            return Ok(Decision { rule: rule.name.clone(), valid_for });
        }
        refused.push(RuleRefusal { rule: rule.name.clone(), for_this_agent, lacks });
    }
    Err(Refusal { policy: policy.there, rules: refused })
}

impl Names {
    fn has(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Some(names) => names.iter().any(|known| known == name),
        }
    }
}

impl Who {
    fn lacks(&self, facts: &AgentFacts) -> Vec<String> {
        let mut lacks = Vec::new();
        let named =
            |names: &Option<Names>, name: &str| names.as_ref().is_none_or(|names| names.has(name));
        if !named(&self.agents, &facts.did) && !named(&self.agents, &facts.id) {
            lacks.push("it is for other agents".to_owned());
        }
        if !named(&self.sponsors, &facts.sponsor) {
            lacks.push("it is for agents of other sponsors".to_owned());
        }
        if !named(&self.kinds, &facts.kind) {
            lacks.push("it is for other kinds of agent".to_owned());
        }
        let known = |value: Option<String>| value.unwrap_or_else(|| "none that counts".to_owned());
        if let Some(least) = self.tier.filter(|least| facts.tier < Some(*least)) {
            let has = known(facts.tier.map(|tier| tier.to_string()));
            lacks.push(format!("it asks for the tier {least} at least; the agent has {has}"));
        }
        if let Some(least) = self.score.filter(|least| facts.score < Some(*least)) {
            let has = known(facts.score.map(|score| score.to_string()));
            lacks.push(format!("it asks for a score of {least} at least; the agent has {has}"));
        }
        for (scheme, level) in &self.certifications {
            let fits = |(held, of): &(String, String)| {
                held == scheme && level.as_ref().is_none_or(|level| level == of)
            };
            if !facts.certifications.iter().any(fits) {
                let level = level.as_ref().map(|level| format!(" ({level})")).unwrap_or_default();
                lacks.push(format!("it asks for a certification under {scheme}{level}"));
            }
        }
        lacks
    }
}

impl Rule {
    fn lacks(&self, request: &GrantRequest, facts: &AgentFacts) -> Vec<String> {
        let mut lacks = Vec::new();
        let GrantRequest { rights, valid_for, principal, .. } = request;
        match (self.principal, principal) {
            (WantsPrincipal::Required, None) => {
                lacks.push("it asks for a principal".to_owned());
            }
            (WantsPrincipal::None, Some(_)) => {
                lacks.push("it grants nothing on behalf of a principal".to_owned());
            }
            (_, Some(principal)) if principal.subject == facts.did => {
                lacks.push("an agent does not stand behind itself".to_owned());
            }
            (_, Some(principal)) if !self.knows(principal) => lacks.push(format!(
                "the word of {} on who the principal is does not count",
                principal.issuer
            )),
            _ => {}
        }
        let mut not_in = |what: &str, name: &str| {
            lacks.push(format!("{what} {name} is not among those that it grants"));
        };
        for action in rights.actions.iter().filter(|name| !self.actions.has(name)) {
            not_in("the action", action);
        }
        for resource in rights.resources.iter().filter(|name| !self.grants_resource(name)) {
            not_in("the resource", resource.as_str());
        }
        for audience in rights.audience.iter().filter(|name| !self.audience.has(name)) {
            not_in("the audience", audience);
        }
        for needed in &self.constraints {
            if !rights.constraints.iter().any(|own| own.implies(needed)) {
                lacks.push(format!("it asks for a constraint as strict as: {needed}"));
            }
        }
        if rights.max_depth > self.max_depth {
            lacks.push(format!("maxDepth is {} at most", self.max_depth));
        }
        if valid_for.is_some_and(|asked| asked > self.max_valid_for) {
            let most = format_duration(self.max_valid_for);
            lacks.push(format!("validFor is {most} at most"));
        }
        lacks
    }

    /// Whether this principal's word counts. Whoever presents itself is known by a DID, its own or
    /// that of an issuer, and such a DID has to be named: agents have identities of this issuer too.
    fn knows(&self, principal: &Principal) -> bool {
        match self.principals.is_empty() {
            true => !principal.issuer.starts_with("did:"),
            false => self.principals.contains(&principal.issuer),
        }
    }

    fn grants_resource(&self, resource: &Resource) -> bool {
        let covers = |known: &Vec<Resource>| known.iter().any(|known| known.covers(resource));
        self.resources.as_ref().is_none_or(covers)
    }
}

#[cfg(test)]
mod tests;
