//! What the issuer's service must never lose: over a real folder, as a real process, which is killed
//! or whose disk fails.

mod check;
mod crash;
mod faults;
mod http;
mod load;
mod model;
mod process;
mod random;
