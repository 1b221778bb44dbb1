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
//! A word that comes back need not be merged again (`known_words.rs`, with the hash of `hash.rs`).
//!
//! Decoding is simple: every token has its bytes (`token_table.rs`), and they are put side by side. So decoding what
//! was encoded gives back exactly the text.
//!
//! One token is special: `<|endoftext|>` stands between two documents, and no bytes merge into it.
//!
//! [Chapter 2](crate::book::ch02_tokens) explains it.

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

pub use bpe::{Merge, Merges, replace_pair};
pub use bytes::{byte_to_symbol, symbol_to_byte};
pub use split::split;
pub use utf8_stream::Utf8Stream;

use crate::error::{Error, Result};
use bytes::{bytes_in_gpt2_order, bytes_to_symbols, symbols_to_bytes};
use known_words::KnownWords;
use learn::Numbering;
use split::first_piece_len;
use std::collections::{BTreeMap, HashMap, HashSet};
use token_table::TokenTable;

/// How the special token is written.
const END_OF_TEXT: &str = "<|endoftext|>";

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
#[derive(Debug, Clone, PartialEq)]
pub struct Tokenizer {
    /// The bytes of each token, by id.
    tokens: TokenTable,
    merges: Merges,
    /// The id of each single byte.
    byte_ids: [u32; 256],
    end_of_text: Option<u32>,
}

/// One step of encoding a word, for the reader's eyes. See [`Tokenizer::merge_steps`].
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

/// Making a tokenizer.
impl Tokenizer {
    /// GPT-2's own vocabulary of 50,257 tokens. It is built in: no file, no network.
    pub fn gpt2() -> Tokenizer {
        let mut numbering = Numbering::new(&bytes_in_gpt2_order());
        let mut merges = Merges::default();
        for pair in gpt2::gpt2_merges() {
            merges.push(numbering.merge(pair));
        }
        Tokenizer::from_numbering(numbering, merges)
    }

    /// Learns a vocabulary of `n_vocab` tokens from text: the 256 bytes, merges, and `<|endoftext|>`.
    ///
    /// Where `<|endoftext|>` stands in the text, one document ends: pieces never reach across it, and it is not learned
    /// from. A text that runs out of pairs gives a smaller vocabulary. See `learn.rs` for how it is done.
    ///
    /// # Errors
    ///
    /// If `n_vocab` is below 257, which leaves no room for the bytes and `<|endoftext|>`.
    ///
    /// # Example: learn a tiny vocabulary
    ///
    /// ```
    /// use gpt60::tokenizer::Tokenizer;
    ///
    /// # fn main() -> gpt60::Result<()> {
    /// let tokenizer = Tokenizer::learn("the cat<|endoftext|>the hat", 259)?;
    /// // "h"+"e", "t"+"h", "a"+"t" all occur twice; "a" has the smallest id.
    /// assert_eq!(tokenizer.symbol(256).as_deref(), Some("at"));
    /// assert_eq!(tokenizer.symbol(257).as_deref(), Some("he"));
    /// assert_eq!(tokenizer.end_of_text(), Some(258));
    /// # Ok(())
    /// # }
    /// ```
    pub fn learn(text: &str, n_vocab: usize) -> Result<Tokenizer> {
        if n_vocab < 257 {
            let problem = format!("a vocabulary of {n_vocab} is too small: the 256 bytes and {END_OF_TEXT} need 257");
            return Err(Error::argument("learn", problem));
        }
        let mut numbering = Numbering::new(&bytes_in_gpt2_order());
        let words = learn::count_words(text.split(END_OF_TEXT), &byte_ids_in_gpt2_order());
        let merges = learn::learn(words, &mut numbering, n_vocab - 1);
        Ok(Tokenizer::from_numbering(numbering, merges))
    }

    /// A tokenizer with OpenAI's numbering, which follows from the merges alone: ids 0 to 255 are the single bytes (the
    /// visible ones first), then come the results of the merges in order, then `<|endoftext|>`.
    ///
    /// The parts are written in printable symbols (`"Ġ"`, `"t"`), as in `merges.txt`.
    ///
    /// # Errors
    ///
    /// If a part is neither a byte nor the result of a merge, or a merge is there twice. The error names it.
    pub fn from_merges(merges: &[(String, String)]) -> Result<Tokenizer> {
        let mut symbols: Vec<String> = bytes_in_gpt2_order().iter().map(|&b| bytes_to_symbols(&[b])).collect();
        let mut seen: HashSet<String> = symbols.iter().cloned().collect();
        for (left, right) in merges {
            let result = format!("{left}{right}");
            if seen.insert(result.clone()) {
                symbols.push(result);
            }
        }
        symbols.push(END_OF_TEXT.to_string());
        let vocab: Vec<(String, u32)> = symbols.into_iter().zip(0..).collect();
        Tokenizer::from_vocab(&vocab, merges)
    }

    /// A tokenizer whose ids are given, as `vocab.json` and `merges.txt` of a model's directory give them. Tokens are
    /// written in printable symbols; `<|endoftext|>` is the special token if it is there.
    ///
    /// # Errors
    ///
    /// If a single byte has no token, if a part or the result of a merge is not in the vocabulary, if two tokens share
    /// an id or one token has two, if a merge is there twice, or if a token has a character that stands for no byte.
    /// The error names the token.
    pub fn from_vocab(vocab: &[(String, u32)], merges: &[(String, String)]) -> Result<Tokenizer> {
        let error = |problem: String| Error::format("vocabulary", problem);
        let mut tokens: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
        let mut ids: HashMap<&str, u32> = HashMap::new();
        for (symbol, id) in vocab {
            let bytes = symbols_to_bytes(symbol)
                .map_err(|c| error(format!("token {symbol:?} (id {id}): {c:?} is not a symbol of any byte")))?;
            if bytes.is_empty() {
                return Err(error(format!("the token with id {id} is empty")));
            }
            if let Some(other) = tokens.insert(*id, bytes) {
                let other = bytes_to_symbols(&other);
                return Err(error(format!("id {id} belongs to two tokens, {other:?} and {symbol:?}")));
            }
            if let Some(other) = ids.insert(symbol, *id) {
                return Err(error(format!("token {symbol:?} has two ids, {other} and {id}")));
            }
        }

        let mut byte_ids = [0; 256];
        for byte in 0..=255u8 {
            let symbol = bytes_to_symbols(&[byte]);
            let missing =
                || error(format!("token {symbol:?} for the byte {byte} is missing: all 256 bytes are needed"));
            byte_ids[usize::from(byte)] = *ids.get(symbol.as_str()).ok_or_else(missing)?;
        }

        let mut list = Merges::default();
        for (rank, (left, right)) in merges.iter().enumerate() {
            let result = format!("{left}{right}");
            let merge = format!("merge {rank} ({left:?} and {right:?})");
            let id = |token: &str| {
                let missing = || error(format!("{merge}: token {token:?} is not in the vocabulary"));
                ids.get(token).copied().ok_or_else(missing)
            };
            if result == END_OF_TEXT {
                return Err(error(format!("{merge}: ordinary text must not become {END_OF_TEXT}")));
            }
            if !list.push(Merge { left: id(left)?, right: id(right)?, result: id(&result)? }) {
                return Err(error(format!("{merge} is there twice")));
            }
        }
        Ok(Tokenizer {
            tokens: TokenTable::new(tokens),
            merges: list,
            byte_ids,
            end_of_text: ids.get(END_OF_TEXT).copied(),
        })
    }

    /// Reads the text of a `merges.txt`: two symbols a line with one space between them, by rank. A first line that
    /// begins with `#version` and empty lines are skipped.
    ///
    /// # Errors
    ///
    /// If a line is not two symbols with one space between them. The error names the line.
    ///
    /// # Example: read a file of two merges
    ///
    /// ```
    /// use gpt60::tokenizer::Tokenizer;
    ///
    /// # fn main() -> gpt60::Result<()> {
    /// let merges = Tokenizer::parse_merges("#version: 0.2\nĠ t\nh e\n")?;
    /// let tokenizer = Tokenizer::from_merges(&merges)?;
    /// assert_eq!(tokenizer.symbol(257).as_deref(), Some("he"));
    /// assert_eq!(tokenizer.n_vocab(), 256 + 2 + 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn parse_merges(text: &str) -> Result<Vec<(String, String)>> {
        let mut merges = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            if line.is_empty() || (number == 1 && line.starts_with("#version")) {
                continue;
            }
            match line.split_once(' ') {
                Some((left, right)) if !left.is_empty() && !right.is_empty() && !right.contains(' ') => {
                    merges.push((left.to_string(), right.to_string()));
                }
                _ => {
                    let start: String = line.chars().take(40).collect();
                    let problem = format!("line {number} is not two symbols with one space between them: {start:?}");
                    return Err(Error::format("merges", problem));
                }
            }
        }
        Ok(merges)
    }

    /// OpenAI's numbering: bytes and merges have their ids, and `<|endoftext|>` takes the next one.
    fn from_numbering(numbering: Numbering, merges: Merges) -> Tokenizer {
        let end_of_text = numbering.tokens.len() as u32;
        let tokens = numbering.tokens.into_iter().chain([END_OF_TEXT.as_bytes().to_vec()]);
        let tokens = TokenTable::new((0..).zip(tokens));
        Tokenizer { tokens, merges, byte_ids: byte_ids_in_gpt2_order(), end_of_text: Some(end_of_text) }
    }
}

/// Text to ids.
impl Tokenizer {
    /// The ids of a text. `<|endoftext|>` in it is just thirteen characters: text from outside cannot end a document.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        let mut ids = Vec::new();
        self.encode_into(text, &mut KnownWords::new(text.len()), &mut ids);
        ids
    }

    /// The ids of a text in which `<|endoftext|>` becomes its one id. For text that you trust, such as a training file.
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
        let Some(end) = self.end_of_text else {
            return self.encode(text);
        };
        let mut ids = Vec::new();
        let mut known = KnownWords::new(text.len());
        for (i, document) in text.split(END_OF_TEXT).enumerate() {
            if i > 0 {
                ids.push(end);
            }
            self.encode_into(document, &mut known, &mut ids);
        }
        ids
    }

    /// Adds the ids of `text` to `ids`. Most words of a text are not new, and those are not merged again.
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
        piece.bytes().map(|byte| self.byte_ids[usize::from(byte)])
    }

    /// How a word becomes tokens, step by step. The word is taken as one piece, without the split rule. No steps means
    /// that no two of its bytes merge.
    ///
    /// This is for looking at, so every step is kept whole: for a word of n bytes that is up to n lists of up to n
    /// symbols.
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
            let (n, largest) = (self.tokens.ids().len(), self.n_vocab() - 1);
            let problem = format!("token id {id} is not in the vocabulary: its {n} tokens have ids up to {largest}");
            Error::argument("decode", problem)
        })
    }

    /// The text of a sequence of tokens. A character of which only a part is there shows as U+FFFD, the replacement
    /// mark; to print tokens one by one, use [`decode_bytes`](Tokenizer::decode_bytes) and a [`Utf8Stream`].
    ///
    /// # Errors
    ///
    /// If an id is not in the vocabulary. The error names it.
    pub fn decode(&self, ids: &[u32]) -> Result<String> {
        let bytes = self.decode_bytes(ids)?;
        Ok(String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }

    /// The text of an answer: [`decode`](Tokenizer::decode), but end tokens have no text.
    ///
    /// A model ends its text with an end token, and `decode` writes that as `<|endoftext|>`, because it gives back exactly what
    /// was encoded. `end_ids` are those of the model, such as
    /// [`Checkpoint::end_ids`](crate::checkpoint::hugging_face::Checkpoint).
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
        let with_text: Vec<u32> = ids.iter().copied().filter(|id| !end_ids.contains(id)).collect();
        self.decode(&with_text)
    }

    /// The bytes of one token, or `None` for an id that is not in the vocabulary.
    pub fn token_bytes(&self, id: u32) -> Option<&[u8]> {
        self.tokens.get(id)
    }

    /// One token in printable symbols, for example `Ġthe` for " the".
    pub fn symbol(&self, id: u32) -> Option<String> {
        self.token_bytes(id).map(bytes_to_symbols)
    }
}

/// Looking at the vocabulary.
impl Tokenizer {
    /// The id of `<|endoftext|>`, if the vocabulary has it.
    pub fn end_of_text(&self) -> Option<u32> {
        self.end_of_text
    }

    /// One more than the largest id: how many rows a model's table of embeddings needs.
    pub fn n_vocab(&self) -> usize {
        self.tokens.ids().last().map_or(0, |&id| id as usize + 1)
    }

    /// All tokens in printable symbols, with their ids, by id. Together with [`merges`](Tokenizer::merges) this is the
    /// whole tokenizer: [`from_vocab`](Tokenizer::from_vocab) makes an equal one of them.
    pub fn vocab(&self) -> Vec<(String, u32)> {
        self.tokens.ids().iter().filter_map(|&id| Some((self.symbol(id)?, id))).collect()
    }

    /// All merges in printable symbols, by rank.
    pub fn merges(&self) -> Vec<(String, String)> {
        (0..self.merges.list().len()).map(|rank| self.pair(rank)).collect()
    }

    /// The two parts of a merge, in printable symbols.
    fn pair(&self, rank: usize) -> (String, String) {
        let merge = self.merges.list()[rank];
        let symbol = |id: u32| self.symbol(id).expect("the parts of a merge are tokens");
        (symbol(merge.left), symbol(merge.right))
    }
}

/// The id of each byte in OpenAI's numbering.
fn byte_ids_in_gpt2_order() -> [u32; 256] {
    let mut ids = [0; 256];
    for (id, byte) in (0..).zip(bytes_in_gpt2_order()) {
        ids[usize::from(byte)] = id;
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    /// GPT-2's vocabulary; one in which the letters a and b have many merges; and one whose merges stand in an order in
    /// which nobody would learn them.
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
        fn documents_are_encoded_as_each_would_be_alone(documents in prop::collection::vec(texts(), 0..4)) {
            for tokenizer in &*TOKENIZERS {
                let end = tokenizer.end_of_text().unwrap();
                let alone: Vec<Vec<u32>> = documents.iter().map(|text| encode_plain(tokenizer, text)).collect();
                prop_assert_eq!(tokenizer.encode_with_end(&documents.join(END_OF_TEXT)), alone.join(&end));
            }
        }
    }

    /// More different words than are remembered, so that many are forgotten and met again.
    #[test]
    fn forgotten_words_are_encoded_as_before() {
        let words: Vec<String> = (0..100_000).map(|i| format!(" {:x}", i * 7919 % 65_537)).collect();
        let text = words.concat();
        let tokenizer = &TOKENIZERS[0];
        assert_eq!(tokenizer.encode(&text), encode_plain(tokenizer, &text));
    }
}
