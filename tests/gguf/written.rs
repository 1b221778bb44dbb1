//! What is written is read as the same, as far as its numbers allow.

use super::{fixture, scratch};
use gpt60::checkpoint::{Checkpoint, Dtype, GgufType, load, save, write_gguf};
use gpt60::tokenizer::{AddedToken, Tokenizer};
use gpt60::{Activation, Config, Gpt2, Rng, Tensor, storybook};
use std::fs;

/// A small model with odd sizes: 257 tokens and more rows, a head of its own, an added token that is text.
fn odd() -> Checkpoint {
    let tokenizer = Tokenizer::learn("the cat, the hat, the bat", 270).unwrap();
    let more = AddedToken { special: false, normalized: true, ..AddedToken::special(275, "<user>") };
    let tokenizer = tokenizer.with_added(vec![more]).unwrap();
    let config = Config { n_inner: 96, layer_norm_epsilon: 2e-5, ..Config::new(280, 20, 32, 4, 3) };
    let mut model = Gpt2::random(&config, &mut Rng::new(3)).unwrap();
    model.lm_head = Some(Tensor::random(&[280, 32], 0.1, &mut Rng::new(4)).into());
    Checkpoint::new(model, Some(tokenizer))
}

#[test]
fn what_is_written_in_f32_is_read_as_the_same() {
    let dir = scratch("same");
    for (name, checkpoint) in
        [("odd", odd()), ("story", storybook::load()), ("fixture", load(fixture("f32.gguf")).unwrap())]
    {
        let path = dir.join(format!("{name}.gguf"));
        assert_eq!(write_gguf(&path, &checkpoint, GgufType::F32).unwrap(), [""; 0]);
        let again = load(&path).unwrap();
        assert!(again.model == checkpoint.model, "{name}");
        let (found, expected) = (again.tokenizer.unwrap(), checkpoint.tokenizer.unwrap());
        assert_eq!((found.merges(), found.added()), (expected.merges(), expected.added()), "{name}");
        for id in 0..checkpoint.model.config.n_vocab as u32 {
            assert_eq!(found.token_bytes(id), expected.token_bytes(id), "{name}, {id}");
        }
        assert_eq!((again.end_ids, again.notes), (checkpoint.end_ids, vec![]), "{name}");
    }
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn matrices_are_written_in_fewer_bits_and_the_rest_is_not() {
    let dir = scratch("fewer");
    let checkpoint = odd();
    for (kind, dtype) in [(GgufType::F16, Dtype::F16), (GgufType::Bf16, Dtype::Bf16)] {
        save(dir.join("hf"), &checkpoint.model, None, dtype).unwrap();
        let rounded = load(dir.join("hf")).unwrap().model;
        write_gguf(dir.join("x.gguf"), &checkpoint, kind).unwrap();
        let again = load(dir.join("x.gguf")).unwrap().model;
        let all = again.parameters().unwrap().into_iter().zip(rounded.parameters().unwrap());
        for (((name, found), (_, rounded)), (_, exact)) in all.zip(checkpoint.model.parameters().unwrap()) {
            let is_matrix = found.shape().len() == 2 && name != "wpe.weight";
            assert!(*found == if is_matrix { rounded.clone() } else { exact.clone() }, "{kind}, {name}");
        }
    }
    write_gguf(dir.join("x.gguf"), &checkpoint, GgufType::Q8_0).unwrap();
    let again = load(dir.join("x.gguf")).unwrap().model;
    for ((name, found), (_, exact)) in
        again.parameters().unwrap().into_iter().zip(checkpoint.model.parameters().unwrap())
    {
        if found.shape().len() == 1 || name == "wpe.weight" {
            assert!(found == exact, "{name}");
            continue;
        }
        assert!(found != exact, "{name}");
        // Half a step of the largest, and what a scale loses in 16 bits.
        let largest = exact.data().iter().fold(0.0_f32, |a, x| a.max(x.abs()));
        let allowed = largest * (0.5 / 127.0 + 1.0 / 2048.0);
        assert!(found.data().iter().zip(exact.data()).all(|(a, b)| (a - b).abs() <= allowed), "{name}");
    }
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_matrix_whose_rows_are_no_whole_blocks_is_written_as_f16() {
    let dir = scratch("rows");
    let config = Config { n_inner: 64, ..Config::new(257, 8, 24, 2, 1) };
    let model = Gpt2::random(&config, &mut Rng::new(5)).unwrap();
    let checkpoint = Checkpoint::new(model, Some(Tokenizer::learn("", 257).unwrap()));
    write_gguf(dir.join("half.gguf"), &checkpoint, GgufType::F16).unwrap();
    write_gguf(dir.join("eight.gguf"), &checkpoint, GgufType::Q8_0).unwrap();
    let [half, eight] = ["half.gguf", "eight.gguf"].map(|name| load(dir.join(name)).unwrap().model);
    // Rows of 24 numbers; only mlp.c_proj has rows of n_inner.
    assert!(eight.wte == half.wte && eight.h[0].attn == half.h[0].attn && eight.h[0].mlp.c_fc == half.h[0].mlp.c_fc);
    assert!(eight.h[0].mlp.c_proj != half.h[0].mlp.c_proj);
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn what_llama_cpp_cannot_run_is_not_written() {
    let dir = scratch("cannot");
    let path = dir.join("x.gguf");
    let refused = |checkpoint: &Checkpoint, kind| write_gguf(&path, checkpoint, kind).unwrap_err().to_string();
    let mut other = odd();
    other.model.config.activation_function = Activation::Relu;
    assert!(refused(&other, GgufType::F32).starts_with("gguf: llama.cpp's `gpt2` has the activation gelu_new"));
    let without = Checkpoint::new(odd().model, None);
    assert!(refused(&without, GgufType::F32).contains("the model has no vocabulary, and llama.cpp needs one: put"));
    let mut large = odd();
    large.model.h[1].mlp.c_fc.weight.tensor_mut().unwrap().data_mut()[5] = 1e5;
    let message = refused(&large, GgufType::F16);
    assert_eq!(
        message,
        "tensor \"h.1.mlp.c_fc.weight\": has the number 100000, which is too large for f16; f32 can hold it"
    );
    large.model.h[1].mlp.c_fc.weight.tensor_mut().unwrap().data_mut()[5] = 1e7;
    assert!(
        refused(&large, GgufType::Q8_0)
            .ends_with("has the number 10000000, which is too large for q8_0; f32 can hold it")
    );
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn what_gguf_cannot_say_is_said_in_notes() {
    let dir = scratch("notes");
    let path = dir.join("x.gguf");
    let mut checkpoint = odd();
    checkpoint.end_ids = vec![3, 7, 9];
    let strips = AddedToken { lstrip: true, ..AddedToken::special(276, "<s>") };
    checkpoint.tokenizer = Some(checkpoint.tokenizer.unwrap().with_added(vec![strips]).unwrap());
    let notes = write_gguf(&path, &checkpoint, GgufType::F32).unwrap();
    assert!(notes[0].contains("\"<s>\" swallows white space"), "{notes:?}");
    assert_eq!(notes[1], "GGUF has places for 2 tokens that end a text, and the model has 3");
    assert_eq!(load(&path).unwrap().end_ids, [3, 7]);
    fs::remove_dir_all(dir).unwrap();
}
