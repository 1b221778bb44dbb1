//! The split rule: cutting text into pieces that tokens never cross.
//!
//! If merging could join anything, common words would be learned many times over: `dog.`, `dog!` and `dog?` as three
//! tokens. GPT-2 therefore cuts the text first, and merges only inside a piece. Its rule is one regular expression:
//!
//! ```text
//! '(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
//! ```
//!
//! At the place where the last piece ended, the first alternative that fits gives the next piece:
//!
//! 1. the end of an English contraction: `'s 'd 'm 't 'll 've 're` (small letters only);
//! 2. letters, with an optional space in front;
//! 3. numbers, with an optional space in front;
//! 4. anything that is neither white space nor letter nor number, with an optional space in front;
//! 5. white space, but if more text follows, all except the last character of it;
//! 6. white space.
//!
//! Alternatives 5 and 6 make words look alike wherever they are: in "a   b" the last of the three spaces stays with the
//! `b`, and the piece is ` b`, as after a single space.
//!
//! Here the rule is written by hand: a regular expression engine would be longer than the rest of the tokenizer. A
//! production program would use one. It is written twice, for any text, and for ASCII alone, which is faster; a test
//! checks that the two agree. Source of the rule: OpenAI's published GPT-2 code; see Radford et al. 2019, section 2.2.

use super::unicode::{is_letter, is_number, is_white_space};

/// The endings of English contractions, without the apostrophe.
const CONTRACTIONS: [&str; 7] = ["'s", "'d", "'m", "'t", "'ll", "'ve", "'re"];

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
    pieces(text).collect()
}

/// The pieces of `text` one after another, without a list of them.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (piece, after) = rest.split_at(first_piece_len(rest));
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

/// How many bytes the first piece of `text` has. A piece has at least one character, unless the text is empty.
pub(super) fn first_piece_len(text: &str) -> usize {
    match ascii_piece_len(text.as_bytes()) {
        Some(len) => len,
        None => any_piece_len(text),
    }
}

/// The rule as it is written above, for any text. This is the one to read.
fn any_piece_len(text: &str) -> usize {
    // 1. The end of a contraction.
    for end in CONTRACTIONS {
        if text.starts_with(end) {
            return end.len();
        }
    }
    // 2. to 4. An optional space, then a run of one class, which the first character decides.
    let space = if text.starts_with(' ') { 1 } else { 0 };
    let word = &text[space..];
    match word.chars().next() {
        Some(c) if is_letter(c) => return space + run_len(word, is_letter),
        Some(c) if is_number(c) => return space + run_len(word, is_number),
        Some(c) if is_other(c) => return space + run_len(word, is_other),
        _ => {} // a second space, or the end: the space itself starts a run of white space
    }
    // 5. and 6. White space: all of it at the end of the text, otherwise all but the last character. A single one is
    //    taken even if text follows, because a piece cannot be empty.
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

// ---------------------------------------------------------------------------------------------------------------------
// The same rule once more, for ASCII. English is nearly all ASCII, where a byte is a character, and looking up its
// class in a table costs much less than decoding a character and searching the ranges of Unicode.
// ---------------------------------------------------------------------------------------------------------------------

/// What the rule asks about a byte.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Class {
    Letter,
    Number,
    WhiteSpace,
    Other,
    /// Part of a longer character: the table cannot say.
    NotAscii,
}

/// The class of each byte.
const CLASSES: [Class; 256] = {
    let mut classes = [Class::NotAscii; 256];
    let mut byte = 0;
    while byte < 128 {
        classes[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' => Class::Letter,
            b'0'..=b'9' => Class::Number,
            b' ' | b'\t'..=b'\r' => Class::WhiteSpace,
            _ => Class::Other,
        };
        byte += 1;
    }
    classes
};

/// The length that `any_piece_len` gives, or `None` if it depends on a byte that is not ASCII.
fn ascii_piece_len(text: &[u8]) -> Option<usize> {
    if text.first() == Some(&b'\'')
        && let Some(end) = CONTRACTIONS.iter().find(|end| text.starts_with(end.as_bytes()))
    {
        return Some(end.len());
    }
    let space = if text.first() == Some(&b' ') { 1 } else { 0 };
    match class_at(text, space) {
        Some(Class::Letter) => return run_end(text, space + n_letters(&text[space..]), Class::Letter),
        Some(Class::Number) => return run_end(text, space, Class::Number),
        Some(Class::Other) => return run_end(text, space, Class::Other),
        Some(Class::NotAscii) => return None,
        Some(Class::WhiteSpace) | None => {}
    }
    let run = run_end(text, 0, Class::WhiteSpace)?;
    Some(if run == text.len() || run == 1 { run } else { run - 1 })
}

/// The class of byte number `i`, or `None` after the end.
fn class_at(text: &[u8], i: usize) -> Option<Class> {
    text.get(i).map(|&byte| CLASSES[usize::from(byte)])
}

/// Where a run that continues at `start` ends, or `None` if that depends on a byte that is not ASCII.
fn run_end(text: &[u8], start: usize, run: Class) -> Option<usize> {
    let mut end = start;
    while class_at(text, end) == Some(run) {
        end += 1;
    }
    if class_at(text, end) == Some(Class::NotAscii) { None } else { Some(end) }
}

/// How many ASCII letters `text` begins with, eight bytes at a time; it ignores the last seven bytes of a text.
///
/// Words have all lengths, so a loop over their letters ends where the processor did not expect it, and a wrong guess
/// costs as much as many letters. Eight bytes in one number can be tested with a few additions. For a byte `b` below
/// 128, `b + 31` reaches 128, which is the highest bit, from `a` (97) on, and `b + 5` from the sign after `z` (123) on.
/// A small letter therefore has that bit in the first sum and not in the second; and no sum reaches into the next byte.
fn n_letters(text: &[u8]) -> usize {
    /// A byte, eight times.
    const fn eight(byte: u8) -> u64 {
        u64::from_le_bytes([byte; 8])
    }
    let mut n = 0;
    while let Some(bytes) = text[n..].first_chunk() {
        let bytes = u64::from_le_bytes(*bytes);
        let small = (bytes | eight(0x20)) & eight(0x7F); // among bytes below 128, only capitals become small letters
        let from_a = small + eight(128 - b'a');
        let after_z = small + eight(127 - b'z');
        let yes = from_a & !after_z & !bytes & eight(0x80); // !bytes: and it is below 128
        let letters = (!yes & eight(0x80)).trailing_zeros() as usize / 8; // the first byte is the lowest
        n += letters;
        if letters < 8 {
            break;
        }
    }
    n
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

    #[test]
    fn the_table_has_the_classes_of_unicode() {
        for (byte, class) in (0..=255u8).zip(CLASSES) {
            let c = char::from(byte);
            let expected = match () {
                () if !c.is_ascii() => Class::NotAscii,
                () if is_letter(c) => Class::Letter,
                () if is_number(c) => Class::Number,
                () if is_white_space(c) => Class::WhiteSpace,
                () => Class::Other,
            };
            assert_eq!(class, expected, "{c:?}");
        }
    }

    #[test]
    fn eight_bytes_at_once_know_a_letter_from_every_other_byte() {
        for byte in 0..=255u8 {
            for i in 0..8 {
                let mut text = [b'z'; 16];
                text[i] = byte;
                let expected = if byte.is_ascii_alphabetic() { 16 } else { i };
                assert_eq!(n_letters(&text), expected, "{byte} at {i}");
            }
        }
        assert_eq!(n_letters(b"letters"), 0); // only seven bytes: left to the loop
    }

    /// The pieces by the rule for any text.
    fn split_plain(text: &str) -> Vec<&str> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(any_piece_len(rest));
            pieces.push(piece);
            rest = after;
        }
        pieces
    }

    #[test]
    fn any_three_ascii_characters_are_split_as_any_text_is() {
        for n in 0..128 * 128 * 128u32 {
            let bytes = [(n >> 14) as u8, (n >> 7) as u8 & 127, n as u8 & 127];
            let text = std::str::from_utf8(&bytes).unwrap();
            assert!(pieces(text).eq(split_plain(text)), "{text:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..Default::default() })]

        #[test]
        fn ascii_is_split_as_any_text_is(
            text in prop_oneof![
                any::<String>(),
                "[ -~\n\t]{0,60}",
                "[\0-\x7Fé]{0,60}",
                "[a-zA-Z@\\[`{ é]{0,60}",
                "([a-zA-Z]{1,20}[ ']|[0-9]{1,3}| {1,4}|\n|'(s|d|m|t|ll|ve|re)|[.,;!]{1,3}|[é’“”\u{A0}\u{3000}½語]){0,20}",
            ],
        ) {
            prop_assert_eq!(split(&text), split_plain(&text));
        }
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
