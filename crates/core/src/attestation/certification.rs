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
    &["/credentialSubject/scheme", "/credentialSubject/level", "/relatedResource"],
    |subject| Certification::read(subject).map(Attestation::Certification),
    || built_in(SCHEMA),
);

/// A certification. The report is the credential's `relatedResource`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certification {
    /// The scheme, such as `ISO/IEC 42001`.
    pub scheme: String,
    /// What was looked at.
    pub scope: String,
    /// The level reached, in the scheme's own words.
    pub level: String,
    /// The evaluator's DID.
    pub evaluator: String,
    /// The version that was looked at, if the certification is bound to one.
    pub agent_version: Option<String>,
}

impl Certification {
    fn read(subject: &Object<'_>) -> Result<Self, Malformed> {
        let claims = Claims { what: NAME, object: subject };
        Ok(Self {
            scheme: claims.text("scheme")?.to_owned(),
            scope: claims.text("scope")?.to_owned(),
            level: claims.text("level")?.to_owned(),
            evaluator: claims.text("evaluator")?.to_owned(),
            agent_version: claims.optional_text("agentVersion"),
        })
    }
}
