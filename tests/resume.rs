//! A training run that is killed again and again, and resumed, gives the same as a run that was left alone.
//!
//! These tests run the example `train` as a person does, in processes of its own, and end them with SIGKILL.

#[allow(dead_code)] // for its own tests, as the next two
#[path = "../examples/train/advice.rs"]
mod advice;
#[path = "common/examples.rs"]
mod examples;
#[allow(dead_code)]
#[path = "../examples/train/late.rs"]
mod late;
#[allow(dead_code)]
#[path = "../examples/train/sparkline.rs"]
mod sparkline;

use examples::{error_of, example, run, scratch};
use gpt60::train::run::Trainer;
use gpt60::train::settings::{Arithmetic, Inputs, Settings};
use gpt60::train::state::write_request;
use gpt60::{Rng, checkpoint};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// A directory of its own for a test, with a text to learn from.
fn directory(name: &str) -> PathBuf {
    let dir = scratch(&format!("resume-{name}"));
    let mut text = String::new();
    let mut rng = Rng::new(1);
    let words = ["the ", "fox ", "saw ", "a ", "moon ", "and ", "water ", "ran ", "away. ", "she ", "sang. "];
    for _ in 0..3000 {
        text += words[rng.below(words.len())];
    }
    fs::write(dir.join("text.txt"), &text).unwrap();
    fs::write(dir.join("valid.txt"), &text[..500]).unwrap();
    dir
}

/// The settings of a run of 60 steps that takes about a second.
fn begin(dir: &Path, out: &str) -> Command {
    let mut command = Command::new(example("train"));
    command.current_dir(dir).args(["text.txt", "--valid", "valid.txt", "--out", out]);
    command.args("--n-layer 2 --n-head 2 --n-embd 32 --n-ctx 32 --n-vocab 280 --batch 8".split(' '));
    command.args("--steps 60 --valid-every 7 --save-every 3".split(' '));
    command
}

fn resume(dir: &Path, out: &str) -> Command {
    let mut command = Command::new(example("train"));
    command.current_dir(dir).args(["--resume", out]);
    command
}

/// The line of a command that must fail with this exit status.
fn error_line(command: &mut Command, status: i32) -> String {
    error_of(run(command), status)
}

#[test]
fn a_run_killed_at_twenty_random_moments_gives_what_an_unharmed_run_gives() {
    let dir = directory("killed");
    let output = run(&mut begin(&dir, "whole"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let file = |run: &str, name: &str| fs::read(dir.join(run).join(name)).unwrap();
    let losses = String::from_utf8(file("whole", "loss.txt")).unwrap();
    assert_eq!(losses.lines().count(), 1 + 60, "{losses}");
    let check_same = || {
        assert_eq!(String::from_utf8(file("killed", "loss.txt")).unwrap(), losses);
        for name in ["training.safetensors", "model.safetensors", "config.json", "tokenizer.json"] {
            assert!(file("killed", name) == file("whole", name), "{name} differs");
        }
    };

    let mut rng = Rng::new(7);
    let mut n_killed = 0;
    let mut command = begin(&dir, "killed");
    let mut n_before_first_weights = 0;
    let mut n_in_a_write = 0;
    while n_killed < 20 {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // From the first milliseconds on: the early ones hit the reading and the first writes, the late ones some steps.
        let limit = if n_killed % 3 == 0 { 40 } else { 200 };
        std::thread::sleep(Duration::from_millis(1 + rng.below(limit) as u64));
        child.kill().unwrap(); // SIGKILL: nothing can be tidied up
        let status = child.wait().unwrap();
        if status.success() {
            // It was faster. Start again: every kill must hit a run that is under way.
            check_same();
            fs::remove_dir_all(dir.join("killed")).unwrap();
            command = begin(&dir, "killed");
            continue;
        }
        assert!(status.code().is_none() || !cfg!(unix), "it ended by itself: {status}");
        n_killed += 1;
        // Before the run is even written down there is nothing to resume: start again, as a person would.
        let is_begun = dir.join("killed/training.safetensors").exists();
        command = if is_begun { resume(&dir, "killed") } else { begin(&dir, "killed") };
        if dir.join("killed/model.safetensors").exists() {
            checkpoint::load(dir.join("killed")).unwrap(); // whole at every moment
        } else {
            n_before_first_weights += 1;
        }
        let mut files = fs::read_dir(dir.join("killed")).into_iter().flatten();
        let is_half = files.any(|entry| entry.unwrap().path().extension().is_some_and(|ending| ending == "tmp"));
        n_in_a_write += usize::from(is_half);
    }
    let output = run(&mut command);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    check_same();
    println!(
        "of {n_killed} kills, {n_before_first_weights} came before the first weights; {n_in_a_write} left half a file"
    );

    let mut greedy = Command::new(example("greedy"));
    let output = run(greedy.current_dir(&dir).args(["--model", "killed", "--tokens", "5", "the fox"]));
    assert!(output.status.success() && !output.stdout.is_empty());

    // A run that is complete says so, and changes nothing.
    let output = run(&mut resume(&dir, "killed"));
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("all 60 steps have been made"));
    assert_eq!(String::from_utf8(file("killed", "loss.txt")).unwrap(), losses);
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_run_in_bf16_that_is_stopped_and_resumed_gives_what_an_uninterrupted_one_gives() {
    let dir = directory("bf16");
    let begin = |out: &str| {
        let mut command = begin(&dir, out);
        command.args(["--steps", "12", "--batch", "4"]);
        command
    };
    let success = |command: &mut Command| {
        let output = run(command);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{stderr}");
        stderr
    };
    assert!(success(begin("whole").args(["--precision", "bf16"])).contains("; products in bf16"));

    // Begun as the program begins it, and stopped after 5 steps, the last two of which have not been saved.
    let (n_embd, n_ctx) = (32, 32);
    let sizes = Settings { n_layer: 2, n_head: 2, n_embd, n_ctx, n_vocab: 280, batch: 4, ..Settings::default() };
    let often = Settings { steps: 12, warmup: 0, valid_every: 7, save_every: 3, ..sizes };
    let settings = Settings { precision: Arithmetic::Bf16, ..often };
    let inputs = Inputs { train: vec![dir.join("text.txt")], valid: vec![dir.join("valid.txt")], init: None };
    let mut trainer = Trainer::begin(settings, inputs, dir.join("stopped")).unwrap();
    for step in 1..=5 {
        trainer.make_step().unwrap();
        if step == 3 {
            trainer.save().unwrap();
        }
    }
    drop(trainer);
    let stderr = success(&mut resume(&dir, "stopped")); // nothing else is needed
    assert!(stderr.contains("; products in bf16") && stderr.contains("going on after step 3"), "{stderr}");

    let file = |run: &str, name: &str| fs::read(dir.join(run).join(name)).unwrap();
    for name in ["training.safetensors", "model.safetensors", "loss.txt"] {
        assert!(file("stopped", name) == file("whole", name), "{name} differs");
    }
    // The same run in f32 is another one, and says nothing of it.
    assert!(!success(&mut begin("f32")).contains("products in"));
    assert!(file("f32", "model.safetensors") != file("whole", "model.safetensors"));
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_directory_that_holds_a_run_or_a_model_is_not_written_over() {
    let dir = directory("kept");
    assert!(run(begin(&dir, "out").args(["--steps", "2"])).status.success());
    let before = fs::read(dir.join("out/training.safetensors")).unwrap();
    let line = error_line(&mut begin(&dir, "out"), 1);
    assert!(line.contains("training.safetensors") && line.contains("--resume"), "{line}");
    assert!(fs::read(dir.join("out/training.safetensors")).unwrap() == before);

    fs::create_dir(dir.join("model")).unwrap();
    fs::write(dir.join("model/model.safetensors"), "precious").unwrap();
    let line = error_line(&mut begin(&dir, "model"), 1);
    assert!(line.contains("model.safetensors") && line.contains("another directory"), "{line}");
    assert_eq!(fs::read(dir.join("model/model.safetensors")).unwrap(), b"precious");

    // Nor is any other file that a run would write, no matter who wrote it. (And generation_config.json would say where
    // texts end.)
    let vocabulary = ["vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json"];
    for name in ["loss.txt", "config.json", "generation_config.json"].into_iter().chain(vocabulary) {
        let out = dir.join(format!("with-{name}"));
        fs::create_dir(&out).unwrap();
        fs::write(out.join(name), "precious").unwrap();
        let line = error_line(&mut begin(&dir, out.to_str().unwrap()), 1);
        assert!(line.contains(name) && line.contains("another directory"), "{line}");
        assert_eq!(fs::read(out.join(name)).unwrap(), b"precious");
        assert_eq!(fs::read_dir(&out).unwrap().count(), 1);
    }
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_run_whose_texts_changed_or_whose_state_is_damaged_is_refused() {
    let dir = directory("changed");
    assert!(run(begin(&dir, "out").args(["--steps", "3"])).status.success());
    for name in ["text.txt", "valid.txt"] {
        let text = fs::read(dir.join(name)).unwrap();
        fs::write(dir.join(name), [&text[..], b"More."].concat()).unwrap();
        assert!(error_line(&mut resume(&dir, "out"), 1).contains("have changed"));
        fs::write(dir.join(name), text).unwrap();
    }
    let text = fs::read(dir.join("text.txt")).unwrap();
    fs::remove_file(dir.join("text.txt")).unwrap();
    assert!(error_line(&mut resume(&dir, "out"), 1).contains("text.txt"));
    fs::write(dir.join("text.txt"), text).unwrap();
    assert!(run(&mut resume(&dir, "out")).status.success());

    assert!(error_line(&mut resume(&dir, "nowhere"), 1).contains("no run has begun"));
    let state = dir.join("out/training.safetensors");
    let whole = fs::read(&state).unwrap();
    let mut rng = Rng::new(3);
    for _ in 0..8 {
        fs::write(&state, &whole[..rng.below(whole.len())]).unwrap();
        assert!(error_line(&mut resume(&dir, "out"), 1).contains("training.safetensors"));
    }
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn half_a_file_that_a_killed_write_left_does_no_harm() {
    let dir = directory("halves");
    assert!(run(begin(&dir, "out").args(["--steps", "3"])).status.success());
    for name in ["training.safetensors.tmp", "model.safetensors.tmp", "loss.txt.tmp"] {
        fs::write(dir.join("out").join(name), "half").unwrap();
    }
    // And a loss file with an unfinished line, and with lines of steps that the state has not made.
    let losses = fs::read_to_string(dir.join("out/loss.txt")).unwrap();
    fs::write(dir.join("out/loss.txt"), format!("{losses}4 1.0\n5 1.")).unwrap();
    assert!(run(&mut resume(&dir, "out")).status.success());
    assert_eq!(fs::read_to_string(dir.join("out/loss.txt")).unwrap(), losses);
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_run_is_resumed_from_anywhere() {
    let dir = directory("anywhere");
    assert!(run(begin(&dir, "out").args(["--steps", "3"])).status.success());
    let mut command = Command::new(example("train"));
    let output = run(command.current_dir(std::env::temp_dir()).arg("--resume").arg(dir.join("out")));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn texts_that_cannot_be_learned_from_are_refused_and_tiny_ones_are_learned() {
    let dir = directory("texts");
    let train = |file: &str, out: &str| {
        let mut command = Command::new(example("train"));
        command.current_dir(&dir).args([file, "--out", out, "--steps", "3", "--n-layer", "1", "--n-embd", "16"]);
        command
    };
    fs::write(dir.join("tiny.txt"), "Hi!").unwrap();
    let output = run(&mut train("tiny.txt", "tiny"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert!(stderr.contains(" tokens, fewer than a sentence"), "{stderr}");
    fs::write(dir.join("empty.txt"), "").unwrap();
    let line = error_line(&mut train("empty.txt", "empty"), 1);
    assert!(line.contains("empty.txt: the file is empty: give a training text of at least a sentence"), "{line}");
    fs::write(dir.join("blank.txt"), "\n \n\t\n").unwrap();
    let line = error_line(&mut train("blank.txt", "blank"), 1);
    assert!(line.contains("blank.txt: the file has only white space: give a training text"), "{line}");
    for name in ["empty.txt", "blank.txt"] {
        let line = error_line(train("text.txt", "no-valid").args(["--valid", name]), 1);
        assert!(line.contains(name) && line.contains("give a validation text of at least a sentence"), "{line}");
        let line = error_line(train("text.txt", "one-of-two").arg(name), 1);
        assert!(line.contains(name) && line.contains("training text") && line.contains("leave this one out"), "{line}");
    }
    fs::write(dir.join("latin.txt"), b"caf\xe9").unwrap();
    assert!(error_line(&mut train("latin.txt", "latin"), 1).contains("not UTF-8"));
    assert!(error_line(&mut train("missing.txt", "missing"), 1).contains("missing.txt"));
    let wrong = "--lr 0,--lr -1,--lr nan,--lr inf,--lr 2,--lr fast,--batch 0,--n-head 3,--n-vocab 256,--steps -1,\
                 --save-every 0,--seed x";
    for wrong in wrong.split(',').map(|words| words.split(' ')) {
        error_line(train("text.txt", "wrong").args(wrong), 2);
        assert!(!dir.join("wrong").exists());
    }
    for steps in ["1e3", "-5", "0", "0.5"] {
        let line = error_line(train("text.txt", "wrong").args(["--steps", steps]), 2);
        assert!(line.contains("--steps wants a whole number of 1 or more, not ") && line.contains(steps), "{line}");
        assert!(!dir.join("wrong").exists());
    }
    let line = error_line(train("text.txt", "wrong").args(["--layers", "2"]), 2);
    let meant = "error: there is no flag \"--layers\"; did you mean --n-layer? There are --out";
    assert!(line.starts_with(meant), "{line}");
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_run_that_cannot_begin_leaves_nothing_behind_and_can_be_tried_again() {
    let dir = directory("again");
    for name in ["text.txt", "valid.txt"] {
        let text = fs::read(dir.join(name)).unwrap();
        fs::write(dir.join(name), "").unwrap();
        let line = error_line(&mut begin(&dir, "out"), 1);
        assert!(line.contains(name) && line.contains("the file is empty"), "{line}");
        fs::write(dir.join(name), text).unwrap();
    }
    let mut init = Command::new(example("train"));
    let line = error_line(init.current_dir(&dir).args(["text.txt", "--out", "out", "--init", "."]), 1);
    assert!(line.contains("config.json"), "{line}");
    // Typing errors: models and batches beyond any memory.
    for (flag, value) in
        [("--n-embd", "1000000000"), ("--batch", "1000000000000000000"), ("--accumulate", "18446744073709551615")]
    {
        let line = error_line(begin(&dir, "out").args([flag, value]), 1);
        assert!(line.contains("memory"), "{line}");
    }
    assert_eq!(fs::read_dir(dir.join("out")).unwrap().count(), 0);
    let output = run(begin(&dir, "out").args(["--steps", "1"]));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_run_that_was_only_asked_for_begins_when_it_is_resumed() {
    let dir = directory("asked");
    assert!(run(begin(&dir, "whole").args(["--steps", "5"])).status.success());
    // What is on the disk if the run is killed while it learns its vocabulary.
    let settings = Settings {
        n_layer: 2,
        n_head: 2,
        n_embd: 32,
        n_ctx: 32,
        n_vocab: 280,
        batch: 8,
        steps: 5,
        warmup: 0,
        valid_every: 7,
        save_every: 3,
        ..Settings::default()
    };
    let path = |name: &str| fs::canonicalize(dir.join(name)).unwrap();
    let inputs = Inputs { train: vec![path("text.txt")], valid: vec![path("valid.txt")], init: None };
    fs::create_dir(dir.join("asked")).unwrap();
    write_request(&dir.join("asked/training.safetensors"), &settings, &inputs).unwrap();
    assert!(run(&mut resume(&dir, "asked")).status.success());
    for name in ["training.safetensors", "model.safetensors", "loss.txt"] {
        let [whole, asked] = ["whole", "asked"].map(|run| fs::read(dir.join(run).join(name)).unwrap());
        assert!(asked == whole, "{name} differs");
    }
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_state_changed_at_random_is_an_error_or_a_run_and_never_a_panic() {
    let dir = directory("damaged");
    assert!(run(begin(&dir, "out").args(["--steps", "2"])).status.success());
    let out = dir.join("out");
    let state = out.join("training.safetensors");
    let whole = fs::read(&state).unwrap();
    let n_header = 8 + u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
    let digits: Vec<usize> = (8..n_header).filter(|&at| whole[at].is_ascii_digit()).collect();
    let mut rng = Rng::new(11);
    let mut n_errors = 0;
    for i in 0..400 {
        let mut damaged = whole.clone();
        for _ in 0..1 + rng.below(2) {
            match i % 2 {
                // Other numbers: most of them are in the vocabulary, at the end, and the settings are at the beginning.
                0 => damaged[digits[rng.below(digits.len()).min(rng.below(200))]] = b'0' + rng.below(10) as u8,
                _ => damaged[rng.below(n_header)] = rng.below(256) as u8,
            }
        }
        fs::write(&state, damaged).unwrap();
        match Trainer::resume(&out) {
            Ok(mut trainer) => {
                // A step too, if it is a small one.
                let settings = &trainer.state.settings;
                if settings.batch < 100 && settings.accumulate < 10 {
                    let _ = trainer.make_step();
                }
            }
            Err(error) => {
                n_errors += 1;
                assert!(!error.to_string().contains('\n'), "{error}");
            }
        }
    }
    // Some damage is none (the same digit again), or another run (a higher rate).
    println!("{n_errors} of 400 were errors");
    assert!((100..350).contains(&n_errors), "{n_errors}");
    fs::remove_dir_all(&dir).unwrap();
}
