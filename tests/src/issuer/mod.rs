//! The issuer's service, over real HTTP and a real folder.

pub(crate) mod agent;
pub(crate) mod http;
pub(crate) mod service;
mod story;
