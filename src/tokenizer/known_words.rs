//! The words met so far in a text, and their tokens.
//!
//! A text uses the same words again and again: a shelf of children's books, cut into 3,736,000 pieces, has 39,977
//! different ones. Each word is merged once, and when it comes back its tokens are copied.
//!
//! The memory must not grow with the text, and a text from outside must not be able to make it slow. Both follow from
//! giving each word only one place to be: its hash selects a set, a set has room for two words, and the one that was
//! used longer ago makes room for a new one. A forgotten word is merged again, which costs a little time and changes
//! nothing. (Processors keep recently used memory in the same way: a *two-way set-associative cache*.)

use super::hash::QuickHasher;
use std::hash::Hasher;

/// The largest number of sets. A set has 64 bytes, so this is a megabyte, small enough to stay near the processor.
const MOST_SETS: usize = 1 << 14;

/// Longer words are not remembered.
const LONGEST: usize = 15;

/// A word as a number: its bytes, and its length in the highest byte, which keeps any two words different. Comparing
/// two of these is one step, wherever the words are in the text. No word is 0.
type Word = u128;

/// The first `n` bytes of `text` as a number, or `None` if they are too many.
fn word_at(text: &[u8], n: usize) -> Option<Word> {
    if n > LONGEST {
        return None;
    }
    // Sixteen bytes at once if there are that many, without those that follow the word: quicker than a loop.
    let mut sixteen = [0; 16];
    match text.first_chunk() {
        Some(first) => sixteen = *first,
        None => sixteen[..text.len()].copy_from_slice(text),
    }
    let bytes = u128::from_le_bytes(sixteen) & ((1 << (8 * n)) - 1);
    Some(bytes | (n as u128) << 120)
}

/// What a word became.
#[derive(Debug, Clone, Copy)]
enum Tokens {
    /// A single token, as nearly always.
    One(u32),
    /// The tokens from this place on in the list of all ids: a copy of those is as good as a copy kept here.
    Several { start: usize, n: u32 },
}

/// A word and its tokens. An empty place has the word 0.
#[derive(Debug, Clone, Copy)]
struct Known {
    word: Word,
    tokens: Tokens,
}

/// The words met so far, while a list of ids is being written.
#[derive(Debug)]
pub(super) struct KnownWords {
    /// The length is a power of two. The first place of a set has the word that was used last.
    sets: Vec<[Known; 2]>,
}

impl KnownWords {
    /// No words yet. The table's size suits a text of this many bytes: encoding a short prompt must not begin with a
    /// megabyte.
    pub fn new(n_bytes: usize) -> KnownWords {
        let n_sets = (n_bytes / 8).next_power_of_two().min(MOST_SETS);
        KnownWords { sets: vec![[Known { word: 0, tokens: Tokens::One(0) }; 2]; n_sets] }
    }

    /// If the first `n` bytes of `text` are a known word, adds its tokens to `ids`; otherwise returns `false`.
    pub fn append(&mut self, text: &[u8], n: usize, ids: &mut Vec<u32>) -> bool {
        let Some(word) = word_at(text, n) else {
            return false;
        };
        let set = self.set(word);
        if set[1].word == word {
            set.swap(0, 1);
        }
        if set[0].word != word {
            return false;
        }
        match set[0].tokens {
            Tokens::One(id) => ids.push(id),
            Tokens::Several { start, n } => ids.extend_from_within(start..start + n as usize),
        }
        true
    }

    /// Records that the first `n` bytes of `text`, a new word, became the tokens from `ids[start]` on.
    pub fn remember(&mut self, text: &[u8], n: usize, ids: &[u32], start: usize) {
        if let Some(word) = word_at(text, n) {
            let tokens = match ids[start..] {
                [id] => Tokens::One(id),
                ref several => Tokens::Several { start, n: several.len() as u32 },
            };
            let set = self.set(word);
            *set = [Known { word, tokens }, set[0]];
        }
    }

    /// Where a word is, if it is known.
    fn set(&mut self, word: Word) -> &mut [Known; 2] {
        let mut hasher = QuickHasher::default();
        hasher.write_u64(word as u64);
        hasher.write_u64((word >> 64) as u64);
        let mask = self.sets.len() - 1;
        &mut self.sets[hasher.finish() as usize & mask]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    #[test]
    fn what_was_never_met_is_not_known() {
        let mut known = KnownWords::new(1000);
        for text in ["a", "\0", "\0\0", "extraordinarily"] {
            assert!(!known.append(text.as_bytes(), text.len(), &mut Vec::new()), "{text:?}");
        }
    }

    #[test]
    fn a_word_with_a_zero_at_its_end_is_another_word() {
        let mut known = KnownWords::new(1000);
        let mut ids = vec![7];
        known.remember(b"a", 1, &ids, 0);
        assert!(!known.append(b"a\0", 2, &mut ids));
        assert!(!known.append(b"a\0 and more text", 2, &mut ids));
        assert!(known.append(b"a\0 and more text", 1, &mut ids));
        assert_eq!(ids, [7, 7]);
    }

    #[test]
    fn of_three_words_in_one_set_the_one_used_longest_ago_is_forgotten() {
        let mut known = KnownWords::new(0); // a single set
        let mut ids = vec![1, 2, 2, 3, 3, 3];
        known.remember(b"one", 3, &ids[..1], 0);
        known.remember(b"two", 3, &ids[..3], 1);
        assert!(known.append(b"one", 3, &mut ids));
        known.remember(b"three", 5, &ids[..6], 3);
        assert_eq!(ids.split_off(6), [1]);
        assert!(!known.append(b"two", 3, &mut ids));
        assert!(known.append(b"one", 3, &mut ids));
        assert!(known.append(b"three", 5, &mut ids));
        assert_eq!(ids.split_off(6), [1, 3, 3, 3]);
    }

    #[test]
    fn a_table_has_an_end() {
        assert_eq!(KnownWords::new(usize::MAX / 2).sets.len(), MOST_SETS);
        assert_eq!(size_of::<[Known; 2]>(), 64);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        /// No matter what is forgotten: known words have the right tokens, and the word just met is known.
        #[test]
        fn a_known_word_has_the_tokens_that_it_was_given(
            words in prop::collection::vec("[ab\0é]{1,8}", 0..60), after in "[a\0é ]{0,16}", n_bytes in 0usize..64,
        ) {
            let mut known = KnownWords::new(n_bytes);
            let mut ids = Vec::new();
            let mut given: HashMap<&str, Vec<u32>> = HashMap::new();
            for (i, word) in (0..).zip(&words) {
                let text = format!("{word}{after}");
                let start = ids.len();
                if known.append(text.as_bytes(), word.len(), &mut ids) {
                    prop_assert_eq!(Some(&ids[start..]), given.get(word.as_str()).map(Vec::as_slice));
                } else {
                    // A new word, or a forgotten one: made-up tokens, different ones each time.
                    ids.extend(vec![i; word.len() % 3 + 1]);
                    known.remember(text.as_bytes(), word.len(), &ids, start);
                    given.insert(word, ids[start..].to_vec());
                }
                let again = known.append(word.as_bytes(), word.len(), &mut ids.clone());
                prop_assert_eq!(again, word.len() <= LONGEST);
            }
        }
    }
}
