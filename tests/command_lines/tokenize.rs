//! `tokenize`: text to ids and back, to the byte.

use crate::examples::{command, error_of, run, run_with_input, scratch, success};
use crate::spaced;
use gpt60::checkpoint::{self, Dtype};
use gpt60::tokenizer::{AddedToken, Tokenizer};
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
    checkpoint::save(&dir, &model, Some(&tokenizer), Dtype::F32).unwrap();
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

#[test]
fn tokenize_finds_added_tokens_and_ends_a_text_only_when_told() {
    let dir = scratch("added-tokens");
    let tokenizer =
        Tokenizer::learn("", 257).unwrap().with_added(vec![AddedToken::special(258, "<speaker1>")]).unwrap();
    let model = Gpt2::zeros(&Config::new(260, 32, 4, 2, 1)).unwrap();
    checkpoint::save(&dir, &model, Some(&tokenizer), Dtype::F32).unwrap();
    let run_here = |args: &[&str], input: &str| run_with_input(&mut command(&dir, "tokenize", args), input.as_bytes());
    let text = "<speaker1>hi<|endoftext|>";
    // One byte a token, in OpenAI's order: h is 71, i is 72.
    let (ids, _) = success(run_here(&["--model", ".", "--special"], text));
    assert_eq!(ids, "258 71 72 256\n");
    assert_eq!(success(run_here(&["--model", ".", "--decode"], &ids)).0, text);
    let (ids, _) = success(run_here(&["--model", "."], text));
    assert!(ids.starts_with("258 71 72 27 91 68") && ids.split_whitespace().count() == 3 + 13, "{ids}");
    let (_, shown) = success(run_here(&["--model", ".", "--show"], "<speaker1>h"));
    assert_eq!(shown, "\"<speaker1>\"\n  ids [258]\n\"h\"\n  ids [71]\n");
    assert!(error_of(run_here(&["--special", "--decode"], "5"), 2).contains("leave out --decode"));

    // A prompt gets a note, once; with the flag there is nothing to say.
    let greedy = |args: &[&str]| success(run(&mut command(&dir, "greedy", args)));
    let (_, stderr) = greedy(&["--model", ".", "--tokens", "0", "a<|endoftext|><|endoftext|>"]);
    assert_eq!(
        stderr.matches("<|endoftext|> in the prompt was read as text; --special reads it as the end token").count(),
        1
    );
    let (_, stderr) = greedy(&["--model", ".", "--tokens", "0", "--special", "<|endoftext|><speaker1>"]);
    assert!(!stderr.contains("--special"), "{stderr}");
    // A prompt of 2 tokens leaves room for 30 in the context of 32, and one more is chosen; a prompt of 14 for 18.
    let (_, stderr) = greedy(&["--model", ".", "--special", "<|endoftext|>h"]);
    assert!(stderr.contains("[31 tokens"), "{stderr}");
    let (_, stderr) = greedy(&["--model", ".", "<|endoftext|>h"]);
    assert!(stderr.contains("[19 tokens"), "{stderr}");

    // A vocabulary of another kind is named.
    for name in ["tokenizer.json", "vocab.json", "merges.txt", "added_tokens.json"] {
        fs::remove_file(dir.join(name)).unwrap();
    }
    fs::write(dir.join("vocab.txt"), "[PAD]\n").unwrap();
    let error = error_of(run(&mut command(&dir, "greedy", &["--model", "."])), 1);
    let found =
        "it has one of another kind (vocab.txt, WordPiece, as BERT has it); give the prompt as --ids \"5 17 3\"";
    assert!(error.contains(found), "{error}");
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_byte_that_a_vocabulary_lacks_is_an_error_of_one_line() {
    let dir = scratch("lacking");
    let vocab: Vec<(String, u32)> = (0..).zip('a'..='z').map(|(id, c)| (c.to_string(), id)).collect();
    let tokenizer = Tokenizer::from_vocab(&vocab, &[]).unwrap();
    let model = Gpt2::zeros(&Config::new(26, 8, 4, 2, 1)).unwrap();
    checkpoint::save(&dir, &model, Some(&tokenizer), Dtype::F32).unwrap();
    fs::write(dir.join("text"), "not here").unwrap();
    let problem = "encode: the text has ' ', and the vocabulary has no token for its byte 0x20";
    let tokenized = run_with_input(&mut command(&dir, "tokenize", &["--model", "."]), b"a b");
    assert!(error_of(tokenized, 1).contains(problem));
    for args in [&["greedy", "--model", ".", "a b"][..], &["perplexity", "--model", ".", "text"]] {
        let error = error_of(run(&mut command(&dir, args[0], &args[1..])), 1);
        assert!(error.contains(problem), "{error}");
    }
    let (ids, _) = success(run_with_input(&mut command(&dir, "tokenize", &["--model", "."]), b"abz"));
    assert_eq!(ids, "0 1 25\n");
    fs::remove_dir_all(&dir).unwrap();
}
