//! Learning merges in a time that grows with the text, and not with its square, whatever the text is.
//!
//! [`learn_plain`](super::learn_plain) goes over the whole text for every merge. But a merge changes only the places
//! where its pair stands. This learner knows of each pair how often it occurs and *where*, and looks nowhere else. Most
//! texts are cut into short words, and then it would be enough to know in which words. Some are not: a genome of four
//! letters without a space is a single word of a million.
//!
//! How can a token in the middle be replaced without moving everything behind it? All words lie in one list, with a cell
//! for each byte. A token covers as many cells as it has bytes. Its id stands in the first and in the last of them, and
//! between two words there is a cell of no token:
//!
//! ```text
//! single bytes     - t h e - a t -       `-` is a cell of no token
//! A = t+h          - A A e - a t -       A covers two cells
//! B = A+e          - B - B - a t -       B covers three, and the cell in its middle is empty
//! ```
//!
//! The token to the right begins where this one ends, as many cells further as this one has bytes. The token to the left
//! ends in the cell before, its id stands there too, and its length says where it begins. A merge reads four cells and
//! writes four, however long the word is.
//!
//! How much work is that? A merge in one place makes two tokens into one, so a text of `n` bytes has fewer than `n` such
//! places in all its merges together. Each adds two new pairs, left and right of the new token, to the lists of places.
//! With the `n` pairs of the beginning, fewer than `3*n` places are ever listed, and that bounds the memory too.
//!
//! Two things need care:
//!
//! - A place stays listed when one of its tokens has gone into another token. The cells tell: there, no token of the
//!   pair begins any more.
//! - In a run like `aaa` the pair `a`+`a` stands at two places that overlap. The one on the left is merged, and takes
//!   the `a` of the other. So places must be visited from left to right. They are listed in this order: those of the
//!   beginning, and those of a new token, whose pairs are all listed in the one round that makes it.

use super::{Numbering, Pair, Word};
use crate::tokenizer::bpe::{Merge, Merges};
use crate::tokenizer::hash::QuickMap;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// In a cell: no token begins or ends here.
const NONE: u32 = u32::MAX;

/// What is known of a pair.
#[derive(Debug, Default)]
struct Known {
    /// How often it occurs in the text.
    count: u64,
    /// The first cells of the places where it may stand.
    places: Vec<usize>,
    /// The round in which it last became more frequent. A round is one merge, made everywhere.
    round: usize,
}

/// All words, and the pairs in them.
struct Text {
    /// The cells of all words, with one of no token before, between and after them.
    cells: Vec<u32>,
    /// For each cell, which word it belongs to.
    word_of: Vec<u32>,
    /// How often each word occurs.
    counts: Vec<u64>,
    pairs: QuickMap<Pair, Known>,
}

impl Text {
    fn new(words: Vec<Word>) -> Text {
        let mut text = Text { cells: vec![NONE], word_of: vec![0], counts: Vec::new(), pairs: QuickMap::default() };
        for (number, word) in (0..).zip(words) {
            let start = text.cells.len();
            for (i, pair) in super::pairs(&word.tokens).enumerate() {
                let known = text.pairs.entry(pair).or_default();
                known.count += word.count;
                known.places.push(start + i);
            }
            text.cells.extend(word.tokens);
            text.cells.push(NONE);
            text.word_of.resize(text.cells.len(), number);
            text.counts.push(word.count);
        }
        text
    }

    /// How often a pair occurs now.
    fn count(&self, pair: Pair) -> u64 {
        self.pairs.get(&pair).map_or(0, |known| known.count)
    }

    /// Makes a merge everywhere. Returns the pairs that have become more frequent: all of them contain the new token.
    fn replace(&mut self, merge: Merge, round: usize, tokens: &[Vec<u8>]) -> Vec<Pair> {
        let Merge { left, right, result } = merge;
        let n_cells = |id: u32| tokens[id as usize].len();
        let places = self.pairs.remove(&(left, right)).unwrap_or_default().places;
        debug_assert!(places.is_sorted(), "see the file's first lines");
        let mut grown = Vec::new();
        for at in places {
            // The left token covers the cells from `at` on, the right one those from `middle` on, up to `end`.
            let middle = at + n_cells(left);
            if self.cells[at] != left || self.cells[middle] != right {
                continue; // out of date
            }
            let end = middle + n_cells(right);
            let n = self.counts[self.word_of[at] as usize];
            let (before, after) = (self.cells[at - 1], self.cells[end]);
            if before != NONE {
                self.lose((before, left), n);
                self.gain((before, result), at - n_cells(before), n, round, &mut grown);
            }
            if after != NONE {
                self.lose((right, after), n);
                self.gain((result, after), at, n, round, &mut grown);
            }
            self.cells[middle - 1] = NONE;
            self.cells[middle] = NONE;
            self.cells[at] = result;
            self.cells[end - 1] = result;
        }
        grown
    }

    /// A pair occurs `n` times less. (The pair that is being merged is no longer kept, and loses nothing.)
    fn lose(&mut self, pair: Pair, n: u64) {
        if let Some(known) = self.pairs.get_mut(&pair) {
            known.count -= n;
        }
    }

    /// A pair occurs `n` times more, at a new place.
    fn gain(&mut self, pair: Pair, at: usize, n: u64, round: usize, grown: &mut Vec<Pair>) {
        let known = self.pairs.entry(pair).or_default();
        known.count += n;
        known.places.push(at);
        if known.round != round {
            known.round = round;
            grown.push(pair);
        }
    }
}

/// The fast way: it learns what [`learn_plain`](super::learn_plain) learns.
pub(in crate::tokenizer) fn learn(
    words: Vec<Word>,
    numbering: &mut Numbering,
    n_tokens: usize,
    watch: &mut dyn FnMut(usize),
) -> Merges {
    let mut text = Text::new(words);
    // The most frequent pair is on top, and among equals the smallest. An entry's count may be out of date: too high,
    // because the pair has lost places since. It is corrected when it comes to the top. It is never too low: see the
    // last line of the loop.
    let mut heap: BinaryHeap<_> = text.pairs.iter().map(|(&pair, known)| (known.count, Reverse(pair))).collect();
    let mut merges = Merges::default();
    let mut round = 0;
    while numbering.tokens.len() < n_tokens
        && let Some((count, Reverse(pair))) = heap.pop()
    {
        let now = text.count(pair);
        if now == 0 {
            text.pairs.remove(&pair);
            continue;
        }
        if now != count {
            heap.push((now, Reverse(pair)));
            continue;
        }
        let merge = numbering.merge(pair);
        merges.push(merge);
        watch(numbering.tokens.len());
        round += 1;
        let grown = text.replace(merge, round, &numbering.tokens);
        heap.extend(grown.into_iter().map(|pair| (text.count(pair), Reverse(pair))));
    }
    merges
}
