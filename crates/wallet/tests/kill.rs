//! A process that writes is killed, again and again: what it acknowledged is there, and the wallet
//! opens.
//!
//! The process is this test binary, started anew with one of the ignored tests in the folder in
//! which the wallet lies.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use bonafide_core::key::KeyType;
use bonafide_core::time::Timestamp;
use bonafide_proof::SignError;
use bonafide_wallet::{Cost, Held, Passphrase, StoreError, Wallet, WalletError};

const ROUNDS: u64 = 40;
/// A wallet is written whole, so it is begun anew before it is large.
const ROUNDS_FOR_EACH: u64 = 10;
/// The longest time until a kill, in microseconds from the start of the process.
const LONGEST: u64 = 150_000;

fn passphrase() -> Passphrase {
    Passphrase::new("known to everybody")
}

#[allow(clippy::disallowed_methods)] // a test is a binary
fn fill(bytes: &mut [u8]) -> Result<(), SignError> {
    getrandom::fill(bytes).map_err(|error| SignError(error.to_string()))
}

fn now() -> Timestamp {
    Timestamp::from_unix_clamped(1_700_000_000)
}

/// The credential of a number, small or larger.
fn held(number: usize) -> Held {
    Held {
        id: format!("urn:example:{number}"),
        bytes: number.to_string().repeat(1 + number % 7 * 40).into_bytes(),
        format: "vc+jwt".to_owned(),
        digest: format!("sha256:{number:064x}"),
        types: vec!["VerifiableCredential".to_owned()],
        issuer: "did:web:issuer.example".to_owned(),
        subject: None,
        key: Some("agent".to_owned()),
        received_at: now(),
        valid_until: None,
    }
}

/// Writes one credential after the other and says so, until it is killed. With
/// every third a status is given out.
#[test]
#[ignore = "runs as the process that is killed"]
fn the_process_that_writes() {
    let mut wallet = Wallet::open(Path::new("wallet"), &passphrase()).unwrap();
    println!();
    for number in wallet.list().len().. {
        if number % 3 == 0 && !wallet.is_used("https://issuer.example/1", number as u64) {
            wallet.use_index("https://issuer.example/1", number as u64).unwrap();
            println!("used {number}");
        }
        wallet.put(held(number)).unwrap();
        println!("put {number}");
    }
}

/// Makes wallets and says so, until it is killed.
#[test]
#[ignore = "runs as the process that is killed"]
fn the_process_that_creates() {
    println!();
    for number in std::fs::read_dir(".").unwrap().count().. {
        let folder = format!("wallet-{number}");
        drop(Wallet::create(Path::new(&folder), &passphrase(), Cost::LEAST, &mut fill).unwrap());
        println!("put {number}");
    }
}

/// The process, and what it says.
struct Process {
    child: Child,
    said: Receiver<(String, usize)>,
}

impl Process {
    fn start(name: &str, folder: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([name, "--exact", "--ignored", "--nocapture"])
            .current_dir(folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let (sender, said) = channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            while output.read_line(&mut line).unwrap() > 0 {
                // The last one may have been cut.
                let whole = line.strip_suffix('\n').and_then(|line| line.split_once(' '));
                let said = whole.and_then(|(what, number)| Some((what, number.parse().ok()?)));
                if let Some((what, number)) = said {
                    let _ = sender.send((what.to_owned(), number));
                }
                line.clear();
            }
        });
        Self { child, said }
    }

    /// Kills it with SIGKILL; gives all that it had said.
    fn kill(mut self) -> Vec<(String, usize)> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.said.iter().collect()
    }
}

/// It would write for ever after a test that failed.
impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// SplitMix64: other times with each run, and the seed is told.
struct Random(u64);

impl Random {
    fn new() -> Self {
        let seed = u64::from(std::process::id());
        println!("seed {seed}");
        Self(seed)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}

/// On the disk that is built on: a temporary folder may be memory alone.
fn folder() -> tempfile::TempDir {
    let mut target = std::env::current_exe().unwrap();
    target.pop();
    tempfile::Builder::new().prefix("wallet-").tempdir_in(target).unwrap()
}

/// A folder with a wallet that holds a key.
fn new_wallet() -> tempfile::TempDir {
    let place = folder();
    let path = place.path().join("wallet");
    let mut wallet = Wallet::create(&path, &passphrase(), Cost::LEAST, &mut fill).unwrap();
    wallet.new_key("agent", KeyType::P256, &mut fill, now()).unwrap();
    place
}

#[test]
fn nothing_acknowledged_is_lost_however_often_it_is_killed() {
    let mut random = Random::new();
    let (mut acknowledged, mut unsaid, mut left) = (0, 0, 0);
    let mut place = new_wallet();
    let mut expected = BTreeSet::new();
    for round in 0..ROUNDS {
        if round % ROUNDS_FOR_EACH == 0 {
            place = new_wallet();
            expected.clear();
        }
        let path = place.path().join("wallet");
        let process = Process::start("the_process_that_writes", place.path());
        std::thread::sleep(Duration::from_micros(random.below(LONGEST)));
        for (what, number) in process.kill() {
            acknowledged += 1;
            expected.insert((what, number));
        }
        let new = path.join("wallet.bonafide.new");
        left += u32::from(new.exists());
        let wallet = Wallet::open(&path, &passphrase()).unwrap();
        assert!(!new.exists());
        for (what, number) in &expected {
            match what.as_str() {
                "put" => {
                    let there = wallet.get(&format!("urn:example:{number}"));
                    assert_eq!(there, Some(&held(*number)), "round {round}");
                }
                _ => assert!(wallet.is_used("https://issuer.example/1", *number as u64)),
            }
        }
        // Whatever else is there is whole, and at most the last one was not acknowledged.
        let said = expected.iter().filter(|(what, _)| what == "put").count();
        assert!(wallet.list().len() <= said + 1, "round {round}");
        for (number, there) in wallet.list().iter().enumerate() {
            assert_eq!(*there, held(number), "round {round}");
            expected.insert(("put".to_owned(), number));
        }
        unsaid += wallet.list().len() - said;
        assert_eq!(wallet.signer("agent").unwrap().sign(b"hello").unwrap().len(), 64);
    }
    println!("{acknowledged} acknowledged, {unsaid} more written, {left} half-written files left");
    assert!(acknowledged > 2 * usize::try_from(ROUNDS).unwrap(), "nothing was written");
}

#[test]
fn a_wallet_is_made_or_can_be_made_after_a_kill() {
    let mut random = Random::new();
    let place = folder();
    for _ in 0..10 {
        let process = Process::start("the_process_that_creates", place.path());
        std::thread::sleep(Duration::from_micros(random.below(LONGEST)));
        for (_, number) in process.kill() {
            let path = place.path().join(format!("wallet-{number}"));
            assert!(Wallet::open(&path, &passphrase()).is_ok());
        }
        for entry in std::fs::read_dir(place.path()).unwrap() {
            let path = entry.unwrap().path();
            match Wallet::open(&path, &passphrase()) {
                Ok(_) => {}
                Err(WalletError::Store(StoreError::Missing { .. })) => {
                    Wallet::create(&path, &passphrase(), Cost::LEAST, &mut fill).unwrap();
                }
                Err(error) => panic!("{}: {error}", path.display()),
            }
        }
    }
}

#[test]
fn two_processes_are_kept_apart() {
    let place = new_wallet();
    let path = place.path().join("wallet");
    let process = Process::start("the_process_that_writes", place.path());
    process.said.recv().unwrap();
    let error = Wallet::open(&path, &passphrase()).err().unwrap();
    assert!(matches!(error, WalletError::Store(StoreError::InUse { .. })));
    let expected =
        format!("the wallet in {} is in use by process {}", path.display(), process.child.id());
    assert!(error.to_string().starts_with(&expected), "{error}");
    // A lock goes with whoever held it.
    process.kill();
    assert!(Wallet::open(&path, &passphrase()).is_ok());
}
