//! Vocabularies of other kinds, odd ones and damaged ones, in a directory.

use super::super::tests::{tokenizer, with_vocabulary};
use super::super::{load, save};
use super::*;
use crate::checkpoint::safetensors::Dtype;
use crate::{Config, Gpt2, Rng};
use std::fs;

/// The same JSON with the value at the end of this path of keys replaced or added.
fn with(json: &Json, path: &[&str], value: Json) -> Json {
    let Some((key, rest)) = path.split_first() else {
        return value;
    };
    let mut entries = json.as_object().unwrap().to_vec();
    match entries.iter().position(|(other, _)| other == key) {
        Some(i) => entries[i].1 = with(&entries[i].1, rest, value),
        None => entries.push((key.to_string(), with(&Json::Object(vec![]), rest, value))),
    }
    Json::Object(entries)
}

#[test]
fn a_tokenizer_that_is_not_gpt2s_is_refused() {
    let (dir, json) = with_vocabulary("foreign");
    let kind = |name: &str| Json::object([("type", name.into())]);
    let adds_a_token = r#"{"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}}]}"#;
    for (path, value, expected) in [
        (&["model", "type"][..], "Else".into(), "its model is \"Else\""),
        (&["normalizer"], kind("NFC"), "it has the normalizer \"NFC\""),
        (&["pre_tokenizer"], Json::Null, "it has no pre_tokenizer"),
        (&["pre_tokenizer"], kind("Whitespace"), "its pre_tokenizer is \"Whitespace\""),
        (&["pre_tokenizer", "add_prefix_space"], true.into(), "add_prefix_space true"),
        (&["pre_tokenizer", "use_regex"], false.into(), "use_regex false"),
        (&["post_processor"], Json::parse(adds_a_token).unwrap(), "adds tokens"),
        (&["model", "byte_fallback"], true.into(), "byte_fallback"),
        (&["model", "ignore_merges"], true.into(), "ignore_merges"),
        (&["model", "end_of_word_suffix"], "</w>".into(), "end_of_word_suffix"),
        (&["model", "dropout"], 0.1f32.into(), "dropout"),
        (&["model", "vocab"], Json::Null, "expected an object of tokens and ids"),
        (&["model", "merges"], Json::Null, "expected a list"),
        (&["model"], Json::Null, "it has no model"),
    ] {
        fs::write(dir.join("tokenizer.json"), with(&json, path, value).to_string()).unwrap();
        let message = load(&dir).unwrap_err().to_string();
        assert!(message.contains("tokenizer.json: ") && message.contains(expected), "{message}");
    }
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn what_makes_no_difference_to_a_tokenizer_is_accepted() {
    let (dir, json) = with_vocabulary("harmless");
    let alone = r#"{"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A", "type_id": 0}}]}"#;
    let merges = tokenizer().merges().iter().map(|(a, b)| Json::String(format!("{a} {b}"))).collect();
    let pad = |id: usize| Json::object([("id", id.into()), ("content", "[my pad]".into())]);
    let end = json.get("added_tokens").unwrap().as_array().unwrap()[0].clone();
    for (path, value) in [
        (&["post_processor"][..], Json::Null),
        (&["post_processor"], Json::parse(alone).unwrap()),
        (&["truncation"], Json::object([("max_length", 5usize.into())])),
        (&["model", "merges"], Json::Array(merges)),
        (&["model", "dropout"], 0.0f32.into()),
        (&["added_tokens"], Json::Array(vec![])),
        (&["added_tokens"], Json::Array(vec![end.clone(), pad(300)])), // beyond the rows of the model
    ] {
        fs::write(dir.join("tokenizer.json"), with(&json, path, value).to_string()).unwrap();
        assert_eq!(load(&dir).unwrap().tokenizer, Some(tokenizer()), "{path:?}");
    }
    // Within the rows of the model, a pad token has its id, even with a space in its name.
    let added = with(&json, &["added_tokens"], Json::Array(vec![end, pad(299)]));
    fs::write(dir.join("tokenizer.json"), added.to_string()).unwrap();
    let found = load(&dir).unwrap().tokenizer.unwrap();
    assert_eq!(found.decode(&[299]).unwrap(), "[my pad]");
    assert_eq!(found.encode("the[my pad]"), [tokenizer().encode("the"), vec![299]].concat());
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_vocabulary_larger_than_the_model_is_refused() {
    let small = Gpt2::random(&Config::new(264, 5, 6, 2, 2), &mut Rng::new(1)).unwrap();
    let (dir, _) = with_vocabulary("large");
    let message = save(&dir, &small, Some(&tokenizer()), Dtype::F32).unwrap_err().to_string();
    assert_eq!(message, "save: the vocabulary needs 265 rows of the embedding, and the model has 264");
    save(&dir, &small, None, Dtype::F32).unwrap();
    for gone in ["tokenizer.json", "vocab.json", "merges.txt"] {
        let message = load(&dir).unwrap_err().to_string();
        assert!(message.contains("it has ids up to 264, and the model's vocab_size is 264"), "{message}");
        fs::remove_file(dir.join(gone)).unwrap();
    }
    assert!(load(&dir).unwrap().tokenizer.is_none());
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_vocabulary_without_its_merges_and_settings_that_change_the_ids_are_refused() {
    let (dir, _) = with_vocabulary("half");
    for key in ["add_prefix_space", "add_bos_token"] {
        let settings = Json::object([(key, true.into())]).to_string();
        fs::write(dir.join("tokenizer_config.json"), settings).unwrap();
        let message = load(&dir).unwrap_err().to_string();
        assert!(message.contains(&format!("tokenizer_config.json: `{key}` is true")), "{message}");
    }
    fs::remove_file(dir.join("tokenizer_config.json")).unwrap();
    fs::remove_file(dir.join("tokenizer.json")).unwrap();
    fs::remove_file(dir.join("merges.txt")).unwrap();
    assert!(load(&dir).unwrap_err().to_string().contains("vocab.json and no merges.txt"));
    fs::remove_dir_all(&dir).unwrap();
}
