//! `bonafide token`.

use std::path::{Path, PathBuf};

use bonafide_core::json::{Object, Value};
use bonafide_fetch::Route;
use clap::{Args, Subcommand};
use zeroize::Zeroizing;

use super::attest::line;
use super::written_duration;
use crate::app::App;
use crate::failure::{Exit, Failure};
use crate::files;
use crate::human::shown;
use crate::remote::{Answer, Connection, Remote, body, note};
use crate::table::{self, cell};

#[derive(Debug, Args)]
pub(crate) struct Token {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a token. It is shown, or written, this once.
    #[command(
        after_help = "Example: bonafide token new --name pipeline --role scorer --valid-for 90d --out pipeline.token"
    )]
    New(New),
    /// List the tokens, without what is secret in them.
    #[command(after_help = "Example: bonafide token list")]
    List,
    /// Revoke a token, for good.
    #[command(after_help = "Example: bonafide token revoke 0199d3a0-5a7e-7c1b-8e55-0d6c2f4b9a31")]
    Revoke {
        /// The token's id.
        id: String,
    },
}

#[derive(Debug, Args)]
struct New {
    /// What it is called in lists and records.
    #[arg(long)]
    name: String,
    /// What its bearer may do.
    #[arg(long, value_parser = ["administrator", "registrar", "certifier", "scorer", "auditor"])]
    role: String,
    /// For how long, such as 90d.
    #[arg(long, value_parser = written_duration, value_name = "TIME")]
    valid_for: Option<String>,
    /// A new file for it, for you alone to read; standard output, if left out.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Token {
    pub(crate) fn run(self, app: &mut App<'_>) -> Result<Exit, Failure> {
        let remote = self.connection.open()?;
        match self.action {
            Action::New(new) => new.run(&remote, app),
            Action::List => {
                let columns = [
                    ("id", "id"),
                    ("role", "role"),
                    ("name", "name"),
                    ("made", "createdAt"),
                    ("until", "expiresAt"),
                    ("revoked", "revokedAt"),
                ];
                let answer = remote.get(&Route::new(&["tokens"]))?;
                answer.tell(app, |page| table::page(page, "tokens", &columns, "--after"))
            }
            Action::Revoke { id } => {
                let answer = remote.delete(&Route::new(&["tokens", &id]))?;
                answer.tell(app, |_| format!("token {} is revoked, for good\n", shown(&id)))
            }
        }
    }
}

impl New {
    fn run(self, remote: &Remote, app: &mut App<'_>) -> Result<Exit, Failure> {
        let out = self.out.as_deref().filter(|path| !files::is_standard_output(path));
        let Some(path) = out else { return print(&self.ask(remote, app)?, app) };
        // First: a token that finds no place would be lost.
        let mut file = files::create_private(path, "a secret")?;
        let written = self.ask(remote, app).and_then(|answer| {
            let token = Zeroizing::new(format!("{}\n", secret(&answer)?));
            files::append(&mut file, path, &token)?;
            Ok(answer)
        });
        match written {
            Ok(answer) => told(&answer, path, app),
            Err(failure) => {
                // It holds nothing that anybody could use.
                let _ = std::fs::remove_file(path);
                Err(failure)
            }
        }
    }

    fn ask(&self, remote: &Remote, app: &App<'_>) -> Result<Answer, Failure> {
        let request = body([
            ("name", Some(self.name.as_str())),
            ("role", Some(&self.role)),
            ("validFor", self.valid_for.as_deref()),
        ]);
        remote.create(&Route::new(&["tokens"]), request, app)
    }
}

/// Prints the token alone, for a pipe, and what it is for on standard error.
fn print(answer: &Answer, app: &mut App<'_>) -> Result<Exit, Failure> {
    let token = secret(answer)?;
    if !app.json {
        let (role, id) = (cell(&answer.value, "role"), cell(&answer.value, "id"));
        note(&format!("token {id} of a {role}, shown this once:"), app);
    }
    answer.tell(app, |_| format!("{token}\n"))
}

/// Says where the token is, and never what it is.
fn told(answer: &Answer, path: &Path, app: &mut App<'_>) -> Result<Exit, Failure> {
    let out = path.display().to_string();
    let told = &answer.value;
    if app.json {
        let members = told.as_object().map(Object::iter).into_iter().flatten();
        let mut shown = Object::new();
        for (name, value) in members.filter(|(name, _)| *name != "token") {
            shown.insert(name.to_owned(), value.clone());
        }
        shown.insert("out", out);
        app.out.write_all(line(&shown.into()).as_bytes())?;
        return Ok(Exit::Accepted);
    }
    writeln!(app.out, "token {} of a {} in {out}", cell(told, "id"), cell(told, "role"))?;
    Ok(Exit::Accepted)
}

/// The token, which only the first answer to a request has: where that one was lost, so is it.
fn secret(answer: &Answer) -> Result<&str, Failure> {
    let token = answer.value.get("token").and_then(Value::as_str);
    let usable = token.filter(|token| token.bytes().all(|byte| byte.is_ascii_graphic()));
    usable.ok_or_else(|| match cell(&answer.value, "id") {
        id if id.is_empty() => Failure::fault("the service's answer holds no token"),
        id => Failure::fault(format!("token {id} was made, and lost on its way here"))
            .with_help(format!("bonafide token revoke {id}, and make another one")),
    })
}
