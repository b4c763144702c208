//! From host names to addresses, and the guard that looks at every one of them.

use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::address::is_public;

/// The addresses of a host name, once they are known.
pub type Looking = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// How the addresses of a host name are found.
///
/// What is found is not trusted: the client's rules for addresses hold for it.
pub trait Lookup: Send + Sync + 'static {
    /// Looks up `host`, a name in lower case.
    fn lookup(&self, host: &str) -> Looking;
}

/// As the operating system does it.
pub(crate) struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, host: &str) -> Looking {
        let host = host.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// Why a name leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("{0} is not a public address")]
    NotPublic(IpAddr),
    #[error("{0}")]
    Unresolved(String),
}

/// The only resolver that the HTTP client knows: what it lets through is what is connected to, so
/// that an answer can't change between the check and the connection.
pub(crate) struct Guard {
    pub(crate) lookup: Arc<dyn Lookup>,
    pub(crate) allow_private: bool,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let looking = self.lookup.lookup(name.as_str());
        let allow_private = self.allow_private;
        Box::pin(async move {
            match admit(looking.await, allow_private) {
                Ok(addresses) => Ok(Box::new(addresses.into_iter()) as Addrs),
                Err(refused) => Err(Box::new(refused) as Box<dyn Error + Send + Sync>),
            }
        })
    }
}

/// One address that is not public spoils the answer: whoever mixes them wants us to pick it.
fn admit(answer: io::Result<Vec<IpAddr>>, allow_private: bool) -> Result<Vec<SocketAddr>, Refused> {
    let addresses = answer.map_err(|error| Refused::Unresolved(error.to_string()))?;
    if addresses.is_empty() {
        return Err(Refused::Unresolved("no address".to_owned()));
    }
    if let Some(address) = addresses.iter().find(|address| !allow_private && !is_public(**address))
    {
        return Err(Refused::NotPublic(*address));
    }
    // The client puts in the URL's port for 0.
    Ok(addresses.into_iter().map(|address| SocketAddr::new(address, 0)).collect())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::Mutex;

    use super::*;

    const PUBLIC: IpAddr = IpAddr::V4(Ipv4Addr::new(8, 8, 8, 8));
    const PRIVATE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));

    /// Gives one answer after the other, the last one first.
    struct Answers(Mutex<Vec<Vec<IpAddr>>>);

    impl Lookup for Answers {
        fn lookup(&self, _: &str) -> Looking {
            let answer = self.0.lock().unwrap().pop().unwrap_or_default();
            Box::pin(async move { Ok(answer) })
        }
    }

    async fn resolve(guard: &Guard) -> Result<Vec<SocketAddr>, String> {
        match guard.resolve("rebind.example".parse().unwrap()).await {
            Ok(addresses) => Ok(addresses.collect()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[tokio::test]
    async fn every_answer_is_looked_at_anew() {
        let answers = vec![vec![], vec![PUBLIC, PRIVATE], vec![PRIVATE], vec![PUBLIC]];
        let guard = Guard { lookup: Arc::new(Answers(Mutex::new(answers))), allow_private: false };
        // What passes is the very answer that was looked at.
        assert_eq!(resolve(&guard).await, Ok(vec![SocketAddr::new(PUBLIC, 0)]));
        let refused = Err("10.0.0.1 is not a public address".to_owned());
        assert_eq!(resolve(&guard).await, refused);
        assert_eq!(resolve(&guard).await, refused);
        assert_eq!(resolve(&guard).await, Err("no address".to_owned()));
    }
}
