//! One forward pass: what travels along with the numbers.
//!
//! A layer turns a tensor into a tensor. It must also know a few things about the pass it is in, and it may be asked
//! for more than its result. All of it travels together in a [`Pass`]:
//!
//! * how many tokens a sequence has (`n_seq`), and how many were read before (`n_past`);
//! * the [cache](KvCache) of keys and values, if the pass continues where an earlier one ended;
//! * a [`Probe`] that watches;
//! * the place to [save](Saved) what the backward pass will read.
//!
//! A layer hands each of its parts a [`Pass::part`], which knows the part's name. The attention of block 3 shows its
//! weights as `h.3.attn.weights` without knowing where it stands. A part is a loan: it ends when the layer returns or
//! fails, and nothing is left behind.
//!
//! A pass that continues a cache saves nothing, because training reads whole sequences. You cannot ask for both: a pass
//! begins with [`Pass::cached`] or with [`Pass::saving`].

use crate::error::{Error, Result};
use crate::kv_cache::{KvCache, LayerCache};
use crate::probe::Probe;
use crate::tensor::Tensor;

/// What a layer must know about the forward pass it is in.
///
/// # Example: one pass, four ways
///
/// ```
/// use gpt60::{Config, Gpt2, KvCache, Pass, Probe, Rng, Saved};
///
/// let config = Config::new(10, 8, 12, 3, 2);
/// let model = Gpt2::random(&config, &mut Rng::new(1))?;
/// model.hidden(&[5, 1, 7], Pass::new(3))?; // one sequence of three tokens
///
/// let mut probe = Probe::only(&["h.1.attn.weights"]);
/// model.hidden(&[5, 1, 7], Pass::new(3).watched_by(&mut probe))?;
///
/// let mut cache = KvCache::new(&config, 1);
/// model.hidden(&[5, 1], Pass::cached(2, &mut cache))?; // two tokens,
/// model.hidden(&[7], Pass::cached(1, &mut cache))?; // and a third after them
///
/// let mut saved = Saved::new();
/// model.hidden(&[5, 1, 7, 2], Pass::saving(2, &mut saved))?; // two sequences, and backward can follow
/// # Ok::<(), gpt60::Error>(())
/// ```
#[derive(Debug)]
pub struct Pass<'a> {
    n_seq: usize,
    n_past: usize,
    /// The cache, and the block of the model that this pass is in.
    cache: Option<&'a mut KvCache>,
    block: usize,
    /// Who watches, and what names begin with here.
    probe: Option<&'a mut Probe>,
    path: String,
    saved: Option<&'a mut Saved>,
}

impl<'a> Pass<'a> {
    /// A pass over sequences of `n_seq` tokens each.
    #[must_use]
    pub fn new(n_seq: usize) -> Pass<'a> {
        Pass { n_seq, n_past: 0, cache: None, block: 0, probe: None, path: String::new(), saved: None }
    }

    /// A pass over `n_seq` more tokens of each sequence in `cache`, which will remember them too.
    #[must_use]
    pub fn cached(n_seq: usize, cache: &'a mut KvCache) -> Pass<'a> {
        Pass { n_past: cache.n_past(), cache: Some(cache), ..Pass::new(n_seq) }
    }

    /// A pass that stores in `saved` what backward reads. Earlier contents can no longer be read.
    #[must_use]
    pub fn saving(n_seq: usize, saved: &'a mut Saved) -> Pass<'a> {
        saved.begin(n_seq);
        Pass { saved: Some(saved), ..Pass::new(n_seq) }
    }

    /// The same pass, watched.
    #[must_use]
    pub fn watched_by(self, probe: &'a mut Probe) -> Pass<'a> {
        Pass { probe: Some(probe), ..self }
    }

    /// How many new tokens each sequence has.
    pub fn n_seq(&self) -> usize {
        self.n_seq
    }

    /// How many tokens of each sequence were read before.
    pub fn n_past(&self) -> usize {
        self.n_past
    }

    /// The pass as a layer's part sees it: there, names begin with the layer's own prefix and then `name`.
    pub fn part(&mut self, name: &str) -> Pass<'_> {
        let path = match &self.probe {
            Some(_) => format!("{}{name}.", self.path),
            None => String::new(),
        };
        Pass {
            n_seq: self.n_seq,
            n_past: self.n_past,
            cache: self.cache.as_deref_mut(),
            block: self.block,
            probe: self.probe.as_deref_mut(),
            path,
            saved: self.saved.as_deref_mut().map(|saved| saved.part_mut(name)),
        }
    }

    /// The pass as block `i` of the model sees it: its part is `h.i`, and it has keys and values of its own.
    pub fn in_block(&mut self, i: usize) -> Pass<'_> {
        Pass { block: i, ..self.part(&name_of_block(i)) }
    }

    /// Shows a tensor to the probe, under its name in this part of the model. It is copied only if the probe wants it.
    pub fn see(&mut self, name: &str, tensor: &Tensor) {
        if let Some(probe) = &mut self.probe {
            probe.see(&format!("{}{name}", self.path), tensor);
        }
    }

    /// Whether a probe wants the tensor with this name. A layer asks before it makes something only for a probe.
    pub fn wants(&self, name: &str) -> bool {
        self.probe.as_ref().is_some_and(|probe| probe.wants(&format!("{}{name}", self.path)))
    }

    /// Whether backward will follow.
    pub fn is_saving(&self) -> bool {
        self.saved.is_some()
    }

    /// Keeps tensors for backward if it will follow; otherwise drops them.
    pub fn save<const N: usize>(&mut self, tensors: [(&'static str, Tensor); N]) {
        if let Some(saved) = &mut self.saved {
            let is_replaced = |name: &str| tensors.iter().any(|(new, _)| name == *new);
            saved.old.retain(|(name, _)| !is_replaced(name));
            saved.tensors.retain(|(name, _)| !is_replaced(name));
            saved.tensors.extend(tensors);
        }
    }

    /// The whole cache.
    pub(crate) fn cache(&mut self) -> Option<&mut KvCache> {
        self.cache.as_deref_mut()
    }

    /// The keys and values of the block that this pass is in, for an attention of `n_sequences` and this width; nothing
    /// in a pass without a cache.
    ///
    /// # Errors
    ///
    /// If the cache is for another number of blocks or sequences, or for another width.
    pub(crate) fn keys_and_values(&mut self, n_sequences: usize, n_embd: usize) -> Result<Option<&mut LayerCache>> {
        let block = self.block;
        match self.cache.as_deref_mut() {
            None => Ok(None),
            Some(cache) => cache.layer(block, n_sequences, n_embd).map(Some),
        }
    }
}

/// What a forward pass saves for backward: tensors by name, and the parts of the model by theirs.
///
/// Each layer's `forward` says what it saves; its `backward` reads the same names.
///
/// # Example: what attention saved in block 1
///
/// ```
/// use gpt60::{Config, Gpt2, Pass, Rng, Saved};
///
/// let model = Gpt2::random(&Config::new(10, 8, 12, 3, 2), &mut Rng::new(1))?;
/// let mut saved = Saved::new();
/// model.hidden(&[5, 1, 7], Pass::saving(3, &mut saved))?;
/// let weights = saved.in_block(1)?.part("attn")?.tensor("weights")?;
/// assert_eq!(weights.shape(), [3, 3, 3]); // [n_head, n_seq, n_seq]
/// # Ok::<(), gpt60::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Saved {
    n_seq: usize,
    /// Whether the last pass came here.
    is_current: bool,
    tensors: Vec<(&'static str, Tensor)>,
    /// The tensors of the pass before. Nobody reads them; each is dropped when its successor comes. A training step needs
    /// as much memory as the step before, and so it finds it piece by piece, instead of having given all of it back.
    old: Vec<(&'static str, Tensor)>,
    parts: Vec<(String, Saved)>,
}

impl Saved {
    /// An empty place: nothing is saved yet.
    #[must_use]
    pub fn new() -> Saved {
        Saved::default()
    }

    /// How many tokens each sequence of the pass had.
    pub fn n_seq(&self) -> usize {
        self.n_seq
    }

    /// What was saved under this name.
    ///
    /// # Errors
    ///
    /// If nothing was: no forward pass of this layer saved here.
    pub fn tensor(&self, name: &str) -> Result<&Tensor> {
        let found = self.tensors.iter().find(|(own, _)| *own == name);
        found.map(|(_, tensor)| tensor).ok_or_else(|| nothing_saved(name))
    }

    /// What a part of the layer saved.
    ///
    /// # Errors
    ///
    /// If no forward pass of such a part saved here.
    pub fn part(&self, name: &str) -> Result<&Saved> {
        let found = self.parts.iter().find(|(own, part)| own == name && part.is_current);
        found.map(|(_, part)| part).ok_or_else(|| nothing_saved(name))
    }

    /// What block `i` of the model saved.
    ///
    /// # Errors
    ///
    /// If no forward pass of such a block saved here.
    pub fn in_block(&self, i: usize) -> Result<&Saved> {
        self.part(&name_of_block(i))
    }

    /// How many parts have saved something.
    pub fn n_parts(&self) -> usize {
        self.parts.iter().filter(|(_, part)| part.is_current).count()
    }

    /// Begins a pass over sequences of `n_seq` tokens: what is here becomes old.
    fn begin(&mut self, n_seq: usize) {
        self.n_seq = n_seq;
        self.is_current = true;
        self.old.append(&mut self.tensors);
        for (_, part) in &mut self.parts {
            part.begin(n_seq);
            part.is_current = false;
        }
    }

    /// The place for what a part saves.
    fn part_mut(&mut self, name: &str) -> &mut Saved {
        let i = self.parts.iter().position(|(own, _)| own == name).unwrap_or_else(|| {
            self.parts.push((name.to_string(), Saved { n_seq: self.n_seq, ..Saved::new() }));
            self.parts.len() - 1
        });
        let part = &mut self.parts[i].1;
        part.is_current = true;
        part
    }
}

/// What the names of a block begin with, as in a checkpoint.
fn name_of_block(i: usize) -> String {
    format!("h.{i}")
}

fn nothing_saved(name: &str) -> Error {
    let problem = format!("forward saved no {name}: run it with `Pass::saving` first, on the same layer");
    Error::argument("backward", problem)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    #[test]
    fn names_are_paths_and_only_wanted_tensors_are_kept() {
        let mut probe = Probe::only(&["h.1.x"]);
        let mut pass = Pass::new(1).watched_by(&mut probe);
        for i in 0..3 {
            let mut block = pass.in_block(i);
            block.see("x", &Tensor::full(&[1], i as f32));
            block.see("y", &Tensor::zeros(&[1]));
        }
        assert!(pass.in_block(1).wants("x") && !pass.wants("x"));
        assert_eq!(probe.seen(), [("h.1.x".to_string(), Tensor::full(&[1], 1.0))]);
    }

    #[test]
    fn a_part_that_failed_leaves_no_name_behind() {
        let fails = |pass: Pass| -> Result<()> {
            assert!(pass.is_saving());
            Err(Error::argument("test", "half way"))
        };
        let (mut probe, mut saved) = (Probe::everything(), Saved::new());
        let mut pass = Pass::saving(1, &mut saved).watched_by(&mut probe);
        fails(pass.part("attn").part("deeper")).unwrap_err();
        pass.see("x", &Tensor::zeros(&[1]));
        assert_eq!(probe.seen()[0].0, "x");
    }

    #[test]
    fn what_is_saved_is_found_under_its_part_and_name_and_the_last_one_counts() {
        let mut saved = Saved::new();
        let mut pass = Pass::saving(2, &mut saved);
        pass.part("mlp").save([("act", Tensor::zeros(&[1]))]);
        pass.part("mlp").save([("act", Tensor::full(&[1], 2.0)), ("fc", Tensor::zeros(&[2]))]);
        let mlp = saved.part("mlp").unwrap();
        assert_eq!(mlp.tensor("act").unwrap().data(), [2.0]);
        assert_eq!((mlp.n_seq(), saved.n_parts()), (2, 1));
        assert!(saved.tensor("act").unwrap_err().to_string().contains("forward saved no act"));
        assert!(saved.part("attn").is_err());
        // A new pass starts empty.
        let _ = Pass::saving(3, &mut saved);
        assert!(saved.part("mlp").is_err() && saved.n_seq() == 3 && saved.n_parts() == 0);
        Pass::saving(4, &mut saved).part("mlp").save([("fc", Tensor::zeros(&[4]))]);
        let mlp = saved.part("mlp").unwrap();
        assert_eq!((mlp.n_seq(), mlp.tensor("fc").unwrap().len(), saved.n_parts()), (4, 4, 1));
        assert!(mlp.tensor("act").is_err()); // of two passes ago
        assert_eq!(mlp.old.len(), 1); // `act`, which nothing has replaced
    }

    #[test]
    fn a_pass_without_a_place_to_save_drops_what_it_is_given_and_a_cached_one_knows_its_past() {
        let mut pass = Pass::new(1);
        pass.save([("x", Tensor::zeros(&[1]))]);
        assert!(!pass.is_saving() && pass.keys_and_values(1, 2).unwrap().is_none());
        let mut cache = KvCache::new(&Config::new(5, 9, 2, 1, 1), 1);
        cache.layer(0, 1, 2).unwrap().append(0, &[1.0, 1.0], &[2.0, 2.0]);
        cache.advance(1);
        assert_eq!(Pass::cached(1, &mut cache).n_past(), 1);
    }
}
