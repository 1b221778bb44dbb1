//! Exercise: a visible symbol for every byte. Chapter 2. Easy, 15 minutes.
//!
//! GPT-2's vocabulary is kept in text files, where a space or a line feed would do harm. That is why every byte has a
//! printable character that stands for it:
//!
//! * The 188 bytes that Latin-1 shows as a visible character stand for themselves. They are 33 to 126 (`!` to `~`), 161 to 172
//!   (`¡` to `¬`) and 174 to 255 (`®` to `ÿ`).
//! * The other 68 are hidden: 0 to 32, 127 to 160, and 173, which is the soft hyphen. In this order, they take the
//!   characters from U+0100 on, without gaps.
//!
//! ```text
//! symbol(byte) = the character U+0000 + byte                                      if it is visible
//!                the character U+0100 + (how many hidden bytes are below it)      if it is hidden
//! ```
//!
//! A worked example:
//!
//! | byte | what it is | hidden bytes below it | symbol |
//! | --- | --- | --- | --- |
//! | 97 | `a` | | `a` |
//! | 0 | | 0 | U+0100, `Ā` |
//! | 32 | the space | 32 (0 to 31) | U+0120, `Ġ` |
//! | 127 | delete | 33 (0 to 32) | U+0121, `ġ` |
//! | 233 | `é` in Latin-1 | | `é` |
//!
//! | argument | type | |
//! | --- | --- | --- |
//! | `byte` | `u8` | any of the 256 |
//! | result | `char` | a different one for each byte |
//!
//! Of use: `char::from(byte)`, `char::from_u32`, and `match` with ranges such as `0..=32`.

use super::not_started;

/// The printable symbol of a byte.
pub fn byte_to_symbol(byte: u8) -> char {
    not_started()
}

// Solution: src/tokenizer/bytes.rs, byte_to_symbol
