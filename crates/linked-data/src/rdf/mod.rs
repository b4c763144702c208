//! RDF as these suites need it: quads whose terms are already in canonical N-Quads form, and
//! RDF Dataset Canonicalization (RDFC-1.0).

mod canonical;
mod nquads;

pub use canonical::{Canonical, HashAlgorithm, canonicalize};
pub use nquads::{NQuadsError, literal, parse_nquads};

/// The longest name that a blank node gets.
const LABEL: usize = 48;

/// A term of a quad.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Term {
    /// An IRI or a literal, as canonical N-Quads write it: `<urn:x>`, `"text"@en`.
    Written(String),
    /// A blank node, by its place in [`Dataset::blank_nodes`].
    Blank(usize),
}

/// A statement, in a graph or in the default graph.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Quad {
    /// An IRI or a blank node.
    pub subject: Term,
    /// An IRI, written with its angle brackets.
    pub predicate: String,
    /// Any term.
    pub object: Term,
    /// The graph's name; `None` for the default graph.
    pub graph: Option<Term>,
}

impl Quad {
    /// The terms that can be blank nodes, with the letters that RDFC-1.0 has for their places.
    fn places(&self) -> impl Iterator<Item = (&'static str, &Term)> {
        let graph = self.graph.as_ref().map(|graph| ("g", graph));
        [("s", &self.subject), ("o", &self.object)].into_iter().chain(graph)
    }

    /// About how long its line is.
    pub(crate) fn length(&self) -> usize {
        let terms = self.places().map(|(_, term)| match term {
            Term::Written(text) => text.len(),
            Term::Blank(_) => LABEL,
        });
        self.predicate.len() + terms.sum::<usize>() + 5
    }

    /// The line of N-Quads, with `label` naming the blank nodes (without `_:`).
    fn write(&self, label: impl Fn(usize) -> String) -> String {
        let term = |term: &Term| match term {
            Term::Written(text) => text.clone(),
            Term::Blank(node) => format!("_:{}", label(*node)),
        };
        let mut line = format!("{} {} {}", term(&self.subject), self.predicate, term(&self.object));
        if let Some(graph) = &self.graph {
            line.push(' ');
            line.push_str(&term(graph));
        }
        line.push_str(" .\n");
        line
    }
}

/// A set of quads.
#[derive(Clone, Debug, Default)]
pub struct Dataset {
    /// The quads; one that stands twice counts once.
    pub quads: Vec<Quad>,
    /// The names that the blank nodes came with, without `_:`.
    pub blank_nodes: Vec<String>,
}

impl Dataset {
    /// The lines of N-Quads under other names for the blank nodes: sorted, each once.
    pub fn lines(&self, label: impl Fn(usize) -> String) -> Vec<String> {
        let mut lines: Vec<String> = self.quads.iter().map(|quad| quad.write(&label)).collect();
        lines.sort_unstable();
        lines.dedup();
        lines
    }
}
