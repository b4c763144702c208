//! What must be refused, each with its reason, through the library and the command line.
//!
//! The numbers are those of the threat model; each test names its row.

mod bundles;
mod canary;
mod chain_parts;
mod chains;
mod complexity;
mod cross_protocol;
mod disclosure;
mod exchange;
mod histories;
mod history_work;
mod holders;
mod issuers;
mod jose;
mod json;
mod keys;
mod linked_data;
mod logs;
mod proofs;
mod replay;
mod sd_jwt;
mod sd_jwt_disclosures;
mod sd_jwt_hiding;
mod secrets;
mod spellings;
mod status;
mod status_tokens;
mod stripped;
mod time;
mod tokens;
mod wallet_secrets;
