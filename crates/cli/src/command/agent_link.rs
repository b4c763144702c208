//! `bonafide agent link`: links by which agents enrol themselves.

use std::path::PathBuf;

use bonafide_core::json::Value;
use bonafide_fetch::Route;
use clap::{Args, Subcommand};
use zeroize::Zeroizing;

use super::agent_enrol::Described;
use super::written_duration;
use crate::app::App;
use crate::failure::{Exit, Failure};
use crate::files;
use crate::remote::{Answer, Remote};
use crate::table::{self, cell};

#[derive(Debug, Subcommand)]
pub(super) enum Link {
    /// Make a link by which one agent enrols itself, once.
    New(Box<New>),
    /// List the links.
    #[command(after_help = "Example: bonafide agent link list")]
    List {
        /// Those after this id.
        #[arg(long, value_name = "ID")]
        after: Option<String>,
        /// How many at most.
        #[arg(long, value_name = "N")]
        limit: Option<u32>,
    },
    /// Take a link back.
    #[command(
        after_help = "Example: bonafide agent link revoke 0199d3a0-5a7e-7c1b-8e55-0d6c2f4b9a31"
    )]
    Revoke {
        /// The link's id.
        id: String,
    },
}

#[derive(Debug, Args)]
#[command(disable_version_flag = true)]
#[command(after_help = "Example:
  bonafide agent link new --name \"Payments agent\" --kind tool --version 2.3.0 \\
      --model-digest sha256:97ff… --code-digest sha256:c114… --sponsor did:web:acme.example \\
      --out agent.link

Whoever has the link enrols as this agent, so it goes to a file that only you can read. The agent
uses it with: bonafide wallet enrol - < agent.link")]
pub(super) struct New {
    #[command(flatten)]
    described: Described,
    /// For how long the identity is valid that the agent gets, such as 30d.
    #[arg(long, value_parser = written_duration, value_name = "TIME")]
    valid_for: Option<String>,
    /// How long the link can be used; 1h, if left out, and 7d at most.
    #[arg(long, value_parser = written_duration, value_name = "TIME")]
    link_valid_for: Option<String>,
    /// Where to keep it; an existing file is never overwritten.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Link {
    pub(super) fn run(self, remote: &Remote, app: &mut App<'_>) -> Result<Exit, Failure> {
        match self {
            Self::New(new) => new.run(remote, app),
            Self::List { after, limit } => {
                let route = Route::new(&["enrolment-links"]).with("after", after);
                let names = ["id", "state", "name", "sponsor"].map(|name| (name, name));
                let columns = [&names[..], &[("ends", "expiresAt"), ("agent", "agent")]].concat();
                remote
                    .get(&route.with("limit", limit))?
                    .tell(app, |page| table::page(page, "links", &columns, "--after"))
            }
            Self::Revoke { id } => {
                let answer = remote.delete(&Route::new(&["enrolment-links", &id]))?;
                answer
                    .tell(app, |link| format!("{} is {}\n", cell(link, "id"), cell(link, "state")))
            }
        }
    }
}

impl New {
    fn run(self, remote: &Remote, app: &mut App<'_>) -> Result<Exit, Failure> {
        if files::is_standard_output(&self.out) {
            return Err(Failure::usage("--out: a link is written to a file and nowhere else"));
        }
        // First: a link that finds no place would be lost.
        let mut file = files::create_private(&self.out, "a link")?;
        let mut asked = self.described.body();
        let spans = [("validFor", &self.valid_for), ("linkValidFor", &self.link_valid_for)];
        for (name, span) in spans {
            if let Some(span) = span {
                asked.insert(name, span.as_str());
            }
        }
        let written =
            remote.create(&Route::new(&["enrolment-links"]), asked, app).and_then(|made| {
                let link = Zeroizing::new(format!("{}\n", secret(&made)?));
                files::append(&mut file, &self.out, &link)?;
                Ok(made)
            });
        let made = written.inspect_err(|_| {
            // It holds nothing that anybody could use.
            let _ = std::fs::remove_file(&self.out);
        })?;
        let (id, until) = (cell(&made.value, "id"), cell(&made.value, "expiresAt"));
        let out = self.out.display().to_string();
        if app.json {
            app.print_json(&serde_json::json!({"id": id, "expiresAt": until, "out": out}))?;
        } else {
            writeln!(app.out, "link {id}, good once until {until}, written to {out}")?;
        }
        Ok(Exit::Accepted)
    }
}

/// The link, which only the first answer to a request has: where that one was lost, so is it.
fn secret(answer: &Answer) -> Result<&str, Failure> {
    let link = answer.value.get("link").and_then(Value::as_str);
    let usable = link.filter(|link| link.bytes().all(|byte| byte.is_ascii_graphic()));
    usable.ok_or_else(|| match cell(&answer.value, "id") {
        id if id.is_empty() => Failure::fault("the service's answer holds no link"),
        id => Failure::fault(format!("link {id} was made, and lost on its way here"))
            .with_help(format!("bonafide agent link revoke {id}, and make another one")),
    })
}
