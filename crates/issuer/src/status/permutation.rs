//! Indexes in an order that nobody can tell without the key: neighbours in a list say nothing of
//! who was issued what when.

use bonafide_core::encoding::hex;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// How many entries a list has: 2^18, twice the fewest that Bitstring Status List allows.
pub(crate) const ENTRIES: u32 = 1 << (2 * HALF);
const HALF: u32 = 9;
const MASK: u32 = (1 << HALF) - 1;
const ROUNDS: u8 = 8;

/// A keyed permutation of 0 to [`ENTRIES`] - 1: a balanced Feistel network over two halves of 9
/// bits, its rounds HMAC-SHA-256.
pub(crate) struct Permutation {
    // What each round adds for each half, computed once: HMAC is too slow for every draw.
    rounds: Box<[[u16; 1 << HALF]; ROUNDS as usize]>,
}

impl Permutation {
    /// The permutation of a key.
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        let mut rounds = Box::new([[0; 1 << HALF]; ROUNDS as usize]);
        for (round, table) in (0_u8..).zip(rounds.iter_mut()) {
            for (half, entry) in (0_u16..).zip(table.iter_mut()) {
                #[allow(clippy::expect_used)]
                let mut mac =
                    Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
                mac.update(&[round]);
                mac.update(&half.to_be_bytes());
                let digest = mac.finalize().into_bytes();
                *entry = u16::from_be_bytes([digest[0], digest[1]]) & 0x1ff;
            }
        }
        Self { rounds }
    }

    /// The permutation of a key in hexadecimal.
    pub(crate) fn from_hex(key: &str) -> Option<Self> {
        let mut bytes = [0_u8; 32];
        if key.len() != 64 || !key.is_ascii() {
            return None;
        }
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&key[2 * at..2 * at + 2], 16).ok()?;
        }
        (hex(&bytes) == key).then(|| Self::new(&bytes))
    }

    /// The index at `number`, which is below [`ENTRIES`].
    pub(crate) fn of(&self, number: u32) -> u32 {
        let (mut left, mut right) = (number >> HALF & MASK, number & MASK);
        for round in self.rounds.iter() {
            (left, right) = (right, left ^ u32::from(round[right as usize]));
        }
        left << HALF | right
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_comes_once() {
        let permutation = Permutation::new(&[7; 32]);
        let mut seen = vec![false; ENTRIES as usize];
        for number in 0..ENTRIES {
            let index = permutation.of(number) as usize;
            assert!(!std::mem::replace(&mut seen[index], true), "{index} came twice");
        }
        assert!(seen.into_iter().all(|seen| seen));
    }

    #[test]
    fn another_key_is_another_order_and_neighbours_part() {
        let (one, other) = (Permutation::new(&[1; 32]), Permutation::new(&[2; 32]));
        let same = (0..1000).filter(|number| one.of(*number) == other.of(*number)).count();
        let near = (0..1000).filter(|n| one.of(*n).abs_diff(one.of(*n + 1)) < 256).count();
        // By chance 1000 / 2^18 and 1000 * 2^9 / 2^18 are to be expected.
        assert!(same < 4, "{same}");
        assert!(near < 16, "{near}");
    }

    #[test]
    fn keys_have_one_spelling() {
        assert!(Permutation::from_hex(&"0a".repeat(32)).is_some());
        for bad in
            ["0A".repeat(32), "0a".repeat(31), "0g".repeat(32), "+1".repeat(32), "é".repeat(32)]
        {
            assert!(Permutation::from_hex(&bad).is_none(), "{bad}");
        }
    }
}
