//! Row 28, keys: never in output, errors or files that others can read.

use bonafide_core::key::KeyType;
use bonafide_proof::{SecretKey, Signer};

use crate::world::bonafide;

#[cfg(unix)]
fn mode(path: &std::path::Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn row_28_key_files_are_private_and_never_overwritten() {
    for algorithm in ["ed25519", "p256"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.key");
        let shown = path.display().to_string();
        let output = bonafide(&["key", "new", "--alg", algorithm, "--out", &shown]);
        assert!(output.status.success());
        let content = std::fs::read_to_string(&path).unwrap();
        #[cfg(unix)]
        assert_eq!(mode(&path), 0o600);
        let again = bonafide(&["key", "new", "--out", &shown]);
        assert_eq!(again.status.code(), Some(64));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
    }
}

#[test]
fn row_28_a_canary_key_shows_up_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let key = SecretKey::from_bytes(KeyType::Ed25519, b"canary canary canary canary cana").unwrap();
    let secret = key.to_multikey();
    let path = folder.path().join("canary.key");
    let text = format!(
        "{{\"type\":\"bonafide-key\",\"publicKeyMultibase\":\"{}\",\"secretKeyMultibase\":\"{}\"}}",
        key.public_key().to_multikey(),
        secret.as_str()
    );
    let write = |text: &str| {
        std::fs::write(&path, text).unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .unwrap();
    };
    let canary = "canary canary";
    let canary_hex = bonafide_core::encoding::hex(canary.as_bytes());
    let shown = path.display().to_string();
    let check = |arguments: &[&str]| {
        let output = bonafide(arguments);
        for stream in [&output.stdout, &output.stderr] {
            let stream = String::from_utf8_lossy(stream);
            assert!(!stream.contains(secret.as_str()), "{arguments:?}: {stream}");
            assert!(!stream.contains(&secret[5..]), "{arguments:?}: {stream}");
            assert!(!stream.contains(canary) && !stream.contains(&canary_hex));
        }
        output.status.code().unwrap()
    };
    write(&text);
    // Every command that reads a file, given the key in its place.
    let out = folder.path().join("out").display().to_string();
    for arguments in [
        &["inspect", &shown][..],
        &["inspect", &shown, "--json"],
        &["bundle", "show", &shown],
        &["bundle", "check", &shown, "--policy", &shown],
        &["policy", "check", &shown],
        &["verify", &shown, "--policy", &shown],
        &["verify", &shown, "--proof-only"],
        &["status", "show", &shown],
        &["status", "set", &shown, "--index", "1", "--key", &shown],
        &["present", &shown, "--key", &shown],
        &["issue", "--key", &shown, "--claims", &shown],
        &["did", "resolve", "did:web:a.example", "--did-document", &shown],
        &["bundle", "make", "--key", &shown, "--did-document", &shown, "--out", &out],
        &["policy", "new", "--out", &shown],
    ] {
        assert_eq!(check(arguments), 64, "{arguments:?}");
    }
    assert_eq!(check(&["key", "show", &shown]), 0);
    assert_eq!(check(&["key", "show", &shown, "--json"]), 0);
    assert_eq!(check(&["key", "new", "--out", &shown]), 64);
    // Broken in every way, it is still not repeated.
    for broken in [
        text.replace("\"type\"", "\"tpye\""),
        text.replace('}', ""),
        text.replace("\"}", "x\"}"),
        text.replace("publicKeyMultibase\":\"z", "publicKeyMultibase\":\"y"),
        text.replace("bonafide-key", "other"),
    ] {
        write(&broken);
        assert_eq!(check(&["key", "show", &shown]), 64, "{broken}");
        let claims = folder.path().join("claims").display().to_string();
        std::fs::write(folder.path().join("claims"), "{}").unwrap();
        assert_eq!(check(&["issue", "--key", &shown, "--claims", &claims]), 64);
    }
}

#[test]
#[cfg(unix)]
fn row_28_a_key_file_that_others_can_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.key");
    let shown = path.display().to_string();
    assert!(bonafide(&["key", "new", "--out", &shown]).status.success());
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let output = bonafide(&["key", "show", &shown]);
    assert_eq!(output.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&output.stderr).contains("chmod 600"));
}
