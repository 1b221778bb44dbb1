//! What the model thinks comes next: the likeliest tokens and their probabilities. See `docs/07-the-whole-model.md`.
//!
//! ```text
//! cargo run --example logits -- "The little"
//! ```

use gpt60::cli::{self, Command, Failure, Flag, Outcome};
use gpt60::layers::softmax::softmax_row;
use gpt60::{KvCache, generate};
use std::process::ExitCode;

const COMMAND: Command = Command {
    name: "logits",
    about: "Shows the ten likeliest next tokens after a text: probability, logit, id and the token itself.",
    operands: "[PROMPT]    (default: \"Once upon a time\")",
    max_operands: 1,
    flags: &[
        cli::MODEL,
        cli::IDS,
        Flag { name: "--raw", value: "", help: "print the logit of every token instead, one a line" },
        Flag { name: "--probs", value: "", help: "print the probability of every token instead, one a line" },
    ],
    chapter: "docs/07-the-whole-model.md",
};

fn main() -> ExitCode {
    COMMAND.run(|args| -> Outcome<()> {
        if args.has("--raw") && args.has("--probs") {
            return Err(Failure::Usage("give either --raw or --probs, not both".to_string()));
        }
        let checkpoint = args.model()?;
        let prompt = args.prompt(&checkpoint, "Once upon a time")?;
        generate::check_prompt(&checkpoint.model, &prompt.ids)?;
        let mut cache = KvCache::new(&checkpoint.model.config, 1);
        let logits = checkpoint.model.next_logits(&prompt.ids, &mut cache)?.into_data(); // [n_vocab]
        let mut probabilities = logits.clone();
        softmax_row(&mut probabilities);

        if args.has("--raw") || args.has("--probs") {
            let numbers = if args.has("--raw") { &logits } else { &probabilities };
            let lines: Vec<String> = numbers.iter().map(|x| format!("{x:?}\n")).collect();
            return cli::print(&lines.concat());
        }
        let mut order: Vec<usize> = (0..logits.len()).collect();
        order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]).then(a.cmp(&b)));
        cli::print("probability     logit      id  token\n")?;
        for &id in order.iter().take(10) {
            let symbol = checkpoint.tokenizer.as_ref().and_then(|t| t.decode(&[id as u32]).ok());
            let symbol = symbol.map_or(String::new(), |text| format!("{text:?}"));
            cli::print(&format!("{:>10.4}%  {:>8.3}  {id:>6}  {symbol}\n", 100.0 * probabilities[id], logits[id]))?;
        }
        Ok(())
    })
}
