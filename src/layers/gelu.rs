//! GELU: the bend in the MLP.
//!
//! Two linear layers in a row are no better than one: without something nonlinear between them, they collapse into a
//! single matrix. GELU is that something. It lets large positive numbers through as they are, turns large negative ones
//! into zero, and bends smoothly in between: it is `x` times the probability that a normally distributed number is
//! below `x`.
//!
//! GPT-2 uses an approximation of that probability:
//!
//! ```text
//! gelu(x) = 0.5 * x * (1 + tanh(u))    where u = sqrt(2/pi) * (x + 0.044715 * x^3)
//! ```
//!
//! The checkpoints call it `gelu_new`. The exact form (with the error function) differs by up to 0.0005; a model
//! trained with one and run with the other is slightly wrong. `activation.rs` has that form and others.
//!
//! Source: Hendrycks and Gimpel, "Gaussian Error Linear Units" (2016), section 2; the sixty lines' `gelu`.
//!
//! [Chapter 4](crate::book::ch04_basic_layers) explains it;
//! [layer by layer](crate::book::layer_by_layer), its `backward`.

use crate::error::{Error, Result};
use crate::kernels::gelu as fast;
use crate::tensor::Tensor;

const SQRT_2_OVER_PI: f32 = 0.797_884_6;

/// GELU of one number: the formula above. [`forward`] gives the same numbers, up to rounding, but faster.
pub fn gelu(x: f32) -> f32 {
    let u = SQRT_2_OVER_PI * (x + 0.044715 * x * x * x);
    0.5 * x * (1.0 + u.tanh())
}

/// The slope of GELU at `x`, by the product rule: `0.5 * (1 + tanh(u)) + 0.5 * x * (1 - tanh(u)^2) * du/dx`.
pub fn gelu_slope(x: f32) -> f32 {
    let t = (SQRT_2_OVER_PI * (x + 0.044715 * x * x * x)).tanh();
    let du = SQRT_2_OVER_PI * (1.0 + 3.0 * 0.044715 * x * x);
    0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * du
}

/// GELU of each number: `[..] -> [..]`.
///
/// # Example: what GELU does to a few numbers
///
/// ```
/// use gpt60::{Tensor, layers::gelu};
///
/// let x = Tensor::new(&[3], vec![-20.0, 0.0, 20.0])?;
/// assert_eq!(gelu::forward(&x).data(), [0.0, 0.0, 20.0]);
/// # Ok::<(), gpt60::Error>(())
/// ```
pub fn forward(x: &Tensor) -> Tensor {
    Tensor::of(x.shape(), fast::gelu(x.data()))
}

/// How the loss changes with GELU's input `x`: each `d_y` times the slope at its `x`, `[..] -> [..]`.
///
/// # Errors
///
/// If the two shapes differ.
pub fn backward(x: &Tensor, d_y: &Tensor) -> Result<Tensor> {
    if x.shape() != d_y.shape() {
        return Err(Error::shape("gelu backward", &[x.shape(), d_y.shape()], "both must be the same"));
    }
    Ok(Tensor::of(x.shape(), fast::gelu_backward(x.data(), d_y.data())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    #[test]
    fn the_fast_form_is_the_formula() {
        let xs: Vec<f32> = (-2000..2000).map(|i| i as f32 * 0.005).collect();
        let x = Tensor::new(&[xs.len()], xs).unwrap();
        forward(&x).check_close(&x.map(gelu), 1e-6).unwrap();
        let ones = Tensor::full(x.shape(), 1.0);
        // The formula's 1 - tanh(u)^2 loses digits where tanh(u) is near 1: an error of 1e-7 there, times x * du/dx, up
        // to 20.
        backward(&x, &ones).unwrap().check_close(&x.map(gelu_slope), 3e-6).unwrap();
    }

    #[test]
    fn the_slope_agrees_with_a_small_step() {
        for i in -50..50 {
            let x = i as f32 * 0.1;
            let slope = (gelu(x + 1e-2) - gelu(x - 1e-2)) / 2e-2;
            assert_abs_diff_eq!(gelu_slope(x), slope, epsilon = 2e-4); // (1e-2)^2 of the third derivative, and rounding
        }
    }

    #[test]
    fn it_is_the_tanh_form_and_not_the_exact_one() {
        // By hand, in double precision: u = sqrt(2/pi) * (2 + 0.044715 * 8) = 1.881_190_0, tanh(u) = 0.954_597_7;
        // gelu(2) = 1 + tanh(u) = 1.954_597_7. The exact form is 2 * Phi(2) = 1.954_499_7.
        assert_abs_diff_eq!(gelu(2.0), 1.954_597_7, epsilon = 1e-6);
    }

    #[test]
    fn extremes_pass_through_or_vanish_and_nan_stays() {
        let x = Tensor::new(&[4], vec![1e4, -1e4, -0.0, f32::NAN]).unwrap();
        let y = forward(&x);
        assert_eq!(y.data()[..3], [1e4, 0.0, 0.0]);
        assert!(y.data()[3].is_nan());
    }
}
