//! Asking on the terminal for what nobody else should see.

use std::io;
#[cfg(unix)]
use std::io::ErrorKind;

use zeroize::Zeroizing;

/// The longest line that is read, in bytes.
#[cfg(unix)]
const LONGEST: usize = 1024;

/// Reads a line that is typed and not shown, from the terminal of this process, wherever its
/// standard input comes from.
///
/// # Errors
///
/// `UnexpectedEof` where nothing was typed, `Interrupted` after Ctrl-C, `InvalidData` for what is
/// no text or too long, and any other where there is no terminal.
#[cfg(unix)]
pub(crate) fn ask(prompt: &str) -> io::Result<Zeroizing<String>> {
    use std::io::{Read as _, Write as _};

    let terminal = std::fs::OpenOptions::new().read(true).write(true).open("/dev/tty")?;
    let hidden = Hidden::begin(&terminal)?;
    // Both ways through one file, as the guard has it too.
    (&terminal).write_all(prompt.as_bytes())?;
    // Room for all of it: what moves leaves a copy.
    let mut line = Line(Zeroizing::new(Vec::with_capacity(LONGEST)));
    let mut byte = Zeroizing::new([0]);
    let outcome = loop {
        match (&terminal).read(&mut *byte)? {
            0 => break Err(ErrorKind::UnexpectedEof.into()),
            _ => match line.take(byte[0]) {
                Ok(true) => break line.text(),
                Ok(false) => {}
                Err(error) => break Err(error),
            },
        }
    };
    // First of all, since an interrupt may end this process.
    drop(hidden);
    (&terminal).write_all(b"\n")?;
    if outcome.as_ref().is_err_and(|error| error.kind() == ErrorKind::Interrupted) {
        let _ =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::INT);
    }
    outcome
}

/// Without a terminal that is known here, nobody is asked.
#[cfg(not(unix))]
pub(crate) fn ask(_: &str) -> io::Result<Zeroizing<String>> {
    Err(io::ErrorKind::Unsupported.into())
}

/// What was typed so far.
#[cfg(unix)]
struct Line(Zeroizing<Vec<u8>>);

#[cfg(unix)]
impl Line {
    /// Takes a byte; whether it ends the line.
    fn take(&mut self, byte: u8) -> io::Result<bool> {
        const INTERRUPT: u8 = 3;
        const END: u8 = 4;
        const BACKSPACE: u8 = 8;
        const KILL: u8 = 21;
        const DELETE: u8 = 127;
        match byte {
            b'\n' | b'\r' => return Ok(true),
            INTERRUPT => return Err(ErrorKind::Interrupted.into()),
            END if self.0.is_empty() => return Err(ErrorKind::UnexpectedEof.into()),
            END => return Ok(true),
            KILL => self.0.clear(),
            // A character, all of its bytes.
            BACKSPACE | DELETE => while self.0.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {},
            // Arrows and the like leave printable bytes behind, which is what a getpass gives too.
            byte if byte.is_ascii_control() => {}
            byte if self.0.len() < LONGEST => self.0.push(byte),
            _ => return Err(ErrorKind::InvalidData.into()),
        }
        Ok(false)
    }

    fn text(&self) -> io::Result<Zeroizing<String>> {
        let text = std::str::from_utf8(&self.0).map_err(|_| ErrorKind::InvalidData)?;
        match text {
            "" => Err(ErrorKind::UnexpectedEof.into()),
            text => Ok(Zeroizing::new(text.to_owned())),
        }
    }
}

/// A terminal that shows nothing of what is typed, until this is dropped.
#[cfg(unix)]
struct Hidden<'t> {
    terminal: &'t std::fs::File,
    before: rustix::termios::Termios,
}

#[cfg(unix)]
impl<'t> Hidden<'t> {
    fn begin(terminal: &'t std::fs::File) -> io::Result<Self> {
        use rustix::termios::{
            LocalModes, OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr,
        };
        let before = tcgetattr(terminal)?;
        let mut quiet = before.clone();
        // Ctrl-C comes as a byte, so that the terminal can be put back before it counts.
        quiet
            .local_modes
            .remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG);
        quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(terminal, OptionalActions::Now, &quiet)?;
        Ok(Self { terminal, before })
    }
}

#[cfg(unix)]
impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        use rustix::termios::{OptionalActions, tcsetattr};
        // There is nothing better to do.
        let _ = tcsetattr(self.terminal, OptionalActions::Now, &self.before);
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn typed(bytes: &[u8]) -> Result<String, ErrorKind> {
        let mut line = Line(Zeroizing::new(Vec::new()));
        for byte in bytes {
            match line.take(*byte) {
                Ok(true) => return line.text().map(|text| text.to_string()).map_err(|e| e.kind()),
                Ok(false) => {}
                Err(error) => return Err(error.kind()),
            }
        }
        panic!("the line has no end");
    }

    #[test]
    fn lines_are_edited_as_they_are_typed() {
        assert_eq!(typed(b"abc\n").as_deref(), Ok("abc"));
        assert_eq!(typed(b"abc\r").as_deref(), Ok("abc"));
        assert_eq!(typed(b"abx\x7fc\x04").as_deref(), Ok("abc"));
        assert_eq!(typed("ab\u{20ac}\x08c\n".as_bytes()).as_deref(), Ok("abc"));
        assert_eq!(typed(b"\x7f\x7fa\n").as_deref(), Ok("a"));
        assert_eq!(typed(b"wrong\x15abc\n").as_deref(), Ok("abc"));
        assert_eq!(typed(b"a\tb\n").as_deref(), Ok("ab"));
    }

    #[test]
    fn what_is_no_passphrase_is_none() {
        assert_eq!(typed(b"\n"), Err(ErrorKind::UnexpectedEof));
        assert_eq!(typed(b"\x04"), Err(ErrorKind::UnexpectedEof));
        assert_eq!(typed(b"abc\x03"), Err(ErrorKind::Interrupted));
        assert_eq!(typed(b"\xff\n"), Err(ErrorKind::InvalidData));
        assert_eq!(typed(&[b'a'; LONGEST + 1]), Err(ErrorKind::InvalidData));
    }
}
