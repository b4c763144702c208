//! Checkpoints: the size and root of the log, signed (tlog-checkpoint, signed-note).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bonafide_core::key::{KeyType, PublicKey};
use bonafide_proof::{SignError, Signer, VerifyingKey};
use signed_note::{Note, NoteError, Signature, VerificationError, Verifier, Verifiers};

use super::tree::{Node, extends};
use super::{Hash, LogError};

/// The signature type of signed-note for Ed25519.
const ED25519: u8 = 0x01;

/// The longest checkpoint, in bytes: what signed-note reads at most, room for 100 signatures.
pub(crate) const LONGEST_CHECKPOINT: usize = 1_000_000;

/// What a log is known by: its origin, which is also the name of its key, and the key.
///
/// Prints as, and is read from, the verifier key of Go's note package: `origin+id+base64`.
#[derive(Clone, Debug)]
pub struct LogKey {
    origin: String,
    key: VerifyingKey,
}

impl LogKey {
    /// The key of the log named `origin`, which should be its URL without scheme. Ed25519 only.
    pub fn new(origin: &str, key: &PublicKey) -> Result<Self, LogError> {
        let fits = signed_note::is_key_name_valid(origin)
            && origin.len() <= 255
            && !origin.contains(char::is_control);
        if !fits {
            return Err(LogError::OriginMalformed { origin: origin.chars().take(64).collect() });
        }
        let key = VerifyingKey::new(key.clone())
            .filter(|key| key.public_key().key_type() == KeyType::Ed25519)
            .ok_or(LogError::KeyMalformed { detail: "not an Ed25519 key" })?;
        Ok(Self { origin: origin.to_owned(), key })
    }

    /// Reads the form `origin+id+base64`, of which the id must be that of the rest.
    pub fn parse(text: &str) -> Result<Self, LogError> {
        let malformed = |detail| LogError::KeyMalformed { detail };
        let (origin, rest) = text.split_once('+').ok_or(malformed("expected origin+id+base64"))?;
        let (_, key) = rest.split_once('+').ok_or(malformed("expected origin+id+base64"))?;
        let key = STANDARD.decode(key).map_err(|_| malformed("not base64"))?;
        let [ED25519, key @ ..] = &key[..] else {
            return Err(malformed("not of the type 0x01, Ed25519"));
        };
        let key = PublicKey::from_bytes(KeyType::Ed25519, key)
            .map_err(|_| malformed("not a point of Ed25519"))?;
        let key = Self::new(origin, &key)?;
        if key.to_string() != text {
            return Err(malformed("the id is not that of this name and key"));
        }
        Ok(key)
    }

    /// The name of the log.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The key.
    pub fn public_key(&self) -> &PublicKey {
        self.key.public_key()
    }

    fn typed_bytes(&self) -> Vec<u8> {
        [&[ED25519], self.public_key().as_bytes()].concat()
    }
}

impl fmt::Display for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.typed_bytes();
        let id = signed_note::key_id(&self.origin, &bytes);
        write!(f, "{}+{id:08x}+{}", self.origin, STANDARD.encode(bytes))
    }
}

/// The one key that a note is checked with; all others are unknown, and their signatures ignored.
pub(crate) struct OnlyKey<'a>(pub(crate) &'a LogKey);

impl Verifier for OnlyKey<'_> {
    fn name(&self) -> &str {
        &self.0.origin
    }

    fn key_id(&self) -> u32 {
        signed_note::key_id(&self.0.origin, &self.0.typed_bytes())
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.key.verify(message, signature)
    }
}

impl Verifiers for OnlyKey<'_> {
    fn verifier(&self, name: &str, id: u32) -> Result<&dyn Verifier, VerificationError> {
        if name == self.name() && id == self.key_id() {
            return Ok(self);
        }
        Err(VerificationError::UnknownKey { name: name.to_owned(), id })
    }
}

/// The size and root of a log, as its key signed them. There is no other way to have one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: u64,
    root: Hash,
}

impl Checkpoint {
    /// Reads a checkpoint and checks the log's signature. Signatures of others, such as witnesses,
    /// are ignored, and so are extension lines.
    pub fn verify(text: &str, key: &LogKey) -> Result<Self, LogError> {
        let malformed = |detail| LogError::CheckpointMalformed { detail };
        let note = Note::from_bytes(text.as_bytes()).map_err(|_| malformed("not a signed note"))?;
        let claimed = tlog_tiles::Checkpoint::from_bytes(note.text())
            .map_err(|_| malformed("expected lines of origin, size and root"))?;
        // Said first, since a checkpoint of another log most often has no signature by this key.
        if claimed.origin() != key.origin {
            let found = claimed.origin().chars().take(255).collect();
            return Err(LogError::OtherLog { expected: key.origin.clone(), found });
        }
        match note.verify(&OnlyKey(key)) {
            Ok(_) => Ok(Self {
                origin: key.origin.clone(),
                size: claimed.size(),
                root: claimed.hash().0,
            }),
            Err(NoteError::InvalidSignature { .. }) => {
                Err(LogError::SignatureInvalid { origin: key.origin.clone() })
            }
            Err(_) => Err(LogError::NotSigned { key: key.to_string() }),
        }
    }

    /// Signs a size and root. Only the writer may: what is signed must extend all signed before.
    pub(crate) fn sign(
        size: u64,
        root: Hash,
        key: &LogKey,
        signer: &dyn Signer,
    ) -> Result<String, LogError> {
        if signer.public_key() != key.public_key() {
            return Err(LogError::WrongSigner { origin: key.origin.clone() });
        }
        let text = format!("{}\n{size}\n{}\n", key.origin, encode(root));
        let signature = signer.sign(text.as_bytes())?;
        // A log under a bad signature could not be opened again.
        if !key.key.verify(text.as_bytes(), &signature) {
            return Err(SignError("its signature does not fit its key".to_owned()).into());
        }
        let note = Signature::new(key.origin.clone(), OnlyKey(key).key_id(), signature)
            .and_then(|signature| Note::new(text.as_bytes(), &[signature]))
            .map_err(|error| SignError(error.to_string()))?;
        String::from_utf8(note.to_bytes()).map_err(|error| SignError(error.to_string()).into())
    }

    /// The name of the log.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// How many entries it had.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree of these entries.
    pub fn root(&self) -> Hash {
        self.root
    }

    /// The same as checkpoints write it, in base64.
    pub fn root_text(&self) -> String {
        encode(self.root)
    }

    /// Checks with a consistency proof that what `older` signed is the beginning of this log.
    pub fn check_extends(&self, older: &Self, proof: &[Hash]) -> Result<(), LogError> {
        self.check_not_before(older)?;
        if extends(proof, (self.size, self.root), (older.size, older.root)) {
            return Ok(());
        }
        Err(LogError::Rewritten { older: older.size })
    }

    /// What two checkpoints show without more: another log, one that shrank, or one that forked.
    pub(crate) fn check_not_before(&self, older: &Self) -> Result<(), LogError> {
        if self.origin != older.origin {
            let (expected, found) = (self.origin.clone(), older.origin.clone());
            return Err(LogError::OtherLog { expected, found });
        }
        if older.size > self.size {
            return Err(LogError::RolledBack { size: self.size, older: older.size });
        }
        if older.size == self.size && older.root != self.root {
            return Err(LogError::Forked { size: self.size });
        }
        Ok(())
    }

    /// Refuses another root than the one signed.
    pub(crate) fn check_root(&self, computed: Hash) -> Result<(), LogError> {
        if computed == self.root {
            return Ok(());
        }
        let (computed, signed) = (encode(computed), encode(self.root));
        Err(LogError::RootMismatch { size: self.size, computed, signed })
    }
}

pub(crate) fn encode(hash: Hash) -> String {
    Node(hash).to_string()
}
