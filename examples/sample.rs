//! Writes on, with chance: each next token is drawn with the probability that the model gives it.
//!
//! ```text
//! cargo run --example sample
//! cargo run --example sample -- --seed 7 --temperature 0.8 "The little fox"
//! ```

use gpt60::cli::{self, Command, Outcome};
use std::process::ExitCode;

const COMMAND: Command = Command {
    name: "sample",
    about: "Continues a text, drawing each token at random by the model's probabilities. The same seed gives the same text.",
    operands: "[PROMPT]    (default: \"Once upon a time\")",
    max_operands: 1,
    flags: &[
        cli::MODEL,
        cli::IDS,
        cli::TOKENS,
        cli::TEMPERATURE,
        cli::TOP_K,
        cli::TOP_P,
        cli::REPETITION_PENALTY,
        cli::NO_REPEAT_NGRAM,
        cli::SEED,
    ],
    chapter: "docs/08-choosing-a-token.md",
};

fn main() -> ExitCode {
    COMMAND.run(|args| -> Outcome<()> {
        let n_tokens: usize = args.number("--tokens", 40)?;
        let sampler = args.sampler()?;
        let checkpoint = args.model()?;
        let prompt = args.prompt(&checkpoint, "Once upon a time")?;
        let tokens = checkpoint.model.generate(&prompt.ids, sampler)?.until(&checkpoint.end_ids);
        cli::stream(tokens, n_tokens, &prompt, &checkpoint)
    })
}
