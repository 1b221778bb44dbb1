//! Writing a GGUF file: a model that llama.cpp runs.
//!
//! The matrices are written in the type that is asked for; layer norms, biases and the table of positions always as F32, as
//! llama.cpp's own converter does it: they are small, and much depends on each of their numbers. A matrix that is to be Q8_0
//! and whose rows are not whole blocks of 32 numbers is written as F16.
//!
//! Nothing is in memory twice: what comes before the numbers is made first, and then the numbers are converted piece by piece
//! as they are written.

use super::entries::{Entries, put_text};
use crate::checkpoint::beside::write_beside_with;
use crate::checkpoint::blocks::{LARGEST_IN_Q8_0, encode_q8_0};
use crate::checkpoint::gpt2_names::{Family, is_linear};
use crate::checkpoint::load::Checkpoint;
use crate::checkpoint::safetensors::Dtype;
use crate::checkpoint::safetensors::dtype::encode;
use crate::checkpoint::tensors::{in_order_of_file, tensor_error};
use crate::error::{Error, Result};
use crate::tensor::Tensor;
use crate::tokenizer::Tokenizer;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::str::FromStr;

/// What the matrices of a GGUF file are written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GgufType {
    /// Numbers of 32 bits: as the model has them.
    F32,
    /// Numbers of 16 bits.
    F16,
    /// Numbers of 16 bits with the range of those of 32.
    Bf16,
    /// Blocks of 32 numbers of 8 bits, with a scale of 16 bits: 34 bytes a block.
    Q8_0,
}

/// Each type with its name, the number by which the format knows it, and the number for a file that is mostly of it.
const KINDS: [(GgufType, &str, u32, u32); 4] = [
    (GgufType::F32, "f32", 0, 0),
    (GgufType::F16, "f16", 1, 1),
    (GgufType::Bf16, "bf16", 30, 32),
    (GgufType::Q8_0, "q8_0", 8, 7),
];

impl GgufType {
    fn row(self) -> (GgufType, &'static str, u32, u32) {
        KINDS.iter().find(|(kind, ..)| *kind == self).copied().unwrap_or(KINDS[0])
    }

    /// How many bytes `n` numbers take.
    fn n_bytes(self, n: usize) -> usize {
        match self {
            GgufType::F32 => 4 * n,
            GgufType::F16 | GgufType::Bf16 => 2 * n,
            GgufType::Q8_0 => n / 32 * 34,
        }
    }

    /// The same type as one of those that are not in blocks.
    fn dtype(self) -> Option<Dtype> {
        match self {
            GgufType::F32 => Some(Dtype::F32),
            GgufType::F16 => Some(Dtype::F16),
            GgufType::Bf16 => Some(Dtype::Bf16),
            GgufType::Q8_0 => None,
        }
    }

    /// Whether `x` is a number that is too large for it.
    fn is_too_small_for(self, x: f32) -> bool {
        match self.dtype() {
            Some(dtype) => dtype.is_too_small_for(x),
            None => x.abs() > LARGEST_IN_Q8_0,
        }
    }
}

impl std::fmt::Display for GgufType {
    /// Its name in small letters, for example `q8_0`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.row().1)
    }
}

impl FromStr for GgufType {
    type Err = Error;

    fn from_str(name: &str) -> Result<GgufType> {
        let found = KINDS.iter().find(|(_, known, ..)| *known == name);
        let names = KINDS.map(|(_, name, ..)| name).join(", ");
        found.map(|(kind, ..)| *kind).ok_or_else(|| Error::argument("gguf", format!("{name:?} is none of {names}")))
    }
}

/// Writes a model and its vocabulary to the file `path` in llama.cpp's form. A missing directory is created. Returns what
/// that form cannot say, a line each.
///
/// # Errors
///
/// A model that llama.cpp's `gpt2` does not compute (another activation, another scale of the scores), one with
/// [packed](crate::weight) weights, without a vocabulary, or with a weight that is too large for `matrices`; or a refusal of the
/// operating system. Nothing is written then.
///
/// # Example: a model for llama.cpp
///
/// ```
/// use gpt60::checkpoint::{GgufType, write_gguf};
///
/// let path = std::env::temp_dir().join(format!("gpt60-story-{}.gguf", std::process::id()));
/// write_gguf(&path, &gpt60::storybook::load(), GgufType::Q8_0)?;
/// assert!(std::fs::read(&path).unwrap().starts_with(b"GGUF"));
/// # std::fs::remove_file(&path).unwrap();
/// # Ok::<(), gpt60::Error>(())
/// ```
pub fn write_gguf(path: impl AsRef<Path>, checkpoint: &Checkpoint, matrices: GgufType) -> Result<Vec<String>> {
    let path = path.as_ref();
    let tokenizer = check_can_be_said(checkpoint)?;
    let mut pieces = Vec::new();
    for (name, tensor) in checkpoint.model.parameters()? {
        pieces.push(Piece::new(&name, tensor, matrices)?);
    }
    let mut notes = Vec::new();
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let entries = Entries::of(checkpoint, tokenizer, &name, matrices.row().3, &mut notes);
    let start = first_part(&entries, &pieces);
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).map_err(|e| Error::io(dir, "made", e))?;
    }
    write_beside_with(path, |file| {
        file.write_all(&start)?;
        pieces.iter().try_for_each(|piece| piece.write(file))
    })?;
    Ok(notes)
}

/// Checks that llama.cpp's `gpt2` is this model, and returns its vocabulary.
fn check_can_be_said(checkpoint: &Checkpoint) -> Result<&Tokenizer> {
    let refuse = |problem: &str| Err(Error::argument("gguf", problem));
    let config = &checkpoint.model.config;
    if !config.is_gpt2() {
        return refuse(
            "llama.cpp's `gpt2` has the activation gelu_new and scales attention scores by sqrt(head_size) alone, and this \
             model is a relative that does not: the form of Hugging Face can say it",
        );
    }
    let Some(tokenizer) = &checkpoint.tokenizer else {
        return refuse(
            "the model has no vocabulary, and llama.cpp needs one: put tokenizer.json, or vocab.json and merges.txt, beside \
             its weights",
        );
    };
    if tokenizer.n_vocab() > config.n_vocab {
        let (ids, rows) = (tokenizer.n_vocab(), config.n_vocab);
        return refuse(&format!("the vocabulary needs {ids} rows of the embedding, and the model has {rows}"));
    }
    Ok(tokenizer)
}

/// A tensor, and how it is written.
struct Piece<'a> {
    name: String,
    tensor: &'a Tensor,
    /// Whether the file has its columns as rows.
    is_turned: bool,
    kind: GgufType,
}

/// The numbers of each tensor begin at a multiple of this.
const ALIGNMENT: usize = 32;

impl<'a> Piece<'a> {
    /// `name` is GPT-2's own.
    fn new(name: &str, tensor: &'a Tensor, matrices: GgufType) -> Result<Piece<'a>> {
        let is_turned = is_linear(name);
        let mut piece = Piece { name: Family::Gguf.name_in_file(name), tensor, is_turned, kind: matrices };
        if tensor.shape().len() == 1 || name == "wpe.weight" {
            piece.kind = GgufType::F32;
        } else if matrices == GgufType::Q8_0 && !piece.row_len().is_multiple_of(32) {
            piece.kind = GgufType::F16;
        }
        match tensor.data().iter().find(|x| piece.kind.is_too_small_for(**x)) {
            None => Ok(piece),
            Some(x) => {
                let problem = format!("has the number {x}, which is too large for {}; f32 can hold it", piece.kind);
                Err(tensor_error(name, problem))
            }
        }
    }

    /// How many numbers a row has in the file.
    fn row_len(&self) -> usize {
        self.tensor.shape()[if self.is_turned { 0 } else { self.tensor.shape().len() - 1 }]
    }

    fn n_bytes(&self) -> usize {
        self.kind.n_bytes(self.tensor.len())
    }

    /// The dims as the file lists them: the fastest first.
    fn dims(&self) -> Vec<usize> {
        let mut dims = self.tensor.shape().to_vec();
        if !self.is_turned {
            dims.reverse();
        }
        dims
    }

    /// Writes the numbers, and zeros up to where the next tensor begins.
    fn write(&self, file: &mut dyn Write) -> std::io::Result<()> {
        let mut bytes = Vec::new();
        in_order_of_file(self.tensor, self.is_turned, |numbers| {
            bytes.clear();
            match self.kind.dtype() {
                Some(dtype) => encode(numbers, dtype, &mut bytes),
                None => encode_q8_0(numbers, &mut bytes),
            }
            file.write_all(&bytes)
        })?;
        file.write_all(&[0; ALIGNMENT][..padding(self.n_bytes())])
    }
}

/// How many zeros come after `n` bytes.
fn padding(n: usize) -> usize {
    n.next_multiple_of(ALIGNMENT) - n
}

/// Everything before the numbers.
fn first_part(entries: &Entries, pieces: &[Piece]) -> Vec<u8> {
    let mut bytes = b"GGUF".to_vec();
    bytes.extend_from_slice(&3_u32.to_le_bytes());
    bytes.extend_from_slice(&(pieces.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&entries.n.to_le_bytes());
    bytes.extend_from_slice(&entries.bytes);
    let mut offset = 0;
    for piece in pieces {
        put_text(&mut bytes, &piece.name);
        let dims = piece.dims();
        bytes.extend_from_slice(&(dims.len() as u32).to_le_bytes());
        dims.iter().for_each(|dim| bytes.extend_from_slice(&(*dim as u64).to_le_bytes()));
        bytes.extend_from_slice(&piece.kind.row().2.to_le_bytes());
        bytes.extend_from_slice(&(offset as u64).to_le_bytes());
        offset += piece.n_bytes() + padding(piece.n_bytes());
    }
    bytes.resize(bytes.len() + padding(bytes.len()), 0);
    bytes
}
