//! The four sizes of GPT-2, and where their parameters are. See `docs/07-the-whole-model.md`.
//!
//! ```text
//! cargo run --example sizes
//! ```

use gpt60::cli::{self, Command, Outcome};
use gpt60::{Config, Head};
use std::process::ExitCode;

const COMMAND: Command = Command {
    name: "sizes",
    about: "Counts the parameters of the four sizes of GPT-2 and of a model of your own (default: the storybook inside),\n\
            and shows where they are.",
    operands: "",
    max_operands: 0,
    flags: &[cli::MODEL],
    chapter: "docs/07-the-whole-model.md",
};

/// The parts of a model, and what the names of their parameters contain.
const PARTS: [(&str, &str); 6] = [
    ("wte", "wte"),
    ("wpe", "wpe"),
    ("attention", ".attn."),
    ("MLP", ".mlp."),
    ("layer norms", "ln_"),
    ("own head", "lm_head"),
];

/// How wide the columns are: as wide as their numbers, which lets a line fit into 80 characters.
const WIDTHS: [usize; 5] = [14, 12, 14, 14, 14];

fn main() -> ExitCode {
    COMMAND.run(|args| -> Outcome<()> {
        let own = args.model()?.model;
        let name = if args.has("--model") { "your model" } else { "storybook" };
        let models = [
            (name, own.config, if own.lm_head.is_some() { Head::Own } else { Head::Tied }),
            ("gpt2", Config::gpt2(), Head::Tied),
            ("gpt2-medium", Config::gpt2_medium(), Head::Tied),
            ("gpt2-large", Config::gpt2_large(), Head::Tied),
            ("gpt2-xl", Config::gpt2_xl(), Head::Tied),
        ];
        let cells = |label: &str, cell: &dyn Fn(&Config, Head) -> String| {
            let cells =
                models.iter().zip(WIDTHS).map(|((_, config, head), width)| format!("{:>width$}", cell(config, *head)));
            format!("{label:<12}{}\n", cells.collect::<String>())
        };

        let names: String = models.iter().zip(WIDTHS).map(|((name, ..), width)| format!("{name:>width$}")).collect();
        let mut text = format!("{:<12}{names}\n", "");
        text += &cells("n_layer", &|c, _| c.n_layer.to_string());
        text += &cells("n_embd", &|c, _| c.n_embd.to_string());
        text += &cells("n_head", &|c, _| c.n_head.to_string());
        text += &cells("n_ctx", &|c, _| c.n_ctx.to_string());
        text += &cells("n_vocab", &|c, _| cli::grouped(c.n_vocab));
        text += "\nparameters\n";
        for (part, key) in PARTS {
            if part != "own head" || own.lm_head.is_some() {
                text += &cells(part, &|c, head| cli::grouped(count(c, head, key)));
            }
        }
        text += &cells("all", &|c, head| cli::grouped(count(c, head, "")));
        text += &cells("bytes as f32", &|c, head| cli::grouped(4 * count(c, head, "")));
        text += "\nin percent\n";
        for (part, key) in PARTS {
            if part != "own head" || own.lm_head.is_some() {
                let percent = |c: &Config, head| 100.0 * count(c, head, key) as f64 / count(c, head, "") as f64;
                text += &cells(part, &|c, head| format!("{:.1}", percent(c, head)));
            }
        }
        cli::print(&text)
    })
}

/// How many parameters have `key` in their name.
fn count(config: &Config, head: Head, key: &str) -> usize {
    let shapes = config.shapes(head);
    shapes.iter().filter(|(name, _)| name.contains(key)).map(|(_, shape)| shape.iter().product::<usize>()).sum()
}
