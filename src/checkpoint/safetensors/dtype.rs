//! The kinds of number that a safetensors file may hold, and the conversion from bytes to numbers and back.

use crate::checkpoint::json::quote;
use crate::checkpoint::tensors::tensor_error;
use crate::error::{Error, Result};
use crate::float16::{Bf16, F16};
use std::fmt;
use std::str::FromStr;

/// The kind of number in a tensor of a file.
///
/// All kinds of the format are known, because a file may hold tensors that nobody asks for. Only the kinds used for
/// weights can be read: [`F32`](Dtype::F32), [`F16`](Dtype::F16), [`Bf16`](Dtype::Bf16) and [`F64`](Dtype::F64), whose
/// numbers become the nearest `f32`. The first three can be written. A model can also be written and read as
/// [`I8`](Dtype::I8): its matrices are then whole numbers, each with a tensor of scales beside it.
///
/// # Example: the name in a header
///
/// ```
/// use gpt60::checkpoint::Dtype;
///
/// assert_eq!("BF16".parse(), Ok(Dtype::Bf16));
/// assert_eq!(Dtype::Bf16.to_string(), "BF16");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs)] // the names tell: integers, unsigned integers, floats, complex numbers, of that many bits
pub enum Dtype {
    F32,
    F16,
    Bf16,
    Bool,
    F4,
    F6E2m3,
    F6E3m2,
    U8,
    I8,
    F8E5m2,
    F8E4m3,
    F8E8m0,
    F8E4m3fnuz,
    F8E5m2fnuz,
    I16,
    U16,
    I32,
    U32,
    C64,
    F64,
    I64,
    U64,
}

/// Each dtype with its name in a header and its size in bits.
pub(super) const DTYPES: [(Dtype, &str, usize); 22] = [
    (Dtype::F32, "F32", 32),
    (Dtype::F16, "F16", 16),
    (Dtype::Bf16, "BF16", 16),
    (Dtype::Bool, "BOOL", 8),
    (Dtype::F4, "F4", 4),
    (Dtype::F6E2m3, "F6_E2M3", 6),
    (Dtype::F6E3m2, "F6_E3M2", 6),
    (Dtype::U8, "U8", 8),
    (Dtype::I8, "I8", 8),
    (Dtype::F8E5m2, "F8_E5M2", 8),
    (Dtype::F8E4m3, "F8_E4M3", 8),
    (Dtype::F8E8m0, "F8_E8M0", 8),
    (Dtype::F8E4m3fnuz, "F8_E4M3FNUZ", 8),
    (Dtype::F8E5m2fnuz, "F8_E5M2FNUZ", 8),
    (Dtype::I16, "I16", 16),
    (Dtype::U16, "U16", 16),
    (Dtype::I32, "I32", 32),
    (Dtype::U32, "U32", 32),
    (Dtype::C64, "C64", 64),
    (Dtype::F64, "F64", 64),
    (Dtype::I64, "I64", 64),
    (Dtype::U64, "U64", 64),
];

impl Dtype {
    /// How many bits one number takes.
    #[must_use]
    pub fn bits(self) -> usize {
        self.row().2
    }

    fn row(self) -> (Dtype, &'static str, usize) {
        DTYPES.iter().find(|(dtype, _, _)| *dtype == self).copied().unwrap_or(DTYPES[0])
    }

    /// Whether weights of this dtype can be read.
    pub(in crate::checkpoint) fn is_weight(self) -> bool {
        matches!(self, Dtype::F32 | Dtype::F16 | Dtype::Bf16 | Dtype::F64)
    }

    /// Whether weights can be written as this dtype.
    pub(in crate::checkpoint) fn is_written(self) -> bool {
        self.is_weight() && self != Dtype::F64
    }

    /// Whether this is a kind of integers or of truth values, which are never weights.
    pub(in crate::checkpoint) fn is_integer(self) -> bool {
        use Dtype::{Bool, I8, I16, I32, I64, U8, U16, U32, U64};
        matches!(self, Bool | I8 | I16 | I32 | I64 | U8 | U16 | U32 | U64)
    }

    /// Checks that no number of the tensor `name` is too large for this dtype.
    ///
    /// # Errors
    ///
    /// If one is. The error names it.
    pub(in crate::checkpoint) fn check_fits(self, name: &str, numbers: &[f32]) -> Result<()> {
        match numbers.iter().find(|&&x| self.is_too_small_for(x)) {
            None => Ok(()),
            Some(x) => Err(tensor_error(name, format!("{x} is too large for {self}: write it as F32"))),
        }
    }

    /// Whether `x` is a number that is too large for this dtype.
    pub(in crate::checkpoint) fn is_too_small_for(self, x: f32) -> bool {
        let rounded = match self {
            Dtype::F16 => F16::nearest(x).value(),
            Dtype::Bf16 => Bf16::nearest(x).value(),
            _ => x,
        };
        x.is_finite() && rounded.is_infinite()
    }
}

impl fmt::Display for Dtype {
    /// The name in a header, for example `BF16`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.row().1)
    }
}

impl FromStr for Dtype {
    type Err = Error;

    /// The dtype that a header calls `name`.
    fn from_str(name: &str) -> Result<Dtype> {
        let found = DTYPES.iter().find(|(_, n, _)| *n == name);
        let unknown = || Error::argument("dtype", format!("{} is unknown, expected one such as F32", quote(name)));
        found.map(|(dtype, _, _)| *dtype).ok_or_else(unknown)
    }
}

/// How many bytes a tensor takes: the product of its shape times the size of a number, or why such a tensor cannot
/// exist.
pub(super) fn n_bytes(shape: &[usize], dtype: Dtype) -> std::result::Result<usize, String> {
    // [0, huge, huge] is empty, but a reader that multiplies from the right would overflow. The product is taken
    // without the zeros first, and must fit even then.
    let too_large = || "the product of its shape is too large".to_string();
    let mut bits = dtype.bits();
    for &n in shape.iter().filter(|&&n| n > 0) {
        bits = bits.checked_mul(n).ok_or_else(too_large)?;
    }
    if shape.contains(&0) {
        return Ok(0);
    }
    if !bits.is_multiple_of(8) {
        return Err(format!("its {dtype} numbers do not fill whole bytes"));
    }
    Ok(bits / 8)
}

/// Bytes to numbers; `dtype` must be one of weights. Returns whether every one is a number: neither NaN nor
/// infinite.
///
/// The question is answered while each number is at hand anyway, which takes no time that could be measured; a second look
/// at all of a large file would.
pub(in crate::checkpoint) fn decode(bytes: &[u8], dtype: Dtype, out: &mut [f32]) -> bool {
    match dtype {
        Dtype::F16 => decode_with(bytes, out, |b| F16(u16::from_le_bytes(b)).value()),
        Dtype::Bf16 => decode_with(bytes, out, |b| Bf16(u16::from_le_bytes(b)).value()),
        Dtype::F64 => decode_with(bytes, out, |b| f64::from_le_bytes(b) as f32),
        _ => decode_with(bytes, out, f32::from_le_bytes),
    }
}

/// [`decode`] for numbers of `N` bytes each.
fn decode_with<const N: usize>(bytes: &[u8], out: &mut [f32], value: impl Fn([u8; N]) -> f32) -> bool {
    let mut seen = 0;
    for (x, bytes) in out.iter_mut().zip(bytes.as_chunks::<N>().0) {
        *x = value(*bytes);
        // Without the sign. NaN and infinity have an exponent of all ones; one more, and it carries into the sign's place.
        seen |= (x.to_bits() & 0x7FFF_FFFF) + 0x0080_0000;
    }
    seen >> 31 == 0
}

/// Numbers to bytes, appended to `out`; `dtype` must be one of the three that are written, or `I8` for whole numbers.
pub(in crate::checkpoint) fn encode(numbers: &[f32], dtype: Dtype, out: &mut Vec<u8>) {
    for &x in numbers {
        match dtype {
            Dtype::F16 => out.extend_from_slice(&F16::nearest(x).0.to_le_bytes()),
            Dtype::Bf16 => out.extend_from_slice(&Bf16::nearest(x).0.to_le_bytes()),
            Dtype::I8 => out.push((x as i8).cast_unsigned()),
            _ => out.extend_from_slice(&x.to_le_bytes()),
        }
    }
}
