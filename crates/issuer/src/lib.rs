//! What issues credentials: the formats it signs in and the keys it signs with.

pub mod format;
pub mod keys;
