//! What TensorFlow writes into its index: for each tensor what it is, and where its numbers lie.
//!
//! The key of an entry is a tensor's name. The value is a message of Google's Protocol Buffers, a row of numbered fields:
//!
//! ```text
//! 08 01                            field 1, an integer:       dtype, 1 is float
//! 12 0c  12 02 08 01               field 2, a message of 12 bytes: shape. In it, field 2 for each dimension: a message
//!        12 02 08 08 12 02 08 18   with the size in field 1:  [1, 8, 24]
//! 20 60                            field 4, an integer:       the first byte, 96
//! 28 80 06                         field 5, an integer:       how many bytes, 768
//! 35 de 10 63 8c                   field 6, four bytes:       the check sum of these bytes
//! ```
//!
//! The number of a field and the kind of what follows are one integer: 8 times the number, and the kind. Integers are
//! varints, as in the table. A field that is 0 is not written. Here field 3 is missing: in which of the files with data.
//!
//! The first entry has the empty key. Its message says how many files with data there are (1), and whether the highest
//! byte of a number comes first (2).
//!
//! A tensor may be kept in slices, one for each machine of a training. Then field 7 lists them, and each has an entry whose
//! key begins with a zero byte.

use super::table::{self, take, varint};
use crate::checkpoint::json::quote;
use crate::error::{Error, Result};

/// The index of a checkpoint.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bundle {
    /// In how many files the numbers lie.
    pub n_shards: usize,
    /// The tensors, in the order of their names.
    pub entries: Vec<Entry>,
}

/// A tensor, as the index describes it. Nothing of it is checked yet.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub name: String,
    /// The kind of its numbers: a number of TensorFlow's.
    pub dtype: u64,
    pub shape: Vec<usize>,
    /// In which of the files it lies.
    pub shard: usize,
    pub begin: u64,
    pub size: u64,
    /// Whether it is kept in slices.
    pub is_sliced: bool,
}

impl Bundle {
    /// Reads the bytes of an index.
    ///
    /// # Errors
    ///
    /// Bytes that are no table, or whose entries are not such messages; numbers whose highest byte comes first.
    pub fn read(file: &[u8]) -> Result<Bundle> {
        let mut bundle = Bundle { n_shards: 0, entries: Vec::new() };
        table::entries(file, |key, value| {
            if key.is_empty() {
                bundle.n_shards = n_shards(value)?;
            } else if key[0] != 0 {
                let name = std::str::from_utf8(key).map_err(|_| fail("the name of a tensor is no text"))?;
                let wrong = || fail(format!("the entry of {} is damaged", quote(name)));
                bundle.entries.push(Entry::read(name, value).ok_or_else(wrong)?);
            }
            Ok(())
        })?;
        // The empty key is the first of all keys. Without it there are no shards.
        if bundle.n_shards == 0 {
            return Err(fail("it does not say in how many files the tensors are"));
        }
        Ok(bundle)
    }
}

/// How many files with data there are, from the entry of the empty key.
fn n_shards(message: &[u8]) -> Result<usize> {
    let mut n_shards = 0;
    let mut highest_first = 0;
    let read = fields(message, |number, value| {
        match (number, value) {
            (1, Value::Integer(n)) => n_shards = usize::try_from(n).ok()?,
            (2, Value::Integer(order)) => highest_first = order,
            _ => {}
        }
        Some(())
    });
    read.ok_or_else(|| fail("its first entry is damaged"))?;
    if highest_first != 0 {
        return Err(fail("it was written on a machine that puts the highest byte first: save it on another"));
    }
    Ok(n_shards)
}

impl Entry {
    /// Reads the message of the tensor `name`.
    fn read(name: &str, message: &[u8]) -> Option<Entry> {
        let name = name.to_string();
        let mut entry = Entry { name, dtype: 0, shape: Vec::new(), shard: 0, begin: 0, size: 0, is_sliced: false };
        fields(message, |number, value| {
            match (number, value) {
                (1, Value::Integer(dtype)) => entry.dtype = dtype,
                (2, Value::Bytes(shape)) => {
                    fields(shape, |number, value| match (number, value) {
                        (2, Value::Bytes(dimension)) => {
                            entry.shape.push(size(dimension)?);
                            Some(())
                        }
                        (3, Value::Integer(1..)) => None, // a shape that nobody knows
                        _ => Some(()),
                    })?;
                }
                (3, Value::Integer(shard)) => entry.shard = usize::try_from(shard).ok()?,
                (4, Value::Integer(begin)) => entry.begin = begin,
                (5, Value::Integer(size)) => entry.size = size,
                (7, _) => entry.is_sliced = true,
                _ => {}
            }
            Some(())
        })?;
        Some(entry)
    }
}

/// The size of a dimension, from its message.
fn size(dimension: &[u8]) -> Option<usize> {
    let mut size = 0;
    fields(dimension, |number, value| {
        if let (1, Value::Integer(n)) = (number, value) {
            size = usize::try_from(n).ok()?;
        }
        Some(())
    })?;
    Some(size)
}

/// The value of a field.
enum Value<'a> {
    Integer(u64),
    /// A message, or a text.
    Bytes(&'a [u8]),
    /// Four or eight bytes.
    Fixed,
}

/// Shows `visit` the number and the value of each field. `None`: the bytes are no message, or `visit` said so.
fn fields<'a>(message: &'a [u8], mut visit: impl FnMut(u64, Value<'a>) -> Option<()>) -> Option<()> {
    let mut rest = message;
    while !rest.is_empty() {
        let tag = varint(&mut rest)?;
        let value = match tag % 8 {
            0 => Value::Integer(varint(&mut rest)?),
            1 => take(&mut rest, 8).map(|_| Value::Fixed)?,
            2 => {
                let n = varint(&mut rest)?;
                Value::Bytes(take(&mut rest, n)?)
            }
            5 => take(&mut rest, 4).map(|_| Value::Fixed)?,
            _ => return None, // kinds 3 and 4 are of long ago
        };
        visit(tag / 8, value)?;
    }
    Some(())
}

fn fail(problem: impl Into<String>) -> Error {
    Error::format("TensorFlow's index", problem)
}
