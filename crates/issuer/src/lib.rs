//! What issues credentials: an HTTP service that enrols agents, attests them, publishes status and
//! keeps a provable log; and the formats and keys that it signs with.

mod authority;
mod challenge;
pub mod environment;
mod event;
pub mod format;
pub mod id;
mod issuance;
pub mod keys;
mod problem;
pub mod settings;
mod signer;
mod state;
mod status;
pub mod store;
