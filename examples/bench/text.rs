//! Something for the tokenizer to read: a long text that is made here, without any file.

use gpt60::Rng;

/// The book.
const CHAPTERS: [&str; 15] = [
    include_str!("../../docs/00-what-is-a-gpt.md"),
    include_str!("../../docs/01-tensors.md"),
    include_str!("../../docs/02-tokens.md"),
    include_str!("../../docs/03-embeddings.md"),
    include_str!("../../docs/04-basic-layers.md"),
    include_str!("../../docs/05-attention.md"),
    include_str!("../../docs/06-mlp-and-block.md"),
    include_str!("../../docs/07-the-whole-model.md"),
    include_str!("../../docs/08-choosing-a-token.md"),
    include_str!("../../docs/09-beam-search.md"),
    include_str!("../../docs/10-kv-cache.md"),
    include_str!("../../docs/11-loss.md"),
    include_str!("../../docs/12-backpropagation.md"),
    include_str!("../../docs/13-training.md"),
    include_str!("../../docs/14-the-real-gpt2.md"),
];

/// One word in this many is new.
const NEW_WORD: usize = 64;

/// Lines of the book in random order, about `n_bytes` of them.
///
/// The book is short, and each line comes up many times. But in a long text new words never stop appearing: 16 MB of
/// the books that the storybook read have 40,000 different pieces, and this book has 5,000. A tokenizer that remembers
/// words would look faster than it is. That is why a word now and then gets the second half of another.
pub fn made_up(n_bytes: usize) -> String {
    let mut rng = Rng::new(60);
    let lines: Vec<&str> = CHAPTERS.iter().flat_map(|chapter| chapter.split_inclusive('\n')).collect();
    let is_word = |word: &&str| word.len() >= 4 && word.bytes().all(|byte| byte.is_ascii_alphabetic());
    let words: Vec<&str> = lines.iter().flat_map(|line| line.split_whitespace()).filter(is_word).collect();
    let mut text = String::with_capacity(n_bytes + 1000);
    while text.len() < n_bytes {
        for part in lines[rng.below(lines.len())].split_inclusive(char::is_whitespace) {
            let word = part.trim_end();
            if is_word(&word) && rng.below(NEW_WORD) == 0 {
                let other = words[rng.below(words.len())];
                text.push_str(&word[..word.len() / 2]);
                text.push_str(&other[other.len() / 2..]);
                text.push_str(&part[word.len()..]);
            } else {
                text.push_str(part);
            }
        }
    }
    text
}
