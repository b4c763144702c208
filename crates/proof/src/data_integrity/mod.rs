//! W3C Data Integrity 1.0: proofs inside of the document, sets and chains of them.

mod chain;
mod jcs;
mod proof;
mod sign;
mod suite;
mod work;

pub use chain::matching_previous;
pub use jcs::document_digest;
pub use proof::{MOST_PROOFS, Proof, proofs_of};
pub use sign::{ProofOptions, add_proof, add_proof_with};
pub use suite::{
    Checked, DATA_INTEGRITY_PROOF, DeriveInput, ProofError, Random, SignInput, Suite, Suites,
    VerifyInput,
};
pub use work::{TooComplex, Work};
