//! The transactions: what goes along with each, and what each changes.

use super::changes::Turn;
use super::codec::encode;
use super::transaction::Effect;
use super::{SledStore, changes, decode, failed, key};
use crate::environment::Moment;
use crate::id::Id;
use crate::store::{
    AccessToken, Agent, AgentChange, Answer, Changed, Credential, EnrolmentLink, Forgotten,
    Idempotency, Instance, Issued, KeyRecord, LinkChange, LinkState, List, Page, Pending, Phase,
    Place, Reservation, Role, Scope, Status, Store, StoreError, StoredEvent, Token, With,
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

    fn access_token(&self, id: Id) -> Result<Option<AccessToken>, StoreError> {
        self.read_access_token(id)
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

    fn link(&self, id: Id) -> Result<Option<EnrolmentLink>, StoreError> {
        let found = self.tree.get(key::link(id)).map_err(failed)?;
        found.map(|bytes| decode(&bytes)).transpose()
    }

    fn links(&self, after: Option<Id>, limit: usize) -> Result<Page<EnrolmentLink>, StoreError> {
        self.page(&[key::LINK], after, limit, |_, value| decode(value).map(Some), &|_| true)
    }

    fn enrol(&self, agent: Agent, mut with: With) -> Pending<Agent> {
        self.committer.submit(move |transaction| {
            transaction.with(&mut with)?;
            let did = key::agent_did(&agent.did);
            if transaction.has(&did)? {
                return Err(StoreError::Exists("an agent with this DID is enrolled"));
            }
            transaction.put(did, agent.id.as_bytes().to_vec());
            transaction.put_agent(agent.clone())?;
            if let Some(link) = with.link {
                changes::use_link(transaction, link, &agent)?;
            }
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
            changes::change_agent(transaction, id, change, at, with.each.as_mut())
        })
    }

    fn change_did(&self, id: Id, did: String, at: Moment, mut with: With) -> Pending<Agent> {
        self.committer.submit(move |transaction| {
            transaction.with(&mut with)?;
            changes::change_did(transaction, id, did, at, with.each.as_mut())
        })
    }

    fn reserve(
        &self,
        reservations: Vec<Reservation>,
        mut with: With,
    ) -> Pending<Vec<Result<(), StoreError>>> {
        let request = with.idempotency.as_ref().map(|idempotency| idempotency.key);
        // Written here, where it holds up nobody else.
        let records: Result<Vec<Vec<u8>>, StoreError> =
            reservations.iter().map(|reservation| encode(&reservation.credential)).collect();
        self.committer.submit(move |transaction| {
            transaction.with(&mut with)?;
            let mut outcomes = Vec::with_capacity(reservations.len());
            for (reservation, record) in reservations.into_iter().zip(records?) {
                match changes::reserve(transaction, reservation, &record, request.as_ref()) {
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

    fn commit(&self, issued: Vec<Issued>, mut with: With) -> Pending<Vec<Result<(), StoreError>>> {
        let written = |issued: &Issued| {
            encode(&Credential { phase: Phase::Issued, ..issued.credential.clone() })
        };
        let records: Result<Vec<Vec<u8>>, StoreError> = issued.iter().map(written).collect();
        self.committer.submit_always(move |transaction| {
            let mut payloads = Vec::with_capacity(issued.len());
            let mut outcomes = Vec::with_capacity(issued.len());
            for issued in &issued {
                match changes::payload_of(transaction, &issued.credential) {
                    Err(error @ (StoreError::Stopped(_) | StoreError::Damaged(_))) => {
                        return Err(error);
                    }
                    Err(error) => outcomes.push(Err(error)),
                    Ok(payload) => {
                        payloads.push(payload);
                        outcomes.push(Ok(()));
                    }
                }
            }
            if payloads.len() == issued.len() {
                transaction.with(&mut with)?;
                for ((issued, record), payload) in issued.into_iter().zip(records?).zip(payloads) {
                    changes::commit(transaction, issued, &record, payload)?;
                }
            }
            Ok(outcomes)
        })
    }

    fn abandon(&self, ids: Vec<Id>, mut with: With) -> Pending<()> {
        self.committer.submit_always(move |transaction| {
            transaction.with(&mut with)?;
            for id in ids {
                changes::abandon(transaction, id, with.each.as_mut())?;
            }
            Ok(())
        })
    }

    fn settle(&self, agent: Id, mut with: With) -> Pending<bool> {
        self.committer.submit_always(move |transaction| {
            transaction.with(&mut with)?;
            changes::settle(transaction, agent, with.each.as_mut())
        })
    }

    fn unsettled(&self) -> Result<Vec<Id>, StoreError> {
        self.read_unsettled()
    }

    fn set_status(
        &self,
        scope: Scope,
        after: Option<Id>,
        status: Status,
        mut with: With,
    ) -> Pending<Changed> {
        self.committer.submit(move |transaction| {
            transaction.with(&mut with)?;
            let (ids, next) = changes::in_scope(transaction, &scope, after)?;
            let one = matches!(scope, Scope::One(_));
            let mut changed = Changed { credentials: Vec::new(), next };
            for id in ids {
                let found = transaction.credential(&key::credential(id))?;
                let Some(credential) = found else { continue };
                let fits = match &scope {
                    Scope::AgentType(_, name) | Scope::Type(name) => {
                        credential.credential_type == *name
                    }
                    Scope::One(_) | Scope::Agent(_) => true,
                };
                if fits && (one || credential.phase == Phase::Issued) {
                    let each = with.each.as_mut();
                    let turn = Turn::Itself(status);
                    let new = changes::set_status(transaction, credential, turn, one, each)?;
                    changed.credentials.extend(new);
                }
            }
            Ok(changed)
        })
    }

    fn revoke_children(&self, grant: Id, indexes: Vec<u32>, mut with: With) -> Pending<bool> {
        self.committer.submit(move |transaction| {
            let changed = changes::revoke_children(transaction, grant, &indexes)?;
            // What is revoked already is no event.
            if changed {
                transaction.with(&mut with)?;
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
            changes::put_keys(transaction, keys)
        })
    }

    fn put_keys(&self, keys: Vec<KeyRecord>, mut with: With) -> Pending<()> {
        self.committer.submit(move |transaction| {
            transaction.with(&mut with)?;
            changes::put_keys(transaction, keys)
        })
    }

    fn put_link(&self, link: EnrolmentLink, mut with: With) -> Pending<()> {
        self.committer.submit(move |transaction| {
            transaction.with(&mut with)?;
            transaction.put_json(key::link(link.id), &link)
        })
    }

    fn change_link(
        &self,
        id: Id,
        change: LinkChange,
        at: Moment,
        mut with: With,
    ) -> Pending<EnrolmentLink> {
        self.committer.submit(move |transaction| {
            let link: Option<EnrolmentLink> = transaction.get(&key::link(id))?;
            let link = link.ok_or(StoreError::NotFound("enrolment link"))?;
            if link.state(at) != LinkState::Open {
                return Ok(link);
            }
            transaction.with(&mut with)?;
            changes::change_link(transaction, link, change, at)
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

    fn revoke_token(&self, id: Id, at: Moment, mut with: With) -> Pending<()> {
        self.committer.submit(move |transaction| {
            let all = transaction.keys(&[key::TOKEN], None, usize::MAX / 4)?;
            let tokens: Vec<Token> = all
                .iter()
                .map(|at| transaction.get(at)?.ok_or(StoreError::NotFound("token")))
                .collect::<Result<_, StoreError>>()?;
            let lasting = |token: &Token| {
                token.role == Role::Administrator
                    && token.revoked_at.is_none()
                    && token.expires_at.is_none()
            };
            let found = tokens.iter().find(|token| token.id == id);
            let mut token = found.cloned().ok_or(StoreError::NotFound("token"))?;
            if token.revoked_at.is_some() {
                return Ok(());
            }
            if lasting(&token) && !tokens.iter().any(|other| other.id != id && lasting(other)) {
                return Err(StoreError::Conflict(
                    "this is the last administrator's token without an end; make another one first",
                ));
            }
            transaction.with(&mut with)?;
            token.revoked_at = Some(at);
            transaction.put_json(key::token(id), &token)?;
            transaction.effect(Effect::Token(token));
            Ok(())
        })
    }

    fn put_access_token(&self, token: AccessToken, mut with: With) -> Pending<()> {
        self.committer.submit(move |transaction| {
            transaction.with(&mut with)?;
            transaction.put_json(key::access_token(token.id), &token)
        })
    }

    fn revoke_access_token(&self, id: Id, at: Moment, mut with: With) -> Pending<()> {
        self.committer.submit(move |transaction| {
            let key = key::access_token(id);
            let token: Option<AccessToken> = transaction.get(&key)?;
            let mut token = token.ok_or(StoreError::NotFound("access token"))?;
            if token.revoked_at.is_some() {
                with.events.clear();
            }
            transaction.with(&mut with)?;
            token.revoked_at = token.revoked_at.or(Some(at));
            transaction.put_json(key, &token)
        })
    }

    fn redeem(&self, challenge: [u8; 16], until: Moment, mut with: With) -> Pending<()> {
        with.answers = Some((challenge, until));
        self.note(with)
    }

    fn note(&self, mut with: With) -> Pending<()> {
        self.committer.submit(move |transaction| transaction.with(&mut with))
    }

    fn log_written(&self, size: u64, root: [u8; 32]) -> Pending<()> {
        self.committer.submit_always(move |transaction| {
            let value = [&size.to_be_bytes()[..], &root].concat();
            transaction.put(key::LOG_WRITTEN.to_vec(), value);
            Ok(())
        })
    }

    fn forget(&self, before: Moment, after: Option<Vec<u8>>) -> Pending<Forgotten> {
        self.committer
            .submit(move |transaction| changes::forget(transaction, before, after.as_deref()))
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
            changes::put_keys(transaction, keys)
        })
    }
}
