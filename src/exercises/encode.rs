//! Exercise: encode a word. Chapter 2. Medium, 20 minutes.
//!
//! A word begins as its single bytes, and ends as few tokens. On the way, the merges of the vocabulary are made, in the
//! order in which they were learned: the position of a merge in the list is its *rank*, and the lowest rank goes first.
//!
//! ```text
//! repeat: of all pairs of neighbours that are in the list, take the one with the lowest rank
//!         merge it everywhere in the word
//! until no two neighbours are in the list
//! ```
//!
//! A worked example. Say that 1, 2, 3 and 4 are the tokens `i`, `n`, `g` and `r`. The word is `4 1 2 3 4 1`, which is `ringri`.
//!
//! ```text
//! rank   left right  merged      the word afterwards
//! 0       1    2       10        4 10 3 4 1             r in g r i
//! 1      10    3       11        4 11 4 1               r ing r i
//! 2       4    1       12        4 11 12                r ing ri
//! ```
//!
//! Note that `4 1` at the beginning was not merged, though it is in the list and is furthest left: `1 2` has a lower rank,
//! and it took the 1.
//!
//! | argument | type | |
//! | --- | --- | --- |
//! | `tokens` | `Vec<u32>` | the ids of the word's bytes; there may be none |
//! | `merges` | `&[(u32, u32, u32)]` | left, right and merged, by rank; no pair twice; only later merges use what a merge makes |
//! | result | `Vec<u32>` | the ids of the word's tokens |
//!
//! Of use: `parts::merge_pair`, which is your own once you have begun it.

use super::{not_started, parts};

/// The tokens of a word, given as the ids of its bytes.
pub fn encode(tokens: Vec<u32>, merges: &[(u32, u32, u32)]) -> Vec<u32> {
    not_started()
}

// Solution: src/tokenizer/bpe.rs, merge_plain
