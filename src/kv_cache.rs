//! What the model already knows about the tokens it has read.
//!
//! To choose the next token, attention compares the newest token's *query* with the *key* of every token so far, and mixes
//! their *values*. The keys and values of the earlier tokens do not change when a token is added, because no token can look
//! ahead. So they are computed once and kept here: one new token then costs one row of work instead of all of them.
//!
//! The price is memory: two vectors of `n_embd` numbers for each token, in each block. In the smallest GPT-2 that is
//! `2 * 768 * 12 * 4` bytes, 74 kB a token.

use crate::{Config, Error, Result};

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

/// One block's part of the cache: for each sequence the keys and the values, `[n_past, n_embd]` each, row after row.
#[derive(Debug, Clone)]
pub struct LayerCache {
    keys: Vec<Vec<f32>>,
    values: Vec<Vec<f32>>,
}

impl KvCache {
    /// An empty cache for `n_sequences` sequences that are read side by side.
    pub fn new(config: &Config, n_sequences: usize) -> KvCache {
        let empty = LayerCache { keys: vec![Vec::new(); n_sequences], values: vec![Vec::new(); n_sequences] };
        KvCache { n_sequences, n_past: 0, n_embd: config.n_embd, layers: vec![empty; config.n_layer] }
    }

    /// How many tokens of each sequence have been read.
    pub fn n_past(&self) -> usize {
        self.n_past
    }

    /// How many sequences there are.
    pub fn n_sequences(&self) -> usize {
        self.n_sequences
    }

    /// How many bytes the keys and values take.
    pub fn bytes(&self) -> usize {
        2 * self.layers.len() * self.n_sequences * self.n_past * self.n_embd * size_of::<f32>()
    }

    /// The same knowledge for other sequences: new sequence `i` has read what sequence `from[i]` had read.
    ///
    /// One prompt can so be continued in several ways, and beam search can drop some continuations and split others.
    ///
    /// # Errors
    ///
    /// If a sequence in `from` does not exist.
    pub fn select(&self, from: &[usize]) -> Result<KvCache> {
        if let Some(missing) = from.iter().find(|&&i| i >= self.n_sequences) {
            let problem = format!("there is no sequence {missing}; there are {}", self.n_sequences);
            return Err(Error::argument("KvCache::select", problem));
        }
        let pick = |all: &[Vec<f32>]| from.iter().map(|&i| all[i].clone()).collect();
        let layers = self.layers.iter().map(|l| LayerCache { keys: pick(&l.keys), values: pick(&l.values) }).collect();
        Ok(KvCache { n_sequences: from.len(), layers, ..*self })
    }

    /// Block `i`'s part.
    pub(crate) fn layer(&mut self, i: usize) -> &mut LayerCache {
        &mut self.layers[i]
    }

    /// Whether this cache was made for such a model.
    pub(crate) fn fits(&self, config: &Config) -> bool {
        self.layers.len() == config.n_layer && self.n_embd == config.n_embd
    }

    /// Says that `n_seq` more tokens of each sequence have been read by every block.
    pub(crate) fn advance(&mut self, n_seq: usize) {
        self.n_past += n_seq;
    }

    /// Forgets what was read after the first `n_past` tokens; also what a pass that failed has left half done.
    pub fn truncate(&mut self, n_past: usize) {
        self.n_past = self.n_past.min(n_past);
        let len = self.n_past * self.n_embd;
        for layer in &mut self.layers {
            layer.keys.iter_mut().chain(&mut layer.values).for_each(|rows| rows.truncate(len));
        }
    }
}

impl LayerCache {
    /// Appends the keys and values of new tokens of `sequence`, row after row.
    pub(crate) fn append(&mut self, sequence: usize, keys: &[f32], values: &[f32]) {
        self.keys[sequence].extend_from_slice(keys);
        self.values[sequence].extend_from_slice(values);
    }

    /// All keys and values of a sequence.
    pub(crate) fn of(&self, sequence: usize) -> (&[f32], &[f32]) {
        (&self.keys[sequence], &self.values[sequence])
    }
}
