//! `bonafide audit`.

use std::fmt::Write as _;

use bonafide_core::json::{Object, Value};
use bonafide_core::time::Timestamp;
use bonafide_fetch::Route;
use clap::{Args, Subcommand};

use super::{audit_files, timestamp};
use crate::app::App;
use crate::failure::{Exit, Failure};
use crate::human::{BOLD, DIM, PLAIN, shown};
use crate::remote::Connection;
use crate::table::{self, cell};

#[derive(Debug, Args)]
pub(crate) struct Audit {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the records, the oldest first.
    #[command(
        after_help = "Example: bonafide audit list --agent did:key:z6Mk… --since 2026-01-31T12:00:00Z"
    )]
    List(List),
    /// Write every record into a file, a line of JSON each.
    Export(audit_files::Export),
    /// Hold a file of records against the log: what is missing, and what was changed.
    Verify(audit_files::Verify),
}

#[derive(Debug, Args)]
struct List {
    /// Begin with this record.
    #[arg(long, value_name = "SEQUENCE")]
    from: Option<u64>,
    /// How many at most.
    #[arg(long, value_name = "N")]
    limit: Option<u32>,
    /// Those about this agent: its id, or its DID.
    #[arg(long)]
    agent: Option<String>,
    /// What was done with this token: its id.
    #[arg(long, value_name = "TOKEN_ID")]
    by: Option<String>,
    /// Those of this kind, such as credential-revoked.
    #[arg(long)]
    event: Option<String>,
    /// Those from this time on.
    #[arg(long, value_parser = timestamp, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Those before this time.
    #[arg(long, value_parser = timestamp, value_name = "TIME")]
    until: Option<Timestamp>,
}

impl Audit {
    pub(crate) fn run(self, app: &mut App<'_>) -> Result<Exit, Failure> {
        let list = match self.action {
            Action::List(list) => list,
            Action::Export(export) => return export.run(&self.connection, app),
            Action::Verify(verify) => return verify.run(app),
        };
        let remote = self.connection.open()?;
        let agent = list.agent.map(|agent| remote.agent(&agent)).transpose()?;
        let route = Route::new(&["audit"])
            .with("from", list.from)
            .with("limit", list.limit)
            .with("agent", agent)
            .with("token", list.by)
            .with("event", list.event)
            .with("since", list.since)
            .with("until", list.until);
        remote.get(&route)?.tell(app, records)
    }
}

/// What has a column of its own, or says nothing to a person.
const NOT_TOLD: [&str; 5] = ["actor", "event", "request", "salt", "time"];

/// The records of a page, a line each: number, time, event and who it was, and then whatever else
/// the record holds.
pub(super) fn records(page: &Value<'_>) -> String {
    let items = page.get("items").and_then(Value::as_array).unwrap_or_default();
    let mut text = String::new();
    for item in items {
        let record = item.get("record").unwrap_or(&Value::Null);
        let actor = record.get("actor").unwrap_or(&Value::Null);
        let (number, time) = (cell(item, "sequence"), cell(record, "time"));
        let (event, name) = (cell(record, "event"), cell(actor, "name"));
        // A write into a string can't fail.
        let _ = write!(text, "{number:>8}  {DIM}{time}{PLAIN}  {BOLD}{event}{PLAIN}");
        let _ = write!(text, "  {DIM}by{PLAIN} {name}");
        let members = record.as_object().map(Object::iter).into_iter().flatten();
        for (member, _) in members.filter(|(member, _)| !NOT_TOLD.contains(member)) {
            let _ = write!(text, "  {DIM}{}{PLAIN} {}", shown(member), cell(record, member));
        }
        text.push('\n');
    }
    if text.is_empty() {
        text.push_str("no records\n");
    }
    text + &table::rest(page, "--from")
}
