//! Printing tokens as they are made, without breaking characters.
//!
//! A token is a sequence of bytes, and a character may need several: `é` two, `語` three, an emoji four. A token may end
//! in the middle of one. Printed at once, its half of a character would show as a replacement mark, although the other
//! half is about to arrive. The stream holds such bytes back until the character is complete.

/// Bytes go in as they come, text comes out as soon as its characters are complete.
///
/// # Example: a character in two parts
///
/// ```
/// use gpt60::tokenizer::Utf8Stream;
///
/// let mut stream = Utf8Stream::new();
/// assert_eq!(stream.push(b"caf\xC3"), "caf"); // the first half of é waits
/// assert_eq!(stream.push(b"\xA9!"), "é!");
/// assert_eq!(stream.finish(), "");
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Utf8Stream {
    /// The beginning of a character, at most three bytes.
    waiting: Vec<u8>,
}

impl Utf8Stream {
    /// A stream that has seen nothing yet.
    #[must_use]
    pub fn new() -> Utf8Stream {
        Utf8Stream::default()
    }

    /// Takes the next bytes and returns the text that is now complete. Bytes that cannot belong to any character come out
    /// as U+FFFD.
    pub fn push(&mut self, bytes: &[u8]) -> String {
        self.waiting.extend_from_slice(bytes);
        let mut text = String::new();
        let mut rest = &self.waiting[..];
        loop {
            match std::str::from_utf8(rest) {
                Ok(good) => {
                    text.push_str(good);
                    rest = &[];
                    break;
                }
                Err(error) => {
                    let (good, bad) = rest.split_at(error.valid_up_to());
                    text.push_str(&String::from_utf8_lossy(good)); // it is valid, so nothing is lost
                    rest = bad;
                    match error.error_len() {
                        Some(n) => rest = &bad[n..], // not a character, no matter what follows
                        None => break,               // the beginning of one
                    }
                    text.push('\u{FFFD}');
                }
            }
        }
        self.waiting = rest.to_vec();
        text
    }

    /// The end: an incomplete last character comes out as U+FFFD.
    pub fn finish(self) -> String {
        String::from_utf8_lossy(&self.waiting).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_character_in_four_parts_comes_out_whole_and_once() {
        let mut stream = Utf8Stream::new();
        let parts: Vec<String> = "🦀".bytes().map(|byte| stream.push(&[byte])).collect();
        assert_eq!(parts, ["", "", "", "🦀"]);
        assert_eq!(stream.finish(), "");
    }

    #[test]
    fn what_cannot_become_a_character_is_not_held_back() {
        let mut stream = Utf8Stream::new();
        assert_eq!(stream.push(b"\xE2\x82"), ""); // could become U+20AC, the euro sign
        assert_eq!(stream.push(b"a\xFF"), "\u{FFFD}a\u{FFFD}");
        assert_eq!(stream.push(b"\xF0\x9F"), "");
        assert_eq!(stream.finish(), "\u{FFFD}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn however_the_bytes_are_cut_the_text_is_the_same(
            parts in prop::collection::vec(prop_oneof![
                prop::collection::vec(any::<u8>(), 0..4),
                "[aé語🦀]{1,2}".prop_map(String::into_bytes),
                prop::sample::select(vec![vec![0xF0], vec![0x9F], vec![0xA6, 0x80], vec![0xE2, 0x82], vec![0xAC]]),
            ], 0..20),
        ) {
            let mut stream = Utf8Stream::new();
            let mut text: String = parts.iter().map(|part| stream.push(part)).collect();
            text.push_str(&stream.finish());
            prop_assert_eq!(text, String::from_utf8_lossy(&parts.concat()).into_owned());
        }
    }
}
