//! The split rule: cutting text into pieces that tokens never cross.
//!
//! If merging were free to join anything, common words would be learned many times over: `dog.`, `dog!` and `dog?` as
//! three tokens. So GPT-2 first cuts the text, and merges only inside a piece. Its rule is one regular expression:
//!
//! ```text
//! '(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
//! ```
//!
//! At the place where the last piece ended, the first alternative that fits gives the next piece:
//!
//! 1. the end of an English contraction: `'s 'd 'm 't 'll 've 're` (small letters only);
//! 2. letters, with one space in front if there is one;
//! 3. numbers, with one space in front if there is one;
//! 4. anything that is neither white space nor letter nor number, with one space in front if there is one;
//! 5. white space, but if more text follows, all except the last character of it;
//! 6. white space.
//!
//! Alternatives 5 and 6 make words look alike wherever they stand: in "a   b" the last of the three spaces stays with
//! the `b`, and the piece is ` b` as after a single space.
//!
//! Here the rule is written by hand: a regular expression engine would be longer than the rest of the tokenizer. A
//! production program would use one. Source of the rule: OpenAI's published GPT-2 code; see Radford et al. 2019,
//! section 2.2.

use super::unicode::{is_letter, is_number, is_white_space};

/// Cuts `text` into pieces by GPT-2's rule. Put together again, the pieces are the text.
///
/// # Example: cut a sentence
///
/// ```
/// use gpt60::tokenizer::split;
///
/// assert_eq!(split("It's 5   o'clock!"), ["It", "'s", " 5", "  ", " o", "'", "clock", "!"]);
/// ```
pub fn split(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(first_piece_len(rest));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

/// How many bytes the first piece of `text` has. It is at least one character, unless the text is empty.
pub(super) fn first_piece_len(text: &str) -> usize {
    // 1. The end of a contraction.
    for end in ["'s", "'d", "'m", "'t", "'ll", "'ve", "'re"] {
        if text.starts_with(end) {
            return end.len();
        }
    }
    // 2. to 4. An optional space, then a run of one class, and which class the first character decides.
    let space = if text.starts_with(' ') { 1 } else { 0 };
    let word = &text[space..];
    match word.chars().next() {
        Some(c) if is_letter(c) => return space + run_len(word, is_letter),
        Some(c) if is_number(c) => return space + run_len(word, is_number),
        Some(c) if is_other(c) => return space + run_len(word, is_other),
        _ => {} // a second space, or the end: the space itself starts a run of white space
    }
    // 5. and 6. White space: all of it at the end of the text, and otherwise all but the last character. A single one
    // is taken even if text follows, for a piece cannot be empty.
    let run = run_len(text, is_white_space);
    let last = text[..run].chars().next_back().map_or(0, char::len_utf8);
    if run == text.len() || run == last { run } else { run - last }
}

/// Neither white space nor letter nor number: punctuation, marks, emoji, control characters.
fn is_other(c: char) -> bool {
    !is_white_space(c) && !is_letter(c) && !is_number(c)
}

/// How many bytes of `text`, from its start, are characters of the class.
fn run_len(text: &str, class: fn(char) -> bool) -> usize {
    text.find(|c| !class(c)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_keep_the_space_in_front_of_them() {
        assert_eq!(split("Alan Turing theorized"), ["Alan", " Turing", " theorized"]);
        assert_eq!(split(" a"), [" a"]);
        assert_eq!(split("\ta\nb"), ["\t", "a", "\n", "b"]); // only a space, no other white space
    }

    #[test]
    fn letters_numbers_and_the_rest_are_never_together() {
        assert_eq!(split("abc123, x=4½"), ["abc", "123", ",", " x", "=", "4½"]);
        assert_eq!(split("naïve e\u{301} 第五Ⅷ"), ["naïve", " e", "\u{301}", " 第五", "Ⅷ"]);
    }

    #[test]
    fn contractions_are_cut_only_in_small_letters_and_only_where_a_piece_begins() {
        assert_eq!(split("we'll I'VE"), ["we", "'ll", " I", "'", "VE"]);
        assert_eq!(split("'re 're"), ["'re", " '", "re"]);
        assert_eq!(split("'stop"), ["'s", "top"]); // the rule knows no words
        assert_eq!(split("!'s"), ["!'", "s"]); // the run of signs had already begun
    }

    #[test]
    fn white_space_leaves_its_last_character_to_what_follows() {
        assert_eq!(split("a   b"), ["a", "  ", " b"]);
        assert_eq!(split("a \n b"), ["a", " \n", " b"]);
        assert_eq!(split("a \nb"), ["a", " ", "\n", "b"]);
        assert_eq!(split("a  "), ["a", "  "]);
        assert_eq!(split("  \u{3000}b"), ["  ", "\u{3000}", "b"]);
        assert_eq!(split(" "), [" "]);
        assert_eq!(split(""), [""; 0]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn the_pieces_put_together_are_the_text(text in any::<String>(), spaces in "[ \n'a1!sv\u{A0}]{0,20}") {
            for text in [text, spaces] {
                let pieces = split(&text);
                prop_assert!(pieces.iter().all(|piece| !piece.is_empty()));
                prop_assert_eq!(pieces.concat(), text.as_str());
            }
        }
    }
}
