//! The example `story`: what stands in the story is what was written in it, and nothing is lost.
//!
//! Sessions are scripts here, and the library says what the model must have written in them.

#[path = "common/examples.rs"]
mod examples;

// The parts of the example; their unit tests run here.
#[path = "../examples/story/author.rs"]
#[allow(dead_code)] // its only user, `main`, is not here
mod author;
#[path = "../examples/story/text.rs"]
#[allow(dead_code)] // the same
mod text;

use examples::{command, error_of, run, run_with_input, scratch, success};
use gpt60::checkpoint::{Checkpoint, Dtype, hugging_face};
use gpt60::generate::{Sampler, greedy};
use gpt60::tokenizer::Tokenizer;
use gpt60::{Config, Gpt2, Rng, Tensor, storybook};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::Stdio;

/// Runs a session with the lines of `script`, in `dir`: the story, and what was said about it.
fn session_in(dir: &Path, args: &[&str], script: &str) -> (String, String) {
    success(run_with_input(&mut command(dir, "story", args), script.as_bytes()))
}

/// The same where no file is written.
fn session(args: &[&str], script: &str) -> (String, String) {
    session_in(&std::env::temp_dir(), args, script)
}

/// What was said, without the advice at the end on how to get the real GPT-2, and whether the model ended its text.
fn notes(stderr: &str) -> Vec<&str> {
    let other = |line: &&str| !line.contains("the real GPT-2") && !line.starts_with("[the model ended");
    stderr.lines().filter(other).collect()
}

/// A story as it is printed: with a line break at the end, unless it has one.
fn lines_of(stories: &[&str]) -> String {
    stories.iter().map(|story| if story.ends_with('\n') { story.to_string() } else { format!("{story}\n") }).collect()
}

/// A story and the line that was added to it. The rule has unit tests of its own.
fn joined(story: &str, line: &str) -> String {
    format!("{story}{}{line}", text::joint(story, line))
}

/// The knobs that a story has if nothing is said.
fn sampler(seed: u64) -> Sampler {
    Sampler { temperature: 0.8, top_p: 0.95, ..Sampler::new(seed) }
}

/// What the storybook writes after ids, and whether it ended its text.
fn written_after(story: &Checkpoint, ids: &[u32], n_tokens: usize, sampler: Sampler) -> (Vec<u32>, bool) {
    let tokens = story.model.generate(ids, sampler).unwrap().until(&story.end_ids).take(n_tokens);
    let mut ids: Vec<u32> = tokens.map(|id| id.unwrap()).collect();
    let is_end = ids.last().is_some_and(|id| story.end_ids.contains(id));
    if is_end {
        ids.pop();
    }
    (ids, is_end)
}

/// What it writes after a text that is not longer than its context.
fn piece(story: &Checkpoint, text: &str, n_tokens: usize, sampler: Sampler) -> String {
    let tokenizer = story.tokenizer.as_ref().unwrap();
    tokenizer.decode(&written_after(story, &tokenizer.encode(text), n_tokens, sampler).0).unwrap()
}

// ---------------------------------------------------------------------------------------------------------------------
// Writing
// ---------------------------------------------------------------------------------------------------------------------

#[test]
fn a_story_is_the_lines_and_what_the_model_writes_after_each() {
    let story = storybook::load();
    let mut text = "The little fox".to_string();
    text += &piece(&story, &text, 12, sampler(42));
    text = joined(&text, "Then a bird");
    text += &piece(&story, &text, 12, sampler(43));
    text += &piece(&story, &text, 12, sampler(44)); // an empty line
    text += &piece(&story, &text, 12, sampler(45)); // :more
    let script = "The little fox\nThen a bird\n\n:more\n";
    let expected = lines_of(&[&text]);
    for _ in 0..2 {
        let (stdout, stderr) = session(&["--tokens", "12"], script);
        assert_eq!((stdout, notes(&stderr)), (expected.clone(), vec![]));
    }
    // The beginning may stand on the command line. Line endings of Windows and a last line without one are the same.
    let (stdout, _) = session(&["--tokens=12", "The little fox"], "Then a bird\n\n:more");
    assert_eq!(stdout, expected);
    assert_eq!(session(&["--tokens=12"], &script.replace('\n', "\r\n")).0, expected);
    // The defaults are those of the help.
    let defaults = ["--tokens=60", "--temperature=0.8", "--top-p=0.95", "--seed=42", "--top-k=0"];
    assert_eq!(session(&defaults, "The fox\n").0, session(&[], "The fox\n").0);
    let help = success(run(&mut command(&std::env::temp_dir(), "story", &["--help"]))).0;
    for default in defaults {
        let (flag, value) = default.split_once('=').unwrap();
        let line = help.lines().find(|line| line.trim_start().starts_with(flag)).unwrap();
        assert!(line.contains(&format!("default: {value})")), "{line}");
    }
}

#[test]
fn the_first_turn_is_what_sample_writes() {
    let args = ["--temperature=0.8", "--top-p=0.95", "--seed=7", "--tokens=30", "The little fox"];
    let sampled = success(run(&mut command(&std::env::temp_dir(), "sample", &args))).0;
    let (stdout, _) = session(&args, "");
    assert_eq!(stdout.trim_end(), format!("The little fox{sampled}").trim_end()); // line breaks at the end aside
}

#[test]
fn a_model_that_is_given_nothing_begins_the_story() {
    let story = storybook::load();
    let (ids, _) = written_after(&story, &story.end_ids, 12, sampler(42));
    let expected = lines_of(&[&story.tokenizer.as_ref().unwrap().decode(&ids).unwrap()]);
    assert_eq!(session(&["--tokens=12"], "\n").0, expected);
    assert_eq!(session(&["--tokens=12"], ":more\n").0, expected);
    assert_eq!(session(&["--tokens=12", ""], "").0, expected);
    assert_eq!(session(&[], "").0, "");
}

#[test]
fn what_the_model_writes_is_there_before_the_next_line_is_read() {
    let mut command = command(&std::env::temp_dir(), "story", &["--tokens=5"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let story = storybook::load();
    let first = format!("The fox{}", piece(&story, "The fox", 5, sampler(42)));
    stdin.write_all(b"The fox\n").unwrap();
    let mut read = vec![0; first.len()];
    stdout.read_exact(&mut read).unwrap(); // would wait for ever if it came only at the end
    assert_eq!(read, first.as_bytes());
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_text_that_the_model_ended_goes_on() {
    let dir = scratch("story-ended");
    let mut story = storybook::load();
    let tokenizer = story.tokenizer.as_ref().unwrap();
    // The storybook, told that its fourth token ends the text.
    let ids = greedy(&story.model, &tokenizer.encode("The little fox"), &[]).unwrap().take(4);
    let ids: Vec<u32> = ids.map(|id| id.unwrap()).collect();
    assert!(!ids[..3].contains(&ids[3]));
    hugging_face::save(&dir, &story.model, story.tokenizer.as_ref(), Dtype::F16).unwrap();
    for file in ["config.json", "generation_config.json"] {
        let Ok(config) = fs::read_to_string(dir.join(file)) else { continue };
        let end = format!("\"eos_token_id\": {}", story.end_ids[0]);
        fs::write(dir.join(file), config.replace(&end, &format!("\"eos_token_id\": {}", ids[3]))).unwrap();
    }
    story.end_ids = vec![ids[3]];
    let mut text = "The little fox".to_string();
    text += &tokenizer.decode(&ids[..3]).unwrap();
    text = joined(&text, "One day");
    text += &piece(&story, &text, 6, Sampler::greedy());
    let args = ["--model=.", "--tokens=6", "--temperature=0"];
    let (stdout, stderr) = session_in(&dir, &args, "The little fox\nOne day\n");
    assert_eq!(stdout, lines_of(&[&text]));
    assert!(stderr.starts_with("[the model ended its text"), "{stderr}");
    fs::remove_dir_all(&dir).unwrap();
}

// ---------------------------------------------------------------------------------------------------------------------
// Commands
// ---------------------------------------------------------------------------------------------------------------------

#[test]
fn retry_writes_another_piece_with_the_next_seed() {
    let story = storybook::load();
    let [first, second, third] =
        [42, 43, 44].map(|seed| format!("The fox{}", piece(&story, "The fox", 12, sampler(seed))));
    assert!(first != second && second != third && third != first);
    // What was printed stays, and the story begins anew on the next line.
    let (stdout, stderr) = session(&["--tokens=12"], "The fox\n:retry\n:retry\n");
    assert_eq!(stdout, lines_of(&[&first, &second, &third]));
    assert_eq!(notes(&stderr), [""; 0]);
    // The seed of a piece gives that piece again.
    let (stdout, _) = session(&["--tokens=12"], "The fox\n:retry\n:seed 42\n:retry\n");
    assert!(stdout.ends_with(&lines_of(&[&second, &first])), "{stdout}");
}

#[test]
fn retry_is_never_the_same_again() {
    let story = storybook::load();
    // Of one token there are few. The rule says: the first of ten seeds with another piece, else the old one stays.
    for sampler in [sampler(42), Sampler { top_k: 2, ..sampler(42) }, Sampler { top_k: 1, ..sampler(42) }] {
        let one = |seed| piece(&story, "The little", 1, Sampler { rng: Rng::new(seed), ..sampler.clone() });
        let first = one(42);
        let other = (43..53).map(one).find(|other| *other != first && !other.is_empty());
        let (stdout, stderr) = session(&["--tokens=1", &format!("--top-k={}", sampler.top_k)], "The little\n:retry\n");
        match other {
            Some(other) => {
                assert_eq!(stdout, lines_of(&[&format!("The little{first}"), &format!("The little{other}")]));
            }
            None => {
                assert_eq!(stdout, lines_of(&[&format!("The little{first}")]));
                assert!(stderr.contains("try a higher :temperature"), "{stderr}");
            }
        }
        match sampler.top_k {
            0 => assert_eq!(stdout.lines().count(), 2),
            1 => assert_eq!(stdout.lines().count(), 1), // of one candidate there is no other
            _ => {}
        }
    }
}

#[test]
fn undo_drops_piece_after_piece_yours_and_the_models() {
    let story = storybook::load();
    let first = format!("The fox{}", piece(&story, "The fox", 8, sampler(42)));
    let yours = joined(&first, "and");
    let second = format!("{yours}{}", piece(&story, &yours, 8, sampler(43)));
    let undone = |n: usize| session(&["--tokens=8"], &format!("The fox\nand\n{}", ":undo\n".repeat(n))).0;
    assert_eq!(undone(0), lines_of(&[&second]));
    assert_eq!(undone(1), lines_of(&[&second, &yours]));
    assert_eq!(undone(2), lines_of(&[&second, &first]));
    assert_eq!(undone(3), lines_of(&[&second, "The fox"]));
    assert_eq!(undone(4), lines_of(&[&second])); // nothing is left, so there is nothing to print
    let (stdout, stderr) = session(&["--tokens=8"], &format!("The fox\n{}", ":undo\n".repeat(3)));
    assert_eq!(stdout, lines_of(&[&first]));
    let notes = notes(&stderr);
    assert_eq!(notes[..2], ["[the story now ends: \"The fox\"]", "[the story is empty now]"]);
    assert!(notes[2].contains("nothing to undo") && notes.len() == 3, "{notes:?}");
    // After it, the story goes on from what is left. Your line is no piece of the model's that could be retried.
    let (stdout, stderr) = session(&["--tokens=8"], "The fox\n:undo\n:retry\nand a bear\n");
    let after = piece(&story, "The fox and a bear", 8, sampler(43));
    assert_eq!(stdout, lines_of(&[&first, &format!("The fox and a bear{after}")]));
    assert!(stderr.contains("not the model's"), "{stderr}");
}

#[test]
fn choose_offers_and_takes_what_is_picked() {
    let story = storybook::load();
    let first = format!("The fox{}", piece(&story, "The fox", 10, sampler(42)));
    let offered: Vec<String> = (43..46).map(|seed| piece(&story, &first, 10, sampler(seed))).collect();
    assert!(offered[0] != offered[1] && offered[1] != offered[2] && offered[2] != offered[0]);
    for (n, piece) in (1..).zip(&offered) {
        let (stdout, stderr) = session(&["--tokens=10"], &format!("The fox\n:choose 3\n{n}\n"));
        assert_eq!(stdout, lines_of(&[&format!("{first}{piece}")]));
        let lines: Vec<&str> = stderr.lines().collect();
        for ((n, line), piece) in (1..).zip(&lines[..3]).zip(&offered) {
            let text = format!("{n}: {}", piece.trim().replace('\n', "\\n"));
            assert!(line.strip_prefix(&text).is_some_and(|rest| rest.is_empty() || rest == " [its text ends here]"));
        }
    }
    // None of them; and what is no number is explained.
    for none in ["0", ""] {
        assert_eq!(session(&["--tokens=10"], &format!("The fox\n:choose\n{none}\n")).0, lines_of(&[&first]));
    }
    let (stdout, stderr) = session(&["--tokens=10"], "The fox\n:choose\nthe second\n4\n-1\n:more\n2\n");
    assert_eq!(stdout, lines_of(&[&format!("{first}{}", offered[1])]));
    assert_eq!(stderr.matches("[choose first: a number from 1 to 3, or 0 for none of them]").count(), 4, "{stderr}");
    // The end of the input, and :quit, choose nothing. The piece that was picked is the model's.
    assert_eq!(session(&["--tokens=10"], "The fox\n:choose\n").0, lines_of(&[&first]));
    assert_eq!(session(&["--tokens=10"], "The fox\n:choose\n:quit\nmore\n").0, lines_of(&[&first]));
    let (stdout, _) = session(&["--tokens=10"], "The fox\n:choose\n1\n:undo\n");
    assert_eq!(stdout, lines_of(&[&format!("{first}{}", offered[0]), &first]));
    // A number is a line of the story when nothing is to be chosen.
    assert!(session(&["--tokens=10"], "The fox\n2\n").0.starts_with(&joined(&first, "2")));
}

#[test]
fn knobs_are_shown_and_set() {
    let script = ":temperature\n:temperature 0.5\n:temperature\n:top-k 40\n:top-p 0.9\n:repetition-penalty 1.2\n\
                  :no-repeat-ngram 3\n:seed 7\n:tokens 9\n:top-k\nThe fox\n:seed\n";
    let (stdout, stderr) = session(&[], script);
    let turned = Sampler {
        temperature: 0.5,
        top_k: 40,
        top_p: 0.9,
        repetition_penalty: 1.2,
        no_repeat_ngram: 3,
        ..Sampler::new(7)
    };
    assert_eq!(stdout, lines_of(&[&format!("The fox{}", piece(&storybook::load(), "The fox", 9, turned))]));
    let said = "[temperature 0.8] [temperature 0.5] [temperature 0.5] [top-k 40] [top-p 0.9] [repetition-penalty 1.2] \
                [no-repeat-ngram 3] [seed 7] [tokens 9] [top-k 40] [seed 8]";
    assert_eq!(notes(&stderr).join(" "), said);
    // And as flags.
    let flags =
        "--temperature=0.5 --top-k=40 --top-p=0.9 --repetition-penalty=1.2 --no-repeat-ngram=3 --seed=7 --tokens=9";
    assert_eq!(session(&flags.split(' ').collect::<Vec<_>>(), "The fox\n").0, stdout);
}

#[test]
fn a_command_that_makes_no_sense_is_explained_and_changes_nothing() {
    let bad = [
        (":foo", "\":foo\""),
        (":", ":help"),
        (": more", ":help"),
        (":quit now", "nothing stands after :quit"),
        (":undo 2", "nothing stands after :undo"),
        (":tokens 1e99", ":tokens 60"),
        (":tokens -1", ":tokens 60"),
        (":tokens 18446744073709551615", "10000 at most"),
        (":tokens 99999999999999999999", ":tokens 60"),
        (":temperature NaN", "must be 0 (the likeliest token) or above"),
        (":temperature 1e99", "must be 0 (the likeliest token) or above"),
        (":temperature -1", "must be 0 (the likeliest token) or above"),
        (":temperature 0,8", ":temperature 0.8"),
        (":top-p 2", "from 0 to 1"),
        (":top-k many", ":top-k 40"),
        (":repetition-penalty 0", "above 0"),
        (":no-repeat-ngram 0.5", ":no-repeat-ngram 3"),
        (":seed 1.5", ":seed 7"),
        (":choose 0", "from 1 to 20"),
        (":choose 99999999999999999999", "from 1 to 20"),
        (":choose all", "from 1 to 20"),
        (":save", ":save story.txt"),
        (":save no-such-directory/story.txt", "no-such-directory/story.txt"),
        (":save .", "choose another name"),
        (":save! .", "choose another name"),
        (":sh\u{1b}[Dow", "control characters"),
    ];
    let script: String = bad.iter().map(|(line, _)| format!("{line}\n")).collect();
    let expected = session(&["--tokens=8"], "The fox\nand\n").0;
    let (stdout, stderr) = session(&["--tokens=8"], &format!("The fox\n{script}and\n"));
    assert_eq!(stdout, expected);
    let lines = notes(&stderr);
    assert_eq!(lines.len(), bad.len(), "{stderr}");
    for ((command, remedy), line) in bad.iter().zip(lines) {
        let remedy = remedy.trim_matches('"').trim_start_matches(":foo");
        assert!(line.starts_with('[') && line.contains(remedy), "{command}: {line}");
    }
    // Too much is refused on the command line too, before anything is written.
    let dir = std::env::temp_dir();
    assert!(error_of(run(&mut command(&dir, "story", &["--tokens=10001"])), 2).contains("10000 at most"));
    assert!(error_of(run(&mut command(&dir, "story", &["--top-p=2"])), 2).contains("from 0 to 1"));
}

#[test]
fn help_names_every_command_and_show_shows_the_story() {
    let (stdout, stderr) = session(&["--tokens=0"], "The fox\nran.\n:show\n:help\n");
    assert_eq!(stdout, "The fox ran.\n");
    assert_eq!(stderr.lines().next(), Some("The fox ran."));
    let commands = "more retry choose undo show save save! temperature top-k top-p repetition-penalty no-repeat-ngram seed \
                    tokens quit";
    for command in commands.split_whitespace() {
        assert!(stderr.contains(&format!(":{command} ")), "{command}: {stderr}");
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Lines
// ---------------------------------------------------------------------------------------------------------------------

#[test]
fn with_no_tokens_the_story_is_yours() {
    let lines = "The fox\nran  \n, and then\n  fell.\n::)\nHe said, \"\nOh!\n\" and\n\n   \n:more\n";
    let (stdout, stderr) = session(&["--tokens=0"], lines);
    assert_eq!(stdout, "The fox ran, and then  fell. :) He said, \"Oh!\" and\n");
    assert!(notes(&stderr)[0].contains(":tokens is 0"), "{stderr}");
    assert_eq!(notes(&stderr).len(), 1);
}

#[test]
fn lines_that_are_no_text_are_left_out_and_named() {
    let input = b"The fox\ncaf\xe9\n\xff\nr\0a\x1bn\x7f\tfar\r\n";
    let (stdout, stderr) =
        success(run_with_input(&mut command(&std::env::temp_dir(), "story", &["--tokens=0"]), input));
    assert_eq!(stdout, "The fox ran\tfar\n");
    let notes = notes(&stderr);
    assert_eq!(
        notes[..2],
        ["[line 2 was left out: it is not UTF-8 text]", "[line 3 was left out: it is not UTF-8 text]"]
    );
    assert!(notes[2].contains("control characters") && notes.len() == 3, "{stderr}");
}

#[test]
fn a_line_of_a_megabyte_is_a_line_and_one_of_17_is_left_out() {
    for word in ["a", "The fox ran. "] {
        let line = word.repeat(1_000_000 / word.len());
        let (stdout, stderr) = session(&["--tokens=3"], &format!("{line}\n"));
        assert!(stdout.starts_with(line.trim_end()) && stdout.len() > line.len());
        assert!(stderr.contains("remembers only the last"), "{stderr}");
    }
    let (stdout, stderr) = session(&["--tokens=0"], &format!("The fox\n{}\nran\n", "a".repeat(17 << 20)));
    assert_eq!(stdout, "The fox ran\n");
    assert!(stderr.contains("line 2 was left out: it has more than 16 MB"), "{stderr}");
}

#[test]
fn a_reader_that_leaves_ends_the_session() {
    let mut command = command(&std::env::temp_dir(), "story", &["--tokens=60"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"The fox\n").unwrap();
    child.stdout.take().unwrap().read_exact(&mut [0]).unwrap(); // one byte, and the pipe is dropped
    let _ = stdin.write_all(b"ran\nand ran\n"); // and the input stays open
    assert!(child.wait().unwrap().success());
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert!(!stderr.contains("error") && !stderr.contains("panicked"), "{stderr}");
}

// ---------------------------------------------------------------------------------------------------------------------
// Files
// ---------------------------------------------------------------------------------------------------------------------

/// The names in a directory, in order.
fn names(dir: &Path) -> Vec<String> {
    let names = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[test]
fn a_story_is_saved_whole_and_over_nothing_unless_told() {
    let dir = scratch("story-saved");
    let run_here = |script: &str| session_in(&dir, &["--tokens=0"], script).1;
    fs::write(dir.join("precious.txt"), "precious").unwrap();
    let stderr = run_here("The fox\n:save precious.txt\n:save my story.txt\nran\n:save my story.txt\n");
    assert!(stderr.contains(":save! precious.txt writes over it"), "{stderr}");
    assert!(stderr.contains("[saved as my story.txt]") && stderr.contains(":save! my story.txt"), "{stderr}");
    assert_eq!(fs::read_to_string(dir.join("precious.txt")).unwrap(), "precious");
    assert_eq!(fs::read_to_string(dir.join("my story.txt")).unwrap(), "The fox\n");
    run_here("The fox\nran\n:save! my story.txt\n");
    assert_eq!(fs::read_to_string(dir.join("my story.txt")).unwrap(), "The fox ran\n");
    // Nor over the file that is used while saving, nor with an empty story.
    fs::write(dir.join("new.txt.tmp"), "precious").unwrap();
    assert!(run_here("The fox\n:save new.txt\n:save! new.txt\n").contains("new.txt.tmp"));
    assert_eq!(fs::read_to_string(dir.join("new.txt.tmp")).unwrap(), "precious");
    assert!(run_here(":save! precious.txt\n").contains("the story is empty"));
    // What comes through a pipe is printed, and saved only on demand.
    assert_eq!(names(&dir), ["my story.txt", "new.txt.tmp", "precious.txt"]);
    assert_eq!(fs::read_to_string(dir.join("precious.txt")).unwrap(), "precious");
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
#[cfg(unix)]
fn a_link_stays_a_link() {
    let dir = scratch("story-links");
    fs::create_dir(dir.join("far")).unwrap();
    fs::write(dir.join("far/file"), "old").unwrap();
    std::os::unix::fs::symlink("far/file", dir.join("link")).unwrap();
    std::os::unix::fs::symlink("nowhere", dir.join("broken")).unwrap();
    let (_, stderr) =
        session_in(&dir, &["--tokens=0"], "The fox\n:save link\n:save! link\n:save broken\n:save! broken\n");
    assert_eq!(stderr.matches("[saved as").count(), 1, "{stderr}");
    assert_eq!(fs::read_to_string(dir.join("far/file")).unwrap(), "The fox\n");
    assert!(dir.join("link").is_symlink() && dir.join("broken").is_symlink() && !dir.join("nowhere").exists());
    fs::remove_dir_all(&dir).unwrap();
}

/// A session at a terminal, which the program `script` plays. `None` if it is not there.
fn typed(dir: &Path, lines: &str) -> Option<String> {
    let program = examples::example("story");
    let mut command = std::process::Command::new("script");
    command.args(["-qec", &format!("'{}' --tokens 5", program.display()), "/dev/null"]).current_dir(dir);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    // Type only when there is someone to read.
    let mut shown = String::new();
    stdout.read_line(&mut shown).unwrap();
    stdin.write_all(lines.as_bytes()).unwrap();
    stdout.read_to_string(&mut shown).unwrap();
    drop(stdin);
    assert!(child.wait().unwrap().success(), "{shown}");
    Some(shown)
}

#[test]
#[cfg(target_os = "linux")] // whose `script` takes these flags
fn a_story_that_was_typed_is_saved_under_a_free_name() {
    let dir = scratch("story-typed");
    fs::write(dir.join("story-1.txt"), "precious").unwrap();
    fs::create_dir(dir.join("story-2.txt")).unwrap();
    let Some(shown) = typed(&dir, "The fox\n:quit\n") else {
        // Not by `eprintln!`, which the test runner keeps to itself.
        let _ = writeln!(std::io::stderr(), "not tested: there is no program `script`, which plays a terminal");
        return;
    };
    let story = lines_of(&[&format!("The fox{}", piece(&storybook::load(), "The fox", 5, sampler(42)))]);
    assert!(shown.contains("[your story is saved as story-3.txt]"), "{shown}");
    assert_eq!(fs::read_to_string(dir.join("story-3.txt")).unwrap(), story);
    assert_eq!(fs::read_to_string(dir.join("story-1.txt")).unwrap(), "precious");
    // The end of the input (Ctrl-D) is the same.
    assert!(typed(&dir, "The fox\n\u{4}").unwrap().contains("[your story is saved as story-4.txt]"));
    assert_eq!(fs::read_to_string(dir.join("story-4.txt")).unwrap(), story);
    // What is saved is not saved twice, unless it has changed since; and no story is no file.
    assert!(!typed(&dir, "The fox\n:save mine\n:quit\n").unwrap().contains("story-5.txt"));
    assert!(!typed(&dir, ":quit\n").unwrap().contains("story-5.txt"));
    assert!(typed(&dir, "The fox\n:save! mine\n:undo\n:quit\n").unwrap().contains("story-5.txt"));
    assert_eq!(fs::read_to_string(dir.join("story-5.txt")).unwrap(), "The fox\n");
    assert_eq!(names(&dir), ["mine", "story-1.txt", "story-2.txt", "story-3.txt", "story-4.txt", "story-5.txt"]);
    fs::remove_dir_all(&dir).unwrap();
}

// ---------------------------------------------------------------------------------------------------------------------
// Long stories, damaged models
// ---------------------------------------------------------------------------------------------------------------------

/// The N of "the model now remembers only the last N tokens of the story", which is said once.
fn remembered(stderr: &str) -> usize {
    assert_eq!(stderr.matches("remembers only").count(), 1, "{stderr}");
    let number = stderr.split("only the last ").nth(1).unwrap().split(' ').next().unwrap();
    number.parse().unwrap()
}

#[test]
fn a_story_past_the_context_is_read_from_a_sentence_in_its_last_part() {
    let story = storybook::load();
    let tokenizer = story.tokenizer.as_ref().unwrap();
    let line = "The fox ran to the river. There he saw a big bear, and the bear said, I am hungry. ".repeat(20);
    let line = line.trim_end();
    let ids = tokenizer.encode(line);
    assert!(ids.len() > 300, "{}", ids.len());
    let (stdout, stderr) = session(&["--tokens=20"], &format!("{line}\n"));
    let n = remembered(&stderr);
    // The context is 256, of which the 20 new ones take 19: the last one is not read.
    assert!((237 / 2..=237).contains(&n), "{n}");
    let read = &ids[ids.len() - n..];
    let text = tokenizer.decode(read).unwrap();
    assert!(text.starts_with(" The fox") || text.starts_with(" There he"), "{text}");
    let (new, _) = written_after(&story, read, 20, sampler(42));
    assert_eq!(stdout, lines_of(&[&format!("{line}{}", tokenizer.decode(&new).unwrap())]));
}

#[test]
fn a_turn_longer_than_the_context_slides_on() {
    let story = storybook::load();
    let tokenizer = story.tokenizer.as_ref().unwrap();
    let ids = tokenizer.encode("Once upon a time");
    // From "Once" to the full context and one token more; then the rest, from the last part of that. The first seeds whose
    // texts do not end before.
    let n_first = 257 - ids.len();
    let seed = (1..).find(|&seed| !written_after(&story, &ids, n_first, sampler(seed)).1).unwrap();
    let (stdout, stderr) = session(&["--tokens=300", &format!("--seed={seed}"), "Once upon a time"], "");
    let (first, _) = written_after(&story, &ids, n_first, sampler(seed));
    let whole = [ids, first].concat();
    let n = remembered(&stderr);
    assert!((106..=213).contains(&n), "{n}"); // 300 - 253 are to come at most, and 46 of these are read
    let (second, _) = written_after(&story, &whole[whole.len() - n..], 300 - n_first, sampler(seed + 1));
    assert_eq!(stdout, lines_of(&[&tokenizer.decode(&[whole, second].concat()).unwrap()]));
}

/// A model with large random weights and a context of 8: it writes any bytes at all.
fn wild(dir: &Path, damage: Option<f32>) {
    let tokenizer = Tokenizer::learn("the fox and the bear ran and ran", 262).unwrap();
    let mut model = Gpt2::zeros(&Config::new(tokenizer.n_vocab(), 8, 12, 3, 2)).unwrap();
    let mut rng = Rng::new(5);
    for (_, tensor) in model.parameters_mut().unwrap() {
        *tensor = Tensor::random(tensor.shape(), 0.5, &mut rng);
        damage.iter().for_each(|x| tensor.data_mut().fill(*x));
    }
    hugging_face::save(dir, &model, Some(&tokenizer), Dtype::F32).unwrap();
}

#[test]
fn a_tiny_context_and_broken_characters_do_no_harm() {
    let dir = scratch("story-wild");
    wild(&dir, None);
    let script =
        "The fox\n:more\n:more\n\n:choose\n2\n:retry\n:undo\n:undo\nran and ran and ran and ran and ran\n:save out\n";
    let session = || session_in(&dir, &["--model=.", "--tokens=50", "--temperature=2"], &format!("{script}:save! out"));
    let (stdout, stderr) = session(); // which asserts that standard output is UTF-8
    remembered(&stderr);
    assert_eq!(session().0, stdout);
    // What was saved is what was printed last.
    let saved = fs::read_to_string(dir.join("out")).unwrap();
    assert!(stdout.ends_with(&format!("\n{saved}")), "{saved:?} {stdout:?}");
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_model_that_cannot_go_on_leaves_the_story_as_it_is() {
    let dir = scratch("story-damaged");
    wild(&dir, Some(f32::NAN));
    let (stdout, stderr) = session_in(&dir, &["--model=."], "The fox\nran\n:more\n:choose\n:retry\n");
    assert_eq!(stdout, "The fox ran\n");
    assert_eq!(stderr.matches("not numbers").count(), 4, "{stderr}");
    assert!(notes(&stderr).iter().all(|line| line.starts_with('[')), "{stderr}");
    // Without a vocabulary there are no words.
    for name in ["tokenizer.json", "vocab.json", "merges.txt"] {
        fs::remove_file(dir.join(name)).unwrap();
    }
    assert!(error_of(run(&mut command(&dir, "story", &["--model=."])), 1).contains("no vocabulary"));
    fs::remove_dir_all(&dir).unwrap();
    // A knob that forbids everything can be turned back.
    let (stdout, stderr) = session(&["--no-repeat-ngram=1", "--tokens=3"], "The fox\n:no-repeat-ngram 0\n:more\n");
    assert!(stdout.len() > "The fox".len() && !stderr.contains("error"), "{stderr}");
}
