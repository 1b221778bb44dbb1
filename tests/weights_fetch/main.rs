//! `weights-fetch.sh`: complete, resumed, damaged, refused, interrupted, on a full disk. Only the right file ever gets
//! its name. And any repository of the hub: what is taken of it, and what is not.
//!
//! The script runs against a small server on this machine. The real weights are not here: the tests use a copy of the
//! script with the hashes of the server's files; nothing else is changed.
#![cfg(unix)]

#[path = "../common/examples.rs"]
mod examples;

// The stage: what is on record, a server, a machine with some of the tools, and a repository of the hub.
mod hub;
mod machine;
mod record;
mod server;

// The tests.
mod hub_refused;
mod hub_token;
mod hub_whole;
mod refused;
mod resumed;
mod whole;
