//! The story, written by your own functions. See `docs/exercises.md`.
//!
//! ```text
//! cargo run --example greedy_mine
//! ```
//!
//! It does what `greedy` does, with the exercises in `src/exercises/` in place of the library: there is no cache, and
//! no fast product. What has not been begun is the library's, and at the end it says whose each piece was. With `--strict`
//! nothing is the library's: what is missing is named, and nothing is written.

use gpt60::cli::{self, Answer, Command, Failure, Flag, Outcome};
use gpt60::generate::check_prompt;
use gpt60::{Gpt2, Result};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Mutex;

#[path = "../src/exercises/mod.rs"]
mod exercises;

use exercises::parts::Account;
use exercises::{NotStarted, filled, greedy, parts};

const COMMAND: Command = Command {
    name: "greedy_mine",
    about: "Continues a text as `greedy` does, with the functions that you have written in src/exercises/. Those that you have\n\
            not begun are the library's; at the end it says whose each one was.",
    operands: "[PROMPT]    (default: \"Once upon a time\")",
    max_operands: 1,
    flags: &[
        cli::MODEL,
        cli::IDS,
        cli::SPECIAL,
        cli::TOKENS,
        Flag {
            name: "--strict",
            value: "",
            help: "only with functions of yours: name the missing ones, and write nothing",
        },
    ],
    chapter: "docs/exercises.md",
};

/// The pieces of the forward pass, in the order of the book.
const PIECES: [&str; 13] = [
    "matmul",
    "embedding",
    "softmax",
    "linear",
    "gelu",
    "layer_norm",
    "causal_mask",
    "attention",
    "multi_head",
    "mlp",
    "block",
    "gpt2",
    "greedy",
];

/// Where the last panic was, and what it said.
static PANIC: Mutex<String> = Mutex::new(String::new());

fn main() -> ExitCode {
    // A panic in an exercise becomes one line, with its place.
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map_or(String::new(), |place| format!("{}:{}", place.file(), place.line()));
        let text = info.payload().downcast_ref::<&str>().map(|text| text.to_string());
        let text = text.or_else(|| info.payload().downcast_ref::<String>().cloned());
        let message = text.unwrap_or_else(|| "no message".to_string());
        if let Ok(mut panic) = PANIC.lock() {
            *panic = format!("{message} (at {place})");
        }
    }));
    COMMAND.run(|args| -> Outcome<()> {
        let n_tokens: usize = args.number("--tokens", 40)?;
        let checkpoint = args.model()?;
        if !checkpoint.model.config.is_gpt2() {
            let problem = "the exercises are GPT-2's own GELU and attention; use `greedy` for this model";
            return Err(Failure::Failed(problem.to_string()));
        }
        let prompt = args.prompt(&checkpoint, "Once upon a time")?;
        check_prompt(&checkpoint.model, &prompt.ids)?;
        // As many as fit: the last one need not be read.
        let n_tokens = n_tokens.min(checkpoint.model.config.n_ctx + 1 - prompt.ids.len());

        let is_strict = args.has("--strict");
        let mut whose = Whose::default();
        let mut next = |text: &[u32]| match is_strict {
            true => try_it(|| greedy::greedy(&checkpoint.model, text, 1)),
            false => whose.next(&checkpoint.model, text),
        };
        // One token first, to see whether everything is there.
        next(&prompt.ids)?;
        cli::note_prompt(&prompt);
        let mut answer = Answer::new(&prompt, &checkpoint);
        let mut text = prompt.ids.clone();
        for _ in 0..n_tokens {
            let new = next(&text).inspect_err(|_| cli::note(""))?;
            let [id] = new[..] else {
                let problem = format!("your `greedy` was asked for 1 token and has given {}", new.len());
                return Err(Failure::Failed(problem));
            };
            answer.push(id)?;
            if checkpoint.end_ids.contains(&id) {
                break;
            }
            text.push(id);
        }
        answer.finish()?;
        if !is_strict {
            whose.notes().iter().for_each(|line| cli::note(line));
        }
        Ok(())
    })
}

/// Whose the pieces are that have written so far.
#[derive(Default)]
struct Whose {
    own: BTreeSet<&'static str>,
    library: BTreeSet<&'static str>,
    wrong: BTreeSet<&'static str>,
}

impl Whose {
    /// The next token, with all that the learner has.
    fn next(&mut self, model: &Gpt2, text: &[u32]) -> Outcome<Vec<u32>> {
        if !self.library.contains("greedy") {
            let (result, account) = parts::fill(|| catch_unwind(AssertUnwindSafe(|| greedy::greedy(model, text, 1))));
            match result {
                Err(payload) if payload.is::<NotStarted>() => drop(self.library.insert("greedy")),
                Err(_) => return Err(panicked()),
                Ok(result) => {
                    self.add(&account);
                    let new = result.map_err(|error| self.failed(&error))?;
                    // Once, because it takes as long again: is this the likeliest by the learner's own logits?
                    if self.own.insert("greedy") && new != self.likeliest(model, text)? {
                        self.wrong.insert("greedy");
                    }
                    return Ok(new);
                }
            }
        }
        self.likeliest(model, text)
    }

    fn likeliest(&mut self, model: &Gpt2, text: &[u32]) -> Outcome<Vec<u32>> {
        let work = || -> Result<u32> { filled::greedy(model, text) };
        let (result, account) = parts::fill(|| catch_unwind(AssertUnwindSafe(work)));
        self.add(&account);
        let id = result.map_err(|_| panicked())?.map_err(|error| self.failed(&error))?;
        Ok(vec![id])
    }

    fn add(&mut self, account: &Account) {
        self.own.extend(&account.own);
        self.library.extend(&account.library);
        self.wrong.extend(&account.wrong);
    }

    /// What to say of an error that one of the pieces has returned.
    fn failed(&self, error: &gpt60::Error) -> Failure {
        match &self.wrong {
            wrong if wrong.is_empty() => Failure::Failed(error.to_string()),
            wrong => Failure::Failed(format!("{error} ({})", to_mend(wrong))),
        }
    }

    /// Who has written the text.
    fn notes(&self) -> Vec<String> {
        let mut notes = vec![match (self.own.is_empty(), self.library.is_empty()) {
            (true, _) => "[written by the library alone: try `cargo run --example exercises`]".to_string(),
            (_, true) => format!("[written by your own {}, and nothing else]", listed(&self.own)),
            _ => format!("[written by your {}; the library's {}]", listed(&self.own), listed(&self.library)),
        }];
        if !self.wrong.is_empty() {
            notes.push(format!("[{}]", to_mend(&self.wrong)));
        }
        notes
    }
}

fn to_mend(wrong: &BTreeSet<&str>) -> String {
    format!("wrong: {}; `cargo run --example exercises -- check` says why", listed(wrong))
}

fn listed(names: &BTreeSet<&str>) -> String {
    let names: Vec<&str> = PIECES.into_iter().filter(|name| names.contains(name)).collect();
    names.join(", ")
}

fn panicked() -> Failure {
    let panic = PANIC.lock().map_or(String::new(), |panic| panic.clone());
    Failure::Failed(format!("your code panicked: {panic}"))
}

/// Runs an exercise: returns its result, or what is missing or went wrong.
fn try_it<T>(work: impl FnOnce() -> Result<T>) -> Outcome<T> {
    let (result, missing) = parts::strict(|| catch_unwind(AssertUnwindSafe(work)));
    match result {
        Err(payload) if payload.is::<NotStarted>() => Err(not_begun(&["greedy".to_string()])),
        Err(_) => Err(panicked()),
        Ok(_) if !missing.is_empty() => Err(not_begun(&missing)),
        Ok(result) => Ok(result?),
    }
}

fn not_begun(missing: &[String]) -> Failure {
    let names = missing.join(", ");
    Failure::Failed(format!("not begun yet: {names}; try `cargo run --example exercises`"))
}
