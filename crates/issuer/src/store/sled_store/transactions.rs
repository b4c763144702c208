//! The transactions, one function each.

use super::reads::status_to_byte;
use super::transaction::{Effect, Request, Transaction};
use super::{SledStore, decode, failed, key};
use crate::environment::Moment;
use crate::id::Id;
use crate::store::{
    Agent, AgentChange, AgentState, Answer, Changed, Credential, EachChanged, Idempotency,
    Instance, Issued, KeyRecord, List, MOST_CHANGES, Page, Pending, Phase, Place, Reservation,
    Scope, Status, Store, StoreError, StoredEvent, Token, With,
};

impl Store for SledStore {
    fn agent(&self, id: Id) -> Result<Option<Agent>, StoreError> {
        self.read_agent(id)
    }

    fn agent_by_did(&self, did: &str) -> Result<Option<Agent>, StoreError> {
        self.read_agent_by_did(did)
    }

    fn agents(
        &self,
        after: Option<Id>,
        limit: usize,
        wanted: &dyn Fn(&Agent) -> bool,
    ) -> Result<Page<Agent>, StoreError> {
        self.page(&[key::AGENT], after, limit, |_, value| decode(value).map(Some), wanted)
    }

    fn credential(&self, id: Id) -> Result<Option<Credential>, StoreError> {
        self.read_credential(id)
    }

    fn credential_by_name(&self, name: &str) -> Result<Option<Credential>, StoreError> {
        self.read_credential_by_name(name)
    }

    fn credentials(
        &self,
        agent: Option<Id>,
        after: Option<Id>,
        limit: usize,
        wanted: &dyn Fn(&Credential) -> bool,
    ) -> Result<Page<Credential>, StoreError> {
        self.read_credentials(agent, after, limit, wanted)
    }

    fn read(&self, place: Place) -> Result<Vec<u8>, StoreError> {
        self.read_place(place)
    }

    fn event(&self, sequence: u64) -> Result<Option<StoredEvent>, StoreError> {
        self.read_event(sequence)
    }

    fn history(&self, agent: Id, from: u64, limit: usize) -> Result<Vec<u64>, StoreError> {
        self.read_history(agent, from, limit)
    }

    fn next_event(&self) -> Result<u64, StoreError> {
        let bytes = self.tree.get(key::NEXT_EVENT).map_err(failed)?;
        Ok(bytes.and_then(|bytes| bytes.as_ref().try_into().ok()).map_or(0, u64::from_be_bytes))
    }

    fn answer(&self, idempotency: &Idempotency) -> Result<Option<Answer>, StoreError> {
        self.read_answer(idempotency)
    }

    fn unfinished(&self, before: Moment) -> Result<Vec<Credential>, StoreError> {
        self.read_unfinished(before)
    }

    fn enrol(&self, agent: Agent, mut with: With) -> Pending<Agent> {
        self.committer.submit(move |transaction| {
            transaction.with(&mut with)?;
            let did = key::agent_did(&agent.did);
            if transaction.has(&did)? {
                return Err(StoreError::Exists("an agent with this DID is enrolled"));
            }
            transaction.put(did, agent.id.as_bytes().to_vec());
            transaction.put_json(key::agent(agent.id), &agent)?;
            Ok(agent)
        })
    }

    fn change_agent(
        &self,
        id: Id,
        change: AgentChange,
        at: Moment,
        mut with: With,
    ) -> Pending<Agent> {
        self.committer.submit(move |transaction| {
            transaction.with(&mut with)?;
            change_agent(transaction, id, change, at, with.each.as_mut())
        })
    }

    fn reserve(
        &self,
        reservations: Vec<Reservation>,
        mut with: With,
    ) -> Pending<Vec<Result<(), StoreError>>> {
        self.committer.submit(move |transaction| {
            transaction.with(&mut with)?;
            let request = with.idempotency.map(|idempotency| idempotency.key);
            let mut outcomes = Vec::with_capacity(reservations.len());
            for reservation in reservations {
                match reserve(transaction, reservation, request.as_ref()) {
                    Err(error @ (StoreError::Stopped(_) | StoreError::Damaged(_))) => {
                        return Err(error);
                    }
                    outcome => outcomes.push(outcome),
                }
            }
            match outcomes.iter().find_map(|outcome| outcome.clone().err()) {
                Some(error) if outcomes.iter().all(Result::is_err) => Err(error),
                _ => Ok(outcomes),
            }
        })
    }

    fn commit(&self, issued: Vec<Issued>, mut with: With) -> Pending<()> {
        self.committer.submit(move |transaction| {
            transaction.with(&mut with)?;
            issued.into_iter().try_for_each(|issued| commit(transaction, issued))
        })
    }

    fn abandon(&self, ids: Vec<Id>, mut with: With) -> Pending<()> {
        self.committer.submit(move |transaction| {
            transaction.with(&mut with)?;
            for id in ids {
                abandon(transaction, id, with.each.as_mut())?;
            }
            Ok(())
        })
    }

    fn set_status(&self, scope: Scope, status: Status, mut with: With) -> Pending<Vec<Changed>> {
        self.committer.submit(move |transaction| {
            transaction.with(&mut with)?;
            let mut changed = Vec::new();
            for id in in_scope(transaction, &scope)? {
                let Some(credential) = transaction.get::<Credential>(&key::credential(id))? else {
                    continue;
                };
                if changed.len() == MOST_CHANGES {
                    break;
                }
                let fits = match &scope {
                    Scope::AgentType(_, name) | Scope::Type(name) => {
                        credential.credential_type == *name
                    }
                    Scope::One(_) | Scope::Agent(_) => true,
                };
                let one = matches!(scope, Scope::One(_));
                if !fits || (!one && credential.phase != Phase::Issued) {
                    continue;
                }
                let each = with.each.as_mut();
                changed.extend(set_status(transaction, credential, status, false, one, each)?);
            }
            Ok(changed)
        })
    }

    fn add_list(&self, list: List, mut with: With) -> Pending<()> {
        self.committer.submit(move |transaction| {
            transaction.with(&mut with)?;
            let key = key::list(list.number);
            if transaction.has(&key)? {
                return Err(StoreError::Exists("a list with this number is there"));
            }
            transaction.put_json(key, &list)?;
            transaction.effect(Effect::List(list, 0));
            Ok(())
        })
    }

    fn add_instance(
        &self,
        instance: Instance,
        keys: Vec<KeyRecord>,
        mut with: With,
    ) -> Pending<()> {
        self.committer.submit(move |transaction| {
            transaction.with(&mut with)?;
            let key = key::instance(&instance.name);
            if transaction.has(&key)? {
                return Err(StoreError::Exists("an instance with this name is there"));
            }
            transaction.put_json(key, &instance)?;
            transaction.effect(Effect::Instance(instance));
            put_keys(transaction, keys)
        })
    }

    fn put_keys(&self, keys: Vec<KeyRecord>, mut with: With) -> Pending<()> {
        self.committer.submit(move |transaction| {
            transaction.with(&mut with)?;
            put_keys(transaction, keys)
        })
    }

    fn put_token(&self, token: Token, mut with: With) -> Pending<()> {
        self.committer.submit(move |transaction| {
            transaction.with(&mut with)?;
            transaction.put_json(key::token(token.id), &token)?;
            transaction.effect(Effect::Token(token));
            Ok(())
        })
    }

    fn redeem(&self, challenge: [u8; 16], until: Moment, mut with: With) -> Pending<()> {
        self.committer.submit(move |transaction| {
            let key = key::challenge(&challenge);
            if transaction.has(&key)? {
                return Err(StoreError::Exists("this challenge was answered before"));
            }
            transaction.put(key, until.0.to_be_bytes().to_vec());
            transaction.with(&mut with)
        })
    }

    fn note(&self, mut with: With) -> Pending<()> {
        self.committer.submit(move |transaction| transaction.with(&mut with))
    }

    fn log_written(&self, size: u64, root: [u8; 32]) -> Pending<()> {
        self.committer.submit(move |transaction| {
            let value = [&size.to_be_bytes()[..], &root].concat();
            transaction.put(key::LOG_WRITTEN.to_vec(), value);
            Ok(())
        })
    }

    fn forget(&self, before: Moment) -> Pending<usize> {
        self.committer.submit(move |transaction| {
            let mut forgotten = 0;
            for at in transaction.keys(&[key::CHALLENGE], None, MOST_CHANGES)? {
                let until = transaction.bytes(&at)?.and_then(|bytes| bytes.try_into().ok());
                if until.is_none_or(|until| u64::from_be_bytes(until) < before.0) {
                    transaction.remove(at);
                    forgotten += 1;
                }
            }
            for at in transaction.keys(&[key::REQUEST], None, MOST_CHANGES)? {
                let request: Option<Request> = transaction.get(&at)?;
                if request.is_some_and(|request| request.answer.is_some() && request.at < before) {
                    transaction.remove(at);
                    forgotten += 1;
                }
            }
            Ok(forgotten)
        })
    }
}

impl SledStore {
    /// Takes a restored backup up: what was noted of it, another log with its keys if it needs one,
    /// and status lists of which nothing was given out before.
    pub fn take_up_restored(
        &self,
        noted: Vec<u8>,
        log: Option<(Instance, Vec<KeyRecord>)>,
        lists: Vec<List>,
        mut with: With,
    ) -> Pending<()> {
        self.committer.submit(move |transaction| {
            transaction.with(&mut with)?;
            transaction.put(key::RESTORED.to_vec(), noted);
            for list in lists {
                let key = key::list(list.number);
                if transaction.has(&key)? {
                    return Err(StoreError::Exists("a list with this number is there"));
                }
                transaction.put_json(key, &list)?;
                transaction.effect(Effect::List(list, 0));
            }
            let Some((instance, keys)) = log else { return Ok(()) };
            // It was of the log before.
            transaction.remove(key::LOG_WRITTEN.to_vec());
            transaction.put_json(key::instance(&instance.name), &instance)?;
            transaction.effect(Effect::Instance(instance));
            put_keys(transaction, keys)
        })
    }
}

fn change_agent(
    transaction: &mut Transaction<'_, '_>,
    id: Id,
    change: AgentChange,
    at: Moment,
    mut each: Option<&mut EachChanged>,
) -> Result<Agent, StoreError> {
    let key = key::agent(id);
    let mut agent: Agent = transaction.get(&key)?.ok_or(StoreError::NotFound("agent"))?;
    let was = agent.state;
    if was == AgentState::Retired && change.state != Some(AgentState::Retired) {
        return Err(StoreError::Conflict("the agent is retired"));
    }
    if let Some(state) = change.state {
        agent.state = next_state(&agent, state)?;
    }
    let attested = [
        (change.name, &mut agent.name),
        (change.version, &mut agent.version),
        (change.model_digest, &mut agent.model_digest),
        (change.code_digest, &mut agent.code_digest),
    ];
    for (new, old) in attested.into_iter().filter_map(|(new, old)| Some((new?, old))) {
        agent.identity_attested &= *old == new;
        *old = new;
    }
    // Later than before whatever the clock says: what was decided of the agent before is held
    // against this.
    agent.changed_at = at.max(Moment(agent.changed_at.0 + 1));
    transaction.put_json(key, &agent)?;
    if agent.state != was {
        carry_over(transaction, &agent, each.as_deref_mut())?;
    }
    Ok(agent)
}

fn next_state(agent: &Agent, asked: AgentState) -> Result<AgentState, StoreError> {
    match (agent.state, asked) {
        (AgentState::Enrolled | AgentState::Active, AgentState::Suspended) => Ok(asked),
        (AgentState::Suspended, AgentState::Suspended) => Ok(asked),
        (AgentState::Suspended, AgentState::Active | AgentState::Enrolled) => {
            Ok(if agent.identity_attested { AgentState::Active } else { AgentState::Enrolled })
        }
        (_, AgentState::Retired) => Ok(asked),
        _ => Err(StoreError::Conflict("only a suspended agent can be resumed")),
    }
}

/// What an agent's state means for what was issued to it.
fn carry_over(
    transaction: &mut Transaction<'_, '_>,
    agent: &Agent,
    mut each: Option<&mut EachChanged>,
) -> Result<(), StoreError> {
    let status = match agent.state {
        AgentState::Retired => Status::Revoked,
        AgentState::Suspended => Status::Suspended,
        AgentState::Enrolled | AgentState::Active => Status::Valid,
    };
    let mut changed = 0;
    for id in in_scope(transaction, &Scope::Agent(agent.id))? {
        let Some(credential) = transaction.get::<Credential>(&key::credential(id))? else {
            continue;
        };
        // What was suspended for itself stays so when its agent comes back.
        let stays = status == Status::Valid && !credential.suspended_with_agent;
        if credential.phase != Phase::Issued || stays {
            continue;
        }
        let with_agent = status == Status::Suspended;
        let change =
            set_status(transaction, credential, status, with_agent, false, each.as_deref_mut())?;
        changed += usize::from(change.is_some());
        if changed > MOST_CHANGES {
            return Err(StoreError::Conflict(
                "the agent has too many credentials to change at once: revoke them first",
            ));
        }
    }
    Ok(())
}

fn in_scope(transaction: &Transaction<'_, '_>, scope: &Scope) -> Result<Vec<Id>, StoreError> {
    let prefix = match scope {
        Scope::One(id) => {
            return match transaction.has(&key::credential(*id))? {
                true => Ok(vec![*id]),
                false => Err(StoreError::NotFound("credential")),
            };
        }
        Scope::Agent(agent) | Scope::AgentType(agent, _) => key::of_agent(*agent, None),
        Scope::Type(_) => vec![key::CREDENTIAL],
    };
    let keys = transaction.keys(&prefix, None, usize::MAX / 4)?;
    Ok(keys.iter().filter_map(|key| key::id_at_end(key)).collect())
}

/// Sets a status; `None` if nothing changes. Revocation is for good.
fn set_status(
    transaction: &mut Transaction<'_, '_>,
    mut credential: Credential,
    status: Status,
    with_agent: bool,
    strict: bool,
    each: Option<&mut EachChanged>,
) -> Result<Option<Changed>, StoreError> {
    let was = credential.status;
    if was == status {
        return Ok(None);
    }
    if was == Status::Revoked {
        return match strict {
            true => Err(StoreError::Conflict("the credential is revoked, for good")),
            false => Ok(None),
        };
    }
    let Some(place) = credential.status_place else {
        return match strict {
            true => Err(StoreError::Conflict("the credential has no status entry")),
            false => Ok(None),
        };
    };
    credential.status = status;
    credential.suspended_with_agent = with_agent;
    transaction.put_json(key::credential(credential.id), &credential)?;
    transaction.put(key::status(place), vec![status_to_byte(status)]);
    transaction.effect(Effect::Status(place, status));
    if let Some(each) = each {
        let event = each(&credential, was)?;
        transaction.event(event)?;
    }
    Ok(Some(Changed { credential, was }))
}

/// Nothing is written before all is checked: one that fails leaves no trace among the others.
fn reserve(
    transaction: &mut Transaction<'_, '_>,
    reservation: Reservation,
    request: Option<&[u8; 16]>,
) -> Result<(), StoreError> {
    let Reservation { mut credential, payload, list_used, requires, event } = reservation;
    if let Some(requires) = requires {
        let agent: Agent =
            transaction.get(&key::agent(requires.agent))?.ok_or(StoreError::NotFound("agent"))?;
        let fits = match requires.identity {
            true => matches!(agent.state, AgentState::Enrolled | AgentState::Active),
            false => agent.state == AgentState::Active && agent.identity_attested,
        };
        if !fits || agent.changed_at != requires.changed_at {
            return Err(StoreError::Conflict("the agent changed while this was decided"));
        }
    }
    if let Some(name) = &credential.document_id {
        let key = key::credential_name(name);
        if transaction.has(&key)? {
            return Err(StoreError::Exists("a credential with this id was issued"));
        }
        transaction.put(key, credential.id.as_bytes().to_vec());
    }
    if let Some(place) = credential.status_place {
        let key = key::list_used(place.list);
        let before = transaction.bytes(&key)?.and_then(|bytes| bytes.try_into().ok());
        let before = before.map_or(0, u64::from_be_bytes);
        transaction.put(key, before.max(list_used).to_be_bytes().to_vec());
    }
    credential.payload = transaction.stage(&[&payload])?;
    transaction.put_json(key::credential(credential.id), &credential)?;
    if let Some(agent) = credential.agent {
        transaction.put(key::of_agent(agent, Some(credential.id)), Vec::new());
    }
    let request = request.map(|request| request.to_vec()).unwrap_or_default();
    transaction.put(key::prepared(credential.id), request);
    transaction.event(event)
}

fn commit(transaction: &mut Transaction<'_, '_>, issued: Issued) -> Result<(), StoreError> {
    let at = key::credential(issued.id);
    let mut credential: Credential =
        transaction.get(&at)?.ok_or(StoreError::NotFound("reservation"))?;
    if credential.phase != Phase::Prepared {
        return Err(StoreError::Conflict("the reservation was given up"));
    }
    if let Some(id) = credential.agent {
        let key = key::agent(id);
        let mut agent: Agent = transaction.get(&key)?.ok_or(StoreError::NotFound("agent"))?;
        match agent.state {
            AgentState::Retired => {
                return Err(StoreError::Conflict("the agent was retired while this was signed"));
            }
            AgentState::Suspended => {
                return Err(StoreError::Conflict("the agent was suspended while this was signed"));
            }
            AgentState::Enrolled | AgentState::Active => {}
        }
        if credential.attests_agent_of == Some(agent.changed_at) {
            agent.identity_attested = true;
            agent.state = AgentState::Active;
            transaction.put_json(key, &agent)?;
        }
    }
    credential.phase = Phase::Issued;
    credential.secured = Some(transaction.stage(&[&issued.secured])?);
    transaction.put_json(at, &credential)?;
    transaction.remove(key::prepared(issued.id));
    transaction.event(issued.event)
}

fn abandon(
    transaction: &mut Transaction<'_, '_>,
    id: Id,
    each: Option<&mut EachChanged>,
) -> Result<(), StoreError> {
    let at = key::prepared(id);
    let Some(request) = transaction.bytes(&at)? else { return Ok(()) };
    transaction.remove(at);
    if let Ok(request) = <[u8; 16]>::try_from(request) {
        let at = key::request(&request);
        let open = transaction.get::<Request>(&at)?.is_some_and(|found| found.answer.is_none());
        if open {
            transaction.remove(at);
        }
    }
    let at = key::credential(id);
    let Some(mut credential) = transaction.get::<Credential>(&at)? else { return Ok(()) };
    let was = credential.status;
    credential.phase = Phase::Abandoned;
    credential.status = Status::Revoked;
    transaction.put_json(at, &credential)?;
    if let Some(place) = credential.status_place {
        transaction.put(key::status(place), vec![status_to_byte(Status::Revoked)]);
        transaction.effect(Effect::Status(place, Status::Revoked));
    }
    if let Some(name) = &credential.document_id {
        transaction.remove(key::credential_name(name));
    }
    match each {
        Some(each) => {
            let event = each(&credential, was)?;
            transaction.event(event)
        }
        None => Ok(()),
    }
}

fn put_keys(transaction: &mut Transaction<'_, '_>, keys: Vec<KeyRecord>) -> Result<(), StoreError> {
    for record in keys {
        transaction.put_json(key::key(&record.instance, &record.name), &record)?;
        transaction.effect(Effect::Key(record));
    }
    Ok(())
}
