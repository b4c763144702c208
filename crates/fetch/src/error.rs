//! Why something was not fetched.

use std::error::Error;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use bonafide_core::Malformed;
use url::Url;

use crate::lookup::Refused;

/// Why something was not fetched.
///
/// [`code`](Self::code) is stable, the wording is not. URLs are shown without user info, query and
/// fragment, which may hold secrets; nothing of a body is shown; what servers and certificates say
/// is cut and escaped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// A root certificate of [`Options::roots`](crate::Options::roots) can't be read.
    #[error("root certificate {index} is not a readable PEM certificate: {detail}")]
    BadRoot {
        /// Which of them, from 0.
        index: usize,
        /// What is wrong with it.
        detail: String,
    },
    /// There is no root certificate to hold servers against.
    #[error("no root certificates: install those of the system, or name some")]
    NoRoots,
    /// The HTTP client can't be set up.
    #[error("the HTTP client can't be set up: {detail}")]
    Setup {
        /// What is wrong.
        detail: String,
    },
    /// The DID leads to no URL.
    #[error("the DID leads to no document: {0}")]
    Did(Malformed),
    /// Not a URL that is fetched from.
    #[error("not a usable URL: {detail}")]
    BadUrl {
        /// What is wrong with it.
        detail: &'static str,
    },
    /// The scheme is not https.
    #[error("{url} is not an https URL; evidence is fetched over HTTPS only")]
    NotHttps {
        /// The URL.
        url: String,
    },
    /// The URL names a user.
    #[error("{url} was given with a user name or password; leave them out")]
    UserInfo {
        /// The URL without them.
        url: String,
    },
    /// The URL has a fragment.
    #[error("{url} was given with a fragment; leave out the number sign and what follows")]
    Fragment {
        /// The URL without it.
        url: String,
    },
    /// The host is an address that is not public, or its name leads to one.
    #[error(
        "{url} leads to {address}, which is not public; allow private addresses if it is yours"
    )]
    PrivateAddress {
        /// The URL.
        url: String,
        /// Where it leads.
        address: IpAddr,
    },
    /// The host's name has no address.
    #[error("the host of {url} is not found: {detail}; check the name and the name servers")]
    Unresolved {
        /// The URL.
        url: String,
        /// What the lookup says.
        detail: String,
    },
    /// No connection comes about.
    #[error("{url} can't be reached: {detail}; check that the host listens there and try again")]
    Unreachable {
        /// The URL.
        url: String,
        /// What the network says.
        detail: String,
    },
    /// The server does not show whom it claims to be, or knows no TLS that is good enough.
    #[error("no trusted TLS connection to {url}: {detail}; name its root if it is your own")]
    Tls {
        /// The URL.
        url: String,
        /// What is wrong.
        detail: String,
    },
    /// The answer was not complete in time.
    #[error("{url} did not answer in full within {limit:?}; try again or allow more time")]
    Deadline {
        /// The URL.
        url: String,
        /// How long the whole request may take.
        limit: Duration,
    },
    /// The server points elsewhere.
    #[error(
        "{url} redirects to {}, which is not followed; name that place itself if it is right",
        .location.as_deref().unwrap_or("what is not a URL")
    )]
    Redirect {
        /// The URL.
        url: String,
        /// Where it points to; `None` where that can't be read.
        location: Option<String>,
    },
    /// The server answers with another status than 200.
    #[error("{url} answers with status {status} where 200 is needed")]
    Status {
        /// The URL.
        url: String,
        /// The number.
        status: u16,
    },
    /// The body is compressed, which nobody asked for.
    #[error("{url} answers with a content encoding; let it send the body as it is")]
    Encoded {
        /// The URL.
        url: String,
    },
    /// The body is larger than its kind may be.
    #[error("{url} sends more than the {cap} bytes that are read of its kind")]
    TooLarge {
        /// The URL.
        url: String,
        /// The most that is read, in bytes.
        cap: usize,
    },
    /// The answer is no HTTP, or breaks off.
    #[error("the answer of {url} is broken: {detail}; try again")]
    BrokenResponse {
        /// The URL.
        url: String,
        /// What is wrong.
        detail: String,
    },
}

impl FetchError {
    /// The stable code, in kebab case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadRoot { .. } => "bad-root",
            Self::NoRoots => "no-roots",
            Self::Setup { .. } => "setup",
            Self::Did(_) => "bad-did",
            Self::BadUrl { .. } => "bad-url",
            Self::NotHttps { .. } => "not-https",
            Self::UserInfo { .. } => "user-info",
            Self::Fragment { .. } => "fragment",
            Self::PrivateAddress { .. } => "private-address",
            Self::Unresolved { .. } => "unresolved",
            Self::Unreachable { .. } => "unreachable",
            Self::Tls { .. } => "tls",
            Self::Deadline { .. } => "deadline",
            Self::Redirect { .. } => "redirect",
            Self::Status { .. } => "status",
            Self::Encoded { .. } => "encoded",
            Self::TooLarge { .. } => "too-large",
            Self::BrokenResponse { .. } => "broken-response",
        }
    }

    /// Says in our terms what the HTTP client says.
    pub(crate) fn of_http(error: &reqwest::Error, url: &Url) -> Self {
        let url = shown(url);
        // The URL was checked before; the client's own complaint is about the one in `Location`.
        if error.is_builder() || error.is_redirect() {
            return Self::Redirect { url, location: None };
        }
        let mut innermost: &(dyn Error + 'static) = error;
        loop {
            if let Some(refused) = innermost.downcast_ref::<Refused>() {
                return match refused {
                    Refused::NotPublic(address) => Self::PrivateAddress { url, address: *address },
                    Refused::Unresolved(detail) => Self::Unresolved { url, detail: quoted(detail) },
                };
            }
            if innermost.is::<rustls::Error>() {
                return Self::Tls { url, detail: quoted(&innermost.to_string()) };
            }
            let Some(inner) = cause(innermost) else { break };
            innermost = inner;
        }
        let detail = quoted(&innermost.to_string());
        if error.is_connect() {
            Self::Unreachable { url, detail }
        } else {
            Self::BrokenResponse { url, detail }
        }
    }
}

fn cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    // An io::Error names as its source what lies below the error that it wraps: it skips that one.
    if let Some(wrapped) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        return Some(wrapped);
    }
    error.source()
}

/// A URL without what may be secret in it.
pub(crate) fn shown(url: &Url) -> String {
    if url.cannot_be_a_base() {
        return format!("{}:…", url.scheme());
    }
    let mut url = url.clone();
    // These fail only for URLs that can't hold them.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    quoted(url.as_str())
}

/// The text of somebody else: cut, and with nothing in it that could paint on a terminal.
pub(crate) fn quoted(text: &str) -> String {
    const LONGEST: usize = 300;
    let mut quoted = String::new();
    for c in text.chars().take(LONGEST) {
        if c == ' ' || c.is_ascii_graphic() {
            quoted.push(c);
        } else {
            quoted.extend(c.escape_default());
        }
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_urls_hold_no_secrets() {
        let show = |text: &str| shown(&Url::parse(text).unwrap());
        assert_eq!(
            show("https://user:secret@issuer.example:8443/a?token=secret#secret"),
            "https://issuer.example:8443/a"
        );
        assert_eq!(show("data:text/plain,secret"), "data:…");
        assert!(show(&format!("https://issuer.example/{}", "a".repeat(1000))).len() <= 300);
    }

    #[test]
    fn texts_of_others_are_cut_and_escaped() {
        assert_eq!(quoted("a \u{1b}[31mb\n"), "a \\u{1b}[31mb\\n");
        assert_eq!(quoted(&"a".repeat(1000)).len(), 300);
    }
}
