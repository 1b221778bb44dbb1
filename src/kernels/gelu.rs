//! GELU of many numbers: the fast twin of `layers/gelu.rs`, which says what is computed.
//!
//! `tanh` is a call into a mathematics library, one number at a time. But `0.5 * (1 + tanh(u))` equals `1 / (1 + e^(-2u))`,
//! and [`math::exp`] runs on many numbers at once. The threads share the numbers.
//!
//! [Chapter 4](crate::book::ch04_basic_layers) explains what is computed, [chapter 16](crate::book::ch16_making_it_fast) how.

use super::{math, memory, threads};

const SQRT_2_OVER_PI: f32 = 0.797_884_6;

/// `0.5 * (1 + tanh(u))`, without `tanh`.
#[inline(always)]
fn half_one_plus_tanh(x: f32) -> f32 {
    let u = SQRT_2_OVER_PI * (x + 0.044715 * x * x * x);
    1.0 / (1.0 + math::exp(-2.0 * u))
}

/// GELU of each number.
pub fn gelu(x: &[f32]) -> Vec<f32> {
    let mut y = memory::take(x.len());
    threads::each_rows(&mut y, 1, 8, |first, y| {
        math::zip_map(y, &x[first..][..y.len()], |_, x| x * half_one_plus_tanh(x));
    });
    y
}

/// GELU backward: each `d_y` times the slope at its `x`.
///
/// With `p = 0.5 * (1 + tanh(u))` the slope is `p + x * 2p(1 - p) * du/dx`, because `1 - tanh(u)^2 = 4p(1 - p)`.
///
/// # Panics
///
/// If the two have different lengths.
pub fn gelu_backward(x: &[f32], d_y: &[f32]) -> Vec<f32> {
    assert_eq!(x.len(), d_y.len(), "gelu_backward: lengths differ");
    let mut d_x = memory::copy(d_y);
    threads::each_rows(&mut d_x, 1, 8, |first, d| {
        math::zip_map(d, &x[first..][..d.len()], |d_y, x| {
            let p = half_one_plus_tanh(x);
            let du = SQRT_2_OVER_PI * (1.0 + 3.0 * 0.044715 * x * x);
            d_y * (p + x * 2.0 * p * (1.0 - p) * du)
        });
    });
    d_x
}
