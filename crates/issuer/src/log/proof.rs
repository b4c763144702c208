//! The offline proof that an entry is in the log: `c2sp.org/tlog-proof@v1`.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::checkpoint::{LONGEST_CHECKPOINT, encode};
use super::tree::{includes, record_hash};
use super::{Checkpoint, Hash, LogError, LogKey};

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";

/// A tree of 2^64 entries is not higher.
const MOST_HASHES: usize = 64;

/// The longest extra data, in bytes of base64.
const LONGEST_EXTRA: usize = 100_000;

/// The lines before the checkpoint: the first, the index, the hashes, and the extra data.
const LONGEST_HEAD: usize = 100 + MOST_HASHES * 45 + LONGEST_EXTRA;

/// An inclusion proof with its checkpoint, unverified. Prints in the form of tlog-proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InclusionProof {
    /// Data outside of the proof, which nobody vouches for.
    pub extra: Option<Vec<u8>>,
    /// Where the entry is said to be.
    pub index: u64,
    /// From the leaf's sibling up to the root's child (RFC 6962, 2.1.1).
    pub hashes: Vec<Hash>,
    /// The signed note.
    pub checkpoint: String,
}

/// An entry that was shown to be in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// Where it is.
    pub index: u64,
    /// In which state of the log.
    pub checkpoint: Checkpoint,
}

impl InclusionProof {
    /// Reads the text form. Extra data longer than 75,000 bytes is refused.
    pub fn parse(text: &str) -> Result<Self, LogError> {
        let malformed = |detail| LogError::ProofMalformed { detail };
        if text.len() > LONGEST_HEAD + LONGEST_CHECKPOINT {
            return Err(malformed("it is too long"));
        }
        let (head, checkpoint) =
            text.split_once("\n\n").ok_or(malformed("there is no empty line"))?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(FIRST_LINE) {
            return Err(malformed("the first line is not c2sp.org/tlog-proof@v1"));
        }
        let extra = match lines.next_if(|line| line.starts_with("extra ")) {
            None => None,
            Some(line) if line.len() > LONGEST_EXTRA => {
                return Err(malformed("the extra data is too long"));
            }
            Some(line) => Some(
                STANDARD
                    .decode(&line["extra ".len()..])
                    .map_err(|_| malformed("the extra data is not base64"))?,
            ),
        };
        let index = lines
            .next()
            .and_then(|line| line.strip_prefix("index "))
            .and_then(|digits| digits.parse().ok().filter(|n: &u64| n.to_string() == digits))
            .ok_or(malformed("expected a line with the index"))?;
        let mut hashes = Vec::new();
        for line in lines {
            let hash = STANDARD.decode(line).ok().and_then(|bytes| Hash::try_from(bytes).ok());
            hashes.push(hash.ok_or(malformed("a line is not a hash in base64"))?);
            if hashes.len() > MOST_HASHES {
                return Err(malformed("it has more than 64 hashes"));
            }
        }
        Ok(Self { extra, index, hashes, checkpoint: checkpoint.to_owned() })
    }

    /// Checks that the log with this key holds `entry` at the index.
    pub fn check(&self, entry: &[u8], key: &LogKey) -> Result<Proven, LogError> {
        let checkpoint = Checkpoint::verify(&self.checkpoint, key)?;
        let (index, size) = (self.index, checkpoint.size());
        if includes(&self.hashes, size, checkpoint.root(), index, record_hash(entry)) {
            return Ok(Proven { index, checkpoint });
        }
        Err(LogError::ProofInvalid { index, size })
    }
}

impl fmt::Display for InclusionProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FIRST_LINE}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", STANDARD.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        for hash in &self.hashes {
            writeln!(f, "{}", encode(*hash))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}
