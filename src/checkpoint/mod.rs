//! Checkpoints: a model's weights, settings and vocabulary as files.
//!
//! [`load`] and [`save`] handle a whole model in a directory, [`safetensors::read`] and [`safetensors::write()`] a
//! single file of tensors.
//!
//! Read the source in this order: `json/`, the notation of the small files; `beside.rs`, how to write a file safely;
//! [`safetensors`], the file of the weights; `tensors.rs`, tensors in files of any format; `pytorch/`, the files that came
//! before safetensors; `gpt2_names.rs`, under which names the weights lie there; [`hugging_face`], the directory in which
//! the world exchanges GPT-2s.
//!
//! [Chapter 14](crate::book::ch14_the_real_gpt2) explains it.

mod beside;
mod blocks;
mod gpt2_names;
pub mod hugging_face;
mod json;
mod pytorch;
pub mod safetensors;
mod tensors;

#[doc(hidden)]
pub use beside::write_beside;
pub use hugging_face::{Checkpoint, Kept, check_free, load, load_from_bytes, load_tokenizer, save};
pub use json::Json;
pub use safetensors::{Dtype, SafeTensors};
