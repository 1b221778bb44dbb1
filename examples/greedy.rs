//! Writes on: always the likeliest next token. See `docs/00-what-is-a-gpt.md`.
//!
//! ```text
//! cargo run --example greedy
//! cargo run --example greedy -- "The little fox"
//! cargo run --example greedy -- --stop "." "The king said"
//! ```

use gpt60::cli::{self, Command, Outcome};
use gpt60::generate::Sampler;
use std::process::ExitCode;

const COMMAND: Command = Command {
    name: "greedy",
    about: "Continues a text, always with the likeliest next token. The text that is written goes to standard output,\n\
            everything else to standard error.",
    operands: "[PROMPT]    (default: \"Once upon a time\")",
    max_operands: 1,
    flags: &[cli::MODEL, cli::WEIGHTS, cli::IDS, cli::SPECIAL, cli::TOKENS, cli::MIN_TOKENS, cli::STOP],
    chapter: "docs/00-what-is-a-gpt.md",
};

fn main() -> ExitCode {
    COMMAND.run(|args| -> Outcome<()> {
        let (n_tokens, min_tokens): (usize, usize) = (args.number("--tokens", 40)?, args.number("--min-tokens", 0)?);
        let stops = args.stop_texts()?;
        let checkpoint = args.model()?;
        let prompt = args.prompt(&checkpoint, "Once upon a time")?;
        let sampler = Sampler { min_tokens, ..Sampler::greedy() };
        let tokens = checkpoint.model.generate(&prompt.ids, sampler)?.until(&checkpoint.end_ids);
        cli::stream(tokens, n_tokens, &prompt, &checkpoint, &stops)?;
        Ok(())
    })
}
