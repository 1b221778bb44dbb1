//! Exercise: the most frequent pair of tokens. Chapter 2. Medium, 20 minutes.
//!
//! To learn a vocabulary, repeat one step: which two tokens stand side by side most often? They become the next merge.
//! Find them.
//!
//! A text is given as its distinct words and how often each occurs. A word is a list of token ids. A pair inside a word
//! that occurs 7 times has occurred 7 times. Two tokens of different words are never neighbours.
//!
//! ```text
//! count(left, right) = sum over all words of (places of the word where left is followed by right) * (how often it occurs)
//! ```
//!
//! Places may overlap here: `3 3 3` has the pair `(3, 3)` twice.
//!
//! If several pairs have the largest count, the one with the smallest left id wins; among these, the one with the
//! smallest right id. The same text always gives the same vocabulary.
//!
//! A worked example:
//!
//! ```text
//! the words            the pairs
//! 2 times  1 2 3       (1, 2)  2 times
//! 1 time   2 3         (2, 3)  2 + 1 = 3 times
//! 1 time   3 3 3       (3, 3)  2 times              so the answer is Some((2, 3))
//! ```
//!
//! | argument | type | |
//! | --- | --- | --- |
//! | `words` | `&[(Vec<u32>, usize)]` | words as token ids (any `u32`), and their counts; a word may have one token, or none |
//! | result | `Option<(u32, u32)>` | left id, right id; `None` if there is no pair at all |
//!
//! Of use: `HashMap`, `slice::windows(2)`, `std::cmp::Reverse`.

use super::not_started;
use std::cmp::Reverse;
use std::collections::HashMap;

/// The pair of neighbours that occurs most often; among equals, the one with the smallest ids.
pub fn most_frequent_pair(words: &[(Vec<u32>, usize)]) -> Option<(u32, u32)> {
    not_started()
}

// Solution: src/tokenizer/learn.rs, most_frequent_pair
