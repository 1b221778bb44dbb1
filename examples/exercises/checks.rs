//! Asks cargo to build the checks, runs them, and reads what they say.
//!
//! Cargo prints the compiler's messages as usual. On standard output it says, in JSON, where the program is that it has
//! built. That program (`tests/exercises/main.rs`) prints a line for each exercise when it is called with `--status`.

use super::stubs;
use super::verdict::{Broken, Checked, State, States, blocks, own_paths};
use gpt60::checkpoint::Json;
use gpt60::cli::{self, Failure, Outcome};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

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
        let mut states = States::new();
        let (mut printed, end) = self.ask(&program, names, &mut states)?;
        if end.is_some() {
            // One of them has ended the whole program before those after it could run. Each is asked on its own now.
            let all = if names.is_empty() { stubs::names(&self.root)? } else { names.to_vec() };
            for name in all {
                if states.contains_key(&name) {
                    continue;
                }
                let (more, end) = self.ask(&program, std::slice::from_ref(&name), &mut states)?;
                printed += &more;
                if let Some(reason) = end {
                    states.entry(name).or_insert(State::Wrong(vec![reason]));
                }
            }
        }
        Ok(Checked::Built { states, printed, warnings })
    }

    /// Builds the checks: their program, and the compiler's warnings.
    fn build(&self) -> Outcome<std::result::Result<(PathBuf, Vec<String>), Broken>> {
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
        let output = command.output().map_err(|error| cannot_start(Path::new(&cargo), &error))?;
        let said = own_paths(&String::from_utf8_lossy(&output.stderr));
        let program = String::from_utf8_lossy(&output.stdout).lines().filter_map(executable).next_back();
        Ok(match program {
            Some(program) if output.status.success() => Ok((program, blocks(&said).map(str::to_string).collect())),
            _ => Err(Broken::new(&said)),
        })
    }

    /// Runs the checks and notes the verdicts, what the learner's functions print, and how the program ended if it did
    /// not reach its end.
    fn ask(&self, program: &Path, names: &[String], states: &mut States) -> Outcome<(String, Option<String>)> {
        let mut command = Command::new(program);
        command.arg("--status").args(names).current_dir(&self.root).stdin(Stdio::null());
        let output = command.output().map_err(|error| cannot_start(program, &error))?;
        let printed = read_status(&own_paths(&String::from_utf8_lossy(&output.stdout)), states);
        let said = own_paths(&String::from_utf8_lossy(&output.stderr));
        if output.status.success() {
            return Ok((shorten(&printed) + &shorten(&said), None));
        }
        let reason = if said.contains("overflowed its stack") {
            "it calls itself again and again, until the stack is full: where is that to end?".to_string()
        } else {
            format!(
                "it ends the whole program ({}): {}",
                output.status,
                said.lines().next().unwrap_or("without a word")
            )
        };
        Ok((shorten(&printed), Some(reason)))
    }
}

fn cannot_start(program: &Path, error: &std::io::Error) -> Failure {
    Failure::Failed(format!("{} cannot be started: {error}", program.display()))
}

/// The program that cargo says it has built, from a line of its messages.
fn executable(line: &str) -> Option<PathBuf> {
    Json::parse(line).ok()?.get("executable")?.as_str().map(PathBuf::from)
}

/// Reads what `tests/exercises/` prints for `--status`, and returns everything else: the learner's own output.
fn read_status(text: &str, states: &mut States) -> String {
    let (mut printed, mut last) = (String::new(), None);
    for line in text.lines() {
        // Output without a line break stands in front of the name.
        let verdict = line.rsplit_once('\t').and_then(|(before, word)| {
            let name = before.rsplit(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')).next()?;
            let state = match word {
                "not started" => State::NotStarted,
                "done" => State::Done,
                "wrong" => State::Wrong(Vec::new()),
                _ => return None,
            };
            (!name.is_empty()).then(|| (before[..before.len() - name.len()].to_string(), name.to_string(), state))
        });
        if let Some((before, name, state)) = verdict {
            if !before.is_empty() {
                printed += &format!("{before}\n");
            }
            states.insert(name.clone(), state);
            last = Some(name);
        } else if let (Some(detail), Some(State::Wrong(details))) =
            (line.strip_prefix('\t'), last.as_ref().and_then(|name| states.get_mut(name)))
        {
            details.push(detail.to_string());
        } else {
            printed += &format!("{line}\n");
            last = None;
        }
    }
    printed
}

/// The first lines: a function that prints may be called many times.
fn shorten(text: &str) -> String {
    let n_more = text.lines().count().saturating_sub(SHOWN);
    let shown: String = text.lines().take(SHOWN).map(|line| format!("{line}\n")).collect();
    if n_more > 0 { shown + &format!("... and {n_more} lines more\n") } else { shown }
}

/// How many lines of the learner's own output are shown.
const SHOWN: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_are_read_among_whatever_the_learner_prints() {
        let mut states = States::new();
        let text = "row 1\n\tx\nno line break softmax\twrong\n\twhere\n\t  what\nmlp\tdone\n[1, 2]\n\tnot a detail\ngelu\tnot started\n";
        let printed = read_status(text, &mut states);
        assert_eq!(printed, "row 1\n\tx\nno line break \n[1, 2]\n\tnot a detail\n");
        let softmax = State::Wrong(vec!["where".to_string(), "  what".to_string()]);
        let expected = [("softmax", softmax), ("mlp", State::Done), ("gelu", State::NotStarted)];
        assert_eq!(states, expected.map(|(name, state)| (name.to_string(), state)).into());
    }

    #[test]
    fn long_output_is_cut() {
        assert_eq!(shorten("a\nb\n"), "a\nb\n");
        assert!(shorten(&"a\n".repeat(42)).ends_with("a\n... and 2 lines more\n"));
    }

    #[test]
    fn the_program_is_where_cargo_says() {
        let line = r#"{"reason":"compiler-artifact","target":{"name":"exercises"},"executable":"/t/exercises-1"}"#;
        assert_eq!(executable(line), Some(PathBuf::from("/t/exercises-1")));
        assert_eq!(executable(r#"{"reason":"compiler-artifact","executable":null}"#), None);
        assert_eq!(executable("not JSON"), None);
    }
}
