//! Checkpoints: a model's weights, settings and vocabulary as files.
//!
//! Read in this order: [`json`], the notation of the small files; [`beside`], how to write a file safely;
//! [`safetensors`], the file of the weights; [`hugging_face`], the directory in which the world exchanges GPT-2s.
//!
//! [Chapter 14](crate::book::ch14_the_real_gpt2) explains it.

pub mod beside;
pub mod hugging_face;
pub mod json;
pub mod safetensors;

pub use beside::{write_beside, write_beside_with};
pub use hugging_face::{Checkpoint, check_free, load, load_from_bytes, load_tokenizer, save};
pub use json::Json;
pub use safetensors::{Dtype, Entry, Header, Metadata, NamedTensors, SafeTensors, read, to_bytes, write};
