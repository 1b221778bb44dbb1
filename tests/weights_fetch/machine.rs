//! A machine with some of the tools, the script, and a server to fetch from.

use crate::examples::scratch;
use crate::record::{MERGES, MODELS, NAMES, VOCAB};
use crate::server::Server;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

pub fn find(tool: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(tool)).find(|file| file.is_file())
}

/// Those of the two that this machine has. A test that finds none says so.
pub fn tools() -> Vec<&'static str> {
    let tools: Vec<&str> = ["curl", "wget"].into_iter().filter(|tool| find(tool).is_some()).collect();
    if tools.is_empty() || find("bash").is_none() {
        // Not with `eprintln!`, which the test runner captures.
        let _ = writeln!(std::io::stderr(), "not tested: there is no bash here, or neither curl nor wget");
        return Vec::new();
    }
    tools
}

/// The tools that the script always needs.
pub const BASICS: [&str; 10] = ["bash", "cat", "wc", "tr", "cut", "df", "awk", "mkdir", "mv", "rm"];

/// Names and contents.
pub type Files = BTreeMap<&'static str, Vec<u8>>;

pub struct Machine {
    pub dir: PathBuf,
    pub server: Server,
    pub files: Files,
}

impl Machine {
    pub fn new(name: &str, tool: &str) -> Machine {
        let dir = scratch(&format!("fetch-{name}-{tool}"));
        let config = r#"{"n_embd": 768}"#.as_bytes().to_vec();
        let weights: Vec<u8> = (0..300_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let contents = [config, b"{\"a\": 1}".to_vec(), b"#version: 0.2\na b\n".to_vec(), weights];
        let files: Files = NAMES.into_iter().zip(contents).collect();
        // A copy: the script must work outside its own directory too.
        let mut script = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("weights-fetch.sh")).unwrap();
        for (hash, name) in [MODELS[0][2], VOCAB, MERGES, MODELS[0][3]].into_iter().zip(NAMES) {
            assert_eq!(script.matches(hash).count(), 1);
            script = script.replace(hash, &sha256(&files[name]));
        }
        script = script.replace("548105171", "300000");
        Machine::with_script(dir, &script, tool, files.clone(), files)
    }

    /// A machine in `dir` with this script, where `served` is what the server has, and `files` what may arrive.
    pub fn with_script(dir: PathBuf, script: &str, tool: &str, served: Files, files: Files) -> Machine {
        fs::write(dir.join("weights-fetch.sh"), script).unwrap();
        let machine = Machine { dir, server: Server::new(served), files };
        machine.install(&[&BASICS[..], &["sha256sum", "sha1sum", "shasum", "perl", tool]].concat());
        machine
    }

    /// A directory with these tools and no others, if this machine has them.
    pub fn install(&self, tools: &[&str]) {
        let bin = self.dir.join("bin");
        let _ = fs::remove_dir_all(&bin);
        fs::create_dir(&bin).unwrap();
        for tool in tools {
            if let Some(file) = find(tool) {
                symlink(file, bin.join(tool)).unwrap();
            }
        }
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(find("bash").unwrap());
        command.arg("weights-fetch.sh").args(args).current_dir(&self.dir).stdin(Stdio::null());
        command.env_clear().env("PATH", self.dir.join("bin")).env("GPT60_MIRROR", &self.server.address);
        command
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// What a run says that must succeed.
    pub fn success(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && output.stdout.is_empty(), "{text}");
        text
    }

    /// The error of a run that must fail with this status: its last line.
    pub fn failure(&self, args: &[&str], status: i32) -> String {
        let output = self.run(args);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{text}");
        let errors: Vec<&str> = text.lines().filter(|line| line.starts_with("error: ")).collect();
        assert_eq!(errors.len(), 1, "{text}");
        assert!(!text.contains("line ") && !text.contains("unbound"), "bash itself complains: {text}");
        errors[0].to_string()
    }

    /// Which of the files are under their names in `dir`, complete and right; nothing else may be left behind.
    pub fn present(&self, dir: &str, and_parts: bool) -> usize {
        let Ok(entries) = fs::read_dir(self.dir.join(dir)) else { return 0 };
        let mut n = 0;
        for entry in entries.map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            if and_parts && name.ends_with(".part") {
                continue;
            }
            assert_eq!(&fs::read(entry.path()).unwrap(), self.files.get(&*name).expect(&name), "{name}");
            n += 1;
        }
        n
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

pub fn sha256(bytes: &[u8]) -> String {
    hash(if find("sha256sum").is_some() { &["sha256sum"] } else { &["shasum", "-a", "256"] }, bytes)
}

/// What git calls a file with these bytes.
pub fn git_hash(bytes: &[u8]) -> String {
    let blob = [format!("blob {}\0", bytes.len()).as_bytes(), bytes].concat();
    hash(if find("sha1sum").is_some() { &["sha1sum"] } else { &["shasum", "-a", "1"] }, &blob)
}

/// The first word that a command says of the bytes.
fn hash(command: &[&str], bytes: &[u8]) -> String {
    let mut child = Command::new(command[0])
        .args(&command[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("{}: {e}", command[0]));
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap().to_string()
}
