//! The client: what may be asked, and how answers are read.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bonafide_core::did::{Did, web_document_url, webvh_urls};
use reqwest::Response;
use reqwest::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderName, LOCATION};
use url::{Host, Url};

use crate::address::is_public;
use crate::error::{FetchError, quoted, shown};
use crate::lookup::{Guard, Lookup, SystemLookup};
use crate::service::is_loopback;
use crate::tls;

/// As in credentials.
const LONGEST_URL: usize = 2048;

/// Longer values of the headers that are handed on are dropped.
const LONGEST_HEADER: usize = 256;

/// How the client behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long a whole request may take, with its body. Default: 10 seconds.
    pub timeout: Duration,
    /// The same for a [`Kind::Bundle`]. Default: 10 minutes.
    pub bundle_timeout: Duration,
    /// How long the name lookup, connection and TLS handshake may take of it. Default: 5 seconds.
    pub connect_timeout: Duration,
    /// Whether addresses that are not public may be connected to. Default: no.
    ///
    /// For a network of one's own only: with it, the URLs in somebody's credentials reach whatever
    /// this machine reaches.
    pub allow_private: bool,
    /// Whether servers may rest on the root certificates of the system. Default: yes.
    pub system_roots: bool,
    /// Further root certificates, each text in PEM with one or more of them.
    pub roots: Vec<Vec<u8>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            bundle_timeout: Duration::from_secs(600),
            connect_timeout: Duration::from_secs(5),
            allow_private: false,
            system_roots: true,
            roots: Vec::new(),
        }
    }
}

/// What is asked for: decides how much is read and what the server is told to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A DID document.
    DidDocument,
    /// The log of a did:webvh (`did.jsonl`).
    DidLog,
    /// The witness file of a did:webvh (`did-witness.json`).
    DidWitness,
    /// A status list: a Bitstring Status List credential in JSON or as a JWT, or a Token Status
    /// List as a JWT.
    StatusList,
    /// A trust bundle.
    Bundle,
}

impl Kind {
    /// The most that is read of it, in bytes.
    pub const fn cap(self) -> usize {
        match self {
            Self::DidDocument => 64 << 10,
            Self::DidLog | Self::DidWitness => 4 << 20,
            Self::StatusList => 8 << 20,
            Self::Bundle => 256 << 20,
        }
    }

    /// The `Accept` header. The registered types first; plain files come as whatever the server
    /// takes them for.
    const fn accept(self) -> &'static str {
        match self {
            Self::DidDocument => {
                "application/did, application/did+ld+json, application/did+json, \
                 application/json;q=0.9, */*;q=0.1"
            }
            Self::DidLog => "text/jsonl, application/jsonl;q=0.9, */*;q=0.1",
            Self::DidWitness => "application/json, */*;q=0.1",
            Self::StatusList => {
                "application/statuslist+jwt, application/vc+jwt, application/vc, \
                 application/ld+json;q=0.9, application/json;q=0.9, */*;q=0.1"
            }
            Self::Bundle => "application/bonafide-bundle+jwt, application/jose;q=0.9, */*;q=0.1",
        }
    }
}

/// What came back. Nobody has verified it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fetched {
    /// The URL, as it was asked for.
    pub url: String,
    /// The body, byte for byte.
    pub body: Vec<u8>,
    /// What the server says that it is: `type/subtype` in lower case, without parameters.
    pub media_type: Option<String>,
    /// The server's tag of this version, as it was sent.
    pub etag: Option<String>,
}

impl fmt::Debug for Fetched {
    /// Shows how long the body is, and nothing of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetched")
            .field("bytes", &self.body.len())
            .field("media_type", &self.media_type)
            .finish_non_exhaustive()
    }
}

/// Is told how many bytes came in, and how many it will be where the server says so.
type Progress<'a> = &'a mut (dyn FnMut(u64, Option<u64>) + Send);

/// The guarded HTTPS client. Clones share their connections.
///
/// Its futures run in a Tokio runtime with I/O and time.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    timeout: Duration,
    bundle_timeout: Duration,
    allow_private: bool,
}

impl Client {
    /// A client that looks names up as the system does.
    ///
    /// Reads the system's root certificates; where they lie is the system's matter, and on most
    /// of them `SSL_CERT_FILE` and `SSL_CERT_DIR` say otherwise.
    ///
    /// # Errors
    ///
    /// [`FetchError::BadRoot`], [`FetchError::NoRoots`], [`FetchError::Setup`].
    pub fn new(options: &Options) -> Result<Self, FetchError> {
        Self::with_lookup(options, SystemLookup)
    }

    /// As [`new`](Self::new), with another lookup of names. The rules for addresses stay.
    pub fn with_lookup(options: &Options, lookup: impl Lookup) -> Result<Self, FetchError> {
        let allow_private = options.allow_private;
        let roots = tls::roots(options.system_roots, &options.roots)?;
        let tls = tls::config(roots, None)
            .map_err(|error| FetchError::Setup { detail: quoted(&error.to_string()) })?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .dns_resolver(Guard { lookup: Arc::new(lookup), allow_private })
            .https_only(!allow_private)
            .http1_only()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            // Also where another crate of the same build turns decoders on: a cap on what came in
            // is none on what it unfolds to.
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .connect_timeout(options.connect_timeout)
            .user_agent(concat!("bonafide/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| FetchError::Setup { detail: quoted(&error.to_string()) })?;
        let (timeout, bundle_timeout) = (options.timeout, options.bundle_timeout);
        Ok(Self { http, timeout, bundle_timeout, allow_private })
    }

    /// The document of a did:web DID (did:web, 2.5.2).
    pub async fn did_web(&self, did: Did<'_>) -> Result<Fetched, FetchError> {
        let url = web_document_url(did).map_err(FetchError::Did)?;
        self.document(&url, Kind::DidDocument).await
    }

    /// The log of a did:webvh DID and, if the log speaks of witnesses and the server has it, the
    /// file of their proofs (did:webvh 1.0, "Read (Resolve)").
    pub async fn did_webvh(&self, did: Did<'_>) -> Result<(Fetched, Option<Fetched>), FetchError> {
        const WITNESS: &[u8] = b"\"witness\"";
        let (log, witnesses) = webvh_urls(did).map_err(FetchError::Did)?;
        let log = self.document(&log, Kind::DidLog).await?;
        let speaks = log.body.windows(WITNESS.len()).any(|window| window == WITNESS);
        let witnesses = match speaks {
            true => self.optional(&witnesses, Kind::DidWitness).await?,
            false => None,
        };
        Ok((log, witnesses))
    }

    /// What is at `url`.
    pub async fn document(&self, url: &str, kind: Kind) -> Result<Fetched, FetchError> {
        self.fetch(url, kind, &mut |_, _| ()).await
    }

    /// What is at `url`; `None` if the server answers that there is nothing (404).
    pub async fn optional(&self, url: &str, kind: Kind) -> Result<Option<Fetched>, FetchError> {
        match self.document(url, kind).await {
            Ok(fetched) => Ok(Some(fetched)),
            Err(FetchError::Status { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The trust bundle at `url`. `progress` is told after each piece how many bytes came in, and
    /// how many it will be where the server says so.
    pub async fn bundle(
        &self,
        url: &str,
        progress: &mut (dyn FnMut(u64, Option<u64>) + Send),
    ) -> Result<Fetched, FetchError> {
        self.fetch(url, Kind::Bundle, progress).await
    }

    async fn fetch(
        &self,
        text: &str,
        kind: Kind,
        progress: Progress<'_>,
    ) -> Result<Fetched, FetchError> {
        let url = self.check(text)?;
        let limit = if kind == Kind::Bundle { self.bundle_timeout } else { self.timeout };
        let exchange = async {
            let response = self.ask(&url, kind).await?;
            let media_type = header(&response, CONTENT_TYPE).and_then(|text| media_type(&text));
            let etag = header(&response, ETAG);
            let body = read(response, &url, kind.cap(), progress).await?;
            Ok(Fetched { url: text.to_owned(), body, media_type, etag })
        };
        match tokio::time::timeout(limit, exchange).await {
            Ok(result) => result,
            Err(_) => Err(FetchError::Deadline { url: shown(&url), limit }),
        }
    }

    /// Reads a URL and refuses what is not to be asked for. Names are looked at by [`Guard`].
    fn check(&self, text: &str) -> Result<Url, FetchError> {
        let bad = |detail| FetchError::BadUrl { detail };
        let url = read_url(text)?;
        // On this machine nobody listens in, and a service that was just started has no certificate.
        let own = self.allow_private && url.scheme() == "http" && is_loopback(&url);
        if url.scheme() != "https" && !own {
            return Err(FetchError::NotHttps { url: shown(&url) });
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(FetchError::UserInfo { url: shown(&url) });
        }
        if url.fragment().is_some() {
            return Err(FetchError::Fragment { url: shown(&url) });
        }
        let after_scheme =
            text.get(url.scheme().len() + 1..).and_then(|rest| rest.strip_prefix("//"));
        if after_scheme.is_none_or(|rest| rest.starts_with('/')) {
            return Err(bad("expected https://host/…"));
        }
        // The parser has read every spelling of an address: 127.1, 0x7f000001, 2130706433, …
        let address = match url.host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
            Some(Host::Domain(name)) if name.bytes().all(is_of_name) => return Ok(url),
            _ => return Err(bad("a host name is made of a-z, 0-9, -, . and _")),
        };
        if self.allow_private || is_public(address) {
            Ok(url)
        } else {
            Err(FetchError::PrivateAddress { url: shown(&url), address })
        }
    }

    /// Asks and looks at everything but the body.
    async fn ask(&self, url: &Url, kind: Kind) -> Result<Response, FetchError> {
        let response = self
            .http
            .get(url.clone())
            .header(ACCEPT, kind.accept())
            .send()
            .await
            .map_err(|error| FetchError::of_http(&error, url))?;
        refuse_redirect(&response, url)?;
        let status = response.status().as_u16();
        if status != 200 {
            return Err(FetchError::Status { url: shown(url), status });
        }
        refuse_encoded(&response, url)?;
        Ok(response)
    }
}

/// Reads a URL, unless it is one that others would read in another way.
pub(crate) fn read_url(text: &str) -> Result<Url, FetchError> {
    let bad = |detail| FetchError::BadUrl { detail };
    if text.len() > LONGEST_URL {
        return Err(bad("longer than 2048 bytes"));
    }
    // The URL Standard would drop line breaks and turn backslashes around; others don't.
    if !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
        return Err(bad("spaces, control characters, backslashes and non-ASCII are refused"));
    }
    Url::parse(text).map_err(|_| bad("not an absolute URL"))
}

pub(crate) fn refuse_redirect(response: &Response, url: &Url) -> Result<(), FetchError> {
    if !response.status().is_redirection() {
        return Ok(());
    }
    let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let location = location.and_then(|text| url.join(text).ok());
    Err(FetchError::Redirect { url: shown(url), location: location.as_ref().map(shown) })
}

pub(crate) fn refuse_encoded(response: &Response, url: &Url) -> Result<(), FetchError> {
    let plain = |value: &[u8]| value.eq_ignore_ascii_case(b"identity");
    if response.headers().get_all(CONTENT_ENCODING).iter().any(|v| !plain(v.as_bytes())) {
        return Err(FetchError::Encoded { url: shown(url) });
    }
    Ok(())
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._".contains(&byte)
}

/// Reads a body up to its cap.
pub(crate) async fn read(
    mut response: Response,
    url: &Url,
    cap: usize,
    progress: Progress<'_>,
) -> Result<Vec<u8>, FetchError> {
    let too_large = || FetchError::TooLarge { url: shown(url), cap };
    let total = response.content_length();
    if total.is_some_and(|total| total > cap as u64) {
        return Err(too_large());
    }
    let mut body = Vec::new();
    loop {
        let chunk = response.chunk().await.map_err(|error| FetchError::of_http(&error, url))?;
        let Some(chunk) = chunk else { return Ok(body) };
        // Memory grows with what came in, not with what was announced.
        if chunk.len() > cap - body.len() {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
        progress(body.len() as u64, total);
    }
}

/// A header's value if it is text of a sensible length.
pub(crate) fn header(response: &Response, name: HeaderName) -> Option<String> {
    let value = response.headers().get(name)?.to_str().ok()?;
    (value.len() <= LONGEST_HEADER).then(|| value.to_owned())
}

/// `type/subtype` of a `Content-Type` (RFC 9110, 8.3.1).
pub(crate) fn media_type(content_type: &str) -> Option<String> {
    let essence = content_type.split(';').next()?.trim();
    let (kind, subtype) = essence.split_once('/')?;
    let is_token = |text: &str| {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b);
        !text.is_empty() && text.bytes().all(allowed)
    };
    (is_token(kind) && is_token(subtype)).then(|| essence.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_lose_case_and_parameters() {
        assert_eq!(media_type("Application/VC; charset=utf-8").as_deref(), Some("application/vc"));
        assert_eq!(media_type("application/vc+jwt").as_deref(), Some("application/vc+jwt"));
        for text in ["", "text", "/", "text/", "a b/c", "text/\u{e9}", "a/b/c"] {
            assert_eq!(media_type(text), None, "{text}");
        }
    }
}
