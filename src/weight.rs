//! A weight: a tensor, or the same numbers *packed* in fewer bytes.
//!
//! To write one token, a model reads each of its weights once and multiplies it once. Multiplying is quick; reading
//! takes the time. A model whose weights take half the bytes therefore writes nearly twice as fast. There are three ways
//! to use fewer bytes:
//!
//! * **bf16**: keep the upper half of each `f32`. Two to three of its seven decimal digits are left, for large and
//!   small numbers alike.
//! * **int8**: store each number as a whole number from -127 to 127, times a *scale*. All weights that feed the same
//!   output share one scale: the largest of their absolute values, divided by 127 (see `quantize.rs`). Each weight is then
//!   off by at most half a scale, 0.4 % of the largest one.
//! * **int4**: the same with 16 numbers instead of 255, and a scale for every 32 weights (see `int4.rs`). This is for
//!   writing fast; it is the first way that a model notices.
//!
//! One row, the next token, is multiplied as it is: each weight is converted back as it is read. (Not so with int4, where
//! the row is rounded to whole numbers.) Where several rows meet the weights, they are rounded too, because the processor may
//! have instructions for short numbers: with bf16, more than 16 rows to bf16; with int8, two rows or more to whole numbers.
//! The sums are never rounded. A trained model hardly notices, because the errors are small, go both ways, and are summed over
//! hundreds of terms. How little it notices is measured, not promised: see `docs/fewer-bits.md`.
//!
//! Packed weights cannot be trained, because a step of learning is far smaller than what was rounded off.
//!
//! Source: symmetric, per-channel quantization as in Jacob et al. (2018), section 3.
//!
//! [Chapter 16](crate::book::ch16_making_it_fast) explains it; [Numbers in fewer bits](crate::book::fewer_bits) goes further.

use crate::error::{Error, Result};
use crate::float16::Bf16;
use crate::kernels::matmul::nibbles::Nibbles;
use crate::kernels::matmul::{Matrix, bytes, product};
use crate::quantize::{dequantize, quantize};
use crate::tensor::Tensor;
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// How the numbers of a weight are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Precision {
    /// 4 bytes: as they are.
    F32,
    /// 2 bytes: two to three digits.
    Bf16,
    /// 1 byte, and a scale for each output.
    Int8,
    /// 4 bits, and a scale for every 32 weights of an output.
    Int4,
}

impl Precision {
    /// All of them, the most exact first.
    pub const ALL: [Precision; 4] = [Precision::F32, Precision::Bf16, Precision::Int8, Precision::Int4];

    /// How many bytes a number takes, the scales of int4 counted in. (Those of int8 are next to nothing.)
    pub fn n_bytes(self) -> f64 {
        match self {
            Precision::F32 => 4.0,
            Precision::Bf16 => 2.0,
            Precision::Int8 => 1.0,
            Precision::Int4 => 0.5 + 2.0 / 32.0,
        }
    }
}

/// The name on a command line: `f32`, `bf16`, `int8` or `int4`.
impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Precision::F32 => "f32",
            Precision::Bf16 => "bf16",
            Precision::Int8 => "int8",
            Precision::Int4 => "int4",
        })
    }
}

impl FromStr for Precision {
    type Err = Error;

    fn from_str(name: &str) -> Result<Precision> {
        let found = Precision::ALL.into_iter().find(|precision| precision.to_string() == name);
        found.ok_or_else(|| Error::argument(format!("{name:?}"), "choose f32, bf16, int8 or int4"))
    }
}

/// Which numbers of a weight share a scale: those that feed one output. They lie side by side when they are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScalePer {
    /// Each row makes one output: `x·Wᵀ`, as in the head.
    Row,
    /// Each column makes one: `x·W`, as in a linear layer.
    Column,
}

/// A table of weights, `[m, n]`, full or packed.
///
/// Both kinds can multiply and can give a row. Only a full one is a tensor, and [`Weight::tensor`] is the only way to
/// reach it.
#[derive(Debug, Clone, PartialEq)]
pub enum Weight {
    /// As they are.
    Full(Tensor),
    /// In fewer bytes.
    Packed(Packed),
}

/// Weights in fewer bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Packed {
    /// `[m, n]`
    shape: [usize; 2],
    scale_per: ScalePer,
    /// `[m, n]` if the rows make the outputs, else the transpose. The numbers of an output always lie side by side, so
    /// each thread reads one long piece of memory, which is the fastest way to read.
    numbers: Numbers,
}

#[derive(Debug, Clone, PartialEq)]
enum Numbers {
    Bf16(Vec<Bf16>),
    Int8 { numbers: Vec<i8>, scales: Vec<f32> },
    Int4(Nibbles),
}

impl Weight {
    /// Stores the numbers in fewer bytes; `scale_per` says which of them share a scale. A packed weight stays as it is.
    ///
    /// # Errors
    ///
    /// If the weight is not a table.
    ///
    /// # Example: what is left of three numbers
    ///
    /// ```
    /// use gpt60::Tensor;
    /// use gpt60::weight::{ScalePer, Precision, Weight};
    ///
    /// let mut w = Weight::Full(Tensor::new(&[3, 1], vec![1.27, 0.504, -0.001])?);
    /// w.pack(Precision::Int8, ScalePer::Column)?; // one column, one scale: 1.27 / 127 = 0.01
    /// let numbers: Vec<f32> = (0..3).map(|i| w.row(i)[0]).collect();
    /// assert!((numbers[0] - 1.27).abs() < 1e-6);
    /// assert!((numbers[1] - 0.50).abs() < 1e-6); // 50 times 0.01
    /// assert_eq!(numbers[2], 0.0); // less than half of 0.01
    /// # Ok::<(), gpt60::Error>(())
    /// ```
    pub fn pack(&mut self, precision: Precision, scale_per: ScalePer) -> Result<()> {
        let Weight::Full(tensor) = self else { return Ok(()) };
        let (rows, cols) = tensor.table("pack")?;
        if precision == Precision::F32 {
            return Ok(());
        }
        let tensor = std::mem::replace(tensor, Tensor::zeros(&[0, 0]));
        let by_output = if scale_per == ScalePer::Row { tensor } else { tensor.transpose()? };
        let numbers = match precision {
            Precision::Int8 => to_int8(&by_output),
            Precision::Int4 => Numbers::Int4(Nibbles::new(by_output.matrix())),
            _ => Numbers::Bf16(by_output.data().iter().map(|&x| Bf16::nearest(x)).collect()),
        };
        drop(by_output.into_data()); // back to the system, not kept for another tensor
        *self = Weight::Packed(Packed { shape: [rows, cols], scale_per, numbers });
        Ok(())
    }

    /// Whether the numbers are stored in fewer bytes.
    pub fn is_packed(&self) -> bool {
        matches!(self, Weight::Packed(_))
    }

    /// The tensor of a full weight.
    ///
    /// # Errors
    ///
    /// If the weight is packed, and so has none.
    pub fn tensor(&self) -> Result<&Tensor> {
        match self {
            Weight::Full(tensor) => Ok(tensor),
            Weight::Packed(packed) => Err(packed.no_tensor()),
        }
    }

    /// Mutable access to the tensor of a full weight.
    ///
    /// # Errors
    ///
    /// If the weight is packed, and so has none.
    pub fn tensor_mut(&mut self) -> Result<&mut Tensor> {
        match self {
            Weight::Full(tensor) => Ok(tensor),
            Weight::Packed(packed) => Err(packed.no_tensor()),
        }
    }

    /// The product `x·W`: `[m, k] · [k, n] -> [m, n]`.
    ///
    /// # Errors
    ///
    /// If the columns of `x` do not match the rows of `W`, or `W` was packed for [`ScalePer::Row`].
    pub fn matmul(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Weight::Full(tensor) => x.matmul(tensor),
            Weight::Packed(packed) => packed.product("matmul", x, ScalePer::Column),
        }
    }

    /// The product `x·Wᵀ`: `[m, k] · [n, k]ᵀ -> [m, n]`.
    ///
    /// # Errors
    ///
    /// If the columns of `x` do not match the columns of `W`, or `W` was packed for [`ScalePer::Column`].
    pub fn matmul_t(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Weight::Full(tensor) => x.matmul_t(tensor),
            Weight::Packed(packed) => packed.product("matmul_t", x, ScalePer::Row),
        }
    }

    /// Row `i`, `[n]`: in an embedding, the vector of token `i`.
    ///
    /// # Panics
    ///
    /// If there is no row `i`.
    pub fn row(&self, i: usize) -> Cow<'_, [f32]> {
        match self {
            Weight::Full(tensor) => Cow::Borrowed(tensor.row(i)),
            Weight::Packed(packed) => Cow::Owned(packed.row(i)),
        }
    }

    /// The rows with these indices, in this order: `[m, n] -> [rows.len(), n]`.
    ///
    /// # Errors
    ///
    /// If a row does not exist.
    pub fn take_rows(&self, rows: &[usize]) -> Result<Tensor> {
        match self {
            Weight::Full(tensor) => tensor.take_rows(rows),
            Weight::Packed(packed) => {
                let [n_rows, n_cols] = packed.shape;
                if let Some(i) = rows.iter().find(|&&i| i >= n_rows) {
                    return Err(Error::shape("take_rows", &[&packed.shape], format!("there is no row {i}")));
                }
                Tensor::new(&[rows.len(), n_cols], rows.iter().flat_map(|&i| packed.row(i)).collect())
            }
        }
    }

    /// The shape, `[m, n]`, packed or not.
    pub fn shape(&self) -> &[usize] {
        match self {
            Weight::Full(tensor) => tensor.shape(),
            Weight::Packed(packed) => &packed.shape,
        }
    }
}

/// Each number as a whole number from -127 to 127, times the scale of its row.
fn to_int8(tensor: &Tensor) -> Numbers {
    let (mut numbers, mut scales) = (Vec::with_capacity(tensor.len()), Vec::with_capacity(tensor.n_rows()));
    for i in 0..tensor.n_rows() {
        let (row, scale) = quantize(tensor.row(i));
        numbers.extend(row);
        scales.push(scale);
    }
    Numbers::Int8 { numbers, scales }
}

impl Packed {
    /// Why a packed weight has no tensor, and what to do.
    fn no_tensor(&self) -> Error {
        let problem = "it is packed in fewer bytes, so it cannot be trained or saved; load the model as f32";
        Error::argument(format!("weight of shape {:?}", self.shape), problem)
    }

    /// `x·W` if the columns are the outputs, `x·Wᵀ` if the rows are.
    fn product(&self, op: &'static str, x: &Tensor, scale_per: ScalePer) -> Result<Tensor> {
        if self.scale_per != scale_per {
            return Err(Error::argument(op, "this weight was packed for the other product; load the model as f32"));
        }
        let (m, k) = x.table(op)?;
        let (n, k_own) = self.table();
        if k != k_own {
            let rule = format!("the left has {k} columns, but each output has {k_own} weights");
            return Err(Error::shape(op, &[x.shape(), &self.shape], rule));
        }
        let x = Matrix::new(x.data(), m, k);
        let y = match &self.numbers {
            Numbers::Bf16(numbers) => product(x, Matrix::new(numbers, n, k).transposed()),
            Numbers::Int8 { numbers, scales } => bytes::product(x, Matrix::new(numbers, n, k), scales),
            Numbers::Int4(numbers) => numbers.product(x),
        };
        Ok(Tensor::of(&[m, n], y))
    }

    /// How many outputs there are, and how many numbers feed each.
    fn table(&self) -> (usize, usize) {
        let [rows, cols] = self.shape;
        if self.scale_per == ScalePer::Row { (rows, cols) } else { (cols, rows) }
    }

    /// Row `i` of the weight.
    fn row(&self, i: usize) -> Vec<f32> {
        assert!(i < self.shape[0], "row {i} of a weight of {} rows", self.shape[0]);
        if self.scale_per == ScalePer::Row {
            return self.output(i);
        }
        (0..self.shape[1]).map(|o| self.output(o)[i]).collect()
    }

    /// What the weights of output `o` stand for.
    fn output(&self, o: usize) -> Vec<f32> {
        let n = self.table().1;
        match &self.numbers {
            Numbers::Bf16(numbers) => numbers[o * n..(o + 1) * n].iter().map(|x| x.value()).collect(),
            Numbers::Int8 { numbers, scales } => dequantize(&numbers[o * n..(o + 1) * n], scales[o]),
            Numbers::Int4(numbers) => numbers.row(o),
        }
    }
}

impl From<Tensor> for Weight {
    fn from(tensor: Tensor) -> Weight {
        Weight::Full(tensor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;
    use proptest::prelude::*;

    fn random(m: usize, n: usize, seed: u64) -> Tensor {
        Tensor::random(&[m, n], 1.0, &mut Rng::new(seed))
    }

    fn packed(tensor: &Tensor, precision: Precision, scale_per: ScalePer) -> Weight {
        let mut weight = Weight::Full(tensor.clone());
        weight.pack(precision, scale_per).unwrap();
        assert!(weight.is_packed());
        weight
    }

    /// What a packed weight stands for, as a tensor.
    fn unpacked(weight: &Weight) -> Tensor {
        let rows: Vec<usize> = (0..weight.shape()[0]).collect();
        weight.take_rows(&rows).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 40, ..Default::default() })]
        #[test]
        fn products_are_those_of_the_unpacked_numbers(m in 1usize..30, k in 1usize..70, n in 1usize..70, seed: u64) {
            let (w, w_t) = (random(k, n, seed ^ 1), random(n, k, seed ^ 2));
            for precision in [Precision::Bf16, Precision::Int8] {
                // Whole numbers whose largest is 127 in each row: there is nothing to round in either precision.
                let mut rng = Rng::new(seed);
                let whole = |i: usize| if i.is_multiple_of(k) { 127.0 } else { rng.below(255) as f32 - 127.0 };
                let x = Tensor::new(&[m, k], (0..m * k).map(whole).collect()).unwrap();
                let weight = packed(&w, precision, ScalePer::Column);
                // Sums of up to 70 products in another order, and the scale before or after the sum.
                weight.matmul(&x).unwrap().check_close(&x.matmul(&unpacked(&weight)).unwrap(), 1e-5).unwrap();
                let weight = packed(&w_t, precision, ScalePer::Row);
                weight.matmul_t(&x).unwrap().check_close(&x.matmul_t(&unpacked(&weight)).unwrap(), 1e-5).unwrap();
            }
        }

        #[test]
        fn no_number_is_off_by_more_than_rounding_allows(m in 1usize..20, n in 1usize..20, seed: u64) {
            let w = random(m, n, seed);
            // bf16 keeps 8 significant bits: off by at most half of the last, 2^-9 of the number.
            let kept = unpacked(&packed(&w, Precision::Bf16, ScalePer::Row));
            for (x, y) in w.data().iter().zip(kept.data()) {
                prop_assert!((x - y).abs() <= x.abs() / 256.0, "{} {}", x, y);
            }
            let kept = unpacked(&packed(&w, Precision::Int8, ScalePer::Row));
            for i in 0..m {
                let largest = w.row(i).iter().fold(0.0f32, |a, x| a.max(x.abs()));
                for (x, y) in w.row(i).iter().zip(kept.row(i)) {
                    // Half a scale, and a little for the division's own rounding.
                    prop_assert!((x - y).abs() <= largest / 127.0 * 0.5001, "{} {}", x, y);
                }
            }
        }
    }

    #[test]
    fn bf16_rounds_to_the_nearest_and_ties_to_even() {
        // 1 + 2^-8 lies in the middle of 1 and 1 + 2^-7; 1 + 3 * 2^-8 in the middle of 1 + 2^-7 and 1 + 2^-6.
        let value = |x: f32| Bf16::nearest(x).value();
        assert_eq!(value(1.0 + 1.0 / 256.0), 1.0);
        assert_eq!(value(1.0 + 3.0 / 256.0), 1.0 + 1.0 / 64.0);
        assert_eq!(value(1.0 + 1.1 / 256.0), 1.0 + 1.0 / 128.0);
        assert_eq!(value(f32::MAX), f32::INFINITY); // nearer to 2^128 than to any bf16 below
        assert_eq!(value(-0.0).to_bits(), (-0.0f32).to_bits());
        assert_eq!(value(f32::NEG_INFINITY), f32::NEG_INFINITY);
        assert!(value(f32::from_bits(0x7f80_0001)).is_nan()); // only the last bit makes it a NaN
    }

    #[test]
    fn outputs_of_zeros_stay_zero_and_a_nan_shows() {
        let w = Tensor::new(&[2, 2], vec![0.0, 1.0, 0.0, f32::NAN]).unwrap();
        let weight = packed(&w, Precision::Int8, ScalePer::Column);
        let y = weight.matmul(&Tensor::full(&[1, 2], 1.0)).unwrap();
        assert_eq!(y.data()[0], 0.0);
        assert!(y.data()[1].is_nan());
    }

    #[test]
    fn what_a_packed_weight_cannot_do_is_an_error_that_says_so() {
        let weight = packed(&random(3, 2, 1), Precision::Int8, ScalePer::Column);
        assert!(weight.matmul(&random(1, 2, 2)).unwrap_err().to_string().contains("[1, 2] and [3, 2]"));
        assert!(weight.matmul_t(&random(1, 2, 2)).unwrap_err().to_string().contains("packed for the other product"));
        assert!(weight.tensor().unwrap_err().to_string().contains("load the model as f32"));
        assert!(weight.take_rows(&[3]).is_err());
        let mut weight = weight;
        assert!(weight.tensor_mut().is_err());
    }

    #[test]
    fn a_precision_is_read_as_it_is_written() {
        for precision in Precision::ALL {
            assert_eq!(precision.to_string().parse(), Ok(precision));
        }
        assert!("fp8".parse::<Precision>().unwrap_err().to_string().contains("choose f32, bf16, int8 or int4"));
    }

    #[test]
    fn a_row_past_the_end_panics_packed_or_not() {
        let full = Weight::from(random(3, 2, 1));
        for weight in [&full, &packed(&random(3, 2, 1), Precision::Int8, ScalePer::Row)] {
            assert_eq!(weight.row(2).len(), 2);
            assert!(std::panic::catch_unwind(|| weight.row(3).len()).is_err());
        }
    }
}
