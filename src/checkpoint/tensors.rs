//! Tensors that lie in files, whatever the format of the files.
//!
//! Every format of weights is, in the end, a list: this tensor has this name, this shape and this kind of number, and its
//! numbers begin at this byte of this file. The formats differ in how they write the list down. This file begins where
//! the list is known: [`Tensors`] are such places in one or several open files, and `fill` reads the numbers of one.

use super::json::quote;
use super::safetensors::Dtype;
use super::safetensors::dtype::decode;
use crate::error::{Error, Result};
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

/// How many bytes are converted at a time. This way a tensor is never in memory in two forms.
pub(super) const CHUNK: usize = 64 * 1024;

/// Where one tensor lies. Whoever makes a place has checked that its numbers lie in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::checkpoint) struct Place {
    /// Its name in the file, for example `transformer.h.0.ln_1.weight`.
    pub name: String,
    /// The kind of its numbers.
    pub dtype: Dtype,
    /// Its shape; `[]` is a single number.
    pub shape: Vec<usize>,
    /// The order in which its numbers lie.
    pub order: Order,
    /// Which of the open files it is in.
    pub file: usize,
    /// Its first byte in that file.
    pub begin: u64,
}

/// The order in which the numbers of a tensor lie in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::checkpoint) enum Order {
    /// Row by row, as in a [`Tensor`](crate::Tensor).
    Rows,
    /// Column by column: what lies there is the transpose of a matrix. It is turned while it is read.
    Columns,
    /// Another, which is not read here.
    Other,
}

/// A file that is open, and its path, for messages.
#[derive(Debug)]
pub(in crate::checkpoint) struct Source<R> {
    pub path: PathBuf,
    pub reader: R,
}

/// Tensors in one file, or in several that make up one model.
#[derive(Debug)]
pub(in crate::checkpoint) struct Tensors<R> {
    pub places: Vec<Place>,
    pub files: Vec<Source<R>>,
}

impl<R: Read + Seek> Tensors<R> {
    /// Fills `out` with the numbers of the `i`-th place, every one of which must be a number.
    ///
    /// # Errors
    ///
    /// If `out` and the tensor do not have the same length, the dtype is not one of weights, a number is NaN or infinite, or
    /// a disk error. The error names the file.
    pub fn read_weight_into(&mut self, i: usize, out: &mut [f32]) -> Result<()> {
        let place = &self.places[i];
        let file = &mut self.files[place.file];
        match fill(place, &mut file.reader, out) {
            Ok(true) => Ok(()),
            Ok(false) => Err(not_numbers(place, out).in_file(&file.path)),
            Err(error) => Err(error.in_file(&file.path)),
        }
    }
}

/// Fills `out` with the numbers at `place`, and returns whether all of them are numbers, neither NaN nor infinite.
///
/// # Errors
///
/// If `out` does not have the length of the tensor, its dtype is not one of weights, or the source cannot be read.
pub(in crate::checkpoint) fn fill<R: Read + Seek>(place: &Place, source: &mut R, out: &mut [f32]) -> Result<bool> {
    let Place { name, dtype, shape, .. } = place;
    check_is_weight(place)?;
    let n = shape.iter().try_fold(1_usize, |n, &size| n.checked_mul(size));
    if n != Some(out.len()) {
        return Err(tensor_error(name, format!("does not have {} numbers", out.len())));
    }
    let unreadable = |e| Error::io_in(format!("tensor {}", quote(name)), "read", e);
    source.seek(SeekFrom::Start(place.begin)).map_err(unreadable)?;
    let size = dtype.bits() / 8;
    let mut buffer = vec![0; CHUNK.min(out.len().saturating_mul(size))];
    let mut all_numbers = true;
    let mut read = |part: &mut [f32]| -> Result<()> {
        let bytes = &mut buffer[..part.len() * size];
        source.read_exact(bytes).map_err(unreadable)?;
        all_numbers &= decode(bytes, *dtype, part);
        Ok(())
    };
    if place.order == Order::Columns {
        // The file has the columns one after the other, each with a number for every row.
        let (n_rows, n_columns) = (shape[0], shape[1]);
        let mut numbers = vec![0.0; out.len().min(CHUNK / size)];
        for begin in (0..out.len()).step_by(CHUNK / size) {
            let part = &mut numbers[..(CHUNK / size).min(out.len() - begin)];
            read(part)?;
            for (k, &x) in part.iter().enumerate() {
                let (column, row) = ((begin + k) / n_rows, (begin + k) % n_rows);
                out[row * n_columns + column] = x;
            }
        }
    } else {
        for part in out.chunks_mut(CHUNK / size) {
            read(part)?;
        }
    }
    Ok(all_numbers)
}

/// Checks that the numbers at `place` are of a kind that weights have, and in an order that is read.
pub(in crate::checkpoint) fn check_is_weight(place: &Place) -> Result<()> {
    if place.dtype.is_weight() {
        let problem = "its numbers do not lie row by row or column by column: save it again after .contiguous()";
        return if place.order == Order::Other { Err(tensor_error(&place.name, problem)) } else { Ok(()) };
    }
    Err(tensor_error(&place.name, format!("its dtype is {}, expected F32, F16, BF16 or F64", place.dtype)))
}

/// The error for a tensor with numbers that are none.
fn not_numbers(place: &Place, numbers: &[f32]) -> Error {
    let n_wrong = numbers.iter().filter(|x| !x.is_finite()).count();
    let first = numbers.iter().position(|x| !x.is_finite()).unwrap_or(0);
    // From the last dimension to the first: the rest of the division is the index, and the quotient goes on.
    let mut left = first;
    let mut index: Vec<usize> = Vec::new();
    for &n in place.shape.iter().rev() {
        index.insert(0, left % n);
        left /= n;
    }
    let (verb, it) = if n_wrong == 1 { ("is", "it") } else { ("are", "them") };
    let problem = format!(
        "{n_wrong} of its {} numbers {verb} NaN or infinite, the first ({}) at {index:?}; with {it} the model computes \
         nothing: take another copy of the file, or a state of before its training failed",
        numbers.len(),
        numbers[first],
    );
    tensor_error(&place.name, problem)
}

pub(in crate::checkpoint) fn tensor_error(name: &str, problem: impl Into<String>) -> Error {
    Error::format(format!("tensor {}", quote(name)), problem)
}
