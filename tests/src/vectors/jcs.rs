//! RFC 8785: cyberphone/json-canonicalization.

use bonafide_core::json::to_canonical_string;

use super::{Folder, unhex};

#[test]
fn all_six_inputs_give_their_output_byte_for_byte() {
    let mut folder = Folder::open("jcs");
    assert!(folder.text("README.md").starts_with("## Test Data"));
    let names = ["arrays", "french", "structures", "unicode", "values", "weird"];
    for name in names {
        let canonical = to_canonical_string(&folder.json(&format!("input/{name}.json")));
        assert_eq!(canonical, folder.text(&format!("output/{name}.json")), "{name}");
        assert_eq!(
            canonical.as_bytes(),
            unhex(&folder.text(&format!("outhex/{name}.txt"))),
            "{name}"
        );
        let again = folder.json(&format!("output/{name}.json"));
        assert_eq!(to_canonical_string(&again), canonical, "{name}");
    }
    folder.finish();
}
