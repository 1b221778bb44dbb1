//! The forms in which weights are met, besides a single `model.safetensors`: each is read as the model that it was made
//! from.
//!
//! `fixtures/formats.py` made one model in all of them, with the logits that transformers and PyTorch compute, and names
//! the versions.

#[path = "formats/archive.rs"]
mod archive;
#[path = "formats/by_hand.rs"]
mod by_hand;
#[path = "formats/llm_c.rs"]
mod llm_c;
#[path = "formats/parts.rs"]
mod parts;

use gpt60::checkpoint::load_config;
use gpt60::checkpoint::{Dtype, load, safetensors, save};
use gpt60::{Config, Gpt2, Rng, Tensor};
use std::fs;
use std::path::{Path, PathBuf};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/formats").join(name)
}

fn expected(name: &str) -> Tensor {
    expected_in(&fixture("expected.safetensors"), name)
}

/// The tensor `name` of a file of expected numbers.
fn expected_in(file: &Path, name: &str) -> Tensor {
    let (tensors, _) = safetensors::read(file).unwrap();
    tensors.into_iter().find(|(found, _)| found == name).unwrap_or_else(|| panic!("there is no {name}")).1
}

/// Whether the model has the logits `name` of the fixture. Both sides compute in float32 and add in another order: about
/// 1e-6.
fn assert_logits(model: &Gpt2, name: &str) {
    let ids: Vec<u32> = expected("ids").data().iter().map(|&id| id as u32).collect();
    assert_eq!(model.logits(&ids).unwrap().check_close(&expected(name), 1e-5), Ok(()), "{name}");
}

/// An empty directory for one test.
fn scratch(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("gpt60-formats-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    dir
}

/// The one line with which the model at `path` is refused, without its directory `dir`.
fn refusal(dir: &Path, path: &Path) -> String {
    let message = load(path).expect_err("a refusal").to_string();
    assert!(!message.contains('\n') && message.len() < 500, "{message}");
    message.replace(&format!("{}{}", dir.display(), std::path::MAIN_SEPARATOR), "")
}

#[test]
fn parts_are_read_as_the_one_model_that_transformers_saved() {
    let parts = load(fixture("shards")).unwrap();
    assert_logits(&parts.model, "logits");
    assert_eq!(parts.notes, [""; 0]);
    // Numbers of 64 bits that are those of 32: the same model, bit for bit.
    assert!(load(fixture("doubles")).unwrap().model == parts.model);
}

#[test]
fn a_single_file_counts_before_parts_as_in_transformers() {
    let dir = scratch("first");
    let model = Gpt2::random(&Config::new(29, 16, 8, 2, 2), &mut Rng::new(1)).unwrap();
    save(&dir, &model, None, Dtype::F32).unwrap();
    fs::write(dir.join("model.safetensors.index.json"), "not looked at").unwrap();
    assert!(load(&dir).unwrap().model == model);
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn an_index_that_its_parts_contradict_is_refused_in_one_line() {
    let dir = scratch("index");
    let [one, two] = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    let index = fs::read_to_string(fixture("shards/model.safetensors.index.json")).unwrap();
    let refused = |files: &[(&str, &str)], index: &str| {
        for (from, to) in [("config.json", "config.json"), (one, one), (two, two)].iter().chain(files) {
            let _ = fs::remove_file(dir.join(to));
            if !from.is_empty() {
                fs::copy(fixture("shards").join(from), dir.join(to)).unwrap();
            }
        }
        fs::write(dir.join("model.safetensors.index.json"), index).unwrap();
        refusal(&dir, &dir)
    };
    let name = "model.safetensors.index.json: ";
    assert_eq!(
        refused(&[("", two)], &index),
        format!("{name}names the part \"{two}\", which is not there: get it too")
    );
    // The second part is the first again.
    let message = refused(&[(one, two)], &index);
    let expected = format!("is in \"{one}\" and in \"{two}\": which one is meant?");
    assert!(
        message.starts_with(&format!("{name}tensor \"transformer.h.0.")) && message.ends_with(&expected),
        "{message}"
    );
    // The index has one tensor in the other part.
    let wrong = index.replacen(one, two, 1);
    assert_eq!(
        refused(&[], &wrong),
        format!(
            "{name}tensor \"transformer.h.0.attn.c_attn.bias\": is said to be in \"{two}\", and is not, but in \"{one}\": \
             are all files of one model?"
        )
    );
    let more = index.replacen("\"weight_map\": {", &format!("\"weight_map\": {{\"score.weight\": \"{one}\", "), 1);
    assert_eq!(
        refused(&[], &more),
        format!("{name}tensor \"score.weight\": is said to be in \"{one}\", and is not: are all files of one model?")
    );
    for path in ["../x.safetensors", "/x", "a/b", "a\\\\b", "..", "", "C:x"] {
        let message = refused(&[], &index.replacen(one, path, 1));
        let expected = format!("{name}index: \"{path}\" is not the name of a file in the same directory");
        assert_eq!(message, expected);
    }
    assert_eq!(
        refused(&[], &index.replacen(&format!("\"{one}\""), "1", 1)),
        format!("{name}index: the part of tensor \"transformer.h.0.attn.c_attn.bias\" must be the name of a file")
    );
    for empty in ["{}", "{\"weight_map\": []}"] {
        let expected = "index: `weight_map` is missing or not an object: it must say which tensor is in which part";
        assert_eq!(refused(&[], empty), format!("{name}{expected}"));
    }
    assert_eq!(
        refused(&[], "{\"weight_map\": {}}"),
        format!("{name}tensor \"wte.weight\": is missing, and every GPT-2 has it; the file has no weights at all")
    );
    fs::remove_dir_all(dir).unwrap();
}

/// Transformers 5.24 reads every tensor of every part that the index names, and no other file.
#[test]
fn a_tensor_that_the_index_does_not_mention_is_read_and_a_file_that_it_does_not_mention_is_not() {
    let dir = scratch("unmentioned");
    for file in ["config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"] {
        fs::copy(fixture("shards").join(file), dir.join(file)).unwrap();
    }
    let index = fs::read_to_string(fixture("shards/model.safetensors.index.json")).unwrap();
    let first = index.lines().find(|line| line.contains("transformer.h.0.attn.c_attn.bias")).unwrap();
    fs::write(dir.join("model.safetensors.index.json"), index.replace(first, "")).unwrap();
    fs::write(dir.join("model-00003-of-00003.safetensors"), "left over from another download").unwrap();
    assert!(load(&dir).unwrap().model == load(fixture("shards")).unwrap().model);
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_file_that_torch_saved_is_read_as_the_model_in_it() {
    // With a tied head, whose storage is the table's, and masks of truth values.
    let model = load(fixture("torch")).unwrap();
    assert_logits(&model.model, "logits");
    assert!(model.model.lm_head.is_none() && model.notes.is_empty());
    let parts = load(fixture("torch_shards")).unwrap().model;
    assert!(parts == model.model && parts == load(fixture("shards")).unwrap().model);
}

#[test]
fn the_first_bytes_of_a_file_decide_and_not_its_name() {
    let dir = scratch("names");
    fs::copy(fixture("torch/config.json"), dir.join("config.json")).unwrap();
    let model = load(fixture("torch")).unwrap().model;
    fs::copy(fixture("torch/pytorch_model.bin"), dir.join("model.safetensors")).unwrap();
    assert!(load(&dir).unwrap().model == model);
    fs::remove_file(dir.join("model.safetensors")).unwrap();
    let named: Vec<(String, &Tensor)> = model.parameters().unwrap();
    safetensors::write(dir.join("pytorch_model.bin"), &named, &[], Dtype::F32).unwrap();
    assert!(load(&dir).unwrap().model == model);
    for (bytes, expected) in [
        (
            &b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02"[..],
            "is in the form in which PyTorch before version 1.6 saved, which is not read here: with PyTorch, load it by \
             torch.load(FILE, weights_only=True) and save it again by torch.save",
        ),
        (b"PK\x03\x04", "zip archive: its last part, the list of contents, is missing: is the file cut short?"),
        (b"", "is empty; get the file again"),
    ] {
        fs::write(dir.join("pytorch_model.bin"), bytes).unwrap();
        assert_eq!(refusal(&dir, &dir), format!("pytorch_model.bin: {expected}"));
    }
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_checkpoint_of_nano_gpt_is_read_from_the_file_and_from_its_directory() {
    for (name, logits, notes) in [
        ("nano", "nano_logits", &[][..]),
        ("nano_bare", "nano_bare_logits", &["the model was trained with bias=False: its biases are zero"][..]),
    ] {
        let file = load(fixture(name).join("ckpt.pt")).unwrap();
        assert_logits(&file.model, logits);
        assert_eq!(file.model.config.activation_function, gpt60::Activation::Gelu);
        assert_eq!(
            (file.notes.as_slice(), file.tokenizer.is_none()),
            (&notes.iter().map(|s| s.to_string()).collect::<Vec<_>>()[..], true)
        );
        assert!(load(fixture(name)).unwrap().model == file.model);
        // What training asks for before it begins from a model.
        for path in [fixture(name), fixture(name).join("ckpt.pt")] {
            assert_eq!(load_config(path).unwrap(), file.model.config);
        }
        // What is written from it is a directory like any other.
        let dir = scratch(name);
        file.save(&dir, Dtype::F32).unwrap();
        let again = load(&dir).unwrap();
        assert!(again.model == file.model && again.notes.is_empty(), "{name}");
        fs::remove_dir_all(dir).unwrap();
    }
    // With GPT-2's GELU by tanh the test would fail: the exact one differs by more than rounding.
    let mut wrong = load(fixture("nano")).unwrap().model;
    wrong.h.iter_mut().for_each(|block| block.mlp.activation = gpt60::Activation::GeluNew);
    let ids: Vec<u32> = expected("ids").data().iter().map(|&id| id as u32).collect();
    let differ = wrong.logits(&ids).map(|logits| logits.check_close(&expected("nano_logits"), 1e-5).is_err());
    assert_eq!(differ, Ok(true));
}

#[test]
fn a_checkpoint_of_nano_gpt_takes_the_vocabulary_beside_it() {
    let dir = scratch("nano-vocabulary");
    let file = dir.join("ckpt.pt");
    fs::copy(fixture("nano/ckpt.pt"), &file).unwrap();
    // 29 rows, and a vocabulary of more.
    let tokenizer = gpt60::tokenizer::Tokenizer::learn("the cat sat on the hat", 262).unwrap();
    let config = Config::new(tokenizer.n_vocab(), 4, 4, 1, 1);
    let model = Gpt2::random(&config, &mut Rng::new(1)).unwrap();
    save(dir.join("other"), &model, Some(&tokenizer), Dtype::F32).unwrap();
    fs::copy(dir.join("other/tokenizer.json"), dir.join("tokenizer.json")).unwrap();
    let message = refusal(&dir, &file);
    assert!(message.starts_with("tokenizer.json: ") && message.ends_with("the model's vocab_size is 29"), "{message}");
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_file_of_torch_that_is_not_of_nano_gpt_is_refused_with_the_way_to_give_it() {
    let dir = scratch("nano-refused");
    fs::copy(fixture("torch/pytorch_model.bin"), dir.join("ckpt.pt")).unwrap();
    let expected = "ckpt.pt: the dictionary in it: is not of nanoGPT, whose files have `model` and `model_args`: give a \
                    directory with config.json and this file as pytorch_model.bin, if it is the state dict of a GPT-2";
    assert_eq!(refusal(&dir, &dir), expected);
    assert_eq!(refusal(&dir, &dir.join("ckpt.pt")), expected);
    // One layer more than the weights have; the numbers are one byte each in the pickle.
    let whole = fs::read(fixture("nano/ckpt.pt")).unwrap();
    let at = whole.windows(7).position(|bytes| bytes == b"n_layer").unwrap() + 7;
    let at = at + whole[at..].iter().position(|&byte| byte == b'K').unwrap() + 1;
    let mut changed = whole.clone();
    assert_eq!(std::mem::replace(&mut changed[at], 3), 2);
    fs::write(dir.join("ckpt.pt"), &changed).unwrap();
    let expected =
        "ckpt.pt: tensor \"h.2.ln_1.weight\": is missing; model_args has n_layer 3, and the file has 2 blocks";
    assert_eq!(refusal(&dir, &dir), expected);
    changed[at] = 1;
    fs::write(dir.join("ckpt.pt"), &changed).unwrap();
    let expected = "the weights have 2 blocks, and model_args has n_layer 1: the blocks after that are left out";
    assert_eq!(load(&dir).unwrap().notes, [expected]);
    // An old file is named as what it is.
    fs::write(dir.join("ckpt.pt"), b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02").unwrap();
    assert!(refusal(&dir, &dir).starts_with("ckpt.pt: is in the form in which PyTorch before version 1.6 saved"));
    fs::remove_dir_all(dir).unwrap();
}
