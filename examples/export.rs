//! Writes a model as a directory that other programs can read. See `docs/14-the-real-gpt2.md`.
//!
//! ```text
//! cargo run --example export -- my-directory
//! ```

use gpt60::Error;
use gpt60::checkpoint::{self, Dtype};
use gpt60::cli::{self, Command, Failure, Flag, Outcome};
use std::path::Path;
use std::process::ExitCode;

const COMMAND: Command = Command {
    name: "export",
    about: "Writes the storybook, or another model, as a directory in the form in which GPT-2s are exchanged: config.json,\n\
            model.safetensors and the vocabulary. The `transformers` library reads it.",
    operands: "DIR",
    max_operands: 1,
    flags: &[
        cli::MODEL,
        Flag { name: "--dtype", value: "TYPE", help: "f32, f16 or bf16: how to write numbers (default: f32)" },
    ],
    chapter: "docs/14-the-real-gpt2.md",
};

fn main() -> ExitCode {
    COMMAND.run(|args| -> Outcome<()> {
        let Some(dir) = args.operands.first().filter(|dir| !dir.is_empty()) else {
            return Err(Failure::Usage("say where to write: a directory".to_string()));
        };
        let dtype = match args.get("--dtype").unwrap_or("f32") {
            "f32" => Dtype::F32,
            "f16" => Dtype::F16,
            "bf16" => Dtype::Bf16,
            other => return Err(Failure::Usage(format!("--dtype is {other:?}; it can be f32, f16 or bf16"))),
        };
        let dir = Path::new(dir);
        checkpoint::check_free(dir)?;
        let checkpoint = args.model()?;
        std::fs::create_dir_all(dir).map_err(|e| Error::io(dir, "made", e))?;
        checkpoint.save(dir, dtype)?;
        if checkpoint.tokenizer.is_none() {
            cli::note("[without a vocabulary: this model has none of GPT-2's kind]");
        }
        cli::note(&format!("The model is in {}", dir.display()));
        Ok(())
    })
}
