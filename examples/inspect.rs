//! Says what a file or a directory of weights is. See `docs/other-files.md`.
//!
//! ```text
//! cargo run --example inspect -- weights/gpt2
//! ```

use gpt60::checkpoint::{InspectedFile, InspectedTensor, Inspection, inspect};
use gpt60::cli::{self, Command, Failure, Outcome};
use gpt60::{Activation, Config};
use std::path::Path;
use std::process::ExitCode;

const COMMAND: Command = Command {
    name: "inspect",
    about: "Says what a file or a directory of weights is: its form, its sizes, its vocabulary, each tensor with its shape,\n\
            kind of numbers, mean and standard deviation, what is odd about it, and whether it can be run here. Of a large\n\
            tensor it looks at 16,384 numbers.",
    operands: "PATH",
    max_operands: 1,
    flags: &[],
    chapter: "docs/other-files.md",
};

fn main() -> ExitCode {
    COMMAND.run(|args| -> Outcome<()> {
        let Some(path) = args.operands.first().filter(|path| !path.is_empty()) else {
            return Err(Failure::Usage("say what to look at: a file or a directory".to_string()));
        };
        cli::print(&report(&inspect(path)?))
    })
}

fn report(found: &Inspection) -> String {
    let mut text = format!("form        {}\n", found.form);
    for (i, file) in found.files.iter().enumerate() {
        text += &format!("{:<12}{}\n", if i == 0 { "files" } else { "" }, file_line(file));
    }
    if let Some(first) = found.files.first() {
        text += &format!("begins      {}\n", bytes_line(&first.start));
    }
    if let Some(config) = &found.config {
        text += &format!("sizes       {}\n", sizes(config));
    }
    let tokenizer = found.tokenizer.as_ref();
    text += &match tokenizer {
        Some(tokenizer) => format!("vocabulary  {} tokens\n", tokenizer.n_vocab()),
        None => "vocabulary  none\n".to_string(),
    };
    let n: usize = found.tensors.iter().filter(|tensor| tensor.is_used).map(n_numbers).sum();
    text += &match found.config {
        Some(_) if n > 0 => format!("parameters  {}\n", cli::grouped(n)),
        _ => format!("numbers     {}\n", cli::grouped(found.tensors.iter().map(n_numbers).sum())),
    };
    text.push('\n');
    text += &table(&found.tensors);
    text.push('\n');
    for remark in &found.remarks {
        text += &format!("note: {remark}\n");
    }
    text += &match &found.runs {
        Ok(()) => "It can be run here.\n".to_string(),
        Err(why) => format!("It cannot be run here: {why}\n"),
    };
    text
}

fn file_line(file: &InspectedFile) -> String {
    let name = file.path.file_name().unwrap_or(Path::new("").as_os_str()).to_string_lossy();
    format!("{name}, {} bytes", cli::grouped(usize::try_from(file.n_bytes).unwrap_or(usize::MAX)))
}

/// Bytes as two digits each, and as characters where they are some.
fn bytes_line(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let shown = |&byte: &u8| if byte.is_ascii_graphic() { char::from(byte) } else { '.' };
    format!("{}  {}", digits.join(" "), bytes.iter().map(shown).collect::<String>())
}

fn sizes(config: &Config) -> String {
    let Config { n_layer, n_head, n_embd, n_ctx, n_vocab, .. } = config;
    let mut text = format!("n_layer {n_layer}, n_head {n_head}, n_embd {n_embd}, n_ctx {n_ctx}, n_vocab {n_vocab}");
    if config.n_inner != 4 * n_embd {
        text += &format!(", n_inner {}", config.n_inner);
    }
    if config.activation_function != Activation::GeluNew {
        text += &format!(", activation {}", config.activation_function);
    }
    text
}

/// A line a tensor; what a model does not need has a `-` in front.
fn table(tensors: &[InspectedTensor]) -> String {
    let longest = tensors.iter().map(|tensor| tensor.name.chars().count()).max().unwrap_or(0).clamp(6, 60);
    let mut text =
        format!("  {:<longest$}  {:<5}  {:<15}  {:>9}  {:>9}\n", "tensor", "kind", "shape", "mean", "deviation");
    for tensor in tensors {
        let mark = if tensor.is_used { " " } else { "-" };
        let shape = format!("{:?}", tensor.shape);
        let (mean, deviation) = match tensor.spread {
            // Adding 0 makes 0 of -0.
            Some((mean, deviation)) => (format!("{:.4}", (mean * 1e4).round() / 1e4 + 0.0), format!("{deviation:.4}")),
            None => (String::new(), String::new()),
        };
        let line = format!(
            "{mark} {:<longest$}  {:<5}  {shape:<15}  {mean:>9}  {deviation:>9}",
            tensor.name.escape_debug().to_string(),
            tensor.kind,
        );
        text += line.trim_end();
        text.push('\n');
    }
    text
}

fn n_numbers(tensor: &InspectedTensor) -> usize {
    tensor.shape.iter().fold(1, |n, &size| n.saturating_mul(size))
}
