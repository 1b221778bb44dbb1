//! The names under which programs keep GPT-2's weights.
//!
//! The names are this crate's own, because the crate took them from OpenAI's file: `wte.weight`, `h.0.attn.c_attn.weight`
//! and so on. Other programs put something in front of them, or keep more than weights under names of the same kind.

/// The prefix that the `transformers` library puts before the names of the weights.
pub(in crate::checkpoint) const PREFIX: &str = "transformer.";

/// What programs put before the names of the weights, one or several: the `transformers` library, PyTorch's compiler, its
/// training on several machines, and programs that keep the model in a field of that name.
const PREFIXES: [&str; 4] = [PREFIX, "_orig_mod.", "module.", "model."];

/// A weight's own name.
pub(in crate::checkpoint) fn without_prefixes(mut name: &str) -> &str {
    while let Some(rest) = PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix)) {
        name = rest;
    }
    name
}

/// The number of the block that a tensor belongs to, and its name there: 3 and `ln_1.bias` for `h.3.ln_1.bias`.
pub(in crate::checkpoint) fn in_block(name: &str) -> Option<(usize, &str)> {
    let (block, rest) = name.strip_prefix("h.")?.split_once('.')?;
    Some((block.parse().ok()?, rest))
}

/// The number of the block that a tensor belongs to.
pub(in crate::checkpoint) fn block_of(name: &str) -> Option<usize> {
    in_block(name).map(|(block, _)| block)
}

/// Whether this is `h.<number>.attn.bias` or `h.<number>.attn.masked_bias`: no weight, but the triangle of the causal mask,
/// which older programs saved with the weights.
pub(in crate::checkpoint) fn is_mask(name: &str) -> bool {
    in_block(name).is_some_and(|(_, rest)| rest == "attn.bias" || rest == "attn.masked_bias")
}
