//! Writes on: always the likeliest next token. See `docs/00-what-is-a-gpt.md`.
//!
//! ```text
//! cargo run --example greedy
//! cargo run --example greedy -- "The little fox"
//! ```

use gpt60::cli::{self, Answer, Command, Outcome};
use gpt60::generate::{Stop, greedy};
use std::process::ExitCode;
use std::time::Instant;

const COMMAND: Command = Command {
    name: "greedy",
    about: "Continues a text, always with the likeliest next token. The text that is written goes to standard output,\n\
            everything else to standard error.",
    operands: "[PROMPT]    (default: \"Once upon a time\")",
    max_operands: 1,
    flags: &[cli::MODEL, cli::IDS, cli::TOKENS],
    chapter: "docs/00-what-is-a-gpt.md",
};

fn main() -> ExitCode {
    COMMAND.run(|args| -> Outcome<()> {
        let n_tokens: usize = args.number("--tokens", 40)?;
        let checkpoint = args.model()?;
        let prompt = args.prompt(&checkpoint, "Once upon a time")?;
        let mut tokens = greedy(&checkpoint.model, &prompt.ids, &checkpoint.end_ids)?;

        match &prompt.text {
            Some(text) => cli::note_part(text),
            None => cli::note_part(&format!("{} ids, then: ", prompt.ids.len())),
        }
        let start = Instant::now();
        let mut answer = Answer::new(&prompt, &checkpoint);
        let mut n_made = 0;
        for id in tokens.by_ref().take(n_tokens) {
            let id = id?;
            answer.push(id, checkpoint.end_ids.contains(&id))?;
            n_made += 1;
        }
        answer.finish()?;

        match tokens.stopped_by() {
            Some(Stop::EndToken) => cli::note("[the model ended its text]"),
            // A full context is only noticed when one more token is asked for.
            Some(Stop::FullContext) => {
                cli::note(&format!("[the context of {} tokens is full]", checkpoint.model.config.n_ctx));
            }
            None => {}
        }
        let seconds = start.elapsed().as_secs_f64();
        cli::note(&format!("[{n_made} tokens, {:.0} tokens/s]", n_made as f64 / seconds.max(1e-9)));
        Ok(())
    })
}
