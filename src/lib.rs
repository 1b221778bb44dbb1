//! GPT-2 from bytes to trained weights, on nothing but `std`: a textbook that runs.

#![deny(unsafe_code)]
#![deny(missing_docs)]

pub mod close;
mod error;
mod rng;
pub mod tokenizer;

pub use error::{Error, Result};
pub use rng::Rng;
