//! Running the examples as a person does: as programs of their own.

#![allow(dead_code)] // no test program uses all of it

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// An example's program: beside this test's own, where `cargo test` puts it, or built now.
///
/// `cargo test --test NAME` does not build the examples: after an edit, run all of `cargo test`, or
/// `cargo build --examples` first.
pub fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap(); // target/debug/deps/resume-...
    let profile_dir = test.parent().unwrap().parent().unwrap();
    let program = profile_dir.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    if !program.exists() {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--example", name]).current_dir(env!("CARGO_MANIFEST_DIR"));
        build.arg("--target-dir").arg(profile_dir.parent().unwrap());
        if profile_dir.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.status().unwrap().success());
    }
    program
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
