//! Text to GPT-2's token ids, and ids to text. See `docs/02-tokens.md`.
//!
//! ```text
//! printf 'Alan Turing theorized' | cargo run --example tokenize
//! printf '36235 39141 18765 1143' | cargo run --example tokenize -- --decode
//! printf ' theorized' | cargo run --example tokenize -- --show
//! ```

use gpt60::tokenizer::{Tokenizer, split};
use gpt60::{Error, Result};
use std::io::{ErrorKind, Read, Write};
use std::process::ExitCode;

const HELP: &str = "\
Reads text from standard input and prints the ids of its tokens, separated by spaces; or the way back. Nothing is stripped
and nothing is added: decoding gives exactly the text that was encoded. The vocabulary is GPT-2's, which is built in.

  --decode    read ids, print their text (default: read text, print ids)
  --show      also show, on standard error, how each piece of the text was merged, lowest rank first (default: off)
  --help      this text

`<|endoftext|>` in a text is just characters; its id, 50256, is decoded to them. Chapter: docs/02-tokens.md";

/// Pieces longer than this are not shown: a step a line, each as long as the piece, is nothing to look at.
const SHOWN: usize = 200;

fn main() -> ExitCode {
    let (mut decode, mut show) = (false, false);
    for flag in std::env::args_os().skip(1) {
        match flag.to_str() {
            Some("--decode") => decode = true,
            Some("--show") => show = true,
            Some("--help" | "-h") => return print(format!("{HELP}\n").as_bytes()),
            _ => {
                eprintln!(
                    "error: unknown argument {flag:?}: use --decode, --show or --help; the text comes on standard input"
                );
                return ExitCode::from(2);
            }
        }
    }
    if decode && show {
        eprintln!("error: --show is about encoding: leave out --decode");
        return ExitCode::from(2);
    }
    match run(decode, show) {
        Ok(output) => print(&output),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(1)
        }
    }
}

/// From all of standard input to all of standard output.
fn run(decode: bool, show: bool) -> Result<Vec<u8>> {
    let mut input = Vec::new();
    std::io::stdin().read_to_end(&mut input).map_err(|error| Error::file("standard input", error.to_string()))?;
    let text = String::from_utf8(input).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Error::file("standard input", format!("not UTF-8 at byte {at}: convert the text to UTF-8 first"))
    })?;
    let tokenizer = Tokenizer::gpt2();
    if decode {
        return tokenizer.decode_bytes(&ids_in(&text)?);
    }
    if show {
        for piece in split(&text) {
            show_steps(&tokenizer, piece);
        }
    }
    let ids: Vec<String> = tokenizer.encode(&text).iter().map(u32::to_string).collect();
    Ok((ids.join(" ") + "\n").into_bytes())
}

/// Reads ids with white space between them.
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
    // If nobody reads standard error any more, there is nobody to tell.
    let _ = std::io::stderr().write_all(lines.as_bytes());
}

/// Writes to standard output. If the reader has closed the pipe (such as `head`), that is an ordinary end.
fn print(output: &[u8]) -> ExitCode {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(output).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            let _ = writeln!(std::io::stderr(), "error: standard output: {error}");
            ExitCode::from(1)
        }
        _ => ExitCode::SUCCESS,
    }
}
