//! Layer norm: keeps the numbers in a comfortable range.
//!
//! Block after block adds something to every token's vector; without care the numbers would grow until nothing can be
//! learned. Layer norm shifts and scales each row so that its mean is 0 and its variance is 1, and then lets the model
//! choose another scale (`weight`, often called gain) and shift (`bias`) for each column:
//!
//! ```text
//! y = (x - mean) / sqrt(variance + epsilon) * weight + bias
//! ```
//!
//! The mean and variance are those of one row, one token: no token learns anything about another here. The variance is
//! divided by `n`, not `n - 1`. Epsilon, under the root, prevents a division by zero.
//!
//! Source: Ba, Kiros and Hinton, "Layer Normalization" (2016); the sixty lines' `layer_norm`.
//!
//! [Chapter 4](crate::book::ch04_basic_layers) explains it;
//! [chapter 12](crate::book::ch12_backpropagation), its `backward`.

use crate::kernels::{math, threads};
use crate::{Error, Result, Tensor};

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

/// What forward saves for backward: two numbers for each row.
#[derive(Debug, Clone, Default)]
pub struct LayerNormSaved {
    /// The row's mean, `[n_tok]`.
    mean: Vec<f32>,
    /// `1 / sqrt(variance + epsilon)`, `[n_tok]`.
    scale: Vec<f32>,
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
    /// If the rows of `x` are not as long as the parameters.
    ///
    /// # Example: a row of any scale comes out the same
    ///
    /// ```
    /// use gpt60::{Tensor, layers::layer_norm::LayerNorm};
    ///
    /// let x = Tensor::new(&[2, 2], vec![1.0, 3.0, 100.0, 300.0])?;
    /// let y = LayerNorm::new(2, 0.0).forward(&x, None)?;
    /// assert_eq!(y.data(), [-1.0, 1.0, -1.0, 1.0]);
    /// # Ok::<(), gpt60::Error>(())
    /// ```
    pub fn forward(&self, x: &Tensor, saved: Option<&mut LayerNormSaved>) -> Result<Tensor> {
        let n = x.n_cols();
        if self.weight.len() != n || self.bias.len() != n {
            return Err(Error::shape("layer_norm", &[x.shape(), self.weight.shape()], "a weight for each column"));
        }
        let mut y = x.clone();
        threads::each_rows(y.data_mut(), n, 8, |_, rows| {
            for row in rows.chunks_mut(n) {
                let (mean, scale) = self.statistics(row);
                math::zip_map(row, self.weight.data(), |x, weight| (x - mean) * scale * weight);
                math::zip_map(row, self.bias.data(), |x, bias| x + bias);
            }
        });
        if let Some(saved) = saved {
            (saved.mean, saved.scale) = (0..x.n_rows()).map(|i| self.statistics(x.row(i))).unzip();
        }
        Ok(y)
    }

    /// The mean of a row, and `1 / sqrt(variance + epsilon)`.
    fn statistics(&self, row: &[f32]) -> (f32, f32) {
        let n = row.len() as f32;
        let mean = math::sum(row) / n;
        let variance = math::sum_of_squares(row, mean) / n;
        (mean, 1.0 / (variance + self.epsilon).sqrt())
    }

    /// How the loss changes with `x`, `[n_tok, n_embd] -> [n_tok, n_embd]`; adds how it changes with `weight` and `bias` to
    /// `grad`.
    ///
    /// Forward was `z = (x - mean) * scale` and `y = z * weight + bias`. From the end backwards:
    ///
    /// * `d_bias` = the sum of `d_y` over the tokens, `d_weight` = the sum of `d_y * z`, and `d_z = d_y * weight`.
    /// * Each `x_j` acts on its own `z_j` with strength `scale`. It also acts on every `z_i` of its row through the mean
    ///   (strength `-scale / n`) and through the variance (strength `-scale * z_i * z_j / n`). Added up:
    ///
    /// ```text
    /// d_x_j = scale * (d_z_j - mean of d_z - z_j * mean of (d_z * z))
    /// ```
    ///
    /// In words: whatever would only have shifted or stretched the whole row is taken out, because the normalization
    /// undoes it.
    ///
    /// # Errors
    ///
    /// If the shapes do not fit, or `saved` is not from a forward pass on `x`.
    pub fn backward(&self, x: &Tensor, saved: &LayerNormSaved, d_y: &Tensor, grad: &mut LayerNorm) -> Result<Tensor> {
        let (n_tok, n) = (x.n_rows(), x.n_cols());
        if x.shape() != d_y.shape() || self.weight.len() != n || grad.weight.len() != n || saved.mean.len() != n_tok {
            let rule = "both must be the same, and as in the forward pass";
            return Err(Error::shape("layer_norm backward", &[x.shape(), d_y.shape()], rule));
        }
        // z of every row once: both sums below need it.
        let mut z = x.clone();
        threads::each_rows(z.data_mut(), n, 8, |first, rows| {
            for (i, row) in rows.chunks_mut(n).enumerate() {
                let (mean, scale) = (saved.mean[first + i], saved.scale[first + i]);
                row.iter_mut().for_each(|x| *x = (*x - mean) * scale);
            }
        });
        math::add_column_sums(d_y.data(), grad.bias.data_mut());
        math::add_column_sums_of_products(d_y.data(), z.data(), grad.weight.data_mut());
        let mut d_x = d_y.clone();
        threads::each_rows(d_x.data_mut(), n, 8, |first, rows| {
            for (i, d) in rows.chunks_mut(n).enumerate() {
                let (scale, z) = (saved.scale[first + i], z.row(first + i));
                math::zip_map(d, self.weight.data(), |d_y, weight| d_y * weight); // d_y -> d_z
                let mean_d = math::sum(d) / n as f32;
                let mean_dz = math::dot(d, z) / n as f32;
                math::zip_map(d, z, |d_z, z| scale * (d_z - mean_d - z * mean_dz)); // d_z -> d_x
            }
        });
        Ok(d_x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    #[test]
    fn rows_come_out_with_mean_0_and_variance_1() {
        let x = Tensor::random(&[5, 37], 3.0, &mut Rng::new(1)).map(|x| x + 100.0);
        let y = LayerNorm::new(37, 1e-5).forward(&x, None).unwrap();
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
        let y = LayerNorm::new(2, 3.0).forward(&x, None).unwrap();
        assert_eq!(y.data(), [-0.5, 0.5]);
    }

    #[test]
    fn a_row_of_equal_numbers_is_no_division_by_zero() {
        let y = LayerNorm::new(4, 1e-5).forward(&Tensor::full(&[1, 4], 7.0), None).unwrap();
        assert_eq!(y.data(), [0.0; 4]);
    }
}
