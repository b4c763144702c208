//! Problem details (RFC 9457), and why the service was not asked: as failures to tell a person.

use bonafide_core::json::{Limits, Value, parse};
use bonafide_fetch::{FetchError, Response, ServiceError};

use crate::failure::{Exit, Failure};
use crate::human::shown;

/// The longest text of the service that is shown of one thing, in characters.
const LONGEST: usize = 1000;

/// The most places of a request that are shown.
const MOST_ERRORS: usize = 20;

/// What the service has against a request.
pub(crate) struct Problem {
    pub(crate) code: Option<String>,
    detail: String,
    errors: Vec<String>,
}

impl Problem {
    /// Reads the body of an answer.
    pub(crate) fn of(response: &Response) -> Option<Self> {
        let limits = Limits::for_size(1 << 20);
        parse(&response.body, &limits).ok().and_then(|value| Self::read(&value))
    }

    /// Reads problem details; `None` if they say nothing.
    pub(crate) fn read(value: &Value<'_>) -> Option<Self> {
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(cut);
        let detail = text("detail").or_else(|| text("title"))?;
        let errors = value.get("errors").and_then(Value::as_array).unwrap_or_default();
        let mut lines: Vec<String> = errors.iter().take(MOST_ERRORS).filter_map(line).collect();
        if let [only] = &lines[..]
            && detail.contains(only.as_str())
        {
            lines.clear();
        }
        if errors.len() > MOST_ERRORS {
            lines.push(format!("and {} more", errors.len() - MOST_ERRORS));
        }
        Some(Self { code: text("code"), detail, errors: lines })
    }

    /// The detail and the code, in one line.
    fn headline(&self) -> String {
        match &self.code {
            Some(code) => format!("{} [{code}]", self.detail),
            None => self.detail.clone(),
        }
    }

    /// All of it, in one line.
    pub(crate) fn in_one_line(&self) -> String {
        let errors = self.errors.iter().map(String::as_str);
        std::iter::once(self.headline().as_str()).chain(errors).collect::<Vec<_>>().join("; ")
    }

    /// All of it: each place that is wrong has a line of its own.
    pub(crate) fn message(&self) -> String {
        let mut message = self.headline();
        for error in &self.errors {
            message.push_str("\n  ");
            message.push_str(error);
        }
        message
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

fn cut(text: &str) -> String {
    let end = text.char_indices().nth(LONGEST).map(|(index, _)| index);
    match end {
        Some(end) => format!("{}…", shown(&text[..end])),
        None => shown(text),
    }
}

/// An answer that is none of success.
pub(crate) fn refused(response: &Response, url: &str) -> Failure {
    let status = response.status;
    let message = match Problem::of(response) {
        Some(problem) => problem.message(),
        None => format!("{url} answers with status {status} and does not say why"),
    };
    let exit = if (400..500).contains(&status) { Exit::Usage } else { Exit::Fault };
    let help = response.retry_after.map(|wait| format!("again in {} s", wait.as_secs()));
    Failure { exit, message, help }
}

/// Why there is no answer.
pub(crate) fn unanswered(error: &ServiceError, url: &str) -> Failure {
    let ServiceError::Fetch(error) = error else {
        let failure = Failure::usage(error.to_string());
        return match error {
            ServiceError::PlainHttp { .. } => failure.with_help("--url https://…"),
            _ => failure,
        };
    };
    if let FetchError::Unreachable { detail, .. } = error {
        let message = format!("no connection: {detail}; is bonafide serve running at {url}?");
        return Failure::fault(message);
    }
    let exit = match error {
        FetchError::BadRoot { .. }
        | FetchError::NoRoots
        | FetchError::BadUrl { .. }
        | FetchError::UserInfo { .. }
        | FetchError::Fragment { .. } => Exit::Usage,
        _ => Exit::Fault,
    };
    let help = match error {
        FetchError::NoRoots | FetchError::Tls { .. } => Some("--ca FILE"),
        FetchError::BadUrl { .. } => Some("--url https://…"),
        _ => None,
    };
    let message = format!("{error} [{}]", error.code());
    Failure { exit, message, help: help.map(ToOwned::to_owned) }
}
