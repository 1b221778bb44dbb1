//! The whole model as a page to look at: every number of one forward pass. See `docs/15-looking-inside.md`.
//!
//! ```text
//! cargo run --example explore
//! cargo run --example explore -- "The little dog ran to the" --out dog.html
//! ```
//!
//! The page is one file that needs nothing else, neither a network nor a program besides a browser. Its parts lie in
//! `examples/explore/`: the frame, the style, and the program that draws. This program runs the model
//! (`src/lens/trace.rs`), writes the numbers down (`src/lens/page_data.rs`) and puts all into the frame.

use gpt60::checkpoint::write_beside;
use gpt60::cli::{self, Command, Failure, Flag, Outcome};
use gpt60::generate;
use gpt60::lens::{page_data, trace::Trace};
use std::path::Path;
use std::process::ExitCode;

const COMMAND: Command = Command {
    name: "explore",
    about: "Writes a web page that follows a text through the model, from its tokens to the next one: embeddings, every head's\n\
            attention, the MLPs, the guesses after each layer, and the distribution at the end, with sliders. Open it in a\n\
            browser; it needs no network. The path is printed.",
    operands: "[PROMPT]    (default: \"Once upon a time there was a little girl\")",
    max_operands: 1,
    flags: &[
        cli::MODEL,
        cli::IDS,
        Flag { name: "--out", value: "FILE", help: "where to write the page (default: explore.html)" },
    ],
    chapter: "docs/15-looking-inside.md",
};

/// How many tokens a page shows: more have no room on a screen, and the page would grow large.
const MOST_TOKENS: usize = 64;

const PAGE: &str = include_str!("explore/page.html");
const STYLE: &str = include_str!("explore/style.css");
/// The program, in reading order. A browser runs them as if they were one.
const PROGRAM: [&str; 6] = [
    include_str!("explore/numbers.js"),
    include_str!("explore/draw.js"),
    include_str!("explore/tokens.js"),
    include_str!("explore/blocks.js"),
    include_str!("explore/answer.js"),
    include_str!("explore/start.js"),
];

fn main() -> ExitCode {
    COMMAND.run(|args| -> Outcome<()> {
        let out = args.get("--out").unwrap_or("explore.html");
        if out.is_empty() {
            return Err(Failure::Usage("--out needs the name of a file".to_string()));
        }
        let checkpoint = args.model()?;
        let prompt = args.prompt(&checkpoint, "Once upon a time there was a little girl")?;
        generate::check_prompt(&checkpoint.model, &prompt.ids)?;
        // The model is given no more than the page shows: else there would be numbers whose cause you could not see.
        let n_before = prompt.ids.len().saturating_sub(MOST_TOKENS);
        if n_before > 0 {
            let n_seq = prompt.ids.len();
            cli::note(&format!(
                "[the page has room for {MOST_TOKENS} tokens: it shows the model reading the last of {n_seq}]"
            ));
        }
        let trace = Trace::new(&checkpoint.model, &prompt.ids[n_before..])?;
        let data = page_data::to_json(&trace, checkpoint.tokenizer.as_ref(), &name(args.get("--model")), n_before);
        write_beside(Path::new(out), page(&data).as_bytes())?;
        cli::print(&format!("{out}\n"))
    })
}

/// What the page calls the model: the name of its directory.
fn name(dir: Option<&str>) -> String {
    let last = |dir: &str| Path::new(dir).file_name().map(|name| name.to_string_lossy().into_owned());
    dir.map_or("the storybook".to_string(), |dir| last(dir).unwrap_or("a model".to_string()))
}

/// The page: its frame with style, data and program filled in. The data go in last: whatever they hold, it is not filled.
fn page(data: &str) -> String {
    PAGE.replace("{{style}}", STYLE).replace("{{program}}", &PROGRAM.join("\n")).replace("{{data}}", data)
}
