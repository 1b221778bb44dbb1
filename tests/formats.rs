//! The forms in which weights are met, besides a single `model.safetensors`: each is read as the model that it was made
//! from.
//!
//! `fixtures/formats.py` made one model in all of them, with the logits that transformers and PyTorch compute, and names
//! the versions.

use gpt60::checkpoint::{Dtype, load, safetensors, save};
use gpt60::{Config, Gpt2, Rng, Tensor};
use std::fs;
use std::path::{Path, PathBuf};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/formats").join(name)
}

fn expected(name: &str) -> Tensor {
    let (tensors, _) = safetensors::read(fixture("expected.safetensors")).unwrap();
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
