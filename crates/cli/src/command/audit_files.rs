//! `bonafide audit export` and `verify`: audit records in files.

use std::io::{BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bonafide_fetch::Route;
use bonafide_issuer::audit::{self, AuditError, Report, Span};
use bonafide_issuer::log::offline::{self, Entries};
use bonafide_issuer::store::{NoViews, SledOptions, SledStore, StoreError};
use clap::Args;
use serde_json::json;

use super::log;
use crate::app::App;
use crate::failure::{Exit, Failure};
use crate::files::Draft;
use crate::human::{DIM, GREEN, PLAIN, RED, YELLOW};
use crate::progress::Progress;
use crate::remote::Connection;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  bonafide audit export /var/lib/bonafide --out audit.jsonl     (the service is stopped)
  bonafide audit export --url https://issuer.example --token-file auditor.token --out audit.jsonl

The records say who did what for whom: keep the file as you keep the data folder.")]
pub(super) struct Export {
    /// The data folder of a service that is stopped; without it, the service at --url is asked.
    data: Option<PathBuf>,
    /// Where to write.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example: bonafide audit verify audit.jsonl --log /var/lib/bonafide --key 'issuer.example/log+1a2b3c4d+AQ…'

Exit codes: 0 every entry of the log has its record; 1 something was changed or is missing; 2 there
are records that the log does not reach to yet."
)]
pub(super) struct Verify {
    /// The records, as audit export wrote them.
    file: PathBuf,
    /// The log: a service's data folder, its log, or a copy in tiles.
    #[arg(long, value_name = "FOLDER")]
    log: PathBuf,
    #[command(flatten)]
    key: log::Key,
    /// Records may be missing, as where some were erased: they are told of, and no fault.
    #[arg(long)]
    allow_missing: bool,
}

impl Export {
    pub(super) fn run(&self, connection: &Connection, app: &mut App<'_>) -> Result<Exit, Failure> {
        let mut draft = Draft::begin(&self.out, false)?;
        let mut out = BufWriter::with_capacity(1 << 18, &mut draft);
        let mut progress = Progress::new("records", 1 << 18, app.json);
        let count = match &self.data {
            Some(data) => {
                let store = open(data)?;
                audit::export(&store, &mut out, &mut |n, of| progress.tell(n, of))
                    .map_err(|error| fault(&error))?
            }
            None => pages(connection, &mut out, &mut progress)?,
        };
        out.flush().map_err(|error| fault(&AuditError::Io(error)))?;
        drop(out);
        draft.finish()?;
        let shown = self.out.display();
        if app.json {
            app.print_json(&json!({"records": count, "out": self.out}))?;
        } else {
            writeln!(app.out, "{count} records written to {shown}")?;
        }
        Ok(Exit::Accepted)
    }
}

/// The store of a service that is stopped.
pub(super) fn open(data: &Path) -> Result<SledStore, Failure> {
    if !SledStore::is_at(data) {
        return Err(Failure::usage(format!("{} holds no data of a service", data.display())));
    }
    let options =
        SledOptions { folder: data.to_owned(), cache: 64 << 20, on_stop: Box::new(|_| ()) };
    SledStore::open(options, Arc::new(NoViews))
        .map(|(store, _)| store)
        .map_err(|error| not_opened(&error))
}

/// Why a data folder can't be used, and what to do about it.
pub(super) fn not_opened(error: &StoreError) -> Failure {
    match error {
        StoreError::Stopped(detail) if detail.contains("is in use by") => {
            Failure::usage(detail.clone())
                .with_help("stop the service, or ask it with --url instead of naming its folder")
        }
        _ => Failure::fault(error.to_string()),
    }
}

fn fault(error: &AuditError) -> Failure {
    Failure::fault(error.to_string())
}

/// All that a running service has, page by page.
fn pages(
    connection: &Connection,
    out: &mut dyn std::io::Write,
    progress: &mut Progress,
) -> Result<u64, Failure> {
    let remote = connection.open()?;
    let (mut count, mut from) = (0, 0);
    loop {
        let route = Route::new(&["audit"]).with("from", Some(from)).with("limit", Some(1000));
        let answer = remote.get(&route)?;
        let (there, next) = audit::write_page(answer.raw(), out).map_err(|error| fault(&error))?;
        count += there;
        progress.tell(count, u64::MAX);
        match next.filter(|next| *next > from) {
            Some(next) => from = next,
            None => return Ok(count),
        }
    }
}

impl Verify {
    pub(super) fn run(&self, app: &mut App<'_>) -> Result<Exit, Failure> {
        let (key, folder) = (self.key.read()?, log::find(&self.log)?);
        let file = std::fs::File::open(&self.file).map_err(|error| {
            Failure::usage(format!("can't read {}: {error}", self.file.display()))
        })?;
        let mut progress = Progress::new("entries checked", 1 << 20, app.json);
        let checked =
            offline::verify_telling(&folder, &key, &[], &mut |n, of| progress.tell(n, of))
                .and_then(|_| Entries::open(&folder, &key));
        let mut entries = match checked {
            Ok(entries) => entries,
            Err(error) => return log::bad(&error, Some(&self.log), app),
        };
        let mut progress = Progress::new("records checked", 1 << 18, app.json);
        let mut lines = BufReader::with_capacity(1 << 18, file);
        let report = audit::verify(&mut lines, &mut entries, &mut |n, of| progress.tell(n, of))
            .map_err(|error| fault(&error))?;
        let lacks = report.missing + report.erased > 0;
        let exit = match () {
            () if report.wrong > 0 || lacks && !self.allow_missing => Exit::Rejected,
            () if report.beyond > 0 => Exit::Undecided,
            () => Exit::Accepted,
        };
        if app.json {
            app.print_json(&json_of(&report, exit))?;
        } else {
            tell(&report, exit, app)?;
        }
        Ok(exit)
    }
}

fn json_of(report: &Report, exit: Exit) -> serde_json::Value {
    let spans = |spans: &[Span]| -> Vec<_> {
        spans.iter().map(|(first, last)| json!({"first": first, "last": last})).collect()
    };
    let fault = |(line, sequence, fault): &(u64, Option<u64>, audit::Fault)| json!({"line": line, "sequence": sequence, "code": fault.code(), "message": fault.text()});
    json!({
        "good": exit == Exit::Accepted, "logSize": report.size, "records": report.good,
        "missing": report.missing, "missingSpans": spans(&report.missing_spans),
        "erased": report.erased, "erasedSpans": spans(&report.erased_spans),
        "beyondTheLog": report.beyond, "wrong": report.wrong,
        "reasons": report.faults.iter().map(fault).collect::<Vec<_>>(),
    })
}

fn tell(report: &Report, exit: Exit, app: &mut App<'_>) -> Result<(), Failure> {
    let (style, mark, word) = match exit {
        Exit::Accepted => (GREEN, '✓', "good"),
        Exit::Undecided => (YELLOW, '?', "not decided"),
        _ => (RED, '✗', "not good"),
    };
    let (good, size) = (report.good, report.size);
    writeln!(
        app.out,
        "{style}{mark} {word}{PLAIN} {good} records are those logged, of {size} entries on the log"
    )?;
    for (line, sequence, fault) in &report.faults {
        let sequence = sequence.map(|sequence| format!(", record {sequence},")).unwrap_or_default();
        let (text, code) = (fault.text(), fault.code());
        writeln!(app.out, "  line {line}{sequence} {text} {RED}[{code}]{PLAIN}")?;
    }
    let named = report.faults.len() as u64;
    if report.wrong > named {
        writeln!(app.out, "  and {} lines more", report.wrong - named)?;
    }
    let lacking = [
        ("missing", "record-missing", report.missing, &report.missing_spans),
        ("erased", "record-erased", report.erased, &report.erased_spans),
    ];
    for (word, code, count, spans) in lacking {
        if count > 0 {
            writeln!(
                app.out,
                "  {count} records are {word}: {} {YELLOW}[{code}]{PLAIN}",
                list(spans)
            )?;
        }
    }
    if report.beyond > 0 {
        writeln!(
            app.out,
            "  {DIM}{} records come after the log's checkpoint and were not checked{PLAIN}",
            report.beyond
        )?;
    }
    Ok(())
}

fn list(spans: &[Span]) -> String {
    let span = |(first, last): &Span| match first == last {
        true => first.to_string(),
        false => format!("{first} to {last}"),
    };
    let shown: Vec<String> = spans.iter().take(20).map(span).collect();
    let more = if spans.len() > shown.len() { ", …" } else { "" };
    shown.join(", ") + more
}
