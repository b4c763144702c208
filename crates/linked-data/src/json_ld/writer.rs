//! From the expanded form to quads (JSON-LD 1.1 API, 8), where all that would not be signed as it
//! is written is refused.

use std::collections::HashMap;

use bonafide_core::encoding::hex;
use bonafide_core::json::{Limits, Number, Value as Json, parse, to_canonical_string};
use bonafide_core::vc::is_language_tag;
use bonafide_proof::data_integrity::ProofError;
use sha2::{Digest as _, Sha256};
use ssi_json_ld::object::{Literal, Node, Value as LdValue};
use ssi_json_ld::syntax::Value;
use ssi_json_ld::{Id, IndexedObject, Object, ValidId};

use super::MOST_QUADS;
use crate::document::{SKOLEM_PREFIX, lost};
use crate::rdf::{Dataset, Quad, Term, literal};

const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
const XSD: &str = "http://www.w3.org/2001/XMLSchema#";

/// More bytes of quads than this are refused: a long name can be said in each of them.
const MOST_WRITTEN: usize = 1 << 20;

/// A node in a graph, or in the default graph.
type NodeIn = (Option<Term>, Term);

/// Writes an expanded document as quads (JSON-LD 1.1 API, 8).
pub(super) struct Writer<'j> {
    dataset: Dataset,
    nodes: HashMap<String, usize>,
    written: usize,
    /// The JSON literals that were not met yet.
    literals: Vec<Option<&'j Json<'j>>>,
    /// The nodes of which something is said, with the [`rank`] of the place.
    described: HashMap<NodeIn, u8>,
    /// The nodes that are only named, with that of theirs.
    named: Vec<(NodeIn, u8)>,
}

/// Where an object stands: as one of the values of a property, counted.
pub(super) struct Place<'p> {
    pub(super) graph: Option<&'p Term>,
    pub(super) subject: Option<&'p Term>,
    pub(super) property: &'p str,
    pub(super) number: usize,
}

impl<'j> Writer<'j> {
    pub(super) fn new(literals: &[&'j Json<'j>]) -> Self {
        Self {
            dataset: Dataset::default(),
            nodes: HashMap::new(),
            written: 0,
            literals: literals.iter().copied().map(Some).collect(),
            described: HashMap::new(),
            named: Vec::new(),
        }
    }

    pub(super) fn finish(self) -> Result<Dataset, ProofError> {
        if self.literals.iter().any(Option::is_some) {
            return Err(lost(
                "a member with the name of a JSON literal that is none where it stands",
            ));
        }
        // What is said of a node could be moved to where it is only named.
        let movable = |(node, rank): &&(NodeIn, u8)| {
            self.described.get(node).is_some_and(|described| described >= rank)
        };
        if let Some(((_, node), _)) = self.named.iter().find(movable) {
            let node = shown(node);
            return Err(lost(format!("{node} is described in one place and named in another")));
        }
        Ok(self.dataset)
    }

    /// The blank node with this name.
    fn blank(&mut self, name: String) -> Term {
        let blank_nodes = &mut self.dataset.blank_nodes;
        Term::Blank(*self.nodes.entry(name).or_insert_with_key(|name| {
            blank_nodes.push(name.clone());
            blank_nodes.len() - 1
        }))
    }

    /// The blank node at a place: its name is the same whatever else the document says.
    fn blank_at(&mut self, place: &Place<'_>) -> Term {
        let mut hasher = Sha256::new();
        for term in [place.graph, place.subject] {
            let name = match term {
                None => "",
                Some(Term::Written(iri)) => iri,
                Some(Term::Blank(node)) => &self.dataset.blank_nodes[*node],
            };
            hasher.update(format!("{} {name} ", name.len()));
        }
        hasher.update(format!("{} {}", place.property, place.number));
        self.blank(hex(&hasher.finalize()))
    }

    fn quad(
        &mut self,
        subject: &Term,
        predicate: String,
        object: Term,
        graph: Option<&Term>,
    ) -> Result<(), ProofError> {
        if self.dataset.quads.len() == MOST_QUADS {
            return Err(ProofError::TooLarge { what: "statements", limit: MOST_QUADS });
        }
        let quad = Quad { subject: subject.clone(), predicate, object, graph: graph.cloned() };
        self.written += quad.length();
        if self.written > MOST_WRITTEN {
            return Err(ProofError::TooLarge { what: "bytes of statements", limit: MOST_WRITTEN });
        }
        self.dataset.quads.push(quad);
        Ok(())
    }

    /// Writes an object and returns the term that stands for it.
    pub(super) fn object(
        &mut self,
        object: &IndexedObject<ssi_json_ld::IriBuf, ssi_json_ld::BlankIdBuf>,
        place: &Place<'_>,
    ) -> Result<Term, ProofError> {
        if object.index().is_some() {
            return Err(lost("an index is not signed"));
        }
        match object.inner() {
            Object::Value(LdValue::Json(marker)) => self.json_literal(marker),
            Object::Value(value) => value_term(value),
            Object::Node(node) => self.node(node, place),
            // No context that is pinned has them.
            Object::List(_) => Err(lost("lists are not read")),
        }
    }

    fn json_literal(&mut self, marker: &Value) -> Result<Term, ProofError> {
        let number = marker.as_number().and_then(|number| number.as_str().parse::<usize>().ok());
        let value = number.and_then(|number| self.literals.get_mut(number)?.take());
        let value = value.ok_or_else(|| lost("a JSON literal without a term of its own"))?;
        Ok(literal(&to_canonical_string(value), None, Some(&format!("{RDF}JSON"))))
    }

    fn node(&mut self, node: &Node, place: &Place<'_>) -> Result<Term, ProofError> {
        if node.included.is_some() || node.reverse_properties.is_some() {
            return Err(lost("@included and @reverse are not read"));
        }
        let subject = match &node.id {
            Some(id) => self.resource(id)?,
            None => self.blank_at(place),
        };
        let graph = place.graph;
        if node.id.is_some() {
            self.note(node, graph, &subject, place.property)?;
        }
        for (number, class) in node.types.iter().flatten().enumerate() {
            let class = match class {
                Id::Valid(ValidId::Iri(iri)) => Term::Written(format!("<{iri}>")),
                other => {
                    return Err(lost(format!("no context defines the type {number}: {other}")));
                }
            };
            self.quad(&subject, format!("<{RDF}type>"), class, graph)?;
        }
        for (property, objects) in &node.properties {
            let Id::Valid(ValidId::Iri(iri)) = property else {
                return Err(lost(format!("no context defines {property}")));
            };
            for (number, object) in objects.iter().enumerate() {
                let place = Place { graph, subject: Some(&subject), property: iri, number };
                let object = self.object(object, &place)?;
                self.quad(&subject, format!("<{iri}>"), object, graph)?;
            }
        }
        for (number, object) in node.graph.iter().flatten().enumerate() {
            let place = Place { graph: Some(&subject), subject: None, property: "@graph", number };
            self.object(object, &place)?;
        }
        Ok(subject)
    }

    /// Notes whether a node with an id is described here or only named. Two objects with one id are
    /// one node: what one says could be moved to the other.
    fn note(
        &mut self,
        node: &Node,
        graph: Option<&Term>,
        subject: &Term,
        property: &str,
    ) -> Result<(), ProofError> {
        let here = (graph.cloned(), subject.clone());
        let is_named = node.types.is_none() && node.properties.is_empty() && node.graph.is_none();
        if is_named {
            self.named.push((here, rank(property)));
        } else if self.described.insert(here, rank(property)).is_some() {
            return Err(lost(format!("two objects have the id {}", shown(subject))));
        }
        Ok(())
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
}

/// Of two places with the same id, the one with the lower rank is where it is described; the other
/// may name it. Of two with the same rank neither may: it could be turned round.
fn rank(property: &str) -> u8 {
    match property {
        "" | "@graph" | "https://www.w3.org/2018/credentials#credentialSubject" => 0,
        "https://w3id.org/bonafide#builder" => 1,
        "https://www.w3.org/2018/credentials#issuer"
        | "https://www.w3.org/2018/credentials#holder" => 2,
        _ => 3,
    }
}

fn shown(term: &Term) -> String {
    match term {
        Term::Written(text) => text.chars().take(64).collect(),
        Term::Blank(_) => "a blank node".to_owned(),
    }
}

/// Whether JSON has its own spelling for values of this datatype, as a number or a boolean.
fn is_native(datatype: &str) -> bool {
    const NATIVE: [&str; 15] = [
        "boolean",
        "byte",
        "double",
        "float",
        "int",
        "integer",
        "long",
        "negativeInteger",
        "nonNegativeInteger",
        "nonPositiveInteger",
        "positiveInteger",
        "short",
        "unsignedInt",
        "unsignedLong",
        "unsignedShort",
    ];
    // Contexts write the namespace in both ways.
    let name = ["http://www.w3.org/2001/XMLSchema#", "https://www.w3.org/2001/XMLSchema#"]
        .iter()
        .find_map(|namespace| datatype.strip_prefix(namespace));
    name.is_some_and(|name| NATIVE.contains(&name))
}

/// The literal that a value stands for (JSON-LD 1.1 API, 8.2).
fn value_term(value: &LdValue) -> Result<Term, ProofError> {
    match value {
        LdValue::LangString(text) => {
            let language = text.language().map(ssi_json_ld::LenientLangTag::as_str);
            // It is written as it is: anything else could end the statement and begin another.
            if language.is_some_and(|language| !is_language_tag(language)) {
                return Err(lost("a language that is no language tag (BCP 47)"));
            }
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
        LdValue::Json(_) => Err(lost("a JSON literal without a term of its own")),
        LdValue::Literal(value, datatype) => {
            let datatype = datatype.as_ref().map(AsRef::<str>::as_ref);
            match value {
                Literal::Null => Err(lost("null says nothing that could be signed")),
                Literal::String(_) if datatype.is_some_and(is_native) => {
                    Err(lost("a number or a boolean written as text"))
                }
                Literal::Number(_) | Literal::Boolean(_)
                    if datatype.is_some_and(|name| !is_native(name)) =>
                {
                    Err(lost("a number or a boolean where text is meant"))
                }
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
        let text = canonical_double(value);
        if text.parse() != Ok(value) {
            return Err(lost(format!("the number {value:e} has more than 16 digits")));
        }
        return Ok(literal(&text, None, Some(datatype.unwrap_or(&double))));
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
