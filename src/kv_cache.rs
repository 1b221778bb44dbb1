//! What the model already knows about the tokens it has read.
//!
//! To choose the next token, attention compares the newest token's *query* with the *key* of every token so far, and
//! mixes their *values*. The keys and values of the earlier tokens do not change when a token is added, because no
//! token can look ahead. They are computed once and kept here, so a new token costs one row of work instead of all of
//! them. (`layers/attention.rs` explains queries, keys and values.)
//!
//! The price is memory: two vectors of `n_embd` numbers for each token, in each block. In the smallest GPT-2 that is
//! `2 * 768 * 12 * 4` bytes, 74 kB per token.
//!
//! **Several answers, one prompt.** Beam search continues one text in many ways. What the texts share is stored once: a
//! sequence is a list of *segments*, and a segment can belong to several sequences. A shared segment never changes; a
//! sequence that continues after it starts a segment of its own. A sequence that was never split is a single segment.
//! (Servers for many users take this further: Kwon et al., "PagedAttention", 2023.)

use crate::config::Config;
use crate::error::{Error, Result};
use crate::kernels::attention as kernel;
use crate::kernels::matrix::Matrix;
use crate::kernels::memory;
use std::collections::HashSet;
use std::sync::Arc;

/// The keys and values of every token read so far, for a group of sequences of equal length.
///
/// # Example: read a prompt, then one more token
///
/// ```
/// use gpt60::{Config, Gpt2, KvCache, Rng};
///
/// let config = Config::new(10, 8, 12, 3, 2);
/// let model = Gpt2::random(&config, &mut Rng::new(1))?;
/// let mut cache = KvCache::new(&config, 1);
/// model.next_logits(&[5, 1], &mut cache)?;
/// let logits = model.next_logits(&[7], &mut cache)?; // as if all three had been read at once
/// assert_eq!((cache.n_past(), logits.shape()), (3, &[1, 10][..]));
/// # Ok::<(), gpt60::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct KvCache {
    n_sequences: usize,
    n_past: usize,
    n_embd: usize,
    layers: Vec<LayerCache>,
}

/// One block's part of the cache: the segments of each sequence, in order.
#[derive(Debug, Clone)]
pub(crate) struct LayerCache {
    sequences: Vec<Vec<Arc<Segment>>>,
}

/// The keys and values of some consecutive tokens, `[n, n_embd]` each, row after row.
#[derive(Debug, Clone, Default)]
pub(crate) struct Segment {
    pub keys: Vec<f32>,
    pub values: Vec<f32>,
}

/// A shared segment with fewer tokens than this is copied when a sequence continues after it: many tiny segments would
/// cost more than the copy.
const SHORT: usize = 16;

impl KvCache {
    /// An empty cache for `n_sequences` sequences that are read side by side.
    pub fn new(config: &Config, n_sequences: usize) -> KvCache {
        let empty = LayerCache { sequences: vec![Vec::new(); n_sequences] };
        KvCache { n_sequences, n_past: 0, n_embd: config.n_embd, layers: vec![empty; config.n_layer] }
    }

    /// Checks that there is memory for the keys and values of `n_tokens` tokens, in all sequences together, as far as the
    /// operating system tells.
    ///
    /// # Errors
    ///
    /// If there is not. The error says how much would be needed.
    ///
    /// # Example: a thousand tokens, and a trillion
    ///
    /// ```
    /// use gpt60::{Config, KvCache};
    ///
    /// assert!(KvCache::check_memory(&Config::gpt2(), 1024).is_ok()); // 75 MB
    /// assert!(KvCache::check_memory(&Config::gpt2(), 1_000_000_000_000).is_err());
    /// ```
    pub fn check_memory(config: &Config, n_tokens: usize) -> Result<()> {
        let numbers = n_tokens.saturating_mul(2).saturating_mul(config.n_layer).saturating_mul(config.n_embd);
        let n_bytes = numbers.saturating_mul(size_of::<f32>());
        if memory::can_be_had(n_bytes) {
            return Ok(());
        }
        let problem = format!(
            "the keys and values of {n_tokens} tokens need {} GB of memory, more than there is; ask for fewer tokens",
            n_bytes.div_ceil(1_000_000_000)
        );
        Err(Error::argument("KvCache", problem))
    }

    /// How many tokens of each sequence have been read.
    pub fn n_past(&self) -> usize {
        self.n_past
    }

    /// How many sequences there are.
    pub fn n_sequences(&self) -> usize {
        self.n_sequences
    }

    /// How many bytes the keys and values take. A shared segment counts once.
    pub fn bytes(&self) -> usize {
        let mut seen = HashSet::new();
        let segments = self.layers.iter().flat_map(|layer| layer.sequences.iter().flatten());
        let own = segments.filter(|segment| seen.insert(Arc::as_ptr(segment)));
        own.map(|segment| (segment.keys.len() + segment.values.len()) * size_of::<f32>()).sum()
    }

    /// A cache for other sequences: new sequence `i` has read what sequence `from[i]` has read.
    ///
    /// This lets you continue one prompt in several ways, and lets beam search drop some continuations and split
    /// others. Nothing is copied: the new sequences share the segments of the old ones.
    ///
    /// # Errors
    ///
    /// If a sequence in `from` does not exist.
    pub fn select(&self, from: &[usize]) -> Result<KvCache> {
        if let Some(missing) = from.iter().find(|&&i| i >= self.n_sequences) {
            let problem = format!("there is no sequence {missing}; there are {}", self.n_sequences);
            return Err(Error::argument("KvCache::select", problem));
        }
        let pick = |layer: &LayerCache| from.iter().map(|&i| layer.sequences[i].clone()).collect();
        let layers = self.layers.iter().map(|layer| LayerCache { sequences: pick(layer) }).collect();
        Ok(KvCache { n_sequences: from.len(), layers, ..*self })
    }

    /// One cache for the sequences of several, in order: they are read side by side from here on. Nothing is copied.
    ///
    /// # Errors
    ///
    /// If there are none, or they have not read the same number of tokens, or they belong to different kinds of model.
    #[doc(hidden)]
    pub fn side_by_side(caches: &[KvCache]) -> Result<KvCache> {
        let problem = |problem| Error::argument("KvCache::side_by_side", problem);
        let [first, ..] = caches else { return Err(problem("there are no caches")) };
        let form = |cache: &KvCache| (cache.n_past, cache.n_embd, cache.layers.len());
        if caches.iter().any(|cache| form(cache) != form(first)) {
            return Err(problem("the caches have read different numbers of tokens, or belong to different models"));
        }
        let all = |i: usize| caches.iter().flat_map(|cache| cache.layers[i].sequences.clone()).collect();
        let layers = (0..first.layers.len()).map(|i| LayerCache { sequences: all(i) }).collect();
        let n_sequences = caches.iter().map(|cache| cache.n_sequences).sum();
        Ok(KvCache { n_sequences, layers, ..*first })
    }

    /// Block `i`'s part, for an attention of `n_sequences` and this width.
    ///
    /// # Errors
    ///
    /// If this cache was made for something else.
    pub(crate) fn layer(&mut self, i: usize, n_sequences: usize, n_embd: usize) -> Result<&mut LayerCache> {
        let own = (self.layers.len(), self.n_sequences, self.n_embd);
        match self.layers.get_mut(i) {
            Some(layer) if (n_sequences, n_embd) == (own.1, own.2) => Ok(layer),
            _ => {
                let problem = format!(
                    "it has {} blocks and {} sequences of width {}, and block {i} was asked for {n_sequences} of {n_embd}; \
                     make one for this model",
                    own.0, own.1, own.2
                );
                Err(Error::argument("KvCache", problem))
            }
        }
    }

    /// Whether this cache was made for a model of this size.
    pub(crate) fn fits(&self, config: &Config) -> bool {
        self.layers.len() == config.n_layer && self.n_embd == config.n_embd
    }

    /// Records that every block has read `n_seq` more tokens of each sequence.
    pub(crate) fn advance(&mut self, n_seq: usize) {
        self.n_past += n_seq;
    }

    /// Forgets everything after the first `n_past` tokens, including what a failed pass left half done.
    pub fn truncate(&mut self, n_past: usize) {
        self.n_past = self.n_past.min(n_past);
        let sequences = self.layers.iter_mut().flat_map(|layer| &mut layer.sequences);
        for segments in sequences {
            let mut left = self.n_past * self.n_embd; // numbers to keep
            segments.retain_mut(|segment| {
                let keep = left.min(segment.keys.len());
                left -= keep;
                if 0 < keep && keep < segment.keys.len() {
                    match Arc::get_mut(segment) {
                        Some(segment) => {
                            segment.keys.truncate(keep);
                            segment.values.truncate(keep);
                        }
                        // The other sequences keep the shared segment whole.
                        None => {
                            let (keys, values) = (segment.keys[..keep].to_vec(), segment.values[..keep].to_vec());
                            *segment = Arc::new(Segment { keys, values });
                        }
                    }
                }
                keep > 0
            });
        }
    }
}

impl LayerCache {
    /// Appends the key and the value of a new token of `sequence`, `[n_embd]` each.
    pub(crate) fn append(&mut self, sequence: usize, key: &[f32], value: &[f32]) {
        let segments = &mut self.sequences[sequence];
        let can_grow =
            |segment: &mut Arc<Segment>| Arc::get_mut(segment).is_some() || segment.keys.len() < SHORT * key.len();
        if !segments.last_mut().is_some_and(can_grow) {
            segments.push(Arc::default());
        }
        let last = segments.len() - 1;
        let segment = Arc::make_mut(&mut segments[last]); // a copy if it is shared
        segment.keys.extend_from_slice(key);
        segment.values.extend_from_slice(value);
    }

    /// The segments of a sequence, as attention reads them: rows of `n_embd` numbers.
    pub(crate) fn views(&self, sequence: usize, n_embd: usize) -> Vec<kernel::Segment<'_>> {
        let mut views = Vec::new();
        for Segment { keys, values } in self.sequences[sequence].iter().map(Arc::as_ref) {
            let n = keys.len() / n_embd;
            views.push(kernel::Segment { keys: Matrix::new(keys, n, n_embd), values: Matrix::new(values, n, n_embd) });
        }
        views
    }

    /// The segments of a sequence.
    #[cfg(test)]
    fn segments(&self, sequence: usize) -> &[Arc<Segment>] {
        &self.sequences[sequence]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A cache of one block and vectors of two numbers, which has read `n` tokens.
    fn cache(n_sequences: usize, n: usize) -> KvCache {
        let mut cache = KvCache::new(&Config::new(5, 100, 2, 1, 1), n_sequences);
        (0..n).for_each(|t| read(&mut cache, |_| t as f32));
        cache
    }

    /// Reads one more token of each sequence.
    fn read(cache: &mut KvCache, number: impl Fn(usize) -> f32) {
        for i in 0..cache.n_sequences() {
            let x = number(i);
            cache.layers[0].append(i, &[x, x], &[-x, -x]);
        }
        cache.advance(1);
    }

    fn keys(cache: &mut KvCache, sequence: usize) -> Vec<f32> {
        cache.layers[0].segments(sequence).iter().flat_map(|segment| segment.keys.clone()).collect()
    }

    #[test]
    fn what_no_memory_holds_is_an_error_with_a_remedy() {
        // A token of the smallest GPT-2: two vectors of 768 numbers in 12 blocks, 4 bytes each, 73,728 bytes.
        let error = KvCache::check_memory(&Config::gpt2(), 1_000_000_000_000).unwrap_err().to_string();
        let expected = "KvCache: the keys and values of 1000000000000 tokens need 73728000 GB of memory, more than there is; \
                        ask for fewer tokens";
        assert_eq!(error, expected);
        assert!(KvCache::check_memory(&Config::gpt2(), usize::MAX).is_err());
        assert_eq!(KvCache::check_memory(&Config::gpt2(), 10), Ok(()));
    }

    #[test]
    fn a_sequence_that_was_never_split_is_one_segment() {
        assert_eq!(cache(2, 40).layers[0].segments(1).len(), 1);
        assert_eq!(cache(2, 40).bytes(), 2 * 40 * 4 * 4);
    }

    #[test]
    fn a_shared_segment_is_stored_once_and_continuing_one_sequence_changes_no_other() {
        let one = cache(1, 40);
        let mut five = one.select(&[0; 5]).unwrap();
        assert_eq!(five.bytes(), one.bytes());
        read(&mut five, |i| 100.0 + i as f32);
        assert_eq!(five.bytes(), one.bytes() + 5 * 4 * 4); // five new tokens
        assert_eq!(keys(&mut five, 3)[80..], [103.0, 103.0]);
        // Again, from the second and the fourth: their last tokens are short segments of their own, and are copied.
        let mut again = five.select(&[1, 1, 3]).unwrap();
        read(&mut again, |_| 7.0);
        assert_eq!(keys(&mut again, 1)[80..], [101.0, 101.0, 7.0, 7.0]);
        assert_eq!(keys(&mut again, 2)[80..], [103.0, 103.0, 7.0, 7.0]);
        assert_eq!(keys(&mut five, 1)[80..], [101.0, 101.0]);
    }

    #[test]
    fn caches_side_by_side_keep_their_order_and_must_have_read_equally_much() {
        let (mut a, mut b) = (cache(1, 2), cache(2, 2));
        read(&mut a, |_| 5.0);
        read(&mut b, |i| 6.0 + i as f32);
        let mut three = KvCache::side_by_side(&[a, b]).unwrap();
        assert_eq!((three.n_sequences(), three.n_past()), (3, 3));
        for (i, last) in [5.0, 6.0, 7.0].into_iter().enumerate() {
            assert_eq!(keys(&mut three, i), [0.0, 0.0, 1.0, 1.0, last, last]);
        }
        read(&mut three, |_| 9.0);
        assert_eq!(three.layers[0].segments(2).len(), 1); // grown in place
        let wide = KvCache::new(&Config::new(5, 100, 4, 1, 1), 1);
        for caches in [vec![], vec![cache(1, 2), cache(1, 3)], vec![cache(1, 0), wide]] {
            assert!(KvCache::side_by_side(&caches).is_err());
        }
    }

    #[test]
    fn what_is_cut_from_one_sequence_stays_in_the_others() {
        let whole = cache(1, 40);
        let mut cut = whole.select(&[0, 0]).unwrap();
        read(&mut cut, |_| 7.0);
        for (n, n_segments) in [(41, 2), (40, 1), (13, 1), (0, 0)] {
            cut.truncate(n);
            assert_eq!(
                (cut.n_past(), keys(&mut cut, 1).len(), cut.layers[0].segments(0).len()),
                (n, 2 * n, n_segments)
            );
        }
        assert_eq!(keys(&mut whole.clone(), 0).len(), 80);
    }
}
