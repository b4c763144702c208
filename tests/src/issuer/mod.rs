//! The issuer's service, over real HTTP and a real folder.

pub(crate) mod agent;
pub(crate) mod client;
mod grants;
pub(crate) mod holder;
pub(crate) mod http;
mod idempotency;
mod lifecycle;
mod links;
mod oauth;
mod oauth_tls;
pub(crate) mod service;
mod story;
mod tls;
mod wallet;
