//! Loss: how surprised is the model by what really came next?
//!
//! The model gives every possible next token a probability. Its *loss* on one token is `-ln(p)`, where `p` is the
//! probability that it gave to the token that really came. The loss is 0 if the model was certain, and the less it
//! expected the token, the larger the loss. A model that knows nothing and gives each of `n` tokens the same `1/n` has
//! a loss of `ln(n)`. The unit is the *nat*.
//!
//! With softmax inside, the loss of a row of logits `x` with target `t` is
//!
//! ```text
//! loss = -ln(softmax(x)_t) = ln(e^(x_0) + ... + e^(x_(n-1))) - x_t
//! ```
//!
//! The mean loss over many tokens is called *cross-entropy*. `e^loss` is the *perplexity*: the model is as unsure as if
//! it had to choose among that many equally likely tokens. `loss / ln(2)` is the loss in bits.
//!
//! Source: Shannon, "A Mathematical Theory of Communication" (1948), for the measure; Radford et al. (2018), equation
//! 1.
//!
//! [Chapter 11](crate::book::ch11_loss) explains it.

use crate::error::{Error, Result};
use crate::kernels::loss as fast;
use crate::layers::softmax::softmax_row;
use crate::tensor::Tensor;

/// The loss of each row of logits: `[n_tok, n_vocab]` and `[n_tok]` targets `-> [n_tok]`, in nats.
///
/// # Errors
///
/// If there are no rows, the numbers of rows and targets differ, or a target is not in the vocabulary.
///
/// # Example: knowing nothing costs ln(n)
///
/// ```
/// use gpt60::{Tensor, train::loss};
///
/// let logits = Tensor::zeros(&[1, 8]); // 8 tokens, all equally likely
/// let nats = loss::cross_entropy(&logits, &[3])?;
/// assert!((nats[0] - 8f32.ln()).abs() < 1e-6); // 3 bits: 2.08 nats
/// # Ok::<(), gpt60::Error>(())
/// ```
pub fn cross_entropy(logits: &Tensor, targets: &[u32]) -> Result<Vec<f32>> {
    check(logits, targets)?;
    Ok(fast::cross_entropy(logits.data(), logits.n_cols(), targets))
}

/// The mean loss over all rows in nats, and how `weight` times that mean changes with each logit: `d_logits`,
/// `[n_tok, n_vocab]`, in place of `logits`.
///
/// Forward was `loss = ln(sum over j of e^(x_j)) - x_t`. The slope of the first part by `x_j` is `e^(x_j) / sum`, which
/// is softmax; that of the second is 1 for the target and 0 for the others:
///
/// ```text
/// d_x_j = softmax(x)_j - (1 if j is t else 0)
/// ```
///
/// In words: lower every token by as much as it was expected, and raise the one that came. Each row counts
/// `weight / n_tok`.
///
/// # Errors
///
/// Those of [`cross_entropy`].
///
/// # Example: two tokens, equally likely, and the first one came
///
/// ```
/// use gpt60::{Tensor, train::loss};
///
/// let (mean, d_logits) = loss::cross_entropy_and_gradient(Tensor::zeros(&[1, 2]), &[0], 1.0)?;
/// assert!((mean - 2f64.ln()).abs() < 1e-6);
/// assert_eq!(d_logits.data(), [0.5 - 1.0, 0.5]); // softmax, minus 1 at the target
/// # Ok::<(), gpt60::Error>(())
/// ```
pub fn cross_entropy_and_gradient(mut logits: Tensor, targets: &[u32], weight: f32) -> Result<(f64, Tensor)> {
    check(&logits, targets)?;
    let (n_tok, n_vocab) = (targets.len(), logits.n_cols());
    let losses = fast::cross_entropy_gradient(logits.data_mut(), n_vocab, targets, weight / n_tok as f32);
    let mean = losses.iter().map(|&loss| f64::from(loss)).sum::<f64>() / n_tok as f64;
    Ok((mean, logits))
}

/// The loss of one row of logits, as a loop.
///
/// # Panics
///
/// If the target is not in the vocabulary.
pub fn row_loss(x: &[f32], target: usize) -> f32 {
    let largest = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for x in x {
        sum += (x - largest).exp(); // e^x alone would overflow
    }
    sum.ln() + largest - x[target]
}

/// How `share` times [`row_loss`] changes with each logit of the row, as a loop: `-> [n_vocab]`.
///
/// # Panics
///
/// If the target is not in the vocabulary.
pub fn row_gradient(x: &[f32], target: usize, share: f32) -> Vec<f32> {
    let mut d_x = x.to_vec();
    softmax_row(&mut d_x);
    for d in d_x.iter_mut() {
        *d *= share; // forward was: loss = ln(sum) ...
    }
    d_x[target] -= share; // ... - x[target]
    d_x
}

fn check(logits: &Tensor, targets: &[u32]) -> Result<()> {
    let (n_tok, n_vocab) = logits.table("cross_entropy")?;
    if n_tok != targets.len() || n_tok == 0 {
        let rule = format!("a target for each row is needed, but there are {}", targets.len());
        return Err(Error::shape("cross_entropy", &[logits.shape()], rule));
    }
    match targets.iter().find(|&&target| target as usize >= n_vocab) {
        Some(target) => {
            Err(Error::shape("cross_entropy", &[logits.shape()], format!("there is no logit for target {target}")))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;
    use approx::assert_relative_eq;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 40, ..Default::default() })]
        #[test]
        fn the_fast_twin_is_the_loop(n_tok in 1usize..20, n_vocab in 1usize..300, seed: u64) {
            let mut rng = Rng::new(seed);
            let logits = Tensor::random(&[n_tok, n_vocab], 4.0, &mut rng);
            let targets: Vec<u32> = (0..n_tok).map(|_| (rng.uniform() * n_vocab as f64) as u32).collect();
            let rows = || (0..n_tok).map(|i| (logits.row(i), targets[i] as usize));
            let losses: Vec<f32> = rows().map(|(row, target)| row_loss(row, target)).collect();
            let share = 0.5 / n_tok as f32;
            let d_logits: Vec<f32> = rows().flat_map(|(row, target)| row_gradient(row, target, share)).collect();
            // Sums of up to 300 powers in another order, and another `exp`. The loss of a row is a difference of
            // numbers of up to 20, each rounded to one part in ten million.
            let found = cross_entropy(&logits, &targets).unwrap();
            prop_assert!(found.iter().zip(&losses).all(|(a, b)| (a - b).abs() < 1e-5), "{:?} {:?}", found, losses);
            let (_, found) = cross_entropy_and_gradient(logits.clone(), &targets, 0.5).unwrap();
            // A gradient is `share` times a probability, less `share` at the target: an error is a part of `share`.
            for (found, expected) in found.data().iter().zip(&d_logits) {
                prop_assert!((found - expected).abs() <= 2e-6 * share, "{} {}", found, expected);
            }
        }
    }

    #[test]
    fn both_ways_give_the_same_loss_and_it_is_the_formula() {
        let logits = Tensor::random(&[3, 50], 4.0, &mut Rng::new(1));
        let targets = [0, 49, 7];
        let expected: Vec<f64> = (0..3)
            .map(|i| {
                let sum: f64 = logits.row(i).iter().map(|&x| f64::from(x).exp()).sum();
                sum.ln() - f64::from(logits.row(i)[targets[i] as usize])
            })
            .collect();
        let found = cross_entropy(&logits, &targets).unwrap();
        for (found, expected) in found.iter().zip(&expected) {
            assert_relative_eq!(f64::from(*found), *expected, max_relative = 1e-5);
        }
        let (mean, _) = cross_entropy_and_gradient(logits, &targets, 1.0).unwrap();
        assert_relative_eq!(mean, expected.iter().sum::<f64>() / 3.0, max_relative = 1e-5);
    }

    #[test]
    fn large_logits_do_not_overflow() {
        let logits = Tensor::new(&[1, 2], vec![1000.0, 0.0]).unwrap();
        assert_eq!(cross_entropy(&logits, &[0]).unwrap(), [0.0]);
        assert_eq!(cross_entropy(&logits, &[1]).unwrap(), [1000.0]);
    }

    #[test]
    fn a_target_that_does_not_exist_is_an_error() {
        let logits = Tensor::zeros(&[2, 4]);
        assert!(cross_entropy(&logits, &[0, 4]).unwrap_err().to_string().contains("target 4"));
        assert!(cross_entropy(&logits, &[0]).is_err());
        assert!(cross_entropy(&Tensor::zeros(&[0, 4]), &[]).is_err());
    }
}
