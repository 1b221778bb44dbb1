//! Learning the merges of a vocabulary from text.
//!
//! ```text
//! begin with the bytes as tokens
//! repeat: count all pairs of neighbours in the text; the most frequent pair becomes the next merge; make it everywhere
//! ```
//!
//! Among pairs with equal counts, the one whose left token has the smallest id wins, then the one whose right token has
//! the smallest. Older tokens come first, and the same text always gives the same vocabulary.
//!
//! Tokens never cross pieces (see `split.rs`), and most pieces are words that occur again and again. That is why each
//! distinct word is kept once, with its count: this alone turns a text of a million words into a list of some ten
//! thousand.
//!
//! `learn_plain` is the loop above, and the one to read. `learn` (in `learn/fast.rs`) does the work, because of a second
//! observation: a merge changes only the places where its pair stands. It keeps the counts from one merge to the next,
//! and visits only those places again. Both learn the same, and a test checks that they do.
//!
//! Source: Sennrich, Haddow and Birch 2016, algorithm 1 and the paragraph on the same two observations.

mod fast;

pub(super) use fast::learn;

use super::bpe::{Merge, Merges, replace_pair};
use super::hash::QuickMap;
use super::split::pieces;
use std::cmp::Reverse;
use std::collections::HashMap;

/// A distinct word, as tokens, and how often it occurs in the text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Word {
    pub tokens: Vec<u32>,
    pub count: u64,
}

/// A pair of neighbours: left id, right id.
type Pair = (u32, u32);

/// Counts the distinct words of several documents. `byte_ids` gives the token of each byte.
pub(super) fn count_words<'a>(documents: impl Iterator<Item = &'a str>, byte_ids: &[u32; 256]) -> Vec<Word> {
    let mut counts: QuickMap<&str, u64> = QuickMap::default();
    for document in documents {
        for piece in pieces(document) {
            *counts.entry(piece).or_default() += 1;
        }
    }
    let tokens = |word: &str| word.bytes().map(|byte| byte_ids[usize::from(byte)]).collect();
    counts.into_iter().map(|(word, count)| Word { tokens: tokens(word), count }).collect()
}

/// Gives new tokens their ids: the next free one, unless another pair has already spelled the same bytes.
///
/// A list of merges from elsewhere may spell `aaaa` as `aa`+`aa` and as `aaa`+`a`. A learned one does not: what becomes
/// of the bytes between two borders that stay depends on these bytes alone, so wherever they stand they are merged in the
/// same way.
#[derive(Debug, Clone)]
pub(super) struct Numbering {
    /// The bytes of each token.
    pub tokens: Vec<Vec<u8>>,
    ids: QuickMap<Vec<u8>, u32>,
}

impl Numbering {
    /// Begins with the single bytes, in this order.
    pub fn new(bytes: &[u8]) -> Numbering {
        let tokens: Vec<Vec<u8>> = bytes.iter().map(|&byte| vec![byte]).collect();
        let ids = tokens.iter().cloned().zip(0..).collect();
        Numbering { tokens, ids }
    }

    /// The merge of two tokens that are already numbered.
    pub fn merge(&mut self, (left, right): Pair) -> Merge {
        let bytes = [&self.tokens[left as usize][..], &self.tokens[right as usize][..]].concat();
        let next = self.tokens.len() as u32;
        let result = *self.ids.entry(bytes.clone()).or_insert(next);
        if result == next {
            self.tokens.push(bytes);
        }
        Merge { left, right, result }
    }
}

/// A way to learn merges until there are `n_tokens` tokens, single bytes included, or no pair is left. The arguments
/// are the words, the numbering, `n_tokens`, and a function that is told after each merge how many tokens there are.
/// There are two ways, [`learn_plain`] and [`learn`].
pub(super) type Learn = fn(Vec<Word>, &mut Numbering, usize, &mut dyn FnMut(usize)) -> Merges;

/// The plain way: find the most frequent pair, merge it everywhere, count everything again.
pub(super) fn learn_plain(
    mut words: Vec<Word>,
    numbering: &mut Numbering,
    n_tokens: usize,
    watch: &mut dyn FnMut(usize),
) -> Merges {
    let mut merges = Merges::default();
    while numbering.tokens.len() < n_tokens
        && let Some(pair) = most_frequent_pair(&words)
    {
        let merge = numbering.merge(pair);
        merges.push(merge);
        watch(numbering.tokens.len());
        for word in &mut words {
            word.tokens = replace_pair(&word.tokens, merge);
        }
    }
    merges
}

/// The pair that occurs most often in all words; among equals the smallest. `None` if every word is a single token.
fn most_frequent_pair(words: &[Word]) -> Option<Pair> {
    let mut counts: HashMap<Pair, u64> = HashMap::new();
    for word in words {
        for pair in pairs(&word.tokens) {
            *counts.entry(pair).or_default() += word.count;
        }
    }
    counts.into_iter().max_by_key(|&(pair, count)| (count, Reverse(pair))).map(|(pair, _)| pair)
}

/// All neighbours of a word.
fn pairs(tokens: &[u32]) -> impl Iterator<Item = Pair> {
    tokens.windows(2).map(|pair| (pair[0], pair[1]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Ids 0, 1, 2 are a, b, c; the other bytes follow, because every byte needs an id.
    fn alphabet() -> (Vec<u8>, [u32; 256]) {
        let bytes: Vec<u8> = (b'a'..=255).chain(0..b'a').collect();
        let mut ids = [0; 256];
        for (id, &byte) in (0..).zip(&bytes) {
            ids[usize::from(byte)] = id;
        }
        (bytes, ids)
    }

    fn learned(text: &str, n_tokens: usize, learn: Learn) -> (Merges, Numbering) {
        let (bytes, ids) = alphabet();
        let mut numbering = Numbering::new(&bytes);
        let mut seen = Vec::new();
        let words = count_words([text].into_iter(), &ids);
        let merges = learn(words, &mut numbering, n_tokens, &mut |n| seen.push(n));
        assert!(seen.is_sorted() && seen.last().is_none_or(|&n| n == numbering.tokens.len()), "{seen:?}");
        (merges, numbering)
    }

    #[test]
    fn the_most_frequent_pair_is_merged_first_and_the_older_tokens_win_a_tie() {
        // Words: "abab" once and " cab" twice. ab: 2 + 2 = 4; ba: 1; _c and ca: 2 each.
        // Merge 0 is a+b. Then [ab ab] and twice [_ c ab]: ab+ab 1, _+c 2, c+ab 2. c has id 2, the space a large id:
        // c+ab. Then _+cab (2), at last ab+ab (1).
        let (merges, numbering) = learned("abab cab cab", 1000, learn);
        let made: Vec<String> =
            numbering.tokens[256..].iter().map(|token| String::from_utf8(token.clone()).unwrap()).collect();
        assert_eq!(made, ["ab", "cab", " cab", "abab"]);
        assert_eq!(merges.list()[1], Merge { left: 2, right: 256, result: 257 });
    }

    #[test]
    fn a_token_spelled_twice_has_one_id() {
        let mut numbering = Numbering::new(b"a");
        let aa = numbering.merge((0, 0)).result;
        let aaa = numbering.merge((aa, 0)).result;
        assert_eq!(numbering.merge((aa, aa)).result, 3);
        assert_eq!(numbering.merge((aaa, 0)).result, 3);
        assert_eq!(numbering.tokens.len(), 4);
    }

    #[test]
    fn learning_stops_at_the_number_asked_for_or_when_the_text_runs_out() {
        assert_eq!(learned("abab cab cab", 258, learn).1.tokens.len(), 258);
        assert_eq!(learned("abab cab cab", 256, learn).1.tokens.len(), 256);
        assert_eq!(learned("a b c", 300, learn).1.tokens.len(), 258); // " b" and " c"
        assert_eq!(learned("", 300, learn).1.tokens.len(), 256);
    }

    /// The same merges, the same numbers and the same tokens by both ways; and no two merges spell the same token.
    fn check_same(text: &str, n_tokens: usize) {
        let (fast, fast_numbering) = learned(text, n_tokens, learn);
        let (plain, plain_numbering) = learned(text, n_tokens, learn_plain);
        assert_eq!(fast, plain, "{text:?}");
        assert_eq!(fast_numbering.tokens, plain_numbering.tokens, "{text:?}");
        assert_eq!(fast_numbering.tokens.len(), 256 + fast.list().len(), "{text:?}");
    }

    #[test]
    fn runs_of_every_length_are_merged_from_left_to_right() {
        for n in 0..200 {
            check_same(&"a".repeat(n), 1000);
            check_same(&"ab".repeat(n), 1000);
            check_same(&"aab".repeat(n), 1000);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 500, ..Default::default() })]

        #[test]
        fn visiting_the_places_learns_what_recounting_learns(
            text in prop_oneof![
                "[ab ]{0,150}",
                "[abc ]{0,150}",
                "[acgt]{0,400}",
                "(a{1,40}b{0,3} ?){0,12}", // runs, some of them in words that come back
                "((ab|aab|abb){1,20} ?){0,12}", // pairs that overlap
                "( (one|two|three|aaaa|aaaaaaaa)| ?[ab]{30,90}){0,20}", // words and long pieces
            ],
            more in 0usize..120,
        ) {
            check_same(&text, 256 + more);
        }

        #[test]
        fn visiting_the_places_learns_what_recounting_learns_on_any_text(text in any::<String>(), more in 0usize..60) {
            check_same(&text, 256 + more);
        }
    }
}
