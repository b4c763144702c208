//! Stories through the library and the command line, and the vectors of others.

mod fixtures;
mod threats;
mod vectors;
mod world;
