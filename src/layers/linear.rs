//! The linear layer: `y = x·W + b`.
//!
//! Each output number is a weighted sum of all input numbers, plus a constant. Nearly all of a GPT's parameters are such
//! weights, and nearly all of its time goes into these products.
//!
//! GPT-2 stores `W` as `[in, out]`, so the formula reads as written; libraries such as PyTorch store the transpose.
//!
//! Source: the sixty lines' `linear`.
//!
//! [Chapter 4](crate::book::ch04_basic_layers) explains it;
//! [chapter 12](crate::book::ch12_backpropagation), its `backward`.

use crate::kernels::math;
use crate::weight::Weight;
use crate::{Error, Result, Rng, Tensor};

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

    /// A layer to begin training with: weights drawn around 0 with this standard deviation, biases 0.
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
            return Err(Error::shape("linear", &[y.shape(), self.bias.shape()], "a bias for each column is needed"));
        }
        math::add_to_rows(y.data_mut(), self.bias.data());
        Ok(y)
    }

    /// How the loss changes with `x`, `[n_tok, out] -> [n_tok, in]`; adds how it changes with `W` and `b` to `grad`.
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
            return Err(Error::shape("linear backward", &[d_y.shape(), grad.bias.shape()], "a bias for each column"));
        }
        math::add_column_sums(d_y.data(), grad.bias.data_mut());
        d_y.matmul_t(weight) // [n_tok, out] · [in, out]ᵀ -> [n_tok, in]
    }
}
