//! A run whose texts have moved, that shall be longer than it was begun, or shall go on with other texts.

#[path = "common/examples.rs"]
mod examples;

use examples::{command, error_of, run, scratch, success};
use gpt60::Rng;
use gpt60::train::changes::Changes;
use gpt60::train::run::Trainer;
use gpt60::train::schedule::Schedule;
use gpt60::train::settings::{Inputs, Settings};
use gpt60::train::state::write_request;
use gpt60::train::step::StepReport;
use std::fs;
use std::path::{Path, PathBuf};

/// A text of random words from a short list.
fn text(seed: u64, n_words: usize) -> String {
    let mut rng = Rng::new(seed);
    let words = ["the ", "fox ", "saw ", "a ", "moon ", "and ", "water ", "ran ", "away. ", "she ", "sang. "];
    (0..n_words).map(|_| words[rng.below(words.len())]).collect()
}

/// A directory of its own for a test, with two texts to learn from and one for validation.
fn directory(name: &str) -> PathBuf {
    let dir = scratch(&format!("elsewhere-{name}"));
    for (name, seed) in [("one.txt", 1), ("two.txt", 2), ("valid.txt", 3)] {
        fs::write(dir.join(name), text(seed, 200)).unwrap();
    }
    dir
}

fn settings() -> Settings {
    let sizes = Settings { n_layer: 1, n_head: 2, n_embd: 8, n_ctx: 16, n_vocab: 270, ..Settings::default() };
    Settings { batch: 2, steps: 12, warmup: 2, valid_every: 5, save_every: 4, ..sizes }
}

fn inputs(dir: &Path) -> Inputs {
    let paths = |names: &[&str]| names.iter().map(|name| dir.join(name)).collect();
    Inputs { train: paths(&["one.txt", "two.txt"]), valid: paths(&["valid.txt"]), init: None }
}

/// A run that was stopped after `n` steps.
fn stopped(inputs: Inputs, out: &Path, n: u64) -> Vec<StepReport> {
    let mut trainer = Trainer::begin(settings(), inputs, out).unwrap();
    let reports = (0..n).map(|_| trainer.make_step().unwrap()).collect();
    trainer.save().unwrap();
    reports
}

/// Makes all remaining steps.
fn finish(mut trainer: Trainer) -> Vec<StepReport> {
    let mut reports = Vec::new();
    trainer.run(|report| reports.push(*report)).unwrap();
    reports
}

fn resume(out: &Path, changes: &Changes) -> gpt60::Result<Trainer> {
    Trainer::resume_with(out, changes, |_, _| ())
}

fn check_same_files(a: &Path, b: &Path) {
    for name in ["model.safetensors", "loss.txt", "tokenizer.json", "config.json"] {
        assert!(fs::read(a.join(name)).unwrap() == fs::read(b.join(name)).unwrap(), "{name} differs");
    }
}

#[test]
fn a_run_whose_texts_have_moved_is_bit_for_bit_the_run_that_never_stopped() {
    let dir = directory("moved");
    let (whole, moved) = (dir.join("whole"), dir.join("moved"));
    let all = finish(Trainer::begin(settings(), inputs(&dir), &whole).unwrap());
    stopped(inputs(&dir), &moved, 5);

    let new = dir.join("new");
    fs::create_dir(&new).unwrap();
    fs::rename(dir.join("one.txt"), new.join("uno.txt")).unwrap();
    fs::rename(dir.join("two.txt"), new.join("due.txt")).unwrap();
    // The text that is gone is named, and the flag that says where it is.
    let error = Trainer::resume(&moved).unwrap_err().to_string();
    assert!(error.contains("one.txt") && error.contains("--resume DIR FILE") && error.contains("all 2"), "{error}");
    fs::rename(dir.join("valid.txt"), new.join("valid.txt")).unwrap();
    let mut changes = Changes { train: vec![new.join("uno.txt"), new.join("due.txt")], ..Changes::default() };
    let error = resume(&moved, &changes).unwrap_err().to_string();
    assert!(error.contains("valid.txt") && error.contains("--valid FILE"), "{error}");
    changes.valid = vec![new.join("valid.txt")];
    // In another order they are other texts.
    let turned = Changes { train: vec![new.join("due.txt"), new.join("uno.txt")], ..changes.clone() };
    let error = resume(&moved, &turned).unwrap_err().to_string();
    assert!(error.contains("have changed") && error.contains("same order"), "{error}");

    let mut trainer = resume(&moved, &changes).unwrap();
    assert!(trainer.notes().is_empty(), "{:?}", trainer.notes());
    assert_eq!((0..2).map(|_| trainer.make_step().unwrap()).collect::<Vec<_>>(), all[5..7]);
    trainer.save().unwrap();
    drop(trainer);
    // The new places are kept: nothing needs to be said again.
    assert_eq!(finish(Trainer::resume(&moved).unwrap()), all[7..]);
    check_same_files(&whole, &moved);
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_run_that_is_complete_goes_on_to_more_steps_along_the_cosine_of_the_longer_run() {
    let dir = directory("longer");
    let out = dir.join("run");
    finish(Trainer::begin(settings(), inputs(&dir), &out).unwrap());
    let losses = fs::read_to_string(out.join("loss.txt")).unwrap();
    let more = |steps| Changes { steps: Some(steps), ..Changes::default() };
    let error = resume(&out, &more(11)).unwrap_err().to_string();
    assert!(error.contains("--steps") && error.contains("11") && error.contains("12 steps"), "{error}");
    assert_eq!(finish(resume(&out, &more(12)).unwrap()), []);

    let mut trainer = resume(&out, &more(20)).unwrap();
    let notes = trainer.notes().to_vec();
    assert!(notes.len() == 1 && notes[0].contains("20 steps in all, no longer 12"), "{notes:?}");
    let Settings { lr, warmup, .. } = settings();
    let schedule = Schedule { peak: lr, warmup, steps: 20 };
    for step in 12..15 {
        assert_eq!(trainer.make_step().unwrap().lr, schedule.rate(step));
    }
    drop(trainer); // stopped: the last save is that of step 12, with 20 steps as the end
    let reports = finish(Trainer::resume(&out).unwrap());
    assert_eq!(reports.iter().map(|report| report.step).collect::<Vec<_>>(), (13..=20).collect::<Vec<_>>());
    assert!(reports.iter().zip(12..).all(|(report, step)| report.lr == schedule.rate(step)));
    let longer = fs::read_to_string(out.join("loss.txt")).unwrap();
    assert!(longer.starts_with(&losses) && longer.lines().count() == 1 + 20, "{longer}");
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn other_texts_are_refused_unless_they_are_asked_for() {
    let dir = directory("other");
    let out = dir.join("run");
    stopped(inputs(&dir), &out, 5);
    let state = fs::read(out.join("training.safetensors")).unwrap();
    fs::write(dir.join("other.txt"), text(9, 300)).unwrap();
    let other = Changes { train: vec![dir.join("other.txt")], ..Changes::default() };
    let error = resume(&out, &other).unwrap_err().to_string();
    for part in ["have changed", "--new-text", "--init DIR", "tokens of text and for validation then"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert!(fs::read(out.join("training.safetensors")).unwrap() == state, "a refusal has changed the state");

    let trainer = resume(&out, &Changes { new_text: true, ..other }).unwrap();
    assert!(trainer.notes()[0].contains("not those of before"), "{:?}", trainer.notes());
    let n_tokens = trainer.n_train_tokens();
    let vocabulary = fs::read(out.join("tokenizer.json")).unwrap();
    drop(trainer);
    let trainer = Trainer::resume(&out).unwrap(); // from now on they are the run's texts
    assert!((trainer.n_train_tokens(), trainer.step()) == (n_tokens, 5));
    assert_eq!(finish(trainer).len(), 7);
    assert!(fs::read(out.join("tokenizer.json")).unwrap() == vocabulary);

    // A text that was changed in its place: the same answer, and the same remedy.
    fs::write(dir.join("other.txt"), text(10, 300)).unwrap();
    assert!(Trainer::resume(&out).unwrap_err().to_string().contains("--new-text"));
    let changes = Changes { new_text: true, ..Changes::default() };
    assert!(resume(&out, &changes).unwrap().notes()[0].contains("not those of before"));
    assert!(resume(&out, &changes).unwrap().notes()[0].contains("not needed"));
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_validation_text_that_is_added_changes_nothing_of_what_is_learned() {
    let dir = directory("added");
    let without = Inputs { valid: Vec::new(), ..inputs(&dir) };
    let all = finish(Trainer::begin(settings(), without.clone(), dir.join("whole")).unwrap());
    stopped(without, &dir.join("run"), 4);
    let changes = Changes { valid: vec![dir.join("valid.txt")], ..Changes::default() };
    let later = finish(resume(&dir.join("run"), &changes).unwrap());
    assert_eq!(later.iter().map(|report| report.loss).collect::<Vec<_>>(), {
        all[4..].iter().map(|report| report.loss).collect::<Vec<_>>()
    });
    assert_eq!(later.iter().filter(|report| report.valid_loss.is_some()).count(), 3); // after steps 5, 10 and 12
    Trainer::resume(dir.join("run")).unwrap();
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_run_that_was_only_asked_for_begins_with_the_texts_in_their_new_place() {
    let dir = directory("asked");
    let all = finish(Trainer::begin(settings(), inputs(&dir), dir.join("whole")).unwrap());
    let out = dir.join("run");
    fs::create_dir(&out).unwrap();
    write_request(&out.join("training.safetensors"), &settings(), &inputs(Path::new("/no/such/folder"))).unwrap();
    assert!(Trainer::resume(&out).unwrap_err().to_string().contains("/no/such/folder/one.txt"));
    let Inputs { train, valid, .. } = inputs(&dir);
    let mut seen = Vec::new();
    let changes = Changes { train, valid, ..Changes::default() };
    let trainer = Trainer::resume_with(&out, &changes, |n, of| seen.push((n, of))).unwrap();
    assert_eq!(seen.last(), Some(&(270, 270)));
    assert_eq!(finish(trainer), all);
    check_same_files(&dir.join("whole"), &out);
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn the_command_line_names_the_remedies_and_takes_them() {
    let dir = directory("flags");
    let train = |args: &str| run(&mut command(&dir, "train", &args.split(' ').collect::<Vec<_>>()));
    let sizes = "--n-layer 1 --n-head 2 --n-embd 8 --n-ctx 16 --n-vocab 270 --batch 2 --steps 3";
    success(train(&format!("one.txt --text two.txt --out run {sizes}")));
    fs::create_dir(dir.join("new")).unwrap();
    for name in ["one.txt", "two.txt"] {
        fs::rename(dir.join(name), dir.join("new").join(name)).unwrap();
    }
    assert!(error_of(train("--resume run"), 1).contains("one.txt: this text of the run is not there any more"));
    assert!(error_of(train("--resume run new/one.txt"), 1).contains("--new-text"));
    assert!(error_of(train("--resume run new/no-such-text"), 1).contains("no-such-text"));
    assert!(error_of(train("--resume run --out other"), 2).contains("--out is not for --resume"));
    assert!(error_of(train("--resume run new/one.txt new/two.txt --steps 2"), 1).contains("has made 3 steps"));

    let (_, notes) = success(train("--resume run new/one.txt new/two.txt --steps 5"));
    assert!(notes.contains("going on after step 3") && notes.contains("5 steps in all, no longer 3"), "{notes}");
    let (_, notes) = success(train("--resume run --text new/one.txt --text new/two.txt"));
    assert!(notes.contains("all 5 steps have been made"), "{notes}");
    let (_, notes) = success(train("--resume run new/one.txt --new-text --steps 6"));
    assert!(notes.contains("the texts are not those of before"), "{notes}");
    assert_eq!(fs::read_to_string(dir.join("run/loss.txt")).unwrap().lines().count(), 1 + 6);
    fs::remove_dir_all(&dir).unwrap();
}
