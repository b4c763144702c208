//! Opening a did:webvh history of the bundle: verified once, as of the time it was fetched.

use bonafide_core::did::{Did, DidDocument};
use bonafide_core::time::Timestamp;
use bonafide_proof::Unremembered;
use bonafide_proof::webvh::History;

use crate::evidence::short;
use crate::{DidVersion, Reason};

/// A history as it stands in a bundle, unverified.
pub(crate) struct HistoryEntry<'v> {
    pub(crate) did: &'v str,
    pub(crate) log: &'v str,
    pub(crate) witnesses: Option<&'v str>,
    pub(crate) fetched_at: Timestamp,
}

impl HistoryEntry<'_> {
    /// Verifies the whole history; out comes the document of its newest version. Versions after
    /// the time of fetching are refused, so that no clock but the bundle's is needed.
    pub(crate) fn open(&self) -> Result<(DidDocument, DidVersion), Reason> {
        let invalid = |detail: &str| {
            let (did, detail) = (short(self.did), short(detail));
            Reason::DidDocumentInvalid { did, detail }
        };
        let did = Did::parse(self.did).map_err(|error| invalid(&error.to_string()))?;
        let (log, witnesses) = (self.log.as_bytes(), self.witnesses.map(str::as_bytes));
        let history = History::verify(did, log, witnesses, self.fetched_at, &Unremembered)
            .map_err(|error| invalid(&format!("its history, {}: {error}", error.code())))?;
        let newest = history.newest();
        // Whole, not shortened: by these the history is remembered.
        let (did, id) = (history.did().to_owned(), newest.id.clone());
        if history.is_deactivated() {
            return Err(Reason::DidDeactivated { did, version: id });
        }
        if let Some(to) = history.moved_to() {
            return Err(Reason::DidMoved { did, version: id, to: to.to_owned() });
        }
        let document = newest.document().map_err(|error| invalid(&error.to_string()))?;
        Ok((document, DidVersion { did, id, time: newest.time }))
    }
}
