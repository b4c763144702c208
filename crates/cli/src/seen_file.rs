//! What was seen before, in a state folder: a lock, one JSON file, replaced in one step.

use std::fs::File;
use std::path::{Path, PathBuf};

use bonafide_core::time::Timestamp;
use bonafide_verifier::{MemorySeen, Observation, Seen, SeenError, Sighting};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::files::{self, Access};

/// A memory in a folder. It holds the folder's lock for as long as it lives.
pub(crate) struct FileSeen {
    path: PathBuf,
    memory: MemorySeen,
    /// This machine's clock: what is forgotten when does not hang on the time asked about.
    clock: Timestamp,
    _lock: File,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct State {
    version: u32,
    bundles: Vec<(String, u64, String)>,
    lists: Vec<(String, String, String, String)>,
    /// Not in the files of earlier versions.
    #[serde(default)]
    histories: Vec<(String, u64, String)>,
    nonces: Vec<(String, String, String)>,
}

impl FileSeen {
    /// Opens a state folder, making it if it is not there. Waits for another process that uses
    /// it.
    pub(crate) fn open(folder: &Path, clock: Timestamp) -> Result<Self, Failure> {
        let shown = folder.display();
        let failed = |error| Failure::usage(format!("state folder {shown}: {error}"));
        std::fs::create_dir_all(folder).map_err(failed)?;
        let lock = files::hold(&folder.join("lock"))?;
        let path = folder.join("seen.json");
        let memory = match path.exists() {
            true => read(&path)?,
            false => MemorySeen::default(),
        };
        Ok(Self { path, memory, clock, _lock: lock })
    }

    /// Writes what was seen. Until this returns, nothing is remembered.
    pub(crate) fn save(&self) -> Result<(), Failure> {
        let mut state = State {
            version: 1,
            bundles: self
                .memory
                .bundles
                .iter()
                .map(|(signer, (sequence, digest))| (signer.clone(), *sequence, digest.clone()))
                .collect(),
            lists: self
                .memory
                .lists
                .iter()
                .map(|(list, (newest, fetched, digest))| {
                    (list.clone(), newest.to_string(), fetched.to_string(), digest.clone())
                })
                .collect(),
            histories: self
                .memory
                .histories
                .iter()
                .map(|(scid, (number, id))| (scid.clone(), *number, id.clone()))
                .collect(),
            nonces: self
                .memory
                .nonces
                .iter()
                .map(|((audience, nonce), until)| {
                    (audience.clone(), nonce.clone(), until.to_string())
                })
                .collect(),
        };
        state.bundles.sort();
        state.lists.sort();
        state.histories.sort();
        state.nonces.sort();
        let text = serde_json::to_string_pretty(&state)
            .map_err(|error| Failure::fault(format!("state: {error}")))?;
        files::write(&self.path, &format!("{text}\n"), Access::Owner)
    }
}

fn read(path: &Path) -> Result<MemorySeen, Failure> {
    let shown = path.display();
    let broken = |detail: String| {
        Failure::usage(format!("{shown} is damaged ({detail}); nothing is believed without it"))
            .with_help("restore it, or remove it and accept that replays can't be noticed")
    };
    let bytes = files::read(path)?;
    let state: State = serde_json::from_slice(&bytes).map_err(|error| broken(error.to_string()))?;
    if state.version != 1 {
        return Err(broken(format!("version {}", state.version)));
    }
    let time = |text: &str| Timestamp::parse(text).map_err(|error| broken(error.to_string()));
    let mut memory = MemorySeen::default();
    for (signer, sequence, digest) in state.bundles {
        memory.bundles.insert(signer, (sequence, digest));
    }
    for (list, newest, fetched, digest) in state.lists {
        let newest = (time(&newest)?, time(&fetched)?, digest);
        memory.lists.insert(list, newest);
    }
    for (scid, number, id) in state.histories {
        memory.histories.insert(scid, (number, id));
    }
    for (audience, nonce, until) in state.nonces {
        let until = time(&until)?;
        memory.nonces.insert((audience, nonce), until);
    }
    Ok(memory)
}

impl Seen for FileSeen {
    fn observe(&mut self, observation: &Observation, _: Timestamp) -> Result<Sighting, SeenError> {
        self.memory.nonces.retain(|_, until| *until > self.clock);
        self.memory.observe(observation, self.clock)
    }
}
