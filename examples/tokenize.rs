//! Text to token ids, and ids to text. See `docs/02-tokens.md`.
//!
//! ```text
//! printf 'Alan Turing theorized' | cargo run --example tokenize
//! printf '36235 39141 18765 1143' | cargo run --example tokenize -- --decode
//! printf ' theorized' | cargo run --example tokenize -- --show
//! ```

use gpt60::checkpoint;
use gpt60::cli::{self, Args, Command, Failure, Flag, Outcome};
use gpt60::tokenizer::{Part, Tokenizer, split};
use gpt60::{Error, Result, storybook, text_file};
use std::io::Read;
use std::process::ExitCode;

const COMMAND: Command = Command {
    name: "tokenize",
    about: "Reads text from standard input and prints the ids of its tokens, separated by spaces; or the way back. Nothing is\n\
            stripped and nothing is added: decoding gives exactly the text that was encoded. Tokens that were added to the\n\
            vocabulary of DIR, such as <speaker1>, become their ids; `<|endoftext|>` in a text is just characters, and its\n\
            id is decoded to them.",
    operands: "< TEXT",
    max_operands: 0,
    flags: &[
        Flag { name: "--decode", value: "", help: "read ids, print their text (default: read text, print ids)" },
        Flag {
            name: "--show",
            value: "",
            help: "also show, on standard error, how each piece of the text was merged (default: off)",
        },
        Flag {
            name: "--model",
            value: "DIR",
            help: "the vocabulary of the model in DIR (default: GPT-2's, which is built in)",
        },
        Flag { name: "--storybook", value: "", help: "the vocabulary of the storybook inside" },
        cli::SPECIAL,
    ],
    chapter: "docs/02-tokens.md",
};

/// Longer pieces are not shown: every step is a line as long as the piece, too much to read.
const SHOWN: usize = 200;

fn main() -> ExitCode {
    COMMAND.run(|args| -> Outcome<()> {
        let (decode, show) = (args.has("--decode"), args.has("--show"));
        if decode && show {
            return Err(Failure::Usage("--show is about encoding: leave out --decode".to_string()));
        }
        let tokenizer = vocabulary(args)?;
        let text = read_standard_input()?;
        if decode && args.has("--special") {
            return Err(Failure::Usage("--special is about encoding: leave out --decode".to_string()));
        }
        if decode {
            return cli::print_bytes(&tokenizer.decode_bytes(&ids_in(&text)?)?);
        }
        tokenizer.check_text(&text)?;
        let special = args.has("--special");
        if show {
            for part in tokenizer.parts(&text, special) {
                match part {
                    Part::Text(text) => split(text).into_iter().for_each(|piece| show_steps(&tokenizer, piece)),
                    Part::Token(token) => cli::note_part(&format!("{:?}\n  ids [{}]\n", token.content, token.id)),
                }
            }
        }
        let ids = if special { tokenizer.encode_with_end(&text) } else { tokenizer.encode(&text) };
        let ids: Vec<String> = ids.iter().map(u32::to_string).collect();
        cli::print(&(ids.join(" ") + "\n"))
    })
}

/// The vocabulary that the flags ask for.
fn vocabulary(args: &Args) -> Outcome<Tokenizer> {
    let tokenizer = match (args.get("--model"), args.has("--storybook")) {
        (None, false) => Some(Tokenizer::gpt2()),
        (None, true) => storybook::load().tokenizer,
        (Some(dir), false) => checkpoint::load_tokenizer(dir)?,
        (Some(_), true) => return Err(Failure::Usage("give either --model or --storybook, not both".to_string())),
    };
    tokenizer.ok_or_else(|| args.no_vocabulary("there is nothing to encode with"))
}

fn read_standard_input() -> Result<String> {
    let mut input = Vec::new();
    std::io::stdin().read_to_end(&mut input).map_err(|error| Error::io("standard input", "read", error))?;
    text_file::to_text(input).map_err(|problem| Error::file("standard input", problem))
}

/// Reads ids separated by white space.
fn ids_in(text: &str) -> Result<Vec<u32>> {
    let id = |word: &str| {
        let start: String = word.chars().take(20).collect();
        let wrong =
            || Error::file("standard input", format!("{start:?} is not a token id: ids are whole numbers from 0"));
        word.parse::<u32>().map_err(|_| wrong())
    };
    text.split_whitespace().map(id).collect()
}

/// The merges of one piece: the rank, the pair, and the tokens after the step.
fn show_steps(tokenizer: &Tokenizer, piece: &str) {
    let mut lines = format!("{piece:?}\n");
    if piece.len() > SHOWN {
        lines = format!("a piece of {} bytes: too long to show\n", piece.len());
    } else {
        for step in tokenizer.merge_steps(piece) {
            let pair = format!("{} {}", step.pair.0, step.pair.1);
            lines += &format!("  rank {:5}   {pair:16}  {}\n", step.rank, step.after.join(" "));
        }
        let ids = tokenizer.encode(piece);
        lines += &format!("  ids {ids:?}\n");
    }
    cli::note_part(&lines);
}
