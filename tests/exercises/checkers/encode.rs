//! Encoding a word by the ranks of the merges.

use crate::check::{Exercise, LUCK, Mistake, ids, one, repeated};
use crate::exercises;
use gpt60::Rng;
use gpt60::tokenizer::{Merge, Merges, replace_pair};
use std::collections::HashMap;

pub struct Input {
    tokens: Vec<u32>,
    merges: Vec<(u32, u32, u32)>,
}

pub fn exercise() -> Exercise<Input> {
    Exercise {
        name: "encode",
        inputs,
        describe: |i| match i.merges.len() {
            0..20 => format!("tokens {:?} and merges {:?}", i.tokens, i.merges),
            n => format!("tokens {:?} and {n} merges, the first of them {:?}", i.tokens, &i.merges[..3]),
        },
        stub: |i| repeated(|| one(ids(&exercises::encode::encode(i.tokens.clone(), &i.merges)))),
        library: |i| {
            let mut merges = Merges::default();
            for &(left, right, result) in &i.merges {
                merges.push(Merge { left, right, result });
            }
            one(ids(&merges.merge(i.tokens.clone())))
        },
        tolerance: 0.0,
        mistakes: vec![
            Mistake {
                when: "the pair furthest left goes first, not the one with the lowest rank",
                answer: |i| one(ids(&pair_by_pair(i, |place, _| place))),
            },
            Mistake {
                when: "the pair with the highest rank goes first, not the one with the lowest",
                answer: |i| one(ids(&pair_by_pair(i, |_, rank| usize::MAX - rank))),
            },
            Mistake {
                when: "the pair with the smallest merged id goes first: the lowest rank does, which is the place in the list",
                answer: |i| one(ids(&in_order(i, |merges| merges.sort_by_key(|merge| merge.2)))),
            },
            Mistake {
                when: "ranks are cut to a type such as u8: from 256 on they begin at 0 again",
                answer: |i| {
                    one(ids(&in_order(i, |merges| {
                        let mut ranked: Vec<_> = merges.drain(..).enumerate().collect();
                        ranked.sort_by_key(|&(rank, _)| rank as u8);
                        merges.extend(ranked.into_iter().map(|(_, merge)| merge));
                    })))
                },
            },
            Mistake {
                when: "only the first 256 merges are tried: the list is as long as it is",
                answer: |i| one(ids(&in_order(i, |merges| merges.truncate(256)))),
            },
            Mistake {
                when: "the last merge of the list is left out",
                answer: |i| one(ids(&in_order(i, |merges| merges.truncate(merges.len().max(1) - 1)))),
            },
            Mistake {
                when: "left and right are swapped: left is the one that stands first",
                answer: |i| {
                    one(ids(&in_order(i, |merges| {
                        merges.iter_mut().for_each(|merge| (merge.0, merge.1) = (merge.1, merge.0))
                    })))
                },
            },
            Mistake {
                when: "the new token is 256 + rank: it is the third number of the merge",
                answer: |i| {
                    one(ids(&in_order(i, |merges| {
                        (256..).zip(merges).for_each(|(merged, merge)| merge.2 = merged);
                    })))
                },
            },
            Mistake {
                when: "the first merge that is not in the word ends it all: those after it may be there",
                answer: |i| {
                    let mut tokens = i.tokens.clone();
                    for &m in &i.merges {
                        let next = merge(&tokens, m);
                        if next == tokens {
                            break;
                        }
                        tokens = next;
                    }
                    one(ids(&tokens))
                },
            },
            Mistake {
                when: "a word of a single token becomes nothing: it stays as it is",
                answer: |i| one(ids(&if i.tokens.len() < 2 { Vec::new() } else { in_order(i, |_| {}) })),
            },
            Mistake {
                when: "the list of merges is gone through from its end",
                answer: |i| one(ids(&in_order(i, |merges| merges.reverse()))),
            },
            Mistake {
                when: "at each place the longest token that fits is taken: ranks count, not lengths",
                answer: |i| one(ids(&longest_first(i))),
            },
            Mistake {
                when: "each merge is made in one place only: a pair may occur in many",
                answer: |i| one(ids(&once_each(i, usize::MAX))),
            },
            Mistake {
                when: "only one merge is made: go on until no two neighbours are in the list",
                answer: |i| one(ids(&first_merge(i))),
            },
            Mistake {
                when: "only one merge is made, and only in one place: go on until no two neighbours are in the list",
                answer: |i| one(ids(&once_each(i, 1))),
            },
            Mistake {
                when: AT_THE_BEGINNING,
                answer: |i| {
                    one(ids(&in_order(i, |merges| {
                        let made: Vec<u32> = merges.iter().map(|merge| merge.2).collect();
                        merges.retain(|(left, right, _)| !made.contains(left) && !made.contains(right));
                    })))
                },
            },
            Mistake {
                when: AT_THE_BEGINNING,
                answer: |i| {
                    one(ids(&in_order(i, |merges| merges.retain(|m| m.0 < FIRST_MERGED && m.1 < FIRST_MERGED))))
                },
            },
            Mistake {
                when: "right before left is merged as well: only left before right is the pair",
                answer: |i| {
                    one(ids(&in_order(i, |merges| {
                        *merges = merges
                            .iter()
                            .flat_map(|&(left, right, merged)| [(left, right, merged), (right, left, merged)])
                            .collect();
                    })))
                },
            },
            Mistake {
                // The merges are kept in a map, and gone through in its order.
                when: LUCK,
                answer: |i| {
                    repeated(|| {
                        let mut map: HashMap<(u32, u32), u32> = HashMap::new();
                        i.merges.iter().for_each(|&(left, right, merged)| {
                            map.insert((left, right), merged);
                        });
                        let tokens = i.tokens.clone();
                        one(ids(&map.iter().fold(tokens, |t, (pair, merged)| merge(&t, (pair.0, pair.1, *merged)))))
                    })
                },
            },
        ],
    }
}

const AT_THE_BEGINNING: &str = "only pairs that are in the word at the beginning are merged: merging makes new ones";

/// The first id that the merges of most inputs make.
const FIRST_MERGED: u32 = 10;

fn inputs() -> Vec<Input> {
    let input = |tokens: &[u32], merges: &[(u32, u32, u32)]| Input { tokens: tokens.to_vec(), merges: merges.to_vec() };
    let mut rng = Rng::new(1);
    // Any list in which parts are older than the tokens made from them.
    let mut merges: Vec<(u32, u32, u32)> = Vec::new();
    let mut tokens = vec![1, 2, 3];
    while merges.len() < 12 {
        let (left, right) = (tokens[rng.below(tokens.len())], tokens[rng.below(tokens.len())]);
        if !merges.iter().any(|&(l, r, _)| (l, r) == (left, right)) {
            let merged = FIRST_MERGED + merges.len() as u32;
            merges.push((left, right, merged));
            tokens.push(merged);
        }
    }
    let word: Vec<u32> = (0..25).map(|_| 1 + rng.below(3) as u32).collect();
    // More merges than a byte can count: 14 19 has rank 299, 12 12 has 252, and 12 16 has 256.
    let many: Vec<_> = (0..300).map(|rank| (rank / 20, rank % 20, 300 + rank)).collect();
    vec![
        input(&[4, 1, 2, 3, 4, 1], &[(1, 2, 10), (10, 3, 11), (4, 1, 12)]),
        input(&[1, 2, 3], &[(2, 3, 10), (1, 2, 11)]),
        input(&[1, 2, 3], &[(1, 2, 10), (2, 3, 11)]),
        input(&[1, 2, 3, 2], &[(2, 3, 10), (1, 10, 11), (1, 2, 12)]),
        input(&[1, 2, 1, 2, 2, 1, 2], &[(1, 2, 10), (10, 10, 11)]),
        input(&[1, 1, 1, 1, 1], &[(1, 1, 10), (10, 10, 11), (11, 1, 12)]),
        input(&word, &merges),
        input(&[3, 2, 1], &[(1, 2, 10)]),
        input(&[1, 2], &[]),
        input(&[7], &[(1, 2, 10)]),
        input(&[], &[(1, 2, 10)]),
        // Merged ids that do not rise with the rank, and do not fit into two bytes.
        input(&[1, 2, 3, 1, 2], &[(1, 2, 70_001), (2, 3, 11), (70_001, 3, 70_000)]),
        input(&[12, 12, 16, 30, 14, 19], &many),
        // No pair is 2 2, also not as left * 100 + right, or with 256, 1000 or 65,536 for 100.
        input(&[1, 102, 1, 258, 1, 1002, 1, 65_538, 7, 8], &[(2, 2, 300), (7, 8, 301)]),
    ]
}

fn merge(tokens: &[u32], (left, right, result): (u32, u32, u32)) -> Vec<u32> {
    replace_pair(tokens, Merge { left, right, result })
}

/// One pass over the list, after a change to the list. (Without a change, that is a right solution.)
fn in_order(i: &Input, change: fn(&mut Vec<(u32, u32, u32)>)) -> Vec<u32> {
    let mut merges = i.merges.clone();
    change(&mut merges);
    merges.into_iter().fold(i.tokens.clone(), |tokens, m| merge(&tokens, m))
}

/// The places of all pairs in the list, with their ranks.
fn places(tokens: &[u32], merges: &[(u32, u32, u32)]) -> Vec<(usize, usize)> {
    let rank = |pair: &[u32]| merges.iter().position(|&(left, right, _)| [left, right] == pair[..]);
    tokens.windows(2).enumerate().filter_map(|(place, pair)| Some((place, rank(pair)?))).collect()
}

/// One place after the other: each time the one with the smallest `order` of place and rank.
fn pair_by_pair(i: &Input, order: fn(usize, usize) -> usize) -> Vec<u32> {
    let mut tokens = i.tokens.clone();
    while let Some((place, rank)) =
        places(&tokens, &i.merges).into_iter().min_by_key(|&(place, rank)| order(place, rank))
    {
        tokens.splice(place..place + 2, [i.merges[rank].2]);
    }
    tokens
}

/// The first `n` merges that are possible, in the order of the list, each in its first place.
fn once_each(i: &Input, n: usize) -> Vec<u32> {
    let (mut tokens, mut left) = (i.tokens.clone(), n);
    for rank in 0..i.merges.len() {
        let place = places(&tokens, &i.merges).into_iter().find(|&(_, found)| found == rank);
        if let Some((place, _)) = place.filter(|_| left > 0) {
            tokens.splice(place..place + 2, [i.merges[rank].2]);
            left -= 1;
        }
    }
    tokens
}

/// The merge with the lowest rank, everywhere.
fn first_merge(i: &Input) -> Vec<u32> {
    match places(&i.tokens, &i.merges).into_iter().map(|(_, rank)| rank).min() {
        Some(rank) => merge(&i.tokens, i.merges[rank]),
        None => i.tokens.clone(),
    }
}

/// From left to right, each time the token that spells the most bytes.
fn longest_first(i: &Input) -> Vec<u32> {
    let parts = i.merges.iter().flat_map(|merge| [merge.0, merge.1]);
    let mut spelled: HashMap<u32, Vec<u32>> = i.tokens.iter().copied().chain(parts).map(|id| (id, vec![id])).collect();
    for (left, right, merged) in &i.merges {
        spelled.insert(*merged, [&spelled[left][..], &spelled[right][..]].concat());
    }
    let (mut tokens, mut rest) = (Vec::new(), &i.tokens[..]);
    while !rest.is_empty() {
        let fits = spelled.iter().filter(|(_, bytes)| rest.starts_with(bytes));
        let (&token, bytes) = fits.max_by_key(|&(&token, bytes)| (bytes.len(), token)).expect("a byte fits");
        tokens.push(token);
        rest = &rest[bytes.len()..];
    }
    tokens
}
