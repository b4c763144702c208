//! For any chain that the wallet can make, what the verifier grants is within every link; whatever
//! widens is refused. `BONAFIDE_NARROWING_CASES` says how many chains; see CONTRIBUTING.

use std::time::Duration;

use bonafide_core::delegation::{Constraint, LONGEST_CHAIN, Pattern, Resource, Rights};
use bonafide_core::json::{Object, Value};
use bonafide_core::key::KeyType;
use bonafide_testkit::chain::{digest_of, subject_of};
use bonafide_testkit::{json, now};
use bonafide_verifier::{Outcome, Request};
use bonafide_wallet::{
    Answer, DelegationOrder, DelegationPackage, PresentationForm, Shown, Wallet, WalletError,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::{NONCE, World, did, hand_over, random};

const RESOURCES: [&str; 6] = [
    "https://r.example/x",
    "https://r.example/x/y",
    "https://r.example/x/y/z",
    "https://r.example/w",
    "https://r.example/w/v",
    "urn:r:q",
];
const AUDIENCES: [&str; 2] = ["https://one.example", "https://two.example"];

fn some_of(names: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    proptest::sample::subsequence(names.to_vec(), 1..=names.len())
        .prop_map(|names| names.into_iter().map(ToOwned::to_owned).collect())
}

fn constraint() -> impl Strategy<Value = Constraint> {
    let unit = proptest::sample::select(vec!["EUR", "tokens"]);
    prop_oneof![
        (unit, 0_u64..100)
            .prop_map(|(unit, amount)| Constraint::Budget { unit: unit.to_owned(), amount }),
        (0_u64..9).prop_map(|max| Constraint::Uses { max }),
        (0_u16..12, 13_u16..24)
            .prop_map(|(from, until)| Constraint::TimeOfDay { from: from * 60, until: until * 60 }),
        "[pq]{0,2}".prop_map(|prefix| Constraint::Argument {
            name: "path".to_owned(),
            pattern: Pattern::Prefix(format!("/{prefix}")),
        }),
        (0_i64..5, 5_i64..9).prop_map(|(least, most)| Constraint::Argument {
            name: "limit".to_owned(),
            pattern: Pattern::Range { at_least: Some(least), at_most: Some(most) },
        }),
    ]
}

fn rights() -> impl Strategy<Value = Rights> {
    let constraints = proptest::collection::vec(constraint(), 0..3);
    (
        some_of(&["a", "b", "c", "d"]),
        some_of(&RESOURCES),
        some_of(&AUDIENCES),
        constraints,
        1_u8..=9,
    )
        .prop_map(|(actions, resources, audience, constraints, max_depth)| Rights {
            actions,
            resources: resources.iter().map(|name| Resource::parse(name).unwrap()).collect(),
            audience,
            constraints,
            max_depth,
        })
}

/// Any order, whether it narrows or not.
fn order() -> impl Strategy<Value = DelegationOrder> {
    let maybe = |names: &'static [&'static str]| proptest::option::of(some_of(names));
    (
        maybe(&["a", "b", "c", "d"]),
        maybe(&RESOURCES),
        maybe(&AUDIENCES),
        proptest::collection::vec(constraint(), 0..2),
        proptest::option::of(0_u8..=9),
        proptest::option::of(1_u64..900),
        proptest::option::of("[a-z]{1,5}"),
    )
        .prop_map(|(actions, resources, audience, constraints, max_depth, seconds, part)| {
            DelegationOrder {
                actions,
                resources,
                audience,
                constraints,
                max_depth,
                valid_for: seconds.map(Duration::from_secs),
                part,
                children: 0,
                ..DelegationOrder::default()
            }
        })
}

/// One request that could be made.
#[derive(Clone, Debug)]
struct Asked {
    action: &'static str,
    resource: &'static str,
    audience: &'static str,
    path: String,
    limit: i64,
}

fn asked() -> impl Strategy<Value = Asked> {
    (
        proptest::sample::select(vec!["a", "b", "c", "d"]),
        proptest::sample::select(RESOURCES.to_vec()),
        proptest::sample::select(AUDIENCES.to_vec()),
        "/[pq]{0,3}",
        0_i64..9,
    )
        .prop_map(|(action, resource, audience, path, limit)| Asked {
            action,
            resource,
            audience,
            path,
            limit,
        })
}

impl Asked {
    fn request(&self) -> Request {
        Request::new()
            .nonce(NONCE)
            .audience(self.audience)
            .action(self.action)
            .resource(self.resource)
            .argument("path", self.path.clone())
            .argument("limit", self.limit.to_string())
    }

    /// Whether one link by itself allows it: written anew, so that it is not the code under test
    /// that says so.
    fn is_allowed_by(&self, rights: &Rights) -> bool {
        let below = |whole: &Resource| {
            let (whole, part) = (whole.as_str(), self.resource);
            part == whole || part.starts_with(&format!("{whole}/"))
        };
        let met = |constraint: &Constraint| match constraint {
            Constraint::Budget { .. } | Constraint::Uses { .. } => true,
            // It is noon.
            Constraint::TimeOfDay { from, until } => *from <= 720 && 720 < *until,
            Constraint::Argument { name, pattern: Pattern::Prefix(prefix) } => {
                name == "path" && self.path.starts_with(prefix.as_str())
            }
            Constraint::Argument { name, pattern: Pattern::Range { at_least, at_most } } => {
                name == "limit" && at_least.unwrap() <= self.limit && self.limit <= at_most.unwrap()
            }
            _ => false,
        };
        rights.actions.iter().any(|action| action == self.action)
            && rights.resources.iter().any(below)
            && rights.audience.iter().any(|audience| audience == self.audience)
            && rights.constraints.iter().all(met)
    }
}

/// A way to widen a link that is otherwise right.
#[derive(Clone, Copy, Debug)]
enum Mutation {
    Action,
    Resource,
    Parent,
    Audience,
    Constraint,
    Depth,
    Later,
    Task,
    Status,
}

fn mutation() -> impl Strategy<Value = Mutation> {
    use Mutation::{Action, Audience, Constraint, Depth, Later, Parent, Resource, Status, Task};
    proptest::sample::select(vec![
        Action, Resource, Parent, Audience, Constraint, Depth, Later, Task, Status,
    ])
}

impl Mutation {
    /// Widens an unsigned link; `false` where its parent has nothing of the kind to go beyond.
    fn apply(self, link: &mut Object<'static>, parent: &Rights) -> bool {
        let add = |subject: &mut Object<'static>, name: &'static str, more: &str| {
            let Some(Value::Array(list)) = subject.get_mut(name) else { panic!("a list") };
            list.push(more.to_owned().into());
        };
        if let Self::Later = self {
            link.insert("validUntil", "2026-11-22T12:10:01Z");
            return true;
        }
        if let Self::Status = self {
            let Some(Value::Object(status)) = link.get_mut("credentialStatus") else {
                panic!("a status")
            };
            status.insert("statusListIndex", "7");
            return true;
        }
        let subject = subject_of(link);
        match self {
            Self::Action => add(subject, "actions", "admin"),
            Self::Resource => add(subject, "resources", "https://r.example/other"),
            // Up by a segment.
            Self::Parent => add(subject, "resources", "https://r.example"),
            Self::Audience => add(subject, "audience", "https://three.example"),
            Self::Constraint if parent.constraints.is_empty() => return false,
            Self::Constraint => drop(subject.remove("constraints")),
            Self::Depth => {
                subject.insert("maxDepth", 9_u32);
            }
            Self::Task => {
                subject.insert("task", "tasks");
            }
            Self::Later | Self::Status => {}
        }
        true
    }
}

/// A chain that wallets made from orders, as far as they went along.
struct Made {
    wallets: Vec<Wallet>,
    ids: Vec<String>,
    packages: Vec<DelegationPackage>,
    rights: Vec<Rights>,
}

fn rights_of(credential: &[u8]) -> Rights {
    let document = json(&String::from_utf8_lossy(credential));
    Rights::from_claims(document.get("credentialSubject").unwrap().as_object().unwrap()).unwrap()
}

fn make(world: &World, granted: &Rights, orders: &[DelegationOrder], seed: u64) -> Made {
    let mut first = world.wallet(seed, KeyType::Ed25519);
    let grant = world.grant(&first, granted.clone());
    first.receive(world.identity(&first).as_bytes(), now()).unwrap();
    let id = first.receive(grant.as_bytes(), now()).unwrap().id;
    let mut made = Made {
        wallets: vec![first],
        ids: vec![id],
        packages: Vec::new(),
        rights: vec![granted.clone()],
    };
    for (step, order) in orders.iter().enumerate() {
        if made.wallets.len() == LONGEST_CHAIN {
            break;
        }
        let types = [KeyType::Ed25519, KeyType::P256];
        let mut child = world.wallet(seed + 1 + step as u64, types[step % 2]);
        let mut order = DelegationOrder { to: did(&child), ..order.clone() };
        // Enough for those that follow.
        order.children = orders.len() - step - 1;
        let last = made.wallets.len() - 1;
        let parent = made.ids[last].clone();
        let mut ids = random((seed << 8) + step as u64);
        let delegated = made.wallets[last].delegate(&parent, &order, &mut ids, now());
        match delegated {
            Ok(package) => {
                made.ids.push(hand_over(&package, &mut child));
                made.rights.push(rights_of(package.chain.last().unwrap()));
                made.packages.push(package);
                made.wallets.push(child);
            }
            Err(
                WalletError::Widens(_)
                | WalletError::NoDelegationLeft
                | WalletError::OutlivesParent { .. },
            ) => {}
            Err(error) => panic!("{error}"),
        }
    }
    made
}

fn presented(wallet: &Wallet, id: &str, audience: &str) -> String {
    let answer = Answer { audience: audience.to_owned(), nonce: NONCE.to_owned() };
    wallet.present(&[Shown::whole(id)], &answer, PresentationForm::Jwt, now()).unwrap()
}

/// Presents links that were changed and signed anew, as the last one's holder does.
fn presented_changed(made: &Made, links: &[Value<'static>], audience: &str) -> String {
    let last = made.wallets.last().unwrap();
    let key = last.default_key().unwrap();
    let Value::Object(mut claims) = bonafide_core::vc::new_presentation(&key.did, links.to_vec())
    else {
        panic!("an object")
    };
    claims.insert("aud", audience.to_owned());
    claims.insert("nonce", NONCE);
    let token_type = bonafide_proof::jose::TokenType::VP;
    bonafide_proof::jose::sign(
        &claims.into(),
        token_type,
        &key.method,
        last.signer("agent").unwrap(),
    )
    .unwrap()
}

/// The link at `place` widened and everything below it signed anew over its new parent, by the
/// keys that may: all of it right but for the one thing.
fn widened(made: &Made, place: usize, mutation: Mutation) -> Option<Vec<Value<'static>>> {
    let chain = &made.packages.last()?.chain;
    let mut links: Vec<Value<'static>> =
        chain.iter().map(|link| json(&String::from_utf8_lossy(link))).collect();
    for index in place..links.len() {
        let Value::Object(mut link) = links[index].clone() else { panic!("an object") };
        link.remove("proof");
        if index == place && !mutation.apply(&mut link, &made.rights[index - 1]) {
            return None;
        }
        if index > place {
            let digest = digest_of(&links[index - 1]);
            let Some(Value::Object(parent)) = subject_of(&mut link).get_mut("parent") else {
                panic!("a parent")
            };
            parent.insert("digest", digest);
        }
        let delegator = &made.wallets[index - 1];
        let key = delegator.default_key().unwrap();
        links[index] = signed_by(delegator, link.into(), &key.method);
    }
    Some(links)
}

pub(super) fn signed_by(wallet: &Wallet, unsigned: Value<'static>, method: &str) -> Value<'static> {
    use bonafide_core::did::Relationship;
    use bonafide_proof::data_integrity::{ProofOptions, Suites, add_proof};
    let signer = wallet.signer("agent").unwrap();
    let suite = Suites::JCS.for_key(signer.public_key().key_type()).unwrap();
    let options = ProofOptions::new(method, Relationship::CapabilityDelegation);
    add_proof(unsigned, &options, suite, signer).unwrap()
}

#[allow(clippy::disallowed_methods)] // a test is a binary
fn cases() -> u32 {
    std::env::var("BONAFIDE_NARROWING_CASES").ok().map_or(200, |cases| cases.parse().unwrap())
}

#[test]
fn what_the_wallet_makes_only_narrows_and_what_widens_is_refused() {
    let world = World::new();
    let mut runner =
        TestRunner::new(Config { cases: cases(), failure_persistence: None, ..Config::default() });
    let orders = proptest::collection::vec(order(), 1..6);
    let asks = proptest::collection::vec(asked(), 3);
    let inputs =
        (rights(), orders, asks, mutation(), any::<proptest::sample::Index>(), any::<u32>());
    let counted = std::cell::Cell::new([0_u32; 4]);
    let count = |which: usize| {
        let mut now = counted.get();
        now[which] += 1;
        counted.set(now);
    };
    runner
        .run(&inputs, |(granted, orders, asks, mutation, place, seed)| {
            let made = make(&world, &granted, &orders, seed.into());
            let last = made.wallets.len() - 1;
            for asked in &asks {
                let input = presented(&made.wallets[last], &made.ids[last], asked.audience);
                let verdict = world.verdict(&input, &asked.request(), now());
                let allowed = made.rights.iter().all(|rights| asked.is_allowed_by(rights));
                prop_assert_eq!(
                    verdict.outcome() == Outcome::Accepted,
                    allowed,
                    "{:?}\n{:?}\n{}",
                    asked,
                    made.rights,
                    verdict.to_json()
                );
                count(usize::from(allowed));
            }
            // All that it grants at once is within each link.
            for audience in &made.rights[last].audience {
                let input = presented(&made.wallets[last], &made.ids[last], audience);
                let request = Request::new().nonce(NONCE).audience(audience.as_str());
                let verdict = world.verdict(&input, &request, now());
                for rights in &made.rights {
                    for action in &verdict.effective().actions {
                        prop_assert!(rights.actions.contains(action));
                    }
                    for resource in &verdict.effective().resources {
                        let covers = |whole: &Resource| {
                            resource == whole.as_str() || resource.starts_with(&format!("{whole}/"))
                        };
                        prop_assert!(rights.resources.iter().any(covers));
                    }
                }
            }
            if last > 0 {
                let place = 1 + place.index(last);
                if let Some(links) = widened(&made, place, mutation) {
                    let audience = &made.rights[last].audience[0];
                    let input = presented_changed(&made, &links, audience);
                    let request = Request::new().nonce(NONCE).audience(audience.as_str());
                    let verdict = world.verdict(&input, &request, now());
                    prop_assert_eq!(
                        verdict.outcome(),
                        Outcome::Rejected,
                        "{:?} at {}",
                        mutation,
                        place
                    );
                    let wrong = ["widened", "child-status-mismatch"];
                    prop_assert!(
                        wrong.iter().any(|code| verdict.has_reason(code)),
                        "{:?}: {}",
                        mutation,
                        verdict.to_json()
                    );
                    count(2);
                }
                // And the same chain as it was made is not refused for its form.
                let links: Vec<Value<'static>> = made.packages[last - 1]
                    .chain
                    .iter()
                    .map(|link| json(&String::from_utf8_lossy(link)))
                    .collect();
                let audience = &made.rights[last].audience[0];
                let input = presented_changed(&made, &links, audience);
                let request = Request::new().nonce(NONCE).audience(audience.as_str());
                let verdict = world.verdict(&input, &request, now());
                prop_assert!(!verdict.has_reason("widened"), "{}", verdict.to_json());
                count(3);
            }
            Ok(())
        })
        .unwrap();
    let [refused, allowed, mutated, chains] = counted.get();
    println!(
        "{} grants: {chains} chains of two and more, {allowed} requests allowed, {refused} refused, \
         {mutated} widened links refused",
        cases()
    );
    // Neither side is empty, so that the property says something.
    assert!(allowed > 0 && refused > 0 && mutated > cases() / 4 && chains > cases() / 4);
}
