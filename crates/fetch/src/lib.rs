//! Gathers evidence over HTTPS: did:web documents, did:webvh histories, status lists, trust
//! bundles.
//!
//! Nothing is verified here: out come bytes, with what was seen of their origin, and the verifier
//! decides what they are worth. The guards protect the place where this runs, because the URLs come
//! out of credentials and DID documents, and so from strangers:
//!
//! - HTTPS only (TLS 1.2 or 1.3), no proxy of the environment, no cookies, no user info.
//! - An address that is not public (loopback, private, link-local, …) is refused, in whatever
//!   spelling, and also where a host name leads to it. The addresses that were checked are the ones
//!   that are connected to; no second lookup lies between.
//! - Redirects are not followed.
//! - Bodies end at a cap for their [`Kind`], the whole request at a deadline; headers are bounded by
//!   the HTTP client (100 of them, about 400 KiB).
//!
//! [`Service`] is the other client: it speaks to the operator's own service, wherever that is, with
//! a token.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use bonafide_core::did::Did;
//! use bonafide_fetch::{Client, Options};
//!
//! let client = Client::new(&Options::default())?;
//! let fetched = client.did_web(Did::parse("did:web:issuer.example")?).await?;
//! println!("{} bytes from {}", fetched.body.len(), fetched.url);
//! # Ok(())
//! # }
//! ```

mod address;
mod client;
mod error;
mod lookup;
mod service;
mod tls;

pub use client::{Client, Fetched, Kind, Options};
pub use error::FetchError;
pub use lookup::{Looking, Lookup};
pub use service::{
    Content, Identity, Response, Route, Service, ServiceError, ServiceOptions, Token,
};
