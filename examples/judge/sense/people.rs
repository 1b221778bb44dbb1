//! Is it still the same child? Whether its name comes back, and whether `he` and `she` are right.

use super::words::{Word, is_capital, without_s, words};
use std::collections::HashSet;

/// Somebody that a prompt introduces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Child {
    pub name: &'static str,
    pub is_girl: bool,
}

/// How many new sentences the name may stay away.
pub const N_SENTENCES: usize = 3;

/// Whether the name occurs again after the first three sentences of an answer; `None` if it has no fourth.
pub fn name_comes_back(name: &str, answer: &str) -> Option<bool> {
    let words = words(answer);
    let first = words.iter().position(|word| word.sentence >= N_SENTENCES)?;
    Some(words[first..].iter().any(|word| without_s(word.text) == name))
}

const SHE: [&str; 4] = ["she", "her", "hers", "herself"];
const HE: [&str; 4] = ["he", "him", "his", "himself"];

/// Words for others who may be `she`, for others who may be `he`, and for others who may be either.
const WOMEN: &str = "girl woman women lady mother mom mommy mum mama mamma queen princess sister aunt grandmother grandma \
                     granny wife daughter witch maid hen cow";
const MEN: &str = "boy man men gentleman sir father dad daddy papa king prince brother uncle grandfather grandpa husband son \
                   giant dwarf farmer fellow soldier cock";
const EITHER: &str = "child baby friend fairy creature animal beast bird cat kitten dog puppy fox bear rabbit mouse horse pony \
                      wolf duck frog goat sheep pig lion squirrel owl crow fish bull anyone anybody everyone \
                      everybody someone somebody";

/// How many of the pronouns of an answer fit the child.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pronouns {
    pub right: usize,
    pub wrong: usize,
}

/// Counts `he` and `she` in all their cases, up to the first word for somebody else whom the other pronoun could mean: a
/// word of the lists above, or any name but the child's own. For a child alone with a thing, these pronouns mean the child.
///
/// A name is a word with a capital letter where it is not the first of a sentence or a quotation. A word that is one
/// anywhere in the answer is one at the beginning of a sentence too, and the names in `names` are known in any place.
pub fn pronouns(child: &Child, names: &[Child], answer: &str) -> Pronouns {
    let words = words(answer);
    let is_name = |word: &&Word| is_capital(word.text) && !word.is_first && !is_i(word.text);
    let mut others: HashSet<&str> = words.iter().filter(is_name).map(|word| without_s(word.text)).collect();
    others.extend(names.iter().map(|child| child.name));
    others.remove(child.name);
    let (fitting, other) = if child.is_girl { (SHE, HE) } else { (HE, SHE) };
    let of_others = if child.is_girl { MEN } else { WOMEN };
    let mut found = Pronouns::default();
    for word in &words {
        let small = word.text.to_lowercase();
        let is_in = |list: &str| list.split_whitespace().any(|known| known == without_s(&small));
        if others.contains(without_s(word.text)) || is_in(of_others) || is_in(EITHER) {
            break;
        }
        found.right += usize::from(fitting.contains(&small.as_str()));
        found.wrong += usize::from(other.contains(&small.as_str()));
    }
    found
}

/// `I`, `I'm`, `I'll`: a capital letter in any place.
fn is_i(word: &str) -> bool {
    word == "I" || word.starts_with("I'") || word.starts_with("I’")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARY: Child = Child { name: "Mary", is_girl: true };
    const TOM: Child = Child { name: "Tom", is_girl: false };

    /// The right and the wrong pronouns of an answer.
    fn of(child: &Child, answer: &str) -> (usize, usize) {
        let Pronouns { right, wrong } = pronouns(child, &[MARY, TOM], answer);
        (right, wrong)
    }

    #[test]
    fn a_name_comes_back_only_after_the_third_sentence() {
        let back = |answer| name_comes_back("Mary", answer);
        assert_eq!(back("One. Two. Three. Mary slept."), Some(true));
        assert_eq!(back("Mary. Mary. Mary. It slept."), Some(false));
        assert_eq!(back("Mary. Mary. Mary."), None); // no fourth sentence
        assert_eq!(back(""), None);
        // Four marks, but only three sentences: `said` goes on, and Mr. is no end.
        assert_eq!(back("\"Oh!\" said Mr. Fox. Two. Three about Mary."), None);
    }

    #[test]
    fn a_name_in_another_word_is_not_the_name_and_whose_something_is_is_said_with_it() {
        let back = |fourth: &str| name_comes_back("Mary", &format!("One. Two. Three. {fourth}"));
        assert_eq!(back("It was Mary's."), Some(true));
        assert_eq!(back("It was Mary’s hat, \"Mary!\""), Some(true));
        assert_eq!(back("\"Mary,\" he said."), Some(true));
        assert_eq!(back("He went to Maryland."), Some(false));
        assert_eq!(back("It was Mary-Ann."), Some(false));
        assert_eq!(back("It was mary."), Some(false));
        assert_eq!(name_comes_back("Tom", "One. Two. Three. Tommy ran to-morrow, tom-tom."), Some(false));
    }

    #[test]
    fn pronouns_agree_with_the_child_in_all_their_cases() {
        assert_eq!(of(&MARY, "She took her boat herself. It was hers."), (4, 0));
        assert_eq!(of(&MARY, "He took his boat himself, and it obeyed him."), (0, 4));
        assert_eq!(of(&TOM, "He took his boat himself, and it obeyed him."), (4, 0));
        assert_eq!(of(&TOM, "Tom had a boat. SHE was glad."), (0, 1));
        assert_eq!(of(&MARY, "The boat was there. Then the hero had this shed."), (0, 0)); // he, his, she in other words
    }

    #[test]
    fn pronouns_after_somebody_else_are_not_counted() {
        assert_eq!(of(&MARY, "She met her brother. He laughed, and his dog too."), (2, 0));
        assert_eq!(of(&MARY, "She met a man's son. He laughed."), (1, 0));
        assert_eq!(of(&MARY, "She met old Peter. He laughed."), (1, 0)); // a name in the middle
        assert_eq!(of(&MARY, "Tom came. He laughed. She did not."), (0, 0)); // a known name at the beginning
        assert_eq!(of(&MARY, "Peter came. He laughed at Peter's boat."), (0, 0)); // a name in the middle, further on
        assert_eq!(of(&TOM, "He met his mother. She laughed."), (2, 0));
        assert_eq!(of(&TOM, "A fox came. She laughed."), (0, 0));
    }

    #[test]
    fn pronouns_go_on_past_the_child_itself_and_past_what_no_other_pronoun_means() {
        assert_eq!(of(&MARY, "The girl saw that Mary's boat was hers. I think she slept."), (2, 0));
        assert_eq!(of(&MARY, "\"Where is it?\" she said. \"Here I am, and I'm glad,\" he said."), (1, 1));
        assert_eq!(of(&TOM, "Tom had a boat, and the boy loved it. He slept."), (1, 0));
        assert_eq!(of(&MARY, "She met her mother. Then she slept. He slept."), (3, 1)); // nobody there is a he
    }
}
