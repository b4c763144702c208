//! The attestations of AI agents: what each type says, its schema, and the claims it can't do
//! without.
//!
//! A new type is one module with its claims, one schema under `schemas/`, its terms in the
//! context, and one line in [`ATTESTATION_TYPES`].

mod builder;
mod certification;
mod draft;
mod identity;
mod pact_score;

use std::sync::LazyLock;

pub use builder::Builder;
pub use certification::Certification;
pub use draft::Draft;
pub use identity::{AgentKind, Identity};
pub use pact_score::{Decay, PactScore, Tier};

use crate::Malformed;
use crate::json::{Object, Value};
use crate::schema::Schema;

/// The context of the attestations, second in each of them; compiled in and never fetched.
pub const BONAFIDE_V1: &str = "https://w3id.org/bonafide/v1";

/// The document behind [`BONAFIDE_V1`].
pub const BONAFIDE_V1_DOCUMENT: &str =
    include_str!("../../../../schemas/contexts/bonafide-v1.jsonld");

/// The claims of one attestation, by type.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Attestation {
    /// `AgentIdentityCredential`
    Identity(Identity),
    /// `AgentBuilderCredential`
    Builder(Builder),
    /// `AgentCertificationCredential`
    Certification(Certification),
    /// `PactScoreCredential`
    PactScore(PactScore),
}

/// What is known of one attestation type.
pub struct AttestationType {
    /// Its name in `type`.
    pub name: &'static str,
    /// The `id` of its `credentialSchema`.
    pub schema_id: &'static str,
    /// The schema's text.
    pub schema_text: &'static str,
    /// Whether a status entry must be there.
    pub status_required: bool,
    /// RFC 6901 pointers to what is always disclosed, besides [`ALWAYS_DISCLOSED`].
    pub mandatory: &'static [&'static str],
    read: fn(&Object<'_>) -> Result<Attestation, Malformed>,
    schema: LazyLock<Schema>,
}

/// What every attestation discloses, whatever else its holder hides.
pub const ALWAYS_DISCLOSED: [&str; 7] = [
    "/id",
    "/type",
    "/issuer",
    "/validFrom",
    "/validUntil",
    "/credentialSchema",
    "/credentialSubject/id",
];

/// Every attestation type.
pub static ATTESTATION_TYPES: [&AttestationType; 4] =
    [&identity::TYPE, &builder::TYPE, &certification::TYPE, &pact_score::TYPE];

impl AttestationType {
    const fn new(
        name: &'static str,
        schema_id: &'static str,
        schema_text: &'static str,
        mandatory: &'static [&'static str],
        read: fn(&Object<'_>) -> Result<Attestation, Malformed>,
        schema: fn() -> Schema,
    ) -> Self {
        let schema = LazyLock::new(schema);
        Self { name, schema_id, schema_text, status_required: true, mandatory, read, schema }
    }

    /// The type called `name`.
    pub fn by_name(name: &str) -> Option<&'static Self> {
        ATTESTATION_TYPES.into_iter().find(|known| known.name == name)
    }

    /// The compiled schema; compiled at the first call.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Reads the claims about `subject`. The caller knows whether they may be believed.
    pub fn read(&self, subject: &Object<'_>) -> Result<Attestation, Malformed> {
        (self.read)(subject)
    }

    /// The first mandatory pointer that leads nowhere in `credential`, if any.
    pub fn missing_claim(&self, credential: &Value<'_>) -> Option<&'static str> {
        let status: &[&str] = if self.status_required { &["/credentialStatus"] } else { &[] };
        let pointers = ALWAYS_DISCLOSED.iter().chain(status).chain(self.mandatory);
        pointers.copied().find(|pointer| credential.pointer(pointer).is_none())
    }
}

impl std::fmt::Debug for AttestationType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// Compiles a schema that is part of this crate; a test compiles them all.
fn built_in(text: &str) -> Schema {
    #[allow(clippy::expect_used)]
    Schema::compile(text).expect("a schema of this crate compiles")
}

/// Reads members of a subject and names what is missing.
struct Claims<'v, 'a> {
    what: &'static str,
    object: &'v Object<'a>,
}

impl<'v> Claims<'v, '_> {
    fn fail<T>(&self, member: &str, detail: &str) -> Result<T, Malformed> {
        Err(Malformed::at(self.what, format!("/credentialSubject/{member}"), detail))
    }

    fn text(&self, member: &str) -> Result<&'v str, Malformed> {
        match self.object.str(member) {
            Some(text) => Ok(text),
            None => self.fail(member, "expected a string"),
        }
    }

    fn optional_text(&self, member: &str) -> Option<String> {
        self.object.str(member).map(ToOwned::to_owned)
    }

    fn integer(&self, member: &str) -> Result<u64, Malformed> {
        match self.object.get(member).and_then(Value::as_integer).map(u64::try_from) {
            Some(Ok(integer)) => Ok(integer),
            _ => self.fail(member, "expected a whole number"),
        }
    }

    fn score(&self, member: &str) -> Result<u8, Malformed> {
        match u8::try_from(self.integer(member)?) {
            Ok(score) if score <= 100 => Ok(score),
            _ => self.fail(member, "expected 0 to 100"),
        }
    }

    fn nested(&self, member: &str) -> Result<Claims<'v, '_>, Malformed> {
        match self.object.get(member) {
            Some(Value::Object(object)) => Ok(Claims { what: self.what, object }),
            _ => self.fail(member, "expected an object"),
        }
    }
}

#[cfg(test)]
mod tests;
