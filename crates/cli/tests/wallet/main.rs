//! `bonafide wallet`: what it keeps and what it says, alone and with a service of its own.

#![allow(clippy::unwrap_used)]

mod asking;
mod keeping;
mod passphrases;
mod place;
#[allow(dead_code)] // more of it is for the other commands that ask a service
#[path = "../service/server.rs"]
mod server;
mod service;
mod sharing;
