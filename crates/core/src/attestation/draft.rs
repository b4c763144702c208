//! Putting an unsigned attestation together.

use super::{AttestationType, BONAFIDE_V1};
use crate::Malformed;
use crate::json::{Object, Value};
use crate::time::Timestamp;
use crate::vc::{CREDENTIALS_V2, Unverified};

/// Everything that goes into an attestation before it is signed.
#[derive(Clone, Debug)]
pub struct Draft<'a> {
    /// Which attestation.
    pub attestation_type: &'static AttestationType,
    /// The credential's id, a URL; `urn:uuid:…` where it has no place of its own.
    pub id: &'a str,
    /// The issuer's DID.
    pub issuer: &'a str,
    /// The agent's DID.
    pub subject: &'a str,
    /// The claims about it, without `id`. A member `relatedResource` is moved to the credential.
    pub claims: Object<'a>,
    /// From when on it is valid.
    pub valid_from: Timestamp,
    /// When it ends.
    pub valid_until: Timestamp,
    /// Where its status will be published: entries of `credentialStatus` (see
    /// [`BitstringStatusEntry`](crate::status::BitstringStatusEntry),
    /// [`TokenStatusReference`](crate::status::TokenStatusReference)).
    pub status: Vec<Object<'static>>,
}

impl Draft<'_> {
    /// The unsigned credential, checked against its schema and read back: what would not verify
    /// for its form is refused here.
    pub fn into_credential(self) -> Result<Value<'static>, Malformed> {
        let known = self.attestation_type;
        let mut subject = self.claims;
        let related = subject.remove("relatedResource");
        if subject.str("id").is_some_and(|id| id != self.subject) {
            return Err(Malformed::at(known.name, "/credentialSubject/id", "is another subject"));
        }
        subject.insert("id", self.subject);
        let schema = Object::from([("id", known.schema_id), ("type", "JsonSchema")]);
        let mut document = Object::from([
            ("@context", Value::from(vec![CREDENTIALS_V2, BONAFIDE_V1])),
            ("id", self.id.into()),
            ("type", vec!["VerifiableCredential", known.name].into()),
            ("issuer", self.issuer.into()),
            ("validFrom", self.valid_from.to_string().into()),
            ("validUntil", self.valid_until.to_string().into()),
            ("credentialSchema", schema.into()),
        ]);
        let mut status = self.status;
        match status.len() {
            0 => {}
            1 => {
                document.insert("credentialStatus", status.remove(0));
            }
            _ => {
                document.insert("credentialStatus", status);
            }
        }
        if let Some(related) = related {
            document.insert("relatedResource", related);
        }
        document.insert("credentialSubject", subject);
        let credential = Value::Object(document).into_owned();
        check(known, &credential)?;
        Ok(credential)
    }
}

fn check(known: &AttestationType, credential: &Value<'_>) -> Result<(), Malformed> {
    let unverified = Unverified::from_value(credential)?;
    if let Some(pointer) = known.missing_claim(credential) {
        return Err(Malformed::at(known.name, pointer, "is missing"));
    }
    known
        .schema()
        .check(credential)
        .map_err(|violation| Malformed::at(known.name, violation.pointer, violation.message))?;
    for subject in unverified.claimed_subjects() {
        known.read(subject)?;
    }
    Ok(())
}
