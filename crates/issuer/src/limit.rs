//! How much each client may ask for.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;

use axum::http::StatusCode;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::id::Id;
use crate::problem::Problem;
use crate::settings::Limits;

/// A bucket for each token, and for each address without one.
pub struct RateLimits {
    tokens: DefaultKeyedRateLimiter<Id>,
    anonymous: DefaultKeyedRateLimiter<IpAddr>,
    refusals: DefaultKeyedRateLimiter<Id>,
}

impl RateLimits {
    /// As the settings say.
    pub fn new(limits: &Limits) -> Self {
        let number = |number: u32| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let per_second =
            |rate: u32, burst: u32| Quota::per_second(number(rate)).allow_burst(number(burst));
        let anonymous = limits.anonymous_per_second;
        Self {
            tokens: RateLimiter::keyed(per_second(limits.requests_per_second, limits.burst)),
            anonymous: RateLimiter::keyed(per_second(anonymous, anonymous.saturating_mul(2))),
            refusals: RateLimiter::keyed(per_second(1, 20)),
        }
    }

    /// One more request with this token.
    pub fn token(&self, id: Id) -> Result<(), Problem> {
        self.tokens.check_key(&id).map_err(|_| too_many("with this token"))
    }

    /// One more request without a token from this address. A client has a whole /64 of IPv6.
    pub fn anonymous(&self, address: IpAddr) -> Result<(), Problem> {
        let address = match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
        };
        self.anonymous.check_key(&address).map_err(|_| too_many("from this address"))
    }

    /// One more refusal of what this token asked for, to be put on the log. Whoever has no id here,
    /// such as an agent that a chain leads to, shares one bucket with all others.
    pub fn refusal(&self, id: Option<Id>) -> Result<(), Problem> {
        let id = id.unwrap_or_else(|| Id::from_bytes([0; 16]));
        self.refusals.check_key(&id).map_err(|_| too_many("were refused"))
    }

    /// Forgets clients that have been quiet.
    pub fn forget(&self) {
        self.tokens.retain_recent();
        self.anonymous.retain_recent();
        self.refusals.retain_recent();
    }
}

fn too_many(which: &str) -> Problem {
    Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        "too-many-requests",
        format!("too many requests {which}; try again in a second"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_no_id_does_not_fill_the_log() {
        let limits = RateLimits::new(&Limits::default());
        let logged = (0..100).filter(|_| limits.refusal(None).is_ok()).count();
        assert!((20..30).contains(&logged), "{logged}");
        assert!(limits.refusal(Some(Id::from_bytes([1; 16]))).is_ok());
    }
}
