//! An issuance from orders to the answer: reserve, sign, store. What can't be stored is given up.

use std::sync::Arc;

use crate::event::{Caller, EventDraft};
use crate::id::Id;
use crate::issuance::{Order, Prepared, Signed, prepare};
use crate::problem::Problem;
use crate::service::Service;
use crate::store::{
    Answer, Credential, Idempotency, Issued, Reservation, Status, StoreError, With,
};

/// What became of each order, in their order.
pub(crate) type Outcomes = Vec<Result<Signed, Problem>>;

/// More than this many are signed where they hold up nobody else.
const FEW: usize = 4;

/// One that was signed, or could not be.
struct Attempt {
    place: usize,
    id: Id,
    signed: Result<(Signed, Issued), Problem>,
}

impl Service {
    /// Issues what was ordered. `answer` makes the answer from what became of each; it is kept for
    /// repetitions. Fails as a whole only if nothing was issued. Goes on to its end even if whoever
    /// asked has gone: a repetition finds it finished.
    pub async fn issue(
        self: &Arc<Self>,
        orders: Vec<Order>,
        caller: &Caller,
        idempotency: Option<&Idempotency>,
        answer: impl Fn(&Outcomes) -> Result<Answer, Problem> + Send + Sync + 'static,
    ) -> Result<(Answer, Outcomes), Problem> {
        let (service, caller) = (Arc::clone(self), caller.clone());
        let idempotency = idempotency.cloned();
        let work = async move {
            service.issue_to_the_end(orders, &caller, idempotency.as_ref(), answer).await
        };
        let outcome = tokio::spawn(work).await;
        outcome.unwrap_or_else(|_| Err(Problem::fault("an issuance did not come to its end")))
    }

    async fn issue_to_the_end(
        &self,
        orders: Vec<Order>,
        caller: &Caller,
        idempotency: Option<&Idempotency>,
        answer: impl Fn(&Outcomes) -> Result<Answer, Problem> + Send + Sync,
    ) -> Result<(Answer, Outcomes), Problem> {
        let mut outcomes: Vec<Option<Result<Signed, Problem>>> = Vec::new();
        let (mut prepared, mut reservations) = (Vec::new(), Vec::new());
        for (place, order) in orders.into_iter().enumerate() {
            match self.prepare(order, caller).await {
                Ok((one, reservation)) => {
                    prepared.push((place, one));
                    reservations.push(reservation);
                    outcomes.push(None);
                }
                Err(problem) => outcomes.push(Some(Err(problem))),
            }
        }
        if reservations.is_empty() {
            return self.nothing_issued(all(outcomes), idempotency, answer).await;
        }
        let with = With { idempotency: idempotency.cloned(), ..With::default() };
        let reserved = match self.store.reserve(reservations, with).await {
            Ok(reserved) => reserved,
            // Another request with this key came between.
            Err(StoreError::InFlight) => match self.repeated(idempotency).await? {
                Some(answer) => return Ok((answer, Vec::new())),
                None => return Err(StoreError::InFlight.into()),
            },
            // Not one of them: each is told so, and nothing is kept.
            Err(
                error @ (StoreError::Conflict(_) | StoreError::Exists(_) | StoreError::NotFound(_)),
            ) => prepared.iter().map(|_| Err(error.clone())).collect(),
            Err(error) => return Err(error.into()),
        };
        let mut to_sign = Vec::new();
        for ((place, prepared), reserved) in prepared.into_iter().zip(reserved) {
            match reserved {
                Ok(()) => to_sign.push((place, prepared)),
                Err(error) => outcomes[place] = Some(Err(error.into())),
            }
        }
        if to_sign.is_empty() {
            return self.nothing_issued(all(outcomes), idempotency, answer).await;
        }
        let attempts = self.sign(to_sign, caller).await?;
        self.keep(attempts, outcomes, caller, idempotency, answer).await
    }

    /// What is answered where nothing was issued, and kept for repetitions if it is an answer and
    /// no refusal.
    pub(crate) async fn nothing_issued(
        &self,
        outcomes: Outcomes,
        idempotency: Option<&Idempotency>,
        answer: impl Fn(&Outcomes) -> Result<Answer, Problem>,
    ) -> Result<(Answer, Outcomes), Problem> {
        let answer = answer(&outcomes)?;
        if let Some(idempotency) = idempotency {
            let with = With {
                idempotency: Some(idempotency.clone()),
                answer: Some(answer.clone()),
                ..With::default()
            };
            self.store.note(with).await?;
        }
        Ok((answer, outcomes))
    }

    async fn prepare(
        &self,
        order: Order,
        caller: &Caller,
    ) -> Result<(Prepared, Reservation), Problem> {
        let list = match order.wants_status() {
            true => self.list_for(&order.issuing).await?,
            false => None,
        };
        prepare(order, list.as_deref(), caller, &self.environment)
    }

    async fn sign(
        &self,
        prepared: Vec<(usize, Prepared)>,
        caller: &Caller,
    ) -> Result<Vec<Attempt>, Problem> {
        let (caller, environment, few) = (
            caller.clone(),
            self.environment,
            prepared.len() <= FEW && prepared.iter().all(|(_, one)| one.is_quick()),
        );
        let sign = move |(place, prepared): (usize, Prepared)| {
            let (id, event) = (prepared.id, prepared.issued_event());
            let signed = prepared.sign(&environment).and_then(|signed| {
                let issued = event.of(signed.secured.clone(), &caller, &environment)?;
                Ok((signed, issued))
            });
            Attempt { place, id, signed }
        };
        if few {
            return Ok(prepared.into_iter().map(sign).collect());
        }
        tokio::task::spawn_blocking(move || prepared.into_iter().map(sign).collect())
            .await
            .map_err(|_| Problem::fault("signing did not come to its end"))
    }

    /// Stores what was signed, with the answer; what failed is given up, so that nothing signed
    /// stays valid that nobody got.
    async fn keep(
        &self,
        attempts: Vec<Attempt>,
        mut outcomes: Vec<Option<Result<Signed, Problem>>>,
        caller: &Caller,
        idempotency: Option<&Idempotency>,
        answer: impl Fn(&Outcomes) -> Result<Answer, Problem> + Send + Sync,
    ) -> Result<(Answer, Outcomes), Problem> {
        let (mut good, mut failed) = (Vec::new(), Vec::new());
        for Attempt { place, id, signed } in attempts {
            outcomes[place] = Some(match signed {
                Ok((signed, issued)) => {
                    good.push((place, issued));
                    Ok(signed)
                }
                Err(problem) => {
                    failed.push(id);
                    Err(problem)
                }
            });
        }
        let mut outcomes = all(outcomes);
        // One that can't be stored any more takes none of the others with it. They and the answer
        // are stored at once: after a crash in between, a repetition would issue them again. An
        // answer is kept even if in the end it tells of refusals alone.
        let answered = loop {
            let answered = answer(&outcomes);
            let Ok(answered) = answered else { break answered };
            let with = With {
                idempotency: idempotency.cloned(),
                answer: Some(answered.clone()),
                ..With::default()
            };
            let issued = good.iter().map(|(_, issued)| issued.clone()).collect();
            let stored = match self.store.commit(issued, with).await {
                Ok(stored) => stored,
                // The janitor gives them up, now or at the next start.
                Err(error @ (StoreError::Stopped(_) | StoreError::Busy)) => {
                    return Err(error.into());
                }
                Err(error) => break Err(error.into()),
            };
            if stored.iter().all(Result::is_ok) {
                metrics::counter!("bonafide_issued_total").increment(good.len() as u64);
                good.clear();
                break Ok(answered);
            }
            let tried = std::mem::take(&mut good);
            for ((place, issued), stored) in tried.into_iter().zip(stored) {
                match stored {
                    Ok(()) => good.push((place, issued)),
                    Err(error) => {
                        outcomes[place] = Err(error.into());
                        failed.push(issued.credential.id);
                    }
                }
            }
        };
        failed.extend(good.iter().map(|(_, issued)| issued.credential.id));
        if !failed.is_empty() {
            self.abandon(failed, caller).await?;
        }
        Ok((answered?, outcomes))
    }

    /// Gives reservations up: they are revoked, and said to be so on the log.
    pub async fn abandon(&self, ids: Vec<Id>, caller: &Caller) -> Result<(), Problem> {
        let (caller, environment) = (caller.clone(), self.environment);
        let each = move |credential: &Credential, _: Status| {
            let mut draft = EventDraft::new("credential-abandoned")
                .with("credential", &credential.id)
                .with("type", &credential.credential_type);
            if let Some(agent) = credential.agent {
                draft = draft.agent(agent);
            }
            draft.finish(&caller, &environment)
        };
        let with = With { each: Some(Box::new(each)), ..With::default() };
        Ok(self.store.abandon(ids, with).await?)
    }

    /// What a request with this key was answered with before, if it was.
    pub async fn repeated(
        &self,
        idempotency: Option<&Idempotency>,
    ) -> Result<Option<Answer>, Problem> {
        let Some(idempotency) = idempotency else { return Ok(None) };
        let Some(answer) = self.store.answer(idempotency)? else { return Ok(None) };
        // It can be read a moment before it is durable; after this it is.
        self.store.note(With::default()).await?;
        Ok(Some(answer))
    }
}

/// Every order has an outcome by now.
fn all(outcomes: Vec<Option<Result<Signed, Problem>>>) -> Outcomes {
    let missing = || Err(Problem::fault("an order has no outcome"));
    outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(missing)).collect()
}
