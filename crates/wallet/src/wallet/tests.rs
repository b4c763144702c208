use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bonafide_core::key::KeyType;
use bonafide_proof::SecretKey;
use zeroize::Zeroizing;

use super::*;
use crate::error::SealError;
use crate::record::KnownIssuer;
use crate::testing::{counting, held, new_wallet, now, passphrase};

/// Saves as long as it is let.
struct Failing {
    inner: MemoryStore,
    fails: Arc<AtomicBool>,
}

impl Store for Failing {
    fn load(&mut self) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        self.inner.load()
    }

    fn save(&mut self, content: &[u8]) -> Result<(), StoreError> {
        if self.fails.load(Ordering::Relaxed) {
            return Err(StoreError::Other("the disk is full".to_owned()));
        }
        self.inner.save(content)
    }
}

fn issuer() -> KnownIssuer {
    KnownIssuer {
        name: "acme".to_owned(),
        url: "https://issuer.example".to_owned(),
        did: "did:web:issuer.example".to_owned(),
        bundle_signer: None,
        bundle: None,
    }
}

fn secret() -> SecretKey {
    SecretKey::from_bytes(KeyType::Ed25519, &[9; 32]).unwrap()
}

#[test]
fn everything_is_there_when_it_is_opened_again() {
    let (folder, mut wallet) = new_wallet();
    let mut random = counting();
    wallet.new_key("one", KeyType::Ed25519, &mut random, now()).unwrap();
    wallet.new_key("two", KeyType::P256, &mut random, now()).unwrap();
    wallet.set_default_key("two").unwrap();
    wallet.put(held("urn:1", Some("one"))).unwrap();
    wallet.put_issuer(issuer()).unwrap();
    wallet.use_index("https://issuer.example/1", 7).unwrap();
    wallet.set_setting("issuer", Some("acme")).unwrap();
    let before = wallet.content.to_bytes().unwrap();
    let signature = wallet.signer("two").unwrap().sign(b"hello").unwrap();
    drop(wallet);

    let wallet = Wallet::open(folder.path(), &passphrase()).unwrap();
    assert_eq!(*wallet.content.to_bytes().unwrap(), *before);
    assert_eq!(wallet.signer("two").unwrap().sign(b"hello").unwrap(), signature);
    assert_eq!(wallet.default_key().unwrap().name, "two");
    assert_eq!(wallet.list(), [held("urn:1", Some("one"))]);
}

type Change = fn(&mut Wallet) -> Result<(), WalletError>;

#[test]
fn a_failed_save_leaves_everything_as_it_was() {
    let fails = Arc::new(AtomicBool::new(false));
    let store = Failing { inner: MemoryStore::new(), fails: Arc::clone(&fails) };
    let mut wallet = Wallet::over(Box::new(store)).unwrap();
    let mut random = counting();
    wallet.new_key("one", KeyType::Ed25519, &mut random, now()).unwrap();
    wallet.new_key("spare", KeyType::Ed25519, &mut random, now()).unwrap();
    wallet.put(held("urn:1", Some("one"))).unwrap();
    wallet.put_issuer(issuer()).unwrap();
    let (web, method) = ("did:web:agent.example", "did:web:agent.example#a");
    wallet.attach("far", Box::new(secret()), web, method).unwrap();
    let before = wallet.content.to_bytes().unwrap();

    let changes: [(&str, Change); 15] = [
        ("new_key", |wallet| {
            wallet.new_key("two", KeyType::P256, &mut counting(), now()).map(|_| ())
        }),
        ("import_key", |wallet| wallet.import_key("two", secret(), now()).map(|_| ())),
        ("attach", |wallet| {
            let (did, method) = ("did:web:agent.example", "did:web:agent.example#b");
            wallet.attach("two", Box::new(secret()), did, method).map(|_| ())
        }),
        ("attach again", |wallet| {
            let (did, method) = ("did:web:agent.example", "did:web:agent.example#c");
            wallet.attach("far", Box::new(secret()), did, method).map(|_| ())
        }),
        ("set_default_key", |wallet| wallet.set_default_key("spare")),
        ("set_did", |wallet| wallet.set_did("one", "did:web:a.example", "did:web:a.example#b")),
        ("retire_key", |wallet| wallet.retire_key("one")),
        ("remove_key", |wallet| wallet.remove_key("spare")),
        ("remove_key, attached", |wallet| wallet.remove_key("far")),
        ("put", |wallet| wallet.put(held("urn:2", None))),
        ("put again", |wallet| wallet.put(held("urn:1", None))),
        ("remove", |wallet| wallet.remove("urn:1")),
        ("put_issuer", |wallet| {
            wallet.put_issuer(KnownIssuer { name: "other".to_owned(), ..issuer() })
        }),
        ("remove_issuer", |wallet| wallet.remove_issuer("acme")),
        ("use_index", |wallet| wallet.use_index("https://issuer.example/1", 7)),
    ];
    for (name, change) in changes {
        fails.store(true, Ordering::Relaxed);
        let refused = change(&mut wallet);
        assert!(matches!(refused, Err(WalletError::Store(StoreError::Other(_)))), "{name}");
        assert_eq!(*wallet.content.to_bytes().unwrap(), *before, "{name}");
        assert_eq!(wallet.attached.keys().collect::<Vec<_>>(), ["far"], "{name}");
        assert_eq!(*wallet.store.load().unwrap().unwrap(), *before, "{name}");
    }
    // All of them would have gone well.
    fails.store(false, Ordering::Relaxed);
    for (name, change) in
        changes.into_iter().filter(|(name, _)| !["import_key", "attach"].contains(name))
    {
        assert!(change(&mut wallet).is_ok(), "{name}");
    }
}

#[test]
fn another_passphrase_opens_it() {
    let (folder, mut wallet) = new_wallet();
    let other = Passphrase::new("another passphrase");
    wallet.change_passphrase(&other, Cost::LEAST, &mut counting()).unwrap();
    wallet.put(held("urn:1", None)).unwrap();
    drop(wallet);
    let refused = Wallet::open(folder.path(), &passphrase()).err();
    let wrong = SealError::WrongPassphrase;
    assert!(matches!(refused, Some(WalletError::Store(StoreError::Seal(error))) if error == wrong));
    assert_eq!(Wallet::open(folder.path(), &other).unwrap().list().len(), 1);

    let refused = Wallet::in_memory().change_passphrase(&other, Cost::LEAST, &mut counting()).err();
    assert!(matches!(refused, Some(WalletError::Store(StoreError::NoPassphrase))));
}

#[test]
fn a_short_passphrase_makes_no_wallet() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wallet");
    let refused = Wallet::create(&path, &Passphrase::new("short"), Cost::LEAST, &mut counting());
    let short = SealError::PassphraseShort;
    assert!(matches!(refused.err(), Some(WalletError::Store(StoreError::Seal(e))) if e == short));
    assert!(!path.exists());
}

#[test]
fn a_copy_is_a_wallet_elsewhere_and_nothing_is_made_of_a_bad_one() {
    let (folder, mut wallet) = new_wallet();
    wallet.new_key("one", KeyType::P256, &mut counting(), now()).unwrap();
    wallet.put(held("urn:1", Some("one"))).unwrap();
    let other = Passphrase::new("another passphrase");
    let copy = wallet.export(&other, Cost::LEAST, &mut counting()).unwrap();

    let elsewhere = tempfile::tempdir().unwrap();
    let new = elsewhere.path().join("wallet");
    let refused = Wallet::import(&new, &copy, &passphrase()).err();
    let wrong = SealError::WrongPassphrase;
    assert!(matches!(refused, Some(WalletError::Store(StoreError::Seal(error))) if error == wrong));
    let refused = Wallet::import(&new, &copy[..copy.len() - 1], &other).err();
    let changed = SealError::Changed;
    assert!(matches!(refused, Some(WalletError::Store(StoreError::Seal(e))) if e == changed));
    assert!(!new.exists());
    drop(wallet);
    let refused = Wallet::import(folder.path(), &copy, &other).err();
    assert!(matches!(refused, Some(WalletError::Store(StoreError::Exists { .. }))));

    let first = Wallet::open(folder.path(), &passphrase()).unwrap();
    let second = Wallet::import(&new, &copy, &other).unwrap();
    let bytes = |wallet: &Wallet| wallet.content.to_bytes().unwrap().to_vec();
    assert_eq!(bytes(&second), bytes(&first));
    drop(second);
    assert_eq!(bytes(&Wallet::open(&new, &other).unwrap()), bytes(&first));
}

#[test]
fn content_that_is_none_is_refused() {
    let mut store = MemoryStore::new();
    store.save(b"{\"version\":1}").unwrap();
    assert!(matches!(Wallet::over(Box::new(store)).err(), Some(WalletError::Content(_))));
}

#[test]
fn it_goes_from_thread_to_thread() {
    fn shared<T: Send + Sync>() {}
    shared::<Wallet>();
}

/// Asks whether a type has a trait, and compiles only if it has not.
macro_rules! lacks {
    ($type:ty: $($bound:tt)+) => {{
        trait Twice<Which> {
            fn ask() {}
        }
        impl<T: ?Sized> Twice<()> for T {}
        impl<T: ?Sized + $($bound)+> Twice<u8> for T {}
        <$type as Twice<_>>::ask();
    }};
}

#[test]
fn what_holds_secrets_is_never_printed_copied_or_serialized() {
    lacks!(Wallet: std::fmt::Debug);
    lacks!(Wallet: std::fmt::Display);
    lacks!(Wallet: Clone);
    lacks!(Wallet: serde::Serialize);
    lacks!(Passphrase: std::fmt::Debug);
    lacks!(Passphrase: std::fmt::Display);
    lacks!(Passphrase: Clone);
    lacks!(Passphrase: serde::Serialize);
    lacks!(SealedFolder: std::fmt::Debug);
    lacks!(MemoryStore: std::fmt::Debug);
    lacks!(MemoryStore: Clone);
    lacks!(SecretKey: std::fmt::Debug);
    lacks!(SecretKey: Clone);
    lacks!(SecretKey: serde::Serialize);
}
