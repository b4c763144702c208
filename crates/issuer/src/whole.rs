//! Whole credentials that others wrote: what is checked before they are signed.

use bonafide_core::json::{Object, Value};
use bonafide_core::status::BitstringStatusEntry;
use bonafide_core::vc::{CREDENTIALS_V1, CREDENTIALS_V2, Unverified};

use crate::format::Format;
use crate::problem::Problem;

const DATA_INTEGRITY_V2: &str = "https://w3id.org/security/data-integrity/v2";
const ED25519_2020: &str = "https://w3id.org/security/suites/ed25519-2020/v1";

/// The SHA-256 of the v2 context, as `digestSRI` and as `digestMultibase`.
const V2_DIGESTS: [&str; 2] = [
    "sha256-WZVc7WaX1h4D8rJVb+vlMIqxaEKEb1tYbX8fet7JJzQ=",
    "uEiBZlVztZpfWHgPyslVv6-UwirFoQoRvW1htfx963sknNA",
];
/// Those of the v2 context of July 2024, which W3C's test suite expects.
const V2_DIGESTS_OF_THE_SUITE: [&str; 2] = [
    "sha384-NSOcNpmdIVUxIJGvGUoe22FjTWrXiaXlsZ8q6912LdnR3KraQO2n75Ica4wK4Qeg",
    "uJKGMkOmFbVJhEfKTduMC2XCyvRAYLjOVmZWwIH1wQ7k",
];

/// Checks a credential of `issuer` and completes its contexts: the terms of a proof, where version
/// 1.1 of the data model does not have them.
pub(crate) fn check(
    document: Value<'static>,
    issuer: &str,
    format: Format,
    conformance: bool,
) -> Result<Value<'static>, Problem> {
    let Value::Object(mut object) = document else {
        return Err(Problem::malformed("", "expected an object"));
    };
    for member in ["vc", "vp", "verifiableCredential"] {
        if object.contains(member) {
            return Err(Problem::malformed(&format!("/{member}"), "is no member of a credential"));
        }
    }
    complete_context(&mut object, format);
    let document = Value::Object(object);
    let unverified = Unverified::from_value(&document)?;
    format.check_version(&document)?;
    if unverified.claimed_issuer() != issuer {
        let detail = format!("expected {issuer}, the DID of this instance");
        return Err(Problem::malformed("/issuer", detail));
    }
    check_status(&document)?;
    check_related(&document, conformance)?;
    Ok(document)
}

/// Whether a document is a presentation, enveloped or not.
pub(crate) fn is_presentation(document: &Value<'_>) -> bool {
    let types = document.get("type").map(Value::one_or_more).unwrap_or_default();
    let is = |name: &Value<'_>| {
        matches!(name.as_str(), Some("VerifiablePresentation" | "EnvelopedVerifiablePresentation"))
    };
    types.iter().any(is)
}

fn complete_context(object: &mut Object<'static>, format: Format) {
    let needed = match format {
        Format::Ed25519Signature2020 => ED25519_2020,
        _ if format.is_token() => return,
        _ => DATA_INTEGRITY_V2,
    };
    // A proof that is there already covers the contexts as they are.
    if object.contains("proof") {
        return;
    }
    let Some(Value::Array(contexts)) = object.get_mut("@context") else { return };
    let first = contexts.first().and_then(Value::as_str);
    let lacks = first == Some(CREDENTIALS_V1)
        || (first == Some(CREDENTIALS_V2) && format == Format::Ed25519Signature2020);
    let there = contexts.iter().any(|context| context.as_str() == Some(needed));
    if lacks && !there {
        contexts.push(needed.into());
    }
}

/// Entries that are not what they say they are would make the credential unusable.
fn check_status(document: &Value<'_>) -> Result<(), Problem> {
    if document.get("statusEntry").is_some() {
        return Err(Problem::malformed("/statusEntry", "is not known; expected credentialStatus"));
    }
    let entries = document.get("credentialStatus").map(Value::one_or_more).unwrap_or_default();
    let several = matches!(document.get("credentialStatus"), Some(Value::Array(_)));
    for (index, entry) in entries.iter().enumerate() {
        let Value::Object(entry) = entry else { continue };
        if entry.str("type") == Some(BitstringStatusEntry::TYPE) {
            let place = if several { format!("/{index}") } else { String::new() };
            BitstringStatusEntry::from_object(entry).map_err(|error| {
                error.within("credential", &format!("/credentialStatus{place}"))
            })?;
        }
    }
    Ok(())
}

/// The digest of a related resource that this service has must be the right one (VCDM 2.0, 5.3).
/// That ids and digests are there is a matter of form.
fn check_related(document: &Value<'_>, conformance: bool) -> Result<(), Problem> {
    let related = document.get("relatedResource").map(Value::one_or_more).unwrap_or_default();
    let of_v2 =
        |resource: &&Value<'_>| resource.get("id").and_then(Value::as_str) == Some(CREDENTIALS_V2);
    for resource in related.iter().filter(of_v2) {
        let digests = [resource.get("digestSRI"), resource.get("digestMultibase")];
        for (which, digest) in digests.into_iter().enumerate() {
            let Some(digest) = digest else { continue };
            let of_the_suite = conformance.then_some(V2_DIGESTS_OF_THE_SUITE[which]);
            let good = [Some(V2_DIGESTS[which]), of_the_suite];
            if !good.contains(&digest.as_str()) {
                let detail = "the digest is not that of the context; SHA-256 is known here";
                return Err(Problem::malformed("/relatedResource", detail));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
