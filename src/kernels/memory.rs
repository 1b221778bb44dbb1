//! Memory, used again.
//!
//! A training step makes the same tensors as the step before, some of them tens of megabytes long. Memory of that size comes
//! straight from the operating system, which clears every page of it at the moment when it is first touched: that can take
//! longer than the work for which the memory was wanted. So the memory of a dropped tensor is kept, in a drawer for the whole
//! program, and handed to the next tensor of exactly that length.
//!
//! The price: the drawer holds up to 256 MB, and gives nothing back to the operating system before the program ends.
//!
//! A production program would plan the places of all tensors before it begins, or use an allocator made for large blocks.
//!
//! [Chapter 16](crate::book::ch16_making_it_fast) explains it.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

/// Shorter lists are not kept: for them the usual allocator is quick.
const SHORTEST: usize = 1 << 14;
/// No more numbers than this are kept, a quarter of a gigabyte; the oldest go first.
const MOST: usize = 1 << 26;

/// Lists that wait for their next use, the oldest first.
type Drawer<T> = Mutex<Vec<Vec<T>>>;

/// What has a drawer of its own: `f32`, and the words of packed numbers (see `dot/`).
pub trait Kept: Copy + Default + 'static {
    fn drawer() -> &'static Drawer<Self>;
}

impl Kept for f32 {
    fn drawer() -> &'static Drawer<f32> {
        static DRAWER: Drawer<f32> = Mutex::new(Vec::new());
        &DRAWER
    }
}

impl Kept for u32 {
    fn drawer() -> &'static Drawer<u32> {
        static DRAWER: Drawer<u32> = Mutex::new(Vec::new());
        &DRAWER
    }
}

/// A list of `n` numbers with unspecified contents, often those of an earlier list: overwrite every one.
pub fn take<T: Kept>(n: usize) -> Vec<T> {
    from_drawer(n).unwrap_or_else(|| vec![T::default(); n])
}

/// A list of `n` zeros.
pub fn zeros(n: usize) -> Vec<f32> {
    match from_drawer(n) {
        Some(mut list) => {
            list.fill(0.0);
            list
        }
        None => vec![0.0; n],
    }
}

/// A copy of a list.
pub fn copy(list: &[f32]) -> Vec<f32> {
    match from_drawer(list.len()) {
        Some(mut copy) => {
            copy.copy_from_slice(list);
            copy
        }
        None => list.to_vec(),
    }
}

/// Keeps the memory of a list that is no longer needed.
pub fn give_back<T: Kept>(list: Vec<T>) {
    if list.len() < SHORTEST || list.len() > MOST {
        return;
    }
    let mut dropped = Vec::new(); // freed after the lock is released
    let mut drawer = T::drawer().lock().unwrap_or_else(PoisonError::into_inner);
    drawer.push(list);
    let mut total: usize = drawer.iter().map(Vec::len).sum();
    while total > MOST {
        let oldest = drawer.remove(0);
        total -= oldest.len();
        dropped.push(oldest);
    }
    drop(drawer);
}

/// A list of exactly this length from the drawer, the one that was used last.
fn from_drawer<T: Kept>(n: usize) -> Option<Vec<T>> {
    if n < SHORTEST {
        return None;
    }
    let mut drawer = T::drawer().lock().unwrap_or_else(PoisonError::into_inner);
    let i = drawer.iter().rposition(|list| list.len() == n)?;
    Some(drawer.remove(i))
}

/// Whether there are `n_bytes` of memory for a single use, as far as the operating system tells: it promises them or refuses
/// them, and they are given back at once, untouched. What is too large by far is found this way, before the program ends in
/// the middle of an allocation, without a word about the remedy.
pub fn can_be_had(n_bytes: usize) -> bool {
    Vec::<u8>::new().try_reserve_exact(n_bytes).is_ok()
}

/// Room to work in: a list that goes back into the drawer when it is dropped.
pub struct Scratch<T: Kept = f32>(Vec<T>);

impl<T: Kept> Scratch<T> {
    /// `n` numbers with unspecified contents: overwrite every one that you read.
    pub fn new(n: usize) -> Scratch<T> {
        Scratch(take(n))
    }
}

impl Scratch {
    /// `n` zeros.
    pub fn zeros(n: usize) -> Scratch {
        Scratch(zeros(n))
    }
}

impl<T: Kept> Deref for Scratch<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: Kept> DerefMut for Scratch<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

impl<T: Kept> Drop for Scratch<T> {
    fn drop(&mut self) {
        give_back(std::mem::take(&mut self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_back_is_used_again_but_not_kept_without_end() {
        let n = SHORTEST + 7; // a length that no other test uses
        give_back(vec![5.0; n]);
        assert!(take(n).iter().all(|&x: &f32| x == 5.0));
        give_back(vec![5.0; n]);
        assert!(zeros(n).iter().all(|&x| x == 0.0));
        give_back(vec![5.0; n]);
        assert!(copy(&vec![2.0; n]).iter().all(|&x| x == 2.0));
        assert_eq!(take::<f32>(n), vec![0.0; n]); // the drawer has none left
        Scratch::new(n).fill(5.0); // goes back at once
        assert!(take(n).iter().all(|&x: &f32| x == 5.0));

        for i in 0..300 {
            give_back(vec![0.0; (1 << 20) + i]);
        }
        let drawer = f32::drawer().lock().unwrap();
        assert!(drawer.iter().map(Vec::len).sum::<usize>() <= MOST);
    }
}
