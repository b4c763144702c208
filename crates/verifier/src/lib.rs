//! Whether to believe what an agent presents, and what it may therefore do.
//!
//! [`verify`] is a pure function: everything it knows is in its arguments, the clock included. It
//! needs no network. What it answers is a [`Verdict`]: an outcome, every check with its reasons,
//! and the permission level that the service's own [`Policy`] grants.
//!
//! ```
//! use bonafide_core::time::Timestamp;
//! use bonafide_verifier::{Bundle, Evidence, Outcome, Policy, Request, verify};
//!
//! # let scene = bonafide_testkit::scene();
//! # let (policy_toml, bundle_jws, presentation) =
//! #     (scene.policy_toml(), scene.bundle(), scene.presentation_of_platinum());
//! # let today = bonafide_testkit::NOW;
//! // Once: the service's policy, and a trust bundle that a signer named in it has signed.
//! let policy = Policy::from_toml(&policy_toml)?;
//! let bundle = Bundle::open(bundle_jws.as_bytes(), &policy)?;
//! let evidence = Evidence::new().with_bundle(&bundle);
//!
//! // For each call: what is asked, what the agent answered with, and the time.
//! let request = Request::new()
//!     .audience("https://pay.example")
//!     .nonce("9f1c2d")
//!     .action("payments.execute");
//! let now = Timestamp::parse(today)?;
//! let verdict = verify(presentation.as_bytes(), &request, &evidence, &policy, now);
//!
//! assert_eq!(verdict.outcome(), Outcome::Accepted);
//! assert_eq!(verdict.level(), Some("sensitive"));
//! for reason in verdict.reasons() {
//!     println!("{}: {reason}", reason.code());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bundle;
mod cache;
mod check;
mod effective;
mod evidence;
mod history;
mod input;
mod pipeline;
pub mod policy;
mod reason;
mod request;
mod seen;
mod verdict;

pub use bundle::{BUNDLE_TOKEN, Bundle, BundleContent, BundleDraft};
pub use cache::{KeyCache, SignatureCache};
pub use check::Verified;
pub use effective::{ChainLink, Effective, Obligation};
pub use evidence::Evidence;
pub use pipeline::{ProofReport, verify, verify_proof};
pub use policy::Policy;
pub use reason::{Effect, Reason};
pub use request::Request;
pub use seen::{MemorySeen, Observation, Seen, SeenError, Sighting};
pub use verdict::{
    Check, CheckName, CheckOutcome, DidVersion, Lack, Mode, Outcome, Part, RungReport,
    VERDICT_SCHEMA, Verdict,
};
