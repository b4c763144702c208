//! The vectors of others. Each folder is read by one test, which fails if it leaves a file unread.

mod data_integrity;
mod jcs;
mod rdf_canon;
mod sd_jwt;
mod token_status_list;
mod webvh;
mod webvh_own;
mod wycheproof;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use bonafide_core::json::{Limits, Value, parse};

/// The folders, and the modules above that read them.
const FOLDERS: [&str; 9] = [
    "did-webvh",
    "jcs",
    "rdf-canon",
    "sd-jwt",
    "token-status-list",
    "vc-di-bbs",
    "vc-di-ecdsa",
    "vc-di-eddsa",
    "wycheproof",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/vectors")
}

/// One folder of vectors, with the files that nobody has read yet.
struct Folder {
    path: PathBuf,
    unread: BTreeSet<PathBuf>,
}

impl Folder {
    fn open(name: &str) -> Self {
        assert!(FOLDERS.contains(&name));
        let path = root().join(name);
        let mut unread = BTreeSet::new();
        let mut folders = vec![path.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap().path();
                if entry.is_dir() {
                    folders.push(entry);
                } else {
                    unread.insert(entry);
                }
            }
        }
        assert!(!unread.is_empty());
        Self { path, unread }
    }

    fn bytes(&mut self, name: &str) -> Vec<u8> {
        let path = self.path.join(name);
        self.unread.remove(&path);
        fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    fn holds(&self, name: &str) -> bool {
        self.path.join(name).exists()
    }

    fn text(&mut self, name: &str) -> String {
        String::from_utf8(self.bytes(name)).unwrap()
    }

    fn json(&mut self, name: &str) -> Value<'static> {
        let bytes = self.bytes(name);
        let limits = Limits { values: usize::MAX, ..Limits::for_size(1 << 20) };
        parse(&bytes, &limits).unwrap().into_owned()
    }

    /// The files below `path` that nobody has read yet.
    fn below(&self, path: &str) -> Vec<String> {
        let names =
            self.unread.iter().filter_map(|file| file.strip_prefix(&self.path).ok()?.to_str());
        names.filter(|name| name.starts_with(path)).map(ToOwned::to_owned).collect()
    }

    fn finish(self) {
        assert!(self.unread.is_empty(), "left unread: {:#?}", self.unread);
    }
}

#[test]
fn no_folder_of_vectors_is_left_out() {
    let mut found: Vec<String> = fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "README.md")
        .collect();
    found.sort();
    assert_eq!(found, FOLDERS);
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| u8::try_from(c.to_digit(16).unwrap()).unwrap())
        .collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}
