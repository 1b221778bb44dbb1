//! `--stop` and `--min-tokens`: where a text ends, in every example that writes.

use crate::examples::{command, error_of, run, scratch, success};
use crate::{example, spaced};
use gpt60::checkpoint::{self, Dtype};
use gpt60::storybook;
use std::fs;

/// The greedy text after `Once upon a time`: a stop text of the tests is taken from it.
fn greedy_text() -> String {
    success(example("greedy", &["--tokens", "40"])).0.strip_suffix('\n').unwrap().to_string()
}

#[test]
fn a_text_ends_where_a_stop_text_would_begin() {
    let whole = greedy_text();
    // From the middle of one word into the next: it spans tokens.
    let middle = whole.find(" named").unwrap();
    let stop = &whole[middle + 3..middle + 9];
    assert!(stop.contains(' '), "{stop}");
    let expected = whole[..whole.find(stop).unwrap()].to_string() + "\n";
    let stops = ["--tokens", "40", "--stop", "no such words", "--stop", stop];
    let (stdout, stderr) = success(example("greedy", &stops));
    assert_eq!(stdout, expected);
    assert!(
        stderr.contains("\n[a stop text ended the text]\n") || stderr.contains("[a stop text ended the text]"),
        "{stderr}"
    );
    // The same with `sample`, with its table, as one of several answers, and as the only beam.
    let sample = |args: &[&str]| success(example("sample", &[&["--temperature", "0"], &stops[..], args].concat()));
    assert_eq!(sample(&[]).0, expected);
    let (stdout, stderr) = sample(&["--show"]);
    assert_eq!(stdout, expected);
    assert!(stderr.contains("[a stop text ended the text]"), "{stderr}");
    assert_eq!(sample(&["--count", "2"]).0, [expected.replace('\n', ""), "\n".to_string()].concat().repeat(2));
    let (stdout, _) = success(example("beam", &[&["--beams", "1"], &stops[..]].concat()));
    assert_eq!(stdout.split_once('\t').unwrap().1, expected);
    // A stop text that does not come, and the beginning of one at the very end: nothing is lost.
    let almost = format!("{}!!", &whole[whole.len() - 3..]);
    let (stdout, stderr) = success(example("greedy", &["--tokens", "40", "--stop", &almost]));
    assert_eq!(stdout, format!("{whole}\n"));
    assert!(!stderr.contains("stop text"), "{stderr}");
}

#[test]
fn several_beams_finish_at_a_stop_text() {
    let args = ["--beams", "3", "--count", "3", "--tokens", "20", "--stop", "."];
    let (stdout, _) = success(example("beam", &args));
    assert_eq!(stdout.lines().count(), 3);
    assert!(stdout.lines().all(|line| !line.split_once('\t').unwrap().1.contains('.')), "{stdout}");
}

#[test]
fn an_answer_in_ids_ends_with_the_id_that_completes_the_stop_text() {
    let tokenizer = storybook::load().tokenizer.unwrap();
    let prompt = spaced(&tokenizer.encode("Once upon a time"));
    for name in ["greedy", "sample"] {
        let args = ["--tokens", "40", "--ids", &prompt, "--stop", " named"];
        let (stdout, stderr) =
            success(example(name, &[&args[..], if name == "sample" { &["--temperature=0"] } else { &[] }].concat()));
        let ids: Vec<u32> = stdout.split_whitespace().map(|id| id.parse().unwrap()).collect();
        let text = |ids: &[u32]| tokenizer.decode(ids).unwrap();
        assert!(text(&ids).contains(" named") && !text(&ids[..ids.len() - 1]).contains(" named"), "{stdout}");
        assert!(stderr.contains("[a stop text ended the text]"), "{stderr}");
    }
}

#[test]
fn without_a_vocabulary_a_stop_text_is_an_error_with_its_remedy() {
    let dir = scratch("stop-without-words");
    checkpoint::save(&dir, &storybook::load().model, None, Dtype::F16).unwrap();
    for name in ["greedy", "sample", "beam"] {
        let error = error_of(run(&mut command(&dir, name, &["--model", ".", "--ids", "5", "--stop", "a"])), 1);
        assert!(error.contains("leave --stop out") && error.contains("tokenizer.json"), "{error}");
    }
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn no_text_ends_before_as_many_tokens_as_are_asked_for() {
    // The storybook ends this text at once, or nearly so.
    let ended = "They all lived happily ever after. The end.";
    let (stdout, stderr) = success(example("greedy", &[ended]));
    assert!(stderr.contains("[the model ended its text]"), "{stderr}");
    let n_made = |stderr: &str| -> usize {
        let line = stderr.lines().find(|line| line.contains(" tokens, ")).unwrap();
        line.trim_start_matches(|c: char| c != '[').trim_start_matches('[').split(' ').next().unwrap().parse().unwrap()
    };
    assert!(n_made(&stderr) < 12, "{stdout} {stderr}");
    for args in [&["greedy"][..], &["sample", "--temperature=0"], &["sample", "--temperature=0", "--show"]] {
        let (_, stderr) = success(example(args[0], &[&args[1..], &["--min-tokens", "12", ended]].concat()));
        assert!(n_made(&stderr) >= 12, "{args:?}: {stderr}");
        assert_eq!(stderr.contains("min-tok."), args.contains(&"--show"), "{stderr}");
    }
    let (stdout, _) = success(example("sample", &["--count=2", "--temperature=0", "--min-tokens=12", ended]));
    let text = success(example("greedy", &["--min-tokens", "12", ended])).0.trim_end_matches('\n').replace('\n', "\\n");
    assert_eq!(stdout, format!("{text}\n{text}\n"));
    let ids = spaced(&storybook::load().tokenizer.unwrap().encode(ended));
    let (stdout, _) = success(example("beam", &["--min-tokens=12", "--beams=3", "--ids", &ids]));
    assert!(stdout.split_once('\t').unwrap().1.split(' ').count() > 12, "{stdout}");
}
