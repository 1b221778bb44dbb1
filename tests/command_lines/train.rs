//! What `train` says about the model that it begins from, and about the numbers in which it makes its products.

use crate::examples::{command, error_of, run, scratch, success};
use gpt60::checkpoint::{self, Dtype};
use gpt60::tokenizer::Tokenizer;
use gpt60::{Config, Gpt2, Rng};
use std::fs;
use std::path::Path;
use std::process::Output;

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

/// `train` with a tiny model on `text.txt`, for two steps.
fn tiny(dir: &Path, args: &str) -> Output {
    let words = ["text.txt --n-layer 1 --n-head 2 --n-embd 8 --n-ctx 16 --batch 2 --steps 2", args].join(" ");
    run(&mut command(dir, "train", &words.split(' ').collect::<Vec<_>>()))
}

#[test]
fn a_run_says_that_its_products_are_made_in_bf16_and_nothing_of_the_usual_f32() {
    let dir = scratch("precision");
    fs::write(dir.join("text.txt"), "the fox and the moon ".repeat(9)).unwrap();
    let first = |output: Output| success(output).1.lines().next().unwrap().to_string();
    let (usual, f32, bf16) = (
        first(tiny(&dir, "--out usual")),
        first(tiny(&dir, "--out f32 --precision f32")),
        first(tiny(&dir, "--out bf16 --precision bf16")),
    );
    assert!(usual.ends_with(" tokens of text"), "{usual}");
    assert_eq!((f32, bf16), (usual.clone(), format!("{usual}; products in bf16")));
    let weights = |run: &str| fs::read(dir.join(run).join("model.safetensors")).unwrap();
    assert!(weights("f32") == weights("usual") && weights("bf16") != weights("usual"));

    // Fine-tuning too. The model that it begins from does not say how it was trained.
    let tune = ["text.txt", "--init", "bf16", "--steps", "1", "--batch", "2", "--n-ctx", "16", "--out"];
    let tune = |args: &[&str]| first(run(&mut command(&dir, "train", &[&tune, args].concat())));
    assert!(tune(&["tuned", "--precision", "bf16"]).ends_with("; products in bf16"));
    assert!(tune(&["tuned-in-f32"]).ends_with(" tokens of text"));
    assert!(weights("tuned") != weights("tuned-in-f32"));
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_precision_that_products_cannot_have_is_told_what_to_choose() {
    let dir = scratch("precisions");
    fs::write(dir.join("text.txt"), "the fox and the moon ".repeat(9)).unwrap();
    for kind in ["int8", "f16", "BF16", "16"] {
        let error = error_of(tiny(&dir, &format!("--out out --precision {kind}")), 2);
        assert_eq!(error, format!("error: --precision {kind:?}: choose f32 or bf16 (see --help)\n"));
    }
    assert!(!dir.join("out").exists());
    success(tiny(&dir, "--out out"));
    let error = error_of(run(&mut command(&dir, "train", &["--resume", "out", "--precision", "bf16"])), 2);
    assert!(error.contains("--precision is not for --resume"), "{error}");
    fs::remove_dir_all(&dir).unwrap();
}
