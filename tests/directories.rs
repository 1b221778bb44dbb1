//! Directories as people have them: what transformers sees in each, this crate sees too, and so does whoever reads a copy
//! that this crate has written.
//!
//! `tests/fixtures/directories.py` made them with transformers 5.24, and `expected.json` with what it saw. Called with
//! `--compare DIR`, the script looks at copies of all three, which this crate has written, in the same way.

use gpt60::checkpoint::{Checkpoint, Dtype, Json, load};
use gpt60::generate::greedy;
use std::fs;
use std::path::{Path, PathBuf};

const NAMES: [&str; 3] = ["ends", "speakers", "old"];

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/directories")
}

fn read(path: PathBuf) -> Json {
    Json::parse(&fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))).unwrap()
}

/// What transformers saw in the directory `name`.
fn expected(name: &str) -> Json {
    read(fixtures().join("expected.json")).get(name).unwrap().clone()
}

fn ids(json: &Json) -> Vec<u32> {
    json.as_array().unwrap().iter().map(|id| id.as_usize().unwrap() as u32).collect()
}

/// A copy of the directory `name`, written by this crate, and what is read from it.
fn copied(name: &str, test: &str) -> (PathBuf, Checkpoint) {
    let dir = std::env::temp_dir().join(format!("gpt60-directories-{test}-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&dir);
    load(fixtures().join(name)).unwrap().save(&dir, Dtype::F32).unwrap();
    let copy = load(&dir).unwrap();
    (dir, copy)
}

/// Where a text begins and ends, and the text that follows greedily, as transformers found them.
fn assert_as_transformers_sees_it(name: &str, found: &Checkpoint) {
    let expected = expected(name);
    assert_eq!(found.end_ids, ids(expected.get("end_ids").unwrap()), "{name}");
    assert_eq!(found.begin_id().map(|id| id as usize), expected.get("bos").unwrap().as_usize(), "{name}");
    let [prompt, written] = expected.get("greedy").unwrap().as_array().unwrap() else { panic!("a prompt and a text") };
    let found = greedy(&found.model, &ids(prompt), &found.end_ids).unwrap().take(20);
    assert_eq!(found.collect::<gpt60::Result<Vec<u32>>>().unwrap(), ids(written), "{name}");
}

#[test]
fn a_directory_and_a_copy_of_it_end_and_begin_where_transformers_does() {
    for name in NAMES {
        assert_as_transformers_sees_it(name, &load(fixtures().join(name)).unwrap());
        let (dir, copy) = copied(name, "ends");
        assert_as_transformers_sees_it(name, &copy);
        fs::remove_dir_all(dir).unwrap();
    }
}

#[test]
fn the_ids_of_a_text_are_those_of_transformers_in_a_directory_and_in_a_copy_of_it() {
    for name in NAMES {
        let (dir, copy) = copied(name, "ids");
        for checkpoint in [load(fixtures().join(name)).unwrap(), copy] {
            let tokenizer = checkpoint.tokenizer.unwrap();
            for pair in expected(name).get("ids").unwrap().as_array().unwrap() {
                let [text, expected] = pair.as_array().unwrap() else { panic!("a text and its ids") };
                let text = text.as_str().unwrap();
                // transformers always takes the end token in a text for what it names.
                assert_eq!(tokenizer.encode_with_end(text), ids(expected), "{name}: {text:?}");
            }
        }
        fs::remove_dir_all(dir).unwrap();
    }
}

/// The pad token, the settings for sampling, the template and whatever else this crate does not use.
#[test]
fn what_this_crate_does_not_use_is_in_the_copy_as_it_was() {
    for name in NAMES {
        let (dir, _) = copied(name, "rest");
        let original = fixtures().join(name);
        for file in ["generation_config.json", "tokenizer_config.json", "special_tokens_map.json"] {
            assert_eq!(original.join(file).is_file(), dir.join(file).is_file(), "{name}/{file}");
            if original.join(file).is_file() {
                assert_eq!(read(dir.join(file)), read(original.join(file)), "{name}/{file}");
            }
        }
        let (before, after) = (read(original.join("config.json")), read(dir.join("config.json")));
        for (key, value) in before.as_object().unwrap() {
            assert_eq!(after.get(key), Some(value), "{name}: {key}");
        }
        let template = |dir: &Path| fs::read_to_string(dir.join("chat_template.jinja")).ok();
        assert_eq!(template(&dir), template(&original), "{name}");
        assert_eq!(template(&dir).is_some(), name == "speakers");
        fs::remove_dir_all(dir).unwrap();
    }
}
