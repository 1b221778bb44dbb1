//! `weights-fetch.sh`: complete, resumed, damaged, refused, interrupted, on a full disk. Only the right file ever gets
//! its name.
//!
//! The script runs against a small server on this machine. The real weights are not here: the tests use a copy of the
//! script with the hashes of the server's files; nothing else is changed.
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
