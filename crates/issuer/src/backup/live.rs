//! A backup of the service that goes on.

use std::io::{self, Write};
use std::sync::Arc;

use axum::body::Bytes;
use tokio::sync::mpsc::Sender;

use super::BackupError;
use super::write::{Live, LogState};
use crate::event::{Caller, EventDraft};
use crate::problem::Problem;
use crate::service::Service;
use crate::store::With;

/// So many bytes go to the client at once.
const CHUNK: usize = 256 << 10;

impl Service {
    /// Fixes the moment of a backup, with everything that was acknowledged before it. That it was
    /// made is on the log before anything leaves.
    pub(crate) async fn begin_backup(&self, caller: &Caller) -> Result<Live, Problem> {
        if self.settings.conformance {
            let detail = "keys and data of test suites are thrown away, not kept";
            return Err(Problem::conflict("throwaway", detail));
        }
        let event = EventDraft::new("backup-made").finish(caller, &self.environment)?;
        self.store.note(With { events: vec![event], ..With::default() }).await?;
        let (log, number, key) = (Arc::clone(&self.log), self.log_number, self.log_key.clone());
        // Between two groups nothing is on the log's files that is not in the store.
        let (frozen, log) = self.sled.freeze(move || LogState::of(&log, number, key)).await?;
        let log = log.map_err(|error| Problem::fault(&error.to_string()))?;
        let made_at = self.environment.now();
        Ok(Live { folder: self.settings.data.clone(), frozen, log, made_at })
    }

    /// Writes a backup to the client; to be called where waiting does no harm.
    pub(crate) fn send_backup(&self, live: Live, sender: Sender<io::Result<Bytes>>) {
        let sealer = |associated: &[u8]| {
            self.state.signers.seal_nothing(associated, &self.environment).map(Some)
        };
        let mut out = ToClient { sender, buffer: Vec::with_capacity(CHUNK) };
        match live.write(&sealer, &mut out, &mut |_, _| ()) {
            Ok(made) => tracing::info!(events = made.manifest.events, "a backup was made"),
            Err(error) => {
                tracing::error!(error = %error, "a backup came to no end");
                out.give_up(&error);
            }
        }
    }
}

struct ToClient {
    sender: Sender<io::Result<Bytes>>,
    buffer: Vec<u8>,
}

impl ToClient {
    /// Breaks the answer off, so that nobody takes it for whole.
    fn give_up(self, error: &BackupError) {
        // The client may have gone.
        let _ = self.sender.blocking_send(Err(io::Error::other(error.to_string())));
    }

    fn send(&mut self) -> io::Result<()> {
        let bytes = Bytes::from(std::mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK)));
        let gone = |_| io::Error::new(io::ErrorKind::BrokenPipe, "the client has gone");
        self.sender.blocking_send(Ok(bytes)).map_err(gone)
    }
}

impl Write for ToClient {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK {
            self.send()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() { Ok(()) } else { self.send() }
    }
}
