//! Exercise: GELU, the bend. Chapter 4. Easy, 10 minutes.
//!
//! Two linear layers in a row are no more than one, unless something between them is not linear. In GPT-2 that is GELU:
//! it keeps large positive numbers, turns large negative ones into 0, and bends smoothly in between.
//!
//! ```text
//! gelu(x) = 0.5 * x * (1 + tanh(u))        where u = sqrt(2/pi) * (x + 0.044715 * x^3)
//! ```
//!
//! A worked example: for `x = 2`, `sqrt(2/pi)` is 0.79788, so `u = 0.79788 * (2 + 0.044715 * 8) = 1.88119`, and
//! `gelu(2) = 0.5 * 2 * (1 + tanh(1.88119)) = 1 + 0.95460 = 1.95460`. For `x = -1` it is -0.15881.
//!
//! | argument | type | |
//! | --- | --- | --- |
//! | `x` | `f32` | any number |
//! | result | `f32` | |
//!
//! Of use: `f32::tanh`, `f32::sqrt`, `std::f32::consts::PI`. In Rust `^` is not a power: write `x * x * x`, or
//! `x.powi(3)`.

use super::not_started;
use std::f32::consts::PI;

/// GELU of one number.
pub fn gelu(x: f32) -> f32 {
    not_started()
}

// Solution: src/layers/gelu.rs, gelu
