//! Any function over many numbers: what the activations of `layers/activation.rs` run on.
//!
//! The formulas stay where they are explained. Here is only the loop: the threads share the numbers, and where a formula is
//! straight arithmetic, the compiler turns it into vector instructions (see [`cpu`](super::cpu)).
//!
//! [Chapter 16](crate::book::ch16_making_it_fast) explains how.

use super::math::zip_map;
use super::{memory, threads};

/// How much work one number is, counted in multiplications: a few dozen, as in an exponential.
const WORK: usize = 8;

/// `f` of each number.
pub fn map(x: &[f32], f: impl Fn(f32) -> f32 + Sync) -> Vec<f32> {
    let mut y = memory::take(x.len());
    threads::each_rows(&mut y, 1, WORK, |first, y| zip_map(y, &x[first..][..y.len()], |_, x| f(x)));
    y
}

/// Each `d_y` times `slope` of its `x`.
///
/// # Panics
///
/// If the two have different lengths.
pub fn map_backward(x: &[f32], d_y: &[f32], slope: impl Fn(f32) -> f32 + Sync) -> Vec<f32> {
    assert_eq!(x.len(), d_y.len(), "map_backward: lengths differ");
    let mut d_x = memory::copy(d_y);
    threads::each_rows(&mut d_x, 1, WORK, |first, d| zip_map(d, &x[first..][..d.len()], |d, x| d * slope(x)));
    d_x
}
