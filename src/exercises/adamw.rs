//! Exercise: AdamW. Chapter 13. Medium, 20 minutes.
//!
//! You know the gradient `g` of each parameter. How far do you move it? AdamW keeps two running averages for every
//! parameter, moves by one divided by the root of the other, and lets each parameter shrink a little.
//!
//! ```text
//! m  = beta1 * m + (1 - beta1) * g              where has it been pointing lately?
//! v  = beta2 * v + (1 - beta2) * g^2            how large has it been lately?
//! m' = m / (1 - beta1^step)                     they begin at 0: this corrects for it
//! v' = v / (1 - beta2^step)                     step is 1 in the first update
//! p  = p * (1 - lr * weight_decay) - lr * m' / (sqrt(v') + epsilon)
//! ```
//!
//! Keep `m` and `v` as they are, uncorrected; `m'` and `v'` are only for the last line. `adamw.step` counts the updates
//! *made*: 0 before the first. Raise it first, then use it.
//!
//! A worked example: one parameter of 2, `beta1` 0.9, `beta2` 0.95, no decay, an epsilon too small to matter,
//! and `lr` 0.1. Its gradient is 0.5 first, and then -0.5:
//!
//! ```text
//!     step 1   m = 0.1 * 0.5   = 0.05                     m' = 0.05 / (1 - 0.9)     =  0.5
//!              v = 0.05 * 0.25 = 0.0125                   v' = 0.0125 / (1 - 0.95)  =  0.25
//!              p = 2 - 0.1 * 0.5 / 0.5 = 1.9
//!
//!     step 2   m = 0.9 * 0.05 - 0.1 * 0.5 = -0.005        m' = -0.005 / (1 - 0.81)  = -0.0263
//!              v = 0.95 * 0.0125 + 0.05 * 0.25 = 0.024375 v' = 0.024375 / (1 - 0.9025) = 0.25
//!              p = 1.9 + 0.1 * 0.0263 / 0.5 = 1.9053
//! ```
//!
//! | argument | length | |
//! | --- | --- | --- |
//! | `adamw.m`, `adamw.v` | n | the running averages: you change them |
//! | `adamw.step` | | how many updates were made before this one: you raise it |
//! | `p` | n | the parameters: you change them |
//! | `g` | n | the gradient of each |
//! | `lr` | | the learning rate of this step |
//!
//! The library's AdamW does this for all tensors of a `Gpt2`. Here it works on one list of numbers, which lets you
//! train anything you like with it.
//!
//! Of use: `f32::powi` (`beta.powi(step as i32)`), `f32::sqrt`.

use super::not_started;

/// The settings of AdamW, and its two running averages for every parameter of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct AdamW {
    /// How slowly `m` forgets.
    pub beta1: f32,
    /// How slowly `v` forgets.
    pub beta2: f32,
    /// Prevents a division by zero.
    pub epsilon: f32,
    /// How much the parameters shrink.
    pub weight_decay: f32,
    /// How many updates were made.
    pub step: u64,
    /// The running average of each gradient.
    pub m: Vec<f32>,
    /// The running average of each gradient's square.
    pub v: Vec<f32>,
}

impl AdamW {
    /// AdamW for `n` parameters, before its first update, with the usual settings.
    pub fn new(n: usize, weight_decay: f32) -> AdamW {
        AdamW { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weight_decay, step: 0, m: vec![0.0; n], v: vec![0.0; n] }
    }
}

/// Moves every parameter of `p` against its gradient, by a step of about `lr`.
pub fn update(adamw: &mut AdamW, p: &mut [f32], g: &[f32], lr: f32) {
    not_started()
}

// Solution: src/train/adamw.rs, AdamW::update
