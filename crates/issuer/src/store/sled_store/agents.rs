//! Agents as they were last committed. Every issuance asks for one, and while a group is applied the
//! database answers nobody.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use crate::id::Id;
use crate::store::{Agent, StoreError};

/// How many are remembered.
const MOST: usize = 50_000;

#[derive(Default)]
pub(super) struct Agents(RwLock<HashMap<Id, Agent>>);

impl Agents {
    /// The agent, read by `read` if it is not remembered.
    pub(super) fn find(
        &self,
        id: Id,
        read: impl FnOnce() -> Result<Option<Agent>, StoreError>,
    ) -> Result<Option<Agent>, StoreError> {
        if let Some(agent) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&id) {
            return Ok(Some(agent.clone()));
        }
        // Held while reading: what is committed meanwhile is put here after it.
        let mut agents = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let found = read()?;
        if let Some(agent) = &found {
            if agents.len() >= MOST {
                agents.clear();
            }
            agents.insert(id, agent.clone());
        }
        Ok(found)
    }

    /// An agent was committed.
    pub(super) fn committed(&self, agent: Agent) {
        let mut agents = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if agents.len() >= MOST {
            agents.clear();
        }
        agents.insert(agent.id, agent);
    }
}
