//! A GPT-2 in a directory, as Hugging Face lays it out: read and written.
//!
//! This is the form in which the world exchanges models. A directory holds a few files, each for one part of a model:
//!
//! ```text
//! config.json             how large the model is: n_embd, n_layer, ...              becomes a Config
//! model.safetensors       the weights, each under its name                          becomes a Gpt2
//!                         (or in several files, with model.safetensors.index.json,
//!                         or in the older pytorch_model.bin)
//! tokenizer.json          the vocabulary, in one file of the `tokenizers` library   \
//! vocab.json              the vocabulary as older models have it: token to id        > becomes a Tokenizer
//! merges.txt              and its merges, one a line, by rank                       /
//! added_tokens.json       in older models: tokens that were added later            /
//! generation_config.json  how to generate; only its end tokens are used here        end_ids
//! ```
//!
//! This file is about the directory. The first two files have a source file each, `config_json.rs` and `parts.rs`. The
//! folder `vocabulary/` handles the next four. `kept.rs` keeps what else such a directory says: a copy of it says the same.
//! `find.rs` is about what people give in place of a directory.
//!
//! Versions 5.23 and 5.24 of the `transformers` library have read what this module writes, with the same logits and ids.
//!
//! [Chapter 14](crate::book::ch14_the_real_gpt2) explains it, and [Models in other files](crate::book::other_files)
//! what may differ from directory to directory.

pub(super) mod config_json;
mod find;
pub(super) mod kept;
mod parts;
pub(super) mod vocabulary;
mod write_parts;

#[cfg(test)]
pub(super) mod tests;

pub(super) use find::{directory, is_a_file};
pub(super) use parts::{find as weights_in, is_index, open as open_weights};
pub use vocabulary::no_vocabulary;
pub(super) use vocabulary::write as write_vocabulary;
pub(crate) use vocabulary::{from_json as vocabulary_from_json, to_json as vocabulary_to_json};
pub(super) use vocabulary::{is_in as has_vocabulary, read as read_vocabulary};

use super::forms::{Form, Opened, Vocabulary};
use super::int8;
use super::json::Json;
use super::safetensors::{self, Dtype, SafeTensors};
use super::weights;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::model::Gpt2;
use crate::text_file;
use crate::tokenizer::Tokenizer;
use config_json::ConfigJson;
pub use kept::Kept;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// Opens the model in `dir`: the configuration and the list of its tensors. `weights` is the file that holds them, if it is
/// not for the directory to say.
///
/// # Errors
///
/// Files that are missing or broken, or a configuration that asks for something that is not known here.
pub(super) fn open(dir: &Path, weights: Option<&Path>) -> Result<Opened> {
    let described = read_config_json(dir)?.described();
    let path = match weights {
        Some(path) => path.to_path_buf(),
        None => parts::find(dir).ok_or_else(|| find::no_weights(dir))?,
    };
    let tensors = parts::open(&path)?;
    Ok(Opened::new(Form::HuggingFace, described, &path, tensors, Vocabulary::Directory(dir.to_path_buf())))
}

/// How large the model in `dir` is.
///
/// # Errors
///
/// A configuration that is missing, broken, or asks for something that is not known here.
pub(super) fn config(dir: &Path) -> Result<Config> {
    Ok(read_config_json(dir)?.config)
}

fn read_config_json(dir: &Path) -> Result<ConfigJson> {
    let path = dir.join("config.json");
    if is_missing(&path) {
        return Err(find::no_config(dir));
    }
    let text = read_text(&path)?;
    if text.trim().is_empty() {
        return Err(Error::file(&path, "is empty; get the file again"));
    }
    ConfigJson::parse(&text).map_err(|e| e.in_file(&path))
}

/// Reads a model from the text of a `config.json` and the bytes of a `model.safetensors`, for a model that is built
/// into the program.
///
/// # Errors
///
/// As [`load`](super::load).
#[doc(hidden)]
pub fn load_from_bytes(config_json: &str, safetensors: &[u8]) -> Result<Gpt2> {
    let json = ConfigJson::parse(config_json).map_err(|e| e.in_file("config.json"))?;
    let path = Path::new("model.safetensors");
    let file = SafeTensors::from_bytes(safetensors).map_err(|e| e.in_file(path))?;
    let (model, _) =
        weights::read(&json.described(), &mut file.into_tensors(path).with_scales()).map_err(|e| e.in_file(path))?;
    Ok(model)
}

/// Whether the file is missing. A file that exists but may not be read is not missing: reading it reports the reason.
fn is_missing(path: &Path) -> bool {
    let metadata = fs::metadata(path);
    metadata.is_err_and(|e| matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory))
}

/// The text of a file, which must be UTF-8, as all JSON is.
fn read_text(path: &Path) -> Result<String> {
    let text = text_file::read(path)?;
    text_file::refuse_byte_order_mark(&text).map_err(|problem| Error::file(path, problem))?;
    Ok(text)
}

fn read_json(path: &Path) -> Result<Json> {
    Json::parse(&read_text(path)?).map_err(|e| e.in_file(path))
}

/// Checks that `dir` holds nothing of a model yet, so [`save`] overwrites nothing.
///
/// # Errors
///
/// If the directory holds one of the files of a model. The error names it.
#[doc(hidden)]
pub fn check_free(dir: impl AsRef<Path>) -> Result<()> {
    let dir = dir.as_ref();
    let files = [
        "model.safetensors",
        "model.safetensors.index.json",
        "pytorch_model.bin",
        "model.bin",
        "model.gguf",
        "config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "vocab.json",
        "merges.txt",
        "added_tokens.json",
        "special_tokens_map.json",
        "generation_config.json",
        "chat_template.jinja",
    ];
    match files.iter().map(|name| dir.join(name)).find(|path| path.exists()) {
        Some(path) => Err(Error::file(path, "is there already; choose another directory")),
        None => Ok(()),
    }
}

/// Writes a model, and its optional vocabulary, as a directory that both [`load`](super::load) and `transformers` can read. A
/// missing directory is created; in an existing one, files are overwritten (see `check_free`).
///
/// `dtype` is what the weights are rounded to: `F32` keeps them as they are. `I8` keeps matrices as whole numbers with
/// scales, and what is left as `F16`; other programs do not read that.
///
/// # Errors
///
/// A vocabulary larger than the model's, a model with [packed](crate::weight) weights, a weight too large for `dtype`,
/// or a refusal of the operating system.
///
/// # Example: write a model, and read it back
///
/// ```
/// use gpt60::checkpoint::{Dtype, load, save};
/// use gpt60::{Config, Gpt2, Rng};
///
/// let dir = std::env::temp_dir().join(format!("gpt60-model-{}", std::process::id()));
/// let model = Gpt2::random(&Config::new(10, 8, 12, 3, 2), &mut Rng::new(1))?;
/// save(&dir, &model, None, Dtype::F32)?;
/// assert_eq!(load(&dir)?.model, model);
/// # std::fs::remove_dir_all(&dir).unwrap();
/// # Ok::<(), gpt60::Error>(())
/// ```
pub fn save(dir: impl AsRef<Path>, model: &Gpt2, tokenizer: Option<&Tokenizer>, dtype: Dtype) -> Result<()> {
    let end_ids: Vec<u32> = tokenizer.and_then(Tokenizer::end_of_text).into_iter().collect();
    write(dir.as_ref(), model, tokenizer, &end_ids, &Kept::default(), Stored { dtype, largest: None })
}

/// How the weights are written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stored {
    /// What the numbers are rounded to.
    pub dtype: Dtype,
    /// How many bytes of numbers a file may have; what is more goes into another. `None`: all is in one file.
    pub largest: Option<u64>,
}

/// Writes a model with its vocabulary, its end ids, and what is kept of the directory from which it comes.
///
/// # Errors
///
/// As [`save`].
pub(crate) fn write(
    dir: &Path,
    model: &Gpt2,
    tokenizer: Option<&Tokenizer>,
    end_ids: &[u32],
    kept: &Kept,
    stored: Stored,
) -> Result<()> {
    let Stored { dtype, largest } = stored;
    if let Some(tokenizer) = tokenizer
        && tokenizer.n_vocab() > model.config.n_vocab
    {
        let (ids, rows) = (tokenizer.n_vocab(), model.config.n_vocab);
        let problem = format!("the vocabulary needs {ids} rows of the embedding, and the model has {rows}");
        return Err(Error::argument("save", problem));
    }
    let tensors = weights::named_for_file(model)?;
    let items = if dtype == Dtype::I8 { int8::items(&tensors)? } else { safetensors::items(&tensors, dtype)? };
    // The transformers library asks which program the file is for: "pt" is PyTorch, and row-major.
    let metadata = [("format".to_string(), "pt".to_string())];
    // Anything that cannot be written is refused before the first file is written.
    let files = write_parts::split(&items, &metadata, largest).map_err(|e| e.in_file(dir.join("model.safetensors")))?;
    let mut small = kept.ending_at(end_ids, tokenizer, model.config.n_vocab)?;
    config_json::fill(small.file(kept::CONFIG), model, dtype);
    if let Some(tokenizer) = tokenizer
        && *kept == Kept::default()
    {
        vocabulary::fill_tokenizer_config(small.file(kept::TOKENIZER), tokenizer);
    }

    fs::create_dir_all(dir).map_err(|e| Error::io(dir, "made", e))?;
    small.write(dir)?;
    if let Some(tokenizer) = tokenizer {
        vocabulary::write(dir, tokenizer)?;
    }
    // Last: if the weights are there, everything is there.
    write_parts::write(dir, &files)
}
