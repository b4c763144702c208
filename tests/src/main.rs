//! Stories through the library and the command line, and the vectors of others.

#![allow(clippy::unwrap_used)]

mod fixtures;
mod threats;
mod vectors;
mod world;
