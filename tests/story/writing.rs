//! A turn: your line, what the model writes after it, and when it is printed.

use crate::examples::{command, run, scratch, success};
use crate::{joined, lines_of, notes, piece, sampler, session, session_in, turn_after};
use gpt60::checkpoint::{self, Dtype};
use gpt60::generate::{Sampler, greedy};
use gpt60::storybook;
use std::fs;
use std::io::{Read, Write};
use std::process::Stdio;

#[test]
fn a_story_is_the_lines_and_what_the_model_writes_after_each() {
    let story = storybook::load();
    let mut text = "The little fox".to_string();
    text += &piece(&story, &text, 12, sampler(42));
    text = joined(&text, "Then a bird");
    text += &piece(&story, &text, 12, sampler(43));
    text += &piece(&story, &text, 12, sampler(44)); // an empty line
    text += &piece(&story, &text, 12, sampler(45)); // :more
    let script = "The little fox\nThen a bird\n\n:more\n";
    let expected = lines_of(&[&text]);
    for _ in 0..2 {
        let (stdout, stderr) = session(&["--tokens", "12"], script);
        assert_eq!((stdout, notes(&stderr)), (expected.clone(), vec![]));
    }
    // The beginning may stand on the command line. Line endings of Windows and a last line without one are the same.
    let (stdout, _) = session(&["--tokens=12", "The little fox"], "Then a bird\n\n:more");
    assert_eq!(stdout, expected);
    assert_eq!(session(&["--tokens=12"], &script.replace('\n', "\r\n")).0, expected);
    // The defaults are those of the help.
    let defaults = ["--tokens=60", "--temperature=0.8", "--top-p=0.95", "--seed=42", "--top-k=0"];
    assert_eq!(session(&defaults, "The fox\n").0, session(&[], "The fox\n").0);
    let help = success(run(&mut command(&std::env::temp_dir(), "story", &["--help"]))).0;
    let help = help.split_whitespace().collect::<Vec<_>>().join(" "); // what a flag means may take two lines
    for default in defaults {
        let (flag, value) = default.split_once('=').unwrap();
        let meaning = help.split(&format!(" {flag} ")).nth(1).unwrap();
        let said = meaning.split("(default: ").nth(1).unwrap();
        assert!(said.starts_with(&format!("{value})")), "{flag}: {said}");
    }
}

#[test]
fn the_first_turn_is_what_sample_writes_and_the_rest_of_its_sentence() {
    let args = ["--temperature=0.8", "--top-p=0.95", "--seed=7", "--tokens=30", "The little fox"];
    let sampled = success(run(&mut command(&std::env::temp_dir(), "sample", &args))).0;
    let (stdout, _) = session(&args, "");
    assert!(stdout.starts_with(format!("The little fox{sampled}").trim_end()), "{stdout}");
}

#[test]
fn a_turn_ends_with_a_sentence() {
    // Whatever seed: after one token of its own, or 5, or 20, at most 40 more bring the storybook to the end of a sentence, nearly
    // always. What comes next begins the next one.
    let mut n_sentences = 0;
    for n_tokens in ["1", "5", "20"] {
        for seed in ["1", "2", "3"] {
            let args = ["--tokens", n_tokens, "--seed", seed, "The fox and the bear"];
            let (stdout, stderr) = session(&args, "");
            let end = stdout.trim_end().trim_end_matches(['"', '\'']);
            let is_sentence = end.ends_with(['.', '!', '?']);
            n_sentences += usize::from(is_sentence || stderr.contains("the model ended its text"));
        }
    }
    assert!(n_sentences >= 7, "{n_sentences} of 9");
    // A stop text still ends a turn, also in what is written after its tokens.
    let whole = piece(&storybook::load(), "The fox", 1, sampler(42));
    let (before, word) = whole.trim_end_matches(|c: char| !c.is_alphanumeric()).rsplit_once(' ').unwrap();
    let (first, _) = whole.split_once(&format!(" {word}")).unwrap();
    assert!(first.len() <= before.len());
    let (stdout, stderr) = session(&["--tokens=1", "--stop", &format!(" {word}")], "The fox\n");
    assert_eq!(stdout, lines_of(&[&format!("The fox{first}")]));
    assert!(stderr.contains("a stop text ended the turn"), "{stderr}");
}

#[test]
fn a_model_that_is_given_nothing_begins_the_story() {
    let story = storybook::load();
    let ids = turn_after(&story, &story.end_ids, 12, sampler(42));
    let expected = lines_of(&[&story.tokenizer.as_ref().unwrap().decode(&ids).unwrap()]);
    assert_eq!(session(&["--tokens=12"], "\n").0, expected);
    assert_eq!(session(&["--tokens=12"], ":more\n").0, expected);
    assert_eq!(session(&["--tokens=12", ""], "").0, expected);
    assert_eq!(session(&[], "").0, "");
}

#[test]
fn what_the_model_writes_is_there_before_the_next_line_is_read() {
    let mut command = command(&std::env::temp_dir(), "story", &["--tokens=5"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let story = storybook::load();
    let first = format!("The fox{}", piece(&story, "The fox", 5, sampler(42)));
    stdin.write_all(b"The fox\n").unwrap();
    let mut read = vec![0; first.len()];
    stdout.read_exact(&mut read).unwrap(); // would wait for ever if it came only at the end
    assert_eq!(read, first.as_bytes());
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_text_that_the_model_ended_goes_on() {
    let dir = scratch("story-ended");
    let mut story = storybook::load();
    let tokenizer = story.tokenizer.as_ref().unwrap();
    // The storybook, told that its fourth token ends the text.
    let ids = greedy(&story.model, &tokenizer.encode("The little fox"), &[]).unwrap().take(4);
    let ids: Vec<u32> = ids.map(|id| id.unwrap()).collect();
    assert!(!ids[..3].contains(&ids[3]));
    checkpoint::save(&dir, &story.model, story.tokenizer.as_ref(), Dtype::F16).unwrap();
    for file in ["config.json", "generation_config.json"] {
        let Ok(config) = fs::read_to_string(dir.join(file)) else { continue };
        let end = format!("\"eos_token_id\": {}", story.end_ids[0]);
        fs::write(dir.join(file), config.replace(&end, &format!("\"eos_token_id\": {}", ids[3]))).unwrap();
    }
    story.end_ids = vec![ids[3]];
    let mut text = "The little fox".to_string();
    text += &tokenizer.decode(&ids[..3]).unwrap();
    text = joined(&text, "One day");
    text += &piece(&story, &text, 6, Sampler::greedy());
    let args = ["--model=.", "--tokens=6", "--temperature=0"];
    let (stdout, stderr) = session_in(&dir, &args, "The little fox\nOne day\n");
    assert_eq!(stdout, lines_of(&[&text]));
    assert!(stderr.starts_with("[the model ended its text"), "{stderr}");
    fs::remove_dir_all(&dir).unwrap();
}
