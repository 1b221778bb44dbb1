//! How surprising is a text to the model? See `docs/11-loss.md`.
//!
//! ```text
//! cargo run --release --example perplexity -- story.txt
//! ```

use gpt60::cli::{self, Command, Failure, Outcome};
use gpt60::tokenizer::Tokenizer;
use gpt60::train::loss::cross_entropy;
use gpt60::{Error, Gpt2, Probe};
use std::process::ExitCode;

const COMMAND: Command = Command {
    name: "perplexity",
    about: "Measures how well the model predicts text files: nats per token, perplexity, bits per byte, for each file and in\n\
            total. <|endoftext|> stands in front of each file and is not scored; windows of the model's context advance by\n\
            half of it; each token is scored once, in the first window that reaches it.",
    operands: "FILE...",
    max_operands: usize::MAX,
    flags: &[cli::MODEL],
    chapter: "docs/11-loss.md",
};

/// The sum of the losses of a text's tokens.
#[derive(Default)]
struct Score {
    nats: f64,
    n_tokens: usize,
    n_bytes: usize,
}

impl Score {
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
        let checkpoint = args.model()?;
        let Some(tokenizer) = &checkpoint.tokenizer else {
            return Err(Failure::Failed("this model has no vocabulary, so it cannot read text".to_string()));
        };
        let mut total = Score::default();
        for file in &args.operands {
            let bytes = std::fs::read(file).map_err(|e| Error::file(file, format!("cannot be read: {e}")))?;
            let text = String::from_utf8(bytes).map_err(|e| Error::file(file, format!("is not UTF-8 text: {e}")))?;
            let score = score(&checkpoint.model, tokenizer, &text).map_err(|e| e.in_file(file))?;
            if total.n_tokens == 0 {
                cli::print("nats/token  perplexity  bits/byte    tokens     bytes  file\n")?;
            }
            cli::print(&score.line(file))?;
            total.nats += score.nats;
            total.n_tokens += score.n_tokens;
            total.n_bytes += score.n_bytes;
        }
        cli::print(&total.line("total"))
    })
}

/// Scores every token of a text.
fn score(model: &Gpt2, tokenizer: &Tokenizer, text: &str) -> gpt60::Result<Score> {
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
        let hidden = model.hidden(window, window.len(), None, &mut Probe::off(), None)?; // [n_seq, n_embd]
        let new: Vec<usize> = (n_scored - start..window.len()).collect(); // the rows that predict tokens not scored yet
        let logits = model.head(&hidden.take_rows(&new)?)?; // [n_new, n_vocab]
        let losses = cross_entropy(&logits, &ids[n_scored + 1..=end])?;
        score.nats += losses.iter().map(|&loss| f64::from(loss)).sum::<f64>();
        n_scored = end;
        start += half;
    }
    Ok(score)
}
