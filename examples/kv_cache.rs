//! What the key-value cache saves, and what it costs. See `docs/10-kv-cache.md`.
//!
//! ```text
//! cargo run --example kv_cache
//! ```

use gpt60::cli::{self, Command, Failure, Outcome};
use gpt60::generate::check_prompt;
use gpt60::{Config, Gpt2, KvCache, Result, argmax};
use std::process::ExitCode;
use std::time::{Duration, Instant};

const COMMAND: Command = Command {
    name: "kv_cache",
    about: "Measures how long one more token takes, with the cache and without it, the longer the text is; checks that both\n\
            ways write the same; and counts the bytes that the cache takes in the four sizes of GPT-2.",
    operands: "",
    max_operands: 0,
    flags: &[cli::MODEL],
    chapter: "docs/10-kv-cache.md",
};

/// How many tokens both ways write, to see that they are the same.
const N_WRITTEN: usize = 20;
/// A time is the median of this many runs; or of fewer, if they take longer than the limit together.
const N_TIMES: usize = 9;
const LIMIT: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    COMMAND.run(|args| -> Outcome<()> {
        let model = &args.model()?.model;
        let n_ctx = model.config.n_ctx;
        if n_ctx < 2 {
            return Err(Failure::Failed(format!("a context of {n_ctx} token leaves nothing to keep")));
        }
        let mut positions: Vec<usize> = (3..).map(|i| 1 << i).take_while(|&n| n <= n_ctx).collect();
        positions.extend((positions.last() != Some(&n_ctx)).then_some(n_ctx));
        // The time does not depend on which tokens they are.
        let ids: Vec<u32> = (0..n_ctx).map(|i| (i * 7 % model.config.n_vocab) as u32).collect();

        cli::print("time for one more token, in milliseconds (medians)\n\n")?;
        cli::print("  tokens in the text   with the cache   without it   times\n")?;
        for n in positions {
            let with_cache = time_with_cache(model, &ids[..n])?;
            let without = time_without(model, &ids[..n])?;
            let times = without / with_cache;
            cli::print(&format!("{n:>20} {with_cache:>16.3} {without:>12.3} {times:>7.1}\n"))?;
        }

        let prompt = &ids[..n_ctx.min(8) - 1];
        let n = N_WRITTEN.min(n_ctx + 1 - prompt.len());
        let (first, second) = (write_with_cache(model, prompt, n)?, write_without(model, prompt, n)?);
        let same = if first == second { "the same" } else { "NOT the same" };
        cli::print(&format!("\nboth ways write {same} {n} tokens\n"))?;

        cli::print("\nbytes of the cache, 2 * n_layer * n_embd * 4 for each token\n\n")?;
        cli::print(&format!("{:<12} {:>10} {:>16} {:>14}\n", "", "a token", "a full context", "the weights"))?;
        let sizes = [
            ("gpt2", Config::gpt2()),
            ("gpt2-medium", Config::gpt2_medium()),
            ("gpt2-large", Config::gpt2_large()),
            ("gpt2-xl", Config::gpt2_xl()),
        ];
        for (name, config) in sizes {
            let token = 2 * config.n_layer * config.n_embd * size_of::<f32>();
            let megabytes = |bytes: usize| format!("{:.1} MB", bytes as f64 / 1e6);
            let (context, weights) = (megabytes(token * config.n_ctx), megabytes(4 * config.n_parameters()));
            cli::print(&format!("{name:<12} {token:>10} {context:>16} {weights:>14}\n"))?;
        }
        Ok(())
    })
}

/// Milliseconds for the last token of a text, with all others in the cache.
fn time_with_cache(model: &Gpt2, ids: &[u32]) -> Result<f64> {
    let (before, last) = ids.split_at(ids.len() - 1);
    let mut cache = KvCache::new(&model.config, 1);
    model.next_logits(before, &mut cache)?;
    median(|| {
        cache.truncate(before.len()); // forget it again
        let start = Instant::now();
        model.next_logits(last, &mut cache)?;
        Ok(start.elapsed())
    })
}

/// Milliseconds for the same without a cache: the whole text is read again.
fn time_without(model: &Gpt2, ids: &[u32]) -> Result<f64> {
    median(|| {
        let mut cache = KvCache::new(&model.config, 1);
        let start = Instant::now();
        model.next_logits(ids, &mut cache)?;
        Ok(start.elapsed())
    })
}

fn median(mut time: impl FnMut() -> Result<Duration>) -> Result<f64> {
    time()?; // warms up
    let start = Instant::now();
    let mut times = Vec::new();
    while times.is_empty() || (times.len() < N_TIMES && start.elapsed() < LIMIT) {
        times.push(time()?);
    }
    times.sort();
    Ok(1000.0 * times[times.len() / 2].as_secs_f64())
}

/// Greedy choice: only the new token is read each time.
fn write_with_cache(model: &Gpt2, prompt: &[u32], n: usize) -> Result<Vec<u32>> {
    check_prompt(model, prompt)?;
    let mut cache = KvCache::new(&model.config, 1);
    let mut unread = prompt.to_vec();
    let mut written = Vec::new();
    for _ in 0..n {
        let logits = model.next_logits(&unread, &mut cache)?;
        unread = vec![argmax(logits.data()).unwrap_or(0) as u32];
        written.extend(&unread);
    }
    Ok(written)
}

/// Greedy choice: the whole text is read again for each new token.
fn write_without(model: &Gpt2, prompt: &[u32], n: usize) -> Result<Vec<u32>> {
    let mut text = prompt.to_vec();
    for _ in 0..n {
        let logits = model.logits(&text)?; // [n_seq, n_vocab]
        text.push(argmax(logits.row(text.len() - 1)).unwrap_or(0) as u32);
    }
    Ok(text.split_off(prompt.len()))
}
