//! Verdicts: asks cargo to build the checks, runs them, and reads what they say.
//!
//! Cargo prints what the compiler says as ever, and on standard output, in JSON, where the program is that it has built. That
//! program (`tests/exercises/main.rs`) prints a line for each exercise when it is called with `--status`.

use super::stubs;
use gpt60::checkpoint::json::Json;
use gpt60::cli::{self, Failure, Outcome};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What became of an exercise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    NotStarted,
    Done,
    /// With what the check says, a line each.
    Wrong(Vec<String>),
}

pub type States = BTreeMap<String, State>;

impl State {
    pub fn word(&self) -> &'static str {
        match self {
            State::NotStarted => "not started",
            State::Done => "done",
            State::Wrong(_) => "wrong",
        }
    }

    pub fn mark(&self) -> char {
        match self {
            State::NotStarted => '.',
            State::Done => '#',
            State::Wrong(_) => 'x',
        }
    }
}

/// A verdict in words. A compiler's warning about a wrong solution may well say why it is wrong.
pub fn verdict(name: &str, state: Option<&State>, warnings: &[String]) -> String {
    match state {
        None => format!("{name}: there is no check for it in tests/exercises/\n"),
        Some(State::Wrong(lines)) => {
            let place = format!("src/exercises/{name}.rs:");
            let warnings = warnings.iter().filter(|warning| plain(warning).contains(&place));
            let warnings: String = warnings.map(|warning| format!("\n{warning}\n")).collect();
            let lines: String = lines.iter().map(|line| format!("  {line}\n")).collect();
            format!("{name}: wrong\n{lines}{warnings}")
        }
        Some(state) => format!("{name}: {}\n", state.word()),
    }
}

/// What came of building and running the checks.
pub enum Checked {
    Built {
        states: States,
        /// What the learner's functions have printed.
        printed: String,
        /// The compiler's, about the exercises.
        warnings: Vec<String>,
    },
    Broken(Broken),
}

impl Checked {
    /// Nothing is known of exercises that do not compile.
    pub fn states(&self) -> States {
        match self {
            Checked::Built { states, .. } => states.clone(),
            Checked::Broken(_) => States::new(),
        }
    }
}

/// The checks could not be built.
pub struct Broken {
    /// What cargo and the compiler say.
    pub output: String,
    /// `src/exercises/softmax.rs:27`, of each error.
    pub places: Vec<String>,
}

impl Broken {
    /// In a sentence.
    pub fn why(&self) -> String {
        let output = plain(&self.output);
        if let Some((_, rest)) = output.split_once("file not found for module `") {
            let name = rest.split('`').next().unwrap_or("");
            return stubs::gone(&format!("src/exercises/{name}.rs")) + ".";
        }
        match self.places.first() {
            Some(place) => format!("{place} does not compile."),
            None => {
                let error = output.lines().find(|line| line.starts_with("error")).unwrap_or("cargo gives no reason");
                format!("the checks cannot be built: {error}.")
            }
        }
    }

    /// The exercises whose files do not compile.
    pub fn names(&self) -> Vec<String> {
        let name = |place: &String| {
            let (file, _) = place.strip_prefix("src/exercises/")?.split_once(".rs:")?;
            (!["mod", "parts"].contains(&file)).then(|| file.to_string())
        };
        self.places.iter().filter_map(name).collect()
    }

    /// What it means for these exercises.
    pub fn verdict(&self, names: &[String]) -> String {
        let broken = self.names();
        let verdict = |name: &String| {
            if broken.contains(name) {
                return format!("{name}: does not compile\n");
            }
            let advice = match broken.first() {
                Some(broken) => format!("  Mend that first, or put it aside: reset {broken} keeps a copy.\n"),
                None => String::new(),
            };
            format!("{name}: cannot be checked, for {}\n{advice}", self.why())
        };
        names.iter().map(verdict).collect()
    }
}

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
    /// Builds the checks and runs those of the exercises with these names; all if there are none.
    pub fn judge(&self, names: &[String]) -> Outcome<Checked> {
        let (program, warnings) = match self.build()? {
            Ok(built) => built,
            Err(broken) => return Ok(Checked::Broken(broken)),
        };
        let mut states = States::new();
        let (mut printed, end) = self.ask(&program, names, &mut states)?;
        if end.is_some() {
            // One of them has ended the whole program, and those after it were not asked. So each is asked alone.
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
            command.args(["rustc", "--profile", "test"]); // `cargo test --no-run`, and words to the compiler at the end
        }
        command.args(["--quiet", "--test", "exercises"]);
        // The compiler's words then come on standard error as ever, and the program's place on standard output.
        command.args(["--message-format", "json-render-diagnostics"]);
        command.args(["--color", if colour { "always" } else { "never" }]);
        command.arg("--target-dir").arg(&self.target);
        if !self.is_release {
            // Most of the time would go into making the checks fast, which they are anyway: what is slow is the library's.
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

    /// Runs the checks and notes the verdicts: what the learner's functions have printed, and how the program ended if that
    /// was before its end.
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

/// The program that a line of cargo's messages says it has built.
fn executable(line: &str) -> Option<PathBuf> {
    Json::parse(line).ok()?.get("executable")?.as_str().map(PathBuf::from)
}

/// Reads what `tests/exercises/` prints for `--status`, and gives back what is not from there: the learner's own output.
fn read_status(text: &str, states: &mut States) -> String {
    let (mut printed, mut last) = (String::new(), None);
    for line in text.lines() {
        // What was printed without a line break stands in front of the name.
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

/// The first lines: a function that prints is called many times.
fn shorten(text: &str) -> String {
    let n_more = text.lines().count().saturating_sub(SHOWN);
    let shown: String = text.lines().take(SHOWN).map(|line| format!("{line}\n")).collect();
    if n_more > 0 { shown + &format!("... and {n_more} lines more\n") } else { shown }
}

/// How many lines of the learner's own output are shown.
const SHOWN: usize = 40;

/// The folder of the checks includes that of the exercises; the compiler says so in every path.
fn own_paths(text: &str) -> String {
    text.replace("tests/exercises/../../", "")
}

/// A compiler's messages have empty lines between them.
fn blocks(text: &str) -> impl Iterator<Item = &str> {
    text.split("\n\n").map(|block| block.trim_matches('\n')).filter(|block| !block.is_empty())
}

/// Text without colours: ESC [ ... m.
fn plain(text: &str) -> String {
    let mut parts = text.split('\x1b');
    let first = parts.next().unwrap_or("").to_string();
    parts.fold(first, |text, part| text + part.split_once('m').map_or("", |(_, rest)| rest))
}

impl Broken {
    /// From what cargo and the compiler say. Warnings about anything but the exercises are left out.
    fn new(said: &str) -> Broken {
        let (mut output, mut places) = (String::new(), Vec::new());
        for block in blocks(said) {
            let plain = plain(block);
            let place = plain.lines().find_map(|line| line.trim_start().strip_prefix("--> "));
            if plain.starts_with("warning") && !place.is_some_and(|place| place.starts_with("src/exercises/")) {
                continue;
            }
            output += &format!("{block}\n\n");
            if let (true, Some(place)) = (plain.starts_with("error"), place) {
                // FILE:LINE:COLUMN
                places.push(place.rsplit_once(':').map_or(place, |(place, _)| place).to_string());
            }
        }
        Broken { output, places }
    }
}

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

    const SAID: &str = "\
\x1b[1m\x1b[33mwarning\x1b[0m: unused variable
  --> tests/exercises/check.rs:25:5

\x1b[1m\x1b[33mwarning\x1b[0m: unused mut
  \x1b[94m--> \x1b[0mtests/exercises/../../src/exercises/gelu.rs:3:1
   |

\x1b[1m\x1b[91merror[E0425]\x1b[0m: cannot find value `z`
  \x1b[94m--> \x1b[0mtests/exercises/../../src/exercises/mlp.rs:27:9

error: could not compile `gpt60` (test \"exercises\") due to 1 previous error
";

    #[test]
    fn what_does_not_compile_is_shown_and_named() {
        let broken = Broken::new(&own_paths(SAID));
        assert!(!broken.output.contains("unused variable") && broken.output.contains("unused mut"));
        assert!(broken.output.contains("\x1b[91merror[E0425]") && broken.output.contains("could not compile"));
        assert_eq!(broken.places, ["src/exercises/mlp.rs:27"]);
        assert_eq!(broken.why(), "src/exercises/mlp.rs:27 does not compile.");
        let verdict = broken.verdict(&["mlp".to_string(), "gelu".to_string()]);
        assert!(verdict.starts_with("mlp: does not compile\ngelu: cannot be checked"), "{verdict}");
        assert!(verdict.contains("reset mlp"), "{verdict}");
        let library = Broken::new("error: no\n --> src/tensor.rs:1:1\n");
        assert_eq!(library.names(), [""; 0]);
        assert_eq!(
            library.verdict(&["mlp".to_string()]),
            "mlp: cannot be checked, for src/tensor.rs:1 does not compile.\n"
        );
        let gone = Broken::new("error[E0583]: file not found for module `gelu`\n  --> src/exercises/mod.rs:32:1\n");
        assert!(gone.why().starts_with("src/exercises/gelu.rs is gone"), "{}", gone.why());
        assert_eq!(gone.names(), [""; 0]);
        assert_eq!(Broken::new("error: no network\n").why(), "the checks cannot be built: error: no network.");
    }

    #[test]
    fn a_warning_is_shown_with_the_wrong_solution_that_it_is_about() {
        let warnings: Vec<String> = blocks(&own_paths(SAID)).map(str::to_string).collect();
        let wrong = State::Wrong(vec!["why".to_string()]);
        assert!(verdict("gelu", Some(&wrong), &warnings).starts_with("gelu: wrong\n  why\n\n\x1b[1m\x1b[33mwarning"));
        assert_eq!(verdict("softmax", Some(&wrong), &warnings), "softmax: wrong\n  why\n");
        assert_eq!(verdict("gelu", Some(&State::Done), &warnings), "gelu: done\n");
        assert_eq!(verdict("gelu", Some(&State::NotStarted), &warnings), "gelu: not started\n");
    }

    #[test]
    fn the_program_is_where_cargo_says() {
        let line = r#"{"reason":"compiler-artifact","target":{"name":"exercises"},"executable":"/t/exercises-1"}"#;
        assert_eq!(executable(line), Some(PathBuf::from("/t/exercises-1")));
        assert_eq!(executable(r#"{"reason":"compiler-artifact","executable":null}"#), None);
        assert_eq!(executable("not JSON"), None);
    }
}
