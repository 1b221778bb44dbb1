//! Results that are not numbers are no results: a line that says so, and exit status 1.

use crate::examples::{command, error_of, run, scratch};
use gpt60::checkpoint::{self, Dtype};
use gpt60::tokenizer::Tokenizer;
use gpt60::{Config, Gpt2, Rng};
use std::fs;
use std::path::Path;

/// A model whose weights are numbers, but so large that its scores are not.
fn too_large(dir: &Path) {
    let tokenizer = Tokenizer::learn("the fox and the moon", 262).unwrap();
    let mut model = Gpt2::random(&Config::new(tokenizer.n_vocab(), 32, 12, 3, 2), &mut Rng::new(5)).unwrap();
    model.wte.tensor_mut().unwrap().data_mut().fill(3e38); // the largest f32 is 3.4e38
    model.ln_f.bias.data_mut().fill(1.0);
    checkpoint::save(dir.join("model"), &model, Some(&tokenizer), Dtype::F32).unwrap();
    fs::write(dir.join("text.txt"), "the fox saw the moon").unwrap();
}

#[test]
fn scores_that_are_not_numbers_are_an_error_wherever_they_would_be_printed() {
    let dir = scratch("numbers");
    too_large(&dir);
    let calls: [&[&str]; 13] = [
        &["perplexity", "text.txt"],
        &["perplexity", "--weights", "int8", "text.txt"],
        &["perplexity", "--weights", "bf16", "text.txt"],
        &["logits", "the fox"],
        &["logits", "--raw", "the fox"],
        &["logits", "--probs", "the fox"],
        &["logits", "--temperature", "0", "the fox"],
        &["attention", "the fox"],
        &["attention", "--bert", "the fox"],
        &["block", "the fox"],
        &["embeddings", "the fox"],
        &["explore", "the fox"],
        &["beam", "the fox"],
    ];
    for call in calls {
        let output = run(&mut command(&dir, call[0], &[&["--model", "model"], &call[1..]].concat()));
        let error = error_of(output, 1);
        assert!(error.contains("weights are damaged"), "{call:?}: {error}");
    }
    assert!(!dir.join("explore.html").exists());
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_first_loss_that_is_not_a_number_is_not_blamed_on_the_learning_rate() {
    let dir = scratch("first-loss");
    too_large(&dir);
    let output = run(&mut command(&dir, "train", &["--init", "model", "text.txt", "--out", "out", "--steps", "2"]));
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    let error = text.lines().last().unwrap();
    assert!(error.starts_with("error: train: the loss is "), "{text}");
    assert!(error.contains("before the first step: the weights that it begins with are damaged"), "{text}");
    assert!(!error.contains("--lr"), "{text}");
    fs::remove_dir_all(&dir).unwrap();
}
