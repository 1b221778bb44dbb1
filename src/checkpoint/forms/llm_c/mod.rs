//! `gpt2_124M.bin`, the form of llm.c: integers that say how large the model is, and the numbers.
//!
//! llm.c is Andrej Karpathy's program that trains GPT-2 in plain C. Its file is as plain as a file can be:
//!
//! ```text
//! bytes 0 to 1023    256 integers of 4 bytes: 20240326, a version, n_ctx, n_vocab, n_layer, n_head, n_embd, padded n_vocab; then zeros
//! from 1024 on       the numbers, one tensor after the other: of F32 in version 3, of BF16 in version 5
//! ```
//!
//! There are no names. Whoever reads the file must know the order: the tables `wte` and `wpe`; then each tensor of a block, for
//! all the blocks together (`ln_1.weight` of block 0, of block 1 and so on); then `ln_f`. That is fast to read and easy to get
//! wrong: a file with the same number of numbers in another order would be read without complaint.
//!
//! Linear layers lie `[out, in]`, as in PyTorch. The table has more rows than there are tokens, padded to a multiple of 128,
//! because products of such a size are quicker; the rows after the last token are left out here.
//!
//! This file reads it, and `write.rs` writes it.

mod write;

pub use write::write;

use super::{Form, Opened, Vocabulary};
use crate::checkpoint::gpt2_names::Family;
use crate::checkpoint::safetensors::Dtype;
use crate::checkpoint::tensors::{Kind, Order, Place, Tensors};
use crate::checkpoint::weights::Described;
use crate::config::Config;
use crate::error::{Error, Result};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The number with which such a file begins.
const MAGIC: u32 = 20_240_326;
/// How many integers the header has.
const HEADER: usize = 256;
/// The versions that are read, and the kind of their numbers.
const VERSIONS: [(u32, Dtype); 2] = [(3, Dtype::F32), (5, Dtype::Bf16)];

/// The most blocks that are read: twenty times as many as the largest GPT-2 has.
const MOST_BLOCKS: usize = 1000;

/// The tensors of a block, in the order in which they lie.
const IN_BLOCK: [&str; 12] = [
    "ln_1.weight",
    "ln_1.bias",
    "attn.c_attn.weight",
    "attn.c_attn.bias",
    "attn.c_proj.weight",
    "attn.c_proj.bias",
    "ln_2.weight",
    "ln_2.bias",
    "mlp.c_fc.weight",
    "mlp.c_fc.bias",
    "mlp.c_proj.weight",
    "mlp.c_proj.bias",
];

/// Whether a file is llm.c's, by its first bytes.
pub(super) fn is_it(start: &[u8]) -> bool {
    start.starts_with(&MAGIC.to_le_bytes())
}

/// Opens llm.c's file `path`.
///
/// # Errors
///
/// A file of another version, or that does not have as many bytes as its header says.
pub(super) fn open(path: &Path) -> Result<Opened> {
    let file = File::open(path).map_err(|e| Error::io(path, "read", e))?;
    let length = file.metadata().map_err(|e| Error::io(path, "read", e))?.len();
    let mut bytes = Vec::new();
    (&file).take(4 * HEADER as u64).read_to_end(&mut bytes).map_err(|e| Error::io(path, "read", e))?;
    let header = Header::read(&bytes).map_err(|e| e.in_file(path))?;
    let places = header.places(length).map_err(|e| e.in_file(path))?;
    let tensors = Tensors::in_one_file(places, path, file, Family::Plain).with_linear_layers_turned();
    // llm.c has one table for both ends, and biases everywhere.
    let described = Described { config: header.config, tied: true, has_biases: true, by: "the header" };
    let mut opened = Opened::new(Form::LlmC, described, path, tensors, Vocabulary::beside(path));
    let (n_rows, n_vocab) = (header.n_rows, header.config.n_vocab);
    if n_rows > n_vocab {
        let padded = format!("the table is padded to {n_rows} rows for {n_vocab} tokens; the rest is left out");
        opened.remarks.push(padded);
    }
    Ok(opened)
}

/// What the integers say.
struct Header {
    config: Config,
    /// How many rows the table has, at least one a token.
    n_rows: usize,
    dtype: Dtype,
}

fn fail(problem: impl Into<String>) -> Error {
    Error::format("llm.c header", problem)
}

impl Header {
    fn read(bytes: &[u8]) -> Result<Header> {
        let Some(integers) = bytes.as_chunks::<4>().0.get(..8).filter(|_| bytes.len() == 4 * HEADER) else {
            return Err(fail(format!("the file has {} bytes, and its header alone takes {}", bytes.len(), 4 * HEADER)));
        };
        let integers: Vec<u32> = integers.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect();
        let [_, version, n_ctx, n_vocab, n_layer, n_head, n_embd, n_rows] = integers[..] else {
            unreachable!("there are eight")
        };
        let known = VERSIONS.iter().find(|(known, _)| *known == version);
        let dtype = known.map(|(_, dtype)| *dtype).ok_or_else(|| {
            fail(format!(
                "its version is {version}, expected 3 (F32) or 5 (BF16): with today's train_gpt2.py of llm.c, write the model again"
            ))
        })?;
        let [n_ctx, n_vocab, n_layer, n_head, n_embd, n_rows] =
            [n_ctx, n_vocab, n_layer, n_head, n_embd, n_rows].map(|n| n as usize);
        let config = Config::new(n_vocab, n_ctx, n_embd, n_head, n_layer);
        config.check()?;
        // The list of the tensors is made before a number is read, so it must not be longer than any model needs.
        if n_layer > MOST_BLOCKS {
            return Err(fail(format!("it has {n_layer} blocks, and at most {MOST_BLOCKS} are read here")));
        }
        if n_rows < n_vocab {
            return Err(fail(format!("its table has {n_rows} rows, fewer than the {n_vocab} tokens")));
        }
        Ok(Header { config, n_rows, dtype })
    }

    /// The tensors in the order in which they lie: for each its name, its shape there, `[out, in]`, and how many rows it takes.
    fn order(&self) -> Vec<(String, Vec<usize>, usize)> {
        let Config { n_vocab, n_ctx, n_embd, n_inner, n_layer, .. } = self.config;
        let shape = |name: &str| match name {
            "attn.c_attn.weight" => vec![3 * n_embd, n_embd],
            "attn.c_attn.bias" => vec![3 * n_embd],
            "attn.c_proj.weight" => vec![n_embd, n_embd],
            "mlp.c_fc.weight" => vec![n_inner, n_embd],
            "mlp.c_fc.bias" => vec![n_inner],
            "mlp.c_proj.weight" => vec![n_embd, n_inner],
            _ => vec![n_embd],
        };
        let mut order = vec![
            ("wte.weight".to_string(), vec![n_vocab, n_embd], self.n_rows),
            ("wpe.weight".to_string(), vec![n_ctx, n_embd], n_ctx),
        ];
        for name in IN_BLOCK {
            let shape = shape(name);
            order.extend((0..n_layer).map(|i| (format!("h.{i}.{name}"), shape.clone(), shape[0])));
        }
        order.extend(["ln_f.weight", "ln_f.bias"].map(|name| (name.to_string(), vec![n_embd], n_embd)));
        order
    }

    /// How many bytes a file with this header has; `None` if they cannot be counted.
    fn n_bytes(&self) -> Option<u64> {
        let Config { n_vocab, n_embd, .. } = self.config;
        let padding = (self.n_rows - n_vocab).checked_mul(n_embd)?;
        let n = u64::try_from(self.config.n_parameters().checked_add(padding)?).ok()?;
        n.checked_mul(self.dtype.bits() as u64 / 8)?.checked_add(4 * HEADER as u64)
    }

    /// Where each tensor lies in a file of this length.
    fn places(&self, length: u64) -> Result<Vec<Place>> {
        let expected = self.n_bytes();
        if expected != Some(length) {
            let expected = expected.map_or("more than can be counted".to_string(), |n| n.to_string());
            let problem =
                format!("the file has {length} bytes, and a model of this size takes {expected}: is it cut short?");
            return Err(fail(problem));
        }
        // The sizes are those of a file that is there: from here on nothing overflows, and the list is not longer than the file.
        let size = self.dtype.bits() / 8;
        let mut begin = 4 * HEADER as u64;
        let mut places = Vec::new();
        for (name, shape, n_rows) in self.order() {
            let n_bytes = n_rows * shape[1..].iter().product::<usize>() * size;
            places.push(Place { name, kind: Kind::Plain(self.dtype), shape, order: Order::Rows, file: 0, begin });
            begin += n_bytes as u64;
        }
        Ok(places)
    }
}
