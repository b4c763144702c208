use std::time::Duration;

use bonafide_core::attestation::{AttestationType, Draft};
use bonafide_core::json::{Limits, Value, parse};
use bonafide_core::key::KeyType;
use bonafide_core::status::{BitstringStatusEntry, StatusPurpose, TokenStatusReference};
use bonafide_core::time::Timestamp;
use bonafide_core::vc::CREDENTIALS_V1;
use bonafide_linked_data::SUITES;
use bonafide_proof::data_integrity::{Suite, VerifyInput, Work, proofs_of};
use bonafide_proof::jose::{CompactJws, TokenType};
use bonafide_proof::sd_jwt::SdJwt;
use bonafide_proof::{SignError, Signer, Unremembered, VerifyingKey};

use super::{Format, MOST_DECOYS, SecureError, Selective, secure};
use crate::keys::{AnyKey, SigningKey};

const SIGNING: [KeyType; 4] = [KeyType::Ed25519, KeyType::P256, KeyType::P384, KeyType::Bls12381G2];

fn now() -> Timestamp {
    Timestamp::parse("2026-11-22T12:00:00Z").unwrap()
}

/// Counts, so that nothing is drawn twice.
fn counting() -> impl FnMut(&mut [u8]) -> Result<(), SignError> {
    let mut next = 0_u8;
    move |bytes| {
        next += 1;
        bytes.fill(next);
        Ok(())
    }
}

fn signer(key_type: KeyType) -> SigningKey {
    SigningKey::as_did_key(AnyKey::generate(key_type, &mut counting()).unwrap())
}

/// As the format needs it.
fn credential(format: Format, issuer: &SigningKey) -> Value<'static> {
    let claims = include_bytes!("../../../../fixtures/claims/identity.json");
    let claims = parse(claims, &Limits::for_size(4096)).unwrap().into_owned();
    let Value::Object(claims) = claims else { panic!("claims are an object") };
    let (index, list) = (7, "https://issuer.example/status/1".to_owned());
    let status = match format {
        Format::DcSdJwt => TokenStatusReference { index, uri: list }.to_object(),
        _ => BitstringStatusEntry::new(StatusPurpose::Revocation, index, list).to_object(),
    };
    let draft = Draft {
        attestation_type: AttestationType::by_name("AgentIdentityCredential").unwrap(),
        id: "urn:uuid:8d3c1a8e-63f6-4ed5-8c4e-1fd1d8a6b0aa",
        issuer: &issuer.did,
        subject: &signer(KeyType::P384).did,
        claims,
        valid_from: now(),
        valid_until: now().saturating_add(Duration::from_secs(86_400)),
        status: vec![status],
    };
    let document = draft.into_credential().unwrap();
    if format != Format::Ed25519Signature2020 {
        return document;
    }
    let mut contexts = document.get("@context").unwrap().as_array().unwrap().to_vec();
    contexts.push("https://w3id.org/security/suites/ed25519-2020/v1".into());
    with(document, "@context", contexts.into())
}

fn with(mut document: Value<'static>, name: &'static str, value: Value<'static>) -> Value<'static> {
    let Value::Object(members) = &mut document else { panic!("a credential is an object") };
    members.insert(name, value);
    document
}

fn plain(
    document: Value<'static>,
    format: Format,
    signer: &SigningKey,
) -> Result<Value<'static>, SecureError> {
    secure(document, format, &Selective::default(), signer, now(), &mut counting())
}

#[test]
fn each_format_has_one_name_and_is_a_suite_or_a_token() {
    for format in Format::ALL {
        assert_eq!(Format::parse(format.name()), Some(format));
        assert!(format.alias().is_none_or(|alias| Format::parse(alias) == Some(format)));
        assert_eq!(format.suite().is_none(), format.is_token());
        let subtype = format.media_type().strip_prefix("application/").unwrap();
        assert_eq!(subtype, if format.is_token() { format.name() } else { "vc" });
        let selective = format.suite().map_or(format.is_sd_jwt(), Suite::is_selective);
        assert_eq!(format.is_selective(), selective, "{format}");
    }
    for suite in SUITES.iter() {
        assert!(Format::parse(suite.name()).is_some(), "{} is no format", suite.name());
    }
    for unknown in ["", "vc", "VC+JWT", "vp+jwt", "eddsa-jcs-2022 "] {
        assert_eq!(Format::parse(unknown), None, "{unknown:?}");
    }
}

#[test]
fn each_key_has_a_format_unless_it_does_not_sign() {
    for key_type in SIGNING {
        assert!(Format::default_for(key_type).unwrap().accepts(key_type));
    }
    assert_eq!(Format::default_for(KeyType::P384), Some(Format::EcdsaJcs2019));
    assert_eq!(Format::default_for(KeyType::Bls12381G2), Some(Format::Bbs2023));
    assert_eq!(Format::default_for(KeyType::X25519), None);
    assert!(!Format::ALL.into_iter().any(|format| format.accepts(KeyType::X25519)));
}

#[test]
fn a_credential_is_signed_in_every_format_that_accepts_the_key_and_in_no_other() {
    for key_type in SIGNING {
        let signer = signer(key_type);
        for format in Format::ALL {
            let secured = plain(credential(format, &signer), format, &signer);
            if format.accepts(key_type) {
                check(&secured.unwrap(), format, &signer);
                continue;
            }
            let expected = if format.is_token() {
                SecureError::BbsAlone
            } else {
                let fitting = Format::default_for(key_type).unwrap().name();
                SecureError::KeyMismatch { suite: format.name(), key_type, fitting }
            };
            assert_eq!(secured, Err(expected), "{format}, {key_type}");
        }
    }
}

/// That the signature is good; of what is for the holder, that it is there.
fn check(secured: &Value<'_>, format: Format, signer: &SigningKey) {
    let key = VerifyingKey::new(signer.key.public_key().clone()).unwrap();
    match format {
        Format::VcJwt => {
            let token = CompactJws::parse(secured.as_str().unwrap(), TokenType::VC).unwrap();
            assert_eq!(token.kid(), Some(signer.method.as_str()));
            token.verify(&key, &Unremembered).unwrap();
        }
        Format::VcSdJwt | Format::DcSdJwt => {
            let token_type = match format {
                Format::VcSdJwt => TokenType::VC_SD_JWT,
                _ => TokenType::DC_SD_JWT,
            };
            let token = SdJwt::parse(secured.as_str().unwrap(), token_type).unwrap();
            assert!(token.disclose().unwrap().contains("cnf"));
        }
        _ => {
            let suite = format.suite().unwrap();
            let document = secured.as_object().unwrap();
            let proofs = proofs_of(document).unwrap();
            let [proof] = &proofs[..] else { panic!("one proof") };
            assert_eq!(proof.cryptosuite, format.name());
            if !suite.is_selective() {
                let (check, work) = (&Unremembered, &Work::default());
                let previous = Vec::new();
                let input = VerifyInput { document, proof, previous, key: &key, check, work };
                suite.verify(input).unwrap();
            }
        }
    }
}

#[test]
fn what_a_format_has_no_use_for_is_refused() {
    let signer = signer(KeyType::Ed25519);
    let attempt = |format, mandatory: &[&str], decoys| {
        let mandatory = mandatory.iter().map(|pointer| (*pointer).to_owned()).collect();
        let selective = Selective { mandatory, decoys, ..Selective::default() };
        let document = credential(format, &signer);
        secure(document, format, &selective, &signer, now(), &mut counting()).err()
    };
    let kind = "/credentialSubject/kind";
    assert_eq!(attempt(Format::VcJwt, &[kind], 0), Some(SecureError::NothingToHide));
    assert_eq!(attempt(Format::VcJwt, &[], 1), Some(SecureError::NoDecoys));
    assert_eq!(attempt(Format::VcSdJwt, &[kind], MOST_DECOYS), None);
    assert_eq!(attempt(Format::VcSdJwt, &[], MOST_DECOYS + 1), Some(SecureError::TooManyDecoys));
    let unknown = SecureError::MandatoryUnknown { pointer: "/nowhere".to_owned() };
    assert_eq!(attempt(Format::DcSdJwt, &["/nowhere"], 0), Some(unknown));
}

#[test]
fn what_no_verifier_takes_is_not_signed() {
    let signer = signer(KeyType::Ed25519);
    for member in ["aud", "proof", "vc", "vp"] {
        for format in [Format::VcJwt, Format::VcSdJwt, Format::DcSdJwt] {
            let document = with(credential(format, &signer), member, "anything".into());
            let refused = plain(document, format, &signer);
            assert_eq!(refused, Err(SecureError::RefusedInToken { member }));
        }
    }
    let document = with(credential(Format::VcSdJwt, &signer), "cnf", "anything".into());
    let refused = plain(document, Format::VcSdJwt, &signer);
    assert_eq!(refused, Err(SecureError::ConfirmationGiven));

    let document =
        with(credential(Format::VcJwt, &signer), "@context", vec![CREDENTIALS_V1].into());
    assert!(Format::VcJwt.check_version(&document).is_err());
    assert!(Format::EddsaJcs2022.check_version(&document).is_ok());
    assert!(Format::VcJwt.check_version(&credential(Format::VcJwt, &signer)).is_ok());
}

#[test]
fn a_broken_source_of_randomness_is_a_fault() {
    for (format, key_type) in [
        (Format::VcSdJwt, KeyType::Ed25519),
        (Format::DcSdJwt, KeyType::Ed25519),
        (Format::EcdsaSd2023, KeyType::P256),
        (Format::Bbs2023, KeyType::Bls12381G2),
    ] {
        let signer = signer(key_type);
        let mut broken = |_: &mut [u8]| Err(SignError("broken".to_owned()));
        let selective = Selective::default();
        let refused =
            secure(credential(format, &signer), format, &selective, &signer, now(), &mut broken);
        assert!(refused.is_err_and(|error| error.is_fault()), "{format}");
    }
    assert!(!SecureError::NothingToHide.is_fault());
}
