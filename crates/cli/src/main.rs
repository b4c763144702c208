//! `bonafide`: verifiable credentials for AI agents, from the shell.

mod app;
mod arguments;
mod command;
mod demo;
mod failure;
mod files;
mod human;
mod key_file;
mod network;
mod problem;
mod progress;
mod remote;
mod seen_file;
mod table;
mod terminal;

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::app::App;
use crate::arguments::Arguments;
use crate::failure::{Exit, Failure};

// A tenth of what an issuance costs is asking for memory; this asks faster.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() && std::env::args().any(|word| word == "--json") => {
            let text = error.render().to_string();
            let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
            return report(&Failure::usage(message).with_help("bonafide --help"), true).into();
        }
        Err(error) => {
            // Failing to print a usage message leaves nothing better to do.
            let _ = error.print();
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Accepted };
            return exit.into();
        }
    };
    let json = arguments.json;
    let mut out = Quiet(anstream::stdout().lock());
    let result =
        App::of_this_machine(json, &mut out).and_then(|mut app| app.run(arguments.command));
    let exit = match result {
        Ok(exit) => exit,
        Err(failure) => report(&failure, json),
    };
    match out.flush() {
        Ok(()) => exit.into(),
        Err(error) => report(&Failure::fault(format!("standard output: {error}")), false).into(),
    }
}

/// A reader that has seen enough (`| head`) changes nothing: the exit code stays the verdict's.
struct Quiet<W>(W);

impl<W: Write> Write for Quiet<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self.0.write(bytes) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(bytes.len()),
            other => other,
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self.0.flush() {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }
}

fn report(failure: &Failure, json: bool) -> Exit {
    let mut err = anstream::stderr().lock();
    let written = if json {
        let message =
            serde_json::json!({"error": {"message": failure.message, "help": failure.help}});
        writeln!(err, "{message}")
    } else {
        let help =
            failure.help.as_deref().map(|help| format!("\n  try: {help}")).unwrap_or_default();
        let message = human::shown_lines(&failure.message);
        writeln!(err, "{}error:{} {message}{help}", human::RED, human::PLAIN)
    };
    let _ = written;
    failure.exit
}
