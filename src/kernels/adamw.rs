//! AdamW on many numbers: the fast twin of `train/adamw.rs`, which says what is computed.
//!
//! Each number is read and written once and computed with a little, so the loop is as fast as memory is. The threads share
//! the pieces of all tensors.
//!
//! [Chapter 13](crate::book::ch13_training) explains what is computed, [chapter 16](crate::book::ch16_making_it_fast) how.

use super::cpu::{Kernel, run};
use super::{math, threads};

/// What every number of a step has in common.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// How slowly `m` forgets.
    pub beta1: f32,
    /// How slowly `v` forgets.
    pub beta2: f32,
    /// Keeps the division from dividing by zero.
    pub epsilon: f32,
    /// What a parameter is multiplied with first: 1 without weight decay.
    pub shrink: f32,
    /// The learning rate, divided by `1 - beta1^step`.
    pub lr: f32,
    /// The root of `1 - beta2^step`.
    pub root_correct2: f32,
}

/// A parameter, its gradient, the two running averages, and how to move it.
#[derive(Debug)]
pub struct Update<'a> {
    /// The parameter.
    pub p: &'a mut [f32],
    /// Its gradient.
    pub g: &'a [f32],
    /// The running average of the gradient.
    pub m: &'a mut [f32],
    /// The running average of its square.
    pub v: &'a mut [f32],
    /// How to move it.
    pub step: Step,
}

/// One step of every tensor.
///
/// # Panics
///
/// If the four lists of an update have different lengths.
#[doc(hidden)]
pub fn adamw(updates: Vec<Update>) {
    // Long tensors are cut into pieces, which the threads share.
    const PIECE: usize = 1 << 16;
    let mut tasks = Vec::new();
    for Update { p, g, m, v, step } in updates {
        assert!(p.len() == g.len() && p.len() == m.len() && p.len() == v.len(), "adamw: lengths differ");
        let averages = m.chunks_mut(PIECE).zip(v.chunks_mut(PIECE));
        for ((p, g), (m, v)) in p.chunks_mut(PIECE).zip(g.chunks(PIECE)).zip(averages) {
            tasks.push(Update { p, g, m, v, step });
        }
    }
    threads::each(tasks, run);
}

impl Kernel for Update<'_> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool, const LANES: usize, const ROWS: usize>(self) {
        let Step { beta1, beta2, epsilon, shrink, lr, root_correct2 } = self.step;
        for (((p, &g), m), v) in self.p.iter_mut().zip(self.g).zip(self.m).zip(self.v) {
            *m = beta1 * *m + (1.0 - beta1) * g;
            *v = beta2 * *v + (1.0 - beta2) * g * g;
            *p = *p * shrink - lr * *m / (v.sqrt() / root_correct2 + epsilon);
        }
    }
}

/// The sum of the squares of many numbers, in double precision.
#[doc(hidden)]
pub fn sum_of_squares(numbers: &[f32]) -> f64 {
    // Pieces short enough for f32 sums, added up in f64.
    numbers.chunks(4096).map(|piece| f64::from(math::sum_of_squares(piece, 0.0))).sum()
}
