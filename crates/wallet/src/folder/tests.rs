use super::*;
use crate::testing::{counting, passphrase};

const FIRST: &[u8] = b"first";

fn create(folder: &Path) -> Result<SealedFolder, StoreError> {
    SealedFolder::create(folder, &passphrase(), Cost::LEAST, &mut counting(), FIRST)
}

fn open(folder: &Path) -> Result<SealedFolder, StoreError> {
    SealedFolder::open(folder, &passphrase())
}

fn content(store: &mut SealedFolder) -> Vec<u8> {
    store.load().unwrap().unwrap().to_vec()
}

#[test]
fn what_was_saved_is_there_when_it_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = create(folder.path()).unwrap();
    assert_eq!(content(&mut store), FIRST);
    store.save(b"second").unwrap();
    store.save(b"third").unwrap();
    assert_eq!(content(&mut store), b"third");
    drop(store);
    assert_eq!(content(&mut open(folder.path()).unwrap()), b"third");
    let names = || fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names().count(), 2);
    assert!(names().all(|name| name == FILE || name == LOCK));
}

#[test]
fn a_new_wallet_takes_nobodys_place_and_what_is_not_there_is_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("a/b");
    assert!(
        matches!(open(&missing).err(), Some(StoreError::Missing { folder }) if folder == missing)
    );
    assert!(!missing.exists());
    drop(create(&missing).unwrap());
    let refused = create(&missing).err();
    assert!(matches!(refused, Some(StoreError::Exists { folder }) if folder == missing));
    assert_eq!(content(&mut open(&missing).unwrap()), FIRST);
}

#[test]
fn a_folder_is_open_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = create(folder.path()).unwrap();
    for second in [open(folder.path()), create(folder.path())] {
        let error = second.err().unwrap();
        assert!(
            matches!(&error, StoreError::InUse { folder: named, .. } if named == folder.path())
        );
        let expected = format!(
            "the wallet in {} is in use by process {}; close it there first",
            folder.path().display(),
            std::process::id()
        );
        assert_eq!(error.to_string(), expected);
    }
    drop(store);
    assert!(open(folder.path()).is_ok());
}

#[test]
fn whatever_a_crash_left_of_a_write_the_old_content_is_there_and_the_rest_goes() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = create(folder.path()).unwrap();
    store.save(b"second").unwrap();
    let whole = store.sealing.seal(b"third").unwrap();
    drop(store);
    let new = folder.path().join(NEW);
    for end in 0..=whole.len() {
        fs::write(&new, &whole[..end]).unwrap();
        let mut store = open(folder.path()).unwrap();
        assert!(!new.exists());
        assert_eq!(content(&mut store), b"second");
    }
    // Of the first write of all, too.
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(NEW), &whole[..10]).unwrap();
    fs::write(folder.path().join(LOCK), "4711").unwrap();
    assert!(matches!(open(folder.path()).err(), Some(StoreError::Missing { .. })));
    assert_eq!(content(&mut create(folder.path()).unwrap()), FIRST);
}

#[test]
fn cut_changed_or_endless_it_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(create(folder.path()).unwrap());
    let file = folder.path().join(FILE);
    let sealed = fs::read(&file).unwrap();
    let refused = |bytes: &[u8]| {
        fs::write(&file, bytes).unwrap();
        let outcome = open(folder.path()).and_then(|mut store| store.load());
        assert!(matches!(outcome, Err(StoreError::Seal(_))));
    };
    for end in 0..sealed.len() {
        refused(&sealed[..end]);
    }
    for index in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[index] ^= 2;
        refused(&changed);
    }
    fs::File::options()
        .write(true)
        .open(&file)
        .unwrap()
        .set_len(LONGEST_SEALED as u64 + 1)
        .unwrap();
    assert!(matches!(open(folder.path()).err(), Some(StoreError::Seal(SealError::TooLong))));
    fs::write(&file, &sealed).unwrap();
    assert_eq!(content(&mut open(folder.path()).unwrap()), FIRST);
}

#[test]
fn another_file_in_its_place_is_not_taken_for_it() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut store = create(folder.path()).unwrap();
    let mut random = counting();
    random(&mut [0]).unwrap();
    drop(SealedFolder::create(other.path(), &passphrase(), Cost::LEAST, &mut random, b"").unwrap());
    fs::copy(other.path().join(FILE), folder.path().join(FILE)).unwrap();
    assert!(matches!(store.load(), Err(StoreError::Seal(SealError::Changed))));
}

#[test]
fn another_passphrase_opens_and_the_old_one_no_longer_does() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = create(folder.path()).unwrap();
    let (other, short) = (Passphrase::new("another passphrase"), Passphrase::new("short"));
    let mut random = counting();
    let refused = store.reseal(b"second", &short, Cost::LEAST, &mut random).err();
    assert!(matches!(refused, Some(StoreError::Seal(SealError::PassphraseShort))));
    assert_eq!(content(&mut store), FIRST);
    random(&mut [0]).unwrap();
    store.reseal(b"second", &other, Cost::LEAST, &mut random).unwrap();
    store.save(b"third").unwrap();
    drop(store);
    let refused = open(folder.path()).err();
    assert!(matches!(refused, Some(StoreError::Seal(SealError::WrongPassphrase))));
    assert_eq!(content(&mut SealedFolder::open(folder.path(), &other).unwrap()), b"third");
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn folder_and_files_are_for_their_owner() {
        let above = tempfile::tempdir().unwrap();
        let folder = above.path().join("wallet");
        let mut store = create(&folder).unwrap();
        store.save(b"second").unwrap();
        drop(store);
        assert_eq!(mode(&folder), 0o700);
        for name in [FILE, LOCK] {
            let path = folder.join(name);
            assert_eq!(mode(&path), 0o600, "{name}");
        }
        for (path, whole) in [(folder.clone(), 0o700), (folder.join(FILE), 0o600)] {
            for exposed in [0o040, 0o004, 0o020, 0o002] {
                set_mode(&path, whole | exposed);
                let error = open(&folder).err().unwrap();
                assert!(matches!(&error, StoreError::Exposed { path: named } if *named == path));
            }
            set_mode(&path, whole);
        }
        assert!(open(&folder).is_ok());
    }

    #[test]
    fn where_the_new_file_cant_be_written_the_old_one_stays_and_more_can_be_saved() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = create(folder.path()).unwrap();
        // A folder where the new file should go, which does not go away.
        let new = folder.path().join(NEW);
        fs::create_dir(&new).unwrap();
        let refused = store.save(b"second").err();
        assert!(matches!(refused, Some(StoreError::Io { path, .. }) if path == new));
        assert_eq!(content(&mut store), FIRST);
        fs::remove_dir(&new).unwrap();
        store.save(b"third").unwrap();
        assert_eq!(content(&mut store), b"third");
    }

    #[test]
    fn after_its_last_step_failed_nothing_is_acknowledged_until_it_is_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = create(folder.path()).unwrap();
        let (file, aside) = (folder.path().join(FILE), folder.path().join("aside"));
        // A folder in the file's place can't be replaced.
        fs::rename(&file, &aside).unwrap();
        fs::create_dir(&file).unwrap();
        assert!(matches!(store.save(b"second"), Err(StoreError::Io { .. })));
        fs::remove_dir(&file).unwrap();
        fs::rename(&aside, &file).unwrap();
        assert!(matches!(store.save(b"third"), Err(StoreError::Stopped)));
        drop(store);
        let mut store = open(folder.path()).unwrap();
        assert_eq!(content(&mut store), FIRST);
        store.save(b"third").unwrap();
    }
}
