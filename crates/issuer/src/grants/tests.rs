use super::*;

const POLICY: &str = r#"
version = 1

[[rule]]
name = "reports"
agents = ["did:key:zOne", "0199d3a0-5a7e-7c1b-8e55-0d6c2f4b9a31"]
sponsors = ["did:web:acme.example"]
principals = ["https://idp.example"]
actions = ["files.read", "files.list"]
resources = ["https://files.example/reports"]
audience = ["https://files.example"]
max_depth = 1
constraints = [{ type = "Budget", unit = "EUR", amount = 5000 }]

[[rule]]
name = "trusted tools"
kinds = ["tool"]
tier = "gold"
score = 80
certifications = [{ scheme = "ISO/IEC 42001", level = "certified" }, { scheme = "SOC 2" }]
principal = "none"
actions = ["*"]
resources = ["*"]
audience = ["*"]
max_valid_for = "30m"
max_depth = 3
"#;

fn policy() -> GrantPolicy {
    GrantPolicy::from_toml(POLICY).unwrap()
}

fn facts() -> AgentFacts {
    AgentFacts {
        id: "0199d3a0-5a7e-7c1b-8e55-000000000000".to_owned(),
        did: "did:key:zOne".to_owned(),
        sponsor: "did:web:acme.example".to_owned(),
        kind: "orchestrator".to_owned(),
        ..AgentFacts::default()
    }
}

fn principal(issuer: &str, subject: &str) -> Principal {
    let digest = format!("sha256:{}", "0".repeat(64));
    Principal { issuer: issuer.to_owned(), subject: subject.to_owned(), digest }
}

fn request() -> GrantRequest {
    GrantRequest {
        task: "book-travel-4711".to_owned(),
        rights: Rights {
            actions: vec!["files.read".to_owned()],
            resources: vec![Resource::parse("https://files.example/reports/2026").unwrap()],
            audience: vec!["https://files.example".to_owned()],
            constraints: vec![Constraint::Budget { unit: "EUR".to_owned(), amount: 4000 }],
            max_depth: 1,
        },
        valid_for: None,
        principal: Some(principal("https://idp.example", "alice")),
    }
}

#[test]
fn what_a_rule_lists_is_granted_for_as_long_as_it_says() {
    let granted = decide(&request(), &facts(), &policy()).unwrap();
    assert_eq!(granted, Decision { rule: "reports".to_owned(), valid_for: USUAL });
    let asked = GrantRequest { valid_for: Some(Duration::from_secs(60)), ..request() };
    let granted = decide(&asked, &facts(), &policy()).unwrap();
    assert_eq!(granted.valid_for, Duration::from_secs(60));
    // By its id as well as by its DID.
    let facts = AgentFacts {
        id: "0199d3a0-5a7e-7c1b-8e55-0d6c2f4b9a31".to_owned(),
        did: "did:key:zTwo".to_owned(),
        ..facts()
    };
    assert_eq!(decide(&request(), &facts, &policy()).unwrap().rule, "reports");
}

#[test]
fn whatever_goes_beyond_a_rule_is_refused_with_the_reason() {
    let refused = |change: &dyn Fn(&mut GrantRequest)| {
        let mut request = request();
        change(&mut request);
        let refusal = decide(&request, &facts(), &policy()).unwrap_err();
        assert!(refusal.policy);
        assert_eq!(refusal.rules.len(), 2);
        assert!(refusal.rules[0].for_this_agent && !refusal.rules[1].for_this_agent);
        // Of a rule that is for others, the agent is told nothing.
        assert!(!refusal.to_string().contains("trusted tools"), "{refusal}");
        assert_eq!(refusal.rules[0].lacks.len(), 1, "{refusal}");
        refusal.rules[0].lacks[0].clone()
    };
    let resource = |name: &str| Resource::parse(name).unwrap();
    for (change, says) in [
        (
            Box::new(|request: &mut GrantRequest| request.principal = None)
                as Box<dyn Fn(&mut GrantRequest)>,
            "asks for a principal",
        ),
        (
            Box::new(|request| {
                request.principal = Some(principal("https://other.example", "alice"));
            }),
            "https://other.example",
        ),
        (
            Box::new(|request| request.principal = Some(principal("did:key:zA", "did:key:zA"))),
            "did:key:zA",
        ),
        (Box::new(|request| request.rights.actions.push("files.write".to_owned())), "files.write"),
        (
            Box::new(move |request| {
                request.rights.resources.push(resource("https://files.example"));
            }),
            "the resource",
        ),
        (
            Box::new(move |request| {
                request.rights.resources = vec![resource("https://files.example/reports-old")];
            }),
            "reports-old",
        ),
        (
            Box::new(|request| request.rights.audience.push("https://b.example".to_owned())),
            "https://b.example",
        ),
        (Box::new(|request| request.rights.constraints.clear()), "at most 5000 EUR"),
        (
            Box::new(|request| {
                request.rights.constraints =
                    vec![Constraint::Budget { unit: "EUR".to_owned(), amount: 5001 }];
            }),
            "at most 5000 EUR",
        ),
        (Box::new(|request| request.rights.max_depth = 2), "maxDepth"),
        (Box::new(|request| request.valid_for = Some(Duration::from_secs(601))), "validFor"),
    ] {
        let why = refused(&*change);
        assert!(why.contains(says), "{says}: {why}");
    }
}

#[test]
fn without_names_the_word_of_providers_counts_and_no_agent_s() {
    let rule = |more: &str| {
        let policy = format!(
            "version = 1\n[[rule]]\nname = \"a\"\nagents = [\"*\"]\nactions = [\"*\"]\n\
             resources = [\"*\"]\naudience = [\"*\"]\nmax_depth = 1\n{more}"
        );
        GrantPolicy::from_toml(&policy).unwrap()
    };
    let by = |issuer: &str, subject: &str, policy: &GrantPolicy| {
        let principal = Some(principal(issuer, subject));
        decide(&GrantRequest { principal, ..request() }, &facts(), policy)
    };
    let whole = |refusal: Refusal| refusal.rules[0].lacks.join("; ");
    assert!(by("https://idp.example", "alice", &rule("")).is_ok());
    // Another agent shows the identity that this issuer attests it; the same where it is named.
    let why = whole(by("did:web:issuer.example", "did:key:zTwo", &rule("")).unwrap_err());
    assert!(why.contains("did:web:issuer.example"), "{why}");
    let named = rule("principals = [\"did:web:issuer.example\", \"did:key:zOne\"]\n");
    assert!(by("did:web:issuer.example", "did:key:zTwo", &named).is_ok());
    // The agent that asks, by its identity or by itself.
    for issuer in ["did:web:issuer.example", "did:key:zOne"] {
        let why = whole(by(issuer, "did:key:zOne", &named).unwrap_err());
        assert!(why.contains("behind itself"), "{why}");
    }
}

#[test]
fn who_asks_has_to_be_whom_the_rule_is_for() {
    let request =
        GrantRequest { principal: None, valid_for: Some(Duration::from_secs(1800)), ..request() };
    let good = AgentFacts {
        kind: "tool".to_owned(),
        sponsor: "did:web:other.example".to_owned(),
        tier: Some(Tier::Platinum),
        score: Some(80),
        certifications: vec![
            ("SOC 2".to_owned(), "type 2".to_owned()),
            ("ISO/IEC 42001".to_owned(), "certified".to_owned()),
        ],
        ..facts()
    };
    let granted = decide(&request, &good, &policy()).unwrap();
    assert_eq!(granted.rule, "trusted tools");
    let without = |change: &dyn Fn(&mut AgentFacts)| {
        let mut facts = good.clone();
        change(&mut facts);
        let refusal = decide(&request, &facts, &policy()).unwrap_err();
        assert!(!refusal.rules[1].for_this_agent);
        refusal.rules[1].lacks.join("; ")
    };
    assert!(without(&|facts| facts.kind = "workflow".to_owned()).contains("kinds"));
    assert!(without(&|facts| facts.tier = Some(Tier::Silver)).contains("silver"));
    assert!(without(&|facts| facts.tier = None).contains("tier"));
    assert!(without(&|facts| facts.score = Some(79)).contains("79"));
    assert!(without(&|facts| facts.score = None).contains("score"));
    assert!(without(&|facts| drop(facts.certifications.pop())).contains("ISO/IEC 42001"));
    assert!(
        without(&|facts| facts.certifications[1].1 = "started".to_owned()).contains("certified")
    );
    // A principal where none is wanted.
    let with =
        GrantRequest { principal: Some(principal("https://idp.example", "alice")), ..request };
    let refusal = decide(&with, &good, &policy()).unwrap_err();
    assert!(refusal.to_string().contains("on behalf of"), "{refusal}");
}

#[test]
fn without_a_policy_or_a_rule_nothing_is_granted() {
    let refusal = decide(&request(), &facts(), &GrantPolicy::default()).unwrap_err();
    assert!(!refusal.policy && refusal.to_string().contains("no grant policy"), "{refusal}");
    let empty = GrantPolicy::from_toml("version = 1").unwrap();
    let refusal = decide(&request(), &facts(), &empty).unwrap_err();
    assert!(refusal.policy && refusal.to_string().contains("no rule"), "{refusal}");
}

#[test]
fn a_policy_that_is_not_plain_is_refused_where_it_is_wrong() {
    let rule = |more: &str| {
        let rule = [
            "version = 1\n[[rule]]\nname = \"a\"\nagents = [\"*\"]\nactions = [\"a\"]\n",
            "resources = [\"urn:a\"]\naudience = [\"b\"]\n",
            more,
        ];
        rule.concat()
    };
    assert!(GrantPolicy::from_toml(&rule("")).is_ok());
    let without = |line: &str| rule("").replace(line, "");
    for (text, line, says) in [
        ("version = 2".to_owned(), 1, "version = 1"),
        (String::new(), 1, "version"),
        (rule("surprise = 1\n"), 8, "surprise"),
        (rule("principal = \"maybe\"\n"), 8, "required, optional or none"),
        (rule("principal = \"none\"\nprincipals = [\"https://idp.example\"]\n"), 9, "nobody"),
        (rule("max_valid_for = \"2h\"\n"), 8, "1s to 1h"),
        (rule("max_valid_for = \"soon\"\n"), 8, ""),
        (rule("max_depth = 10\n"), 8, "0 to 9"),
        (rule("tier = \"diamond\"\n"), 8, "platinum"),
        (rule("score = 101\n"), 8, "0 to 100"),
        (rule("kinds = [\"robot\"]\n"), 8, "workflow"),
        (rule("sponsors = [\"acme\"]\n"), 8, "not a DID"),
        (rule("constraints = [{ type = \"Mood\" }]\n"), 8, "not known"),
        (rule("constraints = [{ type = \"Uses\", max = 1.5 }]\n"), 8, "whole number"),
        (rule("constraints = [{ type = \"Uses\", max = -1 }]\n"), 8, "whole number"),
        (rule("certifications = [{ name = \"x\" }]\n"), 8, "name"),
        (without("agents = [\"*\"]\n"), 3, "whom it is for"),
        (without("actions = [\"a\"]\n"), 2, "actions"),
        (rule("").replace("[\"a\"]", "[]"), 5, "at least one"),
        (rule("").replace("[\"a\"]", "[\"a\", \"*\"]"), 5, "alone"),
        (rule("").replace("[\"a\"]", "[\"files.*\"]"), 5, "compared whole"),
        (rule("").replace("[\"urn:a\"]", "[\"urn:a/../b\"]"), 6, "dot segment"),
        (format!("{}{}", rule(""), &rule("")[12..]), 9, "twice"),
    ] {
        let error = GrantPolicy::from_toml(&text).unwrap_err();
        assert!(error.message.contains(says), "{text}: {error}");
        assert_eq!(error.line, line, "{text}: {error}");
    }
}

#[test]
fn the_policy_of_the_manual_is_one() {
    let manual = include_str!("../../../../docs/operating.md");
    let example = manual.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next());
    let policy = GrantPolicy::from_toml(example.unwrap()).unwrap();
    assert_eq!(policy.rules().collect::<Vec<_>>(), ["reports for travel agents"]);
}

mod of_an_agent {
    use bonafide_core::attestation::{Attestation, Certification, Decay, PactScore};
    use bonafide_core::time::Timestamp;

    use super::super::facts::facts;
    use super::*;
    use crate::environment::{Environment, Moment};
    use crate::id::Id;
    use crate::store::{Agent, AgentToBe};

    const ENVIRONMENT: Environment =
        Environment { milliseconds: || 1_800_000_000_000, fill: |_| Ok(()) };

    fn agent() -> Agent {
        let text = |text: &str| text.to_owned();
        let to_be = AgentToBe {
            name: text("Agent"),
            kind: text("tool"),
            version: text("2.0.0"),
            model_digest: text("sha256:a"),
            code_digest: text("sha256:b"),
            sponsor: text("did:web:acme.example"),
            trust_domain: text("acme.example"),
            spiffe_id: None,
        };
        to_be.enrolled(Id::new(&ENVIRONMENT).unwrap(), text("did:key:zOne"), Moment(1))
    }

    fn score(value: u8, tier: Tier) -> PactScore {
        PactScore {
            value: Some(value),
            at_least: None,
            tier: Some(tier),
            confidence: None,
            evaluation_count: None,
            agent_version: "2.0.0".to_owned(),
            model_digest: "sha256:a".to_owned(),
            computed_at: Timestamp::from_unix(1_799_990_000).unwrap(),
            decay: Decay::None,
            score_model: None,
            score_model_version: None,
            origin: None,
        }
    }

    fn certified(version: Option<&str>) -> Attestation {
        Attestation::Certification(Certification {
            scheme: "SOC 2".to_owned(),
            scope: None,
            level: "type 2".to_owned(),
            evaluator: None,
            agent_version: version.map(ToOwned::to_owned),
        })
    }

    fn of(attestations: &[Attestation]) -> AgentFacts {
        facts(&agent(), attestations, ENVIRONMENT.now())
    }

    #[test]
    fn of_several_scores_the_least_counts_and_of_another_version_none() {
        let known = of(&[]);
        assert_eq!((known.tier, known.score), (None, None));
        assert_eq!((known.did.as_str(), known.kind.as_str()), ("did:key:zOne", "tool"));
        let both = [score(95, Tier::Gold), score(80, Tier::Platinum)].map(Attestation::PactScore);
        let known = of(&both);
        assert_eq!((known.tier, known.score), (Some(Tier::Gold), Some(80)));
        // After decay; of the future; hidden.
        let decay = Decay::Linear { points_per_day: 10, grace: Duration::ZERO };
        let old = PactScore { decay, ..score(95, Tier::Gold) };
        assert_eq!(of(&[Attestation::PactScore(old)]).score, Some(85));
        let later = Timestamp::from_unix(1_800_000_001).unwrap();
        let future = PactScore { computed_at: later, ..score(95, Tier::Gold) };
        assert_eq!(of(&[Attestation::PactScore(future)]).score, Some(0));
        let hidden = PactScore { value: None, tier: None, ..score(95, Tier::Gold) };
        let known = of(&[Attestation::PactScore(hidden)]);
        assert_eq!((known.tier, known.score), (Some(Tier::Unrated), Some(0)));
        for other in [
            PactScore { agent_version: "1.0.0".to_owned(), ..score(95, Tier::Gold) },
            PactScore { model_digest: "sha256:c".to_owned(), ..score(95, Tier::Gold) },
        ] {
            assert_eq!(of(&[Attestation::PactScore(other)]).score, None);
        }
    }

    #[test]
    fn a_certification_counts_for_its_version_or_for_all() {
        let count = |version| of(&[certified(version)]).certifications.len();
        assert_eq!((count(None), count(Some("2.0.0")), count(Some("1.0.0"))), (1, 1, 0));
    }
}
