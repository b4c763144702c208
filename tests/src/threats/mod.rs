//! What must be refused, each with its reason, through the library and the command line.
//!
//! The numbers are those of the threat model; each test names its row.

mod bundles;
mod histories;
mod holders;
mod issuers;
mod jose;
mod json;
mod keys;
mod proofs;
mod sd_jwt_hiding;
mod secrets;
mod status;
mod status_tokens;
mod stripped;
mod time;
