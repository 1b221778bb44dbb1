//! How surprising is a text to the model? See `docs/11-loss.md`.
//!
//! ```text
//! cargo run --release --example perplexity -- story.txt
//! ```

use gpt60::cli::{self, Command, Failure, Outcome};
use gpt60::tokenizer::Tokenizer;
use gpt60::train::loss::cross_entropy;
use gpt60::weight::Precision;
use gpt60::{Error, Gpt2, Pass, argmax, text_file};
use std::process::ExitCode;

const COMMAND: Command = Command {
    name: "perplexity",
    about: "Measures how well the model predicts text files: nats per token, perplexity, bits per byte, for each file and in\n\
            total. <|endoftext|> stands in front of each file and is not scored; windows of the model's context advance by\n\
            half of it; each token is scored once, in the first window that reaches it. With --weights other than f32, the same\n\
            model with f32 reads along, and the difference is printed.",
    operands: "FILE...",
    max_operands: usize::MAX,
    flags: &[cli::MODEL, cli::WEIGHTS],
    chapter: "docs/11-loss.md",
};

/// The sum of the losses of a text's tokens.
#[derive(Default)]
struct Score {
    nats: f64,
    n_tokens: usize,
    n_bytes: usize,
    /// The sum of the losses of the full-precision model that reads along.
    full_nats: f64,
    /// At how many places both models find the same token the likeliest.
    n_agree: usize,
}

impl Score {
    fn add(&mut self, other: &Score) {
        self.nats += other.nats;
        self.n_tokens += other.n_tokens;
        self.n_bytes += other.n_bytes;
        self.full_nats += other.full_nats;
        self.n_agree += other.n_agree;
    }

    /// What the lower precision has changed.
    fn difference(&self, name: &str) -> String {
        let agree = 100.0 * self.n_agree as f64 / self.n_tokens as f64;
        let change = 100.0 * (((self.nats - self.full_nats) / self.n_tokens as f64).exp() - 1.0);
        format!(
            "{name} beside f32: the same likeliest token at {agree:.2} % of the places, perplexity {change:+.3} %\n"
        )
    }

    fn line(&self, name: &str) -> String {
        let per_token = self.nats / self.n_tokens as f64;
        let bits_per_byte = self.nats / std::f64::consts::LN_2 / self.n_bytes as f64;
        let Score { n_tokens, n_bytes, .. } = self;
        format!(
            "{per_token:>10.4} {:>11.3} {bits_per_byte:>10.4} {n_tokens:>9} {n_bytes:>9}  {name}\n",
            per_token.exp()
        )
    }
}

fn main() -> ExitCode {
    COMMAND.run(|args| -> Outcome<()> {
        if args.operands.is_empty() {
            return Err(Failure::Usage("no text file was given".to_string()));
        }
        let precision = args.precision()?;
        let checkpoint = args.full_model()?;
        let Some(tokenizer) = &checkpoint.tokenizer else {
            return Err(args.no_vocabulary("so it cannot read text"));
        };
        let mut packed = (precision != Precision::F32).then(|| checkpoint.model.clone());
        if let Some(packed) = &mut packed {
            packed.pack(precision)?;
        }
        // What is measured, and what reads along.
        let (model, full) = match &packed {
            Some(packed) => (packed, Some(&checkpoint.model)),
            None => (&checkpoint.model, None),
        };
        let mut total = Score::default();
        for file in &args.operands {
            let text = text_file::read(file)?;
            let score = score(model, full, tokenizer, &text).map_err(|e| e.in_file(file))?;
            cli::check_numbers("perplexity", &[score.nats, score.full_nats])?;
            if total.n_tokens == 0 {
                cli::print("nats/token  perplexity  bits/byte    tokens     bytes  file\n")?;
            }
            cli::print(&score.line(file))?;
            total.add(&score);
        }
        cli::print(&total.line("total"))?;
        if full.is_some() {
            cli::print(&total.difference(&precision.to_string()))?;
        }
        Ok(())
    })
}

/// Scores every token of a text; the optional model `full` reads along.
fn score(model: &Gpt2, full: Option<&Gpt2>, tokenizer: &Tokenizer, text: &str) -> gpt60::Result<Score> {
    tokenizer.check_text(text)?;
    let mut ids: Vec<u32> = tokenizer.end_of_text().into_iter().collect();
    ids.extend(tokenizer.encode_with_end(text));
    if ids.len() < 2 {
        return Err(Error::argument("perplexity", "there is no text to score"));
    }
    let n_ctx = model.config.n_ctx;
    let half = (n_ctx / 2).max(1);
    let mut score = Score { n_bytes: text.len(), n_tokens: ids.len() - 1, ..Score::default() };
    let mut n_scored = 0; // ids[1..=n_scored] have been scored
    let mut start = 0;
    while n_scored < ids.len() - 1 {
        let end = (start + n_ctx).min(ids.len() - 1); // the window reads ids[start..end] and predicts ids[start + 1..=end]
        let window = &ids[start..end];
        let new: Vec<usize> = (n_scored - start..window.len()).collect(); // the rows that predict tokens not scored yet
        let targets = &ids[n_scored + 1..=end];
        let (nats, likeliest) = score_window(model, window, &new, targets)?;
        score.nats += nats;
        if let Some(full) = full {
            let (nats, other) = score_window(full, window, &new, targets)?;
            score.full_nats += nats;
            score.n_agree += likeliest.iter().zip(&other).filter(|(a, b)| a == b).count();
        }
        n_scored = end;
        start += half;
    }
    Ok(score)
}

/// The sum of the losses of some rows of a window, and the likeliest token after each.
fn score_window(
    model: &Gpt2,
    window: &[u32],
    rows: &[usize],
    targets: &[u32],
) -> gpt60::Result<(f64, Vec<Option<usize>>)> {
    let hidden = model.hidden(window, Pass::new(window.len()))?; // [n_seq, n_embd]
    let logits = model.head(&hidden.take_rows(rows)?)?; // [n_rows, n_vocab]
    let losses = cross_entropy(&logits, targets)?;
    let likeliest = (0..rows.len()).map(|i| argmax(logits.row(i))).collect();
    Ok((losses.iter().map(|&loss| f64::from(loss)).sum(), likeliest))
}
