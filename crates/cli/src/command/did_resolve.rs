//! `bonafide did resolve`: DID Resolution v1, and of dereferencing what needs no service.

use std::path::PathBuf;

use bonafide_core::did::{Did, DidUrl, resolve_self_certifying, web_document_url, webvh_urls};
use bonafide_core::json::{Object, Value, to_pretty_string};
use bonafide_core::time::Timestamp;
use bonafide_fetch::FetchError;
use bonafide_proof::Unremembered;
use bonafide_proof::webvh::{History, VersionQuery, WebvhError};
use clap::Args;

use super::timestamp;
use crate::app::App;
use crate::failure::{Exit, Failure};
use crate::files;
use crate::human::shown_lines;
use crate::network::{Network, document_of};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  bonafide did resolve did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp
  bonafide did resolve did:web:scorer.example --did-document scorer.did.json
  bonafide did resolve 'did:web:scorer.example#key-1' --fetch
  bonafide did resolve did:webvh:QmXq…:scorer.example --log did.jsonl --version-number 2

Only --fetch uses the network. Ends with 2 if the DID, its version or the part asked for is not
found, and with 1 if what is found is not good.")]
pub(crate) struct Resolve {
    /// The DID, perhaps with a version (?versionId=…) or the name of a key (#key-1).
    did: String,
    /// A DID document to look in; may be repeated. Of no use for a did:webvh.
    #[arg(long, value_name = "FILE")]
    did_document: Vec<PathBuf>,
    /// The history of a did:webvh: its did.jsonl.
    #[arg(long, value_name = "FILE", conflicts_with = "fetch")]
    log: Option<PathBuf>,
    /// The proofs of its witnesses: its did-witness.json.
    #[arg(long, value_name = "FILE", requires = "log")]
    witnesses: Option<PathBuf>,
    /// The version of a did:webvh with this id.
    #[arg(long, value_name = "ID")]
    version_id: Option<String>,
    /// The version of a did:webvh that held at this time.
    #[arg(long, value_parser = timestamp, value_name = "TIME")]
    version_time: Option<Timestamp>,
    /// The version of a did:webvh with this number, from 1.
    #[arg(long, value_name = "NUMBER")]
    version_number: Option<u64>,
    /// Fetch the document or history from where the DID says that it is.
    #[arg(long)]
    fetch: bool,
    #[command(flatten)]
    network: Network,
}

/// What a DID leads to.
struct Found {
    /// The document, or the part of it asked for; `None` if the DID came to its end.
    content: Option<Value<'static>>,
    /// The document's metadata.
    metadata: Object<'static>,
}

/// An error of DID Resolution v1.
#[derive(Debug)]
struct Problem {
    /// Its name, from the section "Errors".
    name: &'static str,
    detail: String,
    /// The code of what went wrong underneath.
    code: Option<&'static str>,
    exit: Exit,
}

/// What ends the search: an answer of its own, or a failure of this program's run.
enum Stop {
    Problem(Problem),
    Failure(Failure),
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

/// Which version is asked for.
#[derive(Debug)]
enum Wanted {
    Id(String),
    Time(Timestamp),
    Number(u64),
}

impl Wanted {
    fn query(&self) -> VersionQuery<'_> {
        match self {
            Self::Id(id) => VersionQuery::Id(id),
            Self::Time(time) => VersionQuery::Time(*time),
            Self::Number(number) => VersionQuery::Number(*number),
        }
    }
}

impl Resolve {
    pub(super) fn run(self, app: &mut App<'_>) -> Result<Exit, Failure> {
        // A part of a document is dereferenced, and the result has other names.
        let members = match self.did.contains('#') {
            true => ["content", "didUrlDereferencingMetadata", "contentMetadata"],
            false => ["didDocument", "didResolutionMetadata", "didDocumentMetadata"],
        };
        match self.find(app) {
            Ok(found) => found.print(members, app),
            Err(Stop::Problem(problem)) => problem.print(members, app),
            Err(Stop::Failure(failure)) => Err(failure),
        }
    }

    fn find(&self, app: &App<'_>) -> Result<Found, Stop> {
        let url = DidUrl::parse(&self.did).map_err(|error| {
            let is_url = self.did.contains(['/', '?', '#']);
            let name = if is_url { "INVALID_DID_URL" } else { "INVALID_DID" };
            Problem::refused(name, error.to_string())
        })?;
        if !url.path.is_empty() {
            let detail = "paths of DID URLs lead to services, which are not asked here";
            return Err(Problem::unknown("FEATURE_NOT_SUPPORTED", detail).into());
        }
        let wanted = self.wanted(url.query)?;
        let did = url.did;
        let found = match did.method() {
            "webvh" => self.history(did, wanted.as_ref(), app)?,
            method if wanted.is_some() => {
                let detail = format!("did:{method} has no versions to choose from");
                return Err(Problem::unknown("FEATURE_NOT_SUPPORTED", detail).into());
            }
            _ => Found { content: Some(self.document(did)?), metadata: Object::new() },
        };
        match url.fragment {
            None => Ok(found),
            Some(fragment) => Ok(found.part(did, fragment)?),
        }
    }

    /// The version asked for, by an option or by the DID URL.
    fn wanted(&self, query: Option<&str>) -> Result<Option<Wanted>, Problem> {
        let invalid = |detail: &str| Problem {
            name: "INVALID_OPTIONS",
            detail: detail.to_owned(),
            code: None,
            exit: Exit::Usage,
        };
        let options = [
            self.version_id.clone().map(Wanted::Id),
            self.version_time.map(Wanted::Time),
            self.version_number.map(Wanted::Number),
        ];
        let mut wanted: Vec<Wanted> = options.into_iter().flatten().collect();
        for parameter in query.into_iter().flat_map(|query| query.split('&')) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let value = decoded(value).ok_or_else(|| invalid("percent-encoding of no text"))?;
            wanted.push(match name {
                "versionId" => Wanted::Id(value),
                "versionTime" => Wanted::Time(
                    Timestamp::parse(&value)
                        .map_err(|error| invalid(&format!("versionTime: {}", error.detail)))?,
                ),
                "versionNumber" => Wanted::Number(
                    value.parse().map_err(|_| invalid("versionNumber: expected a number"))?,
                ),
                _ => {
                    let detail = format!("the parameter {name:?} is not known here");
                    return Err(Problem::unknown("FEATURE_NOT_SUPPORTED", detail));
                }
            });
        }
        if wanted.len() > 1 {
            return Err(invalid("ask for one version, in one way"));
        }
        Ok(wanted.pop())
    }

    /// The document of a DID without a history.
    fn document(&self, did: Did<'_>) -> Result<Value<'static>, Stop> {
        let own = resolve_self_certifying(did);
        if let Some(own) = own {
            let own = own.map_err(|error| Problem::refused("INVALID_DID", error.to_string()))?;
            return Ok(own.as_value().clone());
        }
        for path in &self.did_document {
            let document = files::read_document(path)?;
            if document.id() == did.as_str() {
                return Ok(document.as_value().clone());
            }
        }
        let method = did.method();
        if method != "web" {
            let detail = format!("did:{method} is not a method that is known here");
            return Err(Problem::unknown("METHOD_NOT_SUPPORTED", detail).into());
        }
        let url = web_document_url(did)
            .map_err(|error| Problem::refused("INVALID_DID", error.to_string()))?;
        if !self.fetch {
            let detail = format!(
                "not at hand; it is published at {url} (give it with --did-document, or --fetch it)"
            );
            return Err(Problem::unknown("NOT_FOUND", detail).into());
        }
        let came = self.network.open()?.did_web(did).map_err(|error| Problem::fetching(&error))?;
        let document = document_of(did, &came.body)
            .map_err(|error| Problem::refused("INVALID_DID_DOCUMENT", error.to_string()))?;
        Ok(document.as_value().clone())
    }

    /// A version of a did:webvh, once its whole history is verified.
    fn history(&self, did: Did<'_>, wanted: Option<&Wanted>, app: &App<'_>) -> Result<Found, Stop> {
        let (log, witnesses) = self.log(did)?;
        let history = History::verify(did, &log, witnesses.as_deref(), app.now, &Unremembered)
            .map_err(|error| Problem::history(&error))?;
        let version = match wanted {
            None => history.newest(),
            Some(wanted) => history
                .at(wanted.query())
                .ok_or_else(|| Problem::unknown("NOT_FOUND", "the history has no such version"))?,
        };
        let metadata = history.metadata(version);
        // A version that is asked for by name stays one after the end; nothing else does.
        if wanted.is_none() && history.is_deactivated() {
            return Ok(Found { content: None, metadata });
        }
        if version.did() != did.as_str() {
            let detail = format!("the DID is {} in version {}", version.did(), version.id);
            return Err(Problem::unknown("NOT_FOUND", detail).into());
        }
        version
            .document()
            .map_err(|error| Problem::refused("INVALID_DID_DOCUMENT", error.to_string()))?;
        Ok(Found { content: Some(version.resolved()), metadata })
    }

    /// The files of a did:webvh: its log, and the proofs of its witnesses.
    fn log(&self, did: Did<'_>) -> Result<(Vec<u8>, Option<Vec<u8>>), Stop> {
        let (url, _) =
            webvh_urls(did).map_err(|error| Problem::refused("INVALID_DID", error.to_string()))?;
        if let Some(log) = &self.log {
            let witnesses = self.witnesses.as_deref().map(files::read).transpose()?;
            return Ok((files::read(log)?, witnesses));
        }
        if self.fetch {
            let (log, witnesses) =
                self.network.open()?.did_webvh(did).map_err(|error| Problem::fetching(&error))?;
            return Ok((log.body, witnesses.map(|witnesses| witnesses.body)));
        }
        for path in &self.did_document {
            if files::read_document(path)?.id() == did.as_str() {
                let detail = "a did:webvh proves itself by its history, not by a document; give \
                              the history with --log, or --fetch it";
                return Err(Problem::refused("INVALID_DID_DOCUMENT", detail.to_owned()).into());
            }
        }
        let detail =
            format!("not at hand; it is published at {url} (give it with --log, or --fetch it)");
        Err(Problem::unknown("NOT_FOUND", detail).into())
    }
}

/// Resolves percent-encoding; `None` if what comes out is no text.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let (high, low) = (digit()?, digit()?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

impl Found {
    /// The key or service of the document with this name.
    fn part(self, did: Did<'_>, fragment: &str) -> Result<Self, Problem> {
        // What ended has no parts, and says so.
        let Some(document) = &self.content else { return Ok(self) };
        let (relative, absolute) = (format!("#{fragment}"), format!("{did}#{fragment}"));
        let named = |value: &&Value<'_>| {
            let id = value.get("id").and_then(Value::as_str);
            id.is_some_and(|id| id == relative || id == absolute)
        };
        let members = document.as_object().into_iter().flat_map(Object::iter);
        let mut items = members.flat_map(|(_, member)| member.one_or_more());
        let Some(part) = items.find(named) else {
            let detail = format!("the document has nothing named {relative}");
            return Err(Problem::unknown("NOT_FOUND", detail));
        };
        let content = Some(part.clone());
        Ok(Self { content, metadata: self.metadata })
    }

    fn print(self, members: [&'static str; 3], app: &mut App<'_>) -> Result<Exit, Failure> {
        let exit = if self.content.is_some() { Exit::Accepted } else { Exit::Rejected };
        if app.json {
            let content = self.content.unwrap_or(Value::Null);
            let how = Object::from([("contentType", "application/did")]);
            return print(members, content, how, self.metadata, exit, app);
        }
        if let Some(content) = &self.content {
            write!(app.out, "{}", shown_lines(&to_pretty_string(content)))?;
        } else {
            let version = self.metadata.str("versionId").unwrap_or_default();
            writeln!(app.out, "the DID came to its end with version {version}")?;
        }
        Ok(exit)
    }
}

impl Problem {
    /// What was found or given is not good.
    fn refused(name: &'static str, detail: String) -> Self {
        Self { name, detail, code: None, exit: Exit::Rejected }
    }

    /// Something is missing, here or there.
    fn unknown(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, detail: detail.into(), code: None, exit: Exit::Undecided }
    }

    /// The history is not good, so the DID is nobody's ("Read (Resolve)" of did:webvh 1.0).
    fn history(error: &WebvhError) -> Self {
        Self { code: Some(error.code()), ..Self::refused("INVALID_DID", error.to_string()) }
    }

    /// The document or history did not come.
    fn fetching(error: &FetchError) -> Self {
        let name = match error {
            FetchError::Status { status: 404 | 410, .. } => "NOT_FOUND",
            _ => "INTERNAL_ERROR",
        };
        Self { code: Some(error.code()), ..Self::unknown(name, error.to_string()) }
    }

    /// A short text for people; the detail says more.
    fn title(&self) -> &'static str {
        match self.name {
            "INVALID_DID" => "The DID is not valid",
            "INVALID_DID_URL" => "The DID URL is not valid",
            "INVALID_DID_DOCUMENT" => "The DID document is not valid",
            "INVALID_OPTIONS" => "The options do not go together",
            "NOT_FOUND" => "Not found",
            "METHOD_NOT_SUPPORTED" => "The DID method is not supported",
            "FEATURE_NOT_SUPPORTED" => "This is not supported",
            _ => "Something went wrong on the way",
        }
    }

    fn print(self, members: [&'static str; 3], app: &mut App<'_>) -> Result<Exit, Failure> {
        if !app.json {
            let code = self.code.map(|code| format!(" [{code}]")).unwrap_or_default();
            let text = shown_lines(&format!("{}: {}{code}", self.name, self.detail));
            writeln!(app.out, "{text}")?;
            return Ok(self.exit);
        }
        // Problem details (RFC 9457), of a type that DID Resolution defines.
        let mut error = Object::from([
            ("type", format!("https://www.w3.org/ns/did#{}", self.name)),
            ("title", self.title().to_owned()),
            ("detail", self.detail),
        ]);
        if let Some(code) = self.code {
            error.insert("code", code);
        }
        let how = Object::from([("error", error)]);
        print(members, Value::Null, how, Object::new(), self.exit, app)
    }
}

/// Prints a result of the three parts that both functions of DID Resolution give.
fn print(
    [content, how, about]: [&'static str; 3],
    what: Value<'static>,
    metadata: Object<'static>,
    of_content: Object<'static>,
    exit: Exit,
    app: &mut App<'_>,
) -> Result<Exit, Failure> {
    let result =
        Object::from([(content, what), (how, metadata.into()), (about, of_content.into())]);
    write!(app.out, "{}", to_pretty_string(&result.into()))?;
    Ok(exit)
}
