//! The commands that ask the issuer's service, against one that answers from a script.

#![allow(clippy::unwrap_used)]

mod asking;
mod doing;
mod place;
mod server;
