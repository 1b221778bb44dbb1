//! Watching a forward pass without changing it.
//!
//! A model computes thousands of numbers on the way to its answer, and throws them away. A [`Probe`] is handed each of
//! them by name as it is made, and keeps the ones you asked for. Tests use it to find the layer where a difference
//! begins; pictures are drawn from it. The model does not know who is watching, and a pass without a probe pays nothing
//! for it.
//!
//! A name is a path: `h.3.attn.weights` says where the attention of block 3 looked. [`crate::Gpt2::hidden`] lists them
//! all; a [`crate::Pass`] carries the probe from layer to layer.

use crate::tensor::Tensor;

/// Keeps chosen intermediate tensors of a forward pass.
///
/// # Example: where does each token of a prompt look?
///
/// ```
/// use gpt60::{Config, Gpt2, Pass, Probe, Rng};
///
/// let model = Gpt2::random(&Config::new(10, 8, 12, 3, 2), &mut Rng::new(1))?;
/// let mut probe = Probe::only(&["h.1.attn.weights"]);
/// model.hidden(&[5, 1, 7], Pass::new(3).watched_by(&mut probe))?;
/// let weights = probe.get("h.1.attn.weights").unwrap();
/// assert_eq!(weights.shape(), [3, 3, 3]); // [n_head, n_seq, n_seq]
/// # Ok::<(), gpt60::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Probe {
    wanted: Wanted,
    seen: Vec<(String, Tensor)>,
}

#[derive(Debug, Clone)]
enum Wanted {
    Everything,
    These(Vec<String>),
}

impl Probe {
    /// A probe that keeps everything.
    #[must_use]
    pub fn everything() -> Probe {
        Probe { wanted: Wanted::Everything, seen: Vec::new() }
    }

    /// A probe that keeps the tensors with these names.
    #[must_use]
    pub fn only(names: &[&str]) -> Probe {
        let names = names.iter().map(|name| name.to_string()).collect();
        Probe { wanted: Wanted::These(names), seen: Vec::new() }
    }

    /// What was kept, in the order it was computed.
    pub fn seen(&self) -> &[(String, Tensor)] {
        &self.seen
    }

    /// The tensor with this name, if it was kept; after several forward passes, the last one.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.seen.iter().rev().find(|(seen, _)| seen == name).map(|(_, tensor)| tensor)
    }

    /// Whether the tensor with this full name should be kept.
    pub(crate) fn wants(&self, name: &str) -> bool {
        match &self.wanted {
            Wanted::Everything => true,
            Wanted::These(names) => names.iter().any(|wanted| wanted == name),
        }
    }

    /// Receives an intermediate tensor under its full name, and copies it only if it is wanted.
    pub(crate) fn see(&mut self, name: &str, tensor: &Tensor) {
        if self.wants(name) {
            self.seen.push((name.to_string(), tensor.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_wanted_tensors_are_kept_and_the_last_one_of_a_name_counts() {
        let mut probe = Probe::only(&["x"]);
        for (name, value) in [("x", 1.0), ("y", 2.0), ("x", 3.0)] {
            probe.see(name, &Tensor::full(&[1], value));
        }
        assert_eq!(probe.seen().len(), 2);
        assert_eq!(probe.get("x").unwrap().data(), [3.0]);
        assert!(probe.get("y").is_none());
    }
}
