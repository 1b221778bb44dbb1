//! Where each token looks: one attention head, as shades or as numbers. See `docs/05-attention.md`.
//!
//! ```text
//! cargo run --example attention
//! cargo run --example attention -- --layer 1 --head 2 "The little dog ran to the"
//! cargo run --example attention -- --bert
//! ```

use gpt60::cli::{self, Command, Failure, Flag, Outcome};
use gpt60::{Gpt2, Pass, Probe, generate};
use std::process::ExitCode;

#[path = "attention/both_ways.rs"]
mod both_ways;

const COMMAND: Command = Command {
    name: "attention",
    about: "Shows where each token of a text looks, in one attention head: a row for each query, a column for each key.\n\
            A row adds up to 1. What stands right of the diagonal is masked: no token looks ahead.",
    operands: "[PROMPT]    (default: \"Once upon a time there was a little girl\")",
    max_operands: 1,
    flags: &[
        cli::MODEL,
        cli::IDS,
        cli::SPECIAL,
        Flag { name: "--layer", value: "N", help: "which block, counted from 0 (default: 0)" },
        Flag { name: "--head", value: "N", help: "which head of it, counted from 0 (default: 0)" },
        Flag { name: "--numbers", value: "", help: "hundredths instead of shades" },
        Flag { name: "--bert", value: "", help: "also without the mask; which tokens notice a new last one" },
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

        let labels: Vec<String> = ids.iter().map(|&id| checkpoint.token_name(id)).collect();
        let other = (ids[ids.len() - 1] + 1) % model.config.n_vocab as u32;
        let maps = if args.has("--bert") {
            vec![
                both(model, ids, other, true, layer, head, "with the mask: GPT")?,
                both(model, ids, other, false, layer, head, "without it: BERT")?,
            ]
        } else {
            vec![seen(model, ids, layer, head)?]
        };
        for map in &maps {
            let numbers = map.rows.iter().chain(&map.moved).flatten().copied();
            cli::check_numbers("attention", &numbers.collect::<Vec<f32>>())?;
        }
        cli::print(&format!("block {layer}, head {head}: rows are queries, columns are keys\n"))?;
        if args.has("--bert") {
            let other = checkpoint.token_name(other);
            let last = &labels[labels.len() - 1];
            cli::print(&format!("moved: how far a token's last vector moves, in %, if {last} becomes {other}\n"))?;
        }
        cli::print(&table(&labels, &maps, args.has("--numbers"), width))
    })
}

/// Who looks where in one head: a row for each query, up to the last key it can see; and how far each last vector
/// moves.
struct Map {
    title: &'static str,
    rows: Vec<Vec<f32>>,
    moved: Option<Vec<f32>>,
}

/// What a probe sees in the unchanged model.
fn seen(model: &Gpt2, ids: &[u32], layer: usize, head: usize) -> Outcome<Map> {
    let n_seq = ids.len();
    let name = format!("h.{layer}.attn.weights");
    let mut probe = Probe::only(&[&name]);
    model.hidden(ids, Pass::new(n_seq).watched_by(&mut probe))?;
    let weights = probe.get(&name).ok_or_else(|| Failure::Failed(format!("the model shows no {name}")))?;
    // [n_head, n_seq, n_seq]: for each query of this head, the visible keys
    let rows = (0..n_seq).map(|t| weights.row(head * n_seq + t)[..=t].to_vec()).collect();
    Ok(Map { title: "", rows, moved: None })
}

/// The same with or without the mask, and what changes when the last token becomes `other`.
fn both(
    model: &Gpt2,
    ids: &[u32],
    other: u32,
    causal: bool,
    layer: usize,
    head: usize,
    title: &'static str,
) -> Outcome<Map> {
    let n_seq = ids.len();
    let changed = [&ids[..n_seq - 1], &[other]].concat();
    let (hidden, weights) = both_ways::run(model, ids, causal, layer, head)?; // [n_seq, n_embd], [n_seq, n_seq]
    let (hidden_changed, _) = both_ways::run(model, &changed, causal, layer, head)?;
    let visible = |t: usize| if causal { t + 1 } else { n_seq };
    let rows = (0..n_seq).map(|t| weights.row(t)[..visible(t)].to_vec()).collect();
    Ok(Map { title, rows, moved: Some(both_ways::moved(&hidden, &hidden_changed)?) })
}

/// The maps side by side, one line for each query.
fn table(labels: &[String], maps: &[Map], numbers: bool, width: usize) -> String {
    let n_seq = labels.len();
    let cell = if numbers { 4 } else { 2 };
    let beside = if maps[0].moved.is_some() { 8 } else { 0 };
    // Of a long text, only the last tokens that fit.
    let room = (width.saturating_sub(LABEL + 5) / maps.len()).saturating_sub(beside + 1);
    let first = n_seq - (room / cell).clamp(1, n_seq);
    if first > 0 {
        cli::note(&format!("[the last {} of {n_seq} tokens; --width shows more]", n_seq - first));
    }
    let wide = (cell * (n_seq - first)).max(if beside > 0 { 12 } else { 0 });

    let indent = " ".repeat(LABEL + 4);
    let mut text = String::new();
    if beside > 0 {
        let titles: String = maps.iter().map(|map| format!(" {:<at$}", map.title, at = wide + beside)).collect();
        text += &format!("{indent}{}\n", titles.trim_end());
    }
    let mut places = String::new();
    for t in (first..n_seq).filter(|t| cell == 4 || t % 5 == 0) {
        places = format!("{places:<at$}{t:>cell$}", at = cell * (t - first));
    }
    let moved = if beside > 0 { "moved" } else { "" };
    let header: String = maps.iter().map(|_| format!(" {places:<wide$}{moved:>beside$}")).collect();
    text += &format!("{indent}{}\n", header.trim_end());
    for (t, label) in labels.iter().enumerate().skip(first) {
        let label: String = label.chars().take(LABEL).collect();
        let mut line = format!("{label:<LABEL$} {t:>3}");
        for map in maps {
            let cells: String = map.rows[t][first..].iter().map(|&weight| show(weight, numbers)).collect();
            let moved = map.moved.as_ref().map_or(String::new(), |moved| format!("{:.1}", moved[t]));
            line += &format!(" {cells:<wide$}{moved:>beside$}");
        }
        text += &format!("{}\n", line.trim_end());
    }
    if !numbers {
        text += "shades: ·· below 5 %, ░░ 20 %, ▒▒ 40 %, ▓▓ 70 %, ██ above\n";
    }
    text
}

/// A weight as a shade two characters wide, or in hundredths.
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
