//! How credentials and presentations are secured: W3C Data Integrity with the JCS suites, JOSE
//! (`vc+jwt`, `vp+jwt`), and SD-JWT. And the one identifier that is itself secured so: did:webvh.
//!
//! A good proof says that a key signed these bytes for this purpose. Whether that key was the
//! right one, and whether to believe what was signed, is `bonafide-verifier`'s matter.

pub mod algorithm;
pub mod data_integrity;
pub mod dpop;
pub mod jose;
pub mod sd_jwt;
pub mod signer;
pub mod webvh;

pub use algorithm::{SignatureCheck, Unremembered, VerifyingKey};
pub use signer::{SecretKey, SignError, Signer};
