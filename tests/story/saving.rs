//! Files: a story is saved whole, under a free name, and never over somebody's file.

use crate::examples::{example, scratch};
use crate::{lines_of, piece, sampler, session_in};
use gpt60::storybook;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::Stdio;

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
    assert!(stderr.contains("overwrite it with :save! precious.txt"), "{stderr}");
    assert!(stderr.contains("[saved as my story.txt]") && stderr.contains(":save! my story.txt"), "{stderr}");
    assert_eq!(fs::read_to_string(dir.join("precious.txt")).unwrap(), "precious");
    assert_eq!(fs::read_to_string(dir.join("my story.txt")).unwrap(), "The fox\n");
    run_here("The fox\nran\n:save! my story.txt\n");
    assert_eq!(fs::read_to_string(dir.join("my story.txt")).unwrap(), "The fox ran\n");
    // Nor is the file overwritten that is used while saving; nor is an empty story saved.
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

/// A session at a terminal, which the program `script` plays. `None` if `script` is not installed.
fn typed(dir: &Path, lines: &str) -> Option<String> {
    let program = example("story");
    let mut command = std::process::Command::new("script");
    command.args(["-qec", &format!("'{}' --tokens 5", program.display()), "/dev/null"]).current_dir(dir);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    // Type only when someone is reading.
    let mut shown = String::new();
    stdout.read_line(&mut shown).unwrap();
    stdin.write_all(lines.as_bytes()).unwrap();
    stdout.read_to_string(&mut shown).unwrap();
    drop(stdin);
    assert!(child.wait().unwrap().success(), "{shown}");
    Some(shown)
}

#[test]
#[cfg(target_os = "linux")] // its `script` takes these flags
fn a_story_that_was_typed_is_saved_under_a_free_name() {
    let dir = scratch("story-typed");
    fs::write(dir.join("story-1.txt"), "precious").unwrap();
    fs::create_dir(dir.join("story-2.txt")).unwrap();
    let Some(shown) = typed(&dir, "The fox\n:quit\n") else {
        // Not with `eprintln!`, which the test runner captures.
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
    // A saved story is not saved twice, unless it has changed since; and an empty story makes no file.
    assert!(!typed(&dir, "The fox\n:save mine\n:quit\n").unwrap().contains("story-5.txt"));
    assert!(!typed(&dir, ":quit\n").unwrap().contains("story-5.txt"));
    assert!(typed(&dir, "The fox\n:save! mine\n:undo\n:quit\n").unwrap().contains("story-5.txt"));
    assert_eq!(fs::read_to_string(dir.join("story-5.txt")).unwrap(), "The fox\n");
    assert_eq!(names(&dir), ["mine", "story-1.txt", "story-2.txt", "story-3.txt", "story-4.txt", "story-5.txt"]);
    fs::remove_dir_all(&dir).unwrap();
}
