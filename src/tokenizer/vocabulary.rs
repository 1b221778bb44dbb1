//! Where a vocabulary comes from: built in, learned, or read from the files of a model.
//!
//! GPT-2's own vocabulary follows from its list of merges alone, because OpenAI numbered the tokens in order: the 256
//! bytes, the results of the merges, `<|endoftext|>`. A vocabulary that is learned here is numbered in the same way.
//! Other programs number as they like, and write the ids down (`vocab.json`): then both lists are needed, and must
//! match.

use super::bpe::{Merge, Merges};
use super::bytes::{bytes_in_gpt2_order, bytes_to_symbols, symbols_to_bytes};
use super::learn::{self, Learn, Numbering, count_words};
use super::token_table::TokenTable;
use super::{END_OF_TEXT, Tokenizer, gpt2};
use crate::error::{Error, Result};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Making a tokenizer.
impl Tokenizer {
    /// GPT-2's own vocabulary of 50,257 tokens. It is built in: no file, no network.
    #[must_use]
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
    /// Where `<|endoftext|>` stands in the text, one document ends: pieces never cross it, and it is not learned from.
    /// A text that runs out of pairs gives a smaller vocabulary. See `learn.rs` for how it is done.
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
        Tokenizer::learn_by(learn::learn, text, n_vocab, &mut |_| ())
    }

    /// Like [`learn`](Tokenizer::learn); after each merge `watch` is told how many tokens there are, `<|endoftext|>`
    /// included.
    ///
    /// # Errors
    ///
    /// As [`learn`](Tokenizer::learn).
    ///
    /// # Example: watch a vocabulary grow
    ///
    /// ```
    /// use gpt60::tokenizer::Tokenizer;
    ///
    /// let mut seen = Vec::new();
    /// Tokenizer::learn_watched("the cat, the hat", 260, |n| seen.push(n))?;
    /// assert_eq!(seen, [258, 259, 260]);
    /// # Ok::<(), gpt60::Error>(())
    /// ```
    pub fn learn_watched(text: &str, n_vocab: usize, mut watch: impl FnMut(usize)) -> Result<Tokenizer> {
        Tokenizer::learn_by(learn::learn, text, n_vocab, &mut |n| watch(n + 1))
    }

    /// Learns what [`learn`](Tokenizer::learn) learns, in the plain way: it counts all pairs again for every merge. It
    /// is there to be read, and to check the fast way; a book takes minutes.
    ///
    /// # Errors
    ///
    /// As [`learn`](Tokenizer::learn).
    ///
    /// # Example: both ways learn the same
    ///
    /// ```
    /// use gpt60::tokenizer::Tokenizer;
    ///
    /// let text = "sing ring ring king thing";
    /// assert_eq!(Tokenizer::learn_plain(text, 261)?, Tokenizer::learn(text, 261)?);
    /// # Ok::<(), gpt60::Error>(())
    /// ```
    pub fn learn_plain(text: &str, n_vocab: usize) -> Result<Tokenizer> {
        Tokenizer::learn_by(learn::learn_plain, text, n_vocab, &mut |_| ())
    }

    fn learn_by(learn: Learn, text: &str, n_vocab: usize, watch: &mut dyn FnMut(usize)) -> Result<Tokenizer> {
        if n_vocab < 257 {
            let problem = format!("a vocabulary of {n_vocab} is too small: the 256 bytes and {END_OF_TEXT} need 257");
            return Err(Error::argument("learn", problem));
        }
        let mut numbering = Numbering::new(&bytes_in_gpt2_order());
        let words = count_words(text.split(END_OF_TEXT), &byte_ids_in_gpt2_order());
        let merges = learn(words, &mut numbering, n_vocab - 1, watch);
        Ok(Tokenizer::from_numbering(numbering, merges))
    }

    /// A tokenizer with OpenAI's numbering, which follows from the merges alone: ids 0 to 255 are the single bytes (the
    /// visible ones first), then come the results of the merges in order, then `<|endoftext|>`.
    ///
    /// The parts are written in printable symbols (`"Ġ"`, `"t"`), as in `merges.txt`.
    ///
    /// # Errors
    ///
    /// If a part is neither a byte nor the result of a merge, or a merge is a duplicate. The error names it.
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

    /// A tokenizer with given ids, as in `vocab.json` and `merges.txt` of a model's directory. Tokens are written in
    /// printable symbols. `<|endoftext|>` is optional, and is the special token.
    ///
    /// # Errors
    ///
    /// If a single byte has no token, if a part or the result of a merge is not in the vocabulary, if two tokens share
    /// an id or one token has two, if a merge is a duplicate, or if a token has a character that stands for no byte.
    /// The error names the token.
    pub fn from_vocab(vocab: &[(String, u32)], merges: &[(String, String)]) -> Result<Tokenizer> {
        let (tokens, ids) = read_tokens(vocab)?;
        let byte_ids = find_bytes(&ids)?;
        let merges = read_merges(merges, &ids)?;
        let end_of_text = ids.get(END_OF_TEXT).copied();
        Ok(Tokenizer { tokens: TokenTable::new(tokens), merges, byte_ids, end_of_text })
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

/// The id of each token, by its symbols.
type Ids<'a> = HashMap<&'a str, u32>;

/// The bytes of each token by id, and the other way round.
fn read_tokens(vocab: &[(String, u32)]) -> Result<(BTreeMap<u32, Vec<u8>>, Ids<'_>)> {
    let mut tokens: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
    let mut ids = Ids::new();
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
    Ok((tokens, ids))
}

/// The id of each single byte.
fn find_bytes(ids: &Ids) -> Result<[u32; 256]> {
    let mut byte_ids = [0; 256];
    for byte in 0..=255u8 {
        let symbol = bytes_to_symbols(&[byte]);
        let missing = || error(format!("token {symbol:?} for the byte {byte} is missing: all 256 bytes are needed"));
        byte_ids[usize::from(byte)] = *ids.get(symbol.as_str()).ok_or_else(missing)?;
    }
    Ok(byte_ids)
}

/// The merges as ids, by rank.
fn read_merges(merges: &[(String, String)], ids: &Ids) -> Result<Merges> {
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
            return Err(error(format!("{merge} is a duplicate")));
        }
    }
    Ok(list)
}

fn error(problem: String) -> Error {
    Error::format("vocabulary", problem)
}

/// The id of each byte in OpenAI's numbering.
fn byte_ids_in_gpt2_order() -> [u32; 256] {
    let mut ids = [0; 256];
    for (id, byte) in (0..).zip(bytes_in_gpt2_order()) {
        ids[usize::from(byte)] = id;
    }
    ids
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
    /// whole tokenizer: [`from_vocab`](Tokenizer::from_vocab) makes an equal one from them.
    pub fn vocab(&self) -> Vec<(String, u32)> {
        self.tokens.ids().iter().filter_map(|&id| Some((self.symbol(id)?, id))).collect()
    }

    /// All merges in printable symbols, by rank.
    pub fn merges(&self) -> Vec<(String, String)> {
        (0..self.merges.list().len()).map(|rank| self.pair(rank)).collect()
    }

    /// The two parts of a merge, in printable symbols.
    pub(super) fn pair(&self, rank: usize) -> (String, String) {
        let merge = self.merges.list()[rank];
        let symbol = |id: u32| self.symbol(id).expect("the parts of a merge are tokens");
        (symbol(merge.left), symbol(merge.right))
    }
}
