//! Stop texts: a text can also end because of what it says.
//!
//! An end token is chosen by the model. A *stop text* is chosen by you: `"\n\n"` for one paragraph, `"Q:"` where the model
//! should answer one question and not invent the next. The text ends where a stop text begins; the stop text itself is
//! left out.
//!
//! Text arrives in pieces, and a stop text may begin in one piece and end in a later one. So what could be its beginning
//! is held back until it is clear. With the stop text `The end`, the pieces come out like this:
//!
//! ```text
//! in     " He"    " ran. The"   " f"         "ox. The"   " end."
//! out    " He"    " ran. "      "The f"      "ox. "      (found)
//! ```

/// Text goes in as it is written, and comes out up to where the first stop text begins.
///
/// # Example: one that spans two pieces
///
/// ```
/// use gpt60::generate::StopTexts;
///
/// let mut stops = StopTexts::new(["The end", "\n\n"]);
/// assert_eq!(stops.push("He ran. The"), "He ran. "); // this may be the beginning of "The end"
/// assert_eq!(stops.push(" fox ran. Th"), "The fox ran. "); // it was not; but this may
/// assert_eq!(stops.push("e end. Once"), "");
/// assert!(stops.is_found());
/// assert_eq!(stops.finish(), "");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StopTexts {
    texts: Vec<String>,
    /// The beginning of one of them, perhaps.
    held: String,
    is_found: bool,
}

impl StopTexts {
    /// Stops at the first of these texts. Without any, nothing stops; an empty one, which is found everywhere, is left out.
    #[must_use]
    pub fn new<S: Into<String>>(texts: impl IntoIterator<Item = S>) -> StopTexts {
        let texts = texts.into_iter().map(S::into).filter(|text| !text.is_empty()).collect();
        StopTexts { texts, held: String::new(), is_found: false }
    }

    /// The stop texts.
    pub fn texts(&self) -> &[String] {
        &self.texts
    }

    /// Whether a stop text has come. What is pushed after it is left out.
    pub fn is_found(&self) -> bool {
        self.is_found
    }

    /// Takes the next piece and returns what is now known to stand before any stop text.
    pub fn push(&mut self, piece: &str) -> String {
        if self.is_found {
            return String::new();
        }
        self.held += piece;
        for (at, _) in self.held.char_indices() {
            let rest = &self.held[at..];
            self.is_found = self.texts.iter().any(|text| rest.starts_with(text));
            if self.is_found || self.texts.iter().any(|text| text.starts_with(rest)) {
                let before = self.held[..at].to_string();
                self.held = if self.is_found { String::new() } else { rest.to_string() };
                return before;
            }
        }
        std::mem::take(&mut self.held)
    }

    /// The end of the text: what was held back, because it never became a stop text.
    ///
    /// (It may have another, shorter one inside. That one counts now.)
    pub fn finish(&mut self) -> String {
        let mut rest = std::mem::take(&mut self.held);
        if let Some(at) = self.texts.iter().filter_map(|text| rest.find(text)).min() {
            self.is_found = true;
            rest.truncate(at);
        }
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What comes out if these pieces go in, and whether a stop text came.
    fn before(texts: &[&str], pieces: &[&str]) -> (String, bool) {
        let mut stops = StopTexts::new(texts.iter().copied());
        let mut out: String = pieces.iter().map(|piece| stops.push(piece)).collect();
        out += &stops.finish();
        (out, stops.is_found())
    }

    #[test]
    fn a_stop_text_is_found_across_pieces_and_left_out() {
        assert_eq!(before(&["end"], &["the e", "n", "d of it"]), ("the ".to_string(), true));
        assert_eq!(before(&["end"], &["the e", "n", "t"]), ("the ent".to_string(), false));
        assert_eq!(before(&["aab"], &["a", "a", "a", "b"]), ("a".to_string(), true)); // it begins again inside itself
        assert_eq!(before(&["é🦀"], &["a🦀é", "🦀"]), ("a🦀".to_string(), true));
        assert_eq!(before(&[], &["a", "b"]), ("ab".to_string(), false));
        assert_eq!(before(&[""], &["a", "b"]), ("ab".to_string(), false));
    }

    #[test]
    fn of_several_the_one_that_begins_first_counts() {
        assert_eq!(before(&["bcd", "abcde"], &["abc", "d", "e"]), (String::new(), true));
        assert_eq!(before(&["bcd", "abcde"], &["abc", "d", "f"]), ("a".to_string(), true));
        assert_eq!(before(&["bcd", "abcde"], &["abc", "d"]), ("a".to_string(), true)); // known only at the end
        assert_eq!(before(&["bcd", "abcde"], &["abc"]), ("abc".to_string(), false));
    }

    #[test]
    fn only_what_could_become_a_stop_text_is_held_back() {
        let mut stops = StopTexts::new(["The end"]);
        let pieces = [" He", " ran. The", " f", "ox. The", " end."];
        let out: Vec<String> = pieces.iter().map(|piece| stops.push(piece)).collect();
        assert_eq!(out, [" He", " ran. ", "The f", "ox. ", ""]);
        assert!(stops.is_found() && stops.push("more").is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..Default::default() })]

        #[test]
        fn however_a_text_is_cut_it_comes_out_up_to_the_first_stop_text(
            pieces in prop::collection::vec("[abé]{0,4}", 0..12), texts in prop::collection::vec("[abé]{1,4}", 0..4),
        ) {
            let text = pieces.concat();
            let first = texts.iter().filter_map(|stop| text.find(stop)).min();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let (out, is_found) = before(&texts, &pieces.iter().map(String::as_str).collect::<Vec<_>>());
            prop_assert_eq!(out.as_str(), &text[..first.unwrap_or(text.len())]);
            prop_assert_eq!(is_found, first.is_some());
        }
    }
}
