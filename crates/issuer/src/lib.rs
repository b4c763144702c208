//! bonafide: the issuer.

pub mod log;
