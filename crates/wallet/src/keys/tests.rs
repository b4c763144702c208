use super::*;
use crate::testing::{broken, counting, held, new_wallet, now, passphrase};

const WEB: &str = "did:web:agent.example";
const WEB_METHOD: &str = "did:web:agent.example#key-1";

fn secret(byte: u8) -> SecretKey {
    SecretKey::from_bytes(KeyType::P256, &[byte; 32]).unwrap()
}

fn method_of(did: &str) -> String {
    format!("{did}#{}", did.strip_prefix("did:key:").unwrap())
}

#[test]
fn keys_are_made_and_imported_with_their_did() {
    let mut wallet = Wallet::in_memory();
    let mut random = counting();
    for (name, key_type) in
        [("a", KeyType::Ed25519), ("b", KeyType::P256), ("c", KeyType::P384), ("d", KeyType::P256)]
    {
        let entry = wallet.new_key(name, key_type, &mut random, now()).unwrap().clone();
        assert_eq!(entry.public.key_type(), key_type);
        assert_eq!(entry.did, did_key(&entry.public));
        assert_eq!(entry.method, method_of(&entry.did));
        assert_eq!(entry.created, Some(now()));
        assert_eq!((entry.state, entry.place), (KeyState::Current, KeyPlace::Here));
        assert_eq!(*wallet.signer(name).unwrap().public_key(), entry.public);
    }
    assert_ne!(wallet.key("b").unwrap().public, wallet.key("d").unwrap().public);
    let entry = wallet.import_key("e", secret(9), now()).unwrap();
    assert_eq!(entry.public, *secret(9).public_key());
    let names: Vec<&str> = wallet.keys().map(|key| key.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c", "d", "e"]);
    let multikey = secret(9).to_multikey();
    assert!(!format!("{:?}", wallet.key("e")).contains(multikey.as_str()));
}

#[test]
fn names_types_and_randomness_are_refused_for_what_they_are() {
    let mut wallet = Wallet::in_memory();
    let long = "n".repeat(65);
    for name in ["", "a b", "a/b", "\u{e9}", &long] {
        let refused = wallet.new_key(name, KeyType::Ed25519, &mut counting(), now()).err();
        assert!(matches!(refused, Some(WalletError::NameRefused(_))), "{name}");
    }
    wallet.new_key(&long[1..], KeyType::Ed25519, &mut counting(), now()).unwrap();
    wallet.new_key("A.b-c_1", KeyType::Ed25519, &mut counting(), now()).unwrap();
    let refused = wallet.import_key("A.b-c_1", secret(1), now()).err();
    assert!(matches!(refused, Some(WalletError::KeyExists(_))));
    for key_type in [KeyType::X25519, KeyType::Bls12381G2] {
        let refused = wallet.new_key("b", key_type, &mut counting(), now()).err();
        assert!(matches!(refused, Some(WalletError::DoesNotSign(_))));
    }
    let refused = wallet.new_key("b", KeyType::P256, &mut broken(), now()).err();
    assert!(matches!(refused, Some(WalletError::Random(_))));
    for key_type in [KeyType::Ed25519, KeyType::P256] {
        let mut nothing = |_: &mut [u8]| Ok(());
        let refused = wallet.new_key("b", key_type, &mut nothing, now()).err();
        assert!(matches!(refused, Some(WalletError::Random(_))));
    }
    assert_eq!(wallet.keys().len(), 2);
}

#[test]
fn a_draw_that_is_no_scalar_is_drawn_again() {
    let mut draws = 0;
    let mut random = |bytes: &mut [u8]| {
        draws += 1;
        bytes.fill(if draws == 1 { 0xff } else { 7 });
        Ok(())
    };
    let mut wallet = Wallet::in_memory();
    let entry = wallet.new_key("a", KeyType::P256, &mut random, now()).unwrap();
    assert_eq!(entry.public, *secret(7).public_key());
}

#[test]
fn a_key_gets_the_did_that_an_issuer_gave() {
    let mut wallet = Wallet::in_memory();
    let first = wallet.import_key("a", secret(1), now()).unwrap().clone();
    wallet.set_did("a", WEB, WEB_METHOD).unwrap();
    assert_eq!(wallet.key("a").unwrap().did, WEB);
    assert_eq!(wallet.key("a").unwrap().method, WEB_METHOD);

    let other = did_key(secret(2).public_key());
    let jwk = did_jwk(secret(2).public_key()).unwrap();
    for (did, method) in [(&other, method_of(&other)), (&jwk, format!("{jwk}#0"))] {
        let refused = wallet.set_did("a", did, &method).err();
        assert!(matches!(refused, Some(WalletError::AnotherKey { .. })), "{did}");
    }
    let wrong_fragment = format!("{}#{}", first.did, &other["did:key:".len()..]);
    let refused = wallet.set_did("a", &first.did, &wrong_fragment).err();
    assert!(matches!(refused, Some(WalletError::AnotherKey { .. })));
    for (did, method) in [
        (WEB, WEB),
        (WEB, "did:web:agent.example#"),
        (WEB, "did:web:agent.example/path#key-1"),
        (WEB, "did:web:agent.example?versionId=1#key-1"),
        (WEB, "did:web:other.example#key-1"),
        (WEB, "#key-1"),
        ("agent", "agent#key-1"),
    ] {
        let refused = wallet.set_did("a", did, method).err();
        assert!(matches!(refused, Some(WalletError::NotAMethod { .. })), "{method}");
    }
    assert!(matches!(wallet.set_did("b", WEB, WEB_METHOD).err(), Some(WalletError::NoKey(_))));
    assert_eq!(wallet.key("a").unwrap().method, WEB_METHOD);
    wallet.set_did("a", &first.did, &first.method).unwrap();
    let own = did_jwk(&first.public).unwrap();
    wallet.set_did("a", &own, &format!("{own}#0")).unwrap();
}

#[test]
fn a_signer_outside_of_the_wallet_signs_while_it_is_attached() {
    let (folder, mut wallet) = new_wallet();
    let entry = wallet.attach("hsm", Box::new(secret(1)), WEB, WEB_METHOD).unwrap().clone();
    assert_eq!((entry.place, entry.created), (KeyPlace::Elsewhere, None));
    let signature = wallet.signer("hsm").unwrap().sign(b"hello").unwrap();
    drop(wallet);

    let mut wallet = Wallet::open(folder.path(), &passphrase()).unwrap();
    assert_eq!(wallet.key("hsm"), Some(&entry));
    assert!(matches!(wallet.signer("hsm").err(), Some(WalletError::NotAttached(_))));
    let refused = wallet.attach("hsm", Box::new(secret(2)), WEB, WEB_METHOD).err();
    assert!(matches!(refused, Some(WalletError::KeyExists(_))));
    wallet.attach("hsm", Box::new(secret(1)), WEB, WEB_METHOD).unwrap();
    assert_eq!(wallet.signer("hsm").unwrap().sign(b"hello").unwrap(), signature);
    // Under another DID now.
    let other = "did:web:agent.example#key-2";
    assert_eq!(wallet.attach("hsm", Box::new(secret(1)), WEB, other).unwrap().method, other);

    let refused = wallet.attach("b", Box::new(secret(1)), WEB, "nothing").err();
    assert!(matches!(refused, Some(WalletError::NotAMethod { .. })));
    wallet.import_key("own", secret(1), now()).unwrap();
    let refused = wallet.attach("own", Box::new(secret(1)), WEB, WEB_METHOD).err();
    assert!(matches!(refused, Some(WalletError::KeyExists(_))));
    wallet.remove_key("hsm").unwrap();
    assert!(matches!(wallet.signer("hsm").err(), Some(WalletError::NoKey(_))));
}

#[test]
fn one_key_is_taken_where_none_is_named() {
    let default = |wallet: &Wallet| wallet.default_key().map(|key| key.name.clone());
    let mut wallet = Wallet::in_memory();
    assert_eq!(default(&wallet), None);
    for (name, byte) in [("a", 1), ("b", 2), ("c", 3)] {
        wallet.import_key(name, secret(byte), now()).unwrap();
    }
    assert_eq!(default(&wallet).as_deref(), Some("a"));
    wallet.set_default_key("b").unwrap();
    assert_eq!(default(&wallet).as_deref(), Some("b"));
    assert!(matches!(wallet.set_default_key("d").err(), Some(WalletError::NoKey(_))));
    wallet.retire_key("b").unwrap();
    assert_eq!(default(&wallet).as_deref(), Some("a"));
    wallet.set_default_key("c").unwrap();
    wallet.remove_key("c").unwrap();
    assert_eq!(default(&wallet).as_deref(), Some("a"));
    wallet.retire_key("a").unwrap();
    assert_eq!(default(&wallet), None);
    assert!(matches!(wallet.set_default_key("a").err(), Some(WalletError::Retired(_))));
}

#[test]
fn a_key_is_kept_as_long_as_credentials_are_bound_to_it() {
    let mut wallet = Wallet::in_memory();
    wallet.import_key("a", secret(1), now()).unwrap();
    wallet.put(held("urn:1", Some("a"))).unwrap();
    wallet.put(held("urn:2", None)).unwrap();
    wallet.retire_key("a").unwrap();
    assert_eq!(wallet.key("a").unwrap().state, KeyState::Retired);
    assert!(wallet.signer("a").is_ok());
    let refused = wallet.remove_key("a").err();
    assert!(matches!(refused, Some(WalletError::KeyInUse { credentials: 1, .. })));
    wallet.remove("urn:1").unwrap();
    wallet.remove_key("a").unwrap();
    assert_eq!(wallet.key("a"), None);
    assert!(matches!(wallet.signer("a").err(), Some(WalletError::NoKey(_))));
    assert!(matches!(wallet.remove_key("a").err(), Some(WalletError::NoKey(_))));
    assert!(matches!(wallet.retire_key("a").err(), Some(WalletError::NoKey(_))));
}

#[test]
fn a_secret_that_was_removed_is_in_no_store() {
    let mut wallet = Wallet::in_memory();
    wallet.import_key("a", secret(1), now()).unwrap();
    let multikey = secret(1).to_multikey();
    let holds = |wallet: &Wallet| {
        let bytes = wallet.content.to_bytes().unwrap();
        std::str::from_utf8(&bytes).unwrap().contains(multikey.as_str())
    };
    assert!(holds(&wallet));
    wallet.remove_key("a").unwrap();
    assert!(!holds(&wallet));
}
