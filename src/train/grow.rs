//! A deeper model that computes the same: where a small model has learned, a larger one need not begin again.
//!
//! A block adds something to the residual stream ([`crate::layers::block`]). One whose last matrices, the two called
//! `c_proj`, are all zero adds zero: it can stand anywhere in a model and changes nothing. But it can learn: a step changes
//! its `c_proj`, because their gradient asks what they *could* have added; then the matrices before them have a gradient,
//! too.
//!
//! ```text
//! before     block 0          block 1          block 2
//! after      block 0  copy    block 1  copy    block 2  copy        with c_proj = 0 in each copy
//! ```
//!
//! What else is in a new block? Random numbers would do. A copy of the block before it does better: its queries, keys and
//! layer norms know already what the stream looks like there.
//!
//! Source: Chen, Goodfellow and Shlens, "Net2Net: Accelerating Learning via Knowledge Transfer" (2016), for models that grow
//! and compute the same; Gong et al., "Efficient Training of BERT by Progressively Stacking" (2019), for copied blocks.
//!
//! [Chapter 13](crate::book::ch13_training) leads to [its page](crate::book::train) in the book.

use crate::error::{Error, Result};
use crate::kernels::memory;
use crate::layers::block::Block;
use crate::layers::linear::Linear;
use crate::model::Gpt2;

/// The same model in `n_layer` blocks: the new ones are spread evenly, and add nothing.
///
/// # Errors
///
/// If the model has more blocks already, there is too little memory, its weights are [packed](crate::weight), or its blocks divide their scores by their
/// place ([`Config::scale_attn_by_inverse_layer_idx`](crate::Config)): another place would change them.
///
/// # Example: two blocks become five
///
/// ```
/// use gpt60::train::grow::deeper;
/// use gpt60::{Config, Gpt2, Rng};
///
/// let model = Gpt2::random(&Config::new(10, 8, 12, 3, 2), &mut Rng::new(1))?;
/// let logits = model.logits(&[5, 1, 7])?;
/// let larger = deeper(model, 5)?;
/// assert_eq!(larger.h.len(), 5);
/// assert_eq!(larger.logits(&[5, 1, 7])?, logits); // the same numbers, to the last bit
/// # Ok::<(), gpt60::Error>(())
/// ```
pub fn deeper(model: Gpt2, n_layer: usize) -> Result<Gpt2> {
    let n_old = model.h.len();
    let refused = |problem: String| Err::<Gpt2, Error>(Error::argument("deeper", problem));
    if n_layer < n_old {
        return refused(format!("the model has {n_old} blocks, and {n_layer} were asked for; it can only grow"));
    }
    if model.config.scale_attn_by_inverse_layer_idx {
        return refused(
            "the blocks of this model divide their scores by their place, so none can be put between".to_string(),
        );
    }
    let mut config = model.config;
    config.n_layer = n_layer;
    config.check()?;
    if !memory::can_be_had(config.n_parameters().saturating_mul(size_of::<f32>())) {
        return refused(format!("{n_layer} blocks need more memory than there is"));
    }
    let n_new = n_layer - n_old;
    let mut h = Vec::with_capacity(n_layer);
    for (i, block) in model.h.into_iter().enumerate() {
        // How many of the new ones stand before block i + 1, less how many stand before block i.
        let copies = (i + 1) * n_new / n_old - i * n_new / n_old;
        let copy = if copies > 0 { Some(that_adds_nothing(&block)?) } else { None };
        h.push(block);
        h.extend(copy.into_iter().cycle().take(copies));
    }
    Ok(Gpt2 { config, h, ..model })
}

/// A copy of a block, with zeros where a result is made that is added to the stream.
fn that_adds_nothing(block: &Block) -> Result<Block> {
    let zeros = |layer: &Linear| {
        let (n_in, n_out) = layer.weight.tensor()?.table("deeper")?;
        Ok::<Linear, Error>(Linear::zeros(n_in, n_out))
    };
    let mut copy = block.clone();
    copy.attn.c_proj = zeros(&block.attn.c_proj)?;
    copy.mlp.c_proj = zeros(&block.mlp.c_proj)?;
    Ok(copy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::rng::Rng;
    use crate::train::adamw::AdamW;
    use crate::train::batches::Batch;
    use crate::train::step::Workspace;
    use crate::weight::Precision;
    use proptest::prelude::*;

    fn model(n_layer: usize) -> Gpt2 {
        Gpt2::random(&Config::new(20, 8, 12, 3, n_layer), &mut Rng::new(4)).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 40, ..Default::default() })]
        #[test]
        fn a_deeper_model_computes_the_same_and_keeps_its_blocks_in_their_order(n_old in 1usize..5, n_new in 0usize..9) {
            let old = model(n_old);
            let new = deeper(old.clone(), n_old + n_new).unwrap();
            prop_assert_eq!((new.h.len(), new.config.n_layer), (n_old + n_new, n_old + n_new));
            prop_assert_eq!(new.logits(&[3, 19, 0, 3]).unwrap(), old.logits(&[3, 19, 0, 3]).unwrap());
            let zero = |block: &Block| {
                block.mlp.c_proj.weight.tensor().unwrap().data().iter().all(|&w| w == 0.0)
            };
            let kept: Vec<Block> = new.h.iter().filter(|block| !zero(block)).cloned().collect();
            prop_assert_eq!(&kept, &old.h);
            // Evenly spread: each old block is followed by as many as any other, or one more.
            let places: Vec<usize> = (0..new.h.len()).filter(|&i| !zero(&new.h[i])).chain([new.h.len()]).collect();
            let runs: Vec<usize> = places.windows(2).map(|pair| pair[1] - pair[0] - 1).collect();
            prop_assert!(runs.iter().max().unwrap() - runs.iter().min().unwrap() <= 1, "{:?}", runs);
        }
    }

    #[test]
    fn a_new_block_learns_first_what_to_add_and_then_from_what() {
        for muon in [false, true] {
            let mut model = deeper(model(1), 2).unwrap();
            let mut adamw = AdamW { muon, ..AdamW::new(&model, 0.9, 0.95, 0.0) };
            let mut workspace = Workspace::new(&model);
            let batch = Batch { inputs: vec![3, 19, 0, 3], targets: vec![19, 0, 3, 7] };
            let mut changed = Vec::new();
            for _ in 0..2 {
                let before = model.h[1].clone();
                workspace.make_step(&mut model, &mut adamw, std::slice::from_ref(&batch), 4, 0.01, 1.0).unwrap();
                let now = &model.h[1];
                changed.push((before.mlp.c_proj != now.mlp.c_proj, before.mlp.c_fc != now.mlp.c_fc));
            }
            assert_eq!(changed, [(true, false), (true, true)], "with Muon: {muon}");
        }
    }

    #[test]
    fn what_cannot_grow_is_an_error_that_says_why() {
        let says = |model: Gpt2, n_layer, words: &str| {
            let error = deeper(model, n_layer).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        };
        says(model(3), 2, "the model has 3 blocks, and 2 were asked for");
        let mut packed = model(1);
        packed.pack(Precision::Int8).unwrap();
        says(packed, 2, "packed");
        let by_place = Config { scale_attn_by_inverse_layer_idx: true, ..model(1).config };
        says(Gpt2::random(&by_place, &mut Rng::new(1)).unwrap(), 2, "by their place");
        says(model(1), usize::MAX, "n_layer");
        says(model(1), 4_000_000_000, "4000000000 blocks need more memory than there is"); // of 2,000 numbers each
    }
}
