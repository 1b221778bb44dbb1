//! What the examples promise on the command line: help, one-line errors, nothing but results on standard output, quiet
//! ends.
//!
//! The examples run here as a person runs them, in processes of their own. `help`, `wrong_calls`, `endings`, `numbers`,
//! `unheeded` and `text_files` test what all of them promise; every other file is about the example that it is named after,
//! and `stopping` about `train`.

#[path = "../common/examples.rs"]
mod examples;
#[allow(dead_code)] // for its own tests
#[path = "../../examples/train/vocabulary.rs"]
mod vocabulary;

mod attention;
mod beam;
mod bench;
mod compare;
mod embeddings;
mod endings;
mod export;
mod greedy;
mod greedy_mine;
mod help;
mod inspect;
mod judge;
mod logits;
mod numbers;
mod one_page;
mod perplexity;
mod refusals;
mod sample;
mod stopping;
mod stops;
mod text_files;
mod tokenize;
mod train;
mod unheeded;
mod wrong_calls;

use examples::{command, run, success};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Output;

/// The example that runs the reader's own functions. As long as they are not written, it can only say so.
const UNWRITTEN: &str = "greedy_mine";

/// The shortest work that `bench` does: one run of each measurement of its smallest model.
const QUICK_BENCH: [&str; 5] = ["--plain", "--shape", "four", "--runs", "1"];

/// Each example with the text of its `--help`.
fn helps() -> BTreeMap<String, String> {
    let examples = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")).unwrap();
    let names = examples.filter_map(|entry| {
        let path = entry.unwrap().path();
        let is_rust = path.extension().is_some_and(|ending| ending == "rs");
        is_rust.then(|| path.file_stem().unwrap().to_str().unwrap().to_string())
    });
    names.map(|name| (name.clone(), one_line_a_flag(&success(example(&name, &["--help"])).0))).collect()
}

/// A help text in which the use, and what a flag means, are on one line, however long. (Their lines go on below their
/// beginning.)
fn one_line_a_flag(help: &str) -> String {
    let mut joined = String::new();
    for line in help.lines() {
        let is_long = |last: &str| last.starts_with("  --") || last.starts_with("Use: ");
        let goes_on = line.starts_with("     ") && joined.lines().last().is_some_and(is_long);
        if goes_on {
            joined.truncate(joined.trim_end().len());
            joined += &format!(" {}\n", line.trim());
        } else {
            joined += &format!("{line}\n");
        }
    }
    joined
}

/// Runs an example to its end.
fn example(name: &str, args: &[&str]) -> Output {
    run(&mut command(&std::env::temp_dir(), name, args))
}

fn spaced(ids: &[u32]) -> String {
    ids.iter().map(u32::to_string).collect::<Vec<_>>().join(" ")
}

/// The flags in a help text that take a number: their names and their defaults.
fn numbers(help: &str) -> Vec<(String, String)> {
    let lines = help.lines().filter_map(|line| line.strip_prefix("  --"));
    let words = lines.map(|line| (line, line.split_whitespace().collect::<Vec<_>>()));
    let numbers = words.filter(|(_, words)| ["N", "X", "T", "P"].contains(&words[1]));
    let default = |line: &str| line.split("(default: ").nth(1).unwrap().trim_end_matches(')').to_string();
    numbers.map(|(line, words)| (format!("--{}", words[0]), default(line))).collect()
}
