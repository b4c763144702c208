//! Where passphrases come from: a prompt, a file or a file descriptor. Never an argument or the
//! environment: those are seen by others.

use std::fs::File;
use std::io::{ErrorKind, IsTerminal as _, Read};
use std::path::{Path, PathBuf};

use bonafide_wallet::{LONGEST_PASSPHRASE, Passphrase};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::{files, terminal};

/// Where one passphrase comes from.
pub(super) enum Source {
    File(PathBuf),
    Descriptor(u32),
    /// The terminal.
    Prompt,
}

/// What a passphrase is for: as it is asked for, and the options that would say where it is.
pub(super) struct Purpose {
    pub(super) prompt: &'static str,
    pub(super) options: &'static str,
}

/// The wallet's own.
pub(super) const WALLET: Purpose = Purpose {
    prompt: "Passphrase of the wallet: ",
    options: "--passphrase-file FILE or --passphrase-fd N",
};

impl Source {
    /// A descriptor comes before a file, since the file may be named by the environment.
    pub(super) fn of(file: Option<&Path>, descriptor: Option<u32>) -> Self {
        match (descriptor, file) {
            (Some(descriptor), _) => Self::Descriptor(descriptor),
            (None, Some(file)) => Self::File(file.to_owned()),
            (None, None) => Self::Prompt,
        }
    }

    /// The passphrase of something that is there.
    pub(super) fn read(&self, purpose: &Purpose) -> Result<Passphrase, Failure> {
        match self {
            Self::File(path) => of_file(path),
            Self::Descriptor(number) => of_descriptor(*number),
            Self::Prompt => Ok(Passphrase::from(ask(purpose.prompt, purpose)?)),
        }
    }

    /// The passphrase of something new: typed twice, where it is typed.
    pub(super) fn read_new(&self, purpose: &Purpose) -> Result<Passphrase, Failure> {
        if !matches!(self, Self::Prompt) {
            return self.read(purpose);
        }
        let first = ask(purpose.prompt, purpose)?;
        let again = ask("The same again: ", purpose)?;
        if *first != *again {
            return Err(Failure::usage("these were two passphrases; nothing was changed"));
        }
        Ok(Passphrase::from(first))
    }
}

fn ask(prompt: &str, purpose: &Purpose) -> Result<Zeroizing<String>, Failure> {
    let nobody = || {
        Failure::usage("a passphrase is needed, and there is no terminal to ask for it")
            .with_help(purpose.options)
    };
    // Whoever has redirected both is a program, even where it was started from a terminal.
    if !std::io::stdin().is_terminal() && !std::io::stderr().is_terminal() {
        return Err(nobody());
    }
    terminal::ask(prompt).map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof | ErrorKind::Interrupted => {
            Failure::usage("no passphrase was given")
        }
        ErrorKind::InvalidData => Failure::usage("the passphrase is not UTF-8 text, or too long"),
        _ => nobody(),
    })
}

fn of_file(path: &Path) -> Result<Passphrase, Failure> {
    files::refuse_if_open(path)?;
    let shown = path.display().to_string();
    if path.as_os_str() == "-" {
        return read(std::io::stdin().lock(), "standard input");
    }
    let file = File::open(path)
        .map_err(|error| Failure::usage(format!("can't read {shown}: {}", error.kind())))?;
    read(file, &shown)
}

fn of_descriptor(number: u32) -> Result<Passphrase, Failure> {
    let shown = format!("file descriptor {number}");
    match number {
        0 => read(std::io::stdin().lock(), &shown),
        1 | 2 => Err(Failure::usage(format!("{shown} is for what is written"))),
        // Its name in the file system: taking a bare number for a file is not safe in Rust.
        _ => match File::open(format!("/dev/fd/{number}")) {
            Ok(file) => read(file, &shown),
            Err(_) => Err(Failure::usage(format!("{shown} is not open for reading"))
                .with_help(format!("bonafide wallet … --passphrase-fd {number} {number}<FILE"))),
        },
    }
}

/// All that is there, without the line break at its end.
fn read(from: impl Read, shown: &str) -> Result<Passphrase, Failure> {
    // Room for the longest and its line end, so that nothing moves and leaves a copy.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST_PASSPHRASE + 3));
    from.take(LONGEST_PASSPHRASE as u64 + 3)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::usage(format!("can't read {shown}: {}", error.kind())))?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| Failure::usage(format!("the passphrase in {shown} is not UTF-8 text")))?;
    let text = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
    match text {
        "" => Err(Failure::usage(format!("there is no passphrase in {shown}"))),
        text if text.contains('\n') => {
            Err(Failure::usage(format!("there is more than one line in {shown}")))
        }
        text => Ok(Passphrase::new(text)),
    }
}
