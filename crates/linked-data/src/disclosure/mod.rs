//! What ecdsa-sd-2023 and bbs-2023 share (ECDSA Cryptosuites 1.0, 3.4): claims are selected by
//! JSON pointers, signed as statements, and blank nodes get names that tell nothing of what is
//! hidden.

pub(crate) mod cbor;
mod select;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bonafide_core::encoding::encode_base64url;
use bonafide_core::json::{Object, Value};
use bonafide_proof::data_integrity::{Proof, ProofError, Work};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

pub use select::select;

use crate::contexts::Contexts;
use crate::document::{self, SKOLEM_PREFIX};
use crate::json_ld::to_dataset;
use crate::rdf::{Dataset, HashAlgorithm, canonicalize};
use crate::suite::each_once;

/// The key under which blank nodes are named.
pub type HmacKey = [u8; 32];

/// How a suite names blank nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Labels {
    /// ecdsa-sd-2023: the HMAC of the canonical name itself (3.4.2).
    Hmac,
    /// bbs-2023: `b0`, `b1`, … in the order of the HMACs, so that the HMAC is not shown (BBS
    /// Cryptosuites, 3.2.1).
    Shuffled,
}

impl Labels {
    /// The new name of each node, given its canonical one.
    pub fn of(self, canonical: &[String], key: &HmacKey) -> Vec<String> {
        let hmacs: Vec<String> = canonical.iter().map(|name| hmac_label(name, key)).collect();
        match self {
            Self::Hmac => hmacs,
            Self::Shuffled => {
                let order: BTreeMap<&String, usize> = hmacs.iter().zip(0..).collect();
                let mut labels = vec![String::new(); hmacs.len()];
                for (rank, place) in order.into_values().enumerate() {
                    labels[place] = format!("b{rank}");
                }
                labels
            }
        }
    }
}

fn hmac_label(name: &str, key: &HmacKey) -> String {
    #[allow(clippy::expect_used)]
    let mut hmac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
    hmac.update(name.as_bytes());
    format!("u{}", encode_base64url(&hmac.finalize().into_bytes()))
}

/// A document whose statements have names that can be compared with those of a part of it.
#[derive(Debug)]
pub struct Labelled {
    /// All statements, in canonical order under the new names.
    pub lines: Vec<String>,
    /// The document with an id for each node.
    skolemized: Value<'static>,
    /// The new name of each blank node, by the name that it has in `skolemized`.
    labels: HashMap<String, String>,
}

/// The statements that a set of pointers selects.
#[derive(Debug)]
pub struct Selection {
    /// Their places among [`Labelled::lines`].
    pub indexes: BTreeSet<usize>,
    dataset: Dataset,
}

impl Labelled {
    /// Reads a document without proof.
    pub fn new(
        document: &Object<'static>,
        contexts: &Contexts,
        labels: Labels,
        key: &HmacKey,
        work: &Work,
    ) -> Result<Self, ProofError> {
        document::check(document, contexts, work)?;
        let mut skolemized = document.clone();
        skolemize(&mut skolemized, contexts, &mut 0);
        let dataset = to_dataset(&skolemized, contexts)?;
        let canonical = canonicalize(&dataset, HashAlgorithm::Sha256, work)?;
        let named = labels.of(&canonical.labels, key);
        let lines = dataset.lines(|node| named[node].clone());
        each_once(&lines, &dataset)?;
        let labels = dataset.blank_nodes.into_iter().zip(named).collect();
        Ok(Self { lines, skolemized: skolemized.into(), labels })
    }

    /// The statements of what the pointers lead to, and of the way there.
    pub fn select(&self, pointers: &[&str], contexts: &Contexts) -> Result<Selection, ProofError> {
        let dataset = match select(&self.skolemized, pointers)? {
            Some(selected) => to_dataset(&selected, contexts)?,
            None => Dataset::default(),
        };
        let label = |node: usize| self.labels.get(&dataset.blank_nodes[node]).cloned();
        let mut indexes = BTreeSet::new();
        for line in dataset.lines(|node| label(node).unwrap_or_default()) {
            let index = self.lines.binary_search(&line).map_err(|_| {
                invalid("a pointer leads to a part of something that can only be shown as a whole")
            })?;
            indexes.insert(index);
        }
        Ok(Selection { indexes, dataset })
    }

    /// For each canonical name that the selection will have when it stands alone: the name here.
    pub fn label_map(&self, selection: &Selection) -> Result<Vec<String>, ProofError> {
        let canonical = canonicalize(&selection.dataset, HashAlgorithm::Sha256, &Work::default())?;
        let mut map = vec![String::new(); canonical.labels.len()];
        for (name, canonical) in selection.dataset.blank_nodes.iter().zip(&canonical.labels) {
            if let (Some(number), Some(label)) =
                (canonical_number(canonical), self.labels.get(name))
            {
                map[number].clone_from(label);
            }
        }
        Ok(map)
    }
}

fn canonical_number(name: &str) -> Option<usize> {
    name.strip_prefix("c14n")?.parse().ok()
}

/// Gives every node of the document an id, so that a part of it has the same names as the whole.
fn skolemize(object: &mut Object<'static>, contexts: &Contexts, next: &mut usize) {
    if object.contains("@value") {
        return;
    }
    if !object.contains("id") {
        object.insert("id", format!("{SKOLEM_PREFIX}{next}"));
        *next += 1;
    }
    let names: Vec<String> = object.iter().map(|(name, _)| name.to_owned()).collect();
    for name in names.iter().filter(|name| *name != "@context" && !contexts.is_json(name)) {
        if let Some(value) = object.get_mut(name) {
            skolemize_value(value, contexts, next);
        }
    }
}

fn skolemize_value(value: &mut Value<'static>, contexts: &Contexts, next: &mut usize) {
    match value {
        Value::Object(object) => skolemize(object, contexts, next),
        Value::Array(items) => {
            for item in items {
                skolemize_value(item, contexts, next);
            }
        }
        _ => {}
    }
}

/// The statements of a derived document under the names of its label map: `labels` in the order of
/// the canonical names, as many as there are blank nodes, each once.
pub fn relabelled(
    document: &Object<'_>,
    contexts: &Contexts,
    labels: &[String],
    work: &Work,
) -> Result<Vec<String>, ProofError> {
    document::check(document, contexts, work)?;
    let dataset = to_dataset(document, contexts)?;
    let canonical = canonicalize(&dataset, HashAlgorithm::Sha256, work)?;
    let distinct: BTreeSet<&String> = labels.iter().collect();
    // Two nodes under one name would be one node, of which more is said than was signed.
    if labels.len() != canonical.labels.len() || distinct.len() != labels.len() {
        return Err(invalid("the label map does not name each blank node once"));
    }
    let lines = dataset.lines(|node| {
        canonical_number(&canonical.labels[node])
            .map(|number| labels[number].clone())
            .unwrap_or_default()
    });
    each_once(&lines, &dataset)?;
    Ok(lines)
}

/// Splits statements at the given places, which rise and lie among them.
pub(crate) fn split_at_indexes(
    lines: Vec<String>,
    indexes: &[usize],
) -> Result<(Vec<String>, Vec<String>), ProofError> {
    check_indexes(indexes, lines.len())?;
    let chosen: BTreeSet<usize> = indexes.iter().copied().collect();
    let (mut inside, mut outside) = (Vec::new(), Vec::new());
    for (index, line) in lines.into_iter().enumerate() {
        if chosen.contains(&index) { inside.push(line) } else { outside.push(line) }
    }
    Ok((inside, outside))
}

/// That indexes rise (so none occurs twice) and lie below `end`.
pub(crate) fn check_indexes(indexes: &[usize], end: usize) -> Result<(), ProofError> {
    if indexes.windows(2).any(|pair| pair[0] >= pair[1]) {
        return Err(invalid("indexes have to rise"));
    }
    if indexes.last().is_some_and(|last| *last >= end) {
        return Err(invalid("an index is out of range"));
    }
    Ok(())
}

/// The places of `inner` counted among those of `outer`.
pub(crate) fn relative_indexes(inner: &BTreeSet<usize>, outer: &BTreeSet<usize>) -> Vec<usize> {
    outer.iter().enumerate().filter(|(_, index)| inner.contains(index)).map(|(at, _)| at).collect()
}

/// The members of a credential that decide whether it is good, of which there can be several, and
/// which statements shown by choice are about: that there is one, or what is said of it.
pub(crate) fn by_choice(mandatory: &[String], chosen: &[String]) -> Vec<&'static str> {
    let is_chosen = |name: &&str| {
        let member = format!("<https://www.w3.org/2018/credentials#{name}>");
        let of_member = |line: &&String| word(line, 1) == member;
        let entries: BTreeSet<&str> =
            mandatory.iter().chain(chosen).filter(of_member).map(|line| word(line, 2)).collect();
        chosen.iter().any(|line| of_member(&line) || entries.contains(word(line, 0)))
    };
    ["credentialSchema", "credentialStatus"].into_iter().filter(is_chosen).collect()
}

/// Of the subject, the predicate and the object of a statement the one so far from the left; the
/// object, if it is no literal.
fn word(line: &str, place: usize) -> &str {
    line.split(' ').nth(place).unwrap_or_default()
}

/// The part of a document that is shown, with its derived proof.
pub(crate) fn with_proof(
    document: &Object<'static>,
    pointers: &[&str],
    proof: &Proof<'_>,
    proof_value: String,
) -> Result<Object<'static>, ProofError> {
    let mut shown = select(&document.clone().into(), pointers)?
        .ok_or_else(|| invalid("nothing would be disclosed; name at least one pointer"))?;
    let mut proof = proof.object.clone().into_owned();
    proof.insert("proofValue", proof_value);
    shown.insert("proof", proof);
    Ok(shown)
}

/// A selective proof covers the document alone: a part of it could not hold the same proofs.
pub(crate) fn alone(previous: &[Value<'_>]) -> Result<(), ProofError> {
    match previous {
        [] => Ok(()),
        _ => Err(invalid("a selective proof can't build on another proof")),
    }
}

/// SHA-256 of statements, one after the other.
pub(crate) fn hash_lines(lines: impl IntoIterator<Item = impl AsRef<[u8]>>) -> [u8; 32] {
    let mut hasher = Sha256::new();
    lines.into_iter().for_each(|line| hasher.update(line.as_ref()));
    hasher.finalize().into()
}

pub(crate) fn invalid(detail: impl Into<String>) -> ProofError {
    ProofError::DisclosureInvalid { detail: detail.into() }
}
