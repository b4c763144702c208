//! Another key for an agent.

use bonafide_core::json::{Object, Value, to_canonical_string};
use bonafide_core::time::Timestamp;
use bonafide_fetch::Route;

use super::{ClientError, Connection, Issuer, SendRandom};
use crate::error::WalletError;
use crate::present::Shown;
use crate::receive::Received;
use crate::wallet::Wallet;

impl Wallet {
    /// Has an issuer know this agent by another key from now on: the old one asks, the new one shows
    /// that it is held. `new` names a key that is in the wallet already, so that it is not lost with
    /// an answer. What the issuer gave to the old key it revokes; the new identity is kept, the old
    /// key retired, and the new one the default where the old one was.
    ///
    /// # Errors
    ///
    /// [`WalletError::NoCredential`] where no identity of this issuer is held for the old key. After
    /// an answer that was lost, only the issuer's registrar can tell which key it knows.
    pub async fn rotate_key(
        &mut self,
        issuer: &str,
        old: &str,
        new: &str,
        connection: &Connection,
        random: &mut SendRandom<'_>,
        now: Timestamp,
    ) -> Result<Vec<Received>, ClientError> {
        let known = self.known(issuer)?.clone();
        let service = Issuer::of(&known, connection)?;
        let did = self.asking_key(Some(new))?.did.clone();
        let was_default = self.default_key().is_some_and(|key| key.name == old);
        let identity = self.identity(&known.did, old, now).map(|held| held.id.clone());
        let identity = identity.ok_or_else(|| {
            WalletError::NoCredential(format!("of an identity for the key {old}"))
        })?;
        let proof = self.possession(&service, new, now).await?;
        let body = Object::from([("did", Value::from(did)), ("proof", proof)]);
        let asking = super::Asking {
            key: old,
            shown: &[Shown::whole(identity)],
            route: Route::new(&["agents", "me", "keys"]),
            body: Some(to_canonical_string(&body.into())),
            once: None,
        };
        let answer = service.ask(self, asking, random, now).await?;
        let sent = service.credentials(&answer)?;
        let received = self.take_all(&known.name, sent, connection, now).await?;
        if was_default {
            self.set_default_key(new)?;
        }
        self.retire_key(old)?;
        Ok(received)
    }
}
