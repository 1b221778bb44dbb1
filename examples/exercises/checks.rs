//! Asks cargo to build the checks, runs them, and reads what they say.
//!
//! Cargo prints the compiler's messages as usual. On standard output it says, in JSON, where the program is that it has
//! built. That program (`tests/exercises/main.rs`) prints a line for each exercise when it is called with `--status`.

use super::verdict::{Broken, Checked, State, States, blocks, own_paths};
use gpt60::checkpoint::Json;
use gpt60::cli::{self, Failure, Outcome};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Where the checks are built.
pub struct Checks {
    /// The directory with `Cargo.toml`.
    pub root: PathBuf,
    /// Where cargo builds.
    pub target: PathBuf,
    /// Whether to build for `--release`.
    pub is_release: bool,
}

impl Checks {
    /// Builds the checks and runs those of the exercises with these names; an empty list means all.
    pub fn judge(&self, names: &[String]) -> Outcome<Checked> {
        let (program, warnings) = match self.build()? {
            Ok(built) => built,
            Err(broken) => return Ok(Checked::Broken(broken)),
        };
        let (states, printed) = self.ask(&program, names)?;
        Ok(Checked::Built { states, printed, warnings })
    }

    /// Builds the checks: their program, and the compiler's warnings.
    fn build(&self) -> Outcome<std::result::Result<(PathBuf, Vec<String>), Broken>> {
        let mut command = self.build_command();
        let output = command.output().map_err(|error| cannot_start(Path::new(command.get_program()), &error))?;
        let said = own_paths(&String::from_utf8_lossy(&output.stderr));
        let program = String::from_utf8_lossy(&output.stdout).lines().filter_map(executable).next_back();
        Ok(match program {
            Some(program) if output.status.success() => Ok((program, blocks(&said).map(str::to_string).collect())),
            _ => Err(Broken::new(&said)),
        })
    }

    /// The call of cargo that builds the checks.
    pub fn build_command(&self) -> Command {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let colour = cli::is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let mut command = Command::new(&cargo);
        if self.is_release {
            command.args(["test", "--release", "--no-run"]);
        } else {
            command.args(["rustc", "--profile", "test"]); // `cargo test --no-run`, with room for compiler options
        }
        command.args(["--quiet", "--test", "exercises"]);
        // The compiler's messages come on standard error as usual, and the program's path on standard output.
        command.args(["--message-format", "json-render-diagnostics"]);
        command.args(["--color", if colour { "always" } else { "never" }]);
        command.arg("--target-dir").arg(&self.target);
        if !self.is_release {
            // Most of the time would go into making the checks fast, and they are fast anyway: the slow part is the
            // library.
            command.args(["--", "-C", "opt-level=0"]);
        }
        command.current_dir(&self.root).stdin(Stdio::null());
        command
    }

    /// Builds an example, runs it, and waits for its end.
    pub fn run_example(&self, name: &str, args: &[&str]) -> Outcome<Output> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(&cargo);
        command.args(["run", "--quiet", "--example", name]).arg("--target-dir").arg(&self.target);
        if self.is_release {
            command.arg("--release");
        }
        command.arg("--").args(args).current_dir(&self.root).stdin(Stdio::null());
        command.output().map_err(|error| cannot_start(Path::new(&cargo), &error))
    }

    /// Runs the checks: the verdicts, and the first lines of what the learner's functions print.
    fn ask(&self, program: &Path, names: &[String]) -> Outcome<(States, String)> {
        let mut command = Command::new(program);
        command.arg("--status").args(names).current_dir(&self.root).stdin(Stdio::null());
        let output = command.output().map_err(|error| cannot_start(program, &error))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let word = said.lines().next().unwrap_or("without a word");
            return Err(Failure::Failed(format!("the checks ended early ({}): {word}", output.status)));
        }
        Ok(read_status(&own_paths(&String::from_utf8_lossy(&output.stdout))))
    }
}

fn cannot_start(program: &Path, error: &std::io::Error) -> Failure {
    Failure::Failed(format!("{} cannot be started: {error}", program.display()))
}

/// The program that cargo says it has built, from a line of its messages.
fn executable(line: &str) -> Option<PathBuf> {
    Json::parse(line).ok()?.get("executable")?.as_str().map(PathBuf::from)
}

/// Reads what `tests/exercises/` prints for `--status`: the verdicts, and the learner's own output.
pub fn read_status(text: &str) -> (States, String) {
    let (mut states, mut printed, mut last) = (States::new(), String::new(), None);
    for line in text.lines() {
        if let Some(line) = line.strip_prefix('|') {
            printed += &format!("{line}\n");
        } else if let Some(detail) = line.strip_prefix('\t') {
            if let Some(State::Wrong(details)) = last.as_ref().and_then(|name| states.get_mut(name)) {
                details.push(detail.to_string());
            }
        } else if let Some((name, word)) = line.split_once('\t') {
            let state = match word {
                "not started" => State::NotStarted,
                "done" => State::Done,
                _ => State::Wrong(Vec::new()),
            };
            states.insert(name.to_string(), state);
            last = Some(name.to_string());
        }
    }
    (states, printed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_and_what_the_learner_prints_are_told_apart() {
        let text = "|row 1\n|gelu\tdone\n|\tx\nsoftmax\twrong\n\twhere\n\t  what\nmlp\tdone\ngelu\tnot started\n";
        let (states, printed) = read_status(text);
        assert_eq!(printed, "row 1\ngelu\tdone\n\tx\n");
        let softmax = State::Wrong(vec!["where".to_string(), "  what".to_string()]);
        let expected = [("softmax", softmax), ("mlp", State::Done), ("gelu", State::NotStarted)];
        assert_eq!(states, expected.map(|(name, state)| (name.to_string(), state)).into());
    }

    #[test]
    fn the_program_is_where_cargo_says() {
        let line = r#"{"reason":"compiler-artifact","target":{"name":"exercises"},"executable":"/t/exercises-1"}"#;
        assert_eq!(executable(line), Some(PathBuf::from("/t/exercises-1")));
        assert_eq!(executable(r#"{"reason":"compiler-artifact","executable":null}"#), None);
        assert_eq!(executable("not JSON"), None);
    }
}
