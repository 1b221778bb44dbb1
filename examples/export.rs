//! Writes a model as files that other programs can read. See `docs/14-the-real-gpt2.md`.
//!
//! ```text
//! cargo run --example export -- my-directory
//! cargo run --example export -- my-directory --format gguf --dtype q8_0
//! ```

use gpt60::checkpoint::{self, Checkpoint, Dtype, GgufType};
use gpt60::cli::{self, Args, Command, Failure, Flag, Outcome};
use gpt60::train::grow::deeper;
use std::path::Path;
use std::process::ExitCode;

const COMMAND: Command = Command {
    name: "export",
    about: "Writes the storybook, or another model, into a directory, in the form of another program: hf is the form in which\n\
            GPT-2s are exchanged and that the `transformers` library reads (config.json, model.safetensors, the vocabulary);\n\
            gguf is llama.cpp's (model.gguf); llm.c is that of Karpathy's program (model.bin, gpt2_tokenizer.bin).",
    operands: "DIR",
    max_operands: 1,
    flags: &[
        cli::MODEL,
        Flag { name: "--format", value: "FORM", help: "hf, gguf or llm.c (default: hf)" },
        Flag {
            name: "--dtype",
            value: "TYPE",
            help: "how to write numbers: f32, bf16, f16 (not llm.c), q8_0 (gguf alone), int8 (hf alone) (default: f32)",
        },
        Flag {
            name: "--max-shard-size",
            value: "SIZE",
            help: "hf: several files of at most this size, such as 100MB, and an index (default: one file)",
        },
        Flag {
            name: "--n-layer",
            value: "N",
            help: "grow to N blocks; the new ones add nothing until they are trained (default: those it has)",
        },
    ],
    chapter: "docs/14-the-real-gpt2.md",
};

/// A form in which a model is written.
#[derive(Clone, Copy)]
enum Format {
    HuggingFace { dtype: Dtype, largest: Option<u64> },
    Gguf(GgufType),
    LlmC(Dtype),
}

fn main() -> ExitCode {
    COMMAND.run(|args| -> Outcome<()> {
        let Some(dir) = args.operands.first().filter(|dir| !dir.is_empty()) else {
            return Err(Failure::Usage("say where to write: a directory".to_string()));
        };
        let format = format(args)?;
        let n_layer = args.has("--n-layer").then(|| args.count("--n-layer", 1)).transpose()?;
        let dir = Path::new(dir);
        checkpoint::check_free(dir)?;
        let mut found = args.full_model()?;
        if let Some(n_layer) = n_layer {
            found.model = deeper(found.model, n_layer)?;
        }
        write(dir, &found, format)?;
        if found.tokenizer.is_none() {
            cli::note("[without a vocabulary: this model has none of GPT-2's kind]");
        }
        cli::note(&format!("The model is in {}", dir.display()));
        Ok(())
    })
}

/// What is asked for.
fn format(args: &Args) -> Outcome<Format> {
    let usage = |problem: String| Err(Failure::Usage(problem));
    let (form, name) = (args.get("--format").unwrap_or("hf"), args.get("--dtype").unwrap_or("f32"));
    if form != "hf" && args.has("--max-shard-size") {
        return usage("--max-shard-size is for --format hf: the other forms have one file".to_string());
    }
    let dtype = match name {
        "f32" => Some(Dtype::F32),
        "f16" => Some(Dtype::F16),
        "bf16" => Some(Dtype::Bf16),
        _ => None,
    };
    let wrong = |names: &str| usage(format!("--dtype is {name:?}; with --format {form} it can be {names}"));
    match form {
        "hf" => match dtype.or((name == "int8").then_some(Dtype::I8)) {
            Some(dtype) => {
                Ok(Format::HuggingFace { dtype, largest: args.get("--max-shard-size").map(size).transpose()? })
            }
            None => wrong("f32, f16, bf16 or int8"),
        },
        "gguf" => name.parse().map(Format::Gguf).or_else(|_| wrong("f32, f16, bf16 or q8_0")),
        "llm.c" => match dtype {
            Some(dtype @ (Dtype::F32 | Dtype::Bf16)) => Ok(Format::LlmC(dtype)),
            _ => wrong("f32 or bf16"),
        },
        other => usage(format!("--format is {other:?}; it can be hf, gguf or llm.c")),
    }
}

/// A number of bytes: `100MB` is 100 million, `100MiB` is 100 times 1024 times 1024.
fn size(text: &str) -> Outcome<u64> {
    const UNITS: [(&str, u64); 7] = [
        ("KB", 1000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("", 1),
    ];
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = UNITS.iter().find(|(name, _)| *name == &text[digits.len()..]);
    let found = unit.and_then(|(_, bytes)| digits.parse::<u64>().ok()?.checked_mul(*bytes)).filter(|&bytes| bytes > 0);
    let wrong = || format!("--max-shard-size is {text:?}; give a number of bytes from 1 on, for example 100MB");
    found.ok_or_else(|| Failure::Usage(wrong()))
}

fn write(dir: &Path, found: &Checkpoint, format: Format) -> Outcome<()> {
    match format {
        Format::HuggingFace { dtype, largest } => {
            found.save_in_parts(dir, dtype, largest)?;
            if dtype == Dtype::I8 {
                cli::note(
                    "[int8: a quarter of the bytes, and for this crate alone; other programs read f32, f16 or bf16]",
                );
            }
        }
        Format::LlmC(dtype) => checkpoint::write_llm_c(dir, found, dtype)?,
        Format::Gguf(kind) => {
            for note in checkpoint::write_gguf(dir.join("model.gguf"), found, kind)? {
                cli::note(&format!("[{note}]"));
            }
        }
    }
    Ok(())
}
