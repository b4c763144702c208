//! `AgentCertificationCredential`: an evaluator certified the agent under a scheme.

use super::{Attestation, AttestationType, Claims, built_in};
use crate::Malformed;
use crate::json::Object;

const NAME: &str = "AgentCertificationCredential";
const SCHEMA: &str = include_str!("../../../../schemas/agent-certification-v1.json");

pub(super) static TYPE: AttestationType = AttestationType::new(
    NAME,
    "https://w3id.org/bonafide/schemas/agent-certification/v1",
    SCHEMA,
    // A scheme without the level reached, or without the report, says nothing. Scope and evaluator
    // decide nothing: the issuer is who is trusted.
    &["/credentialSubject/scheme", "/credentialSubject/level", "/relatedResource"],
    // Without its version, a certification counts for every version: hidden, it would raise a
    // level. One that is bound to none has to be shown whole.
    &["/credentialSubject/agentVersion"],
    |subject| Certification::read(subject).map(Attestation::Certification),
    || built_in(SCHEMA),
);

/// A certification. The report is the credential's `relatedResource`. What is `None` was not
/// disclosed, but for the version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certification {
    /// The scheme, such as `ISO/IEC 42001`.
    pub scheme: String,
    /// What was looked at.
    pub scope: Option<String>,
    /// The level reached, in the scheme's own words.
    pub level: String,
    /// The evaluator's DID.
    pub evaluator: Option<String>,
    /// The version that was looked at, if the certification is bound to one. Never hidden.
    pub agent_version: Option<String>,
}

impl Certification {
    fn read(subject: &Object<'_>) -> Result<Self, Malformed> {
        let claims = Claims { what: NAME, object: subject };
        Ok(Self {
            scheme: claims.owned("scheme")?,
            scope: claims.optional("scope", Claims::owned)?,
            level: claims.owned("level")?,
            evaluator: claims.optional("evaluator", Claims::owned)?,
            agent_version: claims.optional("agentVersion", Claims::owned)?,
        })
    }
}
