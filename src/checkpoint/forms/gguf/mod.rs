//! GGUF: the form of llama.cpp, a model and its vocabulary in one file.
//!
//! llama.cpp is the program with which most people run a language model on their own computer, and GGUF is the form in which
//! models are passed on for it: one file, often with weights of 4 or 8 bits (see [`blocks`](crate::checkpoint::blocks)). It
//! begins with entries, which say what the model is, and a list of its tensors.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `values.rs`, `header.rs` | the first part of a file, read |
//! | `vocabulary.rs` | the vocabulary, and what the file says about it |
//! | `write.rs`, `entries.rs` | such a file, written |
//!
//! This file puts together what is read. A GPT-2 there has its own names for the weights (`gpt2_names.rs` lists them), its linear
//! layers lie `[out, in]`, and the head is `output.weight`, if it is not tied. Everything else is what GPT-2 does: the
//! architecture `gpt2` of llama.cpp knows no other activation and no other scale.
//!
//! Source: the specification of the format, `docs/gguf.md` of the library ggml; and the behaviour of llama.cpp where it says
//! nothing.

mod entries;
mod header;
mod values;
mod vocabulary;
mod write;

pub use write::{GgufType, write_gguf};

use super::{Form, Opened, Vocabulary};
use crate::checkpoint::blocks::Blocks;
use crate::checkpoint::gpt2_names::Family;
use crate::checkpoint::json::quote;
use crate::checkpoint::safetensors::Dtype;
use crate::checkpoint::tensors::{Kind, Order, Place, Tensors, tensor_error};
use crate::checkpoint::weights::Described;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::text_file::mistaken_for;
pub(super) use header::Header;
use header::Info;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use values::{Value, fail};
pub(super) use vocabulary::{other_kind, read as read_vocabulary};

const ARCHITECTURE: &str = "general.architecture";
const TYPE: &str = "general.type";
const ALIGNMENT: &str = "general.alignment";
const N_FILES: &str = "split.count";
const CONTEXT: &str = "gpt2.context_length";
const EMBEDDING: &str = "gpt2.embedding_length";
const LAYERS: &str = "gpt2.block_count";
const FEED_FORWARD: &str = "gpt2.feed_forward_length";
const HEADS: &str = "gpt2.attention.head_count";
const KEY_HEADS: &str = "gpt2.attention.head_count_kv";
const EPSILON: &str = "gpt2.attention.layer_norm_epsilon";

/// The entries about the model that are asked for.
const KEYS: [&str; 11] =
    [ARCHITECTURE, TYPE, ALIGNMENT, N_FILES, CONTEXT, EMBEDDING, LAYERS, FEED_FORWARD, HEADS, KEY_HEADS, EPSILON];

/// The table of the tokens, whose rows say how many there are.
const TABLE: &str = "token_embd.weight";

/// Whether a file is GGUF, by its first bytes.
pub(super) fn is_it(start: &[u8]) -> bool {
    start.starts_with(b"GGUF")
}

/// Opens the file `path`.
///
/// # Errors
///
/// A file that is damaged, is not a whole GPT-2, or is of a version that is not read here.
pub(super) fn open(path: &Path) -> Result<Opened> {
    let mut file = File::open(path).map_err(|e| Error::io(path, "read", e))?;
    let length = file.metadata().map_err(|e| Error::io(path, "read", e))?.len();
    let mut start = Vec::new();
    (&file).take(512).read_to_end(&mut start).map_err(|e| Error::io(path, "read", e))?;
    if let Some(problem) = mistaken_for(&start).filter(|_| !is_it(&start)) {
        return Err(Error::file(path, problem));
    }
    if start.is_empty() {
        return Err(Error::file(path, "is empty; get the file again"));
    }
    if !is_it(&start) {
        return Err(Error::file(path, "does not begin with GGUF, as a file of this name does: get the file again"));
    }
    let mut read = || -> Result<(Header, Described, Vec<Place>)> {
        let header = header(&mut file)?;
        check_is_gpt2(&header)?;
        let described = Described { config: config(&header)?, tied: true, has_biases: true, by: "its first part" };
        let places = places(&header, length)?;
        Ok((header, described, places))
    };
    let (header, described, places) = read().map_err(|e| e.in_file(path))?;
    let tensors = Tensors::in_one_file(places, path, file, Family::Gguf).with_linear_layers_turned();
    Ok(Opened::new(Form::Gguf, described, path, tensors, Vocabulary::Gguf(header)))
}

/// The first part of the file, with all that is asked for here.
fn header(file: &mut File) -> Result<Header> {
    let keys: Vec<&'static str> = KEYS.into_iter().chain(vocabulary::KEYS).collect();
    Header::read(file, &keys)
}

/// Refuses a file that is no GPT-2, or not the whole of one.
fn check_is_gpt2(header: &Header) -> Result<()> {
    match header.text(TYPE)? {
        None | Some("model") => {}
        Some("adapter") => {
            return Err(fail(
                "it is a LoRA adapter, which changes another model and is none by itself: `llama-export-lora` of llama.cpp \
                 makes one model of both",
            ));
        }
        Some("imatrix") => {
            return Err(fail(
                "it is an importance matrix, which llama-quantize uses, and no model: give the model itself",
            ));
        }
        Some(other) => {
            return Err(fail(format!("it is of the type {}, and only \"model\" is read here", quote(other))));
        }
    }
    match header.text(ARCHITECTURE)? {
        Some("gpt2") => {}
        Some(other) => return Err(fail(format!("it is a {}, and only \"gpt2\" is read here", quote(other)))),
        None => return Err(fail(format!("it has no `{ARCHITECTURE}`, which says what kind of model it is"))),
    }
    match header.size(N_FILES)? {
        Some(n) if n > 1 => Err(fail(format!(
            "it is one of {n} files of a model: `llama-gguf-split --merge FIRST OUT` of llama.cpp makes one file of them"
        ))),
        _ => Ok(()),
    }
}

/// How large the model is.
fn config(header: &Header) -> Result<Config> {
    let size = |key: &str| header.size(key)?.ok_or_else(|| fail(format!("`{key}` is missing, and every GPT-2 has it")));
    let table = header.tensors.iter().find(|tensor| tensor.name == TABLE);
    let n_vocab = match table.map(|table| table.shape.as_slice()) {
        Some([n_vocab, _]) => *n_vocab,
        Some(_) => return Err(tensor_error(TABLE, "is no matrix")),
        None => return Err(fail(format!("it has no `{TABLE}`: is it a vocabulary alone?"))),
    };
    let epsilon = match header.get(EPSILON) {
        Some(Value::Real(epsilon)) => *epsilon as f32,
        _ => return Err(fail(format!("`{EPSILON}` is missing or no number"))),
    };
    let config = Config {
        n_inner: size(FEED_FORWARD)?,
        layer_norm_epsilon: epsilon,
        ..Config::new(n_vocab, size(CONTEXT)?, size(EMBEDDING)?, size(HEADS)?, size(LAYERS)?)
    };
    if let Some(n) = header.size(KEY_HEADS)?.filter(|n| *n != config.n_head) {
        return Err(fail(format!("`{KEY_HEADS}` is {n}, and GPT-2 has as many as `{HEADS}`, {}", config.n_head)));
    }
    config.check()?;
    Ok(config)
}

/// The kinds of numbers, by the number that the format gives them.
const PLAIN: [(u32, Dtype); 8] = [
    (0, Dtype::F32),
    (1, Dtype::F16),
    (24, Dtype::I8),
    (25, Dtype::I16),
    (26, Dtype::I32),
    (27, Dtype::I64),
    (28, Dtype::F64),
    (30, Dtype::Bf16),
];
const BLOCKS: [(u32, Blocks); 12] = [
    (2, Blocks::Q4_0),
    (3, Blocks::Q4_1),
    (6, Blocks::Q5_0),
    (7, Blocks::Q5_1),
    (8, Blocks::Q8_0),
    (10, Blocks::Q2K),
    (11, Blocks::Q3K),
    (12, Blocks::Q4K),
    (13, Blocks::Q5K),
    (14, Blocks::Q6K),
    (20, Blocks::Iq4Nl),
    (23, Blocks::Iq4Xs),
];
/// Kinds that are not read here.
const OTHERS: [(u32, &str); 14] = [
    (9, "Q8_1"),
    (15, "Q8_K"),
    (16, "IQ2_XXS"),
    (17, "IQ2_XS"),
    (18, "IQ3_XXS"),
    (19, "IQ1_S"),
    (21, "IQ3_S"),
    (22, "IQ2_S"),
    (29, "IQ1_M"),
    (34, "TQ1_0"),
    (35, "TQ2_0"),
    (39, "MXFP4"),
    (40, "NVFP4"),
    (41, "Q1_0"),
];

/// The entry of a list under this number.
fn under<T: Copy>(list: &[(u32, T)], number: u32) -> Option<T> {
    list.iter().find(|(found, _)| *found == number).map(|(_, value)| *value)
}

/// The kind of the numbers of a tensor, or why they are not read.
fn kind(number: u32) -> std::result::Result<Kind, String> {
    if let Some(dtype) = under(&PLAIN, number) {
        return Ok(Kind::Plain(dtype));
    }
    if let Some(blocks) = under(&BLOCKS, number) {
        return Ok(Kind::Blocks(blocks));
    }
    let name = under(&OTHERS, number).map_or_else(|| format!("of kind {number}"), str::to_string);
    Err(format!(
        "its numbers are {name}, which are not read here: `llama-quantize --allow-requantize FILE OUT q8_0` of llama.cpp makes \
         others of them, or get the model as Q4_K_M, Q8_0 or F16"
    ))
}

/// Where the tensors lie in a file of `length` bytes, after checking that they do: one after the other, each beginning at a
/// multiple of the alignment.
fn places(header: &Header, length: u64) -> Result<Vec<Place>> {
    let mut places = Vec::with_capacity(header.tensors.len());
    let mut next = 0; // where the next one must begin, counted from the first of the numbers
    for info in &header.tensors {
        let fail = |problem: String| tensor_error(&info.name, problem);
        let kind = kind(info.kind).map_err(fail)?;
        let n_bytes = n_bytes(info, &kind).map_err(fail)?;
        if info.offset != next {
            return Err(fail(format!("begins at byte {} of the numbers, and must begin at {next}", info.offset)));
        }
        let begin = header.data_start.saturating_add(next);
        let end = begin.saturating_add(n_bytes);
        if end > length {
            return Err(fail(format!(
                "its numbers end at byte {end} of the file, which has {length}: is it cut short?"
            )));
        }
        next = (next + n_bytes).checked_next_multiple_of(header.alignment).unwrap_or(u64::MAX);
        let shape = info.shape.clone();
        places.push(Place { name: info.name.clone(), kind, shape, order: Order::Rows, file: 0, begin });
    }
    Ok(places)
}

/// How many bytes a tensor takes, or why there cannot be such a tensor.
fn n_bytes(info: &Info, kind: &Kind) -> std::result::Result<u64, String> {
    if info.shape.contains(&0) {
        return Err("has no numbers".to_string());
    }
    let row = info.shape.last().copied().unwrap_or(1);
    let (n_numbers, _) = kind.unit();
    if !row.is_multiple_of(n_numbers) {
        return Err(format!("has rows of {row} numbers, which do not fill blocks of {kind}, of {n_numbers} each"));
    }
    kind.n_bytes(&info.shape).ok_or_else(|| "the product of its shape is too large".to_string())
}

#[cfg(test)]
mod tests;
