use bonafide_core::did::{did_jwk, did_key};
use bonafide_core::key::KeyType;
use bonafide_proof::{SignError, Signer};

use super::{AnyKey, GenerateError, MethodError, SigningKey};

fn counting() -> impl FnMut(&mut [u8]) -> Result<(), SignError> {
    let mut next = 0_u8;
    move |bytes| {
        next += 1;
        bytes.fill(next);
        Ok(())
    }
}

fn ed25519() -> AnyKey {
    AnyKey::generate(KeyType::Ed25519, &mut counting()).unwrap()
}

#[test]
fn keys_of_every_type_that_signs_are_made_and_read_back() {
    for key_type in [KeyType::Ed25519, KeyType::P256, KeyType::P384, KeyType::Bls12381G2] {
        let key = AnyKey::generate(key_type, &mut counting()).unwrap();
        assert_eq!(key.public_key().key_type(), key_type);
        let same = AnyKey::from_multikey(&key.to_multikey()).unwrap();
        assert_eq!(same.public_key(), key.public_key());
    }
    let public = ed25519().public_key().to_multikey();
    assert!(AnyKey::from_multikey(&public).is_err());
}

#[test]
fn without_randomness_there_is_no_key() {
    let generate = |key_type, random: &mut dyn FnMut(&mut [u8]) -> Result<(), SignError>| {
        AnyKey::generate(key_type, random).err()
    };
    let x25519 = generate(KeyType::X25519, &mut counting());
    assert_eq!(x25519, Some(GenerateError::DoesNotSign(KeyType::X25519)));
    let broken = generate(KeyType::Ed25519, &mut |_| Err(SignError("broken".to_owned())));
    assert_eq!(broken, Some(GenerateError::Random(SignError("broken".to_owned()))));
    // Zero is no scalar, however often it is drawn.
    let zeros = generate(KeyType::P256, &mut |bytes| {
        bytes.fill(0);
        Ok(())
    });
    assert_eq!(zeros, Some(GenerateError::NotRandom));
}

#[test]
fn a_key_signs_under_its_own_dids_and_under_those_that_hold_no_key() {
    let public = ed25519().public_key().clone();
    let own = SigningKey::as_did_key(ed25519());
    assert_eq!(own.did, did_key(&public));
    assert_eq!(own.method, format!("{}#{}", own.did, public.to_multikey()));

    let jwk = format!("{}#0", did_jwk(&public).unwrap());
    for method in [own.method.as_str(), &jwk, "did:web:example.com#key-1"] {
        let signer = SigningKey::as_method(ed25519(), method).unwrap();
        assert_eq!(signer.method, method);
        assert_eq!(Some(signer.did.as_str()), method.split('#').next());
    }
    let refused = |method: &str| SigningKey::as_method(ed25519(), method).err();
    for method in ["", "key-1", "did:web:example.com", "did:web:example.com#", own.did.as_str()] {
        assert_eq!(refused(method), Some(MethodError::NotAKey), "{method:?}");
    }
    let other = AnyKey::generate(KeyType::P256, &mut counting()).unwrap();
    let others = SigningKey::as_did_key(other).method;
    let wrong_fragments = [format!("{}#0", own.did), jwk.replace("#0", "#1")];
    for method in wrong_fragments.iter().chain([&others]) {
        assert_eq!(refused(method), Some(MethodError::AnotherKey), "{method:?}");
    }
}
