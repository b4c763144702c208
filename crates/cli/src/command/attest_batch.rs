//! `bonafide attest --batch`.

use std::fs::File;
use std::path::{Path, PathBuf};

use bonafide_core::json::{Limits, Object, Value, canonical_length, parse};
use bonafide_fetch::Route;
use serde_json::json;

use super::attest::line;
use crate::app::App;
use crate::failure::{Exit, Failure};
use crate::files;
use crate::problem::Problem;
use crate::remote::{Remote, note};

/// The most that the service takes at once.
const MOST: usize = 1000;

/// Within the 4 MiB that a request may have, in bytes.
const LARGEST: usize = 3 << 20;

/// Failures that are told one by one; the results hold all of them.
const MOST_TOLD: usize = 10;

/// Reads a batch: JSON lines, or one array. All of it is looked at before anything is sent.
pub(super) fn items(path: &Path) -> Result<Vec<Value<'static>>, Failure> {
    let text = files::read_text(path)?;
    let shown = path.display();
    let items = if text.trim_start().starts_with('[') {
        let limits = Limits::for_size(text.len().max(1 << 20));
        let value = parse(text.as_bytes(), &limits)
            .map_err(|error| Failure::usage(format!("{shown}: not strict JSON: {error}")))?;
        match value.into_owned() {
            Value::Array(items) => items,
            _ => Vec::new(),
        }
    } else {
        lines(&text, path)?
    };
    for (number, item) in (1..).zip(&items) {
        for member in ["agent", "type"] {
            if item.get(member).and_then(Value::as_str).is_none() {
                return Err(Failure::usage(format!("{shown}: item {number} names no {member}")));
            }
        }
    }
    if items.is_empty() {
        return Err(Failure::usage(format!("{shown} holds nothing to attest")));
    }
    Ok(items)
}

fn lines(text: &str, path: &Path) -> Result<Vec<Value<'static>>, Failure> {
    let mut items = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() {
            continue;
        }
        let item = parse(line.as_bytes(), &Limits::for_size(1 << 20)).map_err(|error| {
            let shown = path.display();
            Failure::usage(format!("{shown}, line {number}: not strict JSON: {error}"))
        })?;
        items.push(item.into_owned());
    }
    Ok(items)
}

/// Where results go, and how many there are.
struct Results {
    out: Option<(PathBuf, File)>,
    attested: usize,
    failed: usize,
}

/// Has all items attested but the first `skip`.
pub(super) fn run(
    items: &[Value<'static>],
    skip: usize,
    out: Option<&Path>,
    remote: &Remote,
    app: &mut App<'_>,
) -> Result<Exit, Failure> {
    let out = match out.filter(|path| !files::is_standard_output(path)) {
        Some(path) => {
            Some((path.to_owned(), files::create_private(path, "the result of a batch")?))
        }
        None => None,
    };
    let mut results = Results { out, attested: 0, failed: 0 };
    let route = Route::new(&["attestations"]);
    let mut done = skip.min(items.len());
    while done < items.len() {
        let chunk = &items[done..done + fitting(&items[done..])];
        let body = Object::from([("items", Value::Array(chunk.to_vec()))]);
        let came = remote.create(&route, body, app).and_then(|answer| {
            let came = answer.value.get("results").and_then(Value::as_array).unwrap_or_default();
            if came.len() != chunk.len() {
                let message = format!("{} results for {} items", came.len(), chunk.len());
                return Err(Failure::fault(format!("the service answers with {message}")));
            }
            results.take(came, done, app)
        });
        if let Err(failure) = came {
            results.discard_if_empty();
            return Err(broken_off(failure, done));
        }
        done += chunk.len();
        if !app.json {
            note(&format!("{done} of {} done, {} failed", items.len(), results.failed), app);
        }
    }
    results.summary(app)
}

/// How many of the items go into one request; at least one.
fn fitting(items: &[Value<'static>]) -> usize {
    let mut bytes = 0;
    let fits = items.iter().take(MOST).take_while(|item| {
        bytes += canonical_length(item) + 1;
        bytes <= LARGEST
    });
    fits.count().max(1)
}

impl Results {
    /// Writes the results of a chunk that begins after `before` items.
    fn take(
        &mut self,
        came: &[Value<'_>],
        before: usize,
        app: &mut App<'_>,
    ) -> Result<(), Failure> {
        let mut text = String::new();
        for (number, result) in (before + 1..).zip(came) {
            text.push_str(&line(result));
            let status = result.get("status").and_then(Value::as_integer);
            if status.is_some_and(|status| (200..300).contains(&status)) {
                self.attested += 1;
                continue;
            }
            self.failed += 1;
            if self.failed <= MOST_TOLD && !app.json {
                let problem = result.get("problem").and_then(Problem::read);
                let why = problem.map_or("no reason given".to_owned(), |it| it.in_one_line());
                note(&format!("item {number}: {why}"), app);
            }
        }
        match &mut self.out {
            Some((path, file)) => files::append(file, path, &text),
            None => Ok(app.out.write_all(text.as_bytes())?),
        }
    }

    /// A file without results would only stand in the way of the next try.
    fn discard_if_empty(&self) {
        if let Some((path, _)) = &self.out
            && self.attested + self.failed == 0
        {
            let _ = std::fs::remove_file(path);
        }
    }

    fn summary(self, app: &mut App<'_>) -> Result<Exit, Failure> {
        let Self { out, attested, failed } = self;
        let out = out.map(|(path, _)| path.display().to_string());
        match (&out, app.json) {
            (Some(out), true) => {
                app.print_json(&json!({"attested": attested, "failed": failed, "out": out}))?;
            }
            (Some(out), false) => {
                writeln!(app.out, "{attested} attested, {failed} failed; results in {out}")?;
            }
            // Standard output is full of results.
            (None, false) => note(&format!("{attested} attested, {failed} failed"), app),
            (None, true) => {}
        }
        Ok(if failed == 0 { Exit::Accepted } else { Exit::Rejected })
    }
}

/// What was done is done, and nobody should have it done again.
fn broken_off(mut failure: Failure, done: usize) -> Failure {
    if done == 0 {
        return failure;
    }
    failure.message = format!("{}\n  the first {done} items are done", failure.message);
    failure.with_help(format!("--skip {done}, with another name for --out"))
}
