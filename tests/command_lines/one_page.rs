//! `one_page`: its names, its flags, and what it says to a file that is no list of words.

use crate::example;
use crate::examples::{command, error_of, run, scratch, success};
use std::fs;

const NAMES: &str = include_str!("../../examples/one_page/names.txt");

#[test]
fn it_writes_twenty_names_that_are_mostly_new_and_says_what_it_learnt() {
    let (stdout, stderr) = success(example("one_page", &[]));
    let names: Vec<&str> = stdout.lines().collect();
    assert_eq!(names.len(), 20, "{stdout}");
    assert!(
        names.iter().all(|name| name.len() <= 16 && name.bytes().all(|byte| byte.is_ascii_lowercase())),
        "{stdout}"
    );
    let n_known = names.iter().filter(|&&name| NAMES.lines().any(|known| known == name)).count();
    assert!(n_known <= 10, "{stdout}");
    // Names alternate: vowels are 2 letters in 5 of the list, and were 1 in 5 before it learnt anything.
    let letters = names.concat();
    let vowels = letters.chars().filter(|&letter| "aeiouy".contains(letter)).count();
    assert!(vowels * 3 > letters.len() && vowels * 3 < letters.len() * 2, "{stdout}");
    // [1000 steps in 0.38 s; mean loss 2.73 in the first 100, 2.30 in the last; ...]
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    let loss_after = |words: &str| -> f64 { stderr.split(words).nth(1).unwrap()[..4].parse().unwrap() };
    let (first, last) = (loss_after("mean loss "), loss_after("in the first 100, "));
    // Without knowing anything, each letter would cost ln 27 = 3.3.
    assert!(first < 3.3 && last < 2.45 && last > 1.8 && last < first, "{stderr}");
    let known = match n_known {
        0 => "no name was in the list]".to_string(),
        1 => "1 name was in the list]".to_string(),
        n => format!("{n} names were in the list]"),
    };
    assert!(stderr.ends_with(&format!("; {known}\n")), "{stderr}");
}

#[test]
fn the_same_seed_gives_the_same_names_and_another_one_others() {
    let names = |args: &[&str]| success(example("one_page", &[&["--steps", "50"], args].concat())).0;
    assert_eq!(names(&["--seed", "7"]), names(&["--seed=7"]));
    assert_ne!(names(&["--seed", "7"]), names(&["--seed", "8"]));
    assert_ne!(names(&["--steps", "0"]), names(&[]));
    // The defaults are what `--help` says.
    let defaults = success(example("one_page", &["--steps", "1000", "--seed", "42"])).0;
    assert_eq!(success(example("one_page", &[])).0, defaults);
    let (help, _) = success(example("one_page", &["--help"]));
    assert!(help.contains("(default: 1000)") && help.contains("(default: 42)"), "{help}");
    assert!(success(example("one_page", &["--steps", "0"])).1.contains("[it has learnt nothing: --steps is 0]"));
}

#[test]
fn watching_shows_a_line_each_hundred_steps_and_changes_nothing() {
    let (watched, stderr) = success(example("one_page", &["--watch", "--steps", "250"]));
    let (stdout, _) = success(example("one_page", &["--steps", "250"]));
    assert_eq!(watched, stdout);
    let lines: Vec<&str> = stderr.lines().collect();
    assert_eq!(lines.len(), 4, "{stderr}");
    for (line, step) in lines.iter().zip([100usize, 200, 250]) {
        // "step   100  loss 2.724  █▆▄▁     kara"
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!((words[0], words[1], words[2]), ("step", step.to_string().as_str(), "loss"), "{line}");
        assert!(words[3].parse::<f64>().unwrap() < 3.3, "{line}");
        let curve: Vec<char> = words[4].chars().collect();
        assert_eq!(curve.len(), step.div_ceil(7), "{line}"); // 250 steps, at most 40 characters: 7 steps each
        assert!(curve.contains(&'█') && curve.contains(&'▁'), "{line}");
    }
    assert!(lines[3].starts_with("[250 steps in "), "{stderr}");
}

#[test]
fn another_list_of_words_is_learnt_with_its_own_letters() {
    let dir = scratch("one-page-words");
    // A byte order mark, the line ends of another system, empty lines, spaces, letters of another script; no end of
    // line.
    fs::write(dir.join("words.txt"), "\u{FEFF}αβγα\r\n\r\n  βαγ \r\nγγαβ\n\nαγβα").unwrap();
    let (stdout, stderr) = success(run(&mut command(&dir, "one_page", &["words.txt", "--steps", "300"])));
    assert_eq!(stdout.lines().count(), 20);
    assert!(stdout.chars().all(|letter| "αβγ\n".contains(letter)), "{stdout}");
    let known = stdout.lines().filter(|word| ["αβγα", "βαγ", "γγαβ", "αγβα"].contains(word)).count();
    assert!(known >= 10, "{stdout}");
    assert!(stderr.contains(&format!("{known} names were in the list")), "{stderr}");
    // One word is a list too, and so is one whose letters are more than sixteen.
    for word in ["a", "abcdefghijklmnopqrstuvwxyz"] {
        fs::write(dir.join("word.txt"), word).unwrap();
        let (stdout, _) = success(run(&mut command(&dir, "one_page", &["word.txt", "--steps", "300"])));
        assert!(stdout.lines().filter(|&line| line == &word[..word.len().min(16)]).count() >= 15, "{stdout}");
    }
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn what_is_no_list_of_words_is_one_line() {
    let dir = scratch("one-page-files");
    let many: String = (0..1001).map(|i| format!("{}\n", char::from_u32(0x4E00 + i).unwrap())).collect();
    let files: [(&str, &[u8], &str); 5] = [
        ("empty.txt", b"", "there are no words in it"),
        ("spaces.txt", b" \n\t\r\n\n", "there are no words in it"),
        ("latin.txt", b"ada\ncaf\xe9\n", "is not UTF-8 at byte 7"),
        ("utf16.txt", b"\xFF\xFEa\0d\0a\0", "is not UTF-8 at byte 0"),
        ("many.txt", many.as_bytes(), "it has 1001 different letters, and one page takes at most 1000"),
    ];
    for (name, bytes, problem) in files {
        fs::write(dir.join(name), bytes).unwrap();
        let error = error_of(run(&mut command(&dir, "one_page", &[name])), 1);
        assert_eq!(error, format!("error: {name}: {problem}; give a text file with one word a line\n"));
    }
    for name in ["no-such-file", "."] {
        let error = error_of(run(&mut command(&dir, "one_page", &[name])), 1);
        assert!(error.starts_with(&format!("error: {name}: ")), "{error}");
        assert!(error.ends_with("; give a text file with one word a line\n"), "{error}");
    }
    // One letter less, and it is a list.
    fs::write(dir.join("many.txt"), many.split_once('\n').unwrap().1).unwrap();
    success(run(&mut command(&dir, "one_page", &["many.txt", "--steps", "2"])));
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn wrong_calls_are_answered_as_by_the_other_examples() {
    let cases: [(&[&str], &str); 7] = [
        (&["--steps", "many"], "--steps: \"many\" is not a whole number from 0 on"),
        (&["--seed", "-1"], "--seed: \"-1\" is not a whole number from 0 on"),
        (&["--steps"], "--steps needs a value: --steps N"),
        (&["--watch=yes"], "--watch takes no value"),
        (&["a.txt", "b.txt"], "\"b.txt\" is one word too many: give one file"),
        (&["--", "--steps", "b.txt"], "\"b.txt\" is one word too many: give one file"),
        (
            &["-s"],
            "there is no flag \"-s\"; there are --watch --steps --seed; a file that begins with a dash goes after --",
        ),
    ];
    for (args, problem) in cases {
        assert_eq!(error_of(example("one_page", args), 2), format!("error: {problem} (see --help)\n"));
    }
    assert_eq!(success(example("one_page", &["-h"])), success(example("one_page", &["--watch", "--help", "x", "y"])));
}
