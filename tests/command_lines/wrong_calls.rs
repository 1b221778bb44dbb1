//! What every example answers to a wrong call or an impossible request: one line that names the remedy, and a status.

use crate::examples::{command, error_of, run, scratch};
use crate::{example, helps, numbers};
use gpt60::checkpoint::{self, Dtype};
use gpt60::tokenizer::Tokenizer;
use gpt60::{Config, Gpt2, Rng, storybook};
use std::fs;
use std::io::Write;

#[test]
fn a_wrong_call_is_one_line_and_status_2() {
    for (name, help) in helps() {
        assert!(error_of(example(&name, &["--no-such-flag"]), 2).contains("--no-such-flag"));
        if help.contains("\n  --model DIR") {
            assert!(error_of(example(&name, &["--model"]), 2).contains("--model DIR"));
        }
    }
    let wrong: &[(&str, &[&str])] = &[
        ("greedy", &["--tokens", "many"]),
        ("greedy", &["--tokens", "-1"]),
        ("greedy", &["--ids", "5 x"]),
        ("greedy", &["--ids", "-1"]),
        ("greedy", &["--ids", "5", "text"]),
        ("greedy", &["two", "words"]),
        ("sample", &["--temperature", "nan"]),
        ("sample", &["--temperature", "-1"]),
        ("sample", &["--seed", "x"]),
        ("sample", &["--seed", "-1"]),
        ("sample", &["--top-k", "-1"]),
        ("sample", &["--top-k", "1.5"]),
        ("sample", &["--top-p", "1.01"]),
        ("sample", &["--top-p", "-0.1"]),
        ("sample", &["--top-p", "nan"]),
        ("sample", &["--min-p", "1.01"]),
        ("sample", &["--min-p", "nan"]),
        ("sample", &["--typical-p", "0"]),
        ("sample", &["--typical-p", "1.01"]),
        ("sample", &["--epsilon-cutoff", "1"]),
        ("sample", &["--epsilon-cutoff", "-0.1"]),
        ("sample", &["--min-tokens", "-1"]),
        ("sample", &["--stop", ""]),
        ("greedy", &["--stop", "a", "--stop", ""]),
        ("beam", &["--stop", ""]),
        ("story", &["--stop", ""]),
        ("beam", &["--min-p", "0.1"]),
        ("logits", &["--typical-p", "nan"]),
        ("sample", &["--repetition-penalty", "0"]),
        ("sample", &["--repetition-penalty", "inf"]),
        ("sample", &["--no-repeat-ngram", "-2"]),
        ("sample", &["--count", "0"]),
        ("sample", &["--count", "-1"]),
        ("sample", &["--count", "18446744073709551616"]),
        ("sample", &["--count", "2", "--show"]),
        ("sample", &["--show=1"]),
        ("sample", &["--stats=1"]),
        ("sample", &["--width", "wide"]),
        ("logits", &["--temperature", "inf"]),
        ("logits", &["--top-p", "2"]),
        ("story", &["--tokens", "10001"]),
        ("story", &["two", "words"]),
        ("logits", &["--raw", "--probs"]),
        ("beam", &["--beams", "0"]),
        ("beam", &["--beams", "3", "--count", "4"]),
        ("beam", &["--beams", "100000000000"]),
        ("beam", &["--length-penalty", "nan"]),
        ("beam", &["--length-penalty", "11"]),
        ("beam", &["--early-stopping", "soon"]),
        ("beam", &["--top-k", "5"]),
        ("beam", &["--sample", "--temperature", "0"]),
        ("beam", &["--sample", "--temperature", "1e-45"]),
        ("compare", &["--tokens", "0"]),
        ("compare", &["--answers", "0"]),
        ("logits", &["--raw=1"]),
        ("perplexity", &[]),
        ("train", &[]),
        ("train", &["text.txt", "--lr", "fast"]),
        ("train", &["--resume", "dir", "--lr", "0.1"]),
        ("train", &["--resume", "dir", "--precision", "bf16"]),
        ("train", &["--resume", "dir", "--steps", "0"]),
        ("train", &["text.txt", "--new-text"]),
        ("train", &["text.txt", "--valid-every", "3"]),
        ("export", &[]),
        ("export", &["dir", "--dtype", "f64"]),
        ("tokenize", &["--decode", "--show"]),
        ("tokenize", &["--storybook", "--model", "dir"]),
        ("tokenize", &["text"]),
        ("attention", &["--head", "first"]),
        ("embeddings", &["--count", "x"]),
        ("embeddings", &["--differences", " man woman"]),
        ("explore", &["--out", ""]),
        ("explore", &["--out"]),
        ("gradients", &["--step", "0"]),
        ("layers", &["1 2 x"]),
        ("judge", &["--count", "0"]),
        ("judge", &["--count", "201"]),
        ("judge", &["--tokens", "0"]),
        ("judge", &["--count", "2", "--show", "3"]),
        ("judge", &["--top-p", "2"]),
        ("judge", &["--weights", "f64"]),
        ("judge", &["a text"]),
        ("bench", &["--shape", "125M"]),
        ("bench", &["--shape", ""]),
        ("bench", &["--weights", "f64"]),
        ("bench", &["--threads", "0"]),
        ("bench", &["--threads", "257"]),
        ("bench", &["--runs", "0"]),
        ("bench", &["--plain=1"]),
        ("bench", &["124M"]),
        ("bench", &["--shape", "four", "--text", "Cargo.toml"]),
        ("exercises", &["no-such-command"]),
        ("exercises", &["check", "no-such-exercise"]),
        ("exercises", &["hint"]),
    ];
    for (name, args) in wrong {
        error_of(example(name, args), 2);
    }
}

#[test]
fn an_impossible_request_is_one_line_and_status_1() {
    let dir = scratch("requests");
    let zeros = |n: usize| vec!["0"; n].join(" ");
    for (name, help) in helps() {
        let operand: &[&str] = match name.as_str() {
            "export" => &["out"],
            "perplexity" => &["text.txt"],
            _ => &[],
        };
        if help.contains("\n  --model DIR") {
            let args = [&["--model", "no-such-model"], operand].concat();
            assert!(error_of(run(&mut command(&dir, &name, &args)), 1).contains("no-such-model"));
            assert!(!dir.join("out").exists());
        }
        if help.contains("\n  --ids ") {
            // The storybook's context is 256.
            let error = error_of(run(&mut command(&dir, &name, &["--ids", &zeros(257)])), 1);
            assert!(error.contains("257") && error.contains("256"), "{name}: {error}");
            assert!(error_of(run(&mut command(&dir, &name, &["--ids", "999999"])), 1).contains("999999"));
            assert!(error_of(run(&mut command(&dir, &name, &["--ids", ""])), 1).contains("empty"));
        }
    }
    assert!(error_of(run(&mut command(&dir, "perplexity", &["no-such-text"])), 1).contains("no-such-text"));
    assert!(error_of(run(&mut command(&dir, "bench", &["--text", "no-such-text"])), 1).contains("no-such-text"));
    fs::write(dir.join("file"), "").unwrap();
    assert!(error_of(run(&mut command(&dir, "export", &["file"])), 1).contains("file"));
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn every_flag_that_takes_a_number_refuses_anything_else() {
    let mut n_flags = 0;
    for (name, help) in helps() {
        for (flag, _) in numbers(&help) {
            let operand: &[&str] = match &*name {
                "train" => &["no-such-text"],
                "export" => &["no-such-directory"],
                _ => &[],
            };
            for value in ["many", "", "99999999999999999999999x"] {
                let error = error_of(example(&name, &[&[&*flag, value], operand].concat()), 2);
                assert!(error.contains(&flag), "{name}: {error}");
            }
            n_flags += 1;
        }
    }
    assert!(n_flags >= 20, "{n_flags}");
}

#[test]
fn absurd_numbers_are_answered_with_a_result_or_with_one_line() {
    // Some hundred calls: two at a time.
    let helps: Vec<(String, String)> = helps().into_iter().collect();
    let n_refused: usize = std::thread::scope(|scope| {
        let turns = [0, 1].map(|first| {
            let helps = &helps;
            scope.spawn(move || refused(&format!("absurd-{first}"), helps.iter().skip(first).step_by(2)))
        });
        turns.into_iter().map(|turn| turn.join().unwrap()).sum()
    });
    assert!(n_refused > 100, "{n_refused}");
}

/// How many absurd numbers these examples refuse. Each answer is a result, or one line.
fn refused<'a>(scratch_name: &str, helps: impl Iterator<Item = &'a (String, String)>) -> usize {
    let dir = scratch(scratch_name);
    fs::write(dir.join("text.txt"), "The fox ran away. ".repeat(40)).unwrap();
    // Most examples take a model: a tiny one reads and writes sooner than the storybook.
    let tokenizer = Tokenizer::learn("", 257).unwrap();
    let tiny = Gpt2::random(&Config::new(257, 256, 8, 2, 2), &mut Rng::new(1)).unwrap();
    checkpoint::save(dir.join("tiny"), &tiny, Some(&tokenizer), Dtype::F32).unwrap();
    let absurd =
        ["0", "-1", "-0", "1e99", "1e-99", "NaN", "inf", "-inf", "0.5", "18446744073709551615", "99999999999999999999"];
    let mut n_refused = 0;
    for (name, help) in helps {
        for (flag, _) in numbers(help) {
            for value in absurd {
                // A huge number of training steps or answers, or of tokens without a cache, is not a mistake, but the test
                // cannot wait for it.
                let long = match flag.as_str() {
                    "--steps" => ["train", "one_page"].contains(&name.as_str()),
                    "--tokens" => ["greedy_mine", "sixty_lines"].contains(&name.as_str()),
                    flag => flag == "--count" && name == "sample",
                };
                if long && value.len() > 4 {
                    continue;
                }
                let mut args = vec![flag.as_str(), value];
                if help.contains("\n  --model DIR") {
                    args.extend(["--model", "tiny"]);
                }
                match name.as_str() {
                    "train" => args.extend(["text.txt", "--out", "out"]),
                    "perplexity" => args.push("text.txt"),
                    "export" => args.push("out"),
                    "judge" if flag != "--count" => args.extend(["--count", "1"]),
                    "compare" if flag == "--tokens" => args.extend(["--answers", "1"]),
                    "bench" => args.extend(["--plain", "--shape", "four"]),
                    "ladder" if flag == "--seed" => args.extend(["--steps", "20", "--runs", "1"]),
                    _ => {}
                }
                // Two tokens, unless their number is what is absurd.
                if flag != "--tokens" && help.contains("--tokens N") {
                    args.extend(["--tokens", "2"]);
                }
                // A tiny model, unless its size is what is absurd.
                if name == "train" {
                    for (flag, small) in [("--steps", "1"), ("--n-layer", "1"), ("--n-embd", "6"), ("--n-ctx", "8")] {
                        if !args.contains(&flag) {
                            args.extend([flag, small]);
                        }
                    }
                }
                let output = run(&mut command(&dir, name, &args));
                let _ = fs::remove_dir_all(dir.join("out"));
                match output.status.code() {
                    Some(0) => assert!(!value.contains("NaN"), "{name} {args:?}"),
                    Some(status @ (1 | 2)) => {
                        n_refused += 1;
                        let (stdout, stderr) = (&output.stdout, String::from_utf8_lossy(&output.stderr));
                        let last = stderr.lines().last().unwrap_or_default();
                        assert!(last.starts_with("error: "), "{name} {args:?}: {stderr}");
                        assert!(stdout.is_empty() && !stderr.contains("panicked"), "{name} {args:?}: {stderr}");
                        assert!(status == 1 || stderr.lines().count() == 1, "{name} {args:?}: {stderr}");
                    }
                    other => {
                        panic!("{name} {args:?} ended with {other:?}: {}", String::from_utf8_lossy(&output.stderr))
                    }
                }
            }
        }
    }
    fs::remove_dir_all(&dir).unwrap();
    n_refused
}

#[test]
fn every_example_with_a_model_names_a_directory_that_it_cannot_read() {
    let dir = scratch("unreadable");
    fs::write(dir.join("a-file"), "no directory").unwrap();
    fs::create_dir_all(dir.join("empty")).unwrap();
    fs::create_dir_all(dir.join("odd/config.json")).unwrap();
    checkpoint::save(dir.join("locked"), &storybook::load().model, None, Dtype::F16).unwrap();
    let mut names = vec!["a-file", "empty", "odd"];
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let file = dir.join("locked/model.safetensors");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
        match fs::File::open(&file) {
            Err(_) => names.push("locked"),
            Ok(_) => {
                // Not with `eprintln!`, which the test runner captures.
                let _ = writeln!(std::io::stderr(), "not tested: the user of this test may read every file");
            }
        }
    }
    for (name, _) in helps().into_iter().filter(|(_, help)| help.contains("\n  --model DIR")) {
        for model in &names {
            let operand: &[&str] = match name.as_str() {
                "export" => &["out"],
                "perplexity" => &["a-file"],
                _ => &[],
            };
            let error = error_of(run(&mut command(&dir, &name, &[&["--model", model], operand].concat())), 1);
            assert!(error.contains(model), "{name}: {error}");
        }
    }
    fs::remove_dir_all(&dir).unwrap();
}
