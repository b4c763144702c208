//! What a good chain gives: constraints, levels, resources, obligations; rows 30, 31, 36, 37 and 38.

use bonafide_core::delegation::{Constraint, Pattern};
use bonafide_core::did::Relationship;
use bonafide_core::time::Timestamp;
use bonafide_proof::data_integrity::{ProofOptions, Suites, add_proof};
use bonafide_testkit::chain::{ACTION, RESOURCE, SERVICE, subject_of};
use bonafide_testkit::{NONCE, at, now};
use bonafide_verifier::{Evidence, Obligation, Outcome, Request, SignatureCache, verify};

use super::{World, accepted, asked, object, refused};

#[test]
fn constraints_hold_and_unknown_ones_refuse() {
    let world = World::new();
    let chain = |constraint: Constraint| {
        let links = world.chains.changed_chain(2, |index, draft| {
            if index == 0 {
                draft.grant.rights.constraints.push(constraint.clone());
            }
        });
        world.presented(&links, 1)
    };
    let unknown = chain(Constraint::Unknown { constraint_type: "Mood".to_owned() });
    refused(&world.verdict(&unknown), "constraint-unknown");
    let time = |from, until| chain(Constraint::TimeOfDay { from, until });
    accepted(&world.verdict(&time(12 * 60, 12 * 60 + 1)), "work");
    refused(&world.verdict(&time(12 * 60 + 1, 12 * 60)), "constraint-unmet");
    refused(&world.verdict(&time(11 * 60, 12 * 60)), "constraint-unmet");
    let path = chain(Constraint::Argument {
        name: "path".to_owned(),
        pattern: Pattern::Prefix("/reports/".to_owned()),
    });
    let with = |value: &str| world.at(&path, &asked().argument("path", value), now());
    accepted(&with("/reports/a"), "work");
    refused(&with("/admin"), "constraint-unmet");
    refused(&world.at(&path, &asked().argument("other", "1"), now()), "constraint-unmet");
    // Of arguments that were not told, the service has to see to it.
    let verdict = world.verdict(&path);
    accepted(&verdict, "work");
    let is_argument = |open: &Obligation| {
        matches!(open, Obligation::Constraint { constraint: Constraint::Argument { .. }, .. })
    };
    assert_eq!(verdict.effective().obligations.iter().filter(|open| is_argument(open)).count(), 2);
}

#[test]
fn the_request_has_to_be_within_what_is_granted() {
    let world = World::new();
    let presentation = world.chains.presentation(2);
    let asked = |action: &str, resource: &str| {
        Request::new().nonce(NONCE).audience(SERVICE).action(action).resource(resource)
    };
    let decided = |request: Request| world.at(&presentation, &request, now());
    refused(&decided(asked("files.delete", RESOURCE)), "action-not-granted");
    // Granted, but by an issuer that the policy does not trust for it.
    refused(&decided(asked("files.write", RESOURCE)), "grant-untrusted");
    refused(&decided(asked(ACTION, "https://files.example/admin")), "resource-not-granted");
    let elsewhere = Request::new().nonce(NONCE).audience("https://other.example").action(ACTION);
    let verdict = decided(elsewhere);
    refused(&verdict, "audience-not-granted");
    refused(&verdict, "audience-mismatch");
}

#[test]
fn an_issuer_grants_no_more_than_the_policy_trusts_it_for() {
    let narrow = r#"resources = ["https://files.example/reports/2026/q4"]"#;
    let world = World::with(
        |policy| policy.replace(r#"resources = ["https://files.example"]"#, narrow),
        &[],
    );
    let presentation = world.chains.presentation(2);
    refused(&world.verdict(&presentation), "grant-untrusted");
    // Below what it is trusted for, and in the rest nothing.
    let request = Request::new().nonce(NONCE).audience(SERVICE);
    let verdict = world.at(&presentation, &request, now());
    accepted(&verdict, "work");
    assert_eq!(verdict.effective().resources, ["https://files.example/reports/2026/q4"]);
}

#[test]
fn row_31_the_level_is_the_least_of_the_chain() {
    let ladder = |policy: String| {
        policy.replace(
            "[[level]]\nname = \"work\"",
            "[[issuer]]\ndid = \"did:web:scorer.example\"\nattests = [\"PactScoreCredential\"]\n\
             [[level]]\nname = \"trusted\"\ncredentials = [\"AgentIdentityCredential\"]\nscore = 90\n\
             actions = [\"files.read\"]\n[[level]]\nname = \"work\"",
        )
    };
    let world = World::with(ladder, &[]);
    let scored = |agent: &bonafide_testkit::Agent, platinum: bool| {
        // The scene's scores go by name; the claims are what counts.
        let scene = &world.chains.scene;
        let of = if platinum { &scene.platinum } else { &scene.bronze };
        let mut score = object(&scene.attestation(bonafide_testkit::Attested::PactScore, of));
        subject_of(&mut score).insert("id", agent.did.clone());
        let format = bonafide_testkit::Format::DataIntegrity(bonafide_core::key::KeyType::Ed25519);
        bonafide_testkit::json(&scene.secure(score.into(), &scene.scorer, format))
    };
    let decided = |platinum: [bool; 2]| {
        let mut credentials = world.chains.chain(2);
        credentials.extend(world.chains.identities(2));
        for (agent, platinum) in world.chains.agents.iter().zip(platinum) {
            credentials.push(scored(agent, platinum));
        }
        world.verdict(&world.chains.present(&credentials, &world.chains.agents[1]))
    };
    accepted(&decided([true, true]), "trusted");
    accepted(&decided([true, false]), "work");
    accepted(&decided([false, true]), "work");
}

#[test]
fn row_31_whoever_is_not_enrolled_is_carried_no_further_than_the_policy_says() {
    let chain_alone = |world: &World| {
        let mut credentials = world.chains.chain(2);
        credentials.extend(world.chains.identities(1));
        world.verdict(&world.chains.present(&credentials, &world.chains.agents[1]))
    };
    refused(&chain_alone(&World::new()), "no-level");
    let carried = |level: &str| {
        let table = format!("[delegation]\ncarried = \"{level}\"\n[[issuer]]");
        World::with(move |policy| policy.replacen("[[issuer]]", &table, 1), &[])
    };
    accepted(&chain_alone(&carried("work")), "work");
    // The level below allows no action at all.
    refused(&chain_alone(&carried("known")), "no-level");
    let presenter_alone = World::with(
        |policy| {
            policy.replacen("[[issuer]]", "[delegation]\njudge = \"presenter\"\n[[issuer]]", 1)
        },
        &[],
    );
    let mut credentials = presenter_alone.chains.chain(2);
    credentials.push(presenter_alone.chains.identities(2).remove(1));
    let presented = presenter_alone.chains.present(&credentials, &presenter_alone.chains.agents[1]);
    accepted(&presenter_alone.verdict(&presented), "work");
    refused(&World::new().verdict(&presented), "no-level");
}

#[test]
fn row_31_how_fresh_a_rung_wants_statuses_goes_for_every_link() {
    let stale = |table: &str| {
        let world = World::with(
            |policy| {
                policy
                    .replacen("[[issuer]]", &format!("[delegation]\n{table}\n[[issuer]]"), 1)
                    .replace("grant = true", "grant = true\nstatus_max_age = \"1s\"")
            },
            &[],
        );
        let mut credentials = world.chains.chain(2);
        credentials.extend(world.chains.identities(2));
        let [.., own] = &credentials[..] else { panic!("an identity") };
        let enrolled = table.starts_with("judge").then(|| own.clone());
        let credentials: Vec<_> = credentials[..2].iter().cloned().chain(enrolled).collect();
        world.verdict(&world.chains.present(&credentials, &world.chains.agents[1]))
    };
    for table in ["carried = \"work\"", "judge = \"presenter\""] {
        let verdict = stale(table);
        refused(&verdict, "no-level");
        assert!(verdict.to_json().contains("status-freshness"), "{}", verdict.to_json());
    }
}

#[test]
fn a_link_ends_with_its_proof() {
    let world = World::new();
    let mut links = world.chains.chain(2);
    let mut link = object(&links[1]);
    link.remove("proof");
    let planner = &world.chains.agents[0];
    let ends = at("2026-11-22T12:05:00Z");
    let options = ProofOptions {
        expires: Some(ends),
        ..ProofOptions::new(&planner.method, Relationship::CapabilityDelegation)
    };
    let suite = Suites::JCS.by_name("eddsa-jcs-2022").unwrap();
    links[1] = add_proof(link.into(), &options, suite, &planner.key).unwrap();
    let verdict = world.verdict(&world.presented(&links, 1));
    accepted(&verdict, "work");
    assert_eq!(verdict.chain()[1].valid_until, Some(ends));
}

#[test]
fn a_grant_alone_answers_no_request_for_what_it_grants() {
    let world = World::new();
    let grant = bonafide_core::json::to_canonical_string(&world.chains.chain(1)[0]);
    for request in [
        Request::new().resource(RESOURCE),
        Request::new().argument("path", "/reports"),
        Request::new().peer_certificate([7; 32]),
        Request::new().body_digest([7; 32]),
        Request::new().shows_chain(),
    ] {
        refused(&world.at(&grant, &request, now()), "presentation-required");
    }
    let verdict = world.at(&grant, &Request::new(), now());
    assert_eq!((verdict.outcome(), verdict.level()), (Outcome::Accepted, None));
}

#[test]
fn row_30_credentials_of_somebody_outside_of_the_chain_are_borrowed() {
    let world = World::new();
    let mut credentials = world.chains.chain(2);
    credentials.extend(world.chains.identities(3));
    let presented = world.chains.present(&credentials, &world.chains.agents[1]);
    refused(&world.verdict(&presented), "subject-mismatch");
    // Without a chain, those of its other agents are too.
    let presented = world.chains.present(&world.chains.identities(2), &world.chains.agents[1]);
    refused(&world.verdict(&presented), "subject-mismatch");
}

#[test]
fn row_36_resources_have_one_spelling() {
    let world = World::new();
    let presentation = world.chains.presentation(2);
    for resource in [
        "https://files.example/reports/../admin",
        "https://files.example/reports/%2e%2e/admin",
        "https://files.example/reports%2Fadmin",
        "https://files.example//reports",
        "https://files.example/reports;v=1",
        "https://files.example/reports/",
        "https://FILES.example/reports",
        "https://files.example:443/reports",
        "https://files.example/reports\\..\\admin",
        "https://files.example/reports?x=1",
    ] {
        let request =
            Request::new().nonce(NONCE).audience(SERVICE).action(ACTION).resource(resource);
        refused(&world.at(&presentation, &request, now()), "resource-not-canonical");
    }
    for resource in ["https://files.example/Reports", "https://files.example/reportsX"] {
        let request =
            Request::new().nonce(NONCE).audience(SERVICE).action(ACTION).resource(resource);
        refused(&world.at(&presentation, &request, now()), "resource-not-granted");
    }
}

#[test]
fn row_37_ten_children_with_the_whole_budget_each_oblige_the_service_to_count_the_parents() {
    let world = World::new();
    let mut parents = std::collections::HashSet::new();
    for child in 0..10 {
        let links = world.chains.changed_chain(2, |index, draft| {
            if index == 1 {
                draft.id = format!("urn:bonafide:delegation:child-{child}");
                draft.status.1 += child;
                draft.grant.child_status = None;
            }
        });
        let verdict = world.verdict(&world.presented(&links, 1));
        accepted(&verdict, "work");
        let budgets: Vec<&str> = verdict
            .effective()
            .obligations
            .iter()
            .filter_map(|open| match open {
                Obligation::Constraint {
                    credential,
                    constraint: Constraint::Budget { amount: 5_000, .. },
                } => Some(credential.as_str()),
                _ => None,
            })
            .collect();
        // Of the child's own budget and of the one that all share.
        assert_eq!(budgets.len(), 2);
        parents.insert(budgets[0].to_owned());
        assert_eq!(budgets[1], format!("urn:bonafide:delegation:child-{child}"));
    }
    assert_eq!(parents.into_iter().collect::<Vec<_>>(), ["urn:bonafide:grant:0"]);
    // A service that does not count leaves it undecided.
    let strict = World::with(
        |policy| {
            policy.replacen(
                "[[issuer]]",
                "[delegation]\nobligations = \"undecided\"\n[[issuer]]",
                1,
            )
        },
        &[],
    );
    let verdict = strict.verdict(&strict.chains.presentation(2));
    assert!(verdict.has_reason("obligation-open"));
    assert_eq!(verdict.outcome(), Outcome::Undecided);
    assert_eq!(verdict.level(), None);
}

#[test]
fn row_38_the_cache_knows_signatures_and_nothing_else() {
    let cache = SignatureCache::new(1_000);
    let decided = |world: &World, presentation: &str, now: Timestamp| {
        let evidence = Evidence::new().with_bundle(&world.bundle).with_cache(&cache);
        verify(presentation.as_bytes(), &asked(), &evidence, &world.policy, now)
    };
    let world = World::new();
    let presentation = world.chains.presentation(3);
    accepted(&decided(&world, &presentation, now()), "work");
    let known = cache.len();
    accepted(&decided(&world, &presentation, now()), "work");
    assert_eq!(cache.len(), known, "the second time nothing was checked anew");
    // Revoked, expired or no longer trusted since.
    let revoked = World::with(|policy| policy, &[20_001]);
    refused(&decided(&revoked, &presentation, now()), "revoked");
    refused(&decided(&world, &presentation, at("2026-11-22T12:30:00Z")), "expired");
    let distrusting =
        World::with(|policy| policy.replace("files.example\"]", "other.example\"]"), &[]);
    refused(&decided(&distrusting, &presentation, now()), "grant-untrusted");
    // One bad signature is never taken for a good one of the same bytes.
    let bad = presentation.replacen("files.list", "files.lisT", 1);
    refused(&decided(&world, &bad, now()), "proof-invalid");
}
