//! Audit records in files: a line of JSON for each, `{"sequence":…,"entry":…,"record":…}`, of which
//! anybody who has the log can tell that nothing was changed, and what is missing.
//!
//! The entry is on the log and holds the SHA-256 of the record, so both stand in the line byte for
//! byte. A record that was erased is `null`; its entry stays.

use std::io::{BufRead, Read as _, Write};

use bonafide_core::encoding::encode_base64url;
use bonafide_core::json::{Limits, parse};
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::log::offline::Entries;
use crate::log::{LONGEST_ENTRY, LogError};
use crate::store::{Store, StoreError};

/// No line is longer, in bytes.
const LONGEST_LINE: u64 = 64 << 20;

/// So many of what is missing or wrong are named one by one; the rest is counted.
const MOST_NAMED: usize = 100;

/// Why nothing was written or checked.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// Reading or writing the lines.
    #[error("the records: {0}")]
    Io(#[from] std::io::Error),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log.
    #[error("the log: {0}")]
    Log(#[from] LogError),
    /// What the service answers is no page of records.
    #[error("not a page of audit records: {0}")]
    Page(String),
}

/// Told how many are done, and of how many.
type Progress<'p> = dyn FnMut(u64, u64) + 'p;

fn write_line(
    out: &mut dyn Write,
    sequence: u64,
    entry: &[u8],
    record: Option<&[u8]>,
) -> std::io::Result<()> {
    write!(out, "{{\"sequence\":{sequence},\"entry\":")?;
    out.write_all(entry)?;
    out.write_all(b",\"record\":")?;
    out.write_all(record.unwrap_or(b"null"))?;
    out.write_all(b"}\n")
}

/// Writes every record of a store; how many there were.
pub fn export(
    store: &dyn Store,
    out: &mut dyn Write,
    progress: &mut Progress<'_>,
) -> Result<u64, AuditError> {
    let end = store.next_event()?;
    for sequence in 0..end {
        let event = store.event(sequence)?;
        let event =
            event.ok_or_else(|| StoreError::Damaged(format!("the event {sequence} is missing")))?;
        write_line(out, sequence, &event.entry, Some(&event.record))?;
        progress(sequence + 1, end);
    }
    Ok(end)
}

/// A page as `GET /audit` answers it.
#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    items: Vec<Line<'a>>,
    next: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    sequence: u64,
    #[serde(borrow)]
    entry: &'a RawValue,
    #[serde(borrow)]
    record: Option<&'a RawValue>,
}

/// Writes the records of a page that a service answered; how many there were, and from where the
/// next page goes on.
pub fn write_page(page: &str, out: &mut dyn Write) -> Result<(u64, Option<u64>), AuditError> {
    let page: Page<'_> =
        serde_json::from_str(page).map_err(|error| AuditError::Page(error.to_string()))?;
    for item in &page.items {
        let record = item.record.map(|record| record.get().as_bytes());
        write_line(out, item.sequence, item.entry.get().as_bytes(), record)?;
    }
    Ok((page.items.len() as u64, page.next))
}

/// Whether an entry is the one of this record.
pub(crate) fn commits(entry: &[u8], record: &[u8]) -> bool {
    let Ok(entry) = parse(entry, &Limits::for_size(LONGEST_ENTRY)) else { return false };
    let commitment = entry.get("commitment").and_then(|commitment| commitment.as_str());
    commitment == Some(encode_base64url(&Sha256::digest(record)).as_str())
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Not a line of this form.
    Malformed,
    /// Its sequence does not come after the one before.
    OutOfOrder,
    /// Its entry is not the one on the log.
    EntryChanged,
    /// Its record is not the one that was logged.
    RecordChanged,
}

impl Fault {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Malformed => "line-malformed",
            Self::OutOfOrder => "out-of-order",
            Self::EntryChanged => "entry-changed",
            Self::RecordChanged => "record-changed",
        }
    }

    /// The same in words.
    pub fn text(self) -> &'static str {
        match self {
            Self::Malformed => "is no line of sequence, entry and record",
            Self::OutOfOrder => "does not come after the line before it",
            Self::EntryChanged => "has another entry than the log",
            Self::RecordChanged => "has another record than the one that was logged",
        }
    }
}

/// Places on the log, first and last.
pub type Span = (u64, u64);

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many entries the log has.
    pub size: u64,
    /// How many records are those that were logged.
    pub good: u64,
    /// Of how many entries there is no line.
    pub missing: u64,
    /// The first of them.
    pub missing_spans: Vec<Span>,
    /// How many records were erased, and their entries are the log's.
    pub erased: u64,
    /// The first of them.
    pub erased_spans: Vec<Span>,
    /// How many lines are beyond the log's checkpoint and can't be checked.
    pub beyond: u64,
    /// How many lines are wrong.
    pub wrong: u64,
    /// The first of them: the line, from 1, its sequence if it has one, and what is wrong.
    pub faults: Vec<(u64, Option<u64>, Fault)>,
}

impl Report {
    /// Whether all is there and nothing is wrong.
    pub fn is_whole(&self) -> bool {
        self.wrong == 0 && self.missing == 0 && self.erased == 0
    }

    fn missing(&mut self, first: u64, end: u64) {
        if first < end {
            self.missing += end - first;
            add(&mut self.missing_spans, (first, end - 1));
        }
    }

    fn fault(&mut self, line: u64, sequence: Option<u64>, fault: Fault) {
        self.wrong += 1;
        if self.faults.len() < MOST_NAMED {
            self.faults.push((line, sequence, fault));
        }
    }
}

fn add(spans: &mut Vec<Span>, (first, last): Span) {
    let full = spans.len() >= MOST_NAMED;
    match spans.last_mut() {
        Some(span) if span.1 + 1 == first => span.1 = last,
        Some(_) if full => {}
        _ => spans.push((first, last)),
    }
}

/// Holds every line against the log: its entry is the log's, and its record the one that the entry
/// commits to. Whether the log is what was signed is to be checked before.
pub fn verify(
    lines: &mut dyn BufRead,
    log: &mut Entries,
    progress: &mut Progress<'_>,
) -> Result<Report, AuditError> {
    let size = log.size();
    let mut report = Report { size, ..Report::default() };
    let (mut next, mut number, mut text) = (0, 0, Vec::new());
    loop {
        text.clear();
        number += 1;
        if (&mut *lines).take(LONGEST_LINE).read_until(b'\n', &mut text)? == 0 {
            break;
        }
        if text.trim_ascii().is_empty() {
            continue;
        }
        let Ok(line) = serde_json::from_slice::<Line<'_>>(&text) else {
            report.fault(number, None, Fault::Malformed);
            continue;
        };
        if line.sequence < next {
            report.fault(number, Some(line.sequence), Fault::OutOfOrder);
            continue;
        }
        report.missing(next, line.sequence.min(size));
        next = line.sequence.saturating_add(1);
        if line.sequence >= size {
            report.beyond += 1;
            continue;
        }
        let entry = line.entry.get().as_bytes();
        let record = line.record.map(|record| record.get().as_bytes());
        match record {
            _ if log.get(line.sequence)? != entry => {
                report.fault(number, Some(line.sequence), Fault::EntryChanged);
            }
            None => {
                report.erased += 1;
                add(&mut report.erased_spans, (line.sequence, line.sequence));
            }
            Some(record) if commits(entry, record) => report.good += 1,
            Some(_) => report.fault(number, Some(line.sequence), Fault::RecordChanged),
        }
        progress(next.min(size), size);
    }
    report.missing(next, size);
    Ok(report)
}
