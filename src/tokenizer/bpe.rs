//! Byte-pair encoding: merging the bytes of a piece into tokens.
//!
//! A vocabulary is a list of *merges*. A merge says: where these two tokens stand side by side, put this one token in
//! their place. Its position in the list is its *rank*. To encode a piece, begin with its single bytes and repeat:
//!
//! ```text
//! among all neighbours find the pair with the lowest rank; if no pair has a rank, stop
//! replace that pair everywhere in the piece, from left to right
//! ```
//!
//! Why the lowest rank first? The list was learned in this order: rank 0 was the most frequent pair of the training
//! text, and each later merge was counted in a text where all earlier ones had been made. To get the same tokens as the
//! learner, you must repeat its steps in its order.
//!
//! `merge_plain` is this loop, word for word, and the one to read. Two others do the work. They give the same tokens,
//! and a test checks that they do:
//!
//! - `merge_short`, for words, keeps the ranks from one merge to the next instead of looking them all up again. It
//!   still goes over the whole piece for every merge, which is quadratic in the piece's length; but words are short.
//! - `merge_long`, for something like 100,000 letters without a space, keeps all pairs in a heap and needs O(n log n)
//!   steps.
//!
//! Source: Sennrich, Haddow and Birch 2016, "Neural Machine Translation of Rare Words with Subword Units", section 3.2;
//! on bytes: Radford et al. 2019, section 2.2.

use super::hash::QuickMap;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Pieces longer than this many bytes are merged with the heap.
const LONG: usize = 64;

/// Stands for the rank of a pair that has none.
const NO_RANK: usize = usize::MAX;

/// One line of the list: `left` and `right`, side by side, become `result`. All three are token ids.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Merge {
    /// The token on the left.
    pub left: u32,
    /// The token on the right.
    pub right: u32,
    /// The token that replaces them.
    pub result: u32,
}

/// The merges by rank, and the rank of each pair.
///
/// # Example: encode with two merges
///
/// ```
/// use gpt60::tokenizer::{Merge, Merges};
///
/// let mut merges = Merges::default();
/// merges.push(Merge { left: 1, right: 2, result: 10 });
/// merges.push(Merge { left: 3, right: 10, result: 11 });
/// assert_eq!(merges.merge(vec![3, 1, 2, 1, 2]), [11, 10]);
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Merges {
    list: Vec<Merge>,
    rank_of: QuickMap<(u32, u32), usize>,
}

impl Merges {
    /// Adds a merge with the next rank. If the pair already has a rank, adds nothing and returns `false`.
    pub fn push(&mut self, merge: Merge) -> bool {
        let pair = (merge.left, merge.right);
        if self.rank_of.contains_key(&pair) {
            return false;
        }
        self.rank_of.insert(pair, self.list.len());
        self.list.push(merge);
        true
    }

    /// All merges, by rank.
    pub fn list(&self) -> &[Merge] {
        &self.list
    }

    /// The rank of a pair, if it is a merge.
    pub fn rank(&self, left: u32, right: u32) -> Option<usize> {
        self.rank_of.get(&(left, right)).copied()
    }

    /// The tokens of a piece, given as the ids of its bytes.
    pub fn merge(&self, bytes: Vec<u32>) -> Vec<u32> {
        let mut tokens = bytes;
        self.merge_from(0, &mut tokens);
        tokens
    }

    /// Merges the piece whose bytes are the last in a list of ids, from `start` on.
    pub(super) fn merge_from(&self, start: usize, ids: &mut Vec<u32>) {
        if ids.len() - start <= LONG {
            let n = self.merge_short(&mut ids[start..]);
            ids.truncate(start + n);
        } else {
            let bytes = ids.split_off(start);
            ids.extend(self.merge_long(bytes));
        }
    }

    /// The plain way: find the lowest rank, replace it everywhere, start again.
    ///
    /// # Example: merge a piece in the plain way and in the usual one
    ///
    /// ```
    /// use gpt60::tokenizer::{Merge, Merges};
    ///
    /// let mut merges = Merges::default();
    /// merges.push(Merge { left: 1, right: 1, result: 2 });
    /// assert_eq!(merges.merge_plain(vec![1; 7]), [2, 2, 2, 1]);
    /// assert_eq!(merges.merge(vec![1; 7]), [2, 2, 2, 1]);
    /// ```
    pub fn merge_plain(&self, bytes: Vec<u32>) -> Vec<u32> {
        let mut tokens = bytes;
        while let Some(rank) = self.lowest_rank(&tokens) {
            tokens = replace_pair(&tokens, self.list[rank]);
        }
        tokens
    }

    /// The lowest rank among all neighbours.
    pub fn lowest_rank(&self, tokens: &[u32]) -> Option<usize> {
        tokens.windows(2).filter_map(|pair| self.rank(pair[0], pair[1])).min()
    }

    /// Merges a short piece in place and returns how many tokens are left. Gives the tokens of `merge_plain`.
    ///
    /// Looking up a rank is the expensive step, and a merge changes only the pairs around its result. That is why the
    /// ranks are kept beside the tokens from one merge to the next. Nothing is allocated.
    fn merge_short(&self, tokens: &mut [u32]) -> usize {
        let mut n = tokens.len();
        let rank_at = |tokens: &[u32], i: usize| self.rank(tokens[i], tokens[i + 1]).unwrap_or(NO_RANK);
        let mut ranks = [NO_RANK; LONG]; // ranks[i]: of the pair of tokens i and i + 1
        for i in 1..n {
            ranks[i - 1] = rank_at(tokens, i - 1);
        }
        loop {
            let lowest = ranks[..n].iter().copied().min().unwrap_or(NO_RANK);
            if lowest == NO_RANK {
                return n;
            }
            // Replace the pair from left to right. Tokens and ranks move up into the places that become free.
            let result = self.list[lowest].result;
            let (mut from, mut to) = (0, 0);
            while from < n {
                if ranks[from] == lowest {
                    tokens[to] = result;
                    from += 1; // its right token is swallowed
                } else {
                    tokens[to] = tokens[from];
                }
                ranks[to] = ranks[from];
                from += 1;
                to += 1;
            }
            n = to;
            ranks[n - 1] = NO_RANK; // the last token has no right neighbour
            for i in 1..n {
                if tokens[i - 1] == result || tokens[i] == result {
                    ranks[i - 1] = rank_at(tokens, i - 1);
                }
            }
        }
    }

    /// Merges a piece of any length in O(n log n) steps. Gives the tokens of `merge_plain`.
    ///
    /// Two ideas. A merged pair is not cut out of the middle of a list, which would move everything behind it; instead,
    /// each place knows its neighbours, and a swallowed place is empty. And the pairs wait in a heap, lowest rank
    /// first, and leftmost first among equals. An entry may be out of date, because one of its two tokens has gone into
    /// another merge: the loop notices when the entry's turn comes.
    fn merge_long(&self, bytes: Vec<u32>) -> Vec<u32> {
        let n = bytes.len();
        // The neighbours of each place; n means "none".
        let mut next: Vec<usize> = (1..=n).collect();
        let mut previous: Vec<usize> = (0..n).map(|i| if i == 0 { n } else { i - 1 }).collect();
        let mut tokens: Vec<Option<u32>> = bytes.into_iter().map(Some).collect();
        // The rank of the pair whose left part is at place i.
        let rank_at = |tokens: &[Option<u32>], next: &[usize], i: usize| {
            let left = *tokens.get(i)?;
            let right = *tokens.get(*next.get(i)?)?;
            self.rank(left?, right?)
        };

        // Of Reverse: the standard heap returns the largest first.
        let pairs = (0..n).filter_map(|i| Some(Reverse((rank_at(&tokens, &next, i)?, i))));
        let mut heap: BinaryHeap<_> = pairs.collect();
        while let Some(&Reverse((rank, _))) = heap.peek() {
            let result = self.list[rank].result;
            // New neighbours wait until this rank is done everywhere, as they do in the plain loop.
            let mut changed = Vec::new();
            while let Some(&Reverse((same, i))) = heap.peek()
                && same == rank
            {
                heap.pop();
                if rank_at(&tokens, &next, i) != Some(rank) {
                    continue; // out of date
                }
                let swallowed = next[i];
                tokens[i] = Some(result);
                tokens[swallowed] = None;
                next[i] = next[swallowed];
                if next[i] < n {
                    previous[next[i]] = i;
                }
                changed.push(previous[i]);
                changed.push(i);
            }
            for i in changed {
                heap.extend(rank_at(&tokens, &next, i).map(|rank| Reverse((rank, i))));
            }
        }
        tokens.into_iter().flatten().collect()
    }
}

/// Replaces a pair by its result, everywhere, from left to right.
///
/// # Example: pairs do not overlap
///
/// ```
/// use gpt60::tokenizer::{Merge, replace_pair};
///
/// let merge = Merge { left: 1, right: 1, result: 2 };
/// assert_eq!(replace_pair(&[1, 1, 1], merge), [2, 1]);
/// ```
pub fn replace_pair(tokens: &[u32], merge: Merge) -> Vec<u32> {
    let mut replaced = Vec::with_capacity(tokens.len());
    let mut i = 0;
    while i < tokens.len() {
        if tokens[i] == merge.left && tokens.get(i + 1) == Some(&merge.right) {
            replaced.push(merge.result);
            i += 2;
        } else {
            replaced.push(tokens[i]);
            i += 1;
        }
    }
    replaced
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn merges(list: &[(u32, u32, u32)]) -> Merges {
        let mut merges = Merges::default();
        for &(left, right, result) in list {
            merges.push(Merge { left, right, result });
        }
        merges
    }

    #[test]
    fn a_pair_is_replaced_from_left_to_right_without_overlap() {
        let merge = Merge { left: 1, right: 1, result: 9 };
        assert_eq!(replace_pair(&[1, 1, 1, 2, 1, 1], merge), [9, 1, 2, 9]);
    }

    #[test]
    fn the_lowest_rank_goes_first_even_if_it_is_further_right() {
        // Rank 0 joins 2 and 3, so rank 1, which would join 1 and 2, comes too late.
        assert_eq!(merges(&[(2, 3, 8), (1, 2, 9)]).merge(vec![1, 2, 3]), [1, 8]);
        assert_eq!(merges(&[(1, 2, 9), (2, 3, 8)]).merge(vec![1, 2, 3]), [9, 3]);
    }

    #[test]
    fn nothing_and_a_single_byte_stay_as_they_are() {
        let merges = merges(&[(1, 1, 2)]);
        for tokens in [vec![], vec![1]] {
            assert_eq!(merges.merge(tokens.clone()), tokens);
            assert_eq!(merges.merge_plain(tokens.clone()), tokens);
            assert_eq!(merges.merge_long(tokens.clone()), tokens);
        }
    }

    #[test]
    fn the_second_merge_of_a_pair_is_refused() {
        let mut merges = merges(&[(1, 2, 3)]);
        assert!(!merges.push(Merge { left: 1, right: 2, result: 4 }));
        assert_eq!(merges.list().len(), 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..Default::default() })]

        /// Any list of merges, including ones that no learner would make: a result used before its own rank, or two
        /// pairs with one result. Only a result must be longer than its parts, which the sizes 1, 2, 3, 4 here ensure.
        #[test]
        fn the_heap_and_the_kept_ranks_give_the_tokens_of_the_plain_loop(
            list in prop::collection::vec((0u32..12, 0u32..12, 0u32..3), 0..30),
            bytes in prop::collection::vec(0u32..3, 0..200),
            before in prop::collection::vec(0u32..3, 0..3),
        ) {
            // Tokens 0-2 have size 1, 3-5 size 2, 6-8 size 3, 9-11 size 4, and so on: the sizes of the parts add up.
            let size = |token: u32| token / 3 + 1;
            let list: Vec<_> = list.into_iter().map(|(l, r, x)| (l, r, 3 * (size(l) + size(r) - 1) + x)).collect();
            let merges = merges(&list);
            let plain = merges.merge_plain(bytes.clone());
            prop_assert_eq!(&merges.merge_long(bytes.clone()), &plain);

            let short = &bytes[..bytes.len().min(LONG)];
            let mut tokens = short.to_vec();
            let n = merges.merge_short(&mut tokens);
            prop_assert_eq!(&tokens[..n], merges.merge_plain(short.to_vec()));

            // At the end of a list of ids, everything before stays unchanged.
            let mut ids = [&before[..], &bytes[..]].concat();
            merges.merge_from(before.len(), &mut ids);
            prop_assert_eq!(ids, [before, plain].concat());
        }
    }
}
