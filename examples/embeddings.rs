//! The nearest tokens of a token, by cosine and by dot product; and whether differences mean something. See `docs/03-embeddings.md`.
//!
//! ```text
//! cargo run --example embeddings
//! cargo run --example embeddings -- " rabbit"
//! cargo run --example embeddings -- --differences
//! cargo run --example embeddings -- --differences " man woman king"
//! ```

use gpt60::checkpoint::Checkpoint;
use gpt60::cli::{self, Args, Command, Failure, Flag, Outcome};
use gpt60::{Tensor, generate};
use std::process::ExitCode;

#[path = "embeddings/differences.rs"]
mod differences;

use differences::{LISTS, ask, nearest};

const COMMAND: Command = Command {
    name: "embeddings",
    about: "Shows, for each token of a text, the tokens whose vectors are nearest to its own: by cosine (the angle alone)\n\
            and by dot product (the length counts too). A word usually is one token together with the space before it.\n\
            With --differences, what is to C as B is to A: the tokens nearest to B - A + C.",
    operands: "[TEXT]    (default: \" king rabbit said\")",
    max_operands: 1,
    flags: &[
        cli::MODEL,
        cli::IDS,
        cli::SPECIAL,
        Flag { name: "--count", value: "N", help: "how many neighbours of each token (default: 6)" },
        Flag {
            name: "--differences",
            value: "",
            help: "near what B - A + C lies, of a text of three tokens, else of lists of pairs",
        },
    ],
    chapter: "docs/03-embeddings.md",
};

fn main() -> ExitCode {
    COMMAND.run(|args| -> Outcome<()> {
        let count: usize = args.number("--count", 6)?;
        let checkpoint = args.model()?;
        let wte = checkpoint.model.wte.tensor()?; // [n_vocab, n_embd]
        let length = wte.mul(wte)?.row_sum().map(f32::sqrt); // [n_vocab, 1]
        cli::check_numbers("embeddings", length.data())?;
        let unit = wte.div(&length)?; // [n_vocab, n_embd], every row of length 1: its dot products are cosines
        if args.has("--differences") && args.operands.is_empty() && args.get("--ids").is_none() {
            return show_lists(args, &checkpoint, &unit);
        }
        let prompt = args.prompt(&checkpoint, " king rabbit said")?;
        generate::check_prompt(&checkpoint.model, &prompt.ids)?;
        if args.has("--differences") {
            return show_difference(&checkpoint, &unit, &prompt.ids, count);
        }
        for &id in &prompt.ids {
            let own = id as usize;
            let cosines = unit.take_rows(&[own])?.matmul_t(&unit)?; // [1, n_embd] · [n_vocab, n_embd]ᵀ -> [1, n_vocab]
            let dots = wte.take_rows(&[own])?.matmul_t(wte)?; // [1, n_vocab]
            let [by_cosine, by_dot] = [&cosines, &dots].map(|scores| nearest(scores, count, &[own]));

            let mut text = format!("{}, id {id}, length {:.2}\n", checkpoint.token_name(id), length.data()[own]);
            text += "     cosine                         dot product\n";
            for (&near, &large) in by_cosine.iter().zip(&by_dot) {
                let (cosine, dot) = (cosines.data()[near], dots.data()[large]);
                let [near, large] = [near, large].map(|id| checkpoint.token_name(id as u32));
                text += &format!("    {cosine:>7.3}  {near:<20}  {dot:>9.3}  {large}\n");
            }
            cli::print(&(text + "\n"))?;
        }
        Ok(())
    })
}

/// How often differences give the right answer, list by list.
fn show_lists(args: &Args, checkpoint: &Checkpoint, unit: &Tensor) -> Outcome<()> {
    let Some(tokenizer) = &checkpoint.tokenizer else {
        return Err(args.no_vocabulary("give three ids A B C as --ids \"5 17 3\""));
    };
    cli::print("What is to C as B is to A? Each pair of a list asks each other pair.\n\n")?;
    cli::print("                             right, if the answer is the token nearest to\n")?;
    cli::print("                             B - A + C,       B - A + C,       C,\n")?;
    cli::print("list of         questions    not A, B or C    whichever        not C\n")?;
    for list in LISTS {
        let score = ask(unit, tokenizer, list)?;
        let (a, b) = list[0];
        let share = |n: usize| format!("{:.0} %", 100.0 * n as f64 / score.questions.max(1) as f64);
        let [right, of_all, by_nearest] = [score.right, score.right_of_all, score.right_by_nearest].map(share);
        let title = format!("{} {}", a.trim(), b.trim());
        cli::print(&format!("{title:<15} {:>9}    {right:<16} {of_all:<16} {by_nearest}\n", score.questions))?;
    }
    Ok(())
}

/// The tokens nearest to B - A + C, including those three.
fn show_difference(checkpoint: &Checkpoint, unit: &Tensor, ids: &[u32], count: usize) -> Outcome<()> {
    let &[a, b, c] = ids else {
        let problem = format!("--differences needs three tokens A B C, and these are {}", ids.len());
        return Err(Failure::Usage(problem));
    };
    let [name_a, name_b, name_c] = [a, b, c].map(|id| checkpoint.token_name(id));
    let [a, b, c] = [a, b, c].map(|id| id as usize);
    cli::print(&format!("{name_b} - {name_a} + {name_c}\n"))?;
    let cosines = differences::cosines(unit, a, b, c)?;
    for id in nearest(&cosines, count, &[]) {
        cli::print(&format!("    {:>7.3}  {}\n", cosines.data()[id], checkpoint.token_name(id as u32)))?;
    }
    Ok(())
}
