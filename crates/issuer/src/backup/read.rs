//! Reading a backup: what its footer and manifest say, and its parts.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::manifest::{
    FIRST_LINE, FOOTER, LAST_LINE, LONGEST_MANIFEST, LONGEST_SEAL, digest, sealed_for,
};
use super::write::{copy, to_hex};
use super::{BackupError, Manifest, Part, PartKind};
use crate::keys::seal::{PassphraseSeal, SealingKey, open};

/// An open backup, of which the lengths fit together. What its parts hold is not checked yet.
pub struct BackupFile {
    file: File,
    manifest: Manifest,
    digest: [u8; 32],
    seal: String,
}

impl BackupFile {
    /// Opens a backup and reads its manifest.
    pub fn open(path: &Path) -> Result<Self, BackupError> {
        let at = || BackupError::at(&path.display());
        let mut file = File::open(path).map_err(at())?;
        let length = file.metadata().map_err(at())?.len();
        let first_line = FIRST_LINE.len() as u64;
        if length < first_line {
            return Err(BackupError::NotABackup("it is too short"));
        }
        let mut first = [0; FIRST_LINE.len()];
        file.read_exact(&mut first).map_err(at())?;
        if first != *FIRST_LINE {
            return Err(BackupError::NotABackup("its first line is not bonafide-backup-1"));
        }
        let cut = || BackupError::NotWhole("its end is missing".to_owned());
        let footer_at = length.checked_sub(FOOTER as u64).ok_or_else(cut)?;
        file.seek(SeekFrom::Start(footer_at)).map_err(at())?;
        let mut footer = [0; FOOTER];
        file.read_exact(&mut footer).map_err(at())?;
        let number = |place: usize| {
            footer[place..].first_chunk::<8>().map_or(u64::MAX, |bytes| u64::from_be_bytes(*bytes))
        };
        let (manifest_length, seal_length) = (number(0), number(8));
        if footer[48..] != LAST_LINE[..] {
            return Err(cut());
        }
        if manifest_length > LONGEST_MANIFEST || seal_length > LONGEST_SEAL {
            return Err(BackupError::NotABackup("its manifest is too long"));
        }
        let manifest_at = footer_at.checked_sub(manifest_length + seal_length).ok_or_else(cut)?;
        file.seek(SeekFrom::Start(manifest_at)).map_err(at())?;
        let mut text = vec![0; usize::try_from(manifest_length).unwrap_or(0)];
        let mut seal = vec![0; usize::try_from(seal_length).unwrap_or(0)];
        file.read_exact(&mut text).and_then(|()| file.read_exact(&mut seal)).map_err(at())?;
        let digest = digest(&text);
        if footer[16..48] != digest[..] {
            return Err(BackupError::Changed("its manifest is not what was written".to_owned()));
        }
        let manifest: Manifest = serde_json::from_slice(&text)
            .map_err(|_| BackupError::NotABackup("its manifest can't be read"))?;
        manifest.check()?;
        let sum = manifest.parts.iter().try_fold(first_line, |n, part| n.checked_add(part.bytes));
        if sum != Some(manifest_at) {
            return Err(BackupError::NotWhole("its parts have another length".to_owned()));
        }
        let seal = String::from_utf8(seal)
            .map_err(|_| BackupError::NotABackup("its seal can't be read"))?;
        Ok(Self { file, manifest, digest, seal })
    }

    /// What is in it.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// SHA-256 of the manifest.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// Whether there is a seal on it.
    pub fn is_sealed(&self) -> bool {
        !self.seal.is_empty()
    }

    /// How many bytes its parts have.
    pub fn bytes(&self) -> u64 {
        self.manifest.parts.iter().map(|part| part.bytes).sum()
    }

    /// Refuses a backup that was not sealed with this key.
    pub fn check_seal(&self, sealing: &SealingKey) -> Result<(), BackupError> {
        if !self.is_sealed() {
            return Err(BackupError::Seal(
                "the backup has no seal, as one made without the sealing key: nothing shows that nobody changed it".to_owned(),
            ));
        }
        match open(sealing, &self.seal, &sealed_for(&self.digest)) {
            Ok(content) if content.is_empty() => Ok(()),
            _ => Err(BackupError::Seal(
                "the seal on the backup is not of this key: another key, or somebody changed the backup".to_owned(),
            )),
        }
    }

    /// The sealing key of a passphrase, by the header in the backup.
    pub fn sealing_key(&mut self, passphrase: &[u8]) -> Result<SealingKey, BackupError> {
        let mut header = Vec::new();
        let found = self.manifest.parts.iter().find(|part| part.kind == PartKind::SealHeader);
        let Some(part) = found.cloned().filter(|part| part.bytes <= LONGEST_SEAL) else {
            let why = "the keys in the backup are not sealed with a passphrase";
            return Err(BackupError::Seal(why.to_owned()));
        };
        self.copy(&part, &mut header, &mut |_| ())?;
        Ok(PassphraseSeal::parse(&header)?.open(passphrase)?)
    }

    /// Puts the file at the beginning of a part.
    fn seek(&mut self, wanted: PartKind) -> Result<(), BackupError> {
        let before = self.manifest.parts.iter().take_while(|part| part.kind != wanted);
        let place = FIRST_LINE.len() as u64 + before.map(|part| part.bytes).sum::<u64>();
        self.file.seek(SeekFrom::Start(place)).map_err(BackupError::at(&"the backup"))?;
        Ok(())
    }

    /// Copies a part, and checks its digest.
    pub(super) fn copy(
        &mut self,
        part: &Part,
        out: &mut dyn Write,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), BackupError> {
        self.seek(part.kind)?;
        let found = copy(&mut self.file, part.bytes, out, progress)?;
        check_digest(part, &found)
    }

    /// Reads a part with `read`, and checks its digest after.
    pub(super) fn read<T>(
        &mut self,
        part: &Part,
        read: impl FnOnce(&mut dyn Read) -> Result<T, BackupError>,
    ) -> Result<T, BackupError> {
        self.seek(part.kind)?;
        let mut hashing =
            Hashing { inner: (&self.file).take(part.bytes), hasher: Sha256::default() };
        let outcome = read(&mut hashing);
        // A changed part is said to be that, whatever it led to.
        std::io::copy(&mut hashing, &mut std::io::sink())
            .map_err(BackupError::at(&"the backup"))?;
        check_digest(part, &hashing.hasher.finalize().into())?;
        outcome
    }

    /// Reads all of it and checks every digest.
    pub fn verify(&mut self, progress: &mut dyn FnMut(u64, u64)) -> Result<(), BackupError> {
        let (total, mut done) = (self.bytes(), 0);
        for part in self.manifest.parts.clone() {
            self.copy(&part, &mut std::io::sink(), &mut |n| progress(done + n, total))?;
            done += part.bytes;
        }
        Ok(())
    }
}

fn check_digest(part: &Part, found: &[u8; 32]) -> Result<(), BackupError> {
    if to_hex(found) == part.sha256 {
        return Ok(());
    }
    Err(BackupError::Changed(format!("{} is not what was written", part.kind)))
}

struct Hashing<R> {
    inner: R,
    hasher: Sha256,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        Ok(read)
    }
}
