//! The story: who attests whom, what each agent may do, and six ways in which it goes wrong.

use std::path::Path;
use std::time::Duration;

use bonafide_verifier::Outcome;

use super::stage::Stage;
use crate::failure::Failure;
use crate::files;

const ISSUERS: [&str; 4] = ["registrar", "builder", "certifier", "scorer"];

/// What each agent is attested: by whom, as what, with which claims, at which index.
const ATTESTATIONS: [(&str, &str, &str, &str, usize); 7] = [
    ("platinum", "registrar", "AgentIdentityCredential", "identity", 4711),
    ("platinum", "builder", "AgentBuilderCredential", "builder", 4711),
    ("platinum", "certifier", "AgentCertificationCredential", "certification", 4711),
    ("platinum", "scorer", "PactScoreCredential", "score", 4711),
    ("bronze", "registrar", "AgentIdentityCredential", "identity", 90210),
    ("bronze", "builder", "AgentBuilderCredential", "builder", 90210),
    ("bronze", "scorer", "PactScoreCredential", "score", 90210),
];

const ASKED: &str = "--challenge 9f1c2d --domain https://pay.example";
const RELYING: &str = "--policy policy.toml --bundle trust.bundle";

pub(super) fn tell(stage: &mut Stage<'_, '_>) -> Result<(), Failure> {
    cast(stage)?;
    attestations(stage)?;
    trust(stage)?;
    decisions(stage)?;
    tampered(stage)?;
    expired(stage)?;
    wrongly_issued(stage)?;
    borrowed(stage)?;
    stale(stage)?;
    revoked(stage)
}

fn cast(stage: &mut Stage<'_, '_>) -> Result<(), Failure> {
    stage.chapter(
        "1. The cast",
        "Four issuers with a did:web, an operator who signs bundles, three agents.",
    )?;
    for issuer in ISSUERS {
        stage.run(&format!("key new --out {issuer}.key"))?;
        stage.run(&format!(
            "did document did:web:{issuer}.example --key {issuer}.key --out {issuer}.did.json"
        ))?;
    }
    for name in ["operator", "platinum", "bronze", "stranger"] {
        stage.run(&format!("key new --out {name}.key"))?;
        stage.run(&format!("key show {name}.key --did > {name}.did"))?;
    }
    Ok(())
}

fn attestations(stage: &mut Stage<'_, '_>) -> Result<(), Failure> {
    stage.chapter(
        "2. What is attested",
        "Each issuer keeps a status list, and signs what it knows: platinum scored 98, bronze 72.",
    )?;
    let claims = [
        ("identity", include_str!("../../../../fixtures/claims/identity.json")),
        ("builder", include_str!("../../../../fixtures/claims/builder.json")),
        ("certification", include_str!("../../../../fixtures/claims/certification.json")),
        ("platinum.score", include_str!("../../../../fixtures/claims/pact-score-platinum.json")),
        ("bronze.score", include_str!("../../../../fixtures/claims/pact-score-bronze.json")),
    ];
    let computed_at = stage.now().saturating_sub(Duration::from_secs(3600)).to_string();
    for (name, text) in claims {
        let text = text.replace("2026-11-20T00:00:00Z", &computed_at);
        Stage::prop(&format!("{name}.claims.json"), &text)?;
    }
    for issuer in ISSUERS {
        stage.run(&format!(
            "status new --key {issuer}.key --as did:web:{issuer}.example#key-1 \
             --url https://{issuer}.example/status/1 --out {issuer}.status.json"
        ))?;
    }
    for (agent, issuer, credential_type, what, index) in ATTESTATIONS {
        let claims = if what == "score" { format!("{agent}.score") } else { what.to_owned() };
        let format = if agent == "bronze" { "--format vc+jwt " } else { "" };
        let line = issue(issuer, agent, credential_type, &claims, index);
        stage.run(&format!("{line} {format}--out {agent}.{what}.vc"))?;
    }
    Ok(())
}

fn issue(issuer: &str, agent: &str, credential_type: &str, claims: &str, index: usize) -> String {
    format!(
        "issue --key {issuer}.key --as did:web:{issuer}.example#key-1 --type {credential_type} \
         --subject \"$(cat {agent}.did)\" --claims {claims}.claims.json \
         --status https://{issuer}.example/status/1 --index {index}"
    )
}

fn trust(stage: &mut Stage<'_, '_>) -> Result<(), Failure> {
    stage.chapter(
        "3. What the service trusts",
        "A policy of its own, and a bundle of DID documents and status lists on its disk.",
    )?;
    let template = include_str!("../../../../fixtures/policy.toml");
    Stage::prop("policy.template.toml", template)?;
    let line = r#"sed "s/DID_OF_BUNDLER/$(cat operator.did)/" policy.template.toml > policy.toml"#;
    stage.shell(line, || {
        let operator = files::read_text(Path::new("operator.did"))?;
        Stage::prop("policy.toml", &template.replace("DID_OF_BUNDLER", operator.trim()))
    })?;
    stage.run("policy check policy.toml")?;
    make_bundle(stage, 1, "trust.bundle")
}

fn make_bundle(stage: &mut Stage<'_, '_>, sequence: u32, out: &str) -> Result<(), Failure> {
    let mut line = format!("bundle make --key operator.key --sequence {sequence}");
    for issuer in ISSUERS {
        line.push_str(&format!(
            " --did-document {issuer}.did.json --status-list {issuer}.status.json"
        ));
    }
    stage.run(&format!("{line} --out {out}"))
}

fn decisions(stage: &mut Stage<'_, '_>) -> Result<(), Failure> {
    stage.chapter(
        "4. What each agent may do",
        "The service asks with a challenge, each agent presents itself, and the verdict is made offline.",
    )?;
    stage.scene("Platinum, scored 98, wants to pay")?;
    stage.run(&format!(
        "present platinum.identity.vc platinum.builder.vc platinum.certification.vc \
         platinum.score.vc --key platinum.key {ASKED} --out platinum.vp"
    ))?;
    stage.verify(
        &format!("verify platinum.vp {RELYING} {ASKED} --action payments.execute"),
        (Outcome::Accepted, Some("sensitive"), None),
    )?;
    stage.scene("Bronze, scored 72, may read and no more")?;
    stage.run(
        "present bronze.identity.vc bronze.builder.vc bronze.score.vc --key bronze.key \
         --nonce 9f1c2d --audience https://pay.example --format vp+jwt --out bronze.vp",
    )?;
    stage.verify(
        &format!("verify bronze.vp {RELYING} --nonce 9f1c2d --audience https://pay.example --action payments.read"),
        (Outcome::Accepted, Some("read"), None),
    )?;
    stage.scene("A stranger, with an identity that it attested itself")?;
    stage.run(
        "issue --key stranger.key --type AgentIdentityCredential --subject \"$(cat stranger.did)\" \
         --claims identity.claims.json --status https://registrar.example/status/1 --index 7 \
         --out stranger.identity.vc",
    )?;
    stage.run(&format!(
        "present stranger.identity.vc --key stranger.key {ASKED} --out stranger.vp"
    ))?;
    stage.verify(
        &format!("verify stranger.vp {RELYING} {ASKED}"),
        (Outcome::Rejected, None, Some("issuer-untrusted")),
    )
}

fn tampered(stage: &mut Stage<'_, '_>) -> Result<(), Failure> {
    stage.chapter("5. What goes wrong", "Six ways, each found by its own check.")?;
    stage.scene("Tampered: somebody made 100 of the 98")?;
    let line = r#"sed 's/"value": 98$/"value": 100/' platinum.score.vc > tampered.vc"#;
    stage.shell(line, || {
        let credential = files::read_text(Path::new("platinum.score.vc"))?;
        Stage::prop("tampered.vc", &credential.replacen("\"value\": 98\n", "\"value\": 100\n", 1))
    })?;
    stage.verify(
        &format!("verify tampered.vc {RELYING}"),
        (Outcome::Rejected, None, Some("proof-invalid")),
    )
}

fn expired(stage: &mut Stage<'_, '_>) -> Result<(), Failure> {
    stage.scene("Expired: yesterday's score, good for an hour")?;
    let yesterday = stage.now().saturating_sub(Duration::from_secs(86_400));
    let line = issue("scorer", "bronze", "PactScoreCredential", "bronze.score", 90210);
    stage.run(&format!("{line} --valid-from {yesterday} --valid-for 1h --out expired.vc"))?;
    stage
        .verify(&format!("verify expired.vc {RELYING}"), (Outcome::Rejected, None, Some("expired")))
}

fn wrongly_issued(stage: &mut Stage<'_, '_>) -> Result<(), Failure> {
    stage.scene("Wrongly issued: the builder gave its own agent a 98")?;
    let line = issue("builder", "bronze", "PactScoreCredential", "platinum.score", 90210);
    stage.run(&format!("{line} --out wrongly-issued.vc"))?;
    stage.verify(
        &format!("verify wrongly-issued.vc {RELYING}"),
        (Outcome::Rejected, None, Some("issuer-untrusted")),
    )
}

fn borrowed(stage: &mut Stage<'_, '_>) -> Result<(), Failure> {
    stage.scene("Borrowed: bronze presents platinum's score")?;
    stage.run(&format!(
        "present bronze.identity.vc platinum.score.vc --key bronze.key {ASKED} --out borrowed.vp"
    ))?;
    stage.verify(
        &format!("verify borrowed.vp {RELYING} {ASKED}"),
        (Outcome::Rejected, None, Some("subject-mismatch")),
    )
}

fn stale(stage: &mut Stage<'_, '_>) -> Result<(), Failure> {
    stage.scene("Stale: two hours on, with the same bundle, nobody knows who was revoked since")?;
    let later = stage.now().saturating_add(Duration::from_secs(2 * 3600));
    stage.verify(
        &format!("verify platinum.vp {RELYING} {ASKED} --at {later}"),
        (Outcome::Undecided, None, Some("status-stale")),
    )
}

fn revoked(stage: &mut Stage<'_, '_>) -> Result<(), Failure> {
    stage.scene(
        "Revoked: the scorer took platinum's score back, and the service has the new bundle",
    )?;
    stage.run(
        "status set scorer.status.json --index 4711 --key scorer.key --as did:web:scorer.example#key-1",
    )?;
    make_bundle(stage, 2, "trust-2.bundle")?;
    stage.verify(
        &format!("verify platinum.vp --policy policy.toml --bundle trust-2.bundle {ASKED}"),
        (Outcome::Rejected, None, Some("revoked")),
    )
}
