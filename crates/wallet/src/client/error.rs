//! What can go wrong between a wallet and an issuer.

use std::fmt;
use std::time::Duration;

use bonafide_core::json::{Limits, Value, parse};
use bonafide_fetch::{Response, ServiceError};

use crate::choose::Missing;
use crate::error::WalletError;

/// The longest text of an issuer that is shown of one thing, in characters.
const LONGEST: usize = 1000;

/// The most places of a request that are shown.
const MOST_ERRORS: usize = 20;

/// Why an issuer did not do what it was asked to, or what it sent was not kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The wallet itself.
    #[error(transparent)]
    Wallet(#[from] WalletError),
    /// Something that has to be shown is not held.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// The issuer was not asked, or gave no answer.
    #[error("no answer from {url}: {error}")]
    Unanswered {
        /// Where it is.
        url: String,
        /// What is wrong.
        error: ServiceError,
    },
    /// The issuer said no.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// The answer is not what an issuer of bonafide sends.
    #[error("{url} answers with what is not an issuer's answer: {detail}")]
    Foreign {
        /// Where it came from.
        url: String,
        /// What is wrong with it.
        detail: String,
    },
    /// Not an enrolment link.
    #[error("this is no enrolment link: {0}")]
    NotALink(&'static str),
    /// Whoever answers at the link is somebody else than the link says. Nothing was signed for it.
    #[error("the link leads to {link}, where {named} answers; ask the operator for another link")]
    OtherIssuer {
        /// The issuer's URL in the link.
        link: String,
        /// What the one there calls itself.
        named: String,
    },
    /// An issuer is not what it was when the wallet came to know it.
    #[error("the issuer {name} was {was} and says that it is {is} now; ask its operator")]
    IssuerChanged {
        /// Its name in the wallet.
        name: String,
        /// The DIDs of it and of its signer of bundles, as they were.
        was: String,
        /// What they are now.
        is: String,
    },
    /// The wallet has an issuer of that name that is elsewhere.
    #[error("there is an issuer {0} already, at another URL; give this one another name")]
    NameTaken(String),
}

/// What an issuer has against a request (RFC 9457, or RFC 6749, 5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The stable code, such as `grant-refused`.
    pub code: Option<String>,
    /// What is wrong, in words.
    pub detail: String,
    /// Each place of the request that is wrong.
    pub errors: Vec<String>,
    /// When to ask again, where the issuer says so.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// Reads the body of an answer that is no success.
    pub(crate) fn of(answer: &Response, url: &str) -> Self {
        let value = parse(&answer.body, &Limits::for_size(1 << 20)).ok();
        let text = |name: &str| Some(cut(value.as_ref()?.get(name)?.as_str()?));
        let detail = text("detail").or_else(|| text("error_description"));
        let detail = detail.or_else(|| text("title")).unwrap_or_else(|| {
            format!("{url} answers with status {} and does not say why", answer.status)
        });
        let errors = value.as_ref().and_then(|value| value.get("errors")?.as_array());
        let errors = errors.unwrap_or_default().iter().filter_map(line);
        Self {
            status: answer.status,
            code: text("code").or_else(|| text("error")),
            errors: errors.filter(|error| !detail.contains(error)).take(MOST_ERRORS).collect(),
            detail,
            retry_after: answer.retry_after,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)?;
        if let Some(code) = &self.code {
            write!(f, " [{code}]")?;
        }
        for error in &self.errors {
            write!(f, "\n  {error}")?;
        }
        Ok(())
    }
}

/// One of `errors`: where it is, and what is wrong there.
fn line(error: &Value<'_>) -> Option<String> {
    let text = |name: &str| error.get(name).and_then(Value::as_str).map(cut);
    let detail = text("detail")?;
    match text("pointer").filter(|pointer| !pointer.is_empty()) {
        Some(pointer) => Some(format!("{pointer}: {detail}")),
        None => Some(detail),
    }
}

/// Text of others: not endless, and without what paints on a terminal.
fn cut(text: &str) -> String {
    let safe = |c: char| if c.is_control() && c != '\n' { ' ' } else { c };
    let mut cut: String = text.chars().take(LONGEST).map(safe).collect();
    if text.chars().nth(LONGEST).is_some() {
        cut.push('…');
    }
    cut
}
