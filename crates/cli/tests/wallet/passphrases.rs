//! Where passphrases come from, and what is said where there is none.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::place::{PASSPHRASE, Place, ended, ends, fails, private};

/// Runs with text on standard input.
fn with_input(command: &mut Command, text: &str) -> i32 {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    child.wait().unwrap().code().unwrap()
}

#[test]
fn a_passphrase_comes_from_a_file_or_a_descriptor() {
    let place = Place::new();
    assert_eq!(place.ends(&["list"], 0).out, "no credentials\n");
    ends(&mut place.bare(&["list", "--passphrase-file", "pass"]), 0);
    for line_end in ["", "\n", "\r\n"] {
        let text = format!("{PASSPHRASE}{line_end}");
        assert_eq!(with_input(&mut place.bare(&["list", "--passphrase-fd", "0"]), &text), 0);
        assert_eq!(with_input(&mut place.bare(&["list", "--passphrase-file", "-"]), &text), 0);
    }
    if cfg!(target_os = "linux") {
        // Any other one, as a shell opens it.
        let line = "exec \"$0\" wallet list --passphrase-fd 7 7<pass";
        let mut shell = Command::new("sh");
        let program = env!("CARGO_BIN_EXE_bonafide");
        shell.args(["-c", line, program]).current_dir(place.folder());
        ends(shell.env("BONAFIDE_WALLET", "wallet").env_remove("BONAFIDE_PASSPHRASE_FILE"), 0);
    }
    // What is said there comes before the file that the environment names.
    place.write_private("other", "another one\n");
    let mut command = place.command(&["list", "--passphrase-file", "other"]);
    fails(&mut command, 64, "the passphrase is wrong");
}

#[test]
fn a_passphrase_is_no_argument_and_no_variable() {
    let place = Place::new();
    for option in ["--passphrase", "--password", "-p"] {
        assert_eq!(ended(&mut place.bare(&["list", option, "x"])).code, 64, "{option}");
    }
    let mut command = place.bare(&["list"]);
    for name in ["BONAFIDE_PASSPHRASE", "BONAFIDE_WALLET_PASSPHRASE", "PASSPHRASE"] {
        command.env(name, PASSPHRASE);
    }
    fails(&mut command, 64, "there is no terminal to ask for it");
}

#[test]
fn where_nobody_can_be_asked_the_two_options_are_named() {
    let place = Place::new();
    let says = |arguments: &[&str], options: &str| {
        let told = fails(&mut place.bare(arguments), 64, "a passphrase is needed, and there is");
        assert!(told.err.contains(&format!("try: {options}\n")), "{told:?}");
    };
    says(&["list"], "--passphrase-file FILE or --passphrase-fd N");
    says(&["create", "--wallet", "new"], "--passphrase-file FILE or --passphrase-fd N");
    assert!(!place.path("new").exists());
    place.fails(&["change-passphrase"], 64, "try: --new-passphrase-file FILE or --new-pass");
    let told = place.fails(&["export", "--out", "copy"], 64, "try: --copy-passphrase-file FILE");
    assert!(told.err.contains("--copy-passphrase-fd N"), "{told:?}");
    assert!(!place.path("copy").exists());
}

#[test]
fn what_is_no_passphrase_is_refused() {
    let place = Place::new();
    let says = |name: &str, says: &str| {
        fails(&mut place.bare(&["list", "--passphrase-file", name]), 64, says);
    };
    says("missing", "can't read missing: entity not found");
    place.write_private("empty", "\n");
    says("empty", "there is no passphrase in empty");
    place.write_private("lines", "one\ntwo\n");
    says("lines", "there is more than one line in lines");
    place.write("bytes", [0xff, 0xfe]);
    private(&place.path("bytes"), 0o600);
    says("bytes", "the passphrase in bytes is not UTF-8 text");
    place.write_private("long", &"x".repeat(1025));
    says("long", "the passphrase is too long: it may have 1024 bytes");
    place.write_private("wrong", "something else\n");
    says("wrong", "the passphrase is wrong");
    if cfg!(unix) {
        private(&place.path("pass"), 0o644);
        says("pass", "pass holds a secret and everybody here can read it\n  try: chmod 600 pass");
    }
    for (number, says) in [
        ("1", "file descriptor 1 is for what is written"),
        ("2", "file descriptor 2 is for what is written"),
        ("99", "file descriptor 99 is not open for reading"),
        ("0", "there is no passphrase in file descriptor 0"),
    ] {
        fails(&mut place.bare(&["list", "--passphrase-fd", number]), 64, says);
    }
    assert_eq!(ended(&mut place.bare(&["list", "--passphrase-fd", "x"])).code, 64);
}

#[test]
fn a_new_passphrase_is_not_short() {
    let place = Place::empty();
    place.write_private("short", "seven77\n");
    let mut command = place.bare(&["create", "--passphrase-file", "short"]);
    fails(&mut command, 64, "take at least 8 characters");
    assert!(!place.path("wallet").exists());
    place.ends(&["create"], 0);
    let told = place.ends(&["change-passphrase", "--new-passphrase-file", "short"], 64);
    assert!(told.err.contains("take at least 8 characters"), "{told:?}");
    place.ends(&["list"], 0);
}

#[test]
fn a_passphrase_is_changed() {
    let place = Place::new();
    place.write_private("new", "canary two two two\n");
    let told = place.ends(&["change-passphrase", "--new-passphrase-file", "new"], 0);
    assert_eq!(told.out, "the wallet opens with the new passphrase; its copies do not\n");
    place.fails(&["list"], 64, "the passphrase is wrong");
    ends(&mut place.bare(&["list", "--passphrase-file", "new"]), 0);
    // With a wrong old one nothing is changed.
    place.fails(&["change-passphrase", "--new-passphrase-file", "pass"], 64, "is wrong");
    ends(&mut place.bare(&["list", "--passphrase-file", "new"]), 0);
}
