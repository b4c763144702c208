//! `bonafide demo`: the whole story, told with the program's own commands.

mod stage;
mod story;

use std::path::PathBuf;

use clap::Args;

use crate::app::App;
use crate::failure::{Exit, Failure};

#[derive(Debug, Args)]
#[command(
    after_help = "Example: bonafide demo\n\nNeeds no network and no configuration. Leaves every file, and the commands, in the folder."
)]
pub(crate) struct Demo {
    /// Where to leave the files.
    #[arg(long, default_value = "bonafide-demo")]
    dir: PathBuf,
}

impl Demo {
    pub(crate) fn run(self, app: &mut App<'_>) -> Result<Exit, Failure> {
        let mut stage = stage::Stage::new(&self.dir, app)?;
        story::tell(&mut stage)?;
        stage.finish()
    }
}
