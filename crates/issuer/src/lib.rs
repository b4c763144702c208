//! bonafide: the issuer.

pub mod environment;
pub mod id;
pub mod store;
