//! The command line as a whole.

use clap::Parser;

use crate::command::Command;

/// Verifiable credentials for AI agents: issue them, present them, and decide offline what an
/// agent may do.
#[derive(Debug, Parser)]
#[command(name = "bonafide", version, propagate_version = true, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 accepted or done, 1 rejected, 2 undecided (never as good as \
accepted), 64 wrong usage or input, 70 fault.\n\nStart with: bonafide demo"
)]
pub(crate) struct Arguments {
    /// Print results as JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(subcommand)]
    pub(crate) command: Command,
}
