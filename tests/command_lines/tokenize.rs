//! `tokenize`: text to ids and back, to the byte.

use crate::examples::{command, error_of, run_with_input, scratch, success};
use crate::spaced;
use gpt60::checkpoint::{Dtype, hugging_face};
use gpt60::tokenizer::Tokenizer;
use gpt60::{Config, Gpt2, storybook};
use std::fs;
use std::process::Output;

fn tokenize(args: &[&str], input: &[u8]) -> Output {
    run_with_input(&mut command(&std::env::temp_dir(), "tokenize", args), input)
}

#[test]
fn tokenize_and_back_is_the_same_text_to_the_byte() {
    // These ids are GPT-2's.
    assert_eq!(success(tokenize(&[], b"Alan Turing theorized")).0, "36235 39141 18765 1143\n");
    for text in ["", "no line break at the end", "one\n", "\n\n  two \r\n\t", "<|endoftext|>", "na\u{ef}ve \u{1f980}\0"]
    {
        for vocabulary in [&[][..], &["--storybook"]] {
            let (ids, _) = success(tokenize(vocabulary, text.as_bytes()));
            let back = tokenize(&[vocabulary, &["--decode"]].concat(), ids.as_bytes());
            assert_eq!(success(back).0, text);
        }
    }
    // <|endoftext|> in a text is thirteen characters. Its id is decoded to them.
    assert!(!success(tokenize(&[], b"<|endoftext|>")).0.contains("50256"));
    assert_eq!(success(tokenize(&["--decode"], b"50256")).0, "<|endoftext|>");
    // A token that is part of a character decodes to its bytes, not to a replacement mark: the first two of f0 9f a6
    // 80.
    let (ids, _) = success(tokenize(&[], "\u{1f980}".as_bytes()));
    let first = ids.split(' ').next().unwrap();
    assert_eq!(tokenize(&["--decode"], first.as_bytes()).stdout, b"\xf0\x9f");
}

#[test]
fn tokenize_refuses_input_that_is_not_text_or_not_ids() {
    assert!(error_of(tokenize(&[], b"caf\xe9"), 1).contains("not UTF-8 at byte 3"));
    assert!(error_of(tokenize(&["--decode"], b"5 x"), 1).contains("\"x\""));
    assert!(error_of(tokenize(&["--decode"], b"5 -1"), 1).contains("\"-1\""));
    assert!(error_of(tokenize(&["--decode"], b"50257"), 1).contains("50257"));
}

#[test]
fn tokenize_uses_the_vocabulary_it_is_told() {
    let dir = scratch("vocabulary");
    let tokenizer = Tokenizer::learn("sing ring ring king thing", 256 + 4 + 1).unwrap();
    let model = Gpt2::zeros(&Config::new(tokenizer.n_vocab(), 8, 4, 2, 1)).unwrap();
    hugging_face::save(&dir, &model, Some(&tokenizer), Dtype::F32).unwrap();
    let run_here = |args: &[&str], input: &str| run_with_input(&mut command(&dir, "tokenize", args), input.as_bytes());
    let text = "a singing king";
    let (ids, stderr) = success(run_here(&["--model", "."], text));
    assert_eq!(ids, spaced(&tokenizer.encode(text)) + "\n");
    assert_eq!(stderr, "");
    assert_eq!(success(run_here(&["--model", ".", "--decode"], &ids)).0, text);
    let (shown_ids, steps) = success(run_here(&["--model", ".", "--show"], text));
    assert_eq!(shown_ids, ids);
    assert!(steps.contains("\" singing\"") && steps.contains("rank"), "{steps}");

    // Only the vocabulary is asked for: the weights need not be there.
    fs::remove_file(dir.join("model.safetensors")).unwrap();
    assert_eq!(success(run_here(&["--model", "."], text)).0, ids);

    let story = storybook::load().tokenizer.unwrap();
    assert_eq!(success(run_here(&["--storybook"], text)).0, spaced(&story.encode(text)) + "\n");

    for name in ["tokenizer.json", "vocab.json", "merges.txt"] {
        fs::remove_file(dir.join(name)).unwrap();
    }
    assert!(error_of(run_here(&["--model", "."], text), 1).contains("no vocabulary"));
    fs::remove_dir_all(&dir).unwrap();
}
