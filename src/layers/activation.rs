//! Other bends than GPT-2's: the activations of its relatives.
//!
//! GPT-2 bends with [`gelu`]. Others have trained models of the same parameters with another function. Their
//! checkpoints name it, and with any other than that one a model computes something for which it was not trained. All of
//! them let large positive numbers pass and hold large negative ones back:
//!
//! ```text
//! relu(x)       = x if x > 0, otherwise 0
//! silu(x)       = x * logistic(x)             where logistic(x) = 1 / (1 + e^(-x))
//! quick_gelu(x) = x * logistic(1.702 * x)
//! gelu(x)       = x * P(x)                    where P(x) = (1 + erf(x / sqrt(2))) / 2
//! gelu_new(x)   = the file `gelu.rs`
//! ```
//!
//! `P(x)` is the probability that a normally distributed number is below `x`. `erf`, the *error function*, is not in the
//! standard library; [`erf`] adds up its series.
//!
//! Each function stands with its slope. The slope of `x * f(x)` is `f(x) + x * f'(x)`, by the product rule.
//!
//! Source: Hendrycks and Gimpel, "Gaussian Error Linear Units" (2016), section 2, for `gelu`, `quick_gelu` (there with this
//! 1.702) and `silu`; Nair and Hinton, "Rectified Linear Units Improve Restricted Boltzmann Machines" (2010), for `relu`.
//!
//! [Chapter 4](crate::book::ch04_basic_layers) explains why a bend is needed.

use super::gelu;
use crate::config::Activation;
use crate::error::{Error, Result};
use crate::kernels::activation::{map, map_backward};
use crate::kernels::math::exp;
use crate::tensor::Tensor;
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

/// The activation of each number: `[..] -> [..]`.
///
/// # Example: two bends
///
/// ```
/// use gpt60::{Activation, Tensor, layers::activation};
///
/// let x = Tensor::new(&[3], vec![-1.0, 0.0, 1.0])?;
/// assert_eq!(activation::forward(Activation::Relu, &x).data(), [0.0, 0.0, 1.0]);
/// let gelu = activation::forward(Activation::Gelu, &x);
/// assert!((gelu.data()[2] - 0.841_345).abs() < 1e-6); // a normally distributed number is below 1 with 84 %
/// # Ok::<(), gpt60::Error>(())
/// ```
pub fn forward(activation: Activation, x: &Tensor) -> Tensor {
    let y = match activation {
        Activation::GeluNew => return gelu::forward(x),
        Activation::Gelu => map(x.data(), gelu_exact),
        Activation::QuickGelu => map(x.data(), quick_gelu),
        Activation::Silu => map(x.data(), silu),
        Activation::Relu => map(x.data(), relu),
    };
    Tensor::of(x.shape(), y)
}

/// How the loss changes with the activation's input `x`: each `d_y` times the slope at its `x`, `[..] -> [..]`.
///
/// # Errors
///
/// If the two shapes differ.
pub fn backward(activation: Activation, x: &Tensor, d_y: &Tensor) -> Result<Tensor> {
    if x.shape() != d_y.shape() {
        return Err(Error::shape("activation backward", &[x.shape(), d_y.shape()], "both must be the same"));
    }
    let d_x = match activation {
        Activation::GeluNew => return gelu::backward(x, d_y),
        Activation::Gelu => map_backward(x.data(), d_y.data(), gelu_exact_slope),
        Activation::QuickGelu => map_backward(x.data(), d_y.data(), quick_gelu_slope),
        Activation::Silu => map_backward(x.data(), d_y.data(), silu_slope),
        Activation::Relu => map_backward(x.data(), d_y.data(), relu_slope),
    };
    Ok(Tensor::of(x.shape(), d_x))
}

// ---------------------------------------------------------------------------------------------------------------------
// The formulas, each for one number. They are copied into the loop that runs them (`inline`), or it could not be fast.
// ---------------------------------------------------------------------------------------------------------------------

/// `x` if it is positive, otherwise 0. NaN stays NaN.
#[inline(always)]
fn relu(x: f32) -> f32 {
    if x < 0.0 { 0.0 } else { x }
}

/// 1 if `x` is positive, otherwise 0: at the corner, 0 is the custom.
#[inline(always)]
fn relu_slope(x: f32) -> f32 {
    if x <= 0.0 { 0.0 } else { 1.0 }
}

/// From 0 to 1 in an S: `1 / (1 + e^(-x))`. Its slope is `logistic(x) * (1 - logistic(x))`.
#[inline(always)]
fn logistic(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

#[inline(always)]
fn silu(x: f32) -> f32 {
    x * logistic(x)
}

#[inline(always)]
fn silu_slope(x: f32) -> f32 {
    let p = logistic(x);
    p + x * p * (1.0 - p)
}

#[inline(always)]
fn quick_gelu(x: f32) -> f32 {
    x * logistic(1.702 * x)
}

#[inline(always)]
fn quick_gelu_slope(x: f32) -> f32 {
    let p = logistic(1.702 * x);
    p + x * 1.702 * p * (1.0 - p)
}

/// `P(x)`, in double precision: `1 + erf` loses digits where `erf` is near -1.
#[inline(always)]
fn probability_below(x: f64) -> f64 {
    0.5 * (1.0 + erf(x * FRAC_1_SQRT_2))
}

/// `x * P(x)`.
#[inline(always)]
fn gelu_exact(x: f32) -> f32 {
    (f64::from(x) * probability_below(f64::from(x))) as f32
}

/// `P(x) + x * P'(x)`, where `P'(x) = e^(-x^2 / 2) / sqrt(2 pi)` is the bell curve.
#[inline(always)]
fn gelu_exact_slope(x: f32) -> f32 {
    const ONE_OVER_SQRT_2_PI: f32 = 0.398_942_3;
    let bell = ONE_OVER_SQRT_2_PI * exp(-0.5 * x * x);
    let x_times_bell = if x.abs() < 20.0 { x * bell } else { 0.0 }; // not infinity times 0
    probability_below(f64::from(x)) as f32 + x_times_bell
}

// ---------------------------------------------------------------------------------------------------------------------
// The error function
// ---------------------------------------------------------------------------------------------------------------------

/// How many terms of the series are added.
const N_TERMS: usize = 60;

/// `(-1)^n / (n! * (2n + 1))`.
const SERIES: [f64; N_TERMS] = {
    let mut series = [1.0; N_TERMS];
    let (mut n, mut sign_over_factorial) = (1, 1.0);
    while n < N_TERMS {
        sign_over_factorial /= -(n as f64);
        series[n] = sign_over_factorial / (2 * n + 1) as f64;
        n += 1;
    }
    series
};

/// The error function, `2/sqrt(pi)` times the integral of `e^(-t^2)` from 0 to `x`, at most 3e-8 off.
///
/// The integral of the exponential's series, term by term, is
///
/// ```text
/// erf(x) = 2/sqrt(pi) * x * (1 - x^2/3 + x^4/10 - x^6/42 + ... + (-1)^n x^(2n) / (n! (2n+1)) ...)
/// ```
///
/// * What is left out: the signs alternate and the terms have long been shrinking, so it is less than the first term that
///   is left out. Up to 4 that is `4 * 16^60 / (60! * 121)`, below 1e-11.
/// * Rounding: for `x = 4` the sizes of all terms add up to 1.3e6, and each goes through at most 120 roundings of
///   `2^-53`: together below 2e-8, and far less for a smaller `x`.
/// * Beyond 4, where `erf` is 1.5e-8 from 1 and comes nearer, the result is 1.
///
/// # Example: within one deviation of the mean
///
/// ```
/// use gpt60::layers::activation::erf;
///
/// assert!((erf(0.5f64.sqrt()) - 0.682_689_492_137).abs() < 1e-12);
/// ```
#[inline(always)]
pub fn erf(x: f64) -> f64 {
    let square = x * x;
    let mut sum = 0.0;
    for coefficient in SERIES.iter().rev() {
        sum = sum * square + coefficient;
    }
    if x.abs() < 4.0 { FRAC_2_SQRT_PI * x * sum } else { x.signum() }
}
