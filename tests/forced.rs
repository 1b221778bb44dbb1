//! What other programs computed is computed here with every instruction set and any number of threads.
//!
//! The comparisons with PyTorch, `transformers`, the sixty lines and measured slopes use the best instructions of this
//! machine. A reader may have another one. That is why this program contains those tests too, and runs itself once for
//! each choice, in processes that the environment tells what to do: `GPT60_INSTRUCTIONS` and `GPT60_THREADS`.

#![allow(clippy::duplicate_mod)] // two of them use `common`

#[path = "autocast.rs"]
mod autocast;
#[path = "gradients.rs"]
mod gradients;
#[path = "pytorch.rs"]
mod pytorch;
#[path = "sixty_lines.rs"]
mod sixty;
#[path = "transformers.rs"]
mod transformers;

use gpt60::kernels::cpu::{Level, detected, level};
use gpt60::kernels::threads;
use std::io::Write;
use std::process::Command;

/// Each level with its name in the environment.
const LEVELS: [(&str, Level); 3] = [("baseline", Level::Baseline), ("avx2", Level::Avx2), ("avx512", Level::Avx512)];

/// Runs the tests of this program whose names contain one of `tests`, with this environment. Fails if one fails;
/// returns the names of those that passed.
fn run(tests: &[&str], instructions: &str, n_threads: &str) -> Vec<String> {
    let mut program = Command::new(std::env::current_exe().unwrap());
    program.args(tests).env("GPT60_INSTRUCTIONS", instructions).env("GPT60_THREADS", n_threads);
    let output = program.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "GPT60_INSTRUCTIONS={instructions} GPT60_THREADS={n_threads}\n{text}{errors}");
    let names = text.lines().filter_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... ok"));
    names.map(str::to_string).collect()
}

/// In an ordinary run this tests the defaults; in the runs that [`run`] starts, it tests the choice.
#[test]
fn what_the_environment_says_is_in_force() {
    let asked = std::env::var("GPT60_INSTRUCTIONS").unwrap_or_default();
    let asked = LEVELS.iter().find(|(name, _)| *name == asked);
    assert_eq!(level(), asked.map_or(detected(), |(_, level)| *level.min(&detected())));
    if let Some(n) = std::env::var("GPT60_THREADS").ok().and_then(|n| n.parse().ok()) {
        assert_eq!(threads::count(), n);
    }
}

#[test]
fn a_request_that_cannot_be_met_counts_as_none() {
    // "avx512" may or may not be available: the test that runs knows what to expect.
    for asked in ["baseline", "avx2", "avx512", "mmx", "AVX2", ""] {
        assert_eq!(run(&["what_the_environment"], asked, "3"), ["what_the_environment_says_is_in_force"]);
    }
}

#[test]
fn the_fixtures_hold_with_every_instruction_set_and_number_of_threads() {
    let tests = ["autocast::", "gradients::", "pytorch::", "sixty::", "transformers::", "what_the_environment"];
    for (name, level) in LEVELS {
        if level > detected() {
            // Not with `eprintln!`, which the test runner captures.
            let _ = writeln!(std::io::stderr(), "not tested: this processor has no {level:?}");
            continue;
        }
        for n_threads in ["1", "2", "5"] {
            let passed = run(&tests, name, n_threads);
            for test in tests {
                assert!(passed.iter().any(|name| name.starts_with(test)), "{test} is missing in {passed:?}");
            }
        }
    }
}
