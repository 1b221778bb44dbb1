//! Learning: from random weights to a model, by trying to predict text.
//!
//! The whole method fits in four lines, repeated a few thousand times:
//!
//! 1. take a random piece of text and let the model predict every next token in it ([`batches`], [`crate::Gpt2`]);
//! 2. measure how surprised it was by the tokens that really came next ([`loss`]);
//! 3. compute, for every parameter, how a small change to it would change that surprise (every layer's `backward`);
//! 4. change every parameter a little in the direction that lowers the surprise ([`adamw`], with the step size from
//!    [`schedule`]; or [`muon`] for the matrices).
//!
//! [`step`] puts these together, in memory; [`run`] adds a directory, and `state.rs` keeps the run safe in it;
//! [`changes`] says what may be different when it is resumed; [`grow`] makes a model deeper, to train it on. Start with
//! [`loss`].
//!
//! [Chapter 13](crate::book::ch13_training) explains it.

pub mod adamw;
pub mod batches;
pub mod changes;
mod claim;
pub mod grow;
pub mod loss;
mod loss_file;
mod memory;
pub mod muon;
pub mod run;
pub mod schedule;
pub mod settings;
pub mod state;
pub mod step;
