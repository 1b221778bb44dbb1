//! Merging a pair of tokens.

use crate::check::{Exercise, Mistake, ids, one};
use crate::exercises;
use gpt60::tokenizer::{Merge, replace_pair};

pub struct Input {
    tokens: Vec<u32>,
    left: u32,
    right: u32,
    merged: u32,
}

pub fn exercise() -> Exercise<Input> {
    Exercise {
        name: "merge_pair",
        inputs,
        describe: |i| format!("tokens {:?}, left {}, right {} and merged {}", i.tokens, i.left, i.right, i.merged),
        stub: |i| one(ids(&exercises::merge_pair::merge_pair(&i.tokens, i.left, i.right, i.merged))),
        library: |i| one(ids(&library(i))),
        tolerance: 0.0,
        mistakes: vec![
            Mistake {
                when: "only the first place is merged: the pair may occur in many",
                answer: |i| one(ids(&walk(i, |i, at| is_pair(i, at) && !(0..at).any(|at| is_pair(i, at)), 2))),
            },
            Mistake {
                when: "after a merge the walk goes on by one token, and meets the right one again: go on by two",
                answer: |i| one(ids(&walk(i, is_pair, 1))),
            },
            Mistake { when: PADDED, answer: |i| one(ids(&walk(i, |i, at| is_pair(i, at) || is_padded(i, at, 0), 2))) },
            Mistake {
                when: PADDED,
                answer: |i| one(ids(&walk(i, |i, at| is_pair(i, at) || is_padded(i, at, u32::MAX), 2))),
            },
            Mistake {
                when: "the pair is merged from right to left: 1 1 1 shows the difference",
                answer: |i| {
                    let mut turned = Input { tokens: reversed(&i.tokens), left: i.right, right: i.left, ..*i };
                    turned.tokens = library(&turned);
                    one(ids(&reversed(&turned.tokens)))
                },
            },
            Mistake {
                when: "the last token is lost unless it is merged: nothing follows it, and yet it must be kept",
                answer: |i| one(ids(&lost_last(i))),
            },
            Mistake {
                when: "the last token is lost unless it is merged: nothing follows it, and yet it must be kept",
                answer: |i| {
                    // The same, by a loop up to `tokens.len() - 1`.
                    assert!(!i.tokens.is_empty(), "attempt to subtract with overflow");
                    one(ids(&lost_last(i)))
                },
            },
            Mistake {
                when: "right before left is merged as well: only left before right is the pair",
                answer: |i| {
                    let either = |i: &Input, at: usize| {
                        is_pair(i, at) || (i.tokens[at] == i.right && i.tokens.get(at + 1) == Some(&i.left))
                    };
                    one(ids(&walk(i, either, 2)))
                },
            },
            Mistake {
                when: "left and right are swapped",
                answer: |i| one(ids(&library(&Input { tokens: i.tokens.clone(), left: i.right, right: i.left, ..*i }))),
            },
            Mistake {
                when: "the token after a left one is not looked at: left is merged with any token that follows",
                answer: |i| one(ids(&walk(i, |i, at| i.tokens[at] == i.left && at + 1 < i.tokens.len(), 2))),
            },
            Mistake {
                when: "the pair is taken out, and nothing is put in its place",
                answer: |i| {
                    let absent = u32::MAX - 1;
                    let mut tokens = library(&Input { tokens: i.tokens.clone(), merged: absent, ..*i });
                    tokens.retain(|&token| token != absent);
                    one(ids(&tokens))
                },
            },
            Mistake {
                when: "after a merge the walk goes on by three: go on by two, the pair is two tokens long",
                answer: |i| one(ids(&walk(i, is_pair, 3))),
            },
            Mistake {
                when: "the list is cut into pieces of two: the pair may begin at any place",
                answer: |i| {
                    let merge = |two: &[u32]| if *two == [i.left, i.right] { vec![i.merged] } else { two.to_vec() };
                    one(ids(&i.tokens.chunks(2).flat_map(merge).collect::<Vec<u32>>()))
                },
            },
            Mistake {
                when: "nothing is merged if left and right are the same",
                answer: |i| one(ids(&if i.left == i.right { i.tokens.clone() } else { library(i) })),
            },
            Mistake { when: MARKED, answer: |i| one(ids(&marked(i, 0))) },
            Mistake { when: MARKED, answer: |i| one(ids(&marked(i, u32::MAX))) },
            Mistake { when: CUT, answer: |i| one(ids(&library(i).iter().map(|&id| id & 0xff).collect::<Vec<_>>())) },
            Mistake { when: CUT, answer: |i| one(ids(&library(i).iter().map(|&id| id & 0xffff).collect::<Vec<_>>())) },
            Mistake {
                when: "the pair is searched for in text, where 1 2 is also in 11 2: compare the numbers",
                answer: |i| {
                    let text = i.tokens.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
                    let text = text.replace(&format!("{} {}", i.left, i.right), &i.merged.to_string());
                    one(ids(&text.split_whitespace().map(|id| id.parse().unwrap()).collect::<Vec<_>>()))
                },
            },
            Mistake { when: AGAIN, answer: |i| one(ids(&from_a_stack(i, false))) },
            Mistake { when: AGAIN, answer: |i| one(ids(&from_a_stack(i, true))) },
            Mistake { when: AGAIN, answer: |i| one(ids(&in_place(i, |at| at))) },
            Mistake { when: AGAIN, answer: |i| one(ids(&in_place(i, |_| 0))) },
            Mistake { when: AGAIN, answer: |i| one(ids(&in_place(i, |at| at.saturating_sub(1)))) },
        ],
    }
}

const MARKED: &str = "a number marks the tokens that are to go, and the tokens that are this number go with them";
const CUT: &str = "the ids are cut to fewer bits: an id is a u32";
const AGAIN: &str = "a token that a merge has made goes into another merge: only those of the beginning may";

const PADDED: &str = "an id stands in for the token that is missing after the last one, and merges as if it were there";

/// Whether the last token would be merged with this id.
fn is_padded(i: &Input, at: usize, id: u32) -> bool {
    at + 1 == i.tokens.len() && (i.tokens[at], id) == (i.left, i.right)
}

fn inputs() -> Vec<Input> {
    let input = |tokens: &[u32], left, right, merged| Input { tokens: tokens.to_vec(), left, right, merged };
    vec![
        input(&[1, 2, 3, 2, 1, 1, 2], 1, 2, 9),
        input(&[1, 1, 1], 1, 1, 9),
        input(&[5, 1, 1, 1, 1, 5, 1], 1, 1, 9),
        input(&[7, 4, 7, 4, 4, 7, 5, 7], 7, 4, 300),
        input(&[1, 2, 1, 2, 3, 1, 2, 1, 2, 1, 2], 1, 2, 9),
        input(&[2, 1], 1, 2, 9),
        input(&[1, 2], 1, 2, 9),
        input(&[1], 1, 2, 9),
        input(&[], 1, 2, 9),
        // After the last token comes nothing, not even 0.
        input(&[2, 1], 1, 0, 9),
        input(&[2, 1], 1, u32::MAX, 9),
        // What a merge makes would fit into the next one.
        input(&[1, 2, 2], 1, 2, 1),
        input(&[1, 1, 2], 1, 2, 2),
        input(&[3, 1, 1, 1, 1, 1], 1, 1, 1),
        // Any number of 32 bits may be an id, and the digits of one may be in another.
        input(&[0, 1, 2, 0, u32::MAX, 1, 2, u32::MAX], 1, 2, 9),
        input(&[0, 0, 3], 0, 0, 70_000),
        input(&[11, 2, 1, 23, 1, 2, 1], 1, 2, 9),
        input(&[257, 2, 1, 258, 65_537, 2, 1, 2], 1, 2, 70_000),
    ]
}

/// Each token is laid on the result. If the two on top are the pair now, they become one: once, or as long as they are.
fn from_a_stack(i: &Input, repeatedly: bool) -> Vec<u32> {
    let mut result: Vec<u32> = Vec::new();
    for &token in &i.tokens {
        result.push(token);
        while result.ends_with(&[i.left, i.right]) {
            result.truncate(result.len() - 2);
            result.push(i.merged);
            if !repeatedly {
                break;
            }
        }
    }
    result
}

/// The list itself is changed; `next` says where to go on after a merge at a place.
fn in_place(i: &Input, next: fn(usize) -> usize) -> Vec<u32> {
    let (mut tokens, mut at) = (i.tokens.clone(), 0);
    while at + 1 < tokens.len() {
        if tokens[at..at + 2] == [i.left, i.right] {
            tokens.splice(at..at + 2, [i.merged]);
            at = next(at);
        } else {
            at += 1;
        }
    }
    tokens
}

fn library(i: &Input) -> Vec<u32> {
    replace_pair(&i.tokens, Merge { left: i.left, right: i.right, result: i.merged })
}

/// Whether the pair is at this place.
fn is_pair(i: &Input, at: usize) -> bool {
    i.tokens[at] == i.left && i.tokens.get(at + 1) == Some(&i.right)
}

/// From left to right; after a merge `step` tokens further.
fn walk(i: &Input, is_pair: fn(&Input, usize) -> bool, step: usize) -> Vec<u32> {
    let (mut result, mut at) = (Vec::new(), 0);
    while at < i.tokens.len() {
        let found = is_pair(i, at);
        result.push(if found { i.merged } else { i.tokens[at] });
        at += if found { step } else { 1 };
    }
    result
}

/// As by a loop over neighbours, which ends before the last token.
fn lost_last(i: &Input) -> Vec<u32> {
    let (mut result, mut at) = (Vec::new(), 0);
    while at + 1 < i.tokens.len() {
        let found = is_pair(i, at);
        result.push(if found { i.merged } else { i.tokens[at] });
        at += if found { 2 } else { 1 };
    }
    result
}

/// The right one of each pair is marked with this number, and then all that are this number are left out.
fn marked(i: &Input, mark: u32) -> Vec<u32> {
    let mut tokens = library(i);
    tokens.retain(|&token| token != mark);
    tokens
}

fn reversed(tokens: &[u32]) -> Vec<u32> {
    tokens.iter().rev().copied().collect()
}
