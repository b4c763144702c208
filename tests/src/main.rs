//! Stories through the library and the command line, and the vectors of others.

#![allow(clippy::unwrap_used)]

mod command_line;
mod data_model_1;
mod dependencies;
mod durability;
mod fixtures;
mod issuer;
mod issuer_files;
mod mistakes;
mod network;
mod policies;
mod resolve;
mod server;
mod threats;
mod vc_api;
mod vectors;
mod verdicts;
mod wallet;
mod world;
