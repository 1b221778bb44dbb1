//! Layer norm of many rows: the fast twin of `layers/layer_norm.rs`, which says what is computed.
//!
//! The same sums and the same steps, each over a whole row with vector instructions. A row is fetched from memory once: all
//! that is done to it follows while it is in the first-level cache. The threads share the rows.
//!
//! What belongs to the columns, `d_weight` and `d_bias`, is summed over the rows. Every `PART` rows make sums of their own,
//! which are added up in order: so they are the same for any number of threads.
//!
//! [Chapter 4](crate::book::ch04_basic_layers) explains what is computed, [chapter 16](crate::book::ch16_making_it_fast) how.

use super::cpu::{Kernel, multiply_add, run};
use super::memory::Scratch;
use super::{math, memory, threads};

/// How many rows make a part of the sums over the rows.
const PART: usize = 32;

/// The mean of a row, and `1 / sqrt(variance + epsilon)`.
#[inline(always)]
fn statistics(row: &[f32], epsilon: f32) -> (f32, f32) {
    let n = row.len() as f32;
    let mean = math::sum_of_inlined(row, |x| x) / n;
    let variance = math::sum_of_inlined(row, |x| (x - mean) * (x - mean)) / n;
    (mean, 1.0 / (variance + epsilon).sqrt())
}

/// Each row of `x` with mean 0 and variance 1, times `weight`, plus `bias`.
///
/// # Panics
///
/// If `weight` and `bias` are not as long as each other, or `x` is not whole rows.
pub fn layer_norm(x: &[f32], weight: &[f32], bias: &[f32], epsilon: f32) -> Vec<f32> {
    /// Some rows of `x` and of the result.
    struct Rows<'a> {
        x: &'a [f32],
        y: &'a mut [f32],
        weight: &'a [f32],
        bias: &'a [f32],
        epsilon: f32,
    }
    impl Kernel for Rows<'_> {
        type Output = ();
        #[inline(always)]
        fn run<const FMA: bool, const LANES: usize, const ROWS: usize>(self) {
            let Rows { x, y, weight, bias, epsilon } = self;
            for (x, y) in x.chunks_exact(weight.len()).zip(y.chunks_exact_mut(weight.len())) {
                let (mean, scale) = statistics(x, epsilon);
                for (((y, x), weight), bias) in y.iter_mut().zip(x).zip(weight).zip(bias) {
                    *y = (x - mean) * scale * weight + bias;
                }
            }
        }
    }
    let n = weight.len();
    assert!(bias.len() == n && x.len() == x.len().next_multiple_of(n.max(1)), "layer_norm: lengths do not fit");
    let mut y = memory::take(x.len());
    threads::each_rows(&mut y, n, 8, |first, y| {
        run(Rows { x: &x[first * n..][..y.len()], y, weight, bias, epsilon });
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
    let mut d_x = memory::take(x.len());
    if d_x.is_empty() {
        return d_x;
    }
    // Each part's d_weight and d_bias, side by side.
    let mut sums = Scratch::new(x.len().div_ceil(PART * n) * 2 * n);
    let parts = d_x.chunks_mut(PART * n).zip(sums.chunks_mut(2 * n)).enumerate();
    let tasks = parts.map(|(i, (d_x, sums))| {
        let rows = i * PART * n..i * PART * n + d_x.len();
        Backward { x: &x[rows.clone()], d_y: &d_y[rows], weight, epsilon, d_x, sums }
    });
    threads::each_if(16 * x.len() >= threads::WORTH_A_THREAD, tasks.collect(), run);
    for sums in sums.chunks(2 * n) {
        let (of_weight, of_bias) = sums.split_at(n);
        math::zip_map(d_weight, of_weight, |sum, x| sum + x);
        math::zip_map(d_bias, of_bias, |sum, x| sum + x);
    }
    d_x
}

/// Some rows: `d_x`, and their part of `d_weight` and `d_bias`.
struct Backward<'a> {
    x: &'a [f32],
    d_y: &'a [f32],
    weight: &'a [f32],
    epsilon: f32,
    d_x: &'a mut [f32],
    sums: &'a mut [f32],
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool, const LANES: usize, const ROWS: usize>(self) {
        let Backward { x, d_y, weight, epsilon, d_x, sums } = self;
        let n = weight.len();
        sums.fill(0.0);
        let (d_weight, d_bias) = sums.split_at_mut(n);
        let mut row = vec![0.0; 2 * n];
        let (z, d_z) = row.split_at_mut(n);
        for ((x, d_y), d_x) in x.chunks_exact(n).zip(d_y.chunks_exact(n)).zip(d_x.chunks_exact_mut(n)) {
            let (mean, scale) = statistics(x, epsilon);
            z.iter_mut().zip(x).for_each(|(z, x)| *z = (x - mean) * scale);
            // Forward was: y = z * weight + bias
            d_bias.iter_mut().zip(d_y).for_each(|(sum, d_y)| *sum += d_y);
            for ((sum, &d_y), &z) in d_weight.iter_mut().zip(d_y).zip(&*z) {
                *sum = multiply_add::<FMA>(d_y, z, *sum);
            }
            for ((d_z, d_y), weight) in d_z.iter_mut().zip(d_y).zip(weight) {
                *d_z = d_y * weight;
            }
            let mean_d = math::sum_of_inlined(d_z, |d| d) / n as f32;
            let mean_dz = math::dot_inlined::<FMA>(d_z, z) / n as f32;
            for ((d_x, d_z), z) in d_x.iter_mut().zip(&*d_z).zip(&*z) {
                *d_x = scale * (d_z - mean_d - z * mean_dz);
            }
        }
    }
}
