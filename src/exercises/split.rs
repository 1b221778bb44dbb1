//! Exercise: the split rule. Chapter 2. Hard, 45 minutes.
//!
//! Before anything is merged, GPT-2 cuts a text into pieces that tokens never cross. Its rule is a regular expression:
//!
//! ```text
//! '(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
//! ```
//!
//! Write it by hand. At the place where the last piece ended, the first of these that fits is the next piece:
//!
//! 1. One of `'s 'd 'm 't 'll 've 're`, in small letters.
//! 2. One or more letters, with an optional space in front.
//! 3. One or more numbers, with an optional space in front.
//! 4. One or more signs, with an optional space in front. A sign is anything that is neither letter nor number nor
//!    white space: `!`, `'`, `+`, `🦀`.
//! 5. White space. If it reaches to the end of the text: all of it. If something follows: all but its last character,
//!    except that a single one is a piece by itself.
//!
//! A *space* is only the character `' '`. *White space* is also tabs, line feeds and the like.
//!
//! A worked example, in which `·` is a space: `It's··5·o'clock!` is cut into
//!
//! ```text
//! It   's   ·   ·5   ·o   '   clock   !
//! 2    1    5   3    2    4   2       4        the number of the rule
//! ```
//!
//! There are two spaces before the 5. Rule 5 takes the first and leaves the last to what follows, where rule 3 takes it
//! along.
//!
//! | argument | type | |
//! | --- | --- | --- |
//! | `text` | `&str` | any text; it may be empty |
//! | result | `Vec<&str>` | none of them empty; joined together, they are the text |
//!
//! Of use: `char::is_alphabetic`, `char::is_numeric`, `char::is_whitespace`. They are not quite the classes that GPT-2
//! means (the chapter says why), but they are good enough for the texts of the check. Also `str::starts_with`,
//! `str::split_at`, `str::find` with a closure, `char::len_utf8`.

use super::not_started;

/// Cuts `text` into pieces by GPT-2's rule.
pub fn split(text: &str) -> Vec<&str> {
    not_started()
}

// Solution: src/tokenizer/split.rs, split
