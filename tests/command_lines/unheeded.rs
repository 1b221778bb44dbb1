//! What is given and cannot count is said in a line: it is not silently left out.

use crate::examples::{command, error_of, run, scratch, success};
use gpt60::checkpoint::{self, Dtype};
use gpt60::kernels::cpu::{Level, detected};
use gpt60::tokenizer::Tokenizer;
use gpt60::{Config, Gpt2, Rng};
use std::fs;
use std::path::Path;

/// The lines on standard error of a short text that is written with this environment.
fn notes(variable: &str, value: &str) -> Vec<String> {
    let mut greedy = command(&std::env::temp_dir(), "greedy", &["--tokens", "2"]);
    let (_, stderr) = success(run(greedy.env(variable, value)));
    stderr.lines().filter(|line| line.contains(variable)).map(str::to_string).collect()
}

#[test]
fn a_number_of_threads_that_is_none_is_said_once() {
    for wrong in ["abc", "0", "-1", "1.5", "257", "99999999999999999999"] {
        let notes = notes("GPT60_THREADS", wrong);
        assert_eq!(notes.len(), 1, "{notes:?}");
        assert!(notes[0].contains(&format!("{wrong:?}")) && notes[0].contains("from 1 to 256"), "{notes:?}");
    }
    for right in ["1", " 2 ", "256", ""] {
        assert!(notes("GPT60_THREADS", right).is_empty(), "{right:?}");
    }
}

#[test]
fn instructions_that_nobody_knows_or_this_processor_lacks_are_said_once() {
    for wrong in ["sse", "AVX2", "avx2 avx512"] {
        let notes = notes("GPT60_INSTRUCTIONS", wrong);
        assert_eq!(notes.len(), 1, "{notes:?}");
        assert!(notes[0].contains("and not baseline, avx2 or avx512"), "{notes:?}");
    }
    for (word, level) in [("baseline", Level::Baseline), ("avx2", Level::Avx2), ("avx512", Level::Avx512)] {
        let notes = notes("GPT60_INSTRUCTIONS", word);
        assert_eq!(notes.len(), usize::from(level > detected()), "{notes:?}");
        assert!(notes.iter().all(|note| note.contains("which this processor does not have")), "{notes:?}");
    }
    assert!(notes("GPT60_INSTRUCTIONS", "").is_empty());
}

/// `train` with a tiny model on a short text.
fn train(dir: &Path, args: &str) -> std::process::Output {
    let sizes = "text.txt --n-layer 1 --n-head 2 --n-embd 8 --batch 2";
    let words = [sizes, args].join(" ");
    run(&mut command(dir, "train", &words.split(' ').collect::<Vec<_>>()))
}

#[test]
fn settings_of_train_that_cannot_count_are_said() {
    let dir = scratch("unheeded");
    fs::write(dir.join("text.txt"), "the fox and the moon ").unwrap();
    let (_, stderr) = success(train(&dir, "--steps 2 --warmup 3 --n-ctx 8 --out warmup"));
    assert!(stderr.contains("the warm-up of 3 steps is longer than the run of 2"), "{stderr}");
    let (_, stderr) = success(train(&dir, "--steps 2 --warmup 2 --n-ctx 8 --out as-long"));
    assert!(!stderr.contains("warm-up"), "{stderr}");
    let (_, stderr) = success(train(&dir, "--steps 2 --n-vocab 257 --n-ctx 64 --out short"));
    assert!(stderr.contains("shorter than a window of 64 tokens: the windows have 21"), "{stderr}"); // 21 bytes, an end
    let error = error_of(train(&dir, "--valid-every 5 --out valid"), 2);
    assert!(error.contains("--valid-every is for a validation text"), "{error}");
    assert!(!dir.join("valid").exists());
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_context_beyond_that_of_the_model_to_begin_from_is_refused() {
    let dir = scratch("n-ctx");
    fs::write(dir.join("text.txt"), "the fox and the moon ".repeat(9)).unwrap();
    let tokenizer = Tokenizer::learn("the fox and the moon", 262).unwrap();
    let model = Gpt2::random(&Config::new(tokenizer.n_vocab(), 16, 12, 3, 1), &mut Rng::new(5)).unwrap();
    checkpoint::save(dir.join("model"), &model, Some(&tokenizer), Dtype::F32).unwrap();
    let tune = |args: &str| {
        let words = ["text.txt --init model --steps 1 --batch 1", args].join(" ");
        run(&mut command(&dir, "train", &words.split(' ').collect::<Vec<_>>()))
    };
    let error = error_of(tune("--n-ctx 17 --out more"), 2);
    assert!(error.contains("--n-ctx is 17") && error.contains("16 tokens"), "{error}");
    assert!(!dir.join("more").exists());
    success(tune("--n-ctx 16 --out as-many"));
    success(tune("--out usual")); // 128 is only the usual number: nobody has asked for it
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_flag_for_drawing_is_named_where_nothing_is_drawn() {
    let sample = |args: &[&str]| success(run(&mut command(&std::env::temp_dir(), "sample", args)));
    let (text, stderr) = sample(&["--temperature", "0", "--seed", "7", "--tokens", "3"]);
    assert!(stderr.contains("[--seed changes nothing: at temperature 0"), "{stderr}");
    let (greedy, stderr) = sample(&["--temperature", "0", "--tokens", "3"]);
    assert!(text == greedy && !stderr.contains("changes nothing"), "{stderr}");
}

#[test]
fn a_knob_is_named_where_the_logits_are_printed_as_they_are() {
    let logits = |args: &[&str]| success(run(&mut command(&std::env::temp_dir(), "logits", args)));
    let (plain, stderr) = logits(&["--raw"]);
    assert!(!stderr.contains("changes nothing"), "{stderr}");
    let (knobs, stderr) = logits(&["--raw", "--temperature", "0", "--top-k", "3"]);
    let said: Vec<&str> = stderr.lines().filter(|line| line.contains("changes nothing: --raw prints")).collect();
    assert!(said.len() == 2 && said[0].contains("--temperature") && said[1].contains("--top-k"), "{stderr}");
    assert!(!stderr.contains("at temperature 0"), "{stderr}");
    assert_eq!(knobs, plain);
    let (_, stderr) = logits(&["--probs", "--top-k", "3"]);
    assert!(!stderr.contains("changes nothing"), "{stderr}");
}
