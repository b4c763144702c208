//! The JSON-LD contexts that are known here. They are compiled in and pinned by their digest;
//! nothing is ever fetched, and a context that is not in the table is refused.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::LazyLock;

use bonafide_core::Malformed;
use bonafide_core::attestation::{BONAFIDE_V1, BONAFIDE_V1_DOCUMENT};
use bonafide_core::encoding::hex;
use bonafide_core::json::{Limits, Object, Value, canonicalize, parse, to_canonical_string};
use sha2::{Digest, Sha256};

use crate::json_ld::Parsed;

/// A context: its URL, its document, and SHA-256 of the document's canonical form (RFC 8785), so
/// that white space does not matter.
pub type PinnedContext = (&'static str, &'static str, &'static str);

/// What the IRI of a prefix ends with (JSON-LD 1.1, 4.1.5).
const GENERAL_DELIMITERS: [char; 7] = [':', '/', '?', '#', '[', ']', '@'];

/// Datatypes that JSON-LD has its own syntax for: language and direction, JSON.
const WITH_OWN_SYNTAX: [&str; 2] =
    ["https://www.w3.org/ns/i18n#", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"];

const XSD_STRING: &str = "http://www.w3.org/2001/XMLSchema#string";

macro_rules! document {
    ($file:literal) => {
        include_str!(concat!("../../../schemas/contexts/", $file))
    };
}

/// The contexts of the standards that are spoken here, and bonafide's own.
pub const PINNED: [PinnedContext; 11] = [
    (
        "https://www.w3.org/2018/credentials/v1",
        document!("credentials-v1.jsonld"),
        "b01e671e873981f19a9102a9a57f666dbcaeb31b99e3e124378d143e71549247",
    ),
    (
        "https://www.w3.org/ns/credentials/v2",
        document!("credentials-v2.jsonld"),
        "b463c8d6a066214123ddd9827b135e1b50e1fc73322cc52a9b12a4f1fc7d86cf",
    ),
    (
        "https://www.w3.org/ns/credentials/examples/v2",
        document!("credentials-examples-v2.jsonld"),
        "8a675bead391be98e6054c4e07c41f73337508d398e07047344c5d349aa2dc58",
    ),
    (
        "https://www.w3.org/ns/credentials/undefined-terms/v2",
        document!("credentials-undefined-terms-v2.jsonld"),
        "3b11e1df8c618447e9f79f3737e3c30fc0841537eb95f36003742c633672bb9f",
    ),
    (
        "https://w3id.org/security/data-integrity/v1",
        document!("data-integrity-v1.jsonld"),
        "9505bf85338a4c2121ad03992ac90061bc85d43bcfa34d9d47b779381cf08b5f",
    ),
    (
        "https://w3id.org/security/data-integrity/v2",
        document!("data-integrity-v2.jsonld"),
        "7ba3c50acf2689d5e07927267343eb353249c7c22a9f2d00307cc970e855e305",
    ),
    (
        "https://w3id.org/security/suites/ed25519-2020/v1",
        document!("ed25519-2020-v1.jsonld"),
        "fb517f09d990829aed734c9bad8cbbb2ac3d5063b865c7e3d81f246074bf5691",
    ),
    (
        "https://w3id.org/security/multikey/v1",
        document!("multikey-v1.jsonld"),
        "be20c3ee6af6e9c4102e66a85c26617831218e32216bdf050f870e389e737cdc",
    ),
    (
        "https://w3id.org/vdl/v1",
        document!("vdl-v1.jsonld"),
        "33c9dad4847f7d466d28b9f704dd07d8e1da7614d99b94febb03e19d815ef7da",
    ),
    (
        "https://www.w3.org/ns/did/v1",
        document!("did-v1.jsonld"),
        "a7e146c40fcec005d3f0f14ae745665f446da58d7914a9d8f733746686fad82b",
    ),
    (
        BONAFIDE_V1,
        BONAFIDE_V1_DOCUMENT,
        "5e10d447698aa7a4d9c87795409a6cd7858e409785f38ce485c245471ad45fc6",
    ),
];

pub(crate) type Documents = HashMap<Cow<'static, str>, Cow<'static, str>>;

/// Where a suite has its table from: one for everybody, or one for a single document.
#[derive(Clone, Copy)]
pub(crate) enum Source<'c> {
    Always(fn() -> &'static Contexts),
    Once(&'c Contexts),
}

impl Source<'_> {
    pub(crate) fn get(&self) -> &Contexts {
        match self {
            Self::Always(contexts) => contexts(),
            Self::Once(contexts) => contexts,
        }
    }
}

/// A table of contexts, and what has to be known of their terms before a document is expanded.
pub struct Contexts {
    documents: Documents,
    parsed: Parsed,
    /// IRIs that some term stands for.
    term_iris: HashSet<String>,
    /// Terms whose values are JSON literals.
    json_terms: BTreeSet<String>,
    /// What every name stands for that no term stands for begins with one of these.
    vocabularies: BTreeSet<String>,
    /// Datatypes that some term gives to its values.
    datatypes: HashSet<String>,
    /// Terms that can stand before a colon.
    prefixes: BTreeSet<String>,
}

static PINNED_CONTEXTS: LazyLock<Contexts> = LazyLock::new(|| {
    #[allow(clippy::expect_used)]
    Contexts::new(&PINNED).expect("a test reads every pinned context")
});

impl Contexts {
    /// The contexts of [`PINNED`].
    pub fn pinned() -> &'static Self {
        &PINNED_CONTEXTS
    }

    /// A table of one's own. A document that is not the one that was pinned is refused, as is one
    /// whose terms could not be kept apart here (`@container` other than `@set`, `@graph`; `@import`,
    /// `@nest`, `@reverse`).
    pub fn new(contexts: &[PinnedContext]) -> Result<Self, Malformed> {
        Self::with(contexts, &[])
    }

    /// The same with further contexts that nobody pinned, each a URL and a document. For
    /// [`crate::inline`] alone.
    pub(crate) fn with(
        contexts: &[PinnedContext],
        unpinned: &[(String, Value<'_>)],
    ) -> Result<Self, Malformed> {
        let mut table = Self {
            documents: HashMap::new(),
            parsed: Parsed::new(&HashMap::new()),
            term_iris: HashSet::new(),
            json_terms: BTreeSet::new(),
            vocabularies: BTreeSet::new(),
            datatypes: HashSet::new(),
            prefixes: BTreeSet::new(),
        };
        for (url, text, digest) in contexts {
            let value = parse(text.as_bytes(), &Limits::for_size(1 << 20))
                .map_err(|error| Malformed::json("JSON-LD context", &error))?;
            let mut canonical = Vec::new();
            canonicalize(&value, &mut canonical);
            let found = hex(&Sha256::digest(&canonical));
            if found != *digest {
                let detail = format!("{url} has the digest {found}, pinned is {digest}");
                return Err(Malformed::new("JSON-LD context", detail));
            }
            table.read(value.get("@context").unwrap_or(&Value::Null))?;
            table.documents.insert(Cow::Borrowed(url), Cow::Borrowed(text));
        }
        for (url, document) in unpinned {
            table.read(document.get("@context").unwrap_or(&Value::Null))?;
            let text = to_canonical_string(document);
            table.documents.insert(Cow::Owned(url.clone()), Cow::Owned(text));
        }
        table.parsed = Parsed::new(&table.documents);
        Ok(table)
    }

    /// Gathers what the terms of a context, and of those inside of it, stand for.
    fn read(&mut self, context: &Value<'_>) -> Result<(), Malformed> {
        for part in context.one_or_more() {
            let Value::Object(terms) = part else { continue };
            for (term, definition) in terms.iter().filter(|(term, _)| !term.starts_with('@')) {
                let is_prefix = match definition {
                    Value::String(iri) => iri.ends_with(GENERAL_DELIMITERS),
                    other => other.get("@prefix") == Some(&Value::Bool(true)),
                };
                if is_prefix {
                    self.prefixes.insert(term.to_owned());
                }
                match definition {
                    Value::String(iri) => self.note_iri(iri, terms),
                    Value::Object(definition) => self.definition(term, definition, terms)?,
                    _ => return Err(odd(term)),
                }
            }
            self.vocabularies.extend(terms.str("@vocab").map(ToOwned::to_owned));
            let unknown = |name: &str| {
                let known = ["@protected", "@propagate", "@vocab", "@version"];
                name.starts_with('@') && !known.contains(&name)
            };
            if let Some((name, _)) = terms.iter().find(|(name, _)| unknown(name)) {
                return Err(odd(name));
            }
        }
        Ok(())
    }

    fn definition(
        &mut self,
        term: &str,
        definition: &Object<'_>,
        terms: &Object<'_>,
    ) -> Result<(), Malformed> {
        for (name, value) in definition.iter() {
            match (name, value.as_str()) {
                ("@id", Some(iri)) => self.note_iri(iri, terms),
                ("@type", Some("@json")) => drop(self.json_terms.insert(term.to_owned())),
                ("@type", Some(iri)) if !iri.starts_with('@') => {
                    self.datatypes.insert(full(iri, terms));
                }
                ("@type", Some(_))
                | ("@container", Some("@set" | "@graph"))
                | ("@protected" | "@prefix", None) => {}
                ("@context", _) => self.read(value)?,
                _ => return Err(odd(term)),
            }
        }
        Ok(())
    }

    fn note_iri(&mut self, iri: &str, terms: &Object<'_>) {
        self.term_iris.insert(full(iri, terms));
    }

    /// The document behind `url`.
    pub fn document(&self, url: &str) -> Option<&str> {
        self.documents.get(url).map(Cow::as_ref)
    }

    pub(crate) fn parsed(&self) -> &Parsed {
        &self.parsed
    }

    /// Whether some term stands for `iri`, or some name that is not a term could.
    pub(crate) fn has_term_for(&self, iri: &str) -> bool {
        let in_vocabulary = |vocabulary: &String| iri.starts_with(vocabulary);
        self.term_iris.contains(iri) || self.vocabularies.iter().any(in_vocabulary)
    }

    /// Whether `text` would be read as a prefix and a name, where an IRI stands.
    pub(crate) fn has_prefix(&self, text: &str) -> bool {
        text.split_once(':')
            .is_some_and(|(prefix, rest)| self.prefixes.contains(prefix) && !rest.starts_with("//"))
    }

    /// Whether `datatype` is written in full, and neither JSON nor any term has it for its own values.
    pub(crate) fn is_own_datatype(&self, datatype: &str) -> bool {
        let scheme = datatype.split_once(':').map(|(scheme, _)| scheme);
        matches!(scheme, Some("http" | "https" | "urn"))
            && datatype != XSD_STRING
            && !WITH_OWN_SYNTAX.iter().any(|namespace| datatype.starts_with(namespace))
            && !self.datatypes.contains(datatype)
    }

    /// Whether the values of `term` are JSON literals.
    pub(crate) fn is_json(&self, term: &str) -> bool {
        self.json_terms.contains(term)
    }
}

impl std::fmt::Debug for Contexts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.documents.keys()).finish()
    }
}

/// An IRI written with a prefix that the context defines, in full.
fn full(iri: &str, terms: &Object<'_>) -> String {
    let prefixed = iri.split_once(':').and_then(|(prefix, rest)| {
        let base = terms.get(prefix)?;
        let base = base.as_str().or_else(|| base.get("@id")?.as_str())?;
        Some(format!("{base}{rest}"))
    });
    prefixed.unwrap_or_else(|| iri.to_owned())
}

fn odd(term: &str) -> Malformed {
    Malformed::new("JSON-LD context", format!("the definition of {term:?} is not understood here"))
}
