//! Asks a model for stories and counts what a program can count about their sense. See `docs/11-loss.md`.
//!
//! ```text
//! cargo run --release --example judge
//! cargo run --release --example judge -- --model one --model other --text book.txt
//! cargo run --example judge -- --count 4 --show 2
//! ```
//!
//! | file | what is in it |
//! | --- | --- |
//! | `judge/table.rs` | the prompts |
//! | `judge/sense/words.rs` | words and sentences |
//! | `judge/sense/people.rs` | whether the name comes back, whether `he` and `she` are right |
//! | `judge/sense/quotations.rs` | whether quotations are closed |
//! | `judge/sense/mod.rs` | the rest, and the scores of many answers |
//! | `judge/report.rs` | how they are shown |

use gpt60::checkpoint::{self, Checkpoint};
use gpt60::cli::{self, Args, Command, Failure, Flag, Outcome};
use gpt60::generate::Sampler;
use gpt60::{Rng, storybook, text_file};
use std::path::Path;
use std::process::ExitCode;

#[path = "judge/report.rs"]
mod report;
#[path = "judge/sense/mod.rs"]
mod sense;
#[path = "judge/table.rs"]
mod table;

use report::Column;
use sense::{Passage, Verdict};
use table::{N_PROMPTS, Prompt};

const COMMAND: Command = Command {
    name: "judge",
    about: "Lets a model continue 200 prompts that are made from a table, and scores the answers with tests of sense that a\n\
            program can make: does the name of the child come back, do he and she agree with it, does the thing come back, are\n\
            quotations closed, do sentences end, how many words are different, how much is said twice. Several --model\n\
            stand side by side, and a person's text beside them. All of it can be right in a text without sense.",
    operands: "",
    max_operands: 0,
    flags: &[
        cli::MODEL,
        cli::WEIGHTS,
        Flag {
            name: "--text",
            value: "FILE",
            help: "a person's text, cut into pieces of as many tokens; several are one column (default: none)",
        },
        Flag { name: "--tokens", value: "N", help: "how many tokens each answer may have (default: 200)" },
        Flag { name: "--count", value: "N", help: "how many of the 200 prompts, from the first on (default: 200)" },
        Flag {
            name: "--seed",
            value: "N",
            help: "where the random numbers begin: prompt i has seed N + i (default: 42)",
        },
        Flag {
            name: "--temperature",
            value: "T",
            help: "below 1: tamer, above 1: wilder, 0: the likeliest (default: 0.8)",
        },
        cli::TOP_K,
        Flag { name: "--top-p", value: "P", help: "keep the likeliest tokens that make up P, 1: all (default: 0.95)" },
        cli::MIN_P,
        Flag {
            name: "--show",
            value: "N",
            help: "print the first N answers of each model whole, with what each test says of them (default: 0)",
        },
        Flag { name: "--plain", value: "", help: "a line for each score: column, name, value, over how many" },
    ],
    chapter: "docs/11-loss.md",
};

fn main() -> ExitCode {
    COMMAND.run(|args| -> Outcome<()> {
        let request = Request::new(args)?;
        let models = models(args)?;
        let texts = match models.first() {
            Some((_, first)) if args.has("--text") => Some(judge_texts(&args.all("--text"), first, request.n_tokens)?),
            _ => None,
        };
        let mut columns = Vec::new();
        for (name, checkpoint) in &models {
            columns.push(judge_model(name, checkpoint, &request)?);
        }
        columns.extend(texts);
        cli::print(&if args.has("--plain") { report::plain(&columns) } else { report::table(&columns) })
    })
}

/// What was asked for.
struct Request {
    prompts: Vec<Prompt>,
    n_tokens: usize,
    n_shown: usize,
    seed: u64,
    sampler: Sampler,
}

impl Request {
    fn new(args: &Args) -> Outcome<Request> {
        let (n_tokens, count): (usize, usize) = (args.number("--tokens", 200)?, args.number("--count", N_PROMPTS)?);
        let n_shown = args.number("--show", 0)?;
        if n_tokens == 0 {
            return Err(Failure::Usage("--tokens must be at least 1 (default: 200)".to_string()));
        }
        if !(1..=N_PROMPTS).contains(&count) {
            return Err(Failure::Usage(format!("--count is {count}; there are prompts for 1 to {N_PROMPTS}")));
        }
        if n_shown > count {
            return Err(Failure::Usage(format!("--show is {n_shown}, but there are only {count} answers (--count)")));
        }
        let seed = args.number("--seed", 42)?;
        let sampler = Sampler {
            temperature: args.number("--temperature", 0.8)?,
            top_k: args.number("--top-k", 0)?,
            top_p: args.number("--top-p", 0.95)?,
            min_p: args.number("--min-p", 0.0)?,
            ..Sampler::new(seed)
        };
        sampler.check().map_err(|error| Failure::Usage(error.to_string()))?;
        let prompts = table::prompts().into_iter().take(count).collect();
        Ok(Request { prompts, n_tokens, n_shown, seed, sampler })
    }
}

/// The models that `--model` names, or the storybook, each with a name for its column.
fn models(args: &Args) -> Outcome<Vec<(String, Checkpoint)>> {
    let precision = args.precision()?;
    let mut models = Vec::new();
    for dir in args.all("--model") {
        let checkpoint = checkpoint::load(dir)?;
        checkpoint.notes.iter().for_each(|line| cli::note(&format!("[{line}]")));
        if checkpoint.tokenizer.is_none() {
            let problem = checkpoint::no_vocabulary(dir);
            return Err(Failure::Failed(format!("{problem}; so it cannot read the prompts")));
        }
        let name = Path::new(dir).file_name().map_or(dir.to_string(), |name| name.to_string_lossy().into_owned());
        models.push((name, checkpoint));
    }
    if models.is_empty() {
        models.push(("storybook".to_string(), storybook::load()));
    }
    for (_, checkpoint) in &mut models {
        checkpoint.model.pack(precision)?;
    }
    Ok(models)
}

/// Lets a model answer all prompts, and judges the answers.
fn judge_model(name: &str, checkpoint: &Checkpoint, request: &Request) -> Outcome<Column> {
    let prompts =
        request.prompts.iter().map(|prompt| checkpoint.encode(&prompt.text)).collect::<gpt60::Result<Vec<_>>>()?;
    let with_seed =
        |i: usize| Sampler { rng: Rng::new(request.seed.wrapping_add(i as u64)), ..request.sampler.clone() };
    let samplers = (0..prompts.len()).map(with_seed).collect();
    cli::note(&format!("[{name}: {} answers of up to {} tokens]", prompts.len(), request.n_tokens));
    let answers = checkpoint.model.generate_each(&prompts, samplers, &checkpoint.end_ids, request.n_tokens)?;
    let (names, tokenizer) = (table::children(), checkpoint.vocabulary()?);
    let mut verdicts = Vec::new();
    for (i, (prompt, answer)) in request.prompts.iter().zip(&answers).enumerate() {
        let ids = answer.ids.iter().filter(|id| !checkpoint.end_ids.contains(id)); // an end has no text
        let bytes: Vec<u8> = ids.flat_map(|&id| tokenizer.text_bytes(id)).copied().collect();
        let text = String::from_utf8_lossy(&bytes);
        let passage = Passage {
            text: &text,
            introduced: Some((prompt.child, prompt.thing)),
            is_cut_before: false,
            is_cut_after: !answer.ids.last().is_some_and(|id| checkpoint.end_ids.contains(id)),
            is_full: answer.ids.len() == request.n_tokens,
        };
        let verdict = Verdict::of(&passage, &names);
        if i < request.n_shown {
            cli::print(&report::answer(name, i, prompt, &text, &verdict))?;
        }
        verdicts.push(verdict);
    }
    Ok(Column { name: name.to_string(), n_passages: verdicts.len(), scores: sense::scores(&verdicts) })
}

/// Judges texts that somebody wrote, in pieces of so many tokens of this model's vocabulary. The rest of a text, which fills
/// no piece, is left out.
fn judge_texts(files: &[&str], checkpoint: &Checkpoint, n_tokens: usize) -> Outcome<Column> {
    let tokenizer = checkpoint.vocabulary()?;
    let mut verdicts = Vec::new();
    for file in files {
        let text = text_file::read(file)?;
        tokenizer.check_text(&text).map_err(|error| error.in_file(file))?;
        let ids = tokenizer.encode(&text);
        for (i, piece) in ids.chunks_exact(n_tokens).enumerate() {
            let passage = Passage {
                text: &tokenizer.decode(piece)?,
                introduced: None, // a piece from the middle of a book introduces nobody
                is_cut_before: i > 0,
                is_cut_after: (i + 1) * n_tokens < ids.len(),
                is_full: true,
            };
            verdicts.push(Verdict::of(&passage, &[]));
        }
    }
    if verdicts.is_empty() {
        let problem =
            format!("--text: none is as long as a piece of {n_tokens} tokens; give a longer text, or fewer --tokens");
        return Err(Failure::Failed(problem));
    }
    Ok(Column { name: "a person".to_string(), n_passages: verdicts.len(), scores: sense::scores(&verdicts) })
}
