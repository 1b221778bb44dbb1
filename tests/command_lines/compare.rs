//! `compare`: every way to choose a token, and a person.

use crate::example;
use crate::examples::{command, error_of, run, scratch, success};
use gpt60::checkpoint::{self, Dtype};
use gpt60::storybook;
use std::fs;

#[test]
fn compare_measures_every_way_and_a_person() {
    let (stdout, _) = success(example("compare", &["--tokens", "8", "--answers", "2"]));
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!(lines.len(), 12, "{stdout}");
    let figures = |name: &str| -> Vec<f64> {
        let line = lines.iter().find(|line| line.starts_with(name)).expect(name);
        line[26..].split_whitespace().map(|word| word.parse().unwrap()).collect()
    };
    // No choice is less certain than an even one among all tokens; and greedy choice surprises less than any draw can.
    assert!(lines[1..].iter().all(|line| figures(&line[..26]).len() == 4));
    let entropy_of_all = (storybook::load().model.config.n_vocab as f64).ln();
    assert!((0.0..entropy_of_all).contains(&figures("a person")[0]));
    assert!(figures("greedy ")[1] < figures("all probabilities")[1]);
    let dir = scratch("compare");
    checkpoint::save(&dir, &storybook::load().model, None, Dtype::F16).unwrap();
    assert!(error_of(run(&mut command(&dir, "compare", &["--model", "."])), 1).contains("vocabulary"));
    fs::remove_dir_all(&dir).unwrap();
}
