//! `TaskGrantCredential`: an issuer allows the agent certain actions, for one task and a short time.

use super::{Attestation, AttestationType, built_in};
use crate::delegation::Grant;

const NAME: &str = "TaskGrantCredential";
const SCHEMA: &str = include_str!("../../../../schemas/task-grant-v1.json");

pub(super) static TYPE: AttestationType = AttestationType::new(
    NAME,
    "https://w3id.org/bonafide/schemas/task-grant/v1",
    SCHEMA,
    // What a link of a chain allows, it allows in the open.
    &[
        "/credentialSubject/task",
        "/credentialSubject/actions",
        "/credentialSubject/resources",
        "/credentialSubject/audience",
        "/credentialSubject/maxDepth",
        "/credentialSubject/cnf",
    ],
    // Hidden, they would be as good as absent.
    &[
        "/credentialSubject/constraints",
        "/credentialSubject/principal",
        "/credentialSubject/childStatus",
    ],
    |subject| Grant::from_subject(NAME, subject, true).map(Attestation::TaskGrant),
    || built_in(SCHEMA),
);
