use super::*;
use crate::testing::{PASSPHRASE, broken, counting, passphrase};

const CONTENT: &[u8] = b"all that is secret";

fn sealing() -> Sealing {
    Sealing::create(&passphrase(), Cost::LEAST, &mut counting()).unwrap()
}

fn open(sealed: &[u8], passphrase: &Passphrase) -> Result<Zeroizing<Vec<u8>>, SealError> {
    Sealing::of(sealed, passphrase)?.open(sealed)
}

fn header_of(sealed: &[u8]) -> &str {
    let end = sealed.iter().position(|byte| *byte == b'\n').unwrap();
    std::str::from_utf8(&sealed[..=end]).unwrap()
}

/// The same with another text in its header, which is in none of our files.
fn with_header(sealed: &[u8], from: &str, to: &str) -> Vec<u8> {
    let header = header_of(sealed);
    let changed = header.replace(from, to);
    assert_ne!(changed, header, "{from}");
    [changed.as_bytes(), &sealed[header.len()..]].concat()
}

#[test]
fn what_was_sealed_opens() {
    let sealing = sealing();
    for length in [0, 1, 63, 64, 1 << 20] {
        let content = vec![7; length];
        let sealed = sealing.seal(&content).unwrap();
        assert_eq!(*open(&sealed, &passphrase()).unwrap(), content);
        assert_eq!(sealed.len(), header_of(&sealed).len() + NONCE + length + TAG);
    }
    let sealed = sealing.seal(CONTENT).unwrap();
    assert!(!sealed.windows(6).any(|part| part == b"secret"));
    let most = vec![0; MOST_CONTENT + 1];
    assert_eq!(sealing.seal(&most), Err(SealError::TooLong));
}

/// Made with libsodium.
const KNOWN: [&str; 2] = [
    "{\"aead\":\"xchacha20poly1305\",\"check\":\"J4In-x46nOFWpHeykVtGr5wCiu-SJeg-xpzwZ-Zi0qo\",\
     \"format\":\"bonafide-wallet\",\"kdf\":\"argon2id\",\"lanes\":1,\"memoryKiB\":8,\"passes\":1,\
     \"salt\":\"AQEBAQEBAQEBAQEBAQEBAQ\",\"version\":1}\n",
    "2vsnR-aytXOFVMHnG970_z4y0Qqw1GlkwjZJSMhjxphKE6er5fA1WyNBebFuG4YmoU63u2cnUkIj3w",
];

#[test]
fn the_format_is_what_it_was() {
    let known = [KNOWN[0].as_bytes(), &decode_base64url(KNOWN[1]).unwrap()].concat();
    assert_eq!(sealing().seal(CONTENT).unwrap(), known);
    assert_eq!(*open(&known, &passphrase()).unwrap(), CONTENT);
}

#[test]
fn the_nonce_is_another_one_for_whatever_else_is_sealed() {
    let sealing = sealing();
    let nonce = |content: &[u8]| {
        let sealed = sealing.seal(content).unwrap();
        let begin = header_of(&sealed).len();
        sealed[begin..begin + NONCE].to_vec()
    };
    let mut nonces: Vec<Vec<u8>> = (0..=255_u8).map(|byte| nonce(&[byte])).collect();
    nonces.extend([nonce(b""), nonce(&[0, 0]), nonce(&[0; 3])]);
    nonces.sort();
    nonces.dedup();
    assert_eq!(nonces.len(), 259);
    // And for the same under another salt.
    let mut later = counting();
    let _ = later(&mut [0]);
    let other = Sealing::create(&passphrase(), Cost::LEAST, &mut later).unwrap();
    let sealed = other.seal(b"").unwrap();
    let begin = header_of(&sealed).len();
    assert_ne!(sealed[begin..begin + NONCE], nonce(b""));
}

#[test]
fn a_wrong_passphrase_is_told_from_a_changed_file() {
    let sealed = sealing().seal(CONTENT).unwrap();
    for wrong in ["", "correct horse battery stapl", "correct horse battery staple\n"] {
        let refused = open(&sealed, &Passphrase::new(wrong));
        assert_eq!(refused, Err(SealError::WrongPassphrase));
    }
    let long = "p".repeat(LONGEST_PASSPHRASE + 1);
    assert_eq!(open(&sealed, &Passphrase::new(&long)), Err(SealError::PassphraseLong));
    let mut changed = sealed.clone();
    *changed.last_mut().unwrap() ^= 1;
    assert_eq!(open(&changed, &passphrase()), Err(SealError::Changed));
    for longer in [&b"\0"[..], b"\n"] {
        assert_eq!(open(&[&sealed, longer].concat(), &passphrase()), Err(SealError::Changed));
    }
}

#[test]
fn whichever_byte_is_changed_it_does_not_open() {
    let sealed = sealing().seal(CONTENT).unwrap();
    let header = header_of(&sealed).len();
    for index in 0..sealed.len() {
        for other in [sealed[index] ^ 1, sealed[index] ^ 0x80, b'9', b'A', b'\n'] {
            let mut changed = sealed.clone();
            changed[index] = other;
            if changed == sealed {
                continue;
            }
            let error = open(&changed, &passphrase()).unwrap_err();
            let expected = match index < header {
                true => matches!(
                    error,
                    SealError::Header
                        | SealError::WrongPassphrase
                        | SealError::CostRefused
                        | SealError::Version(_)
                ),
                false => error == SealError::Changed,
            };
            assert!(expected, "byte {index}: {error:?}");
        }
    }
}

#[test]
fn cut_anywhere_it_does_not_open() {
    let sealed = sealing().seal(CONTENT).unwrap();
    let header = header_of(&sealed).len();
    for end in 0..sealed.len() {
        let expected = if end < header { SealError::Header } else { SealError::Changed };
        assert_eq!(open(&sealed[..end], &passphrase()), Err(expected), "{end}");
    }
}

#[test]
fn a_header_has_one_spelling_and_one_version() {
    let sealed = sealing().seal(CONTENT).unwrap();
    for (from, to) in [
        ("\"lanes\":1", "\"lanes\": 1"),
        ("\"lanes\":1", "\"lanes\":1.0"),
        ("\"version\":1", "\"unknown\":1,\"version\":1"),
        ("\"version\":1", "\"version\":1,\"version\":1"),
        ("\"version\":1", "\"version\":\"1\""),
        ("argon2id", "argon2i"),
        ("xchacha20poly1305", "chacha20poly1305"),
        ("bonafide-wallet", "bonafide-seal"),
        ("\"salt\":\"", "\"salt\":\"AAAA"),
    ] {
        let changed = with_header(&sealed, from, to);
        assert_eq!(open(&changed, &passphrase()), Err(SealError::Header), "{to}");
    }
    let newer = with_header(&sealed, "\"version\":1", "\"version\":2");
    assert_eq!(open(&newer, &passphrase()), Err(SealError::Version(2)));
    let endless = [vec![b' '; LONGEST_HEADER], sealed].concat();
    assert_eq!(open(&endless, &passphrase()), Err(SealError::Header));
}

#[test]
fn a_cost_outside_of_what_is_allowed_is_refused_before_it_is_spent() {
    let sealed = sealing().seal(CONTENT).unwrap();
    // A terabyte, 2^32 - 1 passes: if any of it were spent, this would not end.
    for (from, to) in [
        ("\"memoryKiB\":8", "\"memoryKiB\":1073741824"),
        ("\"memoryKiB\":8", "\"memoryKiB\":1048577"),
        ("\"memoryKiB\":8", "\"memoryKiB\":7"),
        ("\"passes\":1", "\"passes\":4294967295"),
        ("\"passes\":1", "\"passes\":17"),
        ("\"passes\":1", "\"passes\":0"),
        ("\"lanes\":1", "\"lanes\":17"),
        ("\"lanes\":1", "\"lanes\":2"),
        ("\"lanes\":1", "\"lanes\":0"),
    ] {
        let changed = with_header(&sealed, from, to);
        assert_eq!(open(&changed, &passphrase()), Err(SealError::CostRefused), "{to}");
    }
    for cost in [
        Cost { memory_kib: u32::MAX, ..Cost::LEAST },
        Cost { passes: u32::MAX, ..Cost::LEAST },
        Cost { lanes: u32::MAX, ..Cost::LEAST },
        Cost { memory_kib: 0, ..Cost::LEAST },
    ] {
        let refused = Sealing::create(&passphrase(), cost, &mut counting());
        assert_eq!(refused.err(), Some(SealError::CostRefused));
    }
    assert_eq!(Cost::MOST.check(), Ok(Cost::MOST));
    assert_eq!(Cost::default(), Cost { memory_kib: 65_536, passes: 3, lanes: 1 });
}

#[test]
fn a_new_passphrase_is_neither_short_nor_endless() {
    let create =
        |text: &str| Sealing::create(&Passphrase::new(text), Cost::LEAST, &mut counting()).err();
    assert_eq!(create(""), Some(SealError::PassphraseShort));
    assert_eq!(create("seven77"), Some(SealError::PassphraseShort));
    // Characters, not bytes.
    assert_eq!(create("\u{e9}\u{e9}\u{e9}\u{e9}"), Some(SealError::PassphraseShort));
    assert_eq!(create("eight888"), None);
    assert_eq!(create(&"p".repeat(LONGEST_PASSPHRASE)), None);
    assert_eq!(create(&"p".repeat(LONGEST_PASSPHRASE + 1)), Some(SealError::PassphraseLong));
}

#[test]
fn without_randomness_nothing_is_sealed() {
    let refused = Sealing::create(&passphrase(), Cost::LEAST, &mut broken()).err();
    assert!(matches!(refused, Some(SealError::Random(_))));
}

#[test]
fn secrets_are_wiped_when_dropped() {
    fn wiped<T: ZeroizeOnDrop>(_: &T) {}
    let sealing = sealing();
    wiped(&*sealing.keys.0);
    wiped(&sealing.keys.cipher().unwrap());
    wiped(&passphrase());
    wiped(&Passphrase::from(Zeroizing::new(PASSPHRASE.to_owned())).0);
    wiped(&sealing.open(&sealing.seal(CONTENT).unwrap()).unwrap());
}

#[test]
fn errors_say_what_to_do_and_nothing_secret() {
    for error in [SealError::WrongPassphrase, SealError::Changed, SealError::Header] {
        assert!(!error.to_string().contains(PASSPHRASE));
    }
    assert_eq!(
        SealError::PassphraseShort.to_string(),
        "the passphrase is too short: take at least 8 characters"
    );
}
