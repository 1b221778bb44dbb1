//! GELU of many numbers: the fast twin of `layers/gelu.rs`, which says what is computed.
//!
//! `tanh` is a call into a mathematics library, one number at a time. But `0.5 * (1 + tanh(u))` equals `1 / (1 + e^(-2u))`,
//! and [`exp_fused`] runs on many numbers at once. The threads share the numbers.
//!
//! [Chapter 4](crate::book::ch04_basic_layers) explains what is computed, [chapter 16](crate::book::ch16_making_it_fast) how.

use super::cpu::{Kernel, multiply_add, run};
use super::math::exp_fused;
use super::{memory, threads};

const SQRT_2_OVER_PI: f32 = 0.797_884_6;

/// `0.5 * (1 + tanh(u))`, without `tanh`.
#[inline(always)]
fn half_one_plus_tanh<const FMA: bool>(x: f32) -> f32 {
    let minus_2u = -2.0 * SQRT_2_OVER_PI * multiply_add::<FMA>(0.044715 * x * x, x, x);
    1.0 / (1.0 + exp_fused::<FMA>(minus_2u))
}

/// GELU of each number.
pub fn gelu(x: &[f32]) -> Vec<f32> {
    struct Gelu<'a>(&'a mut [f32], &'a [f32]);
    impl Kernel for Gelu<'_> {
        type Output = ();
        #[inline(always)]
        fn run<const FMA: bool, const LANES: usize, const ROWS: usize>(self) {
            for (y, &x) in self.0.iter_mut().zip(self.1) {
                *y = x * half_one_plus_tanh::<FMA>(x);
            }
        }
    }
    let mut y = memory::take(x.len());
    threads::each_rows(&mut y, 1, 8, |first, y| run(Gelu(y, &x[first..][..y.len()])));
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
    /// `d_x`, `d_y` and `x`.
    struct Backward<'a>(&'a mut [f32], &'a [f32], &'a [f32]);
    impl Kernel for Backward<'_> {
        type Output = ();
        #[inline(always)]
        fn run<const FMA: bool, const LANES: usize, const ROWS: usize>(self) {
            for ((d_x, &d_y), &x) in self.0.iter_mut().zip(self.1).zip(self.2) {
                let p = half_one_plus_tanh::<FMA>(x);
                let du = SQRT_2_OVER_PI * multiply_add::<FMA>(3.0 * 0.044715 * x, x, 1.0);
                *d_x = d_y * multiply_add::<FMA>(x * 2.0 * p * (1.0 - p), du, p);
            }
        }
    }
    assert_eq!(x.len(), d_y.len(), "gelu_backward: lengths differ");
    let mut d_x = memory::take(x.len());
    threads::each_rows(&mut d_x, 1, 8, |first, d| {
        let part = first..first + d.len();
        run(Backward(d, &d_y[part.clone()], &x[part]));
    });
    d_x
}
