//! The client of the operator's own service.
//!
//! The operator names the URL, so private addresses are as good as others. What has to be guarded
//! here is the token: it goes over TLS, or no further than this machine, and to nowhere that the
//! service points to.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT,
};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use url::{Host, Url};
use zeroize::Zeroizing;

use crate::client::{header, media_type, read, read_url, refuse_encoded, refuse_redirect};
use crate::error::{FetchError, quoted, shown};
use crate::lookup::{Guard, Looking, Lookup, SystemLookup};
use crate::tls;

/// The most that is read of an answer, in bytes.
const LONGEST_ANSWER: usize = 64 << 20;

/// How long a download may pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

const LONGEST_TOKEN: usize = 4096;

/// Where the service is, and how to speak to it.
pub struct ServiceOptions {
    /// Its base URL, such as `https://issuer.example`; plain http on this machine alone.
    pub url: String,
    /// What the client is known by.
    pub token: Option<Token>,
    /// Whether it may rest on the root certificates of the system.
    pub system_roots: bool,
    /// Further root certificates, each text in PEM with one or more of them.
    pub roots: Vec<Vec<u8>>,
    /// What the client shows of itself to a service that asks for certificates.
    pub identity: Option<Identity>,
    /// How long a whole request may take, with its answer.
    pub timeout: Duration,
    /// How long the name lookup, connection and TLS handshake may take of it.
    pub connect_timeout: Duration,
}

impl ServiceOptions {
    /// For the service at `url`: the system's roots, 2 minutes a request, 5 seconds to connect.
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            token: None,
            system_roots: true,
            roots: Vec::new(),
            identity: None,
            // A batch of a thousand slow signatures takes its time.
            timeout: Duration::from_secs(120),
            connect_timeout: Duration::from_secs(5),
        }
    }
}

/// A bearer token (RFC 6750). It has no `Debug`, and its memory is cleared.
pub struct Token(Zeroizing<String>);

impl Token {
    /// A token of 1 to 4,096 visible ASCII characters.
    pub fn new(text: Zeroizing<String>) -> Result<Self, ServiceError> {
        let fits = (1..=LONGEST_TOKEN).contains(&text.len());
        if fits && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(Self(text));
        }
        Err(ServiceError::BadToken)
    }

    fn to_header(&self) -> Result<HeaderValue, ServiceError> {
        let mut text = Zeroizing::new(String::with_capacity(7 + self.0.len()));
        text.push_str("Bearer ");
        text.push_str(&self.0);
        let mut value = HeaderValue::from_str(&text).map_err(|_| ServiceError::BadToken)?;
        value.set_sensitive(true);
        Ok(value)
    }
}

/// A client certificate and its key.
pub struct Identity {
    /// The certificate in PEM, and those between it and a root, if any.
    pub certificates: Vec<u8>,
    /// The private key in PEM: PKCS #8, PKCS #1 or SEC 1.
    pub key: Zeroizing<Vec<u8>>,
}

impl Identity {
    fn read(&self) -> Result<tls::Shown, ServiceError> {
        // Nothing of the files goes into a message: one of them is a key.
        let bad = |detail: &str| ServiceError::BadIdentity { detail: detail.to_owned() };
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(&self.certificates)
            .collect::<Result<_, _>>()
            .map_err(|_| bad("the certificate is not readable PEM"))?;
        if certificates.is_empty() {
            return Err(bad("there is no PEM certificate in the file of the certificate"));
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|_| bad("there is no PEM private key in the file of the key"))?;
        Ok((certificates, key))
    }
}

/// A path below the base URL, and its query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Route {
    segments: Vec<String>,
    query: Vec<(String, String)>,
}

impl Route {
    /// A path of these segments; what a URL does not hold is escaped.
    pub fn new(segments: &[&str]) -> Self {
        let segments = segments.iter().map(|&segment| segment.to_owned()).collect();
        Self { segments, query: Vec::new() }
    }

    /// With `name=value` in the query, if there is a value.
    pub fn with(mut self, name: &str, value: Option<impl fmt::Display>) -> Self {
        self.query.extend(value.map(|value| (name.to_owned(), value.to_string())));
        self
    }

    fn below(&self, base: &Url) -> Result<Url, ServiceError> {
        let mut url = base.clone();
        let no_base = |()| FetchError::BadUrl { detail: "it has no path" };
        let mut path = url.path_segments_mut().map_err(no_base)?;
        path.pop_if_empty();
        for segment in &self.segments {
            // These would lead to another path than the one meant.
            if matches!(segment.as_str(), "" | "." | "..") {
                return Err(ServiceError::BadSegment { segment: segment.clone() });
            }
            path.push(segment);
        }
        drop(path);
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        Ok(url)
    }
}

/// Why the service was not asked, or gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// Plain http to another machine.
    #[error(
        "{url} is plain http, where everybody on the way could read the token; use https (http is \
         for localhost, 127.0.0.0/8 and [::1])"
    )]
    PlainHttp {
        /// The base URL.
        url: String,
    },
    /// Not a token.
    #[error("the token is not 1 to {LONGEST_TOKEN} visible ASCII characters without spaces")]
    BadToken,
    /// The client certificate and its key can't be used.
    #[error("no usable client certificate: {detail}")]
    BadIdentity {
        /// What is wrong.
        detail: String,
    },
    /// The key that makes a repeated request the same one can't be sent.
    #[error("the idempotency key is not visible ASCII")]
    BadKey,
    /// A header that HTTP can't hold.
    #[error("the header {name} holds what HTTP can't send")]
    BadHeader {
        /// Its name.
        name: String,
    },
    /// A name that would lead to another path.
    #[error("{segment:?} is no name of anything")]
    BadSegment {
        /// The name.
        segment: String,
    },
    /// What was downloaded could not be kept.
    #[error("the answer could not be kept")]
    NotKept,
    /// No answer came about.
    #[error(transparent)]
    Fetch(#[from] FetchError),
}

/// The body of a request.
#[derive(Clone, Copy, Debug)]
pub enum Content<'c> {
    /// JSON text.
    Json(&'c str),
    /// Names and values as an HTML form sends them (`application/x-www-form-urlencoded`).
    Form(&'c [(&'c str, &'c str)]),
}

impl Content<'_> {
    /// The body, byte for byte as it is sent: for whoever signs it.
    pub fn to_text(self) -> String {
        match self {
            Self::Json(text) => text.to_owned(),
            Self::Form(pairs) => {
                url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
            }
        }
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Json(_) => "application/json",
            Self::Form(_) => "application/x-www-form-urlencoded",
        }
    }
}

/// What the service answers, whatever its status but a redirect.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// What the body is: `type/subtype` in lower case, without parameters.
    pub content_type: Option<String>,
    /// How long to wait before asking again, where the service says it in seconds.
    pub retry_after: Option<Duration>,
    /// What the next DPoP proof has to hold (RFC 9449, 8).
    pub dpop_nonce: Option<String>,
    /// The body, byte for byte.
    pub body: Vec<u8>,
}

impl Response {
    /// What an answer says of itself, its body still unread. Redirects and encodings are refused.
    fn begin(response: &reqwest::Response, url: &Url) -> Result<Self, FetchError> {
        refuse_redirect(response, url)?;
        refuse_encoded(response, url)?;
        let retry_after = header(response, RETRY_AFTER).and_then(|text| text.parse().ok());
        Ok(Self {
            status: response.status().as_u16(),
            content_type: header(response, CONTENT_TYPE).and_then(|text| media_type(&text)),
            retry_after: retry_after.map(Duration::from_secs),
            dpop_nonce: header(response, HeaderName::from_static("dpop-nonce")),
            body: Vec::new(),
        })
    }
}

impl fmt::Debug for Response {
    /// Shows how long the body is, and nothing of it: it may hold a new token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("content_type", &self.content_type)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// The client of one service. Its futures run in a Tokio runtime with I/O and time.
pub struct Service {
    http: reqwest::Client,
    base: Url,
    token: Option<Token>,
    timeout: Duration,
}

impl Service {
    /// Makes ready to speak to a service; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`ServiceError::PlainHttp`] and whatever else is wrong with the options.
    pub fn new(options: ServiceOptions) -> Result<Self, ServiceError> {
        let base = read_base(&options.url)?;
        let setup = |detail: String| FetchError::Setup { detail: quoted(&detail) };
        let shown = options.identity.as_ref().map(Identity::read).transpose()?;
        let (roots, lookup): (_, Arc<dyn Lookup>) = match base.scheme() {
            "https" => (tls::roots(options.system_roots, &options.roots)?, Arc::new(SystemLookup)),
            // It meets no certificate, and no name server is asked where this machine is.
            _ => (RootCertStore::empty(), Arc::new(ThisMachine)),
        };
        let shows = shown.is_some();
        let tls = tls::config(roots, shown).map_err(|error| match shows {
            true => ServiceError::BadIdentity { detail: quoted(&error.to_string()) },
            false => setup(error.to_string()).into(),
        })?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .dns_resolver(Guard { lookup, allow_private: true })
            .http1_only()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .connect_timeout(options.connect_timeout)
            .build()
            .map_err(|error| setup(error.to_string()))?;
        Ok(Self { http, base, token: options.token, timeout: options.timeout })
    }

    /// Asks for what is there.
    pub async fn get(&self, route: &Route) -> Result<Response, ServiceError> {
        self.send(Method::GET, route, None, None).await
    }

    /// Posts a body of JSON. Requests with the same `key` are one request, sent again.
    pub async fn post(
        &self,
        route: &Route,
        body: Option<&str>,
        key: Option<&str>,
    ) -> Result<Response, ServiceError> {
        self.send(Method::POST, route, body, key).await
    }

    /// Posts a body with further headers, each of which may hold a secret: it is never printed.
    pub async fn post_with(
        &self,
        route: &Route,
        body: Option<Content<'_>>,
        headers: &[(&'static str, &str)],
    ) -> Result<Response, ServiceError> {
        let url = route.below(&self.base)?;
        let mut request = self.request(Method::POST, &url, None, None)?;
        for (name, value) in headers {
            let mut value = HeaderValue::from_str(value)
                .map_err(|_| ServiceError::BadHeader { name: (*name).to_owned() })?;
            value.set_sensitive(true);
            request = request.header(*name, value);
        }
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, body.media_type()).body(body.to_text());
        }
        self.exchange(request, &url).await
    }

    /// Where a route leads: the URL that a request for it is sent to.
    pub fn url(&self, route: &Route) -> Result<String, ServiceError> {
        Ok(route.below(&self.base)?.into())
    }

    /// Changes what is there to what a body of JSON says.
    pub async fn patch(&self, route: &Route, body: &str) -> Result<Response, ServiceError> {
        self.send(Method::PATCH, route, Some(body), None).await
    }

    /// Takes away what is there.
    pub async fn delete(&self, route: &Route) -> Result<Response, ServiceError> {
        self.send(Method::DELETE, route, None, None).await
    }

    /// Posts nothing, and hands on what comes back piece by piece, however long it is; `keep` says
    /// whether it could keep the piece. An answer that is no success is read as any other. What it
    /// breaks off with is an error, and what came before is worth nothing.
    pub async fn download(
        &self,
        route: &Route,
        keep: &mut (dyn FnMut(&[u8]) -> bool + Send),
    ) -> Result<Response, ServiceError> {
        let url = route.below(&self.base)?;
        let late = || FetchError::Deadline { url: shown(&url), limit: LONGEST_PAUSE };
        let failed = |error: reqwest::Error| FetchError::of_http(&error, &url);
        let sent = self.request(Method::POST, &url, None, None)?.send();
        let sent = tokio::time::timeout(LONGEST_PAUSE, sent).await.map_err(|_| late())?;
        let mut response = sent.map_err(failed)?;
        let head = Response::begin(&response, &url)?;
        if !response.status().is_success() {
            let mut progress = |_, _| ();
            let reading = read(response, &url, LONGEST_ANSWER, &mut progress);
            let read = tokio::time::timeout(self.timeout, reading).await.map_err(|_| late())?;
            return Ok(Response { body: read?, ..head });
        }
        loop {
            let chunk = tokio::time::timeout(LONGEST_PAUSE, response.chunk()).await;
            match chunk.map_err(|_| late())?.map_err(failed)? {
                Some(chunk) if keep(&chunk) => {}
                Some(_) => return Err(ServiceError::NotKept),
                None => return Ok(head),
            }
        }
    }

    fn request(
        &self,
        method: Method,
        url: &Url,
        body: Option<&str>,
        key: Option<&str>,
    ) -> Result<reqwest::RequestBuilder, ServiceError> {
        const KEY: HeaderName = HeaderName::from_static("idempotency-key");
        let mut request = self
            .http
            .request(method, url.clone())
            .header(USER_AGENT, concat!("bonafide/", env!("CARGO_PKG_VERSION")))
            .header(ACCEPT, "application/json, application/problem+json");
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, token.to_header()?);
        }
        if let Some(key) = key {
            let key = HeaderValue::from_str(key).map_err(|_| ServiceError::BadKey)?;
            request = request.header(KEY, key);
        }
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.to_owned());
        }
        Ok(request)
    }

    async fn send(
        &self,
        method: Method,
        route: &Route,
        body: Option<&str>,
        key: Option<&str>,
    ) -> Result<Response, ServiceError> {
        let url = route.below(&self.base)?;
        let request = self.request(method, &url, body, key)?;
        self.exchange(request, &url).await
    }

    /// Sends a request and reads the answer, all within the time that a request may take.
    async fn exchange(
        &self,
        request: reqwest::RequestBuilder,
        url: &Url,
    ) -> Result<Response, ServiceError> {
        let exchange = async {
            let failed = |error: reqwest::Error| FetchError::of_http(&error, url);
            let response = request.send().await.map_err(failed)?;
            let head = Response::begin(&response, url)?;
            let body = read(response, url, LONGEST_ANSWER, &mut |_, _| ()).await?;
            Ok(Response { body, ..head })
        };
        match tokio::time::timeout(self.timeout, exchange).await {
            Ok(result) => result,
            Err(_) => Err(FetchError::Deadline { url: shown(url), limit: self.timeout }.into()),
        }
    }
}

/// Reads the base URL and refuses one over which no token may go.
fn read_base(text: &str) -> Result<Url, ServiceError> {
    let bad = |detail| FetchError::BadUrl { detail };
    let url = read_url(text)?;
    let written_out = text.split_once("://").is_some_and(|(_, rest)| !rest.starts_with('/'));
    if !written_out || !matches!(url.scheme(), "http" | "https") {
        return Err(bad("expected https://host or, on this machine, http://localhost:8700").into());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(FetchError::UserInfo { url: shown(&url) }.into());
    }
    if url.fragment().is_some() {
        return Err(FetchError::Fragment { url: shown(&url) }.into());
    }
    if url.query().is_some() {
        return Err(bad("a base URL has no query").into());
    }
    if url.scheme() == "http" && !is_loopback(&url) {
        return Err(ServiceError::PlainHttp { url: shown(&url) });
    }
    Ok(url)
}

/// Whether a URL leads to this very machine. Other names than `localhost` lead wherever a name
/// server says.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Knows what `localhost` is without asking.
struct ThisMachine;

impl Lookup for ThisMachine {
    fn lookup(&self, _: &str) -> Looking {
        let addresses = vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        Box::pin(async move { Ok(addresses) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_go_over_tls_or_nowhere() {
        for url in [
            "https://issuer.example",
            "https://10.0.0.1:8700/bonafide/",
            "http://localhost:8700",
            "http://LOCALHOST",
            "http://127.0.0.1:8700",
            "http://127.1.2.3",
            "http://[::1]:8700",
        ] {
            assert!(read_base(url).is_ok(), "{url}");
        }
        for url in [
            "http://issuer.example",
            "http://10.0.0.1",
            "http://192.168.1.1:8700",
            "http://localhost.example",
            "http://a.localhost",
            "http://localhost.",
            "http://127.0.0.1.example",
            "http://[::ffff:127.0.0.1]",
            "http://0.0.0.0",
            "http://[::]",
        ] {
            assert!(matches!(read_base(url), Err(ServiceError::PlainHttp { .. })), "{url}");
        }
    }

    #[test]
    fn odd_base_urls_are_refused() {
        for url in [
            "",
            "localhost:8700",
            "ftp://localhost",
            "http:localhost",
            "http:///localhost",
            "https://user@issuer.example",
            "https://:secret@issuer.example",
            "https://issuer.example/?a=b",
            "https://issuer.example/#a",
            "https://issuer.example\\@other.example",
            "https://issuer.example/\n",
        ] {
            assert!(matches!(read_base(url), Err(ServiceError::Fetch(_))), "{url}");
        }
    }

    #[test]
    fn names_stay_within_their_segment() {
        let base = Url::parse("https://issuer.example/base/").unwrap();
        let below = |segments: &[&str]| Route::new(segments).below(&base);
        let url = below(&["agents", "did:web:a/../b?c#d e%2f"]).unwrap();
        let expected = "https://issuer.example/base/agents/did:web:a%2F..%2Fb%3Fc%23d%20e%252f";
        assert_eq!(url.as_str(), expected);
        for segment in ["", ".", ".."] {
            let refused = below(&["credentials", segment, "revoke"]);
            assert!(matches!(refused, Err(ServiceError::BadSegment { .. })), "{segment:?}");
        }
        let route = Route::new(&["agents"]).with("did", Some("did:web:a&b=c"));
        let url = route.with("name", None::<&str>).below(&base).unwrap();
        assert_eq!(url.query(), Some("did=did%3Aweb%3Aa%26b%3Dc"));
    }

    #[test]
    fn tokens_are_visible_ascii() {
        let token = |text: &str| Token::new(Zeroizing::new(text.to_owned()));
        let header = token("a.b-c_d~e+f/g=").ok().and_then(|token| token.to_header().ok()).unwrap();
        assert!(header.is_sensitive() && header == "Bearer a.b-c_d~e+f/g=");
        for text in ["", "a b", "a\nb", "a\r\nx: y", "\u{e9}", &"a".repeat(4097)] {
            assert!(matches!(token(text), Err(ServiceError::BadToken)), "{text:?}");
        }
    }
}
