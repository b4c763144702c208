//! The walk from the grant down: rows 21 and its like.

use bonafide_core::delegation::{Constraint, LONGEST_CHAIN, Resource};
use bonafide_core::did::Relationship;
use bonafide_core::json::{Object, Value};
use bonafide_core::key::KeyType;
use bonafide_core::vc::envelop;
use bonafide_linked_data::SUITES;
use bonafide_proof::data_integrity::{ProofOptions, Suites, add_proof};
use bonafide_proof::jose::CompactJws;
use bonafide_testkit::chain::{
    ACTION, LinkDraft, RESOURCE, SERVICE, TASK, digest_of, sign_delegation, subject_of,
};
use bonafide_testkit::{Format, NONCE, at, json, now};
use bonafide_verifier::{Evidence, Outcome, Request, verify, verify_proof};

use super::{World, accepted, asked, object, refused};

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
