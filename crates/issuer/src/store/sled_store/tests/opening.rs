//! Opening what was in use a moment ago.

use std::time::Duration;

use super::super::open::{self, Layout};
use crate::store::StoreError;

const CACHE: u64 = 1 << 20;

#[test]
fn a_database_that_lets_go_late_is_waited_for_and_not_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::of(folder.path());
    let held = open::database(&layout, CACHE).unwrap();
    let letting_go = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        drop(held);
    });
    let held = open::database(&layout, CACHE).unwrap();
    letting_go.join().unwrap();
    let error = open::database(&layout, CACHE).err().unwrap();
    assert!(
        matches!(&error, StoreError::Stopped(why) if why.contains("could not acquire lock")),
        "{error}"
    );
    drop(held);
}
