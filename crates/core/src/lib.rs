//! What bonafide's credentials say, as data: strict JSON, DIDs and keys, the W3C Verifiable
//! Credentials Data Model 2.0, the attestations of AI agents, and status lists.
//!
//! Nothing here reads a clock, a file, the network or randomness, and nothing here decides whether
//! a credential is to be believed: that is `bonafide-verifier`.

pub mod attestation;
pub mod delegation;
pub mod did;
pub mod encoding;
mod error;
pub mod json;
pub mod key;
pub mod schema;
pub mod sd_jwt_vc;
pub mod status;
pub mod time;
pub mod vc;

pub use error::Malformed;
