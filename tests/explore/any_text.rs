//! Any prompt, vocabulary and name: no text breaks out of the page's data.

use crate::comparing::check_page;
use crate::examples::scratch;
use crate::reading::{DATA, data_of, data_text, ids_of};
use crate::{explore, random_model};
use gpt60::Config;
use gpt60::checkpoint::{self, Dtype, Json};
use gpt60::tokenizer::Tokenizer;
use std::fs;

#[test]
fn no_text_breaks_out_of_the_data() {
    let dir = scratch("explore-text");
    let tokenizer = Tokenizer::learn("the cat</script><|endoftext|>the </script>hat", 266).unwrap();
    // More rows than tokens: some models pad their table.
    let model = random_model(&Config::new(270, 96, 12, 3, 2));
    let name = "a<b>&'{{program}}";
    fs::create_dir(dir.join(name)).unwrap();
    checkpoint::save(dir.join(name), &model, Some(&tokenizer), Dtype::F32).unwrap();
    let prompt = "\"</script><!-- <script>🦀 \\u003c é\u{2028}\0{{data}}";
    let prompt = prompt.replace('\0', "\u{1}"); // no operating system accepts a 0 in an argument
    let (page, _) = explore(&dir, &["--model", name, &prompt]);
    let data = data_text(&page);
    assert!(!data.contains('<'));
    assert_eq!(page.matches(DATA).count(), 1);
    // The page has the same number of tags as any other page.
    let (plain, _) = explore(&dir, &["--model", name, "hat"]);
    assert_eq!(page.matches("<script").count(), plain.matches("<script").count());
    assert_eq!(page.matches("</script>").count(), plain.matches("</script>").count());

    let data = data_of(&page);
    let ids = ids_of(&data);
    assert_eq!(ids, tokenizer.encode(&prompt));
    assert_eq!(data.get("name").unwrap().as_str(), Some(name));
    check_page(&data, &model, &ids);
    let vocabulary = data.get("vocabulary").unwrap().as_array().unwrap();
    assert_eq!(vocabulary.len(), 270);
    assert!(vocabulary[tokenizer.n_vocab()..].iter().all(Json::is_null));
    assert!(vocabulary.iter().any(|token| token.as_str().is_some_and(|text| text.contains("</"))));
    // The crab's four bytes are tokens of their own: shown as bytes.
    let crab = tokenizer.encode("🦀");
    assert_eq!(crab.len(), 4);
    assert_eq!(vocabulary[crab[0] as usize].to_string(), "[240]");
    fs::remove_dir_all(&dir).unwrap();
}
