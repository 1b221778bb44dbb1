//! Cross-entropy of many rows: the fast twin of `train/loss.rs`, which says what is computed.
//!
//! A row of logits is as long as the vocabulary, and there is one for every token of a batch: in a small model this is more
//! work than all the layers. The threads share the rows, several tasks each.
//!
//! [Chapter 11](crate::book::ch11_loss) explains what is computed, [chapter 16](crate::book::ch16_making_it_fast) how.

use super::{math, memory, threads};

/// The loss of each row of `n_vocab` logits.
///
/// # Panics
///
/// If there is not one target for each row, or a target is not in the vocabulary.
pub fn cross_entropy(logits: &[f32], n_vocab: usize, targets: &[u32]) -> Vec<f32> {
    assert_eq!(logits.len(), n_vocab * targets.len(), "cross_entropy: a target for each row is needed");
    let mut losses = vec![0.0; targets.len()];
    threads::each_rows(&mut losses, 1, 8 * n_vocab, |first, losses| {
        let mut row = memory::Scratch::new(n_vocab);
        for (i, loss) in losses.iter_mut().enumerate() {
            row.copy_from_slice(&logits[(first + i) * n_vocab..][..n_vocab]);
            *loss = row_loss(&mut row, targets[first + i]).0;
        }
    });
    losses
}

/// The loss of each row; every logit becomes the slope of `share` times the row's loss.
///
/// # Panics
///
/// If there is not one target for each row, or a target is not in the vocabulary.
pub fn cross_entropy_gradient(logits: &mut [f32], n_vocab: usize, targets: &[u32], share: f32) -> Vec<f32> {
    assert_eq!(logits.len(), n_vocab * targets.len(), "cross_entropy_gradient: a target for each row is needed");
    let mut losses = vec![0.0; targets.len()];
    let rows_each = targets.len().div_ceil(threads::n_runs(targets.len() / 4, threads::count())).max(1);
    let mut tasks = Vec::new();
    let rows = logits.chunks_mut(rows_each * n_vocab).zip(losses.chunks_mut(rows_each));
    for ((rows, losses), targets) in rows.zip(targets.chunks(rows_each)) {
        tasks.push(Rows { rows, losses, targets });
    }
    threads::each(tasks, |Rows { rows, losses, targets }| {
        for ((row, loss), &target) in rows.chunks_mut(n_vocab).zip(losses).zip(targets) {
            let sum;
            (*loss, sum) = row_loss(row, target);
            let factor = share / sum;
            math::scale(row, factor); // e^(x_j - largest) -> softmax(x)_j * share
            row[target as usize] -= share;
        }
    });
    losses
}

/// Some rows of logits, their losses and their targets.
struct Rows<'a> {
    rows: &'a mut [f32],
    losses: &'a mut [f32],
    targets: &'a [u32],
}

/// The loss of one row; the row becomes `e^(x_j - largest)`, whose sum is returned too.
fn row_loss(row: &mut [f32], target: u32) -> (f32, f32) {
    let largest = math::max(row);
    let x = row[target as usize];
    let sum = math::exp_and_sum(row, largest);
    (sum.ln() + (largest - x), sum)
}
