//! The token endpoint's decisions: who asks, with what, and which access token follows. Pure
//! functions; `api::oauth` carries them out.

pub(crate) mod access_token;
pub(crate) mod binding;
pub(crate) mod client;
pub(crate) mod error;
pub(crate) mod exchange;
pub(crate) mod form;
pub(crate) mod metadata;
pub(crate) mod once;
pub(crate) mod refused;
pub(crate) mod subject;
