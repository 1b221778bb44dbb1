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
//! Source: Kingma and Ba, "Adam" (2015), algorithm 1; Loshchilov and Hutter, "Decoupled Weight Decay Regularization"
//! (2019), algorithm 2.
//!
//! [Chapter 13](crate::book::ch13_training) explains it.

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
        AdamW { beta1, beta2, epsilon: 1e-8, weight_decay, step: 0, m: zeros.clone(), v: zeros }
    }

    /// Moves every parameter of `model` against its gradient, by a step of about `lr`.
    ///
    /// # Errors
    ///
    /// If `grad` belongs to another kind of model, or one of the two is [packed](crate::weight).
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
        let shapes_fit = params.iter().zip(&grads).all(|((_, p), (_, g))| p.shape() == g.shape());
        if grads.len() != params.len() || !shapes_fit {
            return Err(Error::argument("AdamW", "the gradient belongs to another kind of model"));
        }
        self.step += 1;
        let mut updates = Vec::new();
        for ((((_, p), (_, g)), (_, m)), (_, v)) in params.into_iter().zip(grads).zip(means).zip(squares) {
            let is_matrix = p.shape().len() >= 2;
            let decay = if is_matrix { self.weight_decay } else { 0.0 };
            let step = step(self.beta1, self.beta2, self.epsilon, decay, self.step, lr);
            updates.push(Update { p: p.data_mut(), g: g.data(), m: m.data_mut(), v: v.data_mut(), step });
        }
        fast::adamw(updates);
        Ok(())
    }
}

/// What all numbers of a tensor share in step number `n`, counted from 1.
fn step(beta1: f32, beta2: f32, epsilon: f32, decay: f32, n: u64, lr: f32) -> Step {
    let correct1 = 1.0 - f64::from(beta1).powf(n as f64);
    let correct2 = 1.0 - f64::from(beta2).powf(n as f64);
    Step {
        beta1,
        beta2,
        epsilon,
        shrink: 1.0 - lr * decay,
        lr: (f64::from(lr) / correct1) as f32,
        root_correct2: correct2.sqrt() as f32,
    }
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
    use crate::rng::Rng;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 20, ..Default::default() })]
        #[test]
        fn the_fast_twin_is_the_loop(n in 1usize..200_000, number in 1u64..2000, decay in 0f32..0.2, seed: u64) {
            let mut rng = Rng::new(seed);
            let mut random = || (0..n).map(|_| rng.normal() as f32).collect::<Vec<f32>>();
            let (p, g, m) = (random(), random(), random());
            let v: Vec<f32> = random().iter().map(|x| x * x).collect();
            let step = step(0.9, 0.99, 1e-8, decay, number, 0.01);
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
