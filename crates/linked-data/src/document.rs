//! What a document has to be like before it is read as RDF.
//!
//! A signature over RDF covers statements, not the JSON that was sent. Whatever two spellings of
//! the same statements could be read differently as JSON, or would not become statements at all,
//! is refused here, so that what was signed is what is read.

use bonafide_core::json::{Object, Value};
use bonafide_core::vc::is_language_tag;
use bonafide_proof::data_integrity::{ProofError, Work};

use crate::contexts::Contexts;

/// Longest document, in bytes of its canonical form.
pub const LARGEST_DOCUMENT: usize = 256 << 10;

/// Most JSON values in a document.
pub const MOST_VALUES: usize = 2_048;

/// Deepest nesting.
const DEEPEST: usize = 16;

/// Identifiers with this prefix stand for blank nodes while claims are selected; a document that
/// brings its own is refused.
pub(crate) const SKOLEM_PREFIX: &str = "urn:bnid:";

/// What it costs to read a document as RDF, in microseconds: in any case, for each value, and for
/// each time that a context has to be read, which each value of `@context` and each type may ask for.
const DOCUMENT: usize = 100;
const VALUE: usize = 3;
const CONTEXT: usize = 100;

/// Checks a document against the rules above.
pub fn check(document: &Object<'_>, contexts: &Contexts, work: &Work) -> Result<(), ProofError> {
    let mut checker = Checker { contexts, values: 0, context_readings: 0 };
    checker.object(document, 0)?;
    work.spend(DOCUMENT + checker.values * VALUE + checker.context_readings * CONTEXT)?;
    Ok(())
}

struct Checker<'c> {
    contexts: &'c Contexts,
    values: usize,
    context_readings: usize,
}

/// Why a document is refused of which not all would be signed.
pub(crate) fn lost(detail: impl Into<String>) -> ProofError {
    ProofError::DataLoss { detail: detail.into() }
}

fn shown(text: &str) -> String {
    text.chars().take(64).collect()
}

impl Checker<'_> {
    fn value(&mut self, value: &Value<'_>, depth: usize) -> Result<(), ProofError> {
        self.values += 1;
        if self.values > MOST_VALUES {
            return Err(ProofError::TooLarge { what: "values", limit: MOST_VALUES });
        }
        if depth > DEEPEST {
            return Err(ProofError::TooLarge { what: "levels", limit: DEEPEST });
        }
        match value {
            Value::Null => Err(lost("null says nothing that could be signed")),
            Value::String(text) if text.starts_with(SKOLEM_PREFIX) => {
                Err(lost(format!("{:?} names a blank node", shown(text))))
            }
            // Where an IRI stands, a prefix would be another spelling of it.
            Value::String(text) if self.contexts.has_prefix(text) => {
                Err(lost(format!("{:?} begins with the prefix of a context", shown(text))))
            }
            // Where an IRI stands, it would be dropped like a keyword that nobody knows.
            Value::String(text) if is_like_keyword(text) => {
                Err(lost(format!("{:?} looks like a keyword", shown(text))))
            }
            Value::Array(items) => items.iter().try_for_each(|item| match item {
                // JSON-LD takes it apart: `[["x"]]` and `["x"]` would be the same.
                Value::Array(_) => Err(lost("an array in an array is not signed as one")),
                item => self.value(item, depth + 1),
            }),
            Value::Object(object) => self.object(object, depth),
            _ => Ok(()),
        }
    }

    fn object(&mut self, object: &Object<'_>, depth: usize) -> Result<(), ProofError> {
        if object.contains("@value") {
            return value_object(object, self.contexts);
        }
        object.iter().try_for_each(|(name, value)| self.member(name, value, depth))
    }

    fn member(&mut self, name: &str, value: &Value<'_>, depth: usize) -> Result<(), ProofError> {
        if name == "@context" {
            self.context_readings += value.one_or_more().len();
            return self.context(value);
        }
        if name.starts_with('@') || name.contains(':') {
            // The same statement has another spelling, under which others look for it.
            return Err(lost(format!("the member {:?} is not a term", shown(name))));
        }
        if self.contexts.is_json(name) {
            // Signed as it is, or else refused where the statements are written.
            return Ok(());
        }
        if name == "id" && value.as_str().is_none_or(|id| !id.contains(':')) {
            return Err(lost("an id that is not an absolute URL"));
        }
        if name == "type" {
            let types = value.one_or_more();
            self.context_readings += types.len();
            let mut types = types.iter().filter_map(Value::as_str);
            if let Some(iri) = types.find(|iri| self.contexts.has_term_for(iri)) {
                return Err(lost(format!("there is a term for the type {:?}", shown(iri))));
            }
        }
        if value.as_array().is_some_and(<[_]>::is_empty) {
            return Err(lost(format!("{:?} is empty, which can't be signed", shown(name))));
        }
        self.value(value, depth + 1)
    }

    fn context(&self, context: &Value<'_>) -> Result<(), ProofError> {
        if context.as_array().is_some_and(<[_]>::is_empty) {
            return Err(lost("an empty @context is not signed"));
        }
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

/// `@` and letters (JSON-LD 1.1, 4.1.4 and 9.16).
fn is_like_keyword(text: &str) -> bool {
    text.strip_prefix('@')
        .is_some_and(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphabetic()))
}

/// Text with its language and direction, or with its datatype (JSON-LD 1.1, 9.5). Whatever JSON or a
/// term says in another way is said in that way alone.
fn value_object(object: &Object<'_>, contexts: &Contexts) -> Result<(), ProofError> {
    for (name, value) in object.iter() {
        let understood = match (name, value.as_str()) {
            ("@value", Some(_)) => true,
            ("@language", Some(language)) => is_language_tag(language),
            // Beside it, the case of the language is not signed.
            ("@direction", Some("ltr" | "rtl")) => {
                !object.str("@language").unwrap_or_default().contains(char::is_uppercase)
            }
            ("@type", Some(datatype)) => contexts.is_own_datatype(datatype),
            _ => false,
        };
        if !understood {
            return Err(lost(format!("{:?} of a value is not signed as it is", shown(name))));
        }
    }
    let tagged = object.contains("@language") || object.contains("@direction");
    match tagged == object.contains("@type") {
        true => Err(lost("a value object with neither or both of a language and a datatype")),
        false => Ok(()),
    }
}
