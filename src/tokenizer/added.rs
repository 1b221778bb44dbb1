//! Tokens that were added to a vocabulary, and how they are found in a text.
//!
//! Merges make the ordinary tokens. But whoever trains a model further may want marks of their own: `<speaker1>` before
//! what one person says, `[PAD]` to fill up a line. No merge makes these. They are *added* to the vocabulary with the
//! next free ids, and whoever encodes looks for them first, before any other rule:
//!
//! ```text
//! <speaker1>Hi there<speaker2>Hello
//! [<speaker1>] Hi there [<speaker2>] Hello          the text between two of them is split and merged as always
//! ```
//!
//! Nothing is merged across an added token, and nothing but its exact characters becomes it. `<|endoftext|>` is one of
//! them; what is particular about it is in `mod.rs`.
//!
//! A token can have four peculiarities, under the names that they have in the file `tokenizer.json`:
//!
//! - `single_word`: it is found only where no character of a word stands beside it.
//! - `lstrip`, `rstrip`: it swallows the white space before it, after it.
//! - `normalized`: it is looked for after all others, in the text between them. (The name comes from programs that
//!   change a text before they encode it: this token is looked for in the changed text. GPT-2's kind changes nothing.)
//!
//! One more is about the way back: `special` says that the token is a mark and not text, so a written answer leaves it
//! out.
//!
//! The search goes from left to right. Where several tokens begin at one place, the longest is taken, and the search goes
//! on behind it. A token that `single_word` forbids is text, and so is everything in it.
//!
//! Source: the behaviour of the library `tokenizers` 0.23.3, which `tests/added_tokens.rs` compares with.

use super::END_OF_TEXT;
use super::unicode::{is_white_space, is_word};

/// A token that was added to a vocabulary.
///
/// # Example: a mark for a dialogue
///
/// ```
/// use gpt60::tokenizer::{AddedToken, Tokenizer};
///
/// let tokenizer = Tokenizer::gpt2().with_added(vec![AddedToken::special(50257, "<speaker1>")])?;
/// assert_eq!(tokenizer.encode("<speaker1>Hello"), [50257, 15496]);
/// assert_eq!(tokenizer.decode(&[50257, 15496])?, "<speaker1>Hello");
/// assert_eq!(tokenizer.decode_text(&[50257, 15496], &[])?, "Hello"); // an answer shows no special tokens
/// # Ok::<(), gpt60::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddedToken {
    /// Its id.
    pub id: u32,
    /// Its characters, as they stand in a text.
    pub content: String,
    /// It is a mark and not text: a written answer leaves it out.
    pub special: bool,
    /// It is found only where no character of a word stands beside it.
    pub single_word: bool,
    /// It swallows the white space before it.
    pub lstrip: bool,
    /// It swallows the white space after it.
    pub rstrip: bool,
    /// It is looked for after all tokens that are not.
    pub normalized: bool,
}

impl AddedToken {
    /// A special token without peculiarities.
    #[must_use]
    pub fn special(id: u32, content: &str) -> AddedToken {
        AddedToken {
            id,
            content: content.to_string(),
            special: true,
            single_word: false,
            lstrip: false,
            rstrip: false,
            normalized: false,
        }
    }
}

/// A part of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// Ordinary text.
    Text(&'a str),
    /// An added token, with the white space that it has swallowed.
    Token(&'a AddedToken),
}

/// All added tokens of a vocabulary.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct AddedTokens {
    /// By id.
    tokens: Vec<AddedToken>,
    /// The ids of those that are not in the vocabulary itself (`vocab.json`), the smallest first.
    outside: Vec<u32>,
    /// What is looked for in a text whose `<|endoftext|>` is text: first the one set, then the other between.
    without_end: [Finder; 2],
    /// What is looked for where it is the token.
    with_end: [Finder; 2],
}

impl AddedTokens {
    /// These tokens, whose contents and ids all differ. `outside`: the ids of those that the vocabulary itself has not.
    pub fn new(mut tokens: Vec<AddedToken>, mut outside: Vec<u32>) -> AddedTokens {
        tokens.sort_by_key(|token| token.id);
        outside.sort_unstable();
        let finder = |normalized: bool, with_end: bool| {
            let is_sought = |token: &AddedToken| token.normalized == normalized;
            let is_allowed = |token: &AddedToken| with_end || token.content != END_OF_TEXT;
            let chosen = (0..).zip(&tokens).filter(|(_, token)| is_sought(token) && is_allowed(token));
            Finder::new(chosen.map(|(i, token)| (token.content.as_bytes().to_vec(), i)).collect())
        };
        let without_end = [finder(false, false), finder(true, false)];
        let with_end = [finder(false, true), finder(true, true)];
        AddedTokens { tokens, outside, without_end, with_end }
    }

    /// The tokens, by id.
    pub fn list(&self) -> &[AddedToken] {
        &self.tokens
    }

    /// Whether a text has nothing to look for, apart from `<|endoftext|>`.
    pub fn is_only_end(&self) -> bool {
        self.without_end.iter().all(|finder| finder.sorted.is_empty())
    }

    /// Whether the vocabulary itself lacks this token.
    pub fn is_outside(&self, id: u32) -> bool {
        self.outside.binary_search(&id).is_ok()
    }

    /// Whether this is the id of a special token.
    pub fn is_special(&self, id: u32) -> bool {
        self.tokens.binary_search_by_key(&id, |token| token.id).is_ok_and(|i| self.tokens[i].special)
    }

    /// A text cut at its added tokens. `with_end`: `<|endoftext|>` is one of them.
    pub fn parts<'a>(&'a self, text: &'a str, with_end: bool) -> Vec<Part<'a>> {
        let finders = if with_end { &self.with_end } else { &self.without_end };
        let mut parts = vec![Part::Text(text)];
        for finder in finders.iter().filter(|finder| !finder.sorted.is_empty()) {
            let mut finer = Vec::new();
            for part in parts {
                match part {
                    Part::Text(text) => self.cut(text, finder, &mut finer),
                    token => finer.push(token),
                }
            }
            parts = finer;
        }
        parts
    }

    /// Cuts a text at the tokens of one set, and adds its parts to `parts`.
    fn cut<'a>(&'a self, text: &'a str, finder: &Finder, parts: &mut Vec<Part<'a>>) {
        let mut done = 0; // everything before it is in `parts`
        let mut from = 0; // where the search goes on
        while let Some((found, i)) = finder.next(text.as_bytes(), from) {
            let token = &self.tokens[i];
            from = found + token.content.len();
            if token.single_word && !stands_alone(text, found, from) {
                continue;
            }
            let mut start = found;
            if token.lstrip {
                // Not further back than to the token before it, which may have swallowed the same white space.
                let between = text.get(done..found).unwrap_or("");
                start = done + between.trim_end_matches(is_white_space).len();
            }
            if done < start {
                parts.push(Part::Text(&text[done..start]));
            }
            parts.push(Part::Token(token));
            // A token of white space may stand in what the one before it has swallowed. The run of white space ends where
            // it ended then.
            done = if token.rstrip {
                let end = from.max(done);
                text.len() - text[end..].trim_start_matches(is_white_space).len()
            } else {
                from
            };
        }
        if done < text.len() {
            parts.push(Part::Text(&text[done..]));
        }
    }
}

/// Whether no character of a word stands beside `text[start..end]`.
fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let (before, after) = (text[..start].chars().next_back(), text[end..].chars().next());
    !before.is_some_and(is_word) && !after.is_some_and(is_word)
}

/// Finds the tokens of a set in a text.
///
/// The tokens are sorted, so all that begin alike are side by side. At each place of the text, the range of those that are
/// still possible is narrowed byte by byte, as in a dictionary.
#[derive(Debug, Clone, PartialEq, Default)]
struct Finder {
    /// The bytes of each token and its index, sorted.
    sorted: Vec<(Vec<u8>, usize)>,
    /// The bytes with which a token begins: most places of a text are passed over by one look at this.
    first_bytes: Vec<bool>, // [256]
}

impl Finder {
    fn new(mut sorted: Vec<(Vec<u8>, usize)>) -> Finder {
        sorted.sort();
        let mut first_bytes = vec![false; 256];
        sorted.iter().for_each(|(token, _)| first_bytes[usize::from(token[0])] = true);
        Finder { sorted, first_bytes }
    }

    /// The next token from byte `from` on: where it begins, and its index.
    fn next(&self, text: &[u8], from: usize) -> Option<(usize, usize)> {
        let mut at = from;
        loop {
            at += text[at..].iter().position(|&byte| self.first_bytes[usize::from(byte)])?;
            if let Some(i) = self.longest(&text[at..]) {
                return Some((at, i));
            }
            at += 1;
        }
    }

    /// The longest token with which `text` begins.
    fn longest(&self, text: &[u8]) -> Option<usize> {
        let mut possible = &self.sorted[..];
        let mut found = None;
        for (n, byte) in text.iter().enumerate() {
            // All that are possible have the first n bytes of the text. One that ends there comes first, and stays behind.
            let start = possible.partition_point(|(token, _)| token.get(n) < Some(byte));
            let end = possible.partition_point(|(token, _)| token.get(n) <= Some(byte));
            possible = &possible[start..end];
            match possible.first() {
                None => break,
                Some((token, i)) if token.len() == n + 1 => found = Some(*i),
                Some(_) => {}
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plain(content: &str) -> AddedToken {
        AddedToken { special: false, ..AddedToken::special(0, content) }
    }

    /// The parts of a text: tokens in brackets.
    fn cut(tokens: Vec<AddedToken>, text: &str) -> Vec<String> {
        let tokens = (0..).zip(tokens).map(|(id, token)| AddedToken { id, ..token });
        let shown = |part: &Part| match part {
            Part::Text(text) => text.to_string(),
            Part::Token(token) => format!("[{}]", token.content),
        };
        AddedTokens::new(tokens.collect(), vec![]).parts(text, false).iter().map(shown).collect()
    }

    #[test]
    fn the_longest_token_at_the_leftmost_place_is_taken() {
        let tokens = || vec![plain("<a>"), plain("<a><b>"), plain("b><c")];
        assert_eq!(cut(tokens(), "<a><b><c>"), ["[<a><b>]", "<c>"]);
        assert_eq!(cut(tokens(), "<a> <b><c> <a"), ["[<a>]", " <", "[b><c]", "> <a"]);
        assert!(cut(tokens(), "").is_empty());
    }

    #[test]
    fn a_single_word_has_no_word_beside_it_and_is_text_as_a_whole_where_it_has() {
        let tokens = || vec![AddedToken { single_word: true, ..plain("abc") }, plain("b")];
        assert_eq!(cut(tokens(), "abc, abc"), ["[abc]", ", ", "[abc]"]);
        assert_eq!(cut(tokens(), "abcd b"), ["abcd ", "[b]"]); // the b inside is not looked for
        for word in ["d", "7", "_", "\u{301}", "\u{2167}"] {
            assert_eq!(cut(tokens(), &format!("abc{word}")), [format!("abc{word}")]);
            assert_eq!(cut(tokens(), &format!("{word}abc")), [format!("{word}abc")]);
        }
        assert_eq!(cut(tokens(), "\u{bd}abc-"), ["\u{bd}", "[abc]", "-"]); // one half is a number, and no word
    }

    #[test]
    fn white_space_is_swallowed_once() {
        let both = || vec![AddedToken { lstrip: true, rstrip: true, ..plain("<a>") }, plain("\t")];
        assert_eq!(cut(both(), "x \n <a> \u{3000}y"), ["x", "[<a>]", "y"]);
        assert_eq!(cut(both(), "<a>  <a>"), ["[<a>]", "[<a>]"]);
        // A token of white space is found although another has swallowed it.
        assert_eq!(cut(both(), "<a> \t y"), ["[<a>]", "[\t]", " y"]);
        // A run of white space is not gone through again for each of its tokens.
        let tab = AddedToken { lstrip: true, rstrip: true, ..plain("\t") };
        assert_eq!(cut(vec![tab], &"\t".repeat(200_000)).len(), 200_000);
    }

    #[test]
    fn normalized_tokens_are_looked_for_between_the_others() {
        let tokens = vec![AddedToken { normalized: true, ..plain("<abc>") }, plain("b")];
        assert_eq!(cut(tokens.clone(), "<abc> <abc>"), ["<a", "[b]", "c> <a", "[b]", "c>"]);
        let alone = AddedToken { normalized: true, single_word: true, ..plain("c") };
        assert_eq!(cut(vec![tokens[1].clone(), alone], "bc"), ["[b]", "[c]"]); // the text between begins anew
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 500, ..Default::default() })]

        /// The range in the sorted list finds what trying every token at every place finds.
        #[test]
        fn the_finder_finds_what_trying_every_token_finds(
            tokens in prop::collection::btree_set("[ab<]{1,4}|é|èé", 1..8), text in "[ab<éè]{0,30}",
        ) {
            let tokens: Vec<String> = tokens.into_iter().collect();
            let finder = Finder::new(tokens.iter().map(|token| token.clone().into_bytes()).zip(0..).collect());
            for from in (0..=text.len()).filter(|&from| text.is_char_boundary(from)) {
                let longest = |at: usize| {
                    let here = (0..tokens.len()).filter(|&i| text[at..].starts_with(&tokens[i]));
                    here.max_by_key(|&i| tokens[i].len()).map(|i| (at, i))
                };
                let places = (from..text.len()).filter(|&at| text.is_char_boundary(at));
                prop_assert_eq!(finder.next(text.as_bytes(), from), places.filter_map(longest).next());
            }
        }

        /// Without white space that is swallowed, the parts are the text.
        #[test]
        fn nothing_is_lost(text in "([ab ]|<a>|<b>|<\\|endoftext\\|>){0,20}", normalized in any::<bool>(), alone in any::<bool>()) {
            let first = AddedToken { single_word: alone, ..plain("<a>") };
            let second = AddedToken { id: 1, normalized, ..plain("a") };
            let end = AddedToken::special(2, END_OF_TEXT);
            let added = AddedTokens::new(vec![first, second, end], vec![]);
            for with_end in [false, true] {
                let parts = added.parts(&text, with_end);
                let content = |part: &Part| match part {
                    Part::Text(text) => text.to_string(),
                    Part::Token(token) => token.content.clone(),
                };
                prop_assert_eq!(parts.iter().map(content).collect::<String>(), text.clone());
                let is_end = |part: &&Part| matches!(part, Part::Token(token) if token.content == END_OF_TEXT);
                let n_end = if with_end { text.matches(END_OF_TEXT).count() } else { 0 };
                prop_assert_eq!(parts.iter().filter(is_end).count(), n_end);
            }
        }
    }
}
