//! Published status of credentials: Bitstring Status List 1.0.

mod bitstring;

pub use bitstring::{
    BitstringStatusEntry, BitstringStatusListCredential, FEWEST_ENTRIES, LARGEST_LIST_BYTES,
    StatusBits, StatusListError, StatusPurpose,
};
