//! AdamW: how far to move each parameter.
//!
//! The gradient says in which direction the loss rises. The simplest rule would be to step the other way:
//! `p -= lr * g`, where `lr`, the *learning rate*, is the size of the step. But one batch's gradient is noisy, and some
//! parameters have gradients a thousand times larger than others. Adam keeps two running averages for every parameter
//! and divides one by the other:
//!
//! ```text
//! m = beta1 * m + (1 - beta1) * g          where has it been pointing lately?
//! v = beta2 * v + (1 - beta2) * g^2        how large has it been lately?
//! p = p - lr * m' / (sqrt(v') + epsilon)   m' = m / (1 - beta1^step), v' = v / (1 - beta2^step)
//! ```
//!
//! So every parameter moves by about `lr`, whatever the scale of its gradient, and by less when the gradient keeps
//! changing sign. `m` and `v` start at 0; the divisions by `1 - beta^step` correct for that in the first steps.
//!
//! The W is for *weight decay*: before each step the weights shrink a little, `p = p - lr * decay * p`, so none stays
//! large without need. Only the matrices and embeddings decay; biases and layer norms do not.
//!
//! The matrices of the blocks can be moved by another rule instead, which takes each of them as a whole: [`super::muon`].
//!
//! Source: Kingma and Ba, "Adam" (2015), algorithm 1; Loshchilov and Hutter, "Decoupled Weight Decay Regularization"
//! (2019), algorithm 2.
//!
//! [Chapter 13](crate::book::ch13_training) explains it.

use super::muon;
use crate::error::{Error, Result};
use crate::kernels::adamw::{self as fast, Step, Update};
use crate::model::Gpt2;

/// The settings of AdamW, and its two running averages for every parameter of a model.
#[derive(Debug, Clone)]
pub struct AdamW {
    /// How slowly `m` forgets.
    pub beta1: f32,
    /// How slowly `v` forgets.
    pub beta2: f32,
    /// Keeps the division from dividing by zero.
    pub epsilon: f32,
    /// How much matrices and embeddings shrink.
    pub weight_decay: f32,
    /// Whether the matrices of the blocks are moved by [`muon`] instead. Their `v` is then not used.
    pub muon: bool,
    /// How many steps have been made.
    pub step: u64,
    /// The running average of each gradient.
    pub m: Gpt2,
    /// The running average of each gradient's square.
    pub v: Gpt2,
}

impl AdamW {
    /// AdamW for `model`, before its first step.
    pub fn new(model: &Gpt2, beta1: f32, beta2: f32, weight_decay: f32) -> AdamW {
        let zeros = model.zeros_like();
        AdamW { beta1, beta2, epsilon: 1e-8, weight_decay, muon: false, step: 0, m: zeros.clone(), v: zeros }
    }

    /// Moves every parameter of `model` against its gradient, by a step of about `lr`.
    ///
    /// # Errors
    ///
    /// If `grad`, or the model that this AdamW was made for, is of another kind, or a model is [packed](crate::weight).
    ///
    /// # Example: the first step moves each parameter by `lr`, against the sign of its gradient
    ///
    /// ```
    /// use gpt60::{Config, Gpt2, train::adamw::AdamW};
    ///
    /// let mut model = Gpt2::zeros(&Config::new(2, 1, 1, 1, 1))?;
    /// let mut grad = model.zeros_like();
    /// grad.wte.tensor_mut()?.data_mut().copy_from_slice(&[5.0, -0.001]);
    /// AdamW::new(&model, 0.9, 0.999, 0.0).update(&mut model, &grad, 0.1)?;
    /// let wte = model.wte.tensor()?.data();
    /// assert!((wte[0] + 0.1).abs() < 1e-4 && (wte[1] - 0.1).abs() < 1e-4);
    /// # Ok::<(), gpt60::Error>(())
    /// ```
    pub fn update(&mut self, model: &mut Gpt2, grad: &Gpt2, lr: f32) -> Result<()> {
        let (params, grads) = (model.parameters_mut()?, grad.parameters()?);
        let (means, squares) = (self.m.parameters_mut()?, self.v.parameters_mut()?);
        if !params.iter().map(|(_, p)| p.shape()).eq(grads.iter().map(|(_, g)| g.shape())) {
            return Err(Error::argument("AdamW", "the gradient belongs to another kind of model"));
        }
        let of_averages = [&means, &squares].map(|list| list.iter().map(|(_, tensor)| tensor.shape()));
        if of_averages.into_iter().any(|shapes| !shapes.eq(grads.iter().map(|(_, g)| g.shape()))) {
            return Err(Error::argument("AdamW", "it was made for another kind of model; make one for this model"));
        }
        self.step += 1;
        let step = step(self.beta1, self.beta2, self.epsilon, self.step, lr);
        let mut updates = Vec::new();
        for ((((name, p), (_, g)), (_, m)), (_, v)) in params.into_iter().zip(grads).zip(means).zip(squares) {
            if self.muon && muon::moves(&name, p.shape()) {
                let parts = if name.ends_with("c_attn.weight") { 3 } else { 1 }; // queries, keys and values
                muon::step(p, g, m, parts, lr, self.weight_decay)?;
                continue;
            }
            let is_matrix = p.shape().len() >= 2;
            let shrink = if is_matrix { 1.0 - lr * self.weight_decay } else { 1.0 };
            let step = Step { shrink, ..step };
            updates.push(Update { p: p.data_mut(), g: g.data(), m: m.data_mut(), v: v.data_mut(), step });
        }
        fast::adamw(updates);
        Ok(())
    }
}

/// What all numbers share in step number `n`, counted from 1, without weight decay.
fn step(beta1: f32, beta2: f32, epsilon: f32, n: u64, lr: f32) -> Step {
    let correct1 = 1.0 - f64::from(beta1).powf(n as f64);
    let correct2 = 1.0 - f64::from(beta2).powf(n as f64);
    let (lr, root_correct2) = ((f64::from(lr) / correct1) as f32, correct2.sqrt() as f32);
    Step { beta1, beta2, epsilon, shrink: 1.0, lr, root_correct2 }
}

/// One step of every number of an update, as a loop. [`AdamW::update`] gives the same numbers, up to rounding, but
/// faster.
pub fn adamw(update: Update) {
    let Update { p, g, m, v, step } = update;
    for i in 0..p.len() {
        m[i] = step.beta1 * m[i] + (1.0 - step.beta1) * g[i];
        v[i] = step.beta2 * v[i] + (1.0 - step.beta2) * g[i] * g[i];
        // The two corrections, 1 - beta^n, are in `lr` and `root_correct2`.
        p[i] = p[i] * step.shrink - step.lr * m[i] / (v[i].sqrt() / step.root_correct2 + step.epsilon);
    }
}

/// Limits the length of the gradient, taken as one long vector: if it is above `limit`, every number is scaled down
/// until the length is `limit`. Returns the length before. A `limit` of 0 only measures.
///
/// One strange batch can have a gradient far larger than all others, and a single step along it can undo an hour of
/// learning. Clipping keeps its direction and limits its length (Pascanu, Mikolov and Bengio, 2013).
///
/// # Errors
///
/// If `grad` is [packed](crate::weight), and so not a gradient.
pub fn clip(grad: &mut Gpt2, limit: f32) -> Result<f32> {
    let norm =
        grad.parameters()?.iter().map(|(_, tensor)| fast::sum_of_squares(tensor.data())).sum::<f64>().sqrt() as f32;
    if limit > 0.0 && norm > limit {
        let factor = limit / (norm + 1e-6); // the same small number as PyTorch's clip_grad_norm_
        for (_, tensor) in grad.parameters_mut()? {
            tensor.data_mut().iter_mut().for_each(|g| *g *= factor);
        }
    }
    Ok(norm)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::close::check_close;
    use crate::config::Config;
    use crate::rng::Rng;
    use proptest::prelude::*;

    #[test]
    fn what_was_made_for_another_kind_of_model_is_an_error_and_moves_nothing() {
        let model = |n_embd| Gpt2::random(&Config::new(5, 4, n_embd, 1, 1), &mut Rng::new(1)).unwrap();
        let (mut small, large) = (model(4), model(6));
        let before = small.clone();
        let error = AdamW::new(&small, 0.9, 0.99, 0.1).update(&mut small, &large.zeros_like(), 0.1).unwrap_err();
        assert!(error.to_string().contains("the gradient belongs to another kind"), "{error}");
        let mut adamw = AdamW::new(&large, 0.9, 0.99, 0.1);
        let error = adamw.update(&mut small, &before.zeros_like(), 0.1).unwrap_err();
        assert!(error.to_string().contains("it was made for another kind"), "{error}");
        assert!(small == before && adamw.step == 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 20, ..Default::default() })]
        #[test]
        fn the_fast_twin_is_the_loop(n in 1usize..200_000, number in 1u64..2000, decay in 0f32..0.2, seed: u64) {
            let mut rng = Rng::new(seed);
            let mut random = || (0..n).map(|_| rng.normal() as f32).collect::<Vec<f32>>();
            let (p, g, m) = (random(), random(), random());
            let v: Vec<f32> = random().iter().map(|x| x * x).collect();
            let step = Step { shrink: 1.0 - 0.01 * decay, ..step(0.9, 0.99, 1e-8, number, 0.01) };
            let moved = |move_all: &dyn Fn(Update)| {
                let (mut p, mut m, mut v) = (p.clone(), m.clone(), v.clone());
                move_all(Update { p: &mut p, g: &g, m: &mut m, v: &mut v, step });
                [p, m, v]
            };
            let expected = moved(&adamw);
            for (found, expected) in moved(&|update| fast::adamw(vec![update])).iter().zip(&expected) {
                // A few operations on each number, each rounded to one part in ten million.
                prop_assert_eq!(check_close((&[n], found), (&[n], expected), 1e-6), Ok(()));
            }
        }
    }
}
