//! `--live`: the page holds the whole storybook, and the forward pass in JavaScript.

use crate::examples::{command, error_of, run, scratch};
use crate::explore;
use crate::reading::{data_of, f16s, number};
use gpt60::storybook;
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

    let numbers = f16s(data.get("weights").unwrap());
    let mut rest = &numbers[..];
    let listed = data.get("parameters").unwrap().as_array().unwrap();
    assert_eq!(listed.len(), story.model.parameters().unwrap().len());
    for (listed, (name, tensor)) in listed.iter().zip(story.model.parameters().unwrap()) {
        let listed = listed.as_array().unwrap();
        let shape: Vec<usize> = listed[1..].iter().map(|n| n.as_usize().unwrap()).collect();
        assert_eq!((listed[0].as_str().unwrap(), &shape[..]), (&*name, tensor.shape()));
        let (these, after) = rest.split_at(tensor.data().len());
        assert!(these == tensor.data(), "{name}");
        rest = after;
    }
    assert!(rest.is_empty());

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
fn the_live_page_takes_only_the_storybook_and_text() {
    let dir = scratch("explore-live-errors");
    for args in [["--live", "--model", "gpt2"], ["--live", "--ids", "5 17 3"]] {
        let error = error_of(run(&mut command(&dir, "explore", &args)), 2);
        assert!(error.contains(args[1]) && error.contains("live"), "{error}");
    }
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
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
