//! Does the chain only narrow, from a trusted grant down to the one who presents it?

use bonafide_core::delegation::{Constraint, LONGEST_CHAIN, Resource, Rights};
use bonafide_core::status::BitstringStatusListCredential;

use super::Context;
use super::link::Link;
use crate::Reason;
use crate::effective::{Chain, ChainLink, Effective, Obligation};
use crate::evidence::short;
use crate::verdict::{Check, CheckName, Note, Part};

const PART: Part = Part::Presentation;

/// Walks the links in the order in which they are presented. Gives the chain if every link is good
/// and only narrows; who presents is told by `presenter` and the `methods` that signed.
pub(crate) fn walk(
    links: &[Link],
    presenter: Option<&str>,
    methods: &[String],
    context: &Context<'_>,
) -> (Check, Option<Chain>) {
    let mut reasons = Vec::new();
    match links {
        _ if links.len() > LONGEST_CHAIN => reasons
            .push(Reason::ChainTooLong { links: links.len() as u64, limit: LONGEST_CHAIN as u64 }),
        [root, ..] if !root.is_root => reasons.push(Reason::ChainRootMissing {}),
        _ => {
            let roots = links.iter().filter(|link| link.is_root).count();
            if roots > 1 {
                reasons.push(Reason::ChainRootsMany { count: roots as u64 });
            }
            repeats(links, &mut reasons);
            for (index, pair) in links.windows(2).enumerate() {
                let [parent, child] = pair else { continue };
                step(index as u64 + 1, parent, child, &mut reasons);
            }
            links.iter().enumerate().for_each(|(index, link)| {
                alone(index as u64, link, &mut reasons);
            });
            reasons.extend(statuses(links, context));
            reasons.extend(held(links.last(), presenter, methods));
        }
    }
    let good = reasons.is_empty() && links.iter().all(|link| link.good);
    if reasons.is_empty() && !good {
        return (Check::not_made(PART, CheckName::Chain, "a link of it is not good"), None);
    }
    let chain = good.then(|| chain(links, context)).flatten();
    let note = Note::ChainOf(links.len());
    (Check::of(PART, CheckName::Chain, note, reasons), chain)
}

/// Each credential and each agent occurs once.
fn repeats(links: &[Link], reasons: &mut Vec<Reason>) {
    for (index, link) in links.iter().enumerate() {
        let earlier = &links[..index];
        let repeated = earlier
            .iter()
            .any(|other| other.digest == link.digest || other.id == link.id)
            .then_some(&link.id)
            .or_else(|| {
                earlier.iter().map(|other| &other.subject).find(|agent| **agent == link.subject)
            });
        if let Some(repeated) = repeated {
            let repeated = short(repeated);
            reasons.push(Reason::ChainRepeats { link: index as u64, repeated });
        }
    }
}

/// What a link is by itself.
fn alone(link: u64, found: &Link, reasons: &mut Vec<Reason>) {
    if found.partial {
        reasons.push(Reason::LinkPartial { link });
    }
    for constraint in &found.grant.rights.constraints {
        if let Constraint::Unknown { constraint_type } = constraint {
            let constraint = short(constraint_type);
            reasons.push(Reason::ConstraintUnknown { link, constraint });
        }
    }
}

/// From one link to the next.
fn step(link: u64, parent: &Link, child: &Link, reasons: &mut Vec<Reason>) {
    let mismatch = |expected: &str, found: &str| (short(expected), short(found));
    let named = child.grant.parent.as_ref();
    if named.is_none_or(|named| named.id != parent.id || named.digest != parent.digest) {
        let expected = format!("{} ({})", parent.id, parent.digest);
        let found = named.map_or_else(
            || "nothing".to_owned(),
            |named| format!("{} ({})", named.id, named.digest),
        );
        let (expected, found) = mismatch(&expected, &found);
        reasons.push(Reason::ParentMismatch { link, expected, found });
    }
    if child.issuer != parent.subject {
        let (expected, found) = mismatch(&parent.subject, &child.issuer);
        reasons.push(Reason::DelegatorMismatch { link, expected, found });
    }
    if !child.methods.is_empty() && !child.methods.contains(&parent.grant.holder_key) {
        let (expected, found) = mismatch(&parent.grant.holder_key, &child.methods.join(", "));
        reasons.push(Reason::DelegatorKeyMismatch { link, expected, found });
    }
    for widening in child.grant.rights.widenings(&parent.grant.rights) {
        let (has, parent) = (short(&widening.has), short(&widening.parent));
        reasons.push(Reason::Widened { link, what: widening.what, has, parent });
    }
    if !is_part_of(&child.grant.task, &parent.grant.task) {
        let (has, parent) = (short(&child.grant.task), short(&parent.grant.task));
        reasons.push(Reason::Widened { link, what: "task", has, parent });
    }
    let spans = [parent, child].map(|link| link.valid_from.zip(link.valid_until));
    let nests = match spans {
        [Some((from, until)), Some((child_from, child_until))] => {
            from <= child_from && child_until <= until
        }
        _ => false,
    };
    if !nests {
        let [parent, has] = spans.map(|span| match span {
            Some((from, until)) => format!("{from} to {until}"),
            None => "no span".to_owned(),
        });
        reasons.push(Reason::Widened { link, what: "time", has, parent });
    }
    if let Some(detail) = status_amiss(parent, child) {
        reasons.push(Reason::ChildStatusMismatch { link, detail });
    }
}

/// Whether a task is the other one or a part of it, at a slash.
fn is_part_of(task: &str, whole: &str) -> bool {
    task.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A child's status stands at an index that its parent set aside, and what it sets aside itself is
/// a part of the rest, so that the grant's issuer can revoke each.
fn status_amiss(parent: &Link, child: &Link) -> Option<String> {
    let Some(set_aside) = &parent.grant.child_status else {
        return Some("its parent set none aside".to_owned());
    };
    let Some((list, index)) = &child.revocation else {
        return Some("it needs one entry, for revocation, of one bit".to_owned());
    };
    if *list != set_aside.list || !set_aside.indexes.contains(index) {
        return Some(format!("index {index} of {}", short(list)));
    }
    let handed_on = child.grant.child_status.as_ref()?;
    let foreign = |other: &&u64| !set_aside.indexes.contains(other) || *other == index;
    if handed_on.list != set_aside.list {
        return Some(format!("it sets aside indexes of {}", short(&handed_on.list)));
    }
    let index = handed_on.indexes.iter().find(foreign)?;
    Some(format!("it sets aside index {index}"))
}

/// Delegations' statuses are published by whoever issued the grant, or by a party that the policy
/// names for status lists.
fn statuses(links: &[Link], context: &Context<'_>) -> Vec<Reason> {
    let Some(root) = links.first() else { return Vec::new() };
    let foreign = |issuer: &String| {
        let trusted = context.policy.trusts(issuer, BitstringStatusListCredential::TYPE);
        *issuer != root.issuer && trusted.is_none()
    };
    let found = links.iter().filter(|link| !link.is_root).filter_map(|link| {
        let list_issuer = link.status_issuer.clone().filter(foreign)?;
        let list = link.revocation.as_ref().map(|(list, _)| short(list)).unwrap_or_default();
        let issuer = short(&root.issuer);
        Some(Reason::StatusListUntrusted { list, list_issuer, issuer })
    });
    found.collect()
}

/// The last link is held by the one who presents, with the key that it is bound to.
fn held(leaf: Option<&Link>, presenter: Option<&str>, methods: &[String]) -> Option<Reason> {
    let (leaf, presenter) = (leaf?, presenter?);
    if leaf.subject == presenter && methods.contains(&leaf.grant.holder_key) {
        return None;
    }
    let expected = short(&leaf.grant.holder_key);
    Some(Reason::ChainHolderMismatch { expected, found: short(&methods.join(", ")) })
}

/// What a good chain gives.
fn chain(links: &[Link], context: &Context<'_>) -> Option<Chain> {
    let (root, leaf) = (links.first()?, links.last()?);
    let trusted = context.policy.grants_of(&root.issuer);
    let rights = &leaf.grant.rights;
    let actions = rights.actions.iter().filter(|action| trusted.allows_action(action));
    let mut resources: Vec<Resource> = Vec::new();
    for resource in &rights.resources {
        match trusted.allows_resource(resource) {
            true => resources.push(resource.clone()),
            false => resources.extend(trusted.below(resource).cloned()),
        }
    }
    let shown = |link: &Link| ChainLink {
        id: link.id.clone(),
        issuer: link.issuer.clone(),
        subject: link.subject.clone(),
        digest: link.digest.clone(),
        task: link.grant.task.clone(),
        valid_until: link.ends,
        max_depth: link.grant.rights.max_depth,
    };
    Some(Chain {
        links: links.iter().map(shown).collect(),
        principal: root.grant.principal.clone(),
        actions: actions.cloned().collect(),
        resources,
        rights: links.iter().map(|link| link.grant.rights.clone()).collect(),
        status_as_of: links.iter().filter_map(|link| link.status_as_of).min(),
    })
}

/// Does the chain allow this very request? What it leaves to the service comes out as obligations.
pub(crate) fn allows(chain: &Chain, context: &Context<'_>) -> (Check, Vec<Obligation>) {
    let mut reasons = Vec::new();
    let request = context.request;
    let (root, leaf) = (&chain.links[0], &chain.rights[chain.rights.len() - 1]);
    if let Some(action) = &request.action {
        reasons.extend(action_amiss(action, chain, leaf, &root.issuer));
    } else if chain.actions.is_empty() {
        let value = short(&leaf.actions.join(", "));
        let issuer = short(&root.issuer);
        reasons.push(Reason::GrantUntrusted { issuer, what: "actions", value });
    }
    if let Some(resource) = &request.resource {
        reasons.extend(resource_amiss(resource, chain, leaf, &root.issuer));
    } else if chain.resources.is_empty() {
        let names: Vec<&str> = leaf.resources.iter().map(Resource::as_str).collect();
        let (issuer, value) = (short(&root.issuer), short(&names.join(", ")));
        reasons.push(Reason::GrantUntrusted { issuer, what: "resources", value });
    }
    if let Some(audience) = request.audience.as_ref().filter(|name| !leaf.audience.contains(name)) {
        let granted = short(&leaf.audience.join(", "));
        reasons.push(Reason::AudienceNotGranted { audience: audience.clone(), granted });
    }
    let mut obligations = Vec::new();
    for (index, rights) in chain.rights.iter().enumerate() {
        for constraint in &rights.constraints {
            let link = index as u64;
            match constrained(link, &chain.links[index].id, constraint, context) {
                Constrained::Met => {}
                Constrained::Unmet(reason) => reasons.push(reason),
                // What a later link tightens stays the earlier one's limit over all its children.
                Constrained::Open(obligation) => obligations.push(obligation),
            }
        }
    }
    if context.policy.delegation.open_obligations_undecided {
        let open =
            obligations.iter().map(|open| Reason::ObligationOpen { obligation: open.to_string() });
        reasons.extend(open);
    }
    let note = Note::Obliges(obligations.len());
    (Check::of(PART, CheckName::Rights, note, reasons), obligations)
}

fn action_amiss(action: &str, chain: &Chain, leaf: &Rights, issuer: &str) -> Option<Reason> {
    if chain.actions.iter().any(|granted| granted == action) {
        return None;
    }
    let value = short(action);
    Some(match leaf.allows_action(action) {
        true => Reason::GrantUntrusted { issuer: short(issuer), what: "action", value },
        false => {
            Reason::ActionNotGranted { action: value, granted: short(&leaf.actions.join(", ")) }
        }
    })
}

fn resource_amiss(name: &str, chain: &Chain, leaf: &Rights, issuer: &str) -> Option<Reason> {
    let resource = match Resource::parse(name) {
        Ok(resource) => resource,
        Err(error) => {
            let (resource, detail) = (short(name), error.detail);
            return Some(Reason::ResourceNotCanonical { resource, detail });
        }
    };
    if chain.resources.iter().any(|granted| granted.covers(&resource)) {
        return None;
    }
    let names: Vec<&str> = leaf.resources.iter().map(Resource::as_str).collect();
    Some(match leaf.allows_resource(&resource) {
        true => Reason::GrantUntrusted {
            issuer: short(issuer),
            what: "resource",
            value: short(resource.as_str()),
        },
        false => Reason::ResourceNotGranted {
            resource: short(resource.as_str()),
            granted: short(&names.join(", ")),
        },
    })
}

enum Constrained {
    Met,
    Unmet(Reason),
    Open(Obligation),
}

fn constrained(
    link: u64,
    credential: &str,
    constraint: &Constraint,
    context: &Context<'_>,
) -> Constrained {
    let unmet = |found: String| {
        let constraint = short(&constraint.to_string());
        Constrained::Unmet(Reason::ConstraintUnmet { link, constraint, found })
    };
    let open = || {
        let (credential, constraint) = (credential.to_owned(), constraint.clone());
        Constrained::Open(Obligation::Constraint { credential, constraint })
    };
    match constraint {
        // How much of it others have used, nobody knows offline.
        Constraint::Budget { .. } | Constraint::Uses { .. } => open(),
        Constraint::TimeOfDay { .. } => {
            let minute = context.now.unix().rem_euclid(86_400) / 60;
            match u16::try_from(minute).is_ok_and(|minute| constraint.allows_minute(minute)) {
                true => Constrained::Met,
                false => unmet(context.now.to_string()),
            }
        }
        Constraint::Argument { name, pattern } => match &context.request.arguments {
            None => open(),
            Some(arguments) => match arguments.get(name) {
                Some(argument) if pattern.fits(argument) => Constrained::Met,
                Some(argument) => unmet(short(argument)),
                None => unmet("a request without it".to_owned()),
            },
        },
        Constraint::Unknown { constraint_type } => Constrained::Unmet(Reason::ConstraintUnknown {
            link,
            constraint: short(constraint_type),
        }),
    }
}

/// What the presenter may effectively do: what both the level and the chain allow.
pub(crate) fn effective(
    chain: &Chain,
    level_actions: &[String],
    obligations: Vec<Obligation>,
    context: &Context<'_>,
) -> Effective {
    let within = |action: &&String| level_actions.contains(action);
    let actions = match &context.request.action {
        Some(action) => vec![action.clone()],
        None => chain.actions.iter().filter(within).cloned().collect(),
    };
    let resources = match &context.request.resource {
        Some(resource) => vec![resource.clone()],
        None => chain.resources.iter().map(ToString::to_string).collect(),
    };
    Effective { actions, resources, obligations }
}
