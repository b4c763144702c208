//! The attestations of AI agents: what each type says, its schema, and the claims it can't do
//! without.
//!
//! A new type is one module with its claims, one schema under `schemas/`, its terms in the
//! context, and one line in [`ATTESTATION_TYPES`].

mod builder;
mod certification;
mod delegation;
mod draft;
mod identity;
mod pact_score;
mod task_grant;

use std::sync::{LazyLock, OnceLock};

pub use builder::Builder;
pub use certification::Certification;
pub use draft::Draft;
pub use identity::{AgentKind, Identity};
pub use pact_score::{Decay, PactScore, Tier};

use crate::Malformed;
use crate::delegation::Grant;
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
    /// `TaskGrantCredential`
    TaskGrant(Grant),
    /// `DelegationCredential`
    Delegation(Grant),
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
    /// RFC 6901 pointers to what is always disclosed, besides [`ALWAYS_DISCLOSED`]: whatever could
    /// lower a level by being there, and what the rest means nothing without.
    pub mandatory: &'static [&'static str],
    /// Pointers to what may be absent from the whole but not from a part: nobody could tell whether
    /// it is absent or hidden, and hidden it would raise a level.
    pub mandatory_in_part: &'static [&'static str],
    read: fn(&Object<'_>) -> Result<Attestation, Malformed>,
    schema: LazyLock<Schema>,
    partial_schema: OnceLock<Schema>,
}

/// What every attestation discloses, whatever else its holder hides, besides `credentialStatus`.
///
/// Without `id`, `type` and `issuer` nobody knows what it is; without its dates it would never end;
/// without its schema it would be held against none; without the subject's id it would be
/// anybody's.
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
pub static ATTESTATION_TYPES: [&AttestationType; 6] = [
    &identity::TYPE,
    &builder::TYPE,
    &certification::TYPE,
    &pact_score::TYPE,
    &task_grant::TYPE,
    &delegation::TYPE,
];

impl AttestationType {
    const fn new(
        name: &'static str,
        schema_id: &'static str,
        schema_text: &'static str,
        mandatory: &'static [&'static str],
        mandatory_in_part: &'static [&'static str],
        read: fn(&Object<'_>) -> Result<Attestation, Malformed>,
        schema: fn() -> Schema,
    ) -> Self {
        Self {
            name,
            schema_id,
            schema_text,
            status_required: true,
            mandatory,
            mandatory_in_part,
            read,
            schema: LazyLock::new(schema),
            partial_schema: OnceLock::new(),
        }
    }

    /// The type called `name`.
    pub fn by_name(name: &str) -> Option<&'static Self> {
        ATTESTATION_TYPES.into_iter().find(|known| known.name == name)
    }

    /// The compiled schema; compiled at the first call.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The schema of a part of such a credential, of which the holder may have left claims out:
    /// inside of the subject, only what is mandatory is required. Compiled at the first call.
    pub fn partial_schema(&self) -> &Schema {
        self.partial_schema.get_or_init(|| {
            let mandatory: Vec<&str> = self.mandatory().chain(self.in_part()).collect();
            #[allow(clippy::expect_used)]
            Schema::compile_partial(self.schema_text, &mandatory)
                .expect("what remains of a schema of this crate compiles")
        })
    }

    /// Reads the claims about `subject`. The caller knows whether they may be believed, and whether
    /// claims may be missing: here only the mandatory ones may not. What is there is read strictly.
    pub fn read(&self, subject: &Object<'_>) -> Result<Attestation, Malformed> {
        (self.read)(subject)
    }

    /// The first mandatory pointer that leads nowhere in `credential`, if any.
    pub fn missing_claim(&self, credential: &Value<'_>) -> Option<&'static str> {
        self.mandatory().find(|pointer| credential.pointer(pointer).is_none())
    }

    /// The same for a part of a credential, which has to show more.
    pub fn missing_in_part(&self, credential: &Value<'_>) -> Option<&'static str> {
        let mut pointers = self.mandatory().chain(self.in_part());
        pointers.find(|pointer| credential.pointer(pointer).is_none())
    }

    /// What an issuer makes mandatory when it signs `document` with a selective suite, so that
    /// whatever the holder derives from it has all that a verifier asks for: JSON pointers that
    /// lead somewhere in the document.
    pub fn mandatory_pointers(&self, document: &Value<'_>) -> Vec<&'static str> {
        let mut pointers = mandatory_pointers(document);
        let own = self.mandatory.iter().copied().chain(self.in_part());
        pointers.extend(own.filter(|pointer| document.pointer(pointer).is_some()));
        pointers
    }

    fn mandatory(&self) -> impl Iterator<Item = &'static str> {
        let status = self.status_required.then_some(STATUS);
        ALWAYS_DISCLOSED.into_iter().chain(status).chain(self.mandatory.iter().copied())
    }

    fn in_part(&self) -> impl Iterator<Item = &'static str> {
        self.mandatory_in_part.iter().copied()
    }
}

const STATUS: &str = "/credentialStatus";

/// [`AttestationType::mandatory_pointers`] for a credential of another type: [`ALWAYS_DISCLOSED`]
/// and `credentialStatus`, as far as they are there, and in a document of version 1.1 its dates. The
/// issuer is always asked for. Several subjects are shown all or none, so that none can be left out.
pub fn mandatory_pointers(document: &Value<'_>) -> Vec<&'static str> {
    let subject = document.get("credentialSubject");
    let several = subject.is_some_and(|subject| subject.as_array().is_some());
    ALWAYS_DISCLOSED
        .into_iter()
        .chain([STATUS, "/issuanceDate", "/expirationDate"])
        .map(|pointer| match pointer {
            "/credentialSubject/id" if several => "/credentialSubject",
            other => other,
        })
        .filter(|pointer| *pointer == "/issuer" || document.pointer(pointer).is_some())
        .collect()
}

/// [`AttestationType::missing_in_part`] for a part of a credential of another type. Whether the
/// whole has a status or an end can't be seen, so a part has to show both.
pub fn missing_in_part(credential: &Value<'_>) -> Option<&'static str> {
    let mut pointers = ALWAYS_DISCLOSED.into_iter().chain([STATUS]);
    pointers.find(|pointer| credential.pointer(pointer).is_none())
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

impl<'v, 'a> Claims<'v, 'a> {
    fn fail<T>(&self, member: &str, detail: &str) -> Result<T, Malformed> {
        Err(Malformed::at(self.what, format!("/credentialSubject/{member}"), detail))
    }

    fn text(&self, member: &str) -> Result<&'v str, Malformed> {
        match self.object.str(member) {
            Some(text) => Ok(text),
            None => self.fail(member, "expected a string"),
        }
    }

    fn owned(&self, member: &str) -> Result<String, Malformed> {
        self.text(member).map(ToOwned::to_owned)
    }

    /// A member that may be absent or hidden; if it is there, it is read as strictly as any other.
    fn optional<T>(
        &self,
        member: &str,
        read: impl FnOnce(&Self, &str) -> Result<T, Malformed>,
    ) -> Result<Option<T>, Malformed> {
        match self.object.contains(member) {
            true => read(self, member).map(Some),
            false => Ok(None),
        }
    }

    /// A member of an object, either of which may be absent or hidden.
    fn inside<T>(
        &self,
        object: &str,
        member: &str,
        read: impl FnOnce(&Self, &str) -> Result<T, Malformed>,
    ) -> Result<Option<T>, Malformed> {
        match self.optional(object, Self::nested)? {
            Some(nested) => nested.optional(member, read),
            None => Ok(None),
        }
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

    fn nested(&self, member: &str) -> Result<Claims<'v, 'a>, Malformed> {
        match self.object.get(member) {
            Some(Value::Object(object)) => Ok(Claims { what: self.what, object }),
            _ => self.fail(member, "expected an object"),
        }
    }
}

#[cfg(test)]
mod tests;
