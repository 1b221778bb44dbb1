//! What `train` says about the model that it begins from.

use crate::examples::{command, error_of, run, scratch, success};
use gpt60::checkpoint::{self, Dtype};
use gpt60::tokenizer::Tokenizer;
use gpt60::{Config, Gpt2, Rng};
use std::fs;

#[test]
fn a_directory_to_begin_from_that_does_not_exist_is_answered_as_by_the_other_examples() {
    let dir = scratch("init-missing");
    fs::write(dir.join("text.txt"), "the fox and the moon").unwrap();
    for name in ["gpt2", "openai-community/gpt2", "my-model"] {
        let usual = error_of(run(&mut command(&dir, "greedy", &["--model", name])), 1);
        let error = error_of(run(&mut command(&dir, "train", &["text.txt", "--init", name, "--out", "out"])), 1);
        assert_eq!(error, usual);
        let with_n_ctx = ["text.txt", "--init", name, "--out", "out", "--n-ctx", "8"];
        assert_eq!(error_of(run(&mut command(&dir, "train", &with_n_ctx)), 1), usual);
    }
    let error = error_of(run(&mut command(&dir, "train", &["text.txt", "--init", "gpt2", "--out", "out"])), 1);
    assert!(error.contains("weights-fetch.sh"), "{error}");
    assert!(!dir.join("out").exists());
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn what_is_left_out_of_the_model_to_begin_from_is_said() {
    let dir = scratch("init-notes");
    fs::write(dir.join("text.txt"), "the fox and the moon ".repeat(9)).unwrap();
    let tokenizer = Tokenizer::learn("the fox and the moon", 262).unwrap();
    let model = Gpt2::random(&Config::new(tokenizer.n_vocab(), 16, 12, 3, 2), &mut Rng::new(5)).unwrap();
    checkpoint::save(dir.join("model"), &model, Some(&tokenizer), Dtype::F32).unwrap();
    let begin = |out: &str| {
        let args = ["text.txt", "--init", "model", "--out", out, "--steps", "1", "--batch", "1"];
        success(run(&mut command(&dir, "train", &args))).1
    };
    assert!(!begin("whole").contains("left out"));

    let config = fs::read_to_string(dir.join("model/config.json")).unwrap();
    fs::write(dir.join("model/config.json"), config.replace("\"n_layer\": 2", "\"n_layer\": 1")).unwrap();
    let notes = begin("cut");
    assert!(notes.contains("the blocks after that are left out"), "{notes}");
    fs::remove_dir_all(&dir).unwrap();
}
