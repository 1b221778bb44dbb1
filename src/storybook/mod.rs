//! The built-in model: it has learned from hundreds of children's books, and continues your stories.
//!
//! It is small (7.0 million parameters; the smallest GPT-2 has 124 million), and its weights are kept as int8, so it fits into
//! the crate. The code of this crate trained it: from random weights with half of its blocks, then with all of them.
//! `recipe.md` beside this file says how to make it again, `loss.txt`, `loss-2.txt` and `loss-3.txt` are its loss curves, and
//! `books.tsv` lists what it read. The books themselves are not in here, only what it learned from them.
//!
//! [Chapter 13](crate::book::ch13_training) shows how it learned, and [its page](crate::book::the_storybook) what was
//! tried.

use crate::checkpoint::{Checkpoint, load_from_bytes};
use crate::tokenizer::Tokenizer;

/// The storybook model with its vocabulary.
///
/// # Example: write the next five tokens of a story
///
/// ```
/// use gpt60::{generate::greedy, storybook};
///
/// let story = storybook::load();
/// let tokenizer = story.tokenizer.unwrap();
/// let prompt = tokenizer.encode("Once upon a time");
/// let ids = greedy(&story.model, &prompt, &story.end_ids)?.take(5).collect::<Result<Vec<u32>, _>>()?;
/// println!("{}", tokenizer.decode(&ids)?);
/// # Ok::<(), gpt60::Error>(())
/// ```
///
/// # Panics
///
/// Never, unless the crate was built from damaged files.
pub fn load() -> Checkpoint {
    let merges = Tokenizer::parse_merges(include_str!("merges.txt")).expect("the storybook's merges are whole");
    let tokenizer = Tokenizer::from_merges(&merges).expect("the storybook's merges fit together");
    let model = load_from_bytes(include_str!("config.json"), include_bytes!("model.safetensors"))
        .expect("the storybook's weights are whole");
    Checkpoint::new(model, Some(tokenizer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_as_small_as_promised_and_knows_its_vocabulary() {
        let story = load();
        assert!(story.model.n_parameters() <= 7_100_000);
        let bytes = include_bytes!("model.safetensors").len() + include_str!("merges.txt").len();
        assert!(bytes <= 8_000_000, "{bytes} bytes");
        assert_eq!(story.tokenizer.unwrap().n_vocab(), story.model.config.n_vocab);
    }
}
