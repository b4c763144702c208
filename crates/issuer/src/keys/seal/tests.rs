use std::fs;

use bonafide_core::key::KeyType;
use bonafide_proof::{SignError, Signer};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::*;

const PASSPHRASE: &[u8] = b"correct horse battery staple";
const USE: &[u8] = b"assertion key-1";

fn counting() -> impl FnMut(&mut [u8]) -> Result<(), SignError> {
    let mut next = 0_u8;
    move |bytes| {
        next += 1;
        bytes.fill(next);
        Ok(())
    }
}

fn numbered<const N: usize>(first: u8) -> [u8; N] {
    std::array::from_fn(|index| first + u8::try_from(index).unwrap())
}

fn key() -> SealingKey {
    SealingKey::from_slice(&numbered::<32>(0)).unwrap()
}

/// The text with one byte after the other changed, to a neighbour and to something that is nothing
/// of the kind.
fn changed(text: &str) -> impl Iterator<Item = String> {
    text.bytes().enumerate().flat_map(move |(index, byte)| {
        [byte ^ 1, b'A', b' '].into_iter().filter(move |other| *other != byte).map(move |other| {
            let mut bytes = text.as_bytes().to_vec();
            bytes[index] = other;
            String::from_utf8(bytes).unwrap()
        })
    })
}

/// What `KNOWN_PASSPHRASE` is made from, and the key that it gives.
fn passphrase_seal() -> (PassphraseSeal, SealingKey) {
    PassphraseSeal::with_salt(PASSPHRASE, Cost::LEAST, numbered(0)).unwrap()
}

/// Made with libsodium.
const KNOWN: &str = "bonafide-sealed-1.\
QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXtRl2FbOSHGIGdyCmAUT9VUAnfOXSCrBR";

/// Made with libsodium.
const KNOWN_PASSPHRASE: &str = r#"{
  "check": "BGtteqodj8cZfwEzZhrwJQQI31Q5dVjzbqKn5gt2K54",
  "kdf": "argon2id",
  "lanes": 1,
  "memoryKiB": 19456,
  "passes": 2,
  "salt": "AAECAwQFBgcICQoLDA0ODw",
  "type": "bonafide-seal",
  "version": 1
}
"#;

#[test]
fn the_format_is_what_it_was() {
    let sealed = seal_with_nonce(&key(), b"a secret", USE, &numbered(0x40)).unwrap();
    assert_eq!(sealed, KNOWN);
    let (seal, sealing) = passphrase_seal();
    assert_eq!(seal.to_text(), KNOWN_PASSPHRASE);
    let expected = "c948a1912c7c128e9156e3a94722a5366e6c62f33a082f77f46eb57bc1bad034";
    assert_eq!(bonafide_core::encoding::hex(&sealing.0[..]), expected);
    let line = "bonafide-sealing-key-1.AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n";
    assert_eq!(key().to_text().as_str(), line);
}

#[test]
fn what_was_sealed_opens() {
    let key = SealingKey::generate(&mut counting()).unwrap();
    for length in [0, 1, 47, LONGEST_SECRET] {
        let secret = vec![7; length];
        let sealed = seal(&key, &secret, USE, &mut counting()).unwrap();
        assert_eq!(*open(&key, &sealed, USE).unwrap(), secret);
    }
    let long = vec![7; LONGEST_SECRET + 1];
    assert_eq!(seal(&key, &long, USE, &mut counting()), Err(SealError::TooLong));

    let again = SealingKey::from_text(&key.to_text()).unwrap();
    assert_eq!(again.0, key.0);
    assert!(SealingKey::from_text(key.to_text().trim_end()).is_ok());
}

#[test]
fn signing_keys_of_every_type_are_sealed() {
    for key_type in [KeyType::Ed25519, KeyType::P256, KeyType::P384, KeyType::Bls12381G2] {
        let signing = AnyKey::generate(key_type, &mut counting()).unwrap();
        let sealed = seal_key(&key(), &signing, USE, &mut counting()).unwrap();
        assert!(!sealed.contains(signing.to_multikey().as_str()));
        let opened = open_key(&key(), &sealed, USE).unwrap();
        assert_eq!(opened.public_key(), signing.public_key());
    }
    let no_key = seal(&key(), b"no key", USE, &mut counting()).unwrap();
    assert_eq!(open_key(&key(), &no_key, USE).err(), Some(SealError::Refused));
}

#[test]
fn nothing_opens_with_another_key_for_another_use_or_changed() {
    let refused = |key: &SealingKey, sealed: &str, associated: &[u8]| {
        assert_eq!(open(key, sealed, associated), Err(SealError::Refused), "{sealed}");
    };
    let other = SealingKey::generate(&mut counting()).unwrap();
    refused(&other, KNOWN, USE);
    for associated in [&b""[..], b"assertion key-2", b"assertion key-1 ", b"assertion key-"] {
        refused(&key(), KNOWN, associated);
    }
    for changed in changed(KNOWN) {
        refused(&key(), &changed, USE);
    }
    for end in 0..KNOWN.len() {
        refused(&key(), &KNOWN[..end], USE);
    }
    let long = format!("{KNOWN}{}", "A".repeat(2 * LONGEST_SECRET));
    for longer in [format!("{KNOWN}="), format!("{KNOWN}\n"), format!(" {KNOWN}"), long] {
        refused(&key(), &longer, USE);
    }
}

#[test]
fn the_text_of_a_sealing_key_has_one_spelling() {
    let text = key().to_text();
    for changed in changed(text.trim_end()) {
        let read = SealingKey::from_text(&changed);
        assert!(read.is_err() || read.is_ok_and(|read| read.0 != key().0), "{changed}");
    }
    for wrong in ["", "\n", KNOWN, &text[1..], &text[..text.len() - 2], &format!("{}\n", *text)] {
        assert_eq!(SealingKey::from_text(wrong).err(), Some(SealError::Refused), "{wrong:?}");
    }
}

#[test]
fn a_passphrase_finds_its_key_again_and_no_other_one_does() {
    let (_, key) = passphrase_seal();
    let seal = PassphraseSeal::parse(KNOWN_PASSPHRASE.as_bytes()).unwrap();
    assert_eq!(seal.open(PASSPHRASE).unwrap().0, key.0);
    for wrong in [&b""[..], b"correct horse battery stapl", b"correct horse battery staple\n"] {
        assert_eq!(seal.open(wrong).err(), Some(SealError::Refused));
    }
}

#[test]
fn another_salt_is_another_key() {
    let (_, key) = passphrase_seal();
    let (_, other) = PassphraseSeal::create(PASSPHRASE, Cost::LEAST, &mut counting()).unwrap();
    assert_ne!(key.0, other.0);
}

#[test]
fn whatever_is_changed_beside_a_passphrase_it_no_longer_opens() {
    let open = |text: &str| PassphraseSeal::parse(text.as_bytes())?.open(PASSPHRASE).map(|_| ());
    assert_eq!(open(KNOWN_PASSPHRASE), Ok(()));
    for changed in changed(KNOWN_PASSPHRASE) {
        let refused = open(&changed).unwrap_err();
        // A cost is refused for what it is; that says nothing that is not in the file.
        let cost = changed.lines().zip(KNOWN_PASSPHRASE.lines()).any(|(changed, line)| {
            let names = ["lanes", "memoryKiB", "passes"];
            changed != line && names.iter().any(|name| changed.contains(name))
        });
        let expected = refused == SealError::Refused || cost && refused == SealError::CostRefused;
        assert!(expected, "{refused}: {changed}");
    }
    for (from, to) in [
        ("19456", "19457"),
        ("19456", "19456.0"),
        ("\"passes\": 2", "\"passes\": 3"),
        ("\"lanes\": 1", "\"lanes\": 2"),
        ("  \"version\": 1", "  \"unknown\": 1,\n  \"version\": 1"),
        ("argon2id", "argon2i"),
        ("\"version\": 1", "\"version\": 2"),
    ] {
        let changed = KNOWN_PASSPHRASE.replace(from, to);
        assert_ne!(changed, KNOWN_PASSPHRASE);
        assert_eq!(open(&changed), Err(SealError::Refused), "{to}");
    }
}

#[test]
fn a_cost_outside_of_what_is_allowed_is_refused_before_it_is_spent() {
    // A terabyte, 2^32 - 1 passes: if any of it were spent, this would not end.
    for (from, to) in [
        ("\"memoryKiB\": 19456", "\"memoryKiB\": 1073741824"),
        ("\"memoryKiB\": 19456", "\"memoryKiB\": 1048577"),
        ("\"memoryKiB\": 19456", "\"memoryKiB\": 19455"),
        ("\"passes\": 2", "\"passes\": 4294967295"),
        ("\"passes\": 2", "\"passes\": 1"),
        ("\"lanes\": 1", "\"lanes\": 9"),
        ("\"lanes\": 1", "\"lanes\": 0"),
    ] {
        let changed = KNOWN_PASSPHRASE.replace(from, to);
        let parsed = PassphraseSeal::parse(changed.as_bytes());
        assert_eq!(parsed.err(), Some(SealError::CostRefused), "{to}");
    }
    let cost = Cost { memory_kib: u32::MAX, ..Cost::LEAST };
    let refused = PassphraseSeal::create(PASSPHRASE, cost, &mut counting());
    assert_eq!(refused.err(), Some(SealError::CostRefused));
}

#[test]
fn a_passphrase_is_neither_short_nor_endless() {
    let create =
        |passphrase: &[u8]| PassphraseSeal::create(passphrase, Cost::LEAST, &mut counting()).err();
    assert_eq!(create(b""), Some(SealError::PassphraseRefused));
    assert_eq!(create(&[b'p'; SHORTEST_PASSPHRASE - 1]), Some(SealError::PassphraseRefused));
    assert_eq!(create(&[b'p'; SHORTEST_PASSPHRASE]), None);
    let endless = [b'p'; LONGEST_PASSPHRASE + 1];
    assert_eq!(create(&endless), Some(SealError::PassphraseRefused));
    let seal = PassphraseSeal::parse(KNOWN_PASSPHRASE.as_bytes()).unwrap();
    assert_eq!(seal.open(&endless).err(), Some(SealError::PassphraseRefused));
}

#[test]
fn without_randomness_nothing_is_sealed() {
    let broken = || |_: &mut [u8]| Err(SignError("broken".to_owned()));
    let expected = SealError::Random(SignError("broken".to_owned()));
    assert_eq!(SealingKey::generate(&mut broken()).err().as_ref(), Some(&expected));
    assert_eq!(seal(&key(), b"a secret", USE, &mut broken()).as_ref(), Err(&expected));
    let refused = PassphraseSeal::create(PASSPHRASE, Cost::LEAST, &mut broken());
    assert_eq!(refused.err(), Some(expected));
    let mut nothing = |_: &mut [u8]| Ok(());
    assert!(SealingKey::generate(&mut nothing).is_err());
}

#[test]
fn secrets_are_wiped_when_dropped() {
    fn wiped<T: ZeroizeOnDrop>(_: &T) {}
    wiped(&key());
    wiped(&*key().0);
    let opened: Zeroizing<Vec<u8>> = open(&key(), KNOWN, USE).unwrap();
    wiped(&opened);
    wiped(&key().cipher());
}

#[test]
fn the_files_are_for_their_owner_and_are_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let (key_file, json) = (folder.path().join("seal.key"), folder.path().join("seal.json"));
    let random = create_key_file(&key_file, &mut counting()).unwrap();
    let found = create_passphrase_file(&json, PASSPHRASE, Cost::LEAST, &mut counting()).unwrap();
    assert_eq!(read_key_file(&key_file).unwrap().0, random.0);
    assert_eq!(read_passphrase_file(&json, PASSPHRASE).unwrap().0, found.0);
    assert!(matches!(
        read_passphrase_file(&json, b"another passphrase"),
        Err(FileError::Seal(SealError::Refused))
    ));

    assert!(matches!(create_key_file(&key_file, &mut counting()), Err(FileError::Io(_))));
    assert!(matches!(
        create_passphrase_file(&key_file, PASSPHRASE, Cost::LEAST, &mut counting()),
        Err(FileError::Io(_))
    ));
    assert_eq!(read_key_file(&key_file).unwrap().0, random.0);

    #[cfg(unix)]
    for path in [&key_file, &json] {
        use std::os::unix::fs::PermissionsExt;
        let mode = |mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        mode(0o640);
        assert!(matches!(read_key_file(path), Err(FileError::Exposed)));
        assert!(matches!(read_passphrase_file(path, PASSPHRASE), Err(FileError::Exposed)));
        mode(0o600);
    }

    fs::write(&key_file, "a".repeat(4096)).unwrap();
    assert!(matches!(read_key_file(&key_file), Err(FileError::Seal(SealError::Refused))));
}
