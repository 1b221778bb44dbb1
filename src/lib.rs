//! GPT-2 from bytes to trained weights, on nothing but `std`: a textbook that runs.

#![deny(unsafe_code)]
#![deny(missing_docs)]

pub mod book;
pub mod checkpoint;
pub mod cli;
pub mod close;
pub mod generate;
pub mod kernels;
pub mod layers;
pub mod storybook;
pub mod tokenizer;
pub mod train;

mod config;
mod error;
mod kv_cache;
mod model;
mod probe;
mod rng;
mod tensor;

pub use config::Config;
pub use error::{Error, Result};
pub use kv_cache::{KvCache, LayerCache};
pub use model::{Gpt2, Saved};
pub use probe::Probe;
pub use rng::Rng;
pub use tensor::{Tensor, argmax};
