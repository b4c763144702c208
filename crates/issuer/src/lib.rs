//! bonafide: the issuer.
