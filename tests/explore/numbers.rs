//! What a page says of a model is what the model computed.

use crate::comparing::check_page;
use crate::examples::{command, error_of, run, scratch};
use crate::reading::{data_of, f32s, ids_of, number};
use crate::{explore, random_model};
use gpt60::checkpoint::{self, Dtype, Json};
use gpt60::generate::greedy;
use gpt60::{Config, Tensor, storybook};
use std::fs;

#[test]
fn the_page_of_the_storybook_says_what_the_storybook_computes() {
    let dir = scratch("explore-storybook");
    let story = storybook::load();
    let tokenizer = story.tokenizer.unwrap();
    let prompt = "The little dog ran to the";
    let (page, _) = explore(&dir, &[prompt, "--out", "dog.html"]);
    assert!(fs::read_dir(&dir).unwrap().count() == 1, "nothing but the page is left");
    let data = data_of(&page);
    let ids = tokenizer.encode(prompt);
    check_page(&data, &story.model, &ids);
    // What greedy would write is the likeliest token of the page.
    let next = greedy(&story.model, &ids, &[]).unwrap().next().unwrap().unwrap();
    let logits = f32s(data.get("logits").unwrap());
    assert_eq!(Tensor::new(&[logits.len()], logits).unwrap().argmax().unwrap(), next as usize);
    // The vocabulary: a token's text, or its bytes.
    let vocabulary = data.get("vocabulary").unwrap().as_array().unwrap();
    assert_eq!(vocabulary.len(), story.model.config.n_vocab);
    for (id, token) in vocabulary.iter().enumerate() {
        let bytes = match token {
            Json::String(text) => text.as_bytes().to_vec(),
            token => token.as_array().unwrap().iter().map(|byte| byte.as_usize().unwrap() as u8).collect(),
        };
        assert_eq!(bytes, tokenizer.token_bytes(id as u32).unwrap());
        assert_eq!(token.as_str().is_some(), std::str::from_utf8(&bytes).is_ok());
    }
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn the_smallest_model_without_a_vocabulary_has_a_page() {
    let dir = scratch("explore-tiny");
    let model = random_model(&Config::new(11, 8, 8, 1, 1));
    fs::create_dir(dir.join("model")).unwrap();
    checkpoint::save(dir.join("model"), &model, None, Dtype::F32).unwrap();
    for ids in [&[3][..], &[0, 10, 0, 1, 2, 3, 4, 5]] {
        let given = ids.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
        let (page, _) = explore(&dir, &["--model", "model", "--ids", &given]);
        let data = data_of(&page);
        assert!(data.get("vocabulary").unwrap().is_null());
        assert_eq!(data.get("name").unwrap().as_str(), Some("model"));
        check_page(&data, &model, ids);
    }
    let error = error_of(run(&mut command(&dir, "explore", &["--model", "model", "text"])), 1);
    assert!(error.contains("--ids"), "{error}");
    let error = error_of(run(&mut command(&dir, "explore", &["--model", "model", "--ids", "0 0 0 0 0 0 0 0 0"])), 1);
    assert!(error.contains("9 tokens") && error.contains("context of 8"), "{error}");
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_prompt_longer_than_the_page_is_shown_from_its_end() {
    let dir = scratch("explore-long");
    let story = storybook::load();
    let ids: Vec<u32> = (0..100).collect();
    let given = ids.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
    let (page, stderr) = explore(&dir, &["--ids", &given]);
    assert!(stderr.contains("64") && stderr.contains("100"), "{stderr}");
    let data = data_of(&page);
    assert_eq!(number(&data, "n_before"), 36);
    assert_eq!(f32s(data.get("logits").unwrap()), story.model.logits(&ids[36..]).unwrap().row(63));
    assert_eq!(ids_of(&data), &ids[36..]);
    // A text that fits is shown whole, without a note.
    let (page, stderr) = explore(&dir, &["--ids", &given.split(' ').take(64).collect::<Vec<_>>().join(" ")]);
    assert!(!stderr.contains("room"), "{stderr}");
    assert_eq!(number(&data_of(&page), "n_before"), 0);
    fs::remove_dir_all(&dir).unwrap();
}
