//! Choosing the least that answers what is asked, and saying what is missing.

use std::fmt;

use bonafide_core::delegation::{Grant, Resource};
use bonafide_core::time::Timestamp;

use crate::reading::Reading;
use crate::record::Held;
use crate::wallet::Wallet;

/// What is asked of the holder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Credential types, one credential of each.
    pub types: Vec<String>,
    /// What is to be done: takes a grant that allows it.
    pub action: Option<String>,
    /// What it is to be done to, in canonical form: takes a grant.
    pub resource: Option<String>,
    /// Before which service the grant has to count.
    pub audience: Option<String>,
    /// The name of the key that presents; if left out, the grant's, or the default one.
    pub key: Option<String>,
}

/// What is missing, each in a plain sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Missing {
    /// The sentences.
    pub what: Vec<String>,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what.join("; "))
    }
}

impl Wallet {
    /// The ids of the fewest credentials that answer what is wanted: the narrowest grant that
    /// allows it, of each type the one that lasts longest, and with a chain the identities of its
    /// agents as far as they are known. The order is the one to present them in.
    pub fn choose(&self, wanted: &Wanted, now: Timestamp) -> Result<Vec<String>, Missing> {
        let mut missing = Vec::new();
        let mut chosen: Vec<String> = Vec::new();
        let mut key = wanted.key.clone();
        let asks_grant =
            wanted.action.is_some() || wanted.resource.is_some() || wanted.audience.is_some();
        if asks_grant {
            match self.grant_for(wanted, now) {
                Ok(grant) => {
                    chosen.push(grant.id.clone());
                    key.clone_from(&grant.key);
                }
                Err(why) => missing.push(why),
            }
        }
        let key = key.or_else(|| self.default_key().map(|key| key.name.clone()));
        for name in &wanted.types {
            let of_type = |held: &&Held| held.is(name) && held.key.is_some() && held.key == key;
            match self.best(of_type, now) {
                Ok(held) if chosen.contains(&held.id) => {}
                Ok(held) => chosen.push(held.id.clone()),
                Err(why) => missing.push(format!("no {name}: {why}")),
            }
        }
        if !missing.is_empty() {
            return Err(Missing { what: missing });
        }
        for id in self.identities_of_chain(chosen.first(), now) {
            if !chosen.contains(&id) {
                chosen.push(id);
            }
        }
        Ok(chosen)
    }

    /// The grant that allows what is wanted: the one that was handed on the least, of those the
    /// one with the fewest actions, of those the one that lasts longest.
    fn grant_for(&self, wanted: &Wanted, now: Timestamp) -> Result<&Held, String> {
        let resource = wanted.resource.as_deref().map(Resource::parse).transpose();
        let resource = resource.map_err(|error| error.to_string())?;
        let mut fitting = Vec::new();
        let mut reasons = Vec::new();
        for held in self.list().iter().filter(|held| held.is_link() && held.key.is_some()) {
            if wanted.key.is_some() && held.key != wanted.key {
                continue;
            }
            let reading = Reading::of(&held.bytes, self.suites).ok();
            let Some(grant) = reading.and_then(|reading| reading.grant) else { continue };
            if let Some(why) = short_of(&grant, wanted, resource.as_ref()) {
                reasons.push(format!("{} {why}", held.id));
                continue;
            }
            if let Err(why) = self.presentable(held, now) {
                reasons.push(why);
                continue;
            }
            let length = self.chain_of(&held.id).map_or(0, |chain| chain.len());
            let left = held.valid_until.map_or(i64::MIN, |until| -until.unix());
            fitting.push((length, grant.rights.actions.len(), left, held));
        }
        fitting.sort_by_key(|(length, actions, left, _)| (*length, *actions, *left));
        match fitting.first() {
            Some((.., held)) => Ok(held),
            None if reasons.is_empty() => Err("no grant; ask the issuer for one".to_owned()),
            None => Err(format!("no grant that allows it: {}", reasons.join(", "))),
        }
    }

    fn best(&self, fits: impl Fn(&&Held) -> bool, now: Timestamp) -> Result<&Held, String> {
        let mut best: Option<&Held> = None;
        let mut reasons = Vec::new();
        for held in self.list().iter().filter(fits) {
            match self.presentable(held, now) {
                Ok(()) if best.is_none_or(|other| held.valid_until > other.valid_until) => {
                    best = Some(held);
                }
                Ok(()) => {}
                Err(why) => reasons.push(why),
            }
        }
        match best {
            Some(held) => Ok(held),
            None if reasons.is_empty() => Err("none is held for this key".to_owned()),
            None => Err(reasons.join(", ")),
        }
    }

    /// Whether a credential may be presented; if not, a word on why.
    fn presentable(&self, held: &Held, now: Timestamp) -> Result<(), String> {
        match self.standing(&held.id, now) {
            Ok(standing) if standing.is_presentable() => Ok(()),
            Ok(standing) => Err(format!("{} {standing}", held.id)),
            Err(error) => Err(format!("{}: {error}", held.id)),
        }
    }

    /// The identity credentials of a chain's agents that are held and good.
    fn identities_of_chain(&self, leaf: Option<&String>, now: Timestamp) -> Vec<String> {
        let Some(leaf) = leaf.filter(|id| self.get(id).is_some_and(Held::is_link)) else {
            return Vec::new();
        };
        let Ok(chain) = self.chain_of(leaf) else { return Vec::new() };
        let identity = |agent: &String| {
            let of_agent =
                |held: &&Held| held.is_identity() && held.subject.as_ref() == Some(agent);
            self.best(of_agent, now).ok().map(|held| held.id.clone())
        };
        chain.iter().filter_map(|link| link.subject.as_ref()).filter_map(identity).collect()
    }
}

/// Why a grant does not allow what is wanted.
fn short_of(grant: &Grant, wanted: &Wanted, resource: Option<&Resource>) -> Option<String> {
    let rights = &grant.rights;
    if let Some(action) = wanted.action.as_ref().filter(|action| !rights.allows_action(action)) {
        return Some(format!("does not allow {action}"));
    }
    if let Some(resource) = resource.filter(|resource| !rights.allows_resource(resource)) {
        return Some(format!("does not reach {resource}"));
    }
    let audience = wanted.audience.as_ref().filter(|name| !rights.audience.contains(name))?;
    Some(format!("does not count before {audience}"))
}
