//! `bench`: lines that a script can read, and no file left behind.

use crate::QUICK_BENCH;
use crate::examples::{command, run, scratch, success};
use std::fs;
use std::path::Path;

/// A command that runs the quick bench with `temporary` as the directory for temporary files.
fn quick_bench(temporary: &Path) -> std::process::Command {
    let mut command = command(temporary.parent().unwrap(), "bench", &QUICK_BENCH);
    command.env("TMPDIR", temporary).env("TMP", temporary); // on Unix, on Windows
    command
}

#[test]
fn bench_prints_name_value_and_unit_and_leaves_no_file_behind() {
    let dir = scratch("bench");
    let (stdout, _) = success(run(&mut quick_bench(&dir)));
    let lines: Vec<Vec<&str>> = stdout.lines().map(|line| line.split(' ').collect()).collect();
    let names_and_units: Vec<(&str, &str)> = lines.iter().map(|words| (words[0], words[2])).collect();
    // Writing with every kind of weights, reading and training with those for which there may be instructions.
    let expected = [
        ("decode_f32_tok_s", "tok/s"),
        ("decode_bf16_tok_s", "tok/s"),
        ("decode_int8_tok_s", "tok/s"),
        ("decode_int4_tok_s", "tok/s"),
        ("prefill32_last_ms", "ms"), // half of the context of 64 tokens
        ("prefill64_all_ms", "ms"),
        ("prefill32_last_bf16_ms", "ms"),
        ("prefill64_all_bf16_ms", "ms"),
        ("prefill32_last_int8_ms", "ms"),
        ("prefill64_all_int8_ms", "ms"),
        ("train_four_ms", "ms"),
        ("train_four_bf16_ms", "ms"),
        ("load_ms", "ms"),
    ];
    assert_eq!(names_and_units, expected, "{stdout}");
    for words in &lines {
        let value: f64 = words[1].parse().unwrap();
        assert!(words.len() == 3 && value > 0.0 && value.is_finite(), "{words:?}");
    }
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn bench_names_the_place_where_it_cannot_write_before_it_measures() {
    let dir = scratch("bench-nowhere");
    let output = run(&mut quick_bench(&dir.join("nowhere")));
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    let stderr = String::from_utf8(output.stderr).unwrap();
    let last = stderr.lines().last().unwrap();
    assert!(output.status.code() == Some(1) && last.starts_with("error: ") && last.contains("nowhere"), "{stderr}");
    fs::remove_dir_all(&dir).unwrap();
}
