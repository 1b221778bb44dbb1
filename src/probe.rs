//! Watching a forward pass without changing it.
//!
//! A model computes thousands of numbers on the way to its answer, and throws them away. A [`Probe`] is handed each of them
//! by name as it is made, and keeps those that it was asked for. Tests use it to find the layer where a difference begins;
//! pictures are drawn from it. The model does not know who is watching; a probe that is off costs nothing.
//!
//! The names are a path: `h.3.attn.weights` is what block 3's attention paid attention to. [`crate::Gpt2::hidden`] lists
//! them all.

use crate::Tensor;

/// Keeps chosen intermediate tensors of a forward pass.
///
/// # Example: where does each token of a prompt look?
///
/// ```
/// use gpt60::{Config, Gpt2, Probe, Rng};
///
/// let model = Gpt2::random(&Config::new(10, 8, 12, 3, 2), &mut Rng::new(1))?;
/// let mut probe = Probe::only(&["h.1.attn.weights"]);
/// model.hidden(&[5, 1, 7], 3, None, &mut probe, None)?;
/// let weights = probe.get("h.1.attn.weights").unwrap();
/// assert_eq!(weights.shape(), [3, 3, 3]); // [n_head, n_seq, n_seq]
/// # Ok::<(), gpt60::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Probe {
    wanted: Wanted,
    path: Vec<String>,
    seen: Vec<(String, Tensor)>,
}

#[derive(Debug, Clone, Default)]
enum Wanted {
    #[default]
    Nothing,
    Everything,
    These(Vec<String>),
}

impl Probe {
    /// A probe that keeps nothing.
    pub fn off() -> Probe {
        Probe::default()
    }

    /// A probe that keeps everything.
    pub fn everything() -> Probe {
        Probe { wanted: Wanted::Everything, ..Probe::default() }
    }

    /// A probe that keeps the tensors with these names.
    pub fn only(names: &[&str]) -> Probe {
        let names = names.iter().map(|name| name.to_string()).collect();
        Probe { wanted: Wanted::These(names), ..Probe::default() }
    }

    /// What was kept, in the order in which it was computed.
    pub fn seen(&self) -> &[(String, Tensor)] {
        &self.seen
    }

    /// The tensor with this name, if it was kept. (After several forward passes: the last one's.)
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.seen.iter().rev().find(|(seen, _)| seen == name).map(|(_, tensor)| tensor)
    }

    /// Says that the names that follow belong to `part`; a layer calls it before it calls its parts.
    pub fn enter(&mut self, part: impl FnOnce() -> String) {
        if !matches!(self.wanted, Wanted::Nothing) {
            self.path.push(part());
        }
    }

    /// Ends what [`Probe::enter`] began.
    pub fn leave(&mut self) {
        self.path.pop();
    }

    /// Whether the tensor with this name should be handed over: a layer asks this before it makes something that only a
    /// probe would want.
    pub fn wants(&self, name: &str) -> bool {
        match &self.wanted {
            Wanted::Nothing => false,
            Wanted::Everything => true,
            Wanted::These(names) => names.contains(&self.full_name(name)),
        }
    }

    /// Hands over an intermediate tensor; it is copied only if it is wanted.
    pub fn see(&mut self, name: &str, tensor: &Tensor) {
        if self.wants(name) {
            self.seen.push((self.full_name(name), tensor.clone()));
        }
    }

    fn full_name(&self, name: &str) -> String {
        let mut parts: Vec<&str> = self.path.iter().map(String::as_str).collect();
        parts.push(name);
        parts.join(".")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_paths_and_only_wanted_tensors_are_kept() {
        let mut probe = Probe::only(&["h.1.x"]);
        for i in 0..3 {
            probe.enter(|| format!("h.{i}"));
            probe.see("x", &Tensor::full(&[1], i as f32));
            probe.see("y", &Tensor::zeros(&[1]));
            probe.leave();
        }
        assert_eq!(probe.seen(), [("h.1.x".to_string(), Tensor::full(&[1], 1.0))]);
        assert!(probe.get("x").is_none());
    }

    #[test]
    fn a_probe_that_is_off_wants_nothing() {
        let mut probe = Probe::off();
        probe.enter(|| panic!("the name is not even made"));
        probe.see("x", &Tensor::zeros(&[1]));
        assert!(probe.seen().is_empty() && !probe.wants("x"));
    }
}
