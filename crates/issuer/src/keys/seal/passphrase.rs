//! A sealing key from a passphrase, by Argon2id (RFC 9106).

use argon2::{Algorithm, Argon2, Block, Params, Version};
use bonafide_core::encoding::{decode_base64url, encode_base64url};
use bonafide_core::json::{Limits, Object, Value, parse, to_canonical_string, to_pretty_string};
use bonafide_proof::data_integrity::Random;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{SealError, SealingKey};

/// The shortest passphrase with which something new is sealed, in bytes.
pub const SHORTEST_PASSPHRASE: usize = 12;

/// The longest passphrase, in bytes.
pub const LONGEST_PASSPHRASE: usize = 1024;

/// The longest text that is read.
const LONGEST_TEXT: usize = 1024;

/// How much work a passphrase takes, for us and for whoever guesses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// How often all of it is passed over.
    pub passes: u32,
    /// Lanes, which are worked on one after the other here.
    pub lanes: u32,
}

impl Cost {
    /// The least that is allowed: what OWASP's Password Storage Cheat Sheet asks for.
    pub const LEAST: Self = Self { memory_kib: 19_456, passes: 2, lanes: 1 };

    /// The most that is spent: else whoever can write the file could have any amount of memory
    /// asked for.
    pub const MOST: Self = Self { memory_kib: 1 << 20, passes: 8, lanes: 8 };

    /// What new passphrases cost: a few tenths of a second and 64 MiB.
    pub const DEFAULT: Self = Self { memory_kib: 64 << 10, passes: 3, lanes: 1 };

    fn check(self) -> Result<Self, SealError> {
        let within =
            |cost: fn(Self) -> u32| (cost(Self::LEAST)..=cost(Self::MOST)).contains(&cost(self));
        if within(|cost| cost.memory_kib) && within(|cost| cost.passes) && within(|cost| cost.lanes)
        {
            return Ok(self);
        }
        Err(SealError::CostRefused)
    }
}

/// What it takes, besides the passphrase, to find a sealing key again: cost, salt, and a value that
/// tells whether the passphrase is the right one.
///
/// Whoever reads it can try passphrases, so it is for nobody else to read either.
pub struct PassphraseSeal {
    cost: Cost,
    salt: [u8; 16],
    check: [u8; 32],
}

/// The sealing key, and the key of the check.
struct Derived {
    sealing: SealingKey,
    check: Zeroizing<[u8; 32]>,
}

impl PassphraseSeal {
    /// A new sealing key from a passphrase, which is taken as it is, byte for byte.
    pub fn create(
        passphrase: &[u8],
        cost: Cost,
        random: &mut Random<'_>,
    ) -> Result<(Self, SealingKey), SealError> {
        let mut salt = [0; 16];
        random(&mut salt).map_err(SealError::Random)?;
        Self::with_salt(passphrase, cost, salt)
    }

    pub(super) fn with_salt(
        passphrase: &[u8],
        cost: Cost,
        salt: [u8; 16],
    ) -> Result<(Self, SealingKey), SealError> {
        if passphrase.len() < SHORTEST_PASSPHRASE {
            return Err(SealError::PassphraseRefused);
        }
        let derived = derive(passphrase, cost.check()?, &salt)?;
        let mut new = Self { cost, salt, check: [0; 32] };
        new.check = new.mac(&derived)?.finalize().into_bytes().into();
        Ok((new, derived.sealing))
    }

    /// Finds the sealing key again. Takes as long as [`Cost`] says, so once for all that it opens.
    pub fn open(&self, passphrase: &[u8]) -> Result<SealingKey, SealError> {
        let derived = derive(passphrase, self.cost, &self.salt)?;
        // In constant time.
        self.mac(&derived)?.verify_slice(&self.check).map_err(|_| SealError::Refused)?;
        Ok(derived.sealing)
    }

    /// Reads exactly what [`to_text`](Self::to_text) wrote. Refuses a cost outside of what is
    /// allowed, before any of it is spent.
    pub fn parse(text: &[u8]) -> Result<Self, SealError> {
        if text.len() > LONGEST_TEXT {
            return Err(SealError::Refused);
        }
        let value = parse(text, &Limits::for_size(LONGEST_TEXT)).map_err(|_| SealError::Refused)?;
        let read = value.as_object().and_then(Self::read).ok_or(SealError::Refused)?;
        // One spelling, so that nothing in the file can be other than it was.
        if read.to_text().as_bytes() != text {
            return Err(SealError::Refused);
        }
        read.cost.check()?;
        Ok(read)
    }

    fn read(object: &Object<'_>) -> Option<Self> {
        let number = |name| u32::try_from(object.get(name)?.as_integer()?).ok();
        let bytes = |name| decode_base64url(object.str(name)?).ok();
        let cost = Cost {
            memory_kib: number("memoryKiB")?,
            passes: number("passes")?,
            lanes: number("lanes")?,
        };
        let (salt, check) = (bytes("salt")?, bytes("check")?);
        Some(Self { cost, salt: salt.try_into().ok()?, check: check.try_into().ok()? })
    }

    /// The text of the file: JSON.
    pub fn to_text(&self) -> String {
        let mut object = self.header();
        object.insert("check", encode_base64url(&self.check));
        to_pretty_string(&object.into())
    }

    /// All but the check.
    fn header(&self) -> Object<'static> {
        Object::from([
            ("kdf", Value::from("argon2id")),
            ("lanes", self.cost.lanes.into()),
            ("memoryKiB", self.cost.memory_kib.into()),
            ("passes", self.cost.passes.into()),
            ("salt", encode_base64url(&self.salt).into()),
            ("type", "bonafide-seal".into()),
            ("version", 1_u32.into()),
        ])
    }

    /// HMAC-SHA-256 over the header in canonical JSON.
    fn mac(&self, derived: &Derived) -> Result<Hmac<Sha256>, SealError> {
        let mac = Hmac::<Sha256>::new_from_slice(&derived.check[..]);
        let mut mac = mac.map_err(|_| SealError::Refused)?;
        mac.update(to_canonical_string(&self.header().into()).as_bytes());
        Ok(mac)
    }
}

/// Argon2id, version 19: 64 bytes, of which the first half seals and the second half checks.
fn derive(passphrase: &[u8], cost: Cost, salt: &[u8; 16]) -> Result<Derived, SealError> {
    if passphrase.len() > LONGEST_PASSPHRASE {
        return Err(SealError::PassphraseRefused);
    }
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(64))
        .map_err(|_| SealError::CostRefused)?;
    // Allocated here, so that too little memory is an error and what was in it is wiped.
    let mut memory = Zeroizing::new(Vec::new());
    memory.try_reserve_exact(params.block_count()).map_err(|_| SealError::NoMemory)?;
    memory.resize(params.block_count(), Block::new());
    let mut derived = Zeroizing::new([0; 64]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(passphrase, salt, &mut derived[..], &mut memory[..])
        .map_err(|_| SealError::CostRefused)?;
    let (sealing, rest) = derived.split_at(32);
    let mut check = Zeroizing::new([0; 32]);
    check.copy_from_slice(rest);
    Ok(Derived { sealing: SealingKey::from_slice(sealing)?, check })
}
