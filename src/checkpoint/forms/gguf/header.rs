//! The first part of a GGUF file: what it says about the model, and the list of its tensors.
//!
//! ```text
//! "GGUF"                        4 bytes
//! version                       u32: 2 or 3, which differ in nothing that matters here
//! n_tensors, n_entries          u64 each
//! n_entries times:              key (a text), type of the value (u32), value
//! n_tensors times:              name (a text), n_dims (u32), dims (u64 each), type of the numbers (u32), offset (u64)
//! zeros                         up to a multiple of the alignment, 32 if `general.alignment` says nothing else
//! the tensors' numbers          one tensor after the other, each at a multiple of the alignment; offsets count from here
//! ```
//!
//! Integers are little-endian. A text is its length (u64) and its bytes in UTF-8. An array is the type of its elements (u32),
//! their number (u64), and the elements. The dims of a tensor are listed the other way round than a shape: the fastest first.
//!
//! An entry may be anything, and most are for other programs. So only those are kept whose keys are asked for; the others are
//! passed over. And a length is believed only after it was compared with what is left of the file.

use super::ALIGNMENT;
use super::values::{Bytes, Value, fail};
use crate::checkpoint::tensors::tensor_error;
use crate::error::Result;
use std::io::{Read, Seek};

/// No file with more tensors is read. A GPT-2 of 48 blocks has 581.
const MOST_TENSORS: u64 = 10_000;

/// What the list says about one tensor.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::checkpoint) struct Info {
    pub name: String,
    /// As a shape: the fastest dimension last.
    pub shape: Vec<usize>,
    /// The number by which the format knows the type of the numbers.
    pub kind: u32,
    /// Its first byte, counted from the first of the data.
    pub offset: u64,
}

/// Everything before the numbers.
#[derive(Debug)]
pub(in crate::checkpoint) struct Header {
    /// The entries that were asked for and are there.
    entries: Vec<(&'static str, Value)>,
    pub tensors: Vec<Info>,
    /// Where the numbers begin in the file.
    pub data_start: u64,
    pub alignment: u64,
}

impl Header {
    /// Reads it. `keys` are the entries to keep.
    ///
    /// # Errors
    ///
    /// A source that cannot be read or is not GGUF, or one in a version that is not read here.
    pub fn read<R: Read + Seek>(reader: &mut R, keys: &[&'static str]) -> Result<Header> {
        let mut bytes = Bytes::new(reader)?;
        if bytes.array::<4>("its first bytes")? != *b"GGUF" {
            return Err(fail("it does not begin with \"GGUF\""));
        }
        check_version(bytes.u32("its version")?)?;
        let (n_tensors, n_entries) = (bytes.u64("the number of tensors")?, bytes.u64("the number of entries")?);
        let mut entries: Vec<(&'static str, Value)> = Vec::new();
        for _ in 0..n_entries {
            let key = bytes.text("the key of an entry")?;
            let kept = keys.iter().find(|kept| **kept == key);
            let value = bytes.value(&key, kept.is_some())?;
            if let Some(key) = kept {
                if entries.iter().any(|(found, _)| found == key) {
                    return Err(fail(format!("it says `{key}` twice: which one is meant?")));
                }
                entries.push((key, value));
            }
        }
        if n_tensors > MOST_TENSORS {
            return Err(fail(format!("it has {n_tensors} tensors, and at most {MOST_TENSORS} are read here")));
        }
        // Each takes 24 bytes at least.
        let mut tensors = Vec::with_capacity(n_tensors.min(bytes.left() / 24) as usize);
        for _ in 0..n_tensors {
            tensors.push(info(&mut bytes)?);
        }
        let end = bytes.at();
        let mut header = Header { entries, tensors, data_start: 0, alignment: 32 };
        if let Some(alignment) = header.size(ALIGNMENT)? {
            header.alignment = alignment as u64;
            if !header.alignment.is_power_of_two() {
                return Err(fail(format!("`{ALIGNMENT}` is {alignment}, and must be a power of two")));
            }
        }
        let start = end.checked_next_multiple_of(header.alignment);
        header.data_start = start.ok_or_else(|| fail(format!("`{ALIGNMENT}` is too large")))?;
        Ok(header)
    }

    /// The value under `key`, which must be one of those that were asked for.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.entries.iter().find(|(found, _)| *found == key).map(|(_, value)| value)
    }

    /// The size under `key`.
    ///
    /// # Errors
    ///
    /// If something else is there.
    pub fn size(&self, key: &str) -> Result<Option<usize>> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Integer(n)) if usize::try_from(*n).is_ok() => Ok(usize::try_from(*n).ok()),
            Some(_) => Err(fail(format!("`{key}` is not an integer from 0 on"))),
        }
    }

    /// The text under `key`.
    ///
    /// # Errors
    ///
    /// If something else is there.
    pub fn text(&self, key: &str) -> Result<Option<&str>> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(_) => Err(fail(format!("`{key}` is not a text"))),
        }
    }

    /// The truth value under `key`; false, if nothing is there.
    ///
    /// # Errors
    ///
    /// If something else is there.
    pub fn is_true(&self, key: &str) -> Result<bool> {
        match self.get(key) {
            None => Ok(false),
            Some(Value::Truth(value)) => Ok(*value),
            Some(_) => Err(fail(format!("`{key}` is not a truth value"))),
        }
    }

    /// The texts under `key`.
    ///
    /// # Errors
    ///
    /// If something else is there.
    pub fn texts(&self, key: &str) -> Result<Option<&[Box<str>]>> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Texts(texts)) => Ok(Some(texts)),
            Some(_) => Err(fail(format!("`{key}` is not an array of texts"))),
        }
    }
}

/// What the list says next.
fn info<R: Read + Seek>(bytes: &mut Bytes<R>) -> Result<Info> {
    let name = bytes.text("the name of a tensor")?;
    let n_dims = bytes.u32("a number of dimensions")?;
    if n_dims > 4 {
        return Err(tensor_error(&name, format!("has {n_dims} dimensions, and at most 4 are possible")));
    }
    let mut shape = Vec::with_capacity(n_dims as usize);
    for _ in 0..n_dims {
        let dim = bytes.u64("a dimension")?;
        shape.push(usize::try_from(dim).map_err(|_| tensor_error(&name, format!("has {dim} rows")))?);
    }
    shape.reverse();
    Ok(Info { name, shape, kind: bytes.u32("a type of numbers")?, offset: bytes.u64("an offset")? })
}

fn check_version(version: u32) -> Result<()> {
    match version {
        2 | 3 => Ok(()),
        1 => Err(fail(
            "it is of version 1 of the format, which was in use for some weeks in 2023 and is not read here: make it anew \
             from the model that it was made from, or get one that is newer",
        )),
        // 2 or 3 with its bytes in the other order.
        n if n.trailing_zeros() >= 16 && n != 0 => Err(fail(
            "it was written for machines that put the highest byte of a number first: `gguf-convert-endian FILE little`, of \
             the Python package gguf, turns its numbers round",
        )),
        n => Err(fail(format!("it is of version {n} of the format, and versions 2 and 3 are read here"))),
    }
}
