//! Embeddings: token ids to vectors.
//!
//! A token id is only a name; 17 is not "more" than 16. So each token has a vector of its own, whose numbers are
//! learned: a row of the table `wte` (weights of the token embedding). Attention by itself is nearly blind to order, so
//! each position has a vector too: a row of `wpe` (weights of the position embedding). The two are added:
//!
//! ```text
//! x = wte[id] + wpe[position]
//! ```
//!
//! Source: the sixty lines' `x = wte[inputs] + wpe[range(len(inputs))]`; Radford et al. (2018), section 3.1.
//!
//! [Chapter 3](crate::book::ch03_embeddings) explains it;
//! [layer by layer](crate::book::layer_by_layer), its `backward`.

use crate::weight::Weight;
use crate::{Error, Result, Tensor};

/// The vectors of `ids`, with their positions: `[n_tok] -> [n_tok, n_embd]`.
///
/// Every `n_seq` ids are one sequence, and every sequence begins at position `n_past`.
///
/// # Errors
///
/// If an id is not in the vocabulary, a position is past the end of `wpe`, or the ids are not whole sequences.
///
/// # Example: look up two tokens
///
/// ```
/// use gpt60::{Tensor, layers::embedding};
///
/// let wte = Tensor::new(&[3, 2], vec![0.0, 0.0, 1.0, 1.0, 2.0, 2.0])?.into(); // 3 tokens, 2 numbers each
/// let wpe = Tensor::new(&[2, 2], vec![0.1, 0.2, 0.3, 0.4])?; // 2 positions
/// let x = embedding::forward(&wte, &wpe, &[2, 1], 2, 0)?;
/// assert_eq!(x.data(), [2.1, 2.2, 1.3, 1.4]);
/// # Ok::<(), gpt60::Error>(())
/// ```
pub fn forward(wte: &Weight, wpe: &Tensor, ids: &[u32], n_seq: usize, n_past: usize) -> Result<Tensor> {
    check(wte.shape(), wpe, ids, n_seq, n_past)?;
    let mut x = Tensor::zeros(&[ids.len(), wpe.n_cols()]);
    for (t, &id) in ids.iter().enumerate() {
        let position = n_past + t % n_seq;
        let row = x.row_mut(t);
        for ((x, token), place) in row.iter_mut().zip(wte.row(id as usize).iter()).zip(wpe.row(position)) {
            *x = token + place;
        }
    }
    Ok(x) // [n_tok, n_embd]
}

/// Adds to `d_wte`, `[n_vocab, n_embd]`, and `d_wpe`, `[n_ctx, n_embd]`, how the loss changes with each vector of `wte`
/// and `wpe`, given how it changes with `x`: `d_x` is `[n_tok, n_embd]`.
///
/// Forward was `x(t) = wte[id] + wpe[position]`: each row of `x` is a sum, so both terms get `d_x(t)`. A token that
/// occurs many times has one vector that acts in many places, so its gradients are added up.
///
/// # Errors
///
/// If an id or a position does not exist, or the shapes do not fit.
pub fn backward(ids: &[u32], n_seq: usize, d_x: &Tensor, d_wte: &mut Tensor, d_wpe: &mut Tensor) -> Result<()> {
    check(d_wte.shape(), d_wpe, ids, n_seq, 0)?;
    if d_x.shape() != [ids.len(), d_wte.n_cols()] {
        return Err(Error::shape(
            "embedding backward",
            &[d_x.shape(), d_wte.shape()],
            "a row for each token is needed",
        ));
    }
    for (t, &id) in ids.iter().enumerate() {
        let d = d_x.row(t);
        d_wte.row_mut(id as usize).iter_mut().zip(d).for_each(|(sum, d)| *sum += d);
        d_wpe.row_mut(t % n_seq).iter_mut().zip(d).for_each(|(sum, d)| *sum += d);
    }
    Ok(())
}

/// Checks that `wte`, of this shape, and `wpe` have a vector for each of the ids and for its position.
///
/// # Errors
///
/// As [`forward`].
pub(crate) fn check(wte: &[usize], wpe: &Tensor, ids: &[u32], n_seq: usize, n_past: usize) -> Result<()> {
    let (n_ctx, width) = wpe.table("embedding")?;
    let [n_vocab, n_embd] = *wte else {
        return Err(Error::shape("embedding", &[wte], "a row for each token is needed"));
    };
    if n_embd != width {
        return Err(Error::shape("embedding", &[wte, wpe.shape()], "both must have the same number of columns"));
    }
    if n_seq == 0 || !ids.len().is_multiple_of(n_seq) {
        let problem = format!("{} token ids are not whole sequences of {n_seq}", ids.len());
        return Err(Error::argument("embedding", problem));
    }
    let n_all = n_past.saturating_add(n_seq);
    if n_all > n_ctx {
        let problem = format!("{n_all} tokens are more than the context of {n_ctx} holds; shorten the text");
        return Err(Error::argument("embedding", problem));
    }
    if let Some(id) = ids.iter().find(|&&id| id as usize >= n_vocab) {
        let problem =
            format!("token id {id} is not in the vocabulary, whose ids are 0 to {}", n_vocab.saturating_sub(1));
        return Err(Error::argument("embedding", problem));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_exist_is_an_error_that_says_so() {
        let (wte, wpe) = (Tensor::zeros(&[5, 2]).into(), Tensor::zeros(&[3, 2]));
        let error = |ids: &[u32], n_seq, n_past| forward(&wte, &wpe, ids, n_seq, n_past).unwrap_err().to_string();
        assert!(error(&[5], 1, 0).contains("token id 5 is not in the vocabulary, whose ids are 0 to 4"));
        assert!(error(&[0, 0, 0, 0], 4, 0).contains("4 tokens are more than the context of 3 holds"));
        assert!(error(&[0, 0], 2, 2).contains("4 tokens are more than the context of 3 holds"));
        assert!(error(&[0, 0, 0], 2, 0).contains("not whole sequences"));
        assert!(error(&[], 0, 0).contains("not whole sequences"));
    }
}
