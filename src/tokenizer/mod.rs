//! Text to token ids and back.
//!
//! A model computes with numbers, so text must become numbers first: each *token*, a frequent piece of text, has an
//! *id*, its row in the model's table of embeddings. A [`Tokenizer`] knows the tokens of one vocabulary and how to cut
//! text into them. GPT-2's kind is *byte-level byte-pair encoding*:
//!
//! 1. the split rule cuts the text into words and the like (`split.rs`, with the character classes of `unicode.rs`);
//! 2. each piece becomes bytes, which every text has (`bytes.rs` shows them as printable symbols);
//! 3. neighbours are merged into larger tokens by a list of merges (`bpe.rs`), which was learned from text
//!    (`learn.rs`).
//!
//! A vocabulary is built in, learned, or read from a model's files (`vocabulary.rs`); this file is about using one.
//!
//! A word that comes back need not be merged again (`known_words.rs`, with the hash of `hash.rs`).
//!
//! Decoding is simple: every token has its bytes (`token_table.rs`), and they are put side by side. Decoding gives back
//! exactly the text that was encoded.
//!
//! Some tokens are not made by merging. They were added to the vocabulary, and are looked for in a text before anything
//! else (`added.rs`). Every vocabulary here has one of them: `<|endoftext|>`, which stands between two documents.
//!
//! [Chapter 2](crate::book::ch02_tokens) explains it.

mod added;
mod bpe;
mod bytes;
mod gpt2;
mod hash;
mod known_words;
mod learn;
mod split;
mod token_table;
mod unicode;
mod unicode_tables;
mod utf8_stream;
mod vocabulary;
mod word_table;

pub use added::{AddedToken, Part};
pub use bpe::{Merge, Merges, replace_pair};
pub use bytes::{byte_to_symbol, symbol_to_byte};
pub use split::split;
pub use utf8_stream::Utf8Stream;
pub(crate) use vocabulary::{Fault, line_of_merge};

use crate::error::{Error, Result};
use added::AddedTokens;
use bytes::bytes_to_symbols;
use known_words::KnownWords;
use split::first_piece_len;
use std::collections::BTreeMap;
use std::fmt;
use token_table::TokenTable;

/// How the token is written that ends a text.
#[doc(hidden)] // for the examples
pub const END_OF_TEXT: &str = "<|endoftext|>";

/// A vocabulary, and how to encode with it.
///
/// # Example: encode and decode
///
/// ```
/// use gpt60::tokenizer::Tokenizer;
///
/// # fn main() -> gpt60::Result<()> {
/// let tokenizer = Tokenizer::gpt2();
/// let ids = tokenizer.encode("Alan Turing theorized");
/// assert_eq!(ids, [36235, 39141, 18765, 1143]);
/// assert_eq!(tokenizer.decode(&ids)?, "Alan Turing theorized");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq)]
pub struct Tokenizer {
    /// The bytes of each token, by id.
    tokens: TokenTable,
    /// How the vocabulary writes those tokens that it does not write in the symbols of their bytes. Nearly always empty.
    spellings: BTreeMap<u32, String>,
    merges: Merges,
    /// The id of each single byte, if the vocabulary has it.
    byte_ids: [Option<u32>; 256],
    added: AddedTokens,
    end_of_text: Option<u32>,
}

impl fmt::Debug for Tokenizer {
    /// Its sizes: the tokens and merges of GPT-2's would fill a book.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokenizer")
            .field("n_vocab", &self.n_vocab())
            .field("n_merges", &self.merges.list().len())
            .field("n_added", &self.added().len())
            .finish_non_exhaustive()
    }
}

/// One step of encoding a word, to look at. See [`Tokenizer::merge_steps`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeStep {
    /// The tokens before the step, as printable symbols.
    pub before: Vec<String>,
    /// The tokens after it.
    pub after: Vec<String>,
    /// The two tokens that were merged.
    pub pair: (String, String),
    /// The rank of the pair: the lowest among all neighbours in `before`.
    pub rank: usize,
}

/// Text to ids.
impl Tokenizer {
    /// The ids of a text. [Added tokens](AddedToken) in it become their ids, with one exception: `<|endoftext|>` is just
    /// thirteen characters. Text from outside cannot end a document.
    ///
    /// A byte for which the vocabulary has no token is left out. GPT-2's vocabulary has them all, and so has one that was
    /// learned here; [`check_text`](Tokenizer::check_text) tells about others.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        if self.added.is_only_end() {
            let mut ids = Vec::new();
            self.encode_into(text, &mut KnownWords::new(text.len()), &mut ids);
            return ids;
        }
        self.encode_parts(text, false)
    }

    /// The ids of a text in which `<|endoftext|>` becomes its one id, as other added tokens do. For text that you trust,
    /// such as a training file.
    ///
    /// # Example: two documents
    ///
    /// ```
    /// use gpt60::tokenizer::Tokenizer;
    ///
    /// let tokenizer = Tokenizer::gpt2();
    /// assert_eq!(tokenizer.encode_with_end("one<|endoftext|>two"), [505, 50256, 11545]);
    /// assert_eq!(tokenizer.encode("<|endoftext|>").len(), 7); // just characters
    /// ```
    pub fn encode_with_end(&self, text: &str) -> Vec<u32> {
        self.encode_parts(text, true)
    }

    fn encode_parts(&self, text: &str, with_end: bool) -> Vec<u32> {
        let mut ids = Vec::new();
        let mut known = KnownWords::new(text.len());
        for part in self.added.parts(text, with_end) {
            match part {
                Part::Text(text) => self.encode_into(text, &mut known, &mut ids),
                Part::Token(token) => ids.push(token.id),
            }
        }
        ids
    }

    /// A text cut at its added tokens, as `encode` cuts it; as `encode_with_end`, if `with_end`.
    #[doc(hidden)]
    pub fn parts<'a>(&'a self, text: &'a str, with_end: bool) -> Vec<Part<'a>> {
        self.added.parts(text, with_end)
    }

    /// Checks that the vocabulary has a token for each byte of a text.
    ///
    /// # Errors
    ///
    /// If one is missing. The error names the character. Only a vocabulary that lacks the tokens of some bytes gives it.
    pub fn check_text(&self, text: &str) -> Result<()> {
        if self.byte_ids.iter().all(Option::is_some) {
            return Ok(());
        }
        let texts = self.added.parts(text, true).into_iter().filter_map(|part| match part {
            Part::Text(text) => Some(text),
            Part::Token(_) => None,
        });
        for c in texts.flat_map(str::chars) {
            let mut bytes = [0; 4];
            let missing = |byte: &u8| self.byte_ids[usize::from(*byte)].is_none();
            if let Some(byte) = c.encode_utf8(&mut bytes).bytes().find(missing) {
                let problem = format!("the text has {c:?}, and the vocabulary has no token for its byte {byte:#04x}");
                return Err(Error::argument("encode", problem));
            }
        }
        Ok(())
    }

    /// Adds the ids of `text` to `ids`. Most words of a text are not new, and known words are not merged again.
    fn encode_into(&self, text: &str, known: &mut KnownWords, ids: &mut Vec<u32>) {
        let mut rest = text;
        while !rest.is_empty() {
            let n = first_piece_len(rest);
            if !known.append(rest.as_bytes(), n, ids) {
                let start = ids.len();
                ids.extend(self.single_bytes(&rest[..n]));
                self.merges.merge_from(start, ids);
                known.remember(rest.as_bytes(), n, ids, start);
            }
            rest = &rest[n..];
        }
    }

    /// The ids of the bytes of a piece, before any merge.
    fn single_bytes(&self, piece: &str) -> impl Iterator<Item = u32> {
        piece.bytes().filter_map(|byte| self.byte_ids[usize::from(byte)])
    }

    /// How a word becomes tokens, step by step. The word is taken as one piece, without the split rule. No steps means
    /// that no two of its bytes merge.
    ///
    /// This is for reading, so every step is kept whole: for a word of n bytes, up to n lists of up to n symbols.
    ///
    /// # Example: watch a word being merged
    ///
    /// ```
    /// use gpt60::tokenizer::Tokenizer;
    ///
    /// let steps = Tokenizer::gpt2().merge_steps(" hugs");
    /// let lines: Vec<String> = steps.iter().map(|s| format!("{:5}  {}", s.rank, s.after.join(" "))).collect();
    /// assert_eq!(lines, [
    ///     "   33  Ġh u g s",
    ///     "  762  Ġh ug s",
    ///     "10083  Ġh ugs",
    ///     "40401  Ġhugs",
    /// ]);
    /// ```
    pub fn merge_steps(&self, word: &str) -> Vec<MergeStep> {
        let symbols = |ids: &[u32]| -> Vec<String> { ids.iter().filter_map(|&id| self.symbol(id)).collect() };
        let mut steps = Vec::new();
        let mut ids: Vec<u32> = self.single_bytes(word).collect();
        while let Some(rank) = self.merges.lowest_rank(&ids) {
            let before = symbols(&ids);
            ids = replace_pair(&ids, self.merges.list()[rank]);
            steps.push(MergeStep { before, after: symbols(&ids), pair: self.pair(rank), rank });
        }
        steps
    }
}

/// Ids to text.
impl Tokenizer {
    /// The bytes of a sequence of tokens: exactly those that were encoded.
    ///
    /// # Errors
    ///
    /// If an id is not in the vocabulary. The error names it.
    pub fn decode_bytes(&self, ids: &[u32]) -> Result<Vec<u8>> {
        self.tokens.concat(ids).map_err(|id| {
            let (n, largest) = (self.tokens.ids().len(), self.n_vocab().saturating_sub(1));
            let problem = format!("token id {id} is not in the vocabulary: its {n} tokens have ids up to {largest}");
            Error::argument("decode", problem)
        })
    }

    /// The text of a sequence of tokens, exactly as it was encoded. The token that ends a text becomes `<|endoftext|>`;
    /// to read what a model wrote, use [`decode_text`](Tokenizer::decode_text).
    ///
    /// An incomplete character shows as U+FFFD, the replacement mark. To print tokens one by one, use
    /// [`token_bytes`](Tokenizer::token_bytes) and a [`Utf8Stream`].
    ///
    /// # Errors
    ///
    /// If an id is not in the vocabulary. The error names it.
    pub fn decode(&self, ids: &[u32]) -> Result<String> {
        let bytes = self.decode_bytes(ids)?;
        Ok(String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }

    /// The text of an answer: [`decode`](Tokenizer::decode), but end tokens and special tokens have no text.
    ///
    /// A model ends its text with an end token, and `decode` writes that as `<|endoftext|>`, because it gives back
    /// exactly what was encoded. `end_ids` are the model's, such as
    /// [`Checkpoint::end_ids`](crate::checkpoint::Checkpoint).
    ///
    /// # Errors
    ///
    /// If another id is not in the vocabulary. The error names it.
    ///
    /// # Example: an answer that has ended
    ///
    /// ```
    /// use gpt60::tokenizer::Tokenizer;
    ///
    /// let tokenizer = Tokenizer::gpt2();
    /// let answer = [1212, 318, 262, 886, 13, 50256]; // from a model whose end token is 50256
    /// assert_eq!(tokenizer.decode(&answer)?, "This is the end.<|endoftext|>");
    /// assert_eq!(tokenizer.decode_text(&answer, &[50256])?, "This is the end.");
    /// # Ok::<(), gpt60::Error>(())
    /// ```
    pub fn decode_text(&self, ids: &[u32], end_ids: &[u32]) -> Result<String> {
        let has_text = |id: &u32| !end_ids.contains(id) && !self.added.is_special(*id);
        self.decode(&ids.iter().copied().filter(has_text).collect::<Vec<u32>>())
    }

    /// What a token adds to a written text: its bytes. Nothing for a special token, and nothing for an id that is not in
    /// the vocabulary, which a model with a padded table can choose.
    pub fn text_bytes(&self, id: u32) -> &[u8] {
        self.token_bytes(id).filter(|_| !self.added.is_special(id)).unwrap_or(&[])
    }

    /// The bytes of one token, or `None` for an id that is not in the vocabulary.
    pub fn token_bytes(&self, id: u32) -> Option<&[u8]> {
        self.tokens.get(id)
    }

    /// One token as the vocabulary writes it: in printable symbols, for example `Ġthe` for " the". An added token is
    /// written in its own characters.
    pub fn symbol(&self, id: u32) -> Option<String> {
        self.spellings.get(&id).cloned().or_else(|| self.token_bytes(id).map(bytes_to_symbols))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    /// GPT-2's vocabulary; one in which the letters a and b have many merges; and one with its merges in an order that
    /// no learner would produce.
    static TOKENIZERS: LazyLock<[Tokenizer; 3]> = LazyLock::new(|| {
        let learned = Tokenizer::learn("abba baab 'abab aabb'll ééé   \n\n abbabaab", 300).unwrap();
        let mut merges = learned.merges();
        merges.reverse();
        let reversed = Tokenizer::from_vocab(&learned.vocab(), &merges).unwrap();
        [Tokenizer::gpt2(), learned, reversed]
    });

    /// Each piece on its own, by the plain loop, with nothing remembered.
    fn encode_plain(tokenizer: &Tokenizer, text: &str) -> Vec<u32> {
        let tokens = |piece: &str| tokenizer.merges.merge_plain(tokenizer.single_bytes(piece).collect());
        split(text).into_iter().flat_map(tokens).collect()
    }

    fn texts() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<String>(),
            "[ab]{0,150}",
            " {0,100}[ab]{0,3}\n{0,100}",
            "([ab]{1,20} ?|'ll|  |é|\0|[\x01-\x1F]|[a-z]{12,18} ){0,60}",
            "( (one|two|three|extraordinary|extraordinarily|naïveté|Достопримечательность)){0,100}",
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 500, ..Default::default() })]

        #[test]
        fn encoding_gives_what_merging_every_piece_by_the_plain_loop_gives(text in texts()) {
            for tokenizer in &*TOKENIZERS {
                prop_assert_eq!(tokenizer.encode(&text), encode_plain(tokenizer, &text));
            }
        }

        /// The words of one document are remembered in the next.
        #[test]
        fn documents_are_encoded_as_each_is_alone(documents in prop::collection::vec(texts(), 0..4)) {
            for tokenizer in &*TOKENIZERS {
                let end = tokenizer.end_of_text().unwrap();
                let alone: Vec<Vec<u32>> = documents.iter().map(|text| encode_plain(tokenizer, text)).collect();
                prop_assert_eq!(tokenizer.encode_with_end(&documents.join(END_OF_TEXT)), alone.join(&end));
            }
        }
    }

    /// More different words than the table remembers: many are forgotten and met again.
    #[test]
    fn forgotten_words_are_encoded_as_before() {
        let words: Vec<String> = (0..100_000).map(|i| format!(" {:x}", i * 7919 % 65_537)).collect();
        let text = words.concat();
        let tokenizer = &TOKENIZERS[0];
        assert_eq!(tokenizer.encode(&text), encode_plain(tokenizer, &text));
    }
}
