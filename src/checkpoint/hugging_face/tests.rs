//! A small model in a directory, which the tests of this folder change in one place at a time; and the directory as a
//! whole.

use super::*;
use crate::weight::Precision;
use crate::{Config, Rng, Tensor};
use std::path::PathBuf;

pub(super) const CONFIG: &str = r#"{"vocab_size": 300, "n_positions": 5, "n_embd": 6, "n_head": 2, "n_layer": 2}"#;

pub(super) fn model() -> Gpt2 {
    Gpt2::random(&Config::new(300, 5, 6, 2, 2), &mut Rng::new(1)).unwrap()
}

/// The configuration with one more entry; a later entry of the same name replaces the first.
pub(super) fn config_with(key: &str, value: &str) -> String {
    let Json::Object(mut entries) = Json::parse(CONFIG).unwrap() else { panic!("{CONFIG} is an object") };
    entries.retain(|(other, _)| other != key);
    entries.push((key.to_string(), Json::parse(value).unwrap()));
    Json::Object(entries).to_string()
}

pub(super) fn config_without(key: &str) -> String {
    let Json::Object(mut entries) = Json::parse(CONFIG).unwrap() else { panic!("{CONFIG} is an object") };
    entries.retain(|(other, _)| other != key);
    Json::Object(entries).to_string()
}

pub(super) type Tensors = Vec<(String, Tensor)>;

/// The model's tensors, to be changed.
pub(super) fn tensors() -> Tensors {
    model().parameters().unwrap().into_iter().map(|(name, tensor)| (name, tensor.clone())).collect()
}

/// The result of loading this configuration and these tensors.
pub(super) fn loaded(config: &str, tensors: &Tensors) -> Result<Gpt2> {
    let borrowed: Vec<(String, &Tensor)> = tensors.iter().map(|(name, tensor)| (name.clone(), tensor)).collect();
    load_from_bytes(config, &safetensors::to_bytes(&borrowed, &[], Dtype::F32).unwrap())
}

pub(super) fn refused(config: &str, tensors: &Tensors) -> String {
    let message = loaded(config, tensors).unwrap_err().to_string();
    assert!(!message.contains('\n'), "{message}");
    message
}

/// A directory for one test, with these files.
fn directory(name: &str, files: &[(&str, &[u8])]) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("gpt60-hf-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    for (file, bytes) in files {
        fs::write(dir.join(file), bytes).unwrap();
    }
    dir
}

/// The error for a directory with these files, without the directory's name.
fn refused_directory(name: &str, files: &[(&str, &[u8])]) -> String {
    let dir = directory(name, files);
    let message = load(&dir).unwrap_err().to_string();
    fs::remove_dir_all(&dir).unwrap();
    let shown = dir.display().to_string();
    assert!(message.starts_with(&shown) && !message.contains('\n'), "{message}");
    message[shown.len()..].to_string()
}

pub(super) fn tokenizer() -> Tokenizer {
    Tokenizer::learn("the cat sat on the hat, the cat that sat<|endoftext|>the end of the cat", 265).unwrap()
}

/// A directory with the model and its vocabulary, and the `tokenizer.json` in it.
pub(super) fn with_vocabulary(name: &str) -> (PathBuf, Json) {
    let dir = directory(name, &[]);
    save(&dir, &model(), Some(&tokenizer()), Dtype::F32).unwrap();
    let json = read_json(&dir.join("tokenizer.json")).unwrap();
    (dir, json)
}

#[test]
fn missing_files_are_named_with_what_to_do() {
    let config = ("config.json", CONFIG.as_bytes());
    let expected = "expected config.json and model.safetensors in it";
    assert_eq!(refused_directory("empty", &[]), format!(": it has no config.json: {expected}"));
    assert_eq!(refused_directory("config", &[config]), format!(": it has no model.safetensors; {expected}"));
    let message = refused_directory("pickle", &[config, ("pytorch_model.bin", b"")]);
    assert!(message.contains("pytorch_model.bin is a Python pickle") && message.contains("save it again"), "{message}");
    let message = refused_directory("shards", &[config, ("model.safetensors.index.json", b"{}")]);
    assert!(message.contains("in several files") && message.contains("save it again"), "{message}");
    let message = load("no/such/directory").unwrap_err().to_string();
    assert_eq!(message, format!("no/such/directory: there is no such directory: {expected}"));
}

#[test]
fn broken_files_are_named() {
    let config = ("config.json", CONFIG.as_bytes());
    let message = refused_directory("json", &[("config.json", b"{")]);
    assert!(message.starts_with("/config.json: JSON: expected"), "{message}");
    let message = refused_directory("cut", &[config, ("model.safetensors", b"cut")]);
    assert!(message.starts_with("/model.safetensors: safetensors header: the file has 3 bytes"), "{message}");
}

#[test]
fn a_model_that_cannot_be_written_leaves_no_files() {
    let mut model = model();
    let dir = directory("refused", &[]).join("new");
    let mut packed = model.clone();
    packed.pack(Precision::Int8).unwrap();
    let message = save(&dir, &packed, None, Dtype::F32).unwrap_err().to_string();
    assert!(message.contains("packed in fewer bytes") && message.contains("load the model as f32"), "{message}");
    assert!(!dir.exists());
    model.wte.tensor_mut().unwrap().data_mut()[0] = 70_000.0; // more than an f16 can hold
    let message = save(&dir, &model, Some(&tokenizer()), Dtype::F16).unwrap_err().to_string();
    assert!(message.contains("model.safetensors") && message.contains("too large"), "{message}");
    assert!(!dir.exists());
    fs::remove_dir_all(dir.parent().unwrap()).unwrap();
}

#[test]
fn a_generation_config_alone_decides_where_a_text_ends() {
    // transformers 5.23 does the same, as a trial with each of these showed.
    let dir = directory("generation", &[]);
    save(&dir, &model(), None, Dtype::F32).unwrap();
    fs::write(dir.join("config.json"), config_with("eos_token_id", "7")).unwrap();
    assert_eq!(load(&dir).unwrap().end_ids, [7]);
    for (text, expected) in [
        (r#"{"eos_token_id": 9}"#, vec![9]),
        (r#"{"eos_token_id": [9, 4]}"#, vec![9, 4]),
        (r#"{"eos_token_id": null}"#, vec![]),
        (r#"{"max_length": 50}"#, vec![]),
    ] {
        fs::write(dir.join("generation_config.json"), text).unwrap();
        assert_eq!(load(&dir).unwrap().end_ids, expected, "{text}");
    }
    fs::write(dir.join("generation_config.json"), r#"{"eos_token_id": "x"}"#).unwrap();
    let error = load(&dir).unwrap_err().to_string();
    assert!(error.contains("generation_config.json") && error.contains("`eos_token_id`"), "{error}");
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn without_an_end_id_in_the_configuration_the_vocabulary_gives_it() {
    let (dir, _) = with_vocabulary("end");
    assert_eq!(load(&dir).unwrap().end_ids, [264]); // written by save
    fs::write(dir.join("config.json"), CONFIG).unwrap();
    assert_eq!(load(&dir).unwrap().end_ids, [264]); // not in the configuration: <|endoftext|> of the vocabulary
    fs::write(dir.join("config.json"), config_with("eos_token_id", "null")).unwrap();
    assert_eq!(load(&dir).unwrap().end_ids, []);
    fs::write(dir.join("config.json"), config_with("eos_token_id", "50256")).unwrap();
    assert_eq!(load(&dir).unwrap().end_ids, []); // beyond the vocabulary
    fs::remove_dir_all(&dir).unwrap();
}
