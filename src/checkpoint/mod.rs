//! Checkpoints: a model's weights, settings and vocabulary as files.
//!
//! [`load`] and [`save`] handle a whole model in a directory, [`safetensors::read`] and [`safetensors::write()`] a
//! single file of tensors.
//!
//! Read the source in this order: `json/`, the notation of the small files; `beside.rs`, how to write a file safely;
//! [`safetensors`], the file of the weights; `tensors.rs`, tensors in files of any format; `gpt2_names.rs`, under which
//! names the weights lie there; `weights/`, from such tensors to a model; [`hugging_face`], the directory in which the
//! world exchanges GPT-2s; and `load.rs`, how a whole model is read. Then come the other forms in which models are met:
//! `forms/`, with `pytorch/`, the files that came before safetensors, and `blocks.rs`, numbers in a few bits.
//!
//! [Chapter 14](crate::book::ch14_the_real_gpt2) explains it.

mod beside;
mod blocks;
mod forms;
mod gpt2_names;
pub mod hugging_face;
mod inspect;
pub(crate) mod int8;
mod json;
mod load;
mod pytorch;
pub mod safetensors;
mod tensors;
mod weights;

#[doc(hidden)]
pub use beside::write_beside;
pub use forms::gguf::{GgufType, write_gguf};
pub use forms::llm_c::write as write_llm_c;
pub use hugging_face::{Kept, check_free, load_from_bytes, no_vocabulary, save};
pub(crate) use hugging_face::{Stored, vocabulary_from_json, vocabulary_to_json, write};
pub use inspect::{InspectedFile, InspectedTensor, Inspection, inspect};
pub use json::Json;
pub use load::{Checkpoint, load, load_config, load_tokenizer};
pub use safetensors::{Dtype, SafeTensors};
