//! `judge`: what is judged is what the model writes alone, and the scores are those of the answers that it shows. The rules
//! themselves are tested in `tests/judge.rs`.

use crate::examples::{command, error_of, run, scratch, success};
use gpt60::checkpoint::{self, Dtype};
use gpt60::storybook;
use std::fs;
use std::path::Path;

fn judge(dir: &Path, args: &[&str]) -> String {
    success(run(&mut command(dir, "judge", args))).0
}

/// A value of `--plain`, and over how many it is.
fn plain(output: &str, column: &str, name: &str) -> (f64, usize) {
    let start = format!("{column} {name} ");
    let line = output.lines().find_map(|line| line.strip_prefix(&start)).unwrap_or_else(|| panic!("{name}: {output}"));
    let (value, of) = line.split_once(' ').unwrap();
    (value.parse().unwrap(), of.parse().unwrap())
}

#[test]
fn an_answer_is_the_one_that_sample_writes_alone() {
    let dir = scratch("judge-alone");
    let shown = judge(&dir, &["--count", "3", "--show", "3", "--tokens", "30", "--seed", "7", "--temperature", "1"]);
    let answers: Vec<&str> = shown.split("=== storybook, prompt ").skip(1).collect();
    assert_eq!(answers.len(), 3, "{shown}");
    for (i, answer) in answers.iter().enumerate() {
        let (prompt, rest) = answer.split_once('\n').unwrap();
        let prompt = prompt.split_once(": ").unwrap().1;
        let seed = (7 + i).to_string();
        let alone =
            success(run(&mut command(&dir, "sample", &["--top-p", "0.95", "--tokens", "30", "--seed", &seed, prompt])));
        assert!(rest.starts_with(alone.0.trim()) && alone.0.trim().len() > 20, "{rest}\n{}", alone.0);
    }
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn the_scores_are_those_of_the_answers_shown() {
    let dir = scratch("judge-scores");
    let args = ["--count", "10", "--tokens", "60", "--plain"];
    let scores = judge(&dir, &args);
    assert_eq!(
        judge(&dir, &[&args[..], &["--temperature", "0.8", "--top-p", "0.95", "--seed", "42", "--show", "0"]].concat()),
        scores
    );
    let shown = judge(&dir, &[&args[..], &["--show", "10"]].concat());
    assert!(shown.ends_with(&scores));
    let said = |what: &str, answer: &str| {
        shown.lines().filter(|line| line.starts_with("  ") && line.contains(what) && line.ends_with(answer)).count()
    };
    for (what, name) in
        [("the name comes back", "the-name-comes-back"), ("the thing comes back", "the-thing-comes-back")]
    {
        let (yes, no) = (said(what, " yes"), said(what, " no"));
        assert!(yes + no > 0, "{shown}");
        assert_eq!(plain(&scores, "storybook", name), ((1e4 * yes as f64 / (yes + no) as f64).round() / 1e4, yes + no));
    }
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn models_and_a_persons_text_stand_side_by_side() {
    let dir = scratch("judge-beside");
    let story = storybook::load();
    checkpoint::save(dir.join("one"), &story.model, story.tokenizer.as_ref(), Dtype::F16).unwrap();
    let mut other = story.model.clone();
    other.ln_f.weight.data_mut().fill(0.0); // every token is as likely as every other
    other.ln_f.bias.data_mut().fill(0.0);
    checkpoint::save(dir.join("other"), &other, story.tokenizer.as_ref(), Dtype::F32).unwrap();
    // The same eight words again and again, a quotation in every other sentence.
    fs::write(dir.join("text.txt"), "The fox ran away. \"Oh!\" said the hen. ".repeat(60)).unwrap();
    let args = ["--model", "one", "--model", "other", "--text", "text.txt", "--count", "4", "--tokens", "80"];
    let table = judge(&dir, &args);
    let head: Vec<&str> = table.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(head, ["one", "other", "a", "person"], "{table}");
    let scores = judge(&dir, &[&args[..], &["--plain"]].concat());
    let (name, n) = plain(&scores, "one", "every-sentence-ends");
    assert!(name > 0.5 && n == 4, "{scores}");
    assert_eq!(plain(&scores, "a-person", "quotations-closed").0, 1.0);
    assert!(plain(&scores, "a-person", "different-words").0 <= 8.0, "{scores}"); // and perhaps a piece of one
    assert!(plain(&scores, "a-person", "repeated-rows-of-four").0 > 0.7, "{scores}");
    assert!(plain(&scores, "other", "different-words").0 > 2.0 * plain(&scores, "a-person", "different-words").0);
    assert!(!scores.contains("a-person the-name"), "{scores}");
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_text_that_cannot_be_judged_is_said_before_anything_is_written() {
    let dir = scratch("judge-refused");
    fs::write(dir.join("short.txt"), "Once upon a time.").unwrap();
    let refused = |args: &[&str]| error_of(run(&mut command(&dir, "judge", args)), 1);
    let error = refused(&["--text", "short.txt"]);
    assert!(error.contains("none is as long as a piece of 200 tokens"), "{error}");
    assert!(refused(&["--text", "no-such-text"]).contains("no-such-text"));
    fs::write(dir.join("latin.txt"), b"caf\xe9").unwrap();
    assert!(refused(&["--text", "latin.txt"]).contains("latin.txt"));
    let story = storybook::load();
    checkpoint::save(dir.join("nameless"), &story.model, None, Dtype::F16).unwrap();
    let error = refused(&["--model", "nameless"]);
    assert!(error.contains("cannot read the prompts"), "{error}");
    fs::remove_dir_all(&dir).unwrap();
}
