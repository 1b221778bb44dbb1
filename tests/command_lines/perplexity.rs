//! `perplexity`: each token scored once, by a rule that is written out here.

use crate::examples::{command, error_of, run, scratch, success};
use gpt60::checkpoint::{self, Dtype};
use gpt60::tokenizer::Tokenizer;
use gpt60::{Config, Gpt2, Rng, Tensor, storybook};
use std::fs;

/// A model with large random weights: all of its probabilities differ.
fn random_model(config: &Config) -> Gpt2 {
    let mut model = Gpt2::zeros(config).unwrap();
    let mut rng = Rng::new(5);
    for (_, tensor) in model.parameters_mut().unwrap() {
        *tensor = Tensor::random(tensor.shape(), 0.5, &mut rng);
    }
    model
}

/// A line of `perplexity`: nats per token, perplexity, bits per byte, tokens, bytes.
fn figures(line: &str) -> [f64; 5] {
    let words: Vec<&str> = line.split_whitespace().collect();
    std::array::from_fn(|i| words[i].parse().unwrap())
}

/// Whether two numbers agree in the printed digits: four after the point, and a relative 1e-4 for large numbers.
fn agree(printed: f64, expected: f64) -> bool {
    (printed - expected).abs() <= 1e-4 * expected.abs().max(1.0)
}

/// The rule, word for word: each token is predicted from the tokens before it in the first window that reaches it.
fn nats_of(model: &Gpt2, tokenizer: &Tokenizer, text: &str) -> (f64, usize) {
    let ids = [vec![tokenizer.end_of_text().unwrap()], tokenizer.encode(text)].concat();
    let n_ctx = model.config.n_ctx;
    let mut nats = 0.0;
    for i in 1..ids.len() {
        // Window k reads n_ctx tokens from k*n_ctx/2 on, and predicts up to the one after them.
        let window = (0..).find(|k| i <= k * (n_ctx / 2) + n_ctx).unwrap();
        let before = &ids[window * (n_ctx / 2)..i];
        let logits = model.logits(before).unwrap(); // [n_seq, n_vocab]
        let row = logits.row(before.len() - 1);
        let sum: f64 = row.iter().map(|&x| f64::from(x).exp()).sum();
        nats += sum.ln() - f64::from(row[ids[i] as usize]);
    }
    (nats, ids.len() - 1)
}

#[test]
fn perplexity_scores_every_token_once_in_the_first_window_that_reaches_it() {
    let dir = scratch("perplexity");
    let tokenizer = Tokenizer::learn("the fox and the moon and the water", 262).unwrap();
    let model = random_model(&Config::new(tokenizer.n_vocab(), 8, 12, 3, 2));
    checkpoint::save(dir.join("model"), &model, Some(&tokenizer), Dtype::F32).unwrap();
    // One window; exactly one; one token more; many.
    let (a, b, c) = ("the sea", "abcdefgh", "abcdefghi");
    let d = "A fox saw the moon in the water. “Oh!” she said.\n".repeat(4);
    let texts = [("a.txt", a), ("b.txt", b), ("c.txt", c), ("d.txt", &d)];
    for (name, text) in texts {
        fs::write(dir.join(name), text).unwrap();
    }
    let args = ["--model", "model", "a.txt", "b.txt", "c.txt", "d.txt"];
    let (stdout, _) = success(run(&mut command(&dir, "perplexity", &args)));
    let lines: Vec<&str> = stdout.lines().skip(1).collect();
    assert_eq!(lines.len(), 5, "{stdout}");

    let (mut nats, mut n_tokens, mut n_bytes) = (0.0, 0, 0);
    let check = |line: &str, name: &str, nats: f64, n_tokens: usize, n_bytes: usize| {
        let [per_token, perplexity, bits_per_byte, tokens, bytes] = figures(line);
        let expected = nats / n_tokens as f64;
        assert!(agree(per_token, expected), "{name}: {per_token} is not {expected}");
        assert!((perplexity / expected.exp() - 1.0).abs() < 1e-3, "{name}: {perplexity} is not {}", expected.exp());
        assert!(agree(bits_per_byte, nats / 2f64.ln() / n_bytes as f64), "{name}: {bits_per_byte}");
        assert_eq!((tokens as usize, bytes as usize), (n_tokens, n_bytes));
        assert!(line.ends_with(name), "{line}");
    };
    for ((name, text), line) in texts.iter().zip(&lines) {
        let (file_nats, file_tokens) = nats_of(&model, &tokenizer, text);
        check(line, name, file_nats, file_tokens, text.len());
        nats += file_nats;
        n_tokens += file_tokens;
        n_bytes += text.len();
    }
    check(lines[4], "total", nats, n_tokens, n_bytes);

    fs::write(dir.join("empty.txt"), "").unwrap();
    let error = error_of(run(&mut command(&dir, "perplexity", &["--model", "model", "empty.txt"])), 1);
    assert!(error.contains("empty.txt") && error.contains("no text"), "{error}");
    fs::write(dir.join("latin.txt"), b"caf\xe9").unwrap();
    assert!(error_of(run(&mut command(&dir, "perplexity", &["latin.txt"])), 1).contains("latin.txt"));
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn perplexity_of_the_storybook_is_that_of_its_logits() {
    let dir = scratch("story");
    let text = "Once upon a time there was a little fox, and he was very hungry.";
    fs::write(dir.join("text.txt"), text).unwrap();
    let (stdout, _) = success(run(&mut command(&dir, "perplexity", &["text.txt"])));
    let story = storybook::load();
    let (nats, n_tokens) = nats_of(&story.model, story.tokenizer.as_ref().unwrap(), text);
    let [per_token, _, _, tokens, bytes] = figures(stdout.lines().nth(1).unwrap());
    assert!(agree(per_token, nats / n_tokens as f64), "{per_token} is not {}", nats / n_tokens as f64);
    assert_eq!((tokens as usize, bytes as usize), (n_tokens, text.len()));
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn the_total_of_perplexity_adds_up() {
    let dir = scratch("total");
    let tokenizer = storybook::load().tokenizer.unwrap();
    fs::write(dir.join("one.txt"), "The fox went to the river. ".repeat(60)).unwrap();
    fs::write(dir.join("two.txt"), "\u{c9}t\u{e9}.<|endoftext|>No more.").unwrap();
    let (stdout, _) = success(run(&mut command(&dir, "perplexity", &["one.txt", "two.txt"])));
    let lines: Vec<[f64; 5]> = stdout.lines().skip(1).map(figures).collect();
    let [one, two, total] = lines[..] else { panic!("{stdout}") };
    // In a file, <|endoftext|> is one token between two texts, and thirteen bytes.
    let n_two = tokenizer.encode("\u{c9}t\u{e9}.").len() + 1 + tokenizer.encode("No more.").len();
    assert_eq!((two[3] as usize, two[4]), (n_two, 6.0 + 13.0 + 8.0));
    assert!(one[3] > 256.0 && total[3] == one[3] + two[3] && total[4] == one[4] + two[4], "{stdout}");
    let mean = |i: usize, n: usize| (one[i] * one[n] + two[i] * two[n]) / total[n];
    assert!(agree(total[0], mean(0, 3)) && agree(total[2], mean(2, 4)), "{stdout}");
    assert!((total[1] - total[0].exp()).abs() < 1e-3 * total[1], "{stdout}");
    fs::remove_dir_all(&dir).unwrap();
}
