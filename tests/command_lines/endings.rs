//! How every example ends: quietly when its reader has left, with an error when its output or its model is damaged.

use crate::examples::{command, error_of, run, scratch, success};
use crate::{QUICK_BENCH, UNWRITTEN, helps};
use gpt60::checkpoint::{self, Dtype};
use gpt60::storybook;
use std::fs;
use std::io::Read;
use std::process::Stdio;

#[test]
fn a_reader_that_has_seen_enough_ends_an_example_quietly() {
    let dir = scratch("pipes");
    fs::write(dir.join("text.txt"), "The fox ran away. ".repeat(20)).unwrap();
    for name in helps().keys().filter(|name| *name != UNWRITTEN) {
        let args: &[&str] = match name.as_str() {
            "perplexity" => &["text.txt"],
            "export" => &["out"],
            "inspect" => &[concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/llm_c/f32.bin")],
            "train" => &["--help"], // otherwise it writes nothing to standard output
            "greedy" | "sample" | "sixty_lines" | "beam" => &["--tokens", "5"],
            "compare" => &["--tokens", "2", "--answers", "1"],
            "ladder" => &["--steps", "20", "--runs", "1"],
            "bench" => &QUICK_BENCH,
            "judge" => &["--count", "2", "--tokens", "5"],
            _ => &[],
        };
        let mut command = command(&dir, name, args);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take()); // nobody reads
        drop(child.stdin.take()); // and nothing comes in
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {stderr}");
        assert!(!stderr.contains("panic") && !stderr.contains("error"), "{name}: {stderr}");
    }
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn with_the_storybook_an_example_says_once_how_to_get_the_real_gpt2() {
    let dir = scratch("advice");
    let ids = ["--ids", "5 17 3"];
    for (name, help) in helps() {
        // `export` and `perplexity` say it too; they are not run here, because they need more than ids.
        if !help.contains("default: the storybook inside") || !help.contains("\n  --ids ") || name == UNWRITTEN {
            continue;
        }
        let (stdout, stderr) = success(run(&mut command(&dir, &name, &ids)));
        assert_eq!(stderr.matches("weights-fetch.sh").count(), 1, "{name}: {stderr}");
        assert!(!stdout.contains("weights-fetch"), "{name}");
    }
    checkpoint::save(&dir, &storybook::load().model, None, Dtype::F16).unwrap();
    let (_, stderr) = success(run(&mut command(&dir, "greedy", &["--model", ".", "--ids", "5 17 3"])));
    assert!(!stderr.contains("weights-fetch"), "{stderr}");
    // Once it is fetched, there is nothing to fetch.
    fs::create_dir_all(dir.join("weights/gpt2")).unwrap();
    fs::rename(dir.join("model.safetensors"), dir.join("weights/gpt2/model.safetensors")).unwrap();
    let (_, stderr) = success(run(&mut command(&dir, "greedy", &ids)));
    assert!(stderr.contains("--model weights/gpt2") && !stderr.contains("weights-fetch"), "{stderr}");
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_reader_that_leaves_in_the_middle_ends_the_example() {
    let mut command = command(&std::env::temp_dir(), "sample", &["--tokens", "250"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdout.take().unwrap().read_exact(&mut [0]).unwrap(); // one byte, and the pipe is dropped
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    // It has not reached its end, where it says how many tokens there were.
    assert_eq!(String::from_utf8_lossy(&output.stderr), "Once upon a time");
}

#[test]
#[cfg(target_os = "linux")] // Linux has a disk that is always full
fn a_full_disk_is_an_error() {
    for name in ["tensors", "logits"] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut command = command(&std::env::temp_dir(), name, &[]);
        let child = command.stdin(Stdio::null()).stdout(full).stderr(Stdio::piped()).spawn().unwrap();
        assert!(error_of(child.wait_with_output().unwrap(), 1).contains("standard output"));
    }
}

#[test]
fn weights_that_are_not_numbers_are_an_error_on_a_line_of_its_own() {
    let dir = scratch("damaged");
    let mut story = storybook::load();
    for (_, tensor) in story.model.parameters_mut().unwrap() {
        tensor.data_mut().fill(3e38); // numbers, but their sums are none
    }
    checkpoint::save(&dir, &story.model, story.tokenizer.as_ref(), Dtype::F32).unwrap();
    for name in ["greedy", "sample", "sixty_lines"] {
        let output = run(&mut command(&dir, name, &["--model", "."]));
        let (stdout, stderr) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert_eq!((output.status.code(), stdout.as_str()), (Some(1), ""), "{name}: {stderr}");
        let lines: Vec<&str> = stderr.lines().collect();
        assert!(
            lines.len() == 2 && lines[0] == "Once upon a time" && lines[1].starts_with("error: "),
            "{name}: {stderr}"
        );
    }
    fs::remove_dir_all(&dir).unwrap();
}
