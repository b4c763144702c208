//! The cryptosuites that sign RDF: eddsa-rdfc-2022, ecdsa-rdfc-2019, ecdsa-sd-2023 and bbs-2023.
//!
//! JSON goes in and JSON comes out; how it is read as RDF stays inside. Contexts are pinned
//! ([`contexts`]), nothing is fetched, and a document in which anything would not be signed is
//! refused. Hand [`SUITES`] to the verifier to have these suites beside those of
//! `bonafide-proof`.

pub mod contexts;
#[doc(hidden)]
pub mod disclosure;
mod document;
pub mod inline;
mod json_ld;
pub mod rdf;
mod suite;

use bonafide_proof::data_integrity::{Suite, Suites};

pub use document::{LARGEST_DOCUMENT, MOST_VALUES};
pub use json_ld::MOST_QUADS;
pub use suite::bbs;

use contexts::Contexts;
use suite::bbs::Bbs2023;
use suite::ecdsa_sd::EcdsaSd2023;
use suite::rdfc::RdfcSuite;

/// Every suite: those of `bonafide-proof` first, so that they stay the default for their keys.
pub const SUITES: Suites = Suites(&ALL);

static EDDSA_RDFC_2022: RdfcSuite<'static> = RdfcSuite::eddsa_rdfc_2022(Contexts::pinned);
static ECDSA_RDFC_2019: RdfcSuite<'static> = RdfcSuite::ecdsa_rdfc_2019(Contexts::pinned);
static ED25519_SIGNATURE_2020: RdfcSuite<'static> =
    RdfcSuite::ed25519_signature_2020(Contexts::pinned);
static ECDSA_SD_2023: EcdsaSd2023<'static> = EcdsaSd2023::new(Contexts::pinned);
static BBS_2023: Bbs2023 = Bbs2023::new(Contexts::pinned);

static ALL: [&dyn Suite; 7] = [
    Suites::JCS.0[0],
    Suites::JCS.0[1],
    &EDDSA_RDFC_2022,
    &ECDSA_RDFC_2019,
    &ECDSA_SD_2023,
    &BBS_2023,
    &ED25519_SIGNATURE_2020,
];

/// The steps inside of the suites, for tests against published intermediate values and for
/// measuring each alone.
#[doc(hidden)]
pub mod steps {
    pub use crate::disclosure::{Labelled, Labels, Selection, relabelled, select};
    pub use crate::document::check;
    pub use crate::json_ld::{Expanded, expanded};
    pub use crate::suite::bbs::{
        BaseProof as BbsBaseProof, DerivedProof as BbsDerivedProof, Opened as BbsOpened,
    };
    pub use crate::suite::ecdsa_sd::{BaseProof, DerivedProof, EcdsaSd2023};
    pub use crate::suite::rdfc::RdfcSuite;
    pub use crate::suite::{bbs::Bbs2023, canonical, configuration, unsecured};
}

#[cfg(test)]
mod tests;
