//! Rows 21, 31, 36, 37 and 38: delegation chains, levels through a chain, names of resources,
//! budgets offline, trust that was cached.

use bonafide_core::delegation::{Constraint, LONGEST_CHAIN, Pattern, Resource};
use bonafide_core::did::Relationship;
use bonafide_core::json::{Object, Value};
use bonafide_core::key::KeyType;
use bonafide_core::time::Timestamp;
use bonafide_core::vc::envelop;
use bonafide_linked_data::SUITES;
use bonafide_proof::data_integrity::{ProofOptions, Suites, add_proof};
use bonafide_proof::jose::CompactJws;
use bonafide_testkit::chain::{
    ACTION, Chains, LinkDraft, RESOURCE, SERVICE, TASK, chains, digest_of, sign_delegation,
    subject_of,
};
use bonafide_testkit::{Format, NONCE, at, json, now};
use bonafide_verifier::{
    Bundle, BundleContent, Evidence, Obligation, Outcome, Policy, Request, SignatureCache, Verdict,
    verify, verify_proof,
};

struct World {
    chains: Chains,
    policy: Policy,
    bundle: Bundle,
}

fn asked() -> Request {
    Request::new().nonce(NONCE).audience(SERVICE).action(ACTION).resource(RESOURCE)
}

impl World {
    fn new() -> Self {
        Self::with(|policy| policy, &[])
    }

    /// With a changed policy, and these indexes of the registrar's list revoked.
    fn with(policy: impl FnOnce(String) -> String, revoked: &[usize]) -> Self {
        let chains = chains();
        let policy = Policy::from_toml(&policy(chains.policy_toml())).unwrap();
        let mut draft = chains.scene.bundle_draft();
        let list = chains.scene.status_list(&chains.scene.registrar, revoked);
        for content in &mut draft.content {
            if let BundleContent::StatusList { credential, .. } = content
                && credential.get("id") == list.get("id")
                && credential.as_object().is_some()
            {
                *credential = list.clone();
            }
        }
        let bundle = chains.scene.sign_bundle(&draft);
        let bundle = Bundle::open(bundle.as_bytes(), &policy).unwrap();
        Self { chains, policy, bundle }
    }

    fn at(&self, input: &str, request: &Request, now: Timestamp) -> Verdict {
        let evidence = Evidence::new().with_bundle(&self.bundle);
        verify(input.as_bytes(), request, &evidence, &self.policy, now)
    }

    fn verdict(&self, input: &str) -> Verdict {
        self.at(input, &asked(), now())
    }

    /// These links, with everybody's identity, presented by the agent at the end.
    fn presented(&self, links: &[Value<'static>], holder: usize) -> String {
        let mut credentials = links.to_vec();
        credentials.extend(self.chains.identities(self.chains.agents.len().min(10)));
        // The identities of agents that are not in the chain would be borrowed ones.
        let subjects: Vec<String> = links.iter().map(subject).collect();
        let holder = &self.chains.agents[holder];
        credentials.retain(|one| subjects.contains(&subject(one)) || subject(one) == holder.did);
        self.chains.present(&credentials, holder)
    }

    #[track_caller]
    fn refused(&self, links: &[Value<'static>], holder: usize, code: &str) {
        let verdict = self.verdict(&self.presented(links, holder));
        refused(&verdict, code);
    }

    /// A chain of three, of which the link at `place` was changed before it was signed.
    #[track_caller]
    fn refused_with(&self, place: usize, code: &str, change: impl Fn(&mut LinkDraft)) {
        let links = self.chains.changed_chain(3, |index, draft| {
            if index == place {
                change(draft);
            }
        });
        self.refused(&links, 2, code);
    }
}

#[track_caller]
fn refused(verdict: &Verdict, code: &str) {
    assert!(verdict.has_reason(code), "expected {code}:\n{}", verdict.to_json());
    assert_eq!(verdict.outcome(), Outcome::Rejected, "{}", verdict.to_json());
    assert_eq!(verdict.level(), None);
    assert!(verdict.chain().is_empty() && verdict.effective().actions.is_empty());
}

#[track_caller]
fn accepted(verdict: &Verdict, level: &str) {
    assert_eq!(verdict.outcome(), Outcome::Accepted, "{}", verdict.to_json());
    assert_eq!(verdict.level(), Some(level), "{}", verdict.to_json());
}

fn subject(credential: &Value<'_>) -> String {
    credential.pointer("/credentialSubject/id").unwrap().as_str().unwrap().to_owned()
}

fn object(value: &Value<'static>) -> Object<'static> {
    match value.clone() {
        Value::Object(object) => object,
        _ => panic!("an object"),
    }
}

#[test]
fn chains_of_every_length_are_accepted_with_all_that_they_say() {
    let world = World::new();
    for length in 1..=LONGEST_CHAIN {
        let verdict = world.verdict(&world.chains.presentation(length));
        accepted(&verdict, "work");
        let chain = verdict.chain();
        assert_eq!(chain.len(), length);
        assert_eq!(chain[0].issuer, world.chains.scene.registrar.did);
        for (index, link) in chain.iter().enumerate() {
            assert_eq!(link.subject, world.chains.agents[index].did);
            assert_eq!(link.task, TASK);
        }
        assert_eq!(verdict.presenter(), Some(world.chains.agents[length - 1].did.as_str()));
        assert_eq!(verdict.principal().unwrap().subject, "alice");
        assert_eq!(verdict.effective().actions, [ACTION]);
        assert_eq!(verdict.effective().resources, [RESOURCE]);
    }
}

#[test]
fn what_is_not_asked_comes_out_as_all_that_every_link_and_the_policy_allow() {
    let world = World::new();
    let request = Request::new().nonce(NONCE).audience(SERVICE);
    let verdict = world.at(&world.chains.presentation(3), &request, now());
    accepted(&verdict, "work");
    // The grant says files.write too, for which the policy does not trust its issuer.
    assert_eq!(verdict.effective().actions, ["files.read", "files.list"]);
    assert_eq!(
        verdict.effective().resources,
        ["https://files.example/reports", "https://files.example/drafts"]
    );
}

#[test]
fn row_21_a_revoked_link_kills_all_below_it() {
    for (index, above) in [(20_000, 0), (20_001, 1), (20_002, 2)] {
        let world = World::with(|policy| policy, &[index]);
        refused(&world.verdict(&world.chains.presentation(3)), "revoked");
        // What was given before it stays.
        if above > 0 {
            accepted(&world.verdict(&world.chains.presentation(above)), "work");
        }
    }
}

#[test]
fn a_chain_whose_status_nobody_knows_today_is_undecided() {
    let world = World::new();
    // The lists are of some minutes ago; all else would still hold.
    let later = at("2026-11-22T12:09:00Z");
    let stale = World::with(
        |policy| policy.replace("[limits]", "[status]\nmax_age = \"5m\"\n[limits]"),
        &[],
    );
    let presentation = world.chains.presentation(3);
    accepted(&world.at(&presentation, &asked(), at("2026-11-22T12:05:00Z")), "work");
    let verdict = stale.at(&presentation, &asked(), later);
    assert_eq!(verdict.outcome(), Outcome::Undecided, "{}", verdict.to_json());
    assert!(verdict.has_reason("status-stale") && !verdict.has_reason("subject-mismatch"));
    assert!(verdict.level().is_none() && verdict.chain().is_empty());
}

#[test]
fn row_21_an_expired_link_in_the_middle() {
    let world = World::new();
    let early = at("2026-11-22T11:55:00Z");
    world.refused_with(1, "expired", |draft| draft.span.1 = early);
    // And with time all of them end.
    let late = at("2026-11-22T12:10:31Z");
    refused(&world.at(&world.chains.presentation(3), &asked(), late), "expired");
}

#[test]
fn row_21_a_forged_parent() {
    let world = World::new();
    let links = world.chains.chain(3);
    // A grant that the first agent made for itself.
    let planner = &world.chains.agents[0];
    let mut own = object(&links[0]);
    own.remove("proof");
    own.insert("issuer", planner.did.clone());
    let options = ProofOptions::new(&planner.method, Relationship::AssertionMethod);
    let suite = Suites::JCS.by_name("eddsa-jcs-2022").unwrap();
    let own = add_proof(own.clone().into(), &options, suite, &planner.key).unwrap();
    world.refused(std::slice::from_ref(&own), 0, "issuer-untrusted");
    world.refused(&[own, links[1].clone(), links[2].clone()], 2, "parent-mismatch");
    // In the registrar's name.
    let mut forged = object(&links[0]);
    forged.remove("proof");
    let forged = add_proof(forged.into(), &options, suite, &planner.key).unwrap();
    world.refused(&[forged], 0, "issuer-mismatch");
    // Another grant of the same registrar to the same agent, with wider rights.
    let mut wide = world.chains.grant();
    wide.id = "urn:bonafide:grant:1".to_owned();
    wide.grant.rights.actions.push("files.delete".to_owned());
    let wide = world.chains.signed_grant(&wide);
    world.refused(&[wide.clone(), links[1].clone(), links[2].clone()], 2, "parent-mismatch");
    // The right digest with another id, and the right id with another digest.
    world.refused_with(1, "parent-mismatch", |draft| {
        draft.grant.parent.as_mut().unwrap().id = "urn:bonafide:grant:1".to_owned();
    });
    world.refused_with(2, "parent-mismatch", |draft| {
        draft.grant.parent.as_mut().unwrap().digest = digest_of(&wide);
    });
    // A claim changed after signing.
    let mut tampered = links.clone();
    let mut link = object(&links[1]);
    subject_of(&mut link).insert("maxDepth", 7_u32);
    tampered[1] = link.into();
    world.refused(&tampered, 2, "proof-invalid");
}

#[test]
fn row_21_another_delegator_or_another_of_its_keys() {
    let world = World::new();
    let (worker, stranger) = (&world.chains.agents[1], &world.chains.agents[5]);
    // By a stranger, in its own name and in the worker's.
    world.refused_with(1, "delegator-mismatch", |draft| draft.issuer.clone_from(&stranger.did));
    let mut links = world.chains.chain(3);
    let mut stolen = object(&links[2]);
    stolen.remove("proof");
    links[2] = sign_delegation(stolen.clone().into(), &stranger.key, &stranger.method);
    world.refused(&links, 2, "issuer-mismatch");
    // Signed to make claims, not to hand rights on.
    let options = ProofOptions::new(&worker.method, Relationship::AssertionMethod);
    let suite = Suites::JCS.by_name("eddsa-jcs-2022").unwrap();
    links[2] = add_proof(stolen.into(), &options, suite, &worker.key).unwrap();
    world.refused(&links, 2, "purpose-mismatch");
}

#[test]
fn row_21_each_widening() {
    let world = World::new();
    let widened = |change: &dyn Fn(&mut LinkDraft)| {
        for place in [1, 2] {
            world.refused_with(place, "widened", change);
        }
    };
    widened(&|draft| draft.grant.rights.actions.push("files.delete".to_owned()));
    let up = Resource::parse("https://files.example").unwrap();
    widened(&|draft| draft.grant.rights.resources.push(up.clone()));
    let beside = Resource::parse("https://files.example/reports-old").unwrap();
    widened(&|draft| draft.grant.rights.resources.push(beside.clone()));
    widened(&|draft| draft.grant.rights.audience.push("https://other.example".to_owned()));
    widened(&|draft| draft.grant.rights.constraints.clear());
    widened(&|draft| {
        draft.grant.rights.constraints[0] =
            Constraint::Budget { unit: "EUR".to_owned(), amount: 5_001 };
    });
    widened(&|draft| draft.grant.rights.max_depth = 9);
    widened(&|draft| draft.span.1 = at("2026-11-22T12:10:01Z"));
    widened(&|draft| draft.span.0 = at("2026-11-22T11:49:59Z"));
    widened(&|draft| draft.grant.task = "report-47110".to_owned());
    // A part of the task is a task of its own.
    let links = world.chains.changed_chain(3, |index, draft| {
        if index > 0 {
            draft.grant.task = format!("{TASK}/step-1");
        }
    });
    accepted(&world.verdict(&world.presented(&links, 2)), "work");
}

#[test]
fn row_21_no_more_delegations_than_the_grant_says() {
    let world = World::new();
    let links = world.chains.changed_chain(3, |index, draft| {
        draft.grant.rights.max_depth = [1, 0, 0][index];
    });
    accepted(&world.verdict(&world.presented(&links[..2], 1)), "work");
    world.refused(&links, 2, "widened");
}

#[test]
fn row_21_cycles_repeats_gaps_and_another_order() {
    let world = World::new();
    let links = world.chains.chain(4);
    let pick = |places: &[usize]| places.iter().map(|&at| links[at].clone()).collect::<Vec<_>>();
    world.refused(&pick(&[0, 2, 3]), 3, "parent-mismatch");
    world.refused(&pick(&[0, 2, 1, 3]), 3, "parent-mismatch");
    world.refused(&pick(&[0, 1, 1, 2]), 2, "chain-repeats");
    world.refused(&pick(&[0, 0]), 0, "chain-roots-many");
    world.refused(&pick(&[1, 2, 3]), 3, "chain-root-missing");
    world.refused(&pick(&[1, 0]), 1, "chain-root-missing");
    // Back to the first agent.
    let planner = world.chains.agents[0].did.clone();
    let method = world.chains.agents[0].method.clone();
    let around = world.chains.changed_chain(3, |index, draft| {
        if index == 2 {
            draft.subject.clone_from(&planner);
            draft.grant.holder_key.clone_from(&method);
        }
    });
    world.refused(&around, 0, "chain-repeats");
    // A delegation alone is not even authentic.
    let alone = bonafide_core::json::to_canonical_string(&links[1]);
    refused(&world.at(&alone, &Request::new(), now()), "chain-root-missing");
}

#[test]
fn row_21_a_tail_cut_off_is_for_its_own_holder_alone() {
    let world = World::new();
    let links = world.chains.chain(3);
    // The tool presents what the worker, or the planner, was given.
    world.refused(&links[..2], 2, "chain-holder-mismatch");
    world.refused(&links[..1], 2, "chain-holder-mismatch");
    world.refused(&links, 1, "chain-holder-mismatch");
}

#[test]
fn row_21_the_presenter_holds_the_key_of_the_last_link() {
    let world = World::new();
    let other = world.chains.agents[7].method.clone();
    let links = world.chains.chain(2);
    let mut link = object(&links[1]);
    link.remove("proof");
    subject_of(&mut link).insert("cnf", Object::from([("kid", other)]));
    let planner = &world.chains.agents[0];
    let link = sign_delegation(link.into(), &planner.key, &planner.method);
    // A key of somebody else is not even well-formed in it.
    world.refused(&[links[0].clone(), link], 1, "malformed");
}

#[test]
fn row_21_eleven_links_and_ten_thousand() {
    let world = World::new();
    let mut links = world.chains.chain(LONGEST_CHAIN);
    let last = links[LONGEST_CHAIN - 1].clone();
    links.push(last);
    let verdict = world.verdict(&world.presented(&links, LONGEST_CHAIN - 1));
    refused(&verdict, "chain-too-long");
    // Not a single signature was looked at.
    assert!(verdict.credential_digests().is_empty());
    // How long this takes is measured by the benchmark of hostile inputs.
    let many = vec![links[1].clone(); 10_000];
    refused(&world.verdict(&world.chains.present(&many, &world.chains.agents[1])), "too-large");
    let short =
        Object::from([("@context", Value::from(vec!["https://www.w3.org/ns/credentials/v2"]))]);
    let many = vec![Value::from(short); 10_000];
    refused(&world.verdict(&world.chains.present(&many, &world.chains.agents[1])), "malformed");
}

#[test]
fn row_21_statuses_that_were_not_set_aside() {
    let world = World::new();
    let mismatched = |change: &dyn Fn(&mut LinkDraft)| {
        world.refused_with(1, "child-status-mismatch", change);
    };
    mismatched(&|draft| draft.status.1 = 7);
    mismatched(&|draft| draft.status.1 = 20_000);
    mismatched(&|draft| draft.grant.child_status.as_mut().unwrap().indexes.push(7));
    // Its own index handed on: whoever revokes the child would not revoke the link.
    mismatched(&|draft| draft.grant.child_status.as_mut().unwrap().indexes.push(20_001));
    world.refused_with(0, "child-status-mismatch", |draft| draft.grant.child_status = None);
    let builder = world.chains.scene.builder.list.clone();
    mismatched(&|draft| draft.status.0.clone_from(&builder));
}

#[test]
fn a_grant_counts_in_every_format_that_shows_it_whole_and_in_no_other() {
    let world = World::new();
    let (chains, scene) = (&world.chains, &world.chains.scene);
    let draft = chains.grant();
    let presented = |format: Format| {
        let text = scene.secure(draft.unsigned(), &scene.registrar, format);
        let root = match text.starts_with('{') {
            true => json(&text),
            false => envelop(&text, &CompactJws::peek_media_type(&text).unwrap()),
        };
        let evidence = Evidence::new().with_bundle(&world.bundle).with_suites(SUITES);
        let report = verify_proof(text.as_bytes(), &Request::new(), &evidence, now());
        let mut child = chains.delegation(0, &draft, &chains.chain(1)[0]);
        let digest = report.digests.first().cloned().unwrap_or_else(|| "0".repeat(64));
        child.grant.parent.as_mut().unwrap().digest = format!("sha256:{digest}");
        let planner = &chains.agents[0];
        let link = sign_delegation(child.unsigned(), &planner.key, &planner.method);
        let mut credentials = vec![root, link];
        credentials.extend(chains.identities(2));
        let input = chains.present(&credentials, &chains.agents[1]);
        verify(input.as_bytes(), &asked(), &evidence, &world.policy, now())
    };
    for format in [
        Format::DataIntegrity(KeyType::P256),
        Format::DataIntegrity(KeyType::P384),
        Format::Rdfc(KeyType::Ed25519),
        Format::Rdfc(KeyType::P256),
        Format::Jwt(KeyType::Ed25519),
        Format::Jwt(KeyType::P256),
    ] {
        accepted(&presented(format), "work");
    }
    for (format, code) in [
        (Format::EcdsaSd, "link-partial"),
        (Format::Bbs, "link-partial"),
        // The token's own cnf binds it to the first agent, who does not present it.
        (Format::VcSdJwt(KeyType::Ed25519), "holder-mismatch"),
    ] {
        refused(&presented(format), code);
    }
}

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
