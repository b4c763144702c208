//! What an agent or a service carries that embeds bonafide.

use std::process::Command;

fn normal_dependencies(package: &str) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--edges", "normal", "--prefix", "none"])
        .args(["--package", package, "--format", "{p}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.split(' ').next()).map(ToOwned::to_owned).collect()
}

/// ssi, what it stands on, and the other library that only linked-data needs.
fn of_linked_data(name: &str) -> bool {
    let others =
        ["linked-data", "rdf-types", "zkryptium", "bls12_381_plus", "bonafide-linked-data"];
    name.starts_with("ssi") || name.starts_with("json-ld") || others.contains(&name)
}

#[test]
fn the_verifier_carries_no_rdf_and_no_network() {
    for package in ["bonafide-verifier", "bonafide-proof", "bonafide-core"] {
        let carried = normal_dependencies(package);
        assert!(carried.iter().any(|name| name == "sha2" || name == "jsonschema"), "{package}");
        let heavy: Vec<&String> = carried.iter().filter(|name| of_linked_data(name)).collect();
        assert!(heavy.is_empty(), "{package}: {heavy:?}");
        for name in ["reqwest", "tokio", "hyper", "rustls"] {
            assert!(!carried.iter().any(|carried| carried == name), "{package}: {name}");
        }
    }
    // The command line speaks every format, so the test can see what it looks for.
    let carried = normal_dependencies("bonafide-cli");
    assert!(carried.iter().any(|name| of_linked_data(name)));
    assert!(carried.iter().any(|name| name == "reqwest"));
}
