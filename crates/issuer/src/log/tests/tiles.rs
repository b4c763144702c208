//! Tiles, bundles and proofs against the definitions of RFC 6962.

use super::*;
use crate::log::tree::{Node, extends, includes, record_hash};

/// MTH of RFC 6962, 2.1, as written there.
fn root(leaves: &[Node]) -> Node {
    match leaves {
        [] => tlog_tiles::tlog::EMPTY_HASH,
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            tlog_tiles::tlog::node_hash(root(left), root(right))
        }
    }
}

/// PATH of RFC 6962, 2.1.1.
fn path(index: usize, leaves: &[Node]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let middle = leaves.len().next_power_of_two() / 2;
    let (left, right) = leaves.split_at(middle);
    let (mut path, sibling) = if index < middle {
        (path(index, left), root(right))
    } else {
        (path(index - middle, right), root(left))
    };
    path.push(sibling.0);
    path
}

/// SUBPROOF of RFC 6962, 2.1.2.
fn subproof(old: usize, leaves: &[Node], is_whole: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if is_whole { Vec::new() } else { vec![root(leaves).0] };
    }
    let middle = leaves.len().next_power_of_two() / 2;
    let (left, right) = leaves.split_at(middle);
    let (mut proof, sibling) = if old <= middle {
        (subproof(old, left, is_whole), root(right))
    } else {
        (subproof(old - middle, right, false), root(left))
    };
    proof.push(sibling.0);
    proof
}

fn leaves(count: u64) -> Vec<Node> {
    (0..count).map(|index| record_hash(&entry(index))).collect()
}

#[test]
fn every_entry_is_proven_in_every_size() {
    let stage = Stage::with(300);
    let leaves = leaves(300);
    for size in 1..=300 {
        let tree = &leaves[..size];
        let root = root(tree).0;
        // The definitions take long; the check against the root is made for all.
        let compared = size <= 40 || (255..=258).contains(&size) || size == 300;
        for (index, leaf) in tree.iter().enumerate() {
            let proof = stage.reader.inclusion_proof(index as u64, size as u64).unwrap();
            assert!(includes(&proof, size as u64, root, index as u64, *leaf));
            if compared {
                assert_eq!(proof, path(index, tree), "{index} of {size}");
            }
        }
    }
}

#[test]
fn every_size_extends_every_smaller_one() {
    let stage = Stage::with(300);
    let leaves = leaves(300);
    let roots: Vec<_> = (0..=300).map(|size| root(&leaves[..size]).0).collect();
    for (size, new) in roots.iter().enumerate() {
        let compared = size <= 40 || (255..=258).contains(&size) || size == 300;
        for (old, was) in roots[..=size].iter().enumerate() {
            let proof = stage.reader.consistency_proof(old as u64, size as u64).unwrap();
            let (new, was) = ((size as u64, *new), (old as u64, *was));
            assert!(extends(&proof, new, was), "{old} to {size}");
            if compared && old > 0 {
                assert_eq!(proof, subproof(old, &leaves[..size], true), "{old} to {size}");
            }
            let other = (old as u64, [7; 32]);
            assert!(!extends(&proof, new, other), "{old} to {size}");
        }
    }
}

#[test]
fn what_is_not_published_is_not_shown() {
    let mut stage = Stage::with(3);
    stage.writer.append(&[entry(3), entry(4)]).unwrap();
    let reader = &stage.reader;
    assert_eq!((stage.writer.size(), reader.size()), (5, 3));
    assert!(reader.entry(2).unwrap().is_some() && reader.entry(3).unwrap().is_none());
    assert!(reader.tile(0, 0, 3).unwrap().is_some() && reader.tile(0, 0, 4).unwrap().is_none());
    assert!(reader.entries(0, 4).unwrap().is_none());
    assert_eq!(code(reader.inclusion_proof(0, 4)), "not-in-log");
    assert_eq!(code(reader.inclusion_proof(3, 3)), "not-in-log");
    assert_eq!(code(reader.consistency_proof(1, 4)), "not-in-log");
    assert_eq!(code(reader.consistency_proof(3, 2)), "not-in-log");
    assert_eq!(code(reader.prove(3)), "not-in-log");
    stage.writer.publish(&secret(1)).unwrap();
    assert_eq!(stage.reader.entry(4).unwrap().unwrap(), entry(4));
    assert!(stage.reader.tile(0, 0, 4).unwrap().is_some());
}

#[test]
fn no_tile_is_outside_of_the_tree() {
    let stage = Stage::with(300);
    for (level, index, width) in
        [(0, 0, 0), (0, 0, 257), (0, 1, 45), (0, 2, 1), (1, 0, 2), (2, 0, 1), (8, 0, 1), (63, 0, 1)]
    {
        let tile = stage.reader.tile(level, index, width).unwrap();
        assert!(tile.is_none(), "{level} {index} {width}");
    }
    for index in [2, u64::MAX, u64::MAX / 256, u64::MAX / 512] {
        assert!(stage.reader.tile(0, index, 1).unwrap().is_none());
        assert!(stage.reader.tile(255, index, 1).unwrap().is_none());
        assert!(stage.reader.entries(index, 256).unwrap().is_none());
        assert!(stage.reader.entry(index.max(300)).unwrap().is_none());
    }
}

#[test]
fn tiles_hold_the_hashes_of_their_entries() {
    let mut stage = Stage::new();
    let leaves = leaves(600);
    for size in [1, 2, 255, 256, 257, 511, 512, 513, 600_usize] {
        stage.grow(size as u64 - stage.writer.size());
        for (index, chunk) in leaves[..size].chunks(256).enumerate() {
            // The widths of older sizes stay.
            for width in [1, chunk.len() / 2, chunk.len()].into_iter().filter(|width| *width > 0) {
                let (index, narrow) = (index as u64, u16::try_from(width).unwrap());
                let expected: Vec<u8> = chunk[..width].iter().flat_map(|hash| hash.0).collect();
                assert_eq!(stage.reader.tile(0, index, narrow).unwrap().unwrap(), expected);
                let bundle = stage.reader.entries(index, narrow).unwrap().unwrap();
                let entries = crate::log::bundle::split(&bundle, index, narrow).unwrap();
                let hashes = entries.into_iter().flat_map(|entry| record_hash(entry).0);
                assert_eq!(hashes.collect::<Vec<_>>(), expected);
            }
        }
        let full: Vec<u8> = leaves[..size].chunks_exact(256).flat_map(|c| root(c).0).collect();
        let width = u16::try_from(size / 256).unwrap();
        assert_eq!(stage.reader.tile(1, 0, width).unwrap(), (width > 0).then_some(full));
        assert!(stage.reader.tile(1, 0, width + 1).unwrap().is_none());
    }
}

#[test]
fn tiles_go_on_across_65536() {
    let mut stage = Stage::new();
    let leaves = leaves(65_537);
    stage.grow(65_535);
    assert!(stage.reader.tile(1, 0, 256).unwrap().is_none());
    assert!(stage.reader.tile(2, 0, 1).unwrap().is_none());
    let before = stage.grow(1);
    let roots: Vec<u8> = leaves[..65_536].chunks(256).flat_map(|c| root(c).0).collect();
    assert_eq!(stage.reader.tile(1, 0, 256).unwrap().unwrap(), roots);
    let top = root(&leaves[..65_536]).0;
    assert_eq!(before.root(), top);
    assert_eq!(stage.reader.tile(2, 0, 1).unwrap().unwrap(), top);
    assert!(stage.reader.tile(0, 256, 1).unwrap().is_none());
    let after = stage.grow(1);
    assert_eq!(after.root(), root(&leaves).0);
    assert_eq!(stage.reader.tile(0, 256, 1).unwrap().unwrap(), leaves[65_536].0);
    assert_eq!(stage.reader.entry(65_536).unwrap().unwrap(), entry(65_536));
    let proof = stage.reader.consistency_proof(65_536, 65_537).unwrap();
    after.check_extends(&before, &proof).unwrap();
    let target = stage.folder.path().join("copy");
    offline::export(&stage.reader, &target).unwrap();
    for folder in [&stage.path(), &target] {
        offline::verify(folder, &key(), std::slice::from_ref(&before)).unwrap();
        let proof = offline::prove(folder, &key(), 65_535).unwrap();
        assert_eq!(proof, stage.reader.prove(65_535).unwrap());
    }
}

#[test]
fn readers_read_while_the_log_grows() {
    let mut stage = Stage::with(1);
    let reader = &stage.reader;
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while reader.size() < 2000 {
                    let size = reader.size();
                    assert_eq!(reader.entry(size - 1).unwrap().unwrap(), entry(size - 1));
                    let proof = reader.prove(size - 1).unwrap();
                    proof.check(&entry(size - 1), &key()).unwrap();
                }
            });
        }
        while stage.writer.size() < 2000 {
            let first = stage.writer.size();
            stage.writer.append(&(first..first + 101).map(entry).collect::<Vec<_>>()).unwrap();
            stage.writer.publish(&secret(1)).unwrap();
        }
    });
}
