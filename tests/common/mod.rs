//! What several tests share: models in which every parameter matters, and the measurement of slopes.

#![allow(dead_code)] // no test program uses all of it

use gpt60::close::Difference;
use gpt60::{Config, Gpt2, Pass, Rng, Tensor};
use proptest::prelude::*;

/// The context and the vocabulary of [`any_model`].
pub const N_CTX: usize = 80;
/// See [`N_CTX`].
pub const N_VOCAB: usize = 11;

/// A model of this size with random values everywhere: weights, biases, gains, and the head too if it is `untied`.
///
/// `Gpt2::random` is not suitable for tests. Its biases are 0, its gains are 1, and its weights are so small that
/// attention looks everywhere equally: much could be wrong and hardly a digit would change. Here the weights of a sum
/// of `n` terms have deviation `1/sqrt(n)`. The inputs of softmax and GELU are then about as large as 1, where both
/// bend the most.
pub fn lively(config: &Config, untied: bool, seed: u64) -> Gpt2 {
    let mut rng = Rng::new(seed);
    let mut model = Gpt2::zeros(config).unwrap();
    model.lm_head = untied.then(|| Tensor::zeros(&[config.n_vocab, config.n_embd]).into());
    for (name, tensor) in model.parameters_mut().unwrap() {
        let gain = name.contains("ln_") && name.ends_with(".weight");
        let deviation = match tensor.shape() {
            [n_in, _] if name.starts_with("h.") => 1.0 / (*n_in as f32).sqrt(), // [in, out]
            [_, _] => 1.0,                                                      // embeddings and head
            _ => 0.3,                                                           // biases and gains
        };
        let middle = if gain { 1.0 } else { 0.0 };
        *tensor = Tensor::random(tensor.shape(), deviation, &mut rng).map(|x| middle + x);
    }
    model
}

/// Random models: 1 to 3 heads of 8 to 13 numbers, 1 to 3 blocks, tied and untied.
///
/// Not below 8: layer norm divides by the deviation of a token's numbers. With 3 random numbers it is now and then next
/// to nothing, and then the last bits of the input become the first ones of the output. With 8 it never is.
pub fn any_model() -> impl Strategy<Value = Gpt2> {
    (1usize..4, 8usize..14, 1usize..4, any::<bool>(), any::<u64>()).prop_map(|(n_head, size, n_layer, untied, seed)| {
        lively(&Config::new(N_VOCAB, N_CTX, n_head * size, n_head, n_layer), untied, seed)
    })
}

/// `n` random token ids.
pub fn random_ids(n: usize, n_vocab: usize, rng: &mut Rng) -> Vec<u32> {
    (0..n).map(|_| rng.below(n_vocab) as u32).collect()
}

/// The logits after every token of a batch, in which every `n_seq` ids are one sequence: `[n_tok, n_vocab]`.
pub fn batch_logits(model: &Gpt2, ids: &[u32], n_seq: usize) -> Tensor {
    let hidden = model.hidden(ids, Pass::new(n_seq)).unwrap();
    model.head(&hidden).unwrap()
}

/// The bits of every number: two lists of them are equal only if nothing at all differs, including NaN and the sign of
/// zero.
pub fn bits(xs: &[f32]) -> Vec<u32> {
    xs.iter().map(|x| x.to_bits()).collect()
}

/// How far a number is moved to measure a slope.
const STEP: f32 = 2e-2;
/// How far a gradient may be from the slope, relative to the tensor's largest.
const TOLERANCE: f64 = 1e-3;

/// Measures the slope of `loss` in every number of `at`, by calling it with one number changed, and compares.
/// `tests/gradients.rs` explains why, and why with this step.
pub fn compare_every_index(
    gradient: &Tensor,
    at: &Tensor,
    mut loss: impl FnMut(&Tensor) -> f64,
) -> Result<(), Difference> {
    let mut moved = at.clone();
    let mut measured = Tensor::zeros(at.shape());
    for i in 0..at.len() {
        let mut slope = |step: f32| {
            let (up, down) = (at.data()[i] + step, at.data()[i] - step);
            moved.data_mut()[i] = up;
            let loss_up = loss(&moved);
            moved.data_mut()[i] = down;
            let loss_down = loss(&moved);
            (loss_up - loss_down) / (f64::from(up) - f64::from(down)) // the distance after rounding
        };
        let (fine, coarse) = (slope(STEP), slope(2.0 * STEP));
        measured.data_mut()[i] = ((4.0 * fine - coarse) / 3.0) as f32;
        moved.data_mut()[i] = at.data()[i];
    }
    gradient.check_close(&measured, TOLERANCE)
}

/// Passes if [`compare_every_index`] finds no difference.
pub fn check_every_index(name: &str, gradient: &Tensor, at: &Tensor, loss: impl FnMut(&Tensor) -> f64) {
    if let Err(difference) = compare_every_index(gradient, at, loss) {
        panic!("the gradient of {name} is not the slope: {difference}");
    }
}
