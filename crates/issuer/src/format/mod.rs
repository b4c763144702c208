//! The formats in which a credential is secured here, in one table, and [`secure`], which signs in
//! any of them.

mod secure;

use bonafide_core::Malformed;
use bonafide_core::json::Value;
use bonafide_core::key::KeyType;
use bonafide_core::vc::{DC_SD_JWT, Unverified, VC_JWT, VC_SD_JWT};
use bonafide_linked_data::SUITES;
use bonafide_proof::algorithm::Algorithm;
use bonafide_proof::data_integrity::Suite;

pub(crate) use secure::secure_with;
pub use secure::{MOST_DECOYS, SecureError, Selective, secure, suite_for};

/// The media type of a credential with an embedded proof (VCDM 2.0, C.1).
const VC: &str = "application/vc";

/// How a credential is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Data Integrity over canonical JSON, Ed25519.
    EddsaJcs2022,
    /// Data Integrity over canonical JSON, P-256 or P-384.
    EcdsaJcs2019,
    /// Data Integrity over RDF, Ed25519.
    EddsaRdfc2022,
    /// Data Integrity over RDF, P-256 or P-384.
    EcdsaRdfc2019,
    /// Data Integrity, a part of which its holder can hide, P-256.
    EcdsaSd2023,
    /// Data Integrity, a part of which its holder can hide without being linkable, BLS12-381.
    Bbs2023,
    /// A JWT of a credential of the data model (VC-JOSE-COSE, 3.1.1).
    VcJwt,
    /// An SD-JWT of a credential of the data model (VC-JOSE-COSE, 3.2.1).
    VcSdJwt,
    /// An SD-JWT VC, which is not of the data model.
    DcSdJwt,
    /// The older proof of Ed25519 over RDF. The document has to name the context that defines it,
    /// `https://w3id.org/security/suites/ed25519-2020/v1`.
    Ed25519Signature2020,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 10] = [
        Self::EddsaJcs2022,
        Self::EcdsaJcs2019,
        Self::EddsaRdfc2022,
        Self::EcdsaRdfc2019,
        Self::EcdsaSd2023,
        Self::Bbs2023,
        Self::VcJwt,
        Self::VcSdJwt,
        Self::DcSdJwt,
        Self::Ed25519Signature2020,
    ];

    /// Its name: of the cryptosuite, or the `typ` of the token.
    pub fn name(self) -> &'static str {
        match self {
            Self::EddsaJcs2022 => "eddsa-jcs-2022",
            Self::EcdsaJcs2019 => "ecdsa-jcs-2019",
            Self::EddsaRdfc2022 => "eddsa-rdfc-2022",
            Self::EcdsaRdfc2019 => "ecdsa-rdfc-2019",
            Self::EcdsaSd2023 => "ecdsa-sd-2023",
            Self::Bbs2023 => "bbs-2023",
            Self::VcJwt => "vc+jwt",
            Self::VcSdJwt => "vc+sd-jwt",
            Self::DcSdJwt => "dc+sd-jwt",
            Self::Ed25519Signature2020 => "Ed25519Signature2020",
        }
    }

    /// The name without the `+` that shells and URLs trip over.
    pub fn alias(self) -> Option<&'static str> {
        match self {
            Self::VcJwt => Some("vc-jwt"),
            Self::VcSdJwt => Some("vc-sd-jwt"),
            Self::DcSdJwt => Some("dc-sd-jwt"),
            _ => None,
        }
    }

    /// The format with this name or alias.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == text || known.alias() == Some(text))
    }

    /// Whether it is a token rather than a document with a proof.
    pub fn is_token(self) -> bool {
        self == Self::VcJwt || self.is_sd_jwt()
    }

    /// Whether it is an SD-JWT, which alone has decoys.
    pub fn is_sd_jwt(self) -> bool {
        matches!(self, Self::VcSdJwt | Self::DcSdJwt)
    }

    /// Whether its holder can hide a part.
    pub fn is_selective(self) -> bool {
        matches!(self, Self::EcdsaSd2023 | Self::Bbs2023) || self.is_sd_jwt()
    }

    /// The cryptosuite; `None` for tokens.
    pub fn suite(self) -> Option<&'static dyn Suite> {
        if self.is_token() { None } else { SUITES.by_name(self.name()).ok() }
    }

    /// Whether keys of this type sign in this format.
    pub fn accepts(self, key_type: KeyType) -> bool {
        match self.suite() {
            Some(suite) => suite.accepts(key_type).is_ok(),
            None => self.is_token() && Algorithm::of(key_type).is_some(),
        }
    }

    /// The format in which a key of this type signs if nobody chose; `None` for keys that don't.
    pub fn default_for(key_type: KeyType) -> Option<Self> {
        Self::parse(SUITES.for_key(key_type)?.name())
    }

    /// The media type of what is secured.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::VcJwt => VC_JWT,
            Self::VcSdJwt => VC_SD_JWT,
            Self::DcSdJwt => DC_SD_JWT,
            _ => VC,
        }
    }

    /// Refuses a credential of a version that this format does not secure: a token's payload is of
    /// version 2.0 of the data model.
    pub fn check_version(self, document: &Value<'_>) -> Result<(), Malformed> {
        if self.is_token() { Unverified::from_value(document)?.require_v2() } else { Ok(()) }
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests;
