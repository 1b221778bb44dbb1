//! Where a vocabulary comes from: built in, learned, or read from the files of a model.
//!
//! GPT-2's own vocabulary follows from its list of merges alone, because OpenAI numbered the tokens in order: the 256
//! bytes, the results of the merges, `<|endoftext|>`. A vocabulary that is learned here is numbered in the same way.
//! Other programs number as they like, and write the ids down (`vocab.json`): then both lists are needed, and must
//! match.

use super::added::{AddedToken, AddedTokens};
use super::bpe::{Merge, Merges};
use super::bytes::{bytes_in_gpt2_order, bytes_to_symbols, symbols_to_bytes};
use super::hash::QuickMap;
use super::learn::{self, Learn, Numbering, count_words};
use super::token_table::TokenTable;
use super::{END_OF_TEXT, Tokenizer, gpt2};
use crate::error::{Error, Result};
use std::cell::LazyCell;
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
    /// If a part is neither a byte nor the result of a merge. The error names it.
    pub fn from_merges(merges: &[(String, String)]) -> Result<Tokenizer> {
        Tokenizer::from_vocab(&Tokenizer::openai_vocab(merges), merges)
    }

    /// The ids that follow from the merges alone.
    pub(crate) fn openai_vocab(merges: &[(String, String)]) -> Vec<(String, u32)> {
        let mut symbols: Vec<String> = bytes_in_gpt2_order().iter().map(|&b| bytes_to_symbols(&[b])).collect();
        let mut seen: HashSet<String> = symbols.iter().cloned().collect();
        let results = merges.iter().map(|(left, right)| format!("{left}{right}"));
        for symbol in results.chain([END_OF_TEXT.to_string()]) {
            if seen.insert(symbol.clone()) {
                symbols.push(symbol);
            }
        }
        symbols.into_iter().zip(0..).collect()
    }

    /// A tokenizer with given ids, as in `vocab.json` and `merges.txt` of a model's directory. Tokens are written in
    /// printable symbols; one with a character that stands for no byte means its own characters. `<|endoftext|>` is
    /// optional, and is an [added token](AddedToken).
    ///
    /// Other programs have made odd vocabularies, and these are taken as they are: a token that no merge makes, a byte
    /// without a token, a merge that comes twice (the later place counts).
    ///
    /// # Errors
    ///
    /// If there is no token, if a part or the result of a merge is not in the vocabulary, if two tokens share an id or
    /// one token has two, or if a merge makes `<|endoftext|>`. The error names the token or the merge.
    pub fn from_vocab(vocab: &[(String, u32)], merges: &[(String, String)]) -> Result<Tokenizer> {
        Ok(Tokenizer::from_lists(vocab, merges, &[])?)
    }

    /// The same tokenizer with more added tokens. One that it already has, by its characters, gets the new properties.
    /// If the characters are those of a token of the vocabulary, that token's id counts.
    ///
    /// # Errors
    ///
    /// If an id belongs to another token. The error names both.
    pub fn with_added(self, tokens: Vec<AddedToken>) -> Result<Tokenizer> {
        let all = [self.added.list().to_vec(), tokens].concat();
        Ok(Tokenizer::from_lists(&self.vocab(), &self.merges(), &all)?)
    }

    /// [`from_vocab`](Tokenizer::from_vocab) and [`with_added`](Tokenizer::with_added) in one step. The error says which
    /// of the lists is at fault.
    pub(crate) fn from_lists(
        vocab: &[(String, u32)],
        merges: &[(String, String)],
        added: &[AddedToken],
    ) -> std::result::Result<Tokenizer, Fault> {
        if vocab.is_empty() {
            return Err(Fault::Vocab("there is no token in it".to_string()));
        }
        let (mut tokens, ids) = read_tokens(vocab)?;
        let byte_ids = std::array::from_fn(|byte| ids.get(bytes_to_symbols(&[byte as u8]).as_str()).copied());
        let merges = read_merges(merges, &ids)?;
        let mut list = one_of_each(added, &ids);
        if let Some(&id) = ids.get(END_OF_TEXT)
            && list.iter().all(|token| token.content != END_OF_TEXT)
        {
            list.push(AddedToken::special(id, END_OF_TEXT));
        }
        let mut outside = Vec::new();
        // Few vocabularies need it, and one with thousands of added tokens asks for it thousands of times.
        let merged = LazyCell::new(|| all_merged(&merges, &byte_ids));
        for token in &list {
            let content = token.content.as_bytes().to_vec();
            if !ids.contains_key(token.content.as_str()) {
                if let Some((other, _)) = tokens.get(&token.id) {
                    let problem = format!("id {} belongs to two tokens, {other:?} and {:?}", token.id, token.content);
                    return Err(Fault::Added(problem));
                }
                outside.push(token.id);
            } else if tokens[&token.id].1 == content || merged.contains(&token.id) {
                continue; // ordinary text becomes it too, so it has the bytes that the vocabulary says
            }
            tokens.insert(token.id, (token.content.clone(), content));
        }
        let is_odd = |symbol: &str, bytes: &[u8]| symbol != bytes_to_symbols(bytes);
        let odd = tokens.iter().filter(|(_, (symbol, bytes))| is_odd(symbol, bytes));
        let spellings = odd.map(|(&id, (symbol, _))| (id, symbol.clone())).collect();
        let end_of_text = list.iter().find(|token| token.content == END_OF_TEXT).map(|token| token.id);
        let tokens = TokenTable::new(tokens.into_iter().map(|(id, (_, bytes))| (id, bytes)));
        Ok(Tokenizer { tokens, spellings, merges, byte_ids, added: AddedTokens::new(list, outside), end_of_text })
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
        for (number, line) in merge_lines(text) {
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
        let end = numbering.tokens.len() as u32;
        let tokens = numbering.tokens.into_iter().chain([END_OF_TEXT.as_bytes().to_vec()]);
        Tokenizer {
            tokens: TokenTable::new((0..).zip(tokens)),
            spellings: BTreeMap::new(),
            merges,
            byte_ids: byte_ids_in_gpt2_order().map(Some),
            added: AddedTokens::new(vec![AddedToken::special(end, END_OF_TEXT)], vec![]),
            end_of_text: Some(end),
        }
    }
}

/// What is wrong with a vocabulary, and in which of its lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// In the list of tokens.
    Vocab(String),
    /// In the merge of this rank.
    Merge(usize, String),
    /// In the list of added tokens.
    Added(String),
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Error {
        match fault {
            Fault::Vocab(problem) => Error::format("vocabulary", problem),
            Fault::Merge(_, problem) => Error::format("merges", problem),
            Fault::Added(problem) => Error::format("added tokens", problem),
        }
    }
}

/// The line of the merge of this rank in the text of a `merges.txt`, from 1 on.
pub(crate) fn line_of_merge(text: &str, rank: usize) -> usize {
    merge_lines(text).nth(rank).map_or(0, |(number, _)| number)
}

/// The lines that hold merges, with their numbers.
fn merge_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_merge =
        |(number, line): &(usize, &str)| !(line.is_empty() || (*number == 1 && line.starts_with("#version")));
    (1..).zip(text.lines()).filter(is_merge)
}

/// Each token as it is written, and its bytes, by id.
type Tokens = BTreeMap<u32, (String, Vec<u8>)>;

/// The id of each token, by its symbols.
type Ids<'a> = HashMap<&'a str, u32>;

/// The tokens by id, and the other way round.
fn read_tokens(vocab: &[(String, u32)]) -> std::result::Result<(Tokens, Ids<'_>), Fault> {
    let mut tokens = Tokens::new();
    let mut ids = Ids::new();
    for (symbol, id) in vocab {
        // A character that stands for no byte: the token was never made of bytes, and means its own characters.
        let bytes = symbols_to_bytes(symbol).unwrap_or_else(|_| symbol.clone().into_bytes());
        if let Some((other, _)) = tokens.insert(*id, (symbol.clone(), bytes)) {
            return Err(Fault::Vocab(format!("id {id} belongs to two tokens, {other:?} and {symbol:?}")));
        }
        if let Some(other) = ids.insert(symbol, *id) {
            return Err(Fault::Vocab(format!("token {symbol:?} has two ids, {other} and {id}")));
        }
    }
    Ok((tokens, ids))
}

/// The merges as ids, by rank. Of a merge that comes twice, the later place counts.
fn read_merges(merges: &[(String, String)], ids: &Ids) -> std::result::Result<Merges, Fault> {
    let mut all = Vec::new();
    for (rank, (left, right)) in merges.iter().enumerate() {
        let result = format!("{left}{right}");
        let fault = |problem: String| Fault::Merge(rank, format!("merge {rank} ({left:?} and {right:?}): {problem}"));
        let id = |token: &str| {
            ids.get(token).copied().ok_or_else(|| fault(format!("token {token:?} is not in the vocabulary")))
        };
        if result == END_OF_TEXT {
            return Err(fault(format!("ordinary text must not become {END_OF_TEXT}")));
        }
        all.push(Merge { left: id(left)?, right: id(right)?, result: id(&result)? });
    }
    let last: QuickMap<(u32, u32), usize> = all.iter().zip(0..).map(|(m, i)| ((m.left, m.right), i)).collect();
    let mut list = Merges::default();
    for (i, merge) in all.into_iter().enumerate() {
        if last[&(merge.left, merge.right)] == i {
            list.push(merge);
        }
    }
    Ok(list)
}

/// The added tokens, each once: the last one with these characters counts, and its id is that of the vocabulary if it is
/// there.
fn one_of_each(added: &[AddedToken], ids: &Ids) -> Vec<AddedToken> {
    let mut by_content: BTreeMap<&str, AddedToken> = BTreeMap::new();
    for token in added.iter().filter(|token| !token.content.is_empty()) {
        let id = ids.get(token.content.as_str()).copied().unwrap_or(token.id);
        by_content.insert(&token.content, AddedToken { id, ..token.clone() });
    }
    by_content.into_values().collect()
}

/// The tokens that bytes become: single bytes, and all that occur in a merge.
fn all_merged(merges: &Merges, byte_ids: &[Option<u32>; 256]) -> HashSet<u32> {
    let in_merges = merges.list().iter().flat_map(|m| [m.left, m.right, m.result]);
    in_merges.chain(byte_ids.iter().flatten().copied()).collect()
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

    /// All tokens of the vocabulary itself in printable symbols, with their ids, by id. Together with
    /// [`merges`](Tokenizer::merges) and [`added`](Tokenizer::added) this is the whole tokenizer:
    /// [`from_vocab`](Tokenizer::from_vocab) and [`with_added`](Tokenizer::with_added) make an equal one from them.
    pub fn vocab(&self) -> Vec<(String, u32)> {
        let inside = self.tokens.ids().iter().filter(|&&id| !self.added.is_outside(id));
        inside.filter_map(|&id| Some((self.symbol(id)?, id))).collect()
    }

    /// All added tokens, by id. `<|endoftext|>` is one of them.
    pub fn added(&self) -> &[AddedToken] {
        self.added.list()
    }

    /// Whether this is the id of an added token that is not in [`vocab`](Tokenizer::vocab).
    pub(crate) fn is_outside(&self, id: u32) -> bool {
        self.added.is_outside(id)
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
