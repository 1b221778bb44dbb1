//! `train`, stopped after some seconds: little is lost, and what is lost is said. And what is said before the first step.

use crate::examples::{command, error_of, run, scratch, success};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// Starts `train` in `dir`, which has a text, with these flags.
fn start(dir: &Path, args: &str) -> Child {
    let mut command = command(dir, "train", &args.split(' ').collect::<Vec<_>>());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Ends a program as the mains would.
fn stop(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// A directory with a text.
fn directory(name: &str) -> std::path::PathBuf {
    let dir = scratch(name);
    fs::write(dir.join("text.txt"), "the fox and the moon ".repeat(40)).unwrap();
    dir
}

/// A run of steps that take about a millisecond, which nobody waits for, and which is not saved for its number of steps.
const ENDLESS: &str =
    "text.txt --n-layer 1 --n-head 2 --n-embd 8 --n-ctx 16 --batch 2 --steps 100000000 --save-every 100000000";

/// The line with `wanted` that a program says before its first step. The program is then stopped.
fn line_before_first_step(mut child: Child, wanted: &str) -> String {
    let mut said = String::new();
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        let line = line.unwrap();
        if line.contains(wanted) {
            stop(child);
            return line;
        }
        said += &format!("{line}\n");
        if line.starts_with("step ") {
            break;
        }
    }
    stop(child);
    panic!("{wanted:?} was not said: {said}");
}

/// The steps that have a whole line in the file of losses.
fn n_made(dir: &Path) -> usize {
    let losses = fs::read_to_string(dir.join("out/loss.txt")).unwrap_or_default();
    losses.matches('\n').count().saturating_sub(1)
}

/// Goes on with a run of which `n_made` steps have been made, and checks what is said. Returns how many were kept.
fn go_on(dir: &Path, n_made: usize) -> usize {
    let line = line_before_first_step(start(dir, "--resume out"), "going on after step ");
    let kept = line.strip_prefix("going on after step ").unwrap().split(':').next().unwrap().parse().unwrap();
    let lost = match n_made - kept {
        0 => "",
        1 => ": the step after it is made again",
        n => &format!(": the {n} steps after it are made again"),
    };
    assert!(line.starts_with(&format!("going on after step {kept}{lost}")), "{n_made}: {line}");
    kept
}

#[test]
fn who_stops_after_some_seconds_loses_little_and_is_told_what() {
    let dir = directory("stopped");
    // Stopped at once: only what is there at the beginning has been written.
    let child = start(&dir, &format!("{ENDLESS} --out out"));
    while n_made(&dir) < 3 {
        std::thread::sleep(Duration::from_millis(1));
    }
    stop(child);
    go_on(&dir, n_made(&dir));

    // Left alone for as long as it takes: the model is written anew long before a minute is over.
    let model = || fs::read(dir.join("out/model.safetensors")).unwrap();
    let (first, begun) = (model(), Instant::now());
    let child = start(&dir, "--resume out");
    while model() == first {
        assert!(begun.elapsed() < Duration::from_secs(45), "nothing has been written");
        std::thread::sleep(Duration::from_millis(20));
    }
    stop(child);
    assert!(go_on(&dir, n_made(&dir)) > 0);
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_first_step_that_takes_long_is_told_before_it_is_over() {
    let dir = directory("slow");
    let child = start(&dir, "text.txt --out out --batch 2 --n-ctx 64 --accumulate 5000");
    let line = line_before_first_step(child, "the first step takes longer than 5 seconds");
    assert!(line.contains("--accumulate") && line.contains("--batch") && line.contains("--n-ctx"), "{line}");
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_run_whose_state_is_damaged_can_be_begun_anew_from_its_model() {
    let dir = directory("damaged-state");
    let train = |args: &str| run(&mut command(&dir, "train", &args.split(' ').collect::<Vec<_>>()));
    success(train(&format!("{ENDLESS} --steps 2 --out out")));
    let state = fs::read(dir.join("out/training.safetensors")).unwrap();
    fs::write(dir.join("out/training.safetensors"), &state[..state.len() / 2]).unwrap();
    let error = error_of(train("--resume out"), 1);
    assert!(error.contains("training.safetensors") && error.contains("cut short"), "{error}");
    assert!(error.contains("a new one can begin from its model, which is beside this file: --init out)"), "{error}");
    success(train("text.txt --init out --out new --steps 1 --batch 1")); // as it says
    fs::remove_file(dir.join("out/model.safetensors")).unwrap();
    let error = error_of(train("--resume out"), 1);
    assert!(error.contains("cut short") && !error.contains("--init"), "{error}");
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_file_is_no_directory_for_a_run() {
    let dir = directory("file-as-directory");
    let train = |args: &[&str]| error_of(run(&mut command(&dir, "train", args)), 1);
    assert_eq!(train(&["text.txt", "--out", "text.txt"]), "error: text.txt: is a file; --out wants a directory\n");
    let error = train(&["--resume", "text.txt"]);
    assert_eq!(error, "error: text.txt: is a file; --resume wants the directory of a run\n");
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn how_often_the_text_is_read_is_said_at_the_start() {
    let dir = directory("epochs");
    let begin = |args: &str| -> Vec<String> {
        let args = format!("{ENDLESS} {args}");
        let (_, stderr) = success(run(&mut command(&dir, "train", &args.split(' ').collect::<Vec<_>>())));
        stderr.lines().map(str::to_string).collect()
    };
    let lines = begin("--steps 3 --accumulate 2 --out few");
    let n_text: f64 = lines[0].split(", ").last().unwrap().split(' ').next().unwrap().parse().unwrap();
    // A step reads 2 batches of 2 windows of 16 tokens.
    let n = 3.0 * 2.0 * 2.0 * 16.0 / n_text;
    assert!(
        n < 9.9 && lines[1] == format!("3 steps of 64 tokens read the text {n:.1} times in all ({n:.1} epochs)"),
        "{lines:?}"
    );
    assert!(!lines.iter().any(|line| line.contains("by heart")), "{lines:?}");
    let many = (81.0 * n_text / 32.0).ceil();
    let lines = begin(&format!("--steps {many} --out many"));
    assert!(lines[2].contains("fewer --steps (here about ") && lines[2].ends_with("or more text"), "{lines:?}");
    fs::remove_dir_all(&dir).unwrap();
}
