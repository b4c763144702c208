//! What issues credentials: an HTTP service that enrols agents, attests them, publishes status and
//! keeps a provable log; and the formats and keys that it signs with.

mod api;
pub mod audit;
mod authority;
pub mod backup;
mod bundle;
mod challenge;
mod connections;
pub mod environment;
mod event;
mod first_start;
pub mod format;
pub mod grants;
pub mod id;
mod issuance;
mod issue;
pub mod keys;
mod limit;
pub mod log;
mod log_opening;
mod oauth;
mod problem;
pub mod providers;
mod restored;
mod sequencer;
mod server;
mod service;
pub mod settings;
mod signer;
mod state;
mod status;
pub mod store;
mod telemetry;
mod token;
mod trust;
mod whole;

pub use server::{ServeError, listen, serve};
pub use service::{Service, StartError, Started, log_folder};
pub use telemetry::start as start_telemetry;
