//! `AgentBuilderCredential`: who built the agent, and from what.

use super::{Attestation, AttestationType, Claims, built_in};
use crate::Malformed;
use crate::json::Object;

const NAME: &str = "AgentBuilderCredential";
const SCHEMA: &str = include_str!("../../../../schemas/agent-builder-v1.json");

pub(super) static TYPE: AttestationType = AttestationType::new(
    NAME,
    "https://w3id.org/bonafide/schemas/agent-builder/v1",
    SCHEMA,
    &["/credentialSubject/builder/id"],
    |subject| Builder::read(subject).map(Attestation::Builder),
    || built_in(SCHEMA),
);

/// Who built the agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Builder {
    /// The builder's DID.
    pub builder: String,
    /// The name under which the builder is registered.
    pub legal_name: String,
    /// Where the source is.
    pub repository: String,
    /// The commit that was built, in hexadecimal.
    pub commit: String,
    /// The SLSA build level, 0 to 4.
    pub slsa_level: u8,
    /// `sha256:` and 64 hexadecimal digits.
    pub build_digest: String,
}

impl Builder {
    fn read(subject: &Object<'_>) -> Result<Self, Malformed> {
        let claims = Claims { what: NAME, object: subject };
        let builder = claims.nested("builder")?;
        let provenance = claims.nested("provenance")?;
        Ok(Self {
            builder: builder.text("id")?.to_owned(),
            legal_name: builder.text("legalName")?.to_owned(),
            repository: provenance.text("repository")?.to_owned(),
            commit: provenance.text("commit")?.to_owned(),
            slsa_level: provenance.score("slsaLevel")?,
            build_digest: provenance.text("buildDigest")?.to_owned(),
        })
    }
}
