//! Layer norm: keeps the numbers in a comfortable range.
//!
//! Block after block adds something to every token's vector. Without care, the numbers would grow until nothing could
//! be learned. Layer norm shifts and scales each row so that its mean is 0 and its variance is 1, and then lets the
//! model choose another scale (`weight`, often called gain) and shift (`bias`) for each column:
//!
//! ```text
//! y = (x - mean) / sqrt(variance + epsilon) * weight + bias
//! ```
//!
//! The mean and variance are those of one row, one token: here no token learns anything about another. The variance is
//! divided by `n`, not `n - 1`. Epsilon, under the root, prevents a division by zero.
//!
//! Source: Ba, Kiros and Hinton, "Layer Normalization" (2016); the sixty lines' `layer_norm`.
//!
//! [Chapter 4](crate::book::ch04_basic_layers) explains it;
//! [layer by layer](crate::book::layer_by_layer), its `backward`.

use crate::error::{Error, Result};
use crate::kernels::layer_norm as fast;
use crate::tensor::Tensor;

/// A layer norm's parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerNorm {
    /// The scale of each column, `[n_embd]`.
    pub weight: Tensor,
    /// The shift of each column, `[n_embd]`.
    pub bias: Tensor,
    /// The small number under the root.
    pub epsilon: f32,
}

impl LayerNorm {
    /// Weight and bias 0, `[n_embd]` each: where a gradient begins.
    pub fn zeros(n_embd: usize, epsilon: f32) -> LayerNorm {
        LayerNorm { weight: Tensor::zeros(&[n_embd]), bias: Tensor::zeros(&[n_embd]), epsilon }
    }

    /// Weight 1 and bias 0, `[n_embd]` each: where training begins.
    pub fn new(n_embd: usize, epsilon: f32) -> LayerNorm {
        LayerNorm { weight: Tensor::full(&[n_embd], 1.0), bias: Tensor::zeros(&[n_embd]), epsilon }
    }

    /// Normalizes each row: `[n_tok, n_embd] -> [n_tok, n_embd]`.
    ///
    /// # Errors
    ///
    /// If the rows of `x` do not have the length of the parameters.
    ///
    /// # Example: a row of any scale comes out the same
    ///
    /// ```
    /// use gpt60::{Tensor, layers::layer_norm::LayerNorm};
    ///
    /// let x = Tensor::new(&[2, 2], vec![1.0, 3.0, 100.0, 300.0])?;
    /// let y = LayerNorm::new(2, 0.0).forward(&x)?;
    /// assert_eq!(y.data(), [-1.0, 1.0, -1.0, 1.0]);
    /// # Ok::<(), gpt60::Error>(())
    /// ```
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.check("layer_norm", x)?;
        Ok(Tensor::of(x.shape(), fast::layer_norm(x.data(), self.weight.data(), self.bias.data(), self.epsilon)))
    }

    /// Checks that a row of `x` has the length of the parameters.
    fn check(&self, op: &'static str, x: &Tensor) -> Result<()> {
        if self.weight.shape() != [x.n_cols()] || self.bias.shape() != [x.n_cols()] {
            return Err(Error::shape(op, &[x.shape(), self.weight.shape()], "each column needs a weight and a bias"));
        }
        Ok(())
    }

    /// Returns how the loss changes with `x`, `[n_tok, n_embd] -> [n_tok, n_embd]`, and adds to `grad` how it changes
    /// with `weight` and `bias`.
    ///
    /// Forward was `z = (x - mean) * scale` and `y = z * weight + bias`. From the end backwards:
    ///
    /// * `d_bias` = the sum of `d_y` over the tokens, `d_weight` = the sum of `d_y * z`, and `d_z = d_y * weight`.
    /// * Each `x_j` acts on its own `z_j` with strength `scale`. It also acts on every `z_i` of its row through the
    ///   mean (strength `-scale / n`) and through the variance (strength `-scale * z_i * z_j / n`). Added up:
    ///
    /// ```text
    /// d_x_j = scale * (d_z_j - mean of d_z - z_j * mean of (d_z * z))
    /// ```
    ///
    /// In words: the part that would only shift or stretch the whole row is taken out, because the normalization undoes
    /// it.
    ///
    /// # Errors
    ///
    /// If the shapes do not fit.
    pub fn backward(&self, x: &Tensor, d_y: &Tensor, grad: &mut LayerNorm) -> Result<Tensor> {
        self.check("layer_norm backward", x)?;
        grad.check("layer_norm backward", x)?;
        if x.shape() != d_y.shape() {
            return Err(Error::shape("layer_norm backward", &[x.shape(), d_y.shape()], "both must be the same"));
        }
        let (weight, d_weight, d_bias) = (self.weight.data(), grad.weight.data_mut(), grad.bias.data_mut());
        let d_x = fast::layer_norm_backward(x.data(), weight, self.epsilon, d_y.data(), d_weight, d_bias);
        Ok(Tensor::of(x.shape(), d_x))
    }
}

/// Layer norm of each row of `x`, as a loop. [`LayerNorm::forward`] gives the same numbers, up to rounding, but faster.
///
/// # Panics
///
/// If `weight` and `bias` differ in length.
pub fn layer_norm(x: &[f32], weight: &[f32], bias: &[f32], epsilon: f32) -> Vec<f32> {
    let n = weight.len();
    let mut y = Vec::with_capacity(x.len());
    for row in x.chunks(n) {
        let (mean, scale) = mean_and_scale(row, epsilon);
        for j in 0..n {
            let z = (row[j] - mean) * scale;
            y.push(z * weight[j] + bias[j]);
        }
    }
    y
}

/// The mean of a row, and `1 / sqrt(variance + epsilon)`.
fn mean_and_scale(row: &[f32], epsilon: f32) -> (f32, f32) {
    let n = row.len() as f32;
    let mean = row.iter().sum::<f32>() / n;
    let variance = row.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / n;
    (mean, 1.0 / (variance + epsilon).sqrt())
}

/// Backward of [`layer_norm`], as a loop: returns `d_x`, and adds to `d_weight` and `d_bias`.
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
    let mut d_x = Vec::with_capacity(x.len());
    for (x, d_y) in x.chunks(n).zip(d_y.chunks(n)) {
        let (mean, scale) = mean_and_scale(x, epsilon);
        let z = |j: usize| (x[j] - mean) * scale;
        let d_z = |j: usize| d_y[j] * weight[j]; // forward was: y[j] = z[j] * weight[j] + bias[j]
        let (mut mean_d, mut mean_dz) = (0.0, 0.0);
        for j in 0..n {
            d_bias[j] += d_y[j];
            d_weight[j] += d_y[j] * z(j);
            mean_d += d_z(j) / n as f32;
            mean_dz += d_z(j) * z(j) / n as f32;
        }
        for j in 0..n {
            // Forward was: z[j] = (x[j] - mean) * scale
            d_x.push(scale * (d_z(j) - mean_d - z(j) * mean_dz));
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
        fn the_fast_twin_is_the_loop_forward_and_backward(m in 1usize..6, n in 8usize..200, seed: u64) {
            let mut rng = Rng::new(seed);
            let mut random = |shape: &[usize]| Tensor::random(shape, 1.0, &mut rng);
            let (x, d_y) = (random(&[m, n]), random(&[m, n]));
            let norm = LayerNorm { weight: random(&[n]), bias: random(&[n]), epsilon: 1e-5 };
            let (mut grad, start) = (LayerNorm::zeros(n, 1e-5), random(&[n]));
            (grad.weight, grad.bias) = (start.clone(), start.clone()); // to be added to
            let (mut d_weight, mut d_bias) = (start.data().to_vec(), start.into_data());
            let (weight, bias) = (norm.weight.data(), norm.bias.data());
            let y = layer_norm(x.data(), weight, bias, 1e-5);
            let d_x = layer_norm_backward(x.data(), weight, 1e-5, d_y.data(), &mut d_weight, &mut d_bias);
            // Sums of 200 numbers in another order: a few parts in ten million. What is subtracted for `d_x` takes part of
            // the digits with it. (In rows of two numbers it takes nearly all: those are left to `tests/gradients.rs`.)
            let close = |found: &Tensor, expected: Vec<f32>| {
                found.check_close(&Tensor::new(found.shape(), expected).unwrap(), 5e-5)
            };
            prop_assert_eq!(close(&norm.forward(&x).unwrap(), y), Ok(()));
            prop_assert_eq!(close(&norm.backward(&x, &d_y, &mut grad).unwrap(), d_x), Ok(()));
            prop_assert_eq!(close(&grad.weight, d_weight), Ok(()));
            prop_assert_eq!(close(&grad.bias, d_bias), Ok(()));
        }
    }

    #[test]
    fn rows_come_out_with_mean_0_and_variance_1() {
        let x = Tensor::random(&[5, 37], 3.0, &mut Rng::new(1)).map(|x| x + 100.0);
        let y = LayerNorm::new(37, 1e-5).forward(&x).unwrap();
        for i in 0..5 {
            let mean = y.row(i).iter().sum::<f32>() / 37.0;
            let variance = y.row(i).iter().map(|y| (y - mean).powi(2)).sum::<f32>() / 37.0;
            assert!(mean.abs() < 1e-5 && (variance - 1.0).abs() < 1e-4, "{mean} {variance}");
        }
    }

    #[test]
    fn epsilon_is_under_the_root_and_the_variance_is_divided_by_n() {
        // Row [0, 2]: mean 1, variance ((-1)^2 + 1^2) / 2 = 1. With epsilon 3: 1 / sqrt(1 + 3) = 0.5.
        let x = Tensor::new(&[1, 2], vec![0.0, 2.0]).unwrap();
        let y = LayerNorm::new(2, 3.0).forward(&x).unwrap();
        assert_eq!(y.data(), [-0.5, 0.5]);
    }

    #[test]
    fn a_row_of_equal_numbers_does_not_divide_by_zero() {
        let y = LayerNorm::new(4, 1e-5).forward(&Tensor::full(&[1, 4], 7.0)).unwrap();
        assert_eq!(y.data(), [0.0; 4]);
    }
}
