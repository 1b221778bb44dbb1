//! Writes on, with chance: each next token is drawn with the probability that the model gives it.
//!
//! ```text
//! cargo run --example sample
//! cargo run --example sample -- --seed 7 --temperature 0.8 "The little fox"
//! ```

use gpt60::Rng;
use gpt60::cli::{self, Command, Failure, Flag, Outcome};
use gpt60::generate::sample;
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
        Flag { name: "--temperature", value: "T", help: "below 1: tamer, above 1: wilder (default: 1)" },
        Flag { name: "--seed", value: "N", help: "where the random numbers begin (default: 42)" },
    ],
    chapter: "docs/08-choosing-a-token.md",
};

fn main() -> ExitCode {
    COMMAND.run(|args| -> Outcome<()> {
        let n_tokens: usize = args.number("--tokens", 40)?;
        let temperature: f32 = args.number("--temperature", 1.0)?;
        if !(temperature > 0.0 && temperature.is_finite()) {
            return Err(Failure::Usage(format!("--temperature is {temperature}; it must be above 0")));
        }
        let rng = Rng::new(args.number("--seed", 42)?);
        let checkpoint = args.model()?;
        let prompt = args.prompt(&checkpoint, "Once upon a time")?;
        let tokens = sample(&checkpoint.model, &prompt.ids, &checkpoint.end_ids, temperature, rng)?;
        cli::stream(tokens, n_tokens, &prompt, &checkpoint)
    })
}
