//! `--live`: the page holds the whole model, and the forward pass in JavaScript.

use crate::examples::{command, error_of, run, scratch};
use crate::reading::{data_of, number, numbers_of};
use crate::{explore, random_model};
use gpt60::checkpoint::{self, Dtype};
use gpt60::tokenizer::Tokenizer;
use gpt60::{Config, Gpt2, Tensor, storybook};
use std::fs;
use std::path::Path;

#[test]
fn the_live_page_holds_the_whole_storybook_and_nothing_is_rounded() {
    let dir = scratch("explore-live");
    let story = storybook::load();
    let tokenizer = story.tokenizer.unwrap();
    let prompt = "\"</script>\n 🦀 {{data}}{{program}}";
    let (page, _) = explore(&dir, &["--live", prompt, "--out", "live.html"]);
    assert!(page.len() < 12_000_000, "{} bytes", page.len());
    let data = data_of(&page);
    assert_eq!(data.get("prompt").unwrap().as_str(), Some(prompt));
    assert_eq!(number(&data, "end_of_text"), tokenizer.end_of_text().unwrap() as usize);

    let listed = data.get("parameters").unwrap().as_array().unwrap();
    assert_eq!(listed.len(), story.model.parameters().unwrap().len());
    for (listed, (name, tensor)) in listed.iter().zip(story.model.parameters().unwrap()) {
        let shape: Vec<usize> =
            listed.get("shape").unwrap().as_array().unwrap().iter().map(|n| n.as_usize().unwrap()).collect();
        assert_eq!((listed.get("name").unwrap().as_str().unwrap(), &shape[..]), (&*name, tensor.shape()));
        assert!(numbers_of(listed) == tensor.data(), "{name}");
    }

    let merges = data.get("merges").unwrap().as_array().unwrap();
    assert_eq!(merges.len(), tokenizer.merges().len());
    for (merge, (left, right)) in merges.iter().zip(tokenizer.merges()) {
        let ids = merge.as_array().unwrap().iter().map(|id| id.as_usize().unwrap() as u32);
        let symbols: Vec<String> = ids.map(|id| tokenizer.symbol(id).unwrap()).collect();
        assert_eq!(symbols, [left.clone(), right.clone(), left + &right]);
    }
    assert_eq!(data.get("vocabulary").unwrap().as_array().unwrap().len(), tokenizer.n_vocab());
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn the_live_page_holds_any_small_model_with_its_own_vocabulary() {
    let dir = scratch("explore-live-model");
    let tokenizer = Tokenizer::learn("the fox saw the moon and the fox ran", 264).unwrap();
    let model = random_model(&Config::new(tokenizer.n_vocab(), 16, 12, 3, 2));
    let save = |name: &str, dtype: Dtype| checkpoint::save(dir.join(name), &model, Some(&tokenizer), dtype).unwrap();
    save("halves", Dtype::F16);
    save("whole", Dtype::F32);
    save("bytes", Dtype::I8);
    for (name, shown) in [("halves", "halves"), ("whole", "halves"), ("bytes", "bytes")] {
        let shown = checkpoint::load(dir.join(shown)).unwrap().model;
        let (page, stderr) = explore(&dir, &["--live", "--model", name, "the fox"]);
        let data = data_of(&page);
        assert_eq!(data.get("name").unwrap().as_str(), Some(name));
        assert_eq!(data.get("prompt").unwrap().as_str(), Some("the fox"));
        assert_eq!((number(&data, "n_layer"), number(&data, "n_embd"), number(&data, "most_tokens")), (2, 12, 16));
        let listed = data.get("parameters").unwrap().as_array().unwrap();
        for (listed, (parameter, tensor)) in listed.iter().zip(shown.parameters().unwrap()) {
            assert!(numbers_of(listed) == tensor.data(), "{name}: {parameter}");
            let is_whole = name == "bytes" && tensor.shape().len() == 2;
            assert_eq!(listed.get("int8").is_some(), is_whole, "{name}: {parameter}");
        }
        assert_eq!(data.get("merges").unwrap().as_array().unwrap().len(), 264 - 257);
        // What the page does not have of the model is said.
        assert_eq!(stderr.contains("its numbers differ a little from the model's"), name == "whole", "{stderr}");
    }
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn the_live_page_says_which_model_or_prompt_it_cannot_take() {
    let dir = scratch("explore-live-errors");
    let refused = |args: &[&str], status: i32| {
        error_of(run(&mut command(&dir, "explore", &[&["--live"], args].concat())), status)
    };
    assert!(refused(&["--ids", "5 17 3"], 2).contains("give the prompt as text"));
    assert!(refused(&["--model", "no-such-model"], 1).contains("no-such-model"));
    let tokenizer = Tokenizer::learn("the fox", 257).unwrap();
    let save = |name: &str, model: &Gpt2, tokenizer: Option<&Tokenizer>| {
        checkpoint::save(dir.join(name), model, tokenizer, Dtype::F16).unwrap();
    };
    let small = random_model(&Config::new(257, 8, 12, 3, 1));
    save("nameless", &small, None);
    assert!(refused(&["--model", "nameless"], 1).contains("leave --live out"));
    save("untied", &Gpt2 { lm_head: Some(Tensor::zeros(&[257, 12]).into()), ..small.clone() }, Some(&tokenizer));
    assert!(refused(&["--model", "untied"], 1).contains("this one has its own"));
    // 12 * 640^2 + 13 * 640 in the block, 8 + 257 rows of 640 and 2 * 640: 5.1 million numbers, 2 bytes each; with four letters
    // for three bytes that is 13.6 MB.
    save("large", &random_model(&Config::new(257, 8, 640, 10, 1)), Some(&tokenizer));
    let error = refused(&["--model", "large"], 1);
    assert!(error.contains("would have 14 MB") && error.contains("the most is 12 MB"), "{error}");
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 3, "no page was written");
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn the_forward_pass_of_the_live_page_is_as_short_as_the_book_says() {
    let gpt2 = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/explore/gpt2.js")).unwrap();
    assert!(gpt2.lines().count() < 100, "{}", gpt2.lines().count());
    // The sixty lines' functions, except those that the other pictures need too, and writing on.
    let sixty = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/sixty_lines.rs")).unwrap();
    let lines = sixty.split("sixty lines end").next().unwrap().lines();
    let names = lines.filter_map(|line| line.trim_start_matches("pub ").strip_prefix("fn ")?.split('(').next());
    let numbers =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/explore/numbers.js")).unwrap();
    let mut n_found = 0;
    for name in names.filter(|&name| name != "generate") {
        let function = format!("function {name}(");
        assert!(gpt2.contains(&function) || numbers.contains(&function), "{name}");
        n_found += 1;
    }
    assert_eq!(n_found, 9);
}
