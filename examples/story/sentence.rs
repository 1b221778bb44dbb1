//! Where a sentence ends: a turn of the model goes on to there.

/// Whether a sentence ends between a text and the piece that follows it: the text ends with a full stop, a question mark or an
/// exclamation mark, perhaps with quotes or brackets after it, and the piece begins with white space.
///
/// The next piece decides, because a mark alone does not: `3.` may become `3.14`, and `ran.` may become `ran."`.
pub fn ends_between(text: &str, next: &str) -> bool {
    let closing = ['"', '\'', '\u{201d}', '\u{2019}', ')', ']', '_', '*'];
    let end = text.trim_end_matches(closing).chars().next_back();
    end.is_some_and(|c| ".!?\u{2026}".contains(c)) && next.starts_with(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_ends_with_a_mark_before_white_space() {
        for text in
            ["He ran.", "Oh!", "Who?", "and then...", "\u{2026}", "\"Run!\"", "(He ran.)", "\u{201c}Run.\u{201d}"]
        {
            assert!(ends_between(text, " The") && ends_between(text, "\n\n"), "{text}");
            assert!(!ends_between(text, "\"") && !ends_between(text, "5") && !ends_between(text, ""), "{text}");
        }
        for text in ["", "He ran", "He ran,", "\"Run\"", "\"", "said:", "He ran. ", "one; two"] {
            assert!(!ends_between(text, " The"), "{text:?}");
        }
    }
}
