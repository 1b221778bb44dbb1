//! Running the examples as a person does: as programs of their own.

#![allow(dead_code)] // no test program uses all of it

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::time::SystemTime;

/// An example's program: beside this test's own, where `cargo test` puts it.
///
/// `cargo test --test NAME` does not build the examples. So if the program is not there, or older than the source that it
/// is made of, it is built now.
pub fn example(name: &str) -> PathBuf {
    static LOOKED_AT: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let test = std::env::current_exe().unwrap(); // target/debug/deps/resume-...
    let profile_dir = test.parent().unwrap().parent().unwrap();
    let program = profile_dir.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    let mut looked_at = LOOKED_AT.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if looked_at.insert(name.to_string()) && changed(&program) < source_changed(name) {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--example", name]).current_dir(env!("CARGO_MANIFEST_DIR"));
        build.arg("--target-dir").arg(profile_dir.parent().unwrap());
        if profile_dir.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.status().unwrap().success());
    }
    program
}

/// When a file was changed, if it is there.
fn changed(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|metadata| metadata.modified()).ok()
}

/// When the source of an example was changed: that of the library, and its own.
fn source_changed(name: &str) -> Option<SystemTime> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut latest = changed(&root.join("Cargo.toml")).max(changed(&root.join(format!("examples/{name}.rs"))));
    let mut folders = vec![root.join("src"), root.join("examples").join(name)];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
            // The exercises are no part of the library; only `greedy_mine` is made of them.
            if path.is_dir() && (name == "greedy_mine" || !path.ends_with("src/exercises")) {
                folders.push(path);
            } else if path.is_file() {
                latest = latest.max(changed(&path));
            }
        }
    }
    latest
}

/// A command that runs an example in the directory `dir`.
pub fn command(dir: &Path, name: &str, args: &[&str]) -> Command {
    let mut command = Command::new(example(name));
    command.current_dir(dir).args(args);
    command
}

/// Runs a command to its end.
pub fn run(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap()
}

/// Runs a command that reads `input` from standard input.
pub fn run_with_input(command: &mut Command, input: &[u8]) -> Output {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // In a thread of its own: the program may answer, and wait for its reader, before it has read everything.
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        let _ = stdin.write_all(&input); // a program that refuses a flag does not read
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

/// What a command prints that must succeed: standard output and standard error.
pub fn success(output: Output) -> (String, String) {
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    (String::from_utf8(output.stdout).unwrap(), stderr)
}

/// The error of a command that must fail with this exit status: one line on standard error, nothing on standard output.
pub fn error_of(output: Output, status: i32) -> String {
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(status), "{text}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.starts_with("error: ") && text.ends_with('\n'), "{text}");
    text
}

/// An empty directory of its own for a test.
pub fn scratch(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("gpt60-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    dir
}
