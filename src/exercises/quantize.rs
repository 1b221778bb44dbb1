//! Exercise: a row in one byte a number. Chapter 16. Medium, 20 minutes.
//!
//! Keep a row of numbers as whole numbers of one byte, from -127 to 127, and one *scale* for the whole row. Then go back,
//! and multiply two such rows with each other without going back.
//!
//! ```text
//! scale   = max |x_i| / 127                      the largest in size, divided by 127
//! q_i     = round(x_i / scale)                   quantize: to the nearest whole number
//! x_i     = q_i * scale                          dequantize: nearly what it was
//! dot     = (sum of q_i * p_i) * scale_a * scale_b
//! ```
//!
//! The sum of the dot product is one of whole numbers, and exact; only the last line's two scales are no whole numbers. Each is
//! applied once. Watch how large a sum can become: 127 * 127 is 16129, and an `i16` ends at 32767.
//!
//! A row of zeros has the scale 0, and is zeros again when it comes back.
//!
//! A worked example: the rows `a = [0.3, -1.27, 0.004]` and `b = [2.54, 1, -0.5]`.
//!
//! ```text
//!     a: the largest in size is 1.27   scale = 1.27 / 127 = 0.01
//!        0.3 / 0.01 = 30, -1.27 / 0.01 = -127, 0.004 / 0.01 = 0.4       q = [30, -127, 0]
//!     b: the largest in size is 2.54   scale = 2.54 / 127 = 0.02        q = [127, 50, -25]
//!
//!     a comes back as [0.3, -1.27, 0]
//!     a·b = (30 * 127 - 127 * 50 + 0 * -25) * 0.01 * 0.02 = -2540 * 0.0002 = -0.508      (exactly: -0.51)
//! ```
//!
//! | argument | shape | |
//! | --- | --- | --- |
//! | `row` | `[n]` | at least one number; none is NaN or infinite |
//! | `numbers` | `[n]` | whole numbers from -127 to 127 |
//! | `(a, scale_a)`, `(b, scale_b)` | `[n]`, and a number | two quantized rows of equal length |
//! | result of `quantize` | `[n]`, and a number | the whole numbers, and the scale |
//! | result of `dequantize` | `[n]` | |
//! | result of `dot` | a number | |
//!
//! Whether a number in the middle of two whole ones goes up or down does not matter here: none of the checks has one.
//!
//! Of use: `f32::abs`, `f32::max`, `f32::round`, `x as i8`, `f32::from(q)`, `i32::from(q)`.

use super::not_started;

/// A row as whole numbers, and their scale: `[n] -> [n]` and a number.
pub fn quantize(row: &[f32]) -> (Vec<i8>, f32) {
    not_started()
}

/// Back to numbers: `[n] -> [n]`.
pub fn dequantize(numbers: &[i8], scale: f32) -> Vec<f32> {
    not_started()
}

/// The dot product of two quantized rows, each with its scale: `[n] · [n]`, a number.
pub fn dot((a, scale_a): (&[i8], f32), (b, scale_b): (&[i8], f32)) -> f32 {
    not_started()
}

// Solution: src/quantize.rs, quantize
