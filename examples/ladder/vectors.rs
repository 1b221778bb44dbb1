//! Rung (e): the same matrices, compiled for the best instructions that this processor has; and once more with threads.
//!
//! Not a line of the arithmetic changes. [`kernels::cpu`](gpt60::kernels::cpu) compiles rung (d) three times and takes
//! the best version that the processor can execute. With AVX-512, one instruction multiplies and adds 8 numbers of 64
//! bits, or 16 of 32 bits.
//!
//! Of what is left, Adam is a large part: a root and a quotient for each weight. Its matrices are a list of tasks that
//! threads could share. But all of it takes some millionths of a second, and so does telling another thread.

use super::Number;
use super::matrices::AllAtOnce;
use super::weights::{Pace, Part};
use gpt60::kernels::cpu::{Kernel, run};
use gpt60::kernels::threads;

/// Forward and backward, to be compiled several times.
struct Slopes<'a>(&'a mut AllAtOnce, &'a [usize]);

impl Kernel for Slopes<'_> {
    type Output = f64;

    /// `LANES` counts numbers of 32 bits.
    #[inline(always)]
    fn run<const FMA: bool, const LANES: usize, const ROWS: usize>(self) -> f64 {
        match LANES * size_of::<f32>() / size_of::<Number>() {
            16 => self.0.slopes::<FMA, 16>(self.1),
            8 => self.0.slopes::<FMA, 8>(self.1),
            _ => self.0.slopes::<FMA, 4>(self.1),
        }
    }
}

/// Adam for some of the matrices.
struct Adam<'a, const N: usize>([Part<'a>; N], Pace);

impl<const N: usize> Kernel for Adam<'_, N> {
    type Output = ();

    #[inline(always)]
    fn run<const FMA: bool, const LANES: usize, const ROWS: usize>(self) {
        self.0.into_iter().for_each(|part| part.adam(self.1));
    }
}

pub fn learn(model: &mut AllAtOnce, ids: &[usize], step: usize, rate: f64) -> f64 {
    let loss = run(Slopes(model, ids));
    run(Adam(model.learner.parts(), Pace::new(step, rate)));
    loss
}

/// The same, with a matrix for whichever thread is free.
pub fn learn_in_threads(model: &mut AllAtOnce, ids: &[usize], step: usize, rate: f64) -> f64 {
    let loss = run(Slopes(model, ids));
    let pace = Pace::new(step, rate);
    threads::each(model.learner.parts().into(), |part| run(Adam([part], pace)));
    loss
}
