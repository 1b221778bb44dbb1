//! Tensors that lie in files, whatever the format of the files.
//!
//! Every format of weights is, in the end, a list: this tensor has this name, this shape and this kind of number, and its
//! numbers begin at this byte of this file. The formats differ in how they write the list down. This file begins where
//! the list is known: [`Tensors`] are such places in one or several open files, and `fill` reads the numbers of one.

use super::blocks::Blocks;
use super::gpt2_names::{Family, is_linear};
use super::int8;
use super::json::quote;
use super::safetensors::Dtype;
use super::safetensors::dtype::decode;
use crate::error::{Error, Result};
use crate::kernels::unpack;
use crate::tensor::Tensor;
use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// How many bytes are converted at a time. This way a tensor is never in memory in two forms.
pub(super) const CHUNK: usize = 64 * 1024;

/// How many numbers are read at a time, unless a single column has more.
const AT_A_TIME: usize = 1 << 18;

/// Where one tensor lies. Whoever makes a place has checked that its numbers lie in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::checkpoint) struct Place {
    /// Its name in the file, for example `transformer.h.0.ln_1.weight`.
    pub name: String,
    /// The kind of its numbers.
    pub kind: Kind,
    /// Its shape; `[]` is a single number.
    pub shape: Vec<usize>,
    /// The order in which its numbers lie.
    pub order: Order,
    /// Which of the open files it is in.
    pub file: usize,
    /// Its first byte in that file.
    pub begin: u64,
}

/// The kind of the numbers of a tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::checkpoint) enum Kind {
    /// Each number by itself.
    Plain(Dtype),
    /// Many numbers together, with a scale.
    Blocks(Blocks),
    /// Whole numbers of one byte, to be multiplied with what lies at another place: see `int8.rs`.
    Scaled(Box<Place>),
    /// Something that is not read here, by its name.
    Unknown(String),
}

impl Kind {
    /// How many numbers are the least that can be read alone, and how many bytes they take.
    pub fn unit(&self) -> (usize, usize) {
        match self {
            Kind::Plain(dtype) => (1, dtype.bits() / 8),
            Kind::Blocks(blocks) => (blocks.n_numbers(), blocks.n_bytes()),
            Kind::Scaled(_) | Kind::Unknown(_) => (1, 1),
        }
    }

    /// How many bytes a tensor of this shape takes, whose rows fill whole blocks; `None` if they cannot be counted.
    pub fn n_bytes(&self, shape: &[usize]) -> Option<u64> {
        let (unit, unit_bytes) = self.unit();
        let n = shape.iter().try_fold(1_u64, |n, &size| n.checked_mul(size as u64))?;
        (n / unit as u64).checked_mul(unit_bytes as u64)
    }

    /// Bytes to numbers. Returns whether every one is a number: neither NaN nor infinite.
    fn decode(&self, bytes: &[u8], out: &mut [f32]) -> bool {
        match self {
            Kind::Plain(dtype) => decode(bytes, *dtype, out),
            Kind::Blocks(blocks) => blocks.decode(bytes, out),
            Kind::Scaled(_) => int8::decode(bytes, out),
            Kind::Unknown(_) => false,
        }
    }
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
    /// By which names the weights are called.
    pub family: Family,
}

impl<R> Tensors<R> {
    /// The tensors of one file.
    pub fn in_one_file(places: Vec<Place>, path: &Path, reader: R, family: Family) -> Tensors<R> {
        Tensors { places, files: vec![Source { path: path.to_path_buf(), reader }], family }
    }

    /// The same tensors, of a program that keeps the weights of linear layers as `[out, in]`: they are turned while they are
    /// read.
    #[must_use]
    pub fn with_linear_layers_turned(mut self) -> Tensors<R> {
        for place in &mut self.places {
            if is_linear(&self.family.own_name(&place.name)) && place.shape.len() == 2 {
                place.shape.reverse();
                place.order = match place.order {
                    Order::Rows => Order::Columns,
                    Order::Columns => Order::Rows,
                    Order::Other => Order::Other,
                };
            }
        }
        self
    }
}

impl<R: Read + Seek> Tensors<R> {
    /// Fills `out` with the numbers of the `i`-th place, every one of which must be a number.
    ///
    /// # Errors
    ///
    /// If `out` and the tensor do not have the same length, the dtype is not one of weights, a number is NaN or infinite, or
    /// a disk error. The error names the file.
    pub fn read_weight_into(&mut self, i: usize, out: &mut [f32]) -> Result<()> {
        let place = self.places[i].clone();
        self.read_place_into(&place, out)?;
        self.scale(&place, 0, out)?;
        let is_finite = !matches!(place.kind, Kind::Scaled(_)) || out.iter().all(|x| x.is_finite());
        if is_finite { Ok(()) } else { Err(not_numbers(&place, out).in_file(&self.files[place.file].path)) }
    }

    /// If the numbers of a place have scales at another one, multiplies these numbers with them: those from number `first` on.
    fn scale(&mut self, place: &Place, first: usize, out: &mut [f32]) -> Result<()> {
        let Kind::Scaled(scales) = &place.kind else { return Ok(()) };
        // There are no more scales than numbers, and the file has those.
        let mut factors = vec![0.0; scales.n_numbers().unwrap_or(0)];
        self.read_place_into(scales, &mut factors)?;
        int8::scale(out, first, place.shape[1], &factors, &scales.shape);
        Ok(())
    }

    /// [`Tensors::read_weight_into`], for what lies at one place alone.
    fn read_place_into(&mut self, place: &Place, out: &mut [f32]) -> Result<()> {
        let file = &mut self.files[place.file];
        match fill(place, &mut file.reader, out) {
            Ok(true) => Ok(()),
            Ok(false) => Err(not_numbers(place, out).in_file(&file.path)),
            Err(error) => Err(error.in_file(&file.path)),
        }
    }

    /// Fills `out` with numbers of the `i`-th place, in the order in which they lie, from number `first` on, which begins a
    /// block if there are blocks.
    fn read_part(&mut self, i: usize, first: usize, out: &mut [f32]) -> Result<()> {
        let place = &self.places[i];
        let (unit, unit_bytes) = place.kind.unit();
        let begin = place.begin + (first / unit * unit_bytes) as u64;
        let part = Place { shape: vec![out.len()], order: Order::Rows, begin, ..place.clone() };
        let file = &mut self.files[place.file];
        fill(&part, &mut file.reader, out).map_err(|e| e.in_file(&file.path))?;
        let place = place.clone();
        self.scale(&place, first, out)
    }

    /// Whether the numbers of the `i`-th place, which lie row by row, are these, bit for bit. No more is read than up to the
    /// first piece that differs.
    ///
    /// # Errors
    ///
    /// If they are of a kind that is not read, or the file cannot be read.
    pub fn is_same(&mut self, i: usize, numbers: &[f32]) -> Result<bool> {
        let place = &self.places[i];
        if place.n_numbers() != Some(numbers.len()) || place.order != Order::Rows {
            return Ok(false);
        }
        let mut piece = vec![0.0; AT_A_TIME.min(numbers.len())];
        for (k, expected) in numbers.chunks(AT_A_TIME).enumerate() {
            let piece = &mut piece[..expected.len()];
            self.read_part(i, k * AT_A_TIME, piece)?;
            if piece.iter().zip(expected).any(|(a, b)| a.to_bits() != b.to_bits()) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Some of the numbers of the `i`-th place, in the order in which they lie: all of them, or four long pieces of a larger
    /// tensor, the first from its begin and the last from its end.
    ///
    /// # Errors
    ///
    /// If they are of a kind that is not read, or the file cannot be read.
    pub fn sample(&mut self, i: usize) -> Result<Vec<f32>> {
        const PIECES: usize = 4;
        const PIECE: usize = 4096;
        let place = &self.places[i];
        let too_large = || tensor_error(&place.name, "the product of its shape is too large");
        let n = place.n_numbers().ok_or_else(too_large)?;
        if n <= PIECES * PIECE {
            let mut all = vec![0.0; n];
            self.read_part(i, 0, &mut all)?;
            return Ok(all);
        }
        let (unit, _) = place.kind.unit();
        let mut sample = vec![0.0; PIECES * PIECE];
        for (k, piece) in sample.chunks_mut(PIECE).enumerate() {
            self.read_part(i, (n - PIECE) / (PIECES - 1) * k / unit * unit, piece)?;
        }
        Ok(sample)
    }
}

impl Place {
    /// How many numbers the tensor has; `None` if they cannot be counted.
    pub fn n_numbers(&self) -> Option<usize> {
        self.shape.iter().try_fold(1_usize, |n, &size| n.checked_mul(size))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Plain(dtype) => f.pad(&dtype.to_string()),
            Kind::Blocks(blocks) => f.pad(blocks.name()),
            Kind::Scaled(_) => f.pad("I8"),
            Kind::Unknown(name) => f.pad(name),
        }
    }
}

/// Fills `out` with the numbers at `place`, and returns whether all of them are numbers, neither NaN nor infinite.
///
/// # Errors
///
/// If `out` does not have the length of the tensor, its dtype is not one of weights, or the source cannot be read.
pub(in crate::checkpoint) fn fill<R: Read + Seek>(place: &Place, source: &mut R, out: &mut [f32]) -> Result<bool> {
    let Place { name, kind, shape, .. } = place;
    check_is_weight(place)?;
    if place.n_numbers() != Some(out.len()) {
        return Err(tensor_error(name, format!("does not have {} numbers", out.len())));
    }
    if out.is_empty() {
        return Ok(true);
    }
    let unreadable = |e| Error::io_in(format!("tensor {}", quote(name)), "read", e);
    source.seek(SeekFrom::Start(place.begin)).map_err(unreadable)?;
    let (unit, unit_bytes) = kind.unit();
    let mut bytes = Vec::new();
    let mut all_numbers = true;
    let mut read = |part: &mut [f32]| -> Result<()> {
        bytes.resize(part.len() / unit * unit_bytes, 0);
        source.read_exact(&mut bytes).map_err(unreadable)?;
        all_numbers &= unpack::decode(&bytes, unit_bytes, part, unit, |bytes, part| kind.decode(bytes, part));
        Ok(())
    };
    if place.order == Order::Columns {
        // The file has the columns one after the other, each with a number for every row.
        unpack::by_columns(out, shape[0], shape[1], AT_A_TIME, &mut read)?;
    } else {
        for part in out.chunks_mut(AT_A_TIME) {
            read(part)?;
        }
    }
    Ok(all_numbers)
}

/// Checks that the numbers at `place` are of a kind that weights have, and in an order that is read.
pub(in crate::checkpoint) fn check_is_weight(place: &Place) -> Result<()> {
    let expected = "expected F32, F16, BF16 or F64";
    let problem = match &place.kind {
        Kind::Plain(Dtype::I8) => {
            let beside = quote(&int8::name_of_scales(&place.name));
            format!(
                "its dtype is I8, and no tensor {beside} of a fitting shape is there to multiply it with; {expected}"
            )
        }
        Kind::Plain(dtype) if !dtype.is_weight() => format!("its dtype is {dtype}, {expected}"),
        Kind::Unknown(name) => format!("its numbers are {name}, {expected}"),
        _ if place.order == Order::Other => {
            "its numbers do not lie row by row or column by column: save it again after .contiguous()".to_string()
        }
        _ => return Ok(()),
    };
    Err(tensor_error(&place.name, problem))
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

/// Hands the numbers of a weight to `put` in the order in which a file has them, a few whole rows at a time. Of a matrix that
/// `is_turned`, the file has the columns as rows.
pub(in crate::checkpoint) fn in_order_of_file(
    tensor: &Tensor,
    is_turned: bool,
    mut put: impl FnMut(&[f32]) -> io::Result<()>,
) -> io::Result<()> {
    const ROWS: usize = 64;
    let (shape, numbers) = (tensor.shape(), tensor.data());
    if !is_turned {
        let row_len = shape.last().copied().unwrap_or(1).max(1);
        return numbers.chunks(ROWS * row_len).try_for_each(put);
    }
    let (row_len, n_columns) = (shape[0], shape[1]);
    let mut turned = vec![0.0; ROWS * row_len];
    for begin in (0..n_columns).step_by(ROWS) {
        let n = ROWS.min(n_columns - begin);
        for (i, row) in numbers.chunks_exact(n_columns).enumerate() {
            for (k, x) in row[begin..begin + n].iter().enumerate() {
                turned[k * row_len + i] = *x;
            }
        }
        put(&turned[..n * row_len])?;
    }
    Ok(())
}
