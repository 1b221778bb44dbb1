//! The whole model as a page to look at: every number of one forward pass. See `docs/15-looking-inside.md`.
//!
//! ```text
//! cargo run --example explore
//! cargo run --example explore -- "The little dog ran to the" --out dog.html
//! cargo run --example explore -- --live
//! cargo run --example explore -- --live --model my-model
//! ```
//!
//! The page is one file that needs nothing else: no network, and no program except a browser. Its parts are in
//! `examples/explore/`: the frame, the style, and the program that draws. This program runs the model
//! (`src/lens/trace.rs`), writes the numbers down (`src/lens/page_data.rs`) and puts everything into the frame.
//!
//! With `--live` it writes down the model itself (`src/lens/page_model.rs`), and the page runs it: the forward pass
//! once more in JavaScript (`examples/explore/gpt2.js`), over any text that you type.

use gpt60::checkpoint::write_beside;
use gpt60::cli::{self, Args, Command, Failure, Flag, Outcome};
use gpt60::generate;
use gpt60::lens::{page_data, page_model, trace::Trace};
use std::path::Path;
use std::process::ExitCode;

const COMMAND: Command = Command {
    name: "explore",
    about: "Writes a web page that follows a text through the model, from its tokens to the next one: embeddings, every head's\n\
            attention, the MLPs, the guesses after each layer, and the distribution at the end, with sliders. Open it in a\n\
            browser; it needs no network. The path is printed. With --live the page carries the model itself, and a line to\n\
            type in: every picture follows what you type. The model must be small: the page has 12 MB at most.",
    operands: "[PROMPT]    (default: \"Once upon a time there was a little girl\")",
    max_operands: 1,
    flags: &[
        cli::MODEL,
        cli::IDS,
        cli::SPECIAL,
        Flag { name: "--live", value: "", help: "a page that runs the model on what you type (default: off)" },
        Flag { name: "--out", value: "FILE", help: "where to write the page (default: explore.html)" },
    ],
    chapter: "docs/15-looking-inside.md",
};

/// How many tokens a page shows: more would not fit on a screen, and the page would grow large.
const MOST_TOKENS: usize = 64;

/// How large a live page may be: a browser reads all of it before it shows anything.
const MOST_BYTES: usize = 12_000_000;

const PAGE: &str = include_str!("explore/page.html");
const STYLE: &str = include_str!("explore/style.css");
/// The program, in reading order. A browser runs the files as if they were one file.
const PROGRAM: [&str; 6] = [
    include_str!("explore/numbers.js"),
    include_str!("explore/draw.js"),
    include_str!("explore/tokens.js"),
    include_str!("explore/blocks.js"),
    include_str!("explore/answer.js"),
    include_str!("explore/show.js"),
];
/// Where the numbers come from: the page contains them, or
const EMBEDDED: [&str; 1] = [include_str!("explore/embedded.js")];
/// it contains the model, and computes them.
const LIVE: [&str; 3] =
    [include_str!("explore/tokenizer.js"), include_str!("explore/gpt2.js"), include_str!("explore/live.js")];

const DEFAULT_PROMPT: &str = "Once upon a time there was a little girl";

fn main() -> ExitCode {
    COMMAND.run(|args| -> Outcome<()> {
        let out = args.get("--out").unwrap_or("explore.html");
        if out.is_empty() {
            return Err(Failure::Usage("--out needs the name of a file".to_string()));
        }
        let page = if args.has("--live") { live_page(args)? } else { page_about_prompt(args)? };
        write_beside(Path::new(out), page.as_bytes())?;
        cli::print(&format!("{out}\n"))
    })
}

/// A page with the numbers of one forward pass.
fn page_about_prompt(args: &Args) -> Outcome<String> {
    let checkpoint = args.model()?;
    let prompt = args.prompt(&checkpoint, DEFAULT_PROMPT)?;
    generate::check_prompt(&checkpoint.model, &prompt.ids)?;
    // The model reads only what the page shows; otherwise there would be numbers whose cause you could not see.
    let n_before = prompt.ids.len().saturating_sub(MOST_TOKENS);
    if n_before > 0 {
        let n_seq = prompt.ids.len();
        cli::note(&format!(
            "[the page has room for {MOST_TOKENS} tokens: it shows the model reading the last of {n_seq}]"
        ));
    }
    let trace = Trace::new(&checkpoint.model, &prompt.ids[n_before..])?;
    let data = page_data::to_json(&trace, checkpoint.tokenizer.as_ref(), &name(args.get("--model")), n_before);
    Ok(page(&EMBEDDED, &data))
}

/// A page with the model in it.
fn live_page(args: &Args) -> Outcome<String> {
    if args.has("--ids") {
        let problem = "--ids is not for the live page, which has a line for text: give the prompt as text";
        return Err(Failure::Usage(problem.to_string()));
    }
    let checkpoint = args.model()?;
    let model = &checkpoint.model;
    let Some(tokenizer) = &checkpoint.tokenizer else {
        return Err(args.no_vocabulary("and the live page has a line for text: leave --live out"));
    };
    check_size(model.n_parameters().saturating_mul(4) / 3)?; // a byte has eight bits, a letter of base64 six
    let prompt = args.operands.first().map_or(DEFAULT_PROMPT, String::as_str);
    let data = page_model::to_json(model, tokenizer, &name(args.get("--model")), prompt, MOST_TOKENS)?;
    let page = page(&LIVE, &data.json);
    check_size(page.len())?;
    if data.is_rounded {
        cli::note(
            "[the page has the parameters as f16, three digits of each: its numbers differ a little from the model's]",
        );
    }
    Ok(page)
}

/// Checks that a live page is not too large for a browser to open with ease.
fn check_size(n_bytes: usize) -> Outcome<()> {
    if n_bytes <= MOST_BYTES {
        return Ok(());
    }
    let (size, most) = (n_bytes.div_ceil(1_000_000), MOST_BYTES / 1_000_000);
    let problem = format!("the live page would have {size} MB, because it carries the model: the most is {most} MB");
    Err(Failure::Failed(format!("{problem}; leave --live out, or take a smaller model")))
}

/// What the page calls the model: the name of its directory.
fn name(dir: Option<&str>) -> String {
    let last = |dir: &str| Path::new(dir).file_name().map(|name| name.to_string_lossy().into_owned());
    dir.map_or("the storybook".to_string(), |dir| last(dir).unwrap_or("a model".to_string()))
}

/// The page: its frame with style, data and program filled in. The data go in last, so nothing in them is replaced.
fn page(source_of_numbers: &[&str], data: &str) -> String {
    let program = [&PROGRAM, source_of_numbers].concat().join("\n");
    PAGE.replace("{{style}}", STYLE).replace("{{program}}", &program).replace("{{data}}", data)
}
