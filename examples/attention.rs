//! Where each token looks: one attention head, as shades or as numbers. See `docs/05-attention.md`.
//!
//! ```text
//! cargo run --example attention
//! cargo run --example attention -- --layer 1 --head 2 "The little dog ran to the"
//! ```

use gpt60::cli::{self, Command, Failure, Flag, Outcome};
use gpt60::{Probe, generate};
use std::process::ExitCode;

const COMMAND: Command = Command {
    name: "attention",
    about: "Shows where each token of a text looks, in one attention head: a row for each query, a column for each key.\n\
            A row adds up to 1. What stands right of the diagonal is masked: no token looks ahead.",
    operands: "[PROMPT]    (default: \"Once upon a time there was a little girl\")",
    max_operands: 1,
    flags: &[
        cli::MODEL,
        cli::IDS,
        Flag { name: "--layer", value: "N", help: "which block, counted from 0 (default: 0)" },
        Flag { name: "--head", value: "N", help: "which head of it, counted from 0 (default: 0)" },
        Flag { name: "--numbers", value: "", help: "hundredths instead of shades" },
        cli::WIDTH,
    ],
    chapter: "docs/05-attention.md",
};

/// How wide the names at the left are.
const LABEL: usize = 16;

fn main() -> ExitCode {
    COMMAND.run(|args| -> Outcome<()> {
        let (layer, head): (usize, usize) = (args.number("--layer", 0)?, args.number("--head", 0)?);
        let width = args.width()?;
        let checkpoint = args.model()?;
        let prompt = args.prompt(&checkpoint, "Once upon a time there was a little girl")?;
        let (model, ids) = (&checkpoint.model, &prompt.ids);
        generate::check_prompt(model, ids)?;
        for (name, given, n) in [("--layer", layer, model.config.n_layer), ("--head", head, model.config.n_head)] {
            if given >= n {
                return Err(Failure::Usage(format!("{name} is {given}; this model has 0 to {}", n - 1)));
            }
        }

        let n_seq = ids.len();
        let name = format!("h.{layer}.attn.weights");
        let mut probe = Probe::only(&[&name]);
        model.hidden(ids, n_seq, None, &mut probe, None)?;
        let weights = probe.get(&name).ok_or_else(|| Failure::Failed(format!("the model shows no {name}")))?;

        // Of a long text, the last tokens that fit.
        let cell = if args.has("--numbers") { 4 } else { 2 };
        let fits = (width.saturating_sub(LABEL + 6) / cell).clamp(1, n_seq);
        if fits < n_seq {
            cli::note(&format!("[the last {fits} of {n_seq} tokens; --width shows more]"));
        }
        let first = n_seq - fits;
        cli::print(&format!("block {layer}, head {head}: rows are queries, columns are keys\n"))?;
        let mut header = " ".repeat(LABEL + 5);
        for t in (first..n_seq).filter(|t| cell == 4 || t % 5 == 0) {
            header = format!("{header:<at$}{t:>cell$}", at = LABEL + 5 + cell * (t - first));
        }
        cli::print(&format!("{header}\n"))?;
        for (t, &id) in ids.iter().enumerate().skip(first) {
            let text = checkpoint.tokenizer.as_ref().and_then(|tokenizer| tokenizer.decode(&[id]).ok());
            let label = text.map_or(format!("token {id}"), |text| format!("{text:?}"));
            let label: String = label.chars().take(LABEL).collect();
            let row = &weights.row(head * n_seq + t)[first..=t]; // [n_head, n_seq, n_seq]: this query's visible keys
            let cells: String = row.iter().map(|&w| show(w, args.has("--numbers"))).collect();
            cli::print(&format!("{label:<LABEL$} {t:>3} {cells}\n"))?;
        }
        cli::print(if cell == 4 {
            ""
        } else {
            "shades: ·· below 5 %, ░░ 20 %, ▒▒ 40 %, ▓▓ 70 %, ██ above\n"
        })
    })
}

/// A weight as two characters of a shade, or as hundredths.
fn show(weight: f32, numbers: bool) -> String {
    if numbers {
        return format!("{:>4.0}", 100.0 * weight);
    }
    let shade = match weight {
        w if w < 0.05 => "··",
        w if w < 0.2 => "░░",
        w if w < 0.4 => "▒▒",
        w if w < 0.7 => "▓▓",
        _ => "██",
    };
    shade.to_string()
}
