use std::collections::BTreeSet;

use bonafide_core::key::KeyType;

use super::*;
use crate::testing::{counting, held, now};
use crate::wallet::Wallet;

fn full() -> Content {
    let mut wallet = Wallet::in_memory();
    let mut random = counting();
    for (name, key_type) in [("a", KeyType::Ed25519), ("b", KeyType::P256), ("c", KeyType::P384)] {
        wallet.new_key(name, key_type, &mut random, now()).unwrap();
    }
    wallet.set_did("b", "did:web:agent.example", "did:web:agent.example#b").unwrap();
    wallet.retire_key("c").unwrap();
    let mut content = wallet.content;
    content.keys[1].secret = None;
    content.keys[1].entry.place = KeyPlace::Elsewhere;
    content.keys[1].entry.created = None;
    content.default_key = Some("a".to_owned());
    content.credentials = vec![held("urn:2", Some("a")), held("urn:1", None)];
    content.credentials[1].subject = None;
    content.credentials[1].bytes = (0..=255).collect();
    content.credentials[1].valid_until = Some(now());
    for (name, bundle) in [("one", None), ("two", Some(vec![0, 255, 10]))] {
        let issuer = KnownIssuer {
            name: name.to_owned(),
            url: "https://issuer.example".to_owned(),
            did: "did:web:issuer.example".to_owned(),
            bundle_signer: bundle.as_ref().map(|_| "did:key:z6Mk".to_owned()),
            bundle,
        };
        content.issuers.insert(name.to_owned(), issuer);
    }
    content.used.insert("https://issuer.example/1".to_owned(), BTreeSet::from([0, 7, u64::MAX]));
    content.settings.insert("\u{1f980} \"name\"\n".to_owned(), "\u{0} value \u{fffd}".to_owned());
    content
}

fn text(content: &Content) -> String {
    String::from_utf8(content.to_bytes().unwrap().to_vec()).unwrap()
}

#[test]
fn what_is_written_is_read() {
    let content = full();
    let read = Content::from_bytes(&content.to_bytes().unwrap()).unwrap();
    assert_eq!(text(&read), text(&content));
    let entries = |content: &Content| -> Vec<KeyEntry> {
        content.keys.iter().map(|key| key.entry.clone()).collect()
    };
    assert_eq!(entries(&read), entries(&content));
    assert_eq!(read.credentials, content.credentials);
    assert_eq!(read.issuers, content.issuers);
    assert_eq!(read.used, content.used);
    assert_eq!(read.settings, content.settings);
    assert_eq!(read.default_key, content.default_key);
    for (read, written) in read.keys.iter().zip(&content.keys) {
        let secret = |key: &StoredKey| key.secret.as_ref().map(|secret| secret.to_multikey());
        assert_eq!(secret(read), secret(written));
    }
    let empty = Content::default();
    assert_eq!(text(&Content::from_bytes(&empty.to_bytes().unwrap()).unwrap()), text(&empty));
}

#[test]
fn what_is_not_known_missing_or_of_another_kind_is_refused() {
    let whole = text(&full());
    let refused = |changed: &str| {
        assert_ne!(changed, whole);
        let error = Content::from_bytes(changed.as_bytes()).err();
        let error = error.unwrap_or_else(|| panic!("{changed}"));
        let secret = full().keys[0].secret.as_ref().unwrap().to_multikey();
        assert!(!error.to_string().contains(secret.as_str()));
    };
    for (from, to) in [
        ("\"version\":1", "\"version\":2"),
        ("\"version\":1", "\"version\":1,\"z\":1"),
        ("\"retired\":false", "\"retired\":0"),
        ("\"retired\":false", "\"retired\":false,\"s\":1"),
        ("\"retired\":false,", ""),
        ("\"public\":\"z6Mk", "\"public\":\"z6M"),
        ("\"receivedAt\":", "\"recievedAt\":"),
        ("\"types\":[", "\"types\":[1,"),
        ("\"url\":", "\"uri\":"),
        ("\"0\",\"7\"", "\"0\",7"),
        ("\"0\",\"7\"", "\"0\",\"-7\""),
        ("\"0\",\"7\"", "\"0\",\"18446744073709551616\""),
        ("\"settings\":{", "\"settings\":{\"a\":1,"),
        ("2026-01-31", "2026-02-31"),
    ] {
        refused(&whole.replacen(from, to, 1));
    }
    // A key under the public key of another.
    let content = full();
    let (first, third) = (&content.keys[0].entry.public, &content.keys[2].entry.public);
    let public = |key: &PublicKey| format!("\"public\":\"{}\"", key.to_multikey());
    refused(&whole.replace(&public(first), &public(third)));
    for end in 0..whole.len() {
        assert!(Content::from_bytes(&whole.as_bytes()[..end]).is_err());
    }
}

#[test]
fn more_than_a_wallet_holds_is_refused() {
    let mut content = Content::default();
    content.credentials.push(Held { bytes: vec![0; MOST_CONTENT], ..held("urn:1", None) });
    assert_eq!(content.to_bytes().err(), Some(SealError::TooLong));
    // Up to then it can be read again.
    content.credentials[0].bytes.truncate(MOST_CONTENT / 4 * 3 - 4096);
    let used = content.used.entry("https://issuer.example".to_owned()).or_default();
    used.extend(0..500);
    let bytes = content.to_bytes().unwrap();
    assert!(bytes.len() > MOST_CONTENT - 8192);
    assert!(Content::from_bytes(&bytes).is_ok());
}
