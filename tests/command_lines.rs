//! What the examples promise on the command line: help, errors of one line, results alone on standard output, quiet ends.
//!
//! The examples run here as a person runs them, in processes of their own.

#[path = "common/examples.rs"]
mod examples;

use examples::{command, error_of, run, run_with_input, scratch, success};
use gpt60::checkpoint::{Dtype, hugging_face};
use gpt60::generate::{BeamSearch, Sampler, greedy, statistics::Statistics};
use gpt60::tokenizer::Tokenizer;
use gpt60::{Config, Gpt2, Rng, Tensor, storybook};
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Output, Stdio};

/// The example that runs the reader's own functions. As long as they are not written, it can only say so.
const UNWRITTEN: &str = "greedy_mine";

/// The shortest work that `bench` does: one run of each measurement of its smallest model.
const QUICK_BENCH: [&str; 5] = ["--plain", "--shape", "four", "--runs", "1"];

/// Flags with a value that have no default: without them, there is nothing of the kind.
const WITHOUT_DEFAULT: [&str; 3] = ["--ids", "--resume", "--valid"];

/// Each example with the text of its `--help`.
fn helps() -> BTreeMap<String, String> {
    let examples = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")).unwrap();
    let names = examples.filter_map(|entry| {
        let path = entry.unwrap().path();
        let is_rust = path.extension().is_some_and(|ending| ending == "rs");
        is_rust.then(|| path.file_stem().unwrap().to_str().unwrap().to_string())
    });
    names.map(|name| (name.clone(), success(example(&name, &["--help"])).0)).collect()
}

/// Runs an example to its end.
fn example(name: &str, args: &[&str]) -> Output {
    run(&mut command(&std::env::temp_dir(), name, args))
}

/// The ids that greedy generation gives.
fn greedy_ids(model: &Gpt2, prompt: &[u32], end_ids: &[u32], n: usize) -> Vec<u32> {
    greedy(model, prompt, end_ids).unwrap().take(n).map(|id| id.unwrap()).collect()
}

fn spaced(ids: &[u32]) -> String {
    ids.iter().map(u32::to_string).collect::<Vec<_>>().join(" ")
}

/// A model with large random weights, so that each of its probabilities is another one.
fn random_model(config: &Config) -> Gpt2 {
    let mut model = Gpt2::zeros(config).unwrap();
    let mut rng = Rng::new(5);
    for (_, tensor) in model.parameters_mut().unwrap() {
        *tensor = Tensor::random(tensor.shape(), 0.5, &mut rng);
    }
    model
}

// ---------------------------------------------------------------------------------------------------------------------
// All examples
// ---------------------------------------------------------------------------------------------------------------------

#[test]
fn every_example_explains_itself() {
    let helps = helps();
    assert!(helps.len() >= 14, "only {} examples were found", helps.len());
    for (name, help) in &helps {
        assert!(help.contains(&format!("cargo run --example {name}")), "{name}: {help}");
        let chapter = help.lines().find_map(|line| line.strip_prefix("Chapter: ")).expect(name);
        let is_there = Path::new(env!("CARGO_MANIFEST_DIR")).join(chapter).is_file();
        assert!(is_there, "{name}: there is no {chapter}");
        // A flag's line: the flag, what follows it in capitals or quotes if anything does, and what it means.
        for line in help.lines().filter(|line| line.starts_with("  --")) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let has_value = words[1].starts_with('"') || words[1].chars().all(|c| c.is_ascii_uppercase());
            assert!(words.len() > 3, "{name}: {line:?} explains nothing");
            assert!(
                !has_value || line.contains("default: ") || WITHOUT_DEFAULT.contains(&words[0]),
                "{name}: {line:?} does not say the default"
            );
        }
        // And every flag of the source is in the help.
        let source = format!("{}/examples/{name}.rs", env!("CARGO_MANIFEST_DIR"));
        let source = fs::read_to_string(source).unwrap();
        let own = source.split("name: \"--").skip(1).map(|rest| format!("--{}", rest.split('"').next().unwrap()));
        let shared = [
            ("cli::MODEL", "--model"),
            ("cli::IDS", "--ids"),
            ("cli::TOKENS", "--tokens"),
            ("cli::TEMPERATURE", "--temperature"),
            ("cli::TOP_K", "--top-k"),
            ("cli::TOP_P", "--top-p"),
            ("cli::REPETITION_PENALTY", "--repetition-penalty"),
            ("cli::NO_REPEAT_NGRAM", "--no-repeat-ngram"),
            ("cli::SEED", "--seed"),
            ("cli::WIDTH", "--width"),
        ];
        let shared = shared.iter().filter(|(constant, _)| source.contains(constant)).map(|(_, flag)| flag.to_string());
        for flag in own.chain(shared) {
            assert!(help.contains(&format!("\n  {flag} ")), "{name}: {flag} is not in the help");
        }
    }
}

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
        ("train", &["--resume", "dir", "--steps", "3"]),
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
fn an_impossible_wish_is_one_line_and_status_1() {
    let dir = scratch("wishes");
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
fn a_reader_that_has_seen_enough_ends_an_example_quietly() {
    let dir = scratch("pipes");
    fs::write(dir.join("text.txt"), "The fox ran away. ".repeat(20)).unwrap();
    for name in helps().keys().filter(|name| *name != UNWRITTEN) {
        let args: &[&str] = match name.as_str() {
            "perplexity" => &["text.txt"],
            "export" => &["out"],
            "train" => &["--help"], // else it writes nothing to standard output
            "greedy" | "sample" | "sixty_lines" | "beam" => &["--tokens", "5"],
            "compare" => &["--tokens", "2", "--answers", "1"],
            "bench" => &QUICK_BENCH,
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
        // `export` and `perplexity` say it too; they are not run here, for they want more than ids.
        if !help.contains("default: the storybook inside") || !help.contains("\n  --ids ") || name == UNWRITTEN {
            continue;
        }
        let (stdout, stderr) = success(run(&mut command(&dir, &name, &ids)));
        assert_eq!(stderr.matches("weights-fetch.sh").count(), 1, "{name}: {stderr}");
        assert!(!stdout.contains("weights-fetch"), "{name}");
    }
    hugging_face::save(&dir, &storybook::load().model, None, Dtype::F16).unwrap();
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
fn greedy_mine_writes_what_greedy_writes_or_says_in_one_line_what_is_missing() {
    let output = example(UNWRITTEN, &["--tokens", "5"]);
    if output.status.success() {
        assert_eq!(output.stdout, example("greedy", &["--tokens", "5"]).stdout);
    } else {
        // Not begun, or begun and wrong: the checks of the exercises say more.
        assert!(!error_of(output, 1).contains("panicked at"));
    }
}

/// The flags of a help that take a number: their names and their defaults.
fn numbers(help: &str) -> Vec<(String, String)> {
    let lines = help.lines().filter_map(|line| line.strip_prefix("  --"));
    let words = lines.map(|line| (line, line.split_whitespace().collect::<Vec<_>>()));
    let numbers = words.filter(|(_, words)| ["N", "X", "T", "P"].contains(&words[1]));
    let default = |line: &str| line.split("(default: ").nth(1).unwrap().trim_end_matches(')').to_string();
    numbers.map(|(line, words)| (format!("--{}", words[0]), default(line))).collect()
}

#[test]
fn what_is_not_a_number_is_refused_by_every_flag_that_takes_one() {
    let mut n_flags = 0;
    for (name, help) in helps() {
        for (flag, _) in numbers(&help) {
            let operand: &[&str] = if name == "train" { &["no-such-text"] } else { &[] };
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
fn the_defaults_that_help_names_are_the_defaults() {
    let mut n_compared = 0;
    for name in ["attention", "block", "embeddings", "gradients", "greedy", "layers", "logits", "sample", "sixty_lines"]
    {
        let help = success(example(name, &["--help"])).0;
        let mut args = Vec::new();
        // A default such as `COLUMNS, else 80` cannot be said in a word.
        for (flag, default) in numbers(&help).into_iter().filter(|(_, default)| default.parse::<f64>().is_ok()) {
            args.extend([flag, default]);
        }
        let prompt = help.split("(default: \"").nth(1).map(|rest| rest.split('"').next().unwrap().to_string());
        args.extend(prompt.filter(|_| name != "gradients"));
        assert!(!args.is_empty(), "{name}");
        n_compared += args.len();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        assert_eq!(success(example(name, &args)).0, success(example(name, &[])).0, "{name} {args:?}");
    }
    assert!(n_compared >= 20, "{n_compared}");
}

#[test]
fn absurd_numbers_are_answered_with_a_result_or_with_one_line() {
    let dir = scratch("absurd");
    fs::write(dir.join("text.txt"), "The fox ran away. ".repeat(40)).unwrap();
    let absurd =
        ["0", "-1", "-0", "1e99", "1e-99", "NaN", "inf", "-inf", "0.5", "18446744073709551615", "99999999999999999999"];
    let mut n_refused = 0;
    for (name, help) in helps() {
        for (flag, _) in numbers(&help) {
            for value in absurd {
                // As many steps of training, or answers, as anyone wants are no mistake; waiting for them would be.
                if [("train", "--steps"), ("sample", "--count")].contains(&(name.as_str(), flag.as_str()))
                    && value.len() > 4
                {
                    continue;
                }
                let mut args = vec![flag.as_str(), value];
                match name.as_str() {
                    "train" => args.extend(["text.txt", "--out", "out"]),
                    "perplexity" => args.push("text.txt"),
                    "export" => args.push("out"),
                    "compare" if flag == "--tokens" => args.extend(["--answers", "1"]),
                    "compare" => args.extend(["--tokens", "2"]),
                    "bench" => args.extend(["--plain", "--shape", "four"]),
                    _ => {}
                }
                // A tiny model, unless it is the size that is absurd.
                if name == "train" {
                    for (flag, small) in [("--steps", "1"), ("--n-layer", "1"), ("--n-embd", "6"), ("--n-ctx", "8")] {
                        if !args.contains(&flag) {
                            args.extend([flag, small]);
                        }
                    }
                }
                let output = run(&mut command(&dir, &name, &args));
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
    assert!(n_refused > 100, "{n_refused}");
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn what_is_no_readable_directory_is_named_by_every_example_with_a_model() {
    let dir = scratch("unreadable");
    fs::write(dir.join("a-file"), "no directory").unwrap();
    fs::create_dir_all(dir.join("empty")).unwrap();
    fs::create_dir_all(dir.join("odd/config.json")).unwrap();
    hugging_face::save(&dir.join("locked"), &storybook::load().model, None, Dtype::F16).unwrap();
    let mut names = vec!["a-file", "empty", "odd"];
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let file = dir.join("locked/model.safetensors");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
        match fs::File::open(&file) {
            Err(_) => names.push("locked"),
            Ok(_) => {
                // Not by `eprintln!`, which the test runner keeps to itself.
                let _ = writeln!(std::io::stderr(), "not tested: whoever runs this test may read every file");
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

#[test]
fn a_reader_that_leaves_in_the_middle_ends_the_example() {
    let mut command = command(&std::env::temp_dir(), "sample", &["--tokens", "250"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdout.take().unwrap().read_exact(&mut [0]).unwrap(); // one byte, and the pipe is dropped
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    // It has not gone on to its end, where it says how many tokens there were.
    assert_eq!(String::from_utf8_lossy(&output.stderr), "Once upon a time");
}

#[test]
#[cfg(target_os = "linux")] // which has a disk that is always full
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
        tensor.data_mut().fill(f32::NAN);
    }
    hugging_face::save(&dir, &story.model, story.tokenizer.as_ref(), Dtype::F16).unwrap();
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

// ---------------------------------------------------------------------------------------------------------------------
// greedy
// ---------------------------------------------------------------------------------------------------------------------

#[test]
fn attention_shows_that_with_the_mask_nobody_before_it_notices_another_last_token() {
    let plain = success(example("attention", &["--numbers", "--width", "200"])).0;
    let both = success(example("attention", &["--numbers", "--width", "200", "--bert"])).0;
    let rows = |text: &str| text.lines().filter(|line| line.starts_with('"')).map(str::to_string).collect::<Vec<_>>();
    let (plain, both) = (rows(&plain), rows(&both));
    assert_eq!((plain.len(), both.len()), (9, 9));
    for (t, (plain, both)) in plain.iter().zip(&both).enumerate() {
        assert!(both.starts_with(plain), "{both:?} does not begin as {plain:?}");
        let beside: Vec<f32> = both[plain.len()..].split_whitespace().map(|word| word.parse().unwrap()).collect();
        assert_eq!(beside.len(), 1 + 9 + 1); // moved; a weight for every token; moved
        assert_eq!(beside[0] == 0.0, t < 8);
        assert!(beside[10] > 0.0);
    }
}

#[test]
fn embeddings_asks_the_lists_or_three_tokens_for_their_differences() {
    let lists = success(example("embeddings", &["--differences"])).0;
    assert_eq!(lists.lines().filter(|line| line.matches('%').count() == 3).count(), 4, "{lists}");
    let three = success(example("embeddings", &["--differences", "--count", "3", " man woman king"])).0;
    assert!(three.starts_with("\" woman\" - \" man\" + \" king\"\n") && three.lines().count() == 4, "{three}");
}

#[test]
fn greedy_prints_the_new_text_alone() {
    let story = storybook::load();
    let tokenizer = story.tokenizer.as_ref().unwrap();
    for (args, prompt) in [(vec![], "Once upon a time"), (vec!["The little fox"], "The little fox")] {
        let ids = greedy_ids(&story.model, &tokenizer.encode(prompt), &story.end_ids, 40);
        let text: Vec<u32> = ids.into_iter().filter(|id| !story.end_ids.contains(id)).collect();
        let (stdout, stderr) = success(example("greedy", &args));
        assert_eq!(stdout, tokenizer.decode(&text).unwrap() + "\n");
        assert!(stderr.starts_with(prompt), "{stderr}");
    }
    // An empty prompt is the beginning of a text.
    let ids = greedy_ids(&story.model, &story.end_ids, &story.end_ids, 5);
    let (stdout, _) = success(example("greedy", &["", "--tokens", "5"]));
    assert_eq!(stdout, tokenizer.decode(&ids).unwrap() + "\n");
    // And no tokens are no text.
    assert_eq!(success(example("greedy", &["--tokens", "0"])).0, "\n");
    assert_eq!(success(example("greedy", &["--tokens", "0", "--ids", "5 17 3"])).0, "\n");
}

#[test]
fn greedy_answers_ids_with_ids() {
    let story = storybook::load();
    let expected = spaced(&greedy_ids(&story.model, &[5, 17, 3], &story.end_ids, 6));
    for ids in ["5 17 3", " 5,17, 3 "] {
        let (stdout, stderr) = success(example("greedy", &["--ids", ids, "--tokens", "6"]));
        assert_eq!(stdout, format!("{expected}\n"));
        assert!(stderr.starts_with("3 ids"), "{stderr}");
    }
}

#[test]
fn greedy_says_why_a_text_ended() {
    let dir = scratch("ended");
    // All weights are zero, so all scores are, and the smallest id is chosen for ever.
    let zeros = Gpt2::zeros(&Config::new(5, 8, 4, 2, 1)).unwrap();
    hugging_face::save(&dir, &zeros, None, Dtype::F32).unwrap();
    let (stdout, stderr) = success(run(&mut command(&dir, "greedy", &["--model", ".", "--ids", "3 1 2"])));
    assert_eq!(stdout, "0 0 0 0 0 0\n"); // 3 + 5 fill the context of 8; one more can be chosen, and not be read
    assert!(stderr.contains("context of 8 tokens is full"), "{stderr}");
    // Seven tokens were asked for and six fit: as many as fit, and no note if no more are wanted.
    let (stdout, stderr) =
        success(run(&mut command(&dir, "greedy", &["--model", ".", "--ids", "3 1 2", "--tokens", "2"])));
    assert_eq!(stdout, "0 0\n");
    assert!(!stderr.contains("full"), "{stderr}");
    // A model without a vocabulary takes no text.
    assert!(error_of(run(&mut command(&dir, "greedy", &["--model", ".", "text"])), 1).contains("--ids"));

    // Now 0 is the end token. It is printed as an id.
    let config = fs::read_to_string(dir.join("config.json")).unwrap();
    let with_end = config.replace("\"eos_token_id\": null", "\"eos_token_id\": 0");
    assert_ne!(with_end, config);
    fs::write(dir.join("config.json"), with_end).unwrap();
    let (stdout, stderr) = success(run(&mut command(&dir, "greedy", &["--model", ".", "--ids", "3 1 2"])));
    assert_eq!(stdout, "0\n");
    assert!(stderr.contains("the model ended its text"), "{stderr}");
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn greedy_ends_with_a_note_when_the_storybooks_context_is_full() {
    let (stdout, stderr) = success(example("greedy", &["--ids", "5 17 3", "--tokens", "400"]));
    let n_ids = stdout.split_whitespace().count();
    // The prompt and 253 tokens are the context of 256; one more is chosen. Or the model ends its text before.
    let is_full = n_ids == 254 && stderr.contains("context of 256 tokens is full");
    assert!(is_full || (n_ids < 254 && stderr.contains("ended its text")), "{n_ids} ids: {stderr}");
}

#[test]
fn a_full_context_ends_every_kind_of_text() {
    let ids = ["5"; 252].join(" ");
    for name in ["greedy", "sixty_lines", "sample"] {
        let (stdout, stderr) = success(example(name, &["--tokens", "400", "--ids", &ids]));
        // Four more fill the context of 256, and what follows the last of them is told too.
        assert_eq!(stdout.split_whitespace().count(), 5, "{name}: {stderr}");
        assert!(stderr.contains("[the context of 256 tokens is full]"), "{name}: {stderr}");
    }
}

#[test]
fn an_end_token_has_no_text_and_one_in_the_prompt_is_characters() {
    let dir = scratch("end-token");
    let story = storybook::load();
    let tokenizer = story.tokenizer.as_ref().unwrap();
    // The storybook, told that its fourth token ends the text.
    let ids = greedy_ids(&story.model, &tokenizer.encode("The little fox"), &[], 4);
    assert!(!ids[..3].contains(&ids[3]));
    hugging_face::save(&dir, &story.model, story.tokenizer.as_ref(), Dtype::F16).unwrap();
    let config = fs::read_to_string(dir.join("config.json")).unwrap();
    let with_end = config.replace("\"eos_token_id\": 3831", &format!("\"eos_token_id\": {}", ids[3]));
    assert_ne!(with_end, config);
    fs::write(dir.join("config.json"), with_end).unwrap();
    for name in ["greedy", "sixty_lines"] {
        let (stdout, _) = success(run(&mut command(&dir, name, &["--model", ".", "The little fox"])));
        assert_eq!(stdout, tokenizer.decode(&ids[..3]).unwrap() + "\n", "{name}");
    }
    let prompt = tokenizer.encode("<|endoftext|>");
    assert!(prompt.len() > 1);
    let after = greedy_ids(&story.model, &prompt, &story.end_ids, 5);
    let (stdout, _) = success(example("greedy", &["--tokens", "5", "<|endoftext|>"]));
    assert_eq!(stdout, tokenizer.decode(&after).unwrap() + "\n");
    fs::remove_dir_all(&dir).unwrap();
}

// ---------------------------------------------------------------------------------------------------------------------
// sample
// ---------------------------------------------------------------------------------------------------------------------

#[test]
fn the_same_seed_gives_the_same_text() {
    let sample = |args: &[&str]| success(example("sample", &[&["--tokens", "30"], args].concat())).0;
    assert_eq!(sample(&["--seed", "7"]), sample(&["--seed", "7"]));
    assert_ne!(sample(&["--seed", "7"]), sample(&["--seed", "8"]));
    // The coldest of all: a score divided by this number is infinite.
    assert_eq!(sample(&["--temperature", "1e-45"]), success(example("greedy", &["--tokens", "30"])).0);
}

/// The lines that `sample --count` prints for these seeds, from runs of their own.
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
    // What is marked is what was written.
    let marked: Vec<u32> = chosen.iter().map(|line| line.split_whitespace().next().unwrap().parse().unwrap()).collect();
    let text = storybook::load().tokenizer.unwrap().decode(&marked).unwrap();
    assert_eq!(text + "\n", stdout);
    assert!(chosen.iter().all(|line| !line.contains("removed")), "{stderr}");
    assert!(stderr.contains("top-k    top-p  token") && stderr.contains("removed"), "{stderr}");
    // The line's end is that of a text without --show.
    assert!(stderr.contains("[6 tokens, "), "{stderr}");

    // A table says why no token is left, and what was written until then is printed.
    let dir = scratch("nothing-left");
    let model = Gpt2::random(&Config::new(3, 8, 4, 2, 1), &mut Rng::new(1)).unwrap();
    hugging_face::save(&dir, &model, None, Dtype::F32).unwrap();
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

// ---------------------------------------------------------------------------------------------------------------------
// beam
// ---------------------------------------------------------------------------------------------------------------------

#[test]
fn beam_prints_a_line_for_each_answer_best_first() {
    let story = storybook::load();
    let tokenizer = story.tokenizer.as_ref().unwrap();
    let search = BeamSearch { count: 3, ..BeamSearch::new(4) };
    let expected = search.search(&story.model, &tokenizer.encode("The little fox"), &story.end_ids, 12).unwrap();
    let flags = ["--beams", "4", "--count", "3", "--tokens", "12"];
    let (stdout, stderr) = success(example("beam", &[&flags[..], &["The little fox"]].concat()));
    assert!(stderr.starts_with("The little fox\n"), "{stderr}");
    let lines: Vec<(&str, &str)> = stdout.lines().map(|line| line.split_once('\t').unwrap()).collect();
    assert_eq!(lines.len(), 3);
    for ((score, text), expected) in lines.iter().zip(&expected) {
        assert!((score.parse::<f32>().unwrap() - expected.score).abs() < 1e-5, "{score}");
        let text_ids: Vec<u32> = expected.ids.iter().copied().filter(|id| !story.end_ids.contains(id)).collect();
        assert_eq!(*text, tokenizer.decode(&text_ids).unwrap().replace('\n', "\\n"));
    }
    let ids = spaced(&tokenizer.encode("The little fox"));
    let (stdout, _) = success(example("beam", &[&flags[..], &["--ids", &ids]].concat()));
    let found: Vec<&str> = stdout.lines().map(|line| line.split_once('\t').unwrap().1).collect();
    assert_eq!(found, expected.iter().map(|found| spaced(&found.ids)).collect::<Vec<_>>());

    // One beam is greedy, whenever it may stop; and if it draws, chance decides.
    let text = |args: &[&str]| {
        let (stdout, _) =
            success(example("beam", &[args, &["--beams", "1", "--tokens", "60", "The little fox"]].concat()));
        stdout.split_once('\t').unwrap().1.to_string()
    };
    let greedy = success(example("greedy", &["--tokens", "60", "The little fox"])).0.trim_end().replace('\n', "\\n");
    for rule in ["false", "true", "never"] {
        assert_eq!(text(&["--early-stopping", rule]).trim_end().trim_end_matches("\\n"), greedy);
    }
    assert_ne!(text(&["--sample", "--seed", "1"]), text(&["--sample", "--seed", "2"]));
}

#[test]
fn beam_shows_how_the_beams_grow_in_lines_that_fit() {
    let flags = ["--show", "--beams", "3", "--tokens", "6"];
    let (quiet, _) = success(example("beam", &flags[1..]));
    for width in ["80", "30"] {
        let (stdout, stderr) = success(example("beam", &[&flags[..], &["--width", width]].concat()));
        assert_eq!(stdout, quiet);
        for n in 1..=6 {
            assert!(stderr.contains(&format!("step {n}\n")), "{stderr}");
        }
        let drawing: Vec<&str> = stderr.lines().take_while(|line| *line != "Once upon a time").collect();
        assert!(drawing.len() > 6 * 6, "{stderr}");
        assert!(drawing.iter().all(|line| line.chars().count() <= width.parse().unwrap()), "{stderr}");
    }
    let (_, stderr) = success(example("beam", &flags));
    assert!(stderr.contains("dropped") && stderr.contains("finished, score") && stderr.contains("beam 3"), "{stderr}");
}

// ---------------------------------------------------------------------------------------------------------------------
// compare
// ---------------------------------------------------------------------------------------------------------------------

#[test]
fn compare_measures_every_way_and_a_person() {
    let (stdout, _) = success(example("compare", &["--tokens", "8", "--answers", "2"]));
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!(lines.len(), 12, "{stdout}");
    let figures = |name: &str| -> Vec<f64> {
        let line = lines.iter().find(|line| line.starts_with(name)).expect(name);
        line[26..].split_whitespace().map(|word| word.parse().unwrap()).collect()
    };
    // A choice among all tokens is one among at most all of them; and greedy choice surprises less than any draw can.
    assert!(lines[1..].iter().all(|line| figures(&line[..26]).len() == 4));
    let entropy_of_all = (storybook::load().model.config.n_vocab as f64).ln();
    assert!((0.0..entropy_of_all).contains(&figures("a person")[0]));
    assert!(figures("greedy ")[1] < figures("all probabilities")[1]);
    let dir = scratch("compare");
    hugging_face::save(&dir, &storybook::load().model, None, Dtype::F16).unwrap();
    assert!(error_of(run(&mut command(&dir, "compare", &["--model", "."])), 1).contains("vocabulary"));
    fs::remove_dir_all(&dir).unwrap();
}

// ---------------------------------------------------------------------------------------------------------------------
// logits
// ---------------------------------------------------------------------------------------------------------------------

#[test]
fn logits_prints_every_score_and_every_probability() {
    let story = storybook::load();
    let ids = story.tokenizer.as_ref().unwrap().encode("The little");
    let expected = story.model.logits(&ids).unwrap(); // [n_seq, n_vocab]
    let expected = expected.row(ids.len() - 1);
    let numbers = |flag: &str| -> Vec<f32> {
        let (stdout, _) = success(example("logits", &["The little", flag]));
        stdout.lines().map(|line| line.parse().unwrap()).collect()
    };
    let raw = numbers("--raw");
    assert_eq!(raw.len(), story.model.config.n_vocab);
    // The last row alone may be summed in another order than all rows: the last bits differ.
    assert!(raw.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-4));

    // Softmax in f64, from the scores as they were printed.
    let sum: f64 = raw.iter().map(|&x| f64::from(x).exp()).sum();
    let probabilities = numbers("--probs");
    assert_eq!(probabilities.len(), raw.len());
    let total: f64 = probabilities.iter().map(|&p| f64::from(p)).sum();
    assert!((total - 1.0).abs() < 1e-5, "{total}");
    for (&p, &x) in probabilities.iter().zip(&raw) {
        let expected = f64::from(x).exp() / sum;
        assert!((f64::from(p) - expected).abs() <= 1e-5 * expected, "{p} is not {expected}");
    }

    // Without a flag: a header and the ten likeliest, best first.
    let (stdout, _) = success(example("logits", &["The little"]));
    let mut order: Vec<usize> = (0..raw.len()).collect();
    order.sort_by(|&a, &b| raw[b].total_cmp(&raw[a]));
    let shown: Vec<usize> =
        stdout.lines().skip(1).map_while(|line| line.split_whitespace().next().unwrap().parse().ok()).collect();
    assert_eq!(shown, order[..10]);
}

#[test]
fn logits_shows_what_the_knobs_of_sample_leave() {
    let knobs = ["--temperature", "0.7", "--top-k", "40", "--top-p", "0.9", "--repetition-penalty", "1.3"];
    let numbers = |args: &[&str]| -> Vec<f32> {
        let (stdout, _) = success(example("logits", &[&["The little"], args].concat()));
        stdout.lines().map(|line| line.parse().unwrap()).collect()
    };
    let sampler = Sampler { temperature: 0.7, top_k: 40, top_p: 0.9, repetition_penalty: 1.3, ..Sampler::new(1) };
    let ids = storybook::load().tokenizer.unwrap().encode("The little");
    let expected = sampler.probabilities(&numbers(&["--raw"]), &ids).unwrap();
    assert!(expected.iter().filter(|&&p| p > 0.0).count() < 40);
    assert_eq!(numbers(&[&["--probs"], &knobs[..]].concat()), expected);
    assert_eq!(numbers(&[&["--raw"], &knobs[..]].concat()), numbers(&["--raw"]));

    let (stdout, _) = success(example("logits", &[&["The little", "--width", "90"], &knobs[..]].concat()));
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!(
        lines[0].split_whitespace().collect::<Vec<_>>().join(" "),
        "id logit model penalty temper. top-k top-p token"
    );
    // The ten likeliest, the sum of the others, and how many are left: of 3,832, 40 and what top-p keeps of them.
    let words: Vec<&str> = lines[12].split_whitespace().collect();
    let n_left = expected.iter().filter(|&&p| p > 0.0).count().to_string();
    assert_eq!(words, ["left", "3832", "3832", "3832", "40", &n_left]);
    assert!(lines[11].contains("3822 others") && lines.iter().all(|line| line.chars().count() <= 90), "{stdout}");
    assert!(lines.iter().any(|line| line.contains("removed")) && !stdout.contains('>'), "{stdout}");
}

// ---------------------------------------------------------------------------------------------------------------------
// perplexity
// ---------------------------------------------------------------------------------------------------------------------

/// A line of `perplexity`: nats per token, perplexity, bits per byte, tokens, bytes.
fn figures(line: &str) -> [f64; 5] {
    let words: Vec<&str> = line.split_whitespace().collect();
    std::array::from_fn(|i| words[i].parse().unwrap())
}

/// Whether two numbers agree in the digits that are printed: four behind the point, and a relative 1e-4 of what is large.
fn agree(printed: f64, expected: f64) -> bool {
    (printed - expected).abs() <= 1e-4 * expected.abs().max(1.0)
}

/// The rule, word for word: each token is predicted from what stands before it in the first window that reaches it.
fn nats_of(model: &Gpt2, tokenizer: &Tokenizer, text: &str) -> (f64, usize) {
    let ids = [vec![tokenizer.end_of_text().unwrap()], tokenizer.encode(text)].concat();
    let n_ctx = model.config.n_ctx;
    let mut nats = 0.0;
    for i in 1..ids.len() {
        // Window k reads n_ctx tokens from k*n_ctx/2 on, and predicts up to the one after them.
        let window = (0..).find(|k| i <= k * (n_ctx / 2) + n_ctx).unwrap();
        let before = &ids[window * (n_ctx / 2)..i];
        let logits = model.logits(before).unwrap(); // [n_seq, n_vocab]
        let row = logits.row(before.len() - 1);
        let sum: f64 = row.iter().map(|&x| f64::from(x).exp()).sum();
        nats += sum.ln() - f64::from(row[ids[i] as usize]);
    }
    (nats, ids.len() - 1)
}

#[test]
fn perplexity_scores_every_token_once_in_the_first_window_that_reaches_it() {
    let dir = scratch("perplexity");
    let tokenizer = Tokenizer::learn("the fox and the moon and the water", 262).unwrap();
    let model = random_model(&Config::new(tokenizer.n_vocab(), 8, 12, 3, 2));
    hugging_face::save(&dir.join("model"), &model, Some(&tokenizer), Dtype::F32).unwrap();
    // One window; exactly one; one token more; many.
    let (a, b, c) = ("the sea", "abcdefgh", "abcdefghi");
    let d = "A fox saw the moon in the water. “Oh!” she said.\n".repeat(4);
    let texts = [("a.txt", a), ("b.txt", b), ("c.txt", c), ("d.txt", &d)];
    for (name, text) in texts {
        fs::write(dir.join(name), text).unwrap();
    }
    let args = ["--model", "model", "a.txt", "b.txt", "c.txt", "d.txt"];
    let (stdout, _) = success(run(&mut command(&dir, "perplexity", &args)));
    let lines: Vec<&str> = stdout.lines().skip(1).collect();
    assert_eq!(lines.len(), 5, "{stdout}");

    let (mut nats, mut n_tokens, mut n_bytes) = (0.0, 0, 0);
    let check = |line: &str, name: &str, nats: f64, n_tokens: usize, n_bytes: usize| {
        let [per_token, perplexity, bits_per_byte, tokens, bytes] = figures(line);
        let expected = nats / n_tokens as f64;
        assert!(agree(per_token, expected), "{name}: {per_token} is not {expected}");
        assert!((perplexity / expected.exp() - 1.0).abs() < 1e-3, "{name}: {perplexity} is not {}", expected.exp());
        assert!(agree(bits_per_byte, nats / 2f64.ln() / n_bytes as f64), "{name}: {bits_per_byte}");
        assert_eq!((tokens as usize, bytes as usize), (n_tokens, n_bytes));
        assert!(line.ends_with(name), "{line}");
    };
    for ((name, text), line) in texts.iter().zip(&lines) {
        let (file_nats, file_tokens) = nats_of(&model, &tokenizer, text);
        check(line, name, file_nats, file_tokens, text.len());
        nats += file_nats;
        n_tokens += file_tokens;
        n_bytes += text.len();
    }
    check(lines[4], "total", nats, n_tokens, n_bytes);

    fs::write(dir.join("empty.txt"), "").unwrap();
    let error = error_of(run(&mut command(&dir, "perplexity", &["--model", "model", "empty.txt"])), 1);
    assert!(error.contains("empty.txt") && error.contains("no text"), "{error}");
    fs::write(dir.join("latin.txt"), b"caf\xe9").unwrap();
    assert!(error_of(run(&mut command(&dir, "perplexity", &["latin.txt"])), 1).contains("latin.txt"));
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn perplexity_of_the_storybook_is_that_of_its_logits() {
    let dir = scratch("story");
    let text = "Once upon a time there was a little fox, and he was very hungry.";
    fs::write(dir.join("text.txt"), text).unwrap();
    let (stdout, _) = success(run(&mut command(&dir, "perplexity", &["text.txt"])));
    let story = storybook::load();
    let (nats, n_tokens) = nats_of(&story.model, story.tokenizer.as_ref().unwrap(), text);
    let [per_token, _, _, tokens, bytes] = figures(stdout.lines().nth(1).unwrap());
    assert!(agree(per_token, nats / n_tokens as f64), "{per_token} is not {}", nats / n_tokens as f64);
    assert_eq!((tokens as usize, bytes as usize), (n_tokens, text.len()));
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn the_total_of_perplexity_adds_up() {
    let dir = scratch("total");
    let tokenizer = storybook::load().tokenizer.unwrap();
    fs::write(dir.join("one.txt"), "The fox went to the river. ".repeat(60)).unwrap();
    fs::write(dir.join("two.txt"), "\u{c9}t\u{e9}.<|endoftext|>No more.").unwrap();
    let (stdout, _) = success(run(&mut command(&dir, "perplexity", &["one.txt", "two.txt"])));
    let lines: Vec<[f64; 5]> = stdout.lines().skip(1).map(figures).collect();
    let [one, two, total] = lines[..] else { panic!("{stdout}") };
    // In a file, <|endoftext|> is one token between two texts, and thirteen bytes.
    let n_two = tokenizer.encode("\u{c9}t\u{e9}.").len() + 1 + tokenizer.encode("No more.").len();
    assert_eq!((two[3] as usize, two[4]), (n_two, 6.0 + 13.0 + 8.0));
    assert!(one[3] > 256.0 && total[3] == one[3] + two[3] && total[4] == one[4] + two[4], "{stdout}");
    let mean = |i: usize, n: usize| (one[i] * one[n] + two[i] * two[n]) / total[n];
    assert!(agree(total[0], mean(0, 3)) && agree(total[2], mean(2, 4)), "{stdout}");
    assert!((total[1] - total[0].exp()).abs() < 1e-3 * total[1], "{stdout}");
    fs::remove_dir_all(&dir).unwrap();
}

// ---------------------------------------------------------------------------------------------------------------------
// tokenize
// ---------------------------------------------------------------------------------------------------------------------

fn tokenize(args: &[&str], input: &[u8]) -> Output {
    run_with_input(&mut command(&std::env::temp_dir(), "tokenize", args), input)
}

#[test]
fn tokenize_and_back_is_the_same_text_to_the_byte() {
    // These ids are GPT-2's.
    assert_eq!(success(tokenize(&[], b"Alan Turing theorized")).0, "36235 39141 18765 1143\n");
    for text in ["", "no line break at the end", "one\n", "\n\n  two \r\n\t", "<|endoftext|>", "na\u{ef}ve \u{1f980}\0"]
    {
        for vocabulary in [&[][..], &["--storybook"]] {
            let (ids, _) = success(tokenize(vocabulary, text.as_bytes()));
            let back = tokenize(&[vocabulary, &["--decode"]].concat(), ids.as_bytes());
            assert_eq!(success(back).0, text);
        }
    }
    // <|endoftext|> in a text is thirteen characters. Its id is decoded to them.
    assert!(!success(tokenize(&[], b"<|endoftext|>")).0.contains("50256"));
    assert_eq!(success(tokenize(&["--decode"], b"50256")).0, "<|endoftext|>");
    // A token that is a part of a character is its bytes, and no replacement mark: of f0 9f a6 80, the first two.
    let (ids, _) = success(tokenize(&[], "\u{1f980}".as_bytes()));
    let first = ids.split(' ').next().unwrap();
    assert_eq!(tokenize(&["--decode"], first.as_bytes()).stdout, b"\xf0\x9f");
}

#[test]
fn tokenize_refuses_what_is_no_text_and_what_are_no_ids() {
    assert!(error_of(tokenize(&[], b"caf\xe9"), 1).contains("not UTF-8 at byte 3"));
    assert!(error_of(tokenize(&["--decode"], b"5 x"), 1).contains("\"x\""));
    assert!(error_of(tokenize(&["--decode"], b"5 -1"), 1).contains("\"-1\""));
    assert!(error_of(tokenize(&["--decode"], b"50257"), 1).contains("50257"));
}

#[test]
fn tokenize_uses_the_vocabulary_it_is_told() {
    let dir = scratch("vocabulary");
    let tokenizer = Tokenizer::learn("sing ring ring king thing", 256 + 4 + 1).unwrap();
    let model = Gpt2::zeros(&Config::new(tokenizer.n_vocab(), 8, 4, 2, 1)).unwrap();
    hugging_face::save(&dir, &model, Some(&tokenizer), Dtype::F32).unwrap();
    let run_here = |args: &[&str], input: &str| run_with_input(&mut command(&dir, "tokenize", args), input.as_bytes());
    let text = "a singing king";
    let (ids, stderr) = success(run_here(&["--model", "."], text));
    assert_eq!(ids, spaced(&tokenizer.encode(text)) + "\n");
    assert_eq!(stderr, "");
    assert_eq!(success(run_here(&["--model", ".", "--decode"], &ids)).0, text);
    let (shown_ids, steps) = success(run_here(&["--model", ".", "--show"], text));
    assert_eq!(shown_ids, ids);
    assert!(steps.contains("\" singing\"") && steps.contains("rank"), "{steps}");

    // It is the vocabulary that is asked for: the weights need not be there.
    fs::remove_file(dir.join("model.safetensors")).unwrap();
    assert_eq!(success(run_here(&["--model", "."], text)).0, ids);

    let story = storybook::load().tokenizer.unwrap();
    assert_eq!(success(run_here(&["--storybook"], text)).0, spaced(&story.encode(text)) + "\n");

    for name in ["tokenizer.json", "vocab.json", "merges.txt"] {
        fs::remove_file(dir.join(name)).unwrap();
    }
    assert!(error_of(run_here(&["--model", "."], text), 1).contains("no vocabulary"));
    fs::remove_dir_all(&dir).unwrap();
}

// ---------------------------------------------------------------------------------------------------------------------
// export
// ---------------------------------------------------------------------------------------------------------------------

#[test]
fn an_exported_model_writes_the_same_text() {
    let dir = scratch("export");
    let call = |name: &str, args: &[&str]| success(run(&mut command(&dir, name, args))).0;
    let text = call("greedy", &["--tokens", "20"]);
    assert_eq!(call("export", &["new/model"]), "");
    assert_eq!(call("greedy", &["--tokens", "20", "--model", "new/model"]), text);
    // The shipped weights have 16 bits, so nothing is lost in a file of such numbers.
    assert_eq!(call("export", &["--dtype", "f16", "--model", "new/model", "half"]), "");
    assert_eq!(call("greedy", &["--tokens", "20", "--model", "half"]), text);
    let bytes = |name: &str| fs::metadata(dir.join(name).join("model.safetensors")).unwrap().len();
    assert!(bytes("half") < bytes("new/model") * 51 / 100);
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn export_writes_over_nothing() {
    let dir = scratch("precious");
    let files = [
        "model.safetensors",
        "config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "vocab.json",
        "merges.txt",
        "generation_config.json",
    ];
    for file in files {
        let other = dir.join(file.replace('.', "-"));
        fs::create_dir(&other).unwrap();
        fs::write(other.join(file), "precious").unwrap();
        let error = error_of(run(&mut command(&other, "export", &["."])), 1);
        assert!(error.contains(file) && error.contains("another directory"), "{error}");
        assert_eq!(fs::read_dir(&other).unwrap().count(), 1);
        assert_eq!(fs::read(other.join(file)).unwrap(), b"precious");
    }
    // A directory without a name would be the one that one happens to stand in.
    error_of(run(&mut command(&dir, "export", &[""])), 2);
    assert!(!dir.join("config.json").exists());
    fs::remove_dir_all(&dir).unwrap();
}

// ---------------------------------------------------------------------------------------------------------------------
// bench
// ---------------------------------------------------------------------------------------------------------------------

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
    // Of the packed weights whatever there is; all else always.
    let expected = [
        ("decode_f32_tok_s", "tok/s"),
        ("decode_bf16_tok_s", "tok/s"),
        ("decode_int8_tok_s", "tok/s"),
        ("prefill32_last_ms", "ms"), // half of the context of 64 tokens
        ("prefill64_all_ms", "ms"),
        ("train_four_ms", "ms"),
        ("load_ms", "ms"),
    ];
    let is_packed = |name: &str| name.contains("bf16") || name.contains("int8");
    let known = expected.into_iter().filter(|line| !is_packed(line.0) || names_and_units.contains(line));
    assert_eq!(names_and_units, known.collect::<Vec<_>>(), "{stdout}");
    for words in &lines {
        let value: f64 = words[1].parse().unwrap();
        assert!(words.len() == 3 && value > 0.0 && value.is_finite(), "{words:?}");
    }
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn bench_names_the_place_where_it_cannot_write() {
    let dir = scratch("bench-nowhere");
    let output = run(&mut quick_bench(&dir.join("nowhere")));
    let stderr = String::from_utf8(output.stderr).unwrap();
    let last = stderr.lines().last().unwrap();
    assert!(output.status.code() == Some(1) && last.starts_with("error: ") && last.contains("nowhere"), "{stderr}");
    fs::remove_dir_all(&dir).unwrap();
}
