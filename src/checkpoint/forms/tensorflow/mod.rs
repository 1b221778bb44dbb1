//! A checkpoint of TensorFlow: the form in which OpenAI released GPT-2, and in which programs that were built on that
//! release save what they train.
//!
//! ```text
//! checkpoint                            a text that says which checkpoint of the directory is the latest: model.ckpt
//! model.ckpt.index                      for each tensor its shape, the kind of its numbers, and where they lie
//! model.ckpt.data-00000-of-00001        the numbers, one tensor after the other
//! model.ckpt.meta                       the program of the model, a graph; it is not needed here
//! hparams.json                          n_vocab, n_ctx, n_embd, n_head, n_layer
//! encoder.json, vocab.bpe               the vocabulary: what others call vocab.json and merges.txt
//! ```
//!
//! `model.ckpt` is a name like any other: a training saves `model-1000` after a thousand steps. Large checkpoints have their
//! data in several files.
//!
//! The index is a file of two layers. It is a table of keys and values, for which TensorFlow took the format of LevelDB, a
//! small database: `table.rs`. And each value is a message that describes a tensor: `bundle.rs`. `find.rs` knows the names
//! of the files, and this file puts the parts together.
//!
//! Two things are peculiar to this form. The names are those of TensorFlow's variables: `model/h0/attn/c_attn/w` is what
//! everybody else calls `h.0.attn.c_attn.weight`. And OpenAI wrote a linear layer as a convolution that looks at one
//! position at a time, whose weights have a leading 1 in their shape: `[1, 768, 2304]`. Here it is dropped.
//!
//! The index also has a check sum of each tensor's numbers. It is not computed here: for the 500 MB of the smallest GPT-2,
//! byte after byte, that took 1.3 seconds where it was measured, and all else that `load` does half of one. The damage that
//! matters most, a weight that is no number, is found while the weights are read.
//!
//! [Models in other files](crate::book::other_files) explains it.

mod bundle;
mod find;
mod table;

#[cfg(test)]
mod tests;

use super::{Form, Opened, Vocabulary};
use crate::checkpoint::gpt2_names::Family;
use crate::checkpoint::safetensors::Dtype;
use crate::checkpoint::tensors::{Kind, Order, Place, Source, Tensors, tensor_error};
use crate::checkpoint::weights::Described;
use crate::error::{Error, Result};
use crate::text_file::mistaken_for;
use bundle::{Bundle, Entry};
pub(super) use find::{index, index_in};
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

/// The longest index that is accepted. The largest GPT-2's has some 20 kB, with the state of a training some 70.
const LONGEST_INDEX: u64 = 1 << 20;

/// TensorFlow's kinds of numbers, each by its own number: those that are known here.
const DTYPES: [(u64, Dtype); 14] = [
    (1, Dtype::F32),
    (2, Dtype::F64),
    (3, Dtype::I32),
    (4, Dtype::U8),
    (5, Dtype::I16),
    (6, Dtype::I8),
    (8, Dtype::C64),
    (9, Dtype::I64),
    (10, Dtype::Bool),
    (14, Dtype::Bf16),
    (17, Dtype::U16),
    (19, Dtype::F16),
    (22, Dtype::U32),
    (23, Dtype::U64),
];

/// Others, by their names in TensorFlow.
const OTHERS: [(u64, &str); 13] = [
    (7, "string"),
    (11, "qint8"),
    (12, "quint8"),
    (13, "qint32"),
    (15, "qint16"),
    (16, "quint16"),
    (18, "complex128"),
    (20, "resource"),
    (21, "variant"),
    (24, "float8_e5m2"),
    (25, "float8_e4m3fn"),
    (29, "int4"),
    (30, "uint4"),
];

/// Opens the checkpoint with this index.
///
/// # Errors
///
/// Files that are missing, damaged, or do not fit together.
pub(super) fn open(index: &Path) -> Result<Opened> {
    let config = find::config(index)?;
    let tensors = tensors(index)?;
    // OpenAI's GPT-2 has one table for both ends, and biases everywhere.
    let described = Described { config, tied: true, has_biases: true, by: "hparams.json" };
    Ok(Opened::new(Form::TensorFlow, described, index, tensors, Vocabulary::beside(index)))
}

/// The tensors of the checkpoint with this index, and where they lie.
fn tensors(index: &Path) -> Result<Tensors<File>> {
    let bundle = read_index(index)?;
    let mut tensors = Tensors { places: Vec::new(), files: Vec::new(), family: Family::TensorFlow };
    // The files with data that are open, by their number in the name: which of `files` it is, and its length.
    let mut opened: HashMap<usize, (usize, u64)> = HashMap::new();
    let names: HashSet<&str> = bundle.entries.iter().map(|entry| entry.name.as_str()).collect();
    // What an optimizer knows about `model/wte` is called `model/wte/Adam`.
    let is_state = |name: &str| name.rsplit_once('/').is_some_and(|(owner, _)| names.contains(owner));
    for entry in bundle.entries.iter().filter(|entry| !is_state(&entry.name)) {
        let wrong = |problem: String| Err(tensor_error(&entry.name, problem).in_file(index));
        let kind = kind(entry.dtype);
        if entry.is_sliced {
            return wrong("is saved in slices, which are not read here: save it in one piece".to_string());
        }
        if let Kind::Plain(dtype) = kind
            && kind.n_bytes(&entry.shape) != Some(entry.size)
        {
            let Entry { shape, size, .. } = entry;
            let shape =
                if shape.len() <= 4 { format!("{shape:?}") } else { format!("with {} dimensions", shape.len()) };
            return wrong(format!("has {size} bytes, and not those of a shape {shape} and dtype {dtype}"));
        }
        if entry.shard >= bundle.n_shards {
            return wrong(format!(
                "should be in data file {} (counted from 0), and there are {}",
                entry.shard, bundle.n_shards
            ));
        }
        let path = find::shard(index, entry.shard, bundle.n_shards);
        let (file, length) = match opened.get(&entry.shard) {
            Some(&found) => found,
            None => {
                if !path.is_file() {
                    return Err(Error::missing(&path, "is not there, and by the index tensors lie in it: get it too"));
                }
                let reader = File::open(&path).map_err(|e| Error::io(&path, "read", e))?;
                let length = reader.metadata().map_err(|e| Error::io(&path, "read", e))?.len();
                tensors.files.push(Source { path: path.clone(), reader });
                let found = (tensors.files.len() - 1, length);
                opened.insert(entry.shard, found);
                found
            }
        };
        let end = entry.begin.checked_add(entry.size);
        if end.is_none_or(|end| end > length) {
            if let Some(problem) = what_it_is(&mut tensors.files[file].reader) {
                return Err(Error::file(&path, problem));
            }
            let (begin, size) = (entry.begin, entry.size);
            let problem =
                format!("needs {size} bytes from byte {begin} on, and the file has {length}: is it cut short?");
            return Err(tensor_error(&entry.name, problem).in_file(&path));
        }
        let shape = match entry.shape.as_slice() {
            [1, rows, columns] => vec![*rows, *columns],
            shape => shape.to_vec(),
        };
        tensors.places.push(Place {
            name: entry.name.clone(),
            kind,
            shape,
            order: Order::Rows,
            file,
            begin: entry.begin,
        });
    }
    Ok(tensors)
}

fn read_index(path: &Path) -> Result<Bundle> {
    let unreadable = |e| Error::io(path, "read", e);
    let mut bytes = Vec::new();
    File::open(path).map_err(unreadable)?.take(LONGEST_INDEX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if let Some(problem) = mistaken_for(&bytes[..bytes.len().min(512)]) {
        return Err(Error::file(path, problem));
    }
    if bytes.len() as u64 > LONGEST_INDEX {
        let problem = format!("has more than {LONGEST_INDEX} bytes, and the index of a GPT-2 needs far less");
        return Err(Error::file(path, problem));
    }
    Bundle::read(&bytes).map_err(|e| e.in_file(path))
}

/// The kind of numbers that TensorFlow gives this number.
fn kind(number: u64) -> Kind {
    match DTYPES.iter().find(|(known, _)| *known == number) {
        Some((_, dtype)) => Kind::Plain(*dtype),
        None => {
            let name = OTHERS.iter().find(|(known, _)| *known == number).map(|(_, name)| name.to_string());
            Kind::Unknown(name.unwrap_or_else(|| format!("TensorFlow's kind {number}")))
        }
    }
}

/// What a file is that is too short to be the data, if that is known.
fn what_it_is(file: &mut File) -> Option<&'static str> {
    let mut start = Vec::new();
    file.rewind().ok()?;
    file.take(512).read_to_end(&mut start).ok()?;
    mistaken_for(&start)
}
