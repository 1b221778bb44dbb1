//! Softmax: turns any numbers into probabilities.
//!
//! The larger the number, the larger its probability; all probabilities are positive and add up to 1:
//!
//! ```text
//! softmax(x)_i = e^(x_i) / (e^(x_0) + e^(x_1) + ... + e^(x_(n-1)))
//! ```
//!
//! `e^x` overflows an `f32` at x = 89. Adding the same number to every `x_i` does not change the result (the factor it
//! brings cancels), so the largest one is subtracted first. The largest power is then `e^0 = 1`, and nothing overflows.
//!
//! Source: the sixty lines' `softmax`; Bridle (1990) gave it its name.
//!
//! [Chapter 4](crate::book::ch04_basic_layers) explains it;
//! [layer by layer](crate::book::layer_by_layer), its `backward`.

use crate::error::{Error, Result};
use crate::kernels::softmax as fast;
use crate::tensor::Tensor;

/// Softmax of each row: `[m, n] -> [m, n]`.
///
/// Minus infinity gets probability 0. A row of nothing but minus infinities has no softmax; it becomes NaN.
///
/// # Example: turn three scores into probabilities
///
/// ```
/// use gpt60::{Tensor, layers::softmax};
///
/// let scores = Tensor::new(&[3], vec![1000.0, 1000.0, f32::NEG_INFINITY])?;
/// assert_eq!(softmax::forward(&scores).data(), [0.5, 0.5, 0.0]);
/// # Ok::<(), gpt60::Error>(())
/// ```
pub fn forward(x: &Tensor) -> Tensor {
    let mut y = x.clone();
    fast::softmax(y.data_mut(), x.n_cols());
    y
}

/// Softmax of one row, in place: the formula, as a loop. [`forward`] gives the same numbers, up to rounding, but
/// faster.
pub fn softmax_row(x: &mut [f32]) {
    let largest = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for x in x.iter_mut() {
        *x = (*x - largest).exp();
        sum += *x;
    }
    for x in x.iter_mut() {
        *x /= sum;
    }
}

/// The logarithm of softmax of one row, in place: `x_i - max - ln(sum of e^(x_j - max))`.
///
/// Taking the logarithm of `softmax(x)` would give minus infinity where softmax underflows. The sum is taken in `f64`,
/// because beam search adds up many of these numbers. As with [`softmax_row`], one NaN or plus infinity makes the whole
/// row NaN.
///
/// # Example: a probability of e^-1000, which no `f32` can hold
///
/// ```
/// use gpt60::layers::softmax::{log_softmax_row, softmax_row};
///
/// let mut logs = [0.0, -1000.0];
/// log_softmax_row(&mut logs);
/// assert_eq!(logs, [0.0, -1000.0]);
/// let mut probabilities = [0.0, -1000.0];
/// softmax_row(&mut probabilities);
/// assert_eq!(probabilities, [1.0, 0.0]);
/// ```
pub fn log_softmax_row(x: &mut [f32]) {
    let largest = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = x.iter().map(|&x| f64::from(x - largest).exp()).sum();
    let shift = f64::from(largest) + sum.ln();
    x.iter_mut().for_each(|x| *x = (f64::from(*x) - shift) as f32);
}

/// How the loss changes with softmax's input, given its output `y` and how the loss changes with that:
/// `[m, n] -> [m, n]`.
///
/// Forward was `y_i = e^(x_i) / sum`. Raising `x_j` raises `y_j`, and lowers every `y_i` a little because all share one
/// sum: `dy_i/dx_j = y_i * (1 if i is j else 0) - y_i * y_j`. Added up over all `i`:
///
/// ```text
/// d_x_j = y_j * (d_y_j - sum over i of d_y_i * y_i)
/// ```
///
/// # Errors
///
/// If the two shapes differ.
pub fn backward(y: &Tensor, d_y: &Tensor) -> Result<Tensor> {
    if y.shape() != d_y.shape() {
        return Err(Error::shape("softmax backward", &[y.shape(), d_y.shape()], "both must be the same"));
    }
    let mut d_x = d_y.clone();
    for i in 0..y.n_rows() {
        fast::softmax_row_backward(y.row(i), d_x.row_mut(i));
    }
    Ok(d_x)
}

/// [`backward`] of one row, as a loop, in place: `d` is `d_y` before and `d_x` after.
///
/// # Panics
///
/// If the two have different lengths.
pub fn softmax_row_backward(y: &[f32], d: &mut [f32]) {
    let mut shared = 0.0; // what every number of the row gets through the sum they share
    for i in 0..y.len() {
        shared += d[i] * y[i];
    }
    for j in 0..y.len() {
        // Forward was: y[j] = e^(x[j]) / sum
        d[j] = y[j] * (d[j] - shared);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]
        #[test]
        fn every_row_adds_up_to_one(xs in prop::collection::vec(-1e4f32..1e4, 1..200)) {
            let y = forward(&Tensor::new(&[xs.len()], xs).unwrap());
            let sum: f64 = y.data().iter().map(|&p| f64::from(p)).sum();
            prop_assert!((sum - 1.0).abs() < 1e-5, "{}", sum);
            prop_assert!(y.data().iter().all(|&p| (0.0..=1.0).contains(&p)));
        }

        #[test]
        fn the_fast_twin_is_the_loop_forward_and_backward(m in 1usize..5, n in 1usize..200, seed: u64) {
            let mut rng = Rng::new(seed);
            let (x, d) = (Tensor::random(&[m, n], 3.0, &mut rng), Tensor::random(&[m, n], 1.0, &mut rng));
            let (mut y, mut d_x) = (x.clone(), d.clone());
            for i in 0..m {
                softmax_row(y.row_mut(i));
                softmax_row_backward(y.row(i), d_x.row_mut(i));
            }
            // Sums of 200 numbers in another order, and another `exp`: a few parts in ten million each.
            prop_assert_eq!(forward(&x).check_close(&y, 1e-5), Ok(()));
            // `d - shared` cancels where one probability is near 1, so the error is held against the numbers that went in.
            let largest = d.data().iter().fold(0f32, |a, x| a.max(x.abs()));
            for (found, expected) in backward(&y, &d).unwrap().data().iter().zip(d_x.data()) {
                prop_assert!((found - expected).abs() <= 2e-6 * largest, "{} {}", found, expected);
            }
        }
    }

    #[test]
    fn agrees_with_the_formula_in_double_precision() {
        let xs = [1.0f32, -2.0, 0.5, 3.0, -80.0];
        let sum: f64 = xs.iter().map(|&x| f64::from(x).exp()).sum();
        let expected: Vec<f32> = xs.iter().map(|&x| (f64::from(x).exp() / sum) as f32).collect();
        let found = forward(&Tensor::new(&[5], xs.to_vec()).unwrap());
        found.check_close(&Tensor::new(&[5], expected).unwrap(), 1e-6).unwrap();
    }

    #[test]
    fn a_nan_is_not_hidden() {
        let y = forward(&Tensor::new(&[3], vec![0.0, f32::NAN, 1.0]).unwrap());
        assert!(y.data().iter().all(|p| p.is_nan()));
        let y = forward(&Tensor::full(&[2], f32::NEG_INFINITY));
        assert!(y.data().iter().all(|p| p.is_nan()));
    }

    #[test]
    fn the_logarithm_agrees_with_the_formula_and_hides_no_nan() {
        let mut found = [1.0f32, -2.0, 0.5, 3.0, -80.0];
        let sum: f64 = found.iter().map(|&x| f64::from(x).exp()).sum();
        let expected = found.map(|x| (f64::from(x) - sum.ln()) as f32);
        log_softmax_row(&mut found);
        let found = Tensor::new(&[5], found.to_vec()).unwrap();
        found.check_close(&Tensor::new(&[5], expected.to_vec()).unwrap(), 1e-6).unwrap();

        let mut removed = [0.0, f32::NEG_INFINITY, 0.0];
        log_softmax_row(&mut removed);
        assert_eq!(removed, [-std::f32::consts::LN_2, f32::NEG_INFINITY, -std::f32::consts::LN_2]);
        for bad in [[0.0, f32::NAN], [0.0, f32::INFINITY], [f32::NEG_INFINITY; 2]] {
            let mut row = bad;
            log_softmax_row(&mut row);
            assert!(row.iter().any(|x| x.is_nan()), "{bad:?} gave {row:?}");
        }
    }
}
