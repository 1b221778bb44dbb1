//! The nearest tokens of a token, by cosine and by dot product. See `docs/03-embeddings.md`.
//!
//! ```text
//! cargo run --example embeddings
//! cargo run --example embeddings -- " rabbit"
//! ```

use gpt60::checkpoint::hugging_face::Checkpoint;
use gpt60::cli::{self, Command, Failure, Flag, Outcome};
use gpt60::{Tensor, generate};
use std::process::ExitCode;

const COMMAND: Command = Command {
    name: "embeddings",
    about: "Shows, for each token of a text, the tokens whose vectors are nearest to its own: by cosine (the angle alone)\n\
            and by dot product (the length counts too). A word usually is one token together with the space before it.",
    operands: "[TEXT]    (default: \" king rabbit said\")",
    max_operands: 1,
    flags: &[
        cli::MODEL,
        cli::IDS,
        Flag { name: "--count", value: "N", help: "how many neighbours of each token (default: 6)" },
    ],
    chapter: "docs/03-embeddings.md",
};

fn main() -> ExitCode {
    COMMAND.run(|args| -> Outcome<()> {
        let count: usize = args.number("--count", 6)?;
        let checkpoint = args.model()?;
        let prompt = args.prompt(&checkpoint, " king rabbit said")?;
        generate::check_prompt(&checkpoint.model, &prompt.ids)?;

        let wte = &checkpoint.model.wte; // [n_vocab, n_embd]
        let length = wte.mul(wte)?.row_sum().map(f32::sqrt); // [n_vocab, 1]
        let unit = wte.div(&length)?; // [n_vocab, n_embd], every row of length 1: its dot products are cosines
        for &id in &prompt.ids {
            let own = &[id as usize];
            let cosines = unit.take_rows(own)?.matmul_t(&unit)?; // [1, n_embd] · [n_vocab, n_embd]ᵀ -> [1, n_vocab]
            let dots = wte.take_rows(own)?.matmul_t(wte)?; // [1, n_vocab]
            let [by_cosine, by_dot] = [&cosines, &dots].map(|scores| nearest(scores, id, count));

            let mut text = format!("{}, id {id}, length {:.2}\n", name(&checkpoint, id)?, length.data()[id as usize]);
            text += "     cosine                         dot product\n";
            for (&near, &large) in by_cosine.iter().zip(&by_dot) {
                let (cosine, dot) = (cosines.data()[near as usize], dots.data()[large as usize]);
                let (near, large) = (name(&checkpoint, near)?, name(&checkpoint, large)?);
                text += &format!("    {cosine:>7.3}  {near:<20}  {dot:>9.3}  {large}\n");
            }
            cli::print(&(text + "\n"))?;
        }
        Ok(())
    })
}

/// The `count` tokens with the largest scores, without `id` itself.
fn nearest(scores: &Tensor, id: u32, count: usize) -> Vec<u32> {
    let mut ids: Vec<u32> = (0..scores.len() as u32).filter(|&other| other != id).collect();
    ids.sort_by(|&a, &b| scores.data()[b as usize].total_cmp(&scores.data()[a as usize]));
    ids.truncate(count);
    ids
}

/// How a token is shown: its text in quotes, or its id if there is no vocabulary.
fn name(checkpoint: &Checkpoint, id: u32) -> std::result::Result<String, Failure> {
    Ok(match &checkpoint.tokenizer {
        Some(tokenizer) if tokenizer.token_bytes(id).is_some() => format!("{:?}", tokenizer.decode(&[id])?),
        _ => format!("token {id}"),
    })
}
