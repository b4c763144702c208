//! What a link of a chain allows, and whether it is within what another allows.

use std::fmt;

use super::{Constraint, MOST_CONSTRAINTS, MOST_NAMES, Resource};
use crate::Malformed;
use crate::json::{Number, Object, Value};

const WHAT: &str = "rights";

/// What a credential allows: each of these actions on each of these resources, before these
/// audiences, within these constraints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rights {
    /// Opaque names: none includes another.
    pub actions: Vec<String>,
    /// Each with all that lies below it.
    pub resources: Vec<Resource>,
    /// The services before which it counts, compared byte for byte.
    pub audience: Vec<String>,
    /// All of them hold.
    pub constraints: Vec<Constraint>,
    /// How many delegations there may be under it.
    pub max_depth: u8,
}

/// In what respect a link allows more than its parent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Widening {
    /// `action`, `resource`, `audience`, `constraint` or `depth`.
    pub what: &'static str,
    /// What the link has.
    pub has: String,
    /// What its parent has, for people: of long lists the beginning.
    pub parent: String,
}

impl Rights {
    /// Reads `actions`, `resources`, `audience`, `constraints` and `maxDepth` among the claims.
    pub fn from_claims(claims: &Object<'_>) -> Result<Self, Malformed> {
        let resources = names(claims, "resources", MOST_NAMES)?;
        let resources = resources
            .into_iter()
            .map(|name| Resource::parse(name).map_err(|error| error.within(WHAT, "/resources")));
        let constraints = match claims.get("constraints") {
            None => Vec::new(),
            Some(Value::Array(list)) if list.len() <= MOST_CONSTRAINTS => list
                .iter()
                .map(Constraint::from_value)
                .collect::<Result<_, _>>()
                .map_err(|error| error.within(WHAT, "/constraints"))?,
            Some(_) => return fail("constraints", "expected a list of 32 at most"),
        };
        let depth = claims.get("maxDepth").and_then(Value::as_integer).map(u8::try_from);
        Ok(Self {
            actions: owned(names(claims, "actions", MOST_NAMES)?),
            resources: resources.collect::<Result<_, _>>()?,
            audience: owned(names(claims, "audience", MOST_CONSTRAINTS)?),
            constraints,
            max_depth: match depth {
                Some(Ok(depth)) if usize::from(depth) < super::LONGEST_CHAIN => depth,
                _ => return fail("maxDepth", "expected a whole number from 0 to 9"),
            },
        })
    }

    /// The claims that [`Rights::from_claims`] reads.
    pub fn to_claims(&self) -> Object<'static> {
        let resources: Vec<String> =
            self.resources.iter().map(|resource| resource.as_str().to_owned()).collect();
        let constraints: Vec<Object<'static>> =
            self.constraints.iter().map(Constraint::to_object).collect();
        let mut claims = Object::from([
            ("actions", Value::from(self.actions.clone())),
            ("resources", resources.into()),
            ("audience", self.audience.clone().into()),
            ("maxDepth", Value::Number(Number::Integer(self.max_depth.into()))),
        ]);
        // An empty list has no statement, so that suites which sign RDF refuse it.
        if !constraints.is_empty() {
            claims.insert("constraints", constraints);
        }
        claims
    }

    /// Whether an action is among them.
    pub fn allows_action(&self, action: &str) -> bool {
        self.actions.iter().any(|allowed| allowed == action)
    }

    /// Whether a resource is one of them or lies below one.
    pub fn allows_resource(&self, resource: &Resource) -> bool {
        self.resources.iter().any(|allowed| allowed.covers(resource))
    }

    /// In what respects these rights go beyond `parent`; none if they only narrow. The depth has to
    /// be less than the parent's, so that a chain ends.
    pub fn widenings(&self, parent: &Self) -> Vec<Widening> {
        let mut found = Vec::new();
        let mut wider = |what, has: &str, parent: String| {
            found.push(Widening { what, has: has.to_owned(), parent });
        };
        for action in self.actions.iter().filter(|action| !parent.allows_action(action)) {
            wider("action", action, in_a_row(&parent.actions));
        }
        for resource in self.resources.iter().filter(|name| !parent.allows_resource(name)) {
            wider("resource", resource.as_str(), in_a_row(&parent.resources));
        }
        for audience in self.audience.iter().filter(|name| !parent.audience.contains(name)) {
            wider("audience", audience, in_a_row(&parent.audience));
        }
        for needed in &parent.constraints {
            if !self.constraints.iter().any(|own| own.implies(needed)) {
                wider("constraint", "nothing as strict", needed.to_string());
            }
        }
        if self.max_depth >= parent.max_depth {
            wider("depth", &self.max_depth.to_string(), parent.max_depth.to_string());
        }
        found
    }
}

impl fmt::Display for Widening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}, while its parent has {}", self.what, self.has, self.parent)
    }
}

/// Names for people: the first ones, where there are many. It is written for each widening, so the
/// length of a parent's lists must not count twice.
fn in_a_row<T: fmt::Display>(names: &[T]) -> String {
    let mut text = String::new();
    for (index, name) in names.iter().enumerate() {
        if text.len() > 256 {
            text.push_str(", …");
            break;
        }
        text.push_str(if index == 0 { "" } else { ", " });
        text.push_str(&name.to_string());
    }
    text
}

fn fail<T>(member: &str, detail: &str) -> Result<T, Malformed> {
    Err(Malformed::at(WHAT, format!("/{member}"), detail))
}

/// A list of names: visible ASCII without spaces, each once. A star would look like a promise that
/// nobody keeps.
fn names<'v>(claims: &'v Object<'_>, member: &str, most: usize) -> Result<Vec<&'v str>, Malformed> {
    let list = claims.get(member).and_then(Value::as_array).unwrap_or_default();
    if list.is_empty() || list.len() > most {
        return fail(member, &format!("expected a list of 1 to {most} names"));
    }
    let good = |name: &&str| {
        let visible = name.bytes().all(|byte| byte.is_ascii_graphic());
        !name.is_empty() && name.len() <= 2048 && visible && !name.contains('*')
    };
    let names: Vec<&str> = list.iter().filter_map(Value::as_str).filter(good).collect();
    let twice = names.iter().enumerate().any(|(index, name)| names[..index].contains(name));
    match names.len() == list.len() && !twice {
        true => Ok(names),
        false => fail(member, "expected names of visible ASCII, without *, each once"),
    }
}

fn owned(names: Vec<&str>) -> Vec<String> {
    names.into_iter().map(ToOwned::to_owned).collect()
}
