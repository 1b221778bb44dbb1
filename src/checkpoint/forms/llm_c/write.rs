//! Writing the files of llm.c: the model, and its vocabulary.
//!
//! The vocabulary of llm.c only turns ids into text:
//!
//! ```text
//! bytes 0 to 1023    256 integers of 4 bytes: 20240328, the version 2, n_vocab, the id that ends a text; then zeros
//! from 1024 on       for each token its length, one byte, and its bytes
//! ```
//!
//! A program that encodes needs the merges too, so the usual files of a vocabulary are written beside it.

use super::{HEADER, Header, MAGIC, VERSIONS};
use crate::checkpoint::beside::{write_beside, write_beside_with};
use crate::checkpoint::gpt2_names::is_linear;
use crate::checkpoint::hugging_face::write_vocabulary;
use crate::checkpoint::load::Checkpoint;
use crate::checkpoint::safetensors::Dtype;
use crate::checkpoint::safetensors::dtype::encode;
use crate::checkpoint::tensors::in_order_of_file;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::tokenizer::Tokenizer;
use std::fs;
use std::path::Path;

/// To what the rows of the table are padded.
const PADDED_TO: usize = 128;
/// The names of the files.
const MODEL: &str = "model.bin";
const TOKENIZER: &str = "gpt2_tokenizer.bin";
/// The number with which a vocabulary begins.
const TOKENIZER_MAGIC: u32 = 20_240_328;

/// Writes a model as the file `model.bin` of the directory `dir`, in llm.c's form, with numbers of `F32` or `Bf16`; and its
/// vocabulary, if it has one, as llm.c's `gpt2_tokenizer.bin` and in its usual files.
///
/// # Errors
///
/// A model that llm.c does not compute (another activation or scale, an MLP of another width, a head of its own), one with
/// [packed](crate::weight) weights, another `dtype`, a weight too large for it, a token of more than 255 bytes; or a
/// refusal of the operating system.
///
/// # Example: the storybook for llm.c
///
/// ```
/// use gpt60::checkpoint::{Dtype, load, write_llm_c};
///
/// let dir = std::env::temp_dir().join(format!("gpt60-llm-c-{}", std::process::id()));
/// let story = gpt60::storybook::load();
/// write_llm_c(&dir, &story, Dtype::F32)?;
/// assert_eq!(load(&dir)?.model, story.model);
/// # std::fs::remove_dir_all(&dir).unwrap();
/// # Ok::<(), gpt60::Error>(())
/// ```
pub fn write(dir: impl AsRef<Path>, checkpoint: &Checkpoint, dtype: Dtype) -> Result<()> {
    let dir = dir.as_ref();
    let header = header_of(checkpoint, dtype)?;
    let parameters = checkpoint.model.parameters()?;
    parameters.iter().try_for_each(|(name, tensor)| dtype.check_fits(name, tensor.data()))?;
    let tokenizer = checkpoint.tokenizer.as_ref();
    let vocabulary = tokenizer.map(|tokenizer| vocabulary(tokenizer, header.config.n_vocab)).transpose()?;

    fs::create_dir_all(dir).map_err(|e| Error::io(dir, "made", e))?;
    if let (Some(tokenizer), Some(bytes)) = (tokenizer, vocabulary) {
        write_vocabulary(dir, tokenizer)?;
        write_beside(dir.join(TOKENIZER), &bytes)?;
    }
    write_beside_with(&dir.join(MODEL), |file| {
        file.write_all(&header.bytes())?;
        let mut bytes = Vec::new();
        for (name, shape, n_rows) in header.order() {
            let Some((_, tensor)) = parameters.iter().find(|(found, _)| *found == name) else { continue };
            in_order_of_file(tensor, is_linear(&name), |numbers| {
                bytes.clear();
                encode(numbers, dtype, &mut bytes);
                file.write_all(&bytes)
            })?;
            let n_padding = n_rows * shape[1..].iter().product::<usize>() - tensor.len();
            file.write_all(&vec![0; n_padding * dtype.bits() / 8])?;
        }
        Ok(())
    })
}

/// The header for this model, if llm.c can run it.
fn header_of(checkpoint: &Checkpoint, dtype: Dtype) -> Result<Header> {
    let fail = |problem: &str| Err(Error::argument("llm.c", problem));
    let config = checkpoint.model.config;
    if !VERSIONS.iter().any(|(_, known)| *known == dtype) {
        return fail("its numbers can be F32 or BF16");
    }
    if !config.is_gpt2() {
        return fail(
            "it computes GPT-2's own activation and scale of scores only, and this model has another: export it as hf",
        );
    }
    let own = Config::new(config.n_vocab, config.n_ctx, config.n_embd, config.n_head, config.n_layer);
    if config.n_inner != own.n_inner || config.layer_norm_epsilon != own.layer_norm_epsilon {
        return fail(
            "its MLP is four times as wide as n_embd, with a layer_norm_epsilon of 1e-5, and this model's is not: export it as hf",
        );
    }
    if checkpoint.model.lm_head.is_some() {
        return fail("its head is the table once more, and this model has a head of its own: export it as hf or gguf");
    }
    let sizes = [config.n_vocab, config.n_ctx, config.n_embd, config.n_head, config.n_layer];
    if sizes.iter().any(|&n| i32::try_from(n.next_multiple_of(PADDED_TO)).is_err()) {
        return fail("a size of this model does not fit into the header");
    }
    Ok(Header { config, n_rows: config.n_vocab.next_multiple_of(PADDED_TO), dtype })
}

impl Header {
    /// The first bytes of a file.
    fn bytes(&self) -> Vec<u8> {
        let Config { n_vocab, n_ctx, n_embd, n_head, n_layer, .. } = self.config;
        let version = VERSIONS.iter().find(|(_, dtype)| *dtype == self.dtype).map_or(0, |(version, _)| *version);
        // `header_of` has seen that the sizes fit.
        let sizes = [n_ctx, n_vocab, n_layer, n_head, n_embd, self.n_rows].map(|n| n as u32);
        header_bytes(&[&[MAGIC, version], &sizes[..]].concat())
    }
}

/// 256 integers, of which these are the first and the others 0.
fn header_bytes(first: &[u32]) -> Vec<u8> {
    let mut bytes: Vec<u8> = first.iter().flat_map(|n| n.to_le_bytes()).collect();
    bytes.resize(4 * HEADER, 0);
    bytes
}

/// The file of the vocabulary. A row of the table that belongs to no token has a name in brackets: no token may be empty.
fn vocabulary(tokenizer: &Tokenizer, n_vocab: usize) -> Result<Vec<u8>> {
    // llm.c must have an end; a vocabulary without one has none that a text reaches.
    let end = tokenizer.end_of_text().unwrap_or(n_vocab as u32);
    let mut bytes = header_bytes(&[TOKENIZER_MAGIC, 2, n_vocab as u32, end]);
    for id in 0..n_vocab as u32 {
        let unused = format!("[{id}]");
        let token = tokenizer.token_bytes(id).filter(|token| !token.is_empty()).unwrap_or(unused.as_bytes());
        let Ok(length) = u8::try_from(token.len()) else {
            let problem = format!("a token has at most 255 bytes there, and token {id} has {}", token.len());
            return Err(Error::argument("llm.c", problem));
        };
        bytes.push(length);
        bytes.extend_from_slice(token);
    }
    Ok(bytes)
}
