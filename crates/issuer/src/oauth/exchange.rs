//! Token exchange (RFC 8693): which access token follows from a subject token. Never longer, wider
//! or bound to another key than its source.

use std::time::Duration;

use bonafide_core::delegation::{Constraint, MOST_CONSTRAINTS, Principal, Resource, Rights};
use bonafide_core::json::{Limits, Object, Value, parse};
use bonafide_core::key::PublicKey;
use bonafide_core::time::Timestamp;
use bonafide_proof::dpop::Proven;

use super::binding::{Binding, PeerCertificate};
use super::error::{OAuthError, told};
use super::form::Form;

/// The one grant type.
pub(crate) const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// The type of what is given (RFC 8693, 3).
pub(crate) const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// The type of a token of an identity provider.
pub(crate) const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
/// The type of a presentation, `vp+jwt`.
pub(crate) const PRESENTATION: &str = "urn:bonafide:params:oauth:token-type:vp";
/// The one type of authorization details (RFC 9396).
pub(crate) const GRANT_DETAILS: &str = "https://w3id.org/bonafide/grant";

/// What an object of it may hold.
const DETAIL_MEMBERS: [&str; 4] = ["type", "actions", "locations", "constraints"];

/// Audiences, resources, scopes, details: of each at most so many.
const MOST: usize = 64;

/// What a client asks for. What it leaves out is as wide as its source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The services that it is for.
    pub(crate) audience: Vec<String>,
    /// Services or resources by their URIs (RFC 8707).
    pub(crate) resources: Vec<String>,
    /// Actions.
    pub(crate) scope: Option<Vec<String>>,
    /// Actions on resources.
    pub(crate) details: Option<Vec<AskedDetail>>,
}

/// One of the authorization details.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AskedDetail {
    actions: Option<Vec<String>>,
    locations: Option<Vec<Resource>>,
    /// These besides those of the source.
    constraints: Vec<Constraint>,
}

impl Asked {
    /// Reads it from the request's parameters.
    pub(crate) fn from_form(form: &Form) -> Result<Self, OAuthError> {
        let several = |name| -> Vec<String> { form.all(name).map(ToOwned::to_owned).collect() };
        let scope = form.get("scope").map(|text| {
            let mut names: Vec<String> = text.split(' ').map(ToOwned::to_owned).collect();
            names.retain(|name| !name.is_empty());
            names
        });
        let details = form.get("authorization_details").map(details).transpose()?;
        Ok(Self {
            audience: several("audience"),
            resources: several("resource"),
            scope: scope.filter(|names| !names.is_empty()),
            details,
        })
    }
}

/// Reads `authorization_details`: a list of objects of our own type, each with or without
/// `actions`, `locations` and `constraints`.
fn details(text: &str) -> Result<Vec<AskedDetail>, OAuthError> {
    let refuse =
        |detail: &str| OAuthError::details("malformed", format!("authorization_details: {detail}"));
    let value = parse(text.as_bytes(), &Limits::for_size(64 << 10))
        .map_err(|error| refuse(&error.to_string()))?;
    let list = value.as_array().filter(|list| (1..=MOST).contains(&list.len()));
    let list = list.ok_or_else(|| refuse("expected a list of 1 to 64 objects"))?;
    list.iter()
        .map(|item| {
            let item = item.as_object().ok_or_else(|| refuse("expected objects"))?;
            if item.str("type") != Some(GRANT_DETAILS) {
                let detail =
                    format!("authorization_details: the one known type is {GRANT_DETAILS}");
                return Err(OAuthError::details("details-type-unknown", detail));
            }
            if let Some((name, _)) = item.iter().find(|(name, _)| !DETAIL_MEMBERS.contains(name)) {
                let detail = format!("authorization_details: the member {name} is not known");
                return Err(OAuthError::details("details-member-unknown", detail));
            }
            let locations = texts(item, "locations").map_err(|detail| refuse(&detail))?;
            let locations = locations.map(|names| {
                let parsed = names.iter().map(|name| Resource::parse(name));
                parsed.collect::<Result<Vec<_>, _>>().map_err(|error| refuse(&told(&error)))
            });
            let constraints = match item.get("constraints") {
                None => Vec::new(),
                Some(Value::Array(list)) if list.len() <= MOST_CONSTRAINTS => list
                    .iter()
                    .map(Constraint::from_value)
                    .collect::<Result<_, _>>()
                    .map_err(|error| refuse(&told(&error)))?,
                Some(_) => return Err(refuse("constraints: expected a list of 32 at most")),
            };
            Ok(AskedDetail {
                actions: texts(item, "actions").map_err(|detail| refuse(&detail))?,
                locations: locations.transpose()?,
                constraints,
            })
        })
        .collect()
}

fn texts(object: &Object<'_>, name: &str) -> Result<Option<Vec<String>>, String> {
    let Some(value) = object.get(name) else { return Ok(None) };
    let list = value.as_array().unwrap_or_default();
    let texts: Vec<String> = list.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect();
    match !texts.is_empty() && texts.len() == list.len() && texts.len() <= MOST {
        true => Ok(Some(texts)),
        false => Err(format!("{name}: expected a list of 1 to 64 texts")),
    }
}

/// What an access token allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Allowed {
    /// The services before which it counts.
    pub(crate) audience: Vec<String>,
    /// Actions on resources.
    pub(crate) details: Vec<Detail>,
    /// What every link of the chain says besides: all of it holds, for each detail.
    pub(crate) limits: Vec<Limit>,
}

/// A constraint of a link. A budget or a number of uses counts over all that is done under that
/// credential, whoever does it: so the service has to know which one it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    /// The id of the link's credential.
    pub(crate) credential: String,
    /// The constraint.
    pub(crate) constraint: Constraint,
}

/// Each of these actions on each of these resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Detail {
    /// The actions.
    pub(crate) actions: Vec<String>,
    /// The resources, each with all that lies below it.
    pub(crate) locations: Vec<Resource>,
    /// What the client asked for besides: all of them hold, for this token.
    pub(crate) constraints: Vec<Constraint>,
}

/// What is asked for, as long as the source allows all of it.
pub(crate) fn narrow(source: &Rights, asked: &Asked) -> Result<Allowed, OAuthError> {
    let (audience, locations) = target(source, asked)?;
    let actions = match &asked.scope {
        None => source.actions.clone(),
        Some(names) => {
            if let Some(name) = names.iter().find(|name| !source.allows_action(name)) {
                return Err(OAuthError::scope(format!("the subject token does not allow {name}")));
            }
            names.clone()
        }
    };
    let whole = Detail { actions, locations, constraints: Vec::new() };
    let details = match &asked.details {
        None => vec![whole],
        Some(details) => {
            details.iter().map(|detail| within(detail, &whole)).collect::<Result<_, _>>()?
        }
    };
    Ok(Allowed { audience, details, limits: Vec::new() })
}

/// What is asked for where nothing bounds it but the grant policy, to which every detail is put:
/// all of it has to be said.
fn explicit(asked: &Asked) -> Result<Allowed, OAuthError> {
    let missing = |what: &str| {
        let detail = format!("the subject token grants nothing by itself: say which {what}");
        OAuthError::request("rights-missing", detail)
    };
    let audience = asked.audience.clone();
    if audience.is_empty() {
        return Err(missing("audience"));
    }
    let parsed = asked.resources.iter().map(|name| Resource::parse(name));
    let locations: Vec<Resource> = parsed
        .collect::<Result<_, _>>()
        .map_err(|error| OAuthError::target("malformed", format!("resource: {}", told(&error))))?;
    let actions = asked.scope.clone().unwrap_or_default();
    let whole = Detail { actions, locations, constraints: Vec::new() };
    let details = match &asked.details {
        None => vec![whole],
        Some(details) => {
            let of = |detail: &AskedDetail| Detail {
                actions: detail.actions.clone().unwrap_or_else(|| whole.actions.clone()),
                locations: detail.locations.clone().unwrap_or_else(|| whole.locations.clone()),
                constraints: detail.constraints.clone(),
            };
            details.iter().map(of).collect()
        }
    };
    if details.iter().any(|detail| detail.actions.is_empty()) {
        return Err(missing("scope, or actions in authorization_details"));
    }
    if details.iter().any(|detail| detail.locations.is_empty()) {
        return Err(missing("resource, or locations in authorization_details"));
    }
    Ok(Allowed { audience, details, limits: Vec::new() })
}

/// The audiences and the resources. A `resource` names a service, by what it is called as an
/// audience, or something at one.
fn target(source: &Rights, asked: &Asked) -> Result<(Vec<String>, Vec<Resource>), OAuthError> {
    if asked.audience.len() + asked.resources.len() > MOST {
        return Err(OAuthError::request("malformed", "more than 64 targets"));
    }
    let (mut audience, mut locations) = (Vec::new(), Vec::new());
    for name in &asked.audience {
        if !source.audience.contains(name) {
            let detail = format!("the subject token is not for the audience {name}");
            return Err(OAuthError::target("audience-widened", detail));
        }
        audience.push(name.clone());
    }
    for name in &asked.resources {
        if source.audience.contains(name) {
            audience.push(name.clone());
            continue;
        }
        let resource = Resource::parse(name).map_err(|error| {
            OAuthError::target("malformed", format!("resource: {}", told(&error)))
        })?;
        if !source.allows_resource(&resource) {
            let detail = format!("the subject token does not reach the resource {name}");
            return Err(OAuthError::target("resource-widened", detail));
        }
        locations.push(resource);
    }
    if audience.is_empty() {
        audience.clone_from(&source.audience);
    }
    if locations.is_empty() {
        locations.clone_from(&source.resources);
    }
    audience.sort();
    audience.dedup();
    Ok((audience, locations))
}

fn within(asked: &AskedDetail, whole: &Detail) -> Result<Detail, OAuthError> {
    let Detail { actions, locations, .. } = whole;
    let refuse = |name: &str| {
        let detail = format!("authorization_details: {name} is more than there is to give");
        Err(OAuthError::details("details-widened", detail))
    };
    let detail = Detail {
        actions: asked.actions.clone().unwrap_or_else(|| actions.clone()),
        locations: asked.locations.clone().unwrap_or_else(|| locations.clone()),
        constraints: asked.constraints.clone(),
    };
    if let Some(action) = detail.actions.iter().find(|action| !actions.contains(action)) {
        return refuse(action);
    }
    let reached = |location: &Resource| locations.iter().any(|known| known.covers(location));
    match detail.locations.iter().find(|location| !reached(location)) {
        Some(location) => refuse(location.as_str()),
        None => Ok(detail),
    }
}

/// What a subject token turned out to be, once it was verified.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// On whose behalf the agents act, if on anybody's.
    pub(crate) principal: Option<Principal>,
    /// The agents, by DID: the first whom something was granted, then to whom it was handed on.
    pub(crate) agents: Vec<String>,
    /// The key of the last of them.
    pub(crate) key: PublicKey,
    /// What they may do, as a chain says; none where the grant policy has to decide.
    pub(crate) rights: Option<Rights>,
    /// The constraints of every link of the chain.
    pub(crate) limits: Vec<Limit>,
    /// The task, if there is one.
    pub(crate) task: Option<String>,
    /// When the first end of all that it rests on comes.
    pub(crate) ends: Timestamp,
}

/// How the client shows that it holds a key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held<'h> {
    /// By a DPoP proof.
    pub(crate) dpop: Option<&'h Proven>,
    /// By the certificate of its connection.
    pub(crate) certificate: Option<&'h PeerCertificate>,
}

/// An access token that is to be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    /// The client, by DID.
    pub(crate) client: String,
    /// On whose behalf, if on anybody's.
    pub(crate) principal: Option<Principal>,
    /// The agents, the first of the chain first, the client last.
    pub(crate) agents: Vec<String>,
    /// The task, if there is one.
    pub(crate) task: Option<String>,
    /// What it allows.
    pub(crate) allowed: Allowed,
    /// The key that it is bound to.
    pub(crate) binding: Binding,
    /// When it ends.
    pub(crate) expires: Timestamp,
}

/// Who decides where no chain does: the grant policy. For how long it grants a detail.
pub(crate) type ByPolicy<'p> = &'p dyn Fn(&Allowed, &Detail) -> Result<Duration, OAuthError>;

/// Whether `client` gets an access token for this source, and which.
pub(crate) fn decide(
    client: &str,
    source: &Source,
    asked: &Asked,
    held: Held<'_>,
    by_policy: ByPolicy<'_>,
    longest: Duration,
    now: Timestamp,
) -> Result<Decision, OAuthError> {
    if source.agents.last().is_none_or(|agent| agent != client) {
        let detail = "the subject token was given to another agent than the one that asks";
        return Err(OAuthError::grant("actor-mismatch", detail));
    }
    let mut longest = longest;
    let mut allowed = match &source.rights {
        Some(rights) => narrow(rights, asked)?,
        None => explicit(asked)?,
    };
    if source.rights.is_none() {
        for detail in &allowed.details {
            longest = longest.min(by_policy(&allowed, detail)?);
        }
    }
    allowed.limits.clone_from(&source.limits);
    let unknown = |constraint: &&Constraint| matches!(constraint, Constraint::Unknown { .. });
    let asked_for = allowed.details.iter().flat_map(|detail| &detail.constraints);
    let of_links = allowed.limits.iter().map(|limit| &limit.constraint);
    if let Some(constraint) = of_links.chain(asked_for).find(unknown) {
        return Err(OAuthError::grant("constraint-unknown", constraint.to_string()));
    }
    let binding = Binding::to(&source.key, held.dpop, held.certificate)?;
    let expires = now.saturating_add(longest).min(source.ends);
    // In whole seconds, rounded down: a token that ends at once is none.
    if expires.unix() <= now.unix() {
        let detail = format!("what the subject token rests on ended at {}", source.ends);
        return Err(OAuthError::grant("expired", detail));
    }
    Ok(Decision {
        client: client.to_owned(),
        principal: source.principal.clone(),
        agents: source.agents.clone(),
        task: source.task.clone(),
        allowed,
        binding,
        expires,
    })
}

#[cfg(test)]
mod tests;
