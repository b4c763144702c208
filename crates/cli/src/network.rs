//! The one place where this program touches the network, and only for commands that are told to.
//! `verify` never comes here.

use std::path::PathBuf;
use std::time::Duration;

use bonafide_core::Malformed;
use bonafide_core::did::{Did, DidDocument};
use bonafide_core::json::{Limits, parse};
use bonafide_fetch::{Client, FetchError, Fetched, Kind, Options};
use clap::Args;
use tokio::runtime::{Builder, Runtime};

use crate::command::duration;
use crate::failure::{Exit, Failure};
use crate::files;

/// How to fetch.
#[derive(Debug, Args)]
pub(crate) struct Network {
    /// When fetching, trust the root certificates in this file as well; may be repeated.
    #[arg(long, value_name = "PEM")]
    ca_file: Vec<PathBuf>,
    /// When fetching, reach addresses that are not public too: for a network of your own.
    #[arg(long)]
    allow_private: bool,
    /// How long each fetch may take; if left out, 10s, and 10m for a bundle.
    #[arg(long, value_parser = duration, value_name = "TIME")]
    timeout: Option<Duration>,
}

impl Network {
    /// Makes ready to fetch; nothing is sent yet.
    pub(crate) fn open(&self) -> Result<Fetcher, Failure> {
        let mut options = Options { allow_private: self.allow_private, ..Options::default() };
        for path in &self.ca_file {
            options.roots.push(files::read(path)?);
        }
        if let Some(timeout) = self.timeout {
            options.timeout = timeout;
            options.bundle_timeout = timeout;
        }
        let runtime = runtime()?;
        let _entered = runtime.enter();
        let client = Client::new(&options).map_err(|error| failure(&error))?;
        Ok(Fetcher { client, runtime })
    }
}

/// What requests run in. It ends with the process: dropping it would wait for a name lookup that
/// hangs.
pub(crate) fn runtime() -> Result<&'static Runtime, Failure> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::fault(format!("no runtime: {error}")))?;
    Ok(Box::leak(Box::new(runtime)))
}

/// Fetches, one thing after the other. What comes back is verified by nobody yet.
pub(crate) struct Fetcher {
    client: Client,
    runtime: &'static Runtime,
}

impl Fetcher {
    /// The document of a did:web.
    pub(crate) fn did_web(&self, did: Did<'_>) -> Result<Fetched, FetchError> {
        self.runtime.block_on(self.client.did_web(did))
    }

    /// The log of a did:webvh, and the proofs of its witnesses.
    pub(crate) fn did_webvh(&self, did: Did<'_>) -> Result<(Fetched, Option<Fetched>), FetchError> {
        self.runtime.block_on(self.client.did_webvh(did))
    }

    /// The status list at a URL.
    pub(crate) fn status_list(&self, url: &str) -> Result<Fetched, FetchError> {
        self.runtime.block_on(self.client.document(url, Kind::StatusList))
    }

    /// The trust bundle at a URL; `progress` is told how many bytes came, and of how many.
    pub(crate) fn bundle(
        &self,
        url: &str,
        progress: &mut (dyn FnMut(u64, Option<u64>) + Send),
    ) -> Result<Fetched, FetchError> {
        self.runtime.block_on(self.client.bundle(url, progress))
    }
}

/// Reads what came for a did:web: a good document, and of this very DID.
pub(crate) fn document_of(did: Did<'_>, body: &[u8]) -> Result<DidDocument, Malformed> {
    const WHAT: &str = "DID document";
    let value = parse(body, &Limits::for_size(Kind::DidDocument.cap()))
        .map_err(|error| Malformed::json(WHAT, &error))?;
    let document = DidDocument::from_value(value)?;
    if document.id() != did.as_str() {
        return Err(Malformed::at(WHAT, "/id", "is another DID than the one asked for"));
    }
    Ok(document)
}

/// Why something was not fetched, and what to do about it.
pub(crate) fn failure(error: &FetchError) -> Failure {
    let exit = match error {
        FetchError::Setup { .. } => Exit::Fault,
        FetchError::BadRoot { .. }
        | FetchError::NoRoots
        | FetchError::Did(_)
        | FetchError::BadUrl { .. }
        | FetchError::NotHttps { .. }
        | FetchError::UserInfo { .. }
        | FetchError::Fragment { .. }
        | FetchError::PrivateAddress { .. } => Exit::Usage,
        // Evidence that is missing.
        _ => Exit::Undecided,
    };
    let help = match error {
        FetchError::PrivateAddress { .. } => Some("--allow-private"),
        FetchError::NoRoots | FetchError::Tls { .. } => Some("--ca-file PEM"),
        FetchError::Deadline { .. } => Some("--timeout TIME"),
        _ => None,
    };
    let message = format!("{error} [{}]", error.code());
    Failure { exit, message, help: help.map(ToOwned::to_owned) }
}
