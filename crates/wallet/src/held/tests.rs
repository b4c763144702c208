use bonafide_core::key::KeyType;

use super::*;
use crate::testing::{counting, held, now};

fn issuer(name: &str) -> KnownIssuer {
    KnownIssuer {
        name: name.to_owned(),
        url: "https://issuer.example".to_owned(),
        did: "did:web:issuer.example".to_owned(),
        bundle_signer: Some("did:key:z6Mk".to_owned()),
        bundle: Some(b"a secret bundle".to_vec()),
    }
}

#[test]
fn credentials_are_kept_replaced_and_removed() {
    let mut wallet = Wallet::in_memory();
    wallet.new_key("a", KeyType::Ed25519, &mut counting(), now()).unwrap();
    wallet.put(held("urn:2", Some("a"))).unwrap();
    wallet.put(held("urn:1", None)).unwrap();
    let renewed = Held { format: "dc+sd-jwt".to_owned(), ..held("urn:2", Some("a")) };
    wallet.put(renewed.clone()).unwrap();
    assert_eq!(wallet.list(), [renewed.clone(), held("urn:1", None)]);
    assert_eq!(wallet.get("urn:2"), Some(&renewed));
    assert_eq!(wallet.get("urn:3"), None);
    wallet.remove("urn:2").unwrap();
    assert_eq!(wallet.list(), [held("urn:1", None)]);
    assert!(matches!(wallet.remove("urn:2").err(), Some(WalletError::NoCredential(_))));
    let refused = wallet.put(held("urn:4", Some("b"))).err();
    assert!(matches!(refused, Some(WalletError::NoKey(name)) if name == "b"));
    assert_eq!(wallet.list().len(), 1);
}

#[test]
fn issuers_are_remembered_and_forgotten() {
    let mut wallet = Wallet::in_memory();
    wallet.put_issuer(issuer("b")).unwrap();
    wallet.put_issuer(issuer("a")).unwrap();
    wallet.put_issuer(KnownIssuer { bundle: None, ..issuer("b") }).unwrap();
    let names: Vec<&str> = wallet.issuers().map(|issuer| issuer.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    // Said again without a bundle, the newest one is not forgotten; another issuer's has none.
    assert_eq!(wallet.issuer("b").unwrap().bundle, issuer("b").bundle);
    let other =
        KnownIssuer { bundle: None, did: "did:web:other.example".to_owned(), ..issuer("b") };
    wallet.put_issuer(other).unwrap();
    assert_eq!(wallet.issuer("b").unwrap().bundle, None);
    let refused = wallet.put_issuer(issuer("a b")).err();
    assert!(matches!(refused, Some(WalletError::NameRefused(_))));
    wallet.remove_issuer("a").unwrap();
    assert!(matches!(wallet.remove_issuer("a").err(), Some(WalletError::NoIssuer(_))));
    assert_eq!(wallet.issuers().len(), 1);
}

#[test]
fn a_status_is_given_out_once() {
    let mut wallet = Wallet::in_memory();
    assert!(!wallet.is_used("https://a.example/1", 7));
    wallet.use_index("https://a.example/1", 7).unwrap();
    assert!(wallet.is_used("https://a.example/1", 7));
    let refused = wallet.use_index("https://a.example/1", 7).err();
    assert!(matches!(refused, Some(WalletError::IndexUsed { index: 7, .. })));
    wallet.use_index("https://a.example/1", 8).unwrap();
    wallet.use_index("https://a.example/2", 7).unwrap();
}

#[test]
fn settings_are_set_and_taken_back() {
    let mut wallet = Wallet::in_memory();
    assert_eq!(wallet.setting("issuer"), None);
    wallet.set_setting("issuer", Some("acme")).unwrap();
    assert_eq!(wallet.setting("issuer"), Some("acme"));
    wallet.set_setting("issuer", None).unwrap();
    wallet.set_setting("issuer", None).unwrap();
    assert_eq!(wallet.setting("issuer"), None);
}

#[test]
fn what_credentials_and_bundles_say_is_not_in_debug() {
    let credential = Held { bytes: b"secret".to_vec(), ..held("urn:1", None) };
    let bytes = format!("{:?}", credential.bytes);
    assert!(!format!("{credential:?}").contains(&bytes));
    let bundle = issuer("a");
    let bytes = format!("{:?}", bundle.bundle);
    assert!(!format!("{bundle:?}").contains(&bytes));
}
