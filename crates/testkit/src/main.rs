//! Writes the fixtures: `cargo run -p bonafide-testkit`.

use std::path::Path;

use bonafide_testkit::fixtures::without_chance;

fn main() -> std::io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    let files = bonafide_testkit::fixtures::all();
    for (name, content) in &files {
        let path = root.join(name);
        // What differs by chance alone stays as it is.
        let same = std::fs::read_to_string(&path)
            .is_ok_and(|old| without_chance(name, &old) == without_chance(name, content));
        if same {
            continue;
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, content)?;
    }
    println!("{} fixtures written", files.len());
    Ok(())
}
