//! What an auditor finds with the files alone (threats, row 27).

use std::fs;

use super::*;

fn verify(folder: &Path, older: &[Checkpoint]) -> Result<offline::Report, LogError> {
    offline::verify(folder, &key(), older)
}

/// The same entries as a service's folder and as a copy in tiles.
fn both(count: u64) -> (Closed, PathBuf) {
    let stage = Stage::with(count);
    let copy = stage.folder.path().join("copy");
    offline::export(&stage.reader, &copy).unwrap();
    (stage.close(), copy)
}

#[test]
fn a_good_log_and_its_copy_verify() {
    for count in [0, 1, 2, 255, 256, 257, 512, 700] {
        let (closed, copy) = both(count);
        let older: Vec<_> = [0, 1, 2, 200, 256, 699, count]
            .into_iter()
            .filter(|size| *size <= count)
            .map(|size| Stage::new().grow(size))
            .collect();
        for folder in [&closed.path, &copy] {
            let report = verify(folder, &older).unwrap();
            assert_eq!(report.checkpoint, closed.checkpoint());
            assert_eq!((report.consistent_with, report.unpublished), (older.len(), 0));
            for index in [0, 1, 255, 256, 511, 699].into_iter().filter(|index| *index < count) {
                let proof = offline::prove(folder, &key(), index).unwrap();
                proof.check(&entry(index), &key()).unwrap();
            }
            assert_eq!(code(offline::prove(folder, &key(), count)), "not-in-log");
        }
    }
}

#[test]
fn the_copy_is_laid_out_as_tiles() {
    let (_closed, copy) = both(700);
    for path in [
        "checkpoint",
        "tile/0/000",
        "tile/0/001",
        "tile/0/002.p/188",
        "tile/1/000.p/2",
        "tile/entries/000",
        "tile/entries/001",
        "tile/entries/002.p/188",
    ] {
        assert!(copy.join(path).is_file(), "{path}");
    }
    assert!(!copy.join("tile/2").exists());
    assert!(!copy.join("entries").exists());
}

#[test]
fn a_copy_grows_and_may_lack_what_became_full() {
    let mut stage = Stage::with(200);
    let copy = stage.folder.path().join("copy");
    offline::export(&stage.reader, &copy).unwrap();
    let old = fs::read(copy.join("checkpoint")).unwrap();
    let checkpoint = stage.grow(500);
    offline::export(&stage.reader, &copy).unwrap();
    assert_eq!(verify(&copy, &[]).unwrap().checkpoint, checkpoint);
    assert!(copy.join("tile/0/000.p/200").is_file());
    // With the older checkpoint, from the full tiles.
    fs::remove_dir_all(copy.join("tile/0/000.p")).unwrap();
    fs::remove_dir_all(copy.join("tile/entries/000.p")).unwrap();
    fs::write(copy.join("checkpoint"), old).unwrap();
    assert_eq!(verify(&copy, &[]).unwrap().checkpoint.size(), 200);
    offline::prove(&copy, &key(), 199).unwrap();
}

#[test]
fn an_entry_that_was_changed() {
    for index in [0, 1, 100, 255, 256, 699] {
        let (closed, copy) = both(700);
        // Every entry before has its length, the text and its digits.
        let end: usize = (0..=index).map(|index| entry(index).len() + 2).sum();
        closed.flip("entries", i64::try_from(end).unwrap() - 1);
        let error = verify(&closed.path, &[]).unwrap_err();
        assert_eq!(error.code(), "entry-changed");
        assert!(error.to_string().starts_with(&format!("entry {index} was changed")));

        let name = ["000", "001", "002.p/188"][usize::try_from(index / 256).unwrap()];
        let end: usize = (index / 256 * 256..=index).map(|index| entry(index).len() + 2).sum();
        flip(&copy.join("tile/entries").join(name), i64::try_from(end).unwrap() - 1);
        let error = verify(&copy, &[]).unwrap_err();
        assert!(error.to_string().starts_with(&format!("entry {index} was changed")), "{error}");
        assert_eq!(code(offline::prove(&copy, &key(), index)), "proof-invalid");
    }
}

#[test]
fn lengths_that_were_changed() {
    let (closed, copy) = both(700);
    closed.flip("entries", 1);
    assert_eq!(code(verify(&closed.path, &[])), "bundle-malformed");
    flip(&copy.join("tile/entries/000"), 1);
    assert_eq!(code(verify(&copy, &[])), "bundle-malformed");
    // The fault before is the one that is told.
    let (closed, copy) = both(700);
    closed.flip("entries", 5);
    let second_bundle: usize = (0..256).map(|index| entry(index).len() + 2).sum();
    closed.flip("entries", i64::try_from(second_bundle).unwrap() + 1);
    assert!(verify(&closed.path, &[]).unwrap_err().to_string().starts_with("entry 0 was changed"));
    flip(&copy.join("tile/entries/000"), 5);
    flip(&copy.join("tile/entries/001"), 1);
    assert!(verify(&copy, &[]).unwrap_err().to_string().starts_with("entry 0 was changed"));
}

#[test]
fn a_hash_that_was_changed() {
    let (closed, _) = both(700);
    let count = fs::metadata(closed.file("hashes")).unwrap().len() / 32;
    for place in (0..count).step_by(37).chain([count - 1]) {
        closed.flip("hashes", i64::try_from(place * 32).unwrap());
        assert_eq!(code(verify(&closed.path, &[])), "hash-changed", "{place}");
        closed.flip("hashes", i64::try_from(place * 32).unwrap());
    }
    verify(&closed.path, &[]).unwrap();
    closed.flip("hashes", 2 * 32);
    let error = verify(&closed.path, &[]).unwrap_err().to_string();
    assert!(error.starts_with("hash 0 of level 1 was changed"), "{error}");
}

#[test]
fn a_tile_that_was_changed_or_is_missing() {
    for (name, level) in [("0/000", 0), ("0/001", 0), ("0/002.p/188", 0), ("1/000.p/2", 8)] {
        let (_closed, copy) = both(700);
        let tile = copy.join("tile").join(name);
        flip(&tile, -1);
        let error = verify(&copy, &[]).unwrap_err();
        assert_eq!(error.code(), "hash-changed", "{name}");
        assert!(error.to_string().contains(&format!("of level {level} was")), "{error}");
        let bytes = fs::read(&tile).unwrap();
        fs::write(&tile, [&bytes[..], &[0]].concat()).unwrap();
        assert_eq!(code(verify(&copy, &[])), "tile-malformed");
        fs::write(&tile, &bytes[1..]).unwrap();
        assert_eq!(code(verify(&copy, &[])), "tile-malformed");
        fs::remove_file(&tile).unwrap();
        assert_eq!(code(verify(&copy, &[])), "tile-missing");
    }
    let (_closed, copy) = both(700);
    fs::remove_file(copy.join("tile/entries/001")).unwrap();
    assert_eq!(code(verify(&copy, &[])), "tile-missing");
    fs::remove_dir_all(copy.join("tile")).unwrap();
    assert_eq!(code(verify(&copy, &[])), "tile-missing");
}

#[test]
fn hashes_made_to_fit_a_changed_entry_do_not_fit_the_checkpoint() {
    let (closed, copy) = both(700);
    // Another log with one entry changed has good hashes of its own.
    let mut other = Stage::new();
    let mut entries: Vec<_> = (0..700).map(entry).collect();
    entries[300] = b"something else".to_vec();
    other.append(&entries);
    let other_copy = other.folder.path().join("copy");
    offline::export(&other.reader, &other_copy).unwrap();
    let other = other.close();
    fs::copy(closed.file("checkpoint"), other.file("checkpoint")).unwrap();
    fs::copy(copy.join("checkpoint"), other_copy.join("checkpoint")).unwrap();
    assert_eq!(code(verify(&other.path, &[])), "root-mismatch");
    assert_eq!(code(verify(&other_copy, &[])), "root-mismatch");
    assert_eq!(code(other.reopen()), "root-mismatch");
}

#[test]
fn the_last_entries_or_all_dropped_and_signed_anew() {
    let seen = Stage::new().grow(700);
    for count in [0, 1, 699] {
        let (closed, copy) = both(count);
        for folder in [&closed.path, &copy] {
            // By itself it is a good log: nobody can tell.
            verify(folder, &[]).unwrap();
            let error = verify(folder, std::slice::from_ref(&seen)).unwrap_err();
            assert_eq!(error.code(), "rolled-back");
            let expected = format!("it has {count} entries, and 700 were signed before");
            assert!(error.to_string().ends_with(&expected), "{error}");
        }
    }
}

#[test]
fn the_whole_log_dropped() {
    let seen = [Stage::new().grow(700)];
    let (closed, copy) = both(700);
    for folder in [&closed.path, &copy] {
        fs::remove_file(folder.join("checkpoint")).unwrap();
        assert_eq!(code(verify(folder, &seen)), "rolled-back");
        assert_eq!(code(verify(folder, &[])), "checkpoint-missing");
        assert_eq!(code(offline::prove(folder, &key(), 0)), "checkpoint-missing");
        fs::remove_dir_all(folder).unwrap();
        assert_eq!(code(verify(folder, &seen)), "rolled-back");
        assert_eq!(code(verify(folder, &[])), "checkpoint-missing");
    }
}

#[test]
fn a_fork_and_a_log_written_anew() {
    let mut honest = Stage::with(100);
    let early = Stage::new().grow(100);
    let seen = honest.grow(600);
    // The same key signs another history of the same size, and a longer one.
    let mut forged = Stage::new();
    let mut entries: Vec<_> = (0..700).map(entry).collect();
    entries[300] = b"something else".to_vec();
    let forked = forged.append(&entries);
    assert_eq!(code(verify(&forged.path(), std::slice::from_ref(&seen))), "forked");
    let longer = forged.grow(50);
    let error = verify(&forged.path(), &[seen.clone(), early.clone()]).unwrap_err();
    assert_eq!(error.code(), "rewritten");
    assert!(error.to_string().contains("its first 700 entries"), "{error}");
    let copy = forged.folder.path().join("copy");
    offline::export(&forged.reader, &copy).unwrap();
    assert_eq!(code(verify(&copy, &[early.clone(), seen.clone()])), "rewritten");
    // What was seen before the change is no witness against it.
    assert_eq!(verify(&copy, &[early.clone(), forked.clone()]).unwrap().consistent_with, 2);

    // With two checkpoints and a proof, without the log.
    let proof = forged.reader.consistency_proof(700, 750).unwrap();
    longer.check_extends(&forked, &proof).unwrap();
    assert_eq!(code(longer.check_extends(&seen, &proof)), "rewritten");
    assert_eq!(code(forked.check_extends(&seen, &[])), "forked");
    assert_eq!(code(early.check_extends(&seen, &[])), "rolled-back");
}

#[test]
fn an_earlier_checkpoint_of_another_log() {
    let (closed, _) = both(10);
    let other = LogKey::new("other.example", secret(1).public_key()).unwrap();
    let text = Checkpoint::sign(5, [0; 32], &other, &secret(1)).unwrap();
    let other = Checkpoint::verify(&text, &other).unwrap();
    assert_eq!(code(verify(&closed.path, &[other])), "other-log");
}

#[test]
fn a_forged_empty_beginning() {
    let (closed, _) = both(10);
    let text = Checkpoint::sign(0, [0; 32], &key(), &secret(1)).unwrap();
    let forged = Checkpoint::verify(&text, &key()).unwrap();
    assert_eq!(code(verify(&closed.path, &[forged])), "rewritten");
}
