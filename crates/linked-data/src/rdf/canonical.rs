//! RDFC-1.0 (W3C Recommendation): names for blank nodes that do not depend on how the document
//! was written.
//!
//! A hostile graph can ask for factorial work (the Recommendation's 7.1), so every step is counted and
//! the count has an end.

use std::collections::BTreeMap;

use bonafide_core::encoding::hex;
use sha2::{Digest, Sha256, Sha384};

use super::{Dataset, Quad, Term};

/// Steps of the N-degree hashing that one canonicalization may take: one for each quad of each node
/// visited, and one for each node of each permutation. The published "evil" graphs need a fifteenth
/// of it.
pub const MOST_STEPS: usize = 100_000;

/// The hash inside of the algorithm (RDFC-1.0, 4.1); SHA-256 unless a suite says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashAlgorithm {
    /// SHA-256, the default.
    Sha256,
    /// SHA-384, with P-384 keys.
    Sha384,
}

impl HashAlgorithm {
    /// The digest of `bytes`.
    pub fn digest(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
            Self::Sha384 => Sha384::digest(bytes).to_vec(),
        }
    }

    fn hex(self, text: &str) -> String {
        hex(&self.digest(text.as_bytes()))
    }
}

/// The graph asks for more work than any honest document does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the graph is too complex to canonicalize: more than {MOST_STEPS} steps")]
pub struct TooComplex;

/// A canonicalized dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canonical {
    /// The lines of canonical N-Quads, sorted, each with its line feed.
    pub lines: Vec<String>,
    /// The canonical name of each blank node (`c14n0`, …), by its place in
    /// [`Dataset::blank_nodes`].
    pub labels: Vec<String>,
}

/// Canonicalizes a dataset (RDFC-1.0, 4.4.3).
pub fn canonicalize(dataset: &Dataset, hash: HashAlgorithm) -> Result<Canonical, TooComplex> {
    let mut quads = dataset.quads.clone();
    let mut seen = std::collections::HashSet::with_capacity(quads.len());
    quads.retain(|quad| seen.insert(quad.clone()));

    let mut state = State::new(&quads, dataset.blank_nodes.len(), hash);
    let mut by_hash: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for node in 0..dataset.blank_nodes.len() {
        by_hash.entry(state.first_degree[node].clone()).or_default().push(node);
    }
    // Nodes that are like no other have their names at once.
    by_hash.retain(|_, nodes| match nodes[..] {
        [node] => {
            state.canonical.issue(node);
            false
        }
        _ => true,
    });
    for nodes in by_hash.into_values() {
        let mut paths = Vec::new();
        for node in nodes {
            if state.canonical.get(node).is_some() {
                continue;
            }
            let mut issuer = Issuer::new("b", state.quads_of.len());
            issuer.issue(node);
            paths.push(state.n_degree(node, issuer)?);
        }
        paths.sort_by(|(left, _), (right, _)| left.cmp(right));
        for (_, issuer) in paths {
            for node in issuer.order {
                state.canonical.issue(node);
            }
        }
    }
    // A blank node that no quad mentions still gets a name.
    for node in 0..dataset.blank_nodes.len() {
        state.canonical.issue(node);
    }
    let labels: Vec<String> =
        (0..dataset.blank_nodes.len()).map(|node| state.canonical.name(node)).collect();
    let lines = dataset.lines(|node| labels[node].clone());
    Ok(Canonical { lines, labels })
}

/// Names in the order in which they were given (RDFC-1.0, 4.3).
#[derive(Clone)]
struct Issuer {
    prefix: &'static str,
    numbers: Vec<Option<u32>>,
    order: Vec<usize>,
}

impl Issuer {
    fn new(prefix: &'static str, nodes: usize) -> Self {
        Self { prefix, numbers: vec![None; nodes], order: Vec::new() }
    }

    fn get(&self, node: usize) -> Option<u32> {
        self.numbers[node]
    }

    fn issue(&mut self, node: usize) {
        if self.numbers[node].is_none() {
            self.numbers[node] = u32::try_from(self.order.len()).ok();
            self.order.push(node);
        }
    }

    /// The name of a node that has one.
    fn name(&self, node: usize) -> String {
        format!("{}{}", self.prefix, self.numbers[node].unwrap_or_default())
    }
}

struct State<'q> {
    hash: HashAlgorithm,
    quads_of: Vec<Vec<&'q Quad>>,
    first_degree: Vec<String>,
    canonical: Issuer,
    steps: usize,
}

impl<'q> State<'q> {
    fn new(quads: &'q [Quad], nodes: usize, hash: HashAlgorithm) -> Self {
        let mut quads_of: Vec<Vec<&Quad>> = vec![Vec::new(); nodes];
        for quad in quads {
            for (_, term) in quad.places() {
                let Term::Blank(node) = *term else { continue };
                // Once for each quad, even where it stands in two places.
                if !quads_of[node].last().is_some_and(|known| std::ptr::eq(*known, quad)) {
                    quads_of[node].push(quad);
                }
            }
        }
        let first_degree =
            (0..nodes).map(|node| first_degree(node, &quads_of[node], hash)).collect();
        Self { hash, quads_of, first_degree, canonical: Issuer::new("c14n", nodes), steps: 0 }
    }

    fn take(&mut self, steps: usize) -> Result<(), TooComplex> {
        self.steps += steps;
        if self.steps > MOST_STEPS { Err(TooComplex) } else { Ok(()) }
    }

    /// The hash of a related node (RDFC-1.0, 4.7.3).
    fn related(&self, node: usize, quad: &Quad, issuer: &Issuer, place: &str) -> String {
        let mut input = place.to_owned();
        if place != "g" {
            input.push_str(&quad.predicate);
        }
        match self.name(node, issuer) {
            Some(name) => input.push_str(&name),
            None => input.push_str(&self.first_degree[node]),
        }
        self.hash.hex(&input)
    }

    /// The canonical name, or else the issuer's.
    fn name(&self, node: usize, issuer: &Issuer) -> Option<String> {
        let issued = [&self.canonical, issuer];
        let issuer = issued.into_iter().find(|issuer| issuer.get(node).is_some())?;
        Some(format!("_:{}", issuer.name(node)))
    }

    /// The N-degree hash (RDFC-1.0, 4.8.3).
    fn n_degree(
        &mut self,
        node: usize,
        mut issuer: Issuer,
    ) -> Result<(String, Issuer), TooComplex> {
        self.take(1 + self.quads_of[node].len())?;
        let mut related: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for quad in &self.quads_of[node] {
            for (place, term) in quad.places() {
                match *term {
                    Term::Blank(other) if other != node => {
                        let hash = self.related(other, quad, &issuer, place);
                        related.entry(hash).or_default().push(other);
                    }
                    _ => {}
                }
            }
        }
        let mut data = String::new();
        for (hash, mut nodes) in related {
            data.push_str(&hash);
            let mut chosen: Option<(String, Issuer)> = None;
            nodes.sort_unstable();
            loop {
                let shortest = chosen.as_ref().map(|(path, _)| path.as_str());
                if let Some(better) = self.path(&nodes, &issuer, shortest)? {
                    chosen = Some(better);
                }
                if !next_permutation(&mut nodes) {
                    break;
                }
            }
            if let Some((path, taken)) = chosen {
                data.push_str(&path);
                issuer = taken;
            }
        }
        Ok((self.hash.hex(&data), issuer))
    }

    /// The path through the nodes in this order, unless it is no better than the `shortest`.
    fn path(
        &mut self,
        nodes: &[usize],
        issuer: &Issuer,
        shortest: Option<&str>,
    ) -> Result<Option<(String, Issuer)>, TooComplex> {
        let worse = |path: &str| {
            shortest.is_some_and(|shortest| path.len() >= shortest.len() && path > shortest)
        };
        let mut issuer = issuer.clone();
        let mut path = String::new();
        let mut unnamed = Vec::new();
        for &node in nodes {
            self.take(1)?;
            if self.canonical.get(node).is_none() && issuer.get(node).is_none() {
                unnamed.push(node);
                issuer.issue(node);
            }
            path.push_str(&self.name(node, &issuer).unwrap_or_default());
            if worse(&path) {
                return Ok(None);
            }
        }
        for node in unnamed {
            let (hash, after) = self.n_degree(node, issuer.clone())?;
            path.push_str(&format!("_:{}<{hash}>", issuer.name(node)));
            issuer = after;
            if worse(&path) {
                return Ok(None);
            }
        }
        let better = shortest.is_none_or(|shortest| path.as_str() < shortest);
        Ok(better.then_some((path, issuer)))
    }
}

/// The hash of what the quads say directly of a node (RDFC-1.0, 4.6.3).
fn first_degree(node: usize, quads: &[&Quad], hash: HashAlgorithm) -> String {
    let label = |other| if other == node { "a" } else { "z" }.to_owned();
    let mut lines: Vec<String> = quads.iter().map(|quad| quad.write(label)).collect();
    lines.sort_unstable();
    hash.hex(&lines.concat())
}

/// The next order of the items, in lexical order; false after the last. Equal items are not told
/// apart.
fn next_permutation(items: &mut [usize]) -> bool {
    let Some(pivot) = items.windows(2).rposition(|pair| pair[0] < pair[1]) else { return false };
    let Some(next) = items.iter().rposition(|item| *item > items[pivot]) else { return false };
    items.swap(pivot, next);
    items[pivot + 1..].reverse();
    true
}
