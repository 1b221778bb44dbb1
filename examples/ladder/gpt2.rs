//! The top: a real GPT-2 of the same size, by the library. Layer norms with weights instead of RMSNorm, GELU instead of
//! ReLU, biases, one matrix for the first and the last step instead of two, and 32 bits instead of 64.
//!
//! It is another model and has other losses. Everything it needs is made for large matrices: shapes are checked,
//! results get memory of their own, kernels decide how to split their work. A vector of 16 numbers is too short to
//! repay that.

use gpt60::train::adamw::AdamW;
use gpt60::train::batches::Batch;
use gpt60::train::step::Workspace;
use gpt60::{Config, Gpt2, Result, Rng};

use super::one_page::{N_CTX, N_EMBD, N_HEAD};
use super::weights::N_VOCAB;

pub struct RealGpt2 {
    model: Gpt2,
    adamw: AdamW,
    workspace: Workspace,
}

impl RealGpt2 {
    pub fn new(seed: u64) -> Result<RealGpt2> {
        let model = Gpt2::random(&Config::new(N_VOCAB, N_CTX, N_EMBD, N_HEAD, 1), &mut Rng::new(seed))?;
        Ok(RealGpt2 { adamw: AdamW::new(&model, 0.85, 0.99, 0.0), workspace: Workspace::new(&model), model })
    }

    pub fn learn(&mut self, ids: &[usize], rate: f64) -> Result<f64> {
        let n = (ids.len() - 1).min(N_CTX);
        let ids: Vec<u32> = ids[..=n].iter().map(|&id| id as u32).collect();
        let batch = Batch { inputs: ids[..n].to_vec(), targets: ids[1..].to_vec() };
        let report = self.workspace.make_step(&mut self.model, &mut self.adamw, &[batch], n, rate as f32, f32::MAX)?;
        Ok(report.loss)
    }
}
