//! Verifiable credentials (VCDM 2.0, 4.1 to 4.13; VCDM 1.1, sections 4 and 5).

use super::DataModel;
use super::form::{Form, MOST_ENTRIES, is_url};
use crate::Malformed;
use crate::json::{Object, Value};
use crate::time::Timestamp;

const WHAT: &str = "verifiable credential";

/// A credential whose form is that of VCDM 2.0 or 1.1, and of which nothing else is known.
#[derive(Clone, Debug)]
pub struct Unverified<'v> {
    document: &'v Object<'v>,
    model: DataModel,
    id: Option<&'v str>,
    types: Vec<&'v str>,
    issuer: &'v str,
    valid_from: Option<Timestamp>,
    valid_until: Option<Timestamp>,
    subjects: Vec<&'v Object<'v>>,
    status: Vec<StatusReference<'v>>,
    schemas: Vec<SchemaReference<'v>>,
}

/// An entry of `credentialStatus` (VCDM 2.0, 4.10).
#[derive(Clone, Copy, Debug)]
pub struct StatusReference<'v> {
    /// The whole entry.
    pub entry: &'v Object<'v>,
}

impl StatusReference<'_> {
    /// Whether `name` is among its types; types have no order.
    pub fn is(&self, name: &str) -> bool {
        has_type(self.entry, name)
    }

    /// Its types, for people.
    pub fn type_names(&self) -> String {
        type_names(self.entry)
    }
}

/// An entry of `credentialSchema` (VCDM 2.0, 4.11).
#[derive(Clone, Copy, Debug)]
pub struct SchemaReference<'v> {
    /// The schema's URL.
    pub id: &'v str,
    /// Whether it is a `JsonSchema`.
    pub is_json_schema: bool,
}

impl<'v> Unverified<'v> {
    /// Checks the form of a credential, secured or not.
    ///
    /// Everything that section 4 of VCDM 2.0 says MUST and that can be seen without the meaning of
    /// JSON-LD terms: the context's order, types, URLs, date-times, subjects that say something,
    /// typed sub-objects, related resources, language values. The same of version 1.1 for a
    /// document whose first context is that of 1.1.
    pub fn from_value(value: &'v Value<'v>) -> Result<Self, Malformed> {
        let Value::Object(document) = value else {
            return Err(Malformed::new(WHAT, "expected an object"));
        };
        let form = Form::of_document(WHAT, document)?;
        let id = form.optional_url("id")?;
        let types = form.types("VerifiableCredential")?;
        form.names()?;
        let Some(issuer) = form.url_or_object("issuer")? else {
            return form.fail("/issuer", "is missing");
        };
        let (valid_from, valid_until) = span(&form)?;
        let subjects = subjects(&form)?;
        let mut status = Vec::new();
        form.typed("credentialStatus", |entry| {
            entry.id_in_v1()?;
            status.push(StatusReference { entry: entry.object });
            Ok(())
        })?;
        let mut schemas = Vec::new();
        form.typed("credentialSchema", |entry| match entry.object.str("id") {
            Some(id) => {
                let is_json_schema = has_type(entry.object, "JsonSchema");
                schemas.push(SchemaReference { id, is_json_schema });
                Ok(())
            }
            None => entry.fail("/id", "is missing"),
        })?;
        form.typed("refreshService", Form::id_in_v1)?;
        for member in ["termsOfUse", "evidence"] {
            form.typed(member, |_| Ok(()))?;
        }
        related_resources(&form)?;
        proofs_are_objects(&form)?;
        Ok(Self {
            document,
            model: form.model,
            id,
            types,
            issuer,
            valid_from,
            valid_until,
            subjects,
            status,
            schemas,
        })
    }

    /// Refuses version 1.1, for what secures or extends version 2.0 alone: VC-JOSE-COSE, whose
    /// payload is a document of 2.0 (section 3.1.1), and Bitstring Status Lists.
    pub fn require_v2(&self) -> Result<(), Malformed> {
        self.model.require_v2(WHAT)
    }

    /// The whole document, unverified.
    pub fn unverified_document(&self) -> &'v Object<'v> {
        self.document
    }

    /// The version of the data model that it claims to follow.
    pub fn claimed_data_model(&self) -> DataModel {
        self.model
    }

    /// The `id` that it claims.
    pub fn claimed_id(&self) -> Option<&'v str> {
        self.id
    }

    /// The types that it claims, `VerifiableCredential` among them.
    pub fn claimed_types(&self) -> &[&'v str] {
        &self.types
    }

    /// The issuer that it claims.
    pub fn claimed_issuer(&self) -> &'v str {
        self.issuer
    }

    /// From when on it claims to be valid: `validFrom`. In version 1.1 `issuanceDate`, or
    /// `validFrom` if that stands there too and is later.
    pub fn claimed_valid_from(&self) -> Option<Timestamp> {
        self.valid_from
    }

    /// Until when it claims to be valid: `validUntil`. In version 1.1 `expirationDate`, or
    /// `validUntil` if that stands there too and is earlier.
    pub fn claimed_valid_until(&self) -> Option<Timestamp> {
        self.valid_until
    }

    /// The subjects that it claims something of; at least one.
    pub fn claimed_subjects(&self) -> &[&'v Object<'v>] {
        &self.subjects
    }

    /// Where its status is published.
    pub fn claimed_status(&self) -> &[StatusReference<'v>] {
        &self.status
    }

    /// The schemas that it claims to fit.
    pub fn claimed_schemas(&self) -> &[SchemaReference<'v>] {
        &self.schemas
    }
}

fn types_of<'v>(object: &'v Object<'v>) -> impl Iterator<Item = &'v str> {
    object.get("type").map(Value::one_or_more).unwrap_or_default().iter().filter_map(Value::as_str)
}

fn has_type(object: &Object<'_>, name: &str) -> bool {
    types_of(object).any(|known| known == name)
}

fn type_names(object: &Object<'_>) -> String {
    types_of(object).collect::<Vec<_>>().join(", ")
}

/// When it begins and when it ends (VCDM 2.0, 4.9; VCDM 1.1, 4.6 and 4.8).
///
/// `validFrom` and `validUntil` mean the same in the contexts of both versions, so a signature over
/// RDF may hold under either. They bound a document of version 1.1 too, which only reserves them:
/// otherwise one that has ended could live on under the other context.
fn span(form: &Form<'_>) -> Result<(Option<Timestamp>, Option<Timestamp>), Malformed> {
    let read = |member: &'static str| -> Result<Option<(Timestamp, &'static str)>, Malformed> {
        Ok(form.time(member)?.map(|time| (time, member)))
    };
    let (issued, expires) = match form.model {
        DataModel::V1 => {
            if !form.object.contains("issuanceDate") {
                return form.fail("/issuanceDate", "is missing");
            }
            (read("issuanceDate")?, read("expirationDate")?)
        }
        DataModel::V2 => {
            for old in ["issuanceDate", "expirationDate"] {
                if form.object.contains(old) {
                    let detail = "belongs to version 1.1 of the data model";
                    return form.fail(format!("/{old}"), detail);
                }
            }
            (None, None)
        }
    };
    let begin = [issued, read("validFrom")?].into_iter().flatten().max();
    let end = [expires, read("validUntil")?].into_iter().flatten().min();
    if let (Some((from, begins)), Some((until, ends))) = (begin, end)
        && from > until
    {
        return form.fail(format!("/{ends}"), &format!("is before {begins}"));
    }
    Ok((begin.map(|(from, _)| from), end.map(|(until, _)| until)))
}

/// VCDM 2.0, 4.8: one or more objects that each say something; an `id` is one URL.
fn subjects<'v>(form: &Form<'v>) -> Result<Vec<&'v Object<'v>>, Malformed> {
    let Some(value) = form.object.get("credentialSubject") else {
        return form.fail("/credentialSubject", "is missing");
    };
    if value.one_or_more().len() > MOST_ENTRIES {
        return form.fail("/credentialSubject", "more than 16 subjects");
    }
    let mut subjects = Vec::new();
    for (index, item) in value.one_or_more().iter().enumerate() {
        let pointer = || match value {
            Value::Array(_) => format!("/credentialSubject/{index}"),
            _ => "/credentialSubject".to_owned(),
        };
        match item {
            Value::Object(subject) if !subject.is_empty() => {
                let subject_form = form.inside(subject);
                subject_form.optional_url("id").map_err(|error| error.within(WHAT, &pointer()))?;
                subjects.push(subject);
            }
            _ => return form.fail(pointer(), "expected an object with at least one claim"),
        }
    }
    if subjects.is_empty() {
        return form.fail("/credentialSubject", "expected at least one subject");
    }
    Ok(subjects)
}

/// VCDM 2.0, 5.3: objects with a unique URL `id` and at least one digest. Version 1.1 does not know
/// them.
fn related_resources(form: &Form<'_>) -> Result<(), Malformed> {
    if form.model == DataModel::V1 {
        return Ok(());
    }
    let Some(value) = form.object.get("relatedResource") else { return Ok(()) };
    let mut seen = Vec::new();
    for item in value.one_or_more() {
        let id = item.get("id").and_then(Value::as_str).filter(|id| is_url(id));
        let Some(id) = id else {
            return form.fail("/relatedResource", "expected objects with a URL as id");
        };
        let digest = |member| item.get(member).and_then(Value::as_str).is_some();
        if !digest("digestSRI") && !digest("digestMultibase") {
            return form.fail("/relatedResource", "expected digestSRI or digestMultibase");
        }
        seen.push(id);
    }
    seen.sort_unstable();
    if seen.windows(2).any(|pair| pair[0] == pair[1]) {
        return form.fail("/relatedResource", "an id occurs twice");
    }
    Ok(())
}

/// VCDM 2.0, 4.12: `proof` holds objects with a type. What is in them is the suites' matter.
pub(super) fn proofs_are_objects(form: &Form<'_>) -> Result<(), Malformed> {
    let Some(value) = form.object.get("proof") else { return Ok(()) };
    for proof in value.one_or_more() {
        if proof.get("type").and_then(Value::as_str).is_none() {
            return form.fail("/proof", "expected objects with a type");
        }
    }
    Ok(())
}
