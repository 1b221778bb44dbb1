//! Tests of sense that a program can score. Each is a plain rule; none of them understands a word.

pub mod people;
pub mod quotations;
pub mod words;

use people::{Child, Pronouns, name_comes_back, pronouns};
use quotations::{Quotations, quotations};
use std::collections::HashSet;
use words::{longest_sentence, without_s, words};

/// A thing or an animal that a prompt introduces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thing {
    pub name: &'static str,
    pub plural: &'static str,
    /// `he` or `she` could mean it.
    pub is_alive: bool,
}

/// Whether the thing occurs in an answer: alone, as `foxes` or as `fox's`, but not in `foxglove`.
pub fn thing_comes_back(thing: &Thing, answer: &str) -> bool {
    words(answer).iter().any(|word| {
        let word = word.text.to_lowercase();
        word == thing.plural || without_s(&word) == thing.name || without_s(&word) == thing.plural
    })
}

/// How rich the words of a text are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Variety {
    pub n_words: usize,
    pub n_different: usize,
    /// Rows of four words, and those that occurred before in the same text.
    pub n_fours: usize,
    pub n_repeated: usize,
}

/// Counts words, in small letters, whatever stands between them.
pub fn variety(text: &str) -> Variety {
    let words: Vec<String> = words(text).iter().map(|word| word.text.to_lowercase()).collect();
    let fours: Vec<&[String]> = words.windows(4).collect();
    let different: HashSet<&[String]> = fours.iter().copied().collect();
    Variety {
        n_words: words.len(),
        n_different: words.iter().collect::<HashSet<_>>().len(),
        n_fours: fours.len(),
        n_repeated: fours.len() - different.len(),
    }
}

/// The most words that a sentence may have.
pub const LONG: usize = 60;

/// What is to be judged.
#[derive(Debug, Clone, Copy)]
pub struct Passage<'a> {
    pub text: &'a str,
    /// Whom and what the prompt introduced, if there was one.
    pub introduced: Option<(Child, Thing)>,
    /// It was cut out of a longer text, or begins after a prompt.
    pub is_cut_before: bool,
    /// It was cut off.
    pub is_cut_after: bool,
    /// It has all the tokens that it may have.
    pub is_full: bool,
}

/// What the tests say of one passage; `None` where one does not apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    pub name: Option<bool>,
    pub pronouns: Option<Pronouns>,
    pub thing: Option<bool>,
    pub quotations: Quotations,
    pub variety: Variety,
    pub is_full: bool,
    /// No sentence is longer than [`LONG`].
    pub sentences_end: bool,
}

impl Verdict {
    pub fn of(passage: &Passage, names: &[Child]) -> Verdict {
        let Passage { text, introduced, is_cut_before, is_cut_after, is_full } = *passage;
        // Beside an animal, nobody knows whom `he` means.
        let alone = introduced.filter(|(_, thing)| !thing.is_alive);
        Verdict {
            name: introduced.and_then(|(child, _)| name_comes_back(child.name, text)),
            pronouns: alone
                .map(|(child, _)| pronouns(&child, names, text))
                .filter(|found| found.right + found.wrong > 0),
            thing: introduced.map(|(_, thing)| thing_comes_back(&thing, text)),
            quotations: quotations(text, is_cut_before, is_cut_after),
            variety: variety(text),
            is_full,
            sentences_end: longest_sentence(text) <= LONG,
        }
    }
}

/// A score over many passages: a share of so many, or a mean over so many.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    pub name: &'static str,
    pub kind: Kind,
    pub sum: usize,
    pub of: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Share,
    Mean,
}

impl Score {
    /// The share, or the mean; `None` where there was nothing to judge.
    pub fn value(&self) -> Option<f64> {
        (self.of > 0).then(|| self.sum as f64 / self.of as f64)
    }
}

/// The scores of many passages, in the order of the table.
pub fn scores(verdicts: &[Verdict]) -> Vec<Score> {
    let yes = |of: &dyn Fn(&Verdict) -> Option<bool>| {
        let answers: Vec<bool> = verdicts.iter().filter_map(of).collect();
        (answers.iter().filter(|&&yes| yes).count(), answers.len())
    };
    let sums =
        |of: &dyn Fn(&Verdict) -> (usize, usize)| verdicts.iter().map(of).fold((0, 0), |(a, b), (c, d)| (a + c, b + d));
    // Only passages of full length: a short one has fewer different words because it is short.
    let when_full = |verdict: &Verdict, sum: usize, of: usize| if verdict.is_full { (sum, of) } else { (0, 0) };
    let rows = [
        ("the name comes back", Kind::Share, yes(&|v| v.name)),
        ("all pronouns agree", Kind::Share, yes(&|v| v.pronouns.map(|found| found.wrong == 0))),
        ("the thing comes back", Kind::Share, yes(&|v| v.thing)),
        ("quotations closed", Kind::Share, sums(&|v| (v.quotations.closed, v.quotations.closed + v.quotations.broken))),
        (
            "quotations carried on",
            Kind::Share,
            sums(&|v| (v.quotations.continued, v.quotations.closed + v.quotations.broken)),
        ),
        ("every sentence ends", Kind::Share, yes(&|v| Some(v.sentences_end))),
        ("words", Kind::Mean, sums(&|v| when_full(v, v.variety.n_words, 1))),
        ("different words", Kind::Mean, sums(&|v| when_full(v, v.variety.n_different, 1))),
        ("repeated rows of four", Kind::Share, sums(&|v| when_full(v, v.variety.n_repeated, v.variety.n_fours))),
    ];
    rows.map(|(name, kind, (sum, of))| Score { name, kind, sum, of }).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARY: Child = Child { name: "Mary", is_girl: true };
    const FOX: Thing = Thing { name: "fox", plural: "foxes", is_alive: true };
    const BOAT: Thing = Thing { name: "boat", plural: "boats", is_alive: false };

    fn judged(text: &str, introduced: Option<(Child, Thing)>, is_full: bool) -> Verdict {
        let passage = Passage { text, introduced, is_cut_before: false, is_cut_after: true, is_full };
        Verdict::of(&passage, &[MARY])
    }

    /// The sum and the number of a score.
    fn score(verdicts: &[Verdict], name: &str) -> (usize, usize) {
        let score = scores(verdicts).into_iter().find(|score| score.name == name).unwrap();
        (score.sum, score.of)
    }

    #[test]
    fn a_thing_comes_back_as_one_as_many_or_as_an_owner_but_not_in_another_word() {
        for answer in ["The fox ran.", "Fox!", "two foxes", "the fox's den", "the foxes' den", "(fox)"] {
            assert!(thing_comes_back(&FOX, answer), "{answer}");
        }
        for answer in ["", "foxglove", "a fox-hole", "The dog ran."] {
            assert!(!thing_comes_back(&FOX, answer), "{answer}");
        }
    }

    #[test]
    fn rows_of_four_are_counted_from_their_second_time_on() {
        // a b c d a b c d a: six rows; abcd and bcda come twice.
        let found = variety("A b c d. \"a b\" C d, a");
        assert_eq!(found, Variety { n_words: 9, n_different: 4, n_fours: 6, n_repeated: 2 });
        assert_eq!(variety("no no no no no"), Variety { n_words: 5, n_different: 1, n_fours: 2, n_repeated: 1 });
        assert_eq!(variety("one two three"), Variety { n_words: 3, n_different: 3, n_fours: 0, n_repeated: 0 });
    }

    #[test]
    fn pronouns_are_judged_only_where_they_can_mean_nobody_but_the_child() {
        let text = "He slept.";
        assert_eq!(judged(text, Some((MARY, FOX)), true).pronouns, None);
        assert_eq!(judged(text, Some((MARY, BOAT)), true).pronouns, Some(Pronouns { right: 0, wrong: 1 }));
        assert_eq!(judged("Nobody slept.", Some((MARY, BOAT)), true).pronouns, None);
        assert_eq!(judged(text, None, true).pronouns, None);
    }

    #[test]
    fn a_score_counts_only_what_it_applies_to() {
        let verdicts = [
            judged("One. Two. Three. Mary has the boat. She said, \"No.\" \"Yes", Some((MARY, BOAT)), true),
            judged("One. Two. Three. He has it", Some((MARY, BOAT)), true),
            judged("One. The fox is Mary's", Some((MARY, FOX)), false),
            judged(&"on ".repeat(61), None, false),
        ];
        assert_eq!(score(&verdicts, "the name comes back"), (1, 2)); // the third has no fourth sentence, the last no child
        assert_eq!(score(&verdicts, "all pronouns agree"), (1, 2));
        assert_eq!(score(&verdicts, "the thing comes back"), (2, 3));
        assert_eq!(score(&verdicts, "quotations closed"), (1, 1)); // what is cut off does not count
        assert_eq!(score(&verdicts, "every sentence ends"), (3, 4));
        assert_eq!(score(&verdicts, "words"), (11 + 6, 2)); // only full passages
        assert_eq!(score(&verdicts, "repeated rows of four"), (0, 8 + 3));
        assert!(scores(&[]).iter().all(|score| score.value().is_none()));
        let half = Score { name: "", kind: Kind::Share, sum: 1, of: 2 };
        assert_eq!(half.value(), Some(0.5));
    }

    #[test]
    fn sixty_words_are_a_sentence_and_one_more_are_not() {
        let of = |n: usize| judged(&("Word ".to_string() + &"on ".repeat(n - 1)), None, true).sentences_end;
        assert!(of(60) && !of(61));
        assert!(judged(&"Word on. ".repeat(61), None, true).sentences_end);
    }
}
