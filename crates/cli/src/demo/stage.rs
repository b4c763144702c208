//! Where the story plays: a folder, and commands that are shown exactly as they are run.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use bonafide_core::time::Timestamp;
use bonafide_verifier::{Outcome, Verdict};
use clap::Parser;
use serde_json::{Value, json};

use crate::app::App;
use crate::arguments::Arguments;
use crate::command::Command;
use crate::failure::{Exit, Failure};
use crate::files::{self, Access};
use crate::human::{self, BOLD, DIM, PLAIN};

/// Lists the files that a demo made, and so may take away again.
const MANIFEST: &str = ".bonafide-demo";

const SCRIPT_HEAD: &str = "#!/bin/sh
# Every step of the demo, by hand, in a folder of its own:
#   mkdir again && cp *.claims.json policy.template.toml commands.sh again && cd again && sh commands.sh
set -eu
";

pub(super) struct Stage<'s, 'a> {
    app: &'s mut App<'a>,
    folder: PathBuf,
    /// What was there before, and is not ours.
    kept: Vec<OsString>,
    title: String,
    script: String,
    scenes: Vec<Value>,
}

impl<'s, 'a> Stage<'s, 'a> {
    /// Opens the folder, and makes it the working folder so that commands read as a person would
    /// type them there. Of an earlier demo only its own files are taken away.
    pub(super) fn new(folder: &Path, app: &'s mut App<'a>) -> Result<Self, Failure> {
        let shown = folder.display();
        let failed = |error| Failure::usage(format!("{shown}: {error}"));
        fs::create_dir_all(folder).map_err(failed)?;
        let folder = folder.canonicalize().map_err(failed)?;
        let listing = || -> Result<Vec<OsString>, Failure> {
            let entries = fs::read_dir(&folder).map_err(failed)?;
            entries.map(|entry| Ok(entry.map_err(failed)?.file_name())).collect()
        };
        match fs::read_to_string(folder.join(MANIFEST)) {
            Ok(manifest) => {
                let ours = manifest.lines().filter(|name| !name.contains(['/', '\\']));
                for name in ours.filter(|name| !name.starts_with("..")) {
                    let _ = fs::remove_file(folder.join(name));
                }
            }
            Err(_) if listing()?.is_empty() => {}
            Err(_) => {
                return Err(Failure::usage(format!("{shown} exists and is not an earlier demo's"))
                    .with_help("bonafide demo --dir ANOTHER-FOLDER"));
            }
        }
        let kept = listing()?;
        std::env::set_current_dir(&folder).map_err(failed)?;
        let script = SCRIPT_HEAD.to_owned();
        let stage = Self { app, folder, kept, title: String::new(), script, scenes: Vec::new() };
        stage.list_files()?;
        Ok(stage)
    }

    /// Writes down which files are ours, so that another demo can follow even if this one stops.
    fn list_files(&self) -> Result<(), Failure> {
        let failed = |error| Failure::fault(format!("{}: {error}", self.folder.display()));
        let mut ours = vec![MANIFEST.to_owned()];
        for entry in fs::read_dir(&self.folder).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            if !self.kept.contains(&name) {
                ours.extend(name.into_string());
            }
        }
        ours.sort();
        ours.dedup();
        Self::prop(MANIFEST, &(ours.join("\n") + "\n"))
    }

    pub(super) fn now(&self) -> Timestamp {
        self.app.now
    }

    /// A chapter of the story.
    pub(super) fn chapter(&mut self, title: &str, text: &str) -> Result<(), Failure> {
        self.script.push_str(&format!("\n# {title}\n"));
        if !self.app.json {
            writeln!(self.app.out, "\n{BOLD}{title}{PLAIN}\n{text}")?;
        }
        Ok(())
    }

    /// A file that the story needs and that no command makes.
    pub(super) fn prop(name: &str, content: &str) -> Result<(), Failure> {
        files::write(Path::new(name), content, Access::Public)
    }

    /// Shows a line of shell, and does what it would do.
    pub(super) fn shell(
        &mut self,
        line: &str,
        act: impl FnOnce() -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.script.push_str(&format!("{line}\n"));
        if !self.app.json {
            writeln!(self.app.out, "  {DIM}$ {line}{PLAIN}")?;
        }
        act()?;
        self.list_files()
    }

    /// Runs a command and shows it, but not what it prints; `> FILE` keeps that.
    pub(super) fn run(&mut self, line: &str) -> Result<(), Failure> {
        let command = self.show(line)?;
        let mut printed = Vec::new();
        let exit = self.app.writing_to(&mut printed).run(command)?;
        if exit != Exit::Accepted {
            return Err(Failure::fault(format!("bonafide {line}: ended with {exit:?}")));
        }
        if let Some((_, file)) = line.split_once(" > ") {
            Self::prop(file, &String::from_utf8_lossy(&printed))?;
        }
        self.list_files()
    }

    /// A scene of a chapter; what follows belongs to it.
    pub(super) fn scene(&mut self, title: &str) -> Result<(), Failure> {
        title.clone_into(&mut self.title);
        self.script.push_str(&format!("\n# {title}\n"));
        if !self.app.json {
            writeln!(self.app.out, "\n{BOLD}{title}{PLAIN}")?;
        }
        Ok(())
    }

    /// Verifies, shows the verdict, and makes sure that the story goes as it is told.
    pub(super) fn verify(
        &mut self,
        line: &str,
        expected: (Outcome, Option<&str>, Option<&str>),
    ) -> Result<(), Failure> {
        let Command::Verify(verify) = self.show(line)? else {
            return Err(Failure::fault("the demo verifies with `verify`"));
        };
        let (verdict, _) = verify.decide(self.app)?;
        let (outcome, level, reason) = expected;
        let as_told = verdict.outcome() == outcome
            && verdict.level() == level
            && reason.is_none_or(|code| verdict.has_reason(code));
        if !as_told {
            let text = human::verdict(&verdict);
            let title = &self.title;
            return Err(Failure::fault(format!("{title}: this is not what had to happen\n{text}")));
        }
        self.record(line, &verdict);
        if !self.app.json {
            let whole = level.is_some_and(|level| level == "sensitive");
            let text = if whole { human::verdict(&verdict) } else { human::summary(&verdict) };
            for line in text.lines() {
                writeln!(self.app.out, "{}", format!("  {line}").trim_end())?;
            }
        }
        Ok(())
    }

    fn record(&mut self, line: &str, verdict: &Verdict) {
        let reasons: Vec<&str> = verdict.reasons().map(bonafide_verifier::Reason::code).collect();
        self.scenes.push(json!({
            "title": self.title,
            "command": format!("bonafide {line}"),
            "outcome": verdict.outcome().name(),
            "level": verdict.level(),
            "reasons": reasons,
        }));
    }

    /// Shows a command line and parses it as the shell would.
    fn show(&mut self, line: &str) -> Result<Command, Failure> {
        self.script.push_str(&format!("bonafide {line}\n"));
        if line.starts_with("verify") {
            // A verdict that is not "accepted" ends the command with another code than 0.
            let end = self.script.trim_end().len();
            self.script.insert_str(end, " || true");
        }
        if !self.app.json {
            writeln!(self.app.out, "  {DIM}$ bonafide {line}{PLAIN}")?;
        }
        let words = words(line.split(" > ").next().unwrap_or(line))?;
        let words = std::iter::once("bonafide".to_owned()).chain(words);
        let arguments = Arguments::try_parse_from(words)
            .map_err(|error| Failure::fault(format!("bonafide {line}: {error}")))?;
        Ok(arguments.command)
    }

    pub(super) fn finish(self) -> Result<Exit, Failure> {
        Self::prop("commands.sh", &self.script)?;
        self.list_files()?;
        let folder = self.folder.display().to_string();
        if self.app.json {
            self.app.print_json(&json!({"folder": folder, "scenes": self.scenes}))?;
        } else {
            writeln!(
                self.app.out,
                "\n{BOLD}Everything is in {folder}{PLAIN}\nTo repeat a step by hand, go there and type its command; what must not be overwritten (keys,\nstatus lists) says so. To start over by hand, commands.sh has every step and says how.\nTo look inside a file: bonafide inspect platinum.identity.vc\n(`cargo install --path crates/cli`, in the project, puts `bonafide` on your path.)"
            )?;
        }
        Ok(Exit::Accepted)
    }
}

/// Splits a line at spaces; `"$(cat FILE)"` becomes the file's text, as in a shell.
fn words(line: &str) -> Result<Vec<String>, Failure> {
    let mut words = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() {
        let (word, after) = if let Some(quoted) = rest.strip_prefix("\"$(cat ") {
            let (file, after) = quoted
                .split_once(")\"")
                .ok_or_else(|| Failure::fault(format!("an open quote in {line}")))?;
            (files::read_text(Path::new(file))?.trim().to_owned(), after)
        } else {
            let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
            (word.to_owned(), after)
        };
        words.push(word);
        rest = after.trim_start();
    }
    Ok(words)
}
