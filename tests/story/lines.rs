//! What is typed: how lines are joined, which are left out, and what ends the session.

use crate::examples::{command, run_with_input, success};
use crate::{notes, session};
use std::io::{Read, Write};
use std::process::Stdio;

#[test]
fn with_no_tokens_the_story_is_yours() {
    let lines = "The fox\nran  \n, and then\n  fell.\n::)\nHe said, \"\nOh!\n\" and\n\n   \n:more\n";
    let (stdout, stderr) = session(&["--tokens=0"], lines);
    assert_eq!(stdout, "The fox ran, and then  fell. :) He said, \"Oh!\" and\n");
    assert!(notes(&stderr)[0].contains(":tokens is 0"), "{stderr}");
    assert_eq!(notes(&stderr).len(), 1);
}

#[test]
fn lines_that_are_not_text_are_left_out_and_named() {
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
