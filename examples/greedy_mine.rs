//! The story, written by your own functions. See `docs/exercises.md`.
//!
//! ```text
//! cargo run --example greedy_mine
//! ```
//!
//! It does what `greedy` does, with the exercises in `src/exercises/` in place of the library: there is no cache, and
//! no fast product. If an exercise of the forward pass has not been begun, it prints its name.

use gpt60::cli::{self, Answer, Command, Failure, Outcome};
use gpt60::generate::check_prompt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Mutex;

#[path = "../src/exercises/mod.rs"]
mod exercises;

use exercises::{NotStarted, parts};

const COMMAND: Command = Command {
    name: "greedy_mine",
    about: "Continues a text as `greedy` does, with the functions that you have written in src/exercises/. All of those of the\n\
            forward pass are needed; the missing ones are named.",
    operands: "[PROMPT]    (default: \"Once upon a time\")",
    max_operands: 1,
    flags: &[cli::MODEL, cli::IDS, cli::SPECIAL, cli::TOKENS],
    chapter: "docs/exercises.md",
};

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

        // One token first, to see whether everything is there.
        try_it(|| exercises::greedy::greedy(&checkpoint.model, &prompt.ids, 1))?;
        cli::note_prompt(&prompt);
        let mut answer = Answer::new(&prompt, &checkpoint);
        let mut text = prompt.ids.clone();
        for _ in 0..n_tokens {
            let new =
                try_it(|| exercises::greedy::greedy(&checkpoint.model, &text, 1)).inspect_err(|_| cli::note(""))?;
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
        answer.finish()
    })
}

/// Runs an exercise: returns its result, or what is missing or went wrong.
fn try_it<T>(work: impl FnOnce() -> gpt60::Result<T>) -> Outcome<T> {
    let (result, missing) = parts::strict(|| catch_unwind(AssertUnwindSafe(work)));
    match result {
        Err(payload) if payload.is::<NotStarted>() => Err(not_begun(&["greedy".to_string()])),
        Err(_) => {
            let panic = PANIC.lock().map_or(String::new(), |panic| panic.clone());
            Err(Failure::Failed(format!("your code panicked: {panic}")))
        }
        Ok(_) if !missing.is_empty() => Err(not_begun(&missing)),
        Ok(result) => Ok(result?),
    }
}

fn not_begun(missing: &[String]) -> Failure {
    let names = missing.join(", ");
    Failure::Failed(format!("not begun yet: {names}; try `cargo run --example exercises`"))
}
