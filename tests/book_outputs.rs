//! What the book says that a command prints is what it prints.
//!
//! A block of the language `console` shows commands, each after `$ `, and under each its output. Here they are all run,
//! in order, each page in a directory of its own, and compared word by word. The examples are the ones that were built
//! with the tests, and they use the plain instructions that every processor has: the last digit is the same everywhere.
//!
//! - Either standard output alone is compared, or everything that a terminal shows, with or without the notes in square
//!   brackets: the one that the book shows.
//! - Spacing is not compared, because the book wraps long lines.
//! - A line `...` stands for any lines that are left out.
//!
//! Output that differs between machines (times, speeds) or between learners (exercises) is in `text` blocks.

#![cfg(unix)] // the commands are written for `sh`

#[path = "common/examples.rs"]
mod examples;
#[path = "common/pages.rs"]
mod pages;

use pages::pages;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long a command of the book may take.
const LONGEST: Duration = Duration::from_secs(120);

/// `cargo run --example NAME -- ARGUMENTS` for `sh`, without building: the program itself is run.
const CARGO: &str = r#"
cargo() {
    while [ "$1" != --example ]; do shift; done
    program="$EXAMPLES/$2"
    shift 2
    if [ "$1" = -- ]; then shift; fi
    "$program" "$@"
}
"#;

/// A command of the book, its place, and its expected output.
struct Shown {
    line: usize,
    command: String,
    output: Vec<String>,
}

/// The commands in the `console` blocks of a page.
fn commands(page: &str) -> Vec<Shown> {
    let mut found: Vec<Shown> = Vec::new();
    let (mut in_block, mut margin) = (false, "");
    for (i, line) in page.lines().enumerate() {
        if let Some(at) = line.find("```") {
            margin = &line[..at]; // `> ` in a box
            in_block = &line[at..] == "```console";
        } else if in_block {
            let line = line.strip_prefix(margin).unwrap_or(""); // an empty line in a box is only `>`
            match (line.strip_prefix("$ "), found.last_mut()) {
                (Some(command), _) => {
                    found.push(Shown { line: i + 1, command: command.to_string(), output: Vec::new() });
                }
                (None, Some(shown)) => shown.output.push(line.to_string()),
                (None, None) => panic!("line {}: a console block begins without a command", i + 1),
            }
        }
    }
    found
}

/// Whether the words of `lines`, where a line `...` stands for any words, are those of `printed`.
fn tells(lines: &[String], printed: &str) -> bool {
    let words = |text: &str| text.split_whitespace().map(str::to_string).collect::<Vec<_>>();
    let mut printed = &words(printed)[..];
    let parts: Vec<Vec<String>> =
        lines.split(|line| line.trim() == "...").map(|part| words(&part.join("\n"))).collect();
    for (i, part) in parts.iter().enumerate() {
        let is_last = i + 1 == parts.len();
        let at = match i {
            0 => printed.starts_with(part).then_some(0),
            _ if is_last => printed.ends_with(part).then(|| printed.len() - part.len()),
            _ => (0..=printed.len().saturating_sub(part.len())).find(|&at| printed[at..].starts_with(part)),
        };
        let Some(at) = at else { return false };
        printed = &printed[at + part.len()..];
    }
    printed.is_empty()
}

#[test]
fn words_are_compared_in_order_and_dots_stand_for_lines() {
    let tells = |book: &str, printed: &str| tells(&book.lines().map(str::to_string).collect::<Vec<_>>(), printed);
    assert!(tells("a  b\nc", "a b c\n"));
    assert!(tells("a\n...\nd", "a\nb\nc\nd\n"));
    assert!(tells("a\n...", "a\nb\n"));
    assert!(tells("...\nc\n...\ne", "a\nb\nc\nd\ne"));
    assert!(!tells("a b", "a b c"));
    assert!(!tells("a b c", "a b"));
    assert!(!tells("a\n...\nb", "a\nb\nc"));
    assert!(!tells("a\n...\na", "a"));
    assert!(!tells("", "a"));
}

#[test]
fn every_command_in_the_book_prints_what_the_book_shows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages = pages();
    let (mut n_commands, mut wrong) = (0, Vec::new());
    for page in &pages {
        let name = page.file_name().unwrap().to_str().unwrap();
        let dir = examples::scratch(&format!("book-{name}"));
        for readable in ["README.md", "docs", "src"] {
            std::os::unix::fs::symlink(root.join(readable), dir.join(readable)).unwrap();
        }
        for shown in commands(&fs::read_to_string(page).unwrap()) {
            n_commands += 1;
            let terminal = printed(&dir, &shown.command, true);
            let without_notes: Vec<&str> = terminal.lines().filter(|line| !line.starts_with('[')).collect();
            let is_told = tells(&shown.output, &terminal)
                || tells(&shown.output, &without_notes.join("\n"))
                || tells(&shown.output, &printed(&dir, &shown.command, false));
            if !is_told {
                wrong.push(format!("{name}:{}: $ {}\n{terminal}", shown.line, shown.command));
            }
        }
        fs::remove_dir_all(dir).unwrap();
    }
    assert!(wrong.is_empty(), "the book shows something else than:\n\n{}", wrong.join("\n"));
    let _ = writeln!(std::io::stderr(), "the book: {} pages, {n_commands} commands with their output", pages.len());
}

/// What a command writes to standard output, with or without what it writes to standard error.
fn printed(dir: &Path, command: &str, with_errors: bool) -> String {
    printed_within(LONGEST, dir, command, with_errors)
}

/// The same, unless the command does not end in time: then it is stopped, and the answer says so.
fn printed_within(longest: Duration, dir: &Path, command: &str, with_errors: bool) -> String {
    let mut programs = examples::example("greedy");
    for called in command.split("--example ").skip(1) {
        let name = called.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap();
        programs = examples::example(name); // which also builds it, if need be
    }
    let path = dir.join("printed");
    let file = File::create(&path).unwrap();
    let errors = if with_errors { Stdio::from(file.try_clone().unwrap()) } else { Stdio::null() };
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("{CARGO}{command}")).current_dir(dir).env("EXAMPLES", programs.parent().unwrap());
    shell.env("GPT60_INSTRUCTIONS", "baseline").env("COLUMNS", "80").env("NO_COLOR", "1");
    let mut child = shell.process_group(0).stdin(Stdio::null()).stdout(file).stderr(errors).spawn().unwrap();
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > longest {
            // The shell and what it has started: they are a group of processes, whose number is the shell's.
            Command::new("kill").args(["-KILL", "--", &format!("-{}", child.id())]).status().unwrap();
            child.wait().unwrap();
            return format!("no end after {longest:?}\n");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    fs::read_to_string(path).unwrap()
}

#[test]
fn a_command_that_never_ends_is_stopped_with_all_that_it_has_started() {
    let dir = examples::scratch("book-endless");
    let command = "(sleep 30; echo late > late) & sleep 30";
    let start = Instant::now();
    let printed = printed_within(Duration::from_millis(200), &dir, command, true);
    assert_eq!(printed, "no end after 200ms\n");
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    fs::remove_dir_all(dir).unwrap();
}
