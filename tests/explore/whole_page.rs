//! The page as a file: it is whole or not there, loads nothing, names files that exist, and is not too large.

use crate::examples::{command, error_of, run, scratch};
use crate::explore;
use gpt60::lens::logit_lens::{Guess, Reading};
use gpt60::lens::page_data;
use gpt60::lens::trace::{BlockTrace, Trace};
use gpt60::tokenizer::Tokenizer;
use gpt60::{Config, Tensor};
use std::fs;
use std::path::Path;

#[test]
fn a_file_that_cannot_be_written_is_one_line() {
    let dir = scratch("explore-unwritable");
    fs::create_dir(dir.join("folder")).unwrap();
    for out in ["no-such-folder/page.html", "folder"] {
        let error = error_of(run(&mut command(&dir, "explore", &["--out", out])), 1);
        assert!(error.contains(out) && error.contains("cannot be written"), "{error}");
    }
    error_of(run(&mut command(&dir, "explore", &["--out", ""])), 2);
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 1, "no half of a page is left");
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn the_page_loads_nothing() {
    let dir = scratch("explore-loads");
    for args in [&["Once upon a time"][..], &["--live"]] {
        let (page, _) = explore(&dir, args);
        for word in [
            "http:",
            "https:",
            "src=",
            "href=",
            "<link",
            "@import",
            "url(",
            "import(",
            "fetch(",
            "XMLHttp",
            "WebSocket",
        ] {
            assert!(!page.contains(word), "the page has {word}");
        }
        assert!(!page.contains("{{"), "something was not filled in");
    }
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn every_part_names_a_file_that_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut n_found = 0;
    for file in fs::read_dir(root.join("examples/explore")).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        for rest in text.split("src/").skip(1) {
            let path: String = rest.chars().take_while(|c| c.is_alphanumeric() || "/_.".contains(*c)).collect();
            assert!(root.join("src").join(path.trim_end_matches('.')).exists(), "there is no src/{path}");
            n_found += 1;
        }
    }
    assert!(n_found >= 10, "{n_found}");
}

#[test]
fn a_page_about_32_tokens_of_the_smallest_gpt2_stays_under_12_megabytes() {
    // This needs no model: all numbers take the same room. Only the lens and the surprise are written out as decimals;
    // the smallest number has the most letters.
    let config = Config::gpt2();
    let (n_seq, d) = (32, config.n_embd);
    let guess = Guess { id: 50000, probability: f32::MIN_POSITIVE };
    let reading = Reading { guesses: vec![guess; 5], rank_of_answer: 50000 };
    let zeros = || Tensor::zeros(&[n_seq, d]);
    let block = BlockTrace {
        ln_1: zeros(),
        q: zeros(),
        k: zeros(),
        v: zeros(),
        scores: Tensor::zeros(&[config.n_head, n_seq, n_seq]),
        attn_out: zeros(),
        ln_2: zeros(),
        fc: Tensor::zeros(&[n_seq, config.n_inner]),
        act: zeros(), // not written: the page makes it out of fc
        mlp_out: zeros(),
    };
    let trace = Trace {
        ids: vec![50000; n_seq],
        wte: zeros(),
        wpe: zeros(),
        blocks: vec![block; config.n_layer],
        lens: vec![vec![reading; n_seq]; config.n_layer + 1],
        probability_of_next: vec![f32::MIN_POSITIVE; n_seq - 1],
        logits: vec![0.0; config.n_vocab],
        config,
    };
    let data = page_data::to_json(&trace, Some(&Tokenizer::gpt2()), "gpt2", 0).len();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/explore");
    let frame: u64 = fs::read_dir(folder).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
    let page = data + frame as usize;
    assert!(page < 12_000_000, "{page} bytes");
    // And the data are there: 3,7 million numbers of two bytes in base64.
    assert!(data > 3_700_000 * 8 / 3, "{data} bytes");
}
