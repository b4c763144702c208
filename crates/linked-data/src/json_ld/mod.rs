//! JSON-LD to RDF. Expansion is done by ssi's crates; this module is the only one that sees them,
//! and a faster engine can take its place.
//!
//! With contexts that are at hand nothing ever waits, so a future that is not ready at its first
//! poll is an error.

mod writer;

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Poll, Waker};

use bonafide_core::json::{
    Object as JsonObject, Value as Json, canonical_length, to_canonical_string,
};
use bonafide_proof::data_integrity::ProofError;
use ssi_json_ld::context_processing::Process as _;
use ssi_json_ld::context_processing::algorithm::Action;
use ssi_json_ld::expansion::{Options, Policy};
use ssi_json_ld::syntax::{Parse as _, TryFromJson as _, Value};
use ssi_json_ld::{Expand as _, ExpandedDocument, Loader};

use self::writer::{Place, Writer};
use crate::contexts::{Contexts, Documents};
use crate::document::LARGEST_DOCUMENT;
use crate::rdf::Dataset;

/// More quads than this are refused.
pub const MOST_QUADS: usize = 4_096;

/// The engine calls itself for each level of a document, with large frames: so many bytes are
/// enough for the deepest.
const STACK: usize = 4 << 20;

/// The statements of a document that was checked ([`crate::document::check`]).
///
/// An id that starts with [`SKOLEM_PREFIX`] becomes a blank node with the rest as its name; other
/// blank nodes are named by their place, so that the same place has the same name.
pub(crate) fn to_dataset(
    document: &JsonObject<'_>,
    contexts: &Contexts,
) -> Result<Dataset, ProofError> {
    let document = Json::Object(document.clone());
    expanded(&document, contexts)?.quads()
}

/// A document in expanded form (JSON-LD 1.1 API, 5).
pub struct Expanded<'j> {
    document: ExpandedDocument,
    /// What stands in place of its JSON literals: numbers, by which they are found here.
    literals: Vec<&'j Json<'j>>,
}

/// Expands a document that was checked.
pub fn expanded<'j>(
    document: &'j Json<'j>,
    contexts: &Contexts,
) -> Result<Expanded<'j>, ProofError> {
    if canonical_length(document) > LARGEST_DOCUMENT {
        return Err(ProofError::TooLarge { what: "bytes", limit: LARGEST_DOCUMENT });
    }
    let mut literals = Vec::new();
    let mut converted = convert(document, contexts, &mut literals);
    // It was read already, or is now, and holds from the start.
    let active = contexts.parsed().active(document.get("@context"))?;
    if let Value::Object(object) = &mut converted {
        object.remove("@context").for_each(drop);
    }
    let document = stacker::maybe_grow(STACK, STACK, || expand(&converted, active, contexts))?;
    Ok(Expanded { document, literals })
}

impl Expanded<'_> {
    /// Its statements.
    pub fn quads(&self) -> Result<Dataset, ProofError> {
        let mut writer = Writer::new(&self.literals);
        for (number, object) in self.document.iter().enumerate() {
            let place = Place { graph: None, subject: None, property: "", number };
            writer.object(object, &place)?;
        }
        writer.finish()
    }
}

type ActiveContext = ssi_json_ld::Context<ssi_json_ld::IriBuf, ssi_json_ld::BlankIdBuf>;

/// As many combinations of contexts are remembered.
const MOST_ACTIVE: usize = 16;

/// Parsed context documents, and what came of reading some of them one after the other: most
/// documents begin with the same ones, and reading them costs more than all else.
pub(crate) struct Parsed {
    documents: HashMap<String, Value>,
    active: Mutex<HashMap<Vec<String>, ActiveContext>>,
}

impl Parsed {
    /// Parses documents that are known to be JSON.
    pub(crate) fn new(documents: &Documents) -> Self {
        let parsed = documents
            .iter()
            .filter_map(|(url, text)| Some((url.to_string(), Value::parse_str(text).ok()?.0)));
        Self { documents: parsed.collect(), active: Mutex::default() }
    }

    /// The terms that hold at the top of a document with this `@context`.
    fn active(&self, context: Option<&Json<'_>>) -> Result<ActiveContext, ProofError> {
        let urls = context.map(Json::one_or_more).unwrap_or_default();
        let urls: Vec<String> =
            urls.iter().filter_map(|url| Some(url.as_str()?.to_owned())).collect();
        let lock = || self.active.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(&urls) {
            return Ok(known.clone());
        }
        let active = self.read(&urls)?;
        let mut remembered = lock();
        if remembered.len() >= MOST_ACTIVE {
            remembered.clear();
        }
        remembered.insert(urls, active.clone());
        Ok(active)
    }

    fn read(&self, urls: &[String]) -> Result<ActiveContext, ProofError> {
        let entries = urls.iter().map(|url| Value::String(url.as_str().into()));
        let entries = Value::Array(entries.collect());
        let refused = |detail: String| ProofError::ContextRefused {
            detail: detail.chars().take(200).collect(),
        };
        let local = ssi_json_ld::syntax::Context::try_from_json(entries)
            .map_err(|error| refused(error.to_string()))?;
        let (before, mut vocabulary) = (ActiveContext::default(), ());
        let options = processing().into();
        let future = local.process_with(&mut vocabulary, &before, &self, None, options);
        match at_once(future)? {
            Ok(read) => Ok(read.into_processed()),
            Err(error) => Err(refused(error.to_string())),
        }
    }
}

/// What a future comes to that has nothing to wait for.
fn at_once<T>(future: impl Future<Output = T>) -> Result<T, ProofError> {
    match pin!(future).poll(&mut std::task::Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Ok(output),
        Poll::Pending => {
            Err(ProofError::ContextRefused { detail: "a context was not at hand".to_owned() })
        }
    }
}

fn processing() -> Options {
    let policy = Policy { invalid: Action::Reject, allow_undefined: false, ..Policy::default() };
    Options { policy, ..Options::default() }
}

#[derive(Debug, thiserror::Error)]
#[error("not one of the contexts known here")]
struct NotPinned;

impl Loader for &Parsed {
    async fn load(
        &self,
        url: &ssi_json_ld::Iri,
    ) -> Result<ssi_json_ld::RemoteDocument, ssi_json_ld::LoadError> {
        match self.documents.get(url.as_str()) {
            Some(document) => {
                Ok(ssi_json_ld::RemoteDocument::new(Some(url.to_owned()), None, document.clone()))
            }
            None => Err(ssi_json_ld::LoadError::new(url.to_owned(), NotPinned)),
        }
    }
}

fn expand(
    value: &Value,
    active: ActiveContext,
    contexts: &Contexts,
) -> Result<ExpandedDocument, ProofError> {
    let (loader, mut vocabulary) = (contexts.parsed(), ());
    let future = value.expand_full(&mut vocabulary, active, None, &loader, processing(), ());
    at_once(future)?.map_err(|error| refused(&error))
}

fn refused(error: &ssi_json_ld::expansion::Error) -> ProofError {
    use ssi_json_ld::expansion::Error;
    let detail = error.to_string().chars().take(200).collect();
    match error {
        Error::ContextProcessing(_) | Error::ContextSyntax(_) => {
            ProofError::ContextRefused { detail }
        }
        Error::KeyExpansionFailed(term) => ProofError::DataLoss {
            detail: format!("no context defines {:?}", term.chars().take(64).collect::<String>()),
        },
        _ => ProofError::DataLoss { detail },
    }
}

/// The document for the engine, with a number for each value of a term that some context declares
/// to be JSON. Only where that context rules does the number come back as a JSON literal.
fn convert<'j>(
    value: &'j Json<'j>,
    contexts: &Contexts,
    literals: &mut Vec<&'j Json<'j>>,
) -> Value {
    match value {
        Json::Null => Value::Null,
        Json::Bool(boolean) => Value::Boolean(*boolean),
        // Our own canonical spelling is always a JSON number.
        Json::Number(_) => {
            Value::parse_str(&to_canonical_string(value)).map_or(Value::Null, |(number, _)| number)
        }
        Json::String(text) => Value::String(text.as_ref().into()),
        Json::Array(items) => {
            Value::Array(items.iter().map(|item| convert(item, contexts, literals)).collect())
        }
        Json::Object(object) => {
            let mut member = |name: &str, value: &'j Json<'j>| {
                if !contexts.is_json(name) {
                    return convert(value, contexts, literals);
                }
                literals.push(value);
                Value::Number((literals.len() - 1).into())
            };
            let members = object.iter().map(|(name, value)| (name.into(), member(name, value)));
            Value::Object(members.collect())
        }
    }
}
