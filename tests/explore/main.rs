//! The page of `explore`: what it says about a model is what the model computed, it loads nothing, and it takes any
//! prompt.
//!
//! How the page behaves in a browser is checked by `tests/explore_page.py`.

#[path = "../common/examples.rs"]
mod examples;

// Reading a page, and comparing it with the model.
mod comparing;
mod reading;

// The tests.
mod any_text;
mod live;
mod numbers;
mod whole_page;

use examples::{command, run, success};
use gpt60::{Config, Gpt2, Rng, Tensor};
use std::fs;
use std::path::Path;

/// Runs `explore` in `dir` and reads the page that it wrote.
fn explore(dir: &Path, args: &[&str]) -> (String, String) {
    let (stdout, stderr) = success(run(&mut command(dir, "explore", args)));
    (fs::read_to_string(dir.join(stdout.trim_end())).unwrap(), stderr)
}

fn random_model(config: &Config) -> Gpt2 {
    let mut model = Gpt2::zeros(config).unwrap();
    let mut rng = Rng::new(5);
    for (_, tensor) in model.parameters_mut().unwrap() {
        *tensor = Tensor::random(tensor.shape(), 0.5, &mut rng);
    }
    model
}
