//! `DelegationCredential`: an agent hands a narrower part of what it was granted to another.

use super::{Attestation, AttestationType, built_in};
use crate::delegation::Grant;

const NAME: &str = "DelegationCredential";
const SCHEMA: &str = include_str!("../../../../schemas/delegation-v1.json");

pub(super) static TYPE: AttestationType = AttestationType::new(
    NAME,
    "https://w3id.org/bonafide/schemas/delegation/v1",
    SCHEMA,
    // What a link of a chain allows, it allows in the open.
    &[
        "/credentialSubject/parent",
        "/credentialSubject/task",
        "/credentialSubject/actions",
        "/credentialSubject/resources",
        "/credentialSubject/audience",
        "/credentialSubject/maxDepth",
        "/credentialSubject/cnf",
    ],
    // Hidden, they would be as good as absent.
    &["/credentialSubject/constraints", "/credentialSubject/childStatus"],
    |subject| Grant::from_subject(NAME, subject, false).map(Attestation::Delegation),
    || built_in(SCHEMA),
);
