//! JSON-LD to RDF. Expansion is done by ssi's crates; this module is the only one that sees them,
//! and a faster engine can take its place.
//!
//! With contexts that are at hand nothing ever waits, so a future that is not ready at its first
//! poll is an error.

use std::collections::HashMap;
use std::pin::pin;
use std::task::{Poll, Waker};

use bonafide_core::json::{
    Limits, Number, Object as JsonObject, Value as Json, canonical_length, parse,
    to_canonical_string,
};
use bonafide_proof::data_integrity::ProofError;
use ssi_json_ld::context_processing::algorithm::Action;
use ssi_json_ld::expansion::{Options, Policy};
use ssi_json_ld::object::{Literal, Node, Value as LdValue};
use ssi_json_ld::syntax::{Parse as _, Value};
use ssi_json_ld::{Expand as _, ExpandedDocument, Id, IndexedObject, Loader, Object, ValidId};

use crate::contexts::Contexts;
use crate::document::{LARGEST_DOCUMENT, SKOLEM_PREFIX};
use crate::rdf::{Dataset, Quad, Term, literal};

const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
const XSD: &str = "http://www.w3.org/2001/XMLSchema#";

/// More quads than this are refused.
pub const MOST_QUADS: usize = 4_096;

/// The statements of a document that was checked ([`crate::document::check`]).
///
/// An id that starts with [`SKOLEM_PREFIX`] becomes a blank node with the rest as its name; other
/// blank nodes are named by their place, so that the same place has the same name.
pub(crate) fn to_dataset(
    document: &JsonObject<'_>,
    contexts: &Contexts,
) -> Result<Dataset, ProofError> {
    expanded(document, contexts)?.quads()
}

/// A document in expanded form (JSON-LD 1.1 API, 5).
pub struct Expanded(ExpandedDocument);

/// Expands a document that was checked.
pub fn expanded(document: &JsonObject<'_>, contexts: &Contexts) -> Result<Expanded, ProofError> {
    let value = Json::Object(document.clone());
    if canonical_length(&value) > LARGEST_DOCUMENT {
        return Err(ProofError::TooLarge { what: "bytes", limit: LARGEST_DOCUMENT });
    }
    Ok(Expanded(expand(&convert(&value), contexts)?))
}

impl Expanded {
    /// Its statements.
    pub fn quads(&self) -> Result<Dataset, ProofError> {
        let mut writer = Writer::default();
        for object in &self.0 {
            writer.object(object, None, "")?;
        }
        Ok(writer.dataset)
    }
}

/// Parsed context documents.
pub(crate) struct Parsed(HashMap<&'static str, Value>);

impl Parsed {
    /// Parses documents that are known to be JSON.
    pub(crate) fn new(documents: &HashMap<&'static str, &'static str>) -> Self {
        let parsed =
            documents.iter().filter_map(|(url, text)| Some((*url, Value::parse_str(text).ok()?.0)));
        Self(parsed.collect())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("not one of the contexts known here")]
struct NotPinned;

impl Loader for &Parsed {
    async fn load(
        &self,
        url: &ssi_json_ld::Iri,
    ) -> Result<ssi_json_ld::RemoteDocument, ssi_json_ld::LoadError> {
        match self.0.get(url.as_str()) {
            Some(document) => {
                Ok(ssi_json_ld::RemoteDocument::new(Some(url.to_owned()), None, document.clone()))
            }
            None => Err(ssi_json_ld::LoadError::new(url.to_owned(), NotPinned)),
        }
    }
}

fn expand(value: &Value, contexts: &Contexts) -> Result<ExpandedDocument, ProofError> {
    let policy = Policy { invalid: Action::Reject, allow_undefined: false, ..Policy::default() };
    let options = Options { policy, ..Options::default() };
    let loader = contexts.parsed();
    let mut vocabulary = ();
    let future = value.expand_full(
        &mut vocabulary,
        ssi_json_ld::Context::default(),
        None,
        &loader,
        options,
        (),
    );
    let mut task = std::task::Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut task) {
        Poll::Ready(Ok(expanded)) => Ok(expanded),
        Poll::Ready(Err(error)) => Err(refused(&error)),
        Poll::Pending => {
            Err(ProofError::ContextRefused { detail: "a context was not at hand".to_owned() })
        }
    }
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

fn convert(value: &Json<'_>) -> Value {
    match value {
        Json::Null => Value::Null,
        Json::Bool(boolean) => Value::Boolean(*boolean),
        // Our own canonical spelling is always a JSON number.
        Json::Number(_) => {
            Value::parse_str(&to_canonical_string(value)).map_or(Value::Null, |(number, _)| number)
        }
        Json::String(text) => Value::String(text.as_ref().into()),
        Json::Array(items) => Value::Array(items.iter().map(convert).collect()),
        Json::Object(object) => Value::Object(
            object.iter().map(|(name, value)| (name.into(), convert(value))).collect(),
        ),
    }
}

/// Writes an expanded document as quads (JSON-LD 1.1 API, 8).
#[derive(Default)]
struct Writer {
    dataset: Dataset,
    nodes: HashMap<String, usize>,
}

type Graph<'g> = Option<&'g Term>;

fn lost(detail: impl Into<String>) -> ProofError {
    ProofError::DataLoss { detail: detail.into() }
}

impl Writer {
    /// The blank node with this name.
    fn blank(&mut self, name: String) -> Term {
        let blank_nodes = &mut self.dataset.blank_nodes;
        Term::Blank(*self.nodes.entry(name).or_insert_with_key(|name| {
            blank_nodes.push(name.clone());
            blank_nodes.len() - 1
        }))
    }

    fn quad(
        &mut self,
        subject: Term,
        predicate: String,
        object: Term,
        graph: Graph<'_>,
    ) -> Result<(), ProofError> {
        if self.dataset.quads.len() == MOST_QUADS {
            return Err(ProofError::TooLarge { what: "statements", limit: MOST_QUADS });
        }
        self.dataset.quads.push(Quad { subject, predicate, object, graph: graph.cloned() });
        Ok(())
    }

    /// Writes an object and returns the term that stands for it. `place` is where it stands, in
    /// words that are the same whatever else the document says.
    fn object(
        &mut self,
        object: &IndexedObject<ssi_json_ld::IriBuf, ssi_json_ld::BlankIdBuf>,
        graph: Graph<'_>,
        place: &str,
    ) -> Result<Term, ProofError> {
        if object.index().is_some() {
            return Err(lost("an index is not signed"));
        }
        match object.inner() {
            Object::Value(value) => value_term(value),
            Object::Node(node) => self.node(node, graph, place),
            Object::List(list) => self.list(list.as_slice(), graph, place),
        }
    }

    fn node(&mut self, node: &Node, graph: Graph<'_>, place: &str) -> Result<Term, ProofError> {
        if node.included.is_some() || node.reverse_properties.is_some() {
            return Err(lost("@included and @reverse are not read"));
        }
        let subject = match &node.id {
            Some(id) => self.resource(id)?,
            None => self.blank(format!("n{place}")),
        };
        for (number, class) in node.types.iter().flatten().enumerate() {
            let class = match class {
                Id::Valid(ValidId::Iri(iri)) => Term::Written(format!("<{iri}>")),
                other => {
                    return Err(lost(format!("no context defines the type {number}: {other}")));
                }
            };
            self.quad(subject.clone(), format!("<{RDF}type>"), class, graph)?;
        }
        for (property, objects) in &node.properties {
            let Id::Valid(ValidId::Iri(iri)) = property else {
                return Err(lost(format!("no context defines {property}")));
            };
            for (number, object) in objects.iter().enumerate() {
                let place = match &subject {
                    Term::Written(iri) => iri.clone(),
                    Term::Blank(node) => self.dataset.blank_nodes[*node].clone(),
                };
                let place = format!("{place}|{iri}|{number}");
                let object = self.object(object, graph, &place)?;
                self.quad(subject.clone(), format!("<{iri}>"), object, graph)?;
            }
        }
        if let Some(inside) = &node.graph {
            for (number, object) in inside.iter().enumerate() {
                self.object(object, Some(&subject), &format!("{place}|@graph|{number}"))?;
            }
        }
        Ok(subject)
    }

    fn resource(&mut self, id: &Id) -> Result<Term, ProofError> {
        match id {
            Id::Valid(ValidId::Iri(iri)) => match iri.as_str().strip_prefix(SKOLEM_PREFIX) {
                Some(name) => Ok(self.blank(name.to_owned())),
                None => Ok(Term::Written(format!("<{iri}>"))),
            },
            Id::Valid(ValidId::Blank(_)) => Err(lost("a blank node with a name of its own")),
            Id::Invalid(text) => {
                let shown: String = text.chars().take(64).collect();
                Err(lost(format!("the id {shown:?} is not an absolute URL")))
            }
        }
    }

    /// A list, as RDF writes it: a chain of blank nodes.
    fn list(
        &mut self,
        items: &[IndexedObject<ssi_json_ld::IriBuf, ssi_json_ld::BlankIdBuf>],
        graph: Graph<'_>,
        place: &str,
    ) -> Result<Term, ProofError> {
        let mut rest = Term::Written(format!("<{RDF}nil>"));
        for (number, item) in items.iter().enumerate().rev() {
            let place = format!("{place}|{number}");
            let first = self.object(item, graph, &place)?;
            let link = self.blank(format!("l{place}"));
            self.quad(link.clone(), format!("<{RDF}first>"), first, graph)?;
            self.quad(link.clone(), format!("<{RDF}rest>"), rest, graph)?;
            rest = link;
        }
        Ok(rest)
    }
}

/// The literal that a value stands for (JSON-LD 1.1 API, 8.2).
fn value_term(value: &LdValue) -> Result<Term, ProofError> {
    match value {
        LdValue::LangString(text) => {
            let language = text.language().map(ssi_json_ld::LenientLangTag::as_str);
            Ok(match text.direction() {
                None => literal(text.as_str(), language, None),
                // The i18n namespace (JSON-LD 1.1 API, 8.2.1), as other implementations sign it.
                Some(direction) => {
                    let language = language.unwrap_or_default().to_lowercase();
                    let datatype = format!("https://www.w3.org/ns/i18n#{language}_{direction}");
                    literal(text.as_str(), None, Some(&datatype))
                }
            })
        }
        LdValue::Json(json) => {
            let text = json.to_string();
            let value =
                parse(text.as_bytes(), &Limits::for_size(LARGEST_DOCUMENT)).map_err(|error| {
                    lost(format!("a JSON literal that is not strict JSON: {error}"))
                })?;
            Ok(literal(&to_canonical_string(&value), None, Some(&format!("{RDF}JSON"))))
        }
        LdValue::Literal(value, datatype) => {
            let datatype = datatype.as_ref().map(AsRef::<str>::as_ref);
            match value {
                Literal::Null => Err(lost("null says nothing that could be signed")),
                Literal::String(text) => Ok(literal(text, None, datatype)),
                Literal::Boolean(boolean) => {
                    let datatype = datatype.map_or(format!("{XSD}boolean"), ToOwned::to_owned);
                    Ok(literal(if *boolean { "true" } else { "false" }, None, Some(&datatype)))
                }
                Literal::Number(number) => number_term(number.as_str(), datatype),
            }
        }
    }
}

fn number_term(number: &str, datatype: Option<&str>) -> Result<Term, ProofError> {
    let parsed = parse(number.as_bytes(), &Limits::for_size(64));
    let Ok(Json::Number(number)) = parsed else { return Err(lost("a number that is not finite")) };
    let double = format!("{XSD}double");
    let value = number.as_f64();
    if value.fract() != 0.0 || value.abs() >= 1e21 || datatype == Some(&double) {
        return Ok(literal(&canonical_double(value), None, Some(datatype.unwrap_or(&double))));
    }
    let text = match number {
        Number::Integer(integer) => integer.to_string(),
        Number::Float(float) => format!("{float:.0}"),
    };
    let integer = format!("{XSD}integer");
    Ok(literal(&text, None, Some(datatype.unwrap_or(&integer))))
}

/// `xsd:double` in canonical form, such as `6.1E0`: at most 15 digits after the point.
fn canonical_double(value: f64) -> String {
    let text = format!("{value:.15e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let fraction = fraction.trim_end_matches('0');
    format!("{whole}.{}E{exponent}", if fraction.is_empty() { "0" } else { fraction })
}
