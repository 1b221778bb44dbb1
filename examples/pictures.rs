//! Draws the pictures of the book. See `docs/15-looking-inside.md`.
//!
//! ```text
//! cargo run --example pictures
//! cargo run --example pictures -- --out my-pictures
//! ```

use gpt60::checkpoint::write_beside;
use gpt60::cli::{self, Command, Failure, Flag, Outcome};
use gpt60::kernels::cpu::{self, Level};
use gpt60::lens::pictures;
use gpt60::{Error, storybook};
use std::path::Path;
use std::process::ExitCode;

const COMMAND: Command = Command {
    name: "pictures",
    about: "Draws the pictures of the book, as SVG files: what a model looks like inside, how models learned, and what is\n\
            true of every GPT.\n\
            They are in docs/img already; this makes them again, byte for byte.",
    operands: "",
    max_operands: 0,
    flags: &[Flag { name: "--out", value: "DIR", help: "the directory to write them to (default: docs/img)" }],
    chapter: "docs/15-looking-inside.md",
};

/// How the storybook learned, what it wrote on the way, and how models of six sizes learned.
const LOSS: &str = include_str!("../src/storybook/loss.txt");
const TEXTS: &str = include_str!("../src/storybook/samples.txt");
const SIZES: &str = include_str!("../src/storybook/scaling.txt");

fn main() -> ExitCode {
    COMMAND.run(|args| -> Outcome<()> {
        let dir = args.get("--out").unwrap_or("docs/img");
        if dir.is_empty() {
            return Err(Failure::Usage("--out is empty; name a directory, such as docs/img".to_string()));
        }
        // The fast loops round a little differently on each kind of processor, which could change a shade. The plain
        // ones give the same bits everywhere.
        cpu::force(Some(Level::Baseline));
        let pictures = pictures::all(&storybook::load(), LOSS, TEXTS, SIZES)?;
        let dir = Path::new(dir);
        std::fs::create_dir_all(dir).map_err(|e| Error::io(dir, "made", e))?;
        let mut paths = String::new();
        for (name, svg) in pictures {
            let path = dir.join(name);
            write_beside(&path, svg.as_bytes())?;
            paths += &format!("{}\n", path.display());
        }
        cli::print(&paths) // only when all exist: a reader that stops early does not cost a picture
    })
}
