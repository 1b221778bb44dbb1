//! The names under which programs keep GPT-2's weights.
//!
//! The names are this crate's own, because the crate took them from OpenAI's file: `wte.weight`, `h.0.attn.c_attn.weight`
//! and so on. Other programs put something in front of them, keep more than weights under names of the same kind, or have
//! names of their own: [`Family`].

/// The prefix that the `transformers` library puts before the names of the weights.
pub(in crate::checkpoint) const PREFIX: &str = "transformer.";

/// What programs put before the names of the weights, one or several: the `transformers` library, PyTorch's compiler, its
/// training on several machines, and programs that keep the model in a field of that name.
const PREFIXES: [&str; 4] = [PREFIX, "_orig_mod.", "module.", "model."];

/// Programs that call the weights by the same names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::checkpoint) enum Family {
    /// GPT-2's own names, with or without a prefix.
    Plain,
    /// llama.cpp, in its files of the form GGUF: `blk.0.attn_qkv.weight`.
    Gguf,
    /// OpenAI's first release, in TensorFlow: `model/h0/attn/c_attn/w`.
    TensorFlow,
}

/// The names of a weight: GPT-2's own, that of GGUF, that of TensorFlow.
type Names = [&'static str; 3];

/// The weights outside of the blocks. (OpenAI's release had no head of its own; the name is what it would be.)
const OUTSIDE: [Names; 5] = [
    ["wte.weight", "token_embd.weight", "wte"],
    ["wpe.weight", "position_embd.weight", "wpe"],
    ["ln_f.weight", "output_norm.weight", "ln_f/g"],
    ["ln_f.bias", "output_norm.bias", "ln_f/b"],
    ["lm_head.weight", "output.weight", "lm_head"],
];

/// The weights of a block, each without the block's own part of the name: `h.0.`, `blk.0.`, `h0/`.
const INSIDE: [Names; 12] = [
    ["ln_1.weight", "attn_norm.weight", "ln_1/g"],
    ["ln_1.bias", "attn_norm.bias", "ln_1/b"],
    ["attn.c_attn.weight", "attn_qkv.weight", "attn/c_attn/w"],
    ["attn.c_attn.bias", "attn_qkv.bias", "attn/c_attn/b"],
    ["attn.c_proj.weight", "attn_output.weight", "attn/c_proj/w"],
    ["attn.c_proj.bias", "attn_output.bias", "attn/c_proj/b"],
    ["ln_2.weight", "ffn_norm.weight", "ln_2/g"],
    ["ln_2.bias", "ffn_norm.bias", "ln_2/b"],
    ["mlp.c_fc.weight", "ffn_up.weight", "mlp/c_fc/w"],
    ["mlp.c_fc.bias", "ffn_up.bias", "mlp/c_fc/b"],
    ["mlp.c_proj.weight", "ffn_down.weight", "mlp/c_proj/w"],
    ["mlp.c_proj.bias", "ffn_down.bias", "mlp/c_proj/b"],
];

/// What stands before all names of OpenAI's release: the name of the graph's part that is the model.
const SCOPE: &str = "model/";

impl Family {
    /// The place of the family's name in [`Names`].
    fn column(self) -> usize {
        match self {
            Family::Plain => 0,
            Family::Gguf => 1,
            Family::TensorFlow => 2,
        }
    }

    /// GPT-2's own name of what a file of this family calls `name`. An unknown name in a block becomes one in that block.
    pub fn own_name(self, name: &str) -> String {
        let own = |names: &[Names], name: &str| {
            let row = names.iter().find(|row| row[self.column()] == name);
            row.map_or_else(|| name.to_string(), |row| row[0].to_string())
        };
        let (name, block) = match self {
            Family::Plain => return without_prefixes(name).to_string(),
            Family::Gguf => (name, name.strip_prefix("blk.").and_then(|rest| rest.split_once('.'))),
            Family::TensorFlow => {
                let name = name.strip_prefix(SCOPE).unwrap_or(name);
                (name, name.strip_prefix('h').and_then(|rest| rest.split_once('/')))
            }
        };
        match block {
            Some((block, rest)) if block.parse::<usize>().is_ok() => format!("h.{block}.{}", own(&INSIDE, rest)),
            _ => own(&OUTSIDE, name),
        }
    }

    /// What a file of this family calls the weight with GPT-2's own name `own`.
    pub fn name_in_file(self, own: &str) -> String {
        let theirs = |names: &[Names], own: &str| {
            names.iter().find(|row| row[0] == own).map_or_else(|| own.to_string(), |row| row[self.column()].to_string())
        };
        match (self, in_block(own)) {
            (Family::Plain, _) => own.to_string(),
            (Family::Gguf, Some((block, rest))) => format!("blk.{block}.{}", theirs(&INSIDE, rest)),
            (Family::TensorFlow, Some((block, rest))) => format!("{SCOPE}h{block}/{}", theirs(&INSIDE, rest)),
            (Family::Gguf, None) => theirs(&OUTSIDE, own),
            (Family::TensorFlow, None) => format!("{SCOPE}{}", theirs(&OUTSIDE, own)),
        }
    }
}

/// Whether this, by GPT-2's own name, is the weight of a linear layer in a block. Most programs keep them as `[out, in]`.
pub(in crate::checkpoint) fn is_linear(own: &str) -> bool {
    in_block(own).is_some_and(|(_, name)| name.ends_with(".weight") && !name.starts_with("ln_"))
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::parameters::Head;

    #[test]
    fn every_weight_has_a_name_in_every_family_that_leads_back_to_it() {
        for (name, shape) in Config::new(10, 4, 6, 2, 12).shapes(Head::Own) {
            for family in [Family::Plain, Family::Gguf, Family::TensorFlow] {
                let theirs = family.name_in_file(&name);
                assert_eq!(family.own_name(&theirs), name, "{theirs}");
                assert_eq!(theirs == name, family == Family::Plain, "{theirs}");
            }
            // Matrices in a block, and no other weights, belong to linear layers.
            assert_eq!(is_linear(&name), name.starts_with("h.") && shape.len() == 2, "{name}");
        }
    }

    #[test]
    fn names_are_those_of_the_programs() {
        for (own, gguf, tensorflow) in [
            ("wte.weight", "token_embd.weight", "model/wte"),
            ("h.11.attn.c_attn.weight", "blk.11.attn_qkv.weight", "model/h11/attn/c_attn/w"),
            ("h.0.ln_2.bias", "blk.0.ffn_norm.bias", "model/h0/ln_2/b"),
            ("ln_f.weight", "output_norm.weight", "model/ln_f/g"),
        ] {
            assert_eq!(Family::Gguf.name_in_file(own), gguf);
            assert_eq!(Family::TensorFlow.name_in_file(own), tensorflow);
        }
        assert_eq!(Family::Gguf.own_name("blk.3.attn_q.weight"), "h.3.attn_q.weight");
        assert_eq!(Family::Gguf.own_name("blk.x.attn_qkv.weight"), "blk.x.attn_qkv.weight");
        assert_eq!(Family::TensorFlow.own_name("model/h3/attn/c_attn/r"), "h.3.attn/c_attn/r");
        assert_eq!(Family::Plain.own_name("_orig_mod.transformer.wte.weight"), "wte.weight");
    }
}
