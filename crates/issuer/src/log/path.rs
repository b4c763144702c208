//! The paths of tlog-tiles: `tile/<level>/<index>[.p/<width>]`, `tile/entries/<index>[.p/<width>]`.

use std::fmt;

use super::{LogError, TILE_WIDTH};

/// The path of index 2^64 - 1 with the longest level and width is shorter.
const LONGEST_PATH: usize = 64;

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TileKind {
    /// Hashes of the level 8 times this one, 0 to 63.
    Hashes(u8),
    /// The entries themselves.
    Entries,
}

/// A path relative to the log's own, in its one spelling: no zeros and no groups too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TilePath {
    /// Hashes or entries.
    pub kind: TileKind,
    /// The place in the level.
    pub index: u64,
    /// 1 to 256; 256 is full.
    pub width: u16,
}

impl TilePath {
    /// Reads a path, without a slash in front.
    pub fn parse(text: &str) -> Result<Self, LogError> {
        // Whatever is spelled otherwise than it would be printed is refused.
        Self::read(text).filter(|path| path.to_string() == text).ok_or_else(|| {
            LogError::PathMalformed { path: text.chars().take(LONGEST_PATH).collect() }
        })
    }

    fn read(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("tile/").filter(|_| text.len() <= LONGEST_PATH)?;
        let (kind, rest) = rest.split_once('/')?;
        let kind = match kind {
            "entries" => TileKind::Entries,
            level => TileKind::Hashes(level.parse().ok().filter(|level| *level <= 63)?),
        };
        let (index, width) = match rest.split_once(".p/") {
            None => (rest, TILE_WIDTH),
            Some((index, width)) => {
                (index, width.parse().ok().filter(|width| (1..TILE_WIDTH).contains(width))?)
            }
        };
        let index = index.split('/').try_fold(0_u64, |index, group| {
            let group: u64 = group.strip_prefix('x').unwrap_or(group).parse().ok()?;
            index.checked_mul(1000)?.checked_add(group)
        })?;
        Some(Self { kind, index, width })
    }
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Hashes(level) => write!(f, "tile/{level}")?,
            TileKind::Entries => f.write_str("tile/entries")?,
        }
        let digits = self.index.to_string();
        let groups = digits.len().div_ceil(3);
        let digits = format!("{digits:0>width$}", width = 3 * groups);
        for group in 0..groups {
            let mark = if group + 1 < groups { "x" } else { "" };
            write!(f, "/{mark}{}", &digits[3 * group..3 * group + 3])?;
        }
        if self.width < TILE_WIDTH {
            write!(f, ".p/{}", self.width)?;
        }
        Ok(())
    }
}
