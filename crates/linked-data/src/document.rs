//! What a document has to be like before it is read as RDF.
//!
//! A signature over RDF covers statements, not the JSON that was sent. Whatever two spellings of
//! the same statements could be read differently as JSON, or would not become statements at all,
//! is refused here, so that what was signed is what is read.

use std::collections::HashSet;

use bonafide_core::json::{Object, Value};
use bonafide_proof::data_integrity::ProofError;

use crate::contexts::Contexts;

/// Longest document, in bytes of its canonical form.
pub const LARGEST_DOCUMENT: usize = 256 << 10;

/// Most JSON values in a document.
pub const MOST_VALUES: usize = 2_048;

/// Deepest nesting.
const DEEPEST: usize = 32;

/// Identifiers with this prefix stand for blank nodes while claims are selected; a document that
/// brings its own is refused.
pub(crate) const SKOLEM_PREFIX: &str = "urn:bnid:";

/// Checks a document against the rules above.
pub fn check(document: &Object<'_>, contexts: &Contexts) -> Result<(), ProofError> {
    let mut checker = Checker { contexts, values: 0 };
    checker.object(document, 0, &mut HashSet::new())
}

struct Checker<'c> {
    contexts: &'c Contexts,
    values: usize,
}

fn lost(detail: impl Into<String>) -> ProofError {
    ProofError::DataLoss { detail: detail.into() }
}

fn shown(text: &str) -> String {
    text.chars().take(64).collect()
}

impl Checker<'_> {
    fn value(
        &mut self,
        value: &Value<'_>,
        depth: usize,
        ids: &mut HashSet<String>,
    ) -> Result<(), ProofError> {
        self.values += 1;
        if self.values > MOST_VALUES {
            return Err(ProofError::TooLarge { what: "values", limit: MOST_VALUES });
        }
        if depth > DEEPEST {
            return Err(ProofError::TooLarge { what: "levels", limit: DEEPEST });
        }
        match value {
            Value::Null => Err(lost("null says nothing that could be signed")),
            Value::Array(items) => {
                items.iter().try_for_each(|item| self.value(item, depth + 1, ids))
            }
            Value::Object(object) => self.object(object, depth, ids),
            _ => Ok(()),
        }
    }

    fn object(
        &mut self,
        object: &Object<'_>,
        depth: usize,
        ids: &mut HashSet<String>,
    ) -> Result<(), ProofError> {
        if object.contains("@value") {
            return value_object(object);
        }
        if let Some(id) = object.str("id") {
            if id.starts_with("_:") || id.starts_with(SKOLEM_PREFIX) {
                return Err(lost(format!("{:?} names a blank node", shown(id))));
            }
            // Two objects with one id are one node: what one says could be moved to the other.
            if object.len() > 1 && !ids.insert(id.to_owned()) {
                return Err(lost(format!("two objects have the id {:?}", shown(id))));
            }
        }
        for (name, value) in object.iter() {
            self.member(name, value, depth, ids)?;
        }
        Ok(())
    }

    fn member(
        &mut self,
        name: &str,
        value: &Value<'_>,
        depth: usize,
        ids: &mut HashSet<String>,
    ) -> Result<(), ProofError> {
        if name == "@context" {
            return self.context(value);
        }
        if name.starts_with('@') || name.contains(':') {
            // The same statement has another spelling, under which others look for it.
            return Err(lost(format!("the member {:?} is not a term", shown(name))));
        }
        if self.contexts.is_json(name) {
            return Ok(());
        }
        if name == "type" {
            let mut types = value.one_or_more().iter().filter_map(Value::as_str);
            if let Some(iri) = types.find(|iri| self.contexts.has_term_for(iri)) {
                return Err(lost(format!("there is a term for the type {:?}", shown(iri))));
            }
        }
        if value.as_array().is_some_and(<[_]>::is_empty) && !self.contexts.is_list(name) {
            return Err(lost(format!("{:?} is empty, which can't be signed", shown(name))));
        }
        if matches!(name, "verifiableCredential" | "proof") {
            // Each is a graph of its own, in which the same node is another one.
            return value
                .one_or_more()
                .iter()
                .try_for_each(|item| self.value(item, depth + 1, &mut HashSet::new()));
        }
        self.value(value, depth + 1, ids)
    }

    fn context(&self, context: &Value<'_>) -> Result<(), ProofError> {
        let fault = |part: &Value<'_>| match part {
            Value::String(url) if self.contexts.document(url).is_some() => None,
            Value::String(url) => Some(format!("{} is not one of those known here", shown(url))),
            _ => Some("it is written into the document; only known URLs are read".to_owned()),
        };
        match context.one_or_more().iter().find_map(fault) {
            None => Ok(()),
            Some(detail) => Err(ProofError::ContextRefused { detail }),
        }
    }
}

/// A value with its language, direction or datatype (JSON-LD 1.1, 9.5).
fn value_object(object: &Object<'_>) -> Result<(), ProofError> {
    for (name, value) in object.iter() {
        let understood = match name {
            "@value" => matches!(value, Value::String(_) | Value::Bool(_) | Value::Number(_)),
            "@language" | "@type" => value.as_str().is_some(),
            "@direction" => matches!(value.as_str(), Some("ltr" | "rtl")),
            _ => false,
        };
        if !understood {
            return Err(lost(format!("{:?} of a value is not signed", shown(name))));
        }
    }
    Ok(())
}
