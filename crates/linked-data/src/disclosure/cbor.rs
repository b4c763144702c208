//! The CBOR of selective proofs (RFC 8949), strictly: definite lengths, nothing behind.

use bonafide_core::encoding::{decode_multibase_base64url, encode_multibase_base64url};
use bonafide_proof::data_integrity::ProofError;
use minicbor::data::Type;
use minicbor::{Decoder, Encoder};

use super::invalid;
use crate::MOST_QUADS;

/// No proof value is longer, in characters.
pub(crate) const LONGEST_PROOF_VALUE: usize = 512 << 10;

/// Reads the parts of a proof value, in order.
pub(crate) struct Reader<'b> {
    decoder: Decoder<'b>,
}

fn odd<E>(_: E) -> ProofError {
    invalid("the proof value is not the CBOR that this suite writes")
}

/// The bytes of a proof value, and its header of three bytes.
pub(crate) fn decode(proof_value: &str) -> Result<([u8; 3], Vec<u8>), ProofError> {
    if proof_value.len() > LONGEST_PROOF_VALUE {
        return Err(ProofError::TooLarge {
            what: "characters of proofValue",
            limit: LONGEST_PROOF_VALUE,
        });
    }
    let bytes = decode_multibase_base64url(proof_value)
        .map_err(|error| error.within("proof", "/proofValue"))?;
    match bytes.split_first_chunk::<3>() {
        Some((header, rest)) => Ok((*header, rest.to_vec())),
        None => Err(odd(())),
    }
}

impl<'b> Reader<'b> {
    /// Starts reading an array of `items`.
    pub(crate) fn array_of(bytes: &'b [u8], items: u64) -> Result<Self, ProofError> {
        let mut decoder = Decoder::new(bytes);
        match decoder.array() {
            Ok(Some(found)) if found == items => Ok(Self { decoder }),
            _ => Err(odd(())),
        }
    }

    /// A byte string; the tag of a typed array, which older implementations write, is passed over.
    pub(crate) fn bytes(&mut self) -> Result<&'b [u8], ProofError> {
        if self.decoder.datatype().map_err(odd)? == Type::Tag
            && self.decoder.tag().map_err(odd)?.as_u64() != 64
        {
            return Err(odd(()));
        }
        self.decoder.bytes().map_err(odd)
    }

    /// A byte string of this length.
    pub(crate) fn exactly<const N: usize>(&mut self) -> Result<[u8; N], ProofError> {
        self.bytes()?.try_into().map_err(odd)
    }

    fn number(&mut self) -> Result<usize, ProofError> {
        usize::try_from(self.decoder.u32().map_err(odd)?).map_err(odd)
    }

    /// An array, read item by item.
    pub(crate) fn array<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, ProofError>,
    ) -> Result<Vec<T>, ProofError> {
        let Some(length) = self.decoder.array().map_err(odd)? else { return Err(odd(())) };
        // One for each statement at most; what is read bounds the memory, not what is announced.
        if length > MOST_QUADS as u64 {
            return Err(invalid("a list is longer than there can be statements"));
        }
        let mut items = Vec::new();
        for _ in 0..length {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// An array of numbers.
    pub(crate) fn numbers(&mut self) -> Result<Vec<usize>, ProofError> {
        self.array(Self::number)
    }

    /// An array of texts.
    pub(crate) fn texts(&mut self) -> Result<Vec<String>, ProofError> {
        self.array(|reader| Ok(reader.decoder.str().map_err(odd)?.to_owned()))
    }

    /// A map from 0, 1, 2, … to values, in any order and each once.
    pub(crate) fn numbered<T>(
        &mut self,
        mut value: impl FnMut(&mut Self) -> Result<T, ProofError>,
    ) -> Result<Vec<T>, ProofError> {
        let Some(length) = self.decoder.map().map_err(odd)? else { return Err(odd(())) };
        if length > MOST_QUADS as u64 {
            return Err(invalid("a map is longer than there can be blank nodes"));
        }
        let mut values = std::collections::BTreeMap::new();
        for _ in 0..length {
            if values.insert(self.number()?, value(self)?).is_some() {
                return Err(invalid("a label occurs twice"));
            }
        }
        let whole = values.keys().copied().eq(0..values.len());
        if !whole {
            return Err(invalid("the label map leaves a blank node out"));
        }
        Ok(values.into_values().collect())
    }

    /// A number of a label map.
    pub(crate) fn label(&mut self) -> Result<usize, ProofError> {
        self.number()
    }

    /// That nothing is left.
    pub(crate) fn finish(self) -> Result<(), ProofError> {
        match self.decoder.position() == self.decoder.input().len() {
            true => Ok(()),
            false => Err(odd(())),
        }
    }
}

/// Writes the parts of a proof value, in order.
pub(crate) struct Writer(Encoder<Vec<u8>>);

impl Writer {
    /// Starts an array of `items` behind a header.
    pub(crate) fn array_of(header: [u8; 3], items: u64) -> Self {
        let mut writer = Self(Encoder::new(header.to_vec()));
        let _ = writer.0.array(items);
        writer
    }

    // Writing into a vector can't fail.

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        let _ = self.0.bytes(bytes);
    }

    pub(crate) fn array<T>(&mut self, items: &[T], mut item: impl FnMut(&mut Self, &T)) {
        let _ = self.0.array(items.len() as u64);
        for value in items {
            item(self, value);
        }
    }

    pub(crate) fn number(&mut self, number: usize) {
        let _ = self.0.u64(number as u64);
    }

    pub(crate) fn text(&mut self, text: &str) {
        let _ = self.0.str(text);
    }

    pub(crate) fn numbered<T>(&mut self, values: &[T], mut value: impl FnMut(&mut Self, &T)) {
        let _ = self.0.map(values.len() as u64);
        for (number, item) in values.iter().enumerate() {
            self.number(number);
            value(self, item);
        }
    }

    pub(crate) fn finish(self) -> String {
        encode_multibase_base64url(&self.0.into_writer())
    }
}
