//! From the page to GPT-2, rung by rung: what does it cost, and what does it bring?
//!
//! Every rung learns from the same names in the same order, from the same weights on, and has the same losses: that is
//! checked in every step. Only the way to compute them changes.
//!
//! ```text
//! cargo run --example ladder
//! cargo run --release --example ladder
//! ```
//!
//! | rung | file | what is new |
//! | --- | --- | --- |
//! | (a) | `one_page.rs` | a tape of numbers |
//! | (b) | `ladder/replay.rs` | the tape is recorded once for each length and replayed |
//! | (c) | `ladder/by_hand.rs` | vectors, and backward by hand |
//! | (d) | `ladder/matrices.rs` | all positions at once |
//! | (e) | `ladder/vectors.rs` | vector instructions, and threads |
//! | (f) | `ladder/in_32_bits.rs` | numbers of 32 bits instead of 64 |
//! | (g) | `ladder/gpt2.rs` | GPT-2's own block, by the library: another model |

#![allow(clippy::duplicate_mod)] // the files of (d) and (e) are compiled for both kinds of numbers

#[allow(dead_code)] // its `main`
#[path = "one_page.rs"]
mod one_page;

#[path = "ladder/by_hand.rs"]
mod by_hand;
#[path = "ladder/gpt2.rs"]
mod gpt2;
#[allow(dead_code)] // what only (d) and the threads of (e) need
#[path = "ladder/in_32_bits.rs"]
mod in_32_bits;
#[path = "ladder/in_64_bits.rs"]
mod in_64_bits;
#[path = "ladder/replay.rs"]
mod replay;
#[path = "ladder/rungs.rs"]
pub mod rungs; // `tests/ladder.rs` climbs them too

use gpt60::cli::{self, Args, Command, Failure, Flag, Outcome};
use in_64_bits::weights;
use rungs::{Lesson, RUNGS, Rung, apart};
use std::process::ExitCode;
use std::time::Instant;

const COMMAND: Command = Command {
    name: "ladder",
    about: "Trains the model of `one_page` in eight ways, from a tape of numbers up to vector instructions and a GPT-2 of\n\
            the same size by the library. Prints for each way how long it takes, how much faster that is than the way\n\
            before it and than the first, and how many lines of code it is. Checks that the losses are the same.",
    operands: "",
    max_operands: 0,
    flags: &[
        Flag { name: "--steps", value: "N", help: "how many names to learn from, 1 to 100000 (default: 1000)" },
        Flag { name: "--runs", value: "N", help: "of how many runs to take the median, 1 to 100 (default: 3)" },
        Flag { name: "--seed", value: "N", help: "where the random numbers begin (default: 42)" },
    ],
    chapter: "docs/one-page-to-gpt2.md",
};

/// Above this difference of two losses, relative, two rungs do not compute the same.
const TOLERANCE: f64 = 1e-5;

fn main() -> ExitCode {
    COMMAND.run(|args| -> Outcome<()> {
        let lesson = Lesson::new(whole(args, "--steps", 1000, 100_000)?, args.number("--seed", 42)?);
        let n_runs = whole(args, "--runs", 3, 100)?;
        let mut times = vec![Vec::new(); RUNGS.len()];
        let mut losses = vec![Vec::new(); RUNGS.len()];
        for _ in 0..n_runs {
            // The rungs take turns, so that a busy moment of the machine does not hit one of them alone.
            for (i, rung) in RUNGS.iter().enumerate() {
                let mut learn = (rung.start)(&lesson)?;
                let start = Instant::now();
                losses[i] = lesson.learn(&mut learn)?;
                times[i].push(1000.0 * start.elapsed().as_secs_f64());
            }
        }
        print_table(&times.into_iter().map(median).collect::<Vec<f64>>(), &losses)?;
        let worst = |bits: u32| {
            let alike = RUNGS.iter().zip(&losses).filter(|(rung, _)| rung.bits == Some(bits));
            rungs::largest(alike.map(|(_, of)| apart(of, &losses[0])))
        };
        if worst(64).is_nan() || worst(64) > TOLERANCE {
            let problem = format!("the losses of two rungs are {:.0e} apart, relative", worst(64));
            return Err(Failure::Failed(problem));
        }
        let (n_steps, in_64, in_32) = (lesson.n_steps(), worst(64), worst(32));
        cli::print(&format!(
            "\nlosses of all {n_steps} steps: (a) to (e) are the same to {in_64:.0e}, (f) to {in_32:.0e}\n"
        ))
    })
}

fn print_table(times: &[f64], losses: &[Vec<f64>]) -> Outcome<()> {
    let n_last = losses[0].len().min(100);
    cli::print(&format!("{:<42} {:>9} {:>7} {:>7} {:>6} {:>6}\n", "", "ms", "gain", "in all", "lines", "loss"))?;
    for (i, (Rung { name, sources, .. }, of)) in RUNGS.iter().zip(losses).enumerate() {
        let gain = if i == 0 { String::new() } else { format!("{:.1}", times[i - 1] / times[i]) };
        let in_all = times[0] / times[i];
        let n_lines: usize = sources.iter().map(|source| rungs::n_lines(source)).sum();
        let last = of[of.len() - n_last..].iter().sum::<f64>() / n_last as f64;
        cli::print(&format!("{name:<42} {:>9.1} {gain:>7} {in_all:>7.1} {n_lines:>6} {last:>6.3}\n", times[i]))?;
    }
    Ok(())
}

/// A number from 1 to `largest`.
fn whole(args: &Args, flag: &str, default: usize, largest: usize) -> Outcome<usize> {
    let number = args.number(flag, default)?;
    if !(1..=largest).contains(&number) {
        return Err(Failure::Usage(format!("{flag} must be from 1 to {largest} (default: {default})")));
    }
    Ok(number)
}

/// The middle one; of an even number of them, the larger of the two in the middle.
fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
