//! Verdicts: what became of the exercises, in words, and what the compiler says about those that do not compile.

use super::stubs;
use std::collections::BTreeMap;

/// What became of an exercise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    NotStarted,
    Done,
    /// With what the check says, one entry a line.
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

    /// Whether this exercise, whose name is not `piece`, is wrong because of that piece.
    pub fn blames(&self, piece: &str) -> bool {
        let State::Wrong(lines) = self else { return false };
        let signs = [format!("piece that this one calls: `{piece}`"), format!("src/exercises/{piece}.rs:")];
        lines.iter().any(|line| signs.iter().any(|sign| line.contains(sign)))
    }

    pub fn mark(&self) -> char {
        match self {
            State::NotStarted => '.',
            State::Done => '#',
            State::Wrong(_) => 'x',
        }
    }
}

/// A verdict in words. A compiler warning about a wrong solution may well say why it is wrong.
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

/// The outcome of building and running the checks.
pub enum Checked {
    Built {
        states: States,
        /// What the learner's functions printed.
        printed: String,
        /// The compiler's, about the exercises.
        warnings: Vec<String>,
    },
    Broken(Broken),
}

/// The checks could not be built.
pub struct Broken {
    /// What cargo and the compiler say.
    pub output: String,
    /// The place of each error: `src/exercises/softmax.rs:27`.
    pub places: Vec<String>,
}

impl Broken {
    /// Reads the messages of cargo and the compiler. Warnings about anything but the exercises are left out.
    pub fn new(said: &str) -> Broken {
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

    /// The cause in one sentence.
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
            (!["mod", "parts", "piece", "filled"].contains(&file)).then(|| file.to_string())
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
            format!("{name}: cannot be checked, because {}\n{advice}", self.why())
        };
        names.iter().map(verdict).collect()
    }
}

/// The folder of the checks includes the folder of the exercises, and the compiler says so in every path.
pub fn own_paths(text: &str) -> String {
    text.replace("tests/exercises/../../", "")
}

/// Empty lines separate a compiler's messages.
pub fn blocks(text: &str) -> impl Iterator<Item = &str> {
    text.split("\n\n").map(|block| block.trim_matches('\n')).filter(|block| !block.is_empty())
}

/// Text without colours: ESC [ ... m.
fn plain(text: &str) -> String {
    let mut parts = text.split('\x1b');
    let first = parts.next().unwrap_or("").to_string();
    parts.fold(first, |text, part| text + part.split_once('m').map_or("", |(_, rest)| rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "\
\x1b[1m\x1b[33mwarning\x1b[0m: unused variable
  --> tests/exercises/check/mod.rs:25:5

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
            "mlp: cannot be checked, because src/tensor.rs:1 does not compile.\n"
        );
        let gone = Broken::new("error[E0583]: file not found for module `gelu`\n  --> src/exercises/mod.rs:32:1\n");
        assert!(gone.why().starts_with("src/exercises/gelu.rs is gone"), "{}", gone.why());
        assert_eq!(gone.names(), [""; 0]);
        assert_eq!(Broken::new("error: no network\n").why(), "the checks cannot be built: error: no network.");
    }

    #[test]
    fn a_verdict_names_the_piece_that_it_is_wrong_because_of() {
        let wrong = |line: &str| State::Wrong(vec!["src/exercises/mlp.rs:9, with x:".to_string(), line.to_string()]);
        let differs = wrong("  It begins in a piece that this one calls: `gelu` is wrong. Mend that first.");
        assert!(differs.blames("gelu") && !differs.blames("linear"));
        assert!(wrong("  it panicked at src/exercises/gelu.rs:7:5").blames("gelu"));
        assert!(!wrong("  The likely cause: `gelu` is not called.").blames("gelu"));
        assert!(!State::Done.blames("gelu"));
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
}
