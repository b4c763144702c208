//! What was sent, told apart by its own types.

use std::borrow::Cow;

use bonafide_core::Malformed;
use bonafide_core::json::{Limits, Value, parse};
use bonafide_core::vc::Enveloped;
use bonafide_proof::jose::{CompactJws, TokenType};
use bonafide_proof::sd_jwt::SdJwt;

use crate::Reason;
use crate::check::{credential, sd_jwt};
use crate::policy::Sizes;

/// One input. A token is what its `typ` says, an object what its `type` says.
pub(crate) enum Input<'i> {
    Credential(Value<'i>),
    CredentialJwt(Cow<'i, str>),
    /// With or without a key binding, which makes it a presentation.
    CredentialSdJwt(Cow<'i, str>),
    Presentation(Value<'i>),
    PresentationJwt(Cow<'i, str>),
    PresentationSdJwt(Cow<'i, str>),
}

impl<'i> Input<'i> {
    pub(crate) fn read(input: &'i [u8], sizes: &Sizes) -> Result<Self, Reason> {
        let most = sizes.presentation.max(sizes.credential);
        Reason::within("the input", input.len(), most)?;
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        if input.iter().find(|byte| !blank(byte)) != Some(&b'{') {
            let token = Self::text(input)?.trim_matches([' ', '\t', '\n', '\r']);
            return Self::of_token(Cow::Borrowed(token), sizes);
        }
        // A short input is granted no more values than a credential may hold.
        let values = Limits::for_size(input.len().max(sizes.credential)).values;
        let value = parse(input, &Limits { values, ..Limits::for_size(most) })
            .map_err(|error| Reason::malformed(Malformed::json("input", &error)))?;
        if let Some(enveloped) = Enveloped::from_value(&value) {
            let enveloped = enveloped.map_err(Reason::malformed)?;
            credential::same_type(&enveloped)?;
            return Self::of_token(Cow::Owned(enveloped.data.to_owned()), sizes);
        }
        // A JWS in one of its JSON forms, which only SD-JWTs have here (RFC 9901, 8).
        if value.get("payload").is_some() && value.get("@context").is_none() {
            let token = sd_jwt::compacted(Self::text(input)?)?.into_owned();
            return Self::of_token(Cow::Owned(token), sizes);
        }
        let types = value.get("type").map(Value::one_or_more).unwrap_or_default();
        if types.iter().any(|name| name.as_str() == Some("VerifiablePresentation")) {
            Reason::within("the presentation", input.len(), sizes.presentation)?;
            return Ok(Self::Presentation(value));
        }
        Reason::within("the credential", input.len(), sizes.credential)?;
        Ok(Self::Credential(value))
    }

    fn text(input: &'i [u8]) -> Result<&'i str, Reason> {
        std::str::from_utf8(input)
            .map_err(|_| Reason::malformed(Malformed::new("input", "not UTF-8")))
    }

    /// A token is what its own `typ` says.
    fn of_token(token: Cow<'i, str>, sizes: &Sizes) -> Result<Self, Reason> {
        let selective = token.contains('~');
        let typ = match selective {
            true => SdJwt::peek_typ(&token),
            false => CompactJws::peek_typ(&token),
        };
        let presentation =
            |token: &str| Reason::within("the presentation", token.len(), sizes.presentation);
        match (typ.as_deref(), selective) {
            (Some(typ), false) if typ == TokenType::VP.typ => {
                presentation(&token)?;
                Ok(Self::PresentationJwt(token))
            }
            (Some(typ), true) if typ == TokenType::VP_SD_JWT.typ => {
                presentation(&token)?;
                Ok(Self::PresentationSdJwt(token))
            }
            (Some(typ), true)
                if [TokenType::VC_SD_JWT.typ, TokenType::DC_SD_JWT.typ].contains(&typ) =>
            {
                Ok(Self::CredentialSdJwt(token))
            }
            (Some(typ), false) if typ == TokenType::VC.typ => Ok(Self::CredentialJwt(token)),
            (Some(typ), selective) => {
                let expected = match selective {
                    true => [TokenType::VC_SD_JWT, TokenType::VP_SD_JWT],
                    false => [TokenType::VC, TokenType::VP],
                };
                Err(Reason::TypMismatch {
                    expected: expected.map(|known| known.typ).join(" or "),
                    found: Some(typ.chars().take(64).collect()),
                })
            }
            (None, true) => Ok(Self::CredentialSdJwt(token)),
            (None, false) if token.bytes().filter(|byte| *byte == b'.').take(3).count() == 2 => {
                Ok(Self::CredentialJwt(token))
            }
            (None, false) => Err(Reason::malformed(Malformed::new(
                "input",
                "expected a JSON object, a compact JWT or an SD-JWT",
            ))),
        }
    }
}
