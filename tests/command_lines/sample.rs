//! `sample`: seeds, several answers, and what `--show` and `--stats` say about them.

use crate::example;
use crate::examples::{command, run, scratch, success};
use gpt60::checkpoint::{self, Dtype};
use gpt60::generate::{Sampler, statistics::Statistics};
use gpt60::{Config, Gpt2, Rng, storybook};
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

#[test]
fn the_same_seed_gives_the_same_text() {
    let sample = |args: &[&str]| success(example("sample", &[&["--tokens", "30"], args].concat())).0;
    assert_eq!(sample(&["--seed", "7"]), sample(&["--seed", "7"]));
    assert_ne!(sample(&["--seed", "7"]), sample(&["--seed", "8"]));
    // The coldest possible: a score divided by this number is infinite.
    assert_eq!(sample(&["--temperature", "1e-45"]), success(example("greedy", &["--tokens", "30"])).0);
}

/// The lines that `sample --count` should print for these seeds, from separate runs.
fn one_by_one(seeds: std::ops::Range<u64>, args: &[&str]) -> String {
    let text = |seed: u64| success(example("sample", &[&["--seed", &seed.to_string()], args].concat())).0;
    let line = |text: String| text.strip_suffix('\n').unwrap().replace('\n', "\\n") + "\n";
    seeds.map(|seed| line(text(seed))).collect()
}

#[test]
fn several_answers_are_those_of_the_seeds_from_the_first_on_a_line_each() {
    let args = ["--tokens", "60", "--temperature", "0.9", "--top-p", "0.95", "Once upon a time"];
    let (stdout, stderr) = success(example("sample", &[&["--count", "18", "--seed", "5"], &args[..]].concat()));
    assert_eq!(stdout.lines().count(), 18);
    assert_eq!(stdout, one_by_one(5..23, &args));
    assert!(stdout.contains("\\n"), "{stdout}"); // some answer has a line break
    assert!(stderr.starts_with("Once upon a time\n["), "{stderr}");
    // Ids; and answers without a token.
    let args = ["--tokens", "5", "--ids", "5 17 3"];
    let (stdout, _) = success(example("sample", &[&["--count", "3", "--seed", "5"], &args[..]].concat()));
    assert_eq!(stdout, one_by_one(5..8, &args));
    assert_eq!(success(example("sample", &["--count", "3", "--tokens", "0"])).0, "\n\n\n");
    // After the last seed comes 0.
    let last = u64::MAX.to_string();
    let (stdout, _) = success(example("sample", &["--count", "2", "--tokens", "5", "--seed", &last]));
    assert_eq!(stdout.split_once('\n').unwrap().1, one_by_one(0..1, &["--tokens", "5"]));
}

#[test]
fn a_million_answers_begin_at_once_and_end_with_their_reader() {
    for count in ["1000000", "18446744073709551615"] {
        let mut command = command(&std::env::temp_dir(), "sample", &["--tokens", "3", "--count", count]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let read: Vec<String> = lines.by_ref().take(20).map(|line| line.unwrap()).collect();
        assert_eq!(read.len(), 20);
        drop(lines);
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "Once upon a time\n");
        assert!(output.status.success());
    }
}

#[test]
fn show_prints_a_table_for_each_token_and_changes_no_answer() {
    let args = ["--tokens", "6", "--top-p", "0.8", "--top-k", "30", "--width", "70"];
    let (stdout, stderr) = success(example("sample", &[&args[..], &["--show"]].concat()));
    assert_eq!(stdout, success(example("sample", &args)).0);
    assert!(stderr.lines().all(|line| line.chars().count() <= 70 || line.starts_with('[')), "{stderr}");
    let tables = stderr.lines().filter(|line| line.trim_start().starts_with("id ")).count();
    let chosen: Vec<&str> = stderr.lines().filter_map(|line| line.strip_prefix('>')).collect();
    assert_eq!((tables, chosen.len()), (6, 6), "{stderr}");
    // The marked tokens are the ones that were written.
    let marked: Vec<u32> = chosen.iter().map(|line| line.split_whitespace().next().unwrap().parse().unwrap()).collect();
    let text = storybook::load().tokenizer.unwrap().decode(&marked).unwrap();
    assert_eq!(text + "\n", stdout);
    assert!(chosen.iter().all(|line| !line.contains("removed")), "{stderr}");
    assert!(stderr.contains("top-k    top-p  token") && stderr.contains("removed"), "{stderr}");
    // The line ends as a text without --show does.
    assert!(stderr.contains("[6 tokens, "), "{stderr}");

    // A table says why no token is left, and everything written until then is printed.
    let dir = scratch("nothing-left");
    let model = Gpt2::random(&Config::new(3, 8, 4, 2, 1), &mut Rng::new(1)).unwrap();
    checkpoint::save(&dir, &model, None, Dtype::F32).unwrap();
    let picky = ["--model", ".", "--ids", "0", "--no-repeat-ngram", "1", "--show"];
    let output = run(&mut command(&dir, "sample", &picky));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains("removed") && stderr.lines().last().unwrap().starts_with("error: "), "{stderr}");
    let written = String::from_utf8(output.stdout).unwrap();
    assert!(["1 2", "2 1"].contains(&&*written), "{written}");
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn show_and_stats_do_not_mind_when_nobody_reads() {
    for flag in ["--show", "--stats"] {
        let mut command = command(&std::env::temp_dir(), "sample", &["--tokens", "20", flag]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        drop(child.stderr.take());
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn stats_measures_what_was_written() {
    let story = storybook::load();
    let tokenizer = story.tokenizer.as_ref().unwrap();
    let prompt = tokenizer.encode("The little fox");
    let expected = |seed: u64| {
        let ids = story.model.generate(&prompt, Sampler::new(seed)).unwrap().until(&story.end_ids).take(30);
        let ids: Vec<u32> = ids.map(|id| id.unwrap()).collect();
        format!("[{}]", Statistics::measure(&story.model, &prompt, &ids).unwrap())
    };
    let stats = |args: &[&str]| -> Vec<String> {
        let (_, stderr) =
            success(example("sample", &[&["--tokens", "30", "--stats", "The little fox"], args].concat()));
        stderr.lines().filter(|line| line.contains("entropy")).map(str::to_string).collect()
    };
    assert_eq!(stats(&[]), [expected(42)]);
    assert_eq!(stats(&["--show"]), [expected(42)]);
    assert_eq!(stats(&["--count", "2"]), [expected(42), expected(43)]);
    assert_eq!(stats(&["--tokens", "0"]), [""; 0]); // nothing was written
}
