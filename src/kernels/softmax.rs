//! Softmax of many rows: the fast twin of `layers/softmax.rs`, which says what is computed.
//!
//! A row is gone through three times, each time with vector instructions: the largest number, the powers and their sum, the
//! division. The threads share the rows.
//!
//! [Chapter 4](crate::book::ch04_basic_layers) explains what is computed, [chapter 16](crate::book::ch16_making_it_fast) how.

use super::{math, threads};

/// Softmax of each row of `n_cols` numbers, in place.
pub fn softmax(x: &mut [f32], n_cols: usize) {
    threads::each_rows(x, n_cols, 8, |_, rows| rows.chunks_mut(n_cols).for_each(softmax_row));
}

/// Softmax of one row, in place.
pub fn softmax_row(x: &mut [f32]) {
    let largest = math::max(x);
    let sum = math::exp_and_sum(x, largest);
    math::scale(x, 1.0 / sum);
}

/// Softmax backward of one row, in place: `d` is `d_y` before and `d_x` after.
///
/// # Panics
///
/// If the two have different lengths.
pub fn softmax_row_backward(y: &[f32], d: &mut [f32]) {
    let shared = math::dot(y, d);
    math::zip_map(d, y, |d, y| y * (d - shared));
}
