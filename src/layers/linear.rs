//! The linear layer: `y = x·W + b`.
//!
//! Each output number is a weighted sum of all input numbers, plus a constant. Nearly all of a GPT's parameters are
//! such weights, and nearly all of its time goes into these products.
//!
//! GPT-2 stores `W` as `[in, out]`, so the formula reads as written; libraries such as PyTorch store the transpose.
//!
//! Source: the sixty lines' `linear`.
//!
//! [Chapter 4](crate::book::ch04_basic_layers) explains it;
//! [chapter 12](crate::book::ch12_backpropagation), its `backward`.

use crate::error::{Error, Result};
use crate::kernels::math;
use crate::rng::Rng;
use crate::tensor::Tensor;
use crate::weight::Weight;

/// A linear layer's parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Linear {
    /// `W`, `[in, out]`.
    pub weight: Weight,
    /// `b`, `[out]`.
    pub bias: Tensor,
}

impl Linear {
    /// A layer whose parameters are all zero: where a gradient begins.
    pub fn zeros(n_in: usize, n_out: usize) -> Linear {
        Linear { weight: Tensor::zeros(&[n_in, n_out]).into(), bias: Tensor::zeros(&[n_out]) }
    }

    /// A layer to start training from: weights drawn around 0 with this standard deviation, biases 0.
    pub fn random(n_in: usize, n_out: usize, deviation: f32, rng: &mut Rng) -> Linear {
        Linear { weight: Tensor::random(&[n_in, n_out], deviation, rng).into(), bias: Tensor::zeros(&[n_out]) }
    }

    /// `y = x·W + b`: `[n_tok, in] -> [n_tok, out]`.
    ///
    /// # Errors
    ///
    /// If the columns of `x` do not match the rows of `W`.
    ///
    /// # Example: two inputs, one output
    ///
    /// ```
    /// use gpt60::{Tensor, layers::linear::Linear};
    ///
    /// let mut layer = Linear::zeros(2, 1);
    /// layer.weight.tensor_mut()?.data_mut().copy_from_slice(&[2.0, 3.0]);
    /// layer.bias.data_mut()[0] = 1.0;
    /// let x = Tensor::new(&[1, 2], vec![10.0, 100.0])?;
    /// assert_eq!(layer.forward(&x)?.data(), [2.0 * 10.0 + 3.0 * 100.0 + 1.0]);
    /// # Ok::<(), gpt60::Error>(())
    /// ```
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let mut y = self.weight.matmul(x)?; // x·W: [n_tok, in] · [in, out] -> [n_tok, out]
        if self.bias.len() != y.n_cols() {
            return Err(Error::shape("linear", &[y.shape(), self.bias.shape()], "each column needs a bias"));
        }
        math::add_to_rows(y.data_mut(), self.bias.data());
        Ok(y)
    }

    /// Returns how the loss changes with `x`, `[n_tok, out] -> [n_tok, in]`, and adds to `grad` how it changes with `W`
    /// and `b`.
    ///
    /// Forward was `y(t, o) = sum over i of x(t, i) * W(i, o) + b(o)`. So:
    ///
    /// * `x(t, i)` acts on every `y(t, o)` with strength `W(i, o)`: `d_x = d_y·Wᵀ`.
    /// * `W(i, o)` acts on `y(t, o)` of every token with strength `x(t, i)`: `d_W = xᵀ·d_y`.
    /// * `b(o)` acts on `y(t, o)` of every token with strength 1: `d_b` = the sum of `d_y` over the tokens.
    ///
    /// # Errors
    ///
    /// If the shapes do not fit, or the weights are [packed](crate::weight).
    pub fn backward(&self, x: &Tensor, d_y: &Tensor, grad: &mut Linear) -> Result<Tensor> {
        let weight = self.weight.tensor()?;
        x.t_matmul_add(d_y, grad.weight.tensor_mut()?)?; // [n_tok, in]ᵀ · [n_tok, out] -> [in, out]
        if grad.bias.len() != d_y.n_cols() {
            return Err(Error::shape("linear backward", &[d_y.shape(), grad.bias.shape()], "each column needs a bias"));
        }
        math::add_column_sums(d_y.data(), grad.bias.data_mut());
        d_y.matmul_t(weight) // [n_tok, out] · [in, out]ᵀ -> [n_tok, in]
    }
}

/// The linear layer as a loop, `[n_tok, in] -> [n_tok, out]`: each output is a weighted sum of all inputs, plus a bias.
/// [`Linear::forward`] gives the same numbers, up to rounding, but faster.
///
/// # Panics
///
/// If the lengths do not fit.
pub fn linear(x: &[f32], weight: &[f32], bias: &[f32]) -> Vec<f32> {
    let n_out = bias.len();
    let n_in = weight.len() / n_out;
    let mut y = Vec::new();
    for x in x.chunks(n_in) {
        for o in 0..n_out {
            let mut sum = bias[o];
            for i in 0..n_in {
                sum += x[i] * weight[i * n_out + o];
            }
            y.push(sum);
        }
    }
    y
}

/// Backward of [`linear`], as a loop: returns `d_x`, and adds to `d_weight` and `d_bias`.
///
/// # Panics
///
/// If the lengths do not fit.
pub fn linear_backward(x: &[f32], weight: &[f32], d_y: &[f32], d_weight: &mut [f32], d_bias: &mut [f32]) -> Vec<f32> {
    let n_out = d_bias.len();
    let n_in = weight.len() / n_out;
    let mut d_x = vec![0.0; x.len()];
    for ((x, d_y), d_x) in x.chunks(n_in).zip(d_y.chunks(n_out)).zip(d_x.chunks_mut(n_in)) {
        for o in 0..n_out {
            d_bias[o] += d_y[o]; // forward was: sum = bias[o]
            for i in 0..n_in {
                // Forward was: sum += x[i] * weight[i * n_out + o]
                d_x[i] += d_y[o] * weight[i * n_out + o];
                d_weight[i * n_out + o] += d_y[o] * x[i];
            }
        }
    }
    d_x
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 40, ..Default::default() })]
        #[test]
        fn the_fast_twin_is_the_loop_forward_and_backward(
            m in 1usize..20, k in 1usize..40, n in 1usize..40, seed: u64,
        ) {
            let mut rng = Rng::new(seed);
            let mut random = |shape: &[usize]| Tensor::random(shape, 1.0, &mut rng);
            let (x, d_y) = (random(&[m, k]), random(&[m, n]));
            let (layer, mut grad) = (
                Linear { weight: random(&[k, n]).into(), bias: random(&[n]) },
                Linear { weight: random(&[k, n]).into(), bias: random(&[n]) }, // to be added to
            );
            let mut d_weight = grad.weight.tensor().unwrap().data().to_vec();
            let mut d_bias = grad.bias.data().to_vec();
            let weight = layer.weight.tensor().unwrap().data();
            let y = linear(x.data(), weight, layer.bias.data());
            let d_x = linear_backward(x.data(), weight, d_y.data(), &mut d_weight, &mut d_bias);
            // Sums of up to 40 products in another order: 1e-5 of the largest.
            let close = |found: &Tensor, expected: Vec<f32>| {
                found.check_close(&Tensor::new(found.shape(), expected).unwrap(), 1e-5)
            };
            prop_assert_eq!(close(&layer.forward(&x).unwrap(), y), Ok(()));
            prop_assert_eq!(close(&layer.backward(&x, &d_y, &mut grad).unwrap(), d_x), Ok(()));
            prop_assert_eq!(close(grad.weight.tensor().unwrap(), d_weight), Ok(()));
            prop_assert_eq!(close(&grad.bias, d_bias), Ok(()));
        }
    }
}
