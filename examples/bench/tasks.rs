//! What is measured: each task runs once to warm up, then `n_runs` times, and returns `n_runs` numbers.

use super::machine::free_memory;
use super::shape::Shape;
use gpt60::checkpoint::{self, Dtype};
use gpt60::cli::{Failure, Outcome};
use gpt60::kernels::arithmetic::{Arithmetic, within};
use gpt60::tokenizer::Tokenizer;
use gpt60::train::adamw::AdamW;
use gpt60::train::batches::Batch;
use gpt60::train::step::loss_and_gradient;
use gpt60::weight::{Precision, ScalePer, Weight};
use gpt60::{Error, Gpt2, KvCache, Rng, Saved, Tensor, argmax};
use std::path::PathBuf;
use std::time::Instant;

/// Runs a task once to warm up, then `n_runs` times.
pub fn repeat(n_runs: usize, mut task: impl FnMut() -> Outcome<f64>) -> Outcome<Vec<f64>> {
    task()?;
    (0..n_runs).map(|_| task()).collect()
}

fn milliseconds(start: Instant) -> f64 {
    1e3 * start.elapsed().as_secs_f64()
}

/// Milliseconds for a matrix product with such weights, `[m, k] · [k, n] -> [m, n]`: the mean of several.
pub fn matrix_product(n_runs: usize, kind: Precision, m: usize, k: usize, n: usize) -> Outcome<Vec<f64>> {
    const N_PRODUCTS: usize = 20;
    let x = Tensor::full(&[m, k], 0.5);
    let mut weight = Weight::Full(Tensor::full(&[k, n], 0.25));
    weight.pack(kind, ScalePer::Column)?;
    repeat(n_runs, || {
        let start = Instant::now();
        for _ in 0..N_PRODUCTS {
            weight.matmul(&x)?;
        }
        Ok(milliseconds(start) / N_PRODUCTS as f64)
    })
}

/// How many tokens the prompt of [`decode`] has.
pub const N_PROMPT: usize = 16;

/// How many tokens [`decode`] writes: 128, or what fits into the context.
pub fn n_decoded(shape: &Shape) -> usize {
    128.min(shape.config.n_ctx - N_PROMPT)
}

/// Tokens a second: after a short prompt, which is not timed, one after the other, always the likeliest.
pub fn decode(n_runs: usize, shape: &Shape, model: &Gpt2) -> Outcome<Vec<f64>> {
    let likeliest = |ids: &[u32], cache: &mut KvCache| -> gpt60::Result<u32> {
        Ok(argmax(model.next_logits(ids, cache)?.data()).unwrap_or(0) as u32)
    };
    let (prompt, n) = (shape.ids(N_PROMPT), n_decoded(shape));
    repeat(n_runs, || {
        let mut cache = KvCache::new(&model.config, 1);
        let mut id = likeliest(&prompt, &mut cache)?;
        let start = Instant::now();
        for _ in 0..n {
            id = likeliest(&[id], &mut cache)?;
        }
        Ok(n as f64 / start.elapsed().as_secs_f64())
    })
}

/// Milliseconds to read `n` tokens at once, with the logits after the last one.
pub fn prefill_last(n_runs: usize, shape: &Shape, model: &Gpt2, n: usize) -> Outcome<Vec<f64>> {
    let ids = shape.ids(n);
    repeat(n_runs, || {
        let mut cache = KvCache::new(&model.config, 1);
        let start = Instant::now();
        model.next_logits(&ids, &mut cache)?;
        Ok(milliseconds(start))
    })
}

/// Milliseconds to read `n` tokens at once, with the logits after each.
pub fn prefill_all(n_runs: usize, shape: &Shape, model: &Gpt2, n: usize) -> Outcome<Vec<f64>> {
    let ids = shape.ids(n);
    repeat(n_runs, || {
        let start = Instant::now();
        model.logits(&ids)?;
        Ok(milliseconds(start))
    })
}

/// Milliseconds for a training step: gradient set to zero, forward, loss, backward, AdamW. `None` if memory is short.
pub fn training_step(n_runs: usize, shape: &Shape, mut model: Gpt2, how: Arithmetic) -> Outcome<Option<Vec<f64>>> {
    // Beside the model: its gradient, AdamW's two averages, and as much again for what backward needs.
    let n_bytes = 4 * (model.n_parameters() * size_of::<f32>()) as u64;
    if free_memory().is_some_and(|free| free < n_bytes) {
        return Ok(None);
    }
    let mut rng = Rng::new(60);
    let mut random_ids = |n: usize| -> Vec<u32> { (0..n).map(|_| rng.below(shape.config.n_vocab) as u32).collect() };
    let mut grad = model.zeros_like();
    let mut adamw = AdamW::new(&model, 0.9, 0.999, 0.01);
    let mut saved = Saved::new();
    let n_tok = shape.n_sequences * shape.n_seq;
    let step = || {
        let batch = Batch { inputs: random_ids(n_tok), targets: random_ids(n_tok) };
        let start = Instant::now();
        for (_, tensor) in grad.parameters_mut()? {
            tensor.data_mut().fill(0.0);
        }
        within(how, || loss_and_gradient(&model, &batch, shape.n_seq, 1.0, &mut saved, &mut grad))?;
        adamw.update(&mut model, &grad, 1e-4)?;
        Ok(milliseconds(start))
    };
    Ok(Some(repeat(n_runs * shape.n_steps, step)?))
}

/// MB of text a second, to ids and back to bytes.
pub fn tokenize(n_runs: usize, text: &str) -> Outcome<(Vec<f64>, Vec<f64>)> {
    let tokenizer = Tokenizer::gpt2();
    let speed = |start: Instant| text.len() as f64 / start.elapsed().as_secs_f64() / 1e6;
    let mut ids = Vec::new();
    let encode = repeat(n_runs, || {
        let start = Instant::now();
        ids = tokenizer.encode(text);
        Ok(speed(start))
    })?;
    let mut bytes = Vec::new();
    let decode = repeat(n_runs, || {
        let start = Instant::now();
        bytes = tokenizer.decode_bytes(&ids)?;
        Ok(speed(start))
    })?;
    if bytes != text.as_bytes() {
        return Err(Failure::Failed("decoding did not give back the text that was encoded".to_string()));
    }
    Ok((encode, decode))
}

/// Milliseconds from a directory to the first logits, with all files in memory already: the first, untimed run reads
/// them.
pub fn load(n_runs: usize, shape: &Shape, dir: &TemporaryDir) -> Outcome<Vec<f64>> {
    checkpoint::save(&dir.0, &shape.model()?, None, Dtype::F32)?;
    let prompt = shape.ids(N_PROMPT);
    repeat(n_runs, || {
        let start = Instant::now();
        let model = checkpoint::load(&dir.0)?.model;
        model.next_logits(&prompt, &mut KvCache::new(&model.config, 1))?;
        Ok(milliseconds(start))
    })
}

/// A directory that is removed at the end, whether the task succeeds or not.
pub struct TemporaryDir(PathBuf);

impl TemporaryDir {
    pub fn new() -> Outcome<TemporaryDir> {
        let path = std::env::temp_dir().join(format!("gpt60-bench-{}", std::process::id()));
        // `create_dir` refuses an existing directory, so nothing but ours is removed later.
        std::fs::create_dir(&path).map_err(|e| Error::io(&path, "made", e))?;
        Ok(TemporaryDir(path))
    }
}

impl Drop for TemporaryDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
