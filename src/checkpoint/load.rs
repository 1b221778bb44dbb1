//! From a path to a whole model, whatever its form.
//!
//! `forms/` finds out what is at the path and opens it, `weights/` reads its numbers, and the vocabulary comes from
//! wherever that form keeps it. What comes out is a [`Checkpoint`]: all that is needed to write text.
//!
//! [Chapter 14](crate::book::ch14_the_real_gpt2) explains it.

use super::hugging_face::{Kept, Stored, write};
use super::safetensors::Dtype;
use super::{forms, weights};
use crate::config::Config;
use crate::error::Result;
use crate::model::Gpt2;
use crate::tokenizer::Tokenizer;
use std::path::Path;

/// A model with everything that belongs to it.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// The model.
    pub model: Gpt2,
    /// Its vocabulary, if there is one.
    pub tokenizer: Option<Tokenizer>,
    /// The ids that end a text. The list may be empty.
    pub end_ids: Vec<u32>,
    /// What was left out or changed while reading, a line each.
    pub notes: Vec<String>,
    /// What else its directory says, for a copy of it.
    pub kept: Kept,
}

impl Checkpoint {
    /// A model that comes from no directory. Its texts end at the vocabulary's `<|endoftext|>`.
    #[must_use]
    pub fn new(model: Gpt2, tokenizer: Option<Tokenizer>) -> Checkpoint {
        let end_ids = tokenizer.iter().filter_map(Tokenizer::end_of_text).collect();
        Checkpoint { model, tokenizer, end_ids, notes: Vec::new(), kept: Kept::default() }
    }

    /// Writes everything as a directory that [`load`] and `transformers` read: [`save`](super::save) with the end ids and with all
    /// that the directory said from which the model comes.
    ///
    /// # Errors
    ///
    /// As [`save`](super::save).
    ///
    /// # Example: a copy with one more end token
    ///
    /// ```
    /// use gpt60::checkpoint::{Dtype, load};
    ///
    /// let dir = std::env::temp_dir().join(format!("gpt60-copy-{}", std::process::id()));
    /// let mut story = gpt60::storybook::load();
    /// story.end_ids.push(13);
    /// story.save(&dir, Dtype::F16)?;
    /// assert_eq!(load(&dir)?.end_ids, story.end_ids);
    /// # std::fs::remove_dir_all(&dir).unwrap();
    /// # Ok::<(), gpt60::Error>(())
    /// ```
    pub fn save(&self, dir: impl AsRef<Path>, dtype: Dtype) -> Result<()> {
        self.save_in_parts(dir, dtype, None)
    }

    /// [`Checkpoint::save`], with the weights in several files, of which none has more than `largest` bytes of numbers
    /// unless a single tensor has. An index says which tensor is in which file.
    ///
    /// # Errors
    ///
    /// As [`Checkpoint::save`].
    pub fn save_in_parts(&self, dir: impl AsRef<Path>, dtype: Dtype, largest: Option<u64>) -> Result<()> {
        let stored = Stored { dtype, largest };
        write(dir.as_ref(), &self.model, self.tokenizer.as_ref(), &self.end_ids, &self.kept, stored)
    }

    /// The id that stands before every text, with which a text from nothing begins: the configuration's `bos_token_id`,
    /// or else the vocabulary's `<|endoftext|>`.
    #[must_use]
    pub fn begin_id(&self) -> Option<u32> {
        let said = self.kept.id("bos_token_id").filter(|&id| (id as usize) < self.model.config.n_vocab);
        said.or_else(|| self.tokenizer.as_ref().and_then(Tokenizer::end_of_text))
    }

    /// A token for the eye: its text in quotes, because many begin with a space; without a vocabulary, its id.
    ///
    /// # Example: a token of the storybook
    ///
    /// ```
    /// let mut story = gpt60::storybook::load();
    /// let id = story.tokenizer.as_ref().unwrap().encode(" fox")[0];
    /// assert_eq!(story.token_name(id), "\" fox\"");
    /// story.tokenizer = None;
    /// assert_eq!(story.token_name(7), "token 7");
    /// ```
    #[must_use]
    pub fn token_name(&self, id: u32) -> String {
        match self.tokenizer.as_ref().and_then(|tokenizer| tokenizer.token_bytes(id)) {
            Some(bytes) => format!("{:?}", String::from_utf8_lossy(bytes)),
            None => format!("token {id}"),
        }
    }
}

/// Reads the model at `path`: a directory in the form of Hugging Face, or a model in one of the other forms of which
/// [Models in other files](crate::book::other_files) has a table, by its file or by the directory with it. The contents
/// of a file decide what it is, not its name.
///
/// The path may also be a model's folder in the cache of the Hugging Face hub: its snapshot is read.
///
/// In a directory, the vocabulary comes from `tokenizer.json`, otherwise from `vocab.json` and `merges.txt` (which OpenAI
/// called `encoder.json` and `vocab.bpe`), otherwise from `merges.txt` alone with OpenAI's numbering. A directory with none
/// of them is a model that works with ids only.
///
/// # Errors
///
/// Files that are missing or broken, tensors that are missing or do not have the shape in the configuration, weights that
/// are NaN or infinite or need more memory than there is, a configuration that asks for something that is not known
/// here, a vocabulary that is larger than the model's. The error names the file, what was found and what was expected.
pub fn load(path: impl AsRef<Path>) -> Result<Checkpoint> {
    let path = path.as_ref();
    let mut opened = forms::find(path)?.open()?;
    let (model, notes) = weights::read(&opened.described, &mut opened.tensors).map_err(|e| e.in_file(&opened.path))?;
    opened.notes.extend(notes);
    let (tokenizer, kept) = opened.vocabulary()?;
    opened.notes.extend(kept.note_on_choosing());
    let end_ids = kept.end_ids(tokenizer.as_ref(), model.config.n_vocab).map_err(|e| e.in_file(path))?;
    Ok(Checkpoint { model, tokenizer, end_ids, notes: opened.notes, kept })
}

/// Reads only the vocabulary of the model at `path`, when the weights are large or missing. `None` without a vocabulary.
///
/// # Errors
///
/// As [`load`], as far as the configuration and the vocabulary are concerned.
pub fn load_tokenizer(path: impl AsRef<Path>) -> Result<Option<Tokenizer>> {
    forms::find(path.as_ref())?.tokenizer()
}

/// Reads only how large the model at `path` is.
///
/// # Errors
///
/// As [`load`], as far as the configuration is concerned.
#[doc(hidden)]
pub fn load_config(path: impl AsRef<Path>) -> Result<Config> {
    forms::find(path.as_ref())?.config()
}
