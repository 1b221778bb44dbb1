//! A text as words and sentences, by rules that a reader can check by hand.
//!
//! A word is a run of letters and digits; an apostrophe or a hyphen between two of them belongs to it (`don't`, `to-morrow`).
//! A sentence ends at `.`, `!`, `?` or `…`, if the next word does not begin with a small letter (`"Oh!" said the fox` goes on),
//! or where its paragraph ends. A paragraph ends at an empty line. The full stop of `Mr.` and of an initial ends nothing.

use std::ops::Range;

/// A word and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word<'a> {
    pub text: &'a str,
    /// The number of its sentence, from 0.
    pub sentence: usize,
    /// It is the first of its sentence or of a quotation, where every word has a capital letter.
    pub is_first: bool,
}

/// Short forms whose full stop ends no sentence.
const SHORT_FORMS: [&str; 6] = ["Mr", "Mrs", "Ms", "Dr", "St", "Messrs"];

/// The marks that quotations open with, and brackets.
const OPENING: [char; 7] = ['"', '\'', '“', '‘', '(', '[', '_'];

pub fn words(text: &str) -> Vec<Word<'_>> {
    let mut words: Vec<Word> = Vec::new();
    let (mut end, mut sentence) = (0, 0);
    for place in places(text) {
        let (word, between) = (&text[place.clone()], &text[end..place.start]);
        let opens = between.ends_with(OPENING);
        let is_new = words.last().is_some_and(|last: &Word| ends_sentence(last.text, between, word));
        sentence += usize::from(is_new);
        words.push(Word { text: word, sentence, is_first: words.is_empty() || is_new || opens });
        end = place.end;
    }
    words
}

/// Whether a sentence ends after the word `last`, with `between` before the word `next`.
fn ends_sentence(last: &str, between: &str, next: &str) -> bool {
    if has_empty_line(between) {
        return true;
    }
    let is_short = SHORT_FORMS.contains(&last) || (last.chars().count() == 1 && last != "I" && is_capital(last));
    let has_mark =
        between.contains(['!', '?', '…']) || (between.contains('.') && !(is_short && between.starts_with('.')));
    has_mark && !next.starts_with(char::is_lowercase)
}

/// Whether there is a line with nothing on it: a paragraph ends here.
pub fn has_empty_line(between: &str) -> bool {
    let mut lines = between.split('\n').skip(1).peekable();
    while let Some(line) = lines.next() {
        if line.trim().is_empty() && lines.peek().is_some() {
            return true;
        }
    }
    false
}

/// Where the words are.
fn places(text: &str) -> Vec<Range<usize>> {
    let mut places: Vec<Range<usize>> = Vec::new();
    for (i, c) in text.char_indices().filter(|(_, c)| c.is_alphanumeric()) {
        let after = i + c.len_utf8();
        match places.last_mut() {
            Some(last) if last.end == i || is_joint(&text[last.end..i]) => last.end = after,
            _ => places.push(i..after),
        }
    }
    places
}

/// What stands between two letters of one word.
fn is_joint(between: &str) -> bool {
    ["'", "’", "-"].contains(&between)
}

pub fn is_capital(word: &str) -> bool {
    word.starts_with(char::is_uppercase)
}

/// The word without the ending that says whose something is: `Mary's` is Mary.
pub fn without_s(word: &str) -> &str {
    word.strip_suffix("'s").or_else(|| word.strip_suffix("’s")).unwrap_or(word)
}

/// The most words in a row before a sentence ends.
pub fn longest_sentence(text: &str) -> usize {
    let words = words(text);
    words.chunk_by(|a, b| a.sentence == b.sentence).map(<[Word]>::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of each sentence, `|` between the sentences, `*` before a first word.
    fn drawn(text: &str) -> String {
        let sentences: Vec<String> = words(text)
            .chunk_by(|a, b| a.sentence == b.sentence)
            .map(|words| {
                let marked = words.iter().map(|word| if word.is_first { "*" } else { "" }.to_string() + word.text);
                marked.collect::<Vec<_>>().join(" ")
            })
            .collect();
        sentences.join(" | ")
    }

    #[test]
    fn apostrophes_and_hyphens_join_letters_and_dashes_part_words() {
        assert_eq!(drawn("I don't know Mary's fox-hole--no!"), "*I don't know Mary's fox-hole no");
        assert_eq!(drawn("the boys' hats, ’twas"), "*the boys hats twas");
        assert_eq!(drawn(" \n. "), "");
        assert_eq!((without_s("Mary's"), without_s("Mary’s"), without_s("James")), ("Mary", "Mary", "James"));
    }

    #[test]
    fn a_sentence_goes_on_where_a_small_letter_follows_its_mark() {
        assert_eq!(drawn("\"Go!\" said the fox. He went."), "*Go said the fox | *He went");
        assert_eq!(drawn("He ran ... and ran. “Why?” Tom asked"), "*He ran and ran | *Why | *Tom asked");
        assert_eq!(drawn("She said, \"Come in.\" \"Yes.\""), "*She said *Come in | *Yes");
    }

    #[test]
    fn short_forms_end_nothing_and_paragraphs_end_everything() {
        assert_eq!(drawn("Old Mr. Fox met J. Hare. It was I. We ran."), "*Old Mr Fox met J Hare | *It was I | *We ran");
        assert_eq!(drawn("THE FOX\n\nand the hen\nran\n \naway"), "*THE FOX | *and the hen ran | *away");
        assert_eq!(drawn("Mr. Fox! Mr? Oh"), "*Mr Fox | *Mr | *Oh");
    }

    #[test]
    fn the_longest_sentence_is_counted_in_words() {
        assert_eq!(longest_sentence("One two. One two three! One"), 3);
        assert_eq!(longest_sentence("one two. three four"), 4); // a small letter follows
        assert_eq!(longest_sentence(""), 0);
    }
}
