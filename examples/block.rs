//! One token's way through the blocks: how large the residual stream is, and what each block adds to it. And two ways
//! to build a
//! block, trained side by side. See `docs/06-mlp-and-block.md`.
//!
//! ```text
//! cargo run --example block
//! cargo run --example block -- "The king said"
//! cargo run --example block -- --train
//! ```

use gpt60::cli::{self, Command, Flag, Outcome};
use gpt60::{Error, Pass, Probe, generate};
use std::process::ExitCode;

#[path = "block/post_ln.rs"]
mod post_ln;
#[path = "block/side_by_side.rs"]
mod side_by_side;

use side_by_side::{N_EMBD, N_LAYER, Order, RATE, Run, STEPS, WARMUP, losses};

const COMMAND: Command = Command {
    name: "block",
    about: "Follows the last token of a text through all blocks: the length of its row in the residual stream, the length\n\
            of what attention and the MLP add to it, and how much of its first direction is left (1 is all, 0 nothing).\n\
            With --train, small models with the layer norm before (pre-LN) and after (post-LN) learn a nursery rhyme.",
    operands: "[PROMPT]    (default: \"Once upon a time\")",
    max_operands: 1,
    flags: &[
        cli::MODEL,
        cli::IDS,
        cli::SPECIAL,
        Flag { name: "--train", value: "", help: "train pre-LN and post-LN side by side instead; takes some seconds" },
    ],
    chapter: "docs/06-mlp-and-block.md",
};

fn main() -> ExitCode {
    COMMAND.run(|args| -> Outcome<()> {
        if args.has("--train") {
            return train();
        }
        let checkpoint = args.model()?;
        let prompt = args.prompt(&checkpoint, "Once upon a time")?;
        let (model, n_seq) = (&checkpoint.model, prompt.ids.len());
        generate::check_prompt(model, &prompt.ids)?;

        let mut probe = Probe::everything();
        model.hidden(&prompt.ids, Pass::new(n_seq).watched_by(&mut probe))?;
        let last_row = |name: &str| -> gpt60::Result<Vec<f32>> {
            let tensor = probe.get(name).ok_or_else(|| Error::argument("probe", format!("there is no {name}")))?;
            Ok(tensor.row(n_seq - 1).to_vec())
        };

        cli::check_numbers("block", &last_row("ln_f")?)?;
        let start = last_row("embd")?;
        cli::print("            attention adds    MLP adds    stream    embedding left\n")?;
        cli::print(&format!("embedding {:>40.3} {:>17.3}\n", length(&start), 1.0))?;
        for i in 0..model.config.n_layer {
            let (attn, mlp) = (last_row(&format!("h.{i}.attn.out"))?, last_row(&format!("h.{i}.mlp.out"))?);
            let stream = last_row(&format!("h.{i}.out"))?; // embedding + everything added so far
            let cosine = dot(&start, &stream) / (length(&start) * length(&stream));
            let (attn, mlp, stream) = (length(&attn), length(&mlp), length(&stream));
            cli::print(&format!("block {i:<4} {attn:>16.3} {mlp:>11.3} {stream:>11.3} {cosine:>17.3}\n"))?;
        }
        cli::print(&format!("ln_f {:>45.3}\n", length(&last_row("ln_f")?)))
    })
}

/// Trains both kinds of models, with and without warm-up, and with smaller initial weights: one line each.
fn train() -> Outcome<()> {
    const EACH: usize = STEPS / 8; // each number stands for this many steps
    cli::print(&format!("{N_LAYER} blocks, {N_EMBD} wide, learning rate {RATE}: the loss in nats for each letter, "))?;
    cli::print(&format!("means of {EACH} steps\n"))?;
    cli::print(&format!("warm-up: the rate climbs for {WARMUP} steps; small ends: c_proj begins smaller\n\n"))?;
    let steps: String = (1..=8).map(|i| format!("{:>7}", i * EACH)).collect();
    cli::print(&format!("{:<20}{steps}\n", "up to step"))?;
    for (small_ends, warmup) in [(false, false), (false, true), (true, false)] {
        for (name, order) in [("pre-LN", Order::PreLn), ("post-LN", Order::PostLn)] {
            let losses = losses(Run { order, warmup, small_ends })?;
            let means = losses.chunks(EACH).map(|some| some.iter().sum::<f64>() / some.len() as f64);
            let means: String = means.map(|mean| format!("{mean:>7.2}")).collect();
            let more = if warmup { ", warm-up" } else { "" };
            let more = if small_ends { ", small ends" } else { more };
            cli::print(&format!("{:<20}{means}\n", format!("{name}{more}")))?;
        }
    }
    Ok(())
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn length(x: &[f32]) -> f32 {
    dot(x, x).sqrt()
}
