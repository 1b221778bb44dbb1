//! `git pull` over solutions: the commands of `docs/exercises.md`, run on a small repository.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const STUB: &str = "src/exercises/softmax.rs";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn git(dir: &Path, words: &[&str]) -> Output {
    let mut command = Command::new("git");
    command.args(words).current_dir(dir).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    for (name, value) in [("NAME", "Ada"), ("EMAIL", "ada@example.org")] {
        command.env(format!("GIT_AUTHOR_{name}"), value).env(format!("GIT_COMMITTER_{name}"), value);
    }
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
        command.env_remove(name);
    }
    command.output().unwrap()
}

fn done(dir: &Path, words: &[&str]) -> String {
    let output = git(dir, words);
    assert!(output.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The words of each line of the section that begins with `git`, in order.
fn commands() -> Vec<Vec<String>> {
    let book = fs::read_to_string(root().join("docs/exercises.md")).unwrap();
    let (_, section) = book.split_once("## Your work and git").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let words = |line: &str| -> Vec<String> {
        let (before, quoted) = line.split_once('"').unwrap_or((line, ""));
        let quoted = quoted.split_once('"').map(|(quoted, _)| quoted);
        before.split_whitespace().chain(quoted).skip(1).map(|word| word.replace("NAME", "softmax")).collect()
    };
    section.lines().filter(|line| line.starts_with("git ")).map(words).collect()
}

/// Changes the exercise in a copy.
fn edit(copy: &Path, from: &str, to: &str) -> String {
    let file = copy.join(STUB);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(&file, text.replacen(from, to, 1)).unwrap();
    fs::read_to_string(file).unwrap()
}

#[test]
fn a_new_version_comes_with_git_pull_and_the_solutions_stay() {
    if Command::new("git").arg("--version").output().is_err() {
        eprintln!("skipped: there is no git here");
        return;
    }
    let dir = std::env::temp_dir().join(format!("gpt60-exercise-git-{}", std::process::id()));
    let _ = fs::remove_dir_all(&dir);
    let (book, mine) = (dir.join("book"), dir.join("mine"));
    fs::create_dir_all(book.join("src/exercises")).unwrap();
    fs::copy(root().join(".gitignore"), book.join(".gitignore")).unwrap();
    // Whatever a learner has made of the exercise by now is not what is tested here.
    let text = fs::read_to_string(root().join(STUB)).unwrap();
    let (head, _) = text.split_once("{\n").unwrap();
    fs::write(book.join(STUB), format!("{head}{{\n    not_started()\n}}\n\n// Solution: src/x.rs, x\n")).unwrap();
    done(&book, &["init", "-q", "-b", "main"]);
    done(&book, &["add", "-A"]);
    done(&book, &["commit", "-q", "-m", "The book"]);
    done(&dir, &["clone", "-q", "book", "mine"]);

    // A solution here, a better text there.
    edit(&mine, "    not_started()\n", "    let y = x.clone();\n    y\n");
    fs::create_dir_all(mine.join("mine")).unwrap();
    fs::write(mine.join("mine/softmax-1.rs"), "a copy that reset has made").unwrap();
    edit(&book, "//! Exercise: ", "//! Exercise, again: ");
    done(&book, &["commit", "-q", "-a", "-m", "A better text"]);

    let commands = commands();
    let [commit, pull, ours, conclude] = &commands[..] else { panic!("not four commands: {commands:?}") };
    let run = |words: &[String]| git(&mine, &words.iter().map(String::as_str).collect::<Vec<_>>());
    // Before the commit, git refuses, and nothing is lost.
    assert!(!run(pull).status.success());
    assert!(fs::read_to_string(mine.join(STUB)).unwrap().contains("    y\n"));
    assert!(run(commit).status.success());
    assert!(run(pull).status.success());
    let both = fs::read_to_string(mine.join(STUB)).unwrap();
    assert!(both.contains("//! Exercise, again: ") && both.contains("    y\n"), "{both}");
    assert_eq!(done(&mine, &["status", "--porcelain"]), "", "git ignores mine/");

    // The same lines in both: the learner's stay.
    edit(&book, "    not_started()\n", "    not_started_yet()\n");
    done(&book, &["commit", "-q", "-a", "-m", "Another name"]);
    assert!(!run(pull).status.success());
    assert!(run(ours).status.success());
    assert!(run(conclude).status.success());
    assert_eq!(fs::read_to_string(mine.join(STUB)).unwrap(), both);
    assert_eq!(done(&mine, &["status", "--porcelain"]), "");
    fs::remove_dir_all(&dir).unwrap();
}
