//! Does it say all that its type must say, and nothing odd?

use bonafide_core::attestation::{Attestation, AttestationType, missing_in_part};
use bonafide_core::json::Value;
use bonafide_core::schema::Violation;
use bonafide_core::vc::{SchemaReference, Unverified};

use super::Context;
use crate::Reason;
use crate::evidence::short;
use crate::verdict::Note;

/// The claims, once the credential fits, and what speaks against it.
#[derive(Debug)]
pub(crate) struct SchemaFindings {
    pub(crate) attestation: Option<Attestation>,
    pub(crate) reasons: Vec<Reason>,
    pub(crate) note: Note,
}

/// `partial` is whether the holder may have left claims out. Then what is mandatory has to be
/// there, and whatever else is there has to fit.
pub(crate) fn check(
    credential: &Unverified<'_>,
    document: &Value<'_>,
    known: Option<&'static AttestationType>,
    partial: bool,
    context: &Context<'_>,
) -> SchemaFindings {
    match known {
        Some(known) => attestation(credential, document, known, partial),
        None => other(credential, document, partial, context),
    }
}

fn attestation(
    credential: &Unverified<'_>,
    document: &Value<'_>,
    known: &'static AttestationType,
    partial: bool,
) -> SchemaFindings {
    let mut found = SchemaFindings {
        note: Note::Fits(known.schema_id.to_owned()),
        attestation: None,
        reasons: Vec::new(),
    };
    for schema in credential.claimed_schemas() {
        if schema.id != known.schema_id || !schema.is_json_schema {
            found.reasons.push(Reason::SchemaMismatch {
                expected: known.schema_id.to_owned(),
                found: short(schema.id),
            });
        }
    }
    let (missing, schema) = match partial {
        true => (known.missing_in_part(document), known.partial_schema()),
        false => (known.missing_claim(document), known.schema()),
    };
    if let Some(pointer) = missing {
        found.reasons.push(Reason::ClaimsMissing { credential_type: known.name, pointer });
        return found;
    }
    if let Err(violation) = schema.check(document) {
        found.reasons.push(violated(known.schema_id, violation));
        return found;
    }
    if let [subject] = credential.claimed_subjects() {
        match known.read(subject) {
            Ok(attestation) => found.attestation = Some(attestation),
            Err(error) => found.reasons.push(Reason::malformed(error)),
        }
    }
    found
}

/// A credential of another type fits the schemas that it names, if they are known. A part of one
/// shows what would otherwise be hidden by leaving it out: when it ends, where it is revoked, what
/// it has to fit.
fn other(
    credential: &Unverified<'_>,
    document: &Value<'_>,
    partial: bool,
    context: &Context<'_>,
) -> SchemaFindings {
    let mut found = SchemaFindings {
        note: Note::Said("names no schema"),
        attestation: None,
        reasons: Vec::new(),
    };
    if let Some(pointer) = missing_in_part(document).filter(|_| partial) {
        let credential_type = "VerifiableCredential";
        found.reasons.push(Reason::ClaimsMissing { credential_type, pointer });
        return found;
    }
    let schemas = credential.claimed_schemas();
    for (index, schema) in schemas.iter().enumerate() {
        let same = |earlier: &SchemaReference<'_>| {
            (earlier.id, earlier.is_json_schema) == (schema.id, schema.is_json_schema)
        };
        if schemas[..index].iter().any(same) {
            continue;
        }
        match context.evidence.schemas.get(schema.id).filter(|_| schema.is_json_schema) {
            Some(compiled) => {
                found.note = Note::Fits(schema.id.to_owned());
                let violation = compiled.check(document).err();
                found.reasons.extend(violation.map(|violation| violated(schema.id, violation)));
            }
            None if context.policy.unknown.ignore_schema => {}
            None => found.reasons.push(Reason::SchemaUnknown { schema: short(schema.id) }),
        }
    }
    found
}

fn violated(schema: &str, violation: Violation) -> Reason {
    Reason::SchemaViolation {
        schema: short(schema),
        pointer: short(&violation.pointer),
        detail: violation.message,
    }
}
