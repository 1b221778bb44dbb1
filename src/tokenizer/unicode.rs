//! Is this character a letter, a number, white space?
//!
//! The split rule asks nothing else about a character. Unicode gives each character a *general category*: the
//! categories whose names begin with L are letters of any script, those that begin with N are numbers of any kind
//! (digits, but also `½`, `Ⅷ` and `⑦`). White space is a property of its own.
//!
//! `char::is_alphabetic` and `char::is_numeric` of `std` are close but not the same: `is_alphabetic` also says yes to
//! vowel signs and other marks, and both follow the Unicode version of your compiler. A tokenizer must never change
//! with the compiler, because then the same text would reach the model as other ids. That is why the ranges are written
//! down in `unicode_tables.rs`, as the reference's own engine has them (see `unicode.py`). A production program would
//! use a crate with Unicode tables and pin its version, for the same reason.

use super::unicode_tables::{LETTERS, NUMBERS, WHITE_SPACE};
use super::word_table::WORD_BUT_NO_LETTER;

/// Is `c` a letter of any script: general category L?
pub(super) fn is_letter(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_alphabetic() } else { is_in(&LETTERS, c) }
}

/// Is `c` a number of any kind: general category N?
pub(super) fn is_number(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_digit() } else { is_in(&NUMBERS, c) }
}

/// Is `c` white space: spaces, tabs, and everything that ends a line?
pub(super) fn is_white_space(c: char) -> bool {
    is_in(&WHITE_SPACE, c)
}

/// Is `c` part of a word, as the programs see it that look for added tokens: a letter, a digit, a mark, a low line?
pub(super) fn is_word(c: char) -> bool {
    is_letter(c) || is_in(&WORD_BUT_NO_LETTER, c)
}

/// Binary search in ranges that are sorted and do not touch. Both ends of a range belong to it.
fn is_in(ranges: &[(u32, u32)], c: char) -> bool {
    let c = u32::from(c);
    // The last range that begins at or before c is the only one that can hold it.
    let after = ranges.partition_point(|&(first, _)| first <= c);
    after > 0 && c <= ranges[after - 1].1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted_and_apart() {
        for table in [&LETTERS[..], &NUMBERS[..], &WHITE_SPACE[..], &WORD_BUT_NO_LETTER[..]] {
            assert!(table.iter().all(|&(first, last)| first <= last));
            assert!(table.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0));
        }
    }

    #[test]
    fn no_character_is_in_two_classes() {
        for c in (0..=0x10FFFF).filter_map(char::from_u32) {
            let classes = [is_letter(c), is_number(c), is_white_space(c)];
            assert!(classes.iter().filter(|&&yes| yes).count() <= 1, "{c:?}");
        }
    }

    #[test]
    fn the_short_cut_for_ascii_agrees_with_the_tables() {
        for c in '\0'..='\u{7F}' {
            assert_eq!(is_letter(c), is_in(&LETTERS, c), "{c:?}");
            assert_eq!(is_number(c), is_in(&NUMBERS, c), "{c:?}");
        }
    }

    #[test]
    fn letters_numbers_and_spaces_are_those_of_unicode() {
        // Categories from the Unicode Character Database: Ll, Lu, Lo, Lm, Lt.
        assert!(['a', 'Ä', 'я', '語', 'ʰ', 'ǅ', 'א', '가'].into_iter().all(is_letter));
        // A combining accent (Mn), a Devanagari vowel sign (Mc), a circled letter (So), a Roman numeral (Nl).
        assert!(!['\u{301}', '\u{93E}', 'ⓐ', 'Ⅷ', '1', '_', ' '].into_iter().any(is_letter));
        // Nd, Nl, No.
        assert!(['7', '٣', '४', 'Ⅷ', '½', '⑦', '²', '〇'].into_iter().all(is_number));
        assert!(!['五', 'V', 'O'].into_iter().any(is_number));
        assert!([' ', '\t', '\n', '\r', '\u{85}', '\u{A0}', '\u{2003}', '\u{3000}'].into_iter().all(is_white_space));
        // Zero-width space, byte order mark and the ASCII separators are not White_Space.
        assert!(!['\u{200B}', '\u{FEFF}', '\u{1C}', '\u{1F}', '\u{180E}'].into_iter().any(is_white_space));
    }
}
