//! A training step: four calls, and no file.
//!
//! ```text
//! loss_and_gradient     forward, loss, backward: how does the loss change with each parameter?
//! clip                  limit the length of that gradient
//! AdamW::update         move every parameter a little against it
//! validation_loss       now and then: what is the loss on text that the model has not learned from?
//! ```
//!
//! [`Workspace::make_step`] makes the first three. Everything is in memory here, so you can train a model in a few
//! lines of your own; [`run`](super::run) adds the directory, and with it a run that can be stopped and resumed.
//!
//! [Chapter 13](crate::book::ch13_training) explains it.

use super::adamw::{AdamW, clip};
use super::batches::{Batch, Tokens};
use super::loss::{cross_entropy, cross_entropy_and_gradient};
use crate::error::{Error, Result};
use crate::kernels::arithmetic::{Arithmetic, within};
use crate::model::Gpt2;
use crate::pass::{Pass, Saved};

/// Adds to `grad` how the loss on a batch changes with each parameter, times `weight`; returns the mean loss in nats.
///
/// Forward, loss, backward: the heart of training. `saved` is memory that every batch can use again.
///
/// # Errors
///
/// If the batch does not fit the model, or one of the two models is [packed](crate::weight).
pub fn loss_and_gradient(
    model: &Gpt2,
    batch: &Batch,
    n_seq: usize,
    weight: f32,
    saved: &mut Saved,
    grad: &mut Gpt2,
) -> Result<f64> {
    let hidden = model.hidden(&batch.inputs, Pass::saving(n_seq, saved))?; // [n_tok, n_embd]
    let logits = model.head(&hidden)?; // [n_tok, n_vocab]
    let (loss, d_logits) = cross_entropy_and_gradient(logits, &batch.targets, weight)?; // [n_tok, n_vocab]
    model.backward(&batch.inputs, saved, &d_logits, grad)?;
    Ok(loss)
}

/// The mean loss of a model on up to `n_windows` windows of a text, in nats per token. Nothing is learned.
///
/// It is made in `f32`, whatever the precision of the steps. It asks how good the model is that is saved, which others will
/// run in `f32`; and so two runs of different precision are measured with one yardstick.
///
/// # Errors
///
/// If the windows do not fit the model.
pub fn validation_loss(model: &Gpt2, tokens: &Tokens, n_windows: usize) -> Result<f64> {
    let mut sum = 0.0;
    let mut n = 0;
    for starts in tokens.spread(n_windows).chunks(8) {
        let batch = tokens.batch(starts);
        let hidden = model.hidden(&batch.inputs, Pass::new(tokens.n_seq()))?;
        let losses = cross_entropy(&model.head(&hidden)?, &batch.targets)?;
        sum += losses.iter().map(|&loss| f64::from(loss)).sum::<f64>();
        n += losses.len();
    }
    Ok(sum / n as f64)
}

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepReport {
    /// How many steps have been made, this one included.
    pub step: u64,
    /// The mean loss on the step's batches before the step, in nats per token.
    pub loss: f64,
    /// The mean loss on the validation text, if this step measured it.
    pub valid_loss: Option<f64>,
    /// The learning rate.
    pub lr: f32,
    /// The length of the gradient before clipping.
    pub grad_norm: f32,
    /// How many tokens the step learned from.
    pub n_tokens: usize,
}

/// What steps work with: the memory for the gradient and for what forward saves for backward, and in which numbers products
/// are made. Made once, used in every step.
///
/// # Example: train a model in memory
///
/// ```
/// use gpt60::train::{adamw::AdamW, batches::Tokens, step::Workspace};
/// use gpt60::{Config, Gpt2, Rng};
///
/// let tokens = Tokens::from_ids((0..200).map(|t| t * t % 11).collect(), 8)?; // a repeating text; windows of 8
/// let mut rng = Rng::new(1);
/// let mut model = Gpt2::random(&Config::new(11, 8, 16, 2, 1), &mut rng)?;
/// let mut adamw = AdamW::new(&model, 0.9, 0.95, 0.1);
/// let mut workspace = Workspace::new(&model);
/// let mut losses = Vec::new();
/// for _ in 0..40 {
///     let batch = tokens.random_batch(4, &mut rng); // four windows
///     let report = workspace.make_step(&mut model, &mut adamw, &[batch], tokens.n_seq(), 0.01, 1.0)?;
///     losses.push(report.loss);
/// }
/// assert!((losses[0] - 11f64.ln()).abs() < 0.2 && losses[39] < 0.5 * losses[0]);
/// # Ok::<(), gpt60::Error>(())
/// ```
#[derive(Debug)]
pub struct Workspace {
    grad: Gpt2,
    saved: Saved,
    arithmetic: Arithmetic,
}

impl Workspace {
    /// The memory for a model of this size. Products are made in `f32`.
    #[must_use]
    pub fn new(model: &Gpt2) -> Workspace {
        Workspace { grad: model.zeros_like(), saved: Saved::new(), arithmetic: Arithmetic::F32 }
    }

    /// The same, for steps whose products are made in these numbers, forward and backward. With [`Arithmetic::Bf16`] both
    /// factors of each product are rounded. Everything else stays `f32`: sums, softmax, layer norm, loss, gradients, weights
    /// and AdamW's averages.
    ///
    /// # Example: a step in bf16
    ///
    /// ```
    /// use gpt60::train::{adamw::AdamW, batches::Tokens, settings::Arithmetic, step::Workspace};
    /// use gpt60::{Config, Gpt2, Rng};
    ///
    /// let tokens = Tokens::from_ids((0..200).map(|t| t * t % 11).collect(), 8)?;
    /// let mut model = Gpt2::random(&Config::new(11, 8, 16, 2, 1), &mut Rng::new(1))?;
    /// let mut adamw = AdamW::new(&model, 0.9, 0.95, 0.1);
    /// let mut workspace = Workspace::new(&model).in_arithmetic(Arithmetic::Bf16);
    /// let batch = tokens.batch(&[0, 50, 100]); // 24 tokens: products of 16 rows or fewer are not rounded
    /// let report = workspace.make_step(&mut model, &mut adamw, &[batch], tokens.n_seq(), 0.01, 1.0)?;
    /// assert!((report.loss - 11f64.ln()).abs() < 0.2); // a fresh model, in bf16 as in f32
    /// # Ok::<(), gpt60::Error>(())
    /// ```
    #[must_use]
    pub fn in_arithmetic(self, arithmetic: Arithmetic) -> Workspace {
        Workspace { arithmetic, ..self }
    }

    /// Makes one step on the mean loss of the batches, whose windows have `n_seq` tokens. `lr` is the learning rate,
    /// and `max_norm` the longest gradient that is not clipped; 0 for no clipping.
    ///
    /// Several batches make one large batch in the memory of a small one: their gradients are added up.
    ///
    /// # Errors
    ///
    /// If there are no batches, one does not fit the model, the model is [packed](crate::weight), or the loss is not a
    /// number: at the first step, because the weights were damaged before; later, because the learning rate was too high.
    /// The model is then unchanged.
    pub fn make_step(
        &mut self,
        model: &mut Gpt2,
        adamw: &mut AdamW,
        batches: &[Batch],
        n_seq: usize,
        lr: f32,
        max_norm: f32,
    ) -> Result<StepReport> {
        if batches.is_empty() {
            return Err(Error::argument("train", "a step needs at least one batch"));
        }
        for (_, tensor) in self.grad.parameters_mut()? {
            tensor.data_mut().fill(0.0);
        }
        let weight = 1.0 / batches.len() as f32;
        let mut loss = 0.0;
        for batch in batches {
            let part = within(self.arithmetic, || {
                loss_and_gradient(model, batch, n_seq, weight, &mut self.saved, &mut self.grad)
            })?;
            loss += part / batches.len() as f64;
        }
        let grad_norm = clip(&mut self.grad, max_norm)?;
        if !(loss.is_finite() && grad_norm.is_finite()) {
            let (what, value) = if loss.is_finite() { ("gradient", f64::from(grad_norm)) } else { ("loss", loss) };
            return Err(match adamw.step {
                0 => damaged_at_first(what, value),
                step => too_high_a_rate(what, value, step + 1),
            });
        }
        within(self.arithmetic, || adamw.update(model, &self.grad, lr))?; // Muon's products, too
        let n_tokens = batches.iter().map(|batch| batch.inputs.len()).sum();
        Ok(StepReport { step: adamw.step, loss, valid_loss: None, lr, grad_norm, n_tokens })
    }
}

/// The first loss or its gradient is not a number. No step has been made yet, so no learning rate can be the cause.
fn damaged_at_first(what: &str, value: f64) -> Error {
    let problem = format!(
        "the {what} is {value} before the first step: the weights that it begins with are damaged (not numbers, or far too \
         large)"
    );
    Error::argument("train", problem)
}

/// A loss, or its gradient, is no longer a number.
pub(super) fn too_high_a_rate(what: &str, value: f64, step: u64) -> Error {
    Error::argument("train", format!("the {what} became {value} at step {step}; begin again with a lower --lr"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::rng::Rng;
    use approx::assert_relative_eq;
    use std::slice::from_ref;

    fn model() -> Gpt2 {
        Gpt2::random(&Config::new(11, 8, 16, 2, 1), &mut Rng::new(1)).unwrap()
    }

    fn tokens() -> Tokens {
        Tokens::from_ids((0..200).map(|t| t * t % 11).collect(), 8).unwrap()
    }

    /// Every number of a model, as bits.
    fn bits(model: &Gpt2) -> Vec<u32> {
        let parameters = model.parameters().unwrap();
        parameters.iter().flat_map(|(_, tensor)| tensor.data().iter().map(|x| x.to_bits())).collect()
    }

    #[test]
    fn a_step_is_the_four_calls_bit_for_bit() {
        let (tokens, mut rng) = (tokens(), Rng::new(2));
        let (mut model, mut by_hand) = (model(), model());
        let mut adamw = AdamW::new(&model, 0.9, 0.95, 0.1);
        let mut adamw_by_hand = adamw.clone();
        let mut workspace = Workspace::new(&model);
        for step in 1..=3 {
            let batch = tokens.random_batch(2, &mut rng);
            let report = workspace.make_step(&mut model, &mut adamw, from_ref(&batch), 8, 0.01, 0.5).unwrap();

            let mut grad = by_hand.zeros_like(); // fresh memory: nothing of the last step may be left in the workspace
            let loss = loss_and_gradient(&by_hand, &batch, 8, 1.0, &mut Saved::new(), &mut grad).unwrap();
            let grad_norm = clip(&mut grad, 0.5).unwrap();
            adamw_by_hand.update(&mut by_hand, &grad, 0.01).unwrap();
            assert_eq!(bits(&model), bits(&by_hand));
            assert_eq!(report, StepReport { step, loss, valid_loss: None, lr: 0.01, grad_norm, n_tokens: 16 });
        }
    }

    #[test]
    fn a_step_in_bf16_rounds_what_forward_and_backward_multiply_and_nothing_else() {
        let tokens = tokens();
        let batch = tokens.batch(&[0, 20, 40]); // 24 rows
        let step_in = |arithmetic| {
            let mut model = model();
            let mut adamw = AdamW::new(&model, 0.9, 0.95, 0.1);
            let mut workspace = Workspace::new(&model).in_arithmetic(arithmetic);
            let report = workspace.make_step(&mut model, &mut adamw, from_ref(&batch), 8, 0.01, 0.5).unwrap();
            (report, bits(&model))
        };
        let (report, stepped) = step_in(Arithmetic::Bf16);

        let mut by_hand = model();
        let mut grad = by_hand.zeros_like();
        let rounded = || loss_and_gradient(&by_hand, &batch, 8, 1.0, &mut Saved::new(), &mut grad);
        let loss = within(Arithmetic::Bf16, rounded).unwrap();
        let grad_norm = clip(&mut grad, 0.5).unwrap();
        AdamW::new(&by_hand, 0.9, 0.95, 0.1).update(&mut by_hand, &grad, 0.01).unwrap();
        assert_eq!((report.loss, report.grad_norm), (loss, grad_norm));
        assert!(stepped == bits(&by_hand));

        let (in_f32, stepped_in_f32) = step_in(Arithmetic::F32);
        assert!(report.loss != in_f32.loss && stepped != stepped_in_f32);
        // A rounding is off by at most 2^-8 of a number, and these logits are below 0.1: so is the loss, by far less.
        assert_relative_eq!(report.loss, in_f32.loss, max_relative = 1e-3);
    }

    #[test]
    fn two_batches_make_the_step_of_one_that_holds_both() {
        let tokens = tokens();
        let step = |batches: &[Batch]| {
            let mut model = model();
            let mut adamw = AdamW::new(&model, 0.9, 0.95, 0.1);
            let report = Workspace::new(&model).make_step(&mut model, &mut adamw, batches, 8, 0.01, 1.0).unwrap();
            (report, adamw.m.wte.tensor().unwrap().clone()) // after one step, m is a tenth of the gradient
        };
        let (one, m_of_one) = step(&[tokens.batch(&[0, 20, 40, 60])]);
        let (two, m_of_two) = step(&[tokens.batch(&[0, 20]), tokens.batch(&[40, 60])]);
        assert_eq!((one.n_tokens, two.n_tokens), (32, 32));
        assert_relative_eq!(one.loss, two.loss, max_relative = 1e-6);
        assert_relative_eq!(one.grad_norm, two.grad_norm, max_relative = 1e-4);
        m_of_two.check_close(&m_of_one, 1e-4).unwrap();
    }

    #[test]
    fn a_step_that_fails_leaves_the_model_as_it_was() {
        let tokens = tokens();
        let mut model = model();
        let mut adamw = AdamW::new(&model, 0.9, 0.95, 0.1);
        let mut workspace = Workspace::new(&model);
        let batch = tokens.batch(&[0]);
        assert!(workspace.make_step(&mut model, &mut adamw, &[], 8, 0.1, 1.0).is_err());
        assert!(workspace.make_step(&mut model, &mut adamw, from_ref(&batch), 5, 0.1, 1.0).is_err());

        model.ln_f.bias.data_mut()[0] = f32::NAN;
        let before = bits(&model);
        let error = workspace.make_step(&mut model, &mut adamw, from_ref(&batch), 8, 0.1, 1.0).unwrap_err().to_string();
        assert!(error.contains("NaN before the first step") && error.contains("weights"), "{error}");
        assert!(!error.contains("--lr"), "{error}");
        assert_eq!((bits(&model), adamw.step), (before, 0));

        // Later it is the steps that did it.
        adamw.step = 3;
        let error = workspace.make_step(&mut model, &mut adamw, from_ref(&batch), 8, 0.1, 1.0).unwrap_err().to_string();
        assert!(error.contains("became NaN at step 4") && error.contains("lower --lr"), "{error}");
        adamw.step = 0;

        // The workspace is as good as new: a sound model learns in it.
        model.ln_f.bias.data_mut()[0] = 0.0;
        assert!(workspace.make_step(&mut model, &mut adamw, &[batch], 8, 0.1, 1.0).unwrap().loss.is_finite());
    }

    #[test]
    fn the_validation_loss_is_the_mean_over_its_windows_and_learns_nothing() {
        let (model, tokens) = (model(), tokens());
        let before = bits(&model);
        let found = validation_loss(&model, &tokens, 12).unwrap(); // more than one batch of 8
        let windows = tokens.spread(12);
        let mut sum = 0.0;
        for &start in &windows {
            let batch = tokens.batch(&[start]);
            let losses = cross_entropy(&model.logits(&batch.inputs).unwrap(), &batch.targets).unwrap();
            sum += losses.iter().map(|&loss| f64::from(loss)).sum::<f64>() / 8.0;
        }
        assert_eq!(windows.len(), 12);
        assert_relative_eq!(found, sum / 12.0, max_relative = 1e-6);
        assert_eq!(bits(&model), before);
    }
}
