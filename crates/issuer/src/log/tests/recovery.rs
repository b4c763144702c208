//! Opening after a crash, and refusing what no crash leaves behind.

use std::fs;
use std::io::Write;

use super::*;

const FILES: [&str; 3] = ["entries", "offsets", "hashes"];

fn append_bytes(path: &Path, bytes: &[u8]) {
    fs::OpenOptions::new().append(true).open(path).unwrap().write_all(bytes).unwrap();
}

fn cut(path: &Path, by: u64) {
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(file.metadata().unwrap().len() - by).unwrap();
}

#[test]
fn a_log_goes_on_where_it_was() {
    let mut sizes = vec![];
    let closed = Stage::new().close();
    for count in [0, 1, 254, 1, 1, 255, 513] {
        let (mut writer, reader) = closed.reopen().unwrap();
        assert_eq!((writer.size(), writer.dropped()), (reader.size(), 0));
        let first = writer.size();
        let entries: Vec<_> = (first..first + count).map(entry).collect();
        assert_eq!(writer.append(&entries).unwrap(), first..first + count);
        writer.publish(&secret(1)).unwrap();
        sizes.push(closed.checkpoint());
    }
    assert_eq!(closed.checkpoint().size(), 1025);
    assert_eq!(closed.checkpoint().root(), Stage::new().grow(1025).root());
    offline::verify(&closed.path, &key(), &sizes).unwrap();
}

#[test]
fn what_was_not_published_is_cut_off() {
    for count in [0, 1, 255, 256, 257] {
        let closed = Stage::with(count).close();
        let before: Vec<_> = FILES.map(|name| fs::read(closed.file(name)).unwrap()).into();
        for (n, name) in FILES.into_iter().enumerate() {
            // Whole things, and a part of one.
            append_bytes(&closed.file(name), &[0, 200, 1, 2, 3]);
            append_bytes(&closed.file(name), &vec![0; 1000 * n]);
        }
        let (mut writer, reader) = closed.reopen().unwrap();
        assert_eq!((writer.size(), reader.size(), writer.dropped()), (count, count, 5));
        let after: Vec<_> = FILES.map(|name| fs::read(closed.file(name)).unwrap()).into();
        assert_eq!(before, after);
        writer.append(&(count..600).map(entry).collect::<Vec<_>>()).unwrap();
        writer.publish(&secret(1)).unwrap();
        drop(writer);
        assert_eq!(closed.checkpoint().root(), Stage::new().grow(600).root());
        offline::verify(&closed.path, &key(), &[]).unwrap();
    }
}

#[test]
fn a_writer_that_is_dropped_leaves_what_was_published() {
    let mut stage = Stage::with(10);
    let many: Vec<_> = (0..1000).map(|_| vec![0; 3000]).collect();
    stage.writer.append(&many).unwrap();
    let closed = stage.close();
    assert!(fs::metadata(closed.file("entries")).unwrap().len() > 1_000_000);
    assert!(offline::verify(&closed.path, &key(), &[]).unwrap().unpublished > 1_000_000);
    let (writer, _) = closed.reopen().unwrap();
    assert_eq!(writer.size(), 10);
    assert!(writer.dropped() > 1_000_000);
}

#[test]
fn files_that_are_too_short() {
    for (count, name, by) in [
        (3, "entries", 1),
        (300, "entries", 9),
        (256, "entries", 2000),
        (3, "offsets", 1),
        (257, "offsets", 8),
        (3, "hashes", 1),
        (300, "hashes", 32),
    ] {
        let closed = Stage::with(count).close();
        cut(&closed.file(name), by);
        assert_eq!(code(closed.reopen()), "truncated", "{name} {count}");
        assert_eq!(code(LogReader::open(&closed.path, &key())), "truncated");
        assert_eq!(code(offline::verify(&closed.path, &key(), &[])), "truncated");
    }
    let closed = Stage::with(3).close();
    cut(&closed.file("entries"), 2);
    let message = closed.reopen().err().unwrap().to_string();
    assert!(message.ends_with("it has 25 bytes, the checkpoint needs 26"), "{message}");
    // Nothing was cut by looking.
    assert_eq!(fs::metadata(closed.file("entries")).unwrap().len(), 25);
}

#[test]
fn files_that_were_dropped() {
    for name in FILES {
        let closed = Stage::with(3).close();
        fs::remove_file(closed.file(name)).unwrap();
        assert_eq!(code(LogReader::open(&closed.path, &key())), "io");
        assert_eq!(code(offline::verify(&closed.path, &key(), &[])), "io");
        assert_eq!(code(closed.reopen()), "truncated");
    }
    let closed = Stage::with(3).close();
    fs::remove_file(closed.file("checkpoint")).unwrap();
    assert_eq!(code(closed.reopen()), "checkpoint-missing");
    assert_eq!(code(LogReader::open(&closed.path, &key())), "checkpoint-missing");
}

#[test]
fn ends_that_do_not_fit_the_checkpoint() {
    let closed = Stage::with(3).close();
    closed.flip("hashes", -1);
    assert_eq!(code(closed.reopen()), "root-mismatch");
    let closed = Stage::with(3).close();
    closed.flip("entries", -1);
    assert_eq!(code(closed.reopen()), "entry-changed");
    let closed = Stage::with(3).close();
    closed.flip("checkpoint", i64::try_from(ORIGIN.len()).unwrap() + 1);
    assert_eq!(code(closed.reopen()), "checkpoint-signature-invalid");
    fs::write(closed.file("checkpoint"), "").unwrap();
    assert_eq!(code(closed.reopen()), "checkpoint-malformed");
    fs::write(closed.file("checkpoint"), [0xff]).unwrap();
    assert_eq!(code(closed.reopen()), "checkpoint-malformed");
    let closed = Stage::with(300).close();
    closed.flip("offsets", 15);
    assert_eq!(code(closed.reopen()), "truncated");
}

#[test]
fn the_checkpoint_of_another_log_or_key() {
    let closed = Stage::with(3).close();
    let other_log = LogKey::new("other.example", secret(1).public_key()).unwrap();
    assert_eq!(code(LogWriter::open(&closed.path, other_log)), "other-log");
    let other_key = LogKey::new(ORIGIN, secret(2).public_key()).unwrap();
    assert_eq!(code(LogWriter::open(&closed.path, other_key)), "checkpoint-not-signed");
}

#[test]
fn a_checkpoint_that_was_signed_but_not_put_into_place() {
    // Every state between signing and the end of the rename.
    let mut stage = Stage::with(3);
    let old = fs::read(stage.path().join("checkpoint")).unwrap();
    stage.grow(300);
    let closed = stage.close();
    let new = fs::read(closed.file("checkpoint")).unwrap();
    fs::write(closed.file("checkpoint"), &old).unwrap();
    fs::write(closed.file("checkpoint.next"), &new).unwrap();
    let (writer, reader) = closed.reopen().unwrap();
    assert_eq!((writer.size(), reader.size()), (303, 303));
    drop(writer);
    assert_eq!(fs::read(closed.file("checkpoint")).unwrap(), new);
    assert!(!closed.file("checkpoint.next").exists());

    // One that was not written whole (here in the middle of the dash) was never seen by anybody.
    let middle = new.iter().position(|byte| *byte == 0xe2).unwrap() + 1;
    for part in [0, middle, new.len() - 1] {
        fs::write(closed.file("checkpoint"), &old).unwrap();
        fs::write(closed.file("checkpoint.next"), &new[..part]).unwrap();
        let copy = Stage::new().close();
        for name in ["entries", "offsets", "hashes", "checkpoint", "checkpoint.next"] {
            fs::copy(closed.file(name), copy.file(name)).unwrap();
        }
        let (writer, _) = copy.reopen().unwrap();
        assert_eq!(writer.size(), 3);
        assert!(!copy.file("checkpoint.next").exists());
    }
    // An older one changes nothing.
    fs::write(closed.file("checkpoint"), &new).unwrap();
    fs::write(closed.file("checkpoint.next"), &old).unwrap();
    assert_eq!(closed.reopen().unwrap().0.size(), 303);
}

#[test]
fn one_writer_at_a_time() {
    let stage = Stage::with(3);
    assert_eq!(code(LogWriter::open(&stage.path(), key())), "log-in-use");
    assert_eq!(LogReader::open(&stage.path(), &key()).unwrap().size(), 3);
    stage.close().reopen().unwrap();
}

#[test]
fn entries_of_every_length() {
    let mut stage = Stage::with(2);
    assert_eq!(code(stage.writer.append(&[vec![], vec![0; 65_536]])), "entry-too-large");
    assert_eq!(stage.writer.size(), 2);
    let entries = [vec![], vec![7; 65_535], vec![], vec![1]];
    stage.append(&entries);
    for (n, entry) in entries.iter().enumerate() {
        assert_eq!(stage.reader.entry(2 + n as u64).unwrap().as_ref(), Some(entry));
    }
    let closed = stage.close();
    assert_eq!(closed.reopen().unwrap().0.size(), 6);
    offline::verify(&closed.path, &key(), &[]).unwrap();
}

#[test]
fn a_full_bundle_of_the_longest_entries() {
    let mut stage = Stage::new();
    let longest = vec![0x5a; LONGEST_ENTRY];
    stage.append(&vec![longest.clone(); 257]);
    assert_eq!(stage.reader.entry(255).unwrap().unwrap(), longest);
    assert_eq!(stage.reader.entries(0, 256).unwrap().unwrap().len(), 256 * 65_537);
    let target = stage.folder.path().join("copy");
    offline::export(&stage.reader, &target).unwrap();
    offline::verify(&target, &key(), &[]).unwrap();
    let closed = stage.close();
    assert_eq!(closed.reopen().unwrap().0.size(), 257);
    offline::verify(&closed.path, &key(), &[]).unwrap();
}

#[test]
fn after_an_error_of_the_files_nothing_more_is_taken() {
    let mut stage = Stage::with(3);
    let in_the_way = stage.path().join("checkpoint.next");
    fs::create_dir(&in_the_way).unwrap();
    stage.writer.append(&[entry(3)]).unwrap();
    assert_eq!(code(stage.writer.publish(&secret(1))), "io");
    assert_eq!(stage.reader.size(), 3);
    fs::remove_dir(&in_the_way).unwrap();
    assert_eq!(code(stage.writer.publish(&secret(1))), "log-stopped");
    assert_eq!(code(stage.writer.append(&[entry(4)])), "log-stopped");
    // What was published is still read, and a new start finds it.
    assert_eq!(stage.reader.entry(2).unwrap().unwrap(), entry(2));
    assert_eq!(stage.close().reopen().unwrap().0.size(), 3);
}

/// Where writing always fails, and so does fsync.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_stops_the_log() {
    for name in FILES {
        let folder = TempDir::new().unwrap();
        std::os::unix::fs::symlink("/dev/full", folder.path().join(name)).unwrap();
        let (mut writer, _) = LogWriter::open(folder.path(), key()).unwrap();
        assert_eq!(code(writer.publish(&secret(1))), "io", "fsync of {name}");
        assert_eq!(code(writer.publish(&secret(1))), "log-stopped");
        assert!(!folder.path().join("checkpoint").exists());
    }
    let folder = TempDir::new().unwrap();
    std::os::unix::fs::symlink("/dev/full", folder.path().join("entries")).unwrap();
    let (mut writer, _) = LogWriter::open(folder.path(), key()).unwrap();
    assert_eq!(code(writer.append(&vec![vec![0; 60_000]; 20])), "io");
    assert_eq!(code(writer.append(&[b""])), "log-stopped");
}

#[test]
fn publishing_nothing_new_gives_the_last_checkpoint() {
    let mut stage = Stage::with(3);
    let last = stage.reader.checkpoint().unwrap();
    assert!(Arc::ptr_eq(&stage.writer.publish(&secret(1)).unwrap(), &last));
    assert_eq!(stage.writer.append(&[b""; 0]).unwrap(), 3..3);
    assert!(Arc::ptr_eq(&stage.writer.publish(&secret(1)).unwrap(), &last));
}

#[test]
fn a_new_log_has_no_checkpoint() {
    let folder = TempDir::new().unwrap();
    let (writer, reader) = LogWriter::open(&folder.path().join("a/b"), key()).unwrap();
    assert_eq!((writer.size(), reader.size()), (0, 0));
    assert!(reader.checkpoint().is_none());
    assert_eq!(code(reader.prove(0)), "not-in-log");
    let target = folder.path().join("copy");
    assert_eq!(code(offline::export(&reader, &target)), "checkpoint-missing");
}
