//! The Merkle tree's right edge, and proofs from kept hashes.

use std::cell::RefCell;

use tlog_tiles::tlog::{self, HashReader, node_hash, stored_hash_index};

use super::{Hash, LogError};

pub(crate) use tlog_tiles::tlog::{
    EMPTY_HASH, Hash as Node, record_hash, stored_hash_count, sub_tree_index,
};

/// The right edge: the roots of the largest complete subtrees, left to right. It is all that
/// appending and the root need.
#[derive(Clone, Debug, Default)]
pub(crate) struct Edge {
    size: u64,
    roots: Vec<Node>,
}

impl Edge {
    /// The edge of a tree of this size; `roots` are the hashes at `sub_tree_index(0, size)`.
    pub(crate) fn new(size: u64, roots: Vec<Node>) -> Self {
        Self { size, roots }
    }

    /// How many leaves there are.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf, and to `stored` the hashes that are complete with it, one for each level from
    /// 0 up.
    pub(crate) fn push(&mut self, leaf: Node, stored: &mut Vec<Node>) {
        let mut hash = leaf;
        stored.push(hash);
        // Each one bit at the end of the size is a subtree that this leaf completes.
        for _ in 0..self.size.trailing_ones() {
            let Some(left) = self.roots.pop() else { break };
            hash = node_hash(left, hash);
            stored.push(hash);
        }
        self.roots.push(hash);
        self.size += 1;
    }

    /// The root; of no leaves, SHA-256 of nothing.
    pub(crate) fn root(&self) -> Hash {
        let root = self.roots.iter().copied().rev().reduce(|right, left| node_hash(left, right));
        root.unwrap_or(EMPTY_HASH).0
    }
}

/// Whether a tree of `size` leaves has the hash `index` of `level`, and so all before it.
pub(crate) fn has_hash(size: u64, level: u32, index: u64) -> bool {
    index < size.checked_shr(level).unwrap_or(0)
}

/// Kept hashes, by their place in the order in which they came to be.
pub(crate) struct Kept<'a> {
    read: &'a dyn Fn(u64) -> Result<Node, LogError>,
    // The library's error can't hold ours.
    failure: RefCell<Option<LogError>>,
}

impl HashReader for Kept<'_> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Node>, tlog::Error> {
        indexes.iter().map(|index| (self.read)(*index)).collect::<Result<_, _>>().map_err(|error| {
            *self.failure.borrow_mut() = Some(error);
            tlog::Error::BadMath
        })
    }
}

impl<'a> Kept<'a> {
    pub(crate) fn new(read: &'a dyn Fn(u64) -> Result<Node, LogError>) -> Self {
        Self { read, failure: RefCell::new(None) }
    }

    /// The audit path of entry `index` in the tree of `size` entries (RFC 6962, 2.1.1).
    pub(crate) fn inclusion(&self, index: u64, size: u64) -> Result<Vec<Hash>, LogError> {
        self.hashes(tlog::prove_record(size, index, self), LogError::NotInLog { index, size })
    }

    /// That the tree of `old` entries is the beginning of that of `size` (RFC 6962, 2.1.2). Of an
    /// empty tree there is nothing to show.
    pub(crate) fn consistency(&self, old: u64, size: u64) -> Result<Vec<Hash>, LogError> {
        if old == 0 {
            return Ok(Vec::new());
        }
        self.hashes(tlog::prove_tree(size, old, self), LogError::NotInLog { index: old, size })
    }

    fn hashes(
        &self,
        proof: Result<Vec<Node>, tlog::Error>,
        otherwise: LogError,
    ) -> Result<Vec<Hash>, LogError> {
        let proof = proof.map_err(|_| self.failure.take().unwrap_or(otherwise))?;
        Ok(proof.into_iter().map(|hash| hash.0).collect())
    }
}

/// Whether `proof` leads from the leaf at `index` to the root of the tree of `size`.
pub(crate) fn includes(proof: &[Hash], size: u64, root: Hash, index: u64, leaf: Node) -> bool {
    tlog::check_record(&nodes(proof), size, Node(root), index, leaf).is_ok()
}

/// Whether `proof` shows that the first tree is the beginning of the second.
pub(crate) fn extends(proof: &[Hash], (size, root): (u64, Hash), (old, was): (u64, Hash)) -> bool {
    if old == 0 {
        return proof.is_empty() && was == EMPTY_HASH.0;
    }
    tlog::check_tree(&nodes(proof), size, Node(root), old, Node(was)).is_ok()
}

fn nodes(hashes: &[Hash]) -> Vec<Node> {
    hashes.iter().copied().map(Node).collect()
}

/// Where the first hash that comes with leaf `index` is kept.
pub(crate) fn first_stored(index: u64) -> u64 {
    stored_hash_index(0, index)
}
