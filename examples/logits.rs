//! What the model thinks comes next: the likeliest tokens and their probabilities. See `docs/08-choosing-a-token.md`.
//!
//! ```text
//! cargo run --example logits -- "The little"
//! cargo run --example logits -- --temperature 0.7 --top-k 40 --top-p 0.9 "The little"
//! ```

use gpt60::KvCache;
use gpt60::cli::{self, Command, Failure, Flag, Outcome};
use gpt60::generate::{self, table};
use std::process::ExitCode;

const COMMAND: Command = Command {
    name: "logits",
    about: "Shows the ten likeliest next tokens after a text: id, logit, probability and the token itself. With knobs of `sample`\n\
            on, also the probability after each of them, and which knob removed which token.",
    operands: "[PROMPT]    (default: \"Once upon a time\")",
    max_operands: 1,
    flags: &[
        cli::MODEL,
        cli::WEIGHTS,
        cli::IDS,
        cli::SPECIAL,
        cli::TEMPERATURE,
        cli::TOP_K,
        cli::TOP_P,
        cli::MIN_P,
        cli::TYPICAL_P,
        cli::EPSILON_CUTOFF,
        cli::REPETITION_PENALTY,
        cli::NO_REPEAT_NGRAM,
        Flag { name: "--raw", value: "", help: "print the model's logit of every token instead, one a line" },
        Flag {
            name: "--probs",
            value: "",
            help: "print every token's probability after the knobs instead, one a line",
        },
        cli::WIDTH,
    ],
    chapter: "docs/08-choosing-a-token.md",
};

fn main() -> ExitCode {
    COMMAND.run(|args| -> Outcome<()> {
        if args.has("--raw") && args.has("--probs") {
            return Err(Failure::Usage("give either --raw or --probs, not both".to_string()));
        }
        let sampler = args.sampler()?;
        let width = args.width()?;
        let checkpoint = args.model()?;
        let prompt = args.prompt(&checkpoint, "Once upon a time")?;
        generate::check_prompt(&checkpoint.model, &prompt.ids)?;
        let mut cache = KvCache::new(&checkpoint.model.config, 1);
        let logits = checkpoint.model.next_logits(&prompt.ids, &mut cache)?.into_data(); // [n_vocab]
        cli::check_numbers("logits", &logits)?;

        if args.has("--raw") || args.has("--probs") {
            let numbers = if args.has("--raw") { logits } else { sampler.probabilities(&logits, &prompt.ids)? };
            let lines: Vec<String> = numbers.iter().map(|x| format!("{x:?}\n")).collect();
            return cli::print(&lines.concat());
        }
        cli::print(&table::render(&logits, &prompt.ids, &sampler, &[], None, checkpoint.tokenizer.as_ref(), width))
    })
}
