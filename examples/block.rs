//! One token's way through the blocks: how large the residual stream is, and what is added to it. See
//! `docs/06-mlp-and-block.md`.
//!
//! ```text
//! cargo run --example block
//! cargo run --example block -- "The king said"
//! ```

use gpt60::cli::{self, Command, Outcome};
use gpt60::{Error, Probe, generate};
use std::process::ExitCode;

const COMMAND: Command = Command {
    name: "block",
    about: "Follows the last token of a text through all blocks: the length of its row in the residual stream, the length\n\
            of what attention and the MLP add to it, and how much of its first direction is left (1 is all, 0 nothing).",
    operands: "[PROMPT]    (default: \"Once upon a time\")",
    max_operands: 1,
    flags: &[cli::MODEL, cli::IDS],
    chapter: "docs/06-mlp-and-block.md",
};

fn main() -> ExitCode {
    COMMAND.run(|args| -> Outcome<()> {
        let checkpoint = args.model()?;
        let prompt = args.prompt(&checkpoint, "Once upon a time")?;
        let (model, n_seq) = (&checkpoint.model, prompt.ids.len());
        generate::check_prompt(model, &prompt.ids)?;

        let mut probe = Probe::everything();
        model.hidden(&prompt.ids, n_seq, None, &mut probe, None)?;
        let last_row = |name: &str| -> gpt60::Result<Vec<f32>> {
            let tensor = probe.get(name).ok_or_else(|| Error::argument("probe", format!("there is no {name}")))?;
            Ok(tensor.row(n_seq - 1).to_vec())
        };

        let start = last_row("embd")?;
        cli::print("            attention adds    MLP adds    stream    embedding left\n")?;
        cli::print(&format!("embedding {:>40.3} {:>17.3}\n", length(&start), 1.0))?;
        for i in 0..model.config.n_layer {
            let (attn, mlp) = (last_row(&format!("h.{i}.attn.out"))?, last_row(&format!("h.{i}.mlp.out"))?);
            let stream = last_row(&format!("h.{i}.out"))?; // embedding + everything that was added so far
            let cosine = dot(&start, &stream) / (length(&start) * length(&stream));
            let (attn, mlp, stream) = (length(&attn), length(&mlp), length(&stream));
            cli::print(&format!("block {i:<4} {attn:>16.3} {mlp:>11.3} {stream:>11.3} {cosine:>17.3}\n"))?;
        }
        cli::print(&format!("ln_f {:>45.3}\n", length(&last_row("ln_f")?)))
    })
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn length(x: &[f32]) -> f32 {
    dot(x, x).sqrt()
}
