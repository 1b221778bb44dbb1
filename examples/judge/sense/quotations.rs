//! Is a quotation closed?
//!
//! Marks in pairs are counted by kind: `"` and `“ ”`, and apart from them `'` and `‘ ’`, so that one kind may stand inside
//! the other. A straight mark opens where nothing, a space, a dash or a bracket stands before it, and otherwise closes. A
//! single mark between two letters is an apostrophe. So is one after the letter s (`the boys' hats`), which is wrong where a
//! quotation ends in `us'` without a comma, and one in front of a word that has lost its beginning (`'tis`).
//!
//! A quotation should close before its paragraph ends. It may also go on in the next paragraph, if that begins with the same
//! mark: so do books where somebody speaks for long. (It may as well have been forgotten, and somebody else speaks. The rule
//! believes the writer, and counts how often it had to.)

/// The quotations of a text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quotations {
    pub closed: usize,
    /// Never closed, or closed and never opened.
    pub broken: usize,
    /// How often one went on in the next paragraph.
    pub continued: usize,
}

/// Words that begin with an apostrophe.
const SHORTENED: [&str; 5] = ["tis", "twas", "twill", "twould", "em"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Opens,
    Closes,
}

/// Counts the quotations of a text. What stands open where the text was cut off is not counted, nor what is closed in the
/// first paragraph and was opened before the text was cut out.
pub fn quotations(text: &str, is_cut_before: bool, is_cut_after: bool) -> Quotations {
    let mut found = Quotations::default();
    for is_single in [false, true] {
        count(text, is_single, is_cut_before, is_cut_after, &mut found);
    }
    found
}

fn count(text: &str, is_single: bool, is_cut_before: bool, is_cut_after: bool, found: &mut Quotations) {
    let paragraphs = paragraphs(text);
    let mut n_open = 0_usize; // quotations of this kind that stand open
    for (i, paragraph) in paragraphs.iter().enumerate() {
        let marks = marks(paragraph, is_single);
        // The quotation of the paragraph before goes on, or it was never closed.
        let goes_on =
            n_open > 0 && marks.first().is_some_and(|(i, mark)| *mark == Mark::Opens && begins_at(paragraph, *i));
        found.continued += usize::from(goes_on);
        found.broken += n_open - usize::from(goes_on);
        n_open = 0; // the first mark opens it again
        for (_, mark) in marks {
            match mark {
                Mark::Opens => n_open += 1,
                Mark::Closes if n_open > 0 => {
                    n_open -= 1;
                    found.closed += 1;
                }
                Mark::Closes if i == 0 && is_cut_before => {}
                Mark::Closes => found.broken += 1,
            }
        }
    }
    if !is_cut_after {
        found.broken += n_open;
    }
}

/// The paragraphs of a text, without the spaces around them. An empty line parts them.
fn paragraphs(text: &str) -> Vec<String> {
    let mut paragraphs = vec![String::new()];
    for line in text.lines() {
        match paragraphs.last_mut() {
            Some(last) if !line.trim().is_empty() => *last += &format!("{line}\n"),
            _ => paragraphs.push(String::new()),
        }
    }
    paragraphs.iter().map(|text| text.trim().to_string()).filter(|text| !text.is_empty()).collect()
}

/// Whether the mark at character `i` has nothing but other marks before it.
fn begins_at(paragraph: &str, i: usize) -> bool {
    paragraph.chars().take(i).all(|c| "\"'“‘".contains(c))
}

/// The marks of one kind in a paragraph, each with the number of its character.
fn marks(paragraph: &str, is_single: bool) -> Vec<(usize, Mark)> {
    let chars: Vec<char> = paragraph.chars().collect();
    let mut marks = Vec::new();
    let mut n_open = 0_usize;
    for (i, &c) in chars.iter().enumerate() {
        let (before, after) = (i.checked_sub(1).map(|i| chars[i]), chars.get(i + 1).copied());
        let mark = match (c, is_single) {
            ('“', false) | ('‘', true) => Some(Mark::Opens),
            ('”', false) => Some(Mark::Closes),
            ('"', false) => Some(straight(before, after, n_open > 0)),
            ('\'' | '’', true) => single(&chars, i, n_open > 0),
            _ => None,
        };
        match mark {
            Some(Mark::Opens) => n_open += 1,
            Some(Mark::Closes) => n_open = n_open.saturating_sub(1),
            None => {}
        }
        marks.extend(mark.map(|mark| (i, mark)));
    }
    marks
}

/// What a straight mark does.
fn straight(before: Option<char>, after: Option<char>, is_open: bool) -> Mark {
    let is_free = |c: Option<char>| c.is_none_or(char::is_whitespace);
    let follows_dash = before.is_some_and(|c| "-—–".contains(c));
    match (is_free(before), is_free(after)) {
        (true, true) => {
            if is_open {
                Mark::Closes
            } else {
                Mark::Opens
            }
        } // it stands alone
        (true, false) => Mark::Opens,
        // After a dash a quotation is broken off, or begins again.
        (false, _) if follows_dash => {
            if is_open {
                Mark::Closes
            } else {
                Mark::Opens
            }
        }
        (false, false) if before.is_some_and(|c| "([_'‘\"“".contains(c)) && !is_open => Mark::Opens,
        (false, _) => Mark::Closes,
    }
}

/// What a single mark does; nothing if it is an apostrophe.
fn single(chars: &[char], i: usize, is_open: bool) -> Option<Mark> {
    let (before, after) = (i.checked_sub(1).map(|i| chars[i]), chars.get(i + 1).copied());
    let is_letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    if is_letter(before) {
        let is_apostrophe = is_letter(after) || before == Some('s') || !is_open;
        return (!is_apostrophe).then_some(Mark::Closes);
    }
    let word: String = chars[i + 1..].iter().take_while(|c| c.is_alphabetic()).collect();
    if SHORTENED.contains(&word.to_lowercase().as_str()) {
        return None;
    }
    match (chars[i], straight(before, after, is_open)) {
        ('’', Mark::Opens) if !is_open => None, // ’ never opens: a word has lost its beginning
        ('’', _) => Some(Mark::Closes),
        (_, mark) => Some(mark),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The closed and the broken quotations of a whole text.
    fn of(text: &str) -> (usize, usize) {
        let Quotations { closed, broken, .. } = quotations(text, false, false);
        (closed, broken)
    }

    #[test]
    fn marks_come_in_pairs_of_any_kind() {
        assert_eq!(of("\"Yes,\" said Tom, \"I will.\""), (2, 0));
        assert_eq!(of("“Yes,” said Tom, “I will.”"), (2, 0));
        assert_eq!(of("'Yes,' said Tom, 'I will.'"), (2, 0));
        assert_eq!(of("‘Yes,’ said Tom, ‘I will.’"), (2, 0));
        assert_eq!(of("Nobody spoke."), (0, 0));
    }

    #[test]
    fn what_is_not_closed_is_broken_wherever_the_next_one_opens() {
        assert_eq!(of("\"Yes, said Tom."), (0, 1));
        assert_eq!(of("\"Yes, said Tom. \"I will.\""), (1, 1)); // in pairs from the left, the wrong one would be left over
        assert_eq!(of("“Yes, said Tom. “I will.”"), (1, 1));
        assert_eq!(of("'Yes, said Tom."), (0, 1));
        assert_eq!(of("Yes,\" said Tom."), (0, 1)); // never opened
        assert_eq!(of("\"Yes, said Tom.\n\nHe went. \"No,\" he said."), (1, 1)); // the paragraph ends, and it is too late
    }

    #[test]
    fn quotations_in_quotations_count_for_themselves() {
        assert_eq!(of("\"He said, 'Go!' and left,\" said Tom."), (2, 0));
        assert_eq!(of("'He said, \"Go!\" and left,' said Tom."), (2, 0));
        assert_eq!(of("“He said, ‘Go!’ and left,” said Tom."), (2, 0));
        assert_eq!(of("\"He said, 'Go!'\" Tom slept. \"'No!' he said.\""), (4, 0)); // marks side by side
        assert_eq!(of("\"He said, 'Go! and left,\" said Tom."), (1, 1));
    }

    #[test]
    fn an_apostrophe_is_no_quotation() {
        assert_eq!(of("I don't know the boys' hats, 'tis Tom's. Tell 'em so."), (0, 0));
        assert_eq!(of("‘I don’t know,’ said Tom’s dog. ’Twas late."), (1, 0));
        assert_eq!(of("'The boys' hats aren't wet,' said Tom. 'Tis true.'"), (1, 1)); // the last is no opening
        assert_eq!(of("'The word 'em,' he said, 'till it comes true.'"), (2, 0));
    }

    #[test]
    fn a_long_speech_opens_again_with_each_paragraph() {
        assert_eq!(of("\"One day I went.\n\n\"Then I slept.\n\n\"Then I woke,\" said Tom."), (1, 0));
        assert_eq!(of("“One day I went.\n\n“Then I slept,” said Tom."), (1, 0));
        assert_eq!(of("'One day I went.\n\n'Then I slept,' said Tom."), (1, 0));
        assert_eq!(of("\"One day I went.\n\nThen I slept,\" said Tom."), (0, 2)); // it does not open again
        assert_eq!(of("\"'I went,' he said.\n\n\"'And I slept,' he said,\" said Tom."), (3, 0));
        // Nobody can tell this from two speakers, of whom one was not closed.
        let found = quotations("\"One day I went.\n\n\"Then I slept,\" said Tom.", false, false);
        assert_eq!(found, Quotations { closed: 1, broken: 0, continued: 1 });
        assert_eq!(of("\"One line\nand another,\" said Tom."), (1, 0)); // no new paragraph
    }

    #[test]
    fn dashes_break_a_speech_off_and_begin_another() {
        assert_eq!(of("\"But--\" said Tom, and--\"Oh!\""), (2, 0));
        assert_eq!(of("'But--' said Tom, and--'Oh!'"), (2, 0));
        assert_eq!(of("He read (\"Keep out\") and \" spaces \" too."), (2, 0));
    }

    #[test]
    fn what_was_cut_off_is_not_counted() {
        let text = "I will,\" said Tom. \"Yes.\"\n\n\"No,\" she said. \"But";
        assert_eq!(quotations(text, false, false), Quotations { closed: 2, broken: 2, continued: 0 });
        assert_eq!(quotations(text, true, true), Quotations { closed: 2, broken: 0, continued: 0 });
        // Only in the first paragraph, and only at the very end.
        let text = "One.\n\nI will,\" said Tom. \"Yes.\n\nNo";
        assert_eq!(quotations(text, true, true), Quotations { closed: 0, broken: 2, continued: 0 });
    }
}
