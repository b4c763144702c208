//! Writes the fixtures: `cargo run -p bonafide-testkit`.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    let files = bonafide_testkit::fixtures::all();
    for (path, content) in &files {
        let path = root.join(path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, content)?;
    }
    println!("{} fixtures written", files.len());
    Ok(())
}
