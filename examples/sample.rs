//! Writes on, with chance: each next token is drawn with the probability that the model gives it. See
//! `docs/08-choosing-a-token.md`.
//!
//! ```text
//! cargo run --example sample
//! cargo run --example sample -- --seed 7 --temperature 0.8 "The little fox"
//! cargo run --example sample -- --top-p 0.9 --tokens 5 --show
//! cargo run --example sample -- --min-p 0.1 --stop "." --stop "!"
//! cargo run --example sample -- --count 5 --stats
//! ```

use gpt60::Rng;
use gpt60::checkpoint::Checkpoint;
use gpt60::cli::{self, Command, Failure, Flag, Outcome, Prompt};
use gpt60::generate::{MAX_TOGETHER, Sampler, Stop, StopTexts, statistics::Statistics, table};
use std::process::ExitCode;
use std::time::Instant;

const COMMAND: Command = Command {
    name: "sample",
    about: "Continues a text, drawing each token at random by the model's probabilities. The same seed gives the same text.\n\
            --show prints the candidates for each token on standard error: their probabilities before and after each knob,\n\
            which knob removed which, and > before the one that was drawn.",
    operands: "[PROMPT]    (default: \"Once upon a time\")",
    max_operands: 1,
    flags: &[
        cli::MODEL,
        cli::WEIGHTS,
        cli::IDS,
        cli::SPECIAL,
        cli::TOKENS,
        cli::TEMPERATURE,
        cli::TOP_K,
        cli::TOP_P,
        cli::MIN_P,
        cli::TYPICAL_P,
        cli::EPSILON_CUTOFF,
        cli::REPETITION_PENALTY,
        cli::NO_REPEAT_NGRAM,
        cli::SEED,
        cli::MIN_TOKENS,
        cli::STOP,
        Flag {
            name: "--count",
            value: "N",
            help: "how many answers, a line each, of seed, seed + 1, ... (default: 1)",
        },
        Flag { name: "--show", value: "", help: "show the candidates for each token" },
        Flag { name: "--stats", value: "", help: "measure each answer: entropy, perplexity, how much is said twice" },
        cli::WIDTH,
    ],
    chapter: "docs/08-choosing-a-token.md",
};

fn main() -> ExitCode {
    COMMAND.run(|args| -> Outcome<()> {
        let n_tokens: usize = args.number("--tokens", 40)?;
        let (count, seed): (u64, u64) = (args.number("--count", 1)?, args.number("--seed", 42)?);
        let (sampler, stops) = (args.sampler()?, args.stop_texts()?);
        let width = args.width()?;
        if count == 0 {
            return Err(Failure::Usage("--count must be at least 1 (default: 1)".to_string()));
        }
        if count > 1 && args.has("--show") {
            return Err(Failure::Usage("--show follows one answer; give it without --count".to_string()));
        }
        let checkpoint = args.model()?;
        let prompt = args.prompt(&checkpoint, "Once upon a time")?;
        let note_stats = |ids: &[u32]| -> Outcome<()> {
            if args.has("--stats") && !ids.is_empty() {
                cli::note(&format!("[{}]", Statistics::measure(&checkpoint.model, &prompt.ids, ids)?));
            }
            Ok(())
        };
        if count == 1 {
            return note_stats(&if args.has("--show") {
                show(sampler, n_tokens, &prompt, &checkpoint, &stops, width)?
            } else {
                let tokens = checkpoint.model.generate(&prompt.ids, sampler)?.until(&checkpoint.end_ids);
                cli::stream(tokens, n_tokens, &prompt, &checkpoint, &stops)?
            });
        }
        // However many answers are asked for, only one group of them is in memory at a time.
        cli::note_prompt(&prompt);
        cli::note("");
        let mut done = 0;
        while done < count {
            let group = done..count.min(done + MAX_TOGETHER as u64);
            let with_seed = |i| Sampler { rng: Rng::new(seed.wrapping_add(i)), ..sampler.clone() };
            done = group.end;
            let samplers: Vec<Sampler> = group.map(with_seed).collect();
            let mut watches: Vec<_> = samplers.iter().map(|_| cli::StopWatch::new(&stops, &checkpoint)).collect();
            let (model, end_ids) = (&checkpoint.model, &checkpoint.end_ids);
            let is_over = |i: usize, id| watches[i].sees(id);
            for answer in model.generate_several_until(&prompt.ids, samplers, end_ids, n_tokens, is_over)? {
                cli::print(&(cli::answer_line(&answer.ids, &prompt, &checkpoint, &stops) + "\n"))?;
                note_stats(&answer.ids)?;
            }
        }
        Ok(())
    })
}

/// Writes one answer, with the table of candidates for each token on standard error; the text comes at the end.
fn show(
    sampler: Sampler,
    n_tokens: usize,
    prompt: &Prompt,
    checkpoint: &Checkpoint,
    stops: &StopTexts,
    width: usize,
) -> Outcome<Vec<u32>> {
    let start = Instant::now();
    let mut tokens = checkpoint.model.generate(&prompt.ids, sampler.clone())?.until(&checkpoint.end_ids);
    let mut ids = Vec::new();
    let mut failure = None;
    let (mut watch, mut is_stopped) = (cli::StopWatch::new(stops, checkpoint), false);
    while ids.len() < n_tokens
        && !is_stopped
        && let Some(id) = tokens.next()
    {
        let before = &tokens.ids()[..prompt.ids.len() + ids.len()];
        let table = |chosen| {
            let early = sampler.too_early(ids.len(), &checkpoint.end_ids);
            table::render(tokens.logits(), before, &sampler, early, chosen, checkpoint.tokenizer.as_ref(), width)
        };
        match id {
            Ok(id) => {
                cli::note(&table(Some(id)));
                ids.push(id);
                is_stopped = watch.sees(id);
            }
            Err(error) => {
                cli::note(&table(None));
                failure = Some(error);
            }
        }
    }
    cli::note_prompt(prompt);
    cli::print(&cli::answer_text(&ids, prompt, checkpoint, stops))?;
    if let Some(error) = failure {
        cli::flush()?;
        cli::note(""); // the error gets a line of its own
        return Err(error.into());
    }
    cli::print("\n")?;
    let stopped_by = if is_stopped { Some(Stop::StopText) } else { tokens.stopped_by() };
    cli::note_end(stopped_by, ids.len(), start, checkpoint);
    Ok(ids)
}
