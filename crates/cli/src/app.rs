//! What a command is given: where to write, the clock, randomness.

use std::io::Write;

use bonafide_core::time::Timestamp;
use bonafide_proof::SignError;

use crate::command::Command;
use crate::failure::{Exit, Failure};

/// One run of the program.
pub(crate) struct App<'a> {
    /// Standard output; colours are stripped where it is no terminal.
    pub(crate) out: &'a mut dyn Write,
    /// Whether results are JSON.
    pub(crate) json: bool,
    /// The time of this run.
    pub(crate) now: Timestamp,
    /// The same in milliseconds since 1970.
    pub(crate) milliseconds: u64,
    fill: fn(&mut [u8]) -> Result<(), Failure>,
}

impl<'a> App<'a> {
    /// With this machine's clock and randomness: the only place that asks for either.
    #[allow(clippy::disallowed_methods)]
    pub(crate) fn of_this_machine(json: bool, out: &'a mut dyn Write) -> Result<Self, Failure> {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).ok();
        let read = since.and_then(|since| {
            let now = Timestamp::from_unix(i64::try_from(since.as_secs()).ok()?)?;
            Some((now, u64::try_from(since.as_millis()).ok()?))
        });
        let (now, milliseconds) = read
            .ok_or_else(|| Failure::fault("this machine's clock is before 1970 or after 9999"))?;
        let fill = |bytes: &mut [u8]| {
            getrandom::fill(bytes)
                .map_err(|error| Failure::fault(format!("no randomness: {error}")))
        };
        Ok(Self { out, json, now, milliseconds, fill })
    }

    /// The same run, writing elsewhere.
    pub(crate) fn writing_to<'b>(&self, out: &'b mut dyn Write) -> App<'b> {
        App {
            out,
            json: self.json,
            now: self.now,
            milliseconds: self.milliseconds,
            fill: self.fill,
        }
    }

    pub(crate) fn run(&mut self, command: Command) -> Result<Exit, Failure> {
        command.run(self)
    }

    /// Random bytes.
    pub(crate) fn random<const N: usize>(&self) -> Result<[u8; N], Failure> {
        let mut bytes = [0; N];
        (self.fill)(&mut bytes)?;
        Ok(bytes)
    }

    /// Fills buffers with random bytes, for what signs.
    pub(crate) fn random_source(&self) -> impl FnMut(&mut [u8]) -> Result<(), SignError> + use<> {
        let fill = self.fill;
        move |bytes| fill(bytes).map_err(|failure| SignError(failure.message))
    }

    /// A fresh `urn:uuid:` (RFC 9562, version 4).
    pub(crate) fn new_urn(&self) -> Result<String, Failure> {
        let mut bytes: [u8; 16] = self.random()?;
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let hex = bonafide_core::encoding::hex(&bytes);
        let groups = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
        Ok(format!("urn:uuid:{}", groups.join("-")))
    }

    /// Prints a result that is JSON already.
    pub(crate) fn print_json(&mut self, value: &serde_json::Value) -> Result<(), Failure> {
        writeln!(self.out, "{value:#}")?;
        Ok(())
    }
}
