//! The files that `torch.save` writes: `pytorch_model.bin`, `ckpt.pt` and others, read and not run.
//!
//! Such a file is a zip archive:
//!
//! ```text
//! archive/data.pkl     a pickle: a dictionary of names and tensors, each with its shape and the number of a storage
//! archive/data/0       storage 0: the numbers themselves, as they are in memory
//! archive/data/1       storage 1, and so on
//! archive/byteorder    "little": the lowest byte of a number comes first
//! ```
//!
//! `zip.rs` finds the members, `opcodes.rs`, `values.rs` and `pickle.rs` read the dictionary, and this file says where in the archive
//! the numbers of each tensor lie. From there on it is a file of tensors like any other.
//!
//! [Models in other files](crate::book::other_files) explains it.

mod opcodes;
mod pickle;
mod values;
mod zip;

#[cfg(test)]
mod tests;

use super::gpt2_names::Family;
use super::json::quote;
use super::tensors::{Kind, Order, Place, Tensors, tensor_error};
use crate::error::{Error, Result};
use crate::text_file::begins_as_safetensors;
use pickle::Pickle;
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;
use values::{Id, Strided, Value};

/// The longest pickle that is accepted. A GPT-2 of 48 blocks has some 50 kB, with the state of its training 200.
const LONGEST_PICKLE: u64 = 1 << 24;

/// How a file of before 2020 begins: a pickle of the number 0x1950a86a20f9469cfc6c.
const OLD_MAGIC: &[u8] = b"\x80\x02\x8A\x0A\x6C\xFC\x9C\x46\xF9\x20\x6A\xA8\x50\x19";

/// Whether a file is PyTorch's, by its first bytes.
///
/// # Errors
///
/// In words, if it is in PyTorch's form of before 2020.
pub(super) fn is_it(start: &[u8]) -> std::result::Result<bool, &'static str> {
    if start.starts_with(OLD_MAGIC) {
        return Err(
            "is in the form in which PyTorch before version 1.6 saved, which is not read here: with PyTorch, load it \
                    by torch.load(FILE, weights_only=True) and save it again by torch.save",
        );
    }
    Ok(start.starts_with(b"PK\x03\x04") && !begins_as_safetensors(start))
}

/// Opens the file `path` if its first bytes are those of PyTorch's files, whatever its name; `None` if they are not.
///
/// # Errors
///
/// A file that cannot be read, or is PyTorch's and cannot be read here. The error names it.
pub(super) fn open(path: &Path) -> Result<Option<TorchFile<File>>> {
    let mut file = File::open(path).map_err(|e| Error::io(path, "read", e))?;
    let mut start = Vec::new();
    (&mut file).take(16).read_to_end(&mut start).map_err(|e| Error::io(path, "read", e))?;
    if !is_it(&start).map_err(|problem| Error::file(path, problem))? {
        return Ok(None);
    }
    TorchFile::new(file).map(Some).map_err(|e| e.in_file(path))
}

/// An open file of PyTorch, of which the pickle has been read.
#[derive(Debug)]
pub(super) struct TorchFile<R> {
    pickle: Pickle,
    /// Where the storages lie, by key: first byte and length.
    storages: HashMap<String, (u64, u64)>,
    reader: R,
}

impl<R: Read + Seek> TorchFile<R> {
    /// Reads the list of contents and the pickle.
    ///
    /// # Errors
    ///
    /// A source that is no such archive, or whose pickle asks for anything that weights do not need.
    pub fn new(mut reader: R) -> Result<TorchFile<R>> {
        let members = zip::members(&mut reader)?;
        let fail = |problem: &str| Error::format("zip archive", problem);
        let mut pickles = members.iter().filter_map(|member| Some((member.name.strip_suffix("/data.pkl")?, member)));
        let Some((folder, data)) = pickles.next() else {
            return Err(fail(
                "has no data.pkl in it, so torch.save did not write it: unpack it, and give what is in it",
            ));
        };
        if pickles.next().is_some() {
            return Err(fail("has two data.pkl in it: which one is meant?"));
        }
        let inside = |name: &str| members.iter().find(|member| member.name == format!("{folder}/{name}"));
        if inside("constants.pkl").is_some() {
            return Err(fail(
                "holds a program of TorchScript, which is not read here: save the model's state_dict() instead",
            ));
        }
        if let Some(order) = inside("byteorder").filter(|order| order.size <= 16)
            && zip::bytes_at(&mut reader, order.begin, order.size as usize)? != b"little"
        {
            return Err(fail("was written on a machine that puts the highest byte first: save it on another"));
        }
        if data.size > LONGEST_PICKLE {
            let problem = format!("its data.pkl has {} bytes, and weights need at most {LONGEST_PICKLE}", data.size);
            return Err(fail(&problem));
        }
        let pickle = Pickle::read(&zip::bytes_at(&mut reader, data.begin, data.size as usize)?)?;
        let start = format!("{folder}/data/");
        let key = |name: &str| name.strip_prefix(&start).map(str::to_string);
        let storages = members.iter().filter_map(|m| Some((key(&m.name)?, (m.begin, m.size)))).collect();
        Ok(TorchFile { pickle, storages, reader })
    }

    /// The tensors of a state dict: of the dictionary that is the whole file.
    ///
    /// # Errors
    ///
    /// A file that holds something else, or a tensor that does not lie in its storage.
    pub fn into_tensors(self, path: &Path) -> Result<Tensors<R>> {
        let places = self.places(self.pickle.root)?;
        if places.is_empty()
            && let Some(entries) = self.pickle.dict(self.pickle.root)
            && !entries.is_empty()
        {
            let keys: Vec<String> =
                entries.iter().filter_map(|(key, _)| self.pickle.text(*key)).take(3).map(quote).collect();
            let problem = format!("has no tensors, but {}: save the model's state_dict() alone", keys.join(", "));
            return Err(Error::format("the dictionary in it", problem));
        }
        Ok(Tensors::in_one_file(places, path, self.reader, Family::Plain))
    }

    /// The tensors of the dictionary that stands under `key`. The others are passed over.
    ///
    /// # Errors
    ///
    /// As [`TorchFile::into_tensors`].
    pub fn tensors_under(self, key: &str, path: &Path) -> Result<Tensors<R>> {
        let missing = || Error::format("the dictionary in it", format!("has no `{key}`"));
        let places = self.places(self.pickle.get(self.pickle.root, key).ok_or_else(missing)?)?;
        Ok(Tensors::in_one_file(places, path, self.reader, Family::Plain))
    }

    /// Whether the file is a dictionary with `key`.
    pub fn has(&self, key: &str) -> bool {
        self.pickle.get(self.pickle.root, key).is_some()
    }

    /// The integer from 0 on that stands under `key` of the dictionary under `dict`.
    pub fn size_under(&self, dict: &str, key: &str) -> Option<usize> {
        match self.value_under(dict, key)? {
            Value::Int(n) => usize::try_from(*n).ok(),
            _ => None,
        }
    }

    /// The truth value that stands under `key` of the dictionary under `dict`.
    pub fn truth_under(&self, dict: &str, key: &str) -> Option<bool> {
        match self.value_under(dict, key)? {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    fn value_under(&self, dict: &str, key: &str) -> Option<&Value> {
        let dict = self.pickle.get(self.pickle.root, dict)?;
        Some(self.pickle.value(self.pickle.get(dict, key)?))
    }

    /// Where each tensor of the dictionary `dict` lies, if that is one. Values of other kinds are passed over.
    fn places(&self, dict: Id) -> Result<Vec<Place>> {
        let no_dict = || Error::format("pickle", "it holds no dictionary of names and tensors, which a state dict is");
        let mut places = Vec::new();
        for (key, value) in self.pickle.dict(dict).ok_or_else(no_dict)? {
            if let (Some(name), Value::Tensor(tensor)) = (self.pickle.text(*key), self.pickle.value(*value)) {
                places.push(self.place(name, tensor)?);
            }
        }
        Ok(places)
    }

    /// Where the numbers of one tensor lie, after checking that they do.
    fn place(&self, name: &str, tensor: &Strided) -> Result<Place> {
        let fail = |problem: String| tensor_error(name, problem);
        let Value::Storage(storage) = self.pickle.value(tensor.storage) else {
            return Err(fail("has no storage".to_string()));
        };
        let key = self.pickle.text(storage.key).unwrap_or_default();
        let Some(&(begin, n_bytes)) = self.storages.get(key) else {
            return Err(fail(format!(
                "its numbers, data/{}, are not in the file",
                super::json::shortened(key).escape_debug()
            )));
        };
        let size = storage.dtype.bits() / 8;
        if storage.n.checked_mul(size).is_none_or(|n| n as u64 > n_bytes) {
            let n = storage.n;
            return Err(fail(format!(
                "its storage should have {n} numbers of {}, and has {n_bytes} bytes",
                storage.dtype
            )));
        }
        // The number after the last one of the tensor, counted in the storage; nothing lies in a shape with a 0.
        let mut end = Some(tensor.offset);
        let mut n = Some(1_usize);
        for (&extent, &stride) in tensor.shape.iter().zip(&tensor.strides) {
            n = n.and_then(|n| n.checked_mul(extent.max(1)));
            let steps = extent.saturating_sub(1).checked_mul(stride);
            end = end.zip(steps).and_then(|(end, steps)| end.checked_add(steps));
        }
        let end = if tensor.shape.contains(&0) { Some(tensor.offset) } else { end.and_then(|end| end.checked_add(1)) };
        let (Some(end), Some(_)) = (end, n) else {
            return Err(fail("the product of its shape is too large".to_string()));
        };
        if end > storage.n {
            return Err(fail(format!("needs {end} numbers of its storage, which has {}", storage.n)));
        }
        let begin = begin + (tensor.offset * size) as u64; // inside the member
        let order = order(tensor);
        Ok(Place {
            name: name.to_string(),
            kind: Kind::Plain(storage.dtype),
            shape: tensor.shape.clone(),
            order,
            file: 0,
            begin,
        })
    }
}

/// In which order the numbers of a tensor lie.
fn order(tensor: &Strided) -> Order {
    // A dimension of one number may have any stride. Row by row, a step along a dimension passes all later ones.
    let is_row_major = |shape: &mut dyn Iterator<Item = (usize, usize)>| {
        let mut step = 1_usize;
        shape.filter(|(n, _)| *n != 1).all(|(n, stride)| {
            let fits = stride == step;
            step = step.saturating_mul(n);
            fits
        })
    };
    let mut dimensions = tensor.shape.iter().copied().zip(tensor.strides.iter().copied());
    if tensor.shape.contains(&0) || is_row_major(&mut dimensions.clone().rev()) {
        Order::Rows
    } else if tensor.shape.len() == 2 && is_row_major(&mut dimensions) {
        Order::Columns
    } else {
        Order::Other
    }
}
