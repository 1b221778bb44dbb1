//! Looks for likely texts, several at a time: beam search. See `docs/09-beam-search.md`.
//!
//! ```text
//! cargo run --example beam
//! cargo run --example beam -- --beams 3 --tokens 8 --show "The little fox"
//! cargo run --example beam -- --count 5 --length-penalty 0
//! cargo run --example beam -- --sample --temperature 0.8 --seed 7
//! ```

use gpt60::cli::{self, Args, Command, Failure, Flag, Outcome};
use gpt60::generate::{BeamSearch, Candidate, EarlyStopping, Fate, Step, table};
use gpt60::tokenizer::Tokenizer;
use std::process::ExitCode;

const COMMAND: Command = Command {
    name: "beam",
    about: "Continues a text by looking for a likely whole, not for a likely next token. Prints a line for each answer, best\n\
            first: its score, a tab, and the text. --show prints on standard error how the beams grow: each beam, the tokens\n\
            that were tried after it, and what became of them.",
    operands: "[PROMPT]    (default: \"Once upon a time\")",
    max_operands: 1,
    flags: &[
        cli::MODEL,
        cli::WEIGHTS,
        cli::IDS,
        cli::SPECIAL,
        cli::TOKENS,
        Flag { name: "--beams", value: "N", help: "how many texts are kept at a time; 1 is greedy (default: 5)" },
        Flag { name: "--count", value: "N", help: "how many answers, up to the number of beams (default: 1)" },
        Flag { name: "--length-penalty", value: "X", help: "score = sum of log(p) / length^X (default: 1)" },
        Flag {
            name: "--early-stopping",
            value: "WORD",
            help: "false: if no beam is better, true: at once, never: if none can become better (default: false)",
        },
        Flag { name: "--sample", value: "", help: "draw the candidates, with the knobs below" },
        cli::TEMPERATURE,
        cli::TOP_K,
        cli::TOP_P,
        cli::MIN_P,
        cli::TYPICAL_P,
        cli::EPSILON_CUTOFF,
        cli::SEED,
        cli::REPETITION_PENALTY,
        cli::NO_REPEAT_NGRAM,
        cli::MIN_TOKENS,
        cli::STOP,
        Flag { name: "--show", value: "", help: "show the beams as they grow" },
        cli::WIDTH,
    ],
    chapter: "docs/09-beam-search.md",
};

fn main() -> ExitCode {
    COMMAND.run(|args| -> Outcome<()> {
        let (search, stops) = (search(args)?, args.stop_texts()?);
        let n_tokens: usize = args.number("--tokens", 40)?;
        let width = args.width()?;
        let checkpoint = args.model()?;
        let prompt = args.prompt(&checkpoint, "Once upon a time")?;

        let (model, end_ids) = (&checkpoint.model, &checkpoint.end_ids);
        let mut n_steps = 0;
        let show = |step: &Step| {
            n_steps += 1;
            if args.has("--show") {
                cli::note(&drawing(n_steps, step, checkpoint.tokenizer.as_ref(), width));
            }
        };
        // A beam is finished when a stop text has come.
        let is_over = |ids: &[u32]| cli::StopWatch::new(&stops, &checkpoint).finds(ids);
        let found = search.search_until(model, &prompt.ids, end_ids, n_tokens, is_over, show)?;
        cli::note_prompt(&prompt);
        cli::note("");
        for answer in found {
            cli::print(&format!(
                "{:.6}\t{}\n",
                answer.score,
                cli::answer_line(&answer.ids, &prompt, &checkpoint, &stops)
            ))?;
        }
        Ok(())
    })
}

/// The search that the flags ask for.
fn search(args: &Args) -> Outcome<BeamSearch> {
    let draw = args.has("--sample");
    let knobs = ["--temperature", "--top-k", "--top-p", "--min-p", "--typical-p", "--epsilon-cutoff", "--seed"];
    if let Some(knob) = knobs.iter().find(|knob| !draw && args.has(knob)) {
        return Err(Failure::Usage(format!("{knob} is for drawing: give --sample too")));
    }
    let early_stopping = match args.get("--early-stopping").unwrap_or("false") {
        "false" => EarlyStopping::IfNoBetter,
        "true" => EarlyStopping::AtOnce,
        "never" => EarlyStopping::IfHopeless,
        other => return Err(Failure::Usage(format!("--early-stopping is {other:?}; it can be false, true or never"))),
    };
    let search = BeamSearch {
        beams: args.number("--beams", 5)?,
        count: args.number("--count", 1)?,
        length_penalty: args.number("--length-penalty", 1.0)?,
        early_stopping,
        sampler: args.sampler()?,
        sample: draw,
    };
    search.check().map_err(|error| Failure::Usage(error.to_string()))?;
    Ok(search)
}

/// One step: every beam, and under it the tokens that were tried after it, best first.
fn drawing(n: usize, step: &Step, tokenizer: Option<&Tokenizer>, width: usize) -> String {
    let mut lines = vec![format!("step {n}")];
    // The beams of the next step are numbered by their sums.
    let mut kept: Vec<&Candidate> = step.candidates.iter().filter(|c| c.fate == Fate::Kept).collect();
    kept.sort_by(|a, b| b.sum.total_cmp(&a.sum));
    let number = |candidate: &Candidate| kept.iter().position(|&c| std::ptr::eq(c, candidate)).map_or(0, |i| i + 1);

    for (i, beam) in step.beams.iter().enumerate() {
        let text = text_of(beam, tokenizer);
        // The end is what distinguishes it from the others.
        let room = width.saturating_sub(13).max(10);
        let cut = text.chars().count().saturating_sub(room);
        let end: String = text.chars().skip(cut).collect();
        lines.push(format!("  beam {} {}{end}", i + 1, if cut > 0 { "..." } else { "" }));
        for candidate in step.candidates.iter().filter(|c| c.beam == i) {
            let fate = match candidate.fate {
                Fate::Kept => format!("beam {}", number(candidate)),
                Fate::Finished(score) => format!("finished, score {score:.4}"),
                _ => "dropped".to_string(),
            };
            lines.push(format!("    {:>9.4}  {:<16} {fate}", candidate.sum, text_of(&[candidate.id], tokenizer)));
        }
    }
    let cut = |line: &String| line.chars().take(width.max(1)).collect::<String>();
    lines.iter().map(cut).collect::<Vec<_>>().join("\n")
}

/// Tokens for the eye: in quotes, or as ids if the model has no vocabulary.
fn text_of(ids: &[u32], tokenizer: Option<&Tokenizer>) -> String {
    match tokenizer {
        None => ids.iter().map(u32::to_string).collect::<Vec<_>>().join(" "),
        Some(tokenizer) => {
            let bytes: Vec<u8> = ids.iter().flat_map(|&id| tokenizer.token_bytes(id).unwrap_or(&[])).copied().collect();
            table::visible(&bytes)
        }
    }
}
