//! RDFC-1.0 (W3C Recommendation): names for blank nodes that do not depend on how the document
//! was written.
//!
//! A hostile graph can ask for factorial work (the Recommendation's 7.1), so every step is paid for
//! from a [`Work`] that has an end.

use std::collections::{BTreeMap, HashSet};

use bonafide_core::encoding::hex;
use bonafide_proof::data_integrity::{TooComplex, Work};
use sha2::{Digest, Sha256, Sha384};

use super::{Dataset, Quad, Term};

/// What a quad costs that is written, hashed and sorted, in microseconds; each [`BYTES`] of it cost
/// one more.
const QUAD: usize = 2;
const BYTES: usize = 256;

/// What one step of the N-degree hashing costs.
const STEP: usize = 3;

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
pub fn canonicalize(
    dataset: &Dataset,
    hash: HashAlgorithm,
    work: &Work,
) -> Result<Canonical, TooComplex> {
    let bytes: usize = dataset.quads.iter().map(Quad::length).sum();
    work.spend(dataset.quads.len() * QUAD + bytes / BYTES)?;
    let mut seen = HashSet::with_capacity(dataset.quads.len());
    let quads: Vec<&Quad> = dataset.quads.iter().filter(|quad| seen.insert(*quad)).collect();

    let mut state = State::new(&quads, dataset.blank_nodes.len(), hash, work);
    let mut by_hash: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for node in 0..dataset.blank_nodes.len() {
        by_hash.entry(state.first_degree[node].clone()).or_default().push(node);
    }
    // Nodes that are like no other have their names at once.
    by_hash.retain(|_, nodes| match nodes[..] {
        [node] => {
            state.issue(node);
            false
        }
        _ => true,
    });
    for nodes in by_hash.into_values() {
        let mut paths = Vec::new();
        for node in nodes {
            if state.canonical[node].is_some() {
                continue;
            }
            let mut issuer = Issuer::default();
            issuer.issue(node);
            paths.push(state.n_degree(node, issuer)?);
        }
        paths.sort_by(|(left, _), (right, _)| left.cmp(right));
        for (_, issuer) in paths {
            for node in issuer.0 {
                state.issue(node as usize);
            }
        }
    }
    // A blank node that no quad mentions still gets a name.
    for node in 0..dataset.blank_nodes.len() {
        state.issue(node);
    }
    let labels: Vec<String> = (0..dataset.blank_nodes.len())
        .map(|node| format!("c14n{}", state.canonical[node].unwrap_or_default()))
        .collect();
    let lines = dataset.lines(|node| labels[node].clone());
    Ok(Canonical { lines, labels })
}

/// Temporary names, in the order in which they were given (RDFC-1.0, 4.3). They are copied often,
/// and are few.
#[derive(Clone, Default)]
struct Issuer(Vec<u32>);

impl Issuer {
    fn get(&self, node: usize) -> Option<usize> {
        self.0.iter().position(|issued| *issued as usize == node)
    }

    fn issue(&mut self, node: usize) {
        if self.get(node).is_none() {
            self.0.extend(u32::try_from(node));
        }
    }
}

struct State<'q> {
    hash: HashAlgorithm,
    quads_of: Vec<Vec<&'q Quad>>,
    first_degree: Vec<String>,
    /// The canonical names, counted from 0 in the order in which they were given.
    canonical: Vec<Option<usize>>,
    issued: usize,
    work: &'q Work,
}

impl<'q> State<'q> {
    fn new(quads: &[&'q Quad], nodes: usize, hash: HashAlgorithm, work: &'q Work) -> Self {
        let mut quads_of: Vec<Vec<&Quad>> = vec![Vec::new(); nodes];
        for &quad in quads {
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
        Self { hash, quads_of, first_degree, canonical: vec![None; nodes], issued: 0, work }
    }

    /// Gives a node its canonical name, unless it has one.
    fn issue(&mut self, node: usize) {
        if self.canonical[node].is_none() {
            self.canonical[node] = Some(self.issued);
            self.issued += 1;
        }
    }

    fn take(&self, steps: usize) -> Result<(), TooComplex> {
        self.work.spend(steps * STEP)
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
        match self.canonical[node] {
            Some(number) => Some(format!("_:c14n{number}")),
            None => issuer.get(node).map(|number| format!("_:b{number}")),
        }
    }

    /// The N-degree hash (RDFC-1.0, 4.8.3).
    fn n_degree(
        &mut self,
        node: usize,
        mut issuer: Issuer,
    ) -> Result<(String, Issuer), TooComplex> {
        let predicates = self.quads_of[node].iter().map(|quad| 1 + quad.predicate.len() / BYTES);
        // With each step the names so far are copied.
        self.take(1 + predicates.sum::<usize>() + issuer.0.len() / 16)?;
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
            if self.canonical[node].is_none() && issuer.get(node).is_none() {
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
            path.push_str(&format!("{}<{hash}>", self.name(node, &issuer).unwrap_or_default()));
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
