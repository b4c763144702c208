//! The service is killed under load and while it starts, again and again over one folder. Rounds
//! come from `BONAFIDE_CRASH_ROUNDS`, choices from `BONAFIDE_CRASH_SEED`, and another build than the
//! one of the tests from `BONAFIDE_CRASH_BINARY`:
//!
//! ```text
//! BONAFIDE_CRASH_ROUNDS=10000 cargo test -p e2e durability::crash -- --nocapture
//! ```

use super::check::Checker;
use super::load::{Load, a_while, now};
use super::process::{Place, variable};
use super::random::Random;

/// After so many rounds the log is checked from its first entry on.
const CHECK_LOG_EVERY: u64 = 25;
/// A first start takes about so many milliseconds here; later ones half of it.
const STARTING: u64 = 80;

fn number(name: &str) -> Option<u64> {
    variable(name).map(|value| value.parse().unwrap())
}

/// Says what it takes to see a failure again.
struct Told(u64);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("to see it again: BONAFIDE_CRASH_SEED={}", self.0);
        }
    }
}

fn seeded() -> (Told, Random) {
    let seed = number("BONAFIDE_CRASH_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    (Told(seed), Random::new(seed))
}

#[test]
fn nothing_acknowledged_is_lost_or_doubled_however_often_it_is_killed() {
    let (_told, mut random) = seeded();
    let rounds = number("BONAFIDE_CRASH_ROUNDS").unwrap_or(10);
    let began = now();
    let place = Place::new();
    let mut running = place.start();
    let token = running.token().unwrap();
    let mut load = Load::new(&place, &token);
    let mut checker = Checker::new(running.log_key());
    for round in 1..=rounds {
        let time = a_while(&mut random);
        load.run(&place, &mut random, || {
            std::thread::sleep(time);
            running.kill();
        });
        assert!(!place.has_failed(), "{}", place.said());
        if round % CHECK_LOG_EVERY == 0 {
            checker.check_log(&place, &mut load);
        }
        for _ in 0..random.below(3) {
            place.start_and_kill(random.time(STARTING));
        }
        running = place.start();
        checker.check(&place, &mut load, &mut random);
        load.renew(&place);
    }
    let check_all = now();
    checker.check_all(&place, &mut load, &mut random);
    let status = running.stop();
    assert!(status.success(), "{status}: {}", place.said());
    assert_eq!(checker.check_log(&place, &mut load), checker.events());
    let model = load.model.get_mut().unwrap();
    println!(
        "{rounds} rounds in {:.1?}, {:.1?} of it for the last look: {} acknowledged, \
         {} credentials of {} agents, {} events, {} checkpoints",
        began.elapsed(),
        check_all.elapsed(),
        model.acknowledged,
        model.credentials.len(),
        model.agents.len(),
        checker.events(),
        model.checkpoints.len(),
    );
    assert!(model.acknowledged > rounds, "nobody did anything");
}

#[test]
fn a_folder_starts_again_after_a_kill_at_any_moment_of_its_first_start() {
    let (_told, mut random) = seeded();
    let rounds = number("BONAFIDE_CRASH_ROUNDS").unwrap_or(10);
    let place = Place::new();
    for _ in 0..rounds {
        for _ in 0..=random.below(2) {
            place.start_and_kill(random.time(STARTING));
        }
        drop(place.start());
        std::fs::remove_dir_all(place.data()).unwrap();
    }
}
