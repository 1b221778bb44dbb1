//! Layer norm of many rows: the fast twin of `layers/layer_norm.rs`, which says what is computed.
//!
//! The same sums and the same steps, each over a whole row with vector instructions. The threads share the rows. What
//! belongs to the columns, `d_weight` and `d_bias`, is summed over the rows in a fixed order.
//!
//! [Chapter 4](crate::book::ch04_basic_layers) explains what is computed, [chapter 16](crate::book::ch16_making_it_fast) how.

use super::{math, memory, threads};

/// The mean of a row, and `1 / sqrt(variance + epsilon)`.
fn statistics(row: &[f32], epsilon: f32) -> (f32, f32) {
    let n = row.len() as f32;
    let mean = math::sum(row) / n;
    let variance = math::sum_of_squares(row, mean) / n;
    (mean, 1.0 / (variance + epsilon).sqrt())
}

/// Each row of `x` with mean 0 and variance 1, times `weight`, plus `bias`.
///
/// # Panics
///
/// If `weight` and `bias` are not as long as each other, or `x` is not whole rows.
pub fn layer_norm(x: &[f32], weight: &[f32], bias: &[f32], epsilon: f32) -> Vec<f32> {
    let n = weight.len();
    assert!(bias.len() == n && x.len() == x.len().next_multiple_of(n.max(1)), "layer_norm: lengths do not fit");
    let mut y = memory::copy(x);
    threads::each_rows(&mut y, n, 8, |_, rows| {
        for row in rows.chunks_mut(n) {
            let (mean, scale) = statistics(row, epsilon);
            math::zip_map(row, weight, |x, weight| (x - mean) * scale * weight);
            math::zip_map(row, bias, |x, bias| x + bias);
        }
    });
    y
}

/// `d_x`; adds to `d_weight` and `d_bias`.
///
/// # Panics
///
/// If the lengths do not fit.
pub fn layer_norm_backward(
    x: &[f32],
    weight: &[f32],
    epsilon: f32,
    d_y: &[f32],
    d_weight: &mut [f32],
    d_bias: &mut [f32],
) -> Vec<f32> {
    let n = weight.len();
    assert!(
        d_weight.len() == n && d_bias.len() == n && x.len() == d_y.len(),
        "layer_norm_backward: lengths do not fit"
    );
    // Mean and scale of every row, and z: the sums over the rows need it, and so does each row.
    let mut pairs = vec![0.0; 2 * (x.len() / n)];
    threads::each_rows(&mut pairs, 2, 4 * n, |first, pairs| {
        for (pair, row) in pairs.chunks_mut(2).zip(x[first * n..].chunks(n)) {
            (pair[0], pair[1]) = statistics(row, epsilon);
        }
    });
    let mut z = memory::Scratch::new(x.len());
    threads::each_rows(&mut z, n, 8, |first, rows| {
        for (i, z) in rows.chunks_mut(n).enumerate() {
            let row = first + i;
            let (mean, scale) = (pairs[2 * row], pairs[2 * row + 1]);
            math::zip_map(z, &x[row * n..][..n], |_, x| (x - mean) * scale);
        }
    });
    math::add_column_sums(d_y, d_bias);
    math::add_column_sums_of_products(d_y, &z, d_weight);
    let mut d_x = memory::copy(d_y);
    threads::each_rows(&mut d_x, n, 8, |first, rows| {
        for (i, d) in rows.chunks_mut(n).enumerate() {
            let (scale, z) = (pairs[2 * (first + i) + 1], &z[(first + i) * n..][..n]);
            math::zip_map(d, weight, |d_y, weight| d_y * weight); // d_y -> d_z
            let mean_d = math::sum(d) / n as f32;
            let mean_dz = math::dot(d, z) / n as f32;
            math::zip_map(d, z, |d_z, z| scale * (d_z - mean_d - z * mean_dz)); // d_z -> d_x
        }
    });
    d_x
}
