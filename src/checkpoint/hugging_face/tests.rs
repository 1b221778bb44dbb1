//! A small model in a directory, which the tests of this folder change in one place at a time; and the directory as a
//! whole.

use super::*;
use crate::checkpoint::{load, safetensors};
use crate::weight::Precision;
use crate::{Config, Rng, Tensor};
use proptest::prelude::*;
use std::path::PathBuf;

pub(in crate::checkpoint) const CONFIG: &str =
    r#"{"vocab_size": 300, "n_positions": 5, "n_embd": 6, "n_head": 2, "n_layer": 2}"#;

pub(in crate::checkpoint) fn model() -> Gpt2 {
    Gpt2::random(&Config::new(300, 5, 6, 2, 2), &mut Rng::new(1)).unwrap()
}

/// The configuration with one more entry; a later entry of the same name replaces the first.
pub(in crate::checkpoint) fn config_with(key: &str, value: &str) -> String {
    let Json::Object(mut entries) = Json::parse(CONFIG).unwrap() else { panic!("{CONFIG} is an object") };
    entries.retain(|(other, _)| other != key);
    entries.push((key.to_string(), Json::parse(value).unwrap()));
    Json::Object(entries).to_string()
}

pub(in crate::checkpoint) fn config_without(key: &str) -> String {
    let Json::Object(mut entries) = Json::parse(CONFIG).unwrap() else { panic!("{CONFIG} is an object") };
    entries.retain(|(other, _)| other != key);
    Json::Object(entries).to_string()
}

pub(in crate::checkpoint) type Tensors = Vec<(String, Tensor)>;

/// The model's tensors, to be changed.
pub(in crate::checkpoint) fn tensors() -> Tensors {
    model().parameters().unwrap().into_iter().map(|(name, tensor)| (name, tensor.clone())).collect()
}

/// The result of loading this configuration and these tensors.
pub(in crate::checkpoint) fn loaded(config: &str, tensors: &Tensors) -> Result<Gpt2> {
    let borrowed: Vec<(String, &Tensor)> = tensors.iter().map(|(name, tensor)| (name.clone(), tensor)).collect();
    load_from_bytes(config, &safetensors::to_bytes(&borrowed, &[], Dtype::F32).unwrap())
}

pub(in crate::checkpoint) fn refused(config: &str, tensors: &Tensors) -> String {
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

pub(in crate::checkpoint) fn tokenizer() -> Tokenizer {
    Tokenizer::learn("the cat sat on the hat, the cat that sat<|endoftext|>the end of the cat", 265).unwrap()
}

/// A directory with the model and its vocabulary, and the `tokenizer.json` in it.
pub(in crate::checkpoint) fn with_vocabulary(name: &str) -> (PathBuf, Json) {
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
    let message = refused_directory("torch", &[config, ("weights.pt", b"")]);
    assert!(
        message.contains("weights.pt may be weights as PyTorch saves them") && message.contains("rename"),
        "{message}"
    );
    let message = refused_directory("shards", &[config, ("model-00001-of-00002.safetensors", b"")]);
    assert!(message.contains("in several files") && message.contains("get their index too"), "{message}");
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
    assert!(error.starts_with(&dir.display().to_string()), "{error}");
    assert!(error.contains("generation_config.json") && error.contains("`eos_token_id`"), "{error}");
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn without_an_end_id_in_the_configuration_the_vocabulary_gives_it() {
    let (dir, _) = with_vocabulary("end");
    assert_eq!(load(&dir).unwrap().end_ids, [264]); // written by save
    fs::remove_file(dir.join("generation_config.json")).unwrap(); // it alone would decide
    fs::write(dir.join("config.json"), CONFIG).unwrap();
    assert_eq!(load(&dir).unwrap().end_ids, [264]); // not in the configuration: <|endoftext|> of the vocabulary
    fs::write(dir.join("config.json"), config_with("eos_token_id", "null")).unwrap();
    assert_eq!(load(&dir).unwrap().end_ids, []);
    fs::write(dir.join("config.json"), config_with("eos_token_id", "50256")).unwrap();
    assert_eq!(load(&dir).unwrap().end_ids, []); // beyond the vocabulary
    fs::remove_dir_all(&dir).unwrap();
}

/// What the small files of a directory say, as values.
fn said(dir: &Path) -> Vec<Option<Json>> {
    let read = |name: &str| dir.join(name).is_file().then(|| read_json(&dir.join(name)).unwrap());
    ["config.json", "generation_config.json", "tokenizer_config.json", "special_tokens_map.json"].map(read).into()
}

/// The object without the keys that only a reader of weights needs.
fn without_sizes(json: Option<Json>) -> Option<Json> {
    let Json::Object(mut entries) = json? else { panic!("an object is expected") };
    let ours = ["architectures", "model_type", "n_ctx", "n_inner", "activation_function", "layer_norm_epsilon"];
    entries.retain(|(key, _)| !ours.contains(&key.as_str()) && key != "tie_word_embeddings" && key != "dtype");
    Some(Json::Object(entries))
}

fn ids() -> impl Strategy<Value = Json> {
    let id = || (0u32..400).prop_map(Json::from);
    prop_oneof![Just(Json::Null), id(), prop::collection::vec(id(), 0..5).prop_map(Json::Array)]
}

/// An object with some of the keys that people's directories have.
fn small_file() -> impl Strategy<Value = Json> {
    let entry = prop_oneof![
        ids().prop_map(|ids| ("eos_token_id", ids)),
        (0u32..400).prop_map(|id| ("bos_token_id", id.into())),
        (0u32..400).prop_map(|id| ("pad_token_id", id.into())),
        Just(("temperature", Json::Number("0.70".to_string()))),
        Just(("chat_template", Json::from("{{ \"é\" }}"))),
        Just(("task_specific_params", Json::object([("x", Json::Array(vec![Json::Bool(true)]))]))),
    ];
    prop::collection::btree_map("[a-z]", entry, 0..5).prop_map(|entries| {
        let mut json = Json::Object(Vec::new());
        entries.into_values().for_each(|(key, value)| kept::set(&mut json, key, value));
        json
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 60, ..Default::default() })]

    /// Whatever generation or tokenization can see in a directory, they see in a copy of it, and in a copy of the copy.
    #[test]
    fn a_copy_of_a_directory_says_what_the_directory_says(
        more in small_file(),
        generation in prop::option::of(small_file()),
        tokenizer in prop::option::of(small_file()),
        special in prop::option::of(small_file()),
    ) {
        let (dir, _) = with_vocabulary("kept");
        let copy = dir.join("copy");
        let mut config = Json::parse(CONFIG).unwrap();
        let Json::Object(more) = more else { panic!("an object is expected") };
        more.into_iter().for_each(|(key, value)| kept::set(&mut config, &key, value));
        let files = [
            ("config.json", Some(config)),
            ("generation_config.json", generation),
            ("tokenizer_config.json", tokenizer),
            ("special_tokens_map.json", special),
        ];
        for (name, json) in files {
            let path = dir.join(name);
            match json {
                Some(json) => fs::write(path, json.to_string()).unwrap(),
                None => drop(fs::remove_file(path)),
            }
        }
        fs::write(dir.join("chat_template.jinja"), "{% if x %}\n").unwrap();
        let first = load(&dir).unwrap();
        first.save(&copy, Dtype::F32).unwrap();
        let again = load(&copy).unwrap();
        prop_assert_eq!((&again.end_ids, again.begin_id()), (&first.end_ids, first.begin_id()));
        prop_assert_eq!(&again.tokenizer, &first.tokenizer);
        prop_assert_eq!(again.model == first.model, true);
        let all = |dir: &Path| said(dir).into_iter().map(without_sizes).collect::<Vec<_>>();
        prop_assert_eq!(all(&copy), all(&dir));
        prop_assert_eq!(fs::read(copy.join("chat_template.jinja")).unwrap(), b"{% if x %}\n");
        prop_assert_eq!(Kept::from_text(&again.kept.to_text()), Ok(again.kept.clone()));
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn end_ids_that_were_changed_are_written(ids in prop::collection::vec(0u32..300, 0..4), with_file in any::<bool>()) {
        let (dir, _) = with_vocabulary("changed");
        let copy = dir.join("copy");
        if !with_file {
            fs::remove_file(dir.join("generation_config.json")).unwrap();
        }
        let mut checkpoint = load(&dir).unwrap();
        checkpoint.end_ids = ids.clone();
        checkpoint.save(&copy, Dtype::F32).unwrap();
        prop_assert_eq!(load(&copy).unwrap().end_ids, ids);
        fs::remove_dir_all(&dir).unwrap();
    }
}

#[test]
fn a_text_from_nothing_begins_with_the_token_that_the_directory_names() {
    let (dir, _) = with_vocabulary("begin");
    let begin = || load(&dir).unwrap().begin_id();
    assert_eq!(begin(), Some(264)); // <|endoftext|>
    fs::write(dir.join("generation_config.json"), r#"{"bos_token_id": 7}"#).unwrap();
    assert_eq!((begin(), load(&dir).unwrap().encode("").unwrap()), (Some(7), vec![7]));
    fs::write(dir.join("generation_config.json"), r#"{"bos_token_id": 300}"#).unwrap(); // past the model's 300 rows
    assert_eq!(begin(), Some(264));
    fs::remove_dir_all(&dir).unwrap();
}
