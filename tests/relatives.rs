//! GPT-2's relatives: other activations, other scales of the attention scores. This crate computes what the
//! `transformers` library computes with them.
//!
//! `fixtures/relatives.py` made one small model, ran it with each configuration, and names the versions.

use gpt60::checkpoint::{self, Dtype, safetensors};
use gpt60::layers::activation;
use gpt60::{Activation, Gpt2, KvCache, Tensor};
use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/relatives").join(name)
}

/// The model with the configuration `name`.
fn model(name: &str) -> Gpt2 {
    let config = fs::read_to_string(path(&format!("{name}.json"))).unwrap();
    checkpoint::load_from_bytes(&config, &fs::read(path("model.safetensors")).unwrap()).unwrap()
}

/// The ids that went in, and each relative's name with the logits that came out.
fn expected() -> (Vec<u32>, Vec<(String, Tensor)>) {
    let (mut tensors, _) = safetensors::read(path("expected.safetensors")).unwrap();
    let at = tensors.iter().position(|(name, _)| name == "ids").unwrap();
    let ids = tensors.remove(at).1.data().iter().map(|&id| id as u32).collect();
    (ids, tensors)
}

#[test]
fn logits_of_every_relative_are_those_of_transformers() {
    let (ids, relatives) = expected();
    assert_eq!(relatives.len(), 11 + 4); // every name of an activation, and four ways to scale
    for (name, expected) in relatives {
        let model = model(&name);
        // Both sides compute in float32 and add in another order: about 1e-6.
        assert_eq!(model.logits(&ids).unwrap().check_close(&expected, 1e-5), Ok(()), "{name}");
        // Token by token with a cache: another way through the attention.
        let mut cache = KvCache::new(&model.config, 1);
        for (t, &id) in ids.iter().enumerate() {
            let found = model.next_logits(&[id], &mut cache).unwrap();
            let expected = expected.take_rows(&[t]).unwrap();
            assert_eq!(found.check_close(&expected, 1e-5), Ok(()), "{name}, token {t}");
        }
    }
}

#[test]
fn a_model_run_as_another_kind_is_not_even_near() {
    let (_, relatives) = expected();
    let logits = |name: &str| &relatives.iter().find(|(found, _)| found == name).unwrap().1;
    for name in ["gelu", "quick_gelu", "silu", "relu", "inverse_layer", "unscaled"] {
        // If it were, the test above could not tell them apart. GELU itself is the nearest.
        assert!(logits(name).check_close(logits("gelu_new"), 1e-4).is_err(), "{name}");
    }
}

#[test]
fn a_relative_that_is_written_is_read_as_the_same() {
    let (_, relatives) = expected();
    for (name, _) in relatives {
        let dir = std::env::temp_dir().join(format!("gpt60-relatives-{}-{name}", std::process::id()));
        let first = model(&name);
        checkpoint::save(&dir, &first, None, Dtype::F32).unwrap();
        let again = checkpoint::load(&dir).unwrap().model;
        fs::remove_dir_all(&dir).unwrap();
        assert!(again == first && again.config == first.config, "{name}");
    }
}

/// How far a float may be from the true value: two steps between floats, or 1e-7.
fn limit(expected: f64) -> f64 {
    (2.0 * expected.abs() * f64::from(f32::EPSILON)).max(1e-7)
}

#[test]
fn every_activation_and_its_slope_are_what_many_digits_make_them() {
    let text = fs::read_to_string(path("functions.txt")).unwrap();
    let mut seen = HashSet::new();
    for line in text.lines().skip(1) {
        let words: Vec<&str> = line.split(' ').collect();
        let numbers: Vec<f64> = words[1..].iter().map(|word| word.parse().unwrap()).collect();
        seen.insert(words[0].to_string());
        if words[0] == "erf" {
            let found = activation::erf(numbers[0]);
            assert!((found - numbers[1]).abs() <= 3e-8, "{line}: {found}"); // as `erf` promises
            // A float that is made of it is at most two steps off.
            assert!((f64::from(found as f32) - numbers[1]).abs() <= limit(numbers[1]), "{line}: {found}");
            continue;
        }
        let activation: Activation = words[0].parse().unwrap();
        let x = Tensor::new(&[1], vec![numbers[0] as f32]).unwrap();
        let y = activation::forward(activation, &x).data()[0];
        let slope = activation::backward(activation, &x, &Tensor::full(&[1], 1.0)).unwrap().data()[0];
        // `exp` is 3e-7 off, and x stands before the quotient that it is in.
        let by_exp = if activation == Activation::Gelu { 0.0 } else { 4e-7 * numbers[0].abs() };
        assert!((f64::from(y) - numbers[1]).abs() <= limit(numbers[1]) + by_exp, "{line}: {y}");
        // The slope has x * p * (1 - p) in it, never above 0.5, and 1 - p loses up to 1e-7 where p is near 1.
        let by_exp = 4e-7 + 3e-7 * numbers[0].abs();
        assert!((f64::from(slope) - numbers[2]).abs() <= limit(numbers[2]) + by_exp, "{line}: {slope}");
    }
    assert_eq!(seen.len(), 5 + 1); // five activations, and erf
}

#[test]
fn extremes_pass_through_or_vanish_and_nan_stays() {
    let x = Tensor::new(&[4], vec![1e4, -1e4, 0.0, f32::NAN]).unwrap();
    for (_, activation) in Activation::NAMES {
        let y = activation::forward(activation, &x);
        assert!(y.data()[..3] == [1e4, 0.0, 0.0] && y.data()[3].is_nan(), "{activation}: {:?}", y.data());
        let slope = activation::backward(activation, &x, &Tensor::full(&[4], 1.0)).unwrap();
        assert_eq!(slope.data()[..2], [1.0, 0.0], "{activation}");
        assert!(slope.data()[3].is_nan() || activation == Activation::Relu, "{activation}"); // where it is NaN, ReLU says so itself
        let error = activation::backward(activation, &x, &Tensor::zeros(&[3])).unwrap_err().to_string();
        assert!(error.contains("backward: shapes [4] and [3] do not fit"), "{error}");
    }
}
