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
    // Who built it is what a rung asks for, and what decides whether the issuer may say so. The
    // legal name and the provenance decide nothing: hidden, they are not known.
    &["/credentialSubject/builder/id"],
    &[],
    |subject| Builder::read(subject).map(Attestation::Builder),
    || built_in(SCHEMA),
);

/// Who built the agent. What is `None` was not disclosed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Builder {
    /// The builder's DID.
    pub builder: String,
    /// The name under which the builder is registered.
    pub legal_name: Option<String>,
    /// Where the source is.
    pub repository: Option<String>,
    /// The commit that was built, in hexadecimal.
    pub commit: Option<String>,
    /// The SLSA build level, 0 to 4.
    pub slsa_level: Option<u8>,
    /// `sha256:` and 64 hexadecimal digits.
    pub build_digest: Option<String>,
}

impl Builder {
    fn read(subject: &Object<'_>) -> Result<Self, Malformed> {
        let claims = Claims { what: NAME, object: subject };
        let builder = claims.nested("builder")?;
        Ok(Self {
            builder: builder.owned("id")?,
            legal_name: builder.optional("legalName", Claims::owned)?,
            repository: claims.inside("provenance", "repository", Claims::owned)?,
            commit: claims.inside("provenance", "commit", Claims::owned)?,
            slsa_level: claims.inside("provenance", "slsaLevel", Claims::score)?,
            build_digest: claims.inside("provenance", "buildDigest", Claims::owned)?,
        })
    }
}
