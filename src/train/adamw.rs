//! AdamW: how far to move each parameter.
//!
//! The gradient says in which direction the loss rises. The simplest rule would be to step the other way: `p -= lr * g`.
//! But one batch's gradient is noisy, and some parameters have gradients a thousand times larger than others. Adam keeps
//! two running averages for every parameter and divides one by the other:
//!
//! ```text
//! m = beta1 * m + (1 - beta1) * g          where has it been pointing lately?
//! v = beta2 * v + (1 - beta2) * g^2        how large has it been lately?
//! p = p - lr * m' / (sqrt(v') + epsilon)   m' = m / (1 - beta1^step), v' = v / (1 - beta2^step)
//! ```
//!
//! So every parameter moves by about `lr`, whatever the scale of its gradient, and less where the gradient keeps changing
//! its sign. `m` and `v` begin at 0; the divisions by `1 - beta^step` correct for that in the first steps.
//!
//! The W is for *weight decay*: before each step the weights shrink a little, `p = p - lr * decay * p`, so that none stays
//! large without need. Only the matrices and embeddings decay; biases and layer norms do not.
//!
//! Source: Kingma and Ba, "Adam" (2015), algorithm 1; Loshchilov and Hutter, "Decoupled Weight Decay Regularization"
//! (2019), algorithm 2.
//!
//! [Chapter 13](crate::book::ch13_training) explains it.

use crate::kernels::cpu::{Kernel, run};
use crate::kernels::{math, threads};
use crate::{Error, Gpt2, Result};

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
    /// How many steps were made.
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
    /// If `grad` is of another kind of model, or one of the two is [packed](crate::weight).
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
            return Err(Error::argument("AdamW", "the gradient is of another kind of model"));
        }
        self.step += 1;
        let correct1 = 1.0 - f64::from(self.beta1).powf(self.step as f64);
        let correct2 = 1.0 - f64::from(self.beta2).powf(self.step as f64);
        let all = params.into_iter().zip(grads).zip(means).zip(squares);
        // Long tensors are cut into pieces, which the threads share.
        const PIECE: usize = 1 << 16;
        let mut tasks = Vec::new();
        for ((((_, p), (_, g)), (_, m)), (_, v)) in all {
            let is_matrix = p.shape().len() >= 2;
            let shrink = if is_matrix { 1.0 - lr * self.weight_decay } else { 1.0 };
            let pieces = p.data_mut().chunks_mut(PIECE).zip(g.data().chunks(PIECE));
            for ((p, g), (m, v)) in pieces.zip(m.data_mut().chunks_mut(PIECE).zip(v.data_mut().chunks_mut(PIECE))) {
                tasks.push(Update {
                    p,
                    g,
                    m,
                    v,
                    shrink,
                    beta1: self.beta1,
                    beta2: self.beta2,
                    epsilon: self.epsilon,
                    lr: (f64::from(lr) / correct1) as f32,
                    root_correct2: correct2.sqrt() as f32,
                });
            }
        }
        threads::each(tasks, run);
        Ok(())
    }
}

/// One piece of one tensor, and what to do with it.
struct Update<'a> {
    p: &'a mut [f32],
    g: &'a [f32],
    m: &'a mut [f32],
    v: &'a mut [f32],
    shrink: f32,
    beta1: f32,
    beta2: f32,
    epsilon: f32,
    lr: f32,
    root_correct2: f32,
}

impl Kernel for Update<'_> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool, const LANES: usize, const ROWS: usize>(self) {
        for (((p, &g), m), v) in self.p.iter_mut().zip(self.g).zip(self.m).zip(self.v) {
            *m = self.beta1 * *m + (1.0 - self.beta1) * g;
            *v = self.beta2 * *v + (1.0 - self.beta2) * g * g;
            *p = *p * self.shrink - self.lr * *m / (v.sqrt() / self.root_correct2 + self.epsilon);
        }
    }
}

/// The length of the gradient as one long vector; if it is above `limit`, every number is scaled down so that the length is
/// `limit`. Returns the length before. A `limit` of 0 only measures.
///
/// One strange batch can have a gradient far larger than all others, and a single step along it can undo an hour of
/// learning. Clipping keeps its direction and limits its length (Pascanu, Mikolov and Bengio, 2013).
///
/// # Errors
///
/// If `grad` is [packed](crate::weight): then it is no gradient.
pub fn clip(grad: &mut Gpt2, limit: f32) -> Result<f32> {
    let squares = |data: &[f32]| -> f64 {
        // Pieces short enough for f32 sums, added up in f64.
        data.chunks(4096).map(|piece| f64::from(math::sum_of_squares(piece, 0.0))).sum()
    };
    let norm = grad.parameters()?.iter().map(|(_, tensor)| squares(tensor.data())).sum::<f64>().sqrt() as f32;
    if limit > 0.0 && norm > limit {
        let factor = limit / (norm + 1e-6); // the same small number as PyTorch's clip_grad_norm_
        for (_, tensor) in grad.parameters_mut()? {
            tensor.data_mut().iter_mut().for_each(|g| *g *= factor);
        }
    }
    Ok(norm)
}
