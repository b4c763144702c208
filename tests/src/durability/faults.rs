//! The disk fails under load: the service says so, acknowledges nothing more and ends; with a disk
//! that works again it goes on with all that it acknowledged. `tests/faults/shim.c` makes the calls
//! fail; it needs a C compiler.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::check::Checker;
use super::load::{Load, a_while};
use super::process::Place;
use super::random::Random;

const EIO: &str = "5";
const ENOSPC: &str = "28";

/// The shim, compiled beside the service's folder.
fn shim(place: &Place) -> PathBuf {
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("faults/shim.c");
    let shim = place.path("shim.so");
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([&shim, &source])
        .arg("-ldl")
        .status()
        .expect("a C compiler, cc, is needed to make calls fail");
    assert!(compiled.success());
    shim
}

/// What fails, and what the service then has to name.
fn fails(at: &str, calls: &str, error: &str, names: &str) {
    let mut random = Random::new(u64::from(std::process::id()));
    let mut place = Place::new();
    let trigger = place.path("trigger");
    for (name, value) in [
        ("LD_PRELOAD", shim(&place).display().to_string()),
        ("FAULT_TRIGGER", trigger.display().to_string()),
        ("FAULT_PLACE", at.to_owned()),
        ("FAULT_CALLS", calls.to_owned()),
        ("FAULT_ERROR", error.to_owned()),
    ] {
        place.variables.push((name.to_owned(), value));
    }
    let mut running = place.start();
    let mut load = Load::new(&place, &running.token().unwrap());
    let mut checker = Checker::new(running.log_key());
    for _ in 0..2 {
        let time = a_while(&mut random);
        let mut ended = None;
        load.run(&place, &mut random, || {
            std::thread::sleep(time);
            std::fs::write(&trigger, "").unwrap();
            ended = running.ended_within(Duration::from_secs(20));
            if ended.is_none() {
                running.kill();
            }
        });
        let ended = ended.unwrap_or_else(|| panic!("it goes on: {}", place.said()));
        assert_eq!(ended.code(), Some(70), "{}", place.said());
        let said = place.said();
        assert!(said.contains(names), "{said}");
        assert!(said.contains("Nothing is acknowledged any more"), "{said}");
        std::fs::remove_file(&trigger).unwrap();
        running = place.start();
        checker.check(&place, &mut load, &mut random);
    }
    checker.check_all(&place, &mut load, &mut random);
    assert!(running.stop().success());
    checker.check_log(&place, &mut load);
    assert!(load.model.get_mut().unwrap().acknowledged > 0, "nobody did anything");
}

#[test]
fn a_value_file_that_can_t_be_made_durable_ends_the_service_and_loses_nothing() {
    fails("/data/values/", "sync", EIO, "values");
}

#[test]
fn a_value_file_without_room_ends_the_service_and_loses_nothing() {
    fails("/data/values/", "write", ENOSPC, "values");
}

#[test]
fn a_database_that_can_t_be_made_durable_ends_the_service_and_loses_nothing() {
    fails("/data/state/db", "sync", EIO, "state");
}

#[test]
fn a_database_without_room_ends_the_service_and_loses_nothing() {
    fails("/data/state/db", "write", ENOSPC, "state");
}

#[test]
fn a_log_that_can_t_be_made_durable_ends_the_service_and_loses_nothing() {
    fails("/data/log/", "sync", EIO, "log");
}

#[test]
fn a_log_without_room_ends_the_service_and_loses_nothing() {
    fails("/data/log/", "write", ENOSPC, "log");
}
