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
//! | `merges` | `&[(u32, u32, u32)]` | left, right and merged, by rank; only later merges use what a merge makes |
//! | result | `Vec<u32>` | the ids of the word's tokens |
//!
//! Of use: `parts::merge_pair`, which is your own once you have begun it.

use super::{not_started, parts};

/// The tokens of a word, given as the ids of its bytes.
pub fn encode(tokens: Vec<u32>, merges: &[(u32, u32, u32)]) -> Vec<u32> {
    not_started()
}

// Hint 1. Look at the worked example again: in which order do the ranks come? Can a merge with a lower rank become possible
//         after one with a higher rank has been made?
//
// Hint 2. It cannot, because only later merges use what a merge makes. So you need not search for the lowest rank:
//         try every merge once, in the order of the list. One that is not there changes nothing.
//
// Hint 3. Make `tokens` mutable. For each `&(left, right, merged)` of `merges`:
//         `tokens = parts::merge_pair(&tokens, left, right, merged);`. (With 50,000 merges this is slow. The library looks
//         at the neighbours that are there, and asks a table for their ranks.)

// Solution: src/tokenizer/bpe.rs, merge_plain
