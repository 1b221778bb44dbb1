//! `weights-fetch.sh`: whole, resumed, damaged, refused, interrupted, on a full disk. Nothing but the right file ever gets
//! its name.
//!
//! The script runs against a small server on this machine. The real weights are not here, so a copy of the script is used in
//! which their hashes are replaced by those of the server's files; nothing else is changed.
#![cfg(unix)]

#[path = "../common/examples.rs"]
mod examples;

// The stage: what is on record, a server, and a machine with some of the tools.
mod machine;
mod record;
mod server;

// The tests.
mod refused;
mod resumed;
mod whole;
