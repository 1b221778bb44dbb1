//! The most frequent pair of tokens.

use crate::check::{Answer, Exercise, LUCK, Mistake, Part, one, repeated};
use crate::exercises;
use gpt60::tokenizer::Tokenizer;
use std::cmp::Reverse;
use std::collections::HashMap;

/// Words as token ids, and their counts. At most 26 different ids, see [`library`].
type Input = Vec<(Vec<u32>, usize)>;
type Pair = (u32, u32);

pub fn exercise() -> Exercise<Input> {
    Exercise {
        name: "most_frequent_pair",
        inputs,
        describe: |words| format!("the words {words:?}"),
        stub: |words| repeated(|| answer(exercises::most_frequent_pair::most_frequent_pair(words))),
        library,
        tolerance: 0.0,
        mistakes: vec![
            Mistake {
                when: "a pair counts once for each word, no matter how often the word occurs",
                answer: |words| answer(best(&count(words, |_| 1), smallest)),
            },
            Mistake {
                when: "words are laid end to end: the last token of one and the first of the next are not neighbours",
                answer: |words| {
                    let repeated = words.iter().flat_map(|(word, n)| word.repeat(*n)).collect();
                    answer(best(&count(&[(repeated, 1)], |n| n), smallest))
                },
            },
            Mistake {
                when: "a tie goes to the largest pair, not to the smallest: `max` needs a `Reverse`",
                answer: |words| answer(best(&count(words, |n| n), |pair, _| (pair.0.into(), pair.1.into()))),
            },
            Mistake {
                when: "a tie goes to the pair that is met first in the text, not to the smallest",
                answer: |words| answer(best(&count(words, |n| n), |_, place| (-place, 0))),
            },
            Mistake {
                when: "a tie goes to the pair that is met last in the text, not to the smallest",
                answer: |words| answer(best(&count(words, |n| n), |_, place| (place, 0))),
            },
            Mistake {
                when: "a tie goes to the smallest right id: first the left ids decide, and only then the right ones",
                answer: |words| answer(best(&count(words, |n| n), |pair, _| (-i64::from(pair.1), -i64::from(pair.0)))),
            },
            Mistake {
                when: "a tie of equal left ids goes to the pair that is met first, not to the smaller right id",
                answer: |words| answer(best(&count(words, |n| n), |pair, place| (-i64::from(pair.0), -place))),
            },
            Mistake {
                when: "a tie of equal left ids goes to the largest right id, not to the smallest",
                answer: |words| answer(best(&count(words, |n| n), |pair, _| (-i64::from(pair.0), pair.1.into()))),
            },
            Mistake {
                when: "a tie goes to the smallest sum of the ids: first the left ids decide, and only then the right ones",
                answer: |words| {
                    let counts = count(words, |n| n);
                    answer(best(&counts, |pair, _| (-i64::from(pair.0 + pair.1), -i64::from(pair.0))))
                },
            },
            Mistake {
                when: "places may not overlap: 3 3 3 has the pair (3, 3) twice",
                answer: |words| answer(best(&count(&without_overlaps(words), |n| n), smallest)),
            },
            Mistake {
                when: "a pair that occurs twice in a word is counted once",
                answer: |words| answer(best(&count(&once_a_word(words), |n| n), smallest)),
            },
            Mistake {
                when: "only every second pair of a word is counted: `chunks(2)` cuts it up, `windows(2)` slides along",
                answer: |words| {
                    let pairs = words.iter().flat_map(|(word, n)| word.chunks_exact(2).map(|pair| (pair.to_vec(), *n)));
                    answer(best(&count(&pairs.collect::<Input>(), |n| n), smallest))
                },
            },
            Mistake {
                when: "a pair that occurs only once is not taken: the answer is `None` only if there is no pair at all",
                answer: |words| {
                    let counts = count(words, |n| n);
                    answer(best(&counts, smallest).filter(|_| counts.iter().any(|(_, n)| *n > 1)))
                },
            },
            Mistake {
                when: "words that occur once are left out: they count, too",
                answer: |words| {
                    let often: Input = words.iter().filter(|(_, n)| *n > 1).cloned().collect();
                    answer(best(&count(&often, |n| n), smallest))
                },
            },
            Mistake {
                when: "the counts are cut to one or two bytes: a `usize` holds them whole",
                answer: |words| answer(best(&count(words, |n| usize::from(n as u8)), smallest)),
            },
            Mistake { when: CUT, answer: |words| answer(best(&count(words, |n| n), smallest).map(|pair| of(pair, 8))) },
            Mistake {
                when: CUT,
                answer: |words| answer(best(&count(words, |n| n), smallest).map(|pair| of(pair, 16))),
            },
            Mistake {
                when: "a pair is packed into one number as 1000 * left + right: a right id of 1000 or more spills over",
                answer: |words| {
                    let packed = |(left, right)| (left + right / 1000, right % 1000);
                    answer(best(&count(words, |n| n), smallest).map(packed))
                },
            },
            Mistake {
                when: "(1, 2) and (2, 1) are counted as one pair",
                answer: |words| answer(best(&count(&sorted(words), |n| n), smallest)),
            },
            Mistake {
                when: "the rarest pair is taken, not the most frequent",
                answer: |words| {
                    let rarity: Vec<_> =
                        count(words, |n| n).into_iter().map(|(pair, n)| (pair, usize::MAX - n)).collect();
                    answer(best(&rarity, smallest))
                },
            },
            Mistake { when: LUCK, answer: |words| repeated(|| answer(lucky(words, |_, n| n))) },
            Mistake {
                // The left ids decide, and luck the right ones.
                when: LUCK,
                answer: |words| repeated(|| answer(lucky(words, |pair, n| (n, Reverse(pair.0))))),
            },
            Mistake { when: LUCK, answer: |words| repeated(|| answer(lucky(words, |pair, n| (n, Reverse(pair.1))))) },
        ],
    }
}

const CUT: &str = "the ids are cut to one or two bytes: token ids are `u32`";

/// The last bits of both ids.
fn of((left, right): Pair, n_bits: u32) -> Pair {
    (left % (1 << n_bits), right % (1 << n_bits))
}

fn answer(pair: Option<Pair>) -> Answer {
    one(Part::Text(format!("{pair:?}")))
}

fn inputs() -> Vec<Input> {
    let words = |list: &[(&[u32], usize)]| list.iter().map(|(word, n)| (word.to_vec(), *n)).collect();
    vec![
        words(&[(&[1, 2, 3], 2), (&[2, 3], 1), (&[3, 3, 3], 1)]),
        // Frequent words against many words.
        words(&[(&[1, 2], 1), (&[1, 2, 4], 1), (&[4, 5], 7)]),
        // A tie: (2, 1) is the smallest, (5, 4) the largest, (4, 3) first, (3, 5) last, (5, 0) has the smallest right id.
        words(&[(&[4, 3], 3), (&[2, 5], 3), (&[5, 4], 3), (&[2, 1], 3), (&[5, 0], 3), (&[3, 5], 3)]),
        // A tie: (1, 9) is the smallest, but has the largest sum.
        words(&[(&[2, 3], 2), (&[1, 9], 2)]),
        words(&[(&[0, 0], 3), (&[1, 2], 1)]),
        // Large ids, and large counts.
        words(&[(&[3_000_000_000, 1], 2), (&[5, 1], 2)]),
        words(&[(&[5, 3_000_000_000], 2), (&[5, 7], 2)]),
        words(&[(&[1, 2], 1), (&[5, u32::MAX], 2)]),
        words(&[(&[1, 2], 1), (&[90_000, 70_001], 2)]),
        words(&[(&[1, 2], 32_768), (&[4, 5], 65_536)]),
        // Runs.
        words(&[(&[3, 3, 3], 2), (&[4, 5], 3)]),
        words(&[(&[3, 4, 5, 3, 4], 2), (&[1, 2], 3)]),
        // Across words.
        words(&[(&[5], 4), (&[2, 4], 3), (&[4, 1, 2], 2)]),
        words(&[(&[1, 2], 2), (&[2, 1], 2), (&[4, 5], 3)]),
        // One pair, and none.
        words(&[(&[2, 0], 1), (&[], 1)]),
        words(&[(&[4], 9), (&[], 2)]),
        words(&[]),
        // Many ties: no order of a map has the right one in front by chance.
        tied((0..24).map(|i| (25 - i, i))),
        tied((0..24).map(|i| (3, 25 - i))),
        tied((0..24).map(|i| (25 - i, 3))),
    ]
}

/// As many words as pairs, which all occur twice. They are met in an order in which the right one is in the middle.
fn tied(pairs: impl Iterator<Item = Pair>) -> Input {
    let mut words: Input = pairs.map(|(left, right)| (vec![left, right], 2)).collect();
    words.rotate_left(12);
    words
}

/// The pair for which `key` is the largest, and among equals the one that is last in a map's order.
fn lucky<K: Ord>(words: &Input, key: fn(Pair, usize) -> K) -> Option<Pair> {
    let map: HashMap<Pair, usize> = count(words, |n| n).into_iter().collect();
    map.into_iter().max_by_key(|&(pair, n)| key(pair, n)).map(|(pair, _)| pair)
}

/// The first merge that the library learns. The ids become capital letters, in their order, which are one piece for the
/// split rule; each word is a document of its own. The counts are divided by what divides them all.
fn library(words: &Input) -> Answer {
    let mut ids: Vec<u32> = words.iter().flat_map(|(word, _)| word.clone()).collect();
    ids.sort();
    ids.dedup();
    let letter =
        |id: &u32| char::from(b'A' + ids.iter().position(|known| known == id).expect("it is one of them") as u8);
    let text = |word: &[u32]| -> String { word.iter().map(letter).collect() };
    let divisor = words.iter().fold(0, |divisor, (_, n)| common_divisor(divisor, *n));
    let documents: Vec<String> = words.iter().flat_map(|(word, n)| vec![text(word); n / divisor]).collect();
    let tokenizer = Tokenizer::learn(&documents.join("<|endoftext|>"), 256 + 1 + 1).expect("it is not below 257");
    let id = |symbol: &str| ids[(tokenizer.encode(symbol)[0] - tokenizer.encode("A")[0]) as usize];
    answer(tokenizer.merges().first().map(|(left, right)| (id(left), id(right))))
}

fn common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

/// The pairs in the order in which they are met, and how often each occurs.
fn count(words: &[(Vec<u32>, usize)], weight: fn(usize) -> usize) -> Vec<(Pair, usize)> {
    let mut counts: Vec<(Pair, usize)> = Vec::new();
    for (word, n) in words {
        for pair in word.windows(2).map(|pair| (pair[0], pair[1])) {
            match counts.iter_mut().find(|(known, _)| *known == pair) {
                Some((_, sum)) => *sum += weight(*n),
                None => counts.push((pair, weight(*n))),
            }
        }
    }
    counts
}

/// The pair with the largest count; among equals the one for which `tie`, given the pair and its place, is the largest.
fn best(counts: &[(Pair, usize)], tie: fn(Pair, i64) -> (i64, i64)) -> Option<Pair> {
    let counts = counts.iter().zip(0..);
    counts.max_by_key(|&(&(pair, n), place)| (n, tie(pair, place))).map(|(&(pair, _), _)| pair)
}

/// The right rule for ties.
fn smallest((left, right): Pair, _: i64) -> (i64, i64) {
    (-i64::from(left), -i64::from(right))
}

/// The words as pairs that do not overlap with an equal one. Each pair is a word of its own.
fn without_overlaps(words: &Input) -> Input {
    let mut pairs = Vec::new();
    for (word, n) in words {
        let mut i = 0;
        while i + 1 < word.len() {
            pairs.push((word[i..i + 2].to_vec(), *n));
            let overlaps = i + 2 < word.len() && word[i + 1..i + 3] == word[i..i + 2];
            i += if overlaps { 2 } else { 1 };
        }
    }
    pairs
}

/// The words as their different pairs.
fn once_a_word(words: &Input) -> Input {
    let mut pairs = Vec::new();
    for (word, n) in words {
        let mut different: Vec<Vec<u32>> = Vec::new();
        for pair in word.windows(2) {
            if !different.iter().any(|known| known == pair) {
                different.push(pair.to_vec());
            }
        }
        pairs.extend(different.into_iter().map(|pair| (pair, *n)));
    }
    pairs
}

/// The words as their pairs, the smaller id first.
fn sorted(words: &Input) -> Input {
    let pairs = words.iter().flat_map(|(word, n)| word.windows(2).map(|pair| (pair.to_vec(), *n)));
    pairs.map(|(pair, n)| (vec![pair[0].min(pair[1]), pair[0].max(pair[1])], n)).collect()
}
