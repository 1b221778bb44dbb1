//! Exercise: merge a pair of tokens. Chapter 2. Easy, 15 minutes.
//!
//! A merge says: where these two tokens stand side by side, put this one token in their place. Do it everywhere in a list
//! of tokens.
//!
//! ```text
//! ... left right ...   becomes   ... merged ...
//! ```
//!
//! Go from left to right. A token that has gone into one merge cannot go into another: `1 1 1`, with `left` and `right`
//! both 1, becomes `merged 1`, not `merged merged` or `1 merged`. Only the tokens that were in the list at the
//! beginning are merged; you need not look at the result again.
//!
//! A worked example, with `left` 1, `right` 2 and `merged` 9:
//!
//! ```text
//! 1 2 3 2 1 1 2   becomes   9 3 2 1 9
//! ```
//!
//! | argument | type | |
//! | --- | --- | --- |
//! | `tokens` | `&[u32]` | token ids; there may be none |
//! | `left`, `right` | `u32` | the pair |
//! | `merged` | `u32` | what takes its place |
//! | result | `Vec<u32>` | as long as `tokens`, or shorter by 1 for each merge |
//!
//! Of use: `slice::get`, which gives `None` past the end.

use super::not_started;

/// The tokens with `merged` wherever `left` and `right` stood side by side.
pub fn merge_pair(tokens: &[u32], left: u32, right: u32, merged: u32) -> Vec<u32> {
    not_started()
}

// Solution: src/tokenizer/bpe.rs, replace_pair
